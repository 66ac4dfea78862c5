//! A small story in every format: five segments, the second of which the network loses, repaired
//! by a fast retransmission; then a tail that only the timer repairs. The files are held as they
//! are.

use super::*;
use crate::base::{EventId, Instant, Seq};
use crate::impair::{Act, Fate, Packets, What};
use crate::observe::log::{Kind, Log, Place};
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
    let conn = Index::new(&log).conns()[0];
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
    golden_in("export", "conn.csv", &text(|out| csv::conn(&Index::new(&log), &conn, out)));
    golden_in("export", "segments.csv", &text(|out| csv::segments(&Index::new(&log), &conn, out)));
    let way = queues::ways(&log)[0];
    golden_in("export", "queue.csv", &text(|out| csv::queue(&Index::new(&log), way, out)));
    let back = queues::ways(&log)[1];
    assert_eq!(
        text(|out| csv::queue(&Index::new(&log), back, out)),
        "t_ns,id,change,packets,bytes\n"
    );
}

#[test]
fn plots_of_a_connection() {
    let (log, conn) = log();
    let sequence = text(|out| plots::time_sequence(&Index::new(&log), &conn, out));
    golden_in("export", "sequence.svg", &sequence);
    for words in ["fast retransmit", "timeout (RTO)", "lost in the network", "held by cwnd"] {
        assert!(sequence.contains(words), "the legend tells of {words}");
    }
    assert!(!sequence.contains("SACK block</text>\n<path class=\"s"), "bands come first");
    golden_in("export", "windows.svg", &text(|out| plots::windows(&Index::new(&log), &conn, out)));
    golden_in(
        "export",
        "round-trips.svg",
        &text(|out| plots::round_trips(&Index::new(&log), &conn, out)),
    );
    let way = queues::ways(&log)[0];
    golden_in("export", "queue.svg", &text(|out| plots::queue(&Index::new(&log), way, out)));
}

#[test]
fn the_language_of_xplot() {
    let (log, conn) = log();
    golden_in(
        "export",
        "sequence.xpl",
        &text(|out| xpl::time_sequence(&Index::new(&log), &conn, out)),
    );
}

#[test]
fn qlog_as_the_draft_has_it_and_as_qvis_takes_it() {
    let (log, conn) = log();
    let ours = text(|out| qlog::write(&Index::new(&log), qlog::Scope::Conn(&conn), "a story", out));
    golden_in("export", "conn.sqlog", &ours);
    golden_in(
        "export",
        "conn.qvis.qlog",
        &text(|out| qvis::write(&Index::new(&log), &conn, "a story", out)),
    );
    let network = text(|out| qlog::write(&Index::new(&log), qlog::Scope::Network, "a story", out));
    assert_eq!(network.lines().count(), log.entries().len() + 2, "a header, and the scenario");
    let wire =
        text(|out| qlog::write(&Index::new(&log), qlog::Scope::Place(PlaceId(2)), "a story", out));
    assert_eq!(wire.matches("\"link:dropped\"").count(), 2);
}

/// The same addresses again, much later, in the `n`th connection.
fn later(n: u64) -> Vec<Record> {
    let mut records = story();
    let ids = n * (records.len() as u64 + 100);
    for record in &mut records {
        record.id = EventId(record.id.0 + ids);
        record.at = Instant::from_nanos(record.at.as_nanos() + n * 10_000_000_000);
        record.causes = record.causes.map(|id| EventId(id.0 + if id.is_some() { ids } else { 0 }));
        record.conn = record.conn.map(|_| ConnId((n + 1) << 32));
    }
    records
}

#[test]
fn a_connection_has_its_own_handshake_only() {
    let (mut log, conn) = log();
    let index = Index::new(&log);
    let born = index.entries(&conn).next().map(|entry| entry.id);
    assert_eq!(born, Some(EventId(2)), "the SYN that the listener took");
    let first = index.entries(&conn).count();
    log.host(PlaceId(0), &mut later(1));
    let index = Index::new(&log);
    let [a, b] = *index.conns() else { panic!("two connections") };
    assert_eq!((a, index.entries(&a).count()), (conn, first));
    assert_eq!(index.entries(&b).count(), first);
    assert!(index.entries(&b).all(|entry| entry.at > Instant::from_nanos(10_000_000_000)));
}

/// A thousand connections, each written in all formats: were the log gone through for each, this
/// would take hours.
#[test]
fn to_write_about_all_connections_costs_what_the_log_does() {
    const MANY: usize = 1_000;
    let (mut log, conn) = log();
    (1..MANY as u64).for_each(|n| log.host(PlaceId(0), &mut later(n)));
    let index = Index::new(&log);
    assert_eq!(index.conns().len(), MANY);
    let each = index.entries(&conn).count();
    let write = |conn: &Conn, out: &mut Vec<u8>| {
        csv::conn(&index, conn, out)?;
        csv::segments(&index, conn, out)?;
        plots::time_sequence(&index, conn, out)?;
        plots::windows(&index, conn, out)?;
        plots::round_trips(&index, conn, out)?;
        xpl::time_sequence(&index, conn, out)?;
        qlog::write(&index, qlog::Scope::Conn(conn), "one of many", out)?;
        qvis::write(&index, conn, "one of many", out)
    };
    for conn in index.conns() {
        assert_eq!(index.entries(conn).count(), each);
        assert!(text(|out| write(conn, out)).len() > 10_000);
    }
}
