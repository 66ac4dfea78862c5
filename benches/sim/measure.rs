//! What one run gives. Every run has a process of its own, which prints its figures in one line of
//! `name=value`; so does ns-3's. The parent reads them.

use crate::Outcome;
use serde_json::{Value, json};
use std::process::{Command, Stdio};
use std::time::Instant;

/// What a run gives.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct Figures {
    /// IP packets that have arrived at the end of a wire.
    pub(crate) packets: u64,
    /// What the simulator calls events.
    pub(crate) events: u64,
    /// Bytes that readers have got.
    pub(crate) bytes: u64,
    /// The trace hash; ns-3 has none.
    pub(crate) hash: u64,
    /// Nanoseconds of wall time that building the network took, and the run.
    pub(crate) build_ns: u64,
    pub(crate) run_ns: u64,
    /// Nanoseconds of processor time that the run took.
    pub(crate) cpu_ns: u64,
    /// The most memory the process had, KiB.
    pub(crate) peak_kib: u64,
    /// What the network took of it before it ran, KiB.
    pub(crate) built_kib: u64,
}

impl Figures {
    const NAMES: [&str; 9] = [
        "packets",
        "events",
        "bytes",
        "hash",
        "build_ns",
        "run_ns",
        "cpu_ns",
        "peak_kib",
        "built_kib",
    ];

    fn field(&mut self, name: &str) -> Option<&mut u64> {
        Some(match name {
            "packets" => &mut self.packets,
            "events" => &mut self.events,
            "bytes" => &mut self.bytes,
            "hash" => &mut self.hash,
            "build_ns" => &mut self.build_ns,
            "run_ns" => &mut self.run_ns,
            "cpu_ns" => &mut self.cpu_ns,
            "peak_kib" => &mut self.peak_kib,
            "built_kib" => &mut self.built_kib,
            _ => return None,
        })
    }

    /// The line a child prints.
    pub(crate) fn line(mut self) -> String {
        let mut value = |name: &str| self.field(name).map_or(0, |value| *value);
        Figures::NAMES.map(|name| format!("{name}={}", value(name))).join(" ")
    }

    fn read(line: &str) -> Option<Figures> {
        let mut figures = Figures::default();
        for word in line.split_whitespace() {
            let (name, value) = word.split_once('=')?;
            *figures.field(name)? = value.parse().ok()?;
        }
        (figures.run_ns > 0).then_some(figures)
    }

    /// Runs a program that prints its figures.
    pub(crate) fn of(program: &mut Command) -> Outcome<Figures> {
        let said = program.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
        let line = String::from_utf8_lossy(&said.stdout);
        match Figures::read(&line) {
            Some(figures) if said.status.success() => Ok(figures),
            _ => Err(format!("{program:?} ended with {} and said {line:?}", said.status).into()),
        }
    }

    /// Packets per second of wall time.
    pub(crate) fn per_second(&self) -> f64 {
        self.packets as f64 / self.run_ns as f64 * 1e9
    }

    /// Packets per second of processor time.
    pub(crate) fn per_cpu_second(&self) -> f64 {
        self.packets as f64 / self.cpu_ns as f64 * 1e9
    }

    pub(crate) fn json(mut self) -> Value {
        let pairs = Figures::NAMES.map(|name| {
            let value = self.field(name).map_or(0, |value| *value);
            (name.to_owned(), json!(value))
        });
        Value::Object(pairs.into_iter().collect())
    }
}

/// Times the two parts of a run: building, and running.
pub(crate) struct Meter {
    begun: Instant,
    cpu: u64,
    kib: u64,
}

impl Meter {
    pub(crate) fn begin() -> Meter {
        Meter { begun: Instant::now(), cpu: cpu_ns(), kib: status_kib("VmRSS:") }
    }

    /// The network is built.
    pub(crate) fn built(&mut self, figures: &mut Figures) {
        figures.build_ns = self.begun.elapsed().as_nanos() as u64;
        figures.built_kib = status_kib("VmRSS:").saturating_sub(self.kib);
        (self.begun, self.cpu) = (Instant::now(), cpu_ns());
    }

    /// It has run.
    pub(crate) fn ran(&self, figures: &mut Figures) {
        figures.run_ns = self.begun.elapsed().as_nanos() as u64;
        figures.cpu_ns = cpu_ns() - self.cpu;
        figures.peak_kib = status_kib("VmHWM:");
    }
}

/// Processor time of this thread, nanoseconds.
fn cpu_ns() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    stat.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0)
}

fn status_kib(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
