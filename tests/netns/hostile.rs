//! Through a bad link.

use crate::Case;
use crate::curl::{download, upload};
use crate::support::{HOST, Need, Up, run};

pub(crate) const CASES: &[Case] = &[
    ("hostile::two_megabytes_each_way", &[Need::Tun, Need::Program("curl")], both_ways),
    ("hostile::ping_with_retries", &[Need::Tun, Need::Program("ping")], ping),
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
