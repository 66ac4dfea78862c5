//! The cache against RFC 4861's table (Appendix C), against its bounds, and against floods.

use super::*;
use crate::base::{Chance, EventId, Pool, Trace};
use proptest::prelude::*;
use std::collections::HashMap;

fn ip(n: u8) -> IpAddr {
    IpAddr::from([10, 9, 0, n])
}

fn ip6(n: u8) -> IpAddr {
    IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, n.into()])
}

fn mac(n: u8) -> Mac {
    Mac([2, 0, 0, 0, 0, n])
}

struct Bench {
    now: Instant,
    cache: Cache,
    chance: Chance,
    pool: Pool,
    trace: Trace<Event>,
}

impl Bench {
    fn new(change: impl FnOnce(&mut Config)) -> Bench {
        let mut config = Config::default();
        change(&mut config);
        Bench {
            now: Instant::from_millis(5_000),
            cache: Cache::new(config),
            chance: Chance::from_seed(3),
            pool: Pool::new(),
            trace: Trace::new(true),
        }
    }

    fn with<R>(&mut self, f: impl FnOnce(&mut Cache, &mut Cx<'_>) -> R) -> R {
        let Bench { now, cache, chance, pool, trace } = self;
        f(cache, &mut Cx { now: *now, chance, pool, trace, cause: EventId::NONE })
    }

    fn frame(&self, len: usize, tag: u8) -> Frame {
        Frame::copied(&self.pool, &vec![tag; len])
    }

    /// Sends a frame as a host does; where it went at once.
    fn send(&mut self, n: u8, tag: u8) -> Option<Mac> {
        let frame = self.frame(100, tag);
        self.with(|cache, cx| {
            let mac = cache.resolve(ip(n), cx);
            if mac.is_none() {
                cache.hold(ip(n), frame, cx);
            }
            mac
        })
    }

    fn advert(&mut self, n: u8, to: u8, solicited: bool, overrides: bool) -> Result<(), Why> {
        let advert = Advert { mac: Some(mac(to)), solicited, overrides };
        self.with(|cache, cx| cache.on_advert(ip(n), advert, cx))
    }

    fn actions(&mut self) -> Vec<Action> {
        std::iter::from_fn(|| self.cache.output()).collect()
    }

    /// What there is to do, in short.
    fn words(&mut self) -> Vec<String> {
        let words = |action| match action {
            Action::Solicit { to, .. } => to.map_or("ask all".into(), |mac| format!("ask {mac}")),
            Action::Quiet { .. } => "quiet".into(),
            Action::Send { mac, frame } => format!("send {} to {mac}", frame.front()[0]),
            Action::Drop { why, frame, .. } => format!("drop {} {}", frame.front()[0], why.key()),
        };
        self.actions().into_iter().map(words).collect()
    }

    fn wait(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        while let Some(at) = self.cache.deadline(self.now).filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.with(Cache::poll);
            let next = self.cache.timers.next();
            assert!(next.is_none_or(|at| at > self.now), "after poll, nothing is due");
            if !self.cache.actions.is_empty() {
                break;
            }
        }
        if self.cache.actions.is_empty() {
            self.now = end;
        }
    }

    fn state(&self, n: u8) -> Option<State> {
        self.cache.get(ip(n)).map(|neighbor| neighbor.state)
    }

    fn mac(&self, n: u8) -> Option<Mac> {
        self.cache.get(ip(n)).and_then(|neighbor| neighbor.mac)
    }

    fn causes(&mut self) -> Vec<&'static str> {
        self.trace.drain().map(|stamped| stamped.event.cause().key()).collect()
    }

    /// Brings neighbour 1, at Ethernet address 1, into a state; more than the locktime ago.
    fn bring(&mut self, state: State) {
        match state {
            State::Permanent => {
                self.with(|cache, cx| cache.set(ip(1), mac(1), cx)).expect("room");
            }
            State::Incomplete => assert_eq!(self.send(1, 1), None),
            State::Failed => {
                self.bring(State::Incomplete);
                while self.state(1) != Some(State::Failed) {
                    self.actions();
                    self.wait(1_000);
                }
            }
            State::Reachable => {
                self.bring(State::Incomplete);
                self.advert(1, 1, true, true).expect("it is waited for");
            }
            State::Stale => {
                self.with(|cache, cx| cache.on_solicit(ip(1), mac(1), cx)).expect("room");
            }
            State::Delay => {
                self.bring(State::Stale);
                assert_eq!(self.send(1, 1), Some(mac(1)));
            }
            State::Probe => {
                self.bring(State::Delay);
                self.wait(5_000);
            }
        }
        self.actions();
        assert_eq!(self.state(1), Some(state));
        self.now += Duration::from_millis(1_500);
        if matches!(state, State::Incomplete | State::Probe) {
            self.now = self.now - Duration::from_millis(600);
        }
        self.trace.drain().for_each(drop);
    }
}

#[test]
fn the_first_packet_waits_and_goes() {
    let mut b = Bench::new(|_| ());
    assert_eq!((b.send(1, 1), b.send(1, 2)), (None, None));
    assert_eq!(b.words(), ["ask all"]);
    b.wait(300);
    b.advert(1, 7, true, true).expect("it is waited for");
    let to = "to 02:00:00:00:00:07";
    assert_eq!(b.words(), [format!("send 1 {to}"), format!("send 2 {to}")]);
    assert_eq!(b.send(1, 3), Some(mac(7)));
    assert_eq!(b.causes(), ["Needed", "Answered"]);
    assert_eq!((b.cache.waiting_bytes(), b.state(1)), (0, Some(State::Reachable)));
}

#[test]
fn no_answer_fails_and_asks_again_when_needed() {
    let mut b = Bench::new(|_| ());
    b.send(1, 1);
    for _ in 0..3 {
        assert_eq!(b.words(), ["ask all"]);
        b.wait(1_000);
    }
    assert_eq!(b.words(), ["drop 1 NeighborFailed"]);
    assert_eq!(b.state(1), Some(State::Failed));
    assert_eq!(b.advert(1, 1, false, true), Err(Why::NeighborUnasked));
    b.send(1, 2);
    assert_eq!((b.words(), b.state(1)), (vec!["ask all".into()], Some(State::Incomplete)));
    assert_eq!(b.causes(), ["Needed", "NoAnswer", "Needed"]);
}

#[test]
fn silence_ages_and_use_probes() {
    let mut b = Bench::new(|_| ());
    b.bring(State::Reachable);
    b.wait(60_000);
    assert_eq!(b.state(1), Some(State::Stale));
    assert_eq!(b.send(1, 1), Some(mac(1)));
    assert_eq!(b.state(1), Some(State::Delay));
    b.wait(5_000);
    for _ in 0..3 {
        assert_eq!(b.state(1), Some(State::Probe));
        assert_eq!(b.send(1, 1), Some(mac(1)), "packets are sent meanwhile");
        assert_eq!(b.words(), ["ask 02:00:00:00:00:01"]);
        b.wait(1_000);
    }
    assert_eq!(b.state(1), Some(State::Failed));
    b.wait(60_000);
    assert_eq!(b.state(1), None);
    assert_eq!(b.causes(), ["Aged", "Used", "Doubted", "NoAnswer", "Unused"]);
}

#[test]
fn reachable_time_is_randomised_and_confirmed_by_progress() {
    let mut times = std::collections::BTreeSet::new();
    for seed in 0..50 {
        let mut b = Bench::new(|_| ());
        b.chance = Chance::from_seed(seed);
        b.bring(State::Reachable);
        let start = b.cache.get(ip(1)).expect("known").since;
        while b.state(1) == Some(State::Reachable) {
            b.wait(100);
        }
        let time = b.now.since(start);
        assert!((Duration::from_secs(15)..=Duration::from_millis(45_200)).contains(&time));
        times.insert(time);
    }
    assert!(times.len() > 20, "{times:?}");
    let mut b = Bench::new(|_| ());
    b.bring(State::Reachable);
    for _ in 0..100 {
        b.with(|cache, cx| cache.on_confirm(ip(1), cx));
        b.wait(10_000);
        assert_eq!(b.state(1), Some(State::Reachable));
    }
    for state in [State::Stale, State::Delay, State::Probe] {
        let mut b = Bench::new(|_| ());
        b.bring(state);
        b.with(|cache, cx| cache.on_confirm(ip(1), cx));
        assert_eq!((b.state(1), b.causes()), (Some(State::Reachable), vec!["Confirmed"]));
    }
    for state in [State::Incomplete, State::Failed, State::Permanent] {
        let mut b = Bench::new(|_| ());
        b.bring(state);
        b.with(|cache, cx| cache.on_confirm(ip(1), cx));
        assert_eq!(b.state(1), Some(state));
    }
}

/// RFC 4861 Appendix C: what an advertisement does, by state, S flag, O flag, and whether the
/// address is the known one (1) or another (9).
#[test]
fn advertisements_follow_the_table() {
    use State::{Delay, Incomplete, Permanent, Probe, Reachable, Stale};
    for (state, solicited, overrides, to, then, known) in [
        (Incomplete, false, false, 9, Stale, 9),
        (Incomplete, true, false, 9, Reachable, 9),
        (Incomplete, true, true, 9, Reachable, 9),
        (Reachable, false, false, 9, Stale, 1),
        (Reachable, false, true, 9, Stale, 9),
        (Reachable, false, true, 1, Reachable, 1),
        (Stale, false, false, 9, Stale, 1),
        (Stale, false, true, 1, Stale, 1),
        (Stale, false, true, 9, Stale, 9),
        (Delay, false, false, 9, Delay, 1),
        (Delay, false, true, 9, Stale, 9),
        (Delay, false, true, 1, Delay, 1),
        (Probe, true, false, 1, Reachable, 1),
        (Probe, true, false, 9, Probe, 1),
        (Probe, true, true, 9, Reachable, 9),
        (Probe, false, true, 9, Stale, 9),
        (Probe, false, true, 1, Probe, 1),
        (Permanent, true, true, 9, Permanent, 1),
    ] {
        let mut b = Bench::new(|_| ());
        b.bring(state);
        assert_eq!(b.advert(1, to, solicited, overrides), Ok(()), "{state} {to}");
        let what = format!("{state} S={solicited} O={overrides} {to}");
        assert_eq!((b.state(1), b.mac(1)), (Some(then), Some(mac(known))), "{what}");
    }
    // Without an address, only an entry that has one can be confirmed.
    let bare = Advert { mac: None, solicited: true, overrides: false };
    for (state, expected) in [(Incomplete, Err(Why::NeighborUnasked)), (Probe, Ok(()))] {
        let mut b = Bench::new(|_| ());
        b.bring(state);
        assert_eq!(b.with(|cache, cx| cache.on_advert(ip(1), bare, cx)), expected);
    }
}

#[test]
fn who_asks_for_us_tells_its_address() {
    use State::{Delay, Failed, Incomplete, Permanent, Probe, Reachable, Stale};
    for (state, to, then, known) in [
        (Incomplete, 9, Stale, 9),
        (Reachable, 1, Reachable, 1),
        (Reachable, 9, Stale, 9),
        (Stale, 9, Stale, 9),
        (Delay, 1, Delay, 1),
        (Probe, 9, Stale, 9),
        (Failed, 1, Stale, 1),
        (Permanent, 9, Permanent, 1),
    ] {
        let mut b = Bench::new(|_| ());
        b.bring(state);
        assert_eq!(b.with(|cache, cx| cache.on_solicit(ip(1), mac(to), cx)), Ok(()));
        assert_eq!((b.state(1), b.mac(1)), (Some(then), Some(mac(known))), "{state} {to}");
    }
}

#[test]
fn the_first_of_two_answers_stands() {
    let mut b = Bench::new(|_| ());
    b.send(1, 1);
    b.advert(1, 1, true, true).expect("it is waited for");
    assert_eq!(b.advert(1, 9, true, true), Err(Why::NeighborTooSoon));
    b.now += Duration::from_secs(1);
    b.trace.drain().for_each(drop);
    assert_eq!((b.advert(1, 9, true, true), b.mac(1)), (Ok(()), Some(mac(9))));
    assert_eq!(b.causes(), ["Advertised"; 2], "it moved, and is stale: nobody had asked");
    // ND has a flag for that (RFC 4861 §7.2.5).
    b.with(|cache, cx| cache.on_solicit(ip6(1), mac(1), cx)).expect("room");
    for (overrides, known) in [(false, 1), (true, 9)] {
        let advert = Advert { mac: Some(mac(9)), solicited: false, overrides };
        assert_eq!(b.with(|cache, cx| cache.on_advert(ip6(1), advert, cx)), Ok(()));
        assert_eq!(b.cache.get(ip6(1)).and_then(|one| one.mac), Some(mac(known)));
    }
}

/// RFC 4861 §6.3.4; RFC 1122 §2.3.2.1: a router's times are ND's, not ARP's.
#[test]
fn routers_say_how_long_neighbours_of_ipv6_are_believed() {
    let mut b = Bench::new(|_| ());
    b.cache.set_times(u32::MAX, 200);
    b.cache.set_times(0, 0);
    assert_eq!(b.cache.retrans(ip(1)), Duration::from_secs(1));
    assert_eq!(b.cache.retrans(ip6(1)), Duration::from_millis(200));
    b.cache.set_times(0, 1);
    assert_eq!(b.cache.retrans(ip6(1)), Duration::from_millis(100));
    for addr in [ip(1), ip6(1)] {
        let frame = b.frame(10, 1);
        b.with(|cache, cx| cache.hold(addr, frame, cx));
        let advert = Advert { mac: Some(mac(1)), solicited: true, overrides: true };
        b.with(|cache, cx| cache.on_advert(addr, advert, cx)).expect("it is waited for");
    }
    b.actions();
    b.wait(46_000);
    let state = |b: &Bench, addr| b.cache.get(addr).map(|one| one.state);
    assert_eq!((state(&b, ip(1)), state(&b, ip6(1))), (Some(State::Stale), Some(State::Reachable)));
    // Nobody is believed for longer than one and a half hours.
    b.wait(5_400_000);
    assert_ne!(state(&b, ip6(1)), Some(State::Reachable));
}

#[test]
fn queues_keep_the_first_and_the_latest() {
    let room = 4 * (100 + size_of::<Frame>());
    let mut b = Bench::new(|c| c.queue_bytes = room);
    for tag in 1..=6 {
        b.send(1, tag);
    }
    let full = "NeighborQueueFull";
    assert_eq!(b.words(), ["ask all".into(), format!("drop 2 {full}"), format!("drop 3 {full}")]);
    b.advert(1, 1, true, true).expect("it is waited for");
    let sent: Vec<_> = b.words().iter().map(|word| word.as_bytes()[5]).collect();
    assert_eq!(sent, b"1456");
    // One is kept, however long.
    let mut b = Bench::new(|c| c.queue_bytes = 1);
    assert_eq!((b.send(1, 1), b.send(1, 2)), (None, None));
    assert_eq!(b.words(), ["ask all".into(), format!("drop 2 {full}")]);
    let mut b = Bench::new(|c| c.queue_bytes_total = room);
    assert!((1..=6).all(|n| b.send(n, n).is_none()));
    let drops = b.words().iter().filter(|word| word.contains(full)).count();
    assert_eq!((drops, b.cache.waiting_bytes()), (2, room));
}

#[test]
fn floods_are_bounded_and_do_not_push_out_who_is_served() {
    let mut b = Bench::new(|c| c.entries_max = 8);
    b.bring(State::Reachable);
    // Who only asks us pushes out only those that did the same.
    for n in 2..=255 {
        b.with(|cache, cx| cache.on_solicit(ip(n), mac(n), cx)).expect("room");
    }
    assert_eq!((b.cache.len(), b.state(255), b.state(2)), (8, Some(State::Stale), None));
    assert_eq!(b.state(1), Some(State::Reachable));
    assert_eq!(b.advert(200, 200, false, true), Err(Why::NeighborUnasked));
    b.trace.drain().for_each(drop);
    // A neighbour that is needed takes the place of one that only asked; then of one that does not
    // answer; never of one that does.
    for n in 100..=200 {
        b.send(n, n);
    }
    assert_eq!((b.cache.len(), b.state(1)), (8, Some(State::Reachable)));
    assert_eq!(b.send(1, 1), Some(mac(1)));
    let evicted = b.causes().iter().filter(|cause| **cause == "Evicted").count();
    assert_eq!(evicted, 101);
    // One that waits gives way to one that says where it is.
    b.with(|cache, cx| cache.on_solicit(ip(99), mac(99), cx)).expect("room");
    assert_eq!((b.state(194), b.state(200)), (None, Some(State::Incomplete)));
    b.send(194, 194);
    assert_eq!(b.state(99), None);
    // Where all are there, the newcomer waits in vain.
    for n in 194..=200 {
        b.advert(n, n, true, true).expect("it is waited for");
    }
    b.actions();
    b.send(50, 50);
    assert_eq!(b.words(), ["drop 50 NeighborLimit"]);
    assert_eq!(b.with(|cache, cx| cache.on_solicit(ip(50), mac(50), cx)), Err(Why::NeighborLimit));
    // Some time later they are stale, and a newcomer that we need may come; one that asks may not.
    b.wait(46_000);
    assert_eq!(b.with(|cache, cx| cache.on_solicit(ip(50), mac(50), cx)), Err(Why::NeighborLimit));
    b.send(50, 50);
    assert_eq!((b.state(50), b.state(1)), (Some(State::Incomplete), None));
}

#[test]
fn questions_are_rate_limited() {
    let mut b = Bench::new(|c| (c.solicit_rate, c.solicit_burst) = (10, 3));
    assert!((1..=5).all(|n| b.send(n, n).is_none()));
    assert_eq!(b.words(), ["ask all", "ask all", "ask all", "quiet", "quiet"]);
}

#[test]
fn entries_are_set_and_removed_by_hand() {
    let mut b = Bench::new(|_| ());
    b.send(1, 1);
    b.with(|cache, cx| cache.set(ip(1), mac(1), cx)).expect("room");
    assert_eq!(b.words(), ["ask all", "send 1 to 02:00:00:00:00:01"]);
    b.wait(1_000_000);
    assert_eq!(b.cache.iter().map(|n| n.state).collect::<Vec<_>>(), [State::Permanent]);
    assert!(b.with(|cache, cx| cache.remove(ip(1), cx)));
    assert!(!b.with(|cache, cx| cache.remove(ip(1), cx)));
    assert!(b.cache.is_empty() && b.cache.deadline(b.now).is_none());
}

#[derive(Clone, Debug)]
enum Op {
    Send(u8),
    Advert(u8, u8, bool, bool),
    Solicit(u8, u8),
    Confirm(u8),
    Wait(u64),
}

fn op() -> impl Strategy<Value = Op> {
    let (n, m) = (1u8..12, 1u8..4);
    prop_oneof![
        4 => n.clone().prop_map(Op::Send),
        2 => (n.clone(), m.clone(), any::<bool>(), any::<bool>())
            .prop_map(|(n, m, s, o)| Op::Advert(n, m, s, o)),
        1 => (n.clone(), m).prop_map(|(n, m)| Op::Solicit(n, m)),
        1 => n.prop_map(Op::Confirm),
        4 => (0u64..4_000).prop_map(Op::Wait),
    ]
}

proptest! {
    #[test]
    fn laws(ops in proptest::collection::vec(op(), 1..300), entries in 2usize..14) {
        let mut b = Bench::new(|c| {
            (c.entries_max, c.queue_bytes) = (entries, 3 * (100 + size_of::<Frame>()));
        });
        // Frames held and not seen again; when each neighbour was asked last; what each has said.
        let (mut held, mut asked) = (0usize, HashMap::<IpAddr, Instant>::new());
        let mut said = HashMap::<u8, Vec<Mac>>::new();
        for op in ops {
            match op {
                Op::Send(n) => match b.send(n, n) {
                    Some(mac) => prop_assert!(said[&n].contains(&mac), "nobody said {mac}"),
                    None => held += 1,
                },
                Op::Advert(n, m, solicited, overrides) => {
                    let before = b.cache.len();
                    let _ = b.advert(n, m, solicited, overrides);
                    said.entry(n).or_default().push(mac(m));
                    prop_assert_eq!(b.cache.len(), before, "what is unasked makes no entry");
                }
                Op::Solicit(n, m) => {
                    let _ = b.with(|cache, cx| cache.on_solicit(ip(n), mac(m), cx));
                    said.entry(n).or_default().push(mac(m));
                }
                Op::Confirm(n) => b.with(|cache, cx| cache.on_confirm(ip(n), cx)),
                Op::Wait(millis) => b.wait(millis),
            }
            for action in b.actions() {
                match action {
                    Action::Solicit { addr, to } => {
                        let last = asked.insert(addr, b.now);
                        let rested = last.is_none_or(|at| b.now.since(at).as_secs() >= 1);
                        prop_assert!(rested || entries < 12, "{addr} is asked too often");
                        prop_assert!(to.is_none() || b.cache.get(addr).is_some());
                    }
                    Action::Send { .. } | Action::Drop { .. } => held -= 1,
                    Action::Quiet { .. } => {}
                }
            }
            let waiting: usize = b.cache.iter().map(|n| n.waiting).sum();
            prop_assert_eq!(waiting, held);
            prop_assert!(b.cache.len() <= entries);
            let may_go = |n: &Neighbor| rank(n.state, n.confirmed.is_some()).is_some();
            let spare = b.cache.iter().filter(may_go).count();
            prop_assert_eq!(b.cache.spare.len(), spare);
            let known = |n: &Neighbor| n.mac.is_some();
            let sound = b.cache.iter().all(|n| match n.state {
                State::Incomplete => !known(&n),
                State::Failed => n.waiting == 0,
                _ => known(&n) && n.waiting == 0,
            });
            prop_assert!(sound);
        }
        // In the end everything is forgotten.
        for _ in 0..100 {
            b.wait(10_000);
            held -= b.actions().iter().filter(|a| matches!(a, Action::Drop { .. })).count();
        }
        prop_assert_eq!((held, b.cache.len(), b.cache.waiting_bytes()), (0, 0, 0));
        prop_assert_eq!(b.cache.deadline(b.now), None);
    }
}
