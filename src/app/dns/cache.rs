//! What was found lately. Bounded in entries, and in time by what the answers say.

use super::lookup::{Found, Outcome};
use super::message::Type;
use super::name::Name;
use crate::base::Instant;
use std::collections::BTreeMap;

/// Entries, at most.
const ENTRIES_MAX: usize = 1000;
/// That a name does not exist is kept once, for all types.
const ALL: Type = Type(0);

/// The cache. Time comes with every call.
#[derive(Debug, Default)]
pub(super) struct Cache {
    entries: BTreeMap<(Name, Type), (Instant, Found)>,
}

impl Cache {
    /// What is known at `now`.
    pub(super) fn get(&self, now: Instant, name: &Name, rtype: Type) -> Option<Found> {
        [ALL, rtype].into_iter().find_map(|rtype| {
            let (until, found) = self.entries.get(&(name.clone(), rtype))?;
            (now < *until).then(|| found.clone())
        })
    }

    /// Keeps an outcome for as long as it holds. When there is no room, what would not be kept
    /// much longer goes.
    pub(super) fn put(&mut self, now: Instant, name: &Name, rtype: Type, outcome: &Outcome) {
        if outcome.keep.is_zero() {
            return;
        }
        let rtype = if outcome.found == Found::NoName { ALL } else { rtype };
        let key = (name.clone(), rtype);
        if self.entries.len() >= ENTRIES_MAX && !self.entries.contains_key(&key) {
            self.entries.retain(|_, (until, _)| now < *until);
        }
        if self.entries.len() >= ENTRIES_MAX && !self.entries.contains_key(&key) {
            let soonest = self.entries.iter().min_by_key(|(_, (until, _))| *until);
            if let Some(key) = soonest.map(|(key, _)| key.clone()) {
                self.entries.remove(&key);
            }
        }
        self.entries.insert(key, (now + outcome.keep, outcome.found.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn name(text: &str) -> Name {
        text.parse().expect("a name")
    }

    fn outcome(found: Found, seconds: u64) -> Outcome {
        Outcome { found, keep: Duration::from_secs(seconds) }
    }

    fn at(seconds: u64) -> Instant {
        Instant::from_millis(seconds * 1000)
    }

    #[test]
    fn answers_are_kept_for_their_time() {
        let (mut cache, addr) = (Cache::default(), [10, 9, 0, 2].into());
        let found = Found::Addresses(vec![addr]);
        cache.put(at(10), &name("Host.glass"), Type::A, &outcome(found.clone(), 5));
        assert_eq!(cache.get(at(10), &name("hOST.GLASS"), Type::A), Some(found.clone()));
        assert_eq!(cache.get(at(14), &name("host.glass"), Type::A), Some(found));
        assert_eq!(cache.get(at(14), &name("host.glass"), Type::AAAA), None);
        assert_eq!(cache.get(at(15), &name("host.glass"), Type::A), None);
        cache.put(at(15), &name("host.glass"), Type::A, &outcome(Found::NoData, 0));
        assert_eq!(cache.get(at(15), &name("host.glass"), Type::A), None, "nothing for no time");
    }

    #[test]
    fn what_does_not_exist_has_no_type() {
        let mut cache = Cache::default();
        cache.put(at(0), &name("no.glass"), Type::A, &outcome(Found::NoName, 5));
        cache.put(at(0), &name("v6.glass"), Type::A, &outcome(Found::NoData, 5));
        assert_eq!(cache.get(at(1), &name("no.glass"), Type::AAAA), Some(Found::NoName));
        assert_eq!(cache.get(at(1), &name("v6.glass"), Type::AAAA), None);
    }

    #[test]
    fn a_full_cache_forgets_what_is_old() {
        let mut cache = Cache::default();
        for n in 0..5 * ENTRIES_MAX as u64 {
            let named = name(&format!("n{n}.glass"));
            // All that are kept one second have expired when the next thousand comes.
            cache.put(at(n / 1000), &named, Type::A, &outcome(Found::NoData, 1 + n % 100));
            assert!(cache.entries.len() <= ENTRIES_MAX);
            assert!(cache.get(at(n / 1000), &named, Type::A).is_some());
        }
        let longest = name("n199.glass");
        assert!(cache.get(at(5), &longest, Type::A).is_some(), "the last to expire stays");
    }
}
