//! What the SACK blocks of an ACK say (RFC 2018 §5, RFC 2883 §4).

use super::rack::Rack;
use super::recovery::Told;
use super::rtxq::Sent;
use super::tcb::{Cx, Tcb};
use crate::base::{Duration, Instant, Seq};
use crate::wire::tcp::SackBlocks;

/// How what was delivered is judged: the same for SEG.ACK and for SACK.
pub(super) struct Deliveries {
    now: Instant,
    min_rtt: Duration,
    /// TSecr, and the offset of our clock.
    echo: Option<(u32, u32)>,
    point: Option<Seq>,
}

impl Deliveries {
    /// For an ACK that echoes `echo`, arriving now.
    pub(super) fn new(tcb: &Tcb, echo: Option<u32>, now: Instant) -> Deliveries {
        let echo = echo.zip(tcb.ts.as_ref().map(|ts| ts.offset));
        let min_rtt = tcb.rto.min().unwrap_or_default();
        Deliveries { now, min_rtt, echo, point: tcb.recovery.recovery_point }
    }

    /// Something was delivered for the first time.
    pub(super) fn take(&self, sent: &Sent, rack: Option<&mut Rack>, told: &mut Told) {
        let too_early = self.echo.is_some_and(|(echo, offset)| {
            let stamp = (sent.sent_at.as_millis() as u32).wrapping_add(offset);
            (echo.wrapping_sub(stamp) as i32) < 0
        });
        if let Some(rack) = rack {
            rack.delivered(sent, self.now, too_early, self.min_rtt);
        }
        told.delivered += sent.len;
        if told.newest.is_none_or(|newest| sent.is_newer(&newest)) {
            told.newest = Some(*sent);
        }
        let old = self.point.is_none_or(|point| sent.end().before_eq(point));
        told.original |= sent.retransmits == 0 && old;
    }
}

/// Takes the blocks of an ACK whose SEG.ACK is `ack`; says when the oldest that they report for the
/// first time was sent, if that was once.
pub(super) fn take(
    tcb: &mut Tcb,
    (blocks, ack): (&SackBlocks, Seq),
    told: &mut Told,
    cx: &Cx<'_>,
) -> Option<Instant> {
    let deliveries = Deliveries::new(tcb, told.echo, cx.now);
    let linux = tcb.config.is_linux();
    let loss = tcb.loss.get_or_insert_default();
    let (una, nxt) = (tcb.snd.una, tcb.snd.nxt);
    let twice = blocks.first().filter(|first| is_dsack(blocks, ack, **first));
    if let Some(&(left, right)) = twice {
        let oldest = una - tcb.snd.max_wnd;
        if oldest.before_eq(left) && left.before(right) && right.before_eq(nxt) {
            told.dsack = true;
            told.segments += u32::from(linux); // what was sent for nothing has arrived, too
            tcb.counters.rare().dsack_dups += 1;
            loss.rack.on_dsack(una.later(ack), nxt);
            loss.undo.on_dsack((left, right));
        }
    }
    let (mut first, rtxq) = (None, &mut tcb.rtxq);
    for &block in &blocks[usize::from(twice.is_some())..] {
        let (left, right) = block;
        let valid = una.before_eq(left) && left.before(right) && right.before_eq(nxt);
        if !valid || right.before_eq(ack) {
            continue;
        }
        for news in loss.news_of(block) {
            let (rack, told) = (&mut loss.rack, &mut *told);
            let newly = rtxq.sack(block, news, |sent| {
                if first.is_none() && sent.retransmits == 0 {
                    first = Some(sent.sent_at);
                }
                deliveries.take(sent, Some(&mut *rack), told);
                told.segments += sent.segments(true);
            });
            told.sacked += newly;
        }
    }
    let meant = |block: &&(Seq, Seq)| una.before_eq(block.0) && block.1.before_eq(nxt);
    let rest = blocks.iter().skip(usize::from(twice.is_some()));
    loss.seen = rest.filter(meant).copied().collect();
    first
}

/// The first block reports something received twice: it lies below SEG.ACK, or in the second block
/// (RFC 2883 §4).
// Rules: 2883-5-1.
fn is_dsack(blocks: &SackBlocks, ack: Seq, (left, right): (Seq, Seq)) -> bool {
    let inside = |outer: &(Seq, Seq)| outer.0.before_eq(left) && right.before_eq(outer.1);
    left.before(ack) || blocks.get(1).is_some_and(inside)
}
