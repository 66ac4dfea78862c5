//! Ephemeral ports: which port a socket gets that did not ask for one (RFC 6056).
//!
//! UDP and TCP pick alike; whether a port is taken is theirs to say.

use super::rng::{Chance, Purpose};
use std::ops::RangeInclusive;

/// By which algorithm of RFC 6056 a port is chosen.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub enum PortChoice {
    /// At random (§3.3.1, algorithm 1): hardest to guess.
    #[default]
    Random,
    /// One after another from a place that depends on the destination (§3.3.3, algorithm 3): a port
    /// comes back to its destination as late as possible.
    Hash,
    /// One after another (§2.2: the traditional way, easy to guess); for comparison.
    Sequential,
}

/// The range ephemeral ports come from, and how one is chosen.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "record", serde(try_from = "(u16, u16, PortChoice)"))]
pub struct Ephemeral {
    first: u16,
    last: u16,
    choice: PortChoice,
}

/// Linux's `net.ipv4.ip_local_port_range`. (RFC 6335 §6 suggests 49152..=65535; the wider range is
/// harder to guess, RFC 6056 §3.2.)
impl Default for Ephemeral {
    // Rules: 6056-3.2-1.
    fn default() -> Ephemeral {
        Ephemeral { first: 32768, last: 60999, choice: PortChoice::Random }
    }
}

/// As [`Ephemeral::new`].
impl TryFrom<(u16, u16, PortChoice)> for Ephemeral {
    type Error = &'static str;

    fn try_from((first, last, choice): (u16, u16, PortChoice)) -> Result<Ephemeral, &'static str> {
        let range = Ephemeral::new(first..=last).map(|range| range.choosing(choice));
        range.ok_or("a range of ports is not empty, and 0 is no port")
    }
}

impl Ephemeral {
    /// Ports `range`; `None` when it is empty or holds port 0, which names no port.
    pub fn new(range: RangeInclusive<u16>) -> Option<Ephemeral> {
        let (first, last) = range.into_inner();
        let choice = PortChoice::Random;
        (first > 0 && first <= last).then_some(Ephemeral { first, last, choice })
    }

    /// The same ports, chosen by another algorithm.
    #[must_use]
    pub fn choosing(self, choice: PortChoice) -> Ephemeral {
        Ephemeral { choice, ..self }
    }

    /// Whether where the search begins depends on the destination.
    pub fn heeds_destination(self) -> bool {
        self.choice == PortChoice::Hash
    }

    /// How many ports there are, 1..=65535.
    pub fn count(self) -> u16 {
        self.last - self.first + 1
    }

    /// Whether `port` is one of them.
    pub fn contains(self, port: u16) -> bool {
        (self.first..=self.last).contains(&port)
    }

    /// A free port, searched upwards from where the algorithm says; `None` when all are taken.
    /// `key` keeps protocols (or destinations) apart, `counter` successive picks.
    // Rules: 5927-4.2-1, 6056-3.3-1, 6056-3.3-2.
    pub fn pick(
        self,
        chance: &Chance,
        key: u64,
        counter: u64,
        mut in_use: impl FnMut(u16) -> bool,
    ) -> Option<u16> {
        let count = u64::from(self.count());
        let start = match self.choice {
            PortChoice::Random => chance.below(count, Purpose::Port, key, counter),
            PortChoice::Hash => (chance.below(count, Purpose::Port, key, 0) + counter) % count,
            PortChoice::Sequential => counter % count,
        } as u16;
        let upwards = (self.first + start..=self.last).chain(self.first..self.first + start);
        upwards.into_iter().find(|port| !in_use(*port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    // Rules: 6056-3.3-2.
    #[test]
    fn every_port_is_found_before_the_range_is_exhausted() {
        let range = Ephemeral::new(65_530..=65_535).expect("a range");
        let chance = Chance::from_seed(1);
        let mut taken = BTreeSet::new();
        for counter in 0..u64::from(range.count()) {
            let port = range.pick(&chance, 17, counter, |p| taken.contains(&p)).expect("a port");
            assert!(range.contains(port) && taken.insert(port));
        }
        assert_eq!(range.pick(&chance, 17, 9, |p| taken.contains(&p)), None);
        taken.remove(&65_530);
        assert_eq!(range.pick(&chance, 17, 9, |p| taken.contains(&p)), Some(65_530));
    }

    // Rules: 6056-3.3-1.
    #[test]
    fn starts_are_spread_and_repeatable() {
        let (range, chance) = (Ephemeral::default(), Chance::from_seed(3));
        let pick = |key, counter| range.pick(&chance, key, counter, |_| false).expect("a port");
        assert_eq!(pick(6, 5), pick(6, 5));
        let seen: BTreeSet<u16> = (0..100).map(|n| pick(6, n)).collect();
        assert!(seen.len() > 95 && seen.iter().all(|p| range.contains(*p)), "{}", seen.len());
        assert_ne!(
            (0..8).map(|n| pick(6, n)).collect::<Vec<_>>(),
            (0..8).map(|n| pick(17, n)).collect::<Vec<_>>()
        );
    }

    // Rules: 6056-3.2-1.
    #[test]
    fn ranges_without_ports_are_refused() {
        assert_eq!(Ephemeral::new(0..=5), None);
        #[expect(clippy::reversed_empty_ranges, reason = "the empty range is what is tested")]
        let empty = 9..=8;
        assert_eq!(Ephemeral::new(empty), None);
        assert_eq!(Ephemeral::new(7..=7).map(Ephemeral::count), Some(1));
    }
}
