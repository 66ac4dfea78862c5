//! What is aimed at, beside what was measured.

use crate::plan::{Against, Section};
use crate::report::Report;
use crate::serve::Subject::{self, *};

/// A ratio that is to be reached.
struct Goal {
    section: Section,
    load: &'static str,
    /// As programs use netglass, and its core in one loop.
    subjects: &'static [Subject],
    against: Against,
    least: f64,
}

const fn bulk(load: &'static str, against: Against, least: f64) -> Goal {
    Goal { section: Section::Bulk, load, subjects: &[Netglass, Bare], against, least }
}

const fn exchanges(load: &'static str, against: Against, least: f64) -> Goal {
    Goal { section: Section::Exchanges, ..bulk(load, against, least) }
}

const fn plain(load: &'static str, least: f64) -> Goal {
    let subjects = &[Plain, BarePlain];
    Goal { subjects, ..bulk(load, Against::Limit, least) }
}

const fn other(section: Section, load: &'static str, against: Against, least: f64) -> Goal {
    let subjects = match section {
        Section::Idle => &[Netglass, Bare] as &[Subject],
        _ => &[Netglass],
    };
    Goal { section, load, subjects, against, least }
}

const KERNEL: Against = Against::Other(Kernel);
const SMOLTCP: Against = Against::Other(Smoltcp);
const JUMBO: Against = Against::Other(SmoltcpJumbo);

const GOALS: &[Goal] = &[
    bulk("up", Against::Limit, 0.85),
    bulk("up", KERNEL, 1.1),
    bulk("up", SMOLTCP, 5.0),
    bulk("up", JUMBO, 1.0),
    bulk("down", Against::Limit, 0.85),
    bulk("down", KERNEL, 1.0),
    bulk("down", SMOLTCP, 10.0),
    bulk("down", JUMBO, 1.0),
    bulk("up-one", Against::Limit, 0.85),
    bulk("up-one", KERNEL, 1.1),
    bulk("up-one", SMOLTCP, 5.0),
    bulk("up-one", JUMBO, 1.0),
    bulk("down-one", Against::Limit, 0.85),
    bulk("down-one", KERNEL, 1.0),
    bulk("down-one", SMOLTCP, 10.0),
    bulk("down-one", JUMBO, 1.0),
    plain("up", 0.8),
    plain("down", 0.95),
    plain("up-one", 0.8),
    plain("down-one", 0.95),
    exchanges("rr", Against::Limit, 0.95),
    exchanges("rr", SMOLTCP, 1.1),
    exchanges("conn", KERNEL, 1.3),
    exchanges("conn", SMOLTCP, 1.05),
    other(Section::Http, "http", KERNEL, 1.0),
    other(Section::Http, "http-close", KERNEL, 1.0),
    other(Section::Idle, "up-idle-100k", Against::First, 0.95),
    other(Section::Idle, "rr-idle-100k", Against::First, 0.95),
    other(Section::Observation, "up-ring", Against::First, 0.95),
    other(Section::Observation, "up-record", Against::First, 0.75),
];

/// The table of goals that were measured.
pub(crate) fn table(report: &Report) -> String {
    let mut lines = vec![
        "| work | divided by | goal | as used | in one loop | the limit |".to_owned(),
        "|---|---|--:|--:|--:|--:|".to_owned(),
    ];
    lines.extend(GOALS.iter().filter_map(|goal| goal.line(report)));
    if let (disturbed @ 1.., all) = report.disturbed() {
        lines.push(String::new());
        lines.push(format!(
            "The machine was busy: in {disturbed} of {all} measurements others used more than a \
             tenth of a processor. Ratios made of those are not bold, and are not to be believed."
        ));
    }
    lines.join("\n")
}

impl Goal {
    /// Its line, if it was measured.
    fn line(&self, report: &Report) -> Option<String> {
        let load = self.load.parse().expect("a load has this name");
        let ratio = |subject: &Subject| {
            let (own, section) = ((load, *subject), self.section);
            let other = section.against(load, *subject, self.against)?;
            let disturbed = [own, other].iter().any(|cell| report.is_disturbed(section, *cell));
            report.ratio(section, own, other).map(|ratio| (ratio, disturbed))
        };
        let reached: Vec<Option<(f64, bool)>> = self.subjects.iter().map(ratio).collect();
        reached.iter().flatten().next()?;
        let cell = |at: usize| match reached.get(at).copied().flatten() {
            Some((ratio, false)) if ratio >= self.least => format!("**{ratio:.2}**"),
            Some((ratio, _)) => format!("{ratio:.2}"),
            None => "-".to_owned(),
        };
        let device = if self.subjects[0] == Plain { " (plain device)" } else { "" };
        let by = match self.against {
            Against::Limit => "the device's limit".to_owned(),
            Against::Other(other) => other.to_string(),
            Against::First if self.section == Section::Idle => "none idle".to_owned(),
            Against::First => "unobserved".to_owned(),
        };
        let Goal { load, least, .. } = self;
        let cells = format!("{} | {} | {}", cell(0), cell(1), self.limit(report));
        Some(format!("| {load}{device} | {by} | ≥ {least:.2} | {cells} |"))
    }

    /// What the device's limit comes to by the same measure.
    fn limit(&self, report: &Report) -> String {
        let load = self.load.parse().expect("a load has this name");
        let ratio = match self.against {
            Against::Other(other) => report.ratio(self.section, (load, Limit), (load, other)),
            Against::Limit | Against::First => None,
        };
        ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2}"))
    }
}
