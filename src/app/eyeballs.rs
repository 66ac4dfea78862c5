//! Happy eyeballs (RFC 8305): connects to a host that has several addresses, of one family or two,
//! without waiting long for those that do not answer.

use crate::base::Instant;
use crate::net::rt;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

/// How long IPv4 waits for the IPv6 addresses to be found (§3: Resolution Delay).
const RESOLUTION: Duration = Duration::from_millis(50);
/// How long an attempt runs alone (§5: Connection Attempt Delay).
const ATTEMPT: Duration = Duration::from_millis(250);

/// A family of addresses.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Family {
    /// IPv6, which goes first.
    V6,
    /// IPv4.
    V4,
}

/// What to do now.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// Connect to this address, too.
    Start(IpAddr),
    /// Wait for something to happen, at most until then.
    Wait(Option<Instant>),
    /// There is nothing more to try, and nothing to wait for.
    Lost,
}

/// The order of events as a machine: it is told what was found and what failed, and says which
/// address is next, and when.
#[derive(Clone, Debug)]
pub struct Race {
    /// Addresses to be tried, IPv6 and IPv4.
    waiting: [VecDeque<IpAddr>; 2],
    /// Whether the family's addresses are still being looked for.
    sought: [bool; 2],
    /// Which family is next: they take turns (§4).
    turn: usize,
    running: usize,
    /// Before then, no other attempt, unless all have failed.
    not_before: Instant,
    /// Until then, IPv4 waits for IPv6.
    patience: Option<Instant>,
}

impl Default for Race {
    fn default() -> Race {
        Race::new()
    }
}

impl Race {
    /// Both families are being looked for.
    pub fn new() -> Race {
        Race {
            waiting: Default::default(),
            sought: [true; 2],
            turn: 0,
            running: 0,
            not_before: Instant::ZERO,
            patience: None,
        }
    }

    /// The addresses of a family are known; perhaps there are none.
    pub fn found(&mut self, now: Instant, family: Family, addrs: impl IntoIterator<Item = IpAddr>) {
        let family = family as usize;
        self.sought[family] = false;
        self.waiting[family].extend(addrs);
        if self.sought[0] && !self.waiting[1].is_empty() && self.patience.is_none() {
            self.patience = Some(now + RESOLUTION);
        }
    }

    /// An attempt has failed: the next need not wait (§5).
    pub fn failed(&mut self, now: Instant) {
        self.running = self.running.saturating_sub(1);
        self.not_before = now;
    }

    /// What is next. After [`Step::Start`], ask again.
    pub fn next(&mut self, now: Instant) -> Step {
        let first = self.turn;
        let Some(family) = [first, 1 - first].into_iter().find(|n| !self.waiting[*n].is_empty())
        else {
            let is_hope = self.running > 0 || self.sought.contains(&true);
            return if is_hope { Step::Wait(None) } else { Step::Lost };
        };
        let mut from = if self.running > 0 { self.not_before } else { Instant::ZERO };
        if let Some(patience) = self.patience.filter(|_| self.sought[0] && family == 1) {
            from = from.max(patience);
        }
        if now < from {
            return Step::Wait(Some(from));
        }
        self.turn = 1 - family;
        self.running += 1;
        self.not_before = now + ATTEMPT;
        match self.waiting[family].pop_front() {
            Some(addr) => Step::Start(addr),
            None => Step::Lost,
        }
    }
}

/// Connects to the first address that answers, of those that the two look-ups give; the other
/// attempts are given up.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use netglass::app::eyeballs::connect;
/// use std::io;
/// use std::net::IpAddr;
///
/// let v6 = async { vec!["fd00::2".parse::<IpAddr>().unwrap()] };
/// let v4 = async { vec!["10.9.0.2".parse::<IpAddr>().unwrap()] };
/// let attempt = async |addr: IpAddr| match addr {
///     IpAddr::V4(_) => Ok("a stream"),
///     IpAddr::V6(_) => Err(io::Error::from(io::ErrorKind::NetworkUnreachable)),
/// };
/// let (addr, stream) = connect(v6, v4, attempt).await.unwrap();
/// assert_eq!((addr.to_string().as_str(), stream), ("10.9.0.2", "a stream"));
/// # });
/// ```
///
/// # Errors
/// The last attempt's, with its address; `None` when there is no address.
pub async fn connect<S, E, A: Future<Output = Result<S, E>>>(
    v6: impl Future<Output = Vec<IpAddr>>,
    v4: impl Future<Output = Vec<IpAddr>>,
    attempt: impl Fn(IpAddr) -> A,
) -> Result<(IpAddr, S), Option<(IpAddr, E)>> {
    let (mut v6, mut v4) = (pin!(v6), pin!(v4));
    let mut sought = [true; 2];
    let mut race = Race::new();
    let start = rt::now();
    let now = || Instant::ZERO + start.elapsed();
    let mut attempts: Vec<(IpAddr, Pin<Box<A>>)> = Vec::new();
    let mut timer = pin!(rt::sleep(Duration::ZERO));
    let mut last = None;
    std::future::poll_fn(move |cx| {
        if sought[0]
            && let Poll::Ready(addrs) = v6.as_mut().poll(cx)
        {
            sought[0] = false;
            race.found(now(), Family::V6, addrs);
        }
        if sought[1]
            && let Poll::Ready(addrs) = v4.as_mut().poll(cx)
        {
            sought[1] = false;
            race.found(now(), Family::V4, addrs);
        }
        loop {
            let mut n = 0;
            while n < attempts.len() {
                match attempts[n].1.as_mut().poll(cx) {
                    Poll::Pending => n += 1,
                    Poll::Ready(Ok(stream)) => return Poll::Ready(Ok((attempts[n].0, stream))),
                    Poll::Ready(Err(error)) => {
                        last = Some((attempts.remove(n).0, error));
                        race.failed(now());
                    }
                }
            }
            match race.next(now()) {
                Step::Start(addr) => attempts.push((addr, Box::pin(attempt(addr)))),
                Step::Lost => return Poll::Ready(Err(last.take())),
                Step::Wait(None) => return Poll::Pending,
                Step::Wait(Some(until)) => {
                    let since_start = until.since(Instant::ZERO);
                    timer.as_mut().reset(start + since_start);
                    if timer.as_mut().poll(cx).is_pending() {
                        return Poll::Pending;
                    }
                }
            }
        }
    })
    .await
}

#[cfg(test)]
mod tests;
