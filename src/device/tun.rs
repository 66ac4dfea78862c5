//! A TUN or TAP device: IP packets or Ethernet frames to and from the kernel, one per system call,
//! without packet information and without offloads.
//!
//! A packet is read straight into a pooled block and written from its pieces, so nothing is copied
//! on this side of the kernel. TCP segments that come one behind the other are joined (`gro.rs`),
//! unless every one is to be seen ([`Tun::without_joining`]).

use super::Device;
use super::gro::Gro;
use crate::base::chunk::MAX_CHUNKS;
use crate::base::{Checksum, Frame, Medium, Pool};
use crate::sys::{SetupError, tun};
use arrayvec::ArrayVec;
use nix::errno::Errno;
use nix::sys::uio::writev;
use nix::unistd::read;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Packets that a TUN device did not carry.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Losses {
    /// Arrived, but longer than the MTU: the kernel's MTU is larger than ours.
    pub oversize: u64,
    /// Sent while the interface was down.
    pub link_down: u64,
    /// Arrived, offloaded in a way that is not known here.
    pub unknown: u64,
    /// Sent, but the kernel takes no such packet (not IPv4 or IPv6), or had no memory for it.
    pub refused: u64,
}

/// An open TUN or TAP device. The interface exists as long as this (or a copy of its descriptor)
/// does.
#[derive(Debug)]
pub struct Tun {
    fd: OwnedFd,
    name: String,
    mtu: usize,
    medium: Medium,
    gro: Gro,
    losses: Losses,
}

impl Tun {
    /// Creates a TUN device called `name`, in which `%d` stands for the first free number, or
    /// attaches to a persistent one. Packets are up to `mtu` bytes long; the interface itself is
    /// configured with [`crate::sys::ifconfig`].
    ///
    /// # Errors
    /// As [`tun::create`].
    pub fn create(name: &str, mtu: usize) -> Result<Tun, SetupError> {
        let (fd, name) = tun::create(name)?;
        Tun::from_fd(fd, name, mtu).map_err(|e| SetupError::system("to use a TUN device", e))
    }

    /// As [`Tun::create`], a TAP device: its frames are Ethernet's.
    ///
    /// # Errors
    /// As [`tun::create`].
    pub fn create_tap(name: &str, mtu: usize) -> Result<Tun, SetupError> {
        let (fd, name) = tun::create_on(name, Medium::Ethernet)?;
        let device = Tun::from_fd(fd, name, mtu);
        let device = device.map_err(|e| SetupError::system("to use a TAP device", e))?;
        Ok(Tun { medium: Medium::Ethernet, ..device })
    }

    /// Uses a TUN device that somebody else opened without packet information
    /// (see [`crate::sys::pass`]).
    ///
    /// # Errors
    /// When `fd` cannot be made non-blocking.
    pub fn from_fd(fd: OwnedFd, name: String, mtu: usize) -> io::Result<Tun> {
        tun::set_nonblocking(&fd)?;
        Ok(Tun {
            fd,
            name,
            mtu,
            medium: Medium::Ip,
            gro: Gro::default(),
            losses: Losses::default(),
        })
    }

    /// Gives every segment as it came: none is joined to those before it.
    #[must_use]
    pub fn without_joining(self) -> Tun {
        Tun { gro: Gro::apart(), ..self }
    }

    /// The interface's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What was not carried so far.
    pub fn losses(&self) -> Losses {
        self.losses
    }

    /// Follows a change of the interface's MTU.
    pub fn set_mtu(&mut self, mtu: usize) {
        self.mtu = mtu;
        self.gro.resize();
    }

    /// The longest frame in bytes.
    fn longest(&self) -> usize {
        self.mtu + super::link_room(self.medium)
    }
}

impl Device for Tun {
    fn mtu(&self) -> usize {
        self.mtu
    }

    fn medium(&self) -> Medium {
        self.medium
    }

    fn receive(&mut self, pool: &Pool) -> io::Result<Option<Frame>> {
        let shape = (self.medium, self.longest());
        let Tun { fd, gro, losses, .. } = self;
        let mut read = |room: &mut [u8]| loop {
            match read(&*fd, &mut *room) {
                Ok(n) if n <= shape.1 => return Ok(Some(n)),
                Ok(_) => losses.oversize += 1,
                Err(Errno::EINTR) => {}
                // An interface that is down has nothing to say.
                Err(Errno::EAGAIN | Errno::EIO | Errno::EFAULT) => return Ok(None),
                Err(errno) => return Err(errno.into()),
            }
        };
        gro.receive(pool, shape, &mut read)
    }

    fn holds(&self) -> bool {
        self.gro.holds()
    }

    fn transmit(&mut self, frame: &Frame) -> io::Result<bool> {
        let offloaded = frame.offload.gso.is_some() || frame.offload.checksum == Checksum::Partial;
        if offloaded || frame.len() > self.longest() {
            let what = "a TUN device takes complete packets within its MTU: split them first";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        }
        let filled = frame.slices().filter(|slice| !slice.is_empty());
        let slices: ArrayVec<IoSlice<'_>, { MAX_CHUNKS + 1 }> = filled.map(IoSlice::new).collect();
        write(&self.fd, &slices, &mut self.losses)
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.fd.as_fd())
    }
}

/// Writes one packet from its pieces; `false` when there is no room for it now.
pub(super) fn write(fd: &OwnedFd, pieces: &[IoSlice<'_>], losses: &mut Losses) -> io::Result<bool> {
    loop {
        match writev(fd, pieces) {
            Ok(_) => return Ok(true),
            Err(Errno::EINTR) => continue,
            Err(Errno::EAGAIN) => return Ok(false),
            Err(Errno::EIO) => losses.link_down += 1,
            Err(Errno::EINVAL | Errno::ENOBUFS | Errno::ENOMEM) => losses.refused += 1,
            Err(errno) => return Err(errno.into()),
        }
        return Ok(true); // lost, as on any wire
    }
}

#[cfg(test)]
mod tests;
