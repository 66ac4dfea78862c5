//! What routers tell about a link (RFC 4861 §6.3): which of them is the default router, which
//! prefixes are on the link, who answers for names (RFC 8106). As a pure machine: it asks for
//! routers, remembers a bounded number of what they say, and forgets it in time.

use super::Cx;
use super::event::{Cause, Event};
use crate::base::rng::Purpose;
use crate::base::time::nanos;
use crate::base::{Duration, Instant, Why};
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv6Addr};

/// The first solicitation comes within this time (RFC 4861 §10, MAX_RTR_SOLICITATION_DELAY).
pub const SOLICIT_DELAY: Duration = Duration::from_secs(1);
/// The time to the second one, which doubles from then on (RFC 4861 §10, RTR_SOLICITATION_INTERVAL;
/// RFC 7559 §2).
pub const SOLICIT_INTERVAL: Duration = Duration::from_secs(4);
/// The most time between solicitations (RFC 7559 §2).
pub const SOLICIT_INTERVAL_MAX: Duration = Duration::from_secs(3600);
/// Routers remembered at most.
pub const ROUTERS_MAX: usize = 8;
/// Prefixes remembered at most.
pub const PREFIXES_MAX: usize = 16;
/// Name servers remembered at most (RFC 8106 §5.3.1: three are enough).
pub const SERVERS_MAX: usize = 8;

/// What follows from what routers tell.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Advice {
    /// Ask all routers to tell.
    Solicit,
    /// Packets to elsewhere go by this router; `None`: there is none.
    Default(Option<Ipv6Addr>),
    /// A prefix, by its bits and length, is on the link, or is not any more.
    OnLink(Ipv6Addr, u8, bool),
}

/// How good a router says that it is (RFC 4191 §2.1).
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Preference {
    /// For when there is no other.
    Low,
    /// As any other.
    #[default]
    Medium,
    /// Before any other.
    High,
}

impl Preference {
    /// The RFC's name.
    pub fn name(self) -> &'static str {
        match self {
            Preference::Low => "low",
            Preference::Medium => "medium",
            Preference::High => "high",
        }
    }
}

/// What routers say of a route that follows from their advertisements.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Terms {
    /// How good the router says that it is.
    pub preference: Preference,
    /// Until when the route is one; `None`: for ever.
    pub until: Option<Instant>,
}

/// Something a router told, and until when it counts; `None`: for ever.
#[derive(Copy, Clone, Debug)]
struct Told<T> {
    what: T,
    until: Option<Instant>,
}

/// A router.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
struct Router {
    addr: Ipv6Addr,
    preference: Preference,
    /// It did not answer, and has not been heard since.
    silent: bool,
}

/// What the routers of a link tell.
#[derive(Debug, Default)]
pub struct Routers {
    routers: Vec<Told<Router>>,
    prefixes: Vec<Told<(Ipv6Addr, u8)>>,
    servers: Vec<Told<Ipv6Addr>>,
    chosen: Option<Ipv6Addr>,
    /// When to ask again, and how long to wait then.
    ask: Option<(Instant, Duration)>,
    advice: VecDeque<Advice>,
}

/// Remembers `what` until `until`, among at most `max`; a time that is over forgets it.
fn remember<T: PartialEq>(
    list: &mut Vec<Told<T>>,
    is_it: impl Fn(&T) -> bool,
    told: Told<T>,
    max: usize,
    now: Instant,
) -> Result<(), Why> {
    let over = told.until.is_some_and(|until| until <= now);
    match list.iter().position(|known| is_it(&known.what)) {
        Some(at) if over => drop(list.remove(at)),
        Some(at) => list[at] = told,
        None if over => {}
        None if list.len() >= max => return Err(Why::RaLimit),
        None => list.push(told),
    }
    Ok(())
}

impl Routers {
    /// Starts asking for routers.
    pub fn start(&mut self, cx: &Cx<'_>) {
        let delay = cx.chance.below(nanos(SOLICIT_DELAY), Purpose::Solicit, 0, cx.now.as_nanos());
        self.ask = Some((cx.now + Duration::from_nanos(delay), SOLICIT_INTERVAL));
    }

    /// A router said for how long it is a default router; no time: it is none. A new one takes the
    /// place of one that does not answer when there are too many.
    ///
    /// # Errors
    /// [`Why::RaLimit`] when it is new and there are too many.
    pub fn on_router(
        &mut self,
        router: Ipv6Addr,
        preference: Preference,
        lifetime: Duration,
        cx: &mut Cx<'_>,
    ) -> Result<(), Why> {
        if !lifetime.is_zero() {
            self.ask = None; // RFC 7559 §2.1
        }
        let is_it = |known: &Router| known.addr == router;
        let is_known = self.routers.iter().any(|known| is_it(&known.what));
        if !is_known && !lifetime.is_zero() && self.routers.len() >= ROUTERS_MAX {
            let silent = self.routers.iter().position(|known| known.what.silent);
            silent.map(|at| self.routers.remove(at));
        }
        let what = Router { addr: router, preference, silent: false };
        let told = Told { what, until: Some(cx.now + lifetime) };
        remember(&mut self.routers, is_it, told, ROUTERS_MAX, cx.now)
    }

    /// A router said for how long a prefix is on the link; `None`: for ever.
    ///
    /// # Errors
    /// [`Why::RaLimit`] when it is new and there are too many.
    pub fn on_prefix(
        &mut self,
        prefix: Ipv6Addr,
        len: u8,
        valid: Option<Duration>,
        cx: &mut Cx<'_>,
    ) -> Result<(), Why> {
        let what = (prefix, len);
        let was = self.prefixes.iter().any(|known| known.what == what);
        let told = Told { what, until: valid.map(|valid| cx.now + valid) };
        remember(&mut self.prefixes, |known| *known == what, told, PREFIXES_MAX, cx.now)?;
        let is = self.prefixes.iter().any(|known| known.what == what);
        if was != is {
            self.tell_prefix(what, if is { Cause::OnLink } else { Cause::Expired }, cx);
        }
        Ok(())
    }

    /// A router said for how long a name server is one; `None`: for ever.
    ///
    /// # Errors
    /// [`Why::RaLimit`] when it is new and there are too many.
    pub fn on_server(
        &mut self,
        server: Ipv6Addr,
        lifetime: Option<Duration>,
        cx: &Cx<'_>,
    ) -> Result<(), Why> {
        let told = Told { what: server, until: lifetime.map(|lifetime| cx.now + lifetime) };
        remember(&mut self.servers, |known| *known == server, told, SERVERS_MAX, cx.now)
    }

    /// A neighbour says that it is no router (RFC 4861 §7.2.5).
    pub fn on_host(&mut self, addr: Ipv6Addr) {
        self.routers.retain(|known| known.what.addr != addr);
    }

    /// Chooses the default router again: the first of those that answer, the preferred before
    /// others (RFC 4861 §6.3.6, RFC 4191 §3.2). `answers` says whether one does, as far as that is
    /// known: one that did not stays behind the others until it is heard.
    pub fn choose(&mut self, answers: impl Fn(Ipv6Addr) -> Option<bool>, cx: &mut Cx<'_>) {
        for Told { what, .. } in &mut self.routers {
            what.silent = answers(what.addr).map_or(what.silent, |answers| !answers);
        }
        let rank = |known: &&Told<Router>| {
            let Router { addr, preference, silent } = known.what;
            (!silent, preference, self.chosen == Some(addr))
        };
        let best = self.routers.iter().rev().max_by_key(rank).map(|known| known.what.addr);
        if best == self.chosen {
            return;
        }
        let (lost, found) = (self.chosen, best);
        self.chosen = best;
        self.advice.push_back(Advice::Default(best));
        for (addr, cause) in [(lost, Cause::Resigned), (found, Cause::Elected)] {
            if let Some(addr) = addr {
                cx.note(|| Event::Router { addr, cause });
            }
        }
    }

    /// The default router.
    pub fn default_router(&self) -> Option<Ipv6Addr> {
        self.chosen
    }

    /// Whether a neighbour says that it is a default router.
    pub fn is_router(&self, addr: IpAddr) -> bool {
        self.routers.iter().any(|known| IpAddr::V6(known.what.addr) == addr)
    }

    /// What is said of the default route by a router.
    pub fn router_terms(&self, router: Ipv6Addr) -> Option<Terms> {
        let known = self.routers.iter().find(|known| known.what.addr == router)?;
        Some(Terms { preference: known.what.preference, until: known.until })
    }

    /// What is said of the route to a prefix on the link.
    pub fn prefix_terms(&self, prefix: Ipv6Addr, len: u8) -> Option<Terms> {
        let known = self.prefixes.iter().find(|known| known.what == (prefix, len))?;
        Some(Terms { preference: Preference::Medium, until: known.until })
    }

    /// The name servers, in the order in which they were told.
    pub fn servers(&self) -> impl Iterator<Item = Ipv6Addr> {
        self.servers.iter().map(|known| known.what)
    }

    /// Time has come to `cx.now`. [`Routers::choose`] is to be called then.
    pub fn poll(&mut self, cx: &mut Cx<'_>) {
        let now = cx.now;
        if let Some((_, interval)) = self.ask.filter(|(at, _)| *at <= now) {
            self.advice.push_back(Advice::Solicit);
            // RFC 7559 §2: a tenth more or less.
            let tenth = nanos(interval) / 5;
            let drawn = cx.chance.below(tenth, Purpose::Solicit, 1, now.as_nanos());
            let wait = Duration::from_nanos(nanos(interval) - tenth / 2 + drawn);
            self.ask = Some((now + wait, (interval * 2).min(SOLICIT_INTERVAL_MAX)));
        }
        let counts = |until: Option<Instant>| until.is_none_or(|until| until > now);
        self.routers.retain(|known| counts(known.until));
        self.servers.retain(|known| counts(known.until));
        let over: Vec<_> = self.prefixes.iter().filter(|known| !counts(known.until)).collect();
        let over: Vec<_> = over.into_iter().map(|known| known.what).collect();
        self.prefixes.retain(|known| counts(known.until));
        over.into_iter().for_each(|what| self.tell_prefix(what, Cause::Expired, cx));
    }

    fn tell_prefix(&mut self, (prefix, len): (Ipv6Addr, u8), cause: Cause, cx: &mut Cx<'_>) {
        self.advice.push_back(Advice::OnLink(prefix, len, cause == Cause::OnLink));
        cx.note(|| Event::Prefix { prefix, len, cause });
    }

    /// What is to be done next. To be called until it gives `None`.
    pub fn output(&mut self) -> Option<Advice> {
        self.advice.pop_front()
    }

    /// When [`Routers::poll`] or [`Routers::output`] has something to do.
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        if !self.advice.is_empty() {
            return Some(now);
        }
        let routers = self.routers.iter().map(|known| known.until);
        let prefixes = self.prefixes.iter().map(|known| known.until);
        let servers = self.servers.iter().map(|known| known.until);
        let asks = self.ask.map(|(at, _)| at);
        routers.chain(prefixes).chain(servers).chain([asks]).flatten().min()
    }
}

/// The lifetimes that an address made with a prefix has from now on, when the prefix is advertised
/// with `valid` and `preferred` and the address has `left` of its own (RFC 4862 §5.5.3 (e)): what
/// anybody can send does not end an address within two hours. `None` as a time: for ever.
pub fn lifetimes(
    valid: Option<Duration>,
    preferred: Option<Duration>,
    left: Option<Option<Duration>>,
) -> (Option<Duration>, Option<Duration>) {
    const TWO_HOURS: Duration = Duration::from_secs(7200);
    let Some(left) = left else { return (valid, preferred) };
    let longer = match (valid, left) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(valid), Some(left)) => valid > left,
    };
    let kept = match (valid, left) {
        _ if longer || valid.is_some_and(|valid| valid > TWO_HOURS) => valid,
        (_, Some(left)) if left <= TWO_HOURS => Some(left),
        _ => Some(TWO_HOURS),
    };
    (kept, preferred)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Chance, EventId, Pool, Trace};

    struct Bench {
        now: Instant,
        chance: Chance,
        pool: Pool,
        trace: Trace<Event>,
    }

    impl Bench {
        fn new() -> Bench {
            let chance = Chance::from_seed(1);
            Bench { now: Instant::ZERO, chance, pool: Pool::new(), trace: Trace::new(true) }
        }

        fn cx(&mut self) -> Cx<'_> {
            let (now, cause) = (self.now, EventId::NONE);
            Cx { now, chance: &self.chance, pool: &self.pool, trace: &mut self.trace, cause }
        }

        /// Lets time pass; what was advised, and after how many seconds.
        fn run(&mut self, routers: &mut Routers, seconds: u64) -> Vec<(u64, Advice)> {
            let (mut told, end) = (Vec::new(), self.now + Duration::from_secs(seconds));
            while let Some(at) = routers.deadline(self.now).filter(|at| *at <= end) {
                self.now = self.now.max(at);
                routers.poll(&mut self.cx());
                routers.choose(|_| None, &mut self.cx());
                let at = self.now.since(Instant::ZERO).as_secs();
                while let Some(advice) = routers.output() {
                    told.push((at, advice));
                }
            }
            self.now = end;
            told
        }
    }

    fn addr(n: u16) -> Ipv6Addr {
        Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, n)
    }

    const HOUR: Duration = Duration::from_secs(3600);

    /// RFC 7559: it goes on asking, ever more seldom, until a router answers.
    #[test]
    fn routers_are_asked_for_until_one_answers() {
        let (mut bench, mut routers) = (Bench::new(), Routers::default());
        routers.start(&bench.cx());
        let told = bench.run(&mut routers, 20_000);
        assert!(told.iter().all(|(_, advice)| *advice == Advice::Solicit));
        let times: Vec<u64> = told.iter().map(|(at, _)| *at).collect();
        assert!(times[0] <= 1 && (3..=6).contains(&times[1]), "{times:?}");
        let gaps: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(gaps.windows(2).take(8).all(|pair| pair[1] > pair[0]), "{gaps:?}");
        assert!(gaps.iter().all(|gap| *gap <= 3960), "{gaps:?}");
        routers.on_router(addr(1), Preference::Medium, HOUR, &mut bench.cx()).expect("room");
        routers.choose(|_| None, &mut bench.cx());
        let told = bench.run(&mut routers, 10_000);
        let advice: Vec<Advice> = told.into_iter().map(|(_, advice)| advice).collect();
        assert_eq!(advice, [Advice::Default(Some(addr(1))), Advice::Default(None)]);
    }

    #[test]
    fn the_best_router_that_answers_is_chosen() {
        let (mut bench, mut routers) = (Bench::new(), Routers::default());
        let mut hear = |routers: &mut Routers, n, preference, lifetime| {
            routers.on_router(addr(n), preference, lifetime, &mut bench.cx()).expect("room");
            routers.choose(|addr| Some(addr.segments()[7] != 3), &mut bench.cx());
            routers.default_router().map(|addr| addr.segments()[7])
        };
        for (n, preference, lifetime, chosen) in [
            (1, Preference::Low, HOUR, Some(1)),
            (2, Preference::Medium, HOUR, Some(2)),
            (4, Preference::Medium, HOUR, Some(2)),
            (3, Preference::High, HOUR, Some(2)),
            (2, Preference::Medium, Duration::ZERO, Some(4)),
            (4, Preference::Medium, Duration::ZERO, Some(1)),
            (1, Preference::Low, Duration::ZERO, Some(3)),
            (3, Preference::High, Duration::ZERO, None),
        ] {
            assert_eq!(hear(&mut routers, n, preference, lifetime), chosen, "{n}");
        }
    }

    #[test]
    fn floods_are_bounded() {
        let (mut bench, mut routers) = (Bench::new(), Routers::default());
        for n in 0..1000 {
            let cx = &mut bench.cx();
            let few = n < 8;
            let router = routers.on_router(addr(n), Preference::High, HOUR, cx);
            assert_eq!(router.is_ok(), few);
            assert_eq!(routers.on_prefix(addr(n), 64, Some(HOUR), cx).is_ok(), n < 16);
            assert_eq!(routers.on_server(addr(n), Some(HOUR), cx).is_ok(), few);
        }
        assert_eq!(routers.servers().count(), SERVERS_MAX);
        let told = bench.run(&mut routers, 3_599);
        assert_eq!(told.len(), 17);
        let gone = bench.run(&mut routers, 1);
        assert_eq!(gone.len(), 17, "sixteen prefixes and the router");
        assert_eq!((routers.deadline(bench.now), routers.servers().count()), (None, 0));
        // For ever is for ever, until it is taken back.
        routers.on_prefix(addr(1), 64, None, &mut bench.cx()).expect("room");
        assert_eq!(bench.run(&mut routers, 1 << 30).len(), 1);
        routers.on_prefix(addr(1), 64, Some(Duration::ZERO), &mut bench.cx()).expect("known");
        assert_eq!(bench.run(&mut routers, 1)[0].1, Advice::OnLink(addr(1), 64, false));
    }

    #[test]
    fn no_router_ends_an_address_within_two_hours() {
        let s = |seconds: u64| Some(Duration::from_secs(seconds));
        for (valid, left, expected) in [
            (s(10), None, s(10)),
            (s(10), Some(s(5)), s(10)),
            (s(10), Some(s(5000)), s(5000)),
            (s(10), Some(s(9000)), s(7200)),
            (s(0), Some(s(9000)), s(7200)),
            (s(10), Some(None), s(7200)),
            (s(8000), Some(s(9000)), s(8000)),
            (None, Some(s(5)), None),
        ] {
            assert_eq!(lifetimes(valid, s(1), left), (expected, s(1)), "{valid:?} {left:?}");
        }
    }
}
