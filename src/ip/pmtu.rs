//! What is known of paths that are narrower than their first link (RFC 8201, RFC 1191): told by
//! ICMP, believed for ten minutes, for a bounded number of destinations.
//!
//! A TCP connection keeps its path's MTU itself; this serves what has no connection.

use crate::base::{Duration, Instant};
use crate::wire::ipv6;
use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

/// Destinations that are remembered; the oldest is forgotten for a new one.
const DESTINATIONS_MAX: usize = 1024;

/// The narrowest path of IPv4 that is believed in, bytes (as Linux `min_pmtu`). A link may have 68
/// (RFC 791 §3.2), but none is known that has, and whoever says so without having seen a packet of
/// ours would have it cut into dozens of pieces, which can be exchanged one by one.
const LEAST_V4: u16 = 552;

/// How long a path is believed to be narrow (RFC 8201 §4).
// Rules: 1191-6.3-1, 8201-5.3-1.
const LIFETIME: Duration = Duration::from_secs(600);

/// Paths and their MTUs.
#[derive(Clone, Debug, Default)]
pub struct PathMtu {
    paths: BTreeMap<IpAddr, (u16, Instant)>,
    order: VecDeque<IpAddr>,
}

impl PathMtu {
    /// The MTU of the path to `dst`, bytes, if it is known to be narrow.
    pub fn get(&self, now: Instant, dst: IpAddr) -> Option<u16> {
        if self.paths.is_empty() {
            return None;
        }
        let (mtu, until) = *self.paths.get(&dst)?;
        (now < until).then_some(mtu)
    }

    /// The path to `dst` carries packets of `mtu` bytes. Never less than every link must in IPv6
    /// (RFC 8201 §4: a smaller value is not believed) and all but dead ones do in IPv4; and never
    /// more than before while that is believed.
    // Rules: 8201-4-3, 8201-4-4.
    pub fn set(&mut self, now: Instant, dst: IpAddr, mtu: u32) {
        let least = if dst.is_ipv4() { LEAST_V4 } else { ipv6::MIN_MTU as u16 };
        let mtu = u16::try_from(mtu).unwrap_or(u16::MAX).max(least);
        let until = now + LIFETIME;
        if self.get(now, dst).is_some_and(|known| known <= mtu) {
            return;
        }
        if self.paths.insert(dst, (mtu, until)).is_none() {
            self.order.push_back(dst);
        }
        if self.order.len() > DESTINATIONS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.paths.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Rules: 1191-6.3-1, 8201-4-3, 8201-4-4, 8201-5.3-1.
    #[test]
    fn paths_are_narrow_for_a_while() {
        let (mut paths, now) = (PathMtu::default(), Instant::from_millis(5));
        let dst: IpAddr = "fd00::1".parse().expect("an address");
        assert_eq!(paths.get(now, dst), None);
        paths.set(now, dst, 1400);
        paths.set(now, dst, 1450);
        assert_eq!(paths.get(now, dst), Some(1400));
        paths.set(now, dst, 100);
        assert_eq!(paths.get(now, dst), Some(1280), "every link carries that much");
        assert_eq!(paths.get(now + LIFETIME, dst), None);
        paths.set(now + LIFETIME, dst, 9000);
        assert_eq!(paths.get(now + LIFETIME, dst), Some(9000));
        let old = [10, 0, 0, 1].into();
        paths.set(now, old, 68);
        assert_eq!(paths.get(now, old), Some(552));
    }

    #[test]
    fn destinations_are_bounded() {
        let (mut paths, now) = (PathMtu::default(), Instant::ZERO);
        for n in 0..2000u32 {
            paths.set(now, IpAddr::from(n.to_be_bytes()), 600);
        }
        assert_eq!((paths.paths.len(), paths.order.len()), (DESTINATIONS_MAX, DESTINATIONS_MAX));
        assert_eq!(paths.get(now, IpAddr::from(0u32.to_be_bytes())), None);
        assert_eq!(paths.get(now, IpAddr::from(1999u32.to_be_bytes())), Some(600));
    }
}
