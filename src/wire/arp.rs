//! ARP for IPv4 over Ethernet (RFC 826).

use crate::base::{Head, Mac, Why};
use std::net::Ipv4Addr;

/// The packet's length in bytes; what lies beyond is padding.
pub const LEN: usize = 28;

/// Hardware type, protocol type and the lengths of their addresses: Ethernet and IPv4.
const FORMAT: [u8; 6] = [0, 1, 8, 0, 6, 4];

/// What an ARP packet is.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Op {
    /// Who has the target's protocol address?
    Request,
    /// The sender has.
    Reply,
}

/// An ARP packet.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Arp {
    /// What it is.
    pub op: Op,
    /// The sender's Ethernet address.
    pub sender_mac: Mac,
    /// The sender's IPv4 address; 0.0.0.0 in a probe (RFC 5227 §2.1.1).
    pub sender: Ipv4Addr,
    /// The target's Ethernet address; means nothing in a request.
    pub target_mac: Mac,
    /// The target's IPv4 address.
    pub target: Ipv4Addr,
}

impl Arp {
    /// Reads a packet at the start of `front`, which begins behind the Ethernet header.
    ///
    /// # Errors
    /// [`Why::ArpFormat`].
    pub fn parse(front: &[u8]) -> Result<Arp, Why> {
        let bytes = front.first_chunk::<LEN>().ok_or(Why::ArpFormat)?;
        if bytes[..6] != FORMAT {
            return Err(Why::ArpFormat);
        }
        let op = match u16::from_be_bytes([bytes[6], bytes[7]]) {
            1 => Op::Request,
            2 => Op::Reply,
            _ => return Err(Why::ArpFormat),
        };
        let mac = |at: usize| {
            let b = &bytes[at..at + 6];
            Mac([b[0], b[1], b[2], b[3], b[4], b[5]])
        };
        let addr = |at: usize| {
            let b = &bytes[at..at + 4];
            Ipv4Addr::new(b[0], b[1], b[2], b[3])
        };
        Ok(Arp { op, sender_mac: mac(8), sender: addr(14), target_mac: mac(18), target: addr(24) })
    }

    /// Writes the packet in front of `head`.
    pub fn emit(&self, head: &mut Head) {
        let out = head.prepend(LEN);
        out[..6].copy_from_slice(&FORMAT);
        let op: u16 = match self.op {
            Op::Request => 1,
            Op::Reply => 2,
        };
        out[6..8].copy_from_slice(&op.to_be_bytes());
        out[8..14].copy_from_slice(&self.sender_mac.0);
        out[14..18].copy_from_slice(&self.sender.octets());
        out[18..24].copy_from_slice(&self.target_mac.0);
        out[24..28].copy_from_slice(&self.target.octets());
    }

    /// Whether a host asks whether anybody has an address that it would use (RFC 5227 §1.1).
    pub fn is_probe(&self) -> bool {
        self.op == Op::Request && self.sender.is_unspecified()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pnet_packet::arp::{ArpHardwareTypes, ArpPacket};
    use pnet_packet::ethernet::EtherTypes;
    use proptest::prelude::*;

    #[test]
    fn only_ipv4_over_ethernet_is_read() {
        let arp = Arp {
            op: Op::Request,
            sender_mac: Mac([2; 6]),
            sender: Ipv4Addr::new(10, 9, 0, 1),
            target_mac: Mac::ZERO,
            target: Ipv4Addr::new(10, 9, 0, 2),
        };
        let mut head = Head::new();
        arp.emit(&mut head);
        assert!(Arp::parse(&head).is_ok() && Arp::parse(&[&head[..], &[0; 18]].concat()).is_ok());
        assert_eq!(Arp::parse(&head[..LEN - 1]), Err(Why::ArpFormat));
        for at in 0..8 {
            let mut bytes = head.to_vec();
            bytes[at] ^= 0x40;
            assert_eq!(Arp::parse(&bytes), Err(Why::ArpFormat), "byte {at}");
        }
        assert!(!arp.is_probe());
        assert!(Arp { sender: Ipv4Addr::UNSPECIFIED, ..arp }.is_probe());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_by_us_and_by_others(
            macs: ([u8; 6], [u8; 6]), addrs: ([u8; 4], [u8; 4]), reply: bool,
        ) {
            let arp = Arp {
                op: if reply { Op::Reply } else { Op::Request },
                sender_mac: Mac(macs.0),
                sender: addrs.0.into(),
                target_mac: Mac(macs.1),
                target: addrs.1.into(),
            };
            let mut head = Head::new();
            arp.emit(&mut head);
            prop_assert_eq!(Arp::parse(&head), Ok(arp));
            let theirs = ArpPacket::new(&head).expect("a packet");
            prop_assert_eq!(theirs.get_hardware_type(), ArpHardwareTypes::Ethernet);
            prop_assert_eq!(theirs.get_protocol_type(), EtherTypes::Ipv4);
            prop_assert_eq!((theirs.get_hw_addr_len(), theirs.get_proto_addr_len()), (6, 4));
            prop_assert_eq!(theirs.get_operation().0, if reply { 2 } else { 1 });
            prop_assert_eq!(theirs.get_sender_hw_addr().octets(), macs.0);
            prop_assert_eq!(theirs.get_target_hw_addr().octets(), macs.1);
            prop_assert_eq!(theirs.get_sender_proto_addr().octets(), addrs.0);
            prop_assert_eq!(theirs.get_target_proto_addr().octets(), addrs.1);
        }
    }
}
