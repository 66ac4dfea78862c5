//! Whether an address is ours alone: probe before it is used, announce it, defend it. IPv4 does it
//! by RFC 5227 (address conflict detection), IPv6 by RFC 4862 §5.4 (duplicate address detection)
//! and RFC 9131; the numbers differ. A conflict is reported; what becomes of the address is its
//! owner's decision. An IPv4 address that stays is defended at most once in [`DEFEND_INTERVAL`]
//! (RFC 5227 §2.4 (c)).

use super::Cx;
use super::event::{Cause, Event};
use crate::base::rng::Purpose;
use crate::base::time::nanos;
use crate::base::{Duration, Instant, Mac};
use std::net::IpAddr;

/// The least time between defences (RFC 5227 §1.1).
pub const DEFEND_INTERVAL: Duration = Duration::from_secs(10);

/// How addresses of a family are asked about and announced.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Rules {
    /// The first probe comes within this time.
    pub probe_wait: Duration,
    /// Probes.
    pub probe_num: u32,
    /// The least time between probes.
    pub probe_min: Duration,
    /// The most time between probes.
    pub probe_max: Duration,
    /// How long after the last probe an answer is waited for.
    pub announce_wait: Duration,
    /// Announcements.
    pub announce_num: u32,
    /// Time between announcements.
    pub announce_interval: Duration,
    /// Whether an address in use is defended.
    pub defends: bool,
}

impl Rules {
    /// RFC 5227 §1.1.
    pub const V4: Rules = Rules {
        probe_wait: Duration::from_secs(1),
        probe_num: 3,
        probe_min: Duration::from_secs(1),
        probe_max: Duration::from_secs(2),
        announce_wait: Duration::from_secs(2),
        announce_num: 2,
        announce_interval: Duration::from_secs(2),
        defends: true,
    };

    /// RFC 4862 §5.1, RFC 4861 §10 (MAX_RTR_SOLICITATION_DELAY, RETRANS_TIMER), RFC 9131 §6.1.2.
    pub fn v6(dad_transmits: u32, retrans: Duration) -> Rules {
        Rules {
            probe_wait: Duration::from_secs(1),
            probe_num: dad_transmits,
            probe_min: retrans,
            probe_max: retrans,
            announce_wait: retrans,
            announce_num: 1,
            announce_interval: retrans,
            defends: false,
        }
    }
}

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

/// What of an ARP packet, a neighbour's solicitation or its advertisement matters here.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Heard {
    /// The sender's Ethernet address.
    pub mac: Mac,
    /// The sender's address.
    pub sender: IpAddr,
    /// The address that a probe asks for.
    pub probed: Option<IpAddr>,
}

/// The claim on one address.
#[derive(Clone, Debug)]
pub struct Acd {
    addr: IpAddr,
    mac: Mac,
    rules: Rules,
    phase: Phase,
    /// Probes or announcements sent.
    sent: u32,
    at: Option<Instant>,
    defended: Option<Instant>,
    owed: Option<Claim>,
}

impl Acd {
    /// Claims `addr` for the interface `mac` by asking first.
    pub fn probe(addr: IpAddr, mac: Mac, rules: Rules, cx: &Cx<'_>) -> Acd {
        let mut acd = Acd::new(addr, mac, rules, Phase::Probing);
        acd.at = Some(cx.now + acd.drawn(rules.probe_wait, cx));
        acd
    }

    /// Claims `addr`, which is in use already, by telling everybody.
    pub fn announce(addr: IpAddr, mac: Mac, rules: Rules, cx: &Cx<'_>) -> Acd {
        let mut acd = Acd::new(addr, mac, rules, Phase::Announcing);
        acd.at = Some(cx.now);
        acd
    }

    fn new(addr: IpAddr, mac: Mac, rules: Rules, phase: Phase) -> Acd {
        Acd { addr, mac, rules, phase, sent: 0, at: None, defended: None, owed: None }
    }

    /// The address.
    pub fn addr(&self) -> IpAddr {
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

    /// Somebody was heard; says whether they claim the address (RFC 5227 §2.1.1, §2.4; RFC 4862
    /// §5.4.3, §5.4.4).
    pub fn input(&mut self, heard: Heard, cx: &mut Cx<'_>) -> bool {
        let probing = self.phase == Phase::Probing;
        let claims = heard.sender == self.addr || probing && heard.probed == Some(self.addr);
        if heard.mac == self.mac || !claims {
            return false;
        }
        let (addr, other) = (self.addr, Some(heard.mac));
        match self.phase {
            Phase::Probing => {
                self.phase = Phase::Conflict(heard.mac);
                (self.at, self.owed) = (None, None);
            }
            Phase::Announcing | Phase::Bound => {
                let rested = |last| cx.now >= last + DEFEND_INTERVAL;
                if self.rules.defends && self.defended.is_none_or(rested) {
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
        let (addr, rules) = (self.addr, self.rules);
        match self.phase {
            Phase::Probing if self.sent < rules.probe_num => {
                self.sent += 1;
                self.owed = Some(Claim::Probe);
                let wait = match self.sent < rules.probe_num {
                    true => rules.probe_min + self.drawn(rules.probe_max - rules.probe_min, cx),
                    false => rules.announce_wait,
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
                if self.sent < rules.announce_num {
                    self.at = Some(cx.now + rules.announce_interval);
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
        let addr = match self.addr {
            IpAddr::V4(addr) => u64::from(addr.to_bits()),
            IpAddr::V6(addr) => addr.to_bits() as u64,
        };
        let key = self.mac.to_bits() << 16 ^ addr;
        let counter = u64::from(self.sent) ^ cx.now.as_nanos() << 2;
        Duration::from_nanos(cx.chance.below(nanos(most), Purpose::Claim, key, counter))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Chance, EventId, Pool, Trace};
    use Claim::{Announce, Defend, Probe};
    use std::net::{Ipv4Addr, Ipv6Addr};

    const OURS: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 9, 0, 2));
    const NOBODY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
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

    fn heard(mac: Mac, sender: IpAddr, probed: Option<IpAddr>) -> Heard {
        Heard { mac, sender, probed }
    }

    #[test]
    fn probes_then_announces() {
        for seed in 0..200 {
            let mut bench = Bench::new(seed);
            let mut acd = Acd::probe(OURS, MAC, Rules::V4, &bench.cx());
            let sent = bench.run(&mut acd, Duration::from_secs(60));
            let kinds: Vec<Claim> = sent.iter().map(|(claim, _)| *claim).collect();
            assert_eq!(kinds, [Probe, Probe, Probe, Announce, Announce]);
            let rules = Rules::V4;
            let gap = |n: usize| sent[n].1 - sent[n - 1].1;
            assert!(sent[0].1 < rules.probe_wait);
            assert!(
                [gap(1), gap(2)]
                    .iter()
                    .all(|gap| (rules.probe_min..=rules.probe_max).contains(gap))
            );
            assert_eq!((gap(3), gap(4)), (rules.announce_wait, rules.announce_interval));
            assert_eq!(acd.phase(), Phase::Bound);
            assert_eq!(bench.causes(), [Cause::Unclaimed, Cause::Announced]);
        }
    }

    #[test]
    fn whoever_answers_or_probes_too_has_it() {
        for (heard, conflict) in [
            (heard(OTHER, OURS, None), true),
            (heard(OTHER, NOBODY, Some(OURS)), true),
            (heard(MAC, NOBODY, Some(OURS)), false),
            (heard(MAC, OURS, None), false),
            (heard(OTHER, Ipv4Addr::new(10, 9, 0, 3).into(), None), false),
        ] {
            let mut bench = Bench::new(1);
            let mut acd = Acd::probe(OURS, MAC, Rules::V4, &bench.cx());
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
        let mut acd = Acd::announce(OURS, MAC, Rules::V4, &bench.cx());
        let sent = bench.run(&mut acd, Duration::from_secs(20));
        assert_eq!(sent.len(), 2);
        // Somebody else's probe is answered as any request is: it claims nothing.
        assert!(!acd.input(heard(OTHER, NOBODY, Some(OURS)), &mut bench.cx()));
        let mut defences = 0;
        for _ in 0..30 {
            assert!(acd.input(heard(OTHER, OURS, None), &mut bench.cx()));
            let sent = bench.run(&mut acd, Duration::from_secs(1));
            assert!(sent.iter().all(|(claim, _)| *claim == Defend));
            defences += sent.len();
        }
        assert_eq!((defences, acd.is_ours()), (3, true));
    }

    /// RFC 4862 §5.4: one question, one second; nobody defends.
    #[test]
    fn ipv6_asks_once() {
        let ours = IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2));
        let rules = Rules::v6(1, Duration::from_secs(1));
        let mut bench = Bench::new(1);
        let mut acd = Acd::probe(ours, MAC, rules, &bench.cx());
        let sent = bench.run(&mut acd, Duration::from_secs(60));
        assert!(matches!(sent[..], [(Probe, a), (Announce, b)] if b - a == rules.announce_wait));
        assert!(acd.input(heard(OTHER, ours, None), &mut bench.cx()));
        assert!(bench.run(&mut acd, Duration::from_secs(60)).is_empty());
        assert!(acd.is_ours());
    }
}
