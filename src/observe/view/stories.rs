//! Hand-made records for the views' tests: what a host would tell of a handshake, a request, a
//! loss, a close, a refusal, a ping and a datagram. Also the golden-file check.

use crate::base::{ConnId, Duration, EventId, Instant, Seq, SocketError, Why};
use crate::stack::{Call, Event, PacketView, Record, Sent};
use crate::tcp::{
    self, AckWhy, Blocked, CaState, Cause, Outcome, Plan, Reply, Room, RtxRule, SegmentView, State,
    Timer,
};
use crate::wire::icmp::Icmp;
use crate::wire::icmpv4::Icmpv4;
use crate::wire::tcp::{Ctl, Options, Timestamps};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

/// Compares with `tests/golden/view/<name>`; writes it when `UPDATE` is set.
#[track_caller]
pub(crate) fn golden(name: &str, actual: &str) {
    golden_in("view", name, actual);
}

/// Compares with a file of another directory of `tests/golden`.
#[track_caller]
pub(crate) fn golden_in(dir: &str, name: &str, actual: &str) {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let path = golden.join(dir).join(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, actual).expect("golden file is writable");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    for (n, (expected, actual)) in expected.lines().zip(actual.lines()).enumerate() {
        assert_eq!(actual, expected, "{name}, line {}", n + 1);
    }
    assert_eq!(actual, expected, "{name}: UPDATE=1 rewrites it");
}

pub(crate) fn addr(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

pub(crate) const US: &str = "10.9.0.2:80";
pub(crate) const PEER: &str = "10.9.0.1:47518";
/// The peer's and our initial sequence numbers; ours wraps soon.
pub(crate) const IRS: Seq = Seq(3_930_033_652);
pub(crate) const ISS: Seq = Seq(4_294_967_000);

const A: Ctl = Ctl::ACK;
const PA: Ctl = Ctl(Ctl::PSH.0 | Ctl::ACK.0);
const FA: Ctl = Ctl(Ctl::FIN.0 | Ctl::ACK.0);

/// A segment of theirs (`ours` false) or ours, with numbers relative to the SYNs.
pub(crate) fn seg(ours: bool, ctl: Ctl, seq: u32, ack: Option<u32>, len: u32) -> SegmentView {
    let (from, to) = if ours { (ISS, IRS) } else { (IRS, ISS) };
    let wnd = if ours { 509 } else { 64 };
    let (seq, ack) = (from + seq, ack.map(|ack| to + ack));
    SegmentView { seq, ack, ctl, wnd, urg: 0, len, options: Options::default() }
}

fn syn_options(mss: u16, val: u32, ecr: u32, wscale: u8) -> Options {
    Options {
        mss: Some(mss),
        wscale: Some(wscale),
        sack_permitted: true,
        ts: Some(Timestamps { val, ecr }),
        ..Options::default()
    }
}

pub(crate) fn syn() -> SegmentView {
    let options = syn_options(65_495, 1_561_934_866, 0, 10);
    SegmentView { wnd: 65_495, options, ..seg(false, Ctl::SYN, 0, None, 0) }
}

pub(crate) fn syn_ack() -> SegmentView {
    let options = syn_options(1_460, 77, 1_561_934_866, 7);
    SegmentView { wnd: 65_160, options, ..seg(true, Ctl::SYN.with(A), 0, Some(1), 0) }
}

/// A story in the making.
pub(crate) struct Story {
    pub(crate) records: Vec<Record>,
    micros: u64,
    conn: Option<ConnId>,
}

impl Story {
    pub(crate) fn new() -> Story {
        Story { records: Vec::new(), micros: 5_000_000, conn: None }
    }

    pub(crate) fn wait(&mut self, micros: u64) -> &mut Story {
        self.micros += micros;
        self
    }

    /// Tells an event, caused by the event so many places `back` (0: none).
    pub(crate) fn tell(&mut self, back: u64, event: Event) -> &mut Story {
        let id = EventId(self.records.len() as u64 + 1);
        let cause = if back == 0 { EventId::NONE } else { EventId(id.0 - back) };
        let at = Instant::from_micros(self.micros);
        self.records.push(Record {
            id,
            at,
            conn: self.conn,
            causes: [cause, EventId::NONE],
            event,
        });
        self
    }

    pub(crate) fn tcp(&mut self, back: u64, event: tcp::Event) -> &mut Story {
        self.tell(back, Event::Tcp(event))
    }

    pub(crate) fn receive(&mut self, seg: SegmentView) -> &mut Story {
        self.tcp(0, tcp::Event::Received { seg, outcome: Outcome::Accepted })
    }

    pub(crate) fn send(&mut self, back: u64, seg: SegmentView, plan: Plan) -> &mut Story {
        self.tcp(back, tcp::Event::Sent { seg, plan, room: Room::default() })
    }

    pub(crate) fn call(&mut self, call: Call, result: u64) -> &mut Story {
        self.tell(0, Event::Call { call, result: Ok(result) })
    }

    fn state(&mut self, back: u64, from: State, to: State, cause: Cause) -> &mut Story {
        self.tcp(back, tcp::Event::State { from, to, cause })
    }

    /// listen, SYN, SYN-ACK, ACK: connection 1 is open and accepted.
    pub(crate) fn handshake(&mut self) -> &mut Story {
        let (local, remote) = (addr(US), addr(PEER));
        self.call(Call::Listen { local, backlog: 128 }, 0);
        self.wait(1_250);
        self.tell(0, Event::StrayIn { local, remote, seg: syn(), outcome: Outcome::Accepted });
        self.tell(1, Event::StrayOut { local, remote, seg: syn_ack(), reply: Reply::SynAck });
        self.wait(20_000);
        self.conn = Some(ConnId(1 << 32));
        self.tell(0, Event::Conn { local, remote });
        self.receive(seg(false, A, 1, Some(1), 0));
        self.state(1, State::SynReceived, State::Established, Cause::RcvAckOfSyn);
        let at = Instant::from_micros(self.micros + 7_200_000_000);
        self.tcp(2, tcp::Event::TimerSet { timer: Timer::Keepalive, at });
        self.call(Call::Accept, 0)
    }

    fn data_out(&mut self, back: u64, seq: u32, len: u32, push: bool) -> &mut Story {
        let ctl = if push { PA } else { A };
        self.send(back, seg(true, ctl, seq, Some(79), len), Plan::NewData { len, push })
    }

    pub(crate) fn request(&mut self) -> &mut Story {
        self.wait(150).receive(seg(false, PA, 1, Some(1), 78));
        self.wait(10).call(Call::Read { max: 4_096 }, 78);
        self.wait(40_000).tcp(0, tcp::Event::TimerExpired { timer: Timer::Delack });
        let why = AckWhy::Delayed;
        self.send(1, seg(true, A, 1, Some(79), 0), Plan::Ack { why })
    }
}

/// A handshake as the server sees it.
pub(crate) fn handshake() -> Vec<Record> {
    std::mem::take(&mut Story::new().handshake().records)
}

/// A handshake, a request and its answer.
pub(crate) fn request() -> Vec<Record> {
    let mut story = Story::new();
    story.handshake().request();
    story.call(Call::Write { len: 600 }, 600).data_out(1, 1, 600, true);
    story.wait(20_000).receive(seg(false, A, 79, Some(601), 0));
    let (sample, srtt) = (Duration::from_millis(20), Duration::from_micros(20_125));
    let rto = Duration::from_secs(1);
    story.tcp(1, tcp::Event::Rtt { sample, srtt, rttvar: Duration::from_millis(10), rto });
    story.records
}

/// Four segments out, the first is lost, three SACKs, the fast retransmission, and the repair.
pub(crate) fn retransmit() -> Vec<Record> {
    let mut story = Story::new();
    story.handshake().request();
    story.call(Call::Write { len: 5_840 }, 5_840);
    for n in 0..4 {
        story.data_out(n + 1, 1 + 1_460 * n as u32, 1_460, n == 3);
    }
    story.tcp(1, tcp::Event::Blocked { why: Blocked::Cwnd, room: Room::default() });
    story.wait(20_000);
    for n in 0..3 {
        let mut dup = seg(false, A, 79, Some(1), 0);
        dup.options.ts = Some(Timestamps { val: 1_561_934_900 + n, ecr: 78 });
        dup.options.sack.push((ISS + 1_461, ISS + 1_461 + 1_460 * (n + 1)));
        story.receive(dup).wait(90);
    }
    let (from, to) = (CaState::Disorder, CaState::Recovery);
    story.tcp(1, tcp::Event::Ca { from, to, cwnd: 7_300, ssthresh: 2_920 });
    let rule = RtxRule::FastRetransmit;
    let plan = Plan::Retransmit { rule, seq: ISS + 1, len: 1_460 };
    story.send(2, seg(true, A, 1, Some(79), 1_460), plan);
    story.wait(20_000).receive(seg(false, A, 79, Some(5_841), 0));
    story.records
}

/// The peer closes, then we do; a reset and a stray SYN come late.
pub(crate) fn close() -> Vec<Record> {
    let mut story = Story::new();
    story.handshake().wait(500).receive(seg(false, FA, 1, Some(1), 0));
    story.state(1, State::Established, State::CloseWait, Cause::RcvFin);
    story.send(2, seg(true, A, 1, Some(2), 0), Plan::Ack { why: AckWhy::Fin });
    story.wait(30).call(Call::Read { max: 4_096 }, 0);
    story.call(Call::Close, 0);
    story.state(1, State::CloseWait, State::LastAck, Cause::Close);
    story.send(2, seg(true, FA, 1, Some(2), 0), Plan::Fin);
    story.wait(20_000).receive(seg(false, A, 2, Some(2), 0));
    story.state(1, State::LastAck, State::Closed, Cause::RcvAckOfFin);
    story.conn = None;
    let (local, remote) = (addr(US), addr(PEER));
    let rst = SegmentView { wnd: 0, ..seg(false, Ctl::RST, 2, None, 0) };
    let outcome = Outcome::Dropped(Why::ClosedRst);
    story.wait(700).tell(0, Event::StrayIn { local, remote, seg: rst, outcome });
    story.records
}

/// A SYN to a port nobody listens on, and a connect() of ours that is refused.
pub(crate) fn refused() -> Vec<Record> {
    let mut story = Story::new();
    let (local, remote) = (addr("10.9.0.2:81"), addr("10.9.0.1:47520"));
    let asked = SegmentView { options: Options::default(), ..syn() };
    let outcome = Outcome::Dropped(Why::ClosedPort);
    story.tell(0, Event::StrayIn { local, remote, seg: asked, outcome });
    let ctl = Ctl::RST.with(A);
    let rst = SegmentView { seq: Seq(0), wnd: 0, ..seg(true, ctl, 0, Some(1), 0) };
    story.tell(1, Event::StrayOut { local, remote, seg: rst, reply: Reply::RstClosed });

    let (local, remote) = (addr("10.9.0.2:49152"), addr("10.9.0.1:81"));
    story.wait(1_000_000).conn = Some(ConnId(2 << 32));
    story.tell(0, Event::Conn { local, remote });
    story.tell(0, Event::Call { call: Call::Connect { remote }, result: Ok(0) });
    story.state(1, State::Closed, State::SynSent, Cause::ActiveOpen);
    let ours =
        SegmentView { options: syn_options(1_460, 9, 0, 7), ..seg(true, Ctl::SYN, 0, None, 0) };
    story.send(2, ours, Plan::Syn);
    let rst = SegmentView { seq: Seq(0), wnd: 0, ..seg(false, ctl, 0, Some(1), 0) };
    let outcome = Outcome::Closed(Cause::Refused);
    story.wait(20_000).tcp(0, tcp::Event::Received { seg: rst, outcome });
    story.state(1, State::SynSent, State::Closed, Cause::Refused);
    let result = Err(SocketError::Refused);
    story.tell(1, Event::Call { call: Call::Connect { remote }, result });
    story.records
}

/// An echo request answered, and one to a host there is no route to.
pub(crate) fn ping() -> Vec<Record> {
    let mut story = Story::new();
    let (us, peer): (IpAddr, IpAddr) = (addr(US).ip(), addr(PEER).ip());
    let asked = Icmp::V4(Icmpv4::EchoRequest { id: 7, seq: 1 });
    story.tell(0, Event::In(PacketView::Icmp { src: peer, dst: us, message: asked, len: 64 }));
    let message = Icmp::V4(Icmpv4::EchoReply { id: 7, seq: 1 });
    let packet = PacketView::Icmp { src: us, dst: peer, message, len: 64 };
    story.tell(1, Event::Out { packet, why: Sent::EchoReply });
    let dst = addr("192.0.2.9:0").ip();
    let packet = PacketView::Icmp { src: us, dst, message: asked, len: 64 };
    story.wait(100).tell(0, Event::Dropped { why: Why::NoRoute, packet });
    story.records
}

/// Datagrams: asked and answered, one to no socket, one in fragments.
pub(crate) fn udp() -> Vec<Record> {
    let mut story = Story::new();
    let (us, peer) = (addr("10.9.0.2:7777"), addr("10.9.0.1:40000"));
    story.call(Call::Bind { local: us }, 0);
    story.wait(10).tell(0, Event::In(PacketView::Udp { src: peer, dst: us, len: 12 }));
    story.call(Call::RecvFrom { remote: peer }, 12);
    story.call(Call::SendTo { remote: peer, len: 12 }, 12);
    let packet = PacketView::Udp { src: us, dst: peer, len: 12 };
    story.tell(1, Event::Out { packet, why: Sent::Datagram });
    let nobody = addr("10.9.0.2:9");
    let packet = PacketView::Udp { src: peer, dst: nobody, len: 12 };
    story.wait(10).tell(0, Event::Dropped { why: Why::UdpNoPort, packet });
    let message = Icmp::V4(Icmpv4::Unreachable { code: 3, mtu: 0 });
    let packet = PacketView::Icmp { src: us.ip(), dst: peer.ip(), message, len: 48 };
    story.tell(1, Event::Out { packet, why: Sent::PortUnreachable });
    for (offset, len, more) in [(0, 1_480, true), (1_480, 1_048, false)] {
        let (src, dst) = (peer.ip(), us.ip());
        story.tell(0, Event::In(PacketView::Fragment { src, dst, id: 4_660, offset, len, more }));
    }
    let packet = |version, len| PacketView::Raw { version, len };
    story.tell(0, Event::Dropped { why: Why::IpTruncated, packet: packet(4, 9) });
    story.tell(0, Event::Dropped { why: Why::IpVersion, packet: packet(6, 48) });
    story.records
}

/// An upload of 200 segments in order, every second one acknowledged, then the FIN.
pub(crate) fn bulk() -> Vec<Record> {
    let mut story = Story::new();
    story.handshake();
    for n in 0..200 {
        story.wait(120).receive(seg(false, A, 1 + 1_460 * n, Some(1), 1_460));
        if n % 2 == 1 {
            let ack = seg(true, A, 1, Some(1 + 1_460 * (n + 1)), 0);
            story.send(1, ack, Plan::Ack { why: AckWhy::EverySecond });
            story.call(Call::Read { max: 65_536 }, 2_920);
        }
    }
    story.wait(100).receive(seg(false, FA, 292_001, Some(1), 0));
    story.state(1, State::Established, State::CloseWait, Cause::RcvFin);
    story.records
}

/// All short stories, one after the other as one host's log.
pub(crate) fn all() -> Vec<Record> {
    let mut out: Vec<Record> = Vec::new();
    for story in [handshake(), request(), retransmit(), close(), refused(), ping(), udp()] {
        let (shift, later) = (out.len() as u64, Duration::from_secs(out.len() as u64));
        let number = |id: EventId| if id.is_some() { EventId(id.0 + shift) } else { id };
        out.extend(story.into_iter().map(|record| Record {
            id: number(record.id),
            at: record.at + later,
            causes: record.causes.map(number),
            ..record
        }));
    }
    out
}
