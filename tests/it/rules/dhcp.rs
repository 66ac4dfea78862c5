//! A DHCP client in virtual time: why it goes from state to state, why it says something, and what
//! it does not listen to.

use super::cases;
use crate::support::seen;
use netglass::app::dhcp::{
    Action, Event, Ignored, Kind, Machine, Message, MessageOptions, Settings, State, code,
};
use netglass::base::{Chance, Duration, Instant, Mac};
use std::net::Ipv4Addr;

cases! {
    "dhcp::Cause::Begun" => starts(false); starts(true) => "dhcp::Cause::Remembered",
    "dhcp::Cause::Remembered" => starts(true); starts(false) => "dhcp::Cause::Begun",
    "dhcp::Cause::Offered" => offered(|_| ()); offered(|m| m.xid ^= 1) => "dhcp::Ignored::OtherQuestion",
    "dhcp::Cause::Acknowledged" => answered(Kind::Ack); answered(Kind::Nak) => "dhcp::Cause::Refused",
    "dhcp::Cause::Refused" => answered(Kind::Nak); answered(Kind::Ack) => "dhcp::Cause::Acknowledged",
    "dhcp::Cause::Free" => checked(true); checked(false) => "dhcp::Cause::Taken",
    "dhcp::Cause::Taken" => checked(false); checked(true) => "dhcp::Cause::Free",
    "dhcp::Cause::Unanswered" => answered_after(4); answered_after(3) => "dhcp::Cause::Acknowledged",
    "dhcp::Cause::RenewalTime" => given_back_before_renewal(0);
        given_back_before_renewal(1) => "dhcp::Cause::GivenBack",
    "dhcp::Cause::RebindingTime" => extended_in(State::Rebinding);
        extended_in(State::Renewing) => "dhcp::Cause::Extended",
    "dhcp::Cause::Extended" => renewed_by(Kind::Ack); renewed_by(Kind::Nak) => "dhcp::Cause::Refused",
    "dhcp::Cause::Expired" => extended_in(State::Init);
        extended_in(State::Rebinding) => "dhcp::Cause::Extended",
    "dhcp::Cause::GivenBack" => ends(None); ends(Some(Kind::Nak)) => "dhcp::Cause::Refused",

    "dhcp::Reason::Look" => starts(false); starts(true) => "dhcp::Reason::Verify",
    "dhcp::Reason::Take" => offered(|_| ()); offered(|m| m.xid ^= 1) => "dhcp::Ignored::OtherQuestion",
    "dhcp::Reason::Verify" => starts(true); starts(false) => "dhcp::Reason::Look",
    "dhcp::Reason::Renew" => given_back_before_renewal(0);
        given_back_before_renewal(1) => "dhcp::Reason::GiveBack",
    "dhcp::Reason::Rebind" => extended_in(State::Rebinding);
        extended_in(State::Renewing) => "dhcp::Cause::Extended",
    "dhcp::Reason::Decline" => checked(false); checked(true) => "dhcp::Cause::Free",
    "dhcp::Reason::GiveBack" => released(State::Bound); released(State::Selecting) => "dhcp::Reason::Look",

    "dhcp::Ignored::Short" => bytes(|b| b.truncate(235)); bytes(|_| ()) => "dhcp::Cause::Offered",
    "dhcp::Ignored::NotEthernet" => bytes(|b| b[1] = 6); bytes(|b| b[1] = 1) => "dhcp::Cause::Offered",
    "dhcp::Ignored::Magic" => bytes(|b| b[236] ^= 1); bytes(|_| ()) => "dhcp::Cause::Offered",
    "dhcp::Ignored::OptionLength" => bytes(|b| b[241] = 200); bytes(|_| ()) => "dhcp::Cause::Offered",
    "dhcp::Ignored::Overload" => option(code::OVERLOAD, &[4]);
        option(code::OVERLOAD, &[1]) => "dhcp::Cause::Offered",
    "dhcp::Ignored::Bootp" => bytes(|b| *kind_at(b, 0) = 224); bytes(|_| ()) => "dhcp::Cause::Offered",
    "dhcp::Ignored::Kind" => bytes(|b| *kind_at(b, 2) = 99); bytes(|_| ()) => "dhcp::Cause::Offered",
    "dhcp::Ignored::NotReply" => offered(|m| m.reply = false); offered(|_| ()) => "dhcp::Cause::Offered",
    "dhcp::Ignored::OtherQuestion" => offered(|m| m.xid ^= 1); offered(|_| ()) => "dhcp::Cause::Offered",
    "dhcp::Ignored::OtherClient" => offered(|m| m.chaddr.0[5] ^= 1); offered(|_| ()) => "dhcp::Cause::Offered",
    "dhcp::Ignored::Unexpected" => offered(|m| m.kind = Kind::Ack); offered(|_| ()) => "dhcp::Cause::Offered",
    "dhcp::Ignored::NoServer" => option(code::SERVER_ID, &[0; 4]);
        option(code::SERVER_ID, &[10, 9, 0, 1]) => "dhcp::Cause::Offered",
    "dhcp::Ignored::OtherServer" => acknowledged_by([10, 9, 0, 66]);
        acknowledged_by([10, 9, 0, 1]) => "dhcp::Cause::Acknowledged",
    "dhcp::Ignored::Address" => offered(|m| m.yiaddr = [10, 9, 0, 255].into());
        offered(|m| m.yiaddr = [10, 9, 0, 254].into()) => "dhcp::Cause::Offered",
    "dhcp::Ignored::OtherAddress" => remembers_and_gets(58);
        remembers_and_gets(57) => "dhcp::Cause::Acknowledged",
    "dhcp::Ignored::Mask" => option(code::SUBNET_MASK, &[255, 0, 255, 0]);
        option(code::SUBNET_MASK, &[255, 255, 255, 0]) => "dhcp::Cause::Offered",
    "dhcp::Ignored::LeaseTime" => option(code::LEASE_TIME, &[0, 0, 0, 9]);
        option(code::LEASE_TIME, &[0, 0, 0, 10]) => "dhcp::Cause::Offered",
}

const MAC: Mac = Mac([2, 0, 0, 0, 0, 7]);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);
const ADDR: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 57);

/// A client; the test is its network.
struct Client {
    machine: Machine,
    now: Instant,
    /// What it said last.
    said: Message,
}

impl Client {
    fn new(remembered: bool) -> Client {
        let remembered = remembered.then_some(ADDR);
        let settings = Settings { mac: MAC, hostname: None, remembered };
        let machine = Machine::new(Instant::ZERO, settings, Chance::from_seed(1));
        let said = Message::new(Kind::Discover, 0, MAC);
        let mut client = Client { machine, now: Instant::ZERO, said };
        client.act();
        client
    }

    fn act(&mut self) {
        self.machine.poll(self.now);
        while let Some(action) = self.machine.output() {
            if let Action::Send { bytes, .. } = action {
                self.said = Message::parse(&bytes).expect("a good message");
            }
        }
        for event in self.machine.take_events() {
            match event {
                Event::Went { cause, .. } => seen::say(format!("dhcp::Cause::{}", cause.key())),
                Event::Sent { reason, .. } => seen::say(format!("dhcp::Reason::{}", reason.key())),
                _ => {}
            }
        }
    }

    /// Goes on to where it has something to do.
    fn next(&mut self) {
        self.now = self.machine.deadline().expect("something is waited for");
        self.act();
    }

    fn hear(&mut self, bytes: &[u8]) {
        if let Err(why) = self.machine.input(self.now, SERVER, bytes) {
            let why: Ignored = why;
            seen::say(format!("dhcp::Ignored::{}", why.key()));
        }
        self.act();
    }

    /// The server's answer, an hour's lease.
    fn answer(&self, kind: Kind) -> Message {
        let mut message = Message::new(kind, self.said.xid, MAC);
        (message.reply, message.yiaddr) = (true, ADDR);
        message.options = MessageOptions::default()
            .with(code::SERVER_ID, &SERVER.octets())
            .with(code::SUBNET_MASK, &[255, 255, 255, 0])
            .with(code::LEASE_TIME, &3_600_u32.to_be_bytes());
        message
    }

    fn hears(&mut self, kind: Kind) {
        self.hear(&self.answer(kind).encode());
    }

    fn bound() -> Client {
        let mut client = Client::new(false);
        client.hears(Kind::Offer);
        client.hears(Kind::Ack);
        client.machine.checked(client.now, ADDR, true);
        client.act();
        assert_eq!(client.machine.state(), State::Bound);
        client
    }
}

fn starts(remembering: bool) {
    drop(Client::new(remembering));
}

/// An offer, changed on its way.
fn offered(change: fn(&mut Message)) {
    let mut client = Client::new(false);
    let mut offer = client.answer(Kind::Offer);
    change(&mut offer);
    client.hear(&offer.encode());
}

fn bytes(change: fn(&mut Vec<u8>)) {
    let mut client = Client::new(false);
    let mut bytes = client.answer(Kind::Offer).encode();
    change(&mut bytes);
    client.hear(&bytes);
}

/// A byte of the option that says the message's type.
fn kind_at(bytes: &mut [u8], at: usize) -> &mut u8 {
    let start = bytes.windows(2).position(|two| two == [code::MESSAGE_TYPE, 1]).expect("a type");
    &mut bytes[start + at]
}

fn option(code: u8, value: &[u8]) {
    let mut client = Client::new(false);
    let mut offer = client.answer(Kind::Offer);
    offer.options = offer.options.with(code, value);
    client.hear(&offer.encode());
}

fn answered(kind: Kind) {
    let mut client = Client::new(false);
    client.hears(Kind::Offer);
    client.hears(kind);
}

fn acknowledged_by(server: [u8; 4]) {
    let mut client = Client::new(false);
    client.hears(Kind::Offer);
    let mut ack = client.answer(Kind::Ack);
    ack.options = ack.options.with(code::SERVER_ID, &server);
    client.hear(&ack.encode());
}

/// The server agrees when it was asked so often, or would have been.
fn answered_after(times: usize) {
    let mut client = Client::new(false);
    client.hears(Kind::Offer);
    for _ in 0..times {
        client.next();
    }
    client.hears(Kind::Ack);
}

/// Whether the address turns out to be free.
fn checked(free: bool) {
    let mut client = Client::new(false);
    client.hears(Kind::Offer);
    client.hears(Kind::Ack);
    client.machine.checked(client.now, ADDR, free);
    client.act();
}

/// The lease is given back at the time to renew it, or so many nanoseconds before.
fn given_back_before_renewal(nanos: u64) {
    let mut client = Client::bound();
    client.now = client.machine.deadline().expect("a renewal") - Duration::from_nanos(nanos);
    client.act();
    client.machine.release();
    client.act();
}

fn released(state: State) {
    let mut client = if state == State::Bound { Client::bound() } else { Client::new(false) };
    assert_eq!(client.machine.state(), state);
    client.machine.release();
    client.act();
}

/// Nobody extends the lease until the client has come to this.
fn extended_in(state: State) {
    let mut client = Client::bound();
    while client.machine.state() != state {
        client.next();
    }
    client.hears(Kind::Ack);
}

/// A lease ends because the user has no use for it, or by a server's word.
fn ends(word: Option<Kind>) {
    let mut client = Client::bound();
    client.next();
    match word {
        Some(word) => client.hears(word),
        None => client.machine.release(),
    }
    client.act();
}

fn renewed_by(kind: Kind) {
    let mut client = Client::bound();
    client.next();
    assert_eq!(client.machine.state(), State::Renewing);
    client.hears(kind);
}

fn remembers_and_gets(last: u8) {
    let mut client = Client::new(true);
    let mut ack = client.answer(Kind::Ack);
    ack.yiaddr = Ipv4Addr::new(10, 9, 0, last);
    client.hear(&ack.encode());
}
