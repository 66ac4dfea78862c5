//! What an HTTP connection is doing, and what of that takes too long.
//!
//! The stream, the service and the bodies of answers tell the [`Watch`] what happens; all of them
//! are polled by the one task of the connection, which asks the [`Guard`] after each step whether
//! it is to be ended.

use crate::app::policy::Policy;
use crate::base::Limit;
use crate::net::rt::{Instant, Sleep, sleep, sleep_until};
use hyper::body::{Body, Frame, SizeHint};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What a connection is doing. The first bytes of a request that came together with the end of the
/// one before lie in the HTTP library: it counts as begun when more of it comes.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    /// No byte of the next request has come.
    Waiting,
    /// A request's header has begun.
    Header,
    /// A request is being answered.
    Answering,
    /// The answer is complete, but not all of it has left the service.
    Answered,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    since: Instant,
    requests: u32,
    stopping: bool,
    /// The limit that a write has hit.
    stuck: Option<Limit>,
}

/// The state of a connection, shared by its parts.
#[derive(Clone, Debug)]
pub(super) struct Watch(Arc<Mutex<State>>);

impl Watch {
    pub(super) fn new() -> Watch {
        let (phase, since) = (Phase::Waiting, Instant::now());
        let state = State { phase, since, requests: 0, stopping: false, stuck: None };
        Watch(Arc::new(Mutex::new(state)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn go(&self, from: &[Phase], to: Phase) {
        let mut state = self.state();
        if from.contains(&state.phase) {
            (state.phase, state.since) = (to, Instant::now());
        }
    }

    /// A request's header is complete: says which request of the connection it is, from 1, and
    /// whether the host is about to stop.
    pub(super) fn begin(&self) -> (u32, bool) {
        let mut state = self.state();
        state.requests = state.requests.saturating_add(1);
        (state.phase, state.since) = (Phase::Answering, Instant::now());
        (state.requests, state.stopping)
    }

    /// The limit that a write has hit, if one has.
    pub(super) fn stuck(&self) -> Option<Limit> {
        self.state().stuck
    }
}

/// An answer's body, which tells when it is over.
pub(super) struct Told<B> {
    body: B,
    watch: Watch,
}

impl<B> Told<B> {
    pub(super) fn new(body: B, watch: Watch) -> Told<B> {
        Told { body, watch }
    }
}

impl<B> Drop for Told<B> {
    fn drop(&mut self) {
        self.watch.go(&[Phase::Answering], Phase::Answered);
    }
}

impl<B: Body + Unpin> Body for Told<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A stream that tells what passes, and does not wait for ever: when its peer takes nothing of what
/// is written for too long, writing fails.
pub(super) struct Watched<S> {
    stream: S,
    watch: Watch,
    patience: Option<Duration>,
    /// Runs while a write waits.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S, watch: Watch, patience: Option<Duration>) -> Watched<S> {
        Watched { stream, watch, patience, waiting: None }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        if buf.filled().len() > before {
            self.watch.go(&[Phase::Waiting, Phase::Answered], Phase::Header);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(written) = Pin::new(&mut self.stream).poll_write(cx, bytes) {
            self.waiting = None;
            return Poll::Ready(written);
        }
        let Some(patience) = self.patience else { return Poll::Pending };
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(waiting.as_mut().poll(cx));
        let limit = Limit::WriteTime { after: patience.into() };
        self.watch.state().stuck = Some(limit);
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, limit.to_string())))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        // It is asked for when the service holds nothing back any more.
        self.watch.go(&[Phase::Answered], Phase::Waiting);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Says when a connection is to be ended.
pub(super) struct Guard<'a> {
    watch: Watch,
    policy: &'a Policy,
    /// Until when the connection may go on, once the host stops.
    drain: Option<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl<'a> Guard<'a> {
    pub(super) fn new(watch: Watch, policy: &'a Policy) -> Guard<'a> {
        Guard { watch, policy, drain: None, sleep: None }
    }

    /// The host stops.
    pub(super) fn stop(&mut self) {
        self.watch.state().stopping = true;
        self.drain = Some(Instant::now() + self.policy.drain);
    }

    /// Which limit the connection will hit if nothing happens, and when.
    fn next(&self) -> Option<(Instant, Limit)> {
        let Policy { idle, header_time, drain, .. } = *self.policy;
        let state = self.watch.state();
        let own = match state.phase {
            Phase::Waiting if self.drain.is_some() => Some((Instant::now(), Limit::Stopping)),
            Phase::Waiting => idle.map(|t| (state.since + t, Limit::Idle { after: t.into() })),
            Phase::Header => {
                header_time.map(|t| (state.since + t, Limit::HeaderTime { after: t.into() }))
            }
            Phase::Answering | Phase::Answered => None,
        };
        let end = self.drain.map(|at| (at, Limit::Drain { after: drain.into() }));
        [own, end].into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    /// Waits for the limit that ends the connection; to be polled after everything else.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Limit> {
        let Some((at, limit)) = self.next() else { return Poll::Pending };
        if at <= Instant::now() {
            return Poll::Ready(limit);
        }
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if sleep.deadline() != at {
            sleep.as_mut().reset(at);
        }
        sleep.as_mut().poll(cx).map(|()| limit)
    }
}

#[cfg(test)]
mod tests;
