//! A record as one JSON object (RFC 8259) on one line: for machines. Sequence numbers are absolute,
//! times are nanoseconds, field names are tcpdump's and Linux's. Written by hand: it is little, and
//! views need no feature.

use super::describe::ca_name;
use super::reason::reason;
use crate::base::EventId;
use crate::base::time::nanos;
use crate::stack::{Call, Event, PacketView, Record};
use crate::tcp::{self, SegmentView};
use crate::wire::arp::Op;
use crate::wire::icmp::{Echo, Icmp};
use crate::wire::icmpv4::Icmpv4;
use crate::wire::icmpv6::Icmpv6;
use crate::wire::membership::{Membership, Record as GroupRecord, Version, version_name};
use crate::wire::nd::Nd;
use crate::wire::tcp::Options;
use std::fmt::{Display, Write};
use std::net::IpAddr;

/// The record as a JSON object without line breaks.
pub fn json(record: &Record) -> String {
    let mut out = Object::new();
    out.raw("id", record.id).raw("at", record.at.as_nanos());
    if let Some(conn) = record.conn {
        out.raw("conn", conn);
    }
    let causes: Vec<EventId> = record.causes.into_iter().filter(|c| c.is_some()).collect();
    out.array("causes", causes);
    event(&mut out, &record.event);
    if let Some(why) = reason(&record.event) {
        let mut object = Object::new();
        object.text("key", why.key).text("text", &why.text).text("rfc", why.rfc);
        out.raw("why", object.end());
    }
    out.end()
}

/// What happened, as fields of an object.
pub(in crate::observe) fn event(out: &mut Object, event: &Event) {
    match event {
        Event::Conn { local, remote } => {
            out.text("kind", "conn").text("local", local).text("remote", remote);
        }
        Event::Tcp(event) => tcp_event(out, event),
        Event::Listener { local, remote, event } => {
            tcp_event(out, event);
            out.text("local", local);
            if let Some(remote) = remote {
                out.text("remote", remote);
            }
        }
        Event::StrayIn { local, remote, seg, outcome } => {
            out.text("kind", "stray_in").text("local", local).text("remote", remote);
            out.raw("seg", segment(seg)).text("outcome", outcome_name(outcome));
        }
        Event::StrayOut { local, remote, seg, .. } => {
            out.text("kind", "stray_out").text("local", local).text("remote", remote);
            out.raw("seg", segment(seg));
        }
        Event::In(view) => {
            out.text("kind", "in").raw("packet", packet(view));
        }
        Event::Out { packet: view, .. } => {
            out.text("kind", "out").raw("packet", packet(view));
        }
        Event::Forwarded { packet: view, from, to, ttl } => {
            out.text("kind", "forwarded").raw("packet", packet(view));
            out.text("from", from).text("to", to).raw("ttl", ttl);
        }
        Event::Dropped { packet: view, .. } => {
            out.text("kind", "dropped").raw("packet", packet(view));
        }
        Event::Link { iface, event } => {
            out.text("kind", "link").raw("iface", iface).text("event", event);
        }
        Event::Limit { .. } => {
            out.text("kind", "limit");
        }
        Event::Call { call, result } => {
            out.text("kind", "call").text("call", call.name());
            arguments(out, call);
            match result {
                Ok(n) => out.raw("result", n),
                Err(error) => out.text("error", error),
            };
        }
    }
}

fn tcp_event(out: &mut Object, event: &tcp::Event) {
    use tcp::Event as E;
    match event {
        E::State { from, to, .. } => out.text("kind", "state").text("from", from).text("to", to),
        E::Received { seg, outcome } => {
            out.text("kind", "received").raw("seg", segment(seg));
            out.text("outcome", outcome_name(outcome))
        }
        E::Sent { seg, .. } => out.text("kind", "sent").raw("seg", segment(seg)),
        E::Replied { seg, .. } => out.text("kind", "replied").raw("seg", segment(seg)),
        E::TimerSet { timer, at } => {
            out.text("kind", "timer_set").text("timer", timer.name()).raw("for", at.as_nanos())
        }
        E::TimerStopped { timer } => out.text("kind", "timer_stopped").text("timer", timer.name()),
        E::TimerExpired { timer } => out.text("kind", "timer_expired").text("timer", timer.name()),
        E::Rtt { sample, srtt, rttvar, rto } => {
            out.text("kind", "rtt").raw("sample", nanos(*sample));
            out.raw("srtt", nanos(*srtt)).raw("rttvar", nanos(*rttvar));
            out.raw("rto", nanos(*rto))
        }
        E::Ca { from, to, cwnd, ssthresh } => {
            out.text("kind", "ca").text("from", ca_name(*from)).text("to", ca_name(*to));
            out.raw("cwnd", cwnd).raw("ssthresh", ssthresh)
        }
        E::SlowStart { how, cwnd } => {
            out.text("kind", "slow_start").text("how", how.key()).raw("cwnd", cwnd)
        }
        E::Undo { how, cwnd, ssthresh } => {
            out.text("kind", "undo").text("how", how.key());
            out.raw("cwnd", cwnd).raw("ssthresh", ssthresh)
        }
        E::FastOpen { what } => out.text("kind", "fast_open").text("what", what.key()),
        E::Blocked { .. } => out.text("kind", "blocked"),
        E::R1 { retransmits } => out.text("kind", "r1").raw("retransmits", retransmits),
        E::Icmp { error, hard } => out.text("kind", "icmp").text("error", error).raw("hard", hard),
        E::Urgent { up } => out.text("kind", "urgent").raw("up", up),
        E::Info { changes } => {
            let mut info = Object::new();
            for change in changes {
                info.raw(change.name(), change.value);
            }
            out.text("kind", "info").raw("info", info.end())
        }
    };
}

fn outcome_name(outcome: &tcp::Outcome) -> &'static str {
    match outcome {
        tcp::Outcome::Dropped(_) => "dropped",
        tcp::Outcome::Accepted => "accepted",
        tcp::Outcome::Cookie => "cookie",
        tcp::Outcome::Closed(_) => "closed",
        tcp::Outcome::Reopen => "reopen",
    }
}

/// A segment as an object.
pub(in crate::observe) fn segment(seg: &SegmentView) -> String {
    let mut out = Object::new();
    out.text("flags", seg.ctl).raw("seq", seg.seq);
    if let Some(ack) = seg.ack {
        out.raw("ack", ack);
    }
    out.raw("win", seg.wnd);
    if seg.ctl.urg() {
        out.raw("urg", seg.urg);
    }
    out.raw("len", seg.len).raw("options", options(&seg.options));
    out.end()
}

fn options(options: &Options) -> String {
    let mut out = Object::new();
    if let Some(mss) = options.mss {
        out.raw("mss", mss);
    }
    if options.sack_permitted {
        out.raw("sackOK", true);
    }
    if let Some(ts) = options.ts {
        let mut object = Object::new();
        object.raw("val", ts.val).raw("ecr", ts.ecr);
        out.raw("TS", object.end());
    }
    if let Some(shift) = options.wscale {
        out.raw("wscale", shift);
    }
    if !options.sack.is_empty() {
        out.array("sack", options.sack.iter().map(|(left, right)| format!("[{left},{right}]")));
    }
    out.end()
}

fn packet(view: &PacketView) -> String {
    let mut out = Object::new();
    match view {
        PacketView::Raw { version, len } => {
            out.text("protocol", "raw").raw("version", version).raw("len", len)
        }
        PacketView::Ethernet { header, len } => {
            out.text("protocol", "ethernet").text("src", header.src).text("dst", header.dst);
            out.raw("ethertype", header.ethertype).raw("len", len)
        }
        PacketView::Arp { arp, len } => {
            let op = if arp.op == Op::Request { "request" } else { "reply" };
            out.text("protocol", "arp").text("op", op);
            out.text("sender", arp.sender).text("sender_mac", arp.sender_mac);
            out.text("target", arp.target).raw("len", len)
        }
        PacketView::Ip { src, dst, proto, len } => {
            out.text("protocol", "ip").text("src", src).text("dst", dst);
            out.raw("proto", proto).raw("len", len)
        }
        PacketView::Fragment { src, dst, id, offset, len, more } => {
            out.text("protocol", "fragment").text("src", src).text("dst", dst).raw("id", id);
            out.raw("offset", offset).raw("len", len).raw("more", more)
        }
        PacketView::Icmp { src, dst, message, len } => {
            out.text("protocol", "icmp").text("src", src).text("dst", dst);
            icmp(&mut out, message);
            out.raw("len", len)
        }
        PacketView::Nd { src, dst, nd, len } => {
            out.text("protocol", "nd").text("src", src).text("dst", dst);
            discovery(&mut out, nd);
            out.raw("len", len)
        }
        PacketView::Membership { src, dst, message, len } => {
            out.text("protocol", "membership").text("src", src).text("dst", dst);
            membership(&mut out, *dst, message);
            out.raw("len", len)
        }
        PacketView::Udp { src, dst, len } => {
            out.text("protocol", "udp").text("src", src).text("dst", dst).raw("len", len)
        }
        PacketView::Tcp { src, dst, len } => {
            out.text("protocol", "tcp").text("src", src).text("dst", dst).raw("len", len)
        }
    };
    out.end()
}

fn membership(out: &mut Object, like: IpAddr, message: &Membership) {
    match message {
        Membership::Query(query) => {
            out.text("message", "query").text("version", version_name(like, query.version));
            out.text("group", query.group).raw("max_response", nanos(query.max_response));
            out.raw("sources", query.sources);
        }
        Membership::Report { version, group } => {
            out.text("message", "report").text("version", version_name(like, *version));
            out.text("group", group);
        }
        Membership::Leave { group } => {
            out.text("message", "leave").text("version", version_name(like, Version::V2));
            out.text("group", group);
        }
        Membership::Records { count, first } => {
            out.text("message", "report").text("version", version_name(like, Version::V3));
            out.raw("records", count);
            if let Some(GroupRecord { kind, group }) = first {
                out.text("record", kind.name()).text("group", group);
            }
        }
    }
}

fn discovery(out: &mut Object, nd: &Nd) {
    let mac = match nd {
        Nd::RouterSolicit { mac } => {
            out.text("message", "router solicitation");
            mac
        }
        Nd::RouterAdvert(advert) => {
            out.text("message", "router advertisement").raw("lifetime", advert.lifetime);
            &advert.mac
        }
        Nd::NeighborSolicit { target, mac } => {
            out.text("message", "neighbor solicitation").text("target", target);
            mac
        }
        Nd::NeighborAdvert { target, router, solicited, overrides, mac } => {
            out.text("message", "neighbor advertisement").text("target", target);
            out.raw("router", router).raw("solicited", solicited).raw("override", overrides);
            mac
        }
        Nd::Redirect { target, dst, mac } => {
            out.text("message", "redirect").text("target", target).text("for", dst);
            mac
        }
    };
    if let Some(mac) = mac {
        out.text("mac", mac);
    }
}

fn icmp(out: &mut Object, message: &Icmp) {
    if let Some(Echo { request, id, seq }) = message.as_echo() {
        let name = if request { "echo request" } else { "echo reply" };
        out.text("message", name).raw("id", id).raw("seq", seq);
        return;
    }
    match message {
        Icmp::V4(Icmpv4::Unreachable { code, mtu }) => {
            out.text("message", "unreachable").raw("code", code).raw("mtu", mtu)
        }
        Icmp::V6(Icmpv6::Unreachable { code }) => {
            out.text("message", "unreachable").raw("code", code)
        }
        Icmp::V6(Icmpv6::PacketTooBig { mtu }) => {
            out.text("message", "packet too big").raw("mtu", mtu)
        }
        Icmp::V4(Icmpv4::Redirect { code, gateway }) => {
            out.text("message", "redirect").raw("code", code).text("gateway", gateway)
        }
        Icmp::V4(Icmpv4::TimeExceeded { code }) | Icmp::V6(Icmpv6::TimeExceeded { code }) => {
            out.text("message", "time exceeded").raw("code", code)
        }
        Icmp::V4(Icmpv4::ParameterProblem { pointer }) => {
            out.text("message", "parameter problem").raw("pointer", pointer)
        }
        Icmp::V6(Icmpv6::ParameterProblem { code, pointer }) => {
            out.text("message", "parameter problem").raw("code", code).raw("pointer", pointer)
        }
        _ => {
            let (kind, code) = message.kind_and_code();
            out.text("message", "other").raw("type", kind).raw("code", code)
        }
    };
}

fn arguments(out: &mut Object, call: &Call) {
    match call {
        Call::Listen { local, backlog } => out.text("local", local).raw("backlog", backlog),
        Call::Connect { remote } | Call::RecvFrom { remote } => out.text("remote", remote),
        Call::JoinGroup { group } | Call::LeaveGroup { group } => out.text("group", group),
        Call::Read { max } => out.raw("max", max),
        Call::Write { len } => out.raw("len", len),
        Call::CloseListener { local } | Call::Bind { local } => out.text("local", local),
        Call::SendTo { remote, len } => out.text("remote", remote).raw("len", len),
        Call::Accept | Call::Shutdown | Call::Close | Call::Abort => out,
    };
}

/// A JSON object in the making.
pub(in crate::observe) struct Object {
    out: String,
}

impl Object {
    /// An empty one.
    pub(in crate::observe) fn new() -> Object {
        Object { out: "{".into() }
    }

    fn key(&mut self, key: &str) -> &mut Object {
        if self.out.len() > 1 {
            self.out.push(',');
        }
        quote(&mut self.out, key);
        self.out.push(':');
        self
    }

    /// A number, `true`, `false`, or JSON made elsewhere.
    pub(in crate::observe) fn raw(&mut self, key: &str, value: impl Display) -> &mut Object {
        self.key(key);
        let _ = write!(self.out, "{value}");
        self
    }

    /// A text.
    pub(in crate::observe) fn text(&mut self, key: &str, value: impl Display) -> &mut Object {
        self.key(key);
        quote(&mut self.out, &value.to_string());
        self
    }

    /// A list of what is raw.
    pub(in crate::observe) fn array<T: Display>(
        &mut self,
        key: &str,
        values: impl IntoIterator<Item = T>,
    ) -> &mut Object {
        let values: Vec<String> = values.into_iter().map(|value| value.to_string()).collect();
        self.raw(key, format_args!("[{}]", values.join(",")))
    }

    /// The finished object.
    pub(in crate::observe) fn end(mut self) -> String {
        self.out.push('}');
        self.out
    }
}

/// A JSON string (RFC 8259 §7).
fn quote(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::view::stories;

    #[test]
    fn every_story_in_json() {
        let text: Vec<String> = stories::all().iter().map(json).collect();
        stories::golden("records.jsonl", &(text.join("\n") + "\n"));
    }

    #[test]
    fn strings_are_escaped() {
        let mut out = String::new();
        quote(&mut out, "a\"b\\c\nd\u{1}§");
        assert_eq!(out, "\"a\\\"b\\\\c\\nd\\u0001§\"");
    }

    #[test]
    fn messages_about_groups_in_json() {
        let ip = |text: &str| text.parse::<IpAddr>().expect(text);
        let (src, dst, group) = (ip("10.9.0.1"), ip("224.0.0.22"), ip("239.1.2.3"));
        let first = Some(GroupRecord { kind: crate::wire::membership::Kind::ToExclude, group });
        let head = "{\"protocol\":\"membership\",\"src\":\"10.9.0.1\",\"dst\":\"224.0.0.22\",";
        for (message, words) in [
            (
                Membership::Records { count: 1, first },
                "\"message\":\"report\",\"version\":\"IGMPv3\",\"records\":1,\"record\":\"to_ex\",\
                 \"group\":\"239.1.2.3\"",
            ),
            (
                Membership::Report { version: Version::V1, group },
                "\"message\":\"report\",\"version\":\"IGMPv1\",\"group\":\"239.1.2.3\"",
            ),
            (
                Membership::Leave { group },
                "\"message\":\"leave\",\"version\":\"IGMPv2\",\"group\":\"239.1.2.3\"",
            ),
        ] {
            let text = packet(&PacketView::Membership { src, dst, message, len: 16 });
            assert_eq!(text, format!("{head}{words},\"len\":16}}"));
        }
    }

    #[cfg(feature = "cli")]
    #[test]
    fn it_is_json() {
        for record in stories::all() {
            let text = json(&record);
            let value: serde_json::Value = serde_json::from_str(&text).expect(&text);
            assert_eq!(value["id"], record.id.0, "{text}");
            assert!(value["kind"].is_string(), "{text}");
            assert_eq!(value.get("why").is_some(), reason(&record.event).is_some(), "{text}");
        }
    }
}
