//! `tcp_info` in ss's words: the same names, in the same order, in the same units.

use serde_json::Value;

/// What a socket knows, in one line. `options`: which TCP options were agreed on, too; `exact`:
/// rates as plain numbers.
pub(super) fn info(socket: &Value, options: bool, exact: bool) -> String {
    let info = Info { info: &socket["info"], exact };
    let mut words = Vec::new();
    if options {
        words.extend(info.options());
    }
    words.extend(socket["cong_alg"].as_str().map(str::to_owned));
    if socket["state"] == "LISTEN" {
        // What Linux has for a listener: the window that connections start with.
        words.push("cwnd:10".to_owned());
    } else if socket["info"].is_object() {
        words.extend(info.timing());
        words.extend(info.sizes());
        words.extend(info.rates());
        words.extend(info.flight());
        words.extend(info.receiver());
    }
    words.join(" ")
}

/// A value with its name, unless it is zero.
fn some(name: &str, value: u64) -> Option<String> {
    (value > 0).then(|| format!("{name}:{value}"))
}

struct Info<'a> {
    info: &'a Value,
    exact: bool,
}

impl Info<'_> {
    fn n(&self, field: &str) -> u64 {
        self.info[field].as_u64().unwrap_or(0)
    }

    /// Microseconds as milliseconds.
    fn ms(&self, field: &str) -> String {
        g(self.n(field) as f64 / 1000.0, 6)
    }

    fn all(&self, fields: &[(&str, &str)]) -> Vec<String> {
        fields.iter().filter_map(|(name, field)| some(name, self.n(field))).collect()
    }

    fn options(&self) -> Vec<String> {
        let bits = [(1, "ts"), (2, "sack"), (8, "ecn"), (16, "ecnseen")];
        let agreed = bits.iter().filter(|(bit, _)| self.n("options") & bit != 0);
        agreed.map(|(_, name)| (*name).to_owned()).collect()
    }

    fn timing(&self) -> Vec<String> {
        let scaled = self.n("options") & 4 != 0;
        let (snd, rcv) = (self.n("snd_wscale"), self.n("rcv_wscale"));
        let mut words = Vec::new();
        words.extend(scaled.then(|| format!("wscale:{snd},{rcv}")));
        words.extend((self.n("rto") > 0).then(|| format!("rto:{}", self.ms("rto"))));
        words.extend(some("backoff", self.n("backoff")));
        let rtt = || format!("rtt:{}/{}", self.ms("rtt"), self.ms("rttvar"));
        words.extend((self.n("rtt") > 0).then(rtt));
        words.extend((self.n("ato") > 0).then(|| format!("ato:{}", self.ms("ato"))));
        words
    }

    fn sizes(&self) -> Vec<String> {
        let mut words = self.all(&[
            ("mss", "snd_mss"),
            ("pmtu", "pmtu"),
            ("rcvmss", "rcv_mss"),
            ("advmss", "advmss"),
            ("cwnd", "snd_cwnd"),
        ]);
        // Before the first loss there is none.
        words.extend(some("ssthresh", self.n("snd_ssthresh")).filter(|_| self.has_ssthresh()));
        words.extend(self.all(&[
            ("bytes_sent", "bytes_sent"),
            ("bytes_retrans", "bytes_retrans"),
            ("bytes_acked", "bytes_acked"),
            ("bytes_received", "bytes_received"),
            ("segs_out", "segs_out"),
            ("segs_in", "segs_in"),
            ("data_segs_out", "data_segs_out"),
            ("data_segs_in", "data_segs_in"),
        ]));
        words
    }

    fn has_ssthresh(&self) -> bool {
        self.n("snd_ssthresh") < 0xffff
    }

    fn rates(&self) -> Vec<String> {
        let mut words = Vec::new();
        let (cwnd, mss, rtt) = (self.n("snd_cwnd"), self.n("snd_mss"), self.n("rtt"));
        if cwnd > 0 && mss > 0 && rtt > 0 {
            let rate = cwnd as f64 * mss as f64 * 8e6 / rtt as f64;
            words.push(format!("send {}", self.rate(rate)));
        }
        words.extend(self.all(&[
            ("lastsnd", "last_data_sent"),
            ("lastrcv", "last_data_recv"),
            ("lastack", "last_ack_recv"),
        ]));
        if self.n("pacing_rate") > 0 {
            let rate = self.rate(self.n("pacing_rate") as f64 * 8.0);
            words.push(format!("pacing_rate {rate}"));
        }
        if self.n("delivery_rate") > 0 {
            let rate = self.rate(self.n("delivery_rate") as f64 * 8.0);
            words.push(format!("delivery_rate {rate}"));
        }
        words.extend(some("delivered", self.n("delivered")));
        words.extend(some("delivered_ce", self.n("delivered_ce")));
        if self.n("delivery_rate_app_limited") > 0 {
            words.push("app_limited".to_owned());
        }
        let busy = self.n("busy_time");
        if busy > 0 {
            words.push(format!("busy:{}ms", busy / 1000));
            let limited = self.n("rwnd_limited");
            if limited > 0 {
                let share = 100.0 * limited as f64 / busy as f64;
                words.push(format!("rwnd_limited:{}ms({share:.1}%)", limited / 1000));
            }
        }
        words
    }

    fn flight(&self) -> Vec<String> {
        let mut words = self.all(&[("unacked", "unacked")]);
        let (now, ever) = (self.n("retrans"), self.n("total_retrans"));
        words.extend((now > 0 || ever > 0).then(|| format!("retrans:{now}/{ever}")));
        words.extend(self.all(&[("lost", "lost"), ("sacked", "sacked")]));
        // Three is what everybody expects.
        words
            .extend(some("reordering", self.n("reordering")).filter(|word| word != "reordering:3"));
        words
    }

    fn receiver(&self) -> Vec<String> {
        let rtt = |name: &str, field: &str| {
            (self.n(field) > 0).then(|| format!("{name}:{}", self.ms(field)))
        };
        let mut words = Vec::from_iter(rtt("rcv_rtt", "rcv_rtt"));
        words.extend(self.all(&[
            ("rcv_space", "rcv_space"),
            ("rcv_ssthresh", "rcv_ssthresh"),
            ("notsent", "notsent_bytes"),
        ]));
        words.extend(rtt("minrtt", "min_rtt"));
        words.extend(self.all(&[
            ("rcv_ooopack", "rcv_ooopack"),
            ("snd_wnd", "snd_wnd"),
            ("rcv_wnd", "rcv_wnd"),
        ]));
        words
    }

    /// Bits per second.
    fn rate(&self, rate: f64) -> String {
        if self.exact {
            return format!("{rate:.0}bps");
        }
        let units = [("T", 1e12), ("G", 1e9), ("M", 1e6), ("K", 1e3)];
        let unit = units.iter().find(|(_, size)| rate >= *size);
        let (unit, size) = unit.copied().unwrap_or(("", 1.0));
        format!("{}{unit}bps", g(rate / size, 3))
    }
}

/// As C's `%g`: so many significant digits, without zeros at the end.
fn g(value: f64, digits: usize) -> String {
    let scientific = format!("{value:.*e}", digits - 1);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let bare = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if exponent < -4 || exponent >= digits as i32 {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{}e{sign}{:02}", bare(mantissa), exponent.abs());
    }
    bare(&format!("{value:.*}", (digits as i32 - 1 - exponent) as usize))
}

/// How long a timer still runs, as ss shows it: the two largest units that matter.
pub(super) fn time_left(ms: u64) -> String {
    let (minutes, seconds, millis) = (ms / 60_000, ms / 1000 % 60, ms % 1000);
    match (minutes, seconds) {
        (0, 0) => format!("{millis:03}ms"),
        (0, 1..=9) if millis > 0 => format!("{seconds}.{millis:03}ms"),
        (0, _) => format!("{seconds}sec"),
        (1..=9, 1..) => format!("{minutes}min{seconds}sec"),
        _ => format!("{minutes}min"),
    }
}
