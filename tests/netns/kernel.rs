//! Each congestion control algorithm against the kernel's TCP, through a bad link, both ways.
//!
//! `scripts/soak` (`NETGLASS_SOAK=1`) has them carry a gigabyte each way, and fifty megabytes each
//! through every one of the harsh links.

use crate::Case;
use crate::curl::{download_within, upload_within};
use crate::support::{HOST, Need, Up};
use netglass::tcp::cc::Algorithm;

const NEEDS: &[Need] = &[Need::Tun, Need::Program("curl")];

pub(crate) const CASES: &[Case] = &[
    ("kernel::each_algorithm_carries_megabytes_each_way", NEEDS, mild),
    ("kernel::harsh_links_lose_nothing", NEEDS, harsh),
];

/// What a good access line does on a bad day.
const MILD: &str = "delay 1ms loss 0.05% reorder 0.1% duplicate 0.05%";

/// What no line should do, and all of them do at times. (A bad state that loses everything would
/// not end: it changes with the packets, and timeouts send one a minute.)
const HARSH: [&str; 4] = [
    "delay 20ms 10ms distribution normal loss 5% 25%",
    "delay 5ms reorder 25% 50% gap 3 duplicate 5%",
    "delay 10ms loss gemodel 1% 30% 70% 0.1% corrupt 1%",
    "rate 20mbit delay 40ms limit 30",
];

fn soaking() -> bool {
    std::env::var_os("NETGLASS_SOAK").is_some()
}

fn each_way(words: &str, megabytes: u64) {
    let seconds = if soaking() { 3600 } else { 55 };
    for algorithm in Algorithm::ALL {
        let knob = format!("congestion={}", algorithm.name());
        // Where one packet in two of a burst is lost, so are eight in a row now and then: the timer
        // is silent for longer than the service waits for a client that takes nothing.
        let patience = "http:write_time=1h";
        let up = Up::start(&["--impair", words, "--tcp", &knob, "--policy", patience]);
        let site = format!("http://{HOST}");
        download_within(&site, megabytes * 1_000_000, seconds);
        upload_within(&site, megabytes, seconds);
        up.stop();
    }
}

fn mild() {
    each_way(MILD, if soaking() { 1000 } else { 20 });
}

fn harsh() {
    let (links, megabytes) = if soaking() { (&HARSH[..], 50) } else { (&HARSH[..1], 1) };
    links.iter().for_each(|words| each_way(words, megabytes));
}
