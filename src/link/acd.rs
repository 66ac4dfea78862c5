//! Whether an IPv4 address is ours alone (RFC 5227): probe before it is used, announce it, defend
//! it. A conflict is reported; what becomes of the address is its owner's decision. One that stays
//! is defended at most once in [`DEFEND_INTERVAL`] (RFC 5227 §2.4 (c)).

use super::Cx;
use super::event::{Cause, Event};
use crate::base::rng::Purpose;
use crate::base::time::nanos;
use crate::base::{Duration, Instant, Mac};
use std::net::Ipv4Addr;

/// The first probe comes within this time (RFC 5227 §1.1, as all that follow).
pub const PROBE_WAIT: Duration = Duration::from_secs(1);
/// Probes.
pub const PROBE_NUM: u32 = 3;
/// The least time between probes.
pub const PROBE_MIN: Duration = Duration::from_secs(1);
/// The most time between probes.
pub const PROBE_MAX: Duration = Duration::from_secs(2);
/// How long after the last probe an answer is waited for.
pub const ANNOUNCE_WAIT: Duration = Duration::from_secs(2);
/// Announcements.
pub const ANNOUNCE_NUM: u32 = 2;
/// Time between announcements.
pub const ANNOUNCE_INTERVAL: Duration = Duration::from_secs(2);
/// The least time between defences.
pub const DEFEND_INTERVAL: Duration = Duration::from_secs(10);

/// A packet that is to be sent to everybody.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Claim {
    /// Does anybody have the address?
    Probe,
    /// The address is ours.
    Announce,
    /// The address is ours, whoever else says so.
    Defend,
}

/// How far a claim is.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Others are asked; the address may not be used.
    Probing,
    /// It is ours, and others are being told.
    Announcing,
    /// It is ours.
    Bound,
    /// Somebody else had it before it was ours.
    Conflict(Mac),
}

/// What of an ARP packet matters here.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Heard {
    /// The sender's Ethernet address.
    pub mac: Mac,
    /// The sender's address.
    pub sender: Ipv4Addr,
    /// The address that a probe asks for.
    pub probed: Option<Ipv4Addr>,
}

/// The claim on one address.
#[derive(Clone, Debug)]
pub struct Acd {
    addr: Ipv4Addr,
    mac: Mac,
    phase: Phase,
    /// Probes or announcements sent.
    sent: u32,
    at: Option<Instant>,
    defended: Option<Instant>,
    owed: Option<Claim>,
}

impl Acd {
    /// Claims `addr` for the interface `mac` by asking first.
    pub fn probe(addr: Ipv4Addr, mac: Mac, cx: &Cx<'_>) -> Acd {
        let mut acd = Acd::new(addr, mac, Phase::Probing);
        acd.at = Some(cx.now + acd.drawn(PROBE_WAIT, cx));
        acd
    }

    /// Claims `addr`, which is in use already, by telling everybody.
    pub fn announce(addr: Ipv4Addr, mac: Mac, cx: &Cx<'_>) -> Acd {
        let mut acd = Acd::new(addr, mac, Phase::Announcing);
        acd.at = Some(cx.now);
        acd
    }

    fn new(addr: Ipv4Addr, mac: Mac, phase: Phase) -> Acd {
        Acd { addr, mac, phase, sent: 0, at: None, defended: None, owed: None }
    }

    /// The address.
    pub fn addr(&self) -> Ipv4Addr {
        self.addr
    }

    /// How far the claim is.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether the address may be used.
    pub fn is_ours(&self) -> bool {
        matches!(self.phase, Phase::Announcing | Phase::Bound)
    }

    /// An ARP packet was heard; says whether somebody else claims the address (RFC 5227 §2.1.1,
    /// §2.4).
    pub fn input(&mut self, heard: Heard, cx: &mut Cx<'_>) -> bool {
        let probing = self.phase == Phase::Probing;
        let claims = heard.sender == self.addr || probing && heard.probed == Some(self.addr);
        if heard.mac == self.mac || !claims {
            return false;
        }
        let (addr, other) = (self.addr.into(), Some(heard.mac));
        match self.phase {
            Phase::Probing => {
                self.phase = Phase::Conflict(heard.mac);
                (self.at, self.owed) = (None, None);
            }
            Phase::Announcing | Phase::Bound => {
                let rested = |last| cx.now >= last + DEFEND_INTERVAL;
                if self.defended.is_none_or(rested) {
                    self.defended = Some(cx.now);
                    self.owed = Some(Claim::Defend);
                }
            }
            Phase::Conflict(_) => return true,
        }
        cx.note(|| Event::Claim { addr, other, cause: Cause::Conflict });
        true
    }

    /// Time has come to `cx.now`.
    pub fn poll(&mut self, cx: &mut Cx<'_>) {
        if self.at.is_none_or(|at| at > cx.now) {
            return;
        }
        let addr = self.addr.into();
        match self.phase {
            Phase::Probing if self.sent < PROBE_NUM => {
                self.sent += 1;
                self.owed = Some(Claim::Probe);
                let wait = match self.sent < PROBE_NUM {
                    true => PROBE_MIN + self.drawn(PROBE_MAX - PROBE_MIN, cx),
                    false => ANNOUNCE_WAIT,
                };
                self.at = Some(cx.now + wait);
            }
            Phase::Probing => {
                (self.phase, self.sent) = (Phase::Announcing, 0);
                cx.note(|| Event::Claim { addr, other: None, cause: Cause::Unclaimed });
                self.poll(cx);
            }
            Phase::Announcing => {
                self.sent += 1;
                self.owed = Some(Claim::Announce);
                if self.sent < ANNOUNCE_NUM {
                    self.at = Some(cx.now + ANNOUNCE_INTERVAL);
                    return;
                }
                (self.phase, self.at) = (Phase::Bound, None);
                cx.note(|| Event::Claim { addr, other: None, cause: Cause::Announced });
            }
            Phase::Bound | Phase::Conflict(_) => self.at = None,
        }
    }

    /// What is to be sent to everybody.
    pub fn output(&mut self) -> Option<Claim> {
        self.owed.take()
    }

    /// When [`Acd::poll`] or [`Acd::output`] has something to do.
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        if self.owed.is_some() { Some(now) } else { self.at }
    }

    /// A time below `most`, another one for each address, interface and step.
    fn drawn(&self, most: Duration, cx: &Cx<'_>) -> Duration {
        let key = self.mac.to_bits() << 16 ^ u64::from(self.addr.to_bits());
        let counter = u64::from(self.sent) ^ cx.now.as_nanos() << 2;
        Duration::from_nanos(cx.chance.below(nanos(most), Purpose::Claim, key, counter))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Chance, EventId, Pool, Trace};
    use Claim::{Announce, Defend, Probe};

    const OURS: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);
    const MAC: Mac = Mac([2, 0, 0, 0, 0, 2]);
    const OTHER: Mac = Mac([2, 0, 0, 0, 0, 9]);

    struct Bench {
        now: Instant,
        chance: Chance,
        pool: Pool,
        trace: Trace<Event>,
    }

    impl Bench {
        fn new(seed: u64) -> Bench {
            let chance = Chance::from_seed(seed);
            Bench { now: Instant::ZERO, chance, pool: Pool::new(), trace: Trace::new(true) }
        }

        fn cx(&mut self) -> Cx<'_> {
            Cx {
                now: self.now,
                chance: &self.chance,
                pool: &self.pool,
                trace: &mut self.trace,
                cause: EventId::NONE,
            }
        }

        /// Lets time pass to the end of `limit`; what was sent, and after how many milliseconds.
        fn run(&mut self, acd: &mut Acd, limit: Duration) -> Vec<(Claim, Duration)> {
            let (mut sent, end) = (Vec::new(), self.now + limit);
            while let Some(at) = acd.deadline(self.now).filter(|at| *at <= end) {
                self.now = self.now.max(at);
                acd.poll(&mut self.cx());
                sent.extend(acd.output().map(|claim| (claim, self.now.since(Instant::ZERO))));
            }
            self.now = end;
            sent
        }

        fn causes(&mut self) -> Vec<Cause> {
            self.trace.drain().map(|stamped| stamped.event.cause()).collect()
        }
    }

    fn heard(mac: Mac, sender: Ipv4Addr, probed: Option<Ipv4Addr>) -> Heard {
        Heard { mac, sender, probed }
    }

    #[test]
    fn probes_then_announces() {
        for seed in 0..200 {
            let mut bench = Bench::new(seed);
            let mut acd = Acd::probe(OURS, MAC, &bench.cx());
            let sent = bench.run(&mut acd, Duration::from_secs(60));
            let kinds: Vec<Claim> = sent.iter().map(|(claim, _)| *claim).collect();
            assert_eq!(kinds, [Probe, Probe, Probe, Announce, Announce]);
            let gap = |n: usize| sent[n].1 - sent[n - 1].1;
            assert!(sent[0].1 < PROBE_WAIT);
            assert!([gap(1), gap(2)].iter().all(|gap| (PROBE_MIN..=PROBE_MAX).contains(gap)));
            assert_eq!((gap(3), gap(4)), (ANNOUNCE_WAIT, ANNOUNCE_INTERVAL));
            assert_eq!(acd.phase(), Phase::Bound);
            assert_eq!(bench.causes(), [Cause::Unclaimed, Cause::Announced]);
        }
    }

    #[test]
    fn whoever_answers_or_probes_too_has_it() {
        for (heard, conflict) in [
            (heard(OTHER, OURS, None), true),
            (heard(OTHER, Ipv4Addr::UNSPECIFIED, Some(OURS)), true),
            (heard(MAC, Ipv4Addr::UNSPECIFIED, Some(OURS)), false),
            (heard(MAC, OURS, None), false),
            (heard(OTHER, Ipv4Addr::new(10, 9, 0, 3), None), false),
        ] {
            let mut bench = Bench::new(1);
            let mut acd = Acd::probe(OURS, MAC, &bench.cx());
            bench.run(&mut acd, Duration::from_secs(2));
            assert_eq!(acd.input(heard, &mut bench.cx()), conflict, "{heard:?}");
            let sent = bench.run(&mut acd, Duration::from_secs(60));
            assert_eq!(sent.is_empty(), conflict);
            assert_eq!(acd.is_ours(), !conflict);
            let expected = [&[Cause::Conflict][..], &[Cause::Unclaimed, Cause::Announced]];
            assert_eq!(bench.causes(), expected[usize::from(!conflict)]);
        }
    }

    #[test]
    fn an_address_in_use_is_defended_now_and_then() {
        let mut bench = Bench::new(1);
        let mut acd = Acd::announce(OURS, MAC, &bench.cx());
        let sent = bench.run(&mut acd, Duration::from_secs(20));
        assert_eq!(sent.len(), 2);
        // Somebody else's probe is answered as any request is: it claims nothing.
        assert!(!acd.input(heard(OTHER, Ipv4Addr::UNSPECIFIED, Some(OURS)), &mut bench.cx()));
        let mut defences = 0;
        for _ in 0..30 {
            assert!(acd.input(heard(OTHER, OURS, None), &mut bench.cx()));
            let sent = bench.run(&mut acd, Duration::from_secs(1));
            assert!(sent.iter().all(|(claim, _)| *claim == Defend));
            defences += sent.len();
        }
        assert_eq!((defences, acd.is_ours()), (3, true));
    }
}
