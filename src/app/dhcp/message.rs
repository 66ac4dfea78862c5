//! DHCP messages as they are on the wire (RFC 2131 §2, RFC 2132 §2).
//!
//! Options with one code are one option in pieces (RFC 3396 §5), also where the fields `file` and
//! `sname` carry options (RFC 2132 §9.3). What a message says is nobody's promise: whoever reads an
//! option says what it must look like.

use super::event::Ignored;
use crate::base::Mac;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// Where clients hear of servers.
pub const CLIENT_PORT: u16 = 68;
/// Where servers hear of clients.
pub const SERVER_PORT: u16 = 67;
/// The longest message that a client takes here, IP header included, bytes; servers are told so
/// (RFC 2132 §9.10).
pub const MESSAGE_MAX: usize = 1500;

/// Bytes before the options' magic cookie.
const FIXED: usize = 236;
/// What options begin with (RFC 2131 §3).
const MAGIC: [u8; 4] = [99, 130, 83, 99];
/// Relays of BOOTP expect messages to have its length at least (RFC 1542 §2.1).
const LEAST: usize = 300;
/// Where the fields `sname` and `file` are.
const SNAME: std::ops::Range<usize> = 44..108;
const FILE: std::ops::Range<usize> = 108..236;

/// What a message is (RFC 2132 §9.6).
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// A client looks for servers.
    Discover = 1,
    /// A server offers an address.
    Offer,
    /// A client wants an address, or to keep one.
    Request,
    /// A client has found that somebody else has the address.
    Decline,
    /// A server agrees.
    Ack,
    /// A server refuses.
    Nak,
    /// A client gives its address back.
    Release,
    /// A client that has an address asks for all else.
    Inform,
}

impl Kind {
    const ALL: [Kind; 8] = [
        Kind::Discover,
        Kind::Offer,
        Kind::Request,
        Kind::Decline,
        Kind::Ack,
        Kind::Nak,
        Kind::Release,
        Kind::Inform,
    ];

    fn of(code: u8) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| *kind as u8 == code)
    }

    /// The RFC's name.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Discover => "DHCPDISCOVER",
            Kind::Offer => "DHCPOFFER",
            Kind::Request => "DHCPREQUEST",
            Kind::Decline => "DHCPDECLINE",
            Kind::Ack => "DHCPACK",
            Kind::Nak => "DHCPNAK",
            Kind::Release => "DHCPRELEASE",
            Kind::Inform => "DHCPINFORM",
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// Codes of options (RFC 2132; RFC 3442).
#[allow(missing_docs, reason = "the names are the RFC's")]
pub mod code {
    pub const PAD: u8 = 0;
    pub const SUBNET_MASK: u8 = 1;
    pub const ROUTERS: u8 = 3;
    pub const NAME_SERVERS: u8 = 6;
    pub const HOST_NAME: u8 = 12;
    pub const DOMAIN_NAME: u8 = 15;
    pub const INTERFACE_MTU: u8 = 26;
    pub const REQUESTED_ADDRESS: u8 = 50;
    pub const LEASE_TIME: u8 = 51;
    pub const OVERLOAD: u8 = 52;
    pub const MESSAGE_TYPE: u8 = 53;
    pub const SERVER_ID: u8 = 54;
    pub const PARAMETER_LIST: u8 = 55;
    pub const MESSAGE: u8 = 56;
    pub const MAX_MESSAGE: u8 = 57;
    pub const RENEWAL_TIME: u8 = 58;
    pub const REBINDING_TIME: u8 = 59;
    pub const CLIENT_ID: u8 = 61;
    pub const CLASSLESS_ROUTES: u8 = 121;
    pub const END: u8 = 255;
}

/// A message's options, its type excepted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Options(BTreeMap<u8, Vec<u8>>);

impl Options {
    /// An option's bytes.
    pub fn get(&self, code: u8) -> Option<&[u8]> {
        self.0.get(&code).map(Vec::as_slice)
    }

    /// Puts an option, instead of one that may be there.
    #[must_use]
    pub fn with(mut self, code: u8, value: &[u8]) -> Options {
        self.0.insert(code, value.to_vec());
        self
    }

    /// An option that is one number.
    pub fn number(&self, code: u8) -> Option<u32> {
        self.get(code)?.try_into().ok().map(u32::from_be_bytes)
    }

    /// An option that is one address.
    pub fn addr(&self, code: u8) -> Option<Ipv4Addr> {
        self.number(code).map(Ipv4Addr::from_bits)
    }

    /// An option that is a list of addresses: those that are whole.
    pub fn addrs(&self, code: u8) -> impl Iterator<Item = Ipv4Addr> {
        let (words, _) = self.get(code).unwrap_or_default().as_chunks::<4>();
        words.iter().map(|word| Ipv4Addr::from(*word))
    }

    /// Reads a field of options up to its end.
    fn read(&mut self, mut field: &[u8]) -> Result<(), Ignored> {
        while let Some((&code, rest)) = field.split_first() {
            match code {
                code::PAD => field = rest,
                code::END => break,
                _ => {
                    let (&len, rest) = rest.split_first().ok_or(Ignored::OptionLength)?;
                    let (value, rest) =
                        rest.split_at_checked(len.into()).ok_or(Ignored::OptionLength)?;
                    self.0.entry(code).or_default().extend_from_slice(value);
                    field = rest;
                }
            }
        }
        Ok(())
    }
}

/// A message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// What it is.
    pub kind: Kind,
    /// From a server (`op`).
    pub reply: bool,
    /// Which question and answer belong together.
    pub xid: u32,
    /// Seconds since the client began.
    pub secs: u16,
    /// The client cannot hear of unicast yet: the answer is to go to everybody.
    pub broadcast: bool,
    /// The client's address, if it may use it.
    pub ciaddr: Ipv4Addr,
    /// The client's address to be.
    pub yiaddr: Ipv4Addr,
    /// The relay between client and server.
    pub giaddr: Ipv4Addr,
    /// The client's Ethernet address.
    pub chaddr: Mac,
    /// The options, but for the message's type.
    pub options: Options,
}

impl Message {
    /// A client's message that says nothing yet.
    pub fn new(kind: Kind, xid: u32, chaddr: Mac) -> Message {
        let none = Ipv4Addr::UNSPECIFIED;
        let (ciaddr, yiaddr, giaddr) = (none, none, none);
        let (reply, secs, broadcast, options) = (false, 0, false, Options::default());
        Message { kind, reply, xid, secs, broadcast, ciaddr, yiaddr, giaddr, chaddr, options }
    }

    /// Reads a message.
    ///
    /// # Errors
    /// [`Ignored::Short`], [`Ignored::NotEthernet`], [`Ignored::Magic`], [`Ignored::OptionLength`],
    /// [`Ignored::Overload`], [`Ignored::Bootp`], [`Ignored::Kind`].
    pub fn parse(bytes: &[u8]) -> Result<Message, Ignored> {
        let (fixed, rest) = bytes.split_at_checked(FIXED).ok_or(Ignored::Short)?;
        let options = rest.strip_prefix(&MAGIC).ok_or(Ignored::Magic)?;
        let word = |at: usize| u32::from_be_bytes([0, 1, 2, 3].map(|n| fixed[at + n]));
        let [op, htype, hlen, _] = word(0).to_be_bytes();
        if !(1..=2).contains(&op) || (htype, hlen) != (1, 6) {
            return Err(Ignored::NotEthernet);
        }
        let options = read_options(fixed, options)?;
        let kind = match options.get(code::MESSAGE_TYPE) {
            None => return Err(Ignored::Bootp),
            Some([kind]) => Kind::of(*kind).ok_or(Ignored::Kind)?,
            Some(_) => return Err(Ignored::Kind),
        };
        let mut options = options;
        options.0.remove(&code::MESSAGE_TYPE);
        let addr = |at| Ipv4Addr::from_bits(word(at));
        Ok(Message {
            kind,
            reply: op == 2,
            xid: word(4),
            secs: (word(8) >> 16) as u16,
            broadcast: word(8) & 0x8000 != 0,
            ciaddr: addr(12),
            yiaddr: addr(16),
            giaddr: addr(24),
            chaddr: Mac([0, 1, 2, 3, 4, 5].map(|n| fixed[28 + n])),
            options,
        })
    }

    /// The message's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![1 + u8::from(self.reply), 1, 6, 0];
        bytes.extend(self.xid.to_be_bytes());
        bytes.extend(self.secs.to_be_bytes());
        bytes.extend((u16::from(self.broadcast) << 15).to_be_bytes());
        for addr in [self.ciaddr, self.yiaddr, Ipv4Addr::UNSPECIFIED, self.giaddr] {
            bytes.extend(addr.octets());
        }
        bytes.extend(self.chaddr.0);
        bytes.resize(FIXED, 0);
        bytes.extend(MAGIC);
        bytes.extend([code::MESSAGE_TYPE, 1, self.kind as u8]);
        for (code, value) in &self.options.0 {
            let mut rest = &value[..];
            loop {
                let (piece, more) = rest.split_at(rest.len().min(255));
                bytes.extend([*code, piece.len() as u8]);
                bytes.extend(piece);
                rest = more;
                if rest.is_empty() {
                    break;
                }
            }
        }
        bytes.push(code::END);
        bytes.resize(bytes.len().max(LEAST), code::PAD);
        bytes
    }
}

/// Reads all fields that carry options, in the order of RFC 3396 §5.
fn read_options(fixed: &[u8], field: &[u8]) -> Result<Options, Ignored> {
    let mut options = Options::default();
    options.read(field)?;
    let (file, sname) = match options.get(code::OVERLOAD) {
        None => (false, false),
        Some([which @ 1..=3]) => (which & 1 != 0, which & 2 != 0),
        Some(_) => return Err(Ignored::Overload),
    };
    if file {
        options.read(&fixed[FILE])?;
    }
    if sname {
        options.read(&fixed[SNAME])?;
    }
    options.0.remove(&code::OVERLOAD);
    Ok(options)
}

#[cfg(test)]
mod tests;
