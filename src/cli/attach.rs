//! What a virtual host is attached to: a TUN or TAP device that is made for it, or an interface
//! that Linux has, by a packet socket.

use super::Failure;
use super::args::HostArgs;
use super::{host, vlan};
use crate::base::{Mac, Medium};
use crate::device::Device;
use crate::device::offload;
use crate::device::packet::{self, Gauge, Packet};
use crate::device::tun::Tun;
use crate::sys::SetupError;
use crate::sys::ifconfig::{Change, Configured, Link};
use crate::sys::tun::Uncut;
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

/// Refuses what does not go together, whatever interfaces there are.
pub(super) fn check(args: &HostArgs) -> Result<(), Failure> {
    let what = match &args.on {
        Some(_) if args.plain => "--plain is of a device of its own: leave out --plain or --on",
        Some(_) if args.tap => "a host is attached once: leave out --tap or --on",
        None if !args.tap && (args.mac.is_some() || args.probe) => {
            "--mac and --probe are of an Ethernet: add --tap or --on"
        }
        None if args.tap => return Attachment::Tap.mtu(args).map(|_| ()),
        _ => return Ok(()),
    };
    Err(Failure::usage(what))
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
    /// What it is, in a line.
    pub(super) what: String,
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
    let (medium, mode) = match attachment {
        Attachment::Tun => (Medium::Ip, "tun"),
        Attachment::Tap => (Medium::Ethernet, "tap"),
        Attachment::On(link) => {
            let device = Packet::attach(&link.name, mac.unwrap_or_default(), mtu.into());
            let device = device.map_err(Failure::usage)?;
            let (what, losses) =
                (format!("a packet socket on {}", link.name), Some(device.gauge()));
            let device = Box::new(device);
            return Ok(Attached { device, what, commands: vec![], network, losses });
        }
    };
    let (device, dev, what) = create(args, medium, mtu)?;
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
    let header = if device.offload().gso { " vnet_hdr" } else { "" };
    let mut commands = vec![format!("ip tuntap add dev {dev} mode {mode}{header}")];
    commands.extend(network.commands());
    Ok(Attached { device, what, commands, network, losses: None })
}

/// A TUN or TAP device; also its name, and what it is.
fn create(
    args: &HostArgs,
    medium: Medium,
    mtu: u16,
) -> Result<(Box<dyn Device>, String, String), Failure> {
    let kind = if medium == Medium::Ip { "TUN" } else { "TAP" };
    if args.plain {
        let plain = match medium {
            Medium::Ip => Tun::create(&args.dev, mtu.into()),
            Medium::Ethernet => Tun::create_tap(&args.dev, mtu.into()),
        };
        // Who asks for it wants to see every segment.
        let plain = plain.map_err(Failure::usage)?.without_joining();
        let name = plain.name().to_owned();
        let what = format!("the {kind} device {name}, plain");
        return Ok((Box::new(plain), name, what));
    }
    let made = offload::create(&args.dev, medium, mtu.into()).map_err(Failure::usage)?;
    let (device, name, uncut) = made;
    let how = match uncut {
        Some(Uncut { tcp: true, udp: true }) => "with offloads for TCP and UDP",
        Some(Uncut { tcp: true, udp: false }) => "with offloads for TCP",
        Some(Uncut { tcp: false, .. }) => "with offloads for what is sent",
        None => "plain, as this kernel has no offloads for it; segments are joined",
    };
    let what = format!("the {kind} device {name}, {how}");
    Ok((device, name, what))
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
