//! Where a requirement is met, and what proves it: what `docs/rfc.md` says, which is written from
//! the comments in the code and in tests that name the requirement.

use super::{Requirement, scripts};

/// The table that people read, too.
const TABLE: &str = include_str!("../../docs/rfc.md");
/// Between the entries of a cell.
pub const BETWEEN: &str = "; ";

/// Where a requirement is met, and what proves it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Places {
    /// Files below `src/`, and functions or fields in them.
    pub code: Vec<&'static str>,
    /// What proves it.
    pub proofs: Vec<Proof>,
}

/// What proves that a requirement is met.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Proof {
    /// A script, which any binary can run: its file below `tests/wire/`, and what it says.
    Script(&'static str, &'static str),
    /// A test of `tests/it/`, by the name that cargo knows.
    Test(&'static str),
    /// A test beside the code.
    Unit(&'static str),
}

impl Proof {
    /// What an entry of the table means.
    fn of(entry: &'static str) -> Option<Proof> {
        if let Some(name) = entry.strip_prefix("lib ") {
            return Some(Proof::Unit(name));
        }
        if !entry.ends_with(".pkt") {
            return Some(Proof::Test(entry));
        }
        let known = scripts::SCRIPTS.iter().find(|(path, _)| *path == entry);
        known.map(|(path, text)| Proof::Script(path, text))
    }
}

/// Where a requirement is met, and what proves it.
pub fn of(requirement: &Requirement) -> Places {
    let row = TABLE.lines().map(cells).find(|row| row.first() == Some(&requirement.id));
    let [.., code, tests] = row.as_deref().unwrap_or_default() else { return Places::default() };
    Places { code: entries(code).collect(), proofs: entries(tests).filter_map(Proof::of).collect() }
}

/// The cells of a row of a table.
fn cells(line: &'static str) -> Vec<&'static str> {
    let inner = line.strip_prefix("| ").and_then(|rest| rest.strip_suffix(" |"));
    inner.map(|row| row.split(" | ").collect()).unwrap_or_default()
}

fn entries(cell: &'static str) -> impl Iterator<Item = &'static str> {
    cell.split(BETWEEN).filter(|entry| !matches!(*entry, "-" | ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_tells_where_and_what_proves_it() {
        let (_, zero_window) = crate::rfc::find("MUST-37")[0];
        let places = of(zero_window);
        assert!(places.code.iter().any(|place| place.starts_with("tcp/ack.rs ")), "{places:?}");
        let script = |proof: &Proof| matches!(proof, Proof::Script(_, text) if !text.is_empty());
        assert!(places.proofs.iter().any(script), "{places:?}");
        let test = Proof::Test("window::each::zero_window_probes");
        assert!(places.proofs.contains(&test), "{places:?}");
    }
}
