//! What is measured: sections, each some loads on some stacks, and what their rates are compared
//! with.

use crate::load::{self, Load};
use crate::serve::Subject;
use Subject::{Bare, BarePlain, Kernel, Limit, LimitPlain, Netglass, Plain, Smoltcp, SmoltcpJumbo};
use clap::ValueEnum;

/// A part of the measurements: a table of its own.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug, ValueEnum)]
pub(crate) enum Section {
    /// Bulk data on every stack.
    Bulk,
    /// Exchanges and connections on every stack.
    Exchanges,
    /// A hyper service.
    Http,
    /// Bulk transfer over a long way that loses packets.
    Loss,
    /// One busy connection beside many idle ones.
    Idle,
    /// What it costs to be looked at.
    Observation,
    /// What a segment costs among many connections, in virtual time.
    Curves,
}

/// What a rate is divided by.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Against {
    /// The device's limit: with or without offloads, as the stack's own device.
    Limit,
    /// Another stack with the same load.
    Other(Subject),
    /// The same stack with the section's first load of the same work.
    First,
}

impl Section {
    pub(crate) const ALL: &[Section] = &[
        Section::Bulk,
        Section::Exchanges,
        Section::Http,
        Section::Loss,
        Section::Idle,
        Section::Observation,
        Section::Curves,
    ];

    /// Its name.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// What it is about.
    pub(crate) fn title(self) -> String {
        let help = self.to_possible_value().and_then(|value| value.get_help().cloned());
        help.map_or_else(String::new, |help| help.to_string())
    }

    /// The names of its loads.
    fn names(self) -> &'static [&'static str] {
        match self {
            Section::Bulk => {
                &["up", "down", "up-one", "down-one", "both", "up-8", "up-64", "down-8", "down-64"]
            }
            Section::Exchanges => &["rr", "conn"],
            Section::Http => &["http", "http-close"],
            Section::Loss => &["up-lossy", "down-lossy"],
            Section::Idle => &[
                "up-idle-0",
                "up-idle-1k",
                "up-idle-10k",
                "up-idle-100k",
                "rr-idle-0",
                "rr-idle-1k",
                "rr-idle-10k",
                "rr-idle-100k",
            ],
            Section::Observation => {
                &["up-off", "up-ring", "up-record", "rr-off", "rr-ring", "rr-record"]
            }
            Section::Curves => &[],
        }
    }

    /// Its loads.
    pub(crate) fn loads(self) -> Vec<Load> {
        self.names().iter().map(|name| name.parse().expect("a load has this name")).collect()
    }

    /// The stacks that are put under these loads.
    pub(crate) fn subjects(self) -> &'static [Subject] {
        match self {
            Section::Bulk | Section::Exchanges => Subject::ALL,
            Section::Http | Section::Loss => &[Netglass, Kernel],
            Section::Idle => &[Netglass, Bare],
            Section::Observation => &[Netglass],
            Section::Curves => &[],
        }
    }

    /// Whether it is told how long exchanges took, rather than how long packets were.
    pub(crate) fn is_timed(self) -> bool {
        matches!(self, Section::Exchanges | Section::Http | Section::Idle)
    }

    /// What rates are divided by, one column each.
    pub(crate) fn columns(self) -> &'static [(&'static str, Against)] {
        match self {
            Section::Bulk | Section::Exchanges => &[
                ("÷ limit", Against::Limit),
                ("÷ kernel", Against::Other(Kernel)),
                ("÷ smoltcp", Against::Other(Smoltcp)),
                ("÷ smoltcp-jumbo", Against::Other(SmoltcpJumbo)),
            ],
            Section::Http | Section::Loss => &[("÷ kernel", Against::Other(Kernel))],
            Section::Idle => &[("÷ none idle", Against::First)],
            Section::Observation => &[("÷ off", Against::First)],
            Section::Curves => &[],
        }
    }

    /// Which measurement one of this section is divided by.
    pub(crate) fn against(
        self,
        load: Load,
        subject: Subject,
        against: Against,
    ) -> Option<(Load, Subject)> {
        match against {
            Against::Other(other) => Some((load, other)),
            Against::Limit => match subject {
                Netglass | Bare | Limit => Some((load, Limit)),
                Plain | BarePlain | Smoltcp | LimitPlain => Some((load, LimitPlain)),
                SmoltcpJumbo | Kernel => None,
            },
            Against::First => {
                let first = self.loads().into_iter().find(|first| first.work == load.work)?;
                Some((first, subject))
            }
        }
    }

    /// What it needs and this machine has not, in one line.
    pub(crate) fn lack(self) -> Option<&'static str> {
        let missing = self == Section::Http && load::wrk_is_missing();
        missing.then_some("wrk is not installed: scripts/bench --install has apt-get do it")
    }
}
