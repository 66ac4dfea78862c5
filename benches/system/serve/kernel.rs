//! The Linux kernel at the other end of a veth cable, offloads on.

use super::{ROOM, Service, ready, streams};
use crate::{Outcome, lan, load};
use std::net::TcpListener;

/// Serves, one connection after the other.
pub(super) fn run(service: Service, mtu: u16) -> Outcome<()> {
    lan::configure(lan::PEER, lan::FAR, mtu)?;
    let listener = TcpListener::bind(lan::service())?;
    load::congestion(&listener); // accepted sockets inherit it
    let mut room = vec![0x5a; ROOM];
    ready();
    for stream in listener.incoming() {
        let stream = stream?;
        stream.set_nodelay(true)?;
        // How a connection ends is the client's affair: it may have heard enough.
        let _ = streams::serve(service, stream, &mut room);
    }
    Ok(())
}
