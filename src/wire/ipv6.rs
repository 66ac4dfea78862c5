//! The IPv6 header and its extension headers (RFC 8200 §3, §4), with a receiving host's checks.
//!
//! Extension headers are walked here because a packet may have any number of them in any order,
//! and because what an unknown option asks for (§4.2) wants the exact place of the trouble. Of all
//! options only padding and the router alert (RFC 2711) mean anything to this host; authentication
//! and encryption (RFC 4302, 4303) are protocols it does not have.

use super::ip::{self, Refused};
use super::ipv4::protocol;
use crate::base::{Head, Why};
use std::net::Ipv6Addr;

/// The length of the fixed header, bytes.
pub const HEADER_LEN: usize = 40;
/// The length of a hop-by-hop header with a router alert, bytes.
pub const ROUTER_ALERT_LEN: usize = 8;
/// The length of a fragment header, bytes.
pub const FRAGMENT_LEN: usize = 8;
/// The most that follows the fixed header, bytes (jumbograms, RFC 2675, are not spoken).
pub const MAX_PAYLOAD: usize = 65_535;
/// The smallest MTU a link may have, bytes (RFC 8200 §5).
pub const MIN_MTU: usize = 1280;

/// Extension headers a packet may have: more is no honest packet (RFC 8504 §5.3).
const EXTENSIONS_MAX: usize = 8;

/// The hop-by-hop header's number.
pub const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
/// The fragment header's number.
pub const FRAGMENT: u8 = 44;
const NO_NEXT: u8 = 59;
const DESTINATION: u8 = 60;

/// Codes of a Parameter Problem (RFC 4443 §3.4).
pub mod problem {
    /// A field has an impossible value.
    pub const FIELD: u8 = 0;
    /// A next header that nobody here knows.
    pub const NEXT_HEADER: u8 = 1;
    /// An option that asks to be refused when it is unknown.
    pub const OPTION: u8 = 2;
    /// A first fragment without all headers (RFC 7112 §6).
    pub const FIRST_FRAGMENT: u8 = 3;
}

/// The fixed header.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Header {
    /// Source address.
    pub src: Ipv6Addr,
    /// Destination address.
    pub dst: Ipv6Addr,
    /// What follows: an extension header or a protocol.
    pub next: u8,
    /// Hop limit.
    pub hop_limit: u8,
    /// Traffic class: DSCP and ECN.
    pub traffic_class: u8,
    /// Flow label, 20 bits.
    pub flow_label: u32,
    /// What follows, bytes. Read only: [`Header::emit`] writes what it is told.
    pub payload_len: usize,
}

impl Header {
    /// A header for a packet of ours: 64 hops, unmarked, no flow label.
    pub fn new(src: Ipv6Addr, dst: Ipv6Addr, next: u8) -> Header {
        let hop_limit = super::ipv4::DEFAULT_TTL;
        Header { src, dst, next, hop_limit, traffic_class: 0, flow_label: 0, payload_len: 0 }
    }

    /// Reads the header at the start of `front` and checks it against the frame's length.
    ///
    /// # Errors
    /// [`Why::IpTruncated`], [`Why::IpVersion`].
    pub fn parse(front: &[u8], frame_len: usize) -> Result<Header, Why> {
        let bytes = front.first_chunk::<HEADER_LEN>().ok_or(Why::IpTruncated)?;
        let word = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        if word >> 28 != 6 {
            return Err(Why::IpVersion);
        }
        let payload_len = usize::from(u16::from_be_bytes([bytes[4], bytes[5]]));
        if HEADER_LEN + payload_len > frame_len {
            return Err(Why::IpTruncated);
        }
        let addr = |at: usize| {
            let octets: [u8; 16] = std::array::from_fn(|n| bytes[at + n]);
            Ipv6Addr::from(octets)
        };
        Ok(Header {
            src: addr(8),
            dst: addr(24),
            next: bytes[6],
            hop_limit: bytes[7],
            traffic_class: (word >> 20) as u8,
            flow_label: word & 0xf_ffff,
            payload_len,
        })
    }

    /// Writes the header in front of `head`, for `payload_len` bytes behind it.
    ///
    /// # Panics
    /// When those exceed [`MAX_PAYLOAD`].
    pub fn emit(&self, head: &mut Head, payload_len: usize) {
        assert!(payload_len <= MAX_PAYLOAD, "an IPv6 payload is at most 65 535 bytes long");
        let word = 6 << 28 | u32::from(self.traffic_class) << 20 | self.flow_label & 0xf_ffff;
        let out = head.prepend(HEADER_LEN);
        out[0..4].copy_from_slice(&word.to_be_bytes());
        out[4..6].copy_from_slice(&(payload_len as u16).to_be_bytes());
        (out[6], out[7]) = (self.next, self.hop_limit);
        out[8..24].copy_from_slice(&self.src.octets());
        out[24..40].copy_from_slice(&self.dst.octets());
    }
}

/// Writes a fragment header (RFC 8200 §4.5) in front of `head`.
pub fn emit_fragment(head: &mut Head, next: u8, id: u32, offset: u32, more: bool) {
    let place = (offset as u16 & !7) | u16::from(more);
    let out = head.prepend(FRAGMENT_LEN);
    (out[0], out[1]) = (next, 0);
    out[2..4].copy_from_slice(&place.to_be_bytes());
    out[4..8].copy_from_slice(&id.to_be_bytes());
}

/// Writes a hop-by-hop header in front of `head`: every router that passes the packet on is to look
/// for listener discovery in it (RFC 2711 §2.1).
pub fn emit_router_alert(head: &mut Head, next: u8) {
    let padded = [next, 0, ROUTER_ALERT, 2, 0, 0, PADN, 0];
    head.prepend(ROUTER_ALERT_LEN).copy_from_slice(&padded);
}

/// Goes over the extension headers behind the fixed header, up to the transport header or a
/// fragment's bytes, and notes in `header` what it learns.
///
/// # Errors
/// [`Why::Ipv6Extension`] when one is cut off or there are too many, [`Why::Ipv6Option`],
/// [`Why::Ipv6Order`], [`Why::Ipv6Routing`], [`Why::Ipv6NoNext`], [`Why::FragmentNested`]; with the
/// problem to be told where RFC 8200 §4 wants that.
pub fn walk(header: &mut ip::Header, front: &[u8]) -> Result<(), Refused> {
    for _ in 0..EXTENSIONS_MAX {
        let at = header.header_len;
        let kind = header.proto;
        if !matches!(kind, HOP_BY_HOP | ROUTING | FRAGMENT | DESTINATION) {
            return if kind == NO_NEXT { Err(Why::Ipv6NoNext.into()) } else { Ok(()) };
        }
        let within = &front[..front.len().min(header.total_len)];
        let rest = within.get(at..).unwrap_or(&[]);
        let [next, len, ..] = *rest else { return Err(Why::Ipv6Extension.into()) };
        let len = if kind == FRAGMENT { FRAGMENT_LEN } else { (usize::from(len) + 1) * 8 };
        let body = rest.get(..len).ok_or(Why::Ipv6Extension)?;
        match kind {
            HOP_BY_HOP if at != HEADER_LEN => {
                return refused(Why::Ipv6Order, problem::NEXT_HEADER, header.proto_at);
            }
            HOP_BY_HOP | DESTINATION => {
                let alert = options(body, at, header.dst.is_multicast())?;
                header.router_alert |= alert && kind == HOP_BY_HOP;
            }
            ROUTING if body[3] != 0 => {
                return refused(Why::Ipv6Routing, problem::FIELD, at + 2);
            }
            FRAGMENT if header.fragment_header => return Err(Why::FragmentNested.into()),
            FRAGMENT => {
                let place = u16::from_be_bytes([body[2], body[3]]);
                header.offset = u32::from(place & !7);
                header.more = place & 1 != 0;
                header.fragment_header = true;
                header.id = u32::from_be_bytes([body[4], body[5], body[6], body[7]]);
            }
            _ => {}
        }
        (header.proto, header.header_len, header.proto_at) = (next, at + len, at);
        if header.is_fragment() {
            return Ok(()); // what follows is a piece of the datagram, whatever it looks like
        }
    }
    Err(Why::Ipv6Extension.into())
}

/// Looks at the options that every router on the way may look at (RFC 8200 §4.3), and at nothing
/// else: those of a hop-by-hop header right behind the fixed one.
///
/// # Errors
/// [`Why::Ipv6Extension`] when it is cut off, [`Why::Ipv6Option`]; with the problem to be told.
pub fn hop_by_hop(header: &ip::Header, front: &[u8]) -> Result<(), Refused> {
    if header.proto != HOP_BY_HOP {
        return Ok(());
    }
    let rest = front[..front.len().min(header.total_len)].get(HEADER_LEN..).unwrap_or(&[]);
    let len = rest.get(1).map_or(usize::MAX, |len| (usize::from(*len) + 1) * 8);
    let body = rest.get(..len).ok_or(Why::Ipv6Extension)?;
    options(body, HEADER_LEN, header.dst.is_multicast()).map(|_| ())
}

/// Whether a fragment is possible by itself (RFC 8200 §4.5): its length, its place, and, when it is
/// the first one, that all headers are in it.
///
/// # Errors
/// [`Why::FragmentRange`], [`Why::FragmentHeaders`], with the problem to be told.
pub fn check_fragment(header: &ip::Header, front: &[u8]) -> Result<(), Refused> {
    /// Where the fixed header has the payload's length.
    const LENGTH_AT: usize = 4;
    let len = header.payload_len();
    if header.more && !len.is_multiple_of(8) {
        return refused(Why::FragmentRange, problem::FIELD, LENGTH_AT);
    }
    if header.offset as usize + len > MAX_PAYLOAD {
        let offset_at = header.header_len - FRAGMENT_LEN + 2;
        return refused(Why::FragmentRange, problem::FIELD, offset_at);
    }
    if header.offset > 0 || holds_headers(header, front) {
        return Ok(());
    }
    refused(Why::FragmentHeaders, problem::FIRST_FRAGMENT, 0)
}

/// Whether a first fragment holds all headers of its packet, that of the transport among them.
fn holds_headers(header: &ip::Header, front: &[u8]) -> bool {
    let mut whole = ip::Header { more: false, offset: 0, ..*header };
    match walk(&mut whole, front) {
        Err(refused) => refused.why != Why::Ipv6Extension, // that is said when it is whole
        Ok(()) => {
            let least = match whole.proto {
                protocol::TCP => 20,
                protocol::UDP | protocol::ICMPV6 => 8,
                _ => 0,
            };
            whole.payload_len() >= least
        }
    }
}

fn refused(why: Why, code: u8, pointer: usize) -> Result<(), Refused> {
    Err(Refused { why, problem: Some((code, pointer as u32)) })
}

const PAD1: u8 = 0;
const PADN: u8 = 1;
const ROUTER_ALERT: u8 = 5;

/// The options of a hop-by-hop or destination options header that starts `at` (RFC 8200 §4.2): the
/// two highest bits of one that nobody knows say what is to be done. Says whether the router alert
/// is among them.
fn options(body: &[u8], at: usize, to_group: bool) -> Result<bool, Refused> {
    let mut alert = false;
    let mut place = 2;
    while let Some(kind) = body.get(place) {
        if *kind == PAD1 {
            place += 1;
            continue;
        }
        let len = usize::from(*body.get(place + 1).ok_or(Why::Ipv6Option)?);
        if body.len() < place + 2 + len {
            return Err(Why::Ipv6Option.into());
        }
        if *kind != PADN {
            match kind >> 6 {
                0 => {}
                1 => return Err(Why::Ipv6Option.into()),
                3 if to_group => return Err(Why::Ipv6Option.into()),
                _ => {
                    let problem = Some((problem::OPTION, (at + place) as u32));
                    return Err(Refused { why: Why::Ipv6Option, problem });
                }
            }
        }
        alert |= *kind == ROUTER_ALERT && len == 2;
        place += 2 + len;
    }
    Ok(alert)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ipv4::protocol::UDP;
    use std::net::IpAddr;

    /// A packet to `dst` with the extension headers `ext` (each without its next-header byte).
    fn packet(dst: &str, first: u8, ext: &[(u8, &[u8])]) -> Vec<u8> {
        let mut behind = Vec::new();
        for (next, body) in ext {
            behind.push(*next);
            behind.extend_from_slice(body);
        }
        behind.extend_from_slice(&[0xee; 8]);
        let mut head = Head::new();
        let (src, dst) = ("fd00::2".parse().expect("one"), dst.parse().expect(dst));
        Header::new(src, dst, first).emit(&mut head, behind.len());
        [&head[..], &behind].concat()
    }

    fn walked(dst: &str, first: u8, ext: &[(u8, &[u8])]) -> Result<ip::Header, Refused> {
        let bytes = packet(dst, first, ext);
        let mut header = ip::Header::parse(&bytes, bytes.len()).expect("a header");
        header.walk(&bytes).map(|()| header)
    }

    #[test]
    fn extension_headers_are_walked_in_any_order() {
        let pad: &[u8] = &[0, 1, 4, 0, 0, 0, 0];
        let read = walked("fd00::1", HOP_BY_HOP, &[(DESTINATION, pad), (UDP, pad)]).expect("good");
        assert_eq!((read.proto, read.header_len, read.payload_len()), (UDP, 56, 8));
        assert_eq!(read.proto_at, 48);
        let routed: &[u8] = &[0, 4, 0, 0, 0, 0, 0];
        let read = walked("fd00::1", ROUTING, &[(UDP, routed)]).expect("nothing left to visit");
        assert_eq!((read.proto, read.header_len), (UDP, 48));
        let piece: &[u8] = &[0, 0, 17, 0, 0, 0, 9];
        let read = walked("fd00::1", FRAGMENT, &[(DESTINATION, piece)]).expect("a fragment");
        assert_eq!((read.id, read.offset, read.more, read.proto), (9, 16, true, DESTINATION));
        let atomic: &[u8] = &[0, 0, 0, 0, 0, 0, 9];
        let read =
            walked("fd00::1", FRAGMENT, &[(DESTINATION, atomic), (UDP, pad)]).expect("whole");
        assert!(!read.is_fragment() && read.proto == UDP);
    }

    #[test]
    fn what_is_refused_names_its_place() {
        let pad: &[u8] = &[0, 1, 4, 0, 0, 0, 0];
        let option = |kind: u8| [0, kind, 4, 0, 0, 0, 0];
        let told = |why, code, pointer| Err(Refused { why, problem: Some((code, pointer)) });
        let silent = |why| Err(Refused { why, problem: None });
        for (dst, kind, expected) in [
            ("fd00::1", 0x1e, Ok(())),
            ("fd00::1", 0x5e, silent(Why::Ipv6Option)),
            ("fd00::1", 0x9e, told(Why::Ipv6Option, problem::OPTION, 42)),
            ("ff02::1", 0x9e, told(Why::Ipv6Option, problem::OPTION, 42)),
            ("fd00::1", 0xde, told(Why::Ipv6Option, problem::OPTION, 42)),
            ("ff02::1", 0xde, silent(Why::Ipv6Option)),
        ] {
            let got = walked(dst, DESTINATION, &[(UDP, &option(kind))]).map(|_| ());
            assert_eq!(got, expected, "{dst} {kind:#x}");
        }
        let late = walked("fd00::1", DESTINATION, &[(HOP_BY_HOP, pad), (UDP, pad)]);
        assert_eq!(late.map(|_| ()), told(Why::Ipv6Order, problem::NEXT_HEADER, 40));
        let left: &[u8] = &[0, 0, 1, 0, 0, 0, 0];
        let routed = walked("fd00::1", ROUTING, &[(UDP, left)]);
        assert_eq!(routed.map(|_| ()), told(Why::Ipv6Routing, problem::FIELD, 42));
        assert_eq!(walked("fd00::1", NO_NEXT, &[]).map(|_| ()), silent(Why::Ipv6NoNext));
        let long: &[u8] = &[9, 1, 4, 0, 0, 0, 0];
        assert_eq!(
            walked("fd00::1", DESTINATION, &[(UDP, long)]).map(|_| ()),
            silent(Why::Ipv6Extension)
        );
        let cut: &[u8] = &[0, 1, 200, 0, 0, 0, 0];
        assert_eq!(
            walked("fd00::1", HOP_BY_HOP, &[(UDP, cut)]).map(|_| ()),
            silent(Why::Ipv6Option)
        );
        let many: Vec<(u8, &[u8])> = (0..9).map(|_| (DESTINATION, pad)).collect();
        assert_eq!(walked("fd00::1", DESTINATION, &many).map(|_| ()), silent(Why::Ipv6Extension));
    }

    #[test]
    fn fragments_are_checked() {
        let told = |why, code, pointer| Err(Refused { why, problem: Some((code, pointer)) });
        let pad: &[u8] = &[0, 1, 4, 0, 0, 0, 0];
        let check = |first: u8, ext: &[(u8, &[u8])], cut: usize| {
            let mut bytes = packet("fd00::1", first, ext);
            bytes.truncate(bytes.len() - cut);
            bytes[5] -= cut as u8;
            let mut header = ip::Header::parse(&bytes, bytes.len()).expect("a header");
            header.walk(&bytes).expect("up to the piece");
            header.check_fragment(&bytes)
        };
        let place = |at: u16| [0, (at >> 8) as u8, at as u8, 0, 0, 0, 9];
        let (first, later, last) = (place(1), place(17), place(0xfff8));
        assert_eq!(check(FRAGMENT, &[(UDP, &first)], 0), Ok(()));
        assert_eq!(check(FRAGMENT, &[(UDP, &later)], 0), Ok(()));
        assert_eq!(check(FRAGMENT, &[(DESTINATION, &first), (UDP, pad)], 0), Ok(()));
        let odd = told(Why::FragmentRange, problem::FIELD, 4);
        assert_eq!(check(FRAGMENT, &[(UDP, &later)], 1), odd);
        let far = told(Why::FragmentRange, problem::FIELD, 50);
        assert_eq!(check(DESTINATION, &[(FRAGMENT, pad), (UDP, &last)], 0), far);
        let headless = told(Why::FragmentHeaders, problem::FIRST_FRAGMENT, 0);
        for (ext, cut) in [
            (&[(protocol::TCP, &first[..])][..], 0),
            (&[(DESTINATION, &first[..]), (UDP, pad)], 8),
            (&[(DESTINATION, &first[..]), (UDP, &[9, 1, 4, 0, 0, 0, 0])], 0),
        ] {
            assert_eq!(check(FRAGMENT, ext, cut), headless, "{ext:?}");
        }
    }

    #[test]
    fn lengths_are_checked() {
        let bytes = packet("fd00::1", UDP, &[]);
        assert_eq!(Header::parse(&bytes[..39], 48), Err(Why::IpTruncated));
        assert_eq!(Header::parse(&bytes, 47), Err(Why::IpTruncated));
        let read = Header::parse(&bytes, 60).expect("padding behind it");
        assert_eq!((read.payload_len, IpAddr::from(read.dst).is_ipv6()), (8, true));
    }
}
