//! The packets that show the way, and what is heard of them.

use super::Method;
use crate::base::{Duration, Instant};
use crate::net::Host;
use crate::net::tokio::{Arrived, EchoSocket, UdpSocket};
use crate::stack::{Answer, PingOptions};
use crate::udp::{Origin, Report, Told};
use crate::wire::icmp::Icmp;
use crate::wire::icmpv4::Icmpv4;
use crate::wire::icmpv6::Icmpv6;
use crate::wire::ip::{self, Discover, Mark};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The header of UDP, and of an echo request, bytes.
const HEADER: usize = 8;

/// What was heard of a packet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Heard {
    /// Which packet.
    pub(super) n: usize,
    /// Who has said it; nobody, when it could not even be sent.
    pub(super) from: Option<IpAddr>,
    /// What is shown of it.
    pub(super) note: String,
    /// No packet goes farther than this one.
    pub(super) last: bool,
    /// The MTU that it was too big for, bytes.
    pub(super) too_big: Option<u32>,
    /// When it was heard.
    pub(super) when: When,
}

/// When something was heard, as far as the host knows.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum When {
    /// So long after the packet.
    After(Duration),
    /// At this time of the host.
    At(Instant),
    /// Before now.
    Now,
}

impl Heard {
    /// The packet is too long for our own link.
    pub(super) fn here(n: usize, mtu: u16) -> Heard {
        Heard {
            n,
            from: None,
            note: format!(" !F-{mtu}"),
            last: true,
            too_big: None,
            when: When::Now,
        }
    }
}

/// Sends packets of one kind.
#[derive(Debug)]
pub(super) enum Prober {
    Udp { socket: UdpSocket, port: u16, discover: Discover, headers: u16 },
    Icmp { socket: EchoSocket, discover: Discover, headers: u16 },
}

impl Prober {
    pub(super) fn new(
        host: &Host,
        to: IpAddr,
        method: Method,
        discover: Discover,
    ) -> io::Result<Prober> {
        let headers = (ip::header_len(to) + HEADER) as u16;
        let Method::Udp { port } = method else {
            return Ok(Prober::Icmp { socket: EchoSocket::open(host)?, discover, headers });
        };
        let any: IpAddr = match to {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind(host, SocketAddr::new(any, 0))?;
        socket.set_keep_reports(true)?;
        socket.set_mtu_discover(discover)?;
        Ok(Prober::Udp { socket, port, discover, headers })
    }

    /// Bytes of a packet that are no payload.
    pub(super) fn headers(&self) -> u16 {
        match self {
            Prober::Udp { headers, .. } | Prober::Icmp { headers, .. } => *headers,
        }
    }

    pub(super) fn discover(&self) -> Discover {
        match self {
            Prober::Udp { discover, .. } | Prober::Icmp { discover, .. } => *discover,
        }
    }

    /// Sends packet `n` so that it takes `hops` hops at most.
    pub(super) async fn send(
        &self,
        to: IpAddr,
        n: usize,
        hops: u8,
        payload: usize,
    ) -> io::Result<()> {
        let payload: Vec<u8> = (0..payload).map(|at| 0x40 + (at as u8 & 0x3f)).collect();
        match self {
            Prober::Udp { socket, port, .. } => {
                socket.set_ttl(hops.into())?;
                let to = SocketAddr::new(to, port.wrapping_add(n as u16).max(1));
                socket.send_to(&payload, to).await.map(drop)
            }
            Prober::Icmp { socket, discover, .. } => {
                let mark = Mark { ttl: Some(hops), ..Mark::default() };
                let options = PingOptions { mark, discover: *discover };
                socket.send(to, n as u16 + 1, &payload, options)
            }
        }
    }

    /// Waits for something to be heard of a packet to `to`; `None` for what says nothing.
    pub(super) async fn heard(&self, to: IpAddr) -> io::Result<Option<Heard>> {
        match self {
            Prober::Udp { socket, port, .. } => {
                let n = |about: SocketAddr| usize::from(about.port().wrapping_sub(*port));
                match socket.recv_or_report(&mut []).await {
                    Ok(Arrived::Datagram(datagram)) => {
                        let about = datagram.from;
                        let arrived = Heard { n: n(about), ..arrived(about.ip()) };
                        Ok((about.ip() == to).then_some(arrived))
                    }
                    Ok(Arrived::Report(Report { about, origin, .. })) => {
                        let Origin::Icmp(Told { from, message, at }) = origin else {
                            return Ok(None);
                        };
                        let when = When::At(at);
                        Ok(Some(Heard { n: n(about), when, ..told(from, &message) }))
                    }
                    Err(error) => Err(error),
                }
            }
            Prober::Icmp { socket, .. } => Ok(Some(match socket.recv().await? {
                Answer::Reply(pong) => {
                    let (n, when) = (pong.seq.wrapping_sub(1).into(), When::After(pong.rtt));
                    Heard { n, when, ..arrived(pong.from) }
                }
                Answer::Error(error) => {
                    let (n, when) = (error.seq.wrapping_sub(1).into(), When::After(error.rtt));
                    Heard { n, when, ..told(error.from, &error.message) }
                }
            })),
        }
    }
}

/// The destination has answered.
fn arrived(from: IpAddr) -> Heard {
    let when = When::Now;
    Heard { n: 0, from: Some(from), note: String::new(), last: true, too_big: None, when }
}

/// What an ICMP error says of the packet's way.
fn told(from: IpAddr, message: &Icmp) -> Heard {
    let note = match message {
        Icmp::V4(message) => note_v4(message),
        Icmp::V6(message) => note_v6(message),
    };
    let passing = matches!(
        message,
        Icmp::V4(Icmpv4::TimeExceeded { code: 0 }) | Icmp::V6(Icmpv6::TimeExceeded { code: 0 })
    );
    let note = if note.is_empty() { note } else { format!(" {note}") };
    let (too_big, when) = (message.too_big(), When::Now);
    Heard { n: 0, from: Some(from), note, last: !passing, too_big, when }
}

fn note_v4(message: &Icmpv4) -> String {
    let letter = match *message {
        Icmpv4::TimeExceeded { code: 0 } | Icmpv4::Unreachable { code: 3, .. } => return "".into(),
        Icmpv4::Unreachable { code: 4, mtu } => return format!("!F-{mtu}"),
        Icmpv4::Unreachable { code, .. } => match code {
            0 | 6 => "!N",
            1 | 7 | 8 => "!H",
            2 => "!P",
            5 => "!S",
            9 | 10 | 13 => "!X",
            11 | 12 => "!T",
            14 => "!V",
            15 => "!C",
            _ => return format!("!<{code}>"),
        },
        _ => return other(message.kind_and_code()),
    };
    letter.to_owned()
}

fn note_v6(message: &Icmpv6) -> String {
    let letter = match *message {
        Icmpv6::TimeExceeded { code: 0 } | Icmpv6::Unreachable { code: 4 } => return "".into(),
        Icmpv6::PacketTooBig { mtu } => return format!("!F-{mtu}"),
        Icmpv6::Unreachable { code } => match code {
            0 => "!N",
            1 => "!X",
            2 | 3 => "!H",
            _ => return format!("!<{code}>"),
        },
        Icmpv6::ParameterProblem { code: 1, .. } => "!P",
        _ => return other(message.kind_and_code()),
    };
    letter.to_owned()
}

fn other((kind, code): (u8, u8)) -> String {
    format!("!<{kind}-{code}>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_their_letters() {
        let v4 = |code| Icmp::V4(Icmpv4::Unreachable { code, mtu: 0 });
        let v6 = |code| Icmp::V6(Icmpv6::Unreachable { code });
        let from = "10.0.0.1".parse().expect("an address");
        for (message, note, last) in [
            (Icmp::V4(Icmpv4::TimeExceeded { code: 0 }), "", false),
            (Icmp::V6(Icmpv6::TimeExceeded { code: 0 }), "", false),
            (v4(3), "", true),
            (v6(4), "", true),
            (v4(0), " !N", true),
            (v4(1), " !H", true),
            (v4(2), " !P", true),
            (v4(13), " !X", true),
            (v4(99), " !<99>", true),
            (v6(0), " !N", true),
            (v6(1), " !X", true),
            (v6(3), " !H", true),
            (Icmp::V4(Icmpv4::Unreachable { code: 4, mtu: 1300 }), " !F-1300", true),
            (Icmp::V6(Icmpv6::PacketTooBig { mtu: 1280 }), " !F-1280", true),
            (Icmp::V4(Icmpv4::ParameterProblem { pointer: 9 }), " !<12-0>", true),
        ] {
            let heard = told(from, &message);
            assert_eq!((heard.note.as_str(), heard.last), (note, last), "{message:?}");
        }
    }
}
