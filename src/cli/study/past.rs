//! A run as it was at a moment: its hosts answer as running ones do.

use crate::base::{Instant, Medium};
use crate::cli::Failure;
use crate::net::{Clock, Host};
use crate::observe::log::Kind;
use crate::observe::relive::Living;
use crate::sim::Net;
use crate::stack::{IfaceSetup, LinkSetup, Setup, Stack};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A clock that stands where it was put.
#[derive(Debug, Default)]
struct Stopped(AtomicU64);

impl Clock for Stopped {
    fn now(&self) -> Instant {
        Instant::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

/// A host that lives a recording.
#[derive(Debug)]
pub(in crate::cli) struct Timed {
    host: Host,
    clock: Arc<Stopped>,
    medium: Medium,
}

impl Timed {
    pub(in crate::cli) fn new(setup: Setup) -> Timed {
        let clock = Arc::new(Stopped::default());
        let is_ethernet = |iface: &IfaceSetup| matches!(iface.link, LinkSetup::Ethernet(_));
        let ethernet = setup.ifaces.first().is_some_and(is_ethernet);
        let medium = if ethernet { Medium::Ethernet } else { Medium::Ip };
        Timed { host: Host::with_clock(setup, Arc::clone(&clock) as _), clock, medium }
    }

    /// What the frames of its first interface start with.
    pub(in crate::cli) fn medium(&self) -> Medium {
        self.medium
    }
}

impl Living for Timed {
    fn live<T>(&mut self, now: Instant, act: impl FnOnce(&mut Stack) -> T) -> T {
        self.clock.0.store(now.as_nanos(), Ordering::Relaxed);
        self.host.with(|stack, _| act(stack))
    }
}

/// What there was at a moment: a whole network, or a host.
pub(in crate::cli) enum Moment {
    /// Of a lab.
    Net(Box<Net>),
    /// Of a recording.
    Host(Timed),
}

impl Moment {
    /// The hosts with their names, or only the one of that name.
    ///
    /// # Errors
    /// When there is none of that name.
    pub(in crate::cli) fn hosts(
        &self,
        wanted: Option<&str>,
    ) -> Result<Vec<(String, Host)>, Failure> {
        let all: Vec<(String, Host)> = match self {
            Moment::Host(timed) => vec![("host".to_owned(), timed.host.clone())],
            Moment::Net(net) => {
                let is_host = |kind| matches!(kind, Kind::Host | Kind::Router);
                let hosts = net.nodes().filter(|(.., kind)| is_host(*kind));
                hosts.map(|(id, name, _)| (name.to_owned(), net.handle(id).clone())).collect()
            }
        };
        let Some(wanted) = wanted else { return Ok(all) };
        let names: Vec<_> = all.iter().map(|(name, _)| name.clone()).collect();
        let found: Vec<_> = all.into_iter().filter(|(name, _)| name == wanted).collect();
        if found.is_empty() {
            let names = names.join(", ");
            return Err(Failure::usage(format_args!(
                "there is no host \"{wanted}\" among {names}"
            )));
        }
        Ok(found)
    }
}
