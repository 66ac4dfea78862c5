//! Redirects (RFC 4861 §8, RFC 1122 §3.2.2.2): the router that packets are sent to names a better
//! first hop. It is believed for a time, for a bounded number of destinations.

use super::Stack;
use super::event::Event;
use super::ingress::Via;
use crate::base::{Duration, EventId, IfaceId, Instant, Mac, Why};
use crate::ip::{Cidr, Origin, Route};
use crate::link::{self, Cause};
use crate::wire::icmp::Quoted;
use std::collections::VecDeque;
use std::net::IpAddr;

/// Destinations remembered at most; the oldest is forgotten for a new one.
const MAX: usize = 256;
/// How long a redirect is believed (as a path's MTU is; RFC 4861 names no time).
const LIFETIME: Duration = Duration::from_secs(600);
/// The metric of the routes, which replace no other's: a route by hand to one host is there for a
/// reason.
const METRIC: u32 = 0;

/// The destinations with a better first hop, oldest first.
#[derive(Debug, Default)]
pub(super) struct Redirects(VecDeque<(Instant, IfaceId, Cidr)>);

impl Redirects {
    /// When the oldest is to be forgotten.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.0.front().map(|(until, ..)| *until)
    }
}

impl Stack {
    /// An ICMP redirect of IPv4, which quotes the packet that took the worse way.
    pub(super) fn on_redirect(
        &mut self,
        via: &Via,
        gateway: IpAddr,
        quoted: &Quoted,
        cause: EventId,
    ) -> Result<(), Why> {
        let ours = self.ifaces[usize::from(via.iface.0)].local().has(quoted.src);
        // To a host that is on the link itself there is no gateway to name.
        if !ours || gateway == quoted.dst {
            return Err(Why::RedirectRefused);
        }
        self.redirect(via, quoted.dst, gateway, None, cause)
    }

    /// Packets to `dst` are better sent to `target`: `dst` itself when that is on the link.
    pub(super) fn redirect(
        &mut self,
        via: &Via,
        dst: IpAddr,
        target: IpAddr,
        mac: Option<Mac>,
        cause: EventId,
    ) -> Result<(), Why> {
        let (now, iface) = (via.now, via.iface);
        let route = self.routes.lookup(dst).filter(|route| route.iface == iface);
        let gateway = route.and_then(|route| route.via);
        let by_hand =
            |route: &Route| route.dst == Cidr::host(dst) && route.origin != Origin::Redirect;
        let by_hand = route.is_some_and(by_hand);
        let local = self.ifaces[usize::from(iface.0)].local();
        let possible = local.is_single_host(target) && !local.has(target);
        let near = target == dst || self.is_near(iface, target);
        // A router finds its ways itself (RFC 4861 §8.2, RFC 1812 §5.2.7.2).
        let host = !self.forwarding && self.mac(iface).is_some();
        let heard = host && gateway == Some(via.src()) && !by_hand;
        if !heard || !possible || !near {
            return Err(Why::RedirectRefused);
        }
        if let Some(mac) = mac.filter(|mac| mac.is_unicast()) {
            // Where it is can be asked as well.
            self.with_port(now, iface, cause, |port, cx| port.learn(target, mac, cx));
        }
        let dst = Cidr::host(dst);
        let hop = (target != dst.addr()).then_some(target);
        let (metric, origin) = (METRIC, Origin::Redirect);
        self.routes.add(Route { dst, via: hop, iface, metric, origin });
        self.redirects.0.retain(|(_, at, known)| (*at, *known) != (iface, dst));
        self.redirects.0.push_back((now + LIFETIME, iface, dst));
        if self.redirects.0.len() > MAX {
            self.forget_redirects(1);
        }
        let event =
            link::Event::Redirect { dst: dst.addr(), via: target, cause: Cause::Redirected };
        self.note(now, None, cause, || Event::Link { iface, event });
        Ok(())
    }

    /// Time has come to `now` for every redirect.
    pub(super) fn poll_redirects(&mut self, now: Instant) {
        let over = self.redirects.0.iter().take_while(|(until, ..)| *until <= now).count();
        if over > 0 {
            self.forget_redirects(over);
        }
    }

    /// A first hop does not answer: what led there is not believed any more (RFC 4861 §7.3.3).
    pub(super) fn unredirect(&mut self, iface: IfaceId, hop: IpAddr) {
        let leads_there = |route: &Route| {
            route.origin == Origin::Redirect
                && route.iface == iface
                && route.via.unwrap_or(route.dst.addr()) == hop
        };
        if self.redirects.0.is_empty() {
            return;
        }
        let over: Vec<Cidr> =
            self.routes.iter().filter(|route| leads_there(route)).map(|route| route.dst).collect();
        for dst in &over {
            self.routes.remove(iface, *dst, METRIC);
        }
        if !over.is_empty() {
            self.redirects.0.retain(|(_, at, dst)| *at != iface || !over.contains(dst));
        }
    }

    /// Forgets the oldest ones.
    fn forget_redirects(&mut self, count: usize) {
        for (_, iface, dst) in self.redirects.0.drain(..count) {
            // A route that somebody made since then is theirs.
            let theirs = |route: &Route| {
                (route.iface, route.dst, route.metric) == (iface, dst, 0)
                    && route.origin != Origin::Redirect
            };
            if !self.routes.lookup(dst.addr()).is_some_and(theirs) {
                self.routes.remove(iface, dst, 0);
            }
        }
    }
}
