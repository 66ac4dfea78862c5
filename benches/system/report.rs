//! What came out: a table for people, JSON for programs.

use crate::cell::Figures;
use crate::load::Load;
use crate::machine::{commit, machine, median};
use crate::serve::Subject;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt;

/// One measurement.
pub(crate) struct Sample {
    pub(crate) round: u32,
    pub(crate) subject: Subject,
    pub(crate) load: Load,
    pub(crate) figures: Figures,
}

/// All measurements of a run, and where it ran.
pub(crate) struct Report {
    seconds: f64,
    rounds: u32,
    mtu: u16,
    machine: String,
    commit: String,
    cells: BTreeMap<(Load, Subject), Vec<Sample>>,
}

impl Report {
    pub(crate) fn new(seconds: f64, rounds: u32, mtu: u16) -> Report {
        let (machine, commit) = (machine(), commit());
        Report { seconds, rounds, mtu, machine, commit, cells: BTreeMap::new() }
    }

    pub(crate) fn add(&mut self, sample: Sample) {
        self.cells.entry((sample.load, sample.subject)).or_default().push(sample);
    }

    /// What is measured where.
    pub(crate) fn heading(&self) -> String {
        let Report { seconds, rounds, mtu, machine, commit, .. } = self;
        format!("{machine}\ncommit {commit}, MTU {mtu}, {rounds} rounds of {seconds} s")
    }

    /// The median of a subject's rate over another's, taken round by round.
    fn ratio(&self, load: Load, subject: Subject, other: Subject) -> Option<f64> {
        let (own, theirs) = (self.cells.get(&(load, subject))?, self.cells.get(&(load, other))?);
        let pairs = own.iter().filter_map(|sample| {
            let same = theirs.iter().find(|their| their.round == sample.round)?;
            Some(sample.figures.result.rate / same.figures.result.rate)
        });
        Some(median(pairs.collect()))
    }

    pub(crate) fn json(&self) -> String {
        let samples = self.cells.values().flatten().map(|sample| {
            let mut value = sample.figures.json();
            value["round"] = json!(sample.round);
            value["stack"] = json!(sample.subject.to_string());
            value["load"] = json!(sample.load.to_string());
            value
        });
        let all = json!({
            "machine": self.machine, "commit": self.commit, "mtu": self.mtu,
            "seconds": self.seconds, "rounds": self.rounds,
            "samples": samples.collect::<Vec<Value>>(),
        });
        format!("{all:#}\n")
    }

    fn line(&self, load: Load, subject: Subject, samples: &[Sample]) -> String {
        let middle = |f: &dyn Fn(&Figures) -> f64| {
            median(samples.iter().map(|sample| f(&sample.figures)).collect())
        };
        let (unit, scale) = load.unit();
        let rates = samples.iter().map(|sample| sample.figures.result.rate / scale);
        let (least, most) = rates.fold((f64::MAX, 0.0), |(a, b), x| (a.min(x), f64::max(b, x)));
        let ratio = |other| match self.ratio(load, subject, other) {
            Some(ratio) => format!("{ratio:.2}"),
            None => "-".to_owned(),
        };
        let percent = |f: &dyn Fn(&Figures) -> f64| format!("{:.0} %", 100.0 * middle(f));
        let latency = |at: usize| {
            let at = |f: &Figures| f.result.latency.map_or(f64::NAN, |l| l[at].as_secs_f64() * 1e6);
            let micros = middle(&at);
            if micros.is_nan() { "-".to_owned() } else { format!("{micros:.1}") }
        };
        let sum = |f: &dyn Fn(&Figures) -> u64| samples.iter().map(|s| f(&s.figures)).sum::<u64>();
        format!(
            "| {} | {} | {:.2} | {least:.2}–{most:.2} | {} | {} | {} / {} | {} / {} / {} | {} / {} |",
            format_args!("{load}, {unit}"),
            subject,
            middle(&|f| f.result.rate / scale),
            ratio(Subject::Smoltcp),
            ratio(Subject::Kernel),
            latency(0),
            latency(1),
            percent(&|f| f.shares.client),
            percent(&|f| f.shares.server),
            percent(&|f| f.shares.others),
            sum(&|f| f.drops),
            sum(&|f| f.retransmitted),
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\n| load | stack | median | min–max | ÷ smoltcp | ÷ kernel | p50 / p99 µs \
             | CPU load / stack / others | drops / resent |\n|---|---|--:|--:|--:|--:|--:|--:|--:|"
        )?;
        for ((load, subject), samples) in &self.cells {
            writeln!(f, "{}", self.line(*load, *subject, samples))?;
        }
        let mut used: Vec<&str> =
            self.cells.values().flatten().map(|s| s.figures.congestion.as_str()).collect();
        used.sort_unstable();
        used.dedup();
        write!(f, "\nLinux's congestion control in all rows: {}", used.join(", "))
    }
}
