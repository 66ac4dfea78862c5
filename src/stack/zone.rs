//! Zones (RFC 4007): a link-local address means nothing without its link. As on Linux the zone is
//! the number of the interface, counted from 1, in a socket address's scope; sockets keep every
//! address in that form, and without flow labels.

use super::Stack;
use crate::base::{IfaceId, SocketError};
use std::net::{IpAddr, SocketAddr, SocketAddrV6};

/// Whether `addr` is one of a link: of one host there, or of a group there (RFC 4291 §2.5.6, §2.7).
fn needs_zone(addr: IpAddr) -> bool {
    let IpAddr::V6(addr) = addr else { return false };
    let group = matches!(addr.segments()[0] & 0xff0f, 0xff01 | 0xff02);
    addr.is_unicast_link_local() || group
}

/// The address and port of somebody on an interface's link.
pub(super) fn zoned(addr: IpAddr, port: u16, iface: IfaceId) -> SocketAddr {
    match addr {
        IpAddr::V6(v6) if needs_zone(addr) => {
            SocketAddrV6::new(v6, port, 0, u32::from(iface.0) + 1).into()
        }
        _ => SocketAddr::new(addr, port),
    }
}

impl Stack {
    /// The interface whose link `addr` is of; `None` for an address that means the same everywhere.
    /// Without a zone there must be one interface only.
    ///
    /// # Errors
    /// `InvalidInput` when the zone is missing, or is none of this host.
    pub(super) fn zone(&self, addr: SocketAddr) -> Result<Option<IfaceId>, SocketError> {
        let SocketAddr::V6(v6) = addr else { return Ok(None) };
        if !needs_zone(addr.ip()) {
            return Ok(None);
        }
        let given = v6.scope_id().checked_sub(1);
        let number = given.or(Some(0).filter(|_| self.ifaces.len() == 1));
        let known = number.filter(|number| (*number as usize) < self.ifaces.len());
        known.map(|number| Some(IfaceId(number as u16))).ok_or(SocketError::InvalidInput)
    }

    /// `addr` as sockets keep it.
    ///
    /// # Errors
    /// As [`Stack::zone`].
    pub(super) fn canonical(&self, addr: SocketAddr) -> Result<SocketAddr, SocketError> {
        let iface = self.zone(addr)?;
        Ok(zoned(addr.ip(), addr.port(), iface.unwrap_or(IfaceId(0))))
    }

    /// The interface towards `remote` and our address there.
    ///
    /// # Errors
    /// `NetworkUnreachable`; as [`Stack::zone`].
    pub(super) fn route_for(&self, remote: SocketAddr) -> Result<(IfaceId, IpAddr), SocketError> {
        let addr = remote.ip();
        let route = match self.zone(remote)? {
            Some(iface) => {
                let own = self.ifaces[usize::from(iface.0)].source(addr, addr);
                own.map(|own| (iface, own))
            }
            None => self.route_to(addr),
        };
        route.ok_or(SocketError::NetworkUnreachable)
    }
}
