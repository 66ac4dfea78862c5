//! A listener whose backlog is full (RFC 4987): whoever comes now is answered with a cookie and
//! forgotten, and served when an ACK brings the cookie back.

use super::{Listener, Site, SynCookies, Verdict, dropped, opening, reply, syn_ack, usable};
use crate::base::{EventId, Instant, Limit, Seq, Why};
use crate::tcp::arrives::closed::reset_for;
use crate::tcp::conn::HalfOpen;
use crate::tcp::cookie::{self, Asker};
use crate::tcp::ecn;
use crate::tcp::event::{Outcome, Reply};
use crate::tcp::isn;
use crate::tcp::segment::Segment;
use crate::tcp::tcb::Cx;
use crate::wire::tcp::Timestamps;

/// What a listener remembers of floods.
#[derive(Debug, Default)]
pub(super) struct Flood {
    /// When a SYN last found the backlog full.
    full_at: Option<Instant>,
    /// When a cookie was last sent.
    cookie_at: Option<Instant>,
    /// When a cookie last came back and found the accept queue full.
    turned_away_at: Option<Instant>,
    /// The backlog is full, and nobody has been told.
    hit: Option<Limit>,
}

/// Whether `at` is not longer ago than a cookie counts.
fn is_recent(at: Option<Instant>, now: Instant) -> bool {
    at.is_some_and(|at| now.since(at) < cookie::LIFETIME)
}

impl Listener {
    /// The limit that a SYN has just hit, once for all SYNs of a flood.
    pub fn take_hit(&mut self) -> Option<Limit> {
        self.flood.hit.take()
    }

    /// What becomes of a SYN for which no embryo is made; `None` when one is. A SYN that took over
    /// a connection in TIME-WAIT always gets one: its number must lie behind that connection's, and
    /// it takes no more memory than that did.
    // Rules: 4987-3.2-1.
    pub(super) fn without_embryo(
        &mut self,
        site: &Site,
        seg: &Segment,
        room: bool,
        cx: &mut Cx<'_>,
    ) -> Option<Verdict> {
        let full = self.half_open() >= self.backlog;
        if full {
            let (port, max) = (site.local.port(), self.backlog as u32);
            if !is_recent(self.flood.full_at, cx.now) {
                self.flood.hit = Some(Limit::Backlog { port, max });
            }
            self.flood.full_at = Some(cx.now);
        }
        match self.syn_cookies {
            SynCookies::Never => full.then(|| dropped(Why::BacklogFull)),
            SynCookies::WhenFull if !full => None,
            _ if site.predecessor.is_some() => None,
            // It could not be taken when it comes back.
            _ if !room => Some(dropped(Why::AcceptQueueFull)),
            _ => Some(self.answer_with_cookie(site, seg, cx)),
        }
    }

    fn answer_with_cookie(&mut self, site: &Site, seg: &Segment, cx: &mut Cx<'_>) -> Verdict {
        self.flood.cookie_at = Some(cx.now);
        let asker = Asker { local: site.local, remote: site.remote, irs: seg.hdr.seq };
        let theirs = usable(&seg.hdr.options, &self.config);
        let ecn = ecn::accepts(&self.config, seg.hdr.ctl) && theirs.ts.is_some();
        let (iss, kept, clock) = cookie::bake(cx.now, asker, (&theirs, ecn), cx.chance);
        let offset = isn::ts_offset(site.local, site.remote, cx.chance);
        let val = clock.wrapping_add(offset);
        let hdr = syn_ack(site, &self.config, (iss, asker.irs), (&kept, ecn), val);
        let answer = reply(hdr, Reply::SynCookie, EventId::NONE, cx).marked(&self.config);
        Verdict::Done(Outcome::Cookie, Some(Box::new(answer)))
    }

    /// RFC 9293 §3.10.7.2, second: an ACK acknowledges nothing here, unless it brings a cookie.
    pub(super) fn for_cookie(
        &mut self,
        site: &Site,
        seg: Segment,
        ack: Seq,
        room: bool,
        cx: &mut Cx<'_>,
    ) -> Verdict {
        let awaited = is_recent(self.flood.cookie_at, cx.now) && !seg.hdr.ctl.syn();
        let offset = isn::ts_offset(site.local, site.remote, cx.chance);
        let remembered = awaited.then(|| self.remember(site, &seg, ack - 1, offset, cx));
        match remembered {
            Some(Some(_)) if !room => {
                self.flood.turned_away_at = Some(cx.now);
                dropped(Why::AcceptQueueFull)
            }
            // It may be what a peer said next whose cookie was turned away: that one comes again.
            Some(None) if is_recent(self.flood.turned_away_at, cx.now) => dropped(Why::BadCookie),
            Some(Some(half)) => {
                let opening = opening(site, ack - 1, offset, self.config.clone());
                Verdict::Promote(Box::new((opening, half, seg)))
            }
            nothing => {
                let why = if nothing.is_some() { Why::BadCookie } else { Why::ListenAck };
                let reset = reply(reset_for(&seg), Reply::RstListenAck, EventId::NONE, cx);
                let reset = reset.marked(&self.config);
                Verdict::Done(Outcome::Dropped(why), Some(Box::new(reset)))
            }
        }
    }

    /// The half-open connection that was not kept, from the cookie.
    fn remember(
        &self,
        site: &Site,
        seg: &Segment,
        iss: Seq,
        offset: u32,
        cx: &Cx<'_>,
    ) -> Option<HalfOpen> {
        let asker = Asker { local: site.local, remote: site.remote, irs: seg.hdr.seq - 1 };
        let theirs = seg.hdr.options.ts.filter(|_| self.config.timestamps);
        let ts = theirs.map(|ts| Timestamps { ecr: ts.ecr.wrapping_sub(offset), ..ts });
        let (options, ecn) = cookie::eat(cx.now, asker, iss, ts, cx.chance)?;
        let (irs, wnd) = (asker.irs, seg.hdr.wnd);
        Some(HalfOpen { irs, options, wnd, sent_at: None, retransmits: 0, ecn })
    }
}
