//! One measurement: a network of its own, a server process, and the load.

use crate::account::{Shares, Watch};
use crate::lan::Carried;
use crate::load::{self, Load, Placement, Work, Yield};
use crate::serve::{self, Subject};
use crate::{Outcome, lan};
use clap::Args;
use netglass::sys::netns;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use serde_json::{Value, json};
use std::process::{Command, Stdio};
use std::time::Duration;

/// What goes before every measurement, so that windows are open and memory is there.
const WARM_UP: Duration = Duration::from_millis(200);
const WARM_UP_LOSSY: Duration = Duration::from_millis(300);
/// How many times as long a measurement over a lossy way takes.
const LOSSY_TIMES: f64 = 5.0;
/// A measurement is disturbed when others used more than this share of a processor,
pub(crate) const DISTURBED: f64 = 0.1;
/// and then it is made again, so often at most.
const ATTEMPTS: u32 = 3;

/// What is to be measured.
#[derive(Copy, Clone, PartialEq, Debug, Args)]
pub(crate) struct Cell {
    pub(crate) subject: Subject,
    pub(crate) load: Load,
    pub(crate) mtu: u16,
    pub(crate) seconds: f64,
    /// Which round of the run it belongs to: what is left to luck is the same for all in a round.
    pub(crate) round: u32,
}

impl Cell {
    /// As the command line of a child.
    pub(crate) fn words(&self) -> [String; 5] {
        let Cell { subject, load, mtu, seconds, round } = self;
        let words = [subject.to_string(), load.to_string(), mtu.to_string()];
        let [subject, load, mtu] = words;
        [subject, load, mtu, seconds.to_string(), round.to_string()]
    }

    /// What goes before the measurement.
    fn warm_up(&self) -> Duration {
        if self.load.lossy { WARM_UP_LOSSY } else { WARM_UP }
    }

    /// How long the measurement takes: over a lossy way it takes longer until the rate is steady.
    fn time(&self) -> Duration {
        Duration::from_secs_f64(self.seconds * if self.load.lossy { LOSSY_TIMES } else { 1.0 })
    }
}

/// What a measurement gave.
#[derive(Clone, Debug)]
pub(crate) struct Figures {
    pub(crate) yielded: Yield,
    pub(crate) shares: Shares,
    /// Packets that the load's interface dropped.
    pub(crate) drops: u64,
    /// Bytes per packet of the load's interface, in the direction of the data.
    pub(crate) length: f64,
    /// Segments that Linux sent again.
    pub(crate) retransmitted: u64,
    /// Linux's congestion control.
    pub(crate) congestion: String,
}

impl Figures {
    /// As the child prints them, and as they stand in `--json`.
    pub(crate) fn json(&self) -> Value {
        let micros = |d: Duration| d.as_nanos() as f64 / 1e3;
        let latency = self.yielded.latency.map(|l| l.map(|time| time.map(micros)));
        json!({
            "rate": self.yielded.rate, "latency_p50_p99_p999_us": latency,
            "client_cpu": self.shares.client, "server_cpu": self.shares.server,
            "others_cpu": self.shares.others, "drops": self.drops, "packet_bytes": self.length,
            "retransmitted": self.retransmitted, "congestion": self.congestion,
        })
    }

    fn parse(text: &str) -> Option<Figures> {
        let value: Value = serde_json::from_str(text).ok()?;
        let float = |name: &str| value[name].as_f64();
        let latency = value["latency_p50_p99_p999_us"].as_array().map(|all| {
            let at = |n: usize| all.get(n)?.as_f64().map(|us| Duration::from_secs_f64(us / 1e6));
            [at(0), at(1), at(2)]
        });
        Some(Figures {
            yielded: Yield { rate: float("rate")?, latency },
            shares: Shares {
                client: float("client_cpu")?,
                server: float("server_cpu")?,
                others: float("others_cpu")?,
            },
            drops: value["drops"].as_u64()?,
            length: float("packet_bytes")?,
            retransmitted: value["retransmitted"].as_u64()?,
            congestion: value["congestion"].as_str()?.to_owned(),
        })
    }
}

/// Has a child measure; if `patient`, the least disturbed of a few attempts.
pub(crate) fn measure(cell: Cell, patient: bool) -> Outcome<Figures> {
    let mut best = attempt(cell)?;
    for _ in 1..if patient { ATTEMPTS } else { 1 } {
        if best.shares.others <= DISTURBED {
            break;
        }
        let again = attempt(cell)?;
        if again.shares.others < best.shares.others {
            best = again;
        }
    }
    Ok(best)
}

fn attempt(cell: Cell) -> Outcome<Figures> {
    let mut child = Command::new(std::env::current_exe()?);
    child.arg("cell").args(cell.words());
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
pub(crate) fn run(cell: Cell) -> Outcome<()> {
    let cpus = usable_cpus()?;
    let (near, far) = match cell.load.placement {
        Placement::One => (&cpus[..1], &cpus[..1]),
        Placement::Apart => (&cpus[..1], &cpus[cpus.len() - 1..]),
        Placement::Free => (&cpus[..], &cpus[..]),
    };
    lan::many_ports()?;
    pin(far)?;
    let server = serve::Process::start(cell)?;
    pin(near)?;
    // `wrk` counts in whole seconds, and takes its first exchanges as they come.
    if !matches!(cell.load.work, Work::Keep | Work::Close) {
        load::run(cell.load, cell.warm_up())?;
    }
    let congestion = load::in_use(&load::open(lan::service(cell.load.services()[0]))?);
    let (carried, retransmitted) = (Carried::now()?, lan::retransmitted()?);
    let watched = if near == far { near } else { &cpus };
    let watch = Watch::start(server.id(), watched)?;
    let yielded = load::run(cell.load, cell.time())?;
    let shares = watch.stop()?;
    let now = Carried::now()?;
    let figures = Figures {
        yielded,
        shares,
        drops: now.drops_since(&carried),
        length: now.length_since(&carried),
        retransmitted: lan::retransmitted()? - retransmitted,
        congestion,
    };
    println!("{}", figures.json());
    Ok(())
}

/// Two processors, or what there is.
fn usable_cpus() -> Outcome<Vec<usize>> {
    let allowed = sched_getaffinity(Pid::from_raw(0))?;
    let usable = (0..CpuSet::count()).filter(|&cpu| allowed.is_set(cpu).unwrap_or(false));
    Ok(usable.take(2).collect())
}

/// Keeps this thread, and the children and threads that it starts, on these processors.
fn pin(cpus: &[usize]) -> Outcome<()> {
    let mut chosen = CpuSet::new();
    cpus.iter().try_for_each(|&cpu| chosen.set(cpu))?;
    Ok(sched_setaffinity(Pid::from_raw(0), &chosen)?)
}
