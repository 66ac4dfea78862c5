//! The words of a link, clause by clause, so that a key of the link can take the place of one.

use crate::impair::PRESETS;

/// Clauses that a link can have as keys of their own, which count for both directions and win
/// over `with`: so one can be changed from outside. Besides, the words that go with each.
pub(super) const CLAUSES: &[(&str, &[&str])] = &[
    ("delay", &["delay"]),
    ("loss", &["loss"]),
    ("duplicate", &["duplicate"]),
    ("corrupt", &["corrupt"]),
    ("reorder", &["reorder"]),
    ("rate", &["rate"]),
    ("limit", &["limit"]),
    ("queue", &["queue", "codel", "limit"]),
    ("codel", &["queue", "codel", "limit"]),
    ("drop", &[]),
    ("partition", &[]),
];

/// Words that start a clause and are no keys.
const OTHERS: [&str; 2] = ["overhead", "mpu"];

/// One clause, or the direction that the clauses behind it count for.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Clause<'a> {
    words: Vec<&'a str>,
}

impl<'a> Clause<'a> {
    fn first(&self) -> &'a str {
        self.words[0].trim_end_matches(',')
    }

    /// What the clause does, it does to every packet, and not to certain ones.
    fn is_general(&self) -> bool {
        let next = self.words.get(1).copied().unwrap_or_default();
        let number = next.starts_with(|c: char| c.is_ascii_digit());
        number || !matches!(self.first(), "delay" | "duplicate" | "corrupt")
    }

    fn is_direction(&self) -> bool {
        is_direction(self.first())
    }

    fn is_preset(&self) -> bool {
        is_preset(self.first())
    }
}

fn is_direction(word: &str) -> bool {
    matches!(word, "in" | "out" | "both")
}

fn is_preset(word: &str) -> bool {
    PRESETS.iter().any(|preset| preset.name.eq_ignore_ascii_case(word))
}

/// A link's words, in clauses.
fn split(text: &str) -> Vec<Clause<'_>> {
    let mut all: Vec<Clause<'_>> = Vec::new();
    for word in text.split_whitespace() {
        let plain = word.trim_end_matches(',');
        let named = CLAUSES.iter().any(|(name, _)| *name == plain) || OTHERS.contains(&plain);
        // A queue can have a limit of its own.
        let last = all.last().map(Clause::first).unwrap_or_default();
        let inner = plain == "limit" && matches!(last, "queue" | "codel");
        let starts = named && !inner || is_direction(plain) || is_preset(plain);
        match all.last_mut() {
            Some(clause) if !starts => clause.words.push(word),
            _ => all.push(Clause { words: vec![word] }),
        }
    }
    all
}

/// The words of a link with one clause in the place of those that it replaces.
pub(super) fn replaced(words: &str, clause: &str, value: &str) -> String {
    let goes = CLAUSES.iter().find(|(name, _)| *name == clause).map_or(&[][..], |(_, with)| with);
    let old = split(words);
    let one_way = old.iter().position(Clause::is_direction).unwrap_or(old.len());
    let is_old = |it: &Clause<'_>| goes.contains(&it.first()) && it.is_general();
    let text = format!("{clause} {value}");
    let new = Clause { words: text.split_whitespace().collect() };
    // A kind of link undoes what was said before it.
    let last = old[one_way..].iter().any(Clause::is_preset);
    let place = old[..one_way].iter().position(is_old).unwrap_or(one_way);
    let (before, after) = old.split_at(if last { old.len() } else { place });
    let mut all: Vec<Clause<'_>> = before.iter().filter(|it| !is_old(it)).cloned().collect();
    all.extend(last.then(|| Clause { words: vec!["both"] }));
    all.push(new);
    all.extend(after.iter().filter(|it| !is_old(it)).cloned());
    let said = all.iter().enumerate().filter(|(n, it)| {
        let next = all.get(n + 1);
        !it.is_direction() || next.is_some_and(|next| !next.is_direction())
    });
    said.flat_map(|(_, it)| it.words.iter().copied()).collect::<Vec<_>>().join(" ")
}

/// A link's words as they are seen from its second end: `in` and `out` change places.
pub(super) fn turned(words: &str) -> String {
    let words = split(words).into_iter().flat_map(|clause| match clause.first() {
        "in" => vec!["out"],
        "out" => vec!["in"],
        _ => clause.words,
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clause_takes_the_place_of_its_like() {
        let slow = "rate 10mbit delay 10ms queue 33 out drop data#4 once";
        for (words, clause, value, now) in [
            ("", "loss", "2%", "loss 2%"),
            (slow, "delay", "5ms", "rate 10mbit delay 5ms queue 33 out drop data#4 once"),
            (slow, "queue", "17", "rate 10mbit delay 10ms queue 17 out drop data#4 once"),
            (slow, "loss", "1%", "rate 10mbit delay 10ms queue 33 loss 1% out drop data#4 once"),
            (slow, "codel", "", "rate 10mbit delay 10ms codel out drop data#4 once"),
            ("rate 1mbit queue limit 5", "limit", "9", "rate 1mbit queue limit 5 limit 9"),
            ("in delay 1ms out delay 2ms loss 1%", "delay", "0ms", "delay 0ms out loss 1%"),
            ("delay data#4 by 20ms", "delay", "5ms", "delay data#4 by 20ms delay 5ms"),
            ("wifi", "loss", "1%", "wifi loss 1%"),
            ("in wifi", "loss", "1%", "in wifi both loss 1%"),
            ("drop data#1", "drop", "data#4,#19", "drop data#1 drop data#4,#19"),
        ] {
            assert_eq!(replaced(words, clause, value), now, "{words} with {clause} {value}");
        }
    }

    #[test]
    fn a_link_can_be_seen_from_its_other_end() {
        assert_eq!(
            turned("delay 1ms out drop syn in loss 1%"),
            "delay 1ms in drop syn out loss 1%"
        );
    }
}
