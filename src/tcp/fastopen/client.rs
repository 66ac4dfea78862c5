//! The client's side of a fast opening (RFC 7413 §4.2.2): what goes with the SYN, and what its
//! answer means.

use super::cache::News;
use super::{Fast, FastOpen};
use crate::tcp::event::{CaState, Event, RtxRule};
use crate::tcp::state::State;
use crate::tcp::tcb::{Cx, Tcb};
use crate::wire::tcp::{self, Options};

/// Room that is left for options on a SYN with data (as Linux).
const OPTIONS: u16 = 40;

/// How a client opens fast.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// What the first SYN brings: a cookie, or the wish for one; `None`: neither.
    pub option: Option<tcp::FastOpen>,
    /// Whether data may go with it.
    pub carries: bool,
    /// The server's MSS, as far as it is known; 0: it is not.
    pub mss: u16,
    /// The SYN waits for data.
    pub waits: bool,
}

impl Tcb {
    /// Begins to open fast.
    // Rules: 7413-4.2.2-1.
    pub(in crate::tcp) fn open_fast(&mut self, client: Client) {
        let syn = crate::tcp::output::syn_options(self);
        let fits = client.option.is_none() || {
            syn.with_fast_open(client.option.clone()).fast_open.is_some()
        };
        if !fits {
            return; // RFC 7413 §4.2.2: an ordinary opening then
        }
        let asks = client.option.as_ref().is_some_and(tcp::FastOpen::is_empty);
        let experimental = client.option.as_ref().is_some_and(|option| option.experimental);
        let asked = client.option.is_some();
        *self.fast_state() = Fast {
            option: client.option,
            client: true,
            carries: client.carries,
            waits: client.waits,
            mss: client.mss,
            asked,
            experimental,
            fail: u8::from(asks),
            ..Fast::default()
        };
    }

    /// How much data the SYN can take along: what the server's MSS and the path allow.
    // Rules: 7413-4.2.2-2.
    pub(in crate::tcp) fn syn_room(&self) -> u32 {
        let Some(fast) = self.fast().filter(|fast| fast.carries) else { return 0 };
        if self.state() != State::SynSent || self.snd.nxt != self.iss {
            return 0;
        }
        let path = self.pmtu.saturating_sub(self.header_len);
        let known = if fast.mss > 0 { fast.mss } else { self.rcv.advmss };
        u32::from(path.min(known).min(self.config.mss.unwrap_or(u16::MAX)).saturating_sub(OPTIONS))
    }

    /// Whether the SYN waits for data.
    pub(in crate::tcp) fn syn_waits(&self) -> bool {
        let waits = self.fast().is_some_and(|fast| fast.waits);
        waits && self.state() == State::SynSent && self.snd.nxt == self.iss
    }

    /// So much data went with the SYN.
    pub(in crate::tcp) fn syn_carried(&mut self, len: u32) {
        self.fast_state().syn_data = len;
    }

    /// The SYN's timer expired, or that of what came behind it: something on the way may swallow
    /// that. `last`: it was the last time.
    pub(in crate::tcp) fn fast_timeout(&mut self, last: bool, cx: &mut Cx<'_>) {
        let third = self.retransmits == 3 || last && self.retransmits < 3;
        let used = self.fast().is_some_and(|fast| fast.asked || fast.syn_data > 0);
        if third && used && !self.config.fastopen_blackhole.is_zero() {
            self.fast_state().swallowed = true;
            cx.note(|| Event::FastOpen { what: FastOpen::Swallowed });
        }
    }

    /// The SYN-ACK has been taken: what it says of the SYN's data, and of cookies.
    // Rules: 7413-4.2.2-9, 7413-4.2.2-10, 7413-4.1.3-1.
    pub(in crate::tcp) fn on_fast_syn_ack(&mut self, theirs: &Options, cx: &mut Cx<'_>) {
        let Some(fast) = self.fast().filter(|fast| fast.client) else { return };
        let again = self.counters.total_retrans > 0;
        let given = theirs.fast_open.clone().filter(|option| !option.is_empty() && fast.asked);
        let denied = fast.asked && given.is_none() && fast.syn_data == 0 && !again;
        let none_given = if denied { 1 + u8::from(fast.experimental) } else { 0 };
        let unacked = self.snd.nxt != self.snd.una;
        let taken = fast.syn_data > 0 && !unacked;
        let what = match (fast.syn_data > 0, unacked, again) {
            (true, false, _) => Some(FastOpen::Taken),
            (true, true, false) => Some(FastOpen::Untaken),
            (true, true, true) => Some(FastOpen::SynLost),
            _ if given.is_some() => Some(FastOpen::Learned),
            _ if denied => Some(FastOpen::Denied),
            _ => None,
        };
        let mss = theirs.mss.unwrap_or(0);
        let news = News { mss, cookie: given, none_given, taken };
        let fast = self.fast_state();
        fast.news = Some(news);
        fast.data_taken = taken;
        fast.told = what;
        if let Some(what) = what {
            cx.note(|| Event::FastOpen { what });
        }
        if unacked {
            self.fast_state().fail = if again { 3 } else { 2 };
            self.rtxq.mark_all_lost();
            let recovery = &mut self.recovery;
            (recovery.rule, recovery.force) = (Some(RtxRule::SynData), true);
            recovery.recovery_point = Some(self.snd.nxt);
            self.set_ca(CaState::Loss, cx); // as Linux: no window comes down for it
        }
    }
}
