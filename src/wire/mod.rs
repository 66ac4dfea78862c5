//! Row 1: bytes to typed headers and back. The only user of `etherparse`.

pub mod arp;
pub mod checksum;
pub mod ethernet;
pub mod icmp;
pub mod icmpv4;
pub mod icmpv6;
pub mod igmp;
pub mod ip;
pub mod ipv4;
pub mod ipv6;
pub mod membership;
pub mod mld;
pub mod nd;
pub mod split;
pub mod tcp;
pub mod udp;
