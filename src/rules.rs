//! The table of rules: every vocabulary in which the code says why, with its sentences, for views,
//! for translations, and for the tests, which want each rule seen and not seen.

use crate::base::{Limit, Rule, Why};
use crate::{impair, link, stack, tcp};

/// The rules that answer one kind of question.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Vocabulary {
    /// The enum's name, which stands before the rule's in a full name: `Why::Paws`.
    pub name: &'static str,
    /// The question.
    pub asks: &'static str,
    /// The answers.
    pub rules: &'static [Rule],
}

/// All vocabularies: a new one is a line here.
pub const VOCABULARIES: &[Vocabulary] = &[
    Vocabulary { name: "Why", asks: "why something was dropped", rules: Why::RULES },
    Vocabulary { name: "Plan", asks: "why a segment is sent", rules: tcp::Plan::RULES },
    Vocabulary { name: "AckWhy", asks: "why an ACK is owed", rules: tcp::AckWhy::RULES },
    Vocabulary { name: "RtxRule", asks: "why it is sent again", rules: tcp::RtxRule::RULES },
    Vocabulary { name: "Spurious", asks: "what was for nothing", rules: tcp::Spurious::RULES },
    Vocabulary {
        name: "SlowStart",
        asks: "what becomes of slow start",
        rules: tcp::SlowStart::RULES,
    },
    Vocabulary { name: "FastOpen", asks: "what fast opening did", rules: tcp::FastOpen::RULES },
    Vocabulary { name: "Blocked", asks: "why nothing is sent", rules: tcp::Blocked::RULES },
    Vocabulary { name: "Cause", asks: "why a state changed", rules: tcp::Cause::RULES },
    Vocabulary { name: "Reply", asks: "why no connection answers", rules: tcp::Reply::RULES },
    Vocabulary { name: "Sent", asks: "why another packet is sent", rules: stack::Sent::RULES },
    Vocabulary {
        name: "bridge::Cause",
        asks: "what a hub or switch did with a frame",
        rules: link::bridge::Cause::RULES,
    },
    Vocabulary { name: "link::Cause", asks: "why a link changed", rules: link::Cause::RULES },
    Vocabulary { name: "Limit", asks: "which limit was hit", rules: Limit::RULES },
    Vocabulary { name: "Fate", asks: "why a link lost a packet", rules: impair::Fate::RULES },
    Vocabulary { name: "Act", asks: "what a link did with a packet", rules: impair::What::RULES },
    #[cfg(feature = "tokio")]
    Vocabulary { name: "dhcp::Cause", asks: "why a lease changed", rules: dhcp::Cause::RULES },
    #[cfg(feature = "tokio")]
    Vocabulary { name: "dhcp::Reason", asks: "why DHCP is sent", rules: dhcp::Reason::RULES },
    #[cfg(feature = "tokio")]
    Vocabulary { name: "dhcp::Ignored", asks: "why DHCP is ignored", rules: dhcp::Ignored::RULES },
];

#[cfg(feature = "tokio")]
use crate::app::dhcp;

/// Every rule with its vocabulary.
pub fn all() -> impl Iterator<Item = (&'static Vocabulary, &'static Rule)> {
    VOCABULARIES.iter().flat_map(|all| all.rules.iter().map(move |rule| (all, rule)))
}

/// A rule's full name, which no other rule has: `Why::Paws`.
pub fn full_name(vocabulary: &Vocabulary, rule: &Rule) -> String {
    format!("{}::{}", vocabulary.name, rule.key)
}

/// The rules of this name: a full one, or a key, which several vocabularies may have. Letters count
/// without their case.
pub fn find(name: &str) -> Vec<(&'static Vocabulary, &'static Rule)> {
    let is = |known: &str| known.eq_ignore_ascii_case(name);
    all().filter(|(of, rule)| is(rule.key) || is(&full_name(of, rule))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Those that fit on a page or two have no sections to name.
    const SHORT: &[&str] = &["RFC 768", "RFC 792", "RFC 826", "RFC 894", "IEEE 802.1Q", "RFC 6191"];
    /// What else decides.
    const OTHERS: &[&str] = &[
        "bound of this",
        "socket API",
        "policy: ",
        "tc-netem(8): ",
        "the link's ",
        "what-if: ",
        "listen(2)",
        "ip neigh",
        "ip address",
        "tcp(7)",
        "knob",
    ];

    #[test]
    fn no_two_rules_have_the_same_full_name() {
        let mut names = BTreeSet::new();
        for (of, rule) in all() {
            assert!(names.insert(full_name(of, rule)), "{} twice", full_name(of, rule));
        }
        let vocabularies: BTreeSet<_> = VOCABULARIES.iter().map(|of| of.name).collect();
        assert_eq!(vocabularies.len(), VOCABULARIES.len());
    }

    #[test]
    fn every_rule_names_what_decides() {
        for (of, rule) in all() {
            let decides = |part: &str| {
                part.contains(['§']) && part.starts_with("RFC ")
                    || part.starts_with("IEEE ") && part.contains('§')
                    || part.contains(" figure ")
                    || SHORT.iter().any(|short| part.starts_with(short))
                    || OTHERS.iter().any(|other| part.starts_with(other))
            };
            assert!(rule.rfc.split("; ").any(decides), "{}: {}", full_name(of, rule), rule.rfc);
        }
    }

    #[test]
    fn every_sentence_is_short_and_sure() {
        for (of, rule) in all() {
            let name = full_name(of, rule);
            let words = ["unknown", "suspect", "probably", "maybe", "somehow"];
            assert!(words.iter().all(|word| !rule.text.contains(word)), "{name}: {}", rule.text);
            assert!(!rule.text.ends_with('.') && !rule.text.is_empty(), "{name}");
            let mut filled = rule.text.to_owned();
            for input in rule.inputs {
                filled = filled.replace(&format!("{{{input}}}"), "4294967295");
            }
            assert!(!filled.contains(['{', '}']), "{name}: {filled}");
            assert!(filled.chars().count() <= 200, "{name}: longer than two lines");
        }
    }

    #[test]
    fn a_rule_is_found_by_either_name() {
        let names = |name: &str| -> Vec<String> {
            find(name).into_iter().map(|(of, rule)| full_name(of, rule)).collect()
        };
        assert_eq!(names("why::paws"), ["Why::Paws"]);
        assert_eq!(names("DataAfterClose"), ["Why::DataAfterClose", "Cause::DataAfterClose"]);
        assert_eq!(names("Pause"), [""; 0]);
        assert_eq!(find("Limit::Backlog")[0].1.inputs, ["port", "max"]);
    }
}
