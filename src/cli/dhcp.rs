//! `--dhcp`: a host has its address, routes and name servers from the network it is attached to.

use super::args::HostArgs;
use super::host::{self, Session};
use super::interrupt::Interrupt;
use super::{Failure, attach};
use crate::app::dhcp::{Client, Event, Options};
use crate::base::{Duration, IfaceId};
use std::net::{IpAddr, Ipv4Addr};

/// How long a client's command waits for an address.
const PATIENCE: Duration = Duration::from_secs(60);
/// The prefix of Linux's address, when one is asked for: the server is not asked yet.
const LINUX_PREFIX: u8 = 24;

/// Checks what goes together.
pub(super) fn check(args: &HostArgs) -> Result<(), Failure> {
    if !args.dhcp {
        return Ok(());
    }
    if !attach::is_on_ethernet(args) {
        return Err(Failure::usage("--dhcp is spoken on an Ethernet: add --tap or --on"));
    }
    if let Some(addr) = args.addr {
        return Err(Failure::usage(format_args!(
            "with --dhcp the server says which address the host has: leave out --addr {addr}"
        )));
    }
    if let Some(linux) = args.linux.filter(|linux| args.on.is_some() || linux.is_ipv6()) {
        return Err(Failure::usage(format_args!(
            "with --dhcp the server says who the router is: leave out --linux {linux}"
        )));
    }
    let is_label = |label: &str| {
        let chars = label.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-');
        chars && (1..64).contains(&label.len())
    };
    if args.hostname.len() > 253 || !args.hostname.split('.').all(is_label) {
        return Err(Failure::usage(format_args!(
            "\"{}\" cannot be a host's name: change --hostname",
            args.hostname
        )));
    }
    Ok(())
}

/// The address and prefix that Linux is to have on its side: none, unless it was asked for.
pub(super) fn linux(args: &HostArgs) -> Option<(IpAddr, u8)> {
    args.linux.filter(|_| args.dhcp).map(|addr| (addr, LINUX_PREFIX))
}

/// Starts to ask for an address, if that is wanted; within the runtime. What happens is said among
/// the live lines, and told to `tell`.
pub(super) fn start(
    session: &Session,
    args: &HostArgs,
    mut tell: impl FnMut(&Event) + Send + 'static,
) -> Result<Option<Client>, Failure> {
    if !args.dhcp {
        return Ok(None);
    }
    let hostname = Some(args.hostname.clone());
    let options = Options { hostname, remembered: None, secret: host::secret()? };
    let say = session.speaker();
    let client = Client::start(&session.host, IfaceId(0), options, move |event| {
        match (event, event.rfc()) {
            (Event::Went { .. }, Some(rfc)) => say(&format!("# dhcp: {event} [{rfc}]")),
            (Event::Leased { .. } | Event::Lost { .. }, _) => say(&format!("# {event}")),
            _ => log::debug!("dhcp: {event}"),
        }
        tell(event);
    });
    client.map(Some).map_err(Failure::failed)
}

/// An address that a client's command has for its time.
pub(super) struct Borrowed(Option<Client>);

/// Waits for an address, if one is to be asked for; also the lease's name servers.
pub(super) async fn borrow(
    session: &Session,
    args: &HostArgs,
    interrupt: &mut Interrupt,
) -> Result<(Borrowed, Vec<Ipv4Addr>), Failure> {
    let Some(client) = start(session, args, |_| {})? else { return Ok((Borrowed(None), vec![])) };
    let late = |_| {
        let time = PATIENCE.as_secs();
        Failure::failed(format_args!("no DHCP server has given an address in {time} s"))
    };
    let leased = tokio::select! {
        leased = tokio::time::timeout(PATIENCE, client.leased()) => leased.map_err(late)?,
        () = interrupt.pressed() => {
            client.release().await;
            return Err(Failure::failed("interrupted before a DHCP server gave an address"));
        }
    };
    let granted = leased.ok_or_else(|| Failure::failed("the device is gone"))?;
    Ok((Borrowed(Some(client)), granted.lease.dns))
}

impl Borrowed {
    /// Gives it back.
    pub(super) async fn give_back(self) {
        if let Some(client) = self.0 {
            client.release().await;
        }
    }
}
