//! A TUN or TAP device with a virtio-net header in front of every packet: super-segments of up to
//! 64 KiB cross in one system call, and nobody computes the checksums of what never leaves the
//! machine (docs/adr/0020-super-segments-through-tun.md).
//!
//! A packet is read into a small pooled block, and what does not fit there into a large one; it is
//! written from its pieces. So nothing is copied on this side of the kernel, and a small packet
//! pins no large block.

use super::tun::{Losses, Tun, write};
use super::vnet::{self, Apart};
use super::{Capabilities, Device};
use crate::base::chunk::MAX_CHUNKS;
use crate::base::pool::CLASSES;
use crate::base::{Chunk, Frame, Medium, Pool};
use crate::sys::tun::Uncut;
use crate::sys::{SetupError, tun};
use arrayvec::ArrayVec;
use nix::errno::Errno;
use nix::sys::uio::readv;
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// An open TUN or TAP device with offloads. The interface exists as long as this (or a copy of its
/// descriptor) does.
#[derive(Debug)]
pub struct OffloadTun {
    fd: OwnedFd,
    name: String,
    mtu: usize,
    medium: Medium,
    /// The blocks the next packet is read into.
    spare: [Option<Chunk>; 2],
    /// Received as one, and still to be given.
    apart: Apart,
    losses: Losses,
}

/// A TUN or TAP device of either kind.
pub type AnyTun = Box<dyn Device>;

/// Creates a device called `name`, in which `%d` stands for the first free number, or attaches to a
/// persistent one: with offloads where the kernel has them, plain where not. Also its name, and
/// what the kernel hands over uncut. Packets are up to `mtu` bytes long.
///
/// # Errors
/// As [`tun::create`].
pub fn create(
    name: &str,
    medium: Medium,
    mtu: usize,
) -> Result<(AnyTun, String, Option<Uncut>), SetupError> {
    let what = "to use a TUN device";
    if let Some((fd, name, uncut)) = tun::create_offload(name, medium)? {
        let device = OffloadTun::from_fd(fd, name.clone(), medium, mtu);
        let device = device.map_err(|e| SetupError::system(what, e))?;
        return Ok((Box::new(device), name, Some(uncut)));
    }
    let plain = match medium {
        Medium::Ip => Tun::create(name, mtu),
        Medium::Ethernet => Tun::create_tap(name, mtu),
    }?;
    let name = plain.name().to_owned();
    Ok((Box::new(plain), name, None))
}

/// Uses a TUN device that somebody else opened without packet information, with or without a
/// virtio-net header (see [`crate::sys::pass`]).
///
/// # Errors
/// When `fd` is no such device, or cannot be made non-blocking.
pub fn adopt(fd: OwnedFd, name: String, mtu: usize) -> io::Result<AnyTun> {
    Ok(match tun::has_header(&fd)? {
        true => Box::new(OffloadTun::from_fd(fd, name, Medium::Ip, mtu)?),
        false => Box::new(Tun::from_fd(fd, name, mtu)?),
    })
}

impl OffloadTun {
    /// Uses a device that [`tun::create_offload`] made.
    ///
    /// # Errors
    /// When `fd` cannot be made non-blocking.
    pub fn from_fd(
        fd: OwnedFd,
        name: String,
        medium: Medium,
        mtu: usize,
    ) -> io::Result<OffloadTun> {
        tun::set_nonblocking(&fd)?;
        let (spare, apart, losses) = ([None, None], Apart::default(), Losses::default());
        Ok(OffloadTun { fd, name, mtu, medium, spare, apart, losses })
    }

    /// The interface's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What was not carried so far.
    pub fn losses(&self) -> Losses {
        self.losses
    }

    /// Reads one packet; `None` when nothing waits.
    fn read(&mut self, pool: &Pool) -> io::Result<Option<([u8; vnet::LEN], Frame)>> {
        let mut header = [0; vnet::LEN];
        let sizes = [CLASSES[0], vnet::LONGEST + super::link_room(self.medium) + 1 - CLASSES[0]];
        let [small, large] = &mut self.spare;
        let small = small.get_or_insert_with(|| pool.take(sizes[0]));
        let large = large.get_or_insert_with(|| pool.take(sizes[1]));
        let mut parts = [
            IoSliceMut::new(&mut header),
            IoSliceMut::new(small.room().expect("nobody else looks at a spare block")),
            IoSliceMut::new(large.room().expect("nobody else looks at a spare block")),
        ];
        let n = loop {
            match readv(&self.fd, &mut parts) {
                Ok(n) => break n,
                Err(Errno::EINTR) => {}
                // An interface that is down has nothing to say.
                Err(Errno::EAGAIN | Errno::EIO | Errno::EFAULT) => return Ok(None),
                Err(errno) => return Err(errno.into()),
            }
        };
        let len = n.saturating_sub(vnet::LEN);
        let mut frame = Frame::default();
        for (spare, size) in
            self.spare.iter_mut().zip([len.min(sizes[0]), len.saturating_sub(sizes[0])])
        {
            if size > 0 {
                let mut chunk = spare.take().expect("it was read into");
                chunk.grow(size);
                frame.body.push(chunk);
            }
        }
        Ok(Some((header, frame)))
    }

    /// A packet as it was read, if it is one for the host.
    fn judge(&mut self, header: &[u8; vnet::LEN], frame: Frame) -> Option<Frame> {
        let Some(offload) = vnet::read(header) else {
            self.losses.unknown += 1;
            return None;
        };
        let uncut = if offload.gso.is_some() { vnet::LONGEST } else { self.mtu };
        if frame.len() > uncut + super::link_room(self.medium) {
            self.losses.oversize += 1;
            return None;
        }
        let frame = self.apart.admit(self.medium, Frame { offload, ..frame });
        self.losses.unknown += u64::from(frame.is_err());
        frame.ok()
    }
}

impl Device for OffloadTun {
    fn mtu(&self) -> usize {
        self.mtu
    }

    fn medium(&self) -> Medium {
        self.medium
    }

    fn offload(&self) -> Capabilities {
        Capabilities { gso: true, checksum: true }
    }

    fn receive(&mut self, pool: &Pool) -> io::Result<Option<Frame>> {
        if let Some(frame) = self.apart.next() {
            return Ok(Some(frame));
        }
        while let Some((header, frame)) = self.read(pool)? {
            if let Some(frame) = self.judge(&header, frame) {
                return Ok(Some(frame));
            }
        }
        Ok(None)
    }

    fn holds(&self) -> bool {
        self.apart.holds()
    }

    fn transmit(&mut self, frame: &Frame) -> io::Result<bool> {
        let invalid = |what: String| io::Error::new(io::ErrorKind::InvalidInput, what);
        let uncut = if frame.offload.gso.is_some() { vnet::LONGEST } else { self.mtu };
        if frame.len() > uncut + super::link_room(self.medium) {
            return Err(invalid(format!("a packet of {} bytes exceeds {uncut}", frame.len())));
        }
        let header = vnet::write(self.medium, frame).map_err(|e| invalid(e.to_string()))?;
        let filled = std::iter::once(&header[..]).chain(frame.slices());
        let filled = filled.filter(|slice| !slice.is_empty()).map(IoSlice::new);
        let slices: ArrayVec<IoSlice<'_>, { MAX_CHUNKS + 2 }> = filled.collect();
        write(&self.fd, &slices, &mut self.losses)
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.fd.as_fd())
    }
}

#[cfg(test)]
mod tests;
