//! The Linux kernel at the other end of a veth cable, offloads on.

use super::{Service, http, ready, streams};
use crate::cell::Cell;
use crate::load::{self, Load};
use crate::{Outcome, lan};
use std::net::TcpListener;

/// Serves for ever.
pub(super) fn run(cell: Cell) -> Outcome<()> {
    lan::configure(lan::PEER, lan::FAR, cell.mtu)?;
    match cell.load.services() {
        [Service::Http] => http::on_linux(),
        _ => {
            let attendants = offer(cell.load)?;
            ready();
            streams::wait(attendants)
        }
    }
}

/// Offers the services of a load in the namespace of this thread.
pub(super) fn offer(load: Load) -> Outcome<Vec<streams::Attendant>> {
    let offer = |service: &Service| {
        let listener = TcpListener::bind(lan::service(*service))?;
        load::congestion(&listener); // accepted sockets inherit it
        Ok(streams::attend(*service, load.streams > 1, move || {
            let (stream, _) = listener.accept()?;
            stream.set_nodelay(true)?;
            Ok(stream)
        }))
    };
    load.services().iter().map(offer).collect()
}
