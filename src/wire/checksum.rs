//! Transport checksums: the pseudo-header of IPv4 (RFC 9293 §3.1, RFC 768) and IPv6 (RFC 8200
//! §8.1), and what TCP, UDP and ICMP do alike with sums over several slices.

use crate::base::checksum::Sum;
use std::net::IpAddr;

/// What goes into a transport header's checksum field.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub enum Fill {
    /// The checksum.
    #[default]
    Complete,
    /// The pseudo-header's sum, for frames marked [`crate::base::Checksum::Partial`].
    Partial,
    /// Nothing: UDP over IPv4 may do without (RFC 1122 §4.1.3.4).
    Absent,
}

/// The sum of the pseudo-header for `len` bytes of transport header and payload.
///
/// IPv4 and IPv6 lay their pseudo-headers out differently, but a sum does not see the layout: the
/// addresses, the protocol and the length (32 bits wide in IPv6) are added in both.
pub fn pseudo(src: IpAddr, dst: IpAddr, proto: u8, len: usize) -> Sum {
    let len = len as u32;
    let fixed = Sum::new().word((len >> 16) as u16).word(len as u16).word(u16::from(proto));
    address(address(fixed, src), dst)
}

fn address(sum: Sum, addr: IpAddr) -> Sum {
    match addr {
        IpAddr::V4(addr) => {
            let [a, b, c, d] = addr.octets();
            sum.word(u16::from_be_bytes([a, b])).word(u16::from_be_bytes([c, d]))
        }
        IpAddr::V6(addr) => addr.segments().into_iter().fold(sum, Sum::word),
    }
}

/// `sum` with all bytes of `slices` added.
pub fn over<'a>(sum: Sum, slices: impl IntoIterator<Item = &'a [u8]>) -> Sum {
    slices.into_iter().fold(sum, Sum::bytes)
}

/// Whether the checksum inside `slices` is right, `sum` being the pseudo-header's (or nothing).
pub fn is_good<'a>(sum: Sum, slices: impl IntoIterator<Item = &'a [u8]>) -> bool {
    over(sum, slices).is_whole()
}

/// The checksum of `slices`, whose checksum field holds zero.
pub fn complete<'a>(sum: Sum, slices: impl IntoIterator<Item = &'a [u8]>) -> u16 {
    over(sum, slices).finish()
}

/// What the checksum field holds while the checksum is partial: the pseudo-header's sum, folded,
/// not complemented (virtio 1.2 §5.1.6.2, `VIRTIO_NET_HDR_F_NEEDS_CSUM`).
pub fn partial(src: IpAddr, dst: IpAddr, proto: u8, len: usize) -> u16 {
    pseudo(src, dst, proto, len).folded()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pnet_packet::{ip::IpNextHeaderProtocol, util};
    use proptest::prelude::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    proptest! {
        #[test]
        fn agrees_with_an_independent_implementation(
            v4: ([u8; 4], [u8; 4]), v6: ([u8; 16], [u8; 16]), proto: u8,
            bytes in proptest::collection::vec(any::<u8>(), 8..200), cut: usize,
        ) {
            // The oracle skips one word, the checksum field: here the first, which is zero.
            let mut bytes = bytes;
            bytes[..2].fill(0);
            let (a, b) = bytes.split_at(cut % (bytes.len() + 1));
            let next = IpNextHeaderProtocol(proto);
            let (src, dst) = (Ipv4Addr::from(v4.0), Ipv4Addr::from(v4.1));
            let sum = pseudo(src.into(), dst.into(), proto, bytes.len());
            let ours = complete(sum, [a, b]);
            prop_assert_eq!(ours, util::ipv4_checksum(&bytes, 0, &[], &src, &dst, next));
            let (src, dst) = (Ipv6Addr::from(v6.0), Ipv6Addr::from(v6.1));
            let sum = pseudo(src.into(), dst.into(), proto, bytes.len());
            let ours = complete(sum, [a, b]);
            prop_assert_eq!(ours, util::ipv6_checksum(&bytes, 0, &[], &src, &dst, next));
        }

        #[test]
        fn a_partial_field_is_completed_by_summing_the_rest(
            addrs: ([u8; 4], [u8; 4]), mut bytes in proptest::collection::vec(any::<u8>(), 8..100),
        ) {
            let (src, dst) = (IpAddr::from(addrs.0), IpAddr::from(addrs.1));
            let field = partial(src, dst, 17, bytes.len());
            bytes[6..8].copy_from_slice(&field.to_be_bytes());
            // What the kernel or a device does: sum from the transport header on, and store.
            let done = Sum::new().bytes(&bytes).finish();
            bytes[6..8].copy_from_slice(&done.to_be_bytes());
            prop_assert!(is_good(pseudo(src, dst, 17, bytes.len()), [&bytes[..]]));
            bytes[3] ^= 4;
            prop_assert!(!is_good(pseudo(src, dst, 17, bytes.len()), [&bytes[..]]));
        }
    }

    #[test]
    fn zeros_do_not_check() {
        assert!(!is_good(Sum::new(), [&[0u8; 8][..]]));
        assert!(is_good(Sum::new(), [&[0u8, 0, 0xff, 0xff][..]]));
    }
}
