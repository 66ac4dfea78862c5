//! Ethernet addresses (IEEE 802, 48 bits).

use super::rng::{Chance, Purpose};
use std::fmt;
use std::str::FromStr;

/// The address of an Ethernet interface, or of a group of them.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// Everybody on the link.
    pub const BROADCAST: Mac = Mac([0xff; 6]);
    /// Nobody: what fills a field that says nothing.
    pub const ZERO: Mac = Mac([0; 6]);

    /// Whether this names a group, everybody included (the group bit).
    pub const fn is_multicast(self) -> bool {
        self.0[0] & 1 != 0
    }

    /// Whether this can be one interface's.
    pub fn is_unicast(self) -> bool {
        !self.is_multicast() && self != Mac::ZERO
    }

    /// Whether the address was chosen here and not by a manufacturer (the local bit).
    pub const fn is_local(self) -> bool {
        self.0[0] & 2 != 0
    }

    /// The `n`-th locally administered address that `chance` makes.
    pub fn random(chance: &Chance, n: u64) -> Mac {
        let [a, b, c, d, e, f, ..] = chance.draw(Purpose::Mac, n, 0).to_be_bytes();
        Mac([a & !1 | 2, b, c, d, e, f])
    }

    /// The address as a number.
    pub fn to_bits(self) -> u64 {
        self.0.iter().fold(0, |bits, byte| bits << 8 | u64::from(*byte))
    }
}

/// `02:00:5e:10:00:01`.
impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no Ethernet address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MacError {
    text: String,
}

impl fmt::Display for MacError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\" is not an Ethernet address: write it like 02:00:5e:10:00:01", self.text)
    }
}

impl std::error::Error for MacError {}

/// Six bytes in hexadecimal with colons (or hyphens) between them.
impl FromStr for Mac {
    type Err = MacError;

    fn from_str(text: &str) -> Result<Mac, MacError> {
        let wrong = || MacError { text: text.to_owned() };
        let separator = if text.contains('-') { '-' } else { ':' };
        let mut mac = Mac::ZERO;
        let mut parts = text.split(separator);
        for byte in &mut mac.0 {
            let part = parts.next().ok_or_else(wrong)?;
            // `from_str_radix` would take a sign.
            if !(1..=2).contains(&part.len()) || !part.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(wrong());
            }
            *byte = u8::from_str_radix(part, 16).map_err(|_| wrong())?;
        }
        if parts.next().is_some() { Err(wrong()) } else { Ok(mac) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn kinds() {
        let mac = |text: &str| text.parse::<Mac>().expect(text);
        assert_eq!(mac("FF-ff-ff-ff-ff-ff"), Mac::BROADCAST);
        assert!(Mac::BROADCAST.is_multicast() && !Mac::BROADCAST.is_unicast());
        assert!(!Mac::ZERO.is_multicast() && !Mac::ZERO.is_unicast());
        assert!(mac("01:00:5e:0:0:fb").is_multicast());
        assert!(mac("00:1b:21:3a:4b:5c").is_unicast() && !mac("00:1b:21:3a:4b:5c").is_local());
        let own = Mac::random(&Chance::from_seed(1), 0);
        assert!(own.is_unicast() && own.is_local());
        assert_ne!(own, Mac::random(&Chance::from_seed(1), 1));
        assert_eq!(own, Mac::random(&Chance::from_seed(1), 0));
        assert_eq!(mac("02:00:00:00:01:00").to_bits(), 0x0200_0000_0100);
    }

    #[test]
    fn what_is_no_address_is_told() {
        for text in ["", "02:00:5e:10:00", "02:00:5e:10:00:01:02", "02:00:5e:10:00:+1", "é:"] {
            let told = text.parse::<Mac>().expect_err(text).to_string();
            assert!(told.contains(&format!("\"{text}\" is not an Ethernet address")), "{told}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read(bytes: [u8; 6]) {
            let mac = Mac(bytes);
            prop_assert_eq!(mac.to_string().parse(), Ok(mac));
        }
    }
}
