//! The study tools on runs of whole networks.

mod stories;

use netglass::base::EventId;
use netglass::lab::{self, Shipped};
use netglass::observe::log::{Entry, Event, Log};
use netglass::observe::view::run::{self, Key, Page, blame, explain};
use netglass::observe::view::style::Style;
use netglass::stack;
use netglass::tcp::{self, Blocked, Plan, RtxRule};
use std::path::Path;
use std::time::Duration;

fn find(log: &Log, is_meant: impl Fn(&Entry) -> bool) -> &Entry {
    log.entries().iter().find(|entry| is_meant(entry)).expect("the story has one")
}

fn is_again(entry: &Entry, meant: RtxRule) -> bool {
    stories::sent(entry)
        .is_some_and(|(_, plan)| matches!(plan, Plan::Retransmit { rule, .. } if *rule == meant))
}

/// Compares with `tests/golden/run/<name>`; writes it when `UPDATE` is set.
#[track_caller]
fn golden(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/run").join(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(actual, expected, "{name}: UPDATE=1 rewrites it");
}

/// The connection of a host.
fn conn(log: &Log, host: &str) -> Key {
    let place = log.place(host).unwrap();
    let born = |entry: &&Entry| {
        let names = matches!(entry.event, Event::Host(stack::Event::Conn { .. }));
        entry.place == place && names
    };
    let entry = log.entries().iter().find(born).unwrap();
    (place, entry.conn.unwrap())
}

#[track_caller]
fn holds(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

#[track_caller]
fn fits(text: &str) {
    let lines = text.lines().count();
    assert!(lines <= 25, "{lines} lines:\n{text}");
    for line in text.lines().filter(|line| !line.starts_with("next: ")) {
        assert!(line.chars().count() <= 100, "{line}");
    }
}

#[test]
fn every_entry_of_every_story_is_explained_and_blamed_on_a_page() {
    let stories =
        [stories::clean(), stories::data_lost(), stories::tail_lost(), stories::syn_lost()];
    for log in stories {
        for entry in log.entries() {
            let text = explain(&log, entry.id, &Page::default()).expect("it is in the log");
            fits(&text);
            holds(&text, &["WHAT", "WHY", &format!("#{}", entry.id), "next: netglass blame"]);
            assert!(text.lines().nth(1).is_some_and(|line| line.len() > 15), "{text}");
            let text = blame(&log, entry.id, &Page::default()).expect("it is in the log");
            fits(&text);
            holds(&text, &["ROOTS"]);
        }
        assert_eq!(explain(&log, EventId(999_999), &Page::default()), None);
        assert_eq!(blame(&log, EventId(0), &Page::default()), None);
    }
}

#[test]
fn a_fast_retransmission_leads_to_the_fault() {
    let log = stories::data_lost();
    let again = find(&log, |entry| is_again(entry, RtxRule::FastRetransmit));
    let (gone, lost) = stories::drops(&log)[0];
    let text = explain(&log, again.id, &Page::default()).unwrap();
    holds(
        &text,
        &[
            &format!("RETRANSMISSION of #{}", lost.id),
            "server → client",
            "three duplicate ACKs",
            "RFC 5681 §3.2",
            "RTO: set by #",
            &format!("the loss of #{}: #{}", lost.id, gone.id),
            &format!("netglass whatif --keep {}", lost.id),
        ],
    );
    let text = blame(&log, again.id, &Page::default()).unwrap();
    holds(
        &text,
        &[
            &format!("#{} is sent again because #{} was lost", again.id, lost.id),
            &format!("line: dropped #{}", lost.id),
        ],
    );
    let text = explain(&log, lost.id, &Page::default()).unwrap();
    holds(&text, &[&format!("sent again as #{}", again.id)]);
}

#[test]
fn what_would_not_have_been_is_said_where_it_is_certain() {
    let log = stories::data_lost();
    let (gone, lost) = stories::drops(&log)[0];
    let again = find(&log, |entry| is_again(entry, RtxRule::FastRetransmit)).id;
    for id in [lost.id, gone.id, again] {
        let text = explain(&log, id, &Page { all: true, ..Page::default() }).unwrap();
        holds(&text, &[&format!("OTHERWISE   had #{} arrived", lost.id), "nothing else was lost"]);
    }
    // With a timeout, or a second loss, it is not.
    for log in [stories::tail_lost(), stories::two_lost(), stories::clean()] {
        for entry in log.entries() {
            let text = explain(&log, entry.id, &Page::default()).unwrap();
            assert!(!text.contains("OTHERWISE"), "{text}");
        }
    }
}

/// The lab in which a fast retransmission is lost: limited transmit before it, a timeout after it.
#[test]
fn what_duplicate_acks_did_and_did_not_do() {
    let lab = Shipped::find("lost-again").unwrap().lab(&[]).unwrap();
    let log = lab::run(&lab, &lab::Options::default()).log.unwrap();
    let told = |id| explain(&log, id, &Page::default()).unwrap();
    let limited = find(&log, |entry| {
        let Event::Host(stack::Event::Tcp(event)) = &entry.event else { return false };
        matches!(event, tcp::Event::Sent { plan: Plan::NewData { .. }, room, .. }
            if room.dupacks == 1)
    });
    holds(
        &told(limited.id),
        &[
            "cwnd 18980 bytes (13 segments) - in flight 17520 (1460 more have left the network)",
            "leaves 1460;",
            "fast retransmit: 1 of 3 duplicate ACKs",
        ],
    );
    let timeout = find(&log, |entry| is_again(entry, RtxRule::Rto));
    holds(&told(timeout.id), &["fast retransmit: it had begun before"]);
}

#[test]
fn a_timeout_leads_to_the_fault() {
    let log = stories::tail_lost();
    let again = find(&log, |entry| is_again(entry, RtxRule::Rto));
    let (_, lost) = stories::drops(&log)[0];
    let text = explain(&log, again.id, &Page::default()).unwrap();
    holds(
        &text,
        &[
            &format!("RETRANSMISSION of #{}", lost.id),
            "the retransmission timer expired",
            "of 3 duplicate ACKs",
        ],
    );
    let text = blame(&log, again.id, &Page::default()).unwrap();
    holds(&text, &["timer rto expired", "timer rto set", &format!("line: dropped #{}", lost.id)]);
}

#[test]
fn a_lost_syn_is_found() {
    let log = stories::syn_lost();
    let again = find(&log, |entry| {
        stories::sent(entry).is_some_and(|(_, plan)| matches!(plan, Plan::RetransmitSyn { .. }))
    });
    let text = blame(&log, again.id, &Page::default()).unwrap();
    holds(&text, &["connect(10.0.0.2:80)", "line: dropped #"]);
}

#[test]
fn the_stories_explained() {
    let log = stories::data_lost();
    let again = find(&log, |entry| is_again(entry, RtxRule::FastRetransmit)).id;
    let (_, lost) = stories::drops(&log)[0];
    golden("explain-fast-retransmit.txt", &explain(&log, again, &Page::default()).unwrap());
    golden("explain-lost.txt", &explain(&log, lost.id, &Page::default()).unwrap());
    golden("blame-fast-retransmit.txt", &blame(&log, again, &Page::default()).unwrap());
    let ascii =
        Page { all: true, style: Style { color: false, unicode: false }, ..Page::default() };
    let text = explain(&log, again, &ascii).unwrap();
    assert!(text.is_ascii(), "{text}");
    golden("explain-all-ascii.txt", &text);
    let log = stories::tail_lost();
    let again = find(&log, |entry| is_again(entry, RtxRule::Rto)).id;
    golden("explain-timeout.txt", &explain(&log, again, &Page::default()).unwrap());
    golden("blame-timeout.txt", &blame(&log, again, &Page::default()).unwrap());
}

#[test]
fn limits_add_up_to_a_life_and_name_the_limiter() {
    for (log, host, by) in [
        (stories::slow_start(), "server", Blocked::Cwnd),
        (stories::late_reader(), "server", Blocked::Rwnd),
        (stories::data_lost(), "client", Blocked::App),
    ] {
        let all = run::held_back(&log, None);
        assert_eq!(all.len(), 2);
        for limits in &all {
            let mut before = None;
            for held in &limits.held {
                assert!(held.from <= held.to && before.is_none_or(|end| end == held.from));
                before = Some(held.to);
            }
            let sum: Duration = limits.held.iter().map(|held| held.to.since(held.from)).sum();
            assert_eq!(sum, limits.life());
        }
        let key = conn(&log, host);
        let its = all.iter().find(|limits| limits.conn == key).unwrap();
        let most = its.held.iter().map(|h| h.by).filter(|by| *by != Blocked::Done);
        let most = most.max_by_key(|by| its.total(*by)).unwrap();
        assert_eq!(most, by, "{}", run::limits(&log, Some(key), &Page::default()));
    }
    let log = stories::late_reader();
    golden("limits.txt", &run::limits(&log, None, &Page::default()));
}

#[test]
fn the_life_of_bytes() {
    let log = stories::data_lost();
    let key = conn(&log, "server");
    let lives = run::lives(&log, key, 0..u32::MAX).unwrap();
    assert_eq!(lives.iter().map(|life| life.bytes.len()).sum::<usize>(), 20_000);
    let twice: Vec<_> = lives.iter().filter(|life| life.sent.len() == 2).collect();
    assert_eq!(twice.len(), 1);
    assert!(lives.iter().all(|life| life.acked.is_some() && life.read.is_some()));
    golden("bytes.txt", &run::bytes(&log, key, 0..u32::MAX, &Page::default()).unwrap());
}

#[test]
fn captures_at_hosts_and_on_the_wire() {
    let log = stories::data_lost();
    let all = Page { all: true, ..Page::default() };
    let lines = |place: &str| {
        let text = run::tcpdump(&log, log.place(place).unwrap(), false, &all);
        text.lines().filter(|line| line.contains(" IP ")).count()
    };
    // The wire and the server see the segment that is lost, the client does not.
    assert_eq!((lines("line"), lines("server") - lines("client")), (lines("server"), 1));
    golden("tcpdump.txt", &run::tcpdump(&log, log.place("line").unwrap(), true, &Page::default()));
}

#[test]
fn ladders_of_two_hosts_and_of_a_path() {
    let lines = |log: &Log, pick: &run::Pick, page: &Page| {
        let text = run::ladder(log, pick, 120, page);
        assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
        text
    };
    let (pick, page) = (run::Pick::default(), Page::default());
    let log = stories::data_lost();
    let text = lines(&log, &pick, &page);
    assert!(text.lines().count() <= 25, "{text}");
    golden("ladder.txt", &text);
    let all = Page { all: true, ..Page::default() };
    let text = lines(&log, &pick, &all);
    holds(&text, &["✗ #", "╱", "╲", "dropped by the scripted fault"]);
    golden("ladder-all.txt", &text);
    let log = stories::path();
    golden("ladder-path.txt", &lines(&log, &pick, &page));
    let ascii = Page { style: Style { color: false, unicode: false }, ..all };
    let pick = run::Pick { protocol: Some(run::Protocol::Icmp), ..run::Pick::default() };
    let text = lines(&log, &pick, &ascii);
    assert!(
        text.is_ascii() && text.contains("echo request") && !text.contains("who-has"),
        "{text}"
    );
    let pick = run::Pick { conn: Some((log.place("a").unwrap(), Default::default())), ..pick };
    assert_eq!(run::ladder(&log, &pick, 120, &page), "nothing of that is in this run\n");
}

/// Where a packet has arrived.
fn arrival(log: &Log, sent: EventId) -> EventId {
    let is_host = |e: &Entry| matches!(e.event, Event::Host(_));
    let from = log.get(sent).unwrap().place;
    find(log, |e| e.causes[0] == sent && e.place != from && is_host(e)).id
}

#[test]
fn sniffers_err_where_they_cannot_know() {
    let log = stories::data_lost();
    let [client, server] = ["client", "server"].map(|name| log.place(name).unwrap());
    let again = find(&log, |entry| is_again(entry, RtxRule::FastRetransmit)).id;
    let of = |place, id| run::verdicts(&log, place).into_iter().find(|v| v.entry == id);
    for (place, id) in [(server, again), (client, arrival(&log, again))] {
        let verdict = of(place, id).unwrap();
        assert_eq!((verdict.labels, verdict.right), (vec![run::Label::FastRetransmission], true));
    }
    // When the last duplicate ACK is a while ago, the receiver's side takes it for late.
    let log = stories::short_lost();
    let again = find(&log, |entry| is_again(entry, RtxRule::FastRetransmit)).id;
    let of = |place, id| run::verdicts(&log, place).into_iter().find(|v| v.entry == id);
    let verdict = of(server, again).unwrap();
    assert_eq!((verdict.labels, verdict.right), (vec![run::Label::FastRetransmission], true));
    let verdict = of(client, arrival(&log, again)).unwrap();
    assert_eq!((verdict.labels, verdict.right), (vec![run::Label::OutOfOrder], false));
    // A sniffer that never saw the first one takes the second for it.
    let late = stories::tail_lost();
    let again = find(&late, |entry| is_again(entry, RtxRule::Rto)).id;
    let at = arrival(&late, again);
    let verdict = run::verdicts(&late, client).into_iter().find(|v| v.entry == at).unwrap();
    assert_eq!((verdict.labels, verdict.right), (vec![], false));
    golden("observer-client.txt", &run::observer(&log, &[client], &Page::default()));
    golden("observer-server.txt", &run::observer(&log, &[server], &Page::default()));
    let log = stories::clean();
    for place in [client, server] {
        assert_eq!(run::verdicts(&log, place), [], "nothing is unusual in it");
    }
}

#[test]
fn two_runs_part_at_the_fault() {
    let [clean, lost] = [stories::clean(), stories::data_lost()];
    let (gone, _) = stories::drops(&lost)[0];
    assert_eq!(run::common(&clean, &lost) as u64, gone.id.0 - 1);
    assert_eq!(run::common(&lost, &lost), lost.entries().len());
    let named = |name, log| run::Named { name, log };
    let text = run::diff(named("clean", &clean), named("lost", &lost), &Page::default());
    fits(&text);
    holds(&text, &["dropped #", "sent again", "lost on wires", "STATE"]);
    golden("diff.txt", &text);
    let text = run::diff(named("one", &lost), named("two", &lost), &Page::default());
    holds(&text, &["one and two are the same"]);
}

#[test]
fn every_view_of_every_story_is_bounded_and_ascii_when_asked() {
    let style = Style { color: false, unicode: false };
    let page = Page { style, run: run::RunName::new("it"), ..Page::default() };
    let stories = [stories::clean(), stories::tail_lost(), stories::late_reader(), stories::path()];
    for log in &stories {
        let mut texts = vec![
            run::ladder(log, &run::Pick::default(), 100, &page),
            run::limits(log, None, &page),
            run::diff(
                run::Named { name: "this", log },
                run::Named { name: "clean", log: &stories[0] },
                &page,
            ),
        ];
        for n in 0..log.places().len() {
            let place = netglass::observe::log::PlaceId(n as u16);
            texts.push(run::tcpdump(log, place, true, &page));
            texts.push(run::observer(log, &[place], &page));
        }
        for text in texts {
            assert!(text.lines().count() <= 25 && text.is_ascii(), "{text}");
            assert!(text.contains("next: netglass") && text.contains("--run it"), "{text}");
        }
    }
}

/// What happened in a lab that comes with the program.
fn lab_log(name: &str, set: &[(&str, &str)]) -> Log {
    let set: Vec<_> = set.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    let lab = Shipped::find(name).expect("it comes with the program").lab(&set).expect("its keys");
    lab::run(&lab, &lab::Options::default()).log.expect("it is kept")
}

#[test]
fn captures_have_the_order_of_the_wire_and_what_routers_pass_on_in_full() {
    let all = Page { all: true, ..Page::default() };
    let log = lab_log("wire", &[]);
    let text = run::tcpdump(&log, log.place("a").unwrap(), false, &all);
    let [request, reply] = ["echo request", "Reply 10.0.0.2 is-at"].map(|word| text.find(word));
    assert!(reply < request && reply.is_some(), "it waits for the neighbour's answer:\n{text}");
    let log = lab_log("lost-packet", &[]);
    let text = run::tcpdump(&log, log.place("r1").unwrap(), false, &all);
    holds(&text, &["Flags [S.]", "seq 4381:5841, ack 79"]);
    assert!(!text.contains(": TCP, length"), "{text}");
    let log = lab_log("ethernet", &[]);
    for (n, _) in log.places().iter().enumerate() {
        let place = netglass::observe::log::PlaceId(n as u16);
        let text = run::tcpdump(&log, place, false, &all);
        assert!(!text.contains("ip-proto-") && !text.contains("Unknown"), "{text}");
    }
}

#[test]
fn a_storm_and_two_sniffers_fit_a_page() {
    let log = lab_log("storm", &[]);
    let text = run::ladder(&log, &run::Pick::default(), 100, &Page::default());
    fits(&text);
    holds(&text, &["a: 4992 copies of the same dropped, b: 4992 copies"]);
    // Long numbers and times widen their columns, and nothing else.
    for name in ["dumbbell", "syn-lost"] {
        let text = run::ladder(&lab_log(name, &[]), &run::Pick::default(), 80, &Page::default());
        let bars = text.lines().filter_map(|line| line.chars().position(|c| c == '│'));
        assert_eq!(bars.collect::<std::collections::BTreeSet<_>>().len(), 1, "{text}");
        assert!(text.lines().all(|line| line.starts_with("next") || line.chars().count() <= 80));
    }
    let log = lab_log("lost-packet", &[]);
    let [client, server] = ["client", "server"].map(|name| log.place(name).unwrap());
    let text = run::observer(&log, &[client, server], &Page::default());
    fits(&text);
    holds(&text, &["a sniffer at client", "a sniffer at server", "more: --all --host server"]);
    let text = run::observer(&log, &[log.place("r1").unwrap()], &Page::default());
    holds(&text, &["nothing but ordinary segments, if any, at r1"]);
}

#[test]
fn states_of_two_runs_are_compared_when_both_have_come_as_far() {
    let as_it_was = lab_log("lost-packet", &[]);
    // A shorter SYN-ACK is there 3 us earlier, which is no difference of states.
    for (set, states) in [
        (("server.tcp.sack", "off"), "at 40.076 ms, client: rtt 40.076 → 40.073 ms"),
        (("r1-client.delay", "11ms"), "at 42.076 ms, client: rtt 40.076 → 42.076 ms"),
        (("server.tcp.rto_min", "5ms"), "at 60.108 ms, server: "),
    ] {
        let log = lab_log("lost-packet", &[set]);
        let text = run::diff(
            run::Named { name: "as it was", log: &as_it_was },
            run::Named { name: "what if", log: &log },
            &Page { width: 80, ..Page::default() },
        );
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        let told = text.lines().find(|line| line.starts_with("STATE")).unwrap_or_default();
        assert!(told.contains(states), "{text}");
        assert!(!told.contains("SYN-SENT"), "{text}");
    }
}

#[test]
fn windows_in_recovery_probes_and_timers_are_explained() {
    use netglass::tcp::CaState;
    let page = Page::default();
    let log = lab_log("lost-packet", &[]);
    let ca = |entry: &Entry| match &entry.event {
        Event::Host(stack::Event::Tcp(tcp::Event::Ca { to, .. })) => Some(*to),
        _ => None,
    };
    let recovery = find(&log, |entry| ca(entry) == Some(CaState::Recovery));
    let text = explain(&log, recovery.id, &page).expect("an entry");
    holds(&text, &["cwnd 9490", "cwnd comes down to it", "is not in flight any"]);
    let log = lab_log("zero-window", &[]);
    let probe = |entry: &Entry| {
        stories::sent(entry).is_some_and(|(_, plan)| matches!(plan, Plan::WindowProbe { .. }))
    };
    holds(&explain(&log, find(&log, probe).id, &page).expect("an entry"), &["(probe 1)"]);
    let log = lab_log("tail-lost", &[]);
    let expired = find(&log, |entry| {
        let rto = tcp::Event::TimerExpired { timer: tcp::Timer::Rtx };
        matches!(&entry.event, Event::Host(stack::Event::Tcp(event)) if *event == rto)
    });
    let text = blame(&log, expired.id, &page).expect("an entry");
    holds(&text, &["came because #", "whatif --keep"]);
}

#[test]
fn each_family_has_its_rules() {
    use netglass::observe::log::{Kind, Place, PlaceId};
    for (ends, rfc) in
        [(["10.0.0.1:9", "10.0.0.2:53"], "RFC 1122"), (["[::1]:9", "[::1]:53"], "RFC 8200")]
    {
        let [src, dst] = ends.map(|end| end.parse().expect(end));
        let event = stack::Event::In(stack::PacketView::Udp { src, dst, len: 5 });
        let (id, at) = (EventId(1), netglass::base::Instant::ZERO);
        let record = stack::Record { id, at, conn: None, causes: [EventId::NONE; 2], event };
        let place = Place { name: "host".to_owned(), kind: Kind::Host, ends: None };
        let mut log = Log::new(vec![place]);
        log.host(PlaceId(0), &mut vec![record]);
        holds(&explain(&log, id, &Page::default()).expect("an entry"), &[rfc]);
    }
}

#[test]
fn what_no_neighbour_answers_for_is_not_sent() {
    let log = lab_log("wire", &[("ab.loss", "100%")]);
    let text = run::ladder(&log, &run::Pick::default(), 160, &Page::default());
    let requests = text.lines().filter(|line| line.contains("ICMP echo request"));
    let unsent = |line: &&str| line.contains("does not leave") || line.contains("not sent");
    assert_eq!((requests.clone().count(), requests.filter(unsent).count()), (4, 4), "{text}");
    let given_up = find(&log, |entry| {
        let Event::Host(stack::Event::Dropped { why, .. }) = &entry.event else { return false };
        *why == netglass::base::Why::NeighborFailed
    });
    let text = explain(&log, given_up.id, &Page::default()).expect("an entry");
    holds(&text, &["dropped: IP 10.0.0.1 > 10.0.0.2: ICMP echo request", "CAUSED BY"]);
}

#[test]
fn packets_in_queues_are_told_from_those_under_way() {
    let lab = Shipped::find("lost-packet").unwrap().lab(&[]).unwrap();
    let moment = lab::Until::Time(netglass::base::Instant::from_millis(70));
    let net = lab::run_until(&lab, &lab::Options::default(), Some(moment));
    let told: Vec<_> = net.queues().map(|queue| (queue.wire, queue.is_queue)).collect();
    let [link, wire] = ["r1-client", "r1-server"];
    assert_eq!(told, [(link, true), (link, true), (wire, false), (wire, false)]);
    let flying = net.queues().find(|queue| queue.wire == wire && queue.from == "server");
    assert_eq!(flying.map(|queue| queue.packets), Some(11));
}

/// Every write() that a chain comes to is the one that gave the segment its first
/// byte, and the whole of it is told, however often it branches.
#[test]
fn a_chain_of_many_steps_comes_to_the_right_writes() {
    let text = r#"
        [node.a]
        [node.b]
        [link.ab]
        between = ["a", "b"]
        with = "rate 10mbit delay 5ms loss 1%"
        [[program]]
        on = "a"
        run = "bulk to b:9 bytes 3000000"
    "#;
    let lab = lab::Lab::parse("long.toml", text).unwrap();
    let log = lab::run(&lab, &lab::Options::default()).log.unwrap();
    let key = conn(&log, "a");
    let its =
        || log.entries().iter().filter(|entry| (entry.place, entry.conn) == (key.0, Some(key.1)));
    let (syn, _) = its().find_map(stories::sent).unwrap();
    let mut given = 0;
    let ends: std::collections::BTreeMap<EventId, u64> = its()
        .filter_map(|entry| match entry.event {
            Event::Host(stack::Event::Call { call: stack::Call::Write { .. }, result: Ok(n) }) => {
                given += n;
                Some((entry.id, given))
            }
            _ => None,
        })
        .collect();
    let last = its().rfind(|e| stories::sent(e).is_some_and(|(seg, _)| seg.len > 0)).unwrap();
    let steps = run::chain(&log, last.id).unwrap();
    assert!(steps.len() > 100, "{} steps", steps.len());
    let mut seen = 0;
    for pair in steps.windows(2) {
        let (Some(newer), Some(end)) = (log.get(pair[0].id), ends.get(&pair[1].id)) else {
            continue;
        };
        let Some((seg, _)) = stories::sent(newer).filter(|(seg, _)| seg.len > 0) else { continue };
        let first = u64::from(seg.seq.0.wrapping_sub(syn.seq.0)) - 1;
        let before = ends.range(..pair[1].id).next_back().map_or(0, |(_, end)| *end);
        assert!((before..*end).contains(&first), "{first} is not in {before}..{end}");
        seen += 1;
    }
    assert!(seen > 0, "the application wrote what was sent");
    let mut ids: Vec<_> = steps.iter().map(|step| step.id).collect();
    ids.sort_unstable();
    assert!(ids.windows(2).all(|two| two[0] < two[1]), "each step once");
}

/// A change that comes to the same in figures is told so, and no table without rows is shown.
#[test]
fn what_comes_to_the_same_is_said() {
    let run = |ttl: &str| {
        let ttl = [("client.tcp.ttl".to_owned(), ttl.to_owned())];
        lab::run(&Shipped::find("41").unwrap().lab(&ttl).unwrap(), &lab::Options::default())
    };
    let [one, other] = ["64", "63"].map(|ttl| run(ttl).log.unwrap());
    let named = |name, log| run::Named { name, log };
    let text = run::diff(named("as it was", &one), named("what if", &other), &Page::default());
    holds(&text, &["both come to the same"]);
    assert!(!text.contains("packets sent"), "{text}");
    let page = Page { all: true, ..Page::default() };
    let all = run::diff(named("as it was", &one), named("what if", &other), &page);
    holds(&all, &["packets sent", "last packet, ms"]);
}

/// The log of a lab that is shipped.
fn log_of(lab: &str) -> Log {
    let lab = Shipped::find(lab).unwrap().lab(&[]).unwrap();
    lab::run(&lab, &lab::Options::default()).log.unwrap()
}

/// What is offered to look at the state is there: no TCP socket where there is no TCP.
#[test]
fn the_state_that_is_offered_exists() {
    let log = log_of("33");
    let all: Vec<_> = log.entries().iter().map(|entry| entry.id).collect();
    let told = all.iter().map(|id| explain(&log, *id, &Page::default()).unwrap());
    let (ss, others): (Vec<_>, Vec<_>) = told.partition(|text| text.contains("ss -ti"));
    assert!(ss.is_empty(), "{}", ss[0]);
    let nstat = others.iter().filter(|text| text.contains("nstat --at e")).count();
    assert!(nstat > 40, "{nstat} of {}", all.len());
    // Of a connection that is CLOSED nothing is left, but what the host has counted.
    let log = log_of("2");
    let closed = find(&log, |entry| {
        let record = entry.record();
        record.is_some_and(|record| match record.event {
            stack::Event::Tcp(tcp::Event::State { to, .. }) => to == tcp::State::Closed,
            _ => false,
        })
    });
    holds(&explain(&log, closed.id, &Page::default()).unwrap(), &["nstat --at e"]);
    let closing = find(&log, |entry| entry.conn.is_some());
    holds(&explain(&log, closing.id, &Page::default()).unwrap(), &["ss -ti --at e"]);
}
