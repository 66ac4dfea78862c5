//! What comes of a script: whether it holds, and if not, everything one needs to see why.

use crate::base::Instant;
use std::fmt;

/// What a run has come to.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Why the script does not hold; `None`: it does.
    pub failure: Option<Failure>,
    /// What was skipped because it is not known here, with its line, when asked to be lenient.
    pub skipped: Vec<(u32, String)>,
    /// What happened, a line each, oldest first.
    pub trace: Vec<String>,
    /// How many packets the host sent that no event of the script asked for.
    pub unasked: usize,
    /// Every packet that crossed the wire.
    pub packets: Vec<Crossing>,
    /// When it ended, in virtual time.
    pub ended: Instant,
}

impl Verdict {
    /// Whether the script holds.
    pub fn passed(&self) -> bool {
        self.failure.is_none()
    }
}

/// A packet on the wire.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Crossing {
    /// When.
    pub at: Instant,
    /// Whether the script sent it.
    pub inbound: bool,
    /// Its bytes, from the IP header on.
    pub bytes: Vec<u8>,
    /// Why the host sent it.
    pub why: Option<String>,
}

/// What kind of thing failed.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A packet is not as expected, or did not come.
    Packet,
    /// Something happened at another time.
    Time,
    /// A system call returned something else.
    Call,
    /// A `//?` note does not hold.
    Note,
    /// A statement between `%{` and `}%` does not hold.
    Code,
    /// The script asks for something that this host does not know.
    Unknown,
}

impl Kind {
    /// Its name, for machines.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Packet => "packet",
            Kind::Time => "time",
            Kind::Call => "call",
            Kind::Note => "note",
            Kind::Code => "code",
            Kind::Unknown => "unknown",
        }
    }
}

/// Why a script does not hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// The script's line.
    pub line: u32,
    /// What kind of thing it is.
    pub kind: Kind,
    /// What is wrong, in a sentence.
    pub what: String,
    /// What the script expects, in its own words.
    pub expected: Option<String>,
    /// What happened instead, in the same words.
    pub actual: Option<String>,
    /// Why the host did that.
    pub why: Option<String>,
    /// The last steps before it, oldest first.
    pub steps: Vec<String>,
    /// The state of the connection under test.
    pub state: String,
}

impl Failure {
    pub(super) fn new(line: u32, kind: Kind, what: impl Into<String>) -> Failure {
        Failure {
            line,
            kind,
            what: what.into(),
            expected: None,
            actual: None,
            why: None,
            steps: Vec::new(),
            state: String::new(),
        }
    }

    pub(super) fn expected(self, expected: impl Into<String>) -> Failure {
        Failure { expected: Some(expected.into()), ..self }
    }

    pub(super) fn actual(self, actual: impl Into<String>, why: Option<String>) -> Failure {
        Failure { actual: Some(actual.into()), why, ..self }
    }

    /// The failure as people read it, of a script by that name.
    pub fn of(&self, file: &str) -> String {
        format!("{file}:{}: {self}", self.line)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.what)?;
        let rows = [("expected", &self.expected), ("actual", &self.actual), ("because", &self.why)];
        for (name, text) in rows {
            if let Some(text) = text {
                writeln!(f, "  {name:>8}  {text}")?;
            }
        }
        if !self.state.is_empty() {
            writeln!(f, "  {:>8}  {}", "state", self.state)?;
        }
        for (at, step) in self.steps.iter().enumerate() {
            writeln!(f, "  {:>8}  {step}", if at == 0 { "before" } else { "" })?;
        }
        Ok(())
    }
}

/// A moment as scripts write it, in seconds to the microsecond.
pub(super) fn moment(at: Instant) -> String {
    let micros = at.as_micros();
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}
