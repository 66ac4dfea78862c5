//! Segments as scripts have them: in numbers that count from the first of each kind.

use super::super::ast::{
    Body, Direction, Ecr, Flags, IpInfo, Options, Packet, Seq, SeqKind, Tcp, TcpOption,
};
use crate::base::{self, Head};
use crate::tcp::SegmentView;
use crate::wire::tcp::{Ctl, Header};
use std::collections::BTreeSet;

/// Our first timestamp in a script, and the peer's.
const STAMPS: [u32; 2] = [1000, 2000];

/// The first numbers of a connection, as far as they were seen.
#[derive(Default)]
pub(super) struct Numbers {
    /// Our initial sequence number.
    ours: Option<base::Seq>,
    /// The peer's.
    theirs: Option<base::Seq>,
    /// Our first timestamp.
    our_stamp: Option<u32>,
    /// The peer's.
    their_stamp: Option<u32>,
    /// Our timestamps that the script has shown.
    shown: BTreeSet<u32>,
}

/// How far a number is from the first; as it is where no first is known.
fn from(first: Option<base::Seq>, n: base::Seq) -> u32 {
    n.0.wrapping_sub(first.map_or(0, |first| first.0))
}

impl Numbers {
    /// The segment as a packet that leaves or arrives.
    pub(super) fn packet(&mut self, out: bool, seg: &SegmentView) -> Packet {
        let own = if out { &mut self.ours } else { &mut self.theirs };
        if seg.ctl.syn() {
            own.get_or_insert(seg.seq);
        }
        let (own, other) = if out { (self.ours, self.theirs) } else { (self.theirs, self.ours) };
        let start = from(own, seg.seq);
        let seq =
            Seq { start, end: start.wrapping_add(seg.len), len: seg.len, kind: SeqKind::Mapped };
        let options = self.options(out, seg);
        let tcp = Tcp {
            psp: None,
            ports: None,
            flags: flags(seg.ctl),
            seq,
            ack: seg.ack.map(|ack| from(other, ack)),
            window: Some(seg.wnd),
            urgent: Some(seg.urg).filter(|_| seg.ctl.urg()),
            options: Options::List(options),
        };
        let direction = if out { Direction::Outbound } else { Direction::Inbound };
        Packet {
            direction,
            encap: Vec::new(),
            ip: IpInfo::default(),
            body: Body::Tcp(tcp),
            udp_encap: None,
        }
    }

    /// The options, in the order and padding that they have on the wire.
    fn options(&mut self, out: bool, seg: &SegmentView) -> Vec<TcpOption> {
        let mut head = Head::new();
        Header { options: seg.options.clone(), ..Header::default() }.emit(&mut head, 0);
        let mut bytes = head.get(20..).unwrap_or_default();
        let mut list = Vec::new();
        while let Some(kind) = bytes.first() {
            let len = match kind {
                0 | 1 => 1,
                _ => bytes.get(1).map_or(1, |len| usize::from(*len).max(2)).min(bytes.len()),
            };
            let (one, rest) = bytes.split_at(len);
            list.push(self.option(out, seg.ack.is_some(), one));
            bytes = rest;
        }
        list
    }

    fn option(&mut self, out: bool, acks: bool, bytes: &[u8]) -> TcpOption {
        let word = |at: usize| {
            u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        match (bytes[0], bytes.len()) {
            (0, _) => TcpOption::Eol,
            (1, _) => TcpOption::Nop,
            (2, 4) => TcpOption::Mss(u16::from_be_bytes([bytes[2], bytes[3]])),
            (3, 3) => TcpOption::WindowScale(bytes[2]),
            (4, 2) => TcpOption::SackOk,
            (5, len) if len % 8 == 2 => {
                // Blocks name bytes that the other side sent.
                let side = if out { self.theirs } else { self.ours };
                let edge = |at| from(side, base::Seq(word(at)));
                TcpOption::Sack((2..len).step_by(8).map(|at| (edge(at), edge(at + 4))).collect())
            }
            (8, 10) => self.timestamps(out, acks, (word(2), word(6))),
            (34, _) => TcpOption::FastOpen(bytes[2..].to_vec()),
            (254, 4..) if bytes[2..4] == [0xf9, 0x89] => {
                TcpOption::FastOpenExp(bytes[4..].to_vec())
            }
            (kind, _) => TcpOption::Other { kind, data: bytes[2..].to_vec() },
        }
    }

    fn timestamps(&mut self, out: bool, acks: bool, (val, ecr): (u32, u32)) -> TcpOption {
        let count = |first: Option<u32>, side: usize, n: u32| {
            first.map_or(n, |first| n.wrapping_sub(first).wrapping_add(STAMPS[side]))
        };
        let (val, ecr) = if out {
            let first = *self.our_stamp.get_or_insert(val);
            let val = count(Some(first), 0, val);
            self.shown.insert(val);
            let value = if acks { count(self.their_stamp, 1, ecr) } else { ecr };
            (val, Ecr { value, literal: false })
        } else {
            let first = *self.their_stamp.get_or_insert(val);
            let echo = count(self.our_stamp, 0, ecr);
            let known = acks && self.shown.contains(&echo);
            // What we never sent is written as it came.
            let value = if known { echo } else { ecr };
            (count(Some(first), 1, val), Ecr { value, literal: acks && !known })
        };
        TcpOption::Timestamps { val: Some(val), ecr }
    }
}

fn flags(ctl: Ctl) -> Flags {
    Flags {
        fin: ctl.has(Ctl::FIN),
        syn: ctl.has(Ctl::SYN),
        rst: ctl.has(Ctl::RST),
        psh: ctl.has(Ctl::PSH),
        ack: ctl.has(Ctl::ACK),
        urg: ctl.has(Ctl::URG),
        ece: ctl.has(Ctl::ECE),
        cwr: ctl.has(Ctl::CWR),
        ae: ctl.has(Ctl::AE),
        ace: None,
    }
}
