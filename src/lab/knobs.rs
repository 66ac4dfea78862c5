//! The knobs of TCP by name, as `[tcp]` and `[node.NAME.tcp]` set them.

use super::tree::{Item, Value, refused, suggest};
use super::{Mistake, words};
use crate::base::Duration;
use crate::tcp::cc::HyStart;
use crate::tcp::{AckEvery, AfterIdle, Config, Ecn, FastOpening, Keepalive, Lineage, Profile};
use crate::wire::ip::Discover;
use crate::wire::tcp::Layout;
use std::str::FromStr;

/// What `read` makes of a word for one field of the configuration; false when it cannot be read.
type Turn = fn(&mut Config, &str) -> bool;

/// A knob: its name, what can be written, and what turns it.
struct Knob(&'static str, &'static str, Turn);

const FAST_OPENING: &str = "off, on or no-cookie";
const SWITCH: &str = "true, false, on or off";
const COUNT: &str = "a whole number";
const TIME_OR_OFF: &str = "a time such as 40ms, or off";
const SIZE: &str = "a size from 2k to 1G, or auto";
const RANGE: &str = "two sizes from 2k to 1G, as in 64k 3M";
const SIZE_OR_OFF: &str = "a number of bytes such as 64k, or off";

fn switch(to: &mut bool, word: &str) -> bool {
    match word {
        "on" | "true" => *to = true,
        "off" | "false" => *to = false,
        _ => return false,
    }
    true
}

fn number<T: std::str::FromStr>(to: &mut T, word: &str) -> bool {
    word.parse().map(|value| *to = value).is_ok()
}

/// What can be read, or a word for none.
fn number_or<T: std::str::FromStr>(to: &mut Option<T>, none: &str, word: &str) -> bool {
    *to = word.parse().ok();
    to.is_some() || word == none
}

fn size(to: &mut u32, word: &str) -> bool {
    let size = words::bytes(word).and_then(|size| u32::try_from(size).ok());
    size.filter(|size| (2048..=1 << 30).contains(size)).map(|size| *to = size).is_some()
}

/// A size, or auto: it is tuned.
fn size_or_auto(to: &mut u32, word: &str) -> bool {
    if word == "auto" {
        *to = Config::AUTO;
        return true;
    }
    size(to, word)
}

/// Two sizes, of which the first is not larger.
fn range(to: &mut (u32, u32), word: &str) -> bool {
    let (first, most) = word.split_once(' ').unwrap_or((word, word));
    size(&mut to.0, first) && size(&mut to.1, most.trim()) && to.0 <= to.1
}

fn amount(to: &mut u32, word: &str) -> bool {
    let amount = words::bytes(word).and_then(|amount| u32::try_from(amount).ok());
    amount.map(|amount| *to = amount).is_some()
}

fn size_or_off(to: &mut Option<u32>, word: &str) -> bool {
    let mut bytes = 0;
    let read = amount(&mut bytes, word);
    *to = read.then_some(bytes);
    read || word == "off"
}

fn time(to: &mut Duration, word: &str) -> bool {
    words::time(word).map(|time| *to = time).is_some()
}

/// A time, or off, which is none at all.
fn time_or_off(to: &mut Duration, word: &str) -> bool {
    if word == "off" || word == "false" {
        *to = Duration::ZERO;
        return true;
    }
    time(to, word)
}

/// A time, or that of window probes.
fn time_or_rto(to: &mut Duration, word: &str) -> bool {
    if word == "rto" {
        *to = Duration::ZERO;
        return true;
    }
    time(to, word)
}

/// `off`, or `IDLE`, or `IDLE INTERVAL PROBES`.
fn keepalive(to: &mut Option<Keepalive>, word: &str) -> bool {
    let mut words = word.split_whitespace();
    let Some(first) = words.next() else { return false };
    if first == "off" || first == "false" {
        *to = None;
        return true;
    }
    let mut keepalive = Keepalive::default();
    let good = (first == "on" || first == "true" || time(&mut keepalive.idle, first))
        && words.next().is_none_or(|word| time(&mut keepalive.interval, word))
        && words.next().is_none_or(|word| number(&mut keepalive.probes, word))
        && words.next().is_none();
    *to = Some(keepalive);
    good
}

fn maybe_time(to: &mut Option<Duration>, word: &str) -> bool {
    *to = words::time(word);
    to.is_some() || word == "off"
}

fn discover(to: &mut Discover, word: &str) -> bool {
    *to = match word {
        "do" => Discover::Do,
        "want" => Discover::Want,
        "dont" => Discover::Dont,
        "probe" => Discover::Probe,
        _ => return false,
    };
    true
}

fn ecn(to: &mut Ecn, word: &str) -> bool {
    *to = match word {
        "off" | "false" => Ecn::Off,
        "on" | "true" => Ecn::On,
        "passive" => Ecn::Passive,
        _ => return false,
    };
    true
}

fn after_idle(to: &mut AfterIdle, word: &str) -> bool {
    *to = match word {
        "keep" => AfterIdle::Keep,
        "decay" => AfterIdle::Decay,
        "restart" => AfterIdle::Restart,
        _ => return false,
    };
    true
}

fn mss(to: &mut Option<u16>, word: &str) -> bool {
    let mss = word.parse().ok().filter(|mss| *mss > 0);
    *to = mss;
    mss.is_some() || word == "auto"
}

/// One of some words, as it is shown.
fn one_of<T: Copy + ToString>(to: &mut T, of: &[T], word: &str) -> bool {
    let found = of.iter().find(|value| value.to_string() == word);
    found.map(|value| *to = *value).is_some()
}

/// All knobs at once.
fn profile(to: &mut Config, word: &str) -> bool {
    word.parse::<Profile>().map(|profile| *to = profile.config()).is_ok()
}

fn ttl(to: &mut Option<u8>, word: &str) -> bool {
    let ttl = word.parse().ok().filter(|ttl| *ttl > 0);
    *to = ttl;
    ttl.is_some()
}

/// The knob that turns all others.
const PROFILE: &str = "profile";

/// Every knob of [`Config`], by its field's name.
const KNOBS: &[Knob] = &[
    Knob(PROFILE, "rfc, linux or freebsd", profile),
    Knob("mss", "a number of bytes from 1 to 65535, or auto", |c, w| mss(&mut c.mss, w)),
    Knob("recv_buffer", SIZE, |c, w| size_or_auto(&mut c.recv_buffer, w)),
    Knob("recv_buffer_auto", RANGE, |c, w| range(&mut c.recv_buffer_auto, w)),
    Knob("send_buffer", SIZE, |c, w| size_or_auto(&mut c.send_buffer, w)),
    Knob("send_buffer_auto", RANGE, |c, w| range(&mut c.send_buffer_auto, w)),
    Knob("window_clamp", SIZE_OR_OFF, |c, w| size_or_off(&mut c.window_clamp, w)),
    Knob("window_up", SWITCH, |c, w| switch(&mut c.window_up, w)),
    Knob("window_scaling", SWITCH, |c, w| switch(&mut c.window_scaling, w)),
    Knob("timestamps", SWITCH, |c, w| switch(&mut c.timestamps, w)),
    Knob("ts_required", SWITCH, |c, w| switch(&mut c.ts_required, w)),
    Knob("sack", SWITCH, |c, w| switch(&mut c.sack, w)),
    Knob("dsack", SWITCH, |c, w| switch(&mut c.dsack, w)),
    Knob("rack", SWITCH, |c, w| switch(&mut c.rack, w)),
    Knob("tlp", SWITCH, |c, w| switch(&mut c.tlp, w)),
    Knob("tlp_ack_delay", words::TIME, |c, w| time(&mut c.tlp_ack_delay, w)),
    Knob("prr", SWITCH, |c, w| switch(&mut c.prr, w)),
    Knob("frto", SWITCH, |c, w| switch(&mut c.frto, w)),
    Knob("undo", SWITCH, |c, w| switch(&mut c.undo, w)),
    Knob("reordering", "a number of segments from 3 to 300", |c, w| {
        number(&mut c.reordering, w) && (3..=300).contains(&c.reordering)
    }),
    Knob("max_reordering", "a number of segments from 3 to 300", |c, w| {
        number(&mut c.max_reordering, w) && (3..=300).contains(&c.max_reordering)
    }),
    Knob("count_segments", SWITCH, |c, w| switch(&mut c.count_segments, w)),
    Knob("nagle", SWITCH, |c, w| switch(&mut c.nagle, w)),
    Knob("minshall", SWITCH, |c, w| switch(&mut c.minshall, w)),
    Knob("tso_autosize", SWITCH, |c, w| switch(&mut c.tso_autosize, w)),
    Knob("min_tso_segs", "a number from 1 to 255", |c, w| {
        number(&mut c.min_tso_segs, w) && c.min_tso_segs > 0
    }),
    Knob("tso_win_divisor", COUNT, |c, w| number(&mut c.tso_win_divisor, w)),
    Knob("push_bursts", SWITCH, |c, w| switch(&mut c.push_bursts, w)),
    Knob("rttvar_peak", SWITCH, |c, w| switch(&mut c.rttvar_peak, w)),
    Knob("rto_initial", words::TIME, |c, w| time(&mut c.rto_initial, w)),
    Knob("rto_min", words::TIME, |c, w| time(&mut c.rto_min, w)),
    Knob("rto_max", words::TIME, |c, w| time(&mut c.rto_max, w)),
    Knob("rto_after_syn_loss", words::TIME, |c, w| time(&mut c.rto_after_syn_loss, w)),
    Knob("syn_linear", COUNT, |c, w| number(&mut c.syn_linear, w)),
    Knob("syn_retries", COUNT, |c, w| number(&mut c.syn_retries, w)),
    Knob("syn_losses", COUNT, |c, w| number(&mut c.syn_losses, w)),
    Knob("synack_retries", COUNT, |c, w| number(&mut c.synack_retries, w)),
    Knob("retries1", COUNT, |c, w| number(&mut c.retries1, w)),
    Knob("retries2", COUNT, |c, w| number(&mut c.retries2, w)),
    Knob("orphan_retries", COUNT, |c, w| number(&mut c.orphan_retries, w)),
    Knob("delayed_ack", TIME_OR_OFF, |c, w| time_or_off(&mut c.delayed_ack, w)),
    Knob("sws_override", "a time such as 200ms, or rto", |c, w| {
        time_or_rto(&mut c.sws_override, w)
    }),
    Knob("probe_max", words::TIME, |c, w| time(&mut c.probe_max, w)),
    Knob("keepalive", "off, on, or IDLE [INTERVAL [PROBES]]", |c, w| {
        keepalive(&mut c.keepalive, w)
    }),
    Knob("user_timeout", TIME_OR_OFF, |c, w| maybe_time(&mut c.user_timeout, w)),
    Knob("time_wait", words::TIME, |c, w| time(&mut c.time_wait, w)),
    Knob("rfc1337", SWITCH, |c, w| switch(&mut c.rfc1337, w)),
    Knob("fin_wait2", words::TIME, |c, w| time(&mut c.fin_wait2, w)),
    Knob("initial_window", "a number of segments", |c, w| number(&mut c.initial_window, w)),
    Knob("challenge_interval", words::TIME, |c, w| time(&mut c.challenge_interval, w)),
    Knob("challenge_count", COUNT, |c, w| number(&mut c.challenge_count, w)),
    Knob("reassembly_pieces", COUNT, |c, w| number(&mut c.reassembly_pieces, w)),
    Knob("min_mss", "a number of bytes", |c, w| number(&mut c.min_mss, w)),
    Knob("congestion", "cubic, reno, newreno or dctcp", |c, w| number(&mut c.congestion, w)),
    Knob("ecn", "off, on or passive", |c, w| ecn(&mut c.ecn, w)),
    Knob("pacing", SWITCH, |c, w| switch(&mut c.pacing, w)),
    Knob("hystart", "off, train, delay, both or ++", |c, w| {
        one_of(&mut c.hystart, &HyStart::ALL, w)
    }),
    Knob("after_idle", "keep, decay or restart", |c, w| after_idle(&mut c.after_idle, w)),
    Knob("ttl", "a number of hops from 1 to 255", |c, w| ttl(&mut c.mark.ttl, w)),
    Knob("tos", "a number from 0 to 255", |c, w| number(&mut c.mark.tos, w)),
    Knob("mtu_discover", "want, do, dont or probe", |c, w| discover(&mut c.mtu_discover, w)),
    Knob("delayed_ack_max", words::TIME, |c, w| time(&mut c.delayed_ack_max, w)),
    Knob("ack_every", "two-full, more-than-full or second", |c, w| {
        one_of(&mut c.ack_every, &AckEvery::ALL, w)
    }),
    Knob("quickack", "a number of segments", |c, w| number(&mut c.quickack, w)),
    Knob("mtu_claims_wait", SWITCH, |c, w| switch(&mut c.mtu_claims_wait, w)),
    Knob("mtu_probing", SWITCH, |c, w| switch(&mut c.mtu_probing, w)),
    Knob("mtu_expires", words::TIME, |c, w| time(&mut c.mtu_expires, w)),
    Knob("min_pmtu", "a number of bytes", |c, w| number(&mut c.min_pmtu, w)),
    Knob("base_mss", "a number of bytes", |c, w| number(&mut c.base_mss, w)),
    Knob("zero_window_max", TIME_OR_OFF, |c, w| maybe_time(&mut c.zero_window_max, w)),
    Knob("user_timeout_option", SWITCH, |c, w| switch(&mut c.user_timeout_option, w)),
    Knob("cork", SWITCH, |c, w| switch(&mut c.cork, w)),
    Knob("notsent_lowat", SIZE_OR_OFF, |c, w| size_or_off(&mut c.notsent_lowat, w)),
    Knob("rcvlowat", words::BYTES, |c, w| amount(&mut c.rcvlowat, w)),
    Knob("linger", TIME_OR_OFF, |c, w| maybe_time(&mut c.linger, w)),
    Knob("defer_accept", TIME_OR_OFF, |c, w| maybe_time(&mut c.defer_accept, w)),
    Knob("fastopen_client", FAST_OPENING, |c, w| {
        one_of(&mut c.fastopen_client, &FastOpening::ALL, w)
    }),
    Knob("fastopen_connect", SWITCH, |c, w| switch(&mut c.fastopen_connect, w)),
    Knob("fastopen_blackhole", TIME_OR_OFF, |c, w| time_or_off(&mut c.fastopen_blackhole, w)),
    Knob("fastopen_server", FAST_OPENING, |c, w| {
        one_of(&mut c.fastopen_server, &FastOpening::ALL, w)
    }),
    Knob("fastopen_queue", "a number of connections, or backlog", |c, w| {
        number_or(&mut c.fastopen_queue, "backlog", w)
    }),
    Knob(
        "fastopen_key",
        "four words as in 1-2-3-4, or two times four behind commas, or own",
        |c, w| number_or(&mut c.fastopen_key, "own", w),
    ),
    Knob("lineage", "rfc, linux or bsd", |c, w| one_of(&mut c.lineage, &Lineage::ALL, w)),
    Knob("rexmit_slop", TIME_OR_OFF, |c, w| time_or_off(&mut c.rexmit_slop, w)),
    Knob("keepinit", TIME_OR_OFF, |c, w| maybe_time(&mut c.keepinit, w)),
    Knob("persmin", TIME_OR_OFF, |c, w| time_or_off(&mut c.persmin, w)),
    Knob("insecure_rst", SWITCH, |c, w| switch(&mut c.insecure_rst, w)),
    Knob("insecure_syn", SWITCH, |c, w| switch(&mut c.insecure_syn, w)),
    Knob("drop_synfin", SWITCH, |c, w| switch(&mut c.drop_synfin, w)),
    Knob("abc_l_var", "a number of segments", |c, w| number(&mut c.abc_l_var, w)),
    Knob("newcwv", SWITCH, |c, w| switch(&mut c.newcwv, w)),
    Knob("ecn_maxretries", COUNT, |c, w| number(&mut c.ecn_maxretries, w)),
    Knob("rexmit_drop_options", SWITCH, |c, w| switch(&mut c.rexmit_drop_options, w)),
    Knob("icmp_may_rst", SWITCH, |c, w| switch(&mut c.icmp_may_rst, w)),
    Knob("recverr", SWITCH, |c, w| switch(&mut c.recverr, w)),
    Knob("noopt", SWITCH, |c, w| switch(&mut c.noopt, w)),
    Knob("oobinline", SWITCH, |c, w| switch(&mut c.oobinline, w)),
    Knob("option_order", "linux or by-kind", |c, w| {
        one_of(&mut c.option_order, &[Layout::Linux, Layout::ByKind], w)
    }),
];

/// One knob and where it is turned to, written `KNOB=VALUE`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Setting {
    knob: String,
    value: String,
}

impl Setting {
    /// Turns it.
    pub fn apply(&self, config: &mut Config) {
        let knob = KNOBS.iter().find(|knob| knob.0 == self.knob);
        let turned = knob.is_some_and(|knob| knob.2(config, &self.value));
        debug_assert!(turned, "it was tried when it was read");
    }
}

impl FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Setting, String> {
        let Some((name, value)) = text.split_once('=') else {
            return Err("expected KNOB=VALUE, as in sack=off".into());
        };
        let Some(Knob(knob, expected, turn)) = KNOBS.iter().find(|knob| knob.0 == name) else {
            let what = format!("TCP has no knob \"{name}\"");
            return Err(suggest(&what, name, KNOBS.iter().map(|knob| knob.0)));
        };
        if turn(&mut Config::default(), value) {
            Ok(Setting { knob: name.into(), value: value.into() })
        } else {
            Err(refused(knob, Some(value), expected))
        }
    }
}

/// Turns the knobs that a table names.
pub(super) fn turn(config: &mut Config, name: &str, item: &Item) -> Result<(), Mistake> {
    let Value::Table(table) = &item.value else {
        return Err(item.wrong(format!("{name} must be a table of TCP's knobs")));
    };
    // The profile first, wherever it stands.
    let (all, one): (Vec<_>, Vec<_>) = table.0.iter().partition(|(key, _)| key.name == PROFILE);
    for (key, item) in all.into_iter().chain(one) {
        let Some(Knob(knob, expected, turn)) = KNOBS.iter().find(|knob| knob.0 == key.name) else {
            let what = format!("TCP has no knob \"{}\"", key.name);
            let known = KNOBS.iter().map(|knob| knob.0);
            return Err(Mistake::new(&key.at, suggest(&what, &key.name, known)));
        };
        let word = item.word();
        if !word.as_deref().is_some_and(|word| turn(config, word)) {
            return Err(item.wrong(refused(knob, word.as_deref(), expected)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// And the page about lab files names it.
    #[test]
    fn every_field_has_a_knob() {
        let page = include_str!("../../docs/lab.md");
        for Knob(name, ..) in KNOBS {
            assert!(page.contains(&format!("`{name}`")), "docs/lab.md does not tell of {name}");
        }
        let told = format!("{:?}", Config::default());
        for Knob(name, ..) in KNOBS.iter().filter(|knob| !["ttl", "tos", PROFILE].contains(&knob.0))
        {
            assert!(told.contains(&format!("{name}: ")), "{name}");
        }
        let fields = told.split(['{', ',']).filter_map(|part| part.split_once(':'));
        for (field, _) in fields.map(|(field, value)| (field.trim(), value)) {
            let inner = ["mark", "ttl", "tos"].contains(&field);
            assert!(inner || KNOBS.iter().any(|knob| knob.0 == field), "{field} has no knob");
        }
    }

    /// What is shown of a profile makes it again, knob by knob.
    #[test]
    fn what_is_shown_can_be_written() {
        for profile in Profile::ALL {
            let mut config = Config::default();
            for shown in profile.knobs() {
                let Knob(.., turn) = KNOBS.iter().find(|knob| knob.0 == shown.name).expect("known");
                assert!(turn(&mut config, &shown.value), "{}: {}", shown.name, shown.value);
            }
            config.mark.ttl = None;
            assert_eq!(config, profile.config(), "{profile}");
            assert_eq!(profile.knobs().len(), KNOBS.len() - 1, "all but the profile itself");
        }
    }

    #[test]
    fn settings_are_tried_when_they_are_read() {
        let mut config = Config::default();
        "sack=off".parse::<Setting>().unwrap().apply(&mut config);
        "rto_min=1s".parse::<Setting>().unwrap().apply(&mut config);
        assert_eq!((config.sack, config.rto_min), (false, Duration::from_secs(1)));
        for (text, why) in [
            ("sack", "expected KNOB=VALUE, as in sack=off"),
            ("sakc=off", "TCP has no knob \"sakc\": did you mean sack?"),
            ("sack=2", "sack cannot be \"2\": expected true, false, on or off"),
        ] {
            assert_eq!(text.parse::<Setting>().unwrap_err(), why);
        }
    }

    #[test]
    fn knobs_turn_and_refuse() {
        let mut config = Config::default();
        let turned = |config: &mut Config, name: &str, word: &str| {
            KNOBS.iter().find(|knob| knob.0 == name).is_some_and(|knob| knob.2(config, word))
        };
        for (name, word) in [
            ("mss", "1460"),
            ("recv_buffer", "64k"),
            ("sack", "off"),
            ("rto_min", "1s"),
            ("delayed_ack", "off"),
            ("keepalive", "10s 1s 3"),
            ("congestion", "newreno"),
            ("mtu_discover", "dont"),
        ] {
            assert!(turned(&mut config, name, word), "{name} {word}");
        }
        assert_eq!((config.mss, config.recv_buffer, config.sack), (Some(1460), 65_536, false));
        assert_eq!(config.delayed_ack, Duration::ZERO);
        let keepalive = config.keepalive.expect("it is on");
        assert_eq!((keepalive.idle.as_secs(), keepalive.probes), (10, 3));
        for (name, word) in [
            ("mss", "0"),
            ("recv_buffer", "1k"),
            ("sack", "maybe"),
            ("rto_min", "1"),
            ("keepalive", "10s 1s 3 4"),
            ("congestion", "vegas"),
            ("mtu_discover", "never"),
        ] {
            assert!(!turned(&mut config, name, word), "{name} {word}");
        }
    }
}
