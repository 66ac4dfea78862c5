//! Two hosts on a cable in memory, each with a driver thread of its own: a network in one process,
//! without any privilege.

use super::live::{Live, Running};
use crate::device::memory;
use crate::impair::Link;
use crate::net::Host;
use std::io;

/// Joins two hosts. `links` are what their packets go through on the way: from the first to the
/// second, and back.
///
/// ```
/// use netglass::net::{Host, blocking::{TcpListener, TcpStream}};
/// use netglass::stack::Setup;
/// use std::io::{Read, Write};
///
/// let host = |key, addr: &str| {
///     Host::new(Setup::new([key, 0]).with_iface("wire0", 1500, addr.parse().unwrap()))
/// };
/// let (a, b) = (host(1, "10.0.0.1/24"), host(2, "10.0.0.2/24"));
/// let options = netglass::device::memory::Options::default();
/// let _running = netglass::runtime::memory::join(&a, &b, options, [None, None]).unwrap();
/// let listener = TcpListener::bind(&b, "10.0.0.2:80".parse().unwrap()).unwrap();
/// let mut client = TcpStream::connect(&a, "10.0.0.2:80".parse().unwrap()).unwrap();
/// client.write_all(b"hello").unwrap();
/// let (mut server, _) = listener.accept().unwrap();
/// drop(client);
/// let mut told = String::new();
/// server.read_to_string(&mut told).unwrap();
/// assert_eq!(told, "hello");
/// ```
///
/// # Errors
/// As [`Live::new`] and [`Live::start`].
pub fn join(
    a: &Host,
    b: &Host,
    options: memory::Options,
    links: [Option<Link>; 2],
) -> io::Result<[Running; 2]> {
    let (one, other) = memory::pair(options);
    let [there, back] = links;
    Ok([start(a, one, there)?, start(b, other, back)?])
}

fn start(host: &Host, mut device: memory::Memory, outward: Option<Link>) -> io::Result<Running> {
    let live = Live::new(host)?.impaired(None, outward);
    let bell = live.bell();
    device.on_change(move || bell.ring());
    live.start(device)
}
