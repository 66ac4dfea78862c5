//! From four-tuple to connection: a hash table keyed with a secret, so that nobody can choose
//! addresses that collide (SipHash-1-3; the lookup is O(1) among any number of connections).

use crate::base::Chance;
use crate::base::rng::Purpose;
use siphasher::sip::SipHasher13;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher};
use std::net::{IpAddr, SocketAddr};

/// A pair of sockets (RFC 9293 §3.3.1).
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Pair {
    /// Our address and port.
    pub local: SocketAddr,
    /// The peer's.
    pub remote: SocketAddr,
}

/// Addresses and ports as few wide words: hashing is most of a lookup.
impl Hash for Pair {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let ports = u32::from(self.local.port()) << 16 | u32::from(self.remote.port());
        match (self.local.ip(), self.remote.ip()) {
            (IpAddr::V4(local), IpAddr::V4(remote)) => {
                state.write_u64(u64::from(local.to_bits()) << 32 | u64::from(remote.to_bits()));
            }
            (local, remote) => {
                for ip in [local, remote] {
                    let bits = match ip {
                        IpAddr::V4(ip) => ip.to_ipv6_mapped().to_bits(),
                        IpAddr::V6(ip) => ip.to_bits(),
                    };
                    state.write_u64((bits >> 64) as u64);
                    state.write_u64(bits as u64);
                }
            }
        }
        state.write_u32(ports);
    }
}

#[derive(Clone, Debug)]
struct Keyed(SipHasher13);

impl BuildHasher for Keyed {
    type Hasher = SipHasher13;
    fn build_hasher(&self) -> SipHasher13 {
        self.0
    }
}

/// Pairs of sockets and their places. Never iterated: its order means nothing.
#[derive(Clone, Debug)]
pub struct Demux(HashMap<Pair, u32, Keyed>);

impl Demux {
    /// An empty table under a key drawn from `chance`.
    pub fn new(chance: &Chance) -> Demux {
        let draw = |n| chance.draw(Purpose::TableKey, 6, n);
        Demux(HashMap::with_hasher(Keyed(SipHasher13::new_with_keys(draw(0), draw(1)))))
    }

    /// The place of a pair.
    pub fn get(&self, pair: &Pair) -> Option<usize> {
        self.0.get(pair).map(|place| *place as usize)
    }

    /// Adds a pair; `false` when it is there already.
    pub fn insert(&mut self, pair: Pair, place: usize) -> bool {
        let std::collections::hash_map::Entry::Vacant(entry) = self.0.entry(pair) else {
            return false;
        };
        entry.insert(place as u32);
        true
    }

    /// Removes a pair.
    pub fn remove(&mut self, pair: &Pair) {
        self.0.remove(pair);
    }

    /// How many pairs there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_of_both_families_are_found_by_all_four_parts() {
        let mut demux = Demux::new(&Chance::from_seed(1));
        let pair =
            |l: &str, r: &str| Pair { local: l.parse().unwrap(), remote: r.parse().unwrap() };
        let pairs = [
            pair("10.0.0.1:80", "10.0.0.2:1000"),
            pair("10.0.0.1:80", "10.0.0.2:1001"),
            pair("10.0.0.1:81", "10.0.0.2:1000"),
            pair("10.0.0.3:80", "10.0.0.2:1000"),
            pair("[fe80::1]:80", "[fe80::2]:1000"),
        ];
        for (place, pair) in pairs.iter().enumerate() {
            assert!(demux.insert(*pair, place) && !demux.insert(*pair, 99));
        }
        for (place, pair) in pairs.iter().enumerate() {
            assert_eq!(demux.get(pair), Some(place));
            demux.remove(pair);
            assert_eq!(demux.get(pair), None);
        }
        assert!(demux.is_empty());
    }
}
