//! What one run gives.

use std::time::Duration;

/// What one run gives.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Figures {
    pub(crate) packets: u64,
    pub(crate) events: u64,
    pub(crate) bytes: u64,
    pub(crate) build: Duration,
    pub(crate) run: Duration,
    pub(crate) peak_kib: u64,
}

/// The most memory this process has had, KiB.
pub(crate) fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
