//! The door of a TCP service: it accepts connections, lets in those that the policy allows, and has
//! a task for each.

#[cfg(feature = "dns")]
use super::dns::{self, OwnNames};
use super::idle::{Waits, limit_of};
use super::policy::{Admission, Permit, Policy};
use super::refuse::Answer;
use super::services::Service;
use super::serving::Options;
#[cfg(feature = "http")]
use super::sight::Ladder;
use super::simple;
use crate::base::Limit;
use crate::net::Host;
use crate::net::rt;
use crate::net::tokio::{TcpListener, TcpStream};
use crate::stack::ListenOptions;
use std::io;
use std::sync::Arc;
use tokio::sync::watch::Receiver;
use tokio::task::JoinSet;

/// Refused clients that are told why, at a time; more of them are reset.
const REFUSALS: usize = 64;

/// What the connections of a service have in common.
pub(super) struct Door {
    service: Service,
    policy: Policy,
    admission: Admission,
    stop: Receiver<bool>,
    #[cfg(feature = "http")]
    site: super::http::Site,
    #[cfg(feature = "http")]
    ladder: Option<Ladder>,
    #[cfg(feature = "dns")]
    names: Arc<OwnNames>,
}

impl Door {
    /// For a service of `host`.
    ///
    /// # Errors
    /// `InvalidInput` for names that cannot be read.
    #[cfg_attr(
        not(any(feature = "http", feature = "dns")),
        allow(unused_variables, reason = "the small services need no host")
    )]
    pub(super) fn new(
        host: &Host,
        service: Service,
        options: &Options,
        stop: Receiver<bool>,
    ) -> io::Result<Door> {
        let policy = options.policies.of(service);
        #[cfg(feature = "dns")]
        let names = OwnNames::new(host, &options.zone)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        Ok(Door {
            service,
            admission: Admission::new(&policy),
            #[cfg(feature = "http")]
            site: super::http::Site::new()
                .counting(Arc::new(host.clone()))
                .under(policy.clone())
                .stopping(stop.clone()),
            #[cfg(feature = "http")]
            ladder: options.ladder.clone(),
            #[cfg(feature = "dns")]
            names: Arc::new(names),
            policy,
            stop,
        })
    }

    /// The names that are answered for.
    #[cfg(feature = "dns")]
    pub(super) fn names(&self) -> &Arc<OwnNames> {
        &self.names
    }

    /// How many may wait to be accepted, and what becomes of the others.
    pub(super) fn listening(&self) -> ListenOptions {
        let Policy { backlog, syn_cookies, .. } = self.policy;
        ListenOptions { backlog, syn_cookies, ..ListenOptions::default() }
    }

    /// Serves connections until the host's driver ends, or until the service is to stop and they
    /// have ended.
    pub(super) async fn open(self: Arc<Self>, listener: TcpListener) {
        let (mut connections, mut refusals) = (JoinSet::new(), JoinSet::new());
        let mut stop = self.stop.clone();
        loop {
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => break,
                Some(_) = connections.join_next() => {}
                Some(_) = refusals.join_next() => {}
                accepted = listener.accept() => {
                    let Ok((stream, peer)) = accepted else { break };
                    match self.admission.admit(peer.ip()) {
                        Ok(permit) => self.serve(&mut connections, stream, permit),
                        Err(limit) => self.refuse(&mut refusals, stream, limit),
                    }
                }
            }
        }
        drop(listener);
        while connections.join_next().await.is_some() {}
        while refusals.join_next().await.is_some() {}
    }

    fn serve(&self, connections: &mut JoinSet<()>, stream: TcpStream, permit: Permit) {
        #[cfg(feature = "http")]
        if self.service == Service::Http {
            connections.spawn(browse(self.site.clone(), stream, self.ladder.clone(), permit));
            return;
        }
        let (waits, stop) = (Waits::of(&self.policy), self.stop.clone());
        #[cfg(feature = "dns")]
        if self.service == Service::Dns {
            let zones = self.names.now();
            let serve =
                async move |stream: &mut TcpStream| dns::server::serve(stream, &zones, waits).await;
            connections.spawn(converse(serve, stream, stop, permit));
            return;
        }
        let service = self.service;
        let serve = async move |stream: &mut TcpStream| {
            simple::serve(service, stream, waits, rt::date).await
        };
        connections.spawn(converse(serve, stream, stop, permit));
    }

    /// Where there are words for it, the client is told; a reset says it, too.
    fn refuse(&self, refusals: &mut JoinSet<()>, stream: TcpStream, limit: Limit) {
        let (host, id) = (stream.host().clone(), stream.id());
        if self.service == Service::Http && refusals.len() < REFUSALS {
            host.with(|stack, now| stack.limited(now, id, limit));
            let answer = Answer::unavailable(limit, self.policy.idle);
            refusals.spawn(async move { answer.give(stream).await });
        } else {
            host.with(|stack, now| stack.abort_for(now, id, limit));
        }
    }
}

/// A connection of a service that has no requests worth finishing: when the service stops, it is
/// closed behind what was written.
async fn converse(
    serve: impl AsyncFnOnce(&mut TcpStream) -> io::Result<()>,
    mut stream: TcpStream,
    mut stop: Receiver<bool>,
    permit: Permit,
) {
    let (host, id) = (stream.host().clone(), stream.id());
    let limit = tokio::select! {
        biased;
        _ = stop.wait_for(|stop| *stop) => Some(Limit::Stopping),
        // How a connection ends is the peer's affair, and in the host's records.
        served = serve(&mut stream) => {
            served.err().and_then(|error| limit_of(&error))
        }
    };
    host.with(|stack, now| match limit {
        // The peer takes nothing: it cannot be told behind what it does not take.
        Some(limit @ Limit::WriteTime { .. }) => stack.abort_for(now, id, limit),
        Some(limit) => stack.limited(now, id, limit),
        None => {}
    });
    drop(stream);
    drop(permit);
}

#[cfg(feature = "http")]
async fn browse(
    site: super::http::Site,
    stream: TcpStream,
    ladder: Option<Ladder>,
    permit: Permit,
) {
    let (host, id) = (stream.host().clone(), stream.id());
    let permit = Some(Arc::new(permit));
    let own = super::sight::HostConnection { host, id, ladder, permit };
    // How a connection ends is the peer's affair, and in the host's records.
    let _ = site.serve(stream, Some(Arc::new(own))).await;
}
