//! Packets that an application has made itself, as through one of Linux's raw sockets with
//! IP_HDRINCL: who they are from is what they say.

use super::Stack;
use super::event::{Event, PacketView, Sent};
use super::input::Input;
use crate::base::{Chunks, EventId, Frame, Instant, SocketError};
use crate::wire::ip::Header;

impl Stack {
    /// Sends an IP packet as it is, checksums and source address included, towards its
    /// destination. Nothing is remembered of it: what is answered finds nobody here who asked.
    ///
    /// # Errors
    /// `InvalidInput` for what is no whole IP packet with a good header, `NetworkUnreachable`
    /// without a route, `MessageTooLong` for more than the first link takes.
    pub fn send_raw(&mut self, now: Instant, packet: &[u8]) -> Result<(), SocketError> {
        self.keep(now, || Input::SendRaw { bytes: packet.to_vec() });
        let header = Header::parse(packet, packet.len()).map_err(|_| SocketError::InvalidInput)?;
        if header.total_len != packet.len() {
            return Err(SocketError::InvalidInput);
        }
        let dst = header.dst;
        let (iface, _) = self.route_to(dst).ok_or(SocketError::NetworkUnreachable)?;
        if packet.len() > usize::from(self.ifaces[usize::from(iface.0)].mtu(dst)) {
            return Err(SocketError::MessageTooLong);
        }
        self.snmp.of(dst).out_requests += 1;
        let origin = self.note(now, None, EventId::NONE, || Event::Out {
            packet: PacketView::of(header, packet),
            why: Sent::Raw,
        });
        let body = Chunks::from(self.pool.copy(packet));
        self.push(now, iface, Frame { body, origin, ..Frame::default() });
        Ok(())
    }
}
