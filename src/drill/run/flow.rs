//! One connection (or exchange of datagrams) as the script sees it, and how its numbers become
//! those on the wire and back: sequence numbers, timestamps, flow labels.

use crate::base::{ConnId, Instant};
use crate::drill::ast::{Ecr, Ports, Seq, SeqKind, TcpOption};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// A flow.
#[derive(Clone, Debug)]
pub(super) struct Flow {
    /// The host's address and port, as on the wire.
    pub(super) local: SocketAddr,
    /// The peer's.
    pub(super) remote: SocketAddr,
    /// The connection, once the host has made it.
    pub(super) conn: Option<ConnId>,
    /// Our initial sequence number in the script and on the wire.
    ours: Option<(u32, u32)>,
    /// The peer's, which the script chooses.
    theirs: Option<u32>,
    /// Timestamps of ours: the script's number to the wire's.
    stamps: BTreeMap<u32, u32>,
    /// The first of them, and when it was sent.
    first_stamp: Option<(u32, u32, Instant)>,
    /// The flow label of what we send, in the script and on the wire.
    label: Option<(u32, u32)>,
}

/// Whose sequence numbers are meant.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Side {
    Ours,
    Theirs,
}

impl Flow {
    pub(super) fn new(local: SocketAddr, remote: SocketAddr) -> Flow {
        Flow {
            local,
            remote,
            conn: None,
            ours: None,
            theirs: None,
            stamps: BTreeMap::new(),
            first_stamp: None,
            label: None,
        }
    }

    /// Whether a segment with these ports, inbound as the script writes them, would belong here.
    pub(super) fn has_ports(&self, inbound: Ports) -> bool {
        self.remote.port() == inbound.src && self.local.port() == inbound.dst
    }

    /// The peer's SYN has this number, if it is the first.
    pub(super) fn peer_syn(&mut self, seq: u32) {
        self.theirs.get_or_insert(seq);
    }

    /// The connection is over: a new one with the same ports chooses its own numbers.
    pub(super) fn forget(&mut self) {
        (self.ours, self.theirs, self.conn) = (None, None, None);
        self.stamps.clear();
        self.first_stamp = None;
    }

    /// Whether our initial sequence number is known.
    pub(super) fn knows_own(&self) -> bool {
        self.ours.is_some()
    }

    /// Notes that our SYN, which the script numbers `script`, has the number `live`.
    pub(super) fn own_syn(&mut self, script: u32, live: u32) {
        self.ours = Some((script, live));
    }

    /// What is added to a number of the script to get that on the wire. A SYN shows the initial
    /// sequence numbers themselves, everything else counts from them.
    fn offset(&self, side: Side, syn: bool) -> u32 {
        match (side, syn) {
            (Side::Ours, true) => self.ours.map_or(0, |(script, live)| live.wrapping_sub(script)),
            (Side::Ours, false) => self.ours.map_or(0, |(_, live)| live),
            (Side::Theirs, true) => 0,
            (Side::Theirs, false) => self.theirs.unwrap_or(0),
        }
    }

    /// The number on the wire for one of the script.
    pub(super) fn to_live(&self, side: Side, syn: bool, script: u32) -> u32 {
        script.wrapping_add(self.offset(side, syn))
    }

    /// The script's number for one on the wire.
    pub(super) fn to_script(&self, side: Side, syn: bool, live: u32) -> u32 {
        live.wrapping_sub(self.offset(side, syn))
    }

    /// The first sequence number on the wire; `None`: any.
    pub(super) fn seq(&self, side: Side, syn: bool, seq: &Seq) -> Option<u32> {
        match seq.kind {
            SeqKind::Mapped => Some(self.to_live(side, syn, seq.start)),
            SeqKind::Literal => Some(seq.start),
            SeqKind::Any => None,
        }
    }

    /// Notes the timestamp of a segment of ours.
    pub(super) fn own_stamp(&mut self, script: u32, live: u32, at: Instant) {
        self.stamps.insert(script, live);
        self.first_stamp.get_or_insert((script, live, at));
    }

    /// What was the first timestamp of ours, and when.
    pub(super) fn first_stamp(&self) -> Option<(u32, u32, Instant)> {
        self.first_stamp
    }

    /// The echo on the wire for one of the script; `scaled`: as far from the first as the script
    /// says, in ticks of `tick` microseconds of the script's.
    pub(super) fn echo(&self, ecr: Ecr, acks: bool, scaled: Option<u64>) -> Result<u32, String> {
        if ecr.literal || !acks {
            return Ok(ecr.value);
        }
        if let Some(live) = self.stamps.get(&ecr.value) {
            return Ok(*live);
        }
        match (scaled, self.first_stamp) {
            (Some(tick), Some((script, live, _))) => {
                let ticks = i64::from(ecr.value.wrapping_sub(script) as i32);
                let millis = ticks * tick.max(1) as i64 / 1000;
                Ok(live.wrapping_add(millis as u32))
            }
            _ => Err(format!("ecr {} echoes no timestamp that the script has shown", ecr.value)),
        }
    }

    /// The timestamp of the script for one of ours on the wire, as far as it is known.
    pub(super) fn script_stamp(&self, live: u32) -> u32 {
        let known = self.stamps.iter().find(|(_, of)| **of == live).map(|(script, _)| *script);
        known.unwrap_or_else(|| match self.first_stamp {
            Some((script, first, _)) => live.wrapping_sub(first).wrapping_add(script),
            None => live,
        })
    }

    /// Whether the flow label on the wire is the one that the script means.
    pub(super) fn label_matches(&mut self, script: u32, live: u32) -> Result<(), String> {
        let (known, known_live) = *self.label.get_or_insert((script, live));
        match (known == script, known_live == live) {
            (true, false) => {
                Err(format!("the flow label changed from {known_live:#x} to {live:#x}"))
            }
            (false, true) => Err(format!("the flow label is still {live:#x}")),
            _ => {
                self.label = Some((script, live));
                Ok(())
            }
        }
    }

    /// An option's bytes as the peer sends it: SACK blocks name bytes of ours.
    pub(super) fn option_bytes(
        &self,
        option: &TcpOption,
        side: Side,
        syn: bool,
        echo: impl Fn(Ecr) -> Result<u32, String>,
    ) -> Result<Vec<u8>, String> {
        Ok(match option {
            TcpOption::Nop => vec![1],
            TcpOption::Eol => vec![0],
            TcpOption::Mss(mss) => with_head(2, &mss.to_be_bytes()),
            TcpOption::WindowScale(shift) => with_head(3, &[*shift]),
            TcpOption::SackOk => with_head(4, &[]),
            TcpOption::Sack(blocks) => {
                let edge = |n: u32| self.to_live(side, syn, n).to_be_bytes();
                let bytes = blocks.iter().flat_map(|(l, r)| [edge(*l), edge(*r)]);
                with_head(5, &bytes.flatten().collect::<Vec<_>>())
            }
            TcpOption::Timestamps { val, ecr } => {
                let val = val.unwrap_or(0).to_be_bytes();
                with_head(8, &[val, echo(*ecr)?.to_be_bytes()].concat())
            }
            TcpOption::FastOpen(cookie) => with_head(34, cookie),
            TcpOption::FastOpenExp(cookie) => {
                with_head(254, &[&[0xf9, 0x89], &cookie[..]].concat())
            }
            TcpOption::Md5(crate::drill::ast::Md5::Digest(digest)) => with_head(19, digest),
            TcpOption::Md5(_) => return Err("signatures (RFC 2385) are not spoken".into()),
            TcpOption::AccEcn(ecn) => {
                let kind = match ecn.first {
                    crate::drill::ast::Counter::E0b => 172,
                    crate::drill::ast::Counter::E1b => 174,
                };
                let bytes = ecn.counters.iter().flat_map(|n| n.to_be_bytes()[1..].to_vec());
                with_head(kind, &bytes.collect::<Vec<_>>())
            }
            TcpOption::Other { kind, data } => with_head(*kind, data),
            TcpOption::Raw(bytes) => bytes.clone(),
        })
    }
}

fn with_head(kind: u8, data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind, data.len() as u8 + 2];
    bytes.extend(data);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow() -> Flow {
        let mut flow =
            Flow::new("192.168.0.1:8080".parse().unwrap(), "192.0.2.1:50000".parse().unwrap());
        flow.peer_syn(7);
        flow.own_syn(0, 1000);
        flow
    }

    #[test]
    fn a_syn_shows_initial_numbers_and_all_else_counts_from_them() {
        let flow = flow();
        assert_eq!(flow.to_live(Side::Ours, true, 0), 1000);
        assert_eq!(flow.to_live(Side::Theirs, true, 8), 8);
        assert_eq!(flow.to_live(Side::Ours, false, 1), 1001);
        assert_eq!(flow.to_live(Side::Theirs, false, 1), 8);
        assert_eq!(flow.to_script(Side::Theirs, false, 8), 1);
    }

    #[test]
    fn an_echo_must_name_a_timestamp_that_was_shown() {
        let mut flow = flow();
        flow.own_stamp(100, 5_000, Instant::ZERO);
        let ecr = |value| Ecr { value, literal: false };
        assert_eq!(flow.echo(ecr(100), true, None), Ok(5_000));
        assert!(flow.echo(ecr(101), true, None).is_err());
        assert_eq!(flow.echo(ecr(101), false, None), Ok(101));
        assert_eq!(flow.echo(ecr(110), true, Some(10_000)), Ok(5_100));
        assert_eq!(flow.echo(Ecr { value: 9, literal: true }, true, None), Ok(9));
    }

    #[test]
    fn flow_labels_are_compared_by_same_or_different() {
        let mut flow = flow();
        assert!(flow.label_matches(1, 77).is_ok() && flow.label_matches(1, 77).is_ok());
        assert!(flow.label_matches(1, 78).is_err() && flow.label_matches(2, 77).is_err());
        assert!(flow.label_matches(2, 99).is_ok());
    }
}
