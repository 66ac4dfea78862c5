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
use rustc_hash::FxHashMap;
use std::collections::hash_map::Entry;
use std::iter;
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

/// A waker and its place.
type Waiter = (Ticket, Waker);

/// The wakers of all sockets of a host. Waiting costs no allocation when nobody else waits for the
/// socket.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    /// Who waits for a socket, and who else does.
    by_socket: FxHashMap<SocketId, (Waiter, Vec<Waiter>)>,
}

impl Waiters {
    /// Puts a waker at a place, instead of the one that may be there.
    pub(super) fn put(&mut self, socket: SocketId, ticket: Ticket, waker: &Waker) {
        let (first, others) = match self.by_socket.entry(socket) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                place.insert(((ticket, waker.clone()), Vec::new()));
                return;
            }
        };
        let mut all = iter::once(first).chain(others.iter_mut());
        match all.find(|(at, _)| *at == ticket) {
            Some((_, known)) => known.clone_from(waker),
            None => others.push((ticket, waker.clone())),
        }
    }

    /// Takes a waker out unfired.
    pub(super) fn remove(&mut self, socket: SocketId, ticket: Ticket) {
        let Some((first, others)) = self.by_socket.get_mut(&socket) else { return };
        others.retain(|(at, _)| *at != ticket);
        if first.0 == ticket {
            match others.pop() {
                Some(other) => *first = other,
                None => drop(self.by_socket.remove(&socket)),
            }
            self.shrink();
        }
    }

    /// Moves out the wakers of one socket.
    pub(super) fn take(&mut self, socket: SocketId, into: &mut impl Extend<Waker>) {
        if let Some(((_, first), others)) = self.by_socket.remove(&socket) {
            into.extend(iter::once(first).chain(others.into_iter().map(|(_, waker)| waker)));
            self.shrink();
        }
    }

    /// Gives memory back when many waited and few do.
    fn shrink(&mut self) {
        let (len, room) = (self.by_socket.len(), self.by_socket.capacity());
        if room > 64 && len < room / 8 {
            self.by_socket.shrink_to(2 * len);
        }
    }

    /// Moves out all wakers.
    pub(super) fn take_all(&mut self, into: &mut impl Extend<Waker>) {
        let mut sockets: Vec<_> = self.by_socket.keys().copied().collect();
        sockets.sort_unstable();
        sockets.into_iter().for_each(|socket| self.take(socket, into));
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
