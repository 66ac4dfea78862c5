//! Deadlines by key: an indexed binary heap. One entry per key, moved in O(log n), no allocation
//! once it has grown to the number of keys. Ties fire in key order.

use super::time::Instant;

/// The deadlines of things numbered `0..n` (slab keys).
#[derive(Debug, Default)]
pub struct Deadlines {
    /// Heap of (when, key).
    heap: Vec<(Instant, u32)>,
    /// Key → place in `heap`, or `NONE`.
    place: Vec<u32>,
}

const NONE: u32 = u32::MAX;

impl Deadlines {
    /// Sets, moves or (with `None`) removes the deadline of `key`.
    pub fn set(&mut self, key: usize, at: Option<Instant>) {
        if key >= self.place.len() {
            if at.is_none() {
                return;
            }
            self.place.resize(key + 1, NONE);
        }
        match (self.place[key], at) {
            (NONE, None) => {}
            (NONE, Some(at)) => {
                self.heap.push((at, key as u32));
                self.place[key] = (self.heap.len() - 1) as u32;
                self.up(self.heap.len() - 1);
            }
            (place, Some(at)) => {
                let place = place as usize;
                if self.heap[place].0 != at {
                    self.heap[place].0 = at;
                    self.up(place);
                    self.down(self.place[key] as usize);
                }
            }
            (place, None) => self.remove(place as usize),
        }
    }

    /// The earliest deadline.
    pub fn next(&self) -> Option<Instant> {
        self.heap.first().map(|(at, _)| *at)
    }

    /// Removes and returns the key whose deadline came first, if that is at or before `now`.
    pub fn pop_due(&mut self, now: Instant) -> Option<usize> {
        let (at, key) = *self.heap.first()?;
        if at > now {
            return None;
        }
        self.remove(0);
        Some(key as usize)
    }

    fn remove(&mut self, place: usize) {
        let (_, key) = self.heap.swap_remove(place);
        self.place[key as usize] = NONE;
        if place < self.heap.len() {
            let moved = self.heap[place].1 as usize;
            self.place[moved] = place as u32;
            self.up(place);
            self.down(self.place[moved] as usize);
        }
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.heap.swap(a, b);
        self.place[self.heap[a].1 as usize] = a as u32;
        self.place[self.heap[b].1 as usize] = b as u32;
    }

    fn up(&mut self, mut at: usize) {
        while at > 0 && self.heap[at] < self.heap[(at - 1) / 2] {
            self.swap(at, (at - 1) / 2);
            at = (at - 1) / 2;
        }
    }

    fn down(&mut self, mut at: usize) {
        loop {
            let left = 2 * at + 1;
            let Some(first) = self.heap.get(left) else { return };
            let child =
                if self.heap.get(left + 1).is_some_and(|r| r < first) { left + 1 } else { left };
            if self.heap[at] <= self.heap[child] {
                return;
            }
            self.swap(at, child);
            at = child;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn agrees_with_a_map(
            ops in proptest::collection::vec((0usize..12, proptest::option::of(0u64..50)), 0..200),
        ) {
            let (mut ours, mut model) = (Deadlines::default(), BTreeMap::new());
            for (key, at) in ops {
                let at = at.map(Instant::from_nanos);
                ours.set(key, at);
                match at { Some(at) => { model.insert(key, at); } None => { model.remove(&key); } }
                prop_assert_eq!(ours.next(), model.values().min().copied());
            }
            let mut order: Vec<_> = model.iter().map(|(k, at)| (*at, *k)).collect();
            order.sort();
            for (at, key) in order {
                if at > Instant::ZERO {
                    prop_assert_eq!(ours.pop_due(at - std::time::Duration::from_nanos(1)), None);
                }
                prop_assert_eq!(ours.pop_due(at), Some(key));
            }
            prop_assert_eq!(ours.next(), None);
        }
    }
}
