//! Through a bad link, and past a reader who has stopped.

use crate::Case;
use crate::curl::{download, upload};
use crate::support::{HOST, Need, Up, interrupt, netglass, run};
use std::io::{BufRead, BufReader};
use std::process::Stdio;

pub(crate) const CASES: &[Case] = &[
    ("hostile::two_megabytes_each_way", &[Need::Tun, Need::Program("curl")], both_ways),
    ("hostile::ping_with_retries", &[Need::Tun, Need::Program("ping")], ping),
    ("hostile::a_reader_who_stops", &[Need::Tun, Need::Program("ping")], a_reader_who_stops),
];

const BAD: &str = "delay 5ms loss 2% reorder 2% duplicate 1%";

fn both_ways() {
    let up = Up::start(&["--impair", BAD]);
    upload(2);
    download(2_000_000);
    up.stop();
}

fn ping() {
    let up = Up::start(&["--impair", BAD]);
    let answered = (0..5).any(|_| {
        let text = run("ping", &["-c", "20", "-i", "0.02", HOST]);
        !text.contains(" 100% packet loss")
    });
    assert!(answered, "some of a hundred echo requests are answered");
    up.stop();
}

/// Nobody reads the live lines any more: the network goes on, and Ctrl-C ends it.
fn a_reader_who_stops() {
    run("ip", &["link", "set", "lo", "up"]);
    let mut child = netglass().arg("up").stdout(Stdio::piped()).spawn().expect("netglass starts");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    assert!(lines.any(|line| line.is_ok_and(|line| line.starts_with("# try:"))));
    // More lines than a pipe holds.
    let text = run("ping", &["-q", "-i", "0.002", "-c", "1000", HOST]);
    assert!(text.contains(" 0% packet loss"), "{text}");
    assert!(interrupt(&mut child).success());
}
