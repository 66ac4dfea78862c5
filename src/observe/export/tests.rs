//! A small story in every format: five segments, the second of which the network loses, repaired
//! by a fast retransmission; then a tail that only the timer repairs. The files are held as they
//! are.

use super::*;
use crate::base::{EventId, Instant, Seq};
use crate::impair::{Act, Fate, Packets, What};
use crate::observe::log::{Kind, Place};
use crate::observe::view::stories::{ISS, Story, golden_in, seg};
use crate::stack::Record;
use crate::tcp::info::Change;
use crate::tcp::{CaState, Plan, Room, RtxRule, TcpInfo, Timer};
use crate::wire::tcp::Ctl;
use std::time::Duration;

const MSS: u32 = 1_460;

/// A change of `tcp_info`, by the fields' names.
fn info(story: &mut Story, back: u64, fields: &[(&str, u64)]) {
    let field = |name: &str| TcpInfo::FIELDS.iter().position(|field| *field == name).expect(name);
    let changes = fields.iter().map(|(name, value)| {
        let field = field(name) as u8;
        Change { field, value: *value }
    });
    story.tcp(back, tcp::Event::Info { changes: changes.collect() });
}

fn data(story: &mut Story, n: u32, plan: Plan, flight: u64) {
    let ctl = if n == 5 { Ctl::ACK.with(Ctl::PSH) } else { Ctl::ACK };
    story.send(1, seg(true, ctl, 1 + MSS * n, Some(79), MSS), plan);
    info(story, 1, &[("bytes_in_flight", flight * u64::from(MSS))]);
}

fn again(n: u32, rule: RtxRule) -> Plan {
    Plan::Retransmit { rule, seq: ISS + 1 + MSS * n, len: MSS }
}

fn ack(story: &mut Story, n: u32, sack: Option<(u32, u32)>) {
    let mut ack = seg(false, Ctl::ACK, 79, Some(1 + MSS * n), 0);
    let edge = |n: u32| -> Seq { ISS + 1 + MSS * n };
    ack.options.sack.extend(sack.map(|(left, right)| (edge(left), edge(right))));
    story.receive(ack);
}

fn blocked(story: &mut Story, why: tcp::Blocked) {
    story.tcp(1, tcp::Event::Blocked { why, room: Room::default() });
}

fn story() -> Vec<Record> {
    let mut story = Story::new();
    story.handshake().request();
    let (cwnd, wnd) = (("snd_cwnd_bytes", 7_300), ("snd_wnd", 65_536));
    let beyond = ("snd_ssthresh", 1_470_900);
    info(&mut story, 1, &[("snd_mss", MSS.into()), cwnd, wnd, beyond, ("rto", 1_000_000)]);
    for n in 0..5 {
        data(&mut story, n, Plan::NewData { len: MSS, push: n == 5 }, u64::from(n) + 1);
    }
    blocked(&mut story, tcp::Blocked::Cwnd);
    story.wait(20_000);
    ack(&mut story, 1, None);
    let times = [20, 20, 10, 200].map(Duration::from_millis);
    let [sample, srtt, rttvar, rto] = times;
    story.tcp(1, tcp::Event::Rtt { sample, srtt, rttvar, rto });
    let rtt = [("rtt", 20_000), ("rttvar", 10_000), ("rto", 200_000), ("min_rtt", 20_000)];
    info(&mut story, 2, &[rtt.as_slice(), &[("bytes_in_flight", 5_840)]].concat());
    for n in 3..6 {
        story.wait(1_200);
        ack(&mut story, 1, Some((2, n)));
    }
    let (from, to) = (CaState::Disorder, CaState::Recovery);
    story.tcp(1, tcp::Event::Ca { from, to, cwnd: 7_300, ssthresh: 2_920 });
    info(&mut story, 2, &[("ca_state", 3), ("snd_ssthresh", 2), ("lost", 1)]);
    data(&mut story, 1, again(1, RtxRule::FastRetransmit), 4);
    story.wait(20_000);
    ack(&mut story, 5, None);
    info(&mut story, 1, &[("ca_state", 0), ("snd_cwnd_bytes", 2_920), ("bytes_in_flight", 0)]);
    data(&mut story, 5, Plan::NewData { len: MSS, push: true }, 1);
    blocked(&mut story, tcp::Blocked::App);
    story.wait(200_000).tcp(0, tcp::Event::TimerExpired { timer: Timer::Rtx });
    info(&mut story, 1, &[("snd_cwnd_bytes", 1_460), ("rto", 400_000), ("ca_state", 4)]);
    data(&mut story, 5, again(5, RtxRule::Rto), 1);
    story.wait(20_000);
    ack(&mut story, 6, None);
    info(&mut story, 1, &[("bytes_in_flight", 0), ("rto", 200_000)]);
    story.records
}

/// The story, with what the wire did to its segments.
fn log() -> (Log, Conn) {
    let place = |name: &str, kind, ends| Place { name: name.into(), kind, ends };
    let ends = Some([PlaceId(0), PlaceId(1)]);
    let mut log = Log::new(vec![
        place("server", Kind::Host, None),
        place("client", Kind::Outside, None),
        place("wire", Kind::Wire, ends),
    ]);
    let (mut ordinal, mut waiting) = (0, 0);
    for record in story() {
        let (at, origin, event) = (record.at, record.id, record.event.clone());
        log.host(PlaceId(0), &mut vec![record]);
        let stack::Event::Tcp(tcp::Event::Sent { seg, .. }) = event else { continue };
        if seg.len == 0 {
            continue;
        }
        let what = match ordinal {
            1 => What::Gone { fate: Fate::QueueFull { packets: Packets(1), bytes: 1_500 } },
            6 => What::Gone { fate: Fate::Lost },
            _ => {
                waiting = if ordinal < 6 { waiting + 1 } else { 1 };
                What::Queued { packets: Packets(waiting), bytes: u64::from(waiting) * 1_500 }
            }
        };
        log.wire(PlaceId(2), 0, Act { at, origin, ordinal, copy: false, what });
        ordinal += 1;
    }
    let conn = conns(&log)[0];
    (log, conn)
}

/// What a writer writes.
fn text(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).expect("memory");
    String::from_utf8(out).expect("text")
}

#[test]
fn tables() {
    let (log, conn) = log();
    golden_in("export", "conn.csv", &text(|out| csv::conn(&log, &conn, out)));
    golden_in("export", "segments.csv", &text(|out| csv::segments(&log, &conn, out)));
    let way = queues::ways(&log)[0];
    golden_in("export", "queue.csv", &text(|out| csv::queue(&log, way, out)));
    let back = queues::ways(&log)[1];
    assert_eq!(text(|out| csv::queue(&log, back, out)), "t_ns,id,change,packets,bytes\n");
}

#[test]
fn plots_of_a_connection() {
    let (log, conn) = log();
    let sequence = text(|out| plots::time_sequence(&log, &conn, out));
    golden_in("export", "sequence.svg", &sequence);
    for words in ["fast retransmit", "timeout (RTO)", "lost in the network", "held by cwnd"] {
        assert!(sequence.contains(words), "the legend tells of {words}");
    }
    assert!(!sequence.contains("SACK block</text>\n<path class=\"s"), "bands come first");
    golden_in("export", "windows.svg", &text(|out| plots::windows(&log, &conn, out)));
    golden_in("export", "round-trips.svg", &text(|out| plots::round_trips(&log, &conn, out)));
    let way = queues::ways(&log)[0];
    golden_in("export", "queue.svg", &text(|out| plots::queue(&log, way, out)));
}

#[test]
fn the_language_of_xplot() {
    let (log, conn) = log();
    golden_in("export", "sequence.xpl", &text(|out| xpl::time_sequence(&log, &conn, out)));
}

#[test]
fn qlog_as_the_draft_has_it_and_as_qvis_takes_it() {
    let (log, conn) = log();
    let ours = text(|out| qlog::write(&log, qlog::Scope::Conn(&conn), "a story", out));
    golden_in("export", "conn.sqlog", &ours);
    golden_in("export", "conn.qvis.qlog", &text(|out| qvis::write(&log, &conn, "a story", out)));
    let network = text(|out| qlog::write(&log, qlog::Scope::Network, "a story", out));
    assert_eq!(network.lines().count(), log.entries().len() + 2, "a header, and the scenario");
    let wire = text(|out| qlog::write(&log, qlog::Scope::Place(PlaceId(2)), "a story", out));
    assert_eq!(wire.matches("\"link:dropped\"").count(), 2);
}

#[test]
fn a_connection_has_its_own_handshake_only() {
    let (mut log, conn) = log();
    let born = conn.entries(&log).next().map(|entry| entry.id);
    assert_eq!(born, Some(EventId(2)), "the SYN that the listener took");
    // The same addresses again, much later.
    let mut later = story();
    let n = log.entries().len() as u64 + 100;
    for record in &mut later {
        record.id = EventId(record.id.0 + n);
        record.at = Instant::from_nanos(record.at.as_nanos() + 10_000_000_000);
        record.causes = record.causes.map(|id| EventId(id.0 + if id.is_some() { n } else { 0 }));
        record.conn = record.conn.map(|_| ConnId(2 << 32));
    }
    let first = conn.entries(&log).count();
    log.host(PlaceId(0), &mut later);
    let [a, b] = conns(&log)[..] else { panic!("two connections") };
    assert_eq!((a, a.entries(&log).count()), (conn, first));
    assert_eq!(b.entries(&log).count(), first);
    assert!(b.entries(&log).all(|entry| entry.at > Instant::from_nanos(10_000_000_000)));
}
