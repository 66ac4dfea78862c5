//! A router of IPv6 tells its links about itself (RFC 4861 §6.2), so that hosts find it and make
//! addresses of the prefixes. When, [`crate::link::Advertiser`] knows.

use super::event::Sent;
use super::ingress::Via;
use super::{Ethernet, Stack};
use crate::base::{Chunks, Duration, EventId, IfaceId, Instant, Mac, Why};
use crate::link::{Advertise, Advertised};
use crate::wire::ipv4::DEFAULT_TTL;
use crate::wire::nd::{self, Nd, Prefix, RouterAdvert};

/// Prefixes that one advertisement tells of, so that it fits every link.
const PREFIXES_MAX: usize = 32;

impl Stack {
    /// A host asks for routers (RFC 4861 §6.2.6).
    pub(super) fn on_router_solicit(
        &mut self,
        via: &Via,
        mac: Option<Mac>,
        cause: EventId,
    ) -> Result<(), Why> {
        let (src, near) = (via.src(), self.is_near(via.iface, via.src()));
        let asked = self.with_port(via.now, via.iface, cause, |port, cx| {
            let advertiser = port.advertiser.as_mut().ok_or(Why::NdNoRouter)?;
            advertiser.on_solicit(cx);
            if let Some(mac) = mac.filter(|mac| mac.is_unicast() && near) {
                port.learn(src, mac, cx);
            }
            Ok(())
        });
        asked.unwrap_or(Err(Why::NdNoRouter))
    }

    /// Tells a link about its router, if that is due.
    pub(super) fn run_advertiser(&mut self, now: Instant, iface: IfaceId) {
        let place = &self.ifaces[usize::from(iface.0)];
        if place.port.as_ref().is_none_or(|port| port.advertiser.is_none()) {
            return;
        }
        let own = place.link_local();
        let due = self.with_port(now, iface, EventId::NONE, |port, cx| {
            let advertiser = port.advertiser.as_mut()?;
            Some((advertiser.output(own.is_some(), cx)?, advertiser.tells.clone()))
        });
        let (Some(Some((cause, tells))), Some(own)) = (due, own) else { return };
        let mtu = tells.mtu;
        let lifetime = if self.forwarding { tells.router_lifetime } else { Duration::ZERO };
        let advert = Nd::RouterAdvert(RouterAdvert {
            hop_limit: DEFAULT_TTL,
            lifetime: lifetime.as_secs().min(u16::MAX.into()) as u16,
            mac: self.mac(iface),
            mtu,
            ..RouterAdvert::default()
        });
        let options = Chunks::from(self.pool.copy(&options(&tells)));
        let ends = (own, nd::ALL_NODES);
        let why = Sent::RouterAdvert;
        self.send_nd_with(now, iface, ends, None, (advert, options), why, cause);
    }

    /// What an interface tells hosts of its link, if it does.
    pub fn advertises(&self, iface: IfaceId) -> Option<&Advertise> {
        let port = self.ifaces.get(usize::from(iface.0))?.port.as_ref()?;
        let Ethernet { advertise, .. } = &port.setup;
        advertise.as_deref()
    }
}

/// The options that tell of the link's MTU and prefixes.
fn options(tells: &Advertise) -> Vec<u8> {
    let mut out = Vec::new();
    if let Some(mtu) = tells.mtu {
        out.extend(nd::mtu_option(mtu));
    }
    for told in tells.prefixes.iter().take(PREFIXES_MAX) {
        let Advertised { prefix: addr, len, on_link, autonomous, valid, preferred } = *told;
        let valid = seconds(valid);
        let preferred = seconds(preferred).min(valid); // a MUST (§6.2.1)
        let prefix = Prefix { addr, len, on_link, autonomous, valid, preferred };
        out.extend(nd::prefix_option(&prefix));
    }
    out
}

/// A lifetime in seconds; all ones: for ever (RFC 4861 §4.6.2).
fn seconds(time: Option<Duration>) -> u32 {
    let finite = |time: Duration| time.as_secs().min(u64::from(u32::MAX - 1)) as u32;
    time.map_or(u32::MAX, finite)
}
