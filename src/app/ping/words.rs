//! The words of iputils' ping.

use crate::stack::{Answer, EchoError, Pong};
use crate::wire::icmp::Icmp;
use crate::wire::icmpv4::Icmpv4;
use crate::wire::icmpv6::Icmpv6;
use std::net::IpAddr;
use std::time::Duration;

/// The ICMP header and the IPv4 header, bytes.
const HEADERS: usize = 28;

/// What is said first; `shown` is the address with its name.
pub(super) fn header(host: &str, (to, shown): (IpAddr, &str), size: usize) -> String {
    match to {
        IpAddr::V4(_) => format!("PING {host} ({to}) {size}({}) bytes of data.", size + HEADERS),
        IpAddr::V6(_) => format!("PING {host}({shown}) {size} data bytes"),
    }
}

/// About one answer, which came from `from`; `timed`: with the round trip.
pub(super) fn answer(answer: &Answer, from: &str, timed: bool) -> String {
    match answer {
        Answer::Reply(pong) => reply(pong, from, timed),
        Answer::Error(error) => {
            let EchoError { seq, message, .. } = error;
            format!("From {from} icmp_seq={seq} {}", what(message))
        }
    }
}

fn reply(pong: &Pong, from: &str, timed: bool) -> String {
    let Pong { len, seq, ttl, rtt, duplicate, .. } = *pong;
    let time = if timed { format!(" time={} ms", millis(rtt)) } else { String::new() };
    let again = if duplicate { " (DUP!)" } else { "" };
    format!("{len} bytes from {from}: icmp_seq={seq} ttl={ttl}{time}{again}")
}

/// A round trip in milliseconds, with three digits or more.
fn millis(rtt: Duration) -> String {
    let micros = rtt.as_micros();
    let rounded = |to: u128| (micros + to / 2) / to;
    match micros {
        0..1000 => format!("0.{micros:03}"),
        1000..9_995 => format!("{}.{:02}", rounded(10) / 100, rounded(10) % 100),
        9_995..99_950 => format!("{}.{}", rounded(100) / 10, rounded(100) % 10),
        _ => rounded(1000).to_string(),
    }
}

/// A request that may not be cut, and is longer than this allows.
pub(super) fn too_long(to: IpAddr, mtu: u16) -> String {
    let sign = if to.is_ipv4() { "=" } else { ": " };
    format!("ping: local error: message too long, mtu{sign}{mtu}")
}

/// What an ICMP error says.
fn what(message: &Icmp) -> String {
    match message {
        Icmp::V4(message) => what_v4(message),
        Icmp::V6(message) => what_v6(message),
    }
}

fn what_v4(message: &Icmpv4) -> String {
    match *message {
        Icmpv4::Unreachable { code: 4, mtu } => format!("Frag needed and DF set (mtu = {mtu})"),
        Icmpv4::Unreachable { code, .. } => unreachable_v4(code),
        Icmpv4::TimeExceeded { code: 0 } => "Time to live exceeded".into(),
        Icmpv4::TimeExceeded { code: 1 } => "Frag reassembly time exceeded".into(),
        Icmpv4::TimeExceeded { code } => format!("Time exceeded, Bad Code: {code}"),
        Icmpv4::ParameterProblem { pointer } => format!("Parameter problem: pointer = {pointer}"),
        _ => {
            let (kind, code) = message.kind_and_code();
            format!("Bad ICMP type: {kind}, code {code}")
        }
    }
}

fn unreachable_v4(code: u8) -> String {
    let known = match code {
        0 => "Destination Net Unreachable",
        1 => "Destination Host Unreachable",
        2 => "Destination Protocol Unreachable",
        3 => "Destination Port Unreachable",
        5 => "Source Route Failed",
        6 => "Destination Net Unknown",
        7 => "Destination Host Unknown",
        8 => "Source Host Isolated",
        9 => "Destination Net Prohibited",
        10 => "Destination Host Prohibited",
        11 => "Destination Net Unreachable for Type of Service",
        12 => "Destination Host Unreachable for Type of Service",
        13 => "Packet filtered",
        14 => "Precedence Violation",
        15 => "Precedence Cutoff",
        _ => return format!("Dest Unreachable, Bad Code: {code}"),
    };
    known.to_owned()
}

fn what_v6(message: &Icmpv6) -> String {
    match *message {
        Icmpv6::Unreachable { code } => {
            let why = match code {
                0 => "No route".to_owned(),
                1 => "Administratively prohibited".to_owned(),
                2 => "Beyond scope of source address".to_owned(),
                3 => "Address unreachable".to_owned(),
                4 => "Port unreachable".to_owned(),
                _ => format!("Unknown code {code}"),
            };
            format!("Destination unreachable: {why}")
        }
        Icmpv6::PacketTooBig { mtu } => format!("Packet too big: mtu={mtu}"),
        Icmpv6::TimeExceeded { code: 0 } => "Time exceeded: Hop limit".into(),
        Icmpv6::TimeExceeded { code: 1 } => "Time exceeded: Defragmentation failure".into(),
        Icmpv6::TimeExceeded { code } => format!("Time exceeded: code {code}"),
        Icmpv6::ParameterProblem { code, pointer } => {
            let what = match code {
                0 => "Wrong header field".to_owned(),
                1 => "Unknown header".to_owned(),
                2 => "Unknown option".to_owned(),
                _ => format!("code {code}"),
            };
            format!("Parameter problem: {what} at {pointer}")
        }
        _ => {
            let (kind, code) = message.kind_and_code();
            format!("unknown icmp type: {kind}, code {code}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_have_three_digits_or_more() {
        for (micros, text) in [
            (0, "0.000"),
            (56, "0.056"),
            (999, "0.999"),
            (1000, "1.00"),
            (1234, "1.23"),
            (9_994, "9.99"),
            (9_995, "10.0"),
            (45_678, "45.7"),
            (99_949, "99.9"),
            (99_950, "100"),
            (1_234_567, "1235"),
        ] {
            assert_eq!(millis(Duration::from_micros(micros)), text);
        }
    }

    #[test]
    fn errors_are_said_in_the_words_of_ping() {
        let v4 = |message| what(&Icmp::V4(message));
        let v6 = |message| what(&Icmp::V6(message));
        for (said, text) in [
            (v4(Icmpv4::Unreachable { code: 0, mtu: 0 }), "Destination Net Unreachable"),
            (v4(Icmpv4::Unreachable { code: 4, mtu: 1400 }), "Frag needed and DF set (mtu = 1400)"),
            (v4(Icmpv4::Unreachable { code: 13, mtu: 0 }), "Packet filtered"),
            (v4(Icmpv4::Unreachable { code: 99, mtu: 0 }), "Dest Unreachable, Bad Code: 99"),
            (v4(Icmpv4::TimeExceeded { code: 0 }), "Time to live exceeded"),
            (v6(Icmpv6::TimeExceeded { code: 0 }), "Time exceeded: Hop limit"),
            (v6(Icmpv6::Unreachable { code: 0 }), "Destination unreachable: No route"),
            (v6(Icmpv6::Unreachable { code: 9 }), "Destination unreachable: Unknown code 9"),
            (v6(Icmpv6::PacketTooBig { mtu: 1300 }), "Packet too big: mtu=1300"),
            (
                v6(Icmpv6::ParameterProblem { code: 1, pointer: 40 }),
                "Parameter problem: Unknown header at 40",
            ),
        ] {
            assert_eq!(said, text);
        }
    }
}
