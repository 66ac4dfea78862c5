//! VLANs (IEEE 802.1Q) of a virtual host's link: the host as a whole may be in one, and have an
//! address in each of others.

use super::args::HostArgs;
use super::host::{Ends, check_addresses, ends, linux_side, neighbour};
use super::{Failure, attach};
use crate::base::IfaceId;
use crate::ip::Cidr;
use crate::stack::{Ethernet, LinkSetup, Setup, Vlan};
use crate::sys::ifconfig::Change;
use std::str::FromStr;

/// A VLAN as the command line names it: `10`, or `10=10.10.0.2/24`.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    id: u16,
    /// The host's address in it; `None`: the host is in it with all it has.
    own: Option<Cidr>,
}

impl FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Wanted, String> {
        let (id, own) = text.split_once('=').map_or((text, None), |(id, own)| (id, Some(own)));
        let id = id.parse().ok().filter(|id| (1..=4094).contains(id));
        let id = id.ok_or_else(|| {
            format!(
                "\"{text}\" does not start with a VLAN's number, 1 to 4094, as in 10=10.10.0.2/24"
            )
        })?;
        let own = own.map(Cidr::from_str).transpose().map_err(|e| e.to_string())?;
        Ok(Wanted { id, own })
    }
}

/// The VLAN that the host is in with its own addresses.
fn own(args: &HostArgs) -> Option<u16> {
    args.vlan.iter().find(|wanted| wanted.own.is_none()).map(|wanted| wanted.id)
}

/// The others, each with the two ends in it.
pub(super) fn others(args: &HostArgs) -> impl Iterator<Item = (u16, Ends)> + '_ {
    args.vlan.iter().filter_map(|wanted| {
        let own = wanted.own?;
        Some((wanted.id, Ends { own, linux: neighbour(own), options: "--vlan" }))
    })
}

/// The name of a VLAN's interface, on both sides.
fn name(dev: &str, id: u16) -> String {
    format!("{dev}.{id}")
}

/// Whether the VLANs that are wanted can be had.
pub(super) fn check(args: &HostArgs) -> Result<(), Failure> {
    let Some(first) = args.vlan.first() else { return Ok(()) };
    if let Some(on) = &args.on {
        let (id, vlan) = (first.id, name(on, first.id));
        return Err(Failure::usage(format_args!(
            "--vlan needs --tap: the kernel takes tags off before a packet socket sees a frame. \
             Use an interface of the VLAN: ip link add link {on} name {vlan} type vlan id {id}, \
             and --on {vlan}"
        )));
    }
    if !args.tap {
        return Err(Failure::usage("--vlan is of an Ethernet: add --tap"));
    }
    if args.vlan.iter().filter(|wanted| wanted.own.is_none()).count() > 1 {
        let what = "the host can be in one VLAN: give it an address in others, as in \
                    --vlan 10=10.10.0.2/24";
        return Err(Failure::usage(what));
    }
    let mut networks: Vec<Cidr> = ends(args).iter().map(|ends| ends.own.network()).collect();
    for (id, ends) in others(args) {
        if ends.own.addr().is_ipv6() {
            return Err(Failure::usage(format_args!("{} in VLAN {id} is not IPv4", ends.own)));
        }
        check_addresses(&ends)?;
        let network = ends.own.network();
        let overlaps =
            |known: &&Cidr| known.contains(network.addr()) || network.contains(known.addr());
        if let Some(known) = networks.iter().find(overlaps) {
            return Err(Failure::usage(format_args!(
                "the networks {network} of VLAN {id} and {known} overlap: choose others"
            )));
        }
        networks.push(network);
    }
    let mut ids: Vec<u16> = args.vlan.iter().map(|wanted| wanted.id).collect();
    ids.sort_unstable();
    match ids.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(twice) => Err(Failure::usage(format_args!("VLAN {} is given twice", twice[0]))),
        None => Ok(()),
    }
}

/// The host with its VLANs: `setup` has the interface that they are of.
pub(super) fn set_up(args: &HostArgs, mut setup: Setup) -> Setup {
    let LinkSetup::Ethernet(ethernet) = setup.ifaces[0].link.clone() else { return setup };
    let dev = attach::name(args);
    let in_vlan = |id| {
        let vlan = Some(Vlan { parent: IfaceId(0), id });
        Ethernet { vlan, ..ethernet.clone() }
    };
    for (id, ends) in others(args) {
        let mtu = setup.ifaces[0].mtu;
        setup = setup.with_iface(&name(dev, id), mtu, ends.own).on_ethernet(in_vlan(id));
    }
    if let Some(id) = own(args) {
        setup.ifaces[0].name = name(dev, id);
        setup.ifaces[0].link = LinkSetup::Ethernet(in_vlan(id));
    }
    setup
}

/// What Linux needs at `dev` to have the other ends of the link: addresses there, or VLANs with
/// them.
pub(super) fn changes(args: &HostArgs, dev: &str) -> Vec<Change> {
    let up = |dev: &str| Change::Up { dev: dev.to_owned(), up: true };
    let address = |dev: &str, (addr, prefix)| Change::Address {
        dev: dev.to_owned(),
        addr,
        prefix,
        add: true,
    };
    let vlan = |id| {
        let (of, name) = (dev.to_owned(), name(dev, id));
        (Change::Vlan { dev: name.clone(), of, id, add: true }, name)
    };
    let own = own(args);
    let mut changes = Vec::new();
    if own.is_none() {
        changes.extend(linux_side(args).map(|linux| address(dev, linux)));
    }
    changes.push(up(dev));
    if let Some((add, name)) = own.map(vlan) {
        changes.push(add);
        changes.extend(linux_side(args).map(|linux| address(&name, linux)));
        changes.push(up(&name));
    }
    for (id, ends) in others(args) {
        let (add, name) = vlan(id);
        let linux = (ends.linux, ends.own.prefix());
        changes.extend([add, address(&name, linux), up(&name)]);
    }
    changes
}
