//! How far routers are believed (RFC 4861 §6.3, §8.3): those that are not there, those that say
//! impossible things, and those that speak in fragments (RFC 6980).

use crate::nd::{ROUTER_MAC, Wire, autoconf, nd_bytes, packet, prefix, ra, router, v6};
use crate::support::seen::scenarios;
use netglass::base::Head;
use netglass::wire::ip::Header;
use netglass::wire::ipv4::protocol;
use netglass::wire::nd::ALL_NODES;

scenarios![
    discovery_does_not_come_in_fragments,
];

/// RFC 6980: whoever watches a link for false routers looks at whole messages only.
fn discovery_does_not_come_in_fragments() {
    let mut w = Wire::quiet(autoconf());
    let bytes = nd_bytes(router(), ALL_NODES, ra(1800), &prefix(v6("2001:db8::"), 600, 3600));
    let piece = |from: usize, to: usize| {
        let mut head = Head::new();
        let header = Header::new(router().into(), ALL_NODES.into(), protocol::ICMPV6);
        let (offset, more) = (from as u32, to < bytes.len());
        Header { ttl: 255, id: 7, offset, more, ..header }.emit(&mut head, to - from);
        [&head[..], &bytes[from..to]].concat()
    };
    w.ip(ROUTER_MAC, &piece(0, 24));
    w.ip(ROUTER_MAC, &piece(24, bytes.len()));
    assert_eq!(w.drops("NdFragment"), 1);
    // One piece that is the whole.
    let whole = [&[protocol::ICMPV6, 0, 0, 0, 0, 0, 0, 8][..], &bytes].concat();
    let mut packet = packet(router(), ALL_NODES, 255, &whole);
    packet[6] = 44;
    w.ip(ROUTER_MAC, &packet);
    assert_eq!(w.drops("NdFragment"), 2);
    assert_eq!((w.routes().len(), w.stack.addresses().count()), (1, 1));
}
