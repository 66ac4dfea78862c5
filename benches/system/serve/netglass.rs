//! netglass as a program uses it: the live driver in a thread of its own, and sockets that wait.

use super::{Service, Subject, http, idle, ready, streams, watch};
use crate::cell::Cell;
use crate::load::Load;
use crate::{Outcome, lan};
use netglass::base::{Chance, Pool};
use netglass::device::offload::{self, AnyTun};
use netglass::impair::{Impairment, Impairments, Link};
use netglass::ip::Cidr;
use netglass::net::Host;
use netglass::net::blocking::TcpListener;
use netglass::runtime::Live;
use netglass::stack::Setup;

/// What a lossy way does in each direction.
const LOSSY: &str = "delay 25ms loss 1%";

/// The virtual host.
pub(super) fn setup(mtu: u16) -> Outcome<Setup> {
    let addr = Cidr::new(lan::FAR.into(), lan::PREFIX)?;
    Ok(Setup::new([1, 2]).with_iface(lan::DEV, mtu, addr).with_offload())
}

/// Its device.
pub(super) fn device(subject: Subject, mtu: u16) -> Outcome<AnyTun> {
    Ok(offload::adopt(lan::tun(mtu, subject.device())?, lan::DEV.to_owned(), mtu.into())?)
}

/// Both directions of a lossy way.
pub(super) fn lossy_links(round: u32, pool: &Pool) -> Outcome<[Link; 2]> {
    let Impairments { inbound, outbound } = LOSSY.parse()?;
    let chance = Chance::from_seed(round.into());
    let link = |rules: Impairment, id| Link::new(rules, chance, id, pool.clone());
    Ok([link(inbound, 0), link(outbound, 1)])
}

/// Serves for ever.
pub(super) fn run(cell: Cell) -> Outcome<()> {
    let Cell { subject, load, mtu, round, .. } = cell;
    let setup = setup(mtu)?;
    let host = Host::new(setup.clone());
    host.with(|stack, now| idle::add(stack, now, load.idle, mtu))?;
    watch::start(&host, &setup, load.watched)?;
    let mut live = Live::new(&host)?;
    if load.lossy {
        let [inward, outward] = lossy_links(round, host.pool())?;
        live = live.impaired(Some(inward), Some(outward));
    }
    let device = device(subject, mtu)?;
    if let [Service::Http] = load.services() {
        return http::on_netglass(&host, live, device);
    }
    let _running = live.start(device)?;
    serve(&host, load)
}

fn serve(host: &Host, load: Load) -> Outcome<()> {
    let offer = |service: &Service| {
        let listener = TcpListener::bind(host, lan::service(*service))?;
        Ok(streams::attend(*service, load.streams > 1, move || {
            let (stream, _) = listener.accept()?;
            stream.set_nodelay(true)?;
            Ok(stream)
        }))
    };
    let attendants: Vec<_> = load.services().iter().map(offer).collect::<Outcome<_>>()?;
    ready();
    streams::wait(attendants)
}
