//! SEGMENT ARRIVES (RFC 9293 §3.10.7) in every state, for every kind of segment: what is answered,
//! what is counted, and which state follows.

use crate::support::puppet::{
    A, ALL, F, FA, HOST, NONE, PEER, Puppet, R, RA, S, SA, SF, UA, WND, host_setup, ip_packet, mss,
    none, tcp_bytes, ts,
};
use crate::support::seen::scenarios;
use netglass::base::SocketError;
use netglass::socket::SocketId;
use netglass::stack::ListenOptions;
use netglass::tcp::{Lineage, State};
use netglass::wire::tcp::Ctl;
use std::net::Ipv4Addr;

scenarios![both families:
    closed,
    listen,
    half_open,
    syn_sent,
    syn_sent_resets,
    crossed_syns_received,
    synchronized_states,
    resets_in_every_state,
    resets_are_exact,
    a_fin_in_the_middle_is_no_end,
    fin_in_every_state,
    data_after_fin,
    urgent_pointers,
    land_and_strangers,
    zero_window_arrivals,
    a_restarted_peer_is_discovered,
    partly_old_segments_are_trimmed,
    a_reset_with_data_must_hit_exactly,
    a_syn_with_data_is_challenged,
    syns_are_answered_at_a_bounded_rate,
    a_crossed_syn_ack_after_close,
];

/// Flags, SEG.SEQ and SEG.ACK of what a segment is answered with.
type Answer = Option<(Ctl, i64, i64)>;

/// §3.10.7.1: everything but a reset is reset, with numbers that its sender believes.
fn closed() {
    // (flags, seq, ack, len) → (flags, seq, ack) of the answer
    let rows: [(Ctl, i64, i64, usize, Answer); 8] = [
        (S, 100, 0, 0, Some((RA, 0, 101))),
        (SF, 100, 0, 10, Some((RA, 0, 112))),
        (NONE, 100, 0, 7, Some((RA, 0, 107))),
        (F, 100, 0, 0, Some((RA, 0, 101))),
        (A, 100, 5_000, 7, Some((R, 5_000, 0))),
        (SA, 100, 5_000, 0, Some((R, 5_000, 0))),
        (R, 100, 0, 0, None),
        (ALL, 100, 5_000, 1, None),
    ];
    for (ctl, seq, ack, len, answer) in rows {
        let mut p = Puppet::new();
        p.inject(ctl, seq, ack, WND, none(), &vec![0; len]);
        match answer {
            Some((ctl, seq, ack)) => drop(p.expect(ctl, seq, ack, 0)),
            None => p.expect_nothing(),
        }
        p.expect_nothing();
        let why = if ctl.rst() { "ClosedRst" } else { "ClosedPort" };
        assert_eq!(p.drops(why), 1, "{ctl}");
    }
}

/// §3.10.7.2.
fn listen() {
    let rows: [(Ctl, Answer, &str); 8] = [
        (R, None, "ListenRst"),
        (RA, None, "ListenRst"),
        (ALL, None, "ListenRst"),
        (A, Some((R, 5_000, 0)), "ListenAck"),
        (SA, Some((R, 5_000, 0)), "ListenAck"),
        (NONE, None, "ListenNotSyn"),
        (F, None, "ListenNotSyn"),
        (SF, None, "SynFin"),
    ];
    for (ctl, answer, why) in rows {
        let mut p = Puppet::new();
        p.listen(ListenOptions::default());
        p.inject(ctl, 0, 5_000, WND, none(), b"");
        match answer {
            Some((ctl, seq, ack)) => drop(p.expect(ctl, seq, ack, 0)),
            None => p.expect_nothing(),
        }
        p.expect_nothing();
        assert_eq!(p.drops(why), 1, "{ctl}");
    }
}

/// §3.10.7.4 for SYN-RECEIVED that came from LISTEN: the handshake's second half.
// Rules: MUST-11.
fn half_open() {
    // (flags, seq, ack) → (flags, seq, ack) of the answer, why
    let rows: [(Ctl, i64, i64, Answer, &str); 13] = [
        (S, 0, 0, Some((SA, 0, 1)), "OldDuplicate"),
        (S, 5, 0, Some((A, 1, 1)), "SynInWindow"),
        (SA, 1, 1, Some((A, 1, 1)), "SynInWindow"),
        (S, 100_000, 0, Some((A, 1, 1)), "OutOfWindow"),
        (R, 2, 0, Some((A, 1, 1)), "RstNotExact"),
        (R, 100_000, 0, None, "RstOutOfWindow"),
        (NONE, 1, 0, None, "EmbryoUnusable"),
        (F, 1, 0, None, "EmbryoUnusable"),
        (A, 1, 0, Some((R, 0, 0)), "SynReceivedBadAck"),
        (A, 1, 2, Some((R, 2, 0)), "SynReceivedBadAck"),
        (A, 100_000, 1, Some((A, 1, 1)), "OutOfWindow"),
        (A, 100_000, 7, Some((A, 1, 1)), "OutOfWindow"),
        (A, -5, 1, Some((A, 1, 1)), "OutOfWindow"),
    ];
    for (ctl, seq, ack, answer, why) in rows {
        let mut p = Puppet::new();
        p.listen(ListenOptions::default());
        p.inject(S, 0, 0, WND, mss(1000), b"");
        p.expect(SA, 0, 1, 0);
        p.inject(ctl, seq, ack, WND, none(), b"");
        match answer {
            Some((ctl, seq, ack)) => drop(p.expect(ctl, seq, ack, 0)),
            None => p.expect_nothing(),
        }
        p.expect_nothing();
        assert_eq!(p.drops(why), 1, "{ctl} {seq} ack {ack}: {:?}", p.stack.drops());
        // Nothing of it hurt the handshake.
        p.inject(A, 1, 1, WND, none(), b"");
        p.accept();
        assert_eq!(p.state(), State::Established);
    }
    // For Linux a SYN in the window ends it.
    for (ctl, seq, ack) in [(S, 5, 0), (SA, 1, 1)] {
        let mut p = Puppet::with(|c| c.lineage = Lineage::Linux);
        p.listen(ListenOptions::default());
        p.inject(S, 0, 0, WND, mss(1000), b"");
        p.expect(SA, 0, 1, 0);
        p.inject(ctl, seq, ack, WND, none(), b"");
        assert_eq!((p.take_all().len(), p.drops("SynInWindow")), (1, 1), "{ctl}");
        p.inject(A, 1, 1, WND, none(), b"");
        p.expect(R, 1, 0, 0);
    }
    // An exact reset returns to LISTEN (MUST: "return to the LISTEN state").
    let mut p = Puppet::new();
    p.listen(ListenOptions::default());
    p.inject(S, 0, 0, WND, mss(1000), b"");
    p.expect(SA, 0, 1, 0);
    p.inject(R, 1, 0, WND, none(), b"");
    p.expect_nothing();
    p.inject(S, 0, 0, WND, mss(1000), b"");
    p.expect(SA, 0, 1, 0);
}

/// §3.10.7.3.
fn syn_sent() {
    // (flags, ack) → (flags, seq, ack) of the answer, state after, why
    let same = State::SynSent;
    let rows: [(Ctl, i64, Answer, State, Option<&str>); 8] = [
        (A, 0, Some((R, 0, 0)), same, Some("SynSentBadAck")),
        (A, 2, Some((R, 2, 0)), same, Some("SynSentBadAck")),
        (SA, 2, Some((R, 2, 0)), same, Some("SynSentBadAck")),
        (SA, 0, Some((R, 0, 0)), same, Some("SynSentBadAck")),
        (A, 1, None, same, Some("SynSentNoSyn")),
        (FA, 1, None, same, Some("SynSentNoSyn")),
        (F, 0, None, same, Some("SynSentNoSyn")),
        (SA, 1, Some((A, 1, 1)), State::Established, None),
    ];
    for (ctl, ack, answer, state, why) in rows {
        let mut p = Puppet::new().in_state(State::SynSent, false);
        p.inject(ctl, 0, ack, WND, mss(1000), b"");
        match answer {
            Some((ctl, seq, ack)) => drop(p.expect(ctl, seq, ack, 0)),
            None => p.expect_nothing(),
        }
        p.expect_nothing();
        assert_eq!(p.state(), state, "{ctl} ack {ack}");
        assert!(why.is_none_or(|why| p.drops(why) == 1), "{ctl} ack {ack}");
    }
}

/// §3.10.7.3, second: only a reset that acknowledges the SYN is believed.
fn syn_sent_resets() {
    for (ctl, ack, refused) in
        [(R, 0, false), (RA, 0, false), (RA, 2, false), (RA, 1, true), (ALL, 1, true)]
    {
        let mut p = Puppet::new().in_state(State::SynSent, false);
        p.inject(ctl, 0, ack, WND, none(), b"");
        p.expect_nothing();
        let (state, error) = match refused {
            true => (State::Closed, Err(SocketError::Refused)),
            false => (State::SynSent, Err(SocketError::WouldBlock)),
        };
        assert_eq!(p.state(), state, "{ctl} ack {ack}");
        let conn = p.conn.unwrap();
        assert_eq!(p.stack.read(p.now, conn, &mut [0; 1]), error);
    }
}

/// SYN-RECEIVED that came from SYN-SENT: both sides opened at once.
fn crossed_syns_received() {
    // (flags, seq, ack) → (flags, seq, ack) of the answer, state after
    let same = State::SynReceived;
    let rows: [(Ctl, i64, i64, Answer, State); 9] = [
        (A, 1, 1, None, State::Established),
        (SA, 0, 1, None, State::Established),
        (FA, 1, 1, Some((A, 1, 2)), State::CloseWait),
        (A, 1, 0, Some((R, 0, 0)), same),
        (A, 1, 2, Some((R, 2, 0)), same),
        (S, 0, 0, Some((A, 1, 1)), same),
        (S, 9, 0, Some((A, 1, 1)), same),
        (R, 1, 0, None, State::Closed),
        (R, 2, 0, Some((A, 1, 1)), same),
    ];
    for (ctl, seq, ack, answer, state) in rows {
        let mut p = Puppet::new().in_state(State::SynReceived, false);
        p.inject(ctl, seq, ack, WND, none(), b"");
        match answer {
            Some((ctl, seq, ack)) => drop(p.expect(ctl, seq, ack, 0)),
            None => p.expect_nothing(),
        }
        p.expect_nothing();
        assert_eq!(p.state(), state, "{ctl} {seq} ack {ack}");
    }
}

/// The states in which both sides have agreed on sequence numbers, in the RFC's order.
const SYNCHRONIZED: [State; 7] = [
    State::Established,
    State::FinWait1,
    State::FinWait2,
    State::CloseWait,
    State::Closing,
    State::LastAck,
    State::TimeWait,
];

/// §3.10.7.4, the checks that do not depend on the state.
fn synchronized_states() {
    // flags, seq from RCV.NXT, ack from SND.NXT, data → whether an ACK answers, why
    let rows: [(&str, Ctl, i64, i64, usize, bool, &str); 14] = [
        ("data beyond the window", A, 70_000, 0, 10, true, "OutOfWindow"),
        ("an ACK beyond the window", A, 70_000, 0, 0, true, "OutOfWindow"),
        ("a probe, one before the window", A, -1, 0, 0, true, "OutOfWindow"),
        ("an old duplicate", A, -10, 0, 10, true, "OldDuplicate"),
        ("a SYN before the window", S, -1, 0, 0, true, "OldDuplicate"),
        ("a SYN beyond the window", S, 70_000, 0, 0, true, "OutOfWindow"),
        ("a SYN in the window", S, 10, 0, 0, true, "SynInWindow"),
        ("a SYN-ACK in the window", SA, 0, 0, 0, true, "SynInWindow"),
        ("a reset in the window", R, 1, 0, 0, true, "RstNotExact"),
        ("a reset beyond the window", R, 70_000, 0, 0, false, "RstOutOfWindow"),
        ("a reset before the window", R, -1, 0, 0, false, "RstOutOfWindow"),
        ("no ACK flag", NONE, 0, 0, 10, false, "NoAck"),
        ("an ACK of the future", A, 0, 1, 0, true, "AckTooNew"),
        ("an ACK of the distant past", A, 0, -70_000, 0, true, "AckTooOld"),
    ];
    for state in SYNCHRONIZED {
        for (name, ctl, seq, ack, len, answered, why) in rows {
            let newer_syn = matches!(name, "a SYN in the window" | "a SYN beyond the window");
            if state == State::TimeWait && newer_syn {
                continue; // it may open a new connection
            }
            let mut p = Puppet::new().in_state(state, false);
            let (snd, rcv) = (p.snd, p.rcv);
            p.inject(ctl, snd + seq, rcv + ack, WND, none(), &vec![1; len]);
            if answered {
                p.expect(A, rcv, snd, 0);
            }
            p.expect_nothing();
            assert_eq!(p.state(), state, "{name}");
            assert_eq!(p.drops(why), 1, "{state}, {name}: {:?}", p.stack.drops());
        }
    }
}

/// §3.10.7.4, second: a reset that hits RCV.NXT ends the connection, whatever else it carries; the
/// user hears of it unless both sides had closed.
// Rules: SHLD-2, MUST-12, 5961-3.2-2, 1122-4.2.2.13-2.
fn resets_in_every_state() {
    for state in SYNCHRONIZED {
        for ctl in [R, RA, ALL] {
            let mut p = Puppet::new().in_state(state, false);
            p.inject(ctl, p.snd, p.rcv, WND, none(), b"data");
            p.expect_nothing();
            assert_eq!(p.state(), State::Closed);
            let expected = match state {
                State::Closing | State::LastAck | State::TimeWait => Ok(()),
                State::CloseWait => Err(SocketError::BrokenPipe),
                _ => Err(SocketError::Reset),
            };
            let id = SocketId::Conn(p.conn.unwrap());
            assert_eq!(p.stack.take_error(p.now, id), expected, "{state}");
            p.advance(600_000);
            p.expect_nothing();
        }
    }
}

/// §3.10.7.4, eighth: FIN is acknowledged, and the state follows figure 5.
fn fin_in_every_state() {
    let rows = [
        (State::Established, 0, State::CloseWait),
        (State::FinWait1, 0, State::TimeWait),
        (State::FinWait1, -1, State::Closing),
        (State::FinWait2, 0, State::TimeWait),
    ];
    for (state, ack, after) in rows {
        let mut p = Puppet::new().in_state(state, false);
        let (snd, rcv) = (p.snd, p.rcv);
        p.inject(FA, snd, rcv + ack, WND, none(), b"end");
        p.expect(A, rcv, snd + 4, 0);
        p.expect_nothing();
        assert_eq!(p.state(), after);
        assert_eq!(p.read(10), 3);
        assert_eq!(p.read(10), 0);
    }
    // A FIN again: acknowledged again, and the state stays.
    for state in [State::CloseWait, State::Closing, State::LastAck, State::TimeWait] {
        let mut p = Puppet::new().in_state(state, false);
        let (snd, rcv) = (p.snd, p.rcv);
        p.inject(FA, snd - 1, 1, WND, none(), b"");
        p.expect(A, rcv, snd, 0);
        p.expect_nothing();
        assert_eq!((p.state(), p.drops("OldDuplicate")), (state, 1));
    }
    // A FIN beyond a gap waits for what is missing.
    let mut p = Puppet::new().in_state(State::Established, false);
    p.inject(FA, 11, 1, WND, none(), b"");
    p.expect(A, 1, 1, 0);
    assert_eq!(p.state(), State::Established);
    p.data(1, 10);
    p.expect(A, 1, 12, 0);
    assert_eq!(p.state(), State::CloseWait);
}

/// §3.10.7.4, seventh: after its FIN the peer has nothing to say.
fn data_after_fin() {
    for state in [State::CloseWait, State::Closing, State::LastAck, State::TimeWait] {
        let mut p = Puppet::new().in_state(state, false);
        p.inject(A, p.snd, 1, WND, none(), b"more");
        p.expect_nothing();
        assert_eq!((p.state(), p.drops("DataAfterFin")), (state, 1));
    }
}

/// §3.10.7.4, sixth: the pointer counts from the segment's first byte, also when that is cut away.
// Rules: MUST-30, MUST-32, MUST-33, 6093-6-1.
fn urgent_pointers() {
    for (seq, len, urg, expected) in [(1, 10, 4, Some(4)), (1, 10, 25, Some(25)), (1, 10, 0, None)]
    {
        let mut p = Puppet::new().in_state(State::Established, false);
        let mut header = p.header(UA, seq, 1, WND, none());
        header.urg = urg;
        p.inject_segment(&header, &vec![1; len]);
        let urgent = p.stack.conn(p.conn.unwrap()).unwrap().urgent();
        assert_eq!(urgent, expected, "urgent pointer {urg}");
        // MUST-32: what has been read is not urgent any more.
        p.read(100);
        let urgent = p.stack.conn(p.conn.unwrap()).unwrap().urgent();
        assert_eq!(urgent, expected.and_then(|up| up.checked_sub(10)));
    }
    let mut p = Puppet::new().in_state(State::Established, false);
    p.data(1, 10);
    p.read(10);
    let mut header = p.header(UA, 6, 1, WND, none());
    header.urg = 8;
    p.inject_segment(&header, &[1; 10]);
    assert_eq!(p.stack.conn(p.conn.unwrap()).unwrap().urgent(), Some(3), "6 + 8 is behind 11");
    // Only while the peer may send (the check is ignored in the other states).
    let mut p = Puppet::new().in_state(State::CloseWait, false);
    let mut header = p.header(UA, 2, 1, WND, none());
    header.urg = 8;
    p.inject_segment(&header, b"");
    assert_eq!(p.stack.conn(p.conn.unwrap()).unwrap().urgent(), None);
}

/// Segments that no peer sends: from ourselves, to everybody, to no port, broken.
// Rules: MUST-3, MUST-57, MUST-63, 1122-4.2.3.10-1.
fn land_and_strangers() {
    let segment = |src: Ipv4Addr, dst: Ipv4Addr, change: fn(&mut Vec<u8>)| {
        let p = Puppet::new();
        let mut bytes = tcp_bytes(src.into(), dst.into(), &p.header(S, 0, 0, WND, none()), b"");
        change(&mut bytes);
        ip_packet(6, &bytes, |ip| (ip.src, ip.dst) = (src, dst))
    };
    let broadcast = Ipv4Addr::new(10, 0, 0, 255);
    let rows = [
        ("OwnSource", segment(HOST, HOST, |_| ())),
        ("TcpBroadcast", segment(PEER, broadcast, |_| ())),
        ("TcpBroadcast", segment(PEER, Ipv4Addr::new(224, 0, 0, 1), |_| ())),
        ("MartianSource", segment(broadcast, HOST, |_| ())),
        ("TcpChecksum", segment(PEER, HOST, |bytes| bytes[4] ^= 1)),
        ("TcpHeaderLength", segment(PEER, HOST, |bytes| bytes[12] = 0x40)),
        ("TcpHeaderLength", segment(PEER, HOST, |bytes| bytes[12] = 0xf0)),
        ("TcpHeaderLength", segment(PEER, HOST, |bytes| bytes.truncate(19))),
    ];
    for (why, packet) in rows {
        let mut p = Puppet::of(host_setup());
        p.listen(ListenOptions::default());
        p.raw(&packet);
        p.expect_nothing();
        p.expect_no_other();
        assert_eq!((p.drops(why), p.stack.drops().total()), (1, 1), "{why}");
    }
    for end in [true, false] {
        let mut p = Puppet::new();
        if end {
            p.remote.set_port(0)
        } else {
            p.local.set_port(0)
        }
        p.inject(S, 0, 0, WND, none(), b"");
        p.expect_nothing();
        assert_eq!(p.drops("TcpPortZero"), 1);
    }
}

/// §3.10.7.4, first: "If the RCV.WND is zero, no segments will be acceptable, but special allowance
/// should be made to accept valid ACKs, URGs, and RSTs."
// Rules: MUST-66.
fn zero_window_arrivals() {
    let closed = || {
        let mut p = Puppet::with(|c| c.recv_buffer = 2048).open(mss(1000));
        p.data(1, 1024);
        p.data(1025, 1024);
        let wnd = p.take_all().last().map(|got| got.wnd);
        assert_eq!(wnd, Some(0));
        p.write(10);
        p.expect(A, 1, 2049, 10);
        p.snd = 2049;
        p
    };
    // Data does not fit, but its ACK is taken (MUST-66) and it is answered (MUST-37's other side).
    let mut p = closed();
    p.inject(A, 2049, 11, WND, none(), b"x");
    assert_eq!(p.expect(A, 11, 2049, 0).wnd, 0);
    assert_eq!(p.info().unacked, 0, "the ACK counted");
    assert_eq!(p.info().bytes_received, 2048);
    let mut p = closed();
    p.inject(FA, 2049, 11, WND, none(), b"");
    p.expect(A, 11, 2049, 0);
    assert_eq!(p.state(), State::Established, "a FIN takes room, too");
    let mut header = p.header(UA, 2049, 11, WND, none());
    header.urg = 5;
    p.inject_segment(&header, b"");
    assert!(p.stack.conn(p.conn.unwrap()).unwrap().urgent().is_some());
    p.inject(R, 2050, 0, WND, none(), b"");
    assert_eq!(p.state(), State::Established);
    p.inject(R, 2049, 0, WND, none(), b"");
    assert_eq!(p.state(), State::Closed);
    // A SYN is never acceptable there.
    let mut p = closed();
    p.inject(S, 2049, 0, WND, none(), b"");
    p.expect(A, 11, 2049, 0);
    assert_eq!(p.state(), State::Established);
}

/// §3.5.1: a peer that forgot us and opens again is told where we are; its reset frees it.
// Rules: 5961-4.2-1.
fn a_restarted_peer_is_discovered() {
    for options in [mss(1000), ts(500, 0)] {
        let mut p = Puppet::new();
        p.connect();
        let syn = p.expect(S, 0, 0, 0);
        let mut theirs = options.clone();
        if let Some(ts) = &mut theirs.ts {
            ts.ecr = syn.options.ts.unwrap().val;
        }
        p.inject(SA, 0, 1, WND, theirs, b"");
        p.expect(A, 1, 1, 0);
        // The new SYN offers no timestamps, whatever the old connection had.
        p.inject(S, 77_000_000, 0, WND, mss(1000), b"");
        p.expect(A, 1, 1, 0);
        assert_eq!(p.state(), State::Established);
        p.inject(R, 1, 0, WND, none(), b"");
        assert_eq!(p.state(), State::Closed);
    }
}

/// "Segments with higher beginning sequence numbers SHOULD be held" (SHLD-31), what lies before or
/// behind the window is cut away.
fn partly_old_segments_are_trimmed() {
    let mut p = Puppet::with(|c| c.recv_buffer = 3000).open(mss(1000));
    p.data(1, 100);
    p.data(51, 100);
    assert_eq!(p.info().bytes_received, 150);
    p.data(2901, 400); // 101 bytes fit
    p.data(151, 2750);
    assert_eq!(p.info().bytes_received, 3000);
    let mut room = vec![0; 4000];
    let n = p.stack.read(p.now, p.conn.unwrap(), &mut room).unwrap();
    let expected: Vec<u8> = (1..=3000).map(crate::support::puppet::byte).collect();
    assert_eq!(room[..n], expected);
}

/// RFC 5961 §3.2: it is SEG.SEQ that must match RCV.NXT, and data in front does not help a reset
/// that was guessed: else every try would cover as many sequence numbers as it has bytes.
// Rules: 5961-3.2-2.
fn a_reset_with_data_must_hit_exactly() {
    for state in SYNCHRONIZED {
        let mut p = Puppet::new().in_state(state, false);
        let (snd, rcv) = (p.snd, p.rcv);
        p.inject(R, snd - 100, 0, WND, none(), &[0; 200]);
        p.expect(A, rcv, snd, 0);
        assert_eq!((p.state(), p.drops("RstNotExact")), (state, 1));
    }
}

/// RFC 5961 §4.2: "irrespective of the sequence number", wherever its data reaches.
// Rules: 5961-4.2-1.
fn a_syn_with_data_is_challenged() {
    for state in SYNCHRONIZED.into_iter().filter(|state| *state != State::TimeWait) {
        let mut p = Puppet::new().in_state(state, false);
        let (snd, rcv) = (p.snd, p.rcv);
        p.inject(SA, snd - 1, rcv, WND, none(), &[0; 20]);
        p.expect(A, rcv, snd, 0);
        assert_eq!((p.state(), p.drops("SynInWindow")), (state, 1));
        assert_eq!(p.info().bytes_received, 0);
    }
}

/// RFC 5961 §7: a SYN is challenged wherever it lies, so the bound holds wherever it lies.
// Rules: 5961-7-1.
fn syns_are_answered_at_a_bounded_rate() {
    let mut p = Puppet::new().in_state(State::Established, false);
    for seq in [-9, 5, 70_000, -9, 5, 70_000] {
        p.inject(S, seq, 0, WND, none(), b"");
    }
    p.expect(A, 1, 1, 0);
    p.expect_nothing();
    assert_eq!(p.drops("ChallengeLimit"), 5);
}

/// The user closed between the crossed SYN and its SYN-ACK: that still acknowledges our SYN.
fn a_crossed_syn_ack_after_close() {
    let mut p = Puppet::new().in_state(State::SynReceived, false);
    p.shutdown();
    assert_eq!(p.state(), State::FinWait1);
    p.inject(SA, 0, 1, WND, mss(1000), b"");
    p.expect(FA, 1, 1, 0);
    p.inject(A, 1, 2, WND, none(), b"");
    assert_eq!(p.state(), State::FinWait2);
}

/// RFC 5961 §3.2: a reset counts from its own sequence number. Payload that reaches to RCV.NXT does
/// not help one who guesses.
// Rules: 5961-3.2-1, 5961-3.2-3.
fn resets_are_exact() {
    for (seq, len) in [(-998, 1000), (0, 2), (0, 1000), (2, 0), (2, 10)] {
        let mut p = Puppet::new().open(mss(1000));
        p.inject(R, seq, 0, 0, none(), &vec![b'x'; len]);
        p.expect(A, 1, 1, 0);
        assert_eq!((p.state(), p.drops("RstNotExact")), (State::Established, 1), "{seq} {len}");
    }
    let mut p = Puppet::new().open(mss(1000));
    p.inject(R, 1, 0, 0, none(), b"why");
    assert_eq!(p.state(), State::Closed);
}

/// A FIN that data went past was none: the end is where the peer says it last.
fn a_fin_in_the_middle_is_no_end() {
    let mut p = Puppet::new().open(mss(1000));
    p.inject(FA, 501, 1, WND, none(), b"");
    p.expect(A, 1, 1, 0);
    p.data(1, 1000);
    p.expect(A, 1, 1001, 0);
    p.inject(FA, 1001, 1, WND, none(), b"");
    p.expect(A, 1, 1002, 0);
    assert_eq!((p.read(2_000), p.state()), (1000, State::CloseWait));
}
