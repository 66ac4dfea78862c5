//! Neighbour discovery (RFC 4861 §4): solicitations, advertisements and redirects, as ICMPv6
//! carries them, and the options of a router's advertisement (RFC 8106 for names).
//!
//! What is read obeys the checks of RFC 4861 §6.1, §7.1 and §8.1, and of RFC 6980 §5.

use super::ipv4::protocol;
use super::{checksum, ip};
use crate::base::{Chunks, Head, Mac, Why};
use std::net::{IpAddr, Ipv6Addr};

/// The hop limit of every message: no router has passed it on (RFC 4861 §3.1).
pub const HOP_LIMIT: u8 = 255;
/// Everybody on the link.
pub const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// Every router on the link.
pub const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);

const ROUTER_SOLICIT: u8 = 133;
const ROUTER_ADVERT: u8 = 134;
const NEIGHBOR_SOLICIT: u8 = 135;
const NEIGHBOR_ADVERT: u8 = 136;
/// ICMPv6 type of a redirect.
pub const REDIRECT: u8 = 137;

/// A redirect with an Ethernet address and the start of the option that quotes a packet, bytes.
pub const REDIRECT_LEN_MAX: usize = 40 + 8 + 8;

const OPT_SOURCE_MAC: u8 = 1;
const OPT_TARGET_MAC: u8 = 2;
const OPT_PREFIX: u8 = 3;
const OPT_REDIRECTED: u8 = 4;
const OPT_MTU: u8 = 5;
const OPT_RDNSS: u8 = 25;

const NA_ROUTER: u8 = 0x80;
const NA_SOLICITED: u8 = 0x40;
const NA_OVERRIDE: u8 = 0x20;

/// Whether ICMPv6 type `kind` is neighbour discovery's.
pub fn is_nd(kind: u8) -> bool {
    (ROUTER_SOLICIT..=REDIRECT).contains(&kind)
}

/// The group in which `addr` is asked for (RFC 4291 §2.7.1).
pub fn solicited_node(addr: Ipv6Addr) -> Ipv6Addr {
    let [.., a, b] = addr.segments();
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | a & 0xff, b)
}

/// A message, without those of its options that come in numbers: see [`options`].
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Nd {
    /// Is there a router?
    RouterSolicit {
        /// The sender's Ethernet address.
        mac: Option<Mac>,
    },
    /// A router tells about itself and its link.
    RouterAdvert(RouterAdvert),
    /// Who has this address?
    NeighborSolicit {
        /// The address.
        target: Ipv6Addr,
        /// The sender's Ethernet address.
        mac: Option<Mac>,
    },
    /// A node tells where it is.
    NeighborAdvert {
        /// Its address.
        target: Ipv6Addr,
        /// Whether it is a router.
        router: bool,
        /// Whether it was asked.
        solicited: bool,
        /// Whether this replaces what is known.
        overrides: bool,
        /// Its Ethernet address.
        mac: Option<Mac>,
    },
    /// A router knows a better first hop.
    Redirect {
        /// The better one; the destination itself when that is on the link.
        target: Ipv6Addr,
        /// Where packets go.
        dst: Ipv6Addr,
        /// The better one's Ethernet address.
        mac: Option<Mac>,
    },
}

/// What a router tells in the fixed part of its advertisement and in the options that come once
/// (RFC 4861 §4.2).
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct RouterAdvert {
    /// The hop limit for packets; 0: it does not say.
    pub hop_limit: u8,
    /// Addresses are given by DHCPv6.
    pub managed: bool,
    /// Other things are told by DHCPv6.
    pub other: bool,
    /// How good a router it says that it is: 1 high, 0 medium, 3 low (RFC 4191 §2.1).
    pub preference: u8,
    /// For how long it is a default router, seconds; 0: it is none.
    pub lifetime: u16,
    /// How long a neighbour counts as reachable, ms; 0: it does not say.
    pub reachable: u32,
    /// Time between solicitations, ms; 0: it does not say.
    pub retrans: u32,
    /// The router's Ethernet address.
    pub mac: Option<Mac>,
    /// The link's MTU, bytes.
    pub mtu: Option<u32>,
}

/// A prefix of the link (RFC 4861 §4.6.2).
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Prefix {
    /// The prefix; bits behind its length mean nothing.
    pub addr: Ipv6Addr,
    /// Its length, bits, 0..=255 as it came.
    pub len: u8,
    /// Its addresses are on the link.
    pub on_link: bool,
    /// Hosts may make addresses with it.
    pub autonomous: bool,
    /// For how long it is valid, seconds; `u32::MAX`: for ever.
    pub valid: u32,
    /// For how long addresses made with it are preferred, likewise.
    pub preferred: u32,
}

/// An option that this host reads.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum NdOption<'a> {
    /// The sender's Ethernet address.
    SourceMac(Mac),
    /// The target's.
    TargetMac(Mac),
    /// A prefix.
    Prefix(Prefix),
    /// The link's MTU, bytes.
    Mtu(u32),
    /// Name servers (RFC 8106 §5.1): for how long, seconds, and their addresses, 16 bytes each.
    Rdnss(u32, &'a [u8]),
    /// Another.
    Other(u8),
}

impl Nd {
    /// Reads a whole message, ICMPv6 header first, whose checksum is good.
    ///
    /// # Errors
    /// [`Why::NdHopLimit`] when it came through a router, [`Why::NdFragment`], [`Why::NdFormat`],
    /// [`Why::NdAddress`].
    pub fn parse(header: &ip::Header, bytes: &[u8]) -> Result<Nd, Why> {
        if header.ttl != HOP_LIMIT {
            return Err(Why::NdHopLimit);
        }
        if header.fragment_header {
            return Err(Why::NdFragment);
        }
        let (kind, fixed) = match bytes {
            [kind, 0, _, _, ..] => (*kind, fixed_len(*kind)),
            _ => return Err(Why::NdFormat),
        };
        let rest = bytes.get(fixed..).ok_or(Why::NdFormat)?;
        let mut source_mac = None;
        let mut target_mac = None;
        let mut mtu = None;
        for option in options(rest) {
            match option? {
                NdOption::SourceMac(mac) => source_mac = Some(mac),
                NdOption::TargetMac(mac) => target_mac = Some(mac),
                NdOption::Mtu(bytes) => mtu = Some(bytes),
                _ => {}
            }
        }
        let address = |at: usize| {
            let octets = bytes.get(at..at + 16).and_then(|octets| octets.first_chunk::<16>());
            octets.map(|octets| Ipv6Addr::from(*octets)).ok_or(Why::NdFormat)
        };
        let nd = match kind {
            ROUTER_SOLICIT => Nd::RouterSolicit { mac: source_mac },
            ROUTER_ADVERT => {
                let fixed = bytes.first_chunk().ok_or(Why::NdFormat)?;
                Nd::RouterAdvert(RouterAdvert { mac: source_mac, mtu, ..router_advert(fixed) })
            }
            NEIGHBOR_SOLICIT => Nd::NeighborSolicit { target: address(8)?, mac: source_mac },
            NEIGHBOR_ADVERT => Nd::NeighborAdvert {
                target: address(8)?,
                router: bytes[4] & NA_ROUTER != 0,
                solicited: bytes[4] & NA_SOLICITED != 0,
                overrides: bytes[4] & NA_OVERRIDE != 0,
                mac: target_mac,
            },
            REDIRECT => Nd::Redirect { target: address(8)?, dst: address(24)?, mac: target_mac },
            _ => return Err(Why::NdFormat),
        };
        if nd.is_possible(header.src, header.dst) { Ok(nd) } else { Err(Why::NdAddress) }
    }

    /// Whether a message may come from and go to such addresses, and name those it names.
    fn is_possible(&self, src: IpAddr, dst: IpAddr) -> bool {
        let (IpAddr::V6(src), IpAddr::V6(dst)) = (src, dst) else { return false };
        match *self {
            Nd::RouterSolicit { mac } => mac.is_none() || !src.is_unspecified(),
            Nd::RouterAdvert(_) => src.is_unicast_link_local(),
            Nd::NeighborSolicit { target, mac } => {
                let asks_for_itself = mac.is_none() && dst == solicited_node(target);
                !target.is_multicast() && (!src.is_unspecified() || asks_for_itself)
            }
            Nd::NeighborAdvert { target, solicited, .. } => {
                !(target.is_multicast() || dst.is_multicast() && solicited)
            }
            Nd::Redirect { target, dst: to, .. } => {
                src.is_unicast_link_local()
                    && !to.is_multicast()
                    && (target.is_unicast_link_local() || target == to)
            }
        }
    }

    /// The ICMPv6 type.
    pub fn kind(&self) -> u8 {
        match self {
            Nd::RouterSolicit { .. } => ROUTER_SOLICIT,
            Nd::RouterAdvert(_) => ROUTER_ADVERT,
            Nd::NeighborSolicit { .. } => NEIGHBOR_SOLICIT,
            Nd::NeighborAdvert { .. } => NEIGHBOR_ADVERT,
            Nd::Redirect { .. } => REDIRECT,
        }
    }

    /// Writes the message and its checksum into `head`, which must be empty: what comes before the
    /// options, and the Ethernet address.
    pub fn emit(&self, src: Ipv6Addr, dst: Ipv6Addr, head: &mut Head) {
        self.emit_with(src, dst, head, &Chunks::new());
    }

    /// As [`Nd::emit`], with more options, which follow `head`.
    pub fn emit_with(&self, src: Ipv6Addr, dst: Ipv6Addr, head: &mut Head, options: &Chunks) {
        let (option, mac) = match *self {
            Nd::RouterSolicit { mac } | Nd::NeighborSolicit { mac, .. } => (OPT_SOURCE_MAC, mac),
            Nd::NeighborAdvert { mac, .. } | Nd::Redirect { mac, .. } => (OPT_TARGET_MAC, mac),
            Nd::RouterAdvert(RouterAdvert { mac, .. }) => (OPT_SOURCE_MAC, mac),
        };
        if let Some(mac) = mac {
            let out = head.prepend(8);
            (out[0], out[1]) = (option, 1);
            out[2..].copy_from_slice(&mac.0);
        }
        let out = head.prepend(fixed_len(self.kind()));
        out.fill(0);
        out[0] = self.kind();
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        match *self {
            Nd::NeighborSolicit { target, .. } => out[8..24].copy_from_slice(&target.octets()),
            Nd::NeighborAdvert { target, router, solicited, overrides, .. } => {
                out[4] = flag(router, NA_ROUTER)
                    | flag(solicited, NA_SOLICITED)
                    | flag(overrides, NA_OVERRIDE);
                out[8..24].copy_from_slice(&target.octets());
            }
            Nd::RouterAdvert(advert) => {
                (out[4], out[5]) = (
                    advert.hop_limit,
                    flag(advert.managed, 0x80)
                        | flag(advert.other, 0x40)
                        | (advert.preference & 3) << 3,
                );
                out[6..8].copy_from_slice(&advert.lifetime.to_be_bytes());
                out[8..12].copy_from_slice(&advert.reachable.to_be_bytes());
                out[12..16].copy_from_slice(&advert.retrans.to_be_bytes());
            }
            Nd::Redirect { target, dst, .. } => {
                out[8..24].copy_from_slice(&target.octets());
                out[24..40].copy_from_slice(&dst.octets());
            }
            Nd::RouterSolicit { .. } => {}
        }
        let len = head.len() + options.len();
        let pseudo = checksum::pseudo(src.into(), dst.into(), protocol::ICMPV6, len);
        let behind = options.iter().map(|chunk| &chunk[..]);
        let sum = checksum::complete(pseudo, std::iter::once(&head[..]).chain(behind));
        head.bytes_mut()[2..4].copy_from_slice(&sum.to_be_bytes());
    }
}

/// The option that tells of a prefix (RFC 4861 §4.6.2).
pub fn prefix_option(prefix: &Prefix) -> [u8; 32] {
    let Prefix { addr, len, on_link, autonomous, valid, preferred } = *prefix;
    let mut out = [0; 32];
    (out[0], out[1], out[2]) = (OPT_PREFIX, 4, len);
    out[3] = u8::from(on_link) << 7 | u8::from(autonomous) << 6;
    out[4..8].copy_from_slice(&valid.to_be_bytes());
    out[8..12].copy_from_slice(&preferred.to_be_bytes());
    out[16..].copy_from_slice(&addr.octets());
    out
}

/// The option that tells of the link's MTU (RFC 4861 §4.6.4).
pub fn mtu_option(mtu: u32) -> [u8; 8] {
    let [a, b, c, d] = mtu.to_be_bytes();
    [OPT_MTU, 1, 0, 0, a, b, c, d]
}

/// What comes before `len` bytes, a multiple of 8, of a packet in a redirect (RFC 4861 §4.6.3).
pub fn redirected_header(len: usize) -> [u8; 8] {
    [OPT_REDIRECTED, (1 + len / 8) as u8, 0, 0, 0, 0, 0, 0]
}

/// The bytes before the options.
fn fixed_len(kind: u8) -> usize {
    match kind {
        ROUTER_SOLICIT => 8,
        ROUTER_ADVERT => 16,
        REDIRECT => 40,
        _ => 24,
    }
}

fn router_advert(fixed: &[u8; 16]) -> RouterAdvert {
    let [_, _, _, _, hop_limit, flags, a, b, c, d, e, f, g, h, i, j] = *fixed;
    RouterAdvert {
        hop_limit,
        managed: flags & 0x80 != 0,
        other: flags & 0x40 != 0,
        preference: flags >> 3 & 3,
        lifetime: u16::from_be_bytes([a, b]),
        reachable: u32::from_be_bytes([c, d, e, f]),
        retrans: u32::from_be_bytes([g, h, i, j]),
        mac: None,
        mtu: None,
    }
}

/// The options of a router's advertisement, a whole message that [`Nd::parse`] took.
pub fn advert_options(bytes: &[u8]) -> impl Iterator<Item = NdOption<'_>> {
    options(bytes.get(fixed_len(ROUTER_ADVERT)..).unwrap_or_default()).map_while(Result::ok)
}

/// The options in `bytes`; an error where one does not fit is the last.
///
/// # Errors
/// [`Why::NdFormat`].
pub fn options(mut bytes: &[u8]) -> impl Iterator<Item = Result<NdOption<'_>, Why>> {
    std::iter::from_fn(move || {
        let (kind, len) = match bytes {
            [] => return None,
            [kind, len, ..] if *len > 0 => (*kind, usize::from(*len) * 8),
            _ => (0, usize::MAX),
        };
        let Some((option, rest)) = bytes.split_at_checked(len) else {
            bytes = &[];
            return Some(Err(Why::NdFormat));
        };
        bytes = rest;
        Some(Ok(read(kind, option)))
    })
}

/// Reads an option; one of another length than it should have is none that this host knows.
fn read(kind: u8, option: &[u8]) -> NdOption<'_> {
    let word = |at: usize| option.get(at..).and_then(|rest| rest.first_chunk::<4>());
    let word = |at: usize| u32::from_be_bytes(*word(at).unwrap_or(&[0; 4]));
    match (kind, option) {
        (OPT_SOURCE_MAC, [_, _, mac @ ..]) if mac.len() == 6 => {
            NdOption::SourceMac(Mac(*mac.first_chunk().unwrap_or(&[0; 6])))
        }
        (OPT_TARGET_MAC, [_, _, mac @ ..]) if mac.len() == 6 => {
            NdOption::TargetMac(Mac(*mac.first_chunk().unwrap_or(&[0; 6])))
        }
        (OPT_PREFIX, [_, _, len, flags, ..]) if option.len() == 32 => {
            let octets = *option.last_chunk::<16>().unwrap_or(&[0; 16]);
            NdOption::Prefix(Prefix {
                addr: octets.into(),
                len: *len,
                on_link: flags & 0x80 != 0,
                autonomous: flags & 0x40 != 0,
                valid: word(4),
                preferred: word(8),
            })
        }
        (OPT_MTU, _) if option.len() == 8 => NdOption::Mtu(word(4)),
        (OPT_RDNSS, [_, _, _, _, _, _, _, _, servers @ ..])
            if !servers.is_empty() && servers.len() % 16 == 0 =>
        {
            NdOption::Rdnss(word(4), servers)
        }
        _ => NdOption::Other(kind),
    }
}

#[cfg(test)]
mod tests;
