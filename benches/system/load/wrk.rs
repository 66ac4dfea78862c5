//! Requests over HTTP, by `wrk`: 64 connections from two threads.

use super::Yield;
use crate::Outcome;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Whether there is no such program.
pub(crate) fn is_missing() -> bool {
    let mut version = Command::new("wrk");
    version.arg("-v").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    version.status().is_err()
}

/// Asks for the same page again and again, for whole seconds (it knows no shorter time).
pub(super) fn run(to: SocketAddr, keep: bool, time: Duration) -> Outcome<Yield> {
    let mut wrk = Command::new("wrk");
    wrk.args(["-c64", "-t2", "--latency", "-d", &format!("{}s", time.as_secs().max(1))]);
    if !keep {
        wrk.args(["-H", "Connection: close"]);
    }
    let output = wrk.arg(format!("http://{to}/")).stdin(Stdio::null()).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    match parse(&text) {
        Some(yielded) if output.status.success() => Ok(yielded),
        _ => Err(format!("wrk: {text}{}", String::from_utf8_lossy(&output.stderr)).into()),
    }
}

/// What it has printed; `None` when that is not good.
fn parse(text: &str) -> Option<Yield> {
    let after = |word: &str| text.lines().find_map(|line| line.trim().strip_prefix(word));
    if after("Socket errors:").is_some() || after("Non-2xx").is_some() {
        return None;
    }
    let rate = after("Requests/sec:")?.trim().parse().ok()?;
    let latency = [after("50%"), after("99%")].map(|said| said.and_then(|said| time(said.trim())));
    Some(Yield { rate, latency: Some([latency[0], latency[1], None]) })
}

/// A time such as `1.25ms`.
fn time(text: &str) -> Option<Duration> {
    let units = [("us", 1e-6), ("ms", 1e-3), ("s", 1.0)];
    let (number, unit) = units
        .iter()
        .find_map(|(name, unit)| Some((text.strip_suffix(name)?.parse::<f64>().ok()?, unit)))?;
    Some(Duration::from_secs_f64(number * unit))
}
