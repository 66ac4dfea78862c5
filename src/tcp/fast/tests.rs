//! Both ways leave the same block behind: two connections live the same life, one of them observed,
//! so that its segments go the whole way.

use super::*;
use crate::base::{Chance, Duration, EventId, Instant, Pool, Trace};
use crate::tcp::cc::Algorithm;
use crate::tcp::event::Event;
use crate::tcp::{AckEvery, AfterIdle, Config, Conn, HalfOpen, Keepalive, Opening, pmtu};
use crate::wire::tcp::{Options, Timestamps};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::cell::Cell;
use std::sync::Arc;

const ISS: Seq = Seq(1_000);
const IRS: Seq = Seq(u32::MAX - 5_000); // it wraps soon

/// What happens next.
#[derive(Copy, Clone, Debug)]
enum Step {
    Time { micros: u32 },
    Arrival(Arrival),
    Write { len: u16 },
    Read { len: u16 },
    Send { most: u8 },
    Exchange { len: u16, answer: u16 },
    Seldom(Seldom),
}

/// What an application or the network does now and then.
#[derive(Copy, Clone, Debug)]
enum Seldom {
    /// More follows.
    More {
        len: u16,
    },
    /// A record of its own.
    Record {
        len: u16,
    },
    Urgent {
        len: u16,
    },
    Shutdown,
    Quick(bool),
    Pressure(bool),
    Cork(bool),
    Nagle(bool),
    Days(u8),
    /// The path carries packets of so many bytes.
    PathMtu(u16),
    Keepalive,
}

/// A segment of the peer's: nearly always what is expected.
#[derive(Copy, Clone, Debug)]
struct Arrival {
    len: u16,
    merged: bool,
    /// How far before or behind RCV.NXT it starts.
    shift: i16,
    /// How much of what is in flight it acknowledges, of 8; beyond that nothing that was sent.
    acks: u8,
    wnd: u16,
    /// How much older its timestamp is than now, milliseconds; `None`: it has none.
    late: Option<u8>,
    ctl: Ctl,
    /// A SACK block behind SEG.ACK: from and how long, in hundreds of bytes.
    sack: Option<(u8, u8)>,
    no_room: bool,
    ce: bool,
}

/// What is expected: data, and an ACK of all that is in flight.
const DATA: Arrival = Arrival {
    len: 1448,
    merged: false,
    shift: 0,
    acks: 8,
    wnd: 500,
    late: Some(0),
    ctl: Ctl::PSH,
    sack: None,
    no_room: false,
    ce: false,
};

/// `usual`, or in one of 121 cases something else: so few that most segments go the short way.
fn or_else<T: Clone + std::fmt::Debug + 'static>(
    usual: impl Strategy<Value = T> + 'static,
    other: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = T> {
    prop_oneof![120 => usual, 1 => other]
}

fn arrival() -> impl Strategy<Value = Arrival> {
    let rare = prop_oneof![
        Just(Ctl::FIN),
        Just(Ctl::RST),
        Just(Ctl::SYN),
        Just(Ctl::URG),
        Just(Ctl::ECE),
        Just(Ctl::CWR)
    ];
    let usual = prop_oneof![Just(Ctl::NONE), Just(Ctl::PSH)];
    let ctl = prop_oneof![900 => usual, 1 => rare];
    (
        (prop_oneof![Just(0u16), Just(1448), 1..1448u16], any::<bool>()),
        or_else(Just(0i16), -2000..1i16),
        or_else(0..=8u8, Just(9)),
        or_else(1000..4000u16, prop_oneof![Just(0), Just(1), 0..100u16]),
        or_else(Just(Some(0)), prop_oneof![Just(None), (1..200u8).prop_map(Some)]),
        ctl,
        or_else(Just(None), (0..60u8, 1..30u8).prop_map(Some)),
        (prop::bool::weighted(0.002), prop::bool::weighted(0.002)),
    )
        .prop_map(|((len, merged), shift, acks, wnd, late, ctl, sack, (no_room, ce))| {
            Arrival { len, merged, shift, acks, wnd, late, ctl, sack, no_room, ce }
        })
}

fn seldom() -> impl Strategy<Value = Seldom> {
    let len = 1..9_000u16;
    prop_oneof![
        4 => len.clone().prop_map(|len| Seldom::More { len }),
        4 => len.clone().prop_map(|len| Seldom::Record { len }),
        2 => len.prop_map(|len| Seldom::Urgent { len }),
        1 => Just(Seldom::Shutdown),
        3 => any::<bool>().prop_map(Seldom::Quick),
        2 => any::<bool>().prop_map(Seldom::Pressure),
        2 => any::<bool>().prop_map(Seldom::Cork),
        2 => any::<bool>().prop_map(Seldom::Nagle),
        1 => (1..30u8).prop_map(Seldom::Days),
        1 => (600..1500u16).prop_map(Seldom::PathMtu),
        1 => Just(Seldom::Keepalive),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        900 => usual_step(),
        23 => seldom().prop_map(Step::Seldom),
    ]
}

fn usual_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0..3_000u32).prop_map(|micros| Step::Time { micros }),
        1 => (0..400_000u32).prop_map(|micros| Step::Time { micros }),
        6 => arrival().prop_map(Step::Arrival),
        1 => (1..20_000u16).prop_map(|len| Step::Write { len }),
        1 => (1..1_600u16).prop_map(|len| Step::Write { len }),
        2 => (1..20_000u16).prop_map(|len| Step::Read { len }),
        4 => (1..20u8).prop_map(|most| Step::Send { most }),
        3 => (0..400u16, 1..400u16).prop_map(|(len, answer)| Step::Exchange { len, answer }),
    ]
}

/// Any knobs of Linux's.
fn config() -> impl Strategy<Value = Config> {
    let switches = prop::collection::vec(any::<bool>(), 26);
    let algorithm = prop_oneof![
        1 => Just(Algorithm::NEWRENO),
        1 => Just(Algorithm::DCTCP),
        2 => Just(Algorithm::CUBIC),
    ];
    let ack_every = prop::sample::select(&AckEvery::ALL[..]);
    (switches, algorithm, ack_every).prop_map(|(on, congestion, ack_every)| {
        let usual = Config::default();
        Config {
            nagle: on[0],
            pacing: on[1],
            timestamps: on[2] || on[3],
            sack: on[4] || on[5],
            tlp: on[6] || on[7],
            frto: on[8],
            prr: on[9],
            undo: on[10],
            keepalive: on[11].then(Keepalive::default),
            user_timeout: on[12].then_some(Duration::from_secs(20)),
            user_timeout_option: on[13],
            recv_buffer: if on[14] { 20_000 } else { usual.recv_buffer },
            send_buffer: if on[15] { 30_000 } else { usual.send_buffer },
            delayed_ack: if on[16] && on[17] { Duration::ZERO } else { usual.delayed_ack },
            quickack: if on[18] { 0 } else { usual.quickack },
            tso_autosize: on[19],
            count_segments: on[20],
            minshall: on[21],
            window_up: on[22],
            mtu_claims_wait: on[23],
            push_bursts: on[24],
            after_idle: if on[25] { AfterIdle::Restart } else { usual.after_idle },
            ack_every,
            congestion,
            ..usual
        }
    })
}

/// A connection and its world.
struct Life {
    conn: Conn,
    now: Instant,
    chance: Chance,
    pool: Pool,
    trace: Trace<Event>,
    /// How many segments that came went the short way, and how many there were.
    came: [u32; 2],
    /// How often what is next was known the short way, and how often it was asked.
    asked: [u32; 2],
}

impl Life {
    fn new(config: &Config, gso_max: u32, observed: bool) -> Life {
        let (chance, pool, mut trace) = (Chance::from_seed(7), Pool::new(), Trace::new(observed));
        let now = Instant::from_millis(5);
        let opening = Opening {
            local_port: 80,
            remote_port: 5_000,
            iss: ISS,
            ts_offset: 77,
            mtu: 1_500,
            v6: false,
            gso_max,
            config: Arc::new(config.clone()),
        };
        let options = Options {
            mss: Some(1_460),
            wscale: Some(7),
            sack_permitted: true,
            ts: Some(Timestamps { val: 5, ecr: 0 }),
            ..Options::default()
        };
        let (sent_at, retransmits, ecn) = (Some(now), 0, false);
        let half = HalfOpen { irs: IRS, options, wnd: 60_000, sent_at, retransmits, ecn };
        let cause = EventId::NONE;
        let mut cx = Cx { now, chance: &chance, pool: &pool, trace: &mut trace, cause };
        let conn = Conn::from_half_open(opening, &half, &mut cx);
        let (came, asked) = ([0; 2], [0; 2]);
        let mut life = Life { conn, now, chance, pool, trace, came, asked };
        life.now += Duration::from_millis(1);
        let seq = IRS + 1;
        let ts = Some(Timestamps { val: 6, ecr: life.now.as_millis() as u32 + 76 });
        let options = Options { ts, ..Options::default() };
        let (ack, ctl, wnd) = (Some(ISS + 1), Ctl::ACK, 500);
        let hdr = Header { seq, ack, ctl, wnd, options, ..Header::default() };
        life.take(Segment::new(hdr, crate::base::Chunks::new(), None));
        life
    }

    /// Does one thing; says what came of it.
    fn with<R>(&mut self, act: impl FnOnce(&mut Conn, &mut Cx<'_>) -> R) -> R {
        let Life { conn, now, chance, pool, trace, .. } = self;
        let result = act(conn, &mut Cx { now: *now, chance, pool, trace, cause: EventId::NONE });
        drop(trace.drain());
        result
    }

    fn take(&mut self, mut seg: Segment) -> String {
        let calm = is_calm(&self.conn.tcb);
        let ack = seg.hdr.ack.filter(|_| calm);
        let short = ack.is_some_and(|ack| is_expected(&self.conn.tcb, &seg, ack));
        self.came = [self.came[0] + u32::from(short), self.came[1] + 1];
        let mut said = format!("{:?}", self.with(|conn, cx| conn.input(&mut seg, false, cx)));
        while self.conn.owes_ack_now()
            && let Some(out) = self.send()
        {
            said += &out;
        }
        said
    }

    fn send(&mut self) -> Option<String> {
        let short = output::next(&self.conn.tcb, self.now).is_some();
        self.asked = [self.asked[0] + u32::from(short), self.asked[1] + 1];
        let out = self.with(|conn, cx| conn.output(cx))?;
        Some(format!("{:?} {:?} {:?}", out.hdr, out.payload.to_vec().len(), out.gso_size))
    }

    fn arrive(&mut self, arrival: Arrival) -> String {
        let Arrival { len, merged, shift, acks, wnd, late, ctl, sack, no_room, ce } = arrival;
        let tcb = &self.conn.tcb;
        let seq = Seq(tcb.rcv.nxt.0.wrapping_add_signed(i32::from(shift)));
        let flight = tcb.snd.nxt - tcb.snd.una;
        let acked = match acks {
            0..=8 => (u64::from(flight) * u64::from(acks) / 8) as u32,
            _ => flight + 1_000,
        };
        let ack = tcb.snd.una + acked;
        let clock = self.now.as_millis() as u32;
        let ts = late.map(|late| {
            let late = u32::from(late);
            Timestamps { val: clock.wrapping_sub(late), ecr: clock.saturating_sub(2 + late) + 77 }
        });
        let mut options = Options { ts, ..Options::default() };
        options.sack.extend(sack.map(|(from, len)| {
            let left = ack + 100 * u32::from(from);
            (left, left + 100 * u32::from(len))
        }));
        let urg = 2;
        let ctl = ctl.with(Ctl::ACK);
        let hdr = Header { seq, ack: Some(ack), ctl, wnd, urg, options, ..Header::default() };
        let bytes = vec![seq.0 as u8; usize::from(len)];
        let wire_mss = (merged && len > 700).then_some(700);
        let mut seg = Segment::new(hdr, self.pool.copy(&bytes).into(), wire_mss);
        (seg.no_room, seg.ecn) = (no_room, if ce { 3 } else { 0 });
        self.take(seg)
    }

    fn live(&mut self, step: Step) -> String {
        match step {
            Step::Time { micros } => {
                self.now += Duration::from_micros(micros.into());
                self.with(|conn, cx| conn.poll(cx));
                String::new()
            }
            Step::Arrival(arrival) => self.arrive(arrival),
            Step::Write { len } => {
                let bytes = vec![7; usize::from(len)];
                format!("{:?}", self.with(|conn, cx| conn.write(&bytes, cx)))
            }
            Step::Read { len } => {
                let mut room = vec![0; usize::from(len)];
                let read = self.with(|conn, cx| conn.read(&mut room, cx));
                format!("{read:?} {room:?}")
            }
            Step::Send { most } => (0..most).map_while(|_| self.send()).collect(),
            // A request comes and is answered, both small: the short way out is for that.
            Step::Exchange { len, answer } => {
                let request = Step::Arrival(Arrival { len, ..DATA });
                let [read, write] = [Step::Read { len: 20_000 }, Step::Write { len: answer }];
                let send = Step::Send { most: 20 };
                [request, send, read, write, send].map(|step| self.live(step)).concat()
            }
            Step::Seldom(seldom) => self.live_seldom(seldom),
        }
    }

    fn live_seldom(&mut self, seldom: Seldom) -> String {
        let bytes = |len: u16| vec![7; usize::from(len)];
        match seldom {
            Seldom::More { len } => {
                format!("{:?}", self.with(|conn, cx| conn.write_more(&bytes(len), cx)))
            }
            Seldom::Record { len } => {
                format!("{:?}", self.with(|conn, cx| conn.write_record(&bytes(len), cx)))
            }
            Seldom::Urgent { len } => {
                format!("{:?}", self.with(|conn, cx| conn.write_urgent(&bytes(len), cx)))
            }
            Seldom::Shutdown => format!("{:?}", self.with(|conn, cx| conn.shutdown(cx))),
            Seldom::Quick(on) => format!("{:?}", self.with(|conn, cx| conn.set_quickack(on, cx))),
            Seldom::Pressure(on) => format!("{:?}", self.conn.press(on)),
            Seldom::Cork(on) => format!("{:?}", self.conn.configure(|config| config.cork = on)),
            Seldom::Nagle(on) => format!("{:?}", self.conn.configure(|config| config.nagle = on)),
            Seldom::Days(days) => {
                self.now += Duration::from_secs(u64::from(days) * 86_400);
                self.with(|conn, cx| conn.poll(cx));
                String::new()
            }
            Seldom::PathMtu(mtu) => {
                let said = self.with(|conn, cx| pmtu::on_claim(&mut conn.tcb, mtu, cx));
                format!("{said:?}")
            }
            Seldom::Keepalive => {
                format!("{:?}", self.with(|conn, cx| conn.restart_keepalive(cx)))
            }
        }
    }

    /// All that is known, but for the numbers of events: the short way does not count them.
    fn known(&self) -> String {
        let all = format!("{:?}", self.conn.tcb);
        let mut parts = all.split("EventId(");
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |known, part| known + part.split_once(')').map_or(part, |cut| cut.1))
    }
}

/// How often the short way was gone and how often it might have been, in and out.
fn same(config: &Config, gso_max: u32, steps: &[Step]) -> Result<[[u32; 2]; 2], TestCaseError> {
    let mut short = Life::new(config, gso_max, false);
    let mut whole = Life::new(config, gso_max, true);
    for step in steps {
        if short.conn.state() == State::Closed {
            break;
        }
        prop_assert_eq!(short.live(*step), whole.live(*step), "{:?}", step);
        prop_assert_eq!(short.known(), whole.known(), "{:?}", step);
    }
    Ok([short.came, short.asked])
}

/// And not for want of segments that could go it: a fifth does, and on the way out, where most wait
/// for a window, a twentieth.
#[test]
fn the_short_way_leads_where_the_whole_way_does() {
    let sums = [[0u32; 2]; 2].map(|pair| pair.map(Cell::new));
    let lives = (prop::collection::vec(step(), 1..300), any::<bool>(), config());
    let cases = ProptestConfig { cases: 120, ..ProptestConfig::default() };
    let outcome = TestRunner::new(cases).run(&lives, |(steps, gso, config)| {
        let counts = same(&config, if gso { 65_000 } else { 0 }, &steps)?;
        for (sum, count) in sums.as_flattened().iter().zip(counts.as_flattened()) {
            sum.set(sum.get() + count);
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    for ([short, all], share) in sums.iter().zip([5, 20]) {
        assert!(share * short.get() >= all.get(), "{} of {}", short.get(), all.get());
    }
}

/// Else the comparison would compare nothing.
#[test]
fn most_segments_go_the_short_way() {
    let exchange = [
        Step::Time { micros: 700 },
        Step::Write { len: 5_000 },
        Step::Send { most: 9 },
        Step::Time { micros: 700 },
        Step::Arrival(Arrival { acks: 4, ..DATA }),
        Step::Arrival(Arrival { len: 0, ..DATA }),
        Step::Read { len: 9_000 },
    ];
    let steps: Vec<_> = (0..100).flat_map(|_| exchange).collect();
    assert_eq!(same(&Config::default(), 0, &steps).expect("they agree")[0], [200, 201]);
}

/// A request comes and is answered: all of that is short, but for the first answers, for which
/// there are ACKs to be sent at once.
#[test]
fn exchanges_go_the_short_way() {
    let request = Arrival { len: 1, ..DATA };
    let exchange = [
        Step::Time { micros: 700 },
        Step::Arrival(request),
        Step::Read { len: 10 },
        Step::Write { len: 1 },
        Step::Send { most: 9 },
    ];
    let steps: Vec<_> = (0..100).flat_map(|_| exchange).collect();
    for gso_max in [0, 65_000] {
        let counts = same(&Config::default(), gso_max, &steps).expect("they agree");
        assert_eq!(counts, [[100, 101], [200, 200]], "{gso_max}");
    }
}

/// A keepalive is due when nothing else is: it goes out all the same.
#[test]
fn a_keepalive_goes_the_whole_way() {
    let exchange = Step::Exchange { len: 1, answer: 1 };
    let ack = Step::Arrival(Arrival { len: 0, ..DATA });
    let send = Step::Send { most: 9 };
    let life = [[exchange; 5].to_vec(), vec![ack, send, Step::Seldom(Seldom::Days(1)), send]];
    let config = Config { keepalive: Some(Keepalive::default()), ..Config::default() };
    same(&config, 0, &life.concat()).expect("they agree");
}
