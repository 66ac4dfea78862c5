//! What a virtual host is attached to: a TUN or TAP device that is made for it, or an interface
//! that Linux has, by a packet socket.

use super::Failure;
use super::args::HostArgs;
use super::{host, vlan};
use crate::base::Mac;
use crate::device::Device;
use crate::device::packet::{self, Gauge, Packet};
use crate::device::tun::Tun;
use crate::sys::SetupError;
use crate::sys::ifconfig::{Change, Configured, Link};
use std::net::IpAddr;

/// The largest packet on a TAP device, bytes: the kernel counts the Ethernet header against 64 KiB.
const TAP_MTU_MAX: u16 = u16::MAX - 14;
/// The largest packet when nothing else is said.
const MTU: u16 = 1500;

/// What a host is attached to, as the arguments choose it.
pub(super) enum Attachment {
    /// A TUN device of its own.
    Tun,
    /// A TAP device of its own.
    Tap,
    /// Linux's interface.
    On(Link),
}

impl Attachment {
    /// What the arguments choose; an interface must be there.
    pub(super) fn of(args: &HostArgs) -> Result<Attachment, Failure> {
        match &args.on {
            Some(_) if args.tap => {
                Err(Failure::usage("a host is attached once: leave out --tap or --on"))
            }
            Some(name) => packet::usable(name).map(Attachment::On).map_err(Failure::usage),
            None if args.tap => Ok(Attachment::Tap),
            None => Ok(Attachment::Tun),
        }
    }

    /// The longest packet, as given or as fits.
    pub(super) fn mtu(&self, args: &HostArgs) -> Result<u16, Failure> {
        let longest = match self {
            Attachment::Tun => u16::MAX,
            Attachment::Tap => TAP_MTU_MAX,
            Attachment::On(link) => link.mtu.min(u16::MAX.into()) as u16,
        };
        let mtu = args.mtu.unwrap_or(match self {
            Attachment::On(_) => longest,
            _ => MTU,
        });
        match self {
            _ if mtu <= longest => Ok(mtu),
            Attachment::On(Link { name, .. }) => Err(Failure::usage(format_args!(
                "the interface {name} carries packets of {longest} bytes: --mtu may not be more"
            ))),
            _ => Err(Failure::usage(format_args!("on a TAP device --mtu is at most {longest}"))),
        }
    }

    /// Whether `mac` can be the host's own.
    pub(super) fn check_mac(&self, mac: Mac) -> Result<(), Failure> {
        if !mac.is_unicast() {
            return Err(Failure::usage(format_args!("{mac} is not one host's: change --mac")));
        }
        match self {
            Attachment::On(Link { name, mac: Some(theirs), .. }) if *theirs == mac => {
                Err(Failure::usage(format_args!(
                    "{mac} is the address of {name} itself, and Linux answers there: change --mac"
                )))
            }
            _ => Ok(()),
        }
    }
}

/// Whether the host is on an Ethernet.
pub(super) fn is_on_ethernet(args: &HostArgs) -> bool {
    args.tap || args.on.is_some()
}

/// The longest packet, as far as that is known.
pub(super) fn mtu(args: &HostArgs) -> u16 {
    let found = || Attachment::of(args).and_then(|attachment| attachment.mtu(args));
    args.mtu.unwrap_or_else(|| found().unwrap_or(MTU))
}

/// The name of the interface, before the host is attached to it.
pub(super) fn name(args: &HostArgs) -> &str {
    args.on.as_ref().unwrap_or(&args.dev)
}

/// A device, with what was done for it on Linux's side.
pub(super) struct Attached {
    pub(super) device: Box<dyn Device>,
    /// The `ip` commands that do the same.
    pub(super) commands: Vec<String>,
    /// Taken back when it is dropped.
    pub(super) network: Configured,
    /// What a packet socket does not carry.
    pub(super) losses: Option<Gauge>,
}

/// Attaches a host with that Ethernet address, if it has one.
pub(super) fn attach(args: &HostArgs, mac: Option<Mac>) -> Result<Attached, Failure> {
    let attachment = Attachment::of(args)?;
    let mtu = attachment.mtu(args)?;
    let mut network = Configured::new().map_err(Failure::usage)?;
    if let Some(taken) = taken(args, &mut network)? {
        return Err(Failure::usage(taken));
    }
    let (create, mode): (fn(&str, usize) -> _, _) = match attachment {
        Attachment::Tun => (Tun::create, "tun"),
        Attachment::Tap => (Tun::create_tap, "tap"),
        Attachment::On(link) => {
            let device = Packet::attach(&link.name, mac.unwrap_or_default(), mtu.into());
            let device = device.map_err(Failure::usage)?;
            let losses = Some(device.gauge());
            return Ok(Attached { device: Box::new(device), commands: vec![], network, losses });
        }
    };
    let device = create(&args.dev, mtu.into()).map_err(Failure::usage)?;
    let dev = device.name().to_owned();
    let mut changes = vec![
        Change::Mtu { dev: dev.clone(), mtu: mtu.into() },
        Change::TxQueue { dev: dev.clone(), packets: 5000 },
    ];
    changes.extend(vlan::changes(args, &dev));
    for change in changes {
        match network.apply(change) {
            // Something else may have the other end of a VLAN.
            Err(error @ SetupError::NoVlans) => {
                log::warn!("{error}; until then, Linux is not in the VLANs of {dev}");
                break;
            }
            done => done.map_err(Failure::usage)?,
        }
    }
    let mut commands = vec![format!("ip tuntap add dev {dev} mode {mode}")];
    commands.extend(network.commands());
    Ok(Attached { device: Box::new(device), commands, network, losses: None })
}

/// Whether the network is one that Linux has already. On an interface of its own, Linux may.
fn taken(args: &HostArgs, network: &mut Configured) -> Result<Option<String>, Failure> {
    let addresses = network.config().addresses().map_err(Failure::usage)?;
    let clash = host::all_ends(args).find_map(|ends| {
        let taken = |addr: IpAddr| addresses.iter().any(|known| known.addr == addr);
        let linux = Some(ends.linux).filter(|_| args.on.is_none());
        let addr = linux.into_iter().chain([ends.own.addr()]).find(|addr| taken(*addr))?;
        Some((addr, ends.options))
    });
    Ok(clash.map(|(addr, options)| match args.on {
        Some(_) => format!("the address {addr} is Linux's own: choose another with {options}"),
        None => format!(
            "the address {addr} is in use on this machine, perhaps by another netglass: give this \
             one a network of its own with --dev, {options}"
        ),
    }))
}
