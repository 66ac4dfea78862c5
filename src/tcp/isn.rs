//! Initial sequence numbers (RFC 6528) and the offset of timestamp clocks (RFC 7323 §5.4).
//!
//! ISN = M + F(localip, localport, remoteip, remoteport, secret): M counts 4-microsecond ticks, F
//! is SipHash under the host's secret. A new connection of the same four-tuple therefore starts
//! ahead of its predecessor, and nobody else can guess where.

use crate::base::rng::Purpose;
use crate::base::{Chance, Instant, Seq};
use std::net::{IpAddr, SocketAddr};

/// A pair of sockets as bytes.
pub(super) fn tuple_bytes(local: SocketAddr, remote: SocketAddr) -> [u8; 36] {
    let mut out = [0; 36];
    for (at, address) in [(0, local), (18, remote)] {
        let ip = match address.ip() {
            IpAddr::V4(v4) => v4.to_ipv6_mapped(),
            IpAddr::V6(v6) => v6,
        };
        out[at..at + 16].copy_from_slice(&ip.octets());
        out[at + 16..at + 18].copy_from_slice(&address.port().to_be_bytes());
    }
    out
}

/// The initial send sequence number for a connection opened at `now`.
// Rules: MUST-8, SHLD-1, MUST-9, 6528-3-1, 6528-3-2.
pub fn iss(now: Instant, local: SocketAddr, remote: SocketAddr, chance: &Chance) -> Seq {
    let f = chance.draw_bytes(Purpose::Isn, &tuple_bytes(local, remote));
    Seq((now.as_nanos() / 4_000) as u32) + f as u32
}

/// Where a connection's millisecond timestamp clock starts: per pair of hosts, so that the clock of
/// a reused four-tuple goes on (RFC 6191 relies on that) and uptime stays private.
// Rules: 7323-5.4-2.
pub fn ts_offset(local: SocketAddr, remote: SocketAddr, chance: &Chance) -> u32 {
    let hosts = |a: SocketAddr| SocketAddr::new(a.ip(), 0);
    chance.draw_bytes(Purpose::TsOffset, &tuple_bytes(hosts(local), hosts(remote))) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    // Rules: 7323-5.4-2, 6528-3-1, 6528-3-2.
    #[test]
    fn the_same_tuple_moves_ahead_and_others_are_unrelated() {
        let chance = Chance::from_seed(1);
        let (a, b): (SocketAddr, SocketAddr) =
            ("10.0.0.1:1000".parse().unwrap(), "10.0.0.2:80".parse().unwrap());
        let first = iss(Instant::ZERO, a, b, &chance);
        let later = iss(Instant::from_millis(4), a, b, &chance);
        assert_eq!(later - first, 1_000);
        assert_ne!(iss(Instant::ZERO, b, a, &chance), first);
        assert_ne!(iss(Instant::ZERO, a, b, &Chance::from_seed(2)), first);
        assert_eq!(ts_offset(a, b, &chance), ts_offset("10.0.0.1:2".parse().unwrap(), b, &chance));
    }
}
