//! Fast opening at a listener (RFC 7413 §4.2.2, server): whether what a SYN brings counts before
//! the handshake ends, and which cookie the SYN-ACK brings.

use super::{Listener, Site};
use crate::base::Instant;
use crate::tcp::event::Event;
use crate::tcp::fastopen::keys::{Keys, Made};
use crate::tcp::fastopen::{FastOpen, FastOpening};
use crate::tcp::segment::Segment;
use crate::tcp::tcb::Cx;
use crate::wire::tcp;

/// What a SYN is to a listener.
#[derive(Debug)]
pub(super) struct Judged {
    /// A connection begins at once.
    pub fast: bool,
    /// What the SYN-ACK brings.
    pub grant: Option<tcp::FastOpen>,
}

impl Listener {
    /// How many fast openings wait for the end of their handshake, at most.
    fn fast_max(&self) -> u32 {
        let backlog = u32::try_from(self.backlog).unwrap_or(u32::MAX);
        self.config.fastopen_queue.unwrap_or(backlog)
    }

    /// What became of a fast opening with the last segment.
    pub fn take_fast(&mut self) -> Option<FastOpen> {
        self.fast_told.take()
    }

    /// A fast opening is over, one way or the other.
    pub fn fast_done(&mut self, reset: bool, now: Instant) {
        self.fast.leave(reset, now);
    }

    /// How many fast openings count.
    pub fn fast_pending(&self) -> u32 {
        self.fast.len()
    }

    /// Judges a SYN. `may`: there is room for a connection and its data.
    // Rules: 7413-4.2.1-1, 7413-4.2.2-4, 7413-4.2.2-5, 7413-5.2-1.
    pub(super) fn judge_fast(
        &mut self,
        site: &Site,
        seg: &Segment,
        may: bool,
        cx: &mut Cx<'_>,
    ) -> Judged {
        let nothing = Judged { fast: false, grant: None };
        let asked = &seg.hdr.options.fast_open;
        let (max, open) = (self.fast_max(), self.config.fastopen_server);
        let meant = asked.is_some() || !seg.payload.is_empty() && open == FastOpening::NoCookie;
        if open == FastOpening::Off || max == 0 || !meant || seg.hdr.ctl.fin() || !may {
            return nothing;
        }
        if !self.fast.admits(max, cx.now) {
            self.tell_fast(FastOpen::QueueFull, cx);
            return nothing;
        }
        let keys = self.config.fastopen_key.unwrap_or_else(|| Keys::of_host(cx.chance));
        let (local, remote) = (site.local, site.remote);
        let cookie = asked.as_ref().map_or(&[][..], |option| &option.cookie);
        let what = match keys.check(cookie, local, remote) {
            _ if open == FastOpening::NoCookie => FastOpen::Anybody,
            None if cookie.is_empty() => FastOpen::Asked,
            None => FastOpen::Refused,
            Some(Made::First) => FastOpen::Accepted,
            Some(Made::Second) => FastOpen::OldKey,
        };
        self.tell_fast(what, cx);
        let gives = matches!(what, FastOpen::Asked | FastOpen::Refused | FastOpen::OldKey);
        let grant = asked.as_ref().filter(|_| gives).map(|option| tcp::FastOpen {
            cookie: keys.cookie(local, remote),
            experimental: option.experimental,
        });
        let fast = !matches!(what, FastOpen::Asked | FastOpen::Refused);
        if fast {
            self.fast.enter();
        }
        Judged { fast, grant }
    }

    fn tell_fast(&mut self, what: FastOpen, cx: &mut Cx<'_>) {
        self.fast_told = Some(what);
        cx.note(|| Event::FastOpen { what });
    }
}
