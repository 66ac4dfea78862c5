//! Two hosts on a cable in memory, in real time: what users of sockets see. Nothing sleeps for
//! luck: every wait is for something that happens, and ends in an error long after it should have.

mod audience;
mod close;
mod ends;
mod groups;
mod seat;
mod threads;
mod watched;

#[cfg(feature = "tokio")]
mod tasks;

#[cfg(all(target_os = "linux", feature = "tun", feature = "tokio"))]
mod single;

use super::{Running, memory};
use crate::base::{IfaceId, Mac};
use crate::net::Host;
use crate::net::blocking::{TcpListener, TcpStream};
use crate::stack::{Ethernet, Setup, Vlan};
use std::net::SocketAddr;
use std::time::Duration;

/// Longer than anything takes that works.
const LONG: Duration = Duration::from_secs(30);

/// Two hosts that are running.
struct Net {
    a: Host,
    b: Host,
    running: [Running; 2],
}

fn addr(text: &str) -> SocketAddr {
    text.parse().expect("an address in a test is well formed")
}

fn setup(key: u64, own: &str) -> Setup {
    let cidr = own.parse().expect("an address in a test is well formed");
    Setup::new([key, 7]).with_iface("wire0", 1500, cidr)
}

impl Net {
    fn new() -> Net {
        Net::of(|_| {})
    }

    /// With other knobs.
    fn of(change: impl Fn(&mut Setup)) -> Net {
        let host = |key, own| {
            let mut setup = setup(key, own);
            change(&mut setup);
            Host::new(setup)
        };
        let (a, b) = (host(1, "10.0.0.1/24"), host(2, "10.0.0.2/24"));
        let options = crate::device::memory::Options::default();
        let running = memory::join(&a, &b, options, [None, None]).expect("two drivers start");
        Net { a, b, running }
    }

    /// A connection from `a` to a fresh port of `b`: the two ends.
    fn connected(&self) -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind(&self.b, addr("10.0.0.2:0")).expect("a port is free");
        let at = listener.local_addr().expect("it listens");
        let client = TcpStream::connect(&self.a, at).expect("somebody listens");
        let (server, _) = listener.accept_timeout(LONG).expect("somebody connects");
        for stream in [&client, &server] {
            stream.set_read_timeout(Some(LONG)).expect("a timeout");
            stream.set_write_timeout(Some(LONG)).expect("a timeout");
        }
        (client, server)
    }
}

/// An address in a VLAN comes and goes by the one device there is.
#[test]
fn vlans_share_the_device() {
    let host = |key: u64| {
        let ethernet = |vlan| Ethernet { vlan, ..Ethernet::new(Mac([2, 0, 0, 0, 0, key as u8])) };
        let vlan = Some(Vlan { parent: IfaceId(0), id: 5 });
        let there = format!("10.5.0.{key}/24").parse().expect("an address");
        let setup = setup(key, &format!("10.0.0.{key}/24")).on_ethernet(ethernet(None));
        Host::new(setup.with_iface("wire0.5", 1500, there).on_ethernet(ethernet(vlan)))
    };
    let (a, b) = (host(1), host(2));
    let medium = crate::base::Medium::Ethernet;
    let options = crate::device::memory::Options { medium, ..<_>::default() };
    let running = memory::join(&a, &b, options, [None, None]).expect("two drivers start");
    let net = Net { a, b, running };
    for (at, from) in [("10.0.0.2:80", "10.0.0.1"), ("10.5.0.2:81", "10.5.0.1")] {
        let listener = TcpListener::bind(&net.b, addr(at)).expect("a port is free");
        let client = TcpStream::connect(&net.a, addr(at)).expect("somebody listens");
        let (_, peer) = listener.accept_timeout(LONG).expect("somebody connects");
        assert_eq!(client.local_addr().expect("connected"), peer);
        assert_eq!(peer.ip().to_string(), from);
    }
    let two = setup(3, "10.0.0.3/24").with_iface("wire1", 1500, "10.1.0.3/24".parse().unwrap());
    let refused = crate::runtime::Live::new(&Host::new(two)).expect_err("two devices");
    assert_eq!(refused.kind(), std::io::ErrorKind::InvalidInput);
}

/// The byte at a place of the test data of a number.
fn pattern(number: u64, len: usize) -> Vec<u8> {
    let word = |n: u64| (n ^ number << 48).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23);
    (0..len.div_ceil(8) as u64).flat_map(|n| word(n).to_le_bytes()).take(len).collect()
}
