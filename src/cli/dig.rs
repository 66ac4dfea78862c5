//! `netglass dig`: ask a name server from the virtual host's side.

use super::args::DigArgs;
use super::interrupt::Interrupt;
use super::{Failure, Outcome, dhcp, host, talk};
use crate::app::dns::Dig;
use crate::base::Duration;
use std::net::IpAddr;
use std::process::ExitCode;
use std::time::SystemTime;

pub(super) fn run(args: &DigArgs) -> Outcome {
    let dig = Dig::parse(args.words.iter().map(String::as_str)).map_err(Failure::usage)?;
    let (runtime, mut interrupt) = Interrupt::watch()?;
    let secret = host::secret()?;
    let client = args.client.host();
    let (session, network) = host::client(&client, false)?;
    let told = runtime.block_on(async {
        let (address, servers) = dhcp::borrow(&session, &client, &mut interrupt).await?;
        let leased = servers.first().copied().map(IpAddr::V4);
        let told = match dig.server().or(host::linux(&client)).or(leased) {
            Some(server) => tokio::select! {
                told = dig.run(&session.host, server, secret, SystemTime::now) => Ok(Ok(told)),
                done = interrupt.code() => done.map(Err),
            },
            None => Err(Failure::failed("the lease names no server to ask: name one with @")),
        };
        address.give_back().await;
        told
    });
    let stopped = session.stop(Duration::from_secs(2));
    drop(network);
    let told = match told? {
        Ok(told) => told,
        Err(code) => return stopped.map(|()| code),
    };
    if !told.text.is_empty() {
        talk::say(&told.text)?;
    }
    stopped.map(|()| ExitCode::from(told.code))
}
