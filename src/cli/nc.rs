//! `netglass nc`: netcat from the virtual host's side.

use super::args::NcArgs;
use super::get::within;
use super::interrupt::Interrupt;
use super::names::{Families, Names, Online, Peer};
use super::{Failure, Outcome, host};
use crate::app::nc;
use crate::base::Duration;
use crate::net::Host;
use crate::net::tokio::UdpSocket;
use std::io::{self, IsTerminal};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;

pub(super) fn run(args: &NcArgs) -> Outcome {
    let peer: Peer = args.peer.parse()?;
    let client = args.client.host();
    host::refuse_own(&client, &peer)?;
    let names = Names::prepare(&args.names, host::linux(&client))?;
    let (runtime, mut interrupt) = Interrupt::watch()?;
    let (session, network) = host::client(&client, args.live)?;
    let talked = runtime.block_on(async {
        let names = names.on(&session, &client, &mut interrupt).await?;
        let talked = tokio::select! {
            talked = talk(args, &names, &session.host, &peer) => talked,
            () = interrupt.pressed() => Ok(()),
        };
        names.give_back().await;
        talked
    });
    // Standard input may be read by a thread that nothing ends.
    runtime.shutdown_background();
    let stopped = session.stop(Duration::from_secs(2));
    drop(network);
    talked?;
    stopped.map(|()| ExitCode::SUCCESS)
}

async fn talk(args: &NcArgs, names: &Online, host: &Host, peer: &Peer) -> Result<(), Failure> {
    let (input, output) = (tokio::io::stdin(), tokio::io::stdout());
    // A terminal's input has no end of its own: the peer's end is the end.
    let until_peer_ends = io::stdin().is_terminal();
    let options = nc::Options { idle: args.wait, until_peer_ends, ..nc::Options::default() };
    let (to, carried) = if args.udp {
        let to = SocketAddr::new(names.first(peer, Families::ANY).await?, args.port);
        let socket = socket(host, to).map_err(|e| Failure::failed(format_args!("{to}: {e}")))?;
        (to, nc::datagrams(&socket, input, output, options).await)
    } else {
        let connecting = names.connect(peer, args.port);
        let (to, stream) = within(args.wait, &args.peer, "nobody has answered", connecting).await?;
        (to, nc::stream(stream, input, output, options).await)
    };
    carried.map(drop).map_err(|e| Failure::failed(format_args!("{to}: {e}")))
}

fn socket(host: &Host, to: SocketAddr) -> io::Result<UdpSocket> {
    let any: IpAddr = match to {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind(host, SocketAddr::new(any, 0))?;
    socket.connect(to)?;
    Ok(socket)
}
