//! What came out: tables for people, JSON for programs.

use crate::cell::{DISTURBED, Figures};
use crate::curves::Curves;
use crate::doc;
use crate::goals;
use crate::load::Load;
use crate::machine::{median, stamp};
use crate::plan::{Against, Section};
use crate::serve::Subject;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// One measurement.
pub(crate) struct Sample {
    pub(crate) round: u32,
    pub(crate) section: Section,
    pub(crate) subject: Subject,
    pub(crate) load: Load,
    pub(crate) figures: Figures,
}

/// All measurements of a run, and where it ran.
pub(crate) struct Report {
    seconds: f64,
    rounds: u32,
    mtu: u16,
    /// Where, what and when.
    stamp: String,
    cells: BTreeMap<(Section, Load, Subject), Vec<Sample>>,
    pub(crate) curves: Curves,
    skipped: BTreeMap<Section, &'static str>,
}

impl Report {
    pub(crate) fn new(seconds: f64, rounds: u32, mtu: u16) -> Report {
        let (cells, skipped, curves) = (BTreeMap::new(), BTreeMap::new(), Curves::default());
        Report { seconds, rounds, mtu, stamp: stamp(), cells, curves, skipped }
    }

    pub(crate) fn add(&mut self, sample: Sample) {
        let key = (sample.section, sample.load, sample.subject);
        self.cells.entry(key).or_default().push(sample);
    }

    /// A section is left out.
    pub(crate) fn skip(&mut self, section: Section, why: &'static str) {
        eprintln!("skipped: {}: {why}", section.name());
        self.skipped.insert(section, why);
    }

    /// What is measured where and when.
    pub(crate) fn heading(&self) -> String {
        let Report { seconds, rounds, mtu, stamp, .. } = self;
        let rounds = if *rounds == 1 { "1 round".to_owned() } else { format!("{rounds} rounds") };
        format!("{stamp}; MTU {mtu}, {rounds} of {seconds} s.")
    }

    /// The median of one's rate over another's, taken round by round.
    pub(crate) fn ratio(
        &self,
        section: Section,
        own: (Load, Subject),
        other: (Load, Subject),
    ) -> Option<f64> {
        let cell = |(load, subject)| self.cells.get(&(section, load, subject));
        let (own, theirs) = (cell(own)?, cell(other)?);
        let pairs = own.iter().filter_map(|sample| {
            let same = theirs.iter().find(|their| their.round == sample.round)?;
            Some(sample.figures.yielded.rate / same.figures.yielded.rate)
        });
        Some(median(pairs.collect()))
    }

    /// Whether others used too much of a processor for a cell to be believed.
    pub(crate) fn is_disturbed(&self, section: Section, (load, subject): (Load, Subject)) -> bool {
        let cell = self.cells.get(&(section, load, subject));
        cell.is_some_and(|samples| middle(samples, |f| f.shares.others) > DISTURBED)
    }

    /// How many cells that is so of, and how many there are.
    pub(crate) fn disturbed(&self) -> (usize, usize) {
        let cells = self.cells.keys();
        let disturbed =
            cells.filter(|(section, load, subject)| self.is_disturbed(*section, (*load, *subject)));
        (disturbed.count(), self.cells.len())
    }

    pub(crate) fn json(&self) -> Value {
        let samples = self.cells.values().flatten().map(|sample| {
            let mut value = sample.figures.json();
            value["round"] = json!(sample.round);
            value["stack"] = json!(sample.subject.to_string());
            value["load"] = json!(sample.load.to_string());
            value["section"] = json!(sample.section.name());
            value
        });
        let skipped = self.skipped.iter().map(|(section, why)| (section.name(), json!(why)));
        json!({
            "where": self.stamp, "mtu": self.mtu,
            "seconds": self.seconds, "rounds": self.rounds,
            "curves": self.curves.json(),
            "samples": samples.collect::<Vec<Value>>(),
            "skipped": skipped.collect::<BTreeMap<_, _>>(),
        })
    }

    /// The generated parts of the document, by name: those of `sections`, and the goals.
    pub(crate) fn parts(&self, sections: &[Section]) -> Vec<(String, String)> {
        let dated = |text: String| format!("{}\n\n{text}", self.heading());
        let mut parts: Vec<_> =
            sections.iter().map(|one| (one.name(), dated(self.table(*one)))).collect();
        if sections.len() == Section::ALL.len() {
            parts.push(("goals".to_owned(), dated(goals::table(self))));
            parts.push(("instructions".to_owned(), instructions()));
        }
        parts
    }

    /// A section's table, or why there is none.
    pub(crate) fn table(&self, section: Section) -> String {
        if let Some(why) = self.skipped.get(&section) {
            return format!("Skipped: {why}.");
        }
        if section == Section::Curves {
            return self.curves.table();
        }
        let ratios = section.columns();
        let headings = ratios.iter().map(|(heading, _)| format!(" {heading} |"));
        let of_each = if section.is_timed() { "p50 / p99 / p99.9 µs" } else { "bytes per packet" };
        let mut lines = vec![
            format!(
                "| load | stack | median | min–max |{} {of_each} | CPU load / stack / others \
                 | drops / resent |",
                headings.collect::<String>()
            ),
            format!("|---|---|--:|--:|{}--:|--:|--:|", "--:|".repeat(ratios.len())),
        ];
        let cells: Vec<_> = self.cells.iter().filter(|((of, ..), _)| *of == section).collect();
        lines.extend(cells.iter().map(|((_, load, subject), samples)| {
            let ratio = |(_, against): &(_, Against)| {
                let other = section.against(*load, *subject, *against)?;
                self.ratio(section, (*load, *subject), other)
            };
            let ratio = |column| ratio(column).map_or(" - |".to_owned(), |r| format!(" {r:.2} |"));
            let ratios = ratios.iter().map(ratio).collect::<String>();
            let of_each = if section.is_timed() { latencies(samples) } else { length(samples) };
            line((*load, *subject), samples, &ratios, &of_each)
        }));
        let all = cells.iter().flat_map(|(_, samples)| samples.iter());
        let mut used: Vec<&str> = all.map(|s| s.figures.congestion.as_str()).collect();
        used.sort_unstable();
        used.dedup();
        lines.push(String::new());
        lines.push(format!("Linux's congestion control in all rows: {}.", used.join(", ")));
        lines.join("\n")
    }
}

/// The instructions that operations take, as a test keeps them.
fn instructions() -> String {
    let kept = std::fs::read_to_string(doc::path("tests/golden/instructions.txt"));
    let mut lines = vec!["| operation | instructions |".to_owned(), "|---|--:|".to_owned()];
    lines.extend(kept.unwrap_or_default().lines().skip(1).filter_map(|line| {
        let (name, count) = line.rsplit_once(' ')?;
        Some(format!("| {} | {count} |", name.trim()))
    }));
    lines.join("\n")
}

/// The median of a figure.
fn middle(samples: &[Sample], of: impl Fn(&Figures) -> f64) -> f64 {
    median(samples.iter().map(|sample| of(&sample.figures)).collect())
}

/// How long exchanges took, in microseconds.
fn latencies(samples: &[Sample]) -> String {
    let latency = |place: usize| {
        let micros = middle(samples, |f| {
            let time = f.yielded.latency.and_then(|all| all[place]);
            time.map_or(f64::NAN, |time| time.as_secs_f64() * 1e6)
        });
        if micros.is_nan() { "-".to_owned() } else { format!("{micros:.1}") }
    };
    [0, 1, 2].map(latency).join(" / ")
}

/// How long packets were, in bytes.
fn length(samples: &[Sample]) -> String {
    format!("{:.0}", middle(samples, |f| f.length))
}

fn line(
    (load, subject): (Load, Subject),
    samples: &[Sample],
    ratios: &str,
    of_each: &str,
) -> String {
    let (unit, scale) = load.unit();
    let rates = samples.iter().map(|sample| sample.figures.yielded.rate / scale);
    let (least, most) = rates.fold((f64::MAX, 0.0), |(a, b), x| (a.min(x), f64::max(b, x)));
    let percent = |of: fn(&Figures) -> f64| format!("{:.0} %", 100.0 * middle(samples, of));
    let sum = |of: fn(&Figures) -> u64| samples.iter().map(|s| of(&s.figures)).sum::<u64>();
    format!(
        "| {load}, {unit} | {subject} | {:.2} | {least:.2}–{most:.2} |{ratios} {of_each} \
         | {} / {} / {} | {} / {} |",
        middle(samples, |f| f.yielded.rate / scale),
        percent(|f| f.shares.client),
        percent(|f| f.shares.server),
        percent(|f| f.shares.others),
        sum(|f| f.drops),
        sum(|f| f.retransmitted),
    )
}
