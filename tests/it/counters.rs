//! What a host counts, and what `tcp_info` tells of time, against segments that a test counts by
//! hand.

use crate::support::puppet::{
    A, FA, HOST, PEER, Puppet, R, S, SA, WND, host_setup, ip_packet, mss, none, ts,
};
use netglass::base::SocketError;
use netglass::stack::ListenOptions;
use netglass::tcp::{State, SynCookies};
use netglass::wire::ipv4::protocol;
use netglass::wire::tcp::Options;
use std::net::SocketAddr;

impl Puppet {
    /// A counter by its name.
    #[track_caller]
    fn count(&self, name: &str) -> u64 {
        let counters = self.stack.counters();
        let found = counters.iter().find(|(known, _)| known == name);
        found.unwrap_or_else(|| panic!("no counter {name}")).1
    }

    #[track_caller]
    fn counts(&self, expected: &[(&str, u64)]) {
        let counted: Vec<_> = expected.iter().map(|(name, _)| (*name, self.count(name))).collect();
        assert_eq!(counted, expected);
    }
}

#[test]
fn an_active_open_is_refused_and_another_goes_its_way() {
    let mut p = Puppet::new();
    p.connect();
    p.expect(S, 0, 0, 0);
    p.inject(R.with(A), 0, 1, 0, none(), b"");
    p.counts(&[("TcpActiveOpens", 1), ("TcpAttemptFails", 1), ("TcpInSegs", 1)]);
    p.counts(&[("TcpOutSegs", 1), ("TcpRetransSegs", 0), ("TcpEstabResets", 0)]);
    // The pair is free again.
    let mut p = Puppet::new().open(mss(1000));
    p.write(3000);
    p.advance(0);
    p.take_all();
    p.ack(1001);
    p.advance(200); // the retransmission timer
    p.take_all();
    p.counts(&[("TcpExtTCPOrigDataSent", 3), ("TcpOutSegs", 5), ("TcpRetransSegs", 1)]);
    p.counts(&[("TcpExtTCPTimeouts", 1), ("TcpInSegs", 2), ("TcpExtTCPAbortOnTimeout", 0)]);
    p.inject(R, 1, 0, 0, none(), b"");
    p.counts(&[("TcpEstabResets", 1), ("TcpAttemptFails", 0), ("TcpOutRsts", 0)]);
    p.counts(&[("IpInReceives", 3), ("IpInDelivers", 3), ("IpOutRequests", 6)]);
}

#[test]
fn nobody_answers() {
    let mut p = Puppet::with(|config| config.syn_retries = 2);
    p.connect();
    p.advance(10_000);
    assert_eq!(p.state(), State::Closed);
    p.counts(&[("TcpExtTCPSynRetrans", 2), ("TcpRetransSegs", 2), ("TcpOutSegs", 1)]);
    p.counts(&[("TcpExtTCPAbortOnTimeout", 1), ("TcpAttemptFails", 1)]);
}

#[test]
fn a_listener_that_is_full() {
    let mut p = Puppet::new();
    let syn_cookies = SynCookies::Never;
    p.listen(ListenOptions { backlog: 1, syn_cookies, ..ListenOptions::default() });
    for port in [4000, 4001] {
        p.remote.set_port(port);
        p.inject(S, 0, 0, WND, none(), b"");
    }
    p.counts(&[("TcpExtListenDrops", 1), ("TcpExtTCPReqQFullDrop", 1), ("TcpPassiveOpens", 0)]);
    p.remote.set_port(4000);
    p.expect(SA, 0, 1, 0);
    p.inject(R, 1, 0, 0, none(), b"");
    p.counts(&[("TcpExtEmbryonicRsts", 1), ("TcpAttemptFails", 1)]);
    // A half-open connection that nobody completes.
    p.inject(S, 0, 0, WND, none(), b"");
    p.advance(100_000);
    p.counts(&[("TcpAttemptFails", 2), ("TcpExtTCPSynRetrans", 5), ("TcpExtListenOverflows", 0)]);
}

#[test]
fn accepted_closed_and_forgotten() {
    let mut p = Puppet::new().open_passively(mss(1000));
    p.counts(&[("TcpPassiveOpens", 1), ("TcpActiveOpens", 0)]);
    p.data(1, 100);
    p.advance(40);
    p.expect(A, 1, 101, 0);
    p.read(100);
    p.close();
    p.expect(FA, 1, 101, 0);
    p.inject(FA, 101, 2, WND, none(), b"");
    p.expect(A, 2, 102, 0);
    p.advance(60_000);
    p.counts(&[("TcpExtTW", 1), ("TcpExtDelayedACKs", 1), ("TcpExtTCPAbortOnTimeout", 0)]);
    // Nobody listens there.
    p.local.set_port(81);
    p.inject(S, 0, 0, WND, none(), b"");
    p.counts(&[("TcpOutRsts", 1)]);
}

#[test]
fn aborts_by_their_reasons() {
    let mut p = Puppet::new().open(mss(1000));
    p.abort();
    p.counts(&[("TcpExtTCPAbortOnData", 1), ("TcpOutRsts", 1), ("TcpEstabResets", 1)]);
    let mut p = Puppet::new().open(mss(1000));
    p.data(1, 10);
    p.close();
    p.counts(&[("TcpExtTCPAbortOnClose", 1), ("TcpOutRsts", 1)]);
}

#[test]
fn damaged_segments_and_packets() {
    let mut p = Puppet::new();
    p.raw(&ip_packet(protocol::TCP, &[0; 20], |_| {}));
    p.raw(&ip_packet(99, &[0; 20], |_| {}));
    p.raw(&ip_packet(protocol::TCP, &[0; 20], |ip| ip.src = HOST));
    p.raw(&[0x45, 0]);
    p.counts(&[("TcpInErrs", 1), ("TcpInSegs", 1), ("IpInUnknownProtos", 1)]);
    p.counts(&[("IpInAddrErrors", 1), ("IpExtInTruncatedPkts", 1), ("IpInReceives", 4)]);
    p.counts(&[("IcmpOutDestUnreachs", 1), ("IcmpOutMsgs", 1), ("IpInDelivers", 1)]);
}

#[test]
fn datagrams_and_pings() {
    let mut p = Puppet::new();
    let at = SocketAddr::new(HOST.into(), 53);
    let id = p.stack.bind(p.now, at, false).unwrap();
    let to = SocketAddr::new(PEER.into(), 9);
    p.stack.send_to(p.now, id, Some(to), &[1; 4000]).unwrap();
    p.pump();
    p.counts(&[("UdpOutDatagrams", 1), ("IpFragOKs", 1), ("IpFragCreates", 3)]);
    p.counts(&[("IpOutRequests", 1), ("IpOutTransmits", 3)]);
    // The peer answers with the same pieces, one of them in vain.
    let pieces = p.take_others();
    assert_eq!(pieces.len(), 3);
    for mut piece in pieces {
        let (from, to) = ([PEER, HOST].map(|ip| ip.octets()), 12);
        piece[to..to + 4].copy_from_slice(&from[0]);
        piece[to + 4..to + 8].copy_from_slice(&from[1]);
        p.raw(&piece);
    }
    p.counts(&[("IpReasmReqds", 3), ("IpReasmOKs", 1)]);
    p.stack.ping(p.now, PEER.into(), (1, 1), b"ping").unwrap();
    p.pump();
    p.counts(&[("IcmpOutEchos", 1), ("IcmpInMsgs", 0)]);
    assert_eq!(p.stack.send_to(p.now, id, None, b""), Err(SocketError::NotConnected));
}

#[test]
fn names_are_counted_once() {
    let counters = netglass::stack::Stack::new(host_setup()).counters();
    let mut names: Vec<_> = counters.iter().map(|(name, _)| name).collect();
    assert!(counters.iter().all(|(_, n)| *n == 0), "{counters:?}");
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
}

#[test]
fn tcp_info_tells_how_long_ago() {
    let mut p = Puppet::new().open(Options { mss: Some(1460), ..ts(1_000, 0) });
    p.advance(500);
    p.write(1000);
    let shown = p.take_all()[0].options.ts.unwrap().val;
    p.advance(50);
    p.inject(A, 1, 1001, WND, ts(1_050, shown), b"");
    let info = p.info();
    assert_eq!((info.last_data_sent, info.last_ack_recv), (50, 0));
    assert_eq!(info.last_data_recv, 550, "none came since the opening");
    assert_eq!((info.delivery_rate, info.delivery_rate_app_limited), (20_000, 1));
    assert_eq!(info.rcv_rtt, 0);
    p.advance(30);
    p.inject(A, 1, 1001, WND, ts(1_080, shown), &[7; 1448]);
    p.advance(5);
    let info = p.info();
    assert_eq!((info.last_data_sent, info.last_ack_recv, info.last_data_recv), (85, 5, 5));
    assert_eq!((info.rcv_rtt, info.reordering), (80_000, 3));
    assert_eq!(info.rcv_ssthresh, u64::from(host_setup().tcp.recv_buffer));
    // One sample for each timestamp of ours, however often it is echoed.
    p.inject(A, 1449, 1001, WND, ts(1_085, shown), &[7; 1448]);
    assert_eq!(p.info().rcv_rtt, 80_000);
}
