//! What services may tell about the stack beneath them: one connection, one host.
//!
//! Services see these two traits only, so that they also run on streams without a stack.

use super::policy::{Permit, Share};
use crate::base::limit::Hits;
use crate::base::why::Drops;
use crate::base::{ConnId, Limit};
use crate::net::Host;
use crate::socket::demux::Pair;
use crate::stack::Totals;
use crate::tcp::{State, TcpInfo};
use std::fmt;
use std::sync::Arc;

/// A connection, as its stack sees it at one moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sight {
    /// The host's own address and port, and the caller's.
    pub pair: Pair,
    /// The state (RFC 9293 §3.3.2).
    pub state: State,
    /// The numbers.
    pub info: TcpInfo,
    /// The congestion control algorithm's name.
    pub congestion: &'static str,
}

/// Something that knows a connection.
pub trait Introspect: Send + Sync {
    /// The connection at this moment; `None` when the stack has forgotten it.
    fn look(&self) -> Option<Sight>;

    /// The client's share of what the service allows; `None`: nobody counts.
    fn share(&self) -> Option<Share> {
        None
    }

    /// The connection has hit a limit and is about to be closed.
    fn limited(&self, _: Limit) {}

    /// The connection has hit a limit and is cut off at once.
    fn cut_off(&self, _: Limit) {}

    /// The segments exchanged so far as a ladder diagram; `None`: nobody draws one.
    fn ladder(&self) -> Option<String> {
        None
    }
}

/// A host at one moment.
#[derive(Clone, Debug, Default)]
pub struct HostSight {
    /// Frames and bytes.
    pub totals: Totals,
    /// What was dropped, and why.
    pub drops: Drops,
    /// How often which limit of a service was hit.
    pub hits: Hits,
    /// TCP connections that exist, in any state.
    pub connections: usize,
    /// UDP sockets that exist.
    pub udp_sockets: usize,
}

/// Something that knows a host.
pub trait Counters: Send + Sync {
    /// The host at this moment.
    fn count(&self) -> HostSight;
}

impl Counters for Host {
    fn count(&self) -> HostSight {
        self.with(|stack, _| HostSight {
            totals: stack.totals(),
            drops: stack.drops().clone(),
            hits: stack.hits().clone(),
            connections: stack.tcp().len(),
            udp_sockets: stack.udp().len(),
        })
    }
}

/// Draws the ladder of a connection.
pub type Ladder = Arc<dyn Fn(ConnId) -> Option<String> + Send + Sync>;

/// A connection of a [`Host`].
#[derive(Clone)]
pub struct HostConnection {
    /// The host.
    pub host: Host,
    /// The connection's number.
    pub id: ConnId,
    /// Who draws its ladder, if anybody.
    pub ladder: Option<Ladder>,
    /// Its place among the service's connections, if those are counted.
    pub permit: Option<Arc<Permit>>,
}

impl fmt::Debug for HostConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HostConnection").field(&self.id).finish()
    }
}

impl Introspect for HostConnection {
    fn look(&self) -> Option<Sight> {
        self.host.with(|stack, now| {
            let conn = stack.conn(self.id).ok()?;
            let (state, info, congestion) = (conn.state(), conn.info(now), conn.congestion());
            Some(Sight { pair: stack.pair(self.id).ok()?, state, info, congestion })
        })
    }

    fn share(&self) -> Option<Share> {
        Some(self.permit.as_ref()?.share())
    }

    fn limited(&self, limit: Limit) {
        self.host.with(|stack, now| stack.limited(now, self.id, limit));
    }

    fn cut_off(&self, limit: Limit) {
        self.host.with(|stack, now| stack.abort_for(now, self.id, limit));
    }

    fn ladder(&self) -> Option<String> {
        self.ladder.as_ref()?(self.id)
    }
}
