//! Row 4: where frames leave the program and enter it.
//!
//! A [`Device`] never waits. A driver asks it until it has nothing more, and then waits: on the
//! device's descriptor if it has one, or for the call that [`memory`] makes when something changed.

use crate::base::{Frame, Medium, Pool};
use crate::wire::ethernet;
use std::io;

#[cfg(all(target_os = "linux", feature = "tun"))]
mod gro;
pub mod memory;
#[cfg(all(target_os = "linux", feature = "tun"))]
pub mod offload;
#[cfg(all(target_os = "linux", feature = "packet"))]
pub mod packet;
#[cfg(all(target_os = "linux", feature = "tun"))]
pub mod tun;
#[cfg(all(target_os = "linux", feature = "tun"))]
mod vnet;

pub use crate::wire::split;

/// What a device takes and gives besides plain packets.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Capabilities {
    /// Super-segments (`offload.gso`) longer than the MTU.
    pub gso: bool,
    /// Transport checksums that are left to it (`Checksum::Partial`).
    pub checksum: bool,
}

/// A network device that carries IP packets, bare or in Ethernet frames.
pub trait Device: Send {
    /// The longest packet in bytes, IP header included, link header not.
    fn mtu(&self) -> usize;

    /// What its frames start with.
    fn medium(&self) -> Medium {
        Medium::Ip
    }

    /// What it takes besides plain packets. What it does not take goes through [`split`] first.
    fn offload(&self) -> Capabilities {
        Capabilities::default()
    }

    /// The next packet that has arrived, in a block of `pool`; `None` when nothing waits.
    ///
    /// # Errors
    /// When the device is gone for good.
    fn receive(&mut self, pool: &Pool) -> io::Result<Option<Frame>>;

    /// Whether it has read frames that it has not given yet: its descriptor does not tell of those.
    fn holds(&self) -> bool {
        false
    }

    /// Sends a frame; `false` when there is no room and the caller shall try it again later. A
    /// frame that was taken may still be lost, as on any wire.
    ///
    /// # Errors
    /// When the device is gone for good, or the frame is one this device does not take
    /// (`InvalidInput`: too long, or wanting an offload it does not have).
    fn transmit(&mut self, frame: &Frame) -> io::Result<bool>;

    /// What to wait on: readable when a packet waits, writable when there is room.
    #[cfg(unix)]
    fn descriptor(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        None
    }
}

/// Any device, chosen while the program runs.
impl<D: Device + ?Sized> Device for Box<D> {
    fn mtu(&self) -> usize {
        (**self).mtu()
    }

    fn medium(&self) -> Medium {
        (**self).medium()
    }

    fn offload(&self) -> Capabilities {
        (**self).offload()
    }

    fn receive(&mut self, pool: &Pool) -> io::Result<Option<Frame>> {
        (**self).receive(pool)
    }

    fn holds(&self) -> bool {
        (**self).holds()
    }

    fn transmit(&mut self, frame: &Frame) -> io::Result<bool> {
        (**self).transmit(frame)
    }

    #[cfg(unix)]
    fn descriptor(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        (**self).descriptor()
    }
}

/// Bytes that a link header takes at most.
fn link_room(medium: Medium) -> usize {
    match medium {
        Medium::Ip => 0,
        Medium::Ethernet => ethernet::HEADER_LEN + ethernet::TAG_LEN,
    }
}
