//! Records into the `log` crate. Nothing is spelled unless a logger wants the line.
//!
//! * `netglass::tcp` at info: changes of state; at debug: segments, expired timers, phases of
//!   congestion control, ICMP errors; at trace: timers set, RTT, what limits sending, `tcp_info`.
//! * `netglass::ip`, `netglass::icmp`, `netglass::udp` at debug: packets and drops.
//! * `netglass::app` at info: limits of a service's policy that were hit; at debug: calls.
//!
//! A connection that ends because nobody answers, and R1, are warnings.

use super::view::Tcpdump;
use super::view::describe::describe;
use super::view::reason;
use crate::link;
use crate::stack::{Event, PacketView, Record};
use crate::tcp::{self, Cause};
use log::{Level, log, log_enabled};

/// Passes records on to the `log` crate.
#[derive(Clone, Debug, Default)]
pub struct LogSink {
    tcpdump: Tcpdump,
}

impl LogSink {
    /// A sink that has seen nothing.
    pub fn new() -> LogSink {
        LogSink::default()
    }

    /// Whether a logger wants any of it: if not, a host need not keep records for this sink. A
    /// logger that wants warnings only does not count: records cost more than those are worth.
    pub fn is_wanted() -> bool {
        log_enabled!(target: "netglass::tcp", Level::Info)
            || log_enabled!(target: "netglass::ip", Level::Debug)
            || log_enabled!(target: "netglass::icmp", Level::Debug)
            || log_enabled!(target: "netglass::udp", Level::Debug)
            || log_enabled!(target: "netglass::app", Level::Info)
    }

    /// Logs one record.
    pub fn record(&mut self, record: &Record) {
        let (target, level) = channel(&record.event);
        if !log_enabled!(target: target, level) {
            self.tcpdump.learn(record);
            return;
        }
        log!(target: target, level, "{}", self.line(record));
    }

    /// `#12 1.000250 connection 3: what ; why [rule]`.
    fn line(&mut self, record: &Record) -> String {
        let mut line = format!("#{} {} ", record.id, record.at);
        if let Some(conn) = record.conn {
            line += &format!("connection {conn}: ");
        }
        if matches!(record.event, Event::Dropped { .. }) {
            line += "dropped: ";
        }
        line += &describe(&mut self.tcpdump, record);
        if let Some(why) = reason(&record.event) {
            line += &format!("  ; {} [{}]", why.text, why.rfc);
        }
        line
    }
}

/// Where a record goes, and how loud.
fn channel(event: &Event) -> (&'static str, Level) {
    match event {
        Event::Tcp(event) | Event::Listener { event, .. } => ("netglass::tcp", tcp_level(event)),
        Event::Conn { .. } | Event::StrayIn { .. } | Event::StrayOut { .. } => {
            ("netglass::tcp", Level::Debug)
        }
        Event::In(packet)
        | Event::Out { packet, .. }
        | Event::Forwarded { packet, .. }
        | Event::Dropped { packet, .. } => (packet_target(packet), Level::Debug),
        Event::Link { event: link::Event::Neighbor { .. }, .. } => ("netglass::link", Level::Debug),
        Event::Link { .. } => ("netglass::link", Level::Info),
        Event::Call { .. } => ("netglass::app", Level::Debug),
        Event::Limit { .. } => ("netglass::app", Level::Info),
    }
}

fn packet_target(packet: &PacketView) -> &'static str {
    match packet {
        PacketView::Ethernet { .. } => "netglass::link",
        PacketView::Arp { .. } => "netglass::arp",
        PacketView::Icmp { .. } | PacketView::Nd { .. } => "netglass::icmp",
        PacketView::Membership { .. } => "netglass::groups",
        PacketView::Udp { .. } => "netglass::udp",
        PacketView::Tcp { .. } => "netglass::tcp",
        PacketView::Raw { .. } | PacketView::Ip { .. } | PacketView::Fragment { .. } => {
            "netglass::ip"
        }
    }
}

fn tcp_level(event: &tcp::Event) -> Level {
    use tcp::Event as E;
    match event {
        E::State { cause, .. } => match cause {
            Cause::Timeout | Cause::UserTimeout => Level::Warn,
            Cause::KeepaliveTimeout | Cause::ProbeTimeout => Level::Warn,
            _ => Level::Info,
        },
        E::R1 { .. } => Level::Warn,
        E::Received { .. }
        | E::Sent { .. }
        | E::Replied { .. }
        | E::TimerExpired { .. }
        | E::Ca { .. }
        | E::SlowStart { .. }
        | E::Undo { .. }
        | E::FastOpen { .. }
        | E::Icmp { .. }
        | E::Urgent { .. } => Level::Debug,
        E::TimerSet { .. }
        | E::TimerStopped { .. }
        | E::Rtt { .. }
        | E::Blocked { .. }
        | E::Info { .. } => Level::Trace,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::view::stories;

    #[test]
    fn lines_and_channels() {
        let mut sink = LogSink::new();
        let text: Vec<String> = stories::all()
            .iter()
            .map(|record| {
                let (target, level) = channel(&record.event);
                format!("{level:<5} {target:<14} {}\n", sink.line(record))
            })
            .collect();
        stories::golden("log.txt", &text.concat());
    }

    #[test]
    fn what_was_not_logged_is_learned() {
        let records = stories::request();
        let (last, before) = records.split_last().expect("a story");
        let mut silent = LogSink::new();
        before.iter().for_each(|record| silent.tcpdump.learn(record));
        let mut loud = LogSink::new();
        before.iter().for_each(|record| drop(loud.line(record)));
        assert_eq!(silent.line(last), loud.line(last));
    }
}
