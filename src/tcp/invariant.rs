//! What is always true of a block. Checked after every step in debug builds and in tests.

use super::state::State;
use super::tcb::Tcb;

/// Panics when the block contradicts itself.
pub(super) fn check(tcb: &Tcb) {
    if tcb.state() == State::Closed {
        assert!(tcb.timers.next().is_none(), "a closed connection has no timers");
        return;
    }
    let (una, nxt) = (tcb.snd.una, tcb.snd.nxt);
    assert!(una.before_eq(nxt), "SND.UNA =< SND.NXT");
    if tcb.state() != State::TimeWait {
        assert_eq!(tcb.rtxq.flight_size().bytes, nxt - una, "the queue covers SND.UNA..SND.NXT");
        assert!(tcb.rtxq.head().is_none_or(|head| head.seq == una), "the queue starts at SND.UNA");
    }
    let fin = u32::from(tcb.fin_sent());
    assert!(nxt.before_eq(tcb.tx.end() + fin), "nothing is sent that was not written");
    let known = (tcb.rtxq.lost() + tcb.rtxq.sacked()).bytes;
    assert!(known <= tcb.rtxq.flight_size().bytes, "lost is in flight");
    assert!(
        tcb.rtxq.is_empty()
            || tcb.timers.is_running(super::event::Timer::Rtx)
            || tcb.rtxq.lost().bytes > 0,
        "the retransmission timer runs while anything is in flight (RFC 6298 §5.1)"
    );
    assert!(
        tcb.rcv.wnd <= 0xffff << tcb.rcv.wscale,
        "no more is offered than the window field can say"
    );
    if let Some(ooo) = &tcb.ooo {
        assert!(!ooo.is_empty(), "an empty reassembly queue is not kept");
        assert!(!tcb.fin_received, "nothing follows the FIN");
    }
}
