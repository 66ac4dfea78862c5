//! When a router tells its link about itself (RFC 4861 §6.2): now and then unasked, soon when it is
//! asked, and never too often. What it tells is in [`Advertise`]; how that looks, whoever runs the
//! machine knows.

use super::Cx;
use crate::base::rng::Purpose;
use crate::base::time::nanos;
use crate::base::{Duration, EventId, Instant};
use std::net::Ipv6Addr;

/// The first advertisements come more often (RFC 4861 §10, MAX_INITIAL_RTR_ADVERTISEMENTS).
const INITIAL: u64 = 3;
/// The most time between those (MAX_INITIAL_RTR_ADVERT_INTERVAL).
const INITIAL_INTERVAL: Duration = Duration::from_secs(16);
/// The least time between two advertisements to everybody (MIN_DELAY_BETWEEN_RAS).
const BETWEEN: Duration = Duration::from_secs(3);
/// The most time until whoever asks is answered (MAX_RA_DELAY_TIME).
const ANSWER_DELAY: Duration = Duration::from_millis(500);
/// What the interval may be (§6.2.1).
const INTERVAL: (Duration, Duration) = (Duration::from_secs(3), Duration::from_secs(1800));

/// What a router tells a link, and how often.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub struct Advertise {
    /// The prefixes of the link; the first 32 are told. Default none.
    pub prefixes: Vec<Advertised>,
    /// For how long the router is a default router, whole seconds; zero: it is none. Default
    /// 1800 s.
    pub router_lifetime: Duration,
    /// The link's MTU, bytes. Default `None`: it is not told.
    pub mtu: Option<u32>,
    /// The least time between two advertisements, 3 s at least. Default 200 s.
    pub interval_min: Duration,
    /// The most time between two, 1800 s at most. Default 600 s.
    pub interval_max: Duration,
}

/// A prefix that a router tells of (RFC 4861 §6.2.1, AdvPrefixList).
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub struct Advertised {
    /// The prefix; bits behind its length mean nothing.
    pub prefix: Ipv6Addr,
    /// Its length, bits, 0..=128.
    pub len: u8,
    /// Its addresses are on the link.
    pub on_link: bool,
    /// Hosts may make addresses with it.
    pub autonomous: bool,
    /// For how long it is valid, whole seconds; `None`: for ever.
    pub valid: Option<Duration>,
    /// For how long addresses made with it are preferred, likewise; never longer than it is valid.
    pub preferred: Option<Duration>,
}

impl Advertised {
    /// A prefix on the link that hosts may make addresses with: valid for thirty days, preferred
    /// for seven (RFC 4861 §6.2.1).
    pub fn new(prefix: Ipv6Addr, len: u8) -> Advertised {
        let days = |days: u64| Some(Duration::from_secs(days * 86_400));
        let (valid, preferred) = (days(30), days(7));
        Advertised { prefix, len, on_link: true, autonomous: true, valid, preferred }
    }
}

impl Default for Advertise {
    fn default() -> Advertise {
        Advertise {
            prefixes: Vec::new(),
            router_lifetime: Duration::from_secs(1800),
            mtu: None,
            interval_min: Duration::from_secs(200),
            interval_max: Duration::from_secs(600),
        }
    }
}

/// The machine of one link.
#[derive(Debug)]
pub struct Advertiser {
    /// What is told.
    pub tells: Advertise,
    /// Tells this link's chance from another's.
    salt: u64,
    /// When the next one is due.
    next: Instant,
    /// When the last one was sent.
    last: Option<Instant>,
    /// How many were sent.
    sent: u64,
    /// How often somebody asked.
    asked: u64,
    /// Who asked last, if that is not answered yet.
    cause: EventId,
}

impl Advertiser {
    /// One that is about to send its first advertisement.
    pub fn new(tells: Advertise, salt: u64) -> Advertiser {
        let (next, cause) = (Instant::ZERO, EventId::NONE);
        Advertiser { tells, salt, next, last: None, sent: 0, asked: 0, cause }
    }

    /// When the next advertisement is due.
    pub fn deadline(&self) -> Instant {
        self.next
    }

    /// The cause of an advertisement that is to be sent now: the question, if there was one.
    /// `ready`: there is an address to send it from. If there is none, it is due a moment later.
    pub fn output(&mut self, ready: bool, cx: &Cx<'_>) -> Option<EventId> {
        if cx.now < self.next {
            return None;
        }
        if !ready {
            self.next = cx.now + ANSWER_DELAY;
            return None;
        }
        let (least, most) = INTERVAL;
        let max = self.tells.interval_max.clamp(least, most);
        let min = self.tells.interval_min.clamp(least, max);
        let spread = nanos(max) - nanos(min) + 1;
        let drawn = cx.chance.below(spread, Purpose::Advertise, self.salt, self.sent);
        self.sent += 1;
        self.last = Some(cx.now);
        let interval = min + Duration::from_nanos(drawn);
        let first = self.sent < INITIAL;
        self.next = cx.now + if first { interval.min(INITIAL_INTERVAL) } else { interval };
        Some(std::mem::take(&mut self.cause))
    }

    /// Somebody asks for routers: the answer is for everybody, after a random time, and not too
    /// soon behind the last one (§6.2.6).
    pub fn on_solicit(&mut self, cx: &Cx<'_>) {
        self.asked += 1;
        self.cause = cx.cause;
        let key = (self.salt, u64::MAX - self.asked);
        let delay = cx.chance.below(nanos(ANSWER_DELAY), Purpose::Advertise, key.0, key.1);
        let earliest = self.last.map_or(cx.now, |last| cx.now.max(last + BETWEEN));
        self.next = self.next.min(earliest + Duration::from_nanos(delay));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Chance, Pool, Trace};

    /// Lives through `seconds`, asked at those moments; says when advertisements were sent.
    fn life(tells: Advertise, seconds: u64, asked: &[u64]) -> Vec<Duration> {
        let (chance, pool, mut trace) = (Chance::from_seed(3), Pool::new(), Trace::new(false));
        let mut machine = Advertiser::new(tells, 1);
        let mut asked: Vec<Instant> =
            asked.iter().map(|s| Instant::from_millis(*s * 1_000)).collect();
        let mut sent = Vec::new();
        loop {
            let question = asked.first().copied().filter(|at| *at < machine.deadline());
            let now = question.unwrap_or(machine.deadline());
            if now > Instant::from_millis(seconds * 1_000) {
                return sent;
            }
            let (trace, cause) = (&mut trace, EventId::NONE);
            let cx = Cx { now, chance: &chance, pool: &pool, trace, cause };
            if question.is_some() {
                asked.remove(0);
                machine.on_solicit(&cx);
            } else if machine.output(now >= Instant::from_millis(1_000), &cx).is_some() {
                sent.push(now.since(Instant::ZERO));
            }
        }
    }

    fn gaps(sent: &[Duration]) -> Vec<Duration> {
        sent.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    #[test]
    fn unasked_within_the_interval() {
        let sent = life(Advertise::default(), 100_000, &[]);
        assert_eq!(sent[0], Duration::from_secs(1), "as soon as there is an address");
        let gaps = gaps(&sent);
        assert!(gaps[..2].iter().all(|gap| *gap == INITIAL_INTERVAL), "{:?}", &gaps[..2]);
        let (min, max) = (Duration::from_secs(200), Duration::from_secs(600));
        assert!(gaps[2..].iter().all(|gap| (min..=max).contains(gap)));
        let near = |at: u64| gaps[2..].iter().any(|gap| gap.as_secs().abs_diff(at) < 20);
        assert!(near(220) && near(400) && near(580), "all over the interval");
        let odd = Advertise {
            interval_min: Duration::from_secs(90),
            interval_max: Duration::ZERO,
            ..Advertise::default()
        };
        assert_eq!(life(odd, 30, &[]).len(), 10, "three seconds apart at least");
    }

    #[test]
    fn who_asks_is_answered_soon_but_not_each() {
        let sent = life(Advertise::default(), 200, &[100]);
        let answer = sent.iter().find(|at| **at >= Duration::from_secs(100)).expect("an answer");
        assert!(*answer < Duration::from_millis(100_500), "{answer:?}");
        let many: Vec<u64> = (100..200).flat_map(|second| [second; 50]).collect();
        let sent = life(Advertise::default(), 200, &many);
        assert!(gaps(&sent).iter().all(|gap| *gap >= BETWEEN));
        assert!((30..=37).contains(&sent.len()), "{}", sent.len());
    }
}
