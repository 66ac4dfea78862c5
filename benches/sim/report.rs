//! What came out: tables for people, JSON for programs.

use crate::labs::Labs;
use crate::machine::{commit, machine, median};
use crate::measure::Figures;
use crate::rewind::Rewound;
use serde_json::{Value, json};
use std::fmt;

/// One dumbbell: our figures and ns-3's, if it is there, round by round.
pub(crate) struct Dumbbell {
    pub(crate) flows: u16,
    pub(crate) ours: Vec<Figures>,
    pub(crate) ns3: Vec<Figures>,
}

/// One network that grows.
pub(crate) struct Growth {
    pub(crate) hosts: u16,
    pub(crate) busy: u16,
    pub(crate) rounds: Vec<Figures>,
}

/// Everything.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) seconds: f64,
    pub(crate) ns3: Option<String>,
    pub(crate) dumbbells: Vec<Dumbbell>,
    pub(crate) growth: Vec<Growth>,
    pub(crate) rewound: Option<Rewound>,
    pub(crate) labs: Option<Labs>,
}

fn middle(all: &[Figures], of: impl Fn(&Figures) -> f64) -> f64 {
    median(all.iter().map(of).collect())
}

impl Dumbbell {
    fn line(&self, who: &str, all: &[Figures], ratio: [Option<f64>; 2]) -> String {
        let ratio = ratio.map(|r| r.map_or("-".to_owned(), |r| format!("{r:.1}")));
        format!(
            "| {} | {who} | {:.2} | {:.0} | {:.0} | {:.2} | {:.2} | {:.1} | {:.0} | {} | {} |",
            self.flows,
            middle(all, |f| f.packets as f64) / 1e6,
            middle(all, |f| f.per_second()) / 1e3,
            middle(all, |f| f.per_cpu_second()) / 1e3,
            middle(all, |f| f.run_ns as f64) / 1e9,
            middle(all, |f| f.cpu_ns as f64) / 1e9,
            middle(all, |f| f.peak_kib as f64) / 1024.0,
            middle(all, |f| f.bytes as f64) / 1e6,
            ratio[0],
            ratio[1],
        )
    }

    fn ratio(&self, of: impl Fn(&Figures) -> f64) -> Option<f64> {
        let pairs = self.ours.iter().zip(&self.ns3);
        let ratios: Vec<f64> = pairs.map(|(ours, theirs)| of(ours) / of(theirs)).collect();
        (!ratios.is_empty()).then(|| median(ratios))
    }
}

impl fmt::Display for Dumbbell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ratio = [self.ratio(Figures::per_second), self.ratio(Figures::per_cpu_second)];
        f.write_str(&self.line("netglass", &self.ours, ratio))?;
        if !self.ns3.is_empty() {
            write!(f, "\n{}", self.line("ns-3", &self.ns3, [None, None]))?;
        }
        Ok(())
    }
}

impl Growth {
    fn per_event(&self) -> f64 {
        middle(&self.rounds, |f| f.cpu_ns as f64 / f.events as f64)
    }
}

impl Report {
    /// What is measured where.
    pub(crate) fn heading(&self) -> String {
        let ns3 = self.ns3.as_ref().map(|version| format!(", ns-3 {version}"));
        format!("{}\ncommit {}{}", machine(), commit(), ns3.unwrap_or_default())
    }

    pub(crate) fn json(&self) -> String {
        let rounds = |all: &[Figures]| Value::from_iter(all.iter().map(|f| f.json()));
        let dumbbells = self.dumbbells.iter().map(
            |d| json!({ "flows": d.flows, "netglass": rounds(&d.ours), "ns3": rounds(&d.ns3) }),
        );
        let growth = self.growth.iter();
        let growth = growth
            .map(|g| json!({ "hosts": g.hosts, "busy": g.busy, "netglass": rounds(&g.rounds) }));
        let rewound = self.rewound.as_ref().map(
            |r| json!({ "entries": r.entries, "median_ms": r.median_ms, "worst_ms": r.worst_ms }),
        );
        let labs = self.labs.as_ref().map(|l| {
            let (slowest, slowest_ms) = l.slowest;
            json!({
                "count": l.count, "events": l.events, "wall_ms": l.wall_ms,
                "slowest": slowest, "slowest_ms": slowest_ms, "failed": l.failed,
            })
        });
        let all = json!({
            "machine": machine(), "commit": commit(), "ns3": self.ns3,
            "virtual_seconds": self.seconds,
            "dumbbells": dumbbells.collect::<Vec<_>>(),
            "growth": growth.collect::<Vec<_>>(),
            "rewound": rewound,
            "labs": labs,
        });
        format!("{all:#}\n")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.dumbbells.is_empty() {
            writeln!(
                f,
                "\n| flows | simulator | M packets | k packets/s | k packets/CPU s | wall s | CPU s \
                 | peak MiB | MB read | ÷ ns-3 | of CPU time |\n\
                 |--:|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
            )?;
            self.dumbbells.iter().try_for_each(|dumbbell| writeln!(f, "{dumbbell}"))?;
        }
        if let Some(least) = self.growth.iter().map(Growth::per_event).reduce(f64::min) {
            writeln!(
                f,
                "\n| hosts | busy | ns of CPU per event | ÷ least | KiB per host |\n\
                 |--:|--:|--:|--:|--:|"
            )?;
            for one in &self.growth {
                let (hosts, per_event) = (f64::from(one.hosts), one.per_event());
                let kib = middle(&one.rounds, |f| f.built_kib as f64) / hosts;
                let ratio = per_event / least;
                let Growth { hosts, busy, .. } = one;
                writeln!(f, "| {hosts} | {busy} | {per_event:.0} | {ratio:.2} | {kib:.1} |")?;
            }
        }
        if let Some(Rewound { entries, median_ms, worst_ms }) = self.rewound {
            writeln!(
                f,
                "\nback to any of {entries} log entries: median {median_ms:.0} ms, \
                 worst {worst_ms:.0} ms"
            )?;
        }
        if let Some(Labs { count, events, wall_ms, slowest: (name, most), failed }) = &self.labs {
            writeln!(
                f,
                "\nall {count} labs: {wall_ms:.0} ms of wall time, {events} events; \
                 {name} takes {most:.0} ms of it"
            )?;
            failed.iter().try_for_each(|name| writeln!(f, "lab {name} fails a check"))?;
        }
        Ok(())
    }
}
