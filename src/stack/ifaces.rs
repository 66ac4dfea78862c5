//! The interfaces of a host as one: which has something to do, and whose an address is, without a
//! look at each of them. A router has many.

use super::iface::Iface;
use crate::base::deadlines::Deadlines;
use crate::base::{IfaceId, Instant};
use std::net::IpAddr;
use std::ops::{Deref, Index, IndexMut};
use std::sync::OnceLock;

/// What an address is to a host.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Roles {
    /// Its own, to be used.
    pub(super) usable: bool,
    /// Its own, if only in a while.
    pub(super) own: bool,
    /// It reaches every host of one of its networks.
    pub(super) broadcast: bool,
}

impl Roles {
    fn and(self, other: Roles) -> Roles {
        let Roles { usable, own, broadcast } = self;
        let (usable, own) = (usable || other.usable, own || other.own);
        Roles { usable, own, broadcast: broadcast || other.broadcast }
    }
}

/// An address as a number: those of IPv4 as they are mapped into IPv6 (RFC 4291 §2.5.5.2), where no
/// host has any.
fn number(addr: IpAddr) -> u128 {
    match addr {
        IpAddr::V4(addr) => addr.to_ipv6_mapped().to_bits(),
        IpAddr::V6(addr) => addr.to_bits(),
    }
}

/// The interfaces. Whoever takes one to change it has its deadline looked at again.
#[derive(Debug, Default)]
pub(super) struct Ifaces {
    all: Vec<Iface>,
    deadlines: Deadlines,
    /// Those whose deadlines may have changed.
    touched: Vec<u16>,
    is_touched: Vec<bool>,
    /// All addresses, in order; made when somebody asks.
    roles: OnceLock<Box<[(u128, Roles)]>>,
}

impl Ifaces {
    pub(super) fn new(all: Vec<Iface>) -> Ifaces {
        let is_touched = vec![false; all.len()];
        Ifaces { all, is_touched, ..Ifaces::default() }
    }

    pub(super) fn get_mut(&mut self, at: usize) -> Option<&mut Iface> {
        (at < self.all.len()).then(|| &mut self[at])
    }

    /// Gives memory back.
    pub(super) fn shrink(&mut self) {
        let ports = self.all.iter_mut().filter_map(|iface| iface.port.as_mut());
        ports.for_each(|port| port.shrink());
    }

    fn touch(&mut self, at: usize) {
        if !std::mem::replace(&mut self.is_touched[at], true) {
            self.touched.push(at as u16);
        }
    }

    // ---- time

    /// Whether one of them has something to do at `now`.
    pub(super) fn are_due(&mut self, now: Instant) -> bool {
        self.deadline(now).is_some_and(|at| at <= now)
    }

    /// Those with something to do at `now`, in order. They are looked at again afterwards.
    pub(super) fn due(&mut self, now: Instant) -> Vec<IfaceId> {
        let mut due = Vec::new();
        if !self.are_due(now) {
            return due;
        }
        while let Some(at) = self.deadlines.pop_due(now) {
            self.touch(at);
            due.push(IfaceId(at as u16));
        }
        due.sort_unstable();
        due
    }

    /// When one of them has something to do.
    pub(super) fn deadline(&mut self, now: Instant) -> Option<Instant> {
        while let Some(at) = self.touched.pop().map(usize::from) {
            self.is_touched[at] = false;
            self.deadlines.set(at, self.all[at].deadline(now));
        }
        self.deadlines.next()
    }

    // ---- whose an address is

    /// The addresses of one of them have changed.
    pub(super) fn readdressed(&mut self) {
        self.roles.take();
    }

    /// What `addr` is to all of them together.
    pub(super) fn roles(&self, addr: IpAddr) -> Roles {
        let all = self.roles.get_or_init(|| {
            let roles = self.all.iter().flat_map(Iface::roles);
            let mut all: Vec<_> = roles.map(|(addr, roles)| (number(addr), roles)).collect();
            all.sort_by_key(|(number, _)| *number);
            all.dedup_by(|(next, more), (number, roles)| {
                let same = next == number;
                if same {
                    *roles = roles.and(*more);
                }
                same
            });
            all.into()
        });
        let number = number(addr);
        let found = all.binary_search_by_key(&number, |(number, _)| *number);
        found.map_or_else(|_| Roles::default(), |at| all[at].1)
    }
}

impl Deref for Ifaces {
    type Target = [Iface];
    fn deref(&self) -> &[Iface] {
        &self.all
    }
}

impl Index<usize> for Ifaces {
    type Output = Iface;
    fn index(&self, at: usize) -> &Iface {
        &self.all[at]
    }
}

impl IndexMut<usize> for Ifaces {
    fn index_mut(&mut self, at: usize) -> &mut Iface {
        self.touch(at);
        &mut self.all[at]
    }
}
