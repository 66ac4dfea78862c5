//! What a DHCP client tells: its states, and why it does what it does.

use super::lease::Lease;
use super::message::Kind;
use crate::base::Duration;
use std::fmt;
use std::net::Ipv4Addr;

/// Where a client is (RFC 2131 figure 5). CHECKING is not in the figure: the RFC has the client
/// check the address between the server's agreement and BOUND (§3.1, step 5).
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum State {
    /// It begins, at once or after a rest.
    Init,
    /// It has asked all servers and waits for an offer.
    Selecting,
    /// It has taken an offer and waits for the server to agree.
    Requesting,
    /// It remembers an address.
    InitReboot,
    /// It has asked whether it may have that address still.
    Rebooting,
    /// The server has agreed; whether nobody else has the address is being found out.
    Checking,
    /// It has an address.
    Bound,
    /// It asks its server to keep the address.
    Renewing,
    /// It asks any server to keep the address.
    Rebinding,
    /// It has given its address back and is done.
    Released,
}

impl State {
    /// The RFC's name.
    pub fn name(self) -> &'static str {
        match self {
            State::Init => "INIT",
            State::Selecting => "SELECTING",
            State::Requesting => "REQUESTING",
            State::InitReboot => "INIT-REBOOT",
            State::Rebooting => "REBOOTING",
            State::Checking => "CHECKING",
            State::Bound => "BOUND",
            State::Renewing => "RENEWING",
            State::Rebinding => "REBINDING",
            State::Released => "RELEASED",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

crate::explained! {
    /// Why a client's state changed.
    #[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
    pub enum Cause {
        /// It looks for servers.
        Begun = "Begun", "RFC 2131 §4.4.1", "it has no address, so all servers are asked for one";
        /// It remembers an address.
        Remembered = "Remembered", "RFC 2131 §4.4.2", "it had an address before and asks whether that still holds";
        /// A server has offered an address.
        Offered = "Offered", "RFC 2131 §4.4.1", "a server offers an address, and the first offer that can be used is taken";
        /// The server has agreed.
        Acknowledged = "Acknowledged", "RFC 2131 §3.1 (5), §4.4.1", "the server agrees; before the address is used, others are asked whether they have it";
        /// Nobody else has the address.
        Free = "Free", "RFC 2131 §4.4.1; RFC 5227 §2.1", "nobody else has the address";
        /// Somebody else has it.
        Taken = "Taken", "RFC 2131 §3.1 (5); RFC 5227 §2.1.1", "somebody else has the address, so the server is told and another one is asked for later";
        /// The server has refused.
        Refused = "Refused", "RFC 2131 §3.1 (5), §4.4.1", "the server says that the address cannot be had";
        /// The server has not answered.
        Unanswered = "Unanswered", "RFC 2131 §3.1 (5)", "no server has answered the request, so it begins anew";
        /// The first part of the lease is over.
        RenewalTime = "RenewalTime", "RFC 2131 §4.4.5 (T1)", "it is time to ask the server for more time";
        /// The server has not extended the lease.
        RebindingTime = "RebindingTime", "RFC 2131 §4.4.5 (T2)", "the server has not answered, so any server is asked for more time";
        /// The lease goes on.
        Extended = "Extended", "RFC 2131 §4.4.5", "the server gives more time";
        /// The lease is over.
        Expired = "Expired", "RFC 2131 §4.4.5", "the lease is over, so the address may not be used any more";
        /// The user is done.
        GivenBack = "GivenBack", "RFC 2131 §4.4.6", "the address is given back";
    }
}

crate::explained! {
    /// Why a message was sent.
    #[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
    pub enum Reason {
        /// Servers are looked for.
        Look = "Look", "RFC 2131 §4.4.1", "all servers are asked what they offer";
        /// An offer is taken.
        Take = "Take", "RFC 2131 §3.1 (3), §4.3.2", "one server's offer is taken, and the others hear that theirs are not";
        /// An address is remembered.
        Verify = "Verify", "RFC 2131 §3.2 (1), §4.3.2", "the servers are asked whether a remembered address still holds";
        /// The lease's server is to extend it.
        Renew = "Renew", "RFC 2131 §4.3.2, §4.4.5", "the server is asked for more time";
        /// Any server is to extend the lease.
        Rebind = "Rebind", "RFC 2131 §4.3.2, §4.4.5", "all servers are asked for more time";
        /// Somebody else has the address.
        Decline = "Decline", "RFC 2131 §4.4.4", "the server is told that somebody else has the address";
        /// The address is given back.
        GiveBack = "GiveBack", "RFC 2131 §4.4.6", "the server is told that the address is free again";
    }
}

crate::explained! {
    /// Why a datagram, or what it offers, was of no use.
    #[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
    pub enum Ignored {
        /// Shorter than the fixed fields.
        Short = "Short", "RFC 2131 §2", "it is shorter than any message";
        /// Not about an Ethernet address, or neither question nor answer.
        NotEthernet = "NotEthernet", "RFC 2131 §2; RFC 1700", "it is not about an Ethernet address, or neither a question nor an answer";
        /// The options do not begin as options do.
        Magic = "Magic", "RFC 2131 §3", "its options lack their magic cookie";
        /// An option is cut off.
        OptionLength = "OptionLength", "RFC 2132 §2", "an option is longer than what carries it";
        /// An option overload that means nothing.
        Overload = "Overload", "RFC 2132 §9.3", "it says in an impossible way which fields carry options";
        /// An answer of BOOTP.
        Bootp = "Bootp", "RFC 1534 §2", "it has no type, as answers of BOOTP, which is not spoken here";
        /// An impossible type.
        Kind = "Kind", "RFC 2132 §9.6", "there is no type of that number";
        /// A client's message.
        NotReply = "NotReply", "RFC 2131 §4.1", "it is no server's message";
        /// An answer to another question.
        OtherQuestion = "OtherQuestion", "RFC 2131 §4.4.1 (xid)", "it answers another question than ours";
        /// For another client.
        OtherClient = "OtherClient", "RFC 2131 §4.1; RFC 6842 §3", "it is for another client";
        /// Nothing of that type is waited for.
        Unexpected = "Unexpected", "RFC 2131 figure 5", "nothing of that type is waited for now";
        /// No server identifier, or an impossible one.
        NoServer = "NoServer", "RFC 2131 §4.3.1 table 3", "it does not say which server it is from";
        /// Another server than the one that was chosen.
        OtherServer = "OtherServer", "RFC 2131 §4.4.1", "it is from another server than the chosen one";
        /// An address that no host may have.
        Address = "Address", "RFC 2131 §4.3.1; RFC 1122 §3.2.1.3", "no host may have the address it offers";
        /// Another address than the one that was asked for.
        OtherAddress = "OtherAddress", "RFC 2131 §4.3.1", "it gives another address than the one that was asked for";
        /// A mask that is none, or covers everything.
        Mask = "Mask", "RFC 2132 §3.3; RFC 950", "its subnet mask is none";
        /// No time, or one too short to check an address in.
        LeaseTime = "LeaseTime", "RFC 2131 §4.3.1 table 3; bound of this client", "it gives no time, or less than ten seconds";
    }
}

/// What happened to a client.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// Its state changed.
    Went {
        /// From this state.
        from: State,
        /// To this one.
        to: State,
        /// Why.
        cause: Cause,
    },
    /// A message was sent.
    Sent {
        /// What.
        kind: Kind,
        /// To this server, or to everybody.
        to: Ipv4Addr,
        /// How often it was sent before without an answer.
        again: u32,
        /// Why.
        reason: Reason,
    },
    /// Something that arrived was of no use.
    Ignored {
        /// Who sent it.
        from: Ipv4Addr,
        /// Why.
        why: Ignored,
    },
    /// There is a lease, or it goes on.
    Leased {
        /// The lease.
        lease: Box<Lease>,
        /// Until it is renewed; `None`: never.
        renew: Option<Duration>,
    },
    /// The address may not be used any more.
    Lost {
        /// The address.
        addr: Ipv4Addr,
    },
}

impl Event {
    /// The rule behind it.
    pub fn rfc(&self) -> Option<&'static str> {
        match self {
            Event::Went { cause, .. } => Some(cause.rfc()),
            Event::Sent { reason, .. } => Some(reason.rfc()),
            Event::Ignored { why, .. } => Some(why.rfc()),
            Event::Leased { .. } | Event::Lost { .. } => None,
        }
    }
}

/// `lease 10.9.0.57/24 from 10.9.0.1 for 20 s (renew in 10 s)`.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Went { from, to, cause } => write!(f, "{from} -> {to}: {cause}"),
            Event::Sent { kind, to, again, reason } => {
                write!(f, "{kind} to {to}: {reason}")?;
                if *again > 0 { write!(f, " (again, {again})") } else { Ok(()) }
            }
            Event::Ignored { from, why } => write!(f, "a message from {from} is ignored: {why}"),
            Event::Leased { lease, renew } => {
                write!(f, "lease {} from {}", lease.addr, lease.server)?;
                match (lease.time, renew) {
                    (Some(time), Some(renew)) => write!(
                        f,
                        " for {} s (renew in {} s)",
                        time.as_secs(),
                        // To the nearest: a little chance is in it.
                        (renew.as_millis() + 500) / 1000
                    ),
                    _ => f.write_str(" for ever"),
                }
            }
            Event::Lost { addr } => write!(f, "lease of {addr} lost: it is not used any more"),
        }
    }
}
