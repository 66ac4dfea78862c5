//! What the questions of labs say in figures is what their runs come to.
//!
//! The runs are the lab's own and those with the settings that its texts name: after `netglass lab
//! run N` or `whatif N` another lab's, else its own. A time is exact to the digits that it is told
//! with, cut off as the views do or rounded.

use netglass::lab::{Options, Run, Shipped, run, shipped};
use std::collections::BTreeSet;

/// A lab by its number, and settings.
type Variant = (String, Vec<(String, String)>);

/// A figure of a text: how it is written there, and what it is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Figure {
    /// Milliseconds or seconds, with at least two digits behind the point.
    Time { text: String, seconds: bool },
    /// Whole milliseconds, a thousand or more: how long a program took.
    Took(u64),
}

/// What runs came to.
#[derive(Default)]
struct Facts {
    /// When something happened, and what programs told in milliseconds, in microseconds.
    times: Vec<u64>,
    told: Vec<u64>,
}

impl Facts {
    fn learn(&mut self, run: &Run) {
        let log = run.log.as_ref().expect("it keeps one");
        self.times.extend(log.entries().iter().map(|entry| entry.at.as_nanos() / 1000));
        let said = run.reports.iter().flat_map(|report| &report.said);
        let words = said.flat_map(|line| line.split(|c: char| !c.is_ascii_digit() && c != '.'));
        self.told.extend(words.filter_map(micros));
    }

    /// The times between two events, which the lab's checks hold against its run.
    fn believe(&mut self, file: &str) {
        let gaps = file.lines().filter_map(|line| line.strip_prefix("gap = \""));
        self.told.extend(gaps.filter_map(|gap| micros(gap.strip_suffix("ms\"")?)));
    }

    fn has(&self, figure: &Figure) -> bool {
        match figure {
            Figure::Took(ms) => near(&self.told, ms * 1000, 1000),
            Figure::Time { text, seconds } => {
                let unit = if *seconds { 1000 } else { 1 };
                let digits = text.split_once('.').map_or(0, |(_, digits)| digits.len());
                let (at, off) = (micros(text).expect("a number"), 1000 / 10u64.pow(digits as u32));
                [&self.times, &self.told].iter().any(|all| near(all, at * unit, off.max(1) * unit))
            }
        }
    }
}

/// Whether one of `all` is less than `off` away, or as far.
fn near(all: &[u64], from: u64, off: u64) -> bool {
    all.iter().any(|fact| fact.abs_diff(from) <= off)
}

/// Milliseconds with up to three digits behind the point, as microseconds.
fn micros(text: &str) -> Option<u64> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let rest = format!("{rest:0<3}");
    Some(whole.parse::<u64>().ok()? * 1000 + rest.get(..3)?.parse::<u64>().ok()?)
}

/// The figures of a text.
fn figures(text: &str) -> BTreeSet<Figure> {
    let words: Vec<&str> = text
        .split_whitespace()
        .map(|word| word.trim_matches(|c: char| !c.is_ascii_alphanumeric()))
        .collect();
    let figure = |(at, word): (usize, &&str)| {
        let next = words.get(at + 1).copied().unwrap_or_default();
        let before = at.checked_sub(2).and_then(|from| words.get(from..at));
        let instead = before == Some(&["instead", "of"]);
        let digits = word.split_once('.').map_or(0, |(_, digits)| digits.len());
        let number = word.parse::<f64>().is_ok();
        let whole = word.parse::<u64>().ok().filter(|n| *n >= 1000);
        match (next, whole) {
            ("ms" | "s", _) if number && digits >= 2 => {
                Some(Figure::Time { text: (*word).to_owned(), seconds: next == "s" })
            }
            ("ms", Some(ms)) => Some(Figure::Took(ms)),
            (_, Some(ms)) if instead => Some(Figure::Took(ms)),
            _ => None,
        }
    };
    words.iter().enumerate().filter_map(figure).collect()
}

/// The settings that a text names, each a run of its own.
fn variants(own: &str, text: &str) -> BTreeSet<Variant> {
    let mut found = BTreeSet::new();
    for (n, part) in text.split("netglass ").enumerate() {
        let words: Vec<&str> = part.split_whitespace().collect();
        let lab = match words.as_slice() {
            ["lab", "run", lab, ..] | ["whatif", lab, ..] if n > 0 => lab.trim_matches([',', ')']),
            _ => own,
        };
        // All that a command sets, it sets at once.
        let sets: Vec<_> = part.split("--set ").skip(1).filter_map(setting).collect();
        if n > 0 && !sets.is_empty() {
            found.insert((lab.to_owned(), sets));
        } else {
            found
                .extend(words.iter().filter_map(|w| setting(w)).map(|w| (lab.to_owned(), vec![w])));
        }
    }
    found
}

/// `KEY=VALUE` that a text begins with, a value of several words in quotes.
fn setting(text: &str) -> Option<(String, String)> {
    let text = match text.strip_prefix('\'') {
        Some(quoted) => quoted.split('\'').next()?,
        None => text.split_whitespace().next()?.trim_matches([',', ')', ':', ';', '?']),
    };
    let (key, value) = text.split_once('=').filter(|(_, value)| !value.contains('…'))?;
    key.contains('.').then(|| (key.to_owned(), value.to_owned()))
}

#[test]
fn what_answers_say_is_what_runs_come_to() {
    let mut wrong = Vec::new();
    for one in shipped() {
        let (own, lab) = (one.number.to_string(), one.lab(&[]).expect("it can be read"));
        let texts = lab
            .questions
            .iter()
            .flat_map(|question| [question.hint.clone(), question.answer.clone()]);
        let texts: Vec<String> = texts.collect();
        let wanted: BTreeSet<Figure> = texts.iter().flat_map(|text| figures(text)).collect();
        if wanted.is_empty() {
            continue;
        }
        let quoted = lab
            .next
            .iter()
            .filter_map(|next| Some((own.clone(), vec![setting(next.split_once("--set ")?.1)?])));
        let mut all: BTreeSet<Variant> = texts.iter().flat_map(|t| variants(&own, t)).collect();
        all.extend(quoted);
        all.insert((own.clone(), Vec::new()));
        let mut facts = Facts::default();
        facts.believe(one.text);
        for variant in all {
            let shipped = Shipped::find(&variant.0).expect("it is shipped");
            let lab = shipped.lab(&variant.1).unwrap_or_else(|error| panic!("{error}"));
            facts.learn(&run(&lab, &Options::default()));
        }
        wrong.extend(wanted.into_iter().filter(|f| !facts.has(f)).map(|f| (one.name, f)));
    }
    assert!(wrong.is_empty(), "no run comes to this: {wrong:#?}");
}
