//! qlog (draft-ietf-quic-qlog-main-schema) as a sequence of JSON texts (RFC 7464), one trace: the
//! whole network, a host, or one connection.
//!
//! There is no schema of TCP, so events have namespaces of their own; what QUIC's schema has a name
//! for is named alike. Beyond the schema each event has its number in the run (`id`), the numbers
//! of what led to it (`cause`), and the rule behind it (`why`). Times are milliseconds of virtual
//! time, to the nanosecond.

use super::{Conn, Index, Millis};
use crate::base::time::nanos;
use crate::base::{Duration, Instant};
use crate::observe::log::{Entry, Event, Kind, Log, PlaceId};
use crate::observe::view::describe::ca_name;
use crate::observe::view::json::{self, Object};
use crate::observe::view::run::story::why;
use crate::stack::{self, PacketView};
use crate::tcp::{self, Outcome, SegmentView};
use std::io::{self, Write};

/// What a trace holds.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Scope<'a> {
    /// Everything.
    Network,
    /// What happened on one host, or another place.
    Place(PlaceId),
    /// What happened in one end of a connection.
    Conn(&'a Conn),
}

/// The namespaces of the events, as the draft wants them told: each names its own schema.
const SCHEMAS: &[&str] = &["tcp", "udp", "ip", "icmp", "nd", "arp", "eth", "link", "simulation"];

/// Writes a trace. `title` says what run it is.
///
/// # Errors
/// What `out` answers.
pub fn write(
    index: &Index<'_>,
    scope: Scope<'_>,
    title: &str,
    out: &mut impl Write,
) -> io::Result<()> {
    let log = index.log();
    record(out, header(index, scope, title))?;
    record(out, scenario(log))?;
    match scope {
        Scope::Network => log.entries().iter().try_for_each(|e| event(out, e, Some(log))),
        Scope::Place(place) => {
            let mut its = log.entries().iter().filter(|entry| entry.place == place);
            its.try_for_each(|e| event(out, e, None))
        }
        Scope::Conn(conn) => index.entries(conn).try_for_each(|e| event(out, e, None)),
    }
}

/// One text of the sequence: between RS and LF.
fn record(out: &mut impl Write, json: String) -> io::Result<()> {
    writeln!(out, "\u{1e}{json}")
}

fn header(index: &Index<'_>, scope: Scope<'_>, title: &str) -> String {
    let log = index.log();
    let (name, kind) = match scope {
        Scope::Network => ("the whole network", "network"),
        Scope::Place(place) => {
            let kind = log.places().get(usize::from(place.0)).map(|place| place.kind);
            let is_host = matches!(kind, Some(Kind::Host | Kind::Outside));
            (log.name(place), if is_host { "unknown" } else { "network" })
        }
        Scope::Conn(conn) => (log.name(conn.place), role(index, conn)),
    };
    let mut vantage = Object::new();
    vantage.text("name", name).text("type", kind);
    let mut clock = Object::new();
    clock.text("clock_type", "monotonic").text("epoch", "unknown");
    let mut common = Object::new();
    common.text("time_format", "relative_to_epoch").raw("reference_time", clock.end());
    let mut trace = Object::new();
    if let Scope::Conn(conn) = scope {
        trace.text("description", conn);
    }
    trace.raw("vantage_point", vantage.end()).raw("common_fields", common.end());
    trace.array("event_schemas", SCHEMAS.iter().map(|n| format!("\"urn:netglass:qlog:{n}\"")));
    let mut file = Object::new();
    file.text("file_schema", "urn:ietf:params:qlog:file:sequential");
    file.text("serialization_format", "application/qlog+json-seq");
    file.text("title", title).raw("trace", trace.end());
    file.end()
}

/// Whether this end has asked for the connection.
pub(super) fn role(index: &Index<'_>, conn: &Conn) -> &'static str {
    let asked = |entry: &Entry| {
        let Event::Host(stack::Event::Tcp(tcp::Event::State { to, .. })) = entry.event else {
            return false;
        };
        to == tcp::State::SynSent
    };
    if index.entries(conn).any(asked) { "client" } else { "server" }
}

/// What the run is made of.
fn scenario(log: &Log) -> String {
    let names = log.places().iter().map(|place| {
        let mut object = Object::new();
        object.text("name", &place.name).text("kind", kind_name(place.kind));
        if let Some(ends) = place.ends {
            object.text("from", log.name(ends[0])).text("to", log.name(ends[1]));
        }
        object.end()
    });
    let mut details = Object::new();
    details.array("places", names);
    let mut data = Object::new();
    data.text("name", "network").raw("details", details.end());
    let mut event = Object::new();
    event.raw("time", Millis(0)).text("name", "simulation:scenario").raw("data", data.end());
    event.end()
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Host => "host",
        Kind::Router => "router",
        Kind::Hub => "hub",
        Kind::Switch => "switch",
        Kind::Wire => "wire",
        Kind::Outside => "outside",
    }
}

/// Writes an event; its place as well when a log is given, for traces of several places.
fn event(out: &mut impl Write, entry: &Entry, places: Option<&Log>) -> io::Result<()> {
    let mut object = Object::new();
    object.raw("time", Millis(entry.at.as_nanos()));
    let mut data = Object::new();
    let name = match &entry.event {
        Event::Host(event) => host(&mut data, entry.at, event),
        Event::Wire(wire) => {
            data.raw("way", wire.way).raw("packet", wire.ordinal).text("details", &wire.what);
            link_name(wire.what.key())
        }
        Event::Bridge(event) => {
            data.text("details", event);
            format!("eth:{}", event.name())
        }
    };
    let why = why(entry);
    if let Some(why) = &why {
        data.text("trigger", why.key);
    }
    object.text("name", name).raw("data", data.end());
    if let Some(log) = places {
        object.text("place", log.name(entry.place));
    }
    if let Some(conn) = entry.conn {
        object.text("group_id", conn);
    }
    let mut causes: Vec<_> = entry.causes().collect();
    causes.dedup();
    object.raw("id", entry.id).array("cause", causes);
    if let Some(why) = why {
        let mut object_of_why = Object::new();
        object_of_why.text("rule", why.key).text("rfc", why.rfc).text("text", &why.text);
        object.raw("why", object_of_why.end());
    }
    record(out, object.end())
}

fn link_name(key: &str) -> String {
    let name = match key {
        "Queued" => "enqueued",
        "Started" | "Travels" => "dequeued",
        "MarkedByQueue" | "MarkedByCodel" => "marked",
        "Gone" => "dropped",
        _ => "impaired",
    };
    format!("link:{name}")
}

/// The event's name, and its data.
fn host(data: &mut Object, at: Instant, event: &stack::Event) -> String {
    let name = match event {
        stack::Event::Tcp(event) | stack::Event::Listener { event, .. } => {
            return format!("tcp:{}", tcp_event(data, at, event));
        }
        stack::Event::StrayIn { seg, outcome, .. } => {
            return format!("tcp:{}", received(data, seg, outcome));
        }
        stack::Event::StrayOut { seg, .. } => return format!("tcp:{}", sent(data, seg, false)),
        stack::Event::Conn { .. } => "tcp:connection_started".into(),
        stack::Event::Call { .. } => "tcp:app_call".into(),
        stack::Event::Limit { .. } => "tcp:limit_reached".into(),
        stack::Event::In(view) => format!("{}:received", namespace(view)),
        stack::Event::Out { packet, .. } => format!("{}:sent", namespace(packet)),
        stack::Event::Forwarded { packet, .. } => format!("{}:forwarded", namespace(packet)),
        stack::Event::Dropped { packet, .. } => format!("{}:dropped", namespace(packet)),
        stack::Event::Link { event, .. } => link_event(event).into(),
    };
    json::event(data, event);
    name
}

fn link_event(event: &crate::link::Event) -> &'static str {
    use crate::link::Event as E;
    match event {
        E::Neighbor { addr, .. } | E::Moved { addr, .. } | E::Claim { addr, .. } => {
            if addr.is_ipv4() { "arp:entry_updated" } else { "nd:entry_updated" }
        }
        E::Router { .. } | E::Prefix { .. } | E::Redirect { .. } => "nd:routes_updated",
        E::Group { .. } | E::Querier { .. } => "ip:groups_updated",
    }
}

fn namespace(view: &PacketView) -> &'static str {
    match view {
        PacketView::Raw { .. } | PacketView::Ethernet { .. } => "eth",
        PacketView::Arp { .. } => "arp",
        PacketView::Ip { .. } | PacketView::Fragment { .. } | PacketView::Membership { .. } => "ip",
        PacketView::Nd { .. } => "nd",
        PacketView::Icmp { .. } => "icmp",
        PacketView::Udp { .. } => "udp",
        PacketView::Tcp { .. } => "tcp",
    }
}

fn received(data: &mut Object, seg: &SegmentView, outcome: &Outcome) -> &'static str {
    data.raw("header", json::segment(seg)).raw("raw", length(seg));
    match outcome {
        Outcome::Dropped(_) => "segment_dropped",
        _ => "segment_received",
    }
}

fn sent(data: &mut Object, seg: &SegmentView, again: bool) -> &'static str {
    data.raw("header", json::segment(seg)).raw("raw", length(seg));
    if again {
        data.raw("is_retransmission", true);
    }
    "segment_sent"
}

fn length(seg: &SegmentView) -> String {
    let mut raw = Object::new();
    raw.raw("payload_length", seg.len);
    raw.end()
}

/// What decided how much may be sent.
fn limits(data: &mut Object, room: &tcp::Room) {
    let mut limits = Object::new();
    limits.raw("cwnd", room.cwnd).raw("rwnd", room.wnd).raw("pipe", room.in_flight);
    limits.raw("unsent", room.unsent).raw("lost", room.lost).raw("mss", room.mss);
    data.raw("limits", limits.end());
}

fn timer(data: &mut Object, timer: tcp::Timer, what: &str) -> &'static str {
    data.text("timer_type", timer.name()).text("event_type", what);
    "timer_updated"
}

fn round_trip(data: &mut Object, times: [&Duration; 4]) -> &'static str {
    let names = ["latest_rtt", "smoothed_rtt", "rtt_variance", "rto"];
    for (name, time) in names.into_iter().zip(times) {
        data.raw(name, Millis(nanos(*time)));
    }
    "metrics_updated"
}

fn tcp_event(data: &mut Object, at: Instant, event: &tcp::Event) -> &'static str {
    use tcp::{Event as E, Plan};
    match event {
        E::State { from, to, .. } => {
            data.text("old", from).text("new", to);
            "state_updated"
        }
        E::Received { seg, outcome } => received(data, seg, outcome),
        E::Sent { seg, plan, room } => {
            limits(data, room);
            let again = matches!(plan, Plan::Retransmit { .. } | Plan::RetransmitSyn { .. });
            sent(data, seg, again)
        }
        E::Replied { seg, .. } => sent(data, seg, false),
        E::TimerSet { timer: which, at: due } => {
            data.raw("delta", Millis(nanos(due.since(at))));
            timer(data, *which, "set")
        }
        E::TimerStopped { timer: which } => timer(data, *which, "cancelled"),
        E::TimerExpired { timer: which } => timer(data, *which, "expired"),
        E::Rtt { sample, srtt, rttvar, rto } => round_trip(data, [sample, srtt, rttvar, rto]),
        E::Ca { from, to, cwnd, ssthresh } => {
            data.text("old", ca_name(*from)).text("new", ca_name(*to));
            data.raw("congestion_window", cwnd);
            if *ssthresh < i32::MAX as u32 {
                data.raw("ssthresh", ssthresh);
            }
            "congestion_state_updated"
        }
        E::SlowStart { how, cwnd } => {
            data.text("trigger", how.key()).raw("congestion_window", cwnd);
            "slow_start_updated"
        }
        E::Undo { how, cwnd, ssthresh } => {
            data.text("trigger", how.key()).raw("congestion_window", cwnd);
            if *ssthresh < i32::MAX as u32 {
                data.raw("ssthresh", ssthresh);
            }
            "spurious_loss_detected"
        }
        E::FastOpen { what } => {
            data.text("new", what.key());
            "fast_open_updated"
        }
        E::Blocked { why, room } => {
            limits(data, room);
            data.text("new", why.key());
            "send_blocked_updated"
        }
        E::Info { changes } => {
            for change in changes {
                data.raw(change.name(), change.value);
            }
            "metrics_updated"
        }
        E::R1 { retransmits } => {
            data.raw("retransmits", retransmits);
            "route_doubted"
        }
        E::Icmp { error, hard } => {
            data.text("error", error).raw("hard", hard);
            "icmp_error_received"
        }
        E::Urgent { up } => {
            data.raw("up", up);
            "urgent_updated"
        }
    }
}
