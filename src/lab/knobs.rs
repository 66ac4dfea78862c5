//! The knobs of TCP by name, as `[tcp]` and `[node.NAME.tcp]` set them.

use super::tree::{Item, Value, refused, suggest};
use super::{Mistake, words};
use crate::base::Duration;
use crate::tcp::{AfterIdle, Config, Ecn, Keepalive};
use crate::wire::ip::Discover;
use std::str::FromStr;

/// What `read` makes of a word for one field of the configuration; false when it cannot be read.
type Turn = fn(&mut Config, &str) -> bool;

/// A knob: its name, what can be written, and what turns it.
struct Knob(&'static str, &'static str, Turn);

const SWITCH: &str = "true, false, on or off";
const COUNT: &str = "a whole number";
const TIME_OR_OFF: &str = "a time such as 40ms, or off";

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

fn size(to: &mut u32, word: &str) -> bool {
    let size = words::bytes(word).and_then(|size| u32::try_from(size).ok());
    size.filter(|size| (2048..=1 << 30).contains(size)).map(|size| *to = size).is_some()
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

fn user_timeout(to: &mut Option<Duration>, word: &str) -> bool {
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
    mss.is_some()
}

fn ttl(to: &mut Option<u8>, word: &str) -> bool {
    let ttl = word.parse().ok().filter(|ttl| *ttl > 0);
    *to = ttl;
    ttl.is_some()
}

/// Every knob of [`Config`], by its field's name.
const KNOBS: &[Knob] = &[
    Knob("mss", "a number of bytes from 1 to 65535", |c, w| mss(&mut c.mss, w)),
    Knob("recv_buffer", "a size from 2k to 1G", |c, w| size(&mut c.recv_buffer, w)),
    Knob("send_buffer", "a size from 2k to 1G", |c, w| size(&mut c.send_buffer, w)),
    Knob("window_scaling", SWITCH, |c, w| switch(&mut c.window_scaling, w)),
    Knob("timestamps", SWITCH, |c, w| switch(&mut c.timestamps, w)),
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
    Knob("nagle", SWITCH, |c, w| switch(&mut c.nagle, w)),
    Knob("minshall", SWITCH, |c, w| switch(&mut c.minshall, w)),
    Knob("tso_autosize", SWITCH, |c, w| switch(&mut c.tso_autosize, w)),
    Knob("push_bursts", SWITCH, |c, w| switch(&mut c.push_bursts, w)),
    Knob("rto_initial", words::TIME, |c, w| time(&mut c.rto_initial, w)),
    Knob("rto_min", words::TIME, |c, w| time(&mut c.rto_min, w)),
    Knob("rto_max", words::TIME, |c, w| time(&mut c.rto_max, w)),
    Knob("rto_after_syn_loss", words::TIME, |c, w| time(&mut c.rto_after_syn_loss, w)),
    Knob("syn_retries", COUNT, |c, w| number(&mut c.syn_retries, w)),
    Knob("synack_retries", COUNT, |c, w| number(&mut c.synack_retries, w)),
    Knob("retries1", COUNT, |c, w| number(&mut c.retries1, w)),
    Knob("retries2", COUNT, |c, w| number(&mut c.retries2, w)),
    Knob("delayed_ack", TIME_OR_OFF, |c, w| time_or_off(&mut c.delayed_ack, w)),
    Knob("sws_override", words::TIME, |c, w| time(&mut c.sws_override, w)),
    Knob("probe_max", words::TIME, |c, w| time(&mut c.probe_max, w)),
    Knob("keepalive", "off, on, or IDLE [INTERVAL [PROBES]]", |c, w| {
        keepalive(&mut c.keepalive, w)
    }),
    Knob("user_timeout", TIME_OR_OFF, |c, w| user_timeout(&mut c.user_timeout, w)),
    Knob("time_wait", words::TIME, |c, w| time(&mut c.time_wait, w)),
    Knob("fin_wait2", words::TIME, |c, w| time(&mut c.fin_wait2, w)),
    Knob("initial_window", "a number of segments", |c, w| number(&mut c.initial_window, w)),
    Knob("challenge_interval", words::TIME, |c, w| time(&mut c.challenge_interval, w)),
    Knob("reassembly_pieces", COUNT, |c, w| number(&mut c.reassembly_pieces, w)),
    Knob("min_mss", "a number of bytes", |c, w| number(&mut c.min_mss, w)),
    Knob("congestion", "cubic, reno, newreno or dctcp", |c, w| number(&mut c.congestion, w)),
    Knob("ecn", "off, on or passive", |c, w| ecn(&mut c.ecn, w)),
    Knob("pacing", SWITCH, |c, w| switch(&mut c.pacing, w)),
    Knob("after_idle", "keep, decay or restart", |c, w| after_idle(&mut c.after_idle, w)),
    Knob("ttl", "a number of hops from 1 to 255", |c, w| ttl(&mut c.mark.ttl, w)),
    Knob("tos", "a number from 0 to 255", |c, w| number(&mut c.mark.tos, w)),
    Knob("mtu_discover", "want, do, dont or probe", |c, w| discover(&mut c.mtu_discover, w)),
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
    for (key, item) in &table.0 {
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
        for Knob(name, ..) in KNOBS.iter().filter(|knob| !["ttl", "tos"].contains(&knob.0)) {
            assert!(told.contains(&format!("{name}: ")), "{name}");
        }
        let fields = told.split(['{', ',']).filter_map(|part| part.split_once(':'));
        for (field, _) in fields.map(|(field, value)| (field.trim(), value)) {
            let inner = ["mark", "ttl", "tos"].contains(&field);
            assert!(inner || KNOBS.iter().any(|knob| knob.0 == field), "{field} has no knob");
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
