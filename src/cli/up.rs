//! `netglass up`: a virtual host on a device or an interface, until Ctrl-C.

use super::args::UpArgs;
use super::attach::{self, Attached};
use super::control::{Control, Door};
use super::history::History;
use super::host::{self, Session};
use super::study::Source;
use super::{Failure, Outcome, dhcp, talk};
use crate::app::dhcp::Event;
use crate::app::dns::Zones;
use crate::app::{Options, Policies, Serving};
use crate::base::{Duration, IfaceId};
use crate::net::Host;
use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How long what is on its way gets when all connections have ended.
const LINGER: Duration = Duration::from_secs(2);
/// How often it is looked at.
const GLANCE: Duration = Duration::from_millis(20);

pub(super) fn run(args: &UpArgs) -> Outcome {
    let addrs = host::addresses(&args.host);
    let zone = zone(args, &addrs)?;
    let prepared = host::prepare(&args.host)?;
    let door = asked_door(args)?;
    let Attached { device, what, commands, network, losses } = prepared.attach()?;
    let door = door.or_else(|| usual_door(args));
    if !args.quiet {
        tell_linux(args, &commands)?;
        talk::say(&format!("# on {what}"))?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(Failure::failed)?;
    let history = (!args.quiet).then(History::new);
    let watch = |host: &Host| {
        if let Some(history) = &history {
            host.observe(Box::new(history.clone()));
        }
    };
    let live = (!args.quiet).then_some(talk::Stream::Output);
    let session = prepared.start(|_| device, live, watch)?.with_losses(losses);
    let ended = runtime.block_on(async {
        // Before anybody can know that it is up.
        let ends = [SignalKind::interrupt(), SignalKind::terminate()];
        let [interrupt, terminate] = ends.map(|kind| signal(kind).map_err(Failure::failed));
        let mut signals = [interrupt?, terminate?];
        let ladder = history.map(History::drawer);
        let policies: Policies = args.policy.iter().cloned().collect();
        let drains = args.services.enabled().map(|entry| policies.of(entry.service).drain);
        // What is late is cut off with a reason, which is to go out, too.
        let patience = drains.max().unwrap_or_default() + LINGER;
        let groups = args.group.clone();
        let options = Options { policies, ladder, groups, zone };
        let at = places(args, &addrs);
        let mut serving =
            Serving::start(&session.host, &at, &args.services, options).map_err(Failure::usage)?;
        let shown = door.as_ref().map(|door| door.path().display().to_string());
        let start = |door| Control::start(&session.host, attach::name(&args.host), door);
        let _control = door.map(start).transpose().map_err(Failure::failed)?;
        if !args.quiet {
            greet(args, &session.host, &addrs, shown)?;
        }
        let leasing = dhcp::start(&session, &args.host, inviter(args, &session))?;
        until_stopped(&session, &mut signals).await;
        if !session.is_over() {
            session.say("# stopping gracefully; Ctrl-C again ends it at once");
        }
        let gracefully = async {
            serving.drain().await;
            until_delivered(&session.host).await;
            if let Some(client) = leasing {
                client.release().await;
            }
        };
        tokio::select! {
            _ = tokio::time::timeout(patience, gracefully) => {}
            () = until_stopped(&session, &mut signals) => {}
        }
        Ok(())
    });
    runtime.shutdown_timeout(Duration::from_millis(500));
    let stopped = session.stop(Duration::ZERO);
    if let Some(path) = &args.host.record {
        Source::Recording(path.clone()).remember();
    }
    drop(network);
    ended.and(stopped).map(|()| ExitCode::SUCCESS)
}

/// The names that DNS answers for besides the host's own.
fn zone(args: &UpArgs, addrs: &[IpAddr]) -> Result<String, Failure> {
    let Some(path) = &args.zone else { return Ok(String::new()) };
    let say =
        |what: &dyn Display| Failure::usage(format_args!("--zone {}: {what}", path.display()));
    let text = super::files::text(path).map_err(|e| say(&e))?;
    Zones::of_host(addrs).read(&text).map_err(|e| say(&e))?;
    Ok(text)
}

/// The control socket at a place that was asked for.
fn asked_door(args: &UpArgs) -> Result<Option<Door>, Failure> {
    let path = args.control.as_ref().filter(|_| !args.no_control);
    path.map(|path| Door::at(path)).transpose()
}

/// The one at the usual place, of a host that is attached: others have no need of it.
fn usual_door(args: &UpArgs) -> Option<Door> {
    (!args.no_control).then(|| Door::usual(attach::name(&args.host))).flatten()
}

/// What was done on Linux's side.
fn tell_linux(args: &UpArgs, commands: &[String]) -> Result<(), Failure> {
    if let Some(on) = &args.host.on {
        return talk::say(&format!("# on {on}, beside Linux, which keeps its addresses there"));
    }
    talk::say("# on Linux's side, undone at the end:")?;
    commands.iter().try_for_each(|command| talk::say(command))
}

/// Where services listen: addresses that are to come are not known yet.
fn places(args: &UpArgs, addrs: &[IpAddr]) -> Vec<IpAddr> {
    if !args.host.dhcp && !attach::is_on_ethernet(&args.host) {
        return addrs.to_vec();
    }
    let v6 = host::speaks_ipv6(&args.host).then_some(Ipv6Addr::UNSPECIFIED.into());
    std::iter::once(Ipv4Addr::UNSPECIFIED.into()).chain(v6).collect()
}

/// Says who is up, and where it can be asked; `control` is the control socket's path.
fn greet(
    args: &UpArgs,
    host: &Host,
    addrs: &[IpAddr],
    control: Option<String>,
) -> Result<(), Failure> {
    if let Some(path) = control {
        talk::say(&format!("# ask: netglass ss -ti   netglass ip addr   (by {path})"))?;
    }
    if let Some(mac) = host.with(|stack, _| stack.mac(IfaceId(0))) {
        talk::say(&format!("# the virtual host's Ethernet address: {mac}"))?;
    }
    if addrs.is_empty() { Ok(()) } else { talk::say(&invitation(args, addrs)) }
}

/// Says what can be tried when there is an address, and when there is another one.
fn inviter(args: &UpArgs, session: &Session) -> impl FnMut(&Event) + Send + use<> {
    let (args, say, mut known) = (args.clone(), session.speaker(), None);
    move |event| {
        if let Event::Leased { lease, .. } = event
            && known.replace(lease.addr) != Some(lease.addr)
        {
            say(&invitation(&args, &[lease.addr.addr()]));
        }
    }
}

/// What can be tried.
fn invitation(args: &UpArgs, addrs: &[IpAddr]) -> String {
    let urls = addrs.iter().map(|addr| format!("http://{}/", SocketAddr::new(*addr, 80)));
    let urls = urls.map(|url| url.replace(":80/", "/")).collect::<Vec<_>>().join("   curl ");
    let ping = addrs.iter().map(|addr| format!("ping {addr}")).collect::<Vec<_>>().join("   ");
    // What this machine sends goes out by the interface, and not back in.
    let from = args.host.on.as_ref().map(|on| format!(" from another host at {on}"));
    let from = from.unwrap_or_default();
    format!("# try{from}: {ping}   curl {urls}   (Ctrl-C ends it)")
}

/// Waits for Ctrl-C, SIGTERM, or the end of the device.
async fn until_stopped(session: &Session, [interrupt, terminate]: &mut [Signal; 2]) {
    loop {
        tokio::select! {
            _ = interrupt.recv() => return,
            _ = terminate.recv() => return,
            () = tokio::time::sleep(Duration::from_millis(500)) => {
                if session.is_over() {
                    return;
                }
            }
        }
    }
}

/// Waits until every peer has what was written to it before its connection was closed.
async fn until_delivered(host: &Host) {
    let is_under_way = |host: &Host| {
        host.with(|stack, _| {
            let mut conns = stack.tcp().iter().map(|slot| &slot.conn);
            conns.any(|conn| conn.is_orphan() && !conn.readiness().finished)
        })
    };
    while is_under_way(host) {
        tokio::time::sleep(GLANCE).await;
    }
}
