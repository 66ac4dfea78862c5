//! One measurement: a network of its own, a server process, and the load.

use crate::account::{Shares, Watch};
use crate::load::{self, Load};
use crate::serve::{self, Subject};
use crate::{Outcome, lan};
use netglass::sys::netns;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use serde_json::{Value, json};
use std::process::{Command, Stdio};
use std::time::Duration;

/// What goes before every measurement, so that windows are open and memory is there.
const WARM_UP: Duration = Duration::from_millis(200);
/// A measurement is disturbed when others used more than this share of a processor,
const DISTURBED: f64 = 0.1;
/// and then it is made again, so often at most.
const ATTEMPTS: u32 = 3;

/// What a measurement gave.
#[derive(Clone, Debug)]
pub(crate) struct Figures {
    pub(crate) result: load::Result,
    pub(crate) shares: Shares,
    /// Packets that the load's interface dropped.
    pub(crate) drops: u64,
    /// Segments that Linux sent again.
    pub(crate) retransmitted: u64,
    /// Linux's congestion control.
    pub(crate) congestion: String,
}

impl Figures {
    /// As the child prints them, and as they stand in `--json`.
    pub(crate) fn json(&self) -> Value {
        let micros = |d: Duration| d.as_nanos() as f64 / 1e3;
        let latency = self.result.latency.map(|l| l.map(micros));
        json!({
            "rate": self.result.rate, "latency_p50_p99_us": latency,
            "client_cpu": self.shares.client, "server_cpu": self.shares.server,
            "others_cpu": self.shares.others, "drops": self.drops,
            "retransmitted": self.retransmitted, "congestion": self.congestion,
        })
    }

    fn parse(text: &str) -> Option<Figures> {
        let value: Value = serde_json::from_str(text).ok()?;
        let float = |name: &str| value[name].as_f64();
        let latency = value["latency_p50_p99_us"].as_array().and_then(|both| {
            let at = |n: usize| Some(Duration::from_nanos((both.get(n)?.as_f64()? * 1e3) as u64));
            Some([at(0)?, at(1)?])
        });
        Some(Figures {
            result: load::Result { rate: float("rate")?, latency },
            shares: Shares {
                client: float("client_cpu")?,
                server: float("server_cpu")?,
                others: float("others_cpu")?,
            },
            drops: value["drops"].as_u64()?,
            retransmitted: value["retransmitted"].as_u64()?,
            congestion: value["congestion"].as_str()?.to_owned(),
        })
    }
}

/// Has a child measure; the least disturbed of a few attempts.
pub(crate) fn measure(subject: Subject, load: Load, seconds: f64, mtu: u16) -> Outcome<Figures> {
    let mut best = attempt(subject, load, seconds, mtu)?;
    for _ in 1..ATTEMPTS {
        if best.shares.others <= DISTURBED {
            break;
        }
        let again = attempt(subject, load, seconds, mtu)?;
        if again.shares.others < best.shares.others {
            best = again;
        }
    }
    Ok(best)
}

fn attempt(subject: Subject, load: Load, seconds: f64, mtu: u16) -> Outcome<Figures> {
    let mut child = Command::new(std::env::current_exe()?);
    child.args(["cell", &subject.to_string(), &load.to_string()]);
    child.args([seconds.to_string(), mtu.to_string()]);
    let output = netns::private_child(&mut child)
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("a network namespace cannot be made: {e}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    if let Some(figures) = Figures::parse(&text) {
        return Ok(figures);
    }
    // The first to complain knows best.
    let said = String::from_utf8_lossy(&output.stderr);
    let line = said.lines().next().unwrap_or("the measurement ended without a word");
    Err(line.trim_start_matches("bench: ").to_owned().into())
}

/// The child's part: it is in its own network already.
pub(crate) fn run(subject: Subject, load: Load, seconds: f64, mtu: u16) -> Outcome<()> {
    let cpus = pin(load)?;
    lan::many_ports()?;
    let server = serve::Process::start(subject, load.service(), mtu)?;
    let to = lan::service();
    load::run(load, to, WARM_UP)?;
    let congestion = load::in_use(&load::open(to)?);
    let (drops, retransmitted) = (lan::drops()?, lan::retransmitted()?);
    let watch = Watch::start(server.id(), &cpus)?;
    let result = load::run(load, to, Duration::from_secs_f64(seconds))?;
    let shares = watch.stop()?;
    let figures = Figures {
        result,
        shares,
        drops: lan::drops()? - drops,
        retransmitted: lan::retransmitted()? - retransmitted,
        congestion,
    };
    println!("{}", figures.json());
    Ok(())
}

/// Keeps this process and its children on the processors that the load is to have, and says which:
/// exchanges take turns, so one is enough, and two would measure how long the other takes to wake.
fn pin(load: Load) -> Outcome<Vec<usize>> {
    let own = Pid::from_raw(0);
    let allowed = sched_getaffinity(own)?;
    let usable = (0..CpuSet::count()).filter(|&cpu| allowed.is_set(cpu).unwrap_or(false));
    let cpus: Vec<usize> = usable.take(if load.is_bulk() { 2 } else { 1 }).collect();
    let mut chosen = CpuSet::new();
    for &cpu in &cpus {
        chosen.set(cpu)?;
    }
    sched_setaffinity(own, &chosen)?;
    Ok(cpus)
}
