//! `netglass nc`: netcat from the virtual host's side.

use super::args::NcArgs;
use super::get::connect;
use super::{Failure, Outcome, host};
use crate::app::nc;
use crate::base::Duration;
use crate::net::Host;
use crate::net::tokio::UdpSocket;
use std::io::{self, IsTerminal};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;

pub(super) fn run(args: &NcArgs) -> Outcome {
    let to = SocketAddr::new(args.address, args.port);
    let (session, network) = host::client(&args.host, args.address, args.live)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::failed)?;
    let talked = runtime.block_on(async {
        tokio::select! {
            talked = talk(args.udp, &session.host, to, args.wait) => talked,
            done = tokio::signal::ctrl_c() => done,
        }
    });
    // Standard input may be read by a thread that nothing ends.
    runtime.shutdown_background();
    let stopped = session.stop(Duration::from_secs(2));
    drop(network);
    talked.map_err(|e| Failure::failed(format_args!("{to}: {e}")))?;
    stopped.map(|()| ExitCode::SUCCESS)
}

async fn talk(udp: bool, host: &Host, to: SocketAddr, idle: Option<Duration>) -> io::Result<()> {
    let (input, output) = (tokio::io::stdin(), tokio::io::stdout());
    // A terminal's input has no end of its own: the peer's end is the end.
    let until_peer_ends = io::stdin().is_terminal();
    let options = nc::Options { idle, until_peer_ends, ..nc::Options::default() };
    let carried = if udp {
        let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        let socket = UdpSocket::bind(host, any)?;
        socket.connect(to)?;
        nc::datagrams(&socket, input, output, options).await
    } else {
        let stream = connect(host, to, idle).await?;
        nc::stream(stream, input, output, options).await
    };
    carried.map(drop)
}
