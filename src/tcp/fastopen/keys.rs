//! Cookies (RFC 7413 §4.1.2): a MAC over both addresses, under a key that only the server has.
//!
//! SipHash-2-4 of the client's address and the server's, as Linux: servers that share a key, of
//! either kind, know each other's cookies.

use super::super::isn::tuple_bytes;
use crate::base::Chance;
use crate::base::rng::Purpose;
use arrayvec::ArrayVec;
use siphasher::sip::SipHasher24;
use std::fmt;
use std::hash::Hasher;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// Bytes of a cookie that this host makes.
const COOKIE: usize = 8;

/// A key: 128 bits.
type Key = [u64; 2];

/// The key that cookies are made with, and, while keys are changed, another one whose cookies
/// count, too.
#[derive(Copy, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub struct Keys {
    first: Key,
    second: Option<Key>,
}

/// Which key a cookie was made with.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Made {
    /// The one that cookies are made with now.
    First,
    /// The other one.
    Second,
}

impl Keys {
    /// A host's own, which nobody else knows.
    pub fn of_host(chance: &Chance) -> Keys {
        let draw = |place| chance.draw(Purpose::FastOpen, 0, place);
        Keys { first: [draw(0), draw(1)], second: None }
    }

    /// One key of 16 bytes, or two.
    pub fn from_bytes(bytes: &[u8]) -> Option<Keys> {
        let word = |at: usize| bytes[at..at + 8].iter().rfold(0, |n, b| n << 8 | u64::from(*b));
        match bytes.len() {
            16 => Some(Keys { first: [word(0), word(8)], second: None }),
            32 => Some(Keys { first: [word(0), word(8)], second: Some([word(16), word(24)]) }),
            _ => None,
        }
    }

    /// As [`Keys::from_bytes`] takes them.
    pub fn to_bytes(&self) -> Vec<u8> {
        let keys = [Some(self.first), self.second];
        keys.into_iter().flatten().flatten().flat_map(u64::to_le_bytes).collect()
    }

    /// The cookie of a client at `remote` for the server at `local`.
    // Rules: 7413-4.1.2-1, 7413-4.1.2-2.
    pub fn cookie(&self, local: SocketAddr, remote: SocketAddr) -> ArrayVec<u8, 16> {
        make(self.first, local, remote).into_iter().collect()
    }

    /// Whether the cookie is one of the client's; how long that takes does not tell how much of it
    /// is right.
    // Rules: 7413-4.1.2-3.
    pub fn check(&self, cookie: &[u8], local: SocketAddr, remote: SocketAddr) -> Option<Made> {
        let of = |key| same(&make(key, local, remote), cookie);
        let second = self.second.is_some_and(of);
        if of(self.first) {
            return Some(Made::First);
        }
        second.then_some(Made::Second)
    }
}

/// Whether two are equal, looking at all of both.
fn same(good: &[u8; COOKIE], cookie: &[u8]) -> bool {
    let differ = good.iter().zip(cookie).fold(0, |all, (a, b)| all | (a ^ b));
    cookie.len() == COOKIE && std::hint::black_box(differ) == 0
}

fn make([k0, k1]: Key, local: SocketAddr, remote: SocketAddr) -> [u8; COOKIE] {
    let mut hasher = SipHasher24::new_with_keys(k0, k1);
    match (remote.ip(), local.ip()) {
        (IpAddr::V4(client), IpAddr::V4(server)) => {
            hasher.write(&client.octets());
            hasher.write(&server.octets());
        }
        _ => {
            let both = tuple_bytes(local, remote);
            hasher.write(&both[18..34]);
            hasher.write(&both[..16]);
        }
    }
    hasher.finish().to_le_bytes()
}

/// As Linux's `tcp_fastopen_key`: four words of 32 bits in hexadecimal, and four more behind a
/// comma.
impl FromStr for Keys {
    type Err = ();

    fn from_str(text: &str) -> Result<Keys, ()> {
        let key = |text: &str| {
            let words = text.trim().split('-').map(|word| u32::from_str_radix(word, 16));
            let words: Vec<u32> = words.collect::<Result<_, _>>().map_err(|_| ())?;
            let pair = |low: u32, high: u32| u64::from(high) << 32 | u64::from(low);
            match words[..] {
                [a, b, c, d] => Ok([pair(a, b), pair(c, d)]),
                _ => Err(()),
            }
        };
        let mut keys = text.split(',').map(key);
        let first = keys.next().ok_or(())??;
        let second = keys.next().transpose()?;
        if keys.next().is_some() { Err(()) } else { Ok(Keys { first, second }) }
    }
}

impl fmt::Display for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = |[a, b]: Key| {
            let words = [a as u32, (a >> 32) as u32, b as u32, (b >> 32) as u32];
            words.map(|word| format!("{word:08x}")).join("-")
        };
        f.write_str(&key(self.first))?;
        self.second.map_or(Ok(()), |second| write!(f, ",{}", key(second)))
    }
}

/// Logs and panics need not tell them.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ip: &str) -> SocketAddr {
        SocketAddr::new(ip.parse().unwrap(), 7)
    }

    /// What a Linux server with this key gives.
    #[test]
    fn cookies_are_those_of_linux() {
        let keys: Keys = "a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4".parse().unwrap();
        let cookie = keys.cookie(at("192.168.0.1"), at("192.0.2.1"));
        assert_eq!(cookie[..], [0x30, 0x21, 0xb9, 0xd8, 0x89, 0x01, 0x7e, 0xeb]);
    }

    #[test]
    fn cookies_of_the_other_key_count_and_all_others_do_not() {
        let old: Keys = "1-2-3-4".parse().unwrap();
        let both: Keys = "5-6-7-8,1-2-3-4".parse().unwrap();
        let (local, remote) = (at("fe80::1"), at("fe80::2"));
        let (before, now) = (old.cookie(local, remote), both.cookie(local, remote));
        assert_eq!(both.check(&now, local, remote), Some(Made::First));
        assert_eq!(both.check(&before, local, remote), Some(Made::Second));
        assert_eq!(old.check(&now, local, remote), None);
        assert_eq!(both.check(&now[..6], local, remote), None);
        assert_eq!(both.check(&[], local, remote), None);
        assert_eq!(both.check(&now, local, at("fe80::3")), None);
        assert_eq!(both.check(&now, remote, local), None);
    }

    #[test]
    fn keys_are_written_as_they_are_read() {
        for text in ["00000001-00000002-00000003-ffffffff", "1-2-3-4,5-6-7-8"] {
            let keys: Keys = text.parse().unwrap();
            assert_eq!(keys.to_string().parse(), Ok(keys));
            assert_eq!(Keys::from_bytes(&keys.to_bytes()), Some(keys));
        }
        for wrong in ["", "1-2-3", "1-2-3-4-5", "1-2-3-x", "1-2-3-4,", "1-2-3-4,1-2-3-4,1-2-3-4"] {
            assert_eq!(wrong.parse::<Keys>(), Err(()), "{wrong}");
        }
        assert_eq!(Keys::from_bytes(&[0; 17]), None);
        let chance = Chance::from_seed(1);
        assert_ne!(Keys::of_host(&chance), Keys::of_host(&Chance::from_seed(2)));
    }
}
