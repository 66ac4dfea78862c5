//! Congestion control as a connection has it, with exact times: marks instead of losses (RFC 3168,
//! RFC 8257), pacing, windows that are not used, silence, and algorithms chosen by name.

use crate::support::puppet::{A, PEER, Puppet, S, SA, WND, mss, none};
use crate::support::seen::scenarios;
use netglass::base::{Duration, Instant};
use netglass::stack::ListenOptions;
use netglass::tcp::cc::{AckSample, Algorithm, CongestionControl, HyStart, Timeout};
use netglass::tcp::{AfterIdle, Config, Ecn, SynCookies};
use netglass::wire::tcp::{Ctl, Options, Timestamps};

scenarios![both families:
    ecn_is_asked_for_and_agreed_on,
    ecn_is_given_to_whoever_asks,
    ecn_is_withdrawn_when_the_syn_is_lost,
    a_mark_is_echoed_until_the_peer_slows_down,
    an_echo_halves_once_per_window,
    a_loss_while_the_window_comes_down_is_repaired,
    what_is_sent_again_is_not_marked,
    a_cookie_keeps_ecn,
    dctcp_tells_of_every_mark,
    pacing_sends_a_millisecond_at_a_time,
    an_unused_window_does_not_grow,
    silence_takes_what_its_knob_says,
    slow_start_ends_before_the_queue_does,
    the_knob_chooses_the_detector,
    hystart_is_turned_in_the_middle,
    the_algorithm_changes_in_the_middle,
    an_algorithm_of_ones_own_is_chosen_by_name,
    a_segment_may_always_be_sent,
    a_mark_of_a_short_answer_stops_nothing,
];

const E: Ctl = Ctl::ECE;
const W: Ctl = Ctl::CWR;
/// ECT(0), and congestion experienced.
const ECT: u8 = 2;
const CE: u8 = 3;

/// An active open in 100 ms by a host that asks for ECN.
pub(crate) fn open(change: impl FnOnce(&mut Config)) -> Puppet {
    let mut p = Puppet::with(|config| {
        config.ecn = Ecn::On;
        change(config);
    });
    p.connect();
    p.expect(S.with(E).with(W), 0, 0, 0);
    p.advance(100);
    p.inject(SA.with(E), 0, 1, WND, Options { sack_permitted: true, ..mss(1000) }, b"");
    p.expect(A, 1, 1, 0);
    p
}

/// The ECN bit of `tcpi_options`.
fn agreed(p: &Puppet) -> bool {
    p.info().options & 8 != 0
}

/// A passive open, asked for with these bits.
fn serve(change: impl FnOnce(&mut Config), bits: Ctl) -> Puppet {
    let mut p = Puppet::with(change);
    p.listen(ListenOptions::default());
    p.inject(S.with(bits), 0, 0, WND, mss(1000), b"");
    let answer = p.take_all().pop().expect("a SYN-ACK");
    assert_eq!(answer.tos, 0, "never on a SYN");
    p.inject(A, 1, 1, WND, none(), b"");
    p.accept();
    assert_eq!(answer.ctl.has(E), agreed(&p));
    assert!(!answer.ctl.has(W));
    p
}

/// Data of the peer's in a packet with this ECN field.
pub(crate) fn marked(p: &mut Puppet, ecn: u8, ctl: Ctl, seq: i64, len: usize) {
    p.tos = ecn;
    p.inject(ctl, seq, p.rcv, WND, none(), &vec![b'x'; len]);
    p.tos = 0;
}

/// RFC 3168 §6.1.1: ECT(0) on new data, never on ACKs.
// Rules: SHLD-8, 3168-6.1.1-1, 3168-6.1.1-2, 3168-6.1.1-3, 3168-6.1.4-1.
fn ecn_is_asked_for_and_agreed_on() {
    let mut p = open(|_| ());
    assert!(agreed(&p));
    p.write(1000);
    assert_eq!(p.expect(A, 1, 1, 1000).tos, ECT);
    p.ack(1001);
    p.data(1, 1000);
    p.data(1001, 1000);
    assert_eq!(p.expect(A, 1001, 2001, 0).tos, 0);
    // A SYN-ACK without ECE, or one that reflects both bits, agrees to nothing.
    for bits in [Ctl::NONE, E.with(W)] {
        let mut p = Puppet::with(|config| config.ecn = Ecn::On);
        p.connect();
        p.expect(S.with(E).with(W), 0, 0, 0);
        p.inject(SA.with(bits), 0, 1, WND, mss(1000), b"");
        p.expect(A, 1, 1, 0);
        p.write(1000);
        assert_eq!(p.expect(A, 1, 1, 1000).tos, 0);
        assert!(!agreed(&p));
    }
}

// Rules: SHLD-8, 3168-6.1.1-1.
fn ecn_is_given_to_whoever_asks() {
    assert!(agreed(&serve(|_| (), E.with(W))));
    assert!(!agreed(&serve(|_| (), E)));
    assert!(!agreed(&serve(|_| (), Ctl::NONE)));
    assert!(!agreed(&serve(|config| config.ecn = Ecn::Off, E.with(W))));
    let dctcp =
        |config: &mut Config| (config.congestion, config.ecn) = (Algorithm::DCTCP, Ecn::Off);
    assert!(agreed(&serve(dctcp, E.with(W))));
}

/// RFC 3168 §6.1.1.1: the second SYN asks for nothing, and then data must not be ECT; the peer's
/// marks are answered all the same, as it may have had the first.
// Rules: 3168-6.1.1-4, 3168-6.1.1.1-1.
fn ecn_is_withdrawn_when_the_syn_is_lost() {
    let mut p = Puppet::with(|config| config.ecn = Ecn::On);
    p.connect();
    p.expect(S.with(E).with(W), 0, 0, 0);
    p.advance(1_000);
    p.expect_at(1_000, S, 0, 0, 0);
    p.inject(SA.with(E), 0, 1, WND, mss(1000), b"");
    p.expect(A, 1, 1, 0);
    p.write(1000);
    assert_eq!(p.expect(A, 1, 1, 1000).tos, 0);
    p.ack(1001);
    p.rcv = 1001;
    marked(&mut p, CE, A, 1, 1000);
    p.expect(A.with(E), 1001, 1001, 0);
}

/// RFC 3168 §6.1.3.
// Rules: 3168-6.1.3-1.
fn a_mark_is_echoed_until_the_peer_slows_down() {
    let mut p = serve(|_| (), E.with(W));
    p.advance(10);
    marked(&mut p, ECT, A, 1, 1000);
    p.expect_nothing();
    assert_eq!(p.info().options & 16, 16, "the peer's packets show it");
    marked(&mut p, CE, A, 1001, 500);
    p.expect_at(10, A.with(E), 1, 1501, 0);
    marked(&mut p, ECT, A, 1501, 1000);
    p.expect_nothing();
    marked(&mut p, ECT, A, 2501, 1000);
    p.expect(A.with(E), 1, 3501, 0);
    marked(&mut p, ECT, A.with(W), 3501, 1000);
    marked(&mut p, ECT, A, 4501, 1000);
    p.expect(A, 1, 5501, 0);
    marked(&mut p, CE, A.with(W), 5501, 1000);
    p.expect(A.with(E), 1, 6501, 0);
}

/// RFC 3168 §6.1.2: the first echo of a window halves it; nothing is sent again; CWR goes along
/// with what is sent next, once.
// Rules: 9937-6-1, 3168-6.1.2-1, 3168-6.1.2-2, 3168-6.1.2-3.
fn an_echo_halves_once_per_window() {
    let mut p = open(|_| ());
    p.write(60_000);
    assert_eq!(p.take_all().len(), 10);
    p.advance(100);
    let echo = |p: &mut Puppet, ack| p.inject(A.with(E), 1, ack, WND, none(), b"");
    echo(&mut p, 1001);
    let info = p.info();
    assert_eq!((info.ca_state, info.snd_ssthresh, info.delivered_ce), (2, 5, 1));
    for n in 2..=10 {
        echo(&mut p, n * 1000 + 1);
    }
    let sent = p.take_all();
    let reduced: Vec<_> = sent.iter().filter(|got| got.ctl.has(W)).map(|got| got.seq).collect();
    assert_eq!(reduced, [10_001], "the first new data says so");
    assert!(sent.iter().all(|got| got.tos == ECT && got.seq > 10_000));
    assert!((4..=6).contains(&sent.len()), "about half: {}", sent.len());
    let info = p.info();
    assert_eq!((info.ca_state, info.snd_ssthresh, info.total_retrans), (2, 5, 0));
    // The ACK of what was sent behind it ends the episode; another echo begins the next one.
    p.advance(100);
    p.ack(11_001);
    assert_eq!((p.info().ca_state, p.info().snd_ssthresh), (0, 5));
    p.take_all();
    echo(&mut p, 12_001);
    assert_eq!(p.info().ca_state, 2);
    assert!(p.info().snd_ssthresh < 5);
}

/// A mark, and in the same round trip a loss: it is sent again, and the window comes down once.
// Rules: 3168-6.1.2-2.
fn a_loss_while_the_window_comes_down_is_repaired() {
    for sack in [true, false] {
        let mut p = open(|config| config.sack = sack);
        p.write(10_000);
        assert_eq!(p.take_all().len(), 10);
        p.advance(100);
        p.inject(A.with(E), 1, 1001, WND, none(), b"");
        assert_eq!((p.info().ca_state, p.info().snd_ssthresh), (2, 5));
        for n in 2..5 {
            if sack {
                p.sack(1001, &[(2001, n * 1000 + 1001)]);
            } else {
                p.ack(1001);
            }
        }
        let again = p.take_all().pop().expect("a retransmission");
        assert_eq!((again.seq, again.tos, p.info().ca_state), (1001, 0, 3), "SACK: {sack}");
        assert_eq!((p.info().snd_ssthresh, p.info().total_retrans), (5, 1));
        p.ack(10_001);
        assert_eq!((p.info().ca_state, p.info().retransmits), (0, 0));
    }
}

/// RFC 3168 §6.1.5.
// Rules: 3168-6.1.5-1.
fn what_is_sent_again_is_not_marked() {
    let mut p = open(|config| config.tlp = false);
    p.write(1000);
    assert_eq!(p.expect(A, 1, 1, 1000).tos, ECT);
    p.advance(1_000);
    assert_eq!(p.take_all()[0].tos, 0);
    p.ack(1001);
    p.write(1000);
    let next = p.take_all().pop().expect("new data");
    assert_eq!((next.tos, next.ctl.has(W)), (ECT, true), "the timeout reduced the window");
}

/// RFC 4987 §3.6: what is kept in the timestamp.
// Rules: 4987-3.6-2.
fn a_cookie_keeps_ecn() {
    for (bits, with_ts) in [(E.with(W), true), (E.with(W), false), (Ctl::NONE, true)] {
        let mut p = Puppet::with(|_| ());
        p.advance(1_000);
        let syn_cookies = SynCookies::Always;
        p.listen(ListenOptions { syn_cookies, ..ListenOptions::default() });
        let ts = with_ts.then_some(Timestamps { val: 5, ecr: 0 });
        p.inject(S.with(bits), 0, 0, WND, Options { ts, ..mss(1000) }, b"");
        let answer = p.take_all().pop().expect("a SYN-ACK");
        let ts = answer.options.ts.map(|ours| Timestamps { val: 6, ecr: ours.val });
        p.inject(A, 1, 1, WND, Options { ts, ..none() }, b"");
        p.accept();
        assert_eq!(agreed(&p), bits.has(E) && with_ts, "from {PEER} with {bits}");
        assert_eq!(answer.ctl.has(E), agreed(&p));
    }
}

/// RFC 8257 §3.2: when marks begin or end, what came before is acknowledged as it was.
// Rules: 8257-3.2-1, 8257-3.2-2.
fn dctcp_tells_of_every_mark() {
    let mut p = serve(|config| config.congestion = Algorithm::DCTCP, E.with(W));
    p.advance(10);
    marked(&mut p, ECT, A, 1, 1000);
    p.expect_nothing();
    marked(&mut p, CE, A, 1001, 1000);
    p.expect_at(10, A, 1, 1001, 0);
    p.expect_at(10, A.with(E), 1, 2001, 0);
    marked(&mut p, CE, A, 2001, 1000);
    p.expect_nothing();
    marked(&mut p, CE, A.with(W), 3001, 1000);
    p.expect(A.with(E), 1, 4001, 0);
    marked(&mut p, CE, A, 4001, 1000);
    marked(&mut p, ECT, A, 5001, 1000);
    p.expect(A.with(E), 1, 5001, 0);
    p.expect(A, 1, 6001, 0);
    p.expect_nothing();
}

/// Ten segments and 100 ms: 200 KB a second in slow start, so two segments each 10 ms.
pub(crate) fn paced(pacing: bool) -> Puppet {
    let mut p = open(|config| config.pacing = pacing);
    p.write(10_000);
    p
}

fn pacing_sends_a_millisecond_at_a_time() {
    let mut p = paced(true);
    assert_eq!(p.info().pacing_rate, 200_000);
    p.advance(40);
    for n in 0..10 {
        p.expect_at(100 + n / 2 * 10, A, n as i64 * 1000 + 1, 1, 1000);
    }
    p.expect_nothing();
    p.advance(60);
    p.ack(10_001);
    // In congestion avoidance a fifth more than the window makes.
    p.write(40_000);
    p.take_all();
    let (rate, cwnd) = (p.info().pacing_rate, p.info().snd_cwnd_bytes);
    assert_eq!(rate, cwnd * 2 * 1_000_000 / p.info().rtt);
}

/// RFC 7661 §4.3: a segment for each round trip says nothing of twenty.
// Rules: 7661-4.3-1, 7661-4.2-1.
fn an_unused_window_does_not_grow() {
    let mut p = open(|_| ());
    for n in 0..20 {
        p.write(1000);
        p.expect(A, n * 1000 + 1, 1, 1000);
        p.advance(100);
        p.ack(n * 1000 + 1001);
    }
    assert_eq!(p.info().snd_cwnd, 10);
    // Half of it is enough in slow start, where it doubles.
    p.write(6_000);
    assert_eq!(p.take_all().len(), 6);
    p.ack(26_001);
    assert!(p.info().snd_cwnd > 10);
}

/// RFC 5681 §4.1, RFC 2861 §3. The RTO is 300 ms, or a little less.
// Rules: 5681-4.1-1.
fn silence_takes_what_its_knob_says() {
    for (knob, after) in [(AfterIdle::Keep, 40), (AfterIdle::Decay, 20), (AfterIdle::Restart, 10)] {
        let mut p = open(|config| config.after_idle = knob);
        p.write(30_000);
        for n in 1..=30 {
            p.take_all();
            p.ack(n * 1000 + 1);
        }
        assert_eq!(p.info().snd_cwnd, 40, "the last ten were not enough to grow");
        let rto = p.info().rto / 1000;
        p.advance(rto + rto / 2);
        p.write(60_000);
        assert_eq!((p.take_all().len(), p.info().snd_cwnd), (after, after as u64), "{knob:?}");
    }
}

/// CUBIC in slow start: a round of ten ACKs after 100 ms, then one for each of these times, as many
/// ACKs as segments were sent.
pub(crate) fn rounds(rtts: &[u64]) -> Puppet {
    rounds_with(HyStart::PlusPlus, rtts)
}

/// The same with another end of slow start.
pub(crate) fn rounds_with(hystart: HyStart, rtts: &[u64]) -> Puppet {
    let mut p = open(|config| {
        (config.congestion, config.hystart) = (Algorithm::CUBIC, hystart);
    });
    let (mut acked, mut sent) = (0, 10);
    p.write(1 << 20);
    assert_eq!(p.take_all().len(), 10);
    for rtt in [100].iter().chain(rtts) {
        p.advance(*rtt);
        for _ in 0..std::mem::take(&mut sent) {
            acked += 1;
            p.ack(acked * 1000 + 1);
            sent += p.take_all().len();
        }
    }
    p
}

/// RFC 9406 §4.2: an eighth of 100 ms is 12.5 ms. A quarter of the growth for five rounds, of which
/// the one in which that begins is the first.
// Rules: 9406-4.2-2, 9406-4.2-3, 9406-4.2-5, 9438-4.10-1.
fn slow_start_ends_before_the_queue_does() {
    let cwnd = |rtts: &[u64]| rounds(rtts).info().snd_cwnd;
    assert_eq!((cwnd(&[]), cwnd(&[112])), (20, 40));
    let slower = cwnd(&[113]);
    assert!((28..=32).contains(&slower), "eight samples, then a quarter: {slower}");
    assert_eq!(rounds(&[113; 4]).info().ssthresh(), None);
    let over = rounds(&[113; 6]).info();
    assert!(over.ssthresh().is_some_and(|segments| segments < 100), "{:?}", over.ssthresh());
    assert_eq!(over.total_retrans, 0);
    assert_eq!(rounds(&[113, 100, 100]).info().ssthresh(), None, "it was noise");
}

/// HyStart by delay: the ninth sample of a round says that all were more than an eighth longer. By
/// trains alone it is not seen, and the other way round.
fn the_knob_chooses_the_detector() {
    let threshold = |hystart, rtts: &[u64]| rounds_with(hystart, rtts).info().ssthresh();
    for hystart in [HyStart::Delay, HyStart::Both] {
        assert_eq!(threshold(hystart, &[113]), Some(28));
        assert_eq!(threshold(hystart, &[112]), None, "12.5 ms more are none too many");
    }
    for hystart in [HyStart::Train, HyStart::Off] {
        assert_eq!(threshold(hystart, &[113, 126]), None);
    }
    for (hystart, found) in [(HyStart::Train, true), (HyStart::Delay, false)] {
        assert_eq!(train(hystart, 2_000).info().ssthresh().is_some(), found);
    }
    assert_eq!(train(HyStart::Train, 2_001).info().ssthresh(), None);
}

/// Forty ACKs of a round of 100 ms, each so many microseconds behind the last.
pub(crate) fn train(hystart: HyStart, micros: u64) -> Puppet {
    let mut p = rounds_with(hystart, &[100]);
    p.advance(100);
    for n in 30..70 {
        p.advance_micros(micros);
        p.ack(n * 1000 + 1001);
        p.take_all();
    }
    p
}

/// What is turned in the middle counts from then on.
fn hystart_is_turned_in_the_middle() {
    let mut p = rounds_with(HyStart::Off, &[113]);
    assert_eq!(p.info().ssthresh(), None);
    let id = p.conn.unwrap();
    let config = Config { hystart: HyStart::Both, ..p.stack.config(id).unwrap().clone() };
    p.stack.configure(p.now, id, config).unwrap();
    p.advance(140);
    for n in 30..40 {
        p.ack(n * 1000 + 1001);
    }
    assert!(p.info().ssthresh().is_some());
}

/// Another algorithm goes on with the window there is, and halves in its own way.
fn the_algorithm_changes_in_the_middle() {
    for (algorithm, left) in [(Algorithm::CUBIC, 7), (Algorithm::RENO, 5)] {
        let mut p = open(|_| ());
        p.write(10_000);
        assert_eq!(p.take_all().len(), 10);
        let id = p.conn.unwrap();
        let config = Config { congestion: algorithm, ..p.stack.config(id).unwrap().clone() };
        p.stack.configure(p.now, id, config).unwrap();
        assert_eq!(p.stack.conn(id).unwrap().congestion(), algorithm.name());
        assert_eq!(p.info().snd_cwnd, 10);
        p.inject(A.with(E), 1, 1001, WND, none(), b"");
        assert_eq!(p.info().snd_ssthresh, left, "{algorithm}");
    }
}

// Rules: MAY-18.
fn an_algorithm_of_ones_own_is_chosen_by_name() {
    // Scenarios run more than once: whoever comes second finds it there.
    let make = |smss, _| Algorithm::RENO.make(smss, 3 * smss);
    let three = Algorithm::register("three", make).or_else(|_| "three".parse());
    let three = three.expect("it is registered");
    let mut p = open(|config| config.congestion = three);
    p.write(20_000);
    assert_eq!(p.take_all().len(), 3);
}

/// One that would have nothing sent at all.
#[derive(Debug)]
struct Nothing;

impl CongestionControl for Nothing {
    fn name(&self) -> &'static str {
        "nothing"
    }
    fn cwnd(&self) -> u32 {
        0
    }
    fn ssthresh(&self) -> u32 {
        0
    }
    fn take_over(&mut self, _: u32, _: u32) {}
    fn on_ack(&mut self, _: &AckSample) {}
    fn on_loss(&mut self, _: Instant, _: u32) {}
    fn on_recovered(&mut self, _: Instant, _: u32) {}
    fn on_rto(&mut self, _: Instant, _: u32, _: Timeout) {}
    fn on_idle(&mut self, _: Instant, _: Duration, _: Duration) {}
    fn on_mss(&mut self, _: u32) {}
}

fn a_segment_may_always_be_sent() {
    let nothing = Algorithm::register("nothing", |_, _| Box::new(Nothing));
    let nothing = nothing.or_else(|_| "nothing".parse()).expect("it is registered");
    let mut p = open(|config| config.congestion = nothing);
    p.write(3_000);
    for sent in [1, 1_001, 2_001] {
        assert_eq!(p.take_all().len(), 1);
        p.advance(10);
        p.inject(A, 1, sent + 1_000, WND, none(), b"");
    }
    assert_eq!(p.info().unacked, 0);
}

/// The window comes down by bytes, of which there were two; what is said next needs more.
fn a_mark_of_a_short_answer_stops_nothing() {
    let mut p = open(|_| ());
    p.write(2);
    p.take_all();
    p.advance(100);
    p.inject(A.with(E), 1, 3, WND, none(), b"");
    p.inject(A.with(E), 1, 3, WND, none(), b"and now?");
    assert_eq!((p.info().ca_state, p.info().unacked), (2, 0));
    p.write(3_000);
    assert_eq!(p.take_all().pop().map(|got| (got.seq, got.len())), Some((3, 1_000)));
}
