//! An address with the length of its network's prefix (RFC 4632 §3.1, RFC 4291 §2.3).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// An address and how many of its leading bits name the network: `10.9.0.1/24`.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "record", serde(try_from = "(IpAddr, u8)"))]
pub struct Cidr {
    addr: IpAddr,
    prefix: u8,
}

impl Cidr {
    /// `addr` in a network of `prefix` bits.
    ///
    /// # Errors
    /// [`CidrError::Prefix`] when `prefix` exceeds 32 (IPv4) or 128 (IPv6).
    pub fn new(addr: IpAddr, prefix: u8) -> Result<Cidr, CidrError> {
        if prefix <= width(addr) {
            Ok(Cidr { addr, prefix })
        } else {
            Err(CidrError::Prefix { prefix: prefix.to_string(), addr })
        }
    }

    /// `addr` alone: /32 or /128.
    pub fn host(addr: IpAddr) -> Cidr {
        Cidr { addr, prefix: width(addr) }
    }

    /// Every address of the family of `like`: 0.0.0.0/0 or ::/0.
    pub fn all(like: IpAddr) -> Cidr {
        Cidr { addr: like, prefix: 0 }.network()
    }

    /// The address.
    pub fn addr(self) -> IpAddr {
        self.addr
    }

    /// The length of the prefix in bits, 0..=128.
    pub fn prefix(self) -> u8 {
        self.prefix
    }

    /// The network, named by its first address: 10.9.0.0/24 for 10.9.0.1/24.
    pub fn network(self) -> Cidr {
        Cidr { addr: address(bits(self.addr) & mask(self.prefix), self.addr), ..self }
    }

    /// The address that reaches every host of the network (RFC 919 §7). `None` in IPv6, which has
    /// none, and in /31 and /32, which have no room for it (RFC 3021).
    pub fn broadcast(self) -> Option<IpAddr> {
        let last = bits(self.addr) | !mask(self.prefix);
        (self.addr.is_ipv4() && self.prefix < 31).then(|| address(last, self.addr))
    }

    /// Whether `addr` is in the network.
    pub fn contains(self, addr: IpAddr) -> bool {
        self.addr.is_ipv4() == addr.is_ipv4()
            && (bits(self.addr) ^ bits(addr)) & mask(self.prefix) == 0
    }
}

/// As [`Cidr::new`].
impl TryFrom<(IpAddr, u8)> for Cidr {
    type Error = CidrError;

    fn try_from((addr, prefix): (IpAddr, u8)) -> Result<Cidr, CidrError> {
        Cidr::new(addr, prefix)
    }
}

/// How many bits an address of this family has.
fn width(addr: IpAddr) -> u8 {
    if addr.is_ipv4() { 32 } else { 128 }
}

/// The address's bits, first bit highest: an IPv4 address fills the upper 32.
pub(super) fn bits(addr: IpAddr) -> u128 {
    match addr {
        IpAddr::V4(addr) => u128::from(addr.to_bits()) << 96,
        IpAddr::V6(addr) => addr.to_bits(),
    }
}

/// The address that [`bits`] came from, of the family of `like`.
fn address(bits: u128, like: IpAddr) -> IpAddr {
    match like {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::from_bits((bits >> 96) as u32)),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::from_bits(bits)),
    }
}

/// The first `prefix` bits set.
pub(super) fn mask(prefix: u8) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0)
}

/// Why a text is not an address with a prefix length.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CidrError {
    /// No `/` in it.
    NoPrefix {
        /// What was read.
        text: String,
    },
    /// The part before the `/` is no address.
    Addr {
        /// That part.
        text: String,
    },
    /// The part behind the `/` is no prefix length of that family.
    Prefix {
        /// That part.
        prefix: String,
        /// The address before it.
        addr: IpAddr,
    },
}

impl fmt::Display for CidrError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CidrError::NoPrefix { text } => {
                let example = match text.parse() {
                    Ok(addr @ IpAddr::V4(_)) => format!("{addr}/24"),
                    Ok(addr @ IpAddr::V6(_)) => format!("{addr}/64"),
                    Err(_) => "192.0.2.1/24".to_owned(),
                };
                write!(f, "\"{text}\" has no prefix length: write it like {example}")
            }
            CidrError::Addr { text } => write!(f, "\"{text}\" is not an IP address"),
            CidrError::Prefix { prefix, addr } => {
                write!(f, "\"{prefix}\" is not a prefix length from 0 to {}", width(*addr))
            }
        }
    }
}

impl std::error::Error for CidrError {}

impl FromStr for Cidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Cidr, CidrError> {
        let Some((addr, prefix)) = text.split_once('/') else {
            return Err(CidrError::NoPrefix { text: text.to_owned() });
        };
        let addr = addr.parse::<IpAddr>().map_err(|_| CidrError::Addr { text: addr.to_owned() })?;
        let wrong = || CidrError::Prefix { prefix: prefix.to_owned(), addr };
        // `u8::from_str` would take a sign.
        if !prefix.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong());
        }
        Cidr::new(addr, prefix.parse().map_err(|_| wrong())?)
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.addr, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn networks_and_broadcasts() {
        for (text, network, broadcast) in [
            ("10.9.0.1/24", "10.9.0.0/24", Some("10.9.0.255")),
            ("10.9.0.1/0", "0.0.0.0/0", Some("255.255.255.255")),
            ("10.9.255.1/15", "10.8.0.0/15", Some("10.9.255.255")),
            ("10.9.0.6/30", "10.9.0.4/30", Some("10.9.0.7")),
            ("10.9.0.7/31", "10.9.0.6/31", None),
            ("10.9.0.7/32", "10.9.0.7/32", None),
            ("fd00:1:2:3::9/64", "fd00:1:2:3::/64", None),
            ("fd00::9/0", "::/0", None),
            ("fd00::9/128", "fd00::9/128", None),
        ] {
            let cidr: Cidr = text.parse().expect(text);
            assert_eq!(cidr.to_string(), text);
            assert_eq!(cidr.network().to_string(), network);
            assert_eq!(cidr.broadcast().map(|b| b.to_string()).as_deref(), broadcast);
        }
    }

    #[test]
    fn what_is_no_cidr_is_told_in_a_sentence() {
        for (text, sentence) in [
            ("10.9.0.1", "\"10.9.0.1\" has no prefix length: write it like 10.9.0.1/24"),
            ("fd00::1", "\"fd00::1\" has no prefix length: write it like fd00::1/64"),
            ("glass", "\"glass\" has no prefix length: write it like 192.0.2.1/24"),
            ("10.9.0/24", "\"10.9.0\" is not an IP address"),
            ("/24", "\"\" is not an IP address"),
            ("10.9.0.1/33", "\"33\" is not a prefix length from 0 to 32"),
            ("10.9.0.1/+8", "\"+8\" is not a prefix length from 0 to 32"),
            ("10.9.0.1/", "\"\" is not a prefix length from 0 to 32"),
            ("fd00::1/129", "\"129\" is not a prefix length from 0 to 128"),
            ("fd00::1/64/3", "\"64/3\" is not a prefix length from 0 to 128"),
        ] {
            assert_eq!(text.parse::<Cidr>().expect_err(text).to_string(), sentence);
        }
    }

    proptest! {
        #[test]
        fn contains_compares_the_prefix(a: u32, b: u32, prefix in 0u8..=32) {
            let (a, b) = (Ipv4Addr::from_bits(a), Ipv4Addr::from_bits(b));
            let cidr = Cidr::new(a.into(), prefix).expect("a prefix");
            let same = format!("{:032b}", a.to_bits())[..prefix.into()]
                == format!("{:032b}", b.to_bits())[..prefix.into()];
            prop_assert_eq!(cidr.contains(b.into()), same);
            prop_assert!(cidr.contains(a.into()) && cidr.contains(cidr.network().addr()));
            prop_assert!(!cidr.contains(a.to_ipv6_mapped().into()));
            prop_assert_eq!(cidr.to_string().parse(), Ok(cidr));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[0-9a-f.:/+]{0,20}") {
            let _ = text.parse::<Cidr>();
        }
    }
}
