//! VLANs (IEEE 802.1Q) of a virtual host's link: the host as a whole may be in one, and have an
//! address in each of others.

use super::args::HostArgs;
use super::host::{Ends, check_addresses, ends, linux_side, neighbour};
use super::{Failure, attach};
use crate::base::IfaceId;
use crate::ip::Cidr;
use crate::stack::{Ethernet, LinkSetup, Setup, Vlan};
use crate::sys::ifconfig::Change;
use std::net::IpAddr;
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

/// The others, each with the two ends of each of its networks.
pub(super) fn others(args: &HostArgs) -> Vec<(u16, Vec<Ends>)> {
    let mut vlans: Vec<(u16, Vec<Ends>)> = Vec::new();
    for Wanted { id, own } in &args.vlan {
        let Some(own) = *own else { continue };
        let ends = Ends { own, linux: neighbour(own), options: "--vlan" };
        match vlans.iter_mut().find(|(known, _)| known == id) {
            Some((_, networks)) => networks.push(ends),
            None => vlans.push((*id, vec![ends])),
        }
    }
    vlans
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
    let (own, others) = (own(args), others(args));
    if let Some(id) = own.filter(|own| others.iter().any(|(id, _)| id == own)) {
        return Err(Failure::usage(format_args!(
            "the host is in VLAN {id} with its own address already: change that with --addr"
        )));
    }
    let mut networks: Vec<Cidr> = ends(args).iter().map(|ends| ends.own.network()).collect();
    for (id, ends) in others.iter().flat_map(|(id, all)| all.iter().map(move |ends| (id, ends))) {
        check_addresses(ends)?;
        let own = ends.own;
        if own.addr().is_ipv6() && args.no_ipv6 {
            return Err(Failure::usage(format_args!("{own} in VLAN {id} is IPv6: --no-ipv6")));
        }
        let overlaps =
            |known: &&Cidr| known.contains(own.network().addr()) || own.contains(known.addr());
        if let Some(known) = networks.iter().find(overlaps) {
            return Err(Failure::usage(format_args!(
                "the networks of {own} in VLAN {id} and {known} overlap: choose others"
            )));
        }
        networks.push(own.network());
    }
    Ok(())
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
        setup = setup.with_iface(&name(dev, id), mtu, ends[0].own).on_ethernet(in_vlan(id));
        let iface = setup.ifaces.last_mut().expect("it was just added");
        iface.addrs = ends.iter().map(|ends| ends.own).collect();
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
    let address = |dev: &str, (addr, prefix): (IpAddr, u8)| Change::Address {
        dev: dev.to_owned(),
        addr,
        prefix,
        add: true,
    };
    let (own, linux) = (own(args), linux_side(args).collect::<Vec<_>>());
    let mut changes = Vec::new();
    if own.is_none() {
        changes.extend(linux.iter().map(|linux| address(dev, *linux)));
    }
    changes.push(up(dev));
    let others = others(args).into_iter();
    let others = others.map(|(id, ends)| (id, ends.iter().map(Ends::linux_side).collect()));
    for (id, linux) in own.map(|id| (id, linux)).into_iter().chain(others) {
        let (of, name) = (dev.to_owned(), name(dev, id));
        changes.push(Change::Vlan { dev: name.clone(), of, id, add: true });
        changes.extend(linux.iter().map(|linux| address(&name, *linux)));
        changes.push(up(&name));
    }
    changes
}
