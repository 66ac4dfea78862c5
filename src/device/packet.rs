//! An interface that the kernel has, shared with the kernel: Ethernet frames through a packet
//! socket, by `pnet`.
//!
//! In front of every frame lies a virtio-net header. It says what the frame leaves out: on a
//! virtual Ethernet, checksums that nobody has computed and segments that nobody has cut are usual
//! (docs/adr/0011-a-header-that-tells-offloads.md).
//!
//! The interface itself is left as it is, but for promiscuous mode while it is used: our Ethernet
//! address is not the interface's.

use super::vnet::{self, Apart};
use super::{Capabilities, Device, split};
use crate::base::{Frame, Mac, Medium, Pool};
use crate::sys::ifconfig::{Config, Link};
use crate::sys::{SetupError, packet};
use nix::libc;
use pnet::datalink::{self, Channel, DataLinkReceiver, DataLinkSender};
use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, IntoRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Bytes of the longest frame with that header: 64 KiB less one of IP behind an Ethernet header.
const LONGEST: usize = vnet::LEN + 14 + vnet::LONGEST;

/// Frames that a packet socket did not carry.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Losses {
    /// Arrived with a VLAN tag, which a packet socket does not show: they are not for this host.
    pub tagged: u64,
    /// Arrived, but were not read in time.
    pub overrun: u64,
    /// Arrived, but longer than 64 KiB, or offloaded in another way that is not known here.
    pub unknown: u64,
    /// Sent, but the kernel had no memory for it, or the interface's MTU is smaller by now.
    pub refused: u64,
}

impl Losses {
    /// How many in all.
    pub fn total(&self) -> u64 {
        self.tagged + self.overrun + self.unknown + self.refused
    }
}

impl fmt::Display for Losses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Losses { tagged, overrun, unknown, refused } = self;
        write!(
            f,
            "{tagged} frames of VLANs not taken, {overrun} not read in time, {unknown} offloaded in \
             an unknown way, {refused} not sent"
        )
    }
}

#[derive(Debug, Default)]
struct Counters {
    tagged: AtomicU64,
    overrun: AtomicU64,
    unknown: AtomicU64,
    refused: AtomicU64,
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Shows a device's losses, wherever the device itself goes.
#[derive(Clone, Debug)]
pub struct Gauge {
    socket: Arc<OwnedFd>,
    counters: Arc<Counters>,
}

impl Gauge {
    /// What was not carried so far.
    pub fn read(&self) -> Losses {
        let Counters { tagged, overrun, unknown, refused } = &*self.counters;
        overrun.fetch_add(packet::take_overruns(&*self.socket).into(), Ordering::Relaxed);
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Losses {
            tagged: read(tagged),
            overrun: read(overrun),
            unknown: read(unknown),
            refused: read(refused),
        }
    }
}

/// A packet socket on an interface.
pub struct Packet {
    name: String,
    mtu: usize,
    sender: Box<dyn DataLinkSender>,
    receiver: Box<dyn DataLinkReceiver>,
    /// Another descriptor of the socket that `pnet` has, to wait on.
    socket: Arc<OwnedFd>,
    counters: Arc<Counters>,
    /// Received as one, and still to be given.
    apart: Apart,
    /// The frame that is being sent, in one run of bytes.
    outgoing: Vec<u8>,
}

impl fmt::Debug for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Packet({}, {} B)", self.name, self.mtu)
    }
}

/// The interface `name`, if a packet socket can share it as it is.
///
/// # Errors
/// When there is none, it is no Ethernet, or it is down.
pub fn usable(name: &str) -> Result<Link, SetupError> {
    let (link, name) = (Config::open()?.link(name)?, name.to_owned());
    match link {
        None => Err(SetupError::NoSuchLink { name }),
        Some(link) if link.mac.is_none() => Err(SetupError::NotEthernet { name }),
        Some(link) if !link.up => Err(SetupError::LinkDown { name }),
        Some(link) => Ok(link),
    }
}

impl Packet {
    /// A socket on the interface `name`, for the host whose Ethernet address is `mac` and whose
    /// packets are up to `mtu` bytes long.
    ///
    /// # Errors
    /// As [`usable`] and [`packet::open`].
    pub fn attach(name: &str, mac: Mac, mtu: usize) -> Result<Packet, SetupError> {
        let link = usable(name)?;
        let what = "to use a packet socket";
        let fd = packet::open(mac)?;
        let socket = fd.try_clone().map_err(|e| SetupError::system(what, e))?;
        let known = datalink::interfaces().into_iter().find(|known| known.index == link.index);
        let interface = known.ok_or_else(|| SetupError::NoSuchLink { name: name.to_owned() })?;
        let config = datalink::Config {
            // A longer frame is cut silently: with room for one byte more it gives itself away.
            read_buffer_size: LONGEST + 1,
            read_timeout: Some(Duration::ZERO),
            write_timeout: Some(Duration::ZERO),
            promiscuous: true,
            // It is the channel's from here on, also when there will be none.
            socket_fd: Some(fd.into_raw_fd()),
            ..datalink::Config::default()
        };
        let channel = datalink::channel(&interface, config);
        let (sender, receiver) = match channel.map_err(|e| SetupError::system(what, e))? {
            Channel::Ethernet(sender, receiver) => (sender, receiver),
            _ => return Err(SetupError::NotEthernet { name: name.to_owned() }),
        };
        Ok(Packet {
            name: name.to_owned(),
            mtu,
            sender,
            receiver,
            socket: Arc::new(socket),
            counters: Arc::default(),
            apart: Apart::default(),
            outgoing: Vec::new(),
        })
    }

    /// The interface's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Shows what is not carried.
    pub fn gauge(&self) -> Gauge {
        Gauge { socket: self.socket.clone(), counters: self.counters.clone() }
    }

    /// What an error of the socket means: nothing to be had now (`None`), or the end.
    fn failure(&self, error: io::Error) -> Option<io::Error> {
        use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
        if matches!(error.kind(), TimedOut | WouldBlock | Interrupted) {
            return None;
        }
        // `pnet` does not ask which error it is that waits at the socket.
        let error = match error.raw_os_error() {
            Some(_) => error,
            None => packet::pending_error(&*self.socket).err()?,
        };
        Some(match error.raw_os_error() {
            Some(libc::ENETDOWN | libc::ENXIO | libc::ENODEV) => {
                let what = format!("the interface {} was switched off or is gone", self.name);
                io::Error::new(io::ErrorKind::NetworkDown, what)
            }
            _ => error,
        })
    }
}

impl Device for Packet {
    fn mtu(&self) -> usize {
        self.mtu
    }

    fn medium(&self) -> Medium {
        Medium::Ethernet
    }

    fn offload(&self) -> Capabilities {
        Capabilities { gso: true, checksum: true }
    }

    fn receive(&mut self, pool: &Pool) -> io::Result<Option<Frame>> {
        loop {
            if let Some(piece) = self.apart.next() {
                return Ok(Some(piece));
            }
            let bytes = match self.receiver.next() {
                Ok(bytes) => bytes,
                // A frame that no such header can describe: it is gone.
                Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
                    count(&self.counters.unknown);
                    continue;
                }
                Err(error) => match self.failure(error) {
                    Some(error) => return Err(error),
                    None => return Ok(None),
                },
            };
            let Some((offload, bytes)) = bytes.split_first_chunk() else { continue };
            if bytes.len() <= packet::TAGGED_LEN {
                if self.counters.tagged.fetch_add(1, Ordering::Relaxed) == 0 {
                    log::warn!("{} carries frames of a VLAN: they are not taken", self.name);
                }
                continue;
            }
            let too_long = vnet::LEN + bytes.len() > LONGEST;
            let Some(offload) = vnet::read(offload).filter(|_| !too_long) else {
                count(&self.counters.unknown);
                continue;
            };
            let frame = Frame { offload, ..Frame::copied(pool, bytes) };
            match self.apart.admit(Medium::Ethernet, frame) {
                Ok(frame) => return Ok(Some(frame)),
                Err(_) => count(&self.counters.unknown),
            }
        }
    }

    fn holds(&self) -> bool {
        self.apart.holds()
    }

    fn transmit(&mut self, frame: &Frame) -> io::Result<bool> {
        let invalid = |e| io::Error::new(io::ErrorKind::InvalidInput, e);
        let longest = match frame.offload.gso {
            Some(_) => LONGEST - vnet::LEN,
            None => self.mtu + super::link_room(Medium::Ethernet),
        };
        if frame.len() > longest {
            let (len, mtu) = (frame.len(), self.mtu);
            return Err(invalid(split::Unsplittable::TooLong { len, mtu }));
        }
        let header = vnet::write(Medium::Ethernet, frame).map_err(invalid)?;
        self.outgoing.clear();
        self.outgoing.extend(header);
        frame.slices().for_each(|slice| self.outgoing.extend_from_slice(slice));
        let Some(Err(error)) = self.sender.send_to(&self.outgoing, None) else { return Ok(true) };
        if let Some(libc::ENOBUFS | libc::ENOMEM | libc::EMSGSIZE | libc::EINVAL) =
            error.raw_os_error()
        {
            count(&self.counters.refused);
            return Ok(true);
        }
        self.failure(error).map_or(Ok(false), Err)
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.socket.as_fd())
    }
}

#[cfg(test)]
mod tests;
