//! What luck decides about a packet: drawn for its ordinal and for each purpose by itself, so that
//! it depends neither on the other purposes nor on what else happens to any packet.

use super::tables;
use super::{Distribution, Impairment, LossModel, Odds, Ppm};
use crate::base::Chance;
use crate::base::rng::Purpose;
use crate::base::time::nanos;
use std::fmt;

/// Marks the second draw of a purpose for the same packet.
const AGAIN: u64 = 1 << 63;

/// The state of a [`LossModel`] with memory.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, Default)]
pub enum State {
    /// Good (`loss gemodel`), or state 1 of `loss state`: packets arrive.
    #[default]
    Good,
    /// Bad (`loss gemodel`).
    Bad,
    /// State 2 of `loss state`: a packet that arrives within a burst of losses.
    Lull,
    /// State 3 of `loss state`: a burst of losses.
    Burst,
    /// State 4 of `loss state`: a packet that is lost by itself.
    Lone,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            State::Good => "in its good state",
            State::Bad => "in its bad state",
            State::Lull => "between losses of a burst (state 2)",
            State::Burst => "in a burst of losses (state 3)",
            State::Lone => "losing a single packet (state 4)",
        })
    }
}

/// What luck says about one copy of a packet.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Share {
    /// A draw for the bit to be flipped.
    pub(super) corrupt: Option<u64>,
    pub(super) overtakes: bool,
    /// The propagation delay, nanoseconds.
    pub(super) travel: u64,
}

/// What luck says about a packet.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Fortune {
    /// Lost; in which state, if the model has states.
    pub(super) lost: Option<Option<State>>,
    pub(super) first: Share,
    pub(super) second: Option<Share>,
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

/// The luck of one direction of a link.
#[derive(Debug)]
pub(super) struct Luck {
    chance: Chance,
    /// Which link and direction: the key of every draw.
    id: u64,
    last: Last,
    state: State,
    /// How many packets there were since the last that overtook.
    since_reordered: u32,
}

impl Luck {
    pub(super) fn new(chance: Chance, id: u64) -> Luck {
        let before = |purpose| (chance.draw(purpose, id, u64::MAX) >> 32) as u32;
        let last = Last {
            loss: before(Purpose::Loss),
            duplicate: before(Purpose::Duplicate),
            corrupt: before(Purpose::Corrupt),
            reorder: before(Purpose::Reorder),
            delay: before(Purpose::Jitter),
        };
        Luck { chance, id, last, state: State::Good, since_reordered: 0 }
    }

    /// What happens to packet `ordinal`. Called once for every packet, in order.
    pub(super) fn of(&mut self, rules: &Impairment, ordinal: u64) -> Fortune {
        let counter = ordinal * 2;
        let twice = self.hits(Purpose::Duplicate, counter, rules.duplicate, |l| &mut l.duplicate);
        let lost = self.loses(rules.loss, counter);
        let first = self.copy(rules, counter);
        let second = twice.then(|| {
            // The copy's draws leave no trace: without the copy, others fare the same.
            let kept = (self.last, self.since_reordered);
            let copy = self.copy(rules, counter + 1);
            (self.last, self.since_reordered) = kept;
            copy
        });
        Fortune { lost, first, second }
    }

    /// What happens to the second copy that a fault makes of packet `ordinal`: nothing but travel.
    pub(super) fn second(&self, rules: &Impairment, ordinal: u64) -> Share {
        let mut last = self.last.delay;
        let travel = self.travel(rules, ordinal * 2 + 1, &mut last);
        Share { travel, ..Share::default() }
    }

    /// A draw for the bit that a fault flips in packet `ordinal`.
    pub(super) fn corrupt(&self, ordinal: u64) -> u64 {
        self.draw(Purpose::Corrupt, (ordinal * 2) | AGAIN)
    }

    fn copy(&mut self, rules: &Impairment, counter: u64) -> Share {
        let corrupt = self.hits(Purpose::Corrupt, counter, rules.corrupt, |l| &mut l.corrupt);
        let corrupt = corrupt.then(|| self.draw(Purpose::Corrupt, counter | AGAIN));
        let overtakes = self.overtakes(rules, counter);
        let mut last = self.last.delay;
        let travel = self.travel(rules, counter, &mut last);
        self.last.delay = last;
        Share { corrupt, overtakes, travel }
    }

    fn draw(&self, purpose: Purpose, counter: u64) -> u64 {
        self.chance.draw(purpose, self.id, counter)
    }

    /// Whether something as probable as `odds` happens to the packet `counter`.
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

    fn loses(&mut self, model: LossModel, counter: u64) -> Option<Option<State>> {
        let (step, hit) = match model {
            LossModel::Random(odds) => {
                return self.hits(Purpose::Loss, counter, odds, |l| &mut l.loss).then_some(None);
            }
            LossModel::Gilbert { .. } | LossModel::States { .. } => {
                let draw = |counter| (self.draw(Purpose::Loss, counter) >> 32) as u32;
                (draw(counter | AGAIN), draw(counter))
            }
        };
        let below = |draw: u32, share: Ppm| u64::from(draw) < share.of_32_bits();
        match model {
            LossModel::Random(_) => None,
            // A packet meets the state that the one before has left.
            LossModel::Gilbert { p, r, bad, good } => {
                let met = if self.state == State::Bad { State::Bad } else { State::Good };
                let (leave, share, other) = match met {
                    State::Bad => (r, bad, State::Good),
                    _ => (p, good, State::Bad),
                };
                self.state = if below(step, leave) { other } else { met };
                below(hit, share).then_some(Some(met))
            }
            // Each packet is one step, and is lost in the states 3 and 4.
            LossModel::States { p13, p31, p32, p23, p14 } => {
                let either = |a: Ppm, b: Ppm| Ppm(a.0.saturating_add(b.0));
                self.state = match self.state {
                    State::Good | State::Bad if below(step, p14) => State::Lone,
                    State::Good | State::Bad if below(step, either(p14, p13)) => State::Burst,
                    State::Good | State::Bad | State::Lone => State::Good,
                    State::Lull if below(step, p23) => State::Burst,
                    State::Lull => State::Lull,
                    State::Burst if below(step, p32) => State::Lull,
                    State::Burst if below(step, either(p32, p31)) => State::Good,
                    State::Burst => State::Burst,
                };
                matches!(self.state, State::Burst | State::Lone).then_some(Some(self.state))
            }
        }
    }

    fn overtakes(&mut self, rules: &Impairment, counter: u64) -> bool {
        let Some(reorder) = rules.reorder else { return false };
        let due = self.since_reordered + 1 >= reorder.gap;
        if due && self.hits(Purpose::Reorder, counter, reorder.odds, |l| &mut l.reorder) {
            self.since_reordered = 0;
            return true;
        }
        self.since_reordered = self.since_reordered.saturating_add(1);
        false
    }

    /// How long a packet travels, in nanoseconds.
    fn travel(&self, rules: &Impairment, counter: u64, last: &mut u32) -> u64 {
        let delay = rules.delay;
        let (base, jitter) = (nanos(delay.base), nanos(delay.jitter));
        if jitter == 0 {
            return base;
        }
        let draw = self.draw(Purpose::Jitter, counter);
        let value = mixed((draw >> 32) as u32, delay.correlation.of_32_bits(), last);
        let (value, other) = ((value >> 20) as usize, (draw & 0xfff) as usize);
        // `offset` counts units, of which one jitter is `unit`.
        let (offset, unit) = match delay.distribution {
            Distribution::Uniform => (i128::from(*last) - (1 << 31), 1i128 << 31),
            Distribution::Normal => (tables::normal(value).into(), tables::UNIT.into()),
            Distribution::Pareto => (tables::pareto(value).into(), tables::UNIT.into()),
            Distribution::ParetoNormal => {
                let sum = tables::normal(value) + 3 * tables::pareto(other);
                (sum.into(), i128::from(tables::UNIT) * 4)
            }
        };
        let offset = i128::from(jitter) * offset / unit;
        u64::try_from((i128::from(base) + offset).max(0)).unwrap_or(u64::MAX)
    }
}

/// Which of `bits` bits a draw means.
pub(super) fn bit(draw: u64, bits: u64) -> u64 {
    ((u128::from(draw) * u128::from(bits)) >> 64) as u64
}

/// Mixes a fresh draw with the previous one by `rho` of 2^32.
fn mixed(fresh: u32, rho: u64, last: &mut u32) -> u32 {
    let mix = u128::from(fresh) * u128::from((1 << 32) - rho) + u128::from(*last) * u128::from(rho);
    *last = (mix >> 32) as u32;
    *last
}

#[cfg(test)]
mod tests;
