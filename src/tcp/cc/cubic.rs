//! CUBIC (RFC 9438): the window grows with the third power of the time since the last loss, fast
//! far from where that happened, slowly near it, so that long paths are filled and short ones
//! shared.
//! What ends slow start before a loss is a knob's choice (`hystart`).
//!
//! ```text
//! W(t) = C (t - K)^3 + W_max        K: when W(t) is W_max again
//! ```
//! With C = 0.4 segments per second cubed, and 0.7 of the window left after a loss. Time counts in
//! microseconds, windows in bytes; where windows count segments, as in `segments`.

mod segments;

use super::hystart::{Found, HyStart, Original, PlusPlus};
use super::window::{Window, windowed};
use super::{AckSample, CongestionControl, Timeout};
use crate::base::{Duration, Instant};
use segments::Segments;

/// C = 2/5.
const C: (u128, u128) = (2, 5);
/// What a loss leaves: beta = 7/10.
const BETA: (u64, u64) = (7, 10);
/// (1 + beta) / 2, for fast convergence.
const CONVERGENCE: (u64, u64) = (17, 20);
/// 3 (1 - beta) / (1 + beta): Reno's growth with this beta.
const ALPHA: (u64, u64) = (9, 17);
/// Microseconds in a second, cubed.
const CUBED: u128 = 1_000_000_000_000_000_000;
/// Linux: where no loss has told a limit, an ACK of so many segments is worth one at least.
const SEARCH: u32 = 20;
/// Samples of this long after congestion avoidance began tell HyStart nothing.
const SETTLES: Duration = Duration::from_secs(1);
/// Further from K, in microseconds, the curve is beyond every window.
const FAR: u64 = 1_000_000_000;
/// W_est counts in fractions of a byte.
const FRACTION: u64 = 256;

fn share(bytes: u32, (times, of): (u64, u64)) -> u32 {
    (u64::from(bytes) * times / of) as u32
}

/// One stretch of congestion avoidance.
#[derive(Copy, Clone, Debug)]
struct Epoch {
    /// When it began; later by all time in which the window was not used.
    start: Instant,
    /// K, microseconds.
    k: u64,
    /// Where the curve is flat: W_max, or cwnd when that was more.
    origin: u32,
    /// W_est: what Reno would have by now, in fractions of a byte.
    reno: u64,
    /// What is acknowledged towards the next byte of growth: bytes times bytes.
    credit: u64,
    /// Bytes acknowledged towards the next segment, where no loss has told a limit.
    search: u32,
}

/// What a reduction changes of the curve, and taking it back restores.
#[derive(Copy, Clone, Debug, Default)]
struct Curve {
    /// W_max: cwnd before the last loss; less, when it was already less than the time before.
    w_max: u32,
    /// cwnd_prior: cwnd before the last loss.
    prior: u32,
    epoch: Option<Epoch>,
}

/// What a connection has once its first slow start is over.
#[derive(Clone, Debug, Default)]
struct Growth {
    curve: Curve,
    /// The curve before the last reduction.
    before: Curve,
    /// The growth of a window that counts segments.
    segments: Segments,
}

/// The state of one connection.
#[derive(Clone, Debug)]
pub struct Cubic {
    window: Window,
    how: HyStart,
    original: Original,
    /// Only where that is what may end slow start.
    plus_plus: Option<Box<PlusPlus>>,
    /// Many connections end in their first slow start.
    growth: Option<Box<Growth>>,
    /// The round trip, smoothed.
    srtt: Option<Duration>,
    /// When an ACK last told something, or the first segment after a silence was sent.
    last: Instant,
    /// When something was last sent.
    sent: Instant,
}

impl Cubic {
    /// With segments of `smss` bytes and an initial window of `iw` bytes.
    pub fn new(smss: u32, iw: u32) -> Cubic {
        Cubic {
            window: Window::new(smss, iw),
            how: HyStart::PlusPlus,
            original: Original::default(),
            plus_plus: None,
            growth: None,
            srtt: None,
            last: Instant::ZERO,
            sent: Instant::ZERO,
        }
    }

    fn growth(&mut self) -> &mut Growth {
        self.growth.get_or_insert_default()
    }

    fn curve(&self) -> Curve {
        self.growth.as_ref().map_or_else(Curve::default, |growth| growth.curve)
    }

    /// RFC 9438 §4.6, §4.7.
    // Rules: 9438-4.6-1, 9438-4.7-1.
    fn reduced(&mut self) -> u32 {
        let cwnd = self.window.cwnd;
        let growth = self.growth();
        growth.before = growth.curve;
        let less = cwnd < growth.curve.w_max; // others need more: let go of some
        let w_max = if less { share(cwnd, CONVERGENCE) } else { cwnd };
        growth.curve = Curve { w_max, prior: cwnd, epoch: None };
        growth.segments.end();
        self.window.whole(share(cwnd, BETA))
    }

    /// A new stretch begins (RFC 9438 §4.2).
    fn begin(&self, now: Instant) -> Epoch {
        let (cwnd, w_max) = (self.window.cwnd, self.curve().w_max);
        let missing = u128::from(w_max.saturating_sub(cwnd));
        let k = cube_root(missing * CUBED * C.1 / C.0 / u128::from(self.window.smss)) as u64;
        let reno = u64::from(cwnd) * FRACTION;
        Epoch { start: now, k, origin: w_max.max(cwnd), reno, credit: 0, search: 0 }
    }

    /// W(t), bytes.
    // Rules: 9438-4.2-1.
    fn curve_at(&self, epoch: &Epoch, t: Duration) -> u32 {
        let t = u64::try_from(t.as_micros()).unwrap_or(FAR);
        let d = u128::from(t.abs_diff(epoch.k).min(FAR));
        let bytes = u128::from(self.window.smss) * C.0 * d * d * d / CUBED / C.1;
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        if t < epoch.k {
            epoch.origin.saturating_sub(bytes)
        } else {
            epoch.origin.saturating_add(bytes)
        }
    }

    /// Congestion avoidance (RFC 9438 §4.2 to §4.5).
    // Rules: 9438-4.2-2, 9438-4.3-1, 9438-4.4-1.
    fn avoid(&mut self, acked: u32, now: Instant) {
        if self.window.count_segments {
            return self.avoid_by_segments(acked, now);
        }
        let curve = self.curve();
        let mut epoch = curve.epoch.unwrap_or_else(|| self.begin(now));
        let cwnd = self.window.cwnd;
        let t = now.since(epoch.start);
        let alpha = if epoch.reno / FRACTION >= curve.prior.into() { (1, 1) } else { ALPHA };
        let smss = u64::from(self.window.smss);
        epoch.reno += alpha.0 * smss * u64::from(acked) * FRACTION / u64::from(cwnd) / alpha.1;
        let reno = u32::try_from(epoch.reno / FRACTION).unwrap_or(u32::MAX);
        if self.how.is_original() && curve.w_max == 0 {
            epoch.search = epoch.search.saturating_add(acked);
            let segment = SEARCH * self.window.smss;
            self.window.grow(epoch.search / segment * self.window.smss);
            epoch.search %= segment;
        }
        if self.curve_at(&epoch, t) < reno {
            self.window.grow(reno.saturating_sub(self.window.cwnd));
        } else {
            let ahead = self.curve_at(&epoch, t + self.srtt.unwrap_or_default());
            let cwnd = self.window.cwnd;
            let target = ahead.clamp(cwnd, cwnd.saturating_add(cwnd / 2));
            epoch.credit += u64::from(target - cwnd) * u64::from(acked);
            self.window.grow((epoch.credit / u64::from(cwnd)) as u32);
            epoch.credit %= u64::from(cwnd);
        }
        self.growth().curve.epoch = Some(epoch);
    }

    /// The same in whole segments.
    fn avoid_by_segments(&mut self, acked: u32, now: Instant) {
        let smss = self.window.smss;
        let windows = (self.window.cwnd / smss, self.curve().w_max / smss);
        let delay = self.original.least().unwrap_or_default();
        let more = self.growth().segments.grow(windows, acked / smss, (now, delay));
        self.window.grow(more * smss);
    }

    /// When congestion avoidance began.
    fn began(&self) -> Option<Instant> {
        let growth = self.growth.as_ref()?;
        growth.segments.began().or(growth.curve.epoch.map(|epoch| epoch.start))
    }

    /// Time in which the window was not used is no time (RFC 9438 §5.8).
    // Rules: 9438-5.8-1.
    fn stand_still(&mut self, now: Instant) {
        let epoch = self.growth.as_mut().and_then(|growth| growth.curve.epoch.as_mut());
        epoch.into_iter().for_each(|epoch| epoch.start += now.since(self.last));
    }
}

/// The largest number whose third power is not more than `n`.
fn cube_root(n: u128) -> u128 {
    let mut root = 0;
    for bit in (0..42).rev() {
        let more: u128 = root | 1 << bit;
        if more * more * more <= n {
            root = more;
        }
    }
    root
}

impl CongestionControl for Cubic {
    windowed!("cubic");

    // Rules: 9406-4.3-1.
    fn is_conservative(&self) -> bool {
        let slow = || self.plus_plus.as_ref().is_some_and(|rounds| rounds.is_conservative());
        self.window.ssthresh == u32::MAX && slow()
    }

    fn found(&self) -> Option<Found> {
        self.original.found()
    }

    fn end_slow_start(&mut self, how: HyStart) {
        self.how = how;
    }

    /// HyStart looks at every round trip that is measured, whether or not the window may grow.
    fn on_sample(&mut self, sample: &AckSample) {
        let settles = |began: Instant| sample.now.since(began) < SETTLES;
        if self.began().is_some_and(settles) {
            return;
        }
        let segments = self.window.cwnd / self.window.smss;
        let looks = self.how.is_original() && self.window.in_slow_start();
        let segments = looks.then_some(segments);
        if self.original.on_sample(sample, segments, self.how).is_some() {
            self.window.ssthresh = self.window.cwnd;
            // Reno's share of growth, since nobody has given way.
            self.growth().curve.prior = u32::MAX;
        }
    }

    fn on_send(&mut self, now: Instant, _bytes: u32, in_flight: u32) {
        if in_flight == 0 {
            self.stand_still(now);
            let silence = now.since(self.sent);
            self.growth.iter_mut().for_each(|growth| growth.segments.stand_still(silence, now));
            self.last = now;
        }
        self.sent = now;
    }

    // Rules: 9406-4.2-5, 9438-4.10-1.
    fn on_ack(&mut self, sample: &AckSample) {
        let now = sample.now;
        if let Some(rtt) = sample.rtt {
            self.srtt = Some(self.srtt.map_or(rtt, |srtt| (srtt * 7 + rtt) / 8));
        }
        if sample.app_limited {
            self.stand_still(now);
            self.last = now;
            return;
        }
        self.last = now;
        let rest = if !self.window.in_slow_start() {
            sample.acked
        } else if self.window.ssthresh < u32::MAX || self.how != HyStart::PlusPlus {
            self.window.slow_start(sample.acked)
        } else if let Some(bytes) = self.plus_plus.get_or_insert_default().growth(sample) {
            self.window.grow(bytes);
            0
        } else {
            self.window.ssthresh = self.window.cwnd;
            self.growth().curve.prior = self.window.cwnd;
            sample.acked
        };
        if rest > 0 {
            self.avoid(rest, now);
        }
    }

    fn on_loss(&mut self, _now: Instant, _in_flight: u32) {
        let ssthresh = self.reduced();
        self.window.reduce(ssthresh);
    }

    fn on_recovered(&mut self, _now: Instant, _in_flight: u32) {
        self.window.cwnd = self.window.ssthresh;
    }

    /// RFC 9438 §4.8: the next stretch begins flat, where it begins.
    // Rules: 9438-4.8-1.
    fn on_rto(&mut self, now: Instant, _in_flight: u32, timeout: Timeout) {
        let cwnd = self.window.cwnd;
        self.original.on_rto(now);
        if timeout == Timeout::First {
            let (before, curve) = (self.curve(), Curve { prior: cwnd, ..Curve::default() });
            *self.growth() = Growth { curve, before, segments: Segments::default() };
        }
        self.window.collapse(self.window.whole(share(cwnd, BETA)), timeout);
    }

    // Rules: 9438-4.9.1-1.
    fn undo(&mut self, _now: Instant) {
        self.window.undo();
        if let Some(growth) = self.growth.as_mut().filter(|_| !self.window.count_segments) {
            growth.curve = growth.before;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::sample;
    use super::*;

    const MSS: u32 = 1_460;

    /// Lets a path of `rtt` ms carry one ACK for each segment, evenly, until `ms`; says what `look`
    /// makes of each round trip's end.
    fn run(cc: &mut Cubic, from: u64, rtt: u64, ms: u64, mut look: impl FnMut(u64, u32)) {
        let mut at = from;
        while at < ms {
            let segments = cc.cwnd() / MSS;
            for n in 0..segments {
                let now = Instant::from_micros(
                    at * 1000 + rtt * 1000 * u64::from(n + 1) / u64::from(segments),
                );
                let rtt = Some(Duration::from_millis(rtt));
                cc.on_ack(&AckSample { now, rtt, ..sample(MSS) });
            }
            at += rtt;
            look(at, cc.cwnd());
        }
    }

    /// W(t) in bytes as RFC 9438 equation 1 says it, in milliseconds and by other steps.
    fn formula(w_max: u64, cwnd: u64, t: i64) -> i64 {
        let missing = (w_max - cwnd) as i128 * 5 * 1_000_000_000 / (2 * i128::from(MSS));
        let k = (0..1_000_000i128).find(|k| k * k * k >= missing).unwrap();
        let d = i128::from(t) - k;
        (2 * i128::from(MSS) * d * d * d / 5 / 1_000_000_000 + i128::from(w_max)) as i64
    }

    /// 100 Mbit/s and 100 ms are 856 segments: after a loss there, W(t) within 2 %, until it is
    /// half as much again.
    // Rules: 9438-4.2-1, 9438-4.2-2, 9438-4.6-1.
    #[test]
    fn the_window_follows_the_curve_within_two_percent() {
        let mut cc = Cubic::new(MSS, 10 * MSS);
        let w_max = 856 * MSS;
        cc.take_over(w_max, w_max);
        cc.on_loss(Instant::ZERO, w_max);
        cc.on_recovered(Instant::ZERO, w_max);
        let start = cc.cwnd();
        assert_eq!(start, share(w_max, BETA));
        let mut seen = 0;
        run(&mut cc, 0, 100, 18_000, |at, cwnd| {
            let want = formula(w_max.into(), start.into(), at as i64);
            let error = (i64::from(cwnd) - want).abs();
            assert!(error * 100 <= 2 * want, "at {at} ms: {cwnd}, W(t) = {want}");
            seen += 1;
        });
        assert_eq!(seen, 180);
        assert!(cc.cwnd() > w_max * 5 / 4);
    }

    /// K, with the numbers of a hand: (856 - 599.2) / 0.4 = 642, whose third root is 8.627.
    // Rules: 9438-4.4-1.
    #[test]
    fn the_plateau_comes_after_k() {
        let mut cc = Cubic::new(MSS, 10 * MSS);
        cc.take_over(856 * MSS, 856 * MSS);
        cc.on_loss(Instant::ZERO, 0);
        let k = cc.begin(Instant::ZERO).k;
        assert_eq!(k / 1000, 8_626);
        assert_eq!((cube_root(0), cube_root(26), cube_root(27)), (0, 2, 3));
        assert_eq!(cube_root(999_999_999_999_999_999_999_999_999), 999_999_999);
    }

    /// RFC 9438 §4.3: on a short path Reno would be faster: 9/17 of a segment for each round trip.
    // Rules: 9438-4.3-1.
    #[test]
    fn short_paths_grow_as_reno() {
        let mut cc = Cubic::new(MSS, 10 * MSS);
        cc.take_over(100 * MSS, 100 * MSS);
        cc.on_loss(Instant::ZERO, 0);
        let start = cc.cwnd();
        run(&mut cc, 0, 2, 68, |_, _| {});
        let grown = (cc.cwnd() - start) * 10 / MSS;
        assert!((170..=182).contains(&grown), "34 round trips: {grown} tenths of a segment");
    }

    /// RFC 9438 §4.7: the second loss comes below the first one's window.
    // Rules: 9438-4.7-1.
    #[test]
    fn a_flow_that_lost_ground_lets_go() {
        let mut cc = Cubic::new(MSS, 10 * MSS);
        cc.take_over(100 * MSS, 100 * MSS);
        cc.on_loss(Instant::ZERO, 0);
        assert_eq!((cc.curve().w_max, cc.cwnd()), (100 * MSS, 70 * MSS));
        cc.on_loss(Instant::ZERO, 0);
        assert_eq!((cc.curve().w_max, cc.cwnd()), (70 * MSS * 17 / 20, 49 * MSS));
        cc.undo(Instant::ZERO);
        assert_eq!((cc.curve().w_max, cc.cwnd()), (100 * MSS, 70 * MSS));
    }

    /// RFC 9438 §4.8: after a timeout the curve starts flat at ssthresh.
    // Rules: 9406-4.3-1, 9438-4.8-1.
    #[test]
    fn a_timeout_forgets_the_plateau() {
        let mut cc = Cubic::new(MSS, 10 * MSS);
        cc.take_over(100 * MSS, 100 * MSS);
        cc.on_rto(Instant::ZERO, 0, Timeout::First);
        assert_eq!((cc.cwnd(), cc.ssthresh()), (MSS, 70 * MSS));
        for _ in 0..70 {
            cc.on_ack(&sample(MSS));
        }
        let epoch = cc.curve().epoch.expect("congestion avoidance");
        assert_eq!((epoch.k, epoch.origin), (0, 70 * MSS));
    }

    /// RFC 9438 §5.8: ten seconds of silence would be a jump on the curve.
    // Rules: 9438-5.8-1.
    #[test]
    fn silence_is_no_time() {
        let mut cc = Cubic::new(MSS, 10 * MSS);
        cc.take_over(100 * MSS, 100 * MSS);
        cc.on_loss(Instant::ZERO, 0);
        run(&mut cc, 0, 100, 1_000, |_, _| {});
        let start = cc.curve().epoch.expect("congestion avoidance").start;
        cc.on_send(Instant::from_millis(11_000), MSS, 0);
        let later = cc.curve().epoch.expect("congestion avoidance").start;
        assert_eq!(later.since(start), Duration::from_secs(10));
        let now = Instant::from_millis(12_000);
        cc.on_ack(&AckSample { now, app_limited: true, ..sample(MSS) });
        let later = cc.curve().epoch.expect("congestion avoidance").start;
        assert_eq!(later.since(start), Duration::from_secs(11));
    }
}
