//! A DHCP client as a pure machine: RFC 2131's figure 5 without a clock, a socket or a thread.
//!
//! It is given time ([`Machine::poll`]), messages ([`Machine::input`]) and what became of an
//! address that was checked ([`Machine::checked`]), and gives [`Action`]s and [`Event`]s. After
//! `poll(now)` and `output` until `None`, the deadline lies later than `now`, or there is none.
//!
//! RFC 2131 §4.4.1 has a client wait up to ten seconds before it begins, so that the clients of a
//! building that has its power back do not all ask at once. The first beginning of this one is
//! somebody's who waits for it, and waits for nothing; all later ones do.

use super::event::{Cause, Event, Ignored, Reason, State};
use super::lease::{self, Lease};
use super::message::{Kind, MESSAGE_MAX, Message, Options, code};
use crate::base::rng::Purpose;
use crate::base::time::nanos;
use crate::base::{Chance, Duration, Instant, Mac};
use std::collections::VecDeque;
use std::net::Ipv4Addr;

/// How long the first answer is waited for (RFC 2131 §4.1), on average.
const FIRST_WAIT: Duration = Duration::from_secs(4);
/// How long an answer is waited for at most (RFC 2131 §4.1), on average.
const LONGEST_WAIT: Duration = Duration::from_secs(64);
/// How far a wait may be from the average (RFC 2131 §4.1).
const SPREAD: Duration = Duration::from_secs(1);
/// How often an offer's server is asked to agree: for about a minute (RFC 2131 §3.1, step 5).
const REQUESTS_MAX: u32 = 4;
/// How often servers are asked about a remembered address.
const REBOOTS_MAX: u32 = 2;
/// The rest before beginning anew (RFC 2131 §4.4.1): the shortest, and the longest.
const REST: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));
/// The least rest when an address was somebody else's (RFC 2131 §3.1, step 5).
const DECLINE_REST: Duration = Duration::from_secs(10);
/// The least time between two requests for more time (RFC 2131 §4.4.5), where a lease is long.
const EXTEND_MIN: Duration = Duration::from_secs(60);
/// What is asked for, in the order of preference (RFC 3442: classless routes before routers).
const WANTED: [u8; 8] = [
    code::SUBNET_MASK,
    code::CLASSLESS_ROUTES,
    code::ROUTERS,
    code::NAME_SERVERS,
    code::DOMAIN_NAME,
    code::INTERFACE_MTU,
    code::RENEWAL_TIME,
    code::REBINDING_TIME,
];

/// Who asks, and for what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// The interface's Ethernet address.
    pub mac: Mac,
    /// The host's name, for servers that give names to addresses.
    pub hostname: Option<String>,
    /// An address that the host had before: it is asked for first (INIT-REBOOT).
    pub remembered: Option<Ipv4Addr>,
}

/// What a machine wants done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// Send a message from port 68 to port 67 of a server, or of everybody (255.255.255.255).
    Send {
        /// Where to.
        to: Ipv4Addr,
        /// The message.
        bytes: Vec<u8>,
    },
    /// Find out whether anybody has the lease's address, and tell ([`Machine::checked`]).
    Check(Granted),
    /// Live by this lease from now on, instead of the one before.
    Configure(Granted),
    /// Live without the address. One that was being checked was somebody's.
    Withdraw(Ipv4Addr),
}

/// A lease, and when it ends; `None`: never.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Granted {
    /// What was granted.
    pub lease: Box<Lease>,
    /// The end.
    pub until: Option<Instant>,
}

/// A lease that is counted down.
#[derive(Clone, Debug)]
struct Held {
    lease: Lease,
    /// T1, T2 and the end; `None`: it does not end.
    times: Option<[Instant; 3]>,
}

impl Held {
    /// Whether it is over.
    fn is_over(&self, now: Instant) -> bool {
        self.times.is_some_and(|[.., end]| end <= now)
    }

    fn granted(&self) -> Granted {
        let until = self.times.map(|[.., end]| end);
        Granted { lease: Box::new(self.lease.clone()), until }
    }
}

/// The client.
#[derive(Debug)]
pub struct Machine {
    settings: Settings,
    chance: Chance,
    draws: u64,
    state: State,
    xid: u32,
    /// When it began to look for an address, or for more time.
    since: Instant,
    secs: u16,
    /// When the request that is not answered yet was sent: what a lease is counted from.
    asked: Instant,
    /// Messages sent in this state.
    sent: u32,
    at: Option<Instant>,
    /// What was offered, and taken.
    offer: Option<Lease>,
    held: Option<Held>,
    actions: VecDeque<Action>,
    events: Vec<Event>,
    ignored: [u64; Ignored::COUNT],
}

impl Machine {
    /// A client that begins at `now`. `chance` is the host's.
    pub fn new(now: Instant, settings: Settings, chance: Chance) -> Machine {
        let state = match settings.remembered {
            Some(_) => State::InitReboot,
            None => State::Init,
        };
        Machine {
            settings,
            chance,
            draws: 0,
            state,
            xid: 0,
            since: now,
            secs: 0,
            asked: now,
            sent: 0,
            at: Some(now),
            offer: None,
            held: None,
            actions: VecDeque::new(),
            events: Vec::new(),
            ignored: [0; Ignored::COUNT],
        }
    }

    /// Where it is.
    pub fn state(&self) -> State {
        self.state
    }

    /// The lease that the host lives by.
    pub fn lease(&self) -> Option<Granted> {
        Some(self.in_use()?.granted())
    }

    fn in_use(&self) -> Option<&Held> {
        let is_in_use = matches!(self.state, State::Bound | State::Renewing | State::Rebinding);
        self.held.as_ref().filter(|_| is_in_use)
    }

    /// How often something was ignored for that reason.
    pub fn ignored(&self, why: Ignored) -> u64 {
        self.ignored[why.index()]
    }

    /// Takes what happened since the last time.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// What is to be done next.
    pub fn output(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When [`Machine::poll`] has something to do.
    pub fn deadline(&self) -> Option<Instant> {
        self.at
    }

    // ---- time

    /// Time has come to `now`.
    pub fn poll(&mut self, now: Instant) {
        while self.at.is_some_and(|at| at <= now) {
            self.at = None;
            self.act(now);
        }
    }

    fn act(&mut self, now: Instant) {
        match self.state {
            State::Init => {
                (self.since, self.xid, self.sent) = (now, self.new_xid(), 0);
                self.go(State::Selecting, Cause::Begun);
                self.discover(now);
            }
            State::InitReboot => {
                (self.since, self.xid, self.sent) = (now, self.new_xid(), 0);
                self.go(State::Rebooting, Cause::Remembered);
                self.request(now, Reason::Verify);
            }
            State::Selecting => self.discover(now),
            State::Requesting if self.sent < REQUESTS_MAX => self.request(now, Reason::Take),
            State::Rebooting if self.sent < REBOOTS_MAX => self.request(now, Reason::Verify),
            State::Requesting | State::Rebooting => self.begin_anew(now, Cause::Unanswered),
            State::Bound | State::Renewing | State::Rebinding => self.extend(now),
            State::Checking if self.held.as_ref().is_some_and(|held| held.is_over(now)) => {
                self.begin_anew(now, Cause::Expired);
            }
            State::Checking | State::Released => {}
        }
    }

    /// The time to look after the lease has come (RFC 2131 §4.4.5).
    fn extend(&mut self, now: Instant) {
        let times = self.held.as_ref().and_then(|held| held.times.zip(held.lease.time));
        let Some(([t1, t2, end], whole)) = times else { return };
        if end <= now {
            return self.begin_anew(now, Cause::Expired);
        }
        if now < t1 {
            self.at = Some(t1);
            return;
        }
        if self.state == State::Bound {
            (self.since, self.sent) = (now, 0);
            self.go(State::Renewing, Cause::RenewalTime);
        }
        if self.state == State::Renewing && t2 <= now {
            self.sent = 0;
            self.go(State::Rebinding, Cause::RebindingTime);
        }
        // Each request has a number of its own, so that it is known which one is answered.
        self.xid = self.new_xid();
        let (reason, next) = match self.state {
            State::Renewing => (Reason::Renew, t2),
            _ => (Reason::Rebind, end),
        };
        self.request(now, reason);
        // Half of what is left, and at least a minute, unless the lease has no minutes to spare.
        let wait = (next.since(now) / 2).max(EXTEND_MIN.min(whole / 16));
        self.at = Some((now + wait).min(next));
    }

    /// Back to INIT, after a rest.
    fn begin_anew(&mut self, now: Instant, cause: Cause) {
        let (shortest, longest) = REST;
        let rest = match cause {
            Cause::Taken => DECLINE_REST + self.drawn(SPREAD),
            _ => shortest + self.drawn(longest - shortest),
        };
        // What it had it may ask for again, what it may not have not.
        self.settings.remembered = match cause {
            Cause::Taken | Cause::Refused => None,
            _ => self.held.as_ref().map(|held| held.lease.ip()).or(self.settings.remembered),
        };
        self.at = Some(now + rest);
        self.leave(State::Init, cause);
    }

    /// Takes the address out of use, or out of the way.
    fn leave(&mut self, to: State, cause: Cause) {
        let is_in_use = self.in_use().is_some();
        self.go(to, cause);
        self.offer = None;
        let Some(addr) = self.held.take().map(|held| held.lease.ip()) else { return };
        if is_in_use {
            self.events.push(Event::Lost { addr });
        }
        self.actions.push_back(Action::Withdraw(addr));
    }

    // ---- what arrives

    /// A datagram has come to port 68 from port 67 of `from`.
    ///
    /// # Errors
    /// Why it is of no use; that is counted and told, too.
    pub fn input(&mut self, now: Instant, from: Ipv4Addr, bytes: &[u8]) -> Result<(), Ignored> {
        let result = self.heard(now, bytes);
        if let Err(why) = result {
            self.ignored[why.index()] += 1;
            self.events.push(Event::Ignored { from, why });
        }
        result
    }

    fn heard(&mut self, now: Instant, bytes: &[u8]) -> Result<(), Ignored> {
        let message = Message::parse(bytes)?;
        if !message.reply {
            return Err(Ignored::NotReply);
        }
        let id = message.options.get(code::CLIENT_ID);
        if message.chaddr != self.settings.mac || id.is_some_and(|id| id != self.client_id()) {
            return Err(Ignored::OtherClient);
        }
        let asks = match self.state {
            State::Selecting => &[Kind::Offer][..],
            State::Requesting | State::Rebooting | State::Renewing | State::Rebinding => {
                &[Kind::Ack, Kind::Nak]
            }
            _ => &[],
        };
        if !asks.contains(&message.kind) {
            return Err(Ignored::Unexpected);
        }
        if message.xid != self.xid {
            return Err(Ignored::OtherQuestion);
        }
        match message.kind {
            Kind::Offer => self.offered(now, &message),
            Kind::Nak => self.refused(now, &message),
            _ => self.acknowledged(now, &message),
        }
    }

    /// RFC 2131 §4.4.1: the first offer that can be used is taken.
    fn offered(&mut self, now: Instant, message: &Message) -> Result<(), Ignored> {
        self.offer = Some(Lease::read(message)?);
        self.sent = 0;
        self.go(State::Requesting, Cause::Offered);
        self.request(now, Reason::Take);
        Ok(())
    }

    fn refused(&mut self, now: Instant, message: &Message) -> Result<(), Ignored> {
        self.check_server(lease::server_of(message)?)?;
        self.begin_anew(now, Cause::Refused);
        Ok(())
    }

    fn acknowledged(&mut self, now: Instant, message: &Message) -> Result<(), Ignored> {
        let lease = Lease::read(message)?;
        self.check_server(lease.server)?;
        if Some(lease.ip()) != self.wanted() {
            return Err(Ignored::OtherAddress);
        }
        let begun = self.asked;
        let times = lease.time.zip(lease.renewal).map(|(time, (t1, t2))| {
            // A little earlier, each time another bit (RFC 2131 §4.4.5).
            let early = self.drawn(t1 / 32);
            [begun + (t1 - early), begun + (t2 - early), begun + time]
        });
        let held = Held { lease, times };
        if held.is_over(now) {
            return Err(Ignored::LeaseTime); // the answer took longer than it gives
        }
        let granted = held.granted();
        (self.offer, self.held) = (None, Some(held));
        if matches!(self.state, State::Renewing | State::Rebinding) {
            self.bind(now, Cause::Extended);
        } else {
            self.at = granted.until;
            self.go(State::Checking, Cause::Acknowledged);
            self.actions.push_back(Action::Check(granted));
        }
        Ok(())
    }

    /// Only the chosen server is heard; where all were asked, any one.
    fn check_server(&self, server: Ipv4Addr) -> Result<(), Ignored> {
        let chosen = match self.state {
            State::Requesting => self.offer.as_ref().map(|offer| offer.server),
            State::Renewing => self.held.as_ref().map(|held| held.lease.server),
            _ => None,
        };
        let is_chosen = chosen.is_none_or(|chosen| chosen == server);
        if is_chosen { Ok(()) } else { Err(Ignored::OtherServer) }
    }

    /// The address that is asked for.
    fn wanted(&self) -> Option<Ipv4Addr> {
        match self.state {
            State::Requesting => self.offer.as_ref().map(Lease::ip),
            State::Rebooting => self.settings.remembered,
            _ => self.held.as_ref().map(|held| held.lease.ip()),
        }
    }

    /// Whether nobody else has the address of an [`Action::Check`].
    pub fn checked(&mut self, now: Instant, addr: Ipv4Addr, free: bool) {
        let Some(held) = self.held.as_ref().filter(|_| self.state == State::Checking) else {
            return;
        };
        if held.lease.ip() != addr {
            return;
        }
        if held.is_over(now) {
            return self.begin_anew(now, Cause::Expired);
        }
        if free {
            return self.bind(now, Cause::Free);
        }
        let server = held.lease.server;
        let mut message = Message::new(Kind::Decline, self.new_xid(), self.settings.mac);
        message.options = self
            .identified()
            .with(code::REQUESTED_ADDRESS, &addr.octets())
            .with(code::SERVER_ID, &server.octets());
        self.send(message, Ipv4Addr::BROADCAST, 0, Reason::Decline);
        self.begin_anew(now, Cause::Taken);
    }

    /// The lease counts.
    fn bind(&mut self, now: Instant, cause: Cause) {
        self.go(State::Bound, cause);
        let Some(held) = &self.held else { return };
        self.at = held.times.map(|[t1, ..]| t1);
        let granted = held.granted();
        let renew = self.at.map(|at| at.since(now));
        self.events.push(Event::Leased { lease: granted.lease.clone(), renew });
        self.actions.push_back(Action::Configure(granted));
    }

    /// Gives the address back and ends (RFC 2131 §4.4.6). What is to be sent is to be sent before
    /// the address goes.
    pub fn release(&mut self) {
        if let Some(held) = self.in_use() {
            let (addr, server) = (held.lease.ip(), held.lease.server);
            let mut message = Message::new(Kind::Release, self.new_xid(), self.settings.mac);
            message.ciaddr = addr;
            message.options = self.identified().with(code::SERVER_ID, &server.octets());
            self.send(message, server, 0, Reason::GiveBack);
        }
        self.at = None;
        if self.state != State::Released {
            self.leave(State::Released, Cause::GivenBack);
        }
    }

    // ---- what is sent

    fn discover(&mut self, now: Instant) {
        self.secs = self.elapsed(now);
        let mut message = Message::new(Kind::Discover, self.xid, self.settings.mac);
        (message.secs, message.broadcast) = (self.secs, true);
        message.options = self.asking();
        if let Some(addr) = self.settings.remembered {
            message.options = message.options.with(code::REQUESTED_ADDRESS, &addr.octets());
        }
        self.send(message, Ipv4Addr::BROADCAST, self.sent, Reason::Look);
        self.wait_longer(now);
    }

    /// RFC 2131 §4.3.2, table 4: who says what in a request.
    fn request(&mut self, now: Instant, reason: Reason) {
        let mut message = Message::new(Kind::Request, self.xid, self.settings.mac);
        message.options = self.asking();
        let mut to = Ipv4Addr::BROADCAST;
        match (reason, &self.offer, &self.held) {
            (Reason::Renew | Reason::Rebind, _, Some(held)) => {
                message.ciaddr = held.lease.ip();
                if reason == Reason::Renew {
                    to = held.lease.server;
                }
                self.secs = self.elapsed(now);
            }
            (Reason::Take, Some(offer), _) => {
                message.broadcast = true;
                message.options = message
                    .options
                    .with(code::REQUESTED_ADDRESS, &offer.ip().octets())
                    .with(code::SERVER_ID, &offer.server.octets());
            }
            _ => {
                let addr = self.settings.remembered.unwrap_or(Ipv4Addr::UNSPECIFIED);
                message.broadcast = true;
                message.options = message.options.with(code::REQUESTED_ADDRESS, &addr.octets());
                self.secs = self.elapsed(now);
            }
        }
        message.secs = self.secs;
        // An answer to the first of several alike may come after the last of them was sent: so the
        // lease is counted from the first.
        if self.sent == 0 || matches!(reason, Reason::Renew | Reason::Rebind) {
            self.asked = now;
        }
        self.send(message, to, self.sent, reason);
        self.wait_longer(now);
    }

    fn send(&mut self, message: Message, to: Ipv4Addr, again: u32, reason: Reason) {
        self.events.push(Event::Sent { kind: message.kind, to, again, reason });
        self.actions.push_back(Action::Send { to, bytes: message.encode() });
    }

    /// RFC 2131 §4.1: each wait is twice as long, with some chance.
    fn wait_longer(&mut self, now: Instant) {
        let wait = FIRST_WAIT.saturating_mul(1 << self.sent.min(8)).min(LONGEST_WAIT);
        self.sent = self.sent.saturating_add(1);
        self.at = Some(now + (wait - SPREAD) + self.drawn(SPREAD * 2));
    }

    /// What every message says of its sender.
    fn identified(&self) -> Options {
        Options::default().with(code::CLIENT_ID, &self.client_id())
    }

    /// What messages say that ask for something.
    fn asking(&self) -> Options {
        let longest = (MESSAGE_MAX as u16).to_be_bytes();
        let options = self.identified().with(code::PARAMETER_LIST, &WANTED);
        let options = options.with(code::MAX_MESSAGE, &longest);
        match &self.settings.hostname {
            Some(name) => options.with(code::HOST_NAME, name.as_bytes()),
            None => options,
        }
    }

    /// RFC 2132 §9.14: the kind of hardware, and its address.
    fn client_id(&self) -> [u8; 7] {
        let [a, b, c, d, e, f] = self.settings.mac.0;
        [1, a, b, c, d, e, f]
    }

    // ---- small things

    fn go(&mut self, to: State, cause: Cause) {
        let from = std::mem::replace(&mut self.state, to);
        self.events.push(Event::Went { from, to, cause });
    }

    fn elapsed(&self, now: Instant) -> u16 {
        u16::try_from(now.since(self.since).as_secs()).unwrap_or(u16::MAX)
    }

    fn new_xid(&mut self) -> u32 {
        self.draws += 1;
        self.chance.draw(Purpose::Dhcp, self.settings.mac.to_bits(), self.draws) as u32
    }

    /// A time below `most`, another one each time.
    fn drawn(&mut self, most: Duration) -> Duration {
        self.draws += 1;
        let key = self.settings.mac.to_bits();
        Duration::from_nanos(self.chance.below(nanos(most), Purpose::Dhcp, key, self.draws))
    }
}

#[cfg(test)]
mod tests;
