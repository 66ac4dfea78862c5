//! `netglass traceroute`: show the way to a host from the virtual host's side.

use super::args::TracerouteArgs;
use super::interrupt::Interrupt;
use super::names::{Families, Names, Online, Peer, Reverse};
use super::{Failure, Outcome, host, talk};
use crate::app::traceroute::{self, Method, Options};
use crate::base::Duration;
use crate::net::Host;
use std::process::ExitCode;

pub(super) fn run(args: &TracerouteArgs) -> Outcome {
    let peer: Peer = args.peer.parse()?;
    if args.first > args.max {
        return Err(Failure::usage(format_args!(
            "the first hop, {}, comes after the last, {}: change -f or -m",
            args.first, args.max
        )));
    }
    let client = args.client.host();
    host::refuse_own(&client, &peer)?;
    let names = Names::prepare(&args.names, host::linux(&client))?;
    let (runtime, mut interrupt) = Interrupt::watch()?;
    let (session, network) = host::client(&client, args.live)?;
    let traced = runtime.block_on(async {
        let names = names.on(&session, &client, &mut interrupt).await?;
        let traced = tokio::select! {
            traced = trace(args, &names, &session.host, &peer) => traced,
            done = interrupt.code() => done,
        };
        names.give_back().await;
        traced
    });
    let stopped = session.stop(Duration::ZERO);
    drop(network);
    let code = traced?;
    stopped.map(|()| code)
}

async fn trace(args: &TracerouteArgs, names: &Online, host: &Host, peer: &Peer) -> Outcome {
    let to = names.first(peer, Families::of(&args.family)).await?;
    let method = if args.icmp { Method::Icmp } else { Method::Udp { port: args.port } };
    let options = Options {
        method,
        first: args.first,
        last: args.max,
        queries: args.queries,
        wait: args.wait,
        length: args.length,
        dont_fragment: args.dont_fragment,
        mtu: args.path_mtu,
    };
    let reverse = Reverse::new(names, args.numeric);
    let traced = traceroute::run(host, (&args.peer, to), &options, &reverse, talk::write).await;
    traced.map_err(|e| Failure::failed(format_args!("{to}: {e}")))?;
    Ok(ExitCode::SUCCESS)
}
