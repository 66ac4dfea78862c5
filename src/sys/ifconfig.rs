//! Interfaces, addresses and routes, configured without any other program (rtnetlink(7)).
//!
//! Every [`Change`] knows the `ip` command it stands for and the change that takes it back;
//! [`Configured`] makes changes and takes them all back when it is dropped.

use super::error::SetupError;
use super::netlink::{CREATE_EXCL, Message, Netlink, attributes, number, together};
use crate::base::Mac;
use std::fmt;
use std::io;
use std::net::IpAddr;

const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
const RTM_GETLINK: u16 = 18;
const RTM_NEWADDR: u16 = 20;
const RTM_DELADDR: u16 = 21;
const RTM_GETADDR: u16 = 22;
const RTM_NEWROUTE: u16 = 24;
const RTM_DELROUTE: u16 = 25;
const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_LINK: u16 = 5;
const IFLA_TXQLEN: u16 = 13;
const IFLA_LINKINFO: u16 = 18;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const IFLA_VLAN_ID: u16 = 1;
const ARPHRD_ETHER: u16 = nix::libc::ARPHRD_ETHER;
const IFF_UP: u32 = 1;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
/// An IPv6 address is usable at once, without asking whether somebody else has it.
const IFA_F_NODAD: u8 = 2;
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RT_TABLE_MAIN: u8 = 254;
const RTPROT_BOOT: u8 = 3;
const RT_SCOPE_UNIVERSE: u8 = 0;
const RT_SCOPE_LINK: u8 = 253;
const RT_SCOPE_NOWHERE: u8 = 255;
const RTN_UNICAST: u8 = 1;

/// What the kernel says about an interface.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Link {
    /// Its number in the namespace.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Whether it is up.
    pub up: bool,
    /// Its MTU in bytes.
    pub mtu: u32,
    /// How many packets may wait to be sent.
    pub tx_queue: u32,
    /// Its Ethernet address, if it is an Ethernet's.
    pub mac: Option<Mac>,
}

/// An address on an interface.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Address {
    /// The interface's number.
    pub index: u32,
    /// The address.
    pub addr: IpAddr,
    /// How many of its bits name the network.
    pub prefix: u8,
}

/// A step of configuration. Prints as the `ip` command that does the same.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// Switches an interface on or off.
    Up {
        /// The interface.
        dev: String,
        /// On?
        up: bool,
    },
    /// Sets an interface's MTU in bytes.
    Mtu {
        /// The interface.
        dev: String,
        /// The MTU in bytes; the kernel takes 68..=65535 for a TUN device.
        mtu: u32,
    },
    /// Sets how many packets may wait to be sent.
    TxQueue {
        /// The interface.
        dev: String,
        /// The number of packets.
        packets: u32,
    },
    /// Adds or removes an interface for a VLAN (IEEE 802.1Q) of another one.
    Vlan {
        /// The interface that is to be there, or not.
        dev: String,
        /// The other one, by which tagged frames come and go.
        of: String,
        /// The VLAN's number.
        id: u16,
        /// Add it?
        add: bool,
    },
    /// Adds or removes an address.
    Address {
        /// The interface.
        dev: String,
        /// The address.
        addr: IpAddr,
        /// How many of its bits name the network.
        prefix: u8,
        /// Add it?
        add: bool,
    },
    /// Adds or removes a route.
    Route {
        /// The destination network's address.
        dst: IpAddr,
        /// How many of its bits count; 0 is the default route.
        prefix: u8,
        /// The next router, of the destination's family; none when it is on the link.
        via: Option<IpAddr>,
        /// The interface.
        dev: String,
        /// Add it?
        add: bool,
    },
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = |add: &bool| if *add { "add" } else { "del" };
        match self {
            Change::Up { dev, up } => {
                write!(f, "ip link set dev {dev} {}", if *up { "up" } else { "down" })
            }
            Change::Mtu { dev, mtu } => write!(f, "ip link set dev {dev} mtu {mtu}"),
            Change::TxQueue { dev, packets } => {
                write!(f, "ip link set dev {dev} txqueuelen {packets}")
            }
            Change::Vlan { dev, of, id, add: true } => {
                write!(f, "ip link add link {of} name {dev} type vlan id {id}")
            }
            Change::Vlan { dev, .. } => write!(f, "ip link del dev {dev}"),
            Change::Address { dev, addr, prefix, add } => {
                write!(f, "ip address {} {addr}/{prefix} dev {dev}", verb(add))?;
                if addr.is_ipv6() && *add { f.write_str(" nodad") } else { Ok(()) }
            }
            Change::Route { dst, prefix, via, dev, add } => {
                write!(f, "ip route {} {dst}/{prefix}", verb(add))?;
                if let Some(via) = via {
                    write!(f, " via {via}")?;
                }
                write!(f, " dev {dev}")
            }
        }
    }
}

/// The network configuration of the namespace it was opened in.
#[derive(Debug)]
pub struct Config(Netlink);

impl Config {
    /// Opens the configuration of the namespace the calling thread is in.
    ///
    /// # Errors
    /// When the system has no netlink sockets for this process.
    pub fn open() -> Result<Config, SetupError> {
        let netlink = Netlink::open();
        netlink.map(Config).map_err(|e| SetupError::system("to open a netlink socket", e))
    }

    /// The interface `name`, if there is one.
    ///
    /// # Errors
    /// When the name is none, or the system refuses.
    pub fn link(&mut self, name: &str) -> Result<Option<Link>, SetupError> {
        check_name(name)?;
        let wanted = Message::new(RTM_GETLINK, 0, &link_fixed(0, 0, 0))
            .attribute(IFLA_IFNAME, &terminated(name));
        let mut link = None;
        match self.0.get(&wanted, |body| link = read_link(body)) {
            Ok(()) => Ok(link),
            Err(e) if e.raw_os_error() == Some(nix::libc::ENODEV) => Ok(None),
            Err(e) => Err(SetupError::system("to look at an interface", e)),
        }
    }

    /// All interfaces.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn links(&mut self) -> Result<Vec<Link>, SetupError> {
        let all = Message::new(RTM_GETLINK, 0, &link_fixed(0, 0, 0));
        let mut links = Vec::new();
        self.0
            .dump(&all, |body| links.extend(read_link(body)))
            .map_err(|e| SetupError::system("to list the interfaces", e))?;
        Ok(links)
    }

    /// All addresses of all interfaces.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn addresses(&mut self) -> Result<Vec<Address>, SetupError> {
        let all = Message::new(RTM_GETADDR, 0, &[0; 8]);
        let mut addresses = Vec::new();
        self.0
            .dump(&all, |body| addresses.extend(read_address(body)))
            .map_err(|e| SetupError::system("to list the addresses", e))?;
        Ok(addresses)
    }

    /// Makes a change; gives the change that takes it back, or none when all was so already.
    ///
    /// # Errors
    /// When the interface does not exist, the address or route is taken, or the system refuses.
    pub fn apply(&mut self, change: &Change) -> Result<Option<Change>, SetupError> {
        match change {
            Change::Up { dev, up } => self.set_up(dev, *up),
            Change::Mtu { dev, mtu } => {
                let before = self.need(dev)?.mtu;
                self.set_number(dev, IFLA_MTU, *mtu, "to set the MTU")?;
                Ok((before != *mtu).then(|| Change::Mtu { dev: dev.clone(), mtu: before }))
            }
            Change::TxQueue { dev, packets } => {
                let before = self.need(dev)?.tx_queue;
                self.set_number(dev, IFLA_TXQLEN, *packets, "to set the transmit queue")?;
                let undo = || Change::TxQueue { dev: dev.clone(), packets: before };
                Ok((before != *packets).then(undo))
            }
            Change::Vlan { dev, of, id, add } => {
                if *add {
                    self.add_vlan(dev, of, *id)?
                } else {
                    self.delete(dev)?
                };
                let (dev, of, id) = (dev.clone(), of.clone(), *id);
                Ok(Some(Change::Vlan { dev, of, id, add: !add }))
            }
            Change::Address { dev, addr, prefix, add } => {
                self.set_address(dev, *addr, *prefix, *add)?;
                let (dev, addr, prefix) = (dev.clone(), *addr, *prefix);
                Ok(Some(Change::Address { dev, addr, prefix, add: !add }))
            }
            Change::Route { dst, prefix, via, dev, add } => {
                self.set_route((*dst, *prefix), *via, dev, *add)?;
                let (dst, prefix, via, dev) = (*dst, *prefix, *via, dev.clone());
                Ok(Some(Change::Route { dst, prefix, via, dev, add: !add }))
            }
        }
    }

    fn need(&mut self, name: &str) -> Result<Link, SetupError> {
        self.link(name)?.ok_or_else(|| SetupError::NoSuchLink { name: name.into() })
    }

    fn set_up(&mut self, dev: &str, up: bool) -> Result<Option<Change>, SetupError> {
        let link = self.need(dev)?;
        let flags = if up { IFF_UP } else { 0 };
        let message = Message::new(RTM_NEWLINK, 0, &link_fixed(link.index, flags, IFF_UP));
        let what = if up { "to switch an interface on" } else { "to switch an interface off" };
        self.0.change(&message).map_err(|e| SetupError::system(what, e))?;
        Ok((link.up != up).then(|| Change::Up { dev: dev.into(), up: link.up }))
    }

    fn set_number(
        &mut self,
        dev: &str,
        attribute: u16,
        value: u32,
        what: &'static str,
    ) -> Result<(), SetupError> {
        let index = self.need(dev)?.index;
        let message = Message::new(RTM_NEWLINK, 0, &link_fixed(index, 0, 0))
            .attribute(attribute, &value.to_ne_bytes());
        self.0.change(&message).map_err(|e| SetupError::system(what, e))
    }

    fn add_vlan(&mut self, dev: &str, of: &str, id: u16) -> Result<(), SetupError> {
        check_name(dev)?;
        let index = self.need(of)?.index;
        let data = together(&[(IFLA_VLAN_ID, &id.to_ne_bytes())]);
        let message = Message::new(RTM_NEWLINK, CREATE_EXCL, &link_fixed(0, 0, 0))
            .attribute(IFLA_IFNAME, &terminated(dev))
            .attribute(IFLA_LINK, &index.to_ne_bytes())
            .nested(IFLA_LINKINFO, &[(IFLA_INFO_KIND, b"vlan"), (IFLA_INFO_DATA, &data)]);
        self.0.change(&message).map_err(|e| match e.raw_os_error() {
            Some(nix::libc::EOPNOTSUPP) => SetupError::NoVlans,
            Some(nix::libc::EEXIST) => SetupError::NameTaken { name: dev.into() },
            _ => SetupError::system("to add an interface for a VLAN", e),
        })
    }

    fn delete(&mut self, dev: &str) -> Result<(), SetupError> {
        let index = self.need(dev)?.index;
        let message = Message::new(RTM_DELLINK, 0, &link_fixed(index, 0, 0));
        let say = |e| SetupError::system("to remove an interface", e);
        self.0.change(&message).map_err(say)
    }

    fn set_address(
        &mut self,
        dev: &str,
        addr: IpAddr,
        prefix: u8,
        add: bool,
    ) -> Result<(), SetupError> {
        let (family, octets) = family(addr);
        check_prefix(addr, prefix)?;
        let index = self.need(dev)?.index;
        if add && let Some(holder) = self.addresses()?.iter().find(|held| held.addr == addr) {
            let by = self.links()?.into_iter().find(|link| link.index == holder.index);
            let by = by.map_or_else(|| format!("#{}", holder.index), |link| link.name);
            return Err(SetupError::AddressTaken { addr, by });
        }
        let flags = if addr.is_ipv6() { IFA_F_NODAD } else { 0 };
        let mut fixed = vec![family, prefix, flags, RT_SCOPE_UNIVERSE];
        fixed.extend_from_slice(&index.to_ne_bytes());
        let (kind, how) = if add { (RTM_NEWADDR, CREATE_EXCL) } else { (RTM_DELADDR, 0) };
        let message = Message::new(kind, how, &fixed)
            .attribute(IFA_LOCAL, &octets)
            .attribute(IFA_ADDRESS, &octets);
        let what = if add { "to add an address" } else { "to remove an address" };
        self.0.change(&message).map_err(|e| SetupError::system(what, e))
    }

    fn set_route(
        &mut self,
        (dst, prefix): (IpAddr, u8),
        via: Option<IpAddr>,
        dev: &str,
        add: bool,
    ) -> Result<(), SetupError> {
        let (family_of_dst, octets) = family(dst);
        check_prefix(dst, prefix)?;
        let index = self.need(dev)?.index;
        let scope = match (add, via) {
            (false, _) => RT_SCOPE_NOWHERE,
            (true, Some(_)) => RT_SCOPE_UNIVERSE,
            (true, None) => RT_SCOPE_LINK,
        };
        let fixed = [family_of_dst, prefix, 0, 0, RT_TABLE_MAIN, RTPROT_BOOT, scope, RTN_UNICAST];
        let fixed = [&fixed[..], &[0; 4]].concat();
        let (kind, how) = if add { (RTM_NEWROUTE, CREATE_EXCL) } else { (RTM_DELROUTE, 0) };
        let mut message = Message::new(kind, how, &fixed).attribute(RTA_OIF, &index.to_ne_bytes());
        if prefix > 0 {
            message = message.attribute(RTA_DST, &octets);
        }
        if let Some(via) = via {
            message = message.attribute(RTA_GATEWAY, &family(via).1);
        }
        self.0.change(&message).map_err(|e| match e.kind() {
            io::ErrorKind::AlreadyExists => SetupError::RouteTaken { dst, prefix },
            _ if add => SetupError::system("to add a route", e),
            _ => SetupError::system("to remove a route", e),
        })
    }
}

/// Changes that are taken back, last first, when this is dropped; what is gone by then is ignored.
/// It works on the namespace it was made in, from any thread.
#[derive(Debug)]
pub struct Configured {
    config: Config,
    done: Vec<Change>,
    undo: Vec<Change>,
}

impl Configured {
    /// Nothing changed yet, in the namespace the calling thread is in.
    ///
    /// # Errors
    /// As [`Config::open`].
    pub fn new() -> Result<Configured, SetupError> {
        Ok(Configured { config: Config::open()?, done: Vec::new(), undo: Vec::new() })
    }

    /// Makes a change and remembers how to take it back.
    ///
    /// # Errors
    /// As [`Config::apply`]; earlier changes stay until this is dropped.
    pub fn apply(&mut self, change: Change) -> Result<(), SetupError> {
        self.undo.extend(self.config.apply(&change)?);
        self.done.push(change);
        Ok(())
    }

    /// To look at what is configured.
    pub fn config(&mut self) -> &mut Config {
        &mut self.config
    }

    /// The `ip` commands that make the same changes, in order.
    pub fn commands(&self) -> Vec<String> {
        self.done.iter().map(Change::to_string).collect()
    }
}

impl Drop for Configured {
    fn drop(&mut self) {
        while let Some(change) = self.undo.pop() {
            // The device may be gone, and its addresses and routes with it.
            let _ = self.config.apply(&change);
        }
    }
}

/// Whether an interface can have the name `name` (Linux: 1 to 15 bytes).
///
/// # Errors
/// [`SetupError::BadName`] if not.
pub fn check_name(name: &str) -> Result<(), SetupError> {
    let bad = |byte: u8| byte <= b' ' || byte == b'/' || byte == b':' || byte == 0x7f;
    let reserved = name.is_empty() || name == "." || name == "..";
    if reserved || name.len() > 15 || name.bytes().any(bad) {
        return Err(SetupError::BadName { name: name.into() });
    }
    Ok(())
}

fn check_prefix(addr: IpAddr, prefix: u8) -> Result<(), SetupError> {
    match usize::from(prefix) <= 8 * family(addr).1.len() {
        true => Ok(()),
        false => Err(SetupError::BadPrefix { addr, prefix }),
    }
}

fn family(addr: IpAddr) -> (u8, Vec<u8>) {
    match addr {
        IpAddr::V4(addr) => (nix::libc::AF_INET as u8, addr.octets().to_vec()),
        IpAddr::V6(addr) => (nix::libc::AF_INET6 as u8, addr.octets().to_vec()),
    }
}

fn terminated(name: &str) -> Vec<u8> {
    [name.as_bytes(), &[0]].concat()
}

/// `struct ifinfomsg`: family, type, index, flags, which flags change.
fn link_fixed(index: u32, flags: u32, change: u32) -> Vec<u8> {
    let words = [0, index, flags, change];
    words.iter().flat_map(|word: &u32| word.to_ne_bytes()).collect()
}

fn read_link(body: &[u8]) -> Option<Link> {
    let mut link =
        Link { index: number(body, 4)?, up: number(body, 8)? & IFF_UP != 0, ..Link::default() };
    let is_ethernet = *body.get(2..)?.first_chunk()? == ARPHRD_ETHER.to_ne_bytes();
    for (kind, value) in attributes(body, 16) {
        match kind {
            IFLA_IFNAME => {
                let name = value.strip_suffix(&[0]).unwrap_or(value);
                link.name = String::from_utf8_lossy(name).into_owned();
            }
            IFLA_ADDRESS if is_ethernet => link.mac = value.try_into().ok().map(Mac),
            IFLA_MTU => link.mtu = number(value, 0)?,
            IFLA_TXQLEN => link.tx_queue = number(value, 0)?,
            _ => {}
        }
    }
    Some(link)
}

/// `struct ifaddrmsg`: family, prefix, flags, scope, index. On a point-to-point link `IFA_ADDRESS`
/// is the peer's; the own address is `IFA_LOCAL`, which IPv6 leaves out.
fn read_address(body: &[u8]) -> Option<Address> {
    let (prefix, index) = (*body.get(1)?, number(body, 4)?);
    let find = |wanted| attributes(body, 8).find(|(kind, _)| *kind == wanted);
    let (_, octets) = find(IFA_LOCAL).or_else(|| find(IFA_ADDRESS))?;
    let addr = match octets.len() {
        4 => IpAddr::from(<[u8; 4]>::try_from(octets).ok()?),
        _ => IpAddr::from(<[u8; 16]>::try_from(octets).ok()?),
    };
    Some(Address { index, addr, prefix })
}

#[cfg(test)]
pub(crate) mod tests;
