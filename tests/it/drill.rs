//! Scripts in the packetdrill language: all of `tests/wire` hold, to the microsecond, with the
//! profile that they name or else Linux's; those of
//! `tests/wrong` do not, for the reason that is kept in `tests/golden/wrong`.

use crate::support::tree::{files, name, root};
use netglass::drill::{Kind, Options, Profile, Verdict, parse, run, run_with};
use std::fs;
use std::path::{Path, PathBuf};

/// The scripts below a directory, by name.
fn scripts(dir: &str) -> Vec<PathBuf> {
    files(&root().join(dir), "pkt")
}

fn verdict(path: &Path, options: &Options) -> Verdict {
    let (name, text) = (name(path), fs::read_to_string(path).unwrap());
    let script = parse(&name, &text, &[]).unwrap_or_else(|error| panic!("{error}"));
    let profile = script.profile.as_deref().map_or(Ok(Profile::linux()), Profile::find);
    run_with(&script, &profile.unwrap(), options)
}

fn exact() -> Options {
    Options { exact: true, ..Options::default() }
}

#[test]
fn every_script_of_the_suite_holds_to_the_microsecond() {
    let begun = std::time::Instant::now();
    let all = scripts("tests/wire");
    let failures: Vec<String> = all
        .iter()
        .filter_map(|path| verdict(path, &exact()).failure.map(|failure| failure.of(&name(path))))
        .collect();
    println!("{} scripts in {} ms", all.len(), begun.elapsed().as_millis());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(all.len() >= 50, "only {} scripts are there", all.len());
}

#[test]
fn a_script_that_is_wrong_is_told_what_happened_and_why() {
    for path in scripts("tests/wrong") {
        let failure = verdict(&path, &exact()).failure;
        let failure = failure.unwrap_or_else(|| panic!("{} holds", name(&path)));
        let text = failure.of(&name(&path));
        let kept = root().join("tests/golden/wrong").join(path.file_name().unwrap());
        let kept = kept.with_extension("txt");
        if std::env::var_os("UPDATE").is_some() {
            fs::create_dir_all(kept.parent().unwrap()).unwrap();
            fs::write(&kept, &text).unwrap();
        }
        let expected = fs::read_to_string(&kept).unwrap_or_default();
        assert_eq!(text, expected, "{}: UPDATE=1 rewrites it", name(&path));
    }
}

/// The verdicts of the original interpreter on the kernel's TCP (`tests/verdicts/verdicts.txt`) are
/// ours, on scripts that hold and on such that are wrong on purpose.
#[test]
fn verdicts_agree_with_the_originals() {
    let list = fs::read_to_string(root().join("tests/verdicts/verdicts.txt")).unwrap();
    let lines = list.lines().filter(|line| !line.starts_with('#'));
    let verdicts: Vec<_> = lines.filter_map(|line| line.split_once(' ')).collect();
    assert!(verdicts.len() >= 60, "{} verdicts", verdicts.len());
    let mut wrong = Vec::new();
    for (script, original) in &verdicts {
        let path = root().join(format!("tests/verdicts/{script}.pkt"));
        let ours = verdict(&path, &Options::default());
        match (&ours.failure, *original) {
            (None, "holds") | (Some(_), "fails") => {}
            (None, _) => wrong.push(format!("{script} holds here, but {original}")),
            (Some(failure), _) => wrong.push(failure.of(&name(&path))),
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), verdicts.len(), wrong.join("\n"));
    assert_eq!(verdicts.len(), scripts("tests/verdicts").len(), "each script has its verdict");
}

fn of(text: &str, options: &Options) -> Verdict {
    run_with(&parse("script", text, &[]).unwrap(), &Profile::linux(), options)
}

#[test]
fn a_script_has_its_own_tolerance_unless_it_is_to_be_exact() {
    let text = "--tolerance_usecs=20000\n\
                0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n\
                +0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0\n\
                +0 connect(3, ..., ...) = -1 EINPROGRESS\n\
                +0.015 > S 0:0(0) <...>";
    assert!(run(&parse("script", text, &[]).unwrap(), &Profile::linux()).passed());
    let failure = of(text, &exact()).failure.unwrap();
    assert_eq!((failure.kind, failure.line), (Kind::Time, 5));
}

#[test]
fn whoever_is_lenient_is_told_what_was_skipped() {
    let text = "`modprobe x`\n\
                0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n\
                +0 setsockopt(3, SOL_TCP, TCP_REPAIR, [1], 4) = 0";
    let lenient = Options { lenient: true, ..Options::default() };
    let skipped = of(text, &lenient).skipped;
    assert_eq!(skipped.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [1, 3]);
    assert!(of(text, &lenient).passed());
    assert_eq!(of(text, &Options::default()).failure.unwrap().kind, Kind::Unknown);
}

#[test]
fn the_same_script_runs_the_same_way_twice() {
    let path = root().join("tests/wire/retransmission/rack.pkt");
    let (one, two) = (verdict(&path, &exact()), verdict(&path, &exact()));
    assert_eq!((one.trace, one.packets), (two.trace, two.packets));
}

/// What the command says of a script, and its exit code.
fn command(args: &[&str]) -> (String, Option<i32>) {
    let out = std::process::Command::new(env!("CARGO_BIN_EXE_netglass"))
        .arg("drill")
        .args(args)
        .current_dir(root())
        .output()
        .unwrap();
    let said = [out.stdout, out.stderr].concat();
    (String::from_utf8(said).unwrap(), out.status.code())
}

#[test]
fn a_script_names_the_profile_that_it_is_for() {
    let (said, code) = command(&["tests/wire"]);
    assert_eq!(code, Some(0), "{said}");
    let (said, code) = command(&["--profile=linux", "tests/wire/freebsd/rto_first.pkt"]);
    assert!(said.contains("rto_first.pkt: is written for freebsd\n"), "{said}");
    assert!(said.contains("linux: 1 scripts met that one, as --profile says"), "{said}");
    assert_eq!(code, Some(1));
    let (said, _) = command(&["--profile=freebsd", "tests/wire/freebsd/rto_first.pkt"]);
    assert!(said.starts_with("tests/wire/freebsd/rto_first.pkt: holds\n1 hold"), "{said}");
}

/// A script by itself, in a directory of its own.
fn written(name: &str, bytes: &[u8]) -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("script.pkt"), bytes).unwrap();
    dir
}

#[test]
fn bytes_that_are_no_text_are_no_obstacle_in_a_comment_and_a_mistake_elsewhere() {
    let dir = written("bytes", b"// \xff\n0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n");
    fs::write(dir.join("wrong.pkt"), b"0 socket(..., \xff, IPPROTO_TCP) = 3\n").unwrap();
    let (said, code) = command(&[dir.to_str().unwrap()]);
    assert!(said.contains("script.pkt: holds\n"), "{said}");
    assert!(said.contains("wrong.pkt:1:15: "), "{said}");
    assert!(said.contains("1 hold, 1 do not"), "{said}");
    assert_eq!(code, Some(1));
}

#[test]
fn what_the_command_line_says_wrong_is_told_before_anything_runs() {
    let wrong = |args: &[&str], what: &str| {
        let (said, code) = command(&[args, &["tests/wire/data"]].concat());
        assert!(said.contains(what) && !said.contains("hold"), "{said}");
        assert_eq!(code, Some(2));
    };
    wrong(&["--set", "foo=1"], "--set: --foo is unknown");
    wrong(&["--set", "tolerance_usec=1"], "did you mean `tolerance_usecs`?");
    wrong(&["--set", "mtu=big"], "--mtu=big: the value is not understood");
    wrong(&["-D", "a b=1"], "\"a b\" is no word: NAME=VALUE or NAME is meant");
    wrong(&["--profile", "linus"], "did you mean linux?");
}

/// What a script with these lines behind a socket is told.
fn failure(lines: &str) -> String {
    let text = format!("0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n{lines}");
    of(&text, &exact()).failure.map(|failure| failure.what).unwrap_or_default()
}

/// Scripts with these lines fail, saying so.
fn each_fails(table: &[(&str, &str)]) {
    for (lines, what) in table {
        let told = failure(lines);
        assert!(told.contains(what), "{lines}: {told}");
    }
}

#[test]
fn what_is_not_known_is_named_and_what_is_near() {
    each_fails(&[
        ("+0 `ls -l`", "the command `ls -l` is not known: none is run, and only those that turn"),
        ("+0 `sleep 1000000000`", "`sleep 1000000000` is more than 10^6 seconds"),
        ("+0 `sleep soon`", "`sleep soon`: a number of seconds is meant"),
        ("+0 close(3) = 0 //? state CLOSE", "no state has the name CLOSE"),
        ("+0 close(3) = 0 //? state CLOSD", "did you mean `CLOSED`?"),
        ("+0 close(3) = 0 //? why FastRetransmitt", "did you mean `FastRetransmit`?"),
        ("+0 close(3) = 0 //? cwmd 3", "no note has the name cwmd; did you mean `cwnd`?"),
    ]);
}

#[test]
fn what_packetdrill_refuses_is_refused() {
    each_fails(&[
        ("+0 write(3, ..., 10, 0) = 10", "write has 3 arguments, not 4"),
        ("+0 accept(3) = 4", "accept has 3 arguments, not 1"),
        ("+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3", "descriptor 3 is open already"),
        ("+0 `exit 1`", "the command `exit 1` fails"),
        (
            "+0 epoll_create(1) = 4\n+0 epoll_wait(4, {events=EPOLLIN, fd=3}, 1, 0) = 0",
            "epoll_wait: events: expected POLLIN, got none",
        ),
        (
            "+0 sendmsg(3, {msg_name(...)=..., msg_iov(1)=[{..., 1}], msg_flags=MSG_EOR}, 0) = 1",
            "sendmsg: msg_flags are looked at by nobody",
        ),
        ("+0...1.5 connect(3, ..., ...) = 0", "connect has not returned a second after the end"),
        ("+0 `sysctl -q net.ipv4.tcp_mtu_probing=2`", "paths are not searched from the start"),
    ]);
}

#[test]
fn pieces_are_told_in_the_script_s_own_numbers() {
    let text = fs::read_to_string(root().join("tests/wire/sockopt/left_to_read.pkt")).unwrap();
    let opened: String = text.lines().take(8).map(|line| format!("{line}\n")).collect();
    let told =
        of(&format!("{opened}+0 write(4, ..., 900) = 900\n+0 > P. 1:3001(3000) ack 1"), &exact());
    let told = told.failure.unwrap().what;
    assert_eq!(told, "the segments do not join: sequence number: expected 901, got 1");
}

/// A server that has accepted a connection and writes.
const SERVES: &str = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n\
    +0 bind(3, ..., ...) = 0\n\
    +0 listen(3, 1) = 0\n\
    +0 < S 0:0(0) win 32792 <mss 1000>\n\
    +0 > S. 0:0(0) ack 1 <mss 1460>\n\
    +.01 < . 1:1(0) ack 1 win 32792\n\
    +0 accept(3, ..., ...) = 4\n";

#[test]
fn what_left_and_no_event_asked_for_is_in_the_trace_and_no_failure() {
    let text = format!(
        "{SERVES}+0 write(4, ..., 1000) = 1000\n+0 > P. 1:1001(1000) ack 1\n+1 close(4) = 0"
    );
    let verdict = of(&text, &exact());
    assert!(verdict.passed());
    assert_eq!(verdict.unasked, 3);
    let left: Vec<_> = verdict.trace.iter().filter(|line| line.contains("(no event")).collect();
    let starts = [
        "0.220000      > P. 1:1001(1000) ack 1 win 64240 (no event asked for it)  ; retransmission",
        "0.640000      > P. 1:1001(1000) ack 1 win 64240 (no event asked for it)  ; retransmission",
        "1.010000      > F. 1001:1001(0) ack 1 win 64240 (no event asked for it)  ; the application",
    ];
    assert_eq!(left.len(), starts.len(), "{left:#?}");
    for (line, start) in left.into_iter().zip(starts) {
        assert!(line.starts_with(start), "{line}");
    }
    let dir = written("asked", text.as_bytes());
    let (said, code) = command(&[dir.to_str().unwrap()]);
    assert!(said.contains("script.pkt: holds; 3 packets left that no event asked for\n"), "{said}");
    assert_eq!(code, Some(0));
}

#[test]
fn each_segment_of_the_trace_has_its_reason() {
    let text = format!("{SERVES}+0 write(4, ..., 5000) = 5000\n+0 > P. 1:5001(5000) ack 1");
    let trace = of(&text, &exact()).trace;
    let line = trace.iter().find(|line| line.contains("> P. 1:5001")).unwrap();
    assert!(
        line.contains("  ; the first of 3 parts: the application wrote it, and cwnd"),
        "{line}"
    );
    assert!(line.contains("2000 bytes") && line.contains("; the last: "), "{line}");
}

#[test]
fn a_retransmission_among_segments_that_would_be_one_is_shown() {
    let text = format!("{SERVES}+0 write(4, ..., 10000) = 10000\n+0 > P. 1:10001(10000) ack 1");
    let failure = run(&parse("script", &text, &[]).unwrap(), &Profile::named("rfc").unwrap());
    let failure = failure.failure.unwrap();
    assert_eq!(failure.what, "the segments do not join: sequence number: expected 3001, got 1");
    let actual = "> . 1:3001(3000) ack 1 win 65535, then > . 1:1001(1000) ack 1 win 65535";
    assert_eq!(failure.actual.unwrap(), actual);
    assert!(failure.why.unwrap().contains("; then: retransmission: the retransmission timer"));
}

#[test]
fn why_a_segment_has_the_push_bit_is_told_when_that_differs() {
    let why = |lines: &str| {
        let failure = of(&format!("{SERVES}{lines}"), &exact()).failure.unwrap();
        assert!(failure.what.starts_with("flags: "), "{}", failure.what);
        failure.why.unwrap()
    };
    let last = why("+0 write(4, ..., 1000) = 1000\n+0 > . 1:1001(1000) ack 1");
    assert!(last.ends_with("; PSH: the last byte that was written is in it"), "{last}");
    let inner = why("+0 write(4, ..., 30000) = 30000\n+0 > . 1:2001(2000) ack 1");
    assert!(inner.ends_with("; PSH: every super-segment has it (push_bursts)"), "{inner}");
}

#[test]
fn every_reason_has_a_name_that_notes_know() {
    for name in netglass::drill::reasons() {
        let told = failure(&format!("+0 close(3) = 0 //? why {name}"));
        assert_eq!(told, format!("why: expected {name}, got nothing"));
    }
}

/// A listener with many that wait, and what lines say about them.
const READY: &str = "0 socket(..., SOCK_DGRAM, IPPROTO_UDP) = 3\n\
    +0 socket(..., SOCK_DGRAM, IPPROTO_UDP) = 4\n\
    +0 socket(..., SOCK_DGRAM, IPPROTO_UDP) = 5\n\
    +0 epoll_create(1) = 6\n";

fn watched(events: &str) -> String {
    let add =
        |fd| format!("+0 epoll_ctl(6, EPOLL_CTL_ADD, {fd}, {{events={events}, fd={fd}}}) = 0\n");
    [3, 4, 5].map(add).concat()
}

fn told(events: &str, fd: i32) -> String {
    format!("+0 epoll_wait(6, {{events={events}, fd={fd}}}, 1, 0) = 1\n")
}

#[test]
fn events_for_which_there_was_no_room_come_at_the_next_call() {
    let none = "+0 epoll_wait(6, ..., 1, 0) = 0\n";
    let level = [3, 4, 5, 3, 4].map(|fd| told("EPOLLOUT", fd)).concat();
    let once = [3, 4, 5].map(|fd| told("EPOLLOUT", fd)).concat();
    let again = "+0 epoll_ctl(6, EPOLL_CTL_MOD, 4, {events=EPOLLOUT|EPOLLONESHOT, fd=4}) = 0\n";
    for text in [
        format!("{READY}{}{level}", watched("EPOLLOUT")),
        format!("{READY}{}{once}{none}", watched("EPOLLOUT|EPOLLET")),
        format!(
            "{READY}{}{once}{none}{again}{}{none}",
            watched("EPOLLOUT|EPOLLONESHOT"),
            told("EPOLLOUT", 4)
        ),
        format!(
            "{READY}{}+0 close(4) = 0\n{}",
            watched("EPOLLOUT|EPOLLET"),
            told("EPOLLOUT", 3) + &told("EPOLLOUT", 5) + none
        ),
    ] {
        let failure = of(&text, &exact()).failure;
        assert!(failure.is_none(), "{}\n{text}", failure.unwrap().of("script"));
    }
}
