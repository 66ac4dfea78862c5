//! Controlled delay (CoDel, RFC 8289): a queue whose packets wait too long for a whole interval
//! loses one, then more and more often until they wait less. Whole numbers only.

use super::queue::{Line, Parcel};
use crate::base::time::nanos;
use crate::base::{Duration, Instant};

/// Its two parameters.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub struct Codel {
    /// How long packets may wait (RFC 8289 §4.4: 5 ms).
    pub target: Duration,
    /// How long they may wait longer: a round trip of most of the connections (§4.3: 100 ms).
    pub interval: Duration,
    /// Whether packets that can be marked are marked instead of dropped.
    pub ecn: bool,
}

impl Codel {
    /// The values that RFC 8289 §4 recommends for the Internet.
    pub const RFC: Codel = Codel {
        target: Duration::from_millis(5),
        interval: Duration::from_millis(100),
        ecn: false,
    };
}

/// How often more than `count - 1` drops ago the next one follows (§5.6: `control_law`): the
/// interval divided by the square root of `count`, rounded down to nanoseconds.
fn control_law(from: Instant, interval: Duration, count: u32) -> Instant {
    let interval = u128::from(nanos(interval));
    let step = (interval * interval / u128::from(count.max(1))).isqrt();
    from + Duration::from_nanos(u64::try_from(step).unwrap_or(u64::MAX))
}

/// The variables of RFC 8289 §5.2, by their names there.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    first_above_time: Option<Instant>,
    drop_next: Instant,
    count: u32,
    lastcount: u32,
    dropping: bool,
}

impl State {
    /// The next packet, and whether it may be dropped (§5.6: `dodequeue`).
    fn dodequeue(&mut self, rules: Codel, now: Instant, line: &mut Line) -> (Option<Parcel>, bool) {
        let Some(parcel) = line.pop() else {
            self.first_above_time = None;
            return (None, false);
        };
        if now.since(parcel.since) < rules.target || line.bytes() <= line.longest() {
            self.first_above_time = None;
            return (Some(parcel), false);
        }
        let due = *self.first_above_time.get_or_insert(now + rules.interval);
        (Some(parcel), now >= due)
    }

    /// The packet that is sent at `now` (§5.5: `deque`). What is to be dropped is given to `strike`
    /// with the count of strikes in a row; a packet that it gives back is sent after all, marked.
    pub(super) fn dequeue(
        &mut self,
        rules: Codel,
        now: Instant,
        line: &mut Line,
        mut strike: impl FnMut(Parcel, u32) -> Option<Parcel>,
    ) -> Option<Parcel> {
        let (mut parcel, mut ok_to_drop) = self.dodequeue(rules, now, line);
        if self.dropping {
            self.dropping = ok_to_drop;
            while self.dropping && now >= self.drop_next {
                self.count = self.count.saturating_add(1);
                let marked = parcel.take().and_then(|parcel| strike(parcel, self.count));
                if marked.is_some() {
                    self.drop_next = control_law(self.drop_next, rules.interval, self.count);
                    return marked;
                }
                (parcel, ok_to_drop) = self.dodequeue(rules, now, line);
                self.dropping = ok_to_drop;
                if self.dropping {
                    self.drop_next = control_law(self.drop_next, rules.interval, self.count);
                }
            }
        } else if ok_to_drop {
            // Where the queue was bad a short time ago, the rate that controlled it then is a
            // better start than the first step.
            let delta = self.count.saturating_sub(self.lastcount);
            let recent = now.since(self.drop_next) < rules.interval * 16;
            self.count = if delta > 1 && recent { delta } else { 1 };
            self.dropping = true;
            self.drop_next = control_law(now, rules.interval, self.count);
            self.lastcount = self.count;
            let marked = parcel.take().and_then(|parcel| strike(parcel, self.count));
            parcel = marked.or_else(|| self.dodequeue(rules, now, line).0);
        }
        parcel
    }
}
