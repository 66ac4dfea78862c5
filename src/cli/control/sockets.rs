//! The sockets of a host, page by page.

use crate::base::Instant;
use crate::socket::tcp::{ListenerSlot, Slot};
use crate::stack::Stack;
use crate::tcp::{State, TcpInfo, Timer};
use crate::udp;
use serde_json::{Value, json};
use std::net::SocketAddr;

/// Sockets in one page, about.
const PAGE: usize = 256;

/// Where a page starts.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// UDP sockets, without the first so many.
    Udp(usize),
    /// Listeners, and what is half open there.
    Listeners,
    /// Connections from a place on.
    Connections(usize),
}

impl Place {
    pub(super) const START: Place = Place::Udp(0);
}

/// One page, and where the next one starts.
pub(super) fn page(stack: &Stack, now: Instant, from: Place) -> (Vec<Seen>, Option<Place>) {
    match from {
        Place::Udp(skipped) => {
            let sockets = stack.udp().iter().skip(skipped).take(PAGE);
            let page: Vec<_> = sockets.map(|(id, socket)| Seen::udp(id.0, socket)).collect();
            let full = page.len() == PAGE;
            let next = if full { Place::Udp(skipped + PAGE) } else { Place::Listeners };
            (page, Some(next))
        }
        Place::Listeners => {
            let page = stack.tcp().listeners().flat_map(Seen::listener).collect();
            (page, Some(Place::Connections(0)))
        }
        Place::Connections(from) => {
            let (slots, next) = stack.tcp().page(from, PAGE);
            let live = slots.into_iter().filter(|slot| slot.conn.state() != State::Closed);
            (live.map(|slot| Seen::connection(slot, now)).collect(), next.map(Place::Connections))
        }
    }
}

/// A socket as it was seen.
#[derive(Debug)]
pub(super) struct Seen {
    netid: &'static str,
    state: &'static str,
    queues: (u64, u64),
    buffers: (u64, u64),
    local: SocketAddr,
    peer: Option<SocketAddr>,
    /// Its number.
    id: u64,
    /// Its name in `ss`, the milliseconds left, and how often it expired before.
    timer: Option<(&'static str, u64, u64)>,
    /// Whether the peer has closed, and whether the user has.
    shut: (bool, bool),
    congestion: Option<String>,
    info: Option<TcpInfo>,
}

impl Seen {
    fn udp(id: u64, socket: &udp::Socket) -> Seen {
        let (received, unsent) = socket.queued_bytes();
        Seen {
            netid: "udp",
            state: if socket.peer().is_some() { "ESTAB" } else { "UNCONN" },
            queues: (received as u64, unsent as u64),
            buffers: (socket.receive_buffer as u64, socket.send_buffer as u64),
            local: socket.local(),
            peer: socket.peer(),
            id,
            timer: None,
            shut: (false, false),
            congestion: None,
            info: None,
        }
    }

    /// A listener, and the connections that are half open there.
    fn listener(slot: &ListenerSlot) -> Vec<Seen> {
        let config = slot.listener.config();
        let buffers = (u64::from(config.recv_buffer), u64::from(config.send_buffer));
        let bare = |state, local, peer| Seen {
            netid: "tcp",
            state,
            queues: (0, 0),
            buffers,
            local,
            peer,
            id: slot.id.0,
            timer: None,
            shut: (false, false),
            congestion: None,
            info: None,
        };
        let listener = Seen {
            queues: (slot.accept_queue.len() as u64, slot.backlog as u64),
            congestion: Some(config.congestion.name().to_owned()),
            ..bare("LISTEN", slot.local, None)
        };
        let embryos = slot.listener.embryos();
        let embryos = embryos.map(|(site, _)| bare("SYN-RECV", site.local, Some(site.remote)));
        std::iter::once(listener).chain(embryos).collect()
    }

    fn connection(slot: &Slot, now: Instant) -> Seen {
        let conn = &slot.conn;
        let (received, unacknowledged) = conn.queues();
        let info = conn.info(now);
        let timer = timer(slot, now, &info);
        let (recv, send) = conn.buffers();
        Seen {
            netid: "tcp",
            state: conn.state().ss_name(),
            queues: (u64::from(received), u64::from(unacknowledged)),
            buffers: (u64::from(recv), u64::from(send)),
            local: slot.pair.local,
            peer: Some(slot.pair.remote),
            id: slot.id.0,
            timer,
            shut: conn.shut(),
            congestion: Some(conn.congestion().to_owned()),
            info: Some(info),
        }
    }

    /// The number of the interface that its link-local addresses belong to, counted from 1.
    pub(super) fn zone(&self) -> Option<u32> {
        let of = |addr: SocketAddr| match addr {
            SocketAddr::V6(addr) if addr.scope_id() > 0 => Some(addr.scope_id()),
            _ => None,
        };
        of(self.local).or(self.peer.and_then(of))
    }

    pub(super) fn into_json(self) -> Value {
        let (recv_q, send_q) = self.queues;
        let (rb, tb) = self.buffers;
        let listens = self.state == "LISTEN";
        let (held, queued) = if listens { (0, 0) } else { (recv_q, send_q) };
        let mut shown = json!({
            "netid": self.netid,
            "state": self.state,
            "recv_q": recv_q,
            "send_q": send_q,
            "local": self.local,
            "peer": self.peer,
            "sk": self.id,
            "shut": { "recv": self.shut.0, "send": self.shut.1 },
            "skmem": {
                "r": held, "rb": rb, "t": 0, "tb": tb, "f": 0, "w": queued, "o": 0, "bl": 0, "d": 0,
            },
        });
        if let Some((name, ms, retrans)) = self.timer {
            shown["timer"] = json!({ "name": name, "ms": ms, "retrans": retrans });
        }
        if let Some(congestion) = self.congestion {
            shown["cong_alg"] = json!(congestion);
        }
        if let Some(info) = self.info {
            let values = TcpInfo::FIELDS.iter().zip(info.values());
            shown["info"] = values.map(|(name, n)| (*name, json!(n))).collect();
        }
        shown
    }
}

/// The timer that `ss` would show: one that waits for an answer before one that waits for silence.
fn timer(slot: &Slot, now: Instant, info: &TcpInfo) -> Option<(&'static str, u64, u64)> {
    let running = [
        (Timer::Rtx, "on", info.retransmits),
        (Timer::Persist, "persist", info.probes),
        (Timer::TimeWait, "timewait", 0),
        (Timer::Keepalive, "keepalive", info.probes),
    ];
    running.into_iter().find_map(|(timer, name, retrans)| {
        let left = slot.conn.timer(timer)?.since(now);
        Some((name, u64::try_from(left.as_millis()).unwrap_or(u64::MAX), retrans))
    })
}
