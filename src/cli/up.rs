//! `netglass up`: a virtual host on a TUN device, until Ctrl-C.

use super::args::UpArgs;
use super::history::History;
use super::host::{self, Session};
use super::{Failure, Outcome, talk};
use crate::app::dns::Zones;
use crate::app::{Options, Services, Serving};
use crate::base::Duration;
use crate::net::Host;
use std::fmt::Display;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How long connections get to end when the host is asked to stop.
const LINGER: Duration = Duration::from_secs(2);

pub(super) fn run(args: &UpArgs) -> Outcome {
    let services: Services = args.services.parse().map_err(Failure::usage)?;
    let zones = Arc::new(zones(args)?);
    let prepared = host::prepare(&args.host)?;
    let (device, network) = host::tun(&args.host)?;
    if !args.host.quiet {
        talk::say("# on Linux's side, undone at the end:")?;
        talk::say(&format!("ip tuntap add dev {} mode tun", device.name()))?;
        for command in network.commands() {
            talk::say(&command)?;
        }
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(Failure::failed)?;
    let history = (!args.host.quiet).then(History::new);
    let watch = |host: &Host| {
        if let Some(history) = &history {
            host.observe(Box::new(history.clone()));
        }
    };
    let session = prepared.start(|_| device, !args.host.quiet, watch)?;
    let addr = args.host.addr.addr();
    let ended = runtime.block_on(async {
        // Before anybody can know that it is up.
        let ends = [SignalKind::interrupt(), SignalKind::terminate()];
        let [interrupt, terminate] = ends.map(|kind| signal(kind).map_err(Failure::failed));
        let signals = [interrupt?, terminate?];
        let ladder = history.map(History::drawer);
        let options = Options { ladder, zones: Some(zones), ..Options::default() };
        let _serving =
            Serving::start(&session.host, addr, &services, options).map_err(Failure::usage)?;
        if !args.host.quiet {
            talk::say(&format!("# try: ping {addr}   curl http://{addr}/   (Ctrl-C ends it)"))?;
        }
        until_stopped(&session, signals).await
    });
    runtime.shutdown_timeout(Duration::from_millis(500));
    let stopped = session.stop(LINGER);
    drop(network);
    ended.and(stopped).map(|()| ExitCode::SUCCESS)
}

/// The names that DNS answers for.
fn zones(args: &UpArgs) -> Result<Zones, Failure> {
    let mut zones = Zones::of_host(&[args.host.addr.addr()]);
    if let Some(path) = &args.zone {
        let say = |what: &dyn Display| Failure::usage(format_args!("{}: {what}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|e| say(&e))?;
        zones.read(&text).map_err(|e| say(&e))?;
    }
    Ok(zones)
}

/// Waits for Ctrl-C, SIGTERM, or the end of the device.
async fn until_stopped(session: &Session, signals: [Signal; 2]) -> Result<(), Failure> {
    let [mut interrupt, mut terminate] = signals;
    loop {
        tokio::select! {
            _ = interrupt.recv() => return Ok(()),
            _ = terminate.recv() => return Ok(()),
            () = tokio::time::sleep(Duration::from_millis(500)) => {
                if session.is_over() {
                    return Ok(());
                }
            }
        }
    }
}
