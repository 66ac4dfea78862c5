//! The pages that are made of words and numbers: `/`, `/me`, `/stat`, `/drops`.

use super::{Body, accepts, json, plain, respond};
use crate::app::policy::{KEYS, Policy, Share};
use crate::app::sight::{Counters, HostSight, Introspect, Sight};
use crate::base::limit::Millis;
use crate::tcp::TcpInfo;
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use serde_json::{Map, Value, json};
use std::fmt::Write;

/// What there is: how it is asked for, and what it gives.
const CONTENTS: &[(&str, &str, &str)] = &[
    ("/me", "GET /me", "your own connection, as this end of it sees it"),
    ("/bytes/1000", "GET /bytes/N", "N bytes; each line of 16 says its own offset"),
    ("/bytes/1000?sha256", "GET /bytes/N?sha256", "what sha256sum says about them"),
    ("", "PUT /sink", "takes what you send; answers its length and SHA-256"),
    ("/stat", "GET /stat", "what has passed this host"),
    ("/drops", "GET /drops", "what it dropped, and why"),
];

const GREETING: &str = "This host is netglass: a TCP/IP stack in a program, made of glass.";

/// `/`: HTML for browsers, text for others.
pub(super) fn home(request: &Request<Incoming>, counted: bool) -> Response<Body> {
    let there = |path: &str| counted || !matches!(path, "/stat" | "/drops");
    let contents = CONTENTS.iter().filter(|(path, ..)| there(path));
    if accepts(request, "text/html") {
        let mut rows = String::new();
        for (path, name, text) in contents {
            let name = match *path {
                "" => format!("<code>{name}</code>"),
                path => format!("<a href=\"{path}\"><code>{name}</code></a>"),
            };
            let _ = writeln!(rows, "<dt>{name}</dt><dd>{text}</dd>");
        }
        let text = format!(
            "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>netglass</title>\n\
             <h1>netglass</h1>\n<p>{GREETING}</p>\n<dl>\n{rows}</dl>\n</html>\n"
        );
        return respond(StatusCode::OK, "text/html; charset=utf-8", text);
    }
    let mut text = format!("{GREETING}\n\n");
    for (_, name, what) in contents {
        let _ = writeln!(text, "  {name:<20} {what}");
    }
    plain(StatusCode::OK, text + "\nAdd ?json for programs.\n")
}

/// `/me`.
pub(super) fn me(own: Option<&dyn Introspect>, terms: Terms<'_>, as_json: bool) -> Response<Body> {
    let Some((own, sight)) = own.and_then(|own| Some((own, own.look()?))) else {
        let text = "This connection's stack does not tell about it.\n".to_owned();
        return plain(StatusCode::NOT_FOUND, text);
    };
    let ladder = own.ladder();
    if as_json {
        return json(&me_json(&sight, own.share(), terms, ladder));
    }
    let policy = terms.text(own.share());
    plain(StatusCode::OK, me_text(&sight, Some(&policy), ladder.as_deref()))
}

/// On what terms a caller is served.
#[derive(Copy, Clone, Debug)]
pub struct Terms<'a> {
    /// The service's policy.
    pub policy: &'a Policy,
    /// Which request of its connection this is, from 1.
    pub number: u32,
}

impl Terms<'_> {
    /// How many requests may follow on this connection; `None`: any number.
    fn left(&self) -> Option<u32> {
        match self.policy.keep_alive {
            true => self.policy.requests_max.map(|max| max.saturating_sub(self.number)),
            false => Some(0),
        }
    }

    /// The terms in words.
    pub fn text(&self, share: Option<Share>) -> String {
        let of = |max: Option<u32>| max.map_or_else(|| "any number".to_owned(), |n| n.to_string());
        let mut parts = Vec::new();
        if let Some(Share { own, own_max, all, all_max }) = share {
            parts.push(format!("connection {own} of {} from your address", of(own_max)));
            parts.push(format!("{all} of {} in all", of(all_max)));
        }
        parts.push(match self.left() {
            Some(left) => format!("request {}, {left} left", self.number),
            None => format!("request {} of any number", self.number),
        });
        parts.push(match self.policy.idle {
            Some(idle) => format!("closed after {} idle", Millis::from(idle)),
            None => "never closed for being idle".to_owned(),
        });
        parts.join("; ")
    }
}

fn me_json(sight: &Sight, share: Option<Share>, terms: Terms<'_>, ladder: Option<String>) -> Value {
    let policy: Map<_, _> =
        KEYS.iter().map(|key| (key.name.to_owned(), key.show(terms.policy).into())).collect();
    let values = TcpInfo::FIELDS.iter().zip(sight.info.values());
    let mut info: Map<_, _> =
        values.map(|(name, n)| ((*name).to_owned(), Value::from(n))).collect();
    info.insert("snd_ssthresh".to_owned(), sight.info.ssthresh().into());
    let units = TcpInfo::FIELDS.iter().zip(TcpInfo::UNITS).filter(|(_, unit)| !unit.is_empty());
    let units: Map<_, _> =
        units.map(|(name, unit)| ((*name).to_owned(), Value::from(*unit))).collect();
    json!({
        "local": sight.pair.local.to_string(),
        "remote": sight.pair.remote.to_string(),
        "state": sight.state.name(),
        "congestion": sight.congestion,
        "info": info,
        "units": units,
        "policy": policy,
        "request": terms.number,
        "requests_left": terms.left(),
        "idle_left": terms.policy.idle.map(|idle| idle.as_secs_f64()),
        "connections": share.map(|share| share.own),
        "service_connections": share.map(|share| share.all),
        "ladder": ladder,
    })
}

/// Microseconds as milliseconds.
fn ms(micros: u64) -> String {
    format!("{}.{:03} ms", micros / 1000, micros % 1000)
}

/// `n` things, one thing.
fn count(n: u64, thing: &str) -> String {
    format!("{n} {thing}{}", if n == 1 { "" } else { "s" })
}

/// The options in use (RFC 7323, RFC 2018), as they were negotiated.
fn options(info: &TcpInfo) -> String {
    let mut parts = vec![format!("MSS {} (ours {})", info.snd_mss, info.advmss)];
    if info.options & 4 != 0 {
        parts.push(format!("window scale {} (ours {})", info.snd_wscale, info.rcv_wscale));
    }
    parts.extend((info.options & 2 != 0).then(|| "SACK".to_owned()));
    parts.extend((info.options & 1 != 0).then(|| "timestamps".to_owned()));
    parts.join(", ")
}

/// Round trips and the timeout (RFC 6298).
fn round_trip(info: &TcpInfo) -> String {
    let measured = match info.rtt {
        0 => "not measured".to_owned(),
        rtt => {
            let (rttvar, least) = (ms(info.rttvar), ms(info.min_rtt));
            format!("SRTT {}, RTTVAR {rttvar}, smallest {least}", ms(rtt))
        }
    };
    format!("{measured}; RTO {}", ms(info.rto))
}

/// What may be in flight and what is (RFC 5681).
fn congestion(sight: &Sight) -> String {
    let info = &sight.info;
    let phases = ["Open", "Disorder", "CWR", "Recovery", "Loss"];
    let phase = phases.get(info.ca_state as usize).unwrap_or(&"?");
    let none = || "none yet".to_owned();
    let ssthresh = info.ssthresh().map_or_else(none, |segments| count(segments, "segment"));
    let (cwnd, bytes) = (count(info.snd_cwnd, "segment"), info.snd_cwnd_bytes);
    format!("{}, {phase}; cwnd {cwnd} ({bytes} bytes), ssthresh {ssthresh}", sight.congestion)
}

/// A connection in words: the text of `/me`.
///
/// Windows are bytes, times milliseconds. `policy`: on what terms the caller is served.
pub fn me_text(sight: &Sight, policy: Option<&str>, ladder: Option<&str>) -> String {
    let i = &sight.info;
    let windows = format!("yours {} bytes, ours {} bytes", i.snd_wnd, i.rcv_wnd);
    let received = format!(
        "{} ({} with data, {} out of order), {} in order",
        count(i.segs_in, "segment"),
        i.data_segs_in,
        i.rcv_ooopack,
        count(i.bytes_received, "byte"),
    );
    let sent = format!(
        "{} ({} with data, {} again), {}",
        count(i.segs_out, "segment"),
        i.data_segs_out,
        i.total_retrans,
        count(i.bytes_sent, "byte"),
    );
    let flight = format!(
        "{} acknowledged, {} in flight, {} waiting",
        count(i.bytes_acked, "byte"),
        i.bytes_in_flight,
        i.notsent_bytes,
    );
    let limits = format!(
        "busy {}, held back by your window {}, by cwnd {}",
        ms(i.busy_time),
        ms(i.rwnd_limited),
        ms(i.cwnd_limited),
    );
    let rows = [
        ("you", sight.pair.remote.to_string()),
        ("this host", sight.pair.local.to_string()),
        ("state", sight.state.name().to_owned()),
        ("negotiated", options(i)),
        ("round trip", round_trip(i)),
        ("congestion", congestion(sight)),
        ("windows", windows),
        ("received", received),
        ("sent", sent),
        ("", flight),
        ("time", limits),
    ];
    let mut text = String::new();
    for (name, value) in rows {
        let _ = writeln!(text, "{name:<11} {value}");
    }
    if let Some(policy) = policy {
        let _ = writeln!(text, "{:<11} {policy}", "policy");
    }
    if let Some(ladder) = ladder {
        let _ = write!(text, "\n{}\n", ladder.trim_end());
    }
    text
}

/// What `/stat` and `/drops` say when nobody counts.
fn uncounted() -> Response<Body> {
    let text = "This service does not know the host it runs on.\n".to_owned();
    plain(StatusCode::NOT_FOUND, text)
}

/// `/stat`.
pub(super) fn stat(counters: Option<&dyn Counters>, as_json: bool) -> Response<Body> {
    let Some(sight) = counters.map(Counters::count) else { return uncounted() };
    let rows = [
        ("frames_in", sight.totals.frames_in),
        ("bytes_in", sight.totals.bytes_in),
        ("frames_out", sight.totals.frames_out),
        ("bytes_out", sight.totals.bytes_out),
        ("dropped", sight.drops.total()),
        ("connections", sight.connections as u64),
        ("udp_sockets", sight.udp_sockets as u64),
    ];
    let rows = rows.into_iter().map(|(name, n)| (name.to_owned(), n));
    let hits = sight.hits.iter().map(|(key, n)| (format!("limit.{key}"), n));
    numbers(rows.chain(hits), as_json)
}

/// `/drops`.
pub(super) fn drops(counters: Option<&dyn Counters>, as_json: bool) -> Response<Body> {
    let Some(HostSight { drops, .. }) = counters.map(Counters::count) else { return uncounted() };
    if drops.total() == 0 && !as_json {
        return plain(StatusCode::OK, "Nothing was dropped.\n".to_owned());
    }
    if as_json {
        return numbers(drops.iter().map(|(key, n)| (key.to_owned(), n)), true);
    }
    let mut text = String::new();
    for (name, n, why) in drops.told() {
        let _ = writeln!(text, "{name:<20} {n:>12}  {why}");
    }
    plain(StatusCode::OK, text)
}

fn numbers(rows: impl Iterator<Item = (String, u64)>, as_json: bool) -> Response<Body> {
    if as_json {
        let object: Map<_, _> = rows.map(|(name, n)| (name, Value::from(n))).collect();
        return json(&Value::Object(object));
    }
    let mut text = String::new();
    for (name, n) in rows {
        let _ = writeln!(text, "{name:<24} {n:>12}");
    }
    plain(StatusCode::OK, text)
}
