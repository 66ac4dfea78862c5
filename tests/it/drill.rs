//! Scripts in the packetdrill language: all of `tests/wire` hold, to the microsecond, those below
//! `tests/wire/freebsd` with that profile and the others with Linux's; those of
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
    run_with(&script, &profile(path), options)
}

/// What lies in a directory `freebsd` is meant for that profile; the rest is for Linux's.
fn profile(path: &Path) -> Profile {
    if path.starts_with(root().join("tests/wire/freebsd")) {
        Profile::freebsd()
    } else {
        Profile::linux()
    }
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
