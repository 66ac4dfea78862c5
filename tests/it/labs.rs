//! Every lab that is shipped: its checks pass, its page is as it was, and so is its trace.

use netglass::lab::{Lab, Options, Page, Shipped, Until, run, shipped};
use netglass::observe::log::{Detail, Log, Query};
use netglass::observe::view::run::Figures;
use netglass::observe::view::style::Style;
use netglass::sim::{Bounds, End};
use netglass::stack;
use netglass::tcp::{self, TcpInfo};
use std::fs;
use std::path::PathBuf;

fn golden(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/labs").join(name);
    if std::env::var_os("UPDATE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{name}: UPDATE=1 rewrites it");
}

fn lab(shipped: &Shipped) -> Lab {
    shipped.lab(&[]).unwrap_or_else(|error| panic!("{error}"))
}

fn page(name: &str) -> Page<'_> {
    let style = Style { color: false, unicode: true };
    Page { all: false, answers: false, width: 100, style, name }
}

/// The transcript holds the trace hash: debug and release builds are held against the same one.
#[test]
fn every_lab_passes_its_checks_and_is_as_it_was() {
    for shipped in shipped() {
        let (lab, name) = (lab(shipped), shipped.number.to_string());
        let seen = run(&lab, &Options::default());
        let failed = seen.verdicts.iter().filter(|verdict| !verdict.passed());
        let failed: Vec<_> = failed.map(|verdict| format!("{verdict:#?}")).collect();
        assert!(seen.passed() && failed.is_empty(), "lab {name}: {}", failed.join("\n"));
        assert!(!seen.verdicts.is_empty(), "lab {name} checks nothing");
        let text = seen.page(&page(&name));
        assert!(text.lines().count() <= 25, "lab {name}: more than 25 lines\n{text}");
        golden(&format!("{:03}-{}.txt", shipped.number, shipped.name), &text);
        if lab.log == Detail::Brief {
            continue; // a long run: `traces` lives it blind
        }
        let blind = run(&lab, &Options { blind: true, ..Options::default() });
        assert_eq!(blind.hash, seen.hash, "lab {name}: whoever watches changes it");
        assert_eq!((blind.ended, blind.counts.events), (seen.ended, seen.counts.events));
    }
}

/// With other values than the lab's own the checks are told in short, and the page stays a page.
#[test]
fn what_is_tried_looks_like_no_failure() {
    for (name, path, value) in [
        ("41", "server.tcp.rto_min", "200ms"),
        ("4", "r1-client.delay", "5ms"),
        ("101", "ab.loss", "100%"),
    ] {
        let lab = Shipped::find(name).unwrap().lab(&[(path.to_owned(), value.to_owned())]).unwrap();
        let seen = run(&lab, &Options::default());
        let text = seen.page(&Page { width: 80, ..page(name) });
        assert!(
            !seen.passed() && text.contains("the checks are about the lab as it comes"),
            "{text}"
        );
        assert!(text.lines().count() <= 25, "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(!text.contains(" expected "), "{text}");
    }
}

#[test]
fn a_ping_sends_as_many_as_it_is_told() {
    for value in ["100%", "0%"] {
        let set = ("ab.loss".to_owned(), value.to_owned());
        let longer = ("duration".to_owned(), "30s".to_owned());
        let seen =
            run(&Shipped::find("101").unwrap().lab(&[set, longer]).unwrap(), &Options::default());
        let said = seen.reports[0].said.join("\n");
        assert!(said.contains("2 packets transmitted, "), "{said}");
    }
}

#[test]
fn every_lab_tells_and_asks() {
    for shipped in shipped() {
        let lab = lab(shipped);
        let name = shipped.name;
        assert!(!lab.title.is_empty() && !lab.promise.is_empty() && !lab.text.is_empty(), "{name}");
        assert_eq!(lab.questions.len(), 3, "{name}");
        let text = lab.page(&page(name));
        for question in &lab.questions {
            assert!(!text.contains(&question.answer), "{name} gives its answers away");
        }
        let answered = lab.page(&Page { answers: true, ..page(name) });
        for question in &lab.questions {
            let first = question.answer.split_whitespace().take(3).collect::<Vec<_>>().join(" ");
            assert!(answered.contains(&first), "{name}: {first}");
        }
        assert!(Shipped::find(name).is_some_and(|found| found.number == shipped.number));
    }
    let mut numbers: Vec<u8> = shipped().iter().map(|lab| lab.number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), shipped().len());
}

#[test]
fn a_run_can_be_lived_again_up_to_any_event() {
    let lab = lab(Shipped::find("lost-packet").unwrap());
    let whole = run(&lab, &Options::default());
    let log = whole.log.as_ref().unwrap();
    let again = &log.entries()[log.entries().len() / 2];
    let net = whole.until(Until::Event(again.id));
    let part = net.log().unwrap();
    assert!(part.entries().len() as u64 >= again.id.0);
    assert_eq!(part.entries(), &log.entries()[..part.entries().len()]);
    assert_eq!(net.now(), again.at);
    // The stacks are as they were: the server was in recovery at 120 ms.
    let at = netglass::base::Instant::from_millis(120);
    let net = whole.until(Until::Time(at));
    assert_eq!(net.now(), at);
    let server = net.node("server").unwrap();
    let its = part.entries().iter().filter(|entry| entry.place == server.place());
    let conn = its.filter_map(|entry| entry.conn).next().unwrap();
    let phase = net.handle(server).with(|stack, now| stack.conn(conn).unwrap().info(now).ca_state);
    assert_eq!(phase, 3, "Recovery");
}

#[test]
fn another_seed_is_another_run_where_there_is_luck() {
    let lossy = [("link.path.loss".to_owned(), "5%".to_owned())];
    let run_with = |seed: &str| {
        let mut sets = lossy.to_vec();
        sets.push(("seed".to_owned(), seed.to_owned()));
        run(&Shipped::find("slow-start").unwrap().lab(&sets).unwrap(), &Options::default()).hash
    };
    assert_eq!(run_with("1"), run_with("1"));
    assert_ne!(run_with("1"), run_with("2"));
}

#[test]
fn a_bound_stops_a_run_and_is_named() {
    let lab = lab(Shipped::find("slow-start").unwrap());
    let bounds = Bounds { events: 100, ..Bounds::default() };
    let seen = run(&lab, &Options { bounds, ..Options::default() });
    assert!(matches!(seen.end, End::Bound(_)));
    assert!(seen.ending().starts_with("stopped at "), "{}", seen.ending());
    assert!(!seen.passed(), "what has not happened is not so");
    let failure = seen.verdicts.iter().find_map(|verdict| verdict.failure.as_ref()).unwrap();
    assert!(!failure.expected.is_empty() && !failure.found.is_empty(), "{failure:?}");
}

#[test]
fn captures_end_where_the_run_does() {
    let lab = Shipped::find("storm").unwrap().lab(&[("events".into(), "100000".into())]).unwrap();
    let bounds = Bounds { log: 1 << 20, ..Bounds::default() };
    let options = Options { bounds, ..Options::default() };
    let seen = run(&lab, &options);
    assert_eq!(seen.end, End::Bound(netglass::sim::Bound::Log), "{}", seen.ending());
    assert!(seen.ending().contains("the log takes 1 MiB"), "{}", seen.ending());
    let passed: usize =
        netglass::lab::frames(&lab, &options).iter().map(|(.., all)| all.len()).sum();
    assert_eq!(passed as u64, seen.counts.frames + seen.counts.arrived);
}

#[test]
fn a_lab_says_how_much_may_happen_at_one_moment() {
    let text = |at_once: &str| {
        let link = "[node.a]\n[node.b]\n[link.ab]\nbetween = [\"a\", \"b\"]";
        format!("{at_once}\n{link}\n[[program]]\non = \"a\"\nrun = \"rr to b:9 count 500\"\n")
    };
    let ending = |at_once| {
        run(&Lab::parse("zero.toml", &text(at_once)).unwrap(), &Options::default()).ending()
    };
    let told = ending("at_once = 1000");
    assert!(told.starts_with("stopped at 0: 1000 arrivals and turns at this one moment"), "{told}");
    assert!(told.contains("most of them at ab, and no end: a link takes time"), "{told}");
    assert!(ending("").starts_with("ended at "), "the default leaves room");
}

/// A lab of two hosts, with these programs, and values set over it.
fn pair(programs: &[(&str, &str)], sets: &[(&str, &str)]) -> Lab {
    let link = "[node.a]\n[node.b]\n[link.ab]\nbetween = ['a', 'b']\nwith = 'delay 5ms'\n";
    let programs =
        programs.iter().map(|(on, run)| format!("[[program]]\non = '{on}'\nrun = '{run}'\n"));
    let text = format!("medium = 'ip'\n{link}{}", programs.collect::<String>());
    let sets = sets.iter().map(|(path, value)| ((*path).to_owned(), (*value).to_owned()));
    Lab::with("pair.toml", &text, &sets.collect::<Vec<_>>())
        .unwrap_or_else(|error| panic!("{error}"))
}

/// A brief log is of the same run; it has what is rare, and sums up what is not.
#[test]
fn a_brief_log_tells_what_is_rare() {
    let programs = [("a", "bulk to b:80 bytes 500000")];
    let lossy = ("link.ab.drop", "data#20 once");
    let [all, brief] = ["all", "brief"]
        .map(|log| run(&pair(&programs, &[lossy, ("log", log)]), &Options::default()));
    assert_eq!(all.hash, brief.hash);
    let [long, short] = [&all, &brief].map(|run| run.log.as_ref().unwrap());
    assert!(short.entries().len() * 10 < long.entries().len(), "{}", short.entries().len());
    for query in ["a: resends data", "ab: drops", "a: ca Recovery", "a: ca Open", "a: sends syn"] {
        let query: Query = query.parse().unwrap();
        let [long, short] = [long, short].map(|log| {
            let found = query.find(log);
            found.iter().map(|entry| (entry.at, entry.event.clone())).collect::<Vec<_>>()
        });
        assert!(!long.is_empty() && long == short, "{query}: {short:?}");
    }
    // What is left out is counted.
    assert_eq!(Figures::of(long), Figures::of(short));
    // What is left out of tcp_info is told later: in the end it says the same.
    let last = |log: &Log| {
        let mut info = TcpInfo::default();
        for record in log.records(log.place("a").unwrap()) {
            if let stack::Event::Tcp(tcp::Event::Info { changes }) = record.event {
                changes.into_iter().for_each(|change| assert!(info.apply(change)));
            }
        }
        (info.bytes_acked, info.snd_cwnd_bytes, info.total_retrans, info.delivered)
    };
    assert_eq!(last(long), last(short));
}

#[test]
fn a_program_can_be_set_by_its_number() {
    let programs = [("a", "ping b count 1"), ("a", "ping b count 2")];
    let lab = pair(&programs, &[("program.2.run", "ping b count 5")]);
    let runs: Vec<_> = lab.programs.iter().map(|program| program.run.as_str()).collect();
    assert_eq!(runs, ["ping b count 1", "ping b count 5"]);
    for (path, told) in [
        ("program.3.run", "there is no number \"3\": expected 1 to 2"),
        ("program.0.run", "there is no number \"0\": expected 1 to 2"),
        ("program.1", "\"1\" is followed by nothing: expected a key"),
    ] {
        let error = lab.again(&[(path.to_owned(), "ping b".to_owned())]).unwrap_err().to_string();
        assert!(error.ends_with(told), "{error}");
    }
}

/// `connect` counts what becomes of its connections; `serve` keeps to the limits it is given.
#[test]
fn connections_are_opened_and_counted() {
    let connect = ("a", "connect to b:7 count 5 every 1ms");
    let said = |serve: &str| {
        let seen = run(&pair(&[connect, ("b", serve)], &[]), &Options::default());
        seen.reports[0].said.join("\n")
    };
    let open = said("serve echo");
    assert!(open.starts_with("5 connections to 10.0.0.2:7 in ") && open.ends_with(", 0 failed"));
    let none = run(&pair(&[connect], &[("ab.drop", "syn-ack")]), &Options::default());
    assert!(none.reports[0].said[0].ends_with(", 5 failed"), "{:?}", none.reports[0].said);
    let served = run(&pair(&[connect], &[]), &Options::default()); // something is started at b
    assert!(served.reports[0].said[0].ends_with(", 0 failed"), "{:?}", served.reports[0].said);
    let wrong = "[node.a]\n[[program]]\non = 'a'\nrun = 'serve echo backlog=none'\n";
    let error = Lab::parse("x.toml", wrong).unwrap_err().to_string();
    assert!(error.contains("backlog cannot be \"none\""), "{error}");
}

/// What is written in pieces goes in pieces.
#[test]
fn a_request_in_pieces_is_several_writes() {
    let rr = ("a", "rr to b:80 count 1 request 30 response 10 piece 10");
    for (nagle, segments) in [("off", 3), ("on", 2)] {
        let seen = run(&pair(&[rr], &[("a.tcp.nagle", nagle)]), &Options::default());
        let query: Query = "a: sends data".parse().unwrap();
        assert_eq!(query.find(seen.log.as_ref().unwrap()).len(), segments, "nagle {nagle}");
    }
}
