//! One direction of a bad link: packets in with their time, packets out when they have arrived.
//!
//! The order of decisions is netem's: duplicate, lose, corrupt, drop beyond the limit, then either
//! overtake at once or wait for transmission and travel. Every decision is drawn for the packet's
//! ordinal, so it does not depend on how often this machine was asked anything else.

use super::{Distribution, Impairment, Odds, Ppm};
use crate::base::rng::Purpose;
use crate::base::time::nanos;
use crate::base::{Chance, Frame, Instant, Pool};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// What happened to packets so far.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Packets that came out.
    pub passed: u64,
    /// Packets lost.
    pub lost: u64,
    /// Packets that got a second copy.
    pub duplicated: u64,
    /// Packets sent at once while others wait.
    pub reordered: u64,
    /// Packets with a flipped bit.
    pub corrupted: u64,
    /// Packets dropped because the limit was reached.
    pub overlimit: u64,
}

crate::explained! {
    /// Why a packet came to nothing.
    #[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
    pub enum Fate {
        /// Luck.
        Lost = "LinkLoss", "tc-netem(8): loss", "lost by the bad link";
        /// The queue was full.
        Overlimit = "LinkLimit", "tc-netem(8): limit", "dropped by the bad link: as many packets are under way as may be";
    }
}

/// `97 passed, 3 lost`: those that are not zero.
impl fmt::Display for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counters { passed, lost, duplicated, reordered, corrupted, overlimit } = *self;
        write!(f, "{passed} passed")?;
        for (n, what) in [
            (lost, "lost"),
            (duplicated, "duplicated"),
            (reordered, "overtook others"),
            (corrupted, "corrupted"),
            (overlimit, "dropped beyond the limit"),
        ] {
            if n > 0 {
                write!(f, ", {n} {what}")?;
            }
        }
        Ok(())
    }
}

/// Shows the counters of a [`Link`] that a driver has taken.
#[derive(Clone, Debug, Default)]
pub struct Gauge(Arc<Mutex<Counters>>);

impl Gauge {
    /// What happened so far.
    pub fn read(&self) -> Counters {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, counters: Counters) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = counters;
    }
}

/// The previous draw of each kind, for correlation.
#[derive(Copy, Clone, Debug)]
struct Last {
    loss: u32,
    duplicate: u32,
    corrupt: u32,
    reorder: u32,
    delay: u32,
}

/// A machine that impairs the packets of one direction. It takes packets as they are on a wire:
/// within the MTU, with complete checksums (see [`crate::wire::split`]).
#[derive(Debug)]
pub struct Link {
    rules: Impairment,
    chance: Chance,
    /// Which link and direction: the key of every draw.
    id: u64,
    pool: Pool,
    /// Under way, by arrival and then by order of sending.
    queue: BTreeMap<(Instant, u64), Frame>,
    /// How many packets came in.
    ordinal: u64,
    /// How many were queued.
    sent: u64,
    /// How many were delayed since the last that overtook.
    since_reordered: u32,
    /// When the last packet that waited its turn arrives: the next is transmitted behind it.
    busy: Instant,
    last: Last,
    counters: Counters,
    gauge: Gauge,
}

impl Link {
    /// A link that follows `rules`. `id` tells apart the links and directions that share `chance`;
    /// corrupted packets get blocks from `pool`.
    pub fn new(rules: Impairment, chance: Chance, id: u64, pool: Pool) -> Link {
        let before = |purpose| (chance.draw(purpose, id, u64::MAX) >> 32) as u32;
        let last = Last {
            loss: before(Purpose::Loss),
            duplicate: before(Purpose::Duplicate),
            corrupt: before(Purpose::Corrupt),
            reorder: before(Purpose::Reorder),
            delay: before(Purpose::Jitter),
        };
        Link {
            rules,
            chance,
            id,
            pool,
            queue: BTreeMap::new(),
            ordinal: 0,
            sent: 0,
            since_reordered: 0,
            busy: Instant::ZERO,
            last,
            counters: Counters::default(),
            gauge: Gauge::default(),
        }
    }

    /// Shows what happened so far, wherever the link itself goes.
    pub fn gauge(&self) -> Gauge {
        self.gauge.clone()
    }

    /// What it does.
    pub fn rules(&self) -> &Impairment {
        &self.rules
    }

    /// Follows other rules from the next packet on; those under way arrive as planned.
    pub fn set_rules(&mut self, rules: Impairment) {
        self.rules = rules;
    }

    /// What happened so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// How many packets are under way.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether no packet is under way.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Takes a packet that is sent at `now`; gives back what came to nothing, be it one of two
    /// copies. Calls come in the order of time.
    pub fn input(&mut self, now: Instant, frame: Frame) -> Option<(Fate, Frame)> {
        let counter = self.ordinal * 2;
        self.ordinal += 1;
        let Impairment { duplicate, loss, .. } = self.rules;
        let twice = self.hits(Purpose::Duplicate, counter, duplicate, |last| &mut last.duplicate);
        let lost = self.hits(Purpose::Loss, counter, loss, |last| &mut last.loss);
        self.counters.duplicated += u64::from(twice);
        self.counters.lost += u64::from(lost);
        let mut gone = lost.then(|| (Fate::Lost, frame.clone()));
        if twice && !lost {
            gone = self.send(now, counter + 1, frame.clone());
        }
        if twice || !lost {
            gone = self.send(now, counter, frame).or(gone);
        }
        self.gauge.set(self.counters);
        gone
    }

    /// A packet that has arrived by `now`; call it until it gives none.
    pub fn output(&mut self, now: Instant) -> Option<Frame> {
        let entry = self.queue.first_entry()?;
        if entry.key().0 > now {
            return None;
        }
        self.counters.passed += 1;
        let frame = entry.remove();
        self.gauge.set(self.counters);
        Some(frame)
    }

    /// When the next packet arrives.
    pub fn deadline(&self) -> Option<Instant> {
        self.queue.first_key_value().map(|((at, _), _)| *at)
    }

    fn draw(&self, purpose: Purpose, counter: u64) -> u64 {
        self.chance.draw(purpose, self.id, counter)
    }

    /// Whether luck strikes the packet `counter`.
    fn hits(
        &mut self,
        purpose: Purpose,
        counter: u64,
        odds: Odds,
        last: impl Fn(&mut Last) -> &mut u32,
    ) -> bool {
        if odds.share == Ppm::ZERO {
            return false;
        }
        let fresh = (self.draw(purpose, counter) >> 32) as u32;
        let value = mixed(fresh, odds.correlation.of_32_bits(), last(&mut self.last));
        u64::from(value) < odds.share.of_32_bits()
    }

    /// Puts one copy on its way, unless there is no place for it. `counter` is unique to the copy.
    fn send(&mut self, now: Instant, counter: u64, mut frame: Frame) -> Option<(Fate, Frame)> {
        let corrupt = self.rules.corrupt;
        if self.hits(Purpose::Corrupt, counter, corrupt, |last| &mut last.corrupt)
            && !frame.is_empty()
        {
            // Whether and where are two draws: the highest bit of the counter tells them apart.
            let bits = frame.len() as u64 * 8;
            let bit = self.chance.below(bits, Purpose::Corrupt, self.id, counter | 1 << 63);
            frame = flipped(&self.pool, &frame, bit);
            self.counters.corrupted += 1;
        }
        if self.queue.len() >= self.rules.limit as usize {
            self.counters.overlimit += 1;
            return Some((Fate::Overlimit, frame));
        }
        let at = if self.overtakes(counter) {
            self.counters.reordered += 1;
            now
        } else {
            self.arrival(now, counter, frame.len())
        };
        self.queue.insert((at, self.sent), frame);
        self.sent += 1;
        None
    }

    fn overtakes(&mut self, counter: u64) -> bool {
        let Some(reorder) = self.rules.reorder else { return false };
        let due = self.since_reordered + 1 >= reorder.gap;
        if due && self.hits(Purpose::Reorder, counter, reorder.odds, |last| &mut last.reorder) {
            self.since_reordered = 0;
            return true;
        }
        self.since_reordered = self.since_reordered.saturating_add(1);
        false
    }

    /// When a packet of `len` bytes that waits its turn arrives.
    fn arrival(&mut self, now: Instant, counter: u64, len: usize) -> Instant {
        let travelled = now.as_nanos().saturating_add(self.travel(counter));
        let Some(rate) = self.rules.rate else { return Instant::from_nanos(travelled) };
        let transmission = (len as u128 * 8 * 1_000_000_000).div_ceil(u128::from(rate.max(1)));
        let transmission = u64::try_from(transmission).unwrap_or(u64::MAX);
        // A packet that may not start before another has left arrives behind it.
        let start = travelled.max(self.busy.as_nanos());
        self.busy = Instant::from_nanos(start.saturating_add(transmission));
        self.busy
    }

    /// How long a packet travels, in nanoseconds.
    fn travel(&mut self, counter: u64) -> u64 {
        let delay = self.rules.delay;
        let (base, jitter) = (nanos(delay.base), nanos(delay.jitter));
        if jitter == 0 {
            return base;
        }
        let draw = self.draw(Purpose::Jitter, counter);
        // Both shapes lie in 0..2^32 with 2^31 as their middle; `unit` is one jitter.
        let (fresh, unit) = match delay.distribution {
            Distribution::Uniform => ((draw >> 32) as u32, 1i128 << 31),
            Distribution::Normal => {
                let sum: u64 = (0..4).map(|part| draw >> (16 * part) & 0xffff).sum();
                // Four draws from 0..2^16 vary by 2^16 / √3 = 37 837 on average.
                ((sum << 14) as u32, 37_837i128 << 14)
            }
        };
        let value = mixed(fresh, delay.correlation.of_32_bits(), &mut self.last.delay);
        let offset = i128::from(jitter) * (i128::from(value) - (1 << 31)) / unit;
        u64::try_from((i128::from(base) + offset).max(0)).unwrap_or(u64::MAX)
    }
}

/// Mixes a fresh draw with the previous one by `rho` of 2^32.
fn mixed(fresh: u32, rho: u64, last: &mut u32) -> u32 {
    let mix = u128::from(fresh) * u128::from((1 << 32) - rho) + u128::from(*last) * u128::from(rho);
    *last = (mix >> 32) as u32;
    *last
}

/// A copy of `frame` with one bit changed, whose checksum nobody has verified; the original's
/// blocks may be shared.
fn flipped(pool: &Pool, frame: &Frame, bit: u64) -> Frame {
    let mut chunk = pool.take(frame.len());
    let room = chunk.room().expect("a fresh block has one owner");
    let len = frame.copy_to(room);
    room[(bit / 8) as usize] ^= 1 << (bit % 8);
    chunk.grow(len);
    Frame { origin: frame.origin, ..Frame::received(chunk) }
}

#[cfg(test)]
mod tests;
