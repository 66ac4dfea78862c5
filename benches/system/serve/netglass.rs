//! netglass as a program uses it: the live driver in a thread of its own, and sockets that wait.

use super::{ROOM, Service, ready, streams};
use crate::{Outcome, lan};
use netglass::device::offload::{self, AnyTun};
use netglass::ip::Cidr;
use netglass::net::Host;
use netglass::net::blocking::TcpListener;
use netglass::runtime::Live;
use netglass::stack::Setup;

/// The virtual host.
pub(super) fn setup(mtu: u16) -> Outcome<Setup> {
    let addr = Cidr::new(lan::FAR.into(), lan::PREFIX)?;
    Ok(Setup::new([1, 2]).with_iface(lan::DEV, mtu, addr).with_offload())
}

/// Its device.
pub(super) fn device(mtu: u16, kind: lan::Kind) -> Outcome<AnyTun> {
    Ok(offload::adopt(lan::tun(mtu, kind)?, lan::DEV.to_owned(), mtu.into())?)
}

/// Serves, one connection after the other.
pub(super) fn run(service: Service, mtu: u16, kind: lan::Kind) -> Outcome<()> {
    let host = Host::new(setup(mtu)?);
    let _running = Live::spawn(&host, device(mtu, kind)?)?;
    let listener = TcpListener::bind(&host, lan::service())?;
    let mut room = vec![0x5a; ROOM];
    ready();
    loop {
        let (stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        // How a connection ends is the client's affair: it may have heard enough.
        let _ = streams::serve(service, stream, &mut room);
    }
}
