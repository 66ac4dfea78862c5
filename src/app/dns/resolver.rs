//! A stub resolver: asks servers that find out for it (RFC 1034 §5.3.1), and remembers.

use super::cache::Cache;
use super::hosts::Hosts;
use super::lookup::{Found, Lookup, LookupError, Next, Settings};
use super::message::Type;
use super::name::Name;
use super::network::{Network, exchange};
use crate::base::rng::Purpose;
use crate::base::{Chance, Instant};
use crate::net::rt;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A resolver over a network.
pub struct Resolver<N> {
    network: N,
    settings: Arc<Settings>,
    hosts: Hosts,
    cache: Mutex<Cache>,
    chance: Chance,
    lookups: AtomicU64,
    start: rt::Instant,
}

impl<N> std::fmt::Debug for Resolver<N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resolver").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl<N: Network> Resolver<N> {
    /// A resolver that asks as `settings` say, and nobody about the names in `hosts`. `secret`:
    /// bits that nobody else knows.
    pub fn new(network: N, settings: Settings, hosts: Hosts, secret: [u64; 2]) -> Resolver<N> {
        Resolver {
            network,
            settings: Arc::new(settings),
            hosts,
            cache: Mutex::default(),
            chance: Chance::from_key(secret),
            lookups: AtomicU64::new(0),
            start: rt::now(),
        }
    }

    /// The addresses of `name`: its IPv4 addresses for type A, its IPv6 addresses for AAAA.
    ///
    /// # Errors
    /// [`LookupError`]: nobody knows whether there are any.
    pub async fn lookup(&self, name: &Name, rtype: Type) -> Result<Found, LookupError> {
        if let Some(addrs) = self.hosts.get(name) {
            let mut addrs = addrs;
            addrs.retain(|addr| addr.is_ipv4() == (rtype == Type::A));
            return Ok(if addrs.is_empty() { Found::NoData } else { Found::Addresses(addrs) });
        }
        if let Some(found) = self.cache().get(self.now(), name, rtype) {
            return Ok(found);
        }
        let n = self.lookups.fetch_add(1, Ordering::Relaxed);
        let secret = [2, 3].map(|key| self.chance.draw(Purpose::Query, key, n));
        let mut lookup = Lookup::new(name.clone(), rtype, Arc::clone(&self.settings), secret);
        loop {
            let ask = match lookup.next() {
                Next::Ask(ask) => ask,
                Next::Done(outcome) => {
                    let outcome = outcome?;
                    self.cache().put(self.now(), name, rtype, &outcome);
                    return Ok(outcome.found);
                }
            };
            match exchange(&self.network, &ask, |bytes| lookup.heard(bytes)).await {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::TimedOut => lookup.unheard(None),
                Err(error) => lookup.unheard(Some(error.kind())),
            }
        }
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Instant {
        Instant::ZERO + self.start.elapsed()
    }
}

#[cfg(test)]
mod tests;
