//! The client's states in virtual time: the tests are the network.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

const MAC: Mac = Mac([2, 0, 0, 0, 0, 7]);
const OTHER: Mac = Mac([2, 0, 0, 0, 0, 8]);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);
const ROGUE: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 66);
const ADDR: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 57);
const ALL: Ipv4Addr = Ipv4Addr::BROADCAST;

fn settings() -> Settings {
    Settings { mac: MAC, hostname: Some("glass".into()), remembered: None }
}

/// A client in virtual time; the test is the network.
struct Bench {
    machine: Machine,
    now: Instant,
    events: Vec<Event>,
}

impl Bench {
    fn new(seed: u64) -> Bench {
        Bench::with(settings(), seed)
    }

    fn with(settings: Settings, seed: u64) -> Bench {
        let machine = Machine::new(Instant::ZERO, settings, Chance::from_seed(seed));
        Bench { machine, now: Instant::ZERO, events: Vec::new() }
    }

    /// What it does now, until nothing more.
    fn act(&mut self) -> Vec<Action> {
        self.machine.poll(self.now);
        let actions = std::iter::from_fn(|| self.machine.output()).collect();
        self.events.extend(self.machine.take_events());
        let next = self.machine.deadline();
        assert!(next.is_none_or(|at| at > self.now), "driver law: {next:?} at {}", self.now);
        actions
    }

    /// Lets time pass to the next deadline, if it comes within `limit`; what it does then.
    fn next(&mut self, limit: u64) -> Vec<Action> {
        let at = self.machine.deadline().expect("something is waited for");
        assert!(at.since(self.now) <= Duration::from_secs(limit), "{at:?} at {}", self.now);
        self.now = self.now.max(at);
        self.act()
    }

    /// The message that it sends now, and where to.
    #[track_caller]
    fn sent(actions: &[Action]) -> (Ipv4Addr, Message) {
        match actions {
            [Action::Send { to, bytes }] => (*to, Message::parse(bytes).expect("a message")),
            other => panic!("{other:?}"),
        }
    }

    fn hear(&mut self, message: &Message) -> Result<(), Ignored> {
        self.machine.input(self.now, SERVER, &message.encode())
    }

    /// Goes on by so many seconds, during which nothing is to happen.
    fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        assert_eq!(self.act(), []);
    }

    /// Through to CHECKING with a lease of so many seconds; one second passes before each answer.
    fn acknowledged(&mut self, seconds: u32) {
        let (_, discover) = Bench::sent(&self.act());
        self.now += Duration::from_secs(1);
        assert_eq!(self.hear(&answer(&discover, Kind::Offer, seconds)), Ok(()));
        let (_, request) = Bench::sent(&self.act());
        self.now += Duration::from_secs(1);
        assert_eq!(self.hear(&answer(&request, Kind::Ack, seconds)), Ok(()));
        self.checks();
    }

    /// The address is to be checked now.
    #[track_caller]
    fn checks(&mut self) {
        let actions = self.act();
        let [Action::Check(granted)] = &actions[..] else { panic!("{actions:?}") };
        assert_eq!((granted.lease.ip(), self.machine.state()), (ADDR, State::Checking));
    }

    /// Through to BOUND.
    fn bound(&mut self, seconds: u32) -> Lease {
        self.acknowledged(seconds);
        self.machine.checked(self.now, ADDR, true);
        let actions = self.act();
        let [Action::Configure(granted)] = &actions[..] else { panic!("{actions:?}") };
        assert_eq!((self.machine.state(), granted.lease.ip()), (State::Bound, ADDR));
        (*granted.lease).clone()
    }

    fn path(&self) -> String {
        let went = self.events.iter().filter_map(|event| match event {
            Event::Went { to, cause, .. } => Some(format!("{} {to}", cause.key())),
            _ => None,
        });
        went.collect::<Vec<_>>().join(", ")
    }
}

/// What the server answers.
fn answer(to: &Message, kind: Kind, seconds: u32) -> Message {
    let mut message = Message::new(kind, to.xid, to.chaddr);
    (message.reply, message.yiaddr) = (true, ADDR);
    message.options = Options::default()
        .with(code::SERVER_ID, &SERVER.octets())
        .with(code::SUBNET_MASK, &[255, 255, 255, 0])
        .with(code::ROUTERS, &SERVER.octets())
        .with(code::LEASE_TIME, &seconds.to_be_bytes());
    message
}

fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}

#[test]
fn from_init_to_bound_and_on() {
    let mut bench = Bench::new(1);
    let (to, discover) = Bench::sent(&bench.act());
    assert_eq!((to, discover.kind, discover.secs), (ALL, Kind::Discover, 0));
    assert!(discover.broadcast && !discover.reply && discover.ciaddr.is_unspecified());
    assert_eq!(discover.options.get(code::CLIENT_ID), Some(&[1, 2, 0, 0, 0, 0, 7][..]));
    assert_eq!(discover.options.get(code::HOST_NAME), Some(&b"glass"[..]));
    assert_eq!(discover.options.get(code::PARAMETER_LIST), Some(&WANTED[..]));
    assert_eq!(discover.options.get(code::SERVER_ID), None);
    bench.pass(2);
    assert_eq!(bench.hear(&answer(&discover, Kind::Offer, 20)), Ok(()));
    let (to, request) = Bench::sent(&bench.act());
    assert_eq!((to, request.kind, request.xid), (ALL, Kind::Request, discover.xid));
    // The same seconds as in the discover, so that relays ask the same servers (RFC 2131 §3.1).
    assert_eq!((request.secs, request.broadcast), (0, true));
    assert_eq!(request.options.addr(code::SERVER_ID), Some(SERVER));
    assert_eq!(request.options.addr(code::REQUESTED_ADDRESS), Some(ADDR));
    assert!(request.ciaddr.is_unspecified());
    bench.pass(1);
    assert_eq!(bench.hear(&answer(&request, Kind::Ack, 20)), Ok(()));
    bench.checks();
    assert_eq!(bench.machine.lease(), None, "it may not be used yet");
    bench.pass(5);
    bench.machine.checked(bench.now, ADDR, true);
    let lease = match &bench.act()[..] {
        [Action::Configure(granted)] => granted.lease.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(lease.addr.to_string(), "10.9.0.57/24");
    // The lease began when the request was sent, at 2 s: T1 is at 12 s, or a little before.
    for _ in 0..5 {
        let began = bench.machine.held.as_ref().unwrap().times.unwrap()[2] - lease.time.unwrap();
        let (to, renew) = Bench::sent(&bench.next(20));
        let t1 = seconds(bench.now.since(began));
        assert!((9.6..=10.0).contains(&t1), "{t1}");
        assert_eq!((to, renew.kind, renew.ciaddr), (SERVER, Kind::Request, ADDR));
        assert!(!renew.broadcast && renew.xid != request.xid);
        assert_eq!(renew.options.get(code::SERVER_ID), None);
        assert_eq!(renew.options.get(code::REQUESTED_ADDRESS), None);
        assert_eq!(bench.hear(&answer(&renew, Kind::Ack, 20)), Ok(()));
        let until = Some(bench.now + Duration::from_secs(20));
        assert_eq!(bench.act(), [Action::Configure(Granted { lease: lease.clone(), until })]);
    }
    let once = "RenewalTime RENEWING, Extended BOUND";
    let start = "Begun SELECTING, Offered REQUESTING, Acknowledged CHECKING, Free BOUND";
    assert_eq!(bench.path(), [&[start][..], &[once; 5]].concat().join(", "));
    let told = bench.events.iter().map(Event::to_string).collect::<Vec<_>>();
    assert!(told.contains(&"lease 10.9.0.57/24 from 10.9.0.1 for 20 s (renew in 10 s)".into()));
    // A renewal may change what goes with the address.
    let (_, renew) = Bench::sent(&bench.next(20));
    let mut other = answer(&renew, Kind::Ack, 40);
    other.options = other.options.with(code::ROUTERS, &[10, 9, 0, 2]);
    assert_eq!(bench.hear(&other), Ok(()));
    let actions = bench.act();
    let [Action::Configure(changed)] = &actions[..] else { panic!("{actions:?}") };
    assert_eq!(changed.lease.routes[0].router, Some(Ipv4Addr::new(10, 9, 0, 2)));
}

#[test]
fn silence_is_met_with_patience() {
    for seed in 0..50 {
        let mut bench = Bench::new(seed);
        let (_, first) = Bench::sent(&bench.act());
        for wait in [4.0, 8.0, 16.0, 32.0, 64.0, 64.0, 64.0] {
            let before = bench.now;
            let (to, again) = Bench::sent(&bench.next(66));
            let waited = seconds(bench.now.since(before));
            assert!((wait - 1.0..=wait + 1.0).contains(&waited), "{waited}");
            assert_eq!((to, again.kind, again.xid), (ALL, Kind::Discover, first.xid));
            assert_eq!(u64::from(again.secs), bench.now.as_millis() / 1000);
        }
        // An offer is taken at last, and then its server falls silent.
        let at = bench.now;
        assert_eq!(bench.hear(&answer(&first, Kind::Offer, 20)), Ok(()));
        let (_, request) = Bench::sent(&bench.act());
        for _ in 1..REQUESTS_MAX {
            let (to, again) = Bench::sent(&bench.next(40));
            assert_eq!((to, &again), (ALL, &request), "the same once more");
        }
        assert_eq!(bench.next(40), []);
        let given_up = seconds(bench.now.since(at));
        assert!((56.0..=64.0).contains(&given_up), "{given_up}");
        assert_eq!(bench.machine.state(), State::Init);
        let (_, anew) = Bench::sent(&bench.next(10));
        assert_ne!(anew.xid, first.xid);
        assert!(bench.path().ends_with("Unanswered INIT, Begun SELECTING"));
    }
}

#[test]
fn a_lease_that_is_not_extended_ends() {
    for (time, seed) in [20_u32, 120, 3600, 86_400].into_iter().zip(0..) {
        let mut bench = Bench::new(seed);
        bench.bound(time);
        let whole = f64::from(time);
        let begun = bench.machine.held.as_ref().unwrap().times.unwrap()[2]
            - Duration::from_secs(time.into());
        let (mut renews, mut rebinds) = (Vec::new(), Vec::new());
        let withdrawn = loop {
            match &bench.next(100_000)[..] {
                [Action::Withdraw(addr)] => break *addr,
                actions => {
                    let at = seconds(bench.now.since(begun));
                    let (to, request) = Bench::sent(actions);
                    assert_eq!((request.kind, request.ciaddr), (Kind::Request, ADDR));
                    if to == SERVER { renews.push(at) } else { rebinds.push(at) }
                }
            }
        };
        assert_eq!(withdrawn, ADDR);
        let end = seconds(bench.now.since(begun));
        assert!((end - whole).abs() < 0.001, "{end}");
        let close = |at: f64, part: f64| (whole * (part - 0.02)..=whole * part).contains(&at);
        assert!(close(renews[0], 0.5) && close(rebinds[0], 0.875), "{renews:?} {rebinds:?}");
        assert!(renews.iter().all(|at| *at < rebinds[0]));
        let least = 60_f64.min(whole / 16.0) - 0.001;
        for gap in renews.windows(2).chain(rebinds.windows(2)).map(|pair| pair[1] - pair[0]) {
            assert!(gap >= least, "{gap} of {time}");
        }
        assert!(renews.len() >= 2 && rebinds.len() >= 2, "{renews:?} {rebinds:?}");
        assert!(renews.len() + rebinds.len() < 24, "{renews:?} {rebinds:?}");
        assert_eq!((bench.machine.state(), bench.machine.lease()), (State::Init, None));
        // What it had it asks for again.
        let (_, discover) = Bench::sent(&bench.next(10));
        assert_eq!(discover.options.addr(code::REQUESTED_ADDRESS), Some(ADDR));
        assert!(bench.path().ends_with(
            "RenewalTime RENEWING, RebindingTime REBINDING, Expired INIT, Begun SELECTING"
        ));
    }
}

#[test]
fn another_server_may_extend_when_the_own_one_is_gone() {
    let mut bench = Bench::new(3);
    bench.bound(160);
    let (mut to, mut request) = Bench::sent(&bench.next(100));
    // Only the own server counts in RENEWING, any one in REBINDING.
    let other = |request: &Message| {
        let mut other = answer(request, Kind::Ack, 160);
        other.options = other.options.with(code::SERVER_ID, &ROGUE.octets());
        other
    };
    assert_eq!(bench.hear(&other(&request)), Err(Ignored::OtherServer));
    while to == SERVER {
        (to, request) = Bench::sent(&bench.next(100));
    }
    assert_eq!(bench.machine.state(), State::Rebinding);
    assert_eq!(bench.hear(&other(&request)), Ok(()));
    assert!(matches!(&bench.act()[..], [Action::Configure(new)] if new.lease.server == ROGUE));
    assert_eq!(bench.machine.state(), State::Bound);
    // The new one is the own one from now on.
    assert_eq!(Bench::sent(&bench.next(100)).0, ROGUE);
}

#[test]
fn refusals_end_it_at_once() {
    let nak = |to: &Message| {
        let mut nak = Message::new(Kind::Nak, to.xid, MAC);
        nak.reply = true;
        nak.options = nak.options.with(code::SERVER_ID, &SERVER.octets());
        nak
    };
    // In REQUESTING.
    let mut bench = Bench::new(4);
    let (_, discover) = Bench::sent(&bench.act());
    assert_eq!(bench.hear(&answer(&discover, Kind::Offer, 20)), Ok(()));
    let (_, request) = Bench::sent(&bench.act());
    let mut other = nak(&request);
    other.options = other.options.with(code::SERVER_ID, &ROGUE.octets());
    assert_eq!(bench.hear(&other), Err(Ignored::OtherServer));
    assert_eq!(bench.hear(&nak(&request)), Ok(()));
    assert_eq!((bench.act(), bench.machine.state()), (vec![], State::Init));
    // Whoever refuses without end does not make it ask without end.
    let rest = bench.machine.deadline().unwrap().since(bench.now);
    assert!((REST.0..=REST.1).contains(&rest));
    let (_, anew) = Bench::sent(&bench.next(10));
    assert_eq!(anew.options.get(code::REQUESTED_ADDRESS), None);
    // In RENEWING and REBINDING: the address may not be used any more.
    for state in [State::Renewing, State::Rebinding] {
        let mut bench = Bench::new(5);
        bench.bound(20);
        let mut request = Bench::sent(&bench.next(20)).1;
        while bench.machine.state() != state {
            request = Bench::sent(&bench.next(20)).1;
        }
        assert_eq!(bench.hear(&nak(&request)), Ok(()));
        assert_eq!(bench.act(), [Action::Withdraw(ADDR)]);
        assert_eq!(bench.machine.state(), State::Init);
        assert!(bench.path().ends_with("Refused INIT"));
    }
}

#[test]
fn an_address_in_use_is_declined() {
    let mut bench = Bench::new(6);
    bench.acknowledged(20);
    bench.pass(3);
    // What is told of another address means nothing.
    bench.machine.checked(bench.now, SERVER, false);
    assert_eq!((bench.act(), bench.machine.state()), (vec![], State::Checking));
    bench.machine.checked(bench.now, ADDR, false);
    let actions = bench.act();
    let (to, decline) = Bench::sent(&actions[..1]);
    assert_eq!((to, decline.kind), (ALL, Kind::Decline));
    assert_eq!(actions[1..], [Action::Withdraw(ADDR)]);
    assert_eq!(decline.options.addr(code::REQUESTED_ADDRESS), Some(ADDR));
    assert_eq!(decline.options.addr(code::SERVER_ID), Some(SERVER));
    assert!(decline.ciaddr.is_unspecified());
    assert_eq!(decline.options.get(code::PARAMETER_LIST), None);
    let rest = bench.machine.deadline().unwrap().since(bench.now);
    assert!(rest >= Duration::from_secs(10), "{rest:?}");
    let (_, discover) = Bench::sent(&bench.next(11));
    assert_eq!(discover.options.get(code::REQUESTED_ADDRESS), None);
    assert!(bench.path().ends_with("Taken INIT, Begun SELECTING"));
    // An answer that comes too late finds the lease over.
    let mut bench = Bench::new(6);
    bench.acknowledged(20);
    assert_eq!(bench.next(20), [Action::Withdraw(ADDR)]);
    bench.machine.checked(bench.now, ADDR, true);
    assert_eq!((bench.act(), bench.machine.state()), (vec![], State::Init));
    assert!(bench.path().ends_with("Expired INIT"));
}

#[test]
fn a_remembered_address_is_asked_for_first() {
    let remembering = Settings { remembered: Some(ADDR), ..settings() };
    let mut bench = Bench::with(remembering.clone(), 7);
    let (to, request) = Bench::sent(&bench.act());
    assert_eq!((to, request.kind), (ALL, Kind::Request));
    assert_eq!(request.options.addr(code::REQUESTED_ADDRESS), Some(ADDR));
    assert_eq!(request.options.get(code::SERVER_ID), None);
    assert!(request.ciaddr.is_unspecified() && request.broadcast);
    let mut other = answer(&request, Kind::Ack, 20);
    other.yiaddr = Ipv4Addr::new(10, 9, 0, 58);
    assert_eq!(bench.hear(&other), Err(Ignored::OtherAddress));
    assert_eq!(bench.hear(&answer(&request, Kind::Ack, 20)), Ok(()));
    bench.checks();
    assert_eq!(bench.path(), "Remembered REBOOTING, Acknowledged CHECKING");
    // Nobody knows of it: all servers are asked, and may give it all the same.
    let mut bench = Bench::with(remembering, 8);
    Bench::sent(&bench.act());
    Bench::sent(&bench.next(5));
    assert_eq!(bench.next(9), []);
    let (_, discover) = Bench::sent(&bench.next(10));
    assert_eq!(discover.options.addr(code::REQUESTED_ADDRESS), Some(ADDR));
    assert_eq!(bench.path(), "Remembered REBOOTING, Unanswered INIT, Begun SELECTING");
}

#[test]
fn the_address_is_given_back() {
    let mut bench = Bench::new(9);
    bench.bound(20);
    bench.machine.release();
    let actions = bench.act();
    let [send @ Action::Send { .. }, Action::Withdraw(addr)] = &actions[..] else {
        panic!("{actions:?}")
    };
    let (to, release) = Bench::sent(std::slice::from_ref(send));
    assert_eq!((to, release.kind, release.ciaddr), (SERVER, Kind::Release, ADDR));
    assert_eq!(release.options.addr(code::SERVER_ID), Some(SERVER));
    assert_eq!(release.options.get(code::REQUESTED_ADDRESS), None);
    assert_eq!((*addr, bench.machine.deadline()), (ADDR, None));
    bench.machine.release();
    assert_eq!(bench.act(), []);
    // Without an address there is nothing to give back.
    let mut bench = Bench::new(9);
    Bench::sent(&bench.act());
    bench.machine.release();
    assert_eq!((bench.act(), bench.machine.deadline()), (vec![], None));
}

#[test]
fn a_lease_for_ever_is_never_renewed() {
    let mut bench = Bench::new(10);
    let lease = bench.bound(u32::MAX);
    assert_eq!((lease.time, bench.machine.deadline()), (None, None));
    bench.pass(1_000_000);
    assert_eq!(bench.machine.state(), State::Bound);
    assert!(bench.events.iter().any(|event| event.to_string().ends_with("for ever")));
}

#[test]
fn what_is_of_no_use_is_counted_and_changes_nothing() {
    let mut bench = Bench::new(11);
    let (_, discover) = Bench::sent(&bench.act());
    let offer = answer(&discover, Kind::Offer, 20);
    let changed = |change: fn(&mut Message)| {
        let mut message = offer.clone();
        change(&mut message);
        message.encode()
    };
    fn option(message: &mut Message, code: u8, value: &[u8]) {
        message.options = std::mem::take(&mut message.options).with(code, value);
    }
    let ack = answer(&discover, Kind::Ack, 20).encode();
    for (bytes, why) in [
        (vec![0; 100], Ignored::Short),
        (changed(|message| message.reply = false), Ignored::NotReply),
        (changed(|message| message.xid ^= 1), Ignored::OtherQuestion),
        (changed(|message| message.chaddr = OTHER), Ignored::OtherClient),
        (changed(|message| option(message, code::CLIENT_ID, b"other")), Ignored::OtherClient),
        (ack, Ignored::Unexpected),
        (changed(|message| option(message, code::SERVER_ID, &[0; 4])), Ignored::NoServer),
        (changed(|message| message.yiaddr = ALL), Ignored::Address),
        (changed(|message| option(message, code::SUBNET_MASK, &[0; 4])), Ignored::Mask),
        (changed(|message| option(message, code::LEASE_TIME, &[0; 4])), Ignored::LeaseTime),
    ] {
        assert_eq!(bench.machine.input(bench.now, ROGUE, &bytes), Err(why));
        assert_eq!(
            bench.machine.ignored(why),
            1 + u64::from(why == Ignored::OtherClient && bytes[28..34] == MAC.0),
            "{why}"
        );
        assert_eq!((bench.act(), bench.machine.state()), (vec![], State::Selecting));
    }
    // An identifier that is ours may come back (RFC 6842).
    let mut offer = offer;
    let id = bench.machine.client_id();
    option(&mut offer, code::CLIENT_ID, &id);
    assert_eq!(bench.hear(&offer), Ok(()));
    let (_, request) = Bench::sent(&bench.act());
    // Second offers come too late; an answer after the time it gives is none.
    assert_eq!(bench.hear(&offer), Err(Ignored::Unexpected));
    for _ in 0..3 {
        Bench::sent(&bench.next(40));
    }
    assert_eq!(bench.hear(&answer(&request, Kind::Ack, 20)), Err(Ignored::LeaseTime));
    assert_eq!(bench.hear(&answer(&request, Kind::Ack, 40)), Ok(()));
}

/// Between them, these tests reach all that a client can say.
#[test]
fn everything_that_can_happen_happens() {
    let mut causes = BTreeSet::new();
    let mut reasons = BTreeSet::new();
    for seed in 0..300 {
        let remembered = (seed % 4 == 0).then_some(ADDR);
        let mut bench = Bench::with(Settings { remembered, ..settings() }, seed);
        let luck = Chance::from_seed(seed);
        let mut step = 0;
        let mut draw = |bound| {
            step += 1;
            luck.below(bound, Purpose::Scenario, 0, step)
        };
        let mut heard = None;
        for _ in 0..60 {
            let actions = match bench.machine.deadline() {
                Some(_) if draw(2) == 0 => bench.next(100_000),
                _ => bench.act(),
            };
            for action in actions {
                match action {
                    Action::Send { bytes, .. } => heard = Message::parse(&bytes).ok(),
                    Action::Check(granted) => {
                        bench.machine.checked(bench.now, granted.lease.ip(), draw(4) > 0);
                    }
                    Action::Configure(_) | Action::Withdraw(_) => {}
                }
            }
            let kind = match &heard {
                Some(message) if message.kind == Kind::Discover => Kind::Offer,
                _ if draw(8) == 0 => Kind::Nak,
                _ => Kind::Ack,
            };
            if let Some(message) = heard.take().filter(|_| draw(3) > 0) {
                let _ = bench.hear(&answer(&message, kind, 20));
            }
        }
        bench.machine.release();
        bench.act();
        for event in &bench.events {
            match event {
                Event::Went { cause, .. } => causes.extend([cause.key()]),
                Event::Sent { reason, .. } => reasons.extend([reason.key()]),
                _ => {}
            }
        }
    }
    assert_eq!(causes, Cause::KEYS.iter().copied().collect());
    assert_eq!(reasons, Reason::KEYS.iter().copied().collect());
}

/// What a rogue network does: what, a number for it, and bytes that it changes.
type Step = (u8, u32, Vec<(usize, u8)>);

/// Lets a rogue network talk; whatever it says and however time leaps, the client keeps its law,
/// asks seldom, and lives by no address but one that was checked.
fn rogue(seed: u64, steps: Vec<Step>) {
    let mut bench = Bench::new(seed);
    let (mut last, mut sent, mut checked) = (None, 0_u64, BTreeSet::new());
    for (what, number, edits) in steps {
        match what {
            0 => bench.now += Duration::from_millis(u64::from(number) % 100_000),
            1 => bench.machine.checked(bench.now, ADDR, number % 2 == 0),
            _ => {
                let question = last.clone().unwrap_or(Message::new(Kind::Discover, number, MAC));
                let kinds = [Kind::Offer, Kind::Ack, Kind::Nak, Kind::Ack];
                let kind = kinds[usize::from(what) - 2];
                let mut bytes = answer(&question, kind, number % 50).encode();
                for (at, byte) in edits {
                    let len = bytes.len();
                    bytes[at % len] = byte;
                }
                let _ = bench.machine.input(bench.now, ROGUE, &bytes);
            }
        }
        for action in bench.act() {
            match action {
                Action::Send { bytes, .. } => {
                    sent += 1;
                    last = Some(Message::parse(&bytes).expect("what is sent can be read"));
                }
                Action::Check(new) => drop(checked.insert(new.lease.ip())),
                Action::Configure(new) => assert!(checked.contains(&new.lease.ip())),
                Action::Withdraw(_) => {}
            }
        }
    }
    let most = 20 + 3 * bench.now.as_millis() / 1000;
    assert!(sent <= most, "{sent} messages by {}", bench.now);
}

proptest! {
    #[test]
    fn a_rogue_network_changes_little(
        seed: u64,
        steps in proptest::collection::vec(
            (0u8..6, any::<u32>(), proptest::collection::vec((0usize..400, any::<u8>()), 0..4)),
            1..80,
        ),
    ) {
        rogue(seed, steps);
    }
}
