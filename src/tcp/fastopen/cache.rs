//! What a client knows of servers (RFC 7413 §4.1.3): cookies, and how large a segment they take.

use crate::base::{Duration, Instant};
use crate::wire::tcp::FastOpen;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// How many servers are known at most: who was heard of last is kept.
const MOST: usize = 1024;

/// Both ends, ours first: a cookie belongs to both.
pub type Ends = (IpAddr, IpAddr);

/// What is known of a server.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Its MSS; 0: it said none.
    pub mss: u16,
    /// Its cookie, if it gave one.
    pub cookie: Option<FastOpen>,
    /// Which kind of option is tried next: 1: the one that was used before there was another.
    try_experimental: u8,
    /// When it was learned, counted.
    at: u64,
}

impl Known {
    /// The option that asks for a cookie.
    pub fn asks(&self) -> FastOpen {
        FastOpen { experimental: self.try_experimental == 1, ..FastOpen::default() }
    }
}

/// What a SYN-ACK told.
#[derive(Clone, Debug, Default)]
pub struct News {
    /// The server's MSS; 0: none.
    pub mss: u16,
    /// Its cookie.
    pub cookie: Option<FastOpen>,
    /// It gave none, though it was asked with an option of the newer kind (1) or of the older (2).
    pub none_given: u8,
    /// It took what the SYN brought.
    pub taken: bool,
}

/// What is known of all servers.
#[derive(Debug, Default)]
pub struct Cache {
    known: BTreeMap<Ends, Known>,
    learned: u64,
    /// Until when nothing is opened fast, and how often in a row that was decided.
    paused: Option<Instant>,
    pauses: u32,
}

impl Cache {
    /// What is known of a server.
    pub fn get(&self, ends: Ends) -> Known {
        self.known.get(&ends).cloned().unwrap_or_default()
    }

    /// How many servers are known.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// A SYN-ACK told something.
    // Rules: 7413-4.1.3-1, 7413-4.1.3-2, 7413-4.1.3-3.
    pub fn learn(&mut self, ends: Ends, news: News) {
        if self.known.len() >= MOST && !self.known.contains_key(&ends) {
            let oldest = self.known.iter().min_by_key(|(_, known)| known.at).map(|(ends, _)| *ends);
            oldest.and_then(|ends| self.known.remove(&ends));
        }
        self.learned += 1;
        let known = self.known.entry(ends).or_default();
        known.at = self.learned;
        known.mss = if news.mss > 0 { news.mss } else { known.mss };
        if news.cookie.is_some() {
            known.cookie = news.cookie;
        } else if known.cookie.is_none() {
            known.try_experimental = known.try_experimental.max(news.none_given);
        }
        if news.taken {
            self.pauses = 0;
        }
    }

    /// Something on the way swallows what comes behind a fast opening: nothing is opened fast for
    /// `time`, doubled for each time in a row, six times at most.
    // Rules: 7413-4.1.3.1-1.
    pub fn pause(&mut self, now: Instant, time: Duration) {
        self.paused = Some(now + time.saturating_mul(1 << self.pauses.min(6)));
        self.pauses += 1;
    }

    /// Whether nothing is opened fast now.
    pub fn is_paused(&self, now: Instant) -> bool {
        self.paused.is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(n: u32) -> Ends {
        ([10, 0, 0, 1].into(), IpAddr::V4(n.into()))
    }

    fn cookie(byte: u8) -> Option<FastOpen> {
        Some(FastOpen { cookie: [byte; 8].into_iter().collect(), experimental: false })
    }

    #[test]
    fn the_server_learned_of_first_is_forgotten_first() {
        let mut cache = Cache::default();
        for n in 0..MOST as u32 {
            cache.learn(ends(n), News { cookie: cookie(1), ..News::default() });
        }
        cache.learn(ends(0), News { mss: 1000, ..News::default() });
        cache.learn(ends(9999), News::default());
        assert_eq!((cache.len(), cache.get(ends(1)).cookie), (MOST, None));
        assert_eq!((cache.get(ends(0)).cookie, cache.get(ends(0)).mss), (cookie(1), 1000));
    }

    #[test]
    fn the_other_kind_is_tried_once() {
        let mut cache = Cache::default();
        let mut tell = |none_given| {
            cache.learn(ends(1), News { none_given, ..News::default() });
            cache.get(ends(1)).asks().experimental
        };
        assert_eq!([tell(0), tell(1), tell(2), tell(1)], [false, true, false, false]);
    }

    #[test]
    fn pauses_grow_until_something_passes() {
        let at = |secs| Instant::ZERO + Duration::from_secs(secs);
        let (mut cache, time) = (Cache::default(), Duration::from_secs(10));
        cache.pause(at(0), time);
        assert!(cache.is_paused(at(9)) && !cache.is_paused(at(10)));
        cache.pause(at(10), time);
        assert!(cache.is_paused(at(29)) && !cache.is_paused(at(30)));
        cache.learn(ends(1), News { taken: true, ..News::default() });
        cache.pause(at(40), time);
        assert!(!cache.is_paused(at(50)));
    }
}
