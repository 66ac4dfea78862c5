//! Where a benchmark ran, and what stands for many measurements.

use std::process::{Command, Stdio};

/// The middle one, or between the middle two.
pub(crate) fn median(mut all: Vec<f64>) -> f64 {
    all.sort_unstable_by(f64::total_cmp);
    match all.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => all[n / 2],
        n => (all[n / 2 - 1] + all[n / 2]) / 2.0,
    }
}

/// Kernel and processors.
pub(crate) fn machine() -> String {
    let cpus = std::thread::available_parallelism().map_or(0, |n| n.get());
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("Linux {}, {cpus} CPUs: {}", kernel.trim(), model.map_or("unknown", |(_, name)| name))
}

/// What was measured.
pub(crate) fn commit() -> String {
    let git = Command::new("git")
        .args(["describe", "--always", "--dirty", "--exclude=*"])
        .stdin(Stdio::null())
        .output();
    match git {
        Ok(said) if said.status.success() => {
            String::from_utf8_lossy(&said.stdout).trim().to_owned()
        }
        _ => "unknown".to_owned(),
    }
}

/// Where, what and when.
#[allow(dead_code, reason = "each benchmark uses its part of it")]
pub(crate) fn stamp() -> String {
    let said = Command::new("date").args(["-u", "+%F"]).stdin(Stdio::null()).output();
    let day = said.map_or_else(|_| Vec::new(), |output| output.stdout);
    format!("{}; commit {}, {}", machine(), commit(), String::from_utf8_lossy(&day).trim())
}
