//! Ephemeral ports: which port a socket gets that did not ask for one (RFC 6056).
//!
//! UDP and TCP pick alike; whether a port is taken is theirs to say.

use super::rng::{Chance, Purpose};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// Ports that are tried one after another before it is asked which are free of everybody.
const NEAR: usize = 64;
/// Ports that are tried where each is somebody's; those of others may do, too.
const FAR: u16 = 1024;

/// The ports that somebody uses, 64 to a word: a thousand words tell of all that there are.
#[derive(Clone, Debug, Default)]
pub struct Used(BTreeMap<u16, u64>);

impl Used {
    /// Somebody uses a port.
    pub fn insert(&mut self, port: u16) {
        *self.0.entry(port / 64).or_default() |= 1 << (port % 64);
    }

    /// Nobody uses it any more.
    pub fn remove(&mut self, port: u16) {
        if let Some(word) = self.0.get_mut(&(port / 64)) {
            *word &= !(1 << (port % 64));
            if *word == 0 {
                self.0.remove(&(port / 64));
            }
        }
    }

    /// The first port from `first` to `last` that nobody uses.
    fn first_free(&self, first: u16, last: u16) -> Option<u16> {
        let mut known = self.0.range(first / 64..).peekable();
        let free = (first / 64..=last / 64).find_map(|at| {
            let used = known.next_if(|(word, _)| **word == at).map_or(0, |(_, used)| *used);
            let from = if at == first / 64 { first % 64 } else { 0 };
            let free = !used & (u64::MAX << from);
            (free != 0).then(|| at * 64 + free.trailing_zeros() as u16)
        });
        free.filter(|port| *port <= last)
    }
}

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

    /// A free port, searched upwards from where the algorithm says; `None` when none is found.
    /// `key` keeps protocols (or destinations) apart, `counter` successive picks. A port that is
    /// not `used` is free; one that is may be, where `in_use` says no: to another destination.
    ///
    /// However few are left, the work is bounded: some ports are tried one by one, then `used`
    /// tells the next that nobody has. When every port is somebody's, some all over the range are
    /// tried.
    // Rules: 5927-4.2-1, 6056-3.3-1, 6056-3.3-2.
    pub fn pick(
        self,
        chance: &Chance,
        key: u64,
        counter: u64,
        used: &Used,
        mut in_use: impl FnMut(u16) -> bool,
    ) -> Option<u16> {
        let count = u64::from(self.count());
        let start = match self.choice {
            PortChoice::Random => chance.below(count, Purpose::Port, key, counter),
            PortChoice::Hash => (chance.below(count, Purpose::Port, key, 0) + counter) % count,
            PortChoice::Sequential => counter % count,
        };
        let at = |n: u64| self.first + ((start + n) % count) as u16;
        let near = (0..count).take(NEAR).map(at).find(|port| !in_use(*port));
        let nobodys = || {
            let upwards = used.first_free(at(0), self.last);
            upwards.or_else(|| used.first_free(self.first, at(0)))
        };
        near.or_else(nobodys).or_else(|| {
            let step = count.div_ceil(u64::from(FAR)) as usize;
            (0..count).step_by(step).map(at).find(|port| !in_use(*port))
        })
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
        let (mut taken, mut used) = (BTreeSet::new(), Used::default());
        for counter in 0..u64::from(range.count()) {
            let port = range.pick(&chance, 17, counter, &used, |p| taken.contains(&p));
            let port = port.expect("a port");
            assert!(range.contains(port) && taken.insert(port));
            used.insert(port);
        }
        assert_eq!(range.pick(&chance, 17, 9, &used, |p| taken.contains(&p)), None);
        taken.remove(&65_530);
        assert_eq!(range.pick(&chance, 17, 9, &used, |p| taken.contains(&p)), Some(65_530));
    }

    /// With 28 000 ports taken of 28 232 the others are all found, at a bounded price, and so it is
    /// told that there are none; what is somebody's may still do for another destination.
    // Rules: 6056-3.3-2.
    #[test]
    fn the_last_ports_cost_no_more() {
        for choice in [PortChoice::Random, PortChoice::Hash, PortChoice::Sequential] {
            let (range, chance) = (Ephemeral::default().choosing(choice), Chance::from_seed(1));
            let (mut taken, mut used) = (BTreeSet::new(), Used::default());
            for port in range.first..range.first + 28_000 {
                taken.insert(port);
                used.insert(port);
            }
            let pick = |counter, taken: &BTreeSet<u16>, used: &Used| {
                let mut asked = 0;
                let port = range.pick(&chance, 6, counter, used, |port| {
                    asked += 1;
                    taken.contains(&port)
                });
                assert!(asked <= NEAR + usize::from(FAR), "{asked} ports were tried");
                port
            };
            for counter in 0..u64::from(range.count()) - 28_000 {
                let port = pick(counter, &taken, &used).expect("some are left");
                assert!(range.contains(port) && taken.insert(port), "{port}");
                used.insert(port);
            }
            assert_eq!((taken.len(), pick(5, &taken, &used)), (28_232, None));
            taken.retain(|port| port % 64 > 0);
            assert!((0..50).all(|counter| pick(counter, &taken, &used).is_some()));
            used.remove(60_000);
            assert_eq!(used.first_free(32_768, 60_999), Some(60_000));
        }
    }

    // Rules: 6056-3.3-1.
    #[test]
    fn starts_are_spread_and_repeatable() {
        let (range, chance) = (Ephemeral::default(), Chance::from_seed(3));
        let used = Used::default();
        let pick = |key, counter| {
            range.pick(&chance, key, counter, &used, |_| false).expect("nobody has any")
        };
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
