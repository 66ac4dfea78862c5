//! Who waits for which socket.
//!
//! # Why no wake-up is lost
//!
//! A user tries its call, and when that says `WouldBlock` it registers its interest with
//! [`Stack::want`](crate::stack::Stack::want) and its waker here, all under one lock of the host's
//! mutex. Everything that could make the call succeed (a frame, a timer, another user's call)
//! happens under the same mutex, so it comes either before, and then the call succeeds or `want`
//! says that there is nothing to wait for, or after, and then the stack puts the socket on its
//! list of woken ones, which is emptied before the mutex is released: every waker of the socket is
//! taken out here and fired.
//!
//! All waiters of a socket are woken together, whatever they wait for; those that cannot go on
//! register again. Tasks that use a stream by `&mut` have one place per direction, and the latest
//! waker takes it, as the contract of `Future::poll` wants. Whatever can wait more than once at a
//! time (threads, `accept`, datagrams) waits under a [`Ticket`] of its own and takes its waker out
//! when it gives up.

use crate::socket::SocketId;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;

/// The place of a waiter among those of one socket.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct Ticket(u64);

impl Ticket {
    /// The task that reads.
    #[cfg(feature = "tokio")]
    pub(super) const READ: Ticket = Ticket(0);
    /// The task that writes, or waits for the opening.
    #[cfg(feature = "tokio")]
    pub(super) const WRITE: Ticket = Ticket(1);

    /// A place of its own.
    pub(super) fn next() -> Ticket {
        static NEXT: AtomicU64 = AtomicU64::new(2);
        Ticket(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// The wakers of all sockets of a host.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    by_socket: BTreeMap<SocketId, Vec<(Ticket, Waker)>>,
}

impl Waiters {
    /// Puts a waker at a place, instead of the one that may be there.
    pub(super) fn put(&mut self, socket: SocketId, ticket: Ticket, waker: &Waker) {
        let waiting = self.by_socket.entry(socket).or_default();
        match waiting.iter_mut().find(|(at, _)| *at == ticket) {
            Some((_, known)) => known.clone_from(waker),
            None => waiting.push((ticket, waker.clone())),
        }
    }

    /// Takes a waker out unfired.
    pub(super) fn remove(&mut self, socket: SocketId, ticket: Ticket) {
        if let Some(waiting) = self.by_socket.get_mut(&socket) {
            waiting.retain(|(at, _)| *at != ticket);
            if waiting.is_empty() {
                self.by_socket.remove(&socket);
            }
        }
    }

    /// Moves out the wakers of one socket.
    pub(super) fn take(&mut self, socket: SocketId, into: &mut Vec<Waker>) {
        let waiting = self.by_socket.remove(&socket).unwrap_or_default();
        into.extend(waiting.into_iter().map(|(_, waker)| waker));
    }

    /// Whether nobody waits.
    pub(super) fn is_empty(&self) -> bool {
        self.by_socket.is_empty()
    }

    /// Moves out all wakers.
    pub(super) fn take_all(&mut self, into: &mut Vec<Waker>) {
        for (_, waiting) in std::mem::take(&mut self.by_socket) {
            into.extend(waiting.into_iter().map(|(_, waker)| waker));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::UdpId;

    #[test]
    fn the_latest_waker_has_the_place_and_each_fires_once() {
        let (a, b) = (SocketId::Udp(UdpId(1)), SocketId::Udp(UdpId(2)));
        let waker = Waker::noop();
        let mut waiters = Waiters::default();
        let (one, two) = (Ticket::next(), Ticket::next());
        for (socket, ticket) in [(a, one), (a, one), (a, two), (b, one)] {
            waiters.put(socket, ticket, waker);
        }
        let mut fired = Vec::new();
        waiters.remove(a, two);
        waiters.take(a, &mut fired);
        waiters.take(a, &mut fired);
        assert_eq!(fired.len(), 1);
        waiters.take_all(&mut fired);
        assert_eq!(fired.len(), 2);
        waiters.remove(b, one);
    }
}
