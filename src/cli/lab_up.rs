//! `netglass lab up`: a lab in real time, open at one place to a TUN or TAP device, behind which
//! Linux is the host that was left out.

use super::lab;
use super::study::args::LabUpArgs;
use super::{Failure, Outcome, talk};
use crate::base::{Frame, IfaceId, Instant, Medium, Pool};
use crate::device::Device;
use crate::device::tun::Tun;
use crate::lab::{Kind, Lab, Open};
use crate::sim::End;
use crate::stack::Setup;
use crate::sys::ifconfig::{Change, Configured};
use crate::sys::poll::{Interest, Wake, wait};
use std::net::IpAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Frames that are read before others get their turn.
const BATCH: usize = 64;

pub(super) fn run(args: &LabUpArgs) -> Outcome {
    let lab = lab::find(&args.lab, &lab::sets(&args.set, args.seed))?.into_lab()?;
    let open = lab.open(&args.host).map_err(Failure::usage)?;
    let mtu = open.setup.ifaces.first().map_or(1500, |iface| iface.mtu);
    let create = if open.medium == Medium::Ip { Tun::create } else { Tun::create_tap };
    let mut network = Configured::new().map_err(Failure::usage)?;
    // Segments go on one by one, as on any wire.
    let device = create(&args.dev, mtu.into()).map_err(Failure::usage)?.without_joining();
    for change in changes(device.name(), mtu, &open.setup) {
        network.apply(change).map_err(Failure::usage)?;
    }
    if !args.quiet {
        greet(args, &lab, &open, device.name(), &network)?;
    }
    let stop = Stop::on_signals()?;
    let mut bridge =
        Bridge { open, device, pending: None, pool: Pool::new(), start: std::time::Instant::now() };
    bridge.run(&stop)?;
    if !args.quiet {
        for report in bridge.open.reports().iter().filter(|report| !report.said.is_empty()) {
            let on = &lab.nodes[report.on].name;
            talk::say(&format!("# {on}: {}\n{}", report.run, report.said.join("\n")))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What Linux needs to be the host that was left out.
fn changes(dev: &str, mtu: u16, setup: &Setup) -> Vec<Change> {
    let dev = || dev.to_owned();
    let mut changes = vec![Change::Mtu { dev: dev(), mtu: mtu.into() }];
    let addrs = setup.ifaces.iter().flat_map(|iface| &iface.addrs);
    changes.extend(addrs.map(|own| {
        let (addr, prefix, add) = (own.addr(), own.prefix(), true);
        Change::Address { dev: dev(), addr, prefix, add }
    }));
    changes.push(Change::Up { dev: dev(), up: true });
    changes.extend(setup.routes.iter().filter(|route| route.iface == IfaceId(0)).map(|route| {
        let (dst, prefix, via) = (route.dst.addr(), route.dst.prefix(), route.via);
        Change::Route { dst, prefix, via, dev: dev(), add: true }
    }));
    changes
}

/// Says what was done, and what can be tried.
fn greet(
    args: &LabUpArgs,
    lab: &Lab,
    open: &Open,
    dev: &str,
    network: &Configured,
) -> Result<(), Failure> {
    let mode = if open.medium == Medium::Ip { "tun" } else { "tap" };
    let title = if lab.title.is_empty() { &args.lab } else { &lab.title };
    talk::say(&format!(
        "# {title}: Linux is the host {}; on its side, undone at the end:",
        args.host
    ))?;
    talk::say(&format!("ip tuntap add dev {dev} mode {mode}"))?;
    network.commands().iter().try_for_each(|command| talk::say(command))?;
    let mut hosts = Vec::new();
    let others = lab
        .nodes
        .iter()
        .enumerate()
        .filter(|(_, node)| node.kind == Kind::Host && node.name != args.host);
    for (n, node) in others {
        let setup = lab.host_setup(n);
        let addrs = setup.ifaces.iter().flat_map(|iface| &iface.addrs);
        let addrs: Vec<IpAddr> = addrs.map(|own| own.addr()).collect();
        let Some(addr) = addrs.first() else { continue };
        hosts.push(format!("{addr} ({})", node.name));
    }
    talk::say(&format!("# try: ping or traceroute {}   (Ctrl-C ends it)", hosts.join(" or ")))
}

/// Whether somebody wants it to end.
struct Stop {
    wanted: Arc<AtomicBool>,
    wake: Arc<Wake>,
}

impl Stop {
    /// Ctrl-C and SIGTERM say so.
    fn on_signals() -> Result<Stop, Failure> {
        use tokio::signal::unix::{SignalKind, signal};
        let wake = Arc::new(Wake::new().map_err(Failure::failed)?);
        let stop = Stop { wanted: Arc::default(), wake };
        let (wanted, wake) = (Arc::clone(&stop.wanted), Arc::clone(&stop.wake));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
        let runtime = runtime.map_err(Failure::failed)?;
        // Before anybody can know that it is up.
        let signals = runtime.block_on(async {
            let signals = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
            let [interrupt, terminate] = signals;
            Ok::<_, std::io::Error>((interrupt?, terminate?))
        });
        let (mut interrupt, mut terminate) = signals.map_err(Failure::failed)?;
        std::thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
            });
            wanted.store(true, Ordering::Release);
            wake.wake();
        });
        Ok(stop)
    }
}

/// The network and the device at its gate.
struct Bridge {
    open: Open,
    device: Tun,
    /// What the device had no room for.
    pending: Option<Frame>,
    /// Blocks that frames are read into.
    pool: Pool,
    start: std::time::Instant,
}

impl Bridge {
    fn run(&mut self, stop: &Stop) -> Result<(), Failure> {
        let failed = |error| Failure::failed(format_args!("the device failed: {error}"));
        while !stop.wanted.load(Ordering::Acquire) {
            let now = Instant::ZERO + self.start.elapsed();
            self.advance(now, stop)?;
            let more = self.receive().map_err(failed)?;
            self.advance(now, stop)?;
            self.transmit().map_err(failed)?;
            if more {
                continue;
            }
            let most =
                self.open.net.next().map(|at| at.since(Instant::ZERO + self.start.elapsed()));
            let interest =
                if self.pending.is_some() { Interest::ReadWrite } else { Interest::Read };
            let device = self.device.descriptor().map(|fd| (fd, interest));
            wait(device, &stop.wake, most).map_err(failed)?;
        }
        Ok(())
    }

    /// Whatever is due by now happens, unless somebody wants it to end.
    fn advance(&mut self, now: Instant, stop: &Stop) -> Result<(), Failure> {
        let net = &mut self.open.net;
        match net.run_while(now, |_| !stop.wanted.load(Ordering::Relaxed)) {
            End::Failed(failure) => return Err(Failure::failed(failure)),
            End::Bound(bound) => {
                let (at, words) = (net.now(), net.words(bound));
                return Err(Failure::failed(format_args!("the lab stopped at {at}: {words}")));
            }
            End::Time => {}
            End::Quiet => self.open.net.wait_until(now),
        }
        Ok(())
    }

    /// Reads what has come; says whether there may be more.
    fn receive(&mut self) -> std::io::Result<bool> {
        for _ in 0..BATCH {
            let Some(frame) = self.device.receive(&self.pool)? else { return Ok(false) };
            self.open.net.inject(self.open.gate, frame);
        }
        Ok(true)
    }

    fn transmit(&mut self) -> std::io::Result<()> {
        while let Some(frame) = self.pending.take().or_else(|| self.open.net.take(self.open.gate)) {
            match self.device.transmit(&frame) {
                Ok(true) => {}
                Ok(false) => {
                    self.pending = Some(frame);
                    break;
                }
                // Too long for the device: lost, as on any wire.
                Err(error) if error.kind() == std::io::ErrorKind::InvalidInput => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
