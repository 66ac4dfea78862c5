//! Frames at ports: what wire taps see, and how checks ask for it.

use super::super::Mistake;
use super::super::tree::{Item, suggest};
use super::Known;
use crate::base::{Frame, Instant, Medium};
use crate::impair::Filter;
use crate::sim::{Net, NodeId, Port, Seen, Way};
use crate::wire::{ethernet, ip, tcp};
use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Frames that are kept at most.
const KEPT: usize = 1_000_000;

/// A frame that a tap has seen.
#[derive(Clone, Debug)]
pub(crate) struct Sighting {
    pub(crate) at: Instant,
    /// The node, in the lab's order, and its port.
    pub(crate) node: usize,
    pub(crate) port: u16,
    pub(crate) way: Way,
    pub(crate) medium: Medium,
    pub(crate) frame: Frame,
}

/// All frames of a run, at every port.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace(pub(crate) Vec<Sighting>);

/// What fills a trace while a network runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watch(Arc<Mutex<Vec<Sighting>>>);

impl Watch {
    /// Watches some ports of a network whose nodes are `ids`.
    pub(crate) fn on(net: &mut Net, ids: &[NodeId], ports: &BTreeSet<(usize, u16)>) -> Watch {
        let watch = Watch::default();
        for &(node, port) in ports {
            let kept = Arc::clone(&watch.0);
            let tap = move |seen: &Seen<'_>| {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                if kept.len() < KEPT {
                    let Seen { at, way, medium, .. } = *seen;
                    let frame = seen.frame.clone();
                    kept.push(Sighting { at, node, port, way, medium, frame });
                }
            };
            net.tap(Some(Port(ids[node], port)), Box::new(tap));
        }
        watch
    }

    pub(crate) fn end(self) -> Trace {
        Trace(std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// `b:eth0 in echo-request #1`: frames at a port that go one way, and that a filter means.
#[derive(Clone, Debug)]
pub(crate) struct FrameQuery {
    text: String,
    node: usize,
    port: u16,
    way: Way,
    filter: Filter,
    /// From 1; `None`: all.
    pub(super) nth: Option<usize>,
}

impl fmt::Display for FrameQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FrameQuery {
    pub(super) fn read(item: &Item, known: &Known<'_>) -> Result<FrameQuery, Mistake> {
        let text = item.word().unwrap_or_default();
        let wrong = |what: String| item.wrong(format!("\"{text}\": {what}"));
        let (body, nth) = match text.split_once('#') {
            Some((body, nth)) => {
                let nth = nth.trim().parse().ok().filter(|nth| *nth > 0);
                (body, Some(nth.ok_or_else(|| wrong("expected #1, #2 and so on".to_owned()))?))
            }
            None => (text.as_str(), None),
        };
        let mut words = body.splitn(3, ' ');
        let place = words.next().unwrap_or_default();
        let (name, port) = place.split_once(':').unwrap_or((place, ""));
        let Some(node) = known.nodes.iter().position(|node| node.name == name) else {
            let names = known.nodes.iter().map(|node| &node.name);
            return Err(wrong(suggest(&format!("there is no node \"{name}\""), name, names)));
        };
        let ports = known.plan.ifaces[node].len();
        let number = match port {
            "" if ports == 1 => Some(0),
            _ => port.strip_prefix("eth").unwrap_or(port).parse().ok(),
        };
        let Some(port) = number.filter(|port| usize::from(*port) < ports) else {
            return Err(wrong(format!(
                "{name} has {ports} ports: expected {name}:0 to {name}:{}",
                ports.saturating_sub(1)
            )));
        };
        let way = match words.next() {
            Some("in") => Way::In,
            Some("out") => Way::Out,
            _ => return Err(wrong("expected PORT in FILTER, or PORT out FILTER".to_owned())),
        };
        let rest = known.resolved(words.next().unwrap_or("any").trim());
        let filter = rest.parse().map_err(|error| wrong(format!("{error}")))?;
        Ok(FrameQuery { text, node, port, way, filter, nth })
    }

    /// The node, in the lab's order, and its port.
    pub(super) fn port(&self) -> (usize, u16) {
        (self.node, self.port)
    }

    /// What it means, oldest first: all, or the one of its number.
    pub(super) fn find<'t>(&self, trace: &'t Trace) -> Vec<&'t Sighting> {
        let is_meant = |seen: &&Sighting| {
            (seen.node, seen.port, seen.way) == (self.node, self.port, self.way)
                && self.filter.matches(&seen.frame, seen.medium)
        };
        let mut all = trace.0.iter().filter(is_meant);
        match self.nth {
            None => all.collect(),
            Some(nth) => all.nth(nth - 1).into_iter().collect(),
        }
    }
}

/// A field of a packet's headers.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Header {
    /// Ethernet's addresses.
    MacSource,
    MacDestination,
    /// IP's.
    Source,
    Destination,
    Ttl,
    Checksum,
    Id,
    Tos,
    /// Ports of TCP.
    Ports,
    /// All behind the IP header.
    Payload,
}

impl Header {
    pub(super) const ALL: [Header; 10] = [
        Header::MacSource,
        Header::MacDestination,
        Header::Source,
        Header::Destination,
        Header::Ttl,
        Header::Checksum,
        Header::Id,
        Header::Tos,
        Header::Ports,
        Header::Payload,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Header::MacSource => "mac-source",
            Header::MacDestination => "mac-destination",
            Header::Source => "source",
            Header::Destination => "destination",
            Header::Ttl => "ttl",
            Header::Checksum => "checksum",
            Header::Id => "id",
            Header::Tos => "tos",
            Header::Ports => "ports",
            Header::Payload => "payload",
        }
    }

    pub(super) fn named(word: &str) -> Option<Header> {
        Header::ALL.into_iter().find(|header| header.name() == word)
    }
}

/// The headers of a packet of IP as far as checks compare them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Headers {
    macs: Option<(crate::base::Mac, crate::base::Mac)>,
    addrs: (IpAddr, IpAddr),
    pub(super) ttl: u8,
    checksum: Option<u16>,
    id: u32,
    tos: u8,
    ports: Option<(u16, u16)>,
    payload: Vec<u8>,
}

impl Headers {
    /// Of a frame; `None` when it carries no IP.
    pub(super) fn of(seen: &Sighting) -> Option<Headers> {
        let bytes: Vec<u8> = seen.frame.slices().flatten().copied().collect();
        let (macs, packet) = match seen.medium {
            Medium::Ip => (None, &bytes[..]),
            Medium::Ethernet => {
                let header = ethernet::Header::parse(&bytes).ok()?;
                (Some((header.src, header.dst)), bytes.get(header.encoded_len()..)?)
            }
        };
        let header = ip::Header::parse(packet, packet.len()).ok()?;
        let v4 = header.dst.is_ipv4();
        let (ttl_at, tos) = if v4 { (8, packet[1]) } else { (7, packet[0] << 4 | packet[1] >> 4) };
        let payload = packet.get(header.header_len..header.total_len)?;
        let is_tcp = header.proto == crate::wire::ipv4::protocol::TCP;
        let tcp = is_tcp.then(|| tcp::Header::parse(payload).ok()).flatten();
        Some(Headers {
            macs,
            addrs: (header.src, header.dst),
            ttl: packet[ttl_at],
            checksum: v4.then(|| u16::from_be_bytes([packet[10], packet[11]])),
            id: header.id,
            tos,
            ports: tcp.map(|(header, _)| (header.src, header.dst)),
            payload: payload.to_vec(),
        })
    }

    /// The fields in which two sightings differ.
    pub(super) fn changes(&self, then: &Headers) -> Vec<Header> {
        let differs = |header: &Header| match header {
            Header::MacSource => self.macs.map(|macs| macs.0) != then.macs.map(|macs| macs.0),
            Header::MacDestination => self.macs.map(|macs| macs.1) != then.macs.map(|macs| macs.1),
            Header::Source => self.addrs.0 != then.addrs.0,
            Header::Destination => self.addrs.1 != then.addrs.1,
            Header::Ttl => self.ttl != then.ttl,
            Header::Checksum => self.checksum != then.checksum,
            Header::Id => self.id != then.id,
            Header::Tos => self.tos != then.tos,
            Header::Ports => self.ports != then.ports,
            Header::Payload => self.payload != then.payload,
        };
        Header::ALL.into_iter().filter(differs).collect()
    }
}
