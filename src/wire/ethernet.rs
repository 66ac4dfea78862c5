//! The Ethernet II header (RFC 894) and the 802.1Q tag.
//!
//! A frame with a length instead of an EtherType (IEEE 802.3 with LLC) is read like one of an
//! EtherType that nobody speaks. Padding is not cut here: what a frame carries knows its length.

use crate::base::{Head, Mac, Why};
use std::net::IpAddr;

/// EtherTypes (IANA, IEEE).
pub mod ethertype {
    /// IPv4.
    pub const IPV4: u16 = 0x0800;
    /// ARP.
    pub const ARP: u16 = 0x0806;
    /// A customer's VLAN tag.
    pub const VLAN: u16 = 0x8100;
    /// IPv6.
    pub const IPV6: u16 = 0x86dd;
}

/// The length of a header without a tag, bytes.
pub const HEADER_LEN: usize = 14;
/// The length of a tag, bytes.
pub const TAG_LEN: usize = 4;

/// An 802.1Q tag.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Tag {
    /// Priority code point, 0..=7.
    pub priority: u8,
    /// Drop eligible indicator.
    pub eligible: bool,
    /// VLAN identifier, 0..=4095; 0: the tag says no more than the priority.
    pub id: u16,
}

/// An Ethernet header.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Header {
    /// Destination.
    pub dst: Mac,
    /// Source.
    pub src: Mac,
    /// The outermost VLAN tag.
    pub tag: Option<Tag>,
    /// What is inside: see [`ethertype`].
    pub ethertype: u16,
}

impl Header {
    /// Reads the header at the start of `front`, a frame's first run of bytes.
    ///
    /// # Errors
    /// [`Why::EthernetTruncated`].
    pub fn parse(front: &[u8]) -> Result<Header, Why> {
        let word = |at: usize| match front.get(at..at + 2) {
            Some(bytes) => Ok(u16::from_be_bytes([bytes[0], bytes[1]])),
            None => Err(Why::EthernetTruncated),
        };
        let mac = |at: usize| {
            let bytes = front.get(at..at + 6).and_then(|bytes| bytes.try_into().ok());
            bytes.map(Mac).ok_or(Why::EthernetTruncated)
        };
        let (dst, src, outer) = (mac(0)?, mac(6)?, word(12)?);
        if outer != ethertype::VLAN {
            return Ok(Header { dst, src, tag: None, ethertype: outer });
        }
        let tci = word(HEADER_LEN)?;
        let (priority, eligible) = ((tci >> 13) as u8, tci & 0x1000 != 0);
        let tag = Some(Tag { priority, eligible, id: tci & 0xfff });
        Ok(Header { dst, src, tag, ethertype: word(HEADER_LEN + 2)? })
    }

    /// The header's length in bytes.
    pub fn encoded_len(&self) -> usize {
        HEADER_LEN + if self.tag.is_some() { TAG_LEN } else { 0 }
    }

    /// Writes the header in front of `head`.
    pub fn emit(&self, head: &mut Head) {
        let out = head.prepend(self.encoded_len());
        out[..6].copy_from_slice(&self.dst.0);
        out[6..12].copy_from_slice(&self.src.0);
        if let Some(tag) = self.tag {
            let tci =
                u16::from(tag.priority & 7) << 13 | u16::from(tag.eligible) << 12 | tag.id & 0xfff;
            out[12..14].copy_from_slice(&ethertype::VLAN.to_be_bytes());
            out[14..16].copy_from_slice(&tci.to_be_bytes());
        }
        let at = out.len() - 2;
        out[at..].copy_from_slice(&self.ethertype.to_be_bytes());
    }
}

/// The length of the link header at the start of `front`: how far in the packet begins.
///
/// # Errors
/// [`Why::EthernetTruncated`].
pub fn header_len(front: &[u8]) -> Result<usize, Why> {
    Header::parse(front).map(|header| header.encoded_len())
}

/// Where a packet to a group goes (RFC 1112 §6.4, RFC 2464 §7); `None` for one host's address.
pub fn group(addr: IpAddr) -> Option<Mac> {
    match addr {
        IpAddr::V4(v4) if v4.is_multicast() => {
            let [_, b, c, d] = v4.octets();
            Some(Mac([0x01, 0x00, 0x5e, b & 0x7f, c, d]))
        }
        IpAddr::V6(v6) if v6.is_multicast() => {
            let [.., a, b, c, d] = v6.octets();
            Some(Mac([0x33, 0x33, a, b, c, d]))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pnet_packet::Packet as _;
    use pnet_packet::ethernet::EthernetPacket;
    use pnet_packet::vlan::VlanPacket;
    use proptest::prelude::*;

    #[test]
    fn groups_have_addresses() {
        for (addr, mac) in [
            ("224.0.0.1", Some("01:00:5e:00:00:01")),
            ("239.255.255.250", Some("01:00:5e:7f:ff:fa")),
            ("224.129.2.3", Some("01:00:5e:01:02:03")),
            ("ff02::1:ff02:3", Some("33:33:ff:02:00:03")),
            ("10.9.0.1", None),
            ("fe80::1", None),
        ] {
            let told = group(addr.parse().expect(addr)).map(|mac| mac.to_string());
            assert_eq!(told.as_deref(), mac, "{addr}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_by_us_and_by_others(
            dst: [u8; 6], src: [u8; 6], ethertype in 0x600u16.., tagged: bool,
            priority in 0u8..8, eligible: bool, id in 0u16..4096, cut: usize,
        ) {
            prop_assume!(ethertype != ethertype::VLAN);
            let tag = tagged.then_some(Tag { priority, eligible, id });
            let header = Header { dst: Mac(dst), src: Mac(src), tag, ethertype };
            let mut head = Head::new();
            header.emit(&mut head);
            prop_assert_eq!(Header::parse(&head), Ok(header));
            prop_assert_eq!(header_len(&head), Ok(head.len()));

            let theirs = EthernetPacket::new(&head).expect("a header");
            prop_assert_eq!(theirs.get_destination().octets(), dst);
            prop_assert_eq!(theirs.get_source().octets(), src);
            let (mut inner, outer) = (ethertype, theirs.get_ethertype().0);
            if tagged {
                inner = ethertype::VLAN;
                let vlan = VlanPacket::new(theirs.payload()).expect("a tag");
                prop_assert_eq!(vlan.get_vlan_identifier(), id);
                prop_assert_eq!(vlan.get_priority_code_point().0, priority);
                prop_assert_eq!(vlan.get_drop_eligible_indicator(), u8::from(eligible));
                prop_assert_eq!(vlan.get_ethertype().0, ethertype);
            }
            prop_assert_eq!(outer, inner);
            let short = &head[..cut % head.len()];
            prop_assert_eq!(Header::parse(short), Err(Why::EthernetTruncated));
        }
    }
}
