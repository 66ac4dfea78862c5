//! Any record in one line of words: packets in tcpdump's spelling, everything else in the words of
//! the RFC, `ss` and the socket calls.

use super::tcpdump::Tcpdump;
use crate::base::{Duration, Instant, SocketError};
use crate::stack::{Call, Event, Record};
use crate::tcp;
use crate::tcp::CaState;

/// One line for any record, without its reason. `tcpdump` follows the conversations and must have
/// seen the records before.
pub fn describe(tcpdump: &mut Tcpdump, record: &Record) -> String {
    match tcpdump.line(record) {
        Some(line) if matches!(record.event, Event::Forwarded { .. }) => {
            format!("{}: {line}", passed_on(&record.event))
        }
        Some(line) => line,
        None => words(&record.event, record.at),
    }
}

/// What happened `at` that moment, for events that are no packet; empty for packets.
fn words(event: &Event, at: Instant) -> String {
    match event {
        Event::Conn { local, remote } => format!("connection between {local} and {remote}"),
        Event::Call { call, result } => call_words(call, *result),
        Event::Limit { limit } => format!("limit {}", limit.key()),
        Event::Tcp(event) => tcp_words(event, at),
        Event::Listener { local, remote: None, event } => {
            format!("listener {local}: {}", tcp_words(event, at))
        }
        Event::Listener { local, remote: Some(remote), event } => {
            format!("half open, {local} and {remote}: {}", tcp_words(event, at))
        }
        Event::Link { event, .. } => event.to_string(),
        _ => String::new(),
    }
}

/// How a packet was passed on; empty for other events.
pub(super) fn passed_on(event: &Event) -> String {
    match event {
        Event::Forwarded { from, to, ttl, .. } => {
            format!("forwarded {from} -> {to}, ttl {ttl}")
        }
        _ => String::new(),
    }
}

/// What happened in a connection; empty for segments.
pub(super) fn tcp_words(event: &tcp::Event, now: Instant) -> String {
    use tcp::Event as E;
    match event {
        E::State { from, to, .. } => format!("{from} -> {to}"),
        E::TimerSet { timer, at } => {
            format!("timer {} set to {} ms from here", timer.name(), ms(at.since(now)))
        }
        E::TimerStopped { timer } => format!("timer {} stopped", timer.name()),
        E::TimerExpired { timer } => format!("timer {} expired", timer.name()),
        E::Rtt { sample, srtt, rttvar, rto } => format!(
            "rtt {} ms: srtt {} rttvar {} rto {}",
            ms(*sample),
            ms(*srtt),
            ms(*rttvar),
            ms(*rto)
        ),
        E::Ca { from, to, cwnd, ssthresh } => {
            let (from, to) = (ca_name(*from), ca_name(*to));
            format!("{from} -> {to}: cwnd {cwnd} ssthresh {}", threshold(*ssthresh))
        }
        E::SlowStart { how, cwnd } => format!("slow start: {}, cwnd {cwnd}", how.key()),
        E::Undo { cwnd, ssthresh, .. } => {
            format!("undone: cwnd {cwnd} ssthresh {}", threshold(*ssthresh))
        }
        E::FastOpen { what } => format!("fast open: {}", what.key()),
        E::Blocked { why, .. } => format!("sending limited by {}", why.key()),
        E::R1 { retransmits } => format!("{retransmits} retransmissions: the route may be bad"),
        E::Icmp { error, hard: true } => format!("ICMP error ends the connection: {error}"),
        E::Icmp { error, hard: false } => format!("ICMP error: {error}"),
        E::Urgent { up } => format!("urgent data up to {up}"),
        E::Info { changes } => {
            let fields: Vec<_> =
                changes.iter().map(|c| format!("{}:{}", c.name(), c.value)).collect();
            fields.join(" ")
        }
        E::Received { .. } | E::Sent { .. } | E::Replied { .. } => String::new(),
    }
}

/// Linux's name of a phase of congestion control.
pub(in crate::observe) fn ca_name(state: CaState) -> &'static str {
    match state {
        CaState::Open => "Open",
        CaState::Disorder => "Disorder",
        CaState::Cwr => "CWR",
        CaState::Recovery => "Recovery",
        CaState::Loss => "Loss",
    }
}

/// ssthresh before the first loss is "as large as can be".
fn threshold(ssthresh: u32) -> String {
    if ssthresh >= i32::MAX as u32 { "infinite".into() } else { ssthresh.to_string() }
}

/// `read(4096) = 78`.
pub(super) fn call_words(call: &Call, result: Result<u64, SocketError>) -> String {
    let arguments = match call {
        Call::Listen { local, backlog } => format!("{local}, {backlog}"),
        Call::Connect { remote } | Call::RecvFrom { remote } => remote.to_string(),
        Call::JoinGroup { group } | Call::LeaveGroup { group } => group.to_string(),
        Call::Read { max } => max.to_string(),
        Call::Write { len } => len.to_string(),
        Call::CloseListener { local } | Call::Bind { local } => local.to_string(),
        Call::SendTo { remote, len } => format!("{remote}, {len}"),
        Call::Accept | Call::Shutdown | Call::Close | Call::Abort => String::new(),
    };
    let result = match (call, result) {
        (Call::Read { max: 1.. }, Ok(0)) => "0 (end)".into(),
        (_, Ok(n)) => n.to_string(),
        (_, Err(error)) => format!("-1 ({error})"),
    };
    format!("{}({arguments}) = {result}", call.name())
}

/// Milliseconds with as many of three decimals as say something: `40`, `0.125`.
pub(super) fn ms(duration: Duration) -> String {
    let micros = duration.as_micros();
    let text = format!("{}.{:03}", micros / 1_000, micros % 1_000);
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// A moment in milliseconds with three decimals.
pub(super) fn moment(at: Instant) -> String {
    let micros = at.as_micros();
    format!("{}.{:03}", micros / 1_000, micros % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::EventId;
    use crate::tcp::{Change, Timer};

    #[test]
    fn a_packet_that_was_passed_on() {
        use crate::observe::view::json::json;
        use crate::observe::view::reason;
        use crate::stack::PacketView;
        let [src, dst] = ["10.9.0.1:4000", "10.8.0.1:53"].map(|end| end.parse().expect(end));
        let packet = PacketView::Udp { src, dst, len: 30 };
        let (from, to, ttl) = ("eth0".into(), "eth2".into(), 63);
        let event = Event::Forwarded { packet, from, to, ttl };
        let causes = [EventId(7), EventId::NONE];
        let record = Record { id: EventId(8), at: Instant::ZERO, conn: None, causes, event };
        let line = "IP 10.9.0.1.4000 > 10.8.0.1.53: UDP, length 30";
        assert_eq!(Tcpdump::new().line(&record).as_deref(), Some(line));
        let words = format!("forwarded eth0 -> eth2, ttl 63: {line}");
        assert_eq!(describe(&mut Tcpdump::new(), &record), words);
        assert_eq!(reason(&record.event).map(|reason| reason.key), Some("Forwarded"));
        let text = json(&record);
        let head = "{\"id\":8,\"at\":0,\"causes\":[7],\"kind\":\"forwarded\",\"packet\":";
        assert!(text.starts_with(head), "{text}");
        assert!(text.contains(",\"from\":\"eth0\",\"to\":\"eth2\",\"ttl\":63,\"why\""), "{text}");
    }

    #[test]
    fn events_in_words() {
        let table = [
            (tcp::Event::TimerExpired { timer: Timer::Rtx }, "timer rto expired"),
            (
                tcp::Event::TimerSet { timer: Timer::Delack, at: Instant::from_micros(40_500) },
                "timer delack set to 40.5 ms from here",
            ),
            (
                tcp::Event::Rtt {
                    sample: Duration::from_micros(40_000),
                    srtt: Duration::from_micros(40_125),
                    rttvar: Duration::from_micros(20_000),
                    rto: Duration::from_secs(1),
                },
                "rtt 40 ms: srtt 40.125 rttvar 20 rto 1000",
            ),
            (
                tcp::Event::Ca {
                    from: CaState::Open,
                    to: CaState::Recovery,
                    cwnd: 14_600,
                    ssthresh: u32::MAX,
                },
                "Open -> Recovery: cwnd 14600 ssthresh infinite",
            ),
            (tcp::Event::Info { changes: vec![Change { field: 250, value: 7 }] }, "?:7"),
        ];
        for (event, expected) in table {
            let event = Event::Tcp(event);
            let record = Record {
                id: EventId(1),
                at: Instant::ZERO,
                conn: None,
                causes: [EventId::NONE; 2],
                event,
            };
            assert_eq!(describe(&mut Tcpdump::new(), &record), expected);
        }
        assert_eq!(call_words(&Call::Read { max: 10 }, Ok(0)), "read(10) = 0 (end)");
        let refused = call_words(&Call::Accept, Err(SocketError::LimitReached));
        assert_eq!(refused, "accept() = -1 (a limit of this host is reached)");
    }
}
