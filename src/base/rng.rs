//! Chance without a shared stream: every draw is a keyed hash of what it is for.
//!
//! `draw(purpose, key, counter)` is SipHash-2-4 under the seed. Two draws never disturb each other,
//! so adding a host, a link or a what-if does not reshuffle anyone else's luck; and without the
//! seed nobody can predict one draw from others, as initial sequence numbers (RFC 6528) and ports
//! (RFC 6056) require.

use siphasher::sip::SipHasher24;
use std::hash::Hasher;

/// What a draw is for. Draws for different purposes are independent.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Purpose {
    /// Initial sequence numbers.
    Isn = 1,
    /// Ephemeral ports.
    Port = 2,
    /// IPv4 identification.
    IpId = 3,
    /// The offset of a connection's timestamp clock.
    TsOffset = 4,
    /// Keys of hash tables that hold peers' addresses.
    TableKey = 5,
    /// Whether a link loses a packet.
    Loss = 6,
    /// Whether a link duplicates a packet.
    Duplicate = 7,
    /// Whether a link lets a packet overtake.
    Reorder = 8,
    /// Whether and where a link flips a bit.
    Corrupt = 9,
    /// How much a link's delay varies.
    Jitter = 10,
    /// What a scenario or a generated workload does.
    Scenario = 11,
    /// Spreading of periodic work.
    Spread = 12,
    /// Numbers and spellings of DNS queries.
    Query = 20,
    /// Ethernet addresses.
    Mac = 23,
    /// How long a neighbour counts as reachable.
    Reachable = 21,
    /// When a host asks whether anybody has its address.
    Claim = 22,
    /// When a host asks for routers.
    Solicit = 24,
    /// Identifiers of echo requests.
    EchoId = 25,
    /// SYN cookies.
    Cookie = 26,
    /// What hides them.
    CookieMask = 27,
    /// Numbers of DHCP messages, and when they are sent.
    Dhcp = 30,
    /// When routers are told of groups.
    Membership = 31,
    /// When a router tells of itself.
    Advertise = 32,
    /// The key of fast-open cookies.
    FastOpen = 33,
}

/// The seed of one host's (or one run's) chance.
#[derive(Copy, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub struct Chance {
    k0: u64,
    k1: u64,
}

impl Chance {
    /// From a 64-bit seed, for runs that must repeat.
    pub const fn from_seed(seed: u64) -> Chance {
        Chance { k0: seed, k1: seed ^ 0x6e65_7467_6c61_7373 }
    }

    /// From 128 secret bits, for hosts that face a real network.
    pub const fn from_key(key: [u64; 2]) -> Chance {
        Chance { k0: key[0], k1: key[1] }
    }

    /// 64 bits for (`purpose`, `key`, `counter`): the same arguments always give the same bits.
    pub fn draw(&self, purpose: Purpose, key: u64, counter: u64) -> u64 {
        let mut hasher = SipHasher24::new_with_keys(self.k0, self.k1);
        let mut block = [0u8; 17];
        block[0] = purpose as u8;
        block[1..9].copy_from_slice(&key.to_le_bytes());
        block[9..].copy_from_slice(&counter.to_le_bytes());
        hasher.write(&block);
        hasher.finish()
    }

    /// 64 bits for `purpose` and a key of any length.
    pub fn draw_bytes(&self, purpose: Purpose, key: &[u8]) -> u64 {
        let mut hasher = SipHasher24::new_with_keys(self.k0, self.k1);
        hasher.write(&[purpose as u8]);
        hasher.write(key);
        hasher.finish()
    }

    /// A number in `0..bound` (0 when `bound` is 0), without modulo bias worth naming.
    pub fn below(&self, bound: u64, purpose: Purpose, key: u64, counter: u64) -> u64 {
        ((u128::from(self.draw(purpose, key, counter)) * u128::from(bound)) >> 64) as u64
    }
}

/// The key is a secret: it does not print.
impl std::fmt::Debug for Chance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Chance(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_repeatable_and_independent() {
        let c = Chance::from_seed(7);
        assert_eq!(c.draw(Purpose::Isn, 1, 2), Chance::from_seed(7).draw(Purpose::Isn, 1, 2));
        assert_ne!(c.draw(Purpose::Isn, 1, 2), c.draw(Purpose::Port, 1, 2));
        assert_ne!(c.draw(Purpose::Isn, 1, 2), c.draw(Purpose::Isn, 1, 3));
        assert_ne!(c.draw(Purpose::Isn, 1, 2), Chance::from_seed(8).draw(Purpose::Isn, 1, 2));
        assert_eq!(c.below(0, Purpose::Loss, 0, 0), 0);
        assert!((0..1000).all(|n| c.below(10, Purpose::Loss, 0, n) < 10));
        let hits = (0..10_000).filter(|n| c.below(100, Purpose::Loss, 0, *n) < 20).count();
        assert!((1_800..2_200).contains(&hits), "{hits}");
    }
}
