//! Connections that do nothing: opened in memory by a second host, which is gone afterwards, so
//! that neither Linux's ports nor its memory limit how many there are.

use crate::{Outcome, lan};
use netglass::base::{Frame, IfaceId, Instant};
use netglass::ip::Cidr;
use netglass::stack::{ListenOptions, Setup, Stack};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Where they are accepted.
const PORT: u16 = 1;
/// Connections opened at a time.
const OPENING: u32 = 64;
/// Connections from each of the second host's addresses.
const PORTS: u32 = 50_000;
/// The interface of both.
const IFACE: IfaceId = IfaceId(0);

/// The address that connection number `n` comes from.
fn remote(n: u32) -> SocketAddr {
    let ip = Ipv4Addr::from_bits(lan::FAR.to_bits() + 1 + n / PORTS);
    SocketAddr::new(ip.into(), 1_024 + (n % PORTS) as u16)
}

/// Adds `count` established connections to a host that has no driver yet.
pub(super) fn add(stack: &mut Stack, now: Instant, count: u32, mtu: u16) -> Outcome<()> {
    if count == 0 {
        return Ok(());
    }
    let to = SocketAddr::new(IpAddr::V4(lan::FAR), PORT);
    let addr = |n| Cidr::new(remote(n).ip(), lan::PREFIX);
    let mut setup = Setup::new([3, 4]).with_iface("idle0", mtu, addr(0)?);
    for n in (PORTS..count).step_by(PORTS as usize) {
        setup.ifaces[0].addrs.push(addr(n)?);
    }
    let mut other = Stack::new(setup);
    let listener = stack.listen(now, to, ListenOptions::default())?;
    let mut accepted = 0;
    for n in 0..count {
        other.connect(now, to, Some(remote(n)), None)?;
        if (n + 1) % OPENING == 0 || n + 1 == count {
            while carry(&mut other, stack, now) || carry(stack, &mut other, now) {}
            while stack.accept(now, listener).is_ok() {
                accepted += 1;
            }
        }
    }
    match accepted == count {
        true => Ok(()),
        false => Err(format!("{accepted} of {count} idle connections were opened").into()),
    }
}

/// Carries what one host sends to the other; whether that was anything.
fn carry(from: &mut Stack, to: &mut Stack, now: Instant) -> bool {
    let mut any = false;
    while let Some((_, frame)) = from.output(now) {
        any = true;
        // As a device hands it over: one run of bytes.
        let bytes = to.pool().copy(&frame.to_vec());
        let received = Frame { offload: frame.offload, ..Frame::received(bytes) };
        to.input(now, IFACE, received);
    }
    any
}
