//! Row 7: what the RFCs of TCP require, in our words, and what is done about it.
//!
//! A requirement has the RFC's own label where it has one (`MUST-37`); else its id is the number of
//! the RFC, the section and a number within that section (`8985-6.2-4`). Comments in the code and
//! in tests name these ids: from them `docs/rfc.md` is written, which [`place::of`] reads.

mod attack;
mod congestion;
mod fastopen;
mod host;
mod options;
pub mod place;
mod recovery;
mod sack;
pub mod scripts;
mod tcp;

use std::fmt;

/// What one RFC requires.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Document {
    /// The RFC's number.
    pub number: u16,
    /// Its title.
    pub title: &'static str,
    /// What it requires, in its order.
    pub requirements: &'static [Requirement],
}

/// One thing that is required, recommended or allowed.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Requirement {
    /// By what it is called, here and in comments.
    pub id: &'static str,
    /// The section, where the id does not say it.
    section: Option<&'static str>,
    /// How much it is wanted.
    pub strength: Strength,
    /// Whether it is done.
    pub done: Done,
    /// What it asks for, in our words.
    pub rule: &'static str,
    /// What is done, or why it is not.
    pub what: &'static str,
}

/// How much an RFC wants something (RFC 2119).
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Strength {
    /// Required.
    Must,
    /// Forbidden.
    MustNot,
    /// Recommended.
    Should,
    /// Advised against.
    ShouldNot,
    /// Allowed.
    May,
    /// A step of an algorithm, or what is said without such a word.
    Says,
}

/// Whether something is done.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Done {
    /// As required.
    Yes,
    /// Not all of it.
    Partly,
    /// Something else, on purpose.
    Deviates,
    /// Not.
    No,
}

impl Done {
    /// All of them.
    pub const ALL: [Done; 4] = [Done::Yes, Done::Partly, Done::Deviates, Done::No];
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Done::Yes => "yes",
            Done::Partly => "partly",
            Done::Deviates => "deviates",
            Done::No => "no",
        })
    }
}

impl fmt::Display for Strength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Strength::Must => "MUST",
            Strength::MustNot => "MUST NOT",
            Strength::Should => "SHOULD",
            Strength::ShouldNot => "SHOULD NOT",
            Strength::May => "MAY",
            Strength::Says => "says",
        })
    }
}

impl Document {
    /// How many of its requirements are done so.
    pub fn count(&self, done: Done) -> usize {
        self.requirements.iter().filter(|one| one.done == done).count()
    }
}

impl Requirement {
    /// The section of the RFC that has it.
    pub fn section(&self) -> &'static str {
        let within = || self.id.split('-').nth(1).unwrap_or_default();
        self.section.unwrap_or_else(within)
    }
}

/// A table of what an RFC requires; a row is a line: id, `@` and the section where the id does not
/// tell it, how much it is wanted, whether it is done; what it asks for; what is done.
macro_rules! document {
    ($name:ident = $number:literal $title:literal;
     $($id:literal $(@ $section:literal)? $strength:ident $done:ident:
       $rule:literal => $what:literal;)*) => {
        #[doc = concat!("RFC ", $number, ".")]
        pub(super) const $name: super::Document = super::Document {
            number: $number,
            title: $title,
            requirements: &[$(super::Requirement {
                id: $id,
                section: super::optional!($($section)?),
                strength: super::Strength::$strength,
                done: super::Done::$done,
                rule: $rule,
                what: $what,
            }),*],
        };
    };
}

/// `None`, or `Some` of what is given.
macro_rules! optional {
    () => {
        None
    };
    ($value:literal) => {
        Some($value)
    };
}
use {document, optional};

/// All RFCs whose requirements are listed: TCP itself first, then by number.
pub const DOCUMENTS: &[Document] = &[
    tcp::RFC_9293,
    host::RFC_1122,
    options::RFC_1191,
    sack::RFC_2018,
    host::RFC_2525,
    sack::RFC_2883,
    sack::RFC_3042,
    congestion::RFC_3168,
    congestion::RFC_3465,
    sack::RFC_3522,
    sack::RFC_3708,
    sack::RFC_4015,
    options::RFC_4821,
    attack::RFC_4987,
    options::RFC_5482,
    congestion::RFC_5681,
    sack::RFC_5682,
    attack::RFC_5927,
    attack::RFC_5961,
    attack::RFC_6056,
    options::RFC_6093,
    attack::RFC_6191,
    recovery::RFC_6298,
    attack::RFC_6429,
    attack::RFC_6528,
    recovery::RFC_6582,
    attack::RFC_6633,
    recovery::RFC_6675,
    options::RFC_6691,
    congestion::RFC_6928,
    options::RFC_7323,
    congestion::RFC_7661,
    fastopen::RFC_7413,
    options::RFC_8201,
    congestion::RFC_8257,
    recovery::RFC_8985,
    congestion::RFC_9406,
    congestion::RFC_9438,
    recovery::RFC_9937,
];

/// Every requirement with its RFC.
pub fn all() -> impl Iterator<Item = (&'static Document, &'static Requirement)> {
    DOCUMENTS.iter().flat_map(|of| of.requirements.iter().map(move |one| (of, one)))
}

/// The requirements that a word means: an RFC (`8985`, `rfc8985`), a section (`8985-6.2`, `RFC 8985
/// §6.2`), or one by its id (`MUST-37`, `must37`, `8985-6.2-4`).
pub fn find(word: &str) -> Vec<(&'static Document, &'static Requirement)> {
    let wanted = plain(word);
    let label = wanted.strip_prefix("9293").filter(|rest| rest.starts_with(char::is_alphabetic));
    let wanted = label.unwrap_or(&wanted);
    let exact: Vec<_> = all().filter(|(_, one)| plain(one.id) == wanted).collect();
    if !exact.is_empty() {
        return exact;
    }
    let Some((number, section)) = parts(word) else { return Vec::new() };
    let inside = |one: &Requirement| {
        let rest = one.section().strip_prefix(section.as_str());
        section.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    all().filter(|(of, one)| of.number == number && inside(one)).collect()
}

/// Letters and digits only: who writes `must 37` means `MUST-37`.
fn plain(word: &str) -> String {
    let word = word.to_ascii_uppercase();
    let word = word.strip_prefix("RFC").unwrap_or(&word).replace("SHOULD", "SHLD");
    let keep = |c: &char| c.is_ascii_alphanumeric() || *c == '.';
    let (mut text, mut digits) = (String::new(), false);
    for c in word.chars() {
        // Where one number ends and another begins makes a difference.
        if !keep(&c) {
            digits = text.ends_with(|c: char| c.is_ascii_digit());
            continue;
        }
        if digits && c.is_ascii_digit() {
            text.push('-');
        }
        digits = false;
        text.push(c);
    }
    text
}

/// The number of an RFC, and a section of it, if one is said.
fn parts(word: &str) -> Option<(u16, String)> {
    let word = plain(word);
    let (number, section) = word.split_once('-').unwrap_or((&word, ""));
    Some((number.parse().ok()?, section.to_owned()))
}

#[cfg(test)]
mod tests;
