//! Who gets a datagram, who may bind where.

use super::*;
use crate::base::{Instant, Pool};
use crate::udp::socket::{Origin, REPORTS_MAX};
use crate::wire::icmp::Icmp;
use crate::wire::icmpv4::Icmpv4;
use proptest::prelude::*;

fn at(text: &str) -> SocketAddr {
    text.parse().expect(text)
}

fn chance() -> Chance {
    Chance::from_seed(1)
}

fn told(from: IpAddr, message: Icmp) -> Told {
    Told { from, message, at: Instant::ZERO }
}

fn bind(table: &mut Table, local: &str, reuse: bool) -> UdpId {
    table.bind(at(local), reuse, &chance()).expect("a free address")
}

#[test]
fn the_best_match_wins() {
    let mut table = Table::new();
    let any = bind(&mut table, "0.0.0.0:53", true);
    let own = bind(&mut table, "10.9.0.1:53", true);
    let first = bind(&mut table, "0.0.0.0:53", true);
    let second = bind(&mut table, "10.9.0.1:53", true);
    let six = bind(&mut table, "[::]:53", false);
    let local = at("10.9.0.1:0").ip();
    table.connect(first, at("10.9.0.2:7"), local).expect("a peer");
    table.connect(second, at("10.9.0.2:8"), local).expect("a peer");
    let check = |table: &Table, from, to, expected| {
        assert_eq!(table.lookup(at(from), at(to), IfaceId(0)), expected, "{from} > {to}");
    };
    check(&table, "10.9.0.2:7", "10.9.0.1:53", Ok(first));
    check(&table, "10.9.0.2:8", "10.9.0.1:53", Ok(second));
    check(&table, "10.9.0.2:9", "10.9.0.1:53", Ok(own));
    check(&table, "10.9.0.2:7", "10.9.0.3:53", Ok(any));
    check(&table, "10.9.0.2:7", "10.9.0.1:54", Err(Why::UdpNoPort));
    check(&table, "[fd00::2]:7", "[fd00::1]:53", Ok(six));

    table.close(own).expect("a socket");
    check(&table, "10.9.0.2:9", "10.9.0.1:53", Ok(any));
    table.close(any).expect("a socket");
    check(&table, "10.9.0.2:9", "10.9.0.1:53", Err(Why::UdpNotPeer));
    check(&table, "10.9.0.2:9", "10.9.0.3:53", Err(Why::UdpNoPort));
    table.disconnect(first).expect("a peer");
    check(&table, "10.9.0.2:9", "10.9.0.3:53", Ok(first));
    table.disconnect(second).expect("a peer");
    check(&table, "10.9.0.2:8", "10.9.0.1:53", Ok(second));
    assert_eq!(table.disconnect(second), Err(SocketError::NotConnected));
}

#[test]
fn broadcasts_reach_every_socket_of_the_port() {
    let mut table = Table::new();
    let any = bind(&mut table, "0.0.0.0:67", true);
    let group = bind(&mut table, "255.255.255.255:67", true);
    let own = bind(&mut table, "10.9.0.1:67", true);
    bind(&mut table, "[::]:67", true);
    let all = |table: &Table, to| -> Vec<UdpId> {
        table.lookup_all(at("10.9.0.2:68"), at(to), IfaceId(0)).collect()
    };
    assert_eq!(all(&table, "255.255.255.255:67"), [any, group]);
    assert_eq!(all(&table, "10.9.0.255:67"), [any]);
    table.connect(any, at("10.9.0.3:68"), at("10.9.0.1:0").ip()).expect("a peer");
    assert_eq!(all(&table, "255.255.255.255:67"), [group]);
    assert_eq!(all(&table, "10.9.0.1:67"), [own]);
}

#[test]
fn a_socket_of_an_interface_hears_no_other() {
    let mut table = Table::new();
    let any = bind(&mut table, "0.0.0.0:68", true);
    let bound = bind(&mut table, "0.0.0.0:68", true);
    table.get_mut(bound).expect("a socket").device = Some(IfaceId(1));
    let (from, to, all) = (at("10.9.0.1:67"), at("10.9.0.2:68"), at("255.255.255.255:68"));
    for (via, best, everybody) in
        [(IfaceId(0), any, vec![any]), (IfaceId(1), bound, vec![any, bound])]
    {
        assert_eq!(table.lookup(from, to, via), Ok(best));
        assert_eq!(table.lookup_all(from, all, via).collect::<Vec<_>>(), everybody);
    }
    table.close(any);
    assert_eq!(table.lookup(from, to, IfaceId(0)), Err(Why::UdpNoPort));
}

#[test]
fn addresses_are_shared_only_by_consent() {
    let bound = |first: (&str, bool), second: (&str, bool)| {
        let mut table = Table::new();
        bind(&mut table, first.0, first.1);
        table.bind(at(second.0), second.1, &chance()).map(|_| ())
    };
    const ANY: &str = "0.0.0.0:9";
    const OWN: &str = "10.9.0.1:9";
    for (first, second, expected) in [
        ((OWN, false), (OWN, false), Err(SocketError::AddrInUse)),
        ((OWN, true), (OWN, false), Err(SocketError::AddrInUse)),
        ((OWN, false), (OWN, true), Err(SocketError::AddrInUse)),
        ((OWN, true), (OWN, true), Ok(())),
        ((ANY, false), (OWN, false), Err(SocketError::AddrInUse)),
        ((OWN, false), (ANY, false), Err(SocketError::AddrInUse)),
        ((ANY, true), (OWN, true), Ok(())),
        ((OWN, false), ("10.9.0.3:9", false), Ok(())),
        ((OWN, false), ("10.9.0.1:10", false), Ok(())),
        ((ANY, false), ("[::]:9", false), Ok(())),
    ] {
        assert_eq!(bound(first, second), expected, "{first:?} {second:?}");
    }
}

#[test]
fn a_connected_socket_still_owns_its_port() {
    let mut table = Table::new();
    let id = bind(&mut table, "10.9.0.1:9", false);
    table.connect(id, at("10.9.0.2:7"), at("10.9.0.1:0").ip()).expect("a peer");
    let again = table.bind(at("10.9.0.1:9"), false, &chance());
    assert_eq!(again, Err(SocketError::AddrInUse));
    table.close(id).expect("a socket");
    assert!(table.places.is_empty() && table.is_empty());
    bind(&mut table, "10.9.0.1:9", false);
}

#[test]
fn ephemeral_ports_are_unique_until_there_are_none() {
    let mut table = Table::new();
    table.ephemeral = Ephemeral::new(40_000..=40_003).expect("a range");
    let mut ports: Vec<u16> = (0..4)
        .map(|_| {
            let id = bind(&mut table, "0.0.0.0:0", true);
            table.get(id).expect("a socket").local().port()
        })
        .collect();
    ports.sort_unstable();
    assert_eq!(ports, [40_000, 40_001, 40_002, 40_003]);
    let more = table.bind(at("10.9.0.1:0"), true, &chance());
    assert_eq!(more, Err(SocketError::AddrNotAvailable));
    table.sockets_max = 4;
    let more = table.bind(at("[::]:0"), true, &chance());
    assert_eq!(more, Err(SocketError::LimitReached));
}

#[test]
fn connecting_fixes_the_address_that_reaches_the_peer() {
    let mut table = Table::new();
    let id = bind(&mut table, "0.0.0.0:9", false);
    let local = at("10.9.0.1:0").ip();
    for peer in ["0.0.0.0:7", "10.9.0.2:0", "[fd00::2]:7"] {
        assert_eq!(table.connect(id, at(peer), local), Err(SocketError::InvalidInput), "{peer}");
    }
    let mixed = table.connect(id, at("10.9.0.2:7"), at("[fd00::1]:0").ip());
    assert_eq!(mixed, Err(SocketError::InvalidInput));
    assert_eq!(table.connect(UdpId(9), at("10.9.0.2:7"), local), Err(SocketError::BadHandle));
    assert_eq!(table.connect(id, at("10.9.0.2:7"), local), Ok(()));
    let socket = table.get(id).expect("a socket");
    assert_eq!((socket.local(), socket.peer()), (at("10.9.0.1:9"), Some(at("10.9.0.2:7"))));
    // Connected anew by another way, from the address that leads there.
    assert_eq!(table.connect(id, at("10.8.0.2:7"), at("10.8.0.1:0").ip()), Ok(()));
    assert_eq!(table.get(id).map(Socket::local), Some(at("10.8.0.1:9")));
    assert_eq!(table.disconnect(id), Ok(()));
    assert_eq!(table.get(id).map(Socket::local), Some(at("0.0.0.0:9")));
}

#[test]
fn icmp_errors_reach_the_connected_socket_only() {
    let mut table = Table::new();
    let id = bind(&mut table, "10.9.0.1:9", false);
    let (local, remote) = (at("10.9.0.1:9"), at("10.9.0.2:7"));
    let heard = told(remote.ip(), Icmp::port_unreachable(local.ip()));
    assert_eq!(table.on_icmp(local, remote, heard), Err(Why::IcmpNoSocket));
    table.connect(id, remote, local.ip()).expect("a peer");
    assert_eq!(table.on_icmp(local, at("10.9.0.2:8"), heard), Err(Why::IcmpNoSocket));
    assert_eq!(table.on_icmp(local, remote, heard), Ok(id));
    let soft = told(remote.ip(), Icmp::V4(Icmpv4::TimeExceeded { code: 0 }));
    assert_eq!(table.on_icmp(local, remote, soft), Err(Why::IcmpType));
    let socket = table.get_mut(id).expect("a socket");
    assert_eq!(socket.take_report(), None, "it is not kept");
    assert_eq!(socket.recv(&mut []), Err(SocketError::Refused));
    assert_eq!(socket.recv(&mut []), Err(SocketError::WouldBlock));
}

#[test]
fn a_socket_that_keeps_reports_hears_of_every_datagram() {
    let mut table = Table::new();
    let id = bind(&mut table, "0.0.0.0:9", false);
    table.get_mut(id).expect("a socket").keeps_reports = true;
    let (local, router) = (at("10.9.0.1:9"), at("10.9.0.77:0").ip());
    let expired = Icmp::V4(Icmpv4::TimeExceeded { code: 0 });
    let refused = Icmp::port_unreachable(local.ip());
    let quench = Icmp::V4(Icmpv4::Other { kind: 4, code: 0 });
    let (one, other) = (at("10.9.0.2:7"), at("10.8.0.2:8"));
    assert_eq!(table.on_icmp(local, one, told(router, expired)), Ok(id));
    assert_eq!(table.on_icmp(local, other, told(other.ip(), refused)), Ok(id));
    assert_eq!(table.on_icmp(local, one, told(router, quench)), Err(Why::IcmpType));
    let socket = table.get_mut(id).expect("a socket");
    let report = |about, error, from, message| {
        Some(Report { about, error, origin: Origin::Icmp(told(from, message)) })
    };
    let unreachable = SocketError::HostUnreachable;
    assert_eq!(socket.take_report(), report(one, unreachable, router, expired));
    assert_eq!(socket.recv(&mut []), Err(SocketError::WouldBlock), "no call fails for it");
    assert!(socket.has_reports(), "the report is still there");
    assert_eq!(socket.take_report(), report(other, SocketError::Refused, other.ip(), refused));
    assert_eq!((socket.take_report(), socket.has_reports()), (None, false));
    for _ in 0..REPORTS_MAX {
        assert_eq!(table.on_icmp(local, one, told(router, expired)), Ok(id));
    }
    assert_eq!(table.on_icmp(local, one, told(router, expired)), Err(Why::UdpBufferFull));
}

#[test]
fn datagrams_leave_in_order_even_after_close() {
    let (pool, mut table) = (Pool::new(), Table::new());
    let a = bind(&mut table, "0.0.0.0:1", false);
    let b = bind(&mut table, "10.9.0.1:2", false);
    table.get_mut(b).expect("a socket").checksum = false;
    for (id, bytes) in [(a, b"one"), (b, b"two"), (a, b"six")] {
        assert_eq!(table.send(id, None, Some(at("10.9.0.2:7")), pool.copy(bytes).into()), Ok(()));
    }
    assert_eq!(table.send(a, None, None, Chunks::new()), Err(SocketError::NotConnected));
    assert_eq!(table.send(UdpId(9), None, None, Chunks::new()), Err(SocketError::BadHandle));
    assert!(table.close(a).is_some() && table.close(a).is_none());
    let sent: Vec<_> = std::iter::from_fn(|| table.output())
        .map(|(id, out)| (id, out.from, out.checksum, out.payload.to_vec()))
        .collect();
    assert_eq!(
        sent,
        [
            (a, at("0.0.0.0:1"), true, b"one".to_vec()),
            (b, at("10.9.0.1:2"), false, b"two".to_vec()),
            (a, at("0.0.0.0:1"), true, b"six".to_vec()),
        ]
    );
}

/// One of few addresses, the first of which is unspecified, and one of two ports.
fn endpoint(hosts: std::ops::Range<u8>) -> impl Strategy<Value = SocketAddr> {
    (hosts, 1u16..3).prop_map(|(host, port)| {
        let addr = if host == 0 { Ipv4Addr::UNSPECIFIED } else { Ipv4Addr::new(10, 9, 0, host) };
        (addr, port).into()
    })
}

#[derive(Clone, Debug)]
enum Op {
    Bind(SocketAddr, bool),
    Connect(usize, SocketAddr, u8),
    Disconnect(usize),
    Close(usize),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => (endpoint(0..3), any::<bool>()).prop_map(|(at, reuse)| Op::Bind(at, reuse)),
        2 => (0usize..8, endpoint(7..9), 1u8..3)
            .prop_map(|(n, peer, own)| Op::Connect(n, peer, own)),
        1 => (0usize..8).prop_map(Op::Disconnect),
        1 => (0usize..8).prop_map(Op::Close),
    ]
}

/// A socket as the model knows it; later in the list is newer at its place.
#[derive(Clone, Debug)]
struct Known {
    id: UdpId,
    bound: SocketAddr,
    local: SocketAddr,
    peer: Option<SocketAddr>,
    reuse: bool,
}

/// How well a socket fits a datagram; `None` when not at all.
fn score(known: &Known, from: SocketAddr, to: SocketAddr) -> Option<u32> {
    let wild = known.local.ip().is_unspecified();
    let fits = known.local.port() == to.port() && (wild || known.local.ip() == to.ip());
    let heard = known.peer.is_none_or(|peer| peer == from);
    (fits && heard).then(|| u32::from(!wild) + 2 * u32::from(known.peer.is_some()))
}

proptest! {
    #[test]
    fn agrees_with_asking_every_socket(
        ops in proptest::collection::vec(op(), 1..40),
        probes in proptest::collection::vec((endpoint(7..9), endpoint(1..4)), 8),
    ) {
        let (mut table, mut model) = (Table::new(), Vec::<Known>::new());
        for op in ops {
            let pick = |n: usize| (!model.is_empty()).then(|| n % model.len());
            match op {
                Op::Bind(local, reuse) => {
                    let clash = model.iter().any(|k| {
                        let (a, b) = (k.local.ip(), local.ip());
                        let overlap = a == b || a.is_unspecified() || b.is_unspecified();
                        k.local.port() == local.port() && overlap && !(k.reuse && reuse)
                    });
                    let bound = table.bind(local, reuse, &chance());
                    prop_assert_eq!(bound.err(), clash.then_some(SocketError::AddrInUse));
                    if let Ok(id) = bound {
                        model.push(Known { id, bound: local, local, peer: None, reuse });
                    }
                }
                Op::Connect(n, peer, own) => if let Some(n) = pick(n) {
                    let mut known = model.remove(n);
                    let own = IpAddr::from([10, 9, 0, own]);
                    prop_assert_eq!(table.connect(known.id, peer, own), Ok(()));
                    let wild = known.bound.ip().is_unspecified();
                    let local = if wild { own } else { known.bound.ip() };
                    known.local = (local, known.bound.port()).into();
                    known.peer = Some(peer);
                    model.push(known);
                },
                Op::Disconnect(n) => if let Some(n) = pick(n) {
                    let connected = model[n].peer.is_some();
                    prop_assert_eq!(table.disconnect(model[n].id).is_ok(), connected);
                    if connected {
                        let known = model.remove(n);
                        model.push(Known { local: known.bound, peer: None, ..known });
                    }
                },
                Op::Close(n) => if let Some(n) = pick(n) {
                    prop_assert!(table.close(model.remove(n).id).is_some());
                },
            }
        }
        prop_assert_eq!(table.len(), model.len());
        for (from, to) in probes {
            let scored = model.iter().filter_map(|k| Some((score(k, from, to)?, k.id)));
            // `max_by_key` takes the last of equals: the newest.
            let best = scored.max_by_key(|(score, _)| *score).map(|(_, id)| id);
            prop_assert_eq!(table.lookup(from, to, IfaceId(0)).ok(), best);
            let mut all: Vec<UdpId> = table.lookup_all(from, to, IfaceId(0)).collect();
            let fitting = model.iter().filter(|k| score(k, from, to).is_some());
            let mut fitting: Vec<UdpId> = fitting.map(|k| k.id).collect();
            all.sort_unstable();
            fitting.sort_unstable();
            prop_assert_eq!(all, fitting);
        }
    }
}
