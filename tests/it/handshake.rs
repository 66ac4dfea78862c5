//! Opening (RFC 9293 §3.5, §3.10.1): active, passive, both at once; what SYNs negotiate; listeners.

use crate::support::puppet::{
    A, FA, Puppet, R, RA, S, SA, WND, host_setup, ip_packet, mss, none, tcp_bytes, ts,
};
use crate::support::seen::scenarios;
use netglass::base::SocketError;
use netglass::stack::{ListenOptions, Setup};
use netglass::tcp::{State, SynCookies};
use netglass::wire::checksum;
use netglass::wire::ipv4::protocol;
use netglass::wire::tcp::Options;
use std::net::SocketAddr;

scenarios![both families:
    passive_open_answers_what_was_offered,
    simultaneous_open,
    simultaneous_open_before_our_syn,
    syn_is_sent_again,
    syn_ack_is_sent_again,
    data_on_the_syn_ack,
    window_scale,
    initial_sequence_numbers,
    where_openings_go,
    backlogs,
    connections_are_bounded,
    closing_a_listener,
    challenges_of_half_open_connections_are_bounded,
    a_syn_ack_that_is_owed_stays_owed,
    old_timestamps_do_not_complete_a_handshake,
    windows_of_syns_are_not_scaled,
    an_answer_before_the_handshake_is_scaled,
    a_syn_ack_sent_twice_measures_nothing,
    the_echo_of_the_last_syn_ack_measures,
    a_syn_ack_that_is_owed_is_sent;
    IPv4:
    active_open_offers_everything,
    listeners_side_by_side,
    options_of_any_shape,
    segment_sizes,
    the_narrowest_link,
];

fn full() -> Options {
    Options { mss: Some(1000), wscale: Some(7), sack_permitted: true, ..ts(5_000, 0) }
}

/// MUST-14 (MSS), RFC 7323 §2.2 and §3.2, RFC 2018 §2.
// Rules: MUST-65, MUST-69, MUST-2, 2018-2-1, 7323-2.2-1.
fn active_open_offers_everything() {
    let mut p = Puppet::new();
    p.connect();
    let syn = p.expect(S, 0, 0, 0);
    assert_eq!((syn.options.mss, syn.options.wscale), (Some(1460), Some(5)));
    assert!(syn.options.sack_permitted && syn.options.ts.is_some());
    assert_eq!(syn.wnd, 65_535, "a SYN's window is not scaled");
    // MUST-69: every byte up to the data offset is an option's; nothing is left to pad.
    let options = &syn.packet[40..];
    assert_eq!((options.len(), usize::from(syn.packet[32] >> 4) * 4), (20, 40));
    assert_eq!((options[..2] == [2, 4], options[4..8] == [4, 2, 8, 10]), (true, true));
    assert_eq!(options[16..], [1, 3, 3, 5]);
    let mut options = full();
    options.ts.as_mut().unwrap().ecr = syn.options.ts.unwrap().val;
    p.inject(SA, 0, 1, 2_000, options, b"");
    let ack = p.expect(A, 1, 1, 0);
    assert_eq!(ack.options.ts.map(|ts| ts.ecr), Some(5_000));
    assert_eq!(
        (ack.options.mss, ack.options.wscale, ack.options.sack_permitted),
        (None, None, false)
    );
    assert_eq!(u32::from(ack.wnd) << 5, 1 << 20);
    let info = p.info();
    assert_eq!((info.options, info.snd_wscale, info.rcv_wscale), (7, 7, 5));
    assert_eq!(info.snd_wnd, 2_000, "nor is a SYN-ACK's");
    assert_eq!(info.snd_mss, 988, "timestamps take 12 bytes of each segment");
}

/// Nothing is answered that was not offered.
// Rules: SHLD-5, MAY-3, 2018-2-1, 2018-4-1, 7323-2.2-1, 7323-3.2-1.
fn passive_open_answers_what_was_offered() {
    let rows = [none(), mss(1000), ts(1, 0), Options { wscale: Some(3), ..none() }, full()];
    for offered in rows {
        let mut p = Puppet::new();
        p.listen(ListenOptions::default());
        p.inject(S, 0, 0, WND, offered.clone(), b"");
        let got = p.expect(SA, 0, 1, 0).options;
        assert_eq!(got.mss, Some(1460), "SHLD-5");
        assert_eq!(got.wscale.is_some(), offered.wscale.is_some());
        assert_eq!(got.sack_permitted, offered.sack_permitted);
        assert_eq!(got.ts.map(|ts| ts.ecr), offered.ts.map(|ts| ts.val));
    }
    // Switched off, they are not answered either.
    let mut p = Puppet::with(|c| {
        (c.timestamps, c.sack, c.window_scaling, c.mss) = (false, false, false, Some(700));
    });
    p.listen(ListenOptions::default());
    p.inject(S, 0, 0, WND, full(), b"");
    assert_eq!(p.expect(SA, 0, 1, 0).options, mss(700));
}

/// MUST-10, figure 7.
fn simultaneous_open() {
    let mut p = Puppet::new();
    p.connect();
    p.expect(S, 0, 0, 0);
    p.inject(S, 0, 0, WND, mss(1000), b"");
    assert_eq!(p.expect(SA, 0, 1, 0).options.mss, Some(1460));
    assert_eq!(p.state(), State::SynReceived);
    p.inject(SA, 0, 1, WND, mss(1000), b"");
    assert_eq!(p.state(), State::Established);
    p.write(10);
    p.expect(A, 1, 1, 10);
    p.data(1, 10);
    assert_eq!(p.read(20), 10);
    // Its SYN-ACK is sent again until it is acknowledged.
    let mut p = Puppet::new().in_state(State::SynReceived, false);
    p.advance(3_000);
    p.expect_at(1_000, SA, 0, 1, 0);
    p.expect_at(3_000, SA, 0, 1, 0);
    p.inject(SA, 0, 1, WND, mss(1000), b"");
    assert_eq!(p.state(), State::Established);
}

/// The peer's SYN comes while ours waits to be sent: it goes out with the ACK, and counts as sent.
fn simultaneous_open_before_our_syn() {
    for close in [false, true] {
        let mut p = Puppet::new();
        let conn = p.stack.connect(p.now, p.remote, Some(p.local), None).unwrap();
        p.conn = Some(conn);
        p.batch = true;
        p.inject(S, 0, 0, WND, mss(1000), b"");
        p.batch = false;
        if close {
            p.close()
        } else {
            p.pump()
        }
        p.expect(SA, 0, 1, 0);
        if close {
            p.expect(FA, 1, 1, 0);
        }
        p.expect_nothing();
        p.advance(1_000);
        p.expect_at(1_000, SA, 0, 1, 0);
        p.inject(A, 1, 1, WND, none(), b"");
        if close {
            p.inject(FA, 1, 2, WND, none(), b"");
            p.expect(A, 2, 2, 0);
            assert_eq!(p.state(), State::TimeWait);
        } else {
            assert_eq!(p.state(), State::Established);
        }
    }
    // Our SYN was out, and is acknowledged before its answer to the peer's is.
    let mut p = Puppet::new().in_state(State::SynSent, false);
    p.batch = true;
    p.inject(S, 0, 0, WND, mss(1000), b"");
    p.inject(A, 1, 1, WND, none(), b"");
    p.shutdown();
    p.expect(FA, 1, 1, 0);
    p.advance(200);
    p.expect_at(200, FA, 1, 1, 0);
}

/// RFC 6298 §5: 1 s, doubled each time; six retries, 127 s.
// Rules: MUST-22, MUST-23, 6298-2.1, 6298-5.7, 5681-3.1-2, 6928-2-2, 2525-2.7.
fn syn_is_sent_again() {
    let mut p = Puppet::new();
    p.connect();
    for at in [0, 1, 3, 7, 15, 31, 63] {
        p.advance(at * 1_000 - p.now.as_millis());
        p.expect_at(at * 1_000, S, 0, 0, 0);
    }
    p.advance(63_999);
    p.expect_nothing();
    assert_eq!(p.state(), State::SynSent);
    p.advance(1);
    p.expect_nothing();
    assert_eq!(p.state(), State::Closed);
    let conn = p.conn.unwrap();
    assert_eq!(p.stack.read(p.now, conn, &mut [0; 1]), Err(SocketError::TimedOut));
    // A lost SYN: one segment to begin with (RFC 5681 §3.1), an RTO of 3 s (RFC 6298 §5.7).
    let mut p = Puppet::with(|c| c.timestamps = false);
    p.connect();
    p.advance(1_000);
    p.inject(SA, 0, 1, WND, mss(1000), b"");
    p.take_all();
    p.write(5_000);
    p.expect_at(1_000, A, 1, 1, 1000);
    p.expect_nothing();
    p.advance(3_000);
    p.expect_at(4_000, A, 1, 1, 1000);
}

fn syn_ack_is_sent_again() {
    let mut p = Puppet::new();
    p.listen(ListenOptions::default());
    p.inject(S, 0, 0, WND, mss(1000), b"");
    for at in [0, 1, 3, 7, 15, 31] {
        p.advance(at * 1_000 - p.now.as_millis());
        p.expect_at(at * 1_000, SA, 0, 1, 0);
    }
    p.advance(32_000);
    p.expect_nothing();
    // The half-open connection is gone: its ACK is nobody's.
    p.inject(A, 1, 1, WND, none(), b"");
    p.expect(R, 1, 0, 0);
}

/// §3.10.7.3, fourth: "continue processing at the sixth step".
fn data_on_the_syn_ack() {
    let mut p = Puppet::new().in_state(State::SynSent, false);
    p.inject(SA, 0, 1, WND, mss(1000), b"early");
    p.expect(A, 1, 6, 0);
    assert_eq!((p.state(), p.read(10)), (State::Established, 5));
    let mut p = Puppet::new().in_state(State::SynSent, false);
    let fin = SA.with(netglass::wire::tcp::Ctl::FIN);
    p.inject(fin, 0, 1, WND, mss(1000), b"all");
    p.expect(A, 1, 5, 0);
    assert_eq!((p.state(), p.read(10), p.read(10)), (State::CloseWait, 3, 0));
    // Data on a SYN is left to its retransmission; data on the final ACK is taken.
    let mut p = Puppet::new();
    p.listen(ListenOptions::default());
    p.inject(S, 0, 0, WND, mss(1000), b"early");
    p.expect(SA, 0, 1, 0);
    p.inject(FA, 1, 1, WND, none(), b"early");
    p.expect(A, 1, 7, 0);
    p.accept();
    assert_eq!((p.state(), p.read(10)), (State::CloseWait, 5));
}

/// MUST-15 (536 without the option), MUST-16, MUST-67; RFC 6691.
// Rules: MUST-4, 6691-2-1, 2525-2.3.
fn segment_sizes() {
    for (offered, first) in [
        (None, 536),
        (Some(0), 536),
        (Some(1), 48),
        (Some(1000), 1000),
        (Some(1460), 1460),
        (Some(65_535), 1460),
    ] {
        let options = Options { mss: offered, ..none() };
        let mut p = Puppet::new().open(options);
        p.write(3_000);
        assert_eq!(p.take_all()[0].len(), first, "{offered:?}");
    }
}

/// RFC 791 §3.2: 68 bytes, of which headers and timestamps leave 16. A smaller segment than the
/// least that peers are believed to want is better than one that no link takes.
fn the_narrowest_link() {
    let setup = Setup::new([7, 7]).with_iface("wire0", 68, "10.0.0.1/24".parse().unwrap());
    let mut p = Puppet::of(setup).open(Options { mss: Some(28), ..full() });
    p.write(40);
    assert_eq!(p.take_all()[0].len(), 16);
    // A gap: the SACK block fits, too.
    p.inject(A, 100, 1, WND, ts(5_001, 1), b"later");
    p.write(40);
    for got in p.take_all() {
        assert!(got.packet.len() <= 68, "{} bytes", got.packet.len());
        assert_eq!(got.options.sack.len(), 1);
    }
}

/// MUST-6, MUST-7, MUST-64, MUST-68: what is not known is skipped by its length, what is impossible
/// ends the list and keeps what came before it, words mean nothing.
fn options_of_any_shape() {
    let rows: [(&[u8], usize); 8] = [
        (&[254, 4, 1, 2, 2, 4, 3, 232], 1000),
        (&[254, 3, 1, 2, 4, 3, 232, 0], 1000),
        (&[1, 1, 1, 2, 4, 3, 232, 1], 1000),
        (&[2, 4, 3, 232, 8, 0, 0, 0], 1000),
        (&[2, 4, 3, 232, 9, 40, 0, 0], 1000),
        (&[8, 1, 2, 4, 3, 232, 0, 0], 536),
        (&[0, 2, 4, 3, 232, 0, 0, 0], 536),
        (&[2, 3, 3, 2, 4, 3, 232, 0], 1000),
    ];
    for (options, size) in rows {
        let mut p = Puppet::new();
        p.listen(ListenOptions::default());
        let syn = p.header(S, 0, 0, WND, none());
        let (src, dst) = (p.remote.ip(), p.local.ip());
        let mut bytes = tcp_bytes(src, dst, &syn, options);
        bytes[12] = ((20 + options.len()) / 4 * 16) as u8;
        bytes[16..18].fill(0);
        let pseudo = checksum::pseudo(src, dst, protocol::TCP, bytes.len());
        let sum = checksum::complete(pseudo, [&bytes[..]]);
        bytes[16..18].copy_from_slice(&sum.to_be_bytes());
        p.raw(&ip_packet(protocol::TCP, &bytes, |_| ()));
        p.expect(SA, 0, 1, 0);
        p.inject(A, 1, 1, WND, none(), b"");
        p.accept();
        p.write(3_000);
        assert_eq!(p.take_all()[0].len(), size, "{options:?}");
    }
}

/// RFC 7323 §2.2, §2.3.
// Rules: MUST-1, REC-1, 7323-2.3-1, 7323-2.3-2.
fn window_scale() {
    for (offered, effective) in [(0, 0), (14, 14), (15, 14), (255, 14)] {
        let options = Options { wscale: Some(offered), ..mss(1000) };
        let mut p = Puppet::new().open(options);
        assert_eq!(p.info().snd_wscale, effective);
        p.window(1, 3);
        assert_eq!(p.info().snd_wnd, 3 << effective);
    }
    // A peer that does not scale: neither do we, and 65 535 bytes are all there is to offer.
    let mut p = Puppet::new().open(mss(1000));
    assert_eq!((p.info().rcv_wscale, p.info().rcv_wnd), (0, 65_535));
    p.data(1, 1000);
    p.data(1001, 1000);
    assert_eq!(p.expect(A, 1, 2001, 0).wnd, 65_535, "the buffer has room for more than that");
}

/// RFC 6528: apart for each pair, ahead with time.
// Rules: MUST-8, SHLD-1, MUST-9, 6528-3-1.
fn initial_sequence_numbers() {
    let iss = |ms, port| {
        let mut p = Puppet::new();
        p.advance(ms);
        p.local.set_port(port);
        p.connect();
        p.iss
    };
    assert_eq!(iss(0, 5000), iss(0, 5000));
    assert_eq!(iss(1_000, 5000) - iss(0, 5000), 250_000, "4 microseconds a tick");
    assert!((iss(0, 5001) - iss(0, 5000)).min(iss(0, 5000) - iss(0, 5001)) > 1 << 16);
}

/// MUST-43 to MUST-46: from which address, and to whom not.
// Rules: MUST-44, MUST-45.
fn where_openings_go() {
    let mut p = Puppet::new();
    let at = |text: &str| text.parse::<SocketAddr>().unwrap();
    let nobody =
        ["0.0.0.0:80", "224.0.0.1:80", "10.0.0.255:80", "255.255.255.255:80", "10.0.0.2:0"];
    for remote in nobody {
        let refused = p.stack.connect(p.now, at(remote), None, None).unwrap_err();
        let known = [SocketError::InvalidInput, SocketError::NetworkUnreachable];
        assert!(known.contains(&refused), "{remote}: {refused:?}");
    }
    let remote = at("10.0.0.2:80");
    let stranger = p.stack.connect(p.now, remote, Some(at("10.0.0.9:1")), None);
    assert_eq!(stranger, Err(SocketError::AddrNotAvailable));
    let off_link = p.stack.connect(p.now, at("192.0.2.1:80"), None, None);
    assert_eq!(off_link, Err(SocketError::NetworkUnreachable));
    let conn = p.stack.connect(p.now, remote, None, None).unwrap();
    let local = p.stack.pair(conn).unwrap().local;
    assert_eq!(local.ip(), at("10.0.0.1:1").ip(), "the interface's own address");
    let again = p.stack.connect(p.now, remote, Some(local), None);
    assert_eq!(again, Err(SocketError::AddrInUse));
}

/// MUST-41, MUST-42: listening disturbs no connection, and each local address may have its own.
fn listeners_side_by_side() {
    let mut setup = host_setup();
    for addr in ["10.0.0.7/24", "10.0.0.8/24"] {
        setup.ifaces[0].addrs.push(addr.parse().unwrap());
    }
    let mut p = Puppet::of(setup);
    p.listen(ListenOptions::default());
    let second: SocketAddr = "10.0.0.7:80".parse().unwrap();
    let other = p.stack.listen(p.now, second, ListenOptions::default()).unwrap();
    let clash = p.stack.listen(p.now, second, ListenOptions::default());
    assert_eq!(clash, Err(SocketError::AddrInUse));
    p.inject(S, 0, 0, WND, mss(1000), b"");
    p.expect(SA, 0, 1, 0);
    p.inject(A, 1, 1, WND, none(), b"");
    assert_eq!(p.stack.accept(p.now, other), Err(SocketError::WouldBlock));
    p.accept();
    p.local = second;
    p.inject(S, 0, 0, WND, mss(1000), b"");
    p.expect(SA, 0, 1, 0);
    p.inject(A, 1, 1, WND, none(), b"");
    assert!(p.stack.accept(p.now, other).is_ok());
    assert_eq!(p.state(), State::Established);
    // A connection keeps its own address from who wants to listen, and any, but no third one.
    let listen = |p: &mut Puppet, at: &str| {
        p.stack.listen(p.now, at.parse().unwrap(), ListenOptions::default())
    };
    p.stack.close_listener(p.now, other).unwrap();
    assert_eq!(listen(&mut p, "10.0.0.7:80"), Err(SocketError::AddrInUse));
    let (first, last) = (p.listener.unwrap(), listen(&mut p, "10.0.0.8:80").unwrap());
    p.stack.close_listener(p.now, first).unwrap();
    p.stack.close_listener(p.now, last).unwrap();
    assert_eq!(listen(&mut p, "0.0.0.0:80"), Err(SocketError::AddrInUse));
    assert!(listen(&mut p, "10.0.0.8:80").is_ok());
}

/// listen(2): half-open connections and those waiting for accept() are bounded.
// Rules: 4987-3.2-1.
fn backlogs() {
    let mut p = Puppet::new();
    let syn_cookies = SynCookies::Never;
    p.listen(ListenOptions { backlog: 2, syn_cookies, ..ListenOptions::default() });
    for port in [4001, 4002, 4003] {
        p.remote.set_port(port);
        p.inject(S, 0, 0, WND, mss(1000), b"");
    }
    assert_eq!((p.take_all().len(), p.drops("BacklogFull")), (2, 1));
    let mut p = Puppet::new();
    p.listen(ListenOptions { backlog: 1, ..ListenOptions::default() });
    for port in [4001, 4002] {
        p.remote.set_port(port);
        p.inject(S, 0, 0, WND, mss(1000), b"");
        p.expect(SA, 0, 1, 0);
        p.inject(A, 1, 1, WND, none(), b"");
    }
    assert_eq!(p.drops("AcceptQueueFull"), 1);
    p.accept();
    // The SYN-ACK asks again, and then there is room.
    p.advance(1_000);
    p.expect(SA, 0, 1, 0);
    p.inject(A, 1, 1, WND, none(), b"");
    p.accept();
    assert_eq!(p.state(), State::Established);
}

fn connections_are_bounded() {
    let mut setup = host_setup();
    setup.connections_max = 1;
    let mut p = Puppet::of(setup).open(mss(1000));
    p.listen(ListenOptions::default());
    p.inject(S, 0, 0, WND, mss(1000), b"");
    p.expect(SA, 0, 1, 0);
    p.inject(A, 1, 1, WND, none(), b"");
    p.expect_nothing();
    assert_eq!((p.drops("TooManyConnections"), p.stack.tcp().len()), (1, 1));
    let to = p.remote;
    assert_eq!(p.stack.connect(p.now, to, None, None), Err(SocketError::LimitReached));
}

/// §3.10.4, LISTEN: what nobody has accepted is reset, what was accepted lives on.
fn closing_a_listener() {
    let mut p = Puppet::new();
    p.listen(ListenOptions::default());
    for port in [4001, 4002, 4003] {
        p.remote.set_port(port);
        p.inject(S, 0, 0, WND, mss(1000), b"");
        p.expect(SA, 0, 1, 0);
        if port < 4003 {
            p.inject(A, 1, 1, WND, none(), b"");
        }
        if port == 4001 {
            p.accept();
        }
    }
    p.stack.close_listener(p.now, p.listener.unwrap()).unwrap();
    p.pump();
    let sent = p.take_all();
    assert_eq!(sent.iter().map(|got| got.ctl).collect::<Vec<_>>(), [RA, RA]);
    assert_eq!((p.state(), p.stack.tcp().len()), (State::Established, 1));
    p.inject(S, 500, 0, WND, mss(1000), b"");
    p.expect(RA, 0 - i64::from((p.iss - netglass::base::Seq(0)) as i32), 501, 0);
}

/// RFC 5961 §7, before there is a connection.
// Rules: 5961-7-1.
fn challenges_of_half_open_connections_are_bounded() {
    let mut p = Puppet::new();
    p.listen(ListenOptions::default());
    p.inject(S, 0, 0, WND, mss(1000), b"");
    p.expect(SA, 0, 1, 0);
    for _ in 0..10 {
        p.inject(R, 2, 0, WND, none(), b"");
    }
    p.expect(A, 1, 1, 0);
    p.expect_nothing();
    assert_eq!(p.drops("ChallengeLimit"), 9);
    p.advance(500);
    p.inject(R, 2, 0, WND, none(), b"");
    p.expect(A, 1, 1, 0);
}

/// RFC 7323 §3.2, §5.3: a connection comes to be only from a segment it would accept.
fn old_timestamps_do_not_complete_a_handshake() {
    let mut p = Puppet::new();
    p.listen(ListenOptions::default());
    p.inject(S, 0, 0, WND, ts(1_000, 0), b"");
    let val = p.expect(SA, 0, 1, 0).options.ts.unwrap().val;
    p.inject(A, 1, 1, WND, none(), b"");
    p.expect_nothing();
    p.inject(A, 1, 1, WND, ts(999, val), b"");
    assert_eq!(p.expect(A, 1, 1, 0).options.ts.map(|ts| ts.ecr), Some(1_000));
    assert_eq!((p.drops("NoTimestamp"), p.drops("Paws"), p.stack.tcp().len()), (1, 1, 0));
    p.inject(A, 1, 1, WND, ts(1_000, val), b"");
    p.accept();
    assert_eq!(p.state(), State::Established);
}

/// RFC 7323 §2.2: the window of any segment with SYN is not scaled, a crossed SYN-ACK's neither.
// Rules: 7323-2.2-2.
fn windows_of_syns_are_not_scaled() {
    let scaled = Options { wscale: Some(7), ..mss(1000) };
    let mut p = Puppet::new();
    p.connect();
    p.expect(S, 0, 0, 0);
    p.inject(S, 0, 0, 1_000, scaled.clone(), b"");
    p.expect(SA, 0, 1, 0);
    p.inject(SA, 0, 1, 1_001, scaled, b"");
    assert_eq!((p.state(), p.info().snd_wnd), (State::Established, 1_001));
    p.inject(A, 1, 1, 1_000, none(), b"");
    assert_eq!(p.info().snd_wnd, 128_000);
}

/// RFC 7323 §2.3: what is no SYN carries a scaled window, also from a half-open connection.
// Rules: 7323-2.3-2.
fn an_answer_before_the_handshake_is_scaled() {
    let mut p = Puppet::new();
    p.listen(ListenOptions::default());
    p.inject(S, 0, 0, WND, Options { wscale: Some(7), ..mss(1000) }, b"");
    let syn = p.expect(SA, 0, 1, 0);
    let offered = u32::from(syn.wnd);
    p.inject(A, 100_000, 1, WND, none(), b"");
    let ack = p.expect(A, 1, 1, 0);
    let edge = u32::from(ack.wnd) << syn.options.wscale.unwrap();
    assert!(edge <= offered && offered - edge < 32, "{edge} after {offered}");
}

/// Karn's algorithm (RFC 6298 §3): which SYN-ACK was acknowledged is unknown, whatever made us send
/// the second one.
// Rules: 6298-3-1.
fn a_syn_ack_sent_twice_measures_nothing() {
    let mut p = Puppet::new();
    p.listen(ListenOptions::default());
    p.inject(S, 0, 0, WND, mss(1000), b"");
    p.advance(900);
    p.inject(S, 0, 0, WND, mss(1000), b"");
    assert_eq!(p.take_all().len(), 2);
    p.advance(10);
    p.inject(A, 1, 1, WND, none(), b"");
    p.accept();
    assert_eq!(p.info().rtt, 0);
}

/// A timestamp tells which SYN-ACK was answered (RFC 7323 §4), if it is the last one's: a peer
/// whose ACK was lost answers that, too, with the echo of the first.
fn the_echo_of_the_last_syn_ack_measures() {
    for (echoed, rtt) in [(0, 0), (1, 10_000)] {
        let mut p = Puppet::new();
        p.listen(ListenOptions::default());
        let syn = Options { ts: ts(5, 0).ts, ..mss(1000) };
        p.inject(S, 0, 0, WND, syn, b"");
        p.advance(1_000);
        let vals: Vec<_> = p.take_all().iter().map(|got| got.options.ts.unwrap().val).collect();
        assert_eq!(vals.len(), 2);
        p.advance(10);
        p.inject(A, 1, 1, WND, ts(6, vals[echoed]), b"");
        p.accept();
        assert_eq!(p.info().rtt, rtt);
    }
}

/// What arrives in one batch with the SYN does not keep the SYN-ACK from being sent, and its timer
/// from ending what nobody completes.
fn a_syn_ack_that_is_owed_is_sent() {
    for (ctl, seq) in [(R, 2), (S, 0), (S, 100_000)] {
        let mut p = Puppet::new();
        p.listen(ListenOptions { backlog: 1, ..ListenOptions::default() });
        p.batch = true;
        p.inject(S, 0, 0, WND, mss(1000), b"");
        p.inject(ctl, seq, 0, WND, mss(1000), b"");
        p.pump();
        p.expect_at(0, SA, 0, 1, 0);
        p.advance(63_000);
        assert_eq!(p.take_all().len(), 5);
        p.remote.set_port(4001);
        p.batch = false;
        p.inject(S, 0, 0, WND, mss(1000), b"");
        p.expect(SA, 0, 1, 0);
    }
}

/// Whatever is said to a half-open connection before its SYN-ACK has gone out, the SYN-ACK goes
/// out, and its timer runs: nothing stays half open for ever.
fn a_syn_ack_that_is_owed_stays_owed() {
    let unacceptable = |p: &mut Puppet| p.inject(A, 100_000, 1, WND, none(), b"");
    let mut p = Puppet::new();
    p.listen(ListenOptions::default());
    p.batch = true;
    p.inject(S, 0, 0, WND, mss(1000), b"");
    unacceptable(&mut p);
    p.pump();
    p.expect(SA, 0, 1, 0);
    p.expect_nothing();
    // The same between the timer and the SYN-ACK that it asks for.
    p.now = p.stack.deadline(p.now).unwrap();
    p.stack.poll(p.now);
    unacceptable(&mut p);
    p.pump();
    p.expect_at(1_000, SA, 0, 1, 0);
    p.batch = false;
    p.advance(100_000);
    let listener = p.stack.tcp().listeners().next().unwrap();
    assert_eq!(listener.listener.half_open(), 0);
}
