//! RFC 9293 §3.10.7.1: the state is CLOSED, that is, there is no connection.

use crate::base::{Seq, Why};
use crate::tcp::event::Reply;
use crate::tcp::segment::Segment;
use crate::wire::tcp::{Ctl, Header};

/// What a segment for no connection deserves: a reset, unless it is one.
pub fn arrives(seg: &Segment) -> (Why, Option<(Header, Reply)>) {
    if seg.hdr.ctl.rst() {
        return (Why::ClosedRst, None);
    }
    (Why::ClosedPort, Some((reset_for(seg), Reply::RstClosed)))
}

/// The reset that a segment's sender will believe (RFC 9293 §3.10.7.1):
/// `<SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>`, or `<SEQ=SEG.ACK><CTL=RST>` when it has an ACK.
pub fn reset_for(seg: &Segment) -> Header {
    let (seq, ack, ctl) = match seg.hdr.ack {
        Some(ack) => (ack, None, Ctl::RST),
        None => (Seq(0), Some(seg.end()), Ctl::RST.with(Ctl::ACK)),
    };
    Header { src: seg.hdr.dst, dst: seg.hdr.src, seq, ack, ctl, ..Header::default() }
}
