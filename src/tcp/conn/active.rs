//! Connections that a user opens and sends with (RFC 7413 §4.2.2).

use super::Conn;
use crate::tcp::fastopen::FastOpen;
use crate::tcp::fastopen::cache::News;
use crate::tcp::fastopen::client::Client;
use crate::tcp::tcb::{Cx, Opening};

impl Conn {
    /// OPEN, active, and fast if that is possible: the SYN goes out with the next `output`, or
    /// waits for data.
    pub fn connect_fast(opening: Opening, client: Client, cx: &mut Cx<'_>) -> Conn {
        let mut conn = Conn::connect(opening, cx);
        conn.tcb.open_fast(client);
        conn
    }

    /// Queues what goes along with the SYN; says how much. `more`: the rest is written as soon as
    /// the SYN-ACK is there, whose ACK waits for it.
    pub fn write_with_syn(&mut self, bytes: &[u8], more: bool, cx: &mut Cx<'_>) -> usize {
        let n = bytes.len().min(self.tcb.syn_room() as usize);
        if let Some(fast) = self.tcb.fast_mut() {
            fast.waits = false;
        }
        let taken = self.write(&bytes[..n], cx).unwrap_or(0);
        self.tcb.fast_state();
        self.tcb.more = more && taken < bytes.len();
        taken
    }

    /// Whether the SYN waits for data.
    pub fn syn_waits(&self) -> bool {
        self.tcb.syn_waits()
    }

    /// What the SYN-ACK told of fast openings, once.
    pub fn take_fast_news(&mut self) -> Option<(News, Option<FastOpen>)> {
        let fast = self.tcb.fast_mut()?;
        let told = fast.told.take();
        fast.news.take().map(|news| (news, told))
    }

    /// Whether what came behind a fast opening was swallowed, once.
    pub fn take_swallowed(&mut self) -> bool {
        self.tcb.fast_mut().is_some_and(|fast| std::mem::take(&mut fast.swallowed))
    }
}
