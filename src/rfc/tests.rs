//! What the tables of requirements have in common.

use super::*;
use std::collections::BTreeSet;

fn ids(word: &str) -> Vec<&'static str> {
    find(word).into_iter().map(|(_, one)| one.id).collect()
}

#[test]
fn every_id_is_said_once_and_names_its_rfc() {
    let mut seen = BTreeSet::new();
    for (of, one) in all() {
        assert!(seen.insert(one.id), "{} twice", one.id);
        let labelled = ["MUST-", "SHLD-", "MAY-", "REC-"].iter().any(|p| one.id.starts_with(p));
        let numbered = one.id.starts_with(&format!("{}-", of.number));
        assert!(labelled == (of.number == 9293) && labelled != numbered, "{}", one.id);
        assert!(one.section().starts_with(|c: char| c.is_ascii_digit() || c.is_uppercase()));
    }
}

#[test]
fn every_row_says_what_and_why() {
    for (_, one) in all() {
        for text in [one.rule, one.what] {
            assert!(!text.is_empty() && !text.contains('|') && !text.ends_with('.'), "{}", one.id);
            assert!(text.chars().count() <= 260, "{}: longer than two lines", one.id);
        }
    }
}

/// Appendix B has 69 MUSTs, 31 SHOULDs, 18 MAYs, and one more that is recommended.
#[test]
fn appendix_b_is_complete() {
    let has = |label: &str, n: u16| ids(&format!("{label}-{n}")) == [format!("{label}-{n}")];
    assert!((1..=69).all(|n| has("MUST", n)) && (1..=31).all(|n| has("SHLD", n)));
    assert!((1..=18).all(|n| has("MAY", n)) && has("REC", 1));
    assert_eq!(tcp::RFC_9293.requirements.len(), 69 + 31 + 18 + 1);
}

#[test]
fn requirements_are_found_by_what_people_write() {
    for word in ["MUST-37", "must-37", "must37", "Must 37", "RFC 9293 MUST-37"] {
        assert_eq!(ids(word), ["MUST-37"], "{word}");
    }
    assert_eq!(ids("should-3"), ["SHLD-3"]);
    assert_eq!(ids("rfc9293").len(), 119);
    assert_eq!(ids("9293-3.8.6.1"), ["MAY-8", "MUST-36", "SHLD-29", "SHLD-30", "MUST-37"]);
    assert_eq!(ids("RFC 9293 §3.8.6"), ids("9293-3.8.6"));
    assert_eq!(ids("MUST-70"), [""; 0]);
    assert_eq!(ids("rfc2549"), [""; 0]);
}
