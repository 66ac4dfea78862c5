//! A connection's numbers: what was taken and what was sent, and nothing about why.

use super::wire::{ACK, FIN, Heard, SCALE, SYN, Said};
use super::{Service, Wire, before};
use crate::lan;
use std::net::Ipv4Addr;

/// Our first number.
const FIRST: u32 = 1_000_000;
/// More is not left unacknowledged until a batch ends, bytes.
const UNACKED_MAX: usize = 0xffff;
/// So many acknowledgments of the same number say that something was lost.
const DUPLICATES: u32 = 3;

/// A connection.
pub(super) struct Conn {
    service: Service,
    remote: (Ipv4Addr, u16),
    /// Sent and not acknowledged, sent at all, and what the peer takes.
    una: u32,
    nxt: u32,
    wnd: u32,
    scale: u8,
    duplicates: u32,
    /// What was sent when the last loss was seen: not seen again before that is acknowledged.
    recover: u32,
    /// Taken.
    rcv: u32,
    read: u64,
    ecr: u32,
    /// An acknowledgment is owed, and of how many bytes.
    owes: bool,
    unacked: usize,
    /// The answer of a sink, or the bytes of an echo, that are to be sent.
    answer: Vec<u8>,
    /// The peer has ended, and so have we.
    heard_fin: bool,
    said_fin: bool,
    /// It is in the list of those with something to do.
    pub(super) touched: bool,
}

impl Conn {
    /// Answers a SYN.
    pub(super) fn open(wire: &Wire, service: Service, heard: &Heard) -> Conn {
        let conn = Conn {
            service,
            remote: (heard.from, heard.src),
            una: FIRST,
            nxt: FIRST,
            wnd: 0,
            scale: heard.scale,
            duplicates: 0,
            recover: FIRST,
            rcv: heard.seq.wrapping_add(1),
            read: 0,
            ecr: heard.tsval,
            owes: false,
            unacked: 0,
            answer: Vec::new(),
            heard_fin: false,
            said_fin: false,
            touched: false,
        };
        let wnd = u16::MAX;
        wire.put(Said { flags: SYN | ACK, wnd, ..conn.said(wire, wire.now()) }, &[]);
        Conn { una: FIRST + 1, nxt: FIRST + 1, ..conn }
    }

    /// A segment without payload.
    fn said(&self, wire: &Wire, now: u32) -> Said {
        Said {
            from: lan::FAR,
            to: self.remote.0,
            src: self.service.port(),
            dst: self.remote.1,
            seq: self.nxt,
            ack: self.rcv,
            flags: ACK,
            wnd: (wire.window >> SCALE) as u16,
            ts: [now, self.ecr],
            mss: wire.mss,
            len: 0,
            sum: 0,
        }
    }

    /// Takes what is next, and tells at once of what is not.
    pub(super) fn input(&mut self, wire: &mut Wire, heard: &Heard, payload: &[u8]) {
        self.acknowledged(heard, payload.is_empty());
        let fin = heard.flags & FIN != 0;
        if payload.is_empty() && !fin {
            return;
        }
        if heard.seq != self.rcv {
            wire.put(self.said(wire, wire.now()), &[]);
            return;
        }
        self.rcv = self.rcv.wrapping_add(payload.len() as u32 + u32::from(fin));
        self.read += payload.len() as u64;
        (self.ecr, self.owes, self.heard_fin) = (heard.tsval, true, fin);
        wire.hand_over(payload);
        self.unacked += payload.len();
        if self.unacked > UNACKED_MAX {
            self.acknowledge(wire, wire.now());
        }
        match self.service {
            Service::Echo => self.answer.extend_from_slice(payload),
            Service::Sink if fin => self.answer.extend(self.read.to_be_bytes()),
            _ => {}
        }
    }

    fn acknowledged(&mut self, heard: &Heard, bare: bool) {
        let wnd = u32::from(heard.wnd) << self.scale;
        if before(self.una, heard.ack) {
            (self.una, self.duplicates) = (heard.ack, 0);
            if before(self.nxt, self.una) {
                self.nxt = self.una;
            }
        } else if bare && heard.ack == self.una && wnd == self.wnd && self.una != self.nxt {
            self.duplicates += 1;
            if self.duplicates == DUPLICATES && before(self.recover, self.una) {
                self.recover = self.nxt;
                self.nxt = self.una;
            }
        }
        self.wnd = wnd;
    }

    /// Both have ended, and know it.
    pub(super) fn is_over(&self) -> bool {
        self.heard_fin && self.said_fin && self.una == self.nxt
    }

    /// Time is over: what is not acknowledged was lost; whether that is anything.
    pub(super) fn go_back(&mut self) -> bool {
        let late = self.service == Service::Source && self.una != self.nxt;
        if late {
            (self.recover, self.nxt) = (self.nxt, self.una);
        }
        late && !std::mem::replace(&mut self.touched, true)
    }

    /// Sends what is to be sent, bulk data in not more than `most` packets, which are taken from
    /// it; whether there is more.
    pub(super) fn output(&mut self, wire: &mut Wire, now: u32, most: &mut usize) -> bool {
        if self.service == Service::Source {
            while *most > 0 {
                let len = wire.most.min(self.room());
                // Whole segments, or else the rest of a small window.
                let len = if len < wire.most { len - len % usize::from(wire.mss) } else { len };
                if len == 0 {
                    break;
                }
                self.emit_bulk(wire, now, len);
                *most -= 1;
            }
        }
        if !self.answer.is_empty() || self.heard_fin && !self.said_fin {
            self.emit_answer(wire, now);
        }
        if self.owes {
            self.acknowledge(wire, now);
        }
        self.service == Service::Source && self.room() >= wire.most
    }

    /// How many more bytes the peer takes.
    fn room(&self) -> usize {
        let flight = self.nxt.wrapping_sub(self.una);
        (self.wnd.wrapping_sub(flight) as i32).max(0) as usize
    }

    fn acknowledge(&mut self, wire: &Wire, now: u32) {
        wire.put(self.said(wire, now), &[]);
        (self.owes, self.unacked) = (false, 0);
    }

    fn emit_bulk(&mut self, wire: &mut Wire, now: u32, len: usize) {
        wire.send(Said { len, ..self.said(wire, now) });
        self.nxt = self.nxt.wrapping_add(len as u32);
        (self.owes, self.unacked) = (false, 0);
    }

    fn emit_answer(&mut self, wire: &mut Wire, now: u32) {
        let answer = std::mem::take(&mut self.answer);
        let fin = self.heard_fin && self.service != Service::Source;
        let flags = if fin { ACK | FIN } else { ACK };
        let (len, sum) = (answer.len(), super::wire::sum(&answer));
        wire.put(Said { flags, len, sum, ..self.said(wire, now) }, &answer);
        self.nxt = self.nxt.wrapping_add(len as u32 + u32::from(fin));
        (self.owes, self.unacked, self.said_fin) = (false, 0, fin);
        self.answer = answer;
        self.answer.clear();
    }
}
