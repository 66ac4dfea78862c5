//! Creating a TUN or TAP device (the kernel's Documentation/networking/tuntap.rst) with `tun-tap`.

use super::error::SetupError;
use super::ifconfig::check_name;
use crate::base::Medium;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use std::io;
use std::os::fd::{AsFd, FromRawFd, IntoRawFd, OwnedFd};
use tun_tap::{Iface, Mode};

/// Creates a TUN device without packet information, or attaches to a persistent one that is free;
/// gives its descriptor and its name. In `name`, `%d` stands for the first free number.
///
/// The device exists until the descriptor (and every copy of it) is closed.
///
/// # Errors
/// Without `/dev/net/tun`, without privilege, or when the name is bad or taken.
pub fn create(name: &str) -> Result<(OwnedFd, String), SetupError> {
    create_on(name, Medium::Ip)
}

/// As [`create`], for Ethernet a TAP device.
///
/// # Errors
/// As [`create`].
pub fn create_on(name: &str, medium: Medium) -> Result<(OwnedFd, String), SetupError> {
    check_name(name)?;
    if name.contains('%') && (name.matches('%').count() > 1 || !name.contains("%d")) {
        return Err(SetupError::BadName { name: name.into() });
    }
    let mode = match medium {
        Medium::Ip => Mode::Tun,
        Medium::Ethernet => Mode::Tap,
    };
    let iface = Iface::without_packet_info(name, mode).map_err(|e| refusal(name, e))?;
    let name = iface.name().to_owned();
    // SAFETY: `into_raw_fd` gives up the only owner of a descriptor that is open.
    let fd = unsafe { OwnedFd::from_raw_fd(iface.into_raw_fd()) };
    Ok((fd, name))
}

/// Makes reads and writes return at once.
///
/// # Errors
/// When `fd` is no open descriptor.
pub fn set_nonblocking(fd: impl AsFd) -> io::Result<()> {
    let flags = OFlag::from_bits_retain(fcntl(fd.as_fd(), FcntlArg::F_GETFL)?);
    fcntl(fd.as_fd(), FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    Ok(())
}

/// What an error of opening `/dev/net/tun` means.
pub fn explain(error: io::Error) -> SetupError {
    refusal("", error)
}

fn refusal(name: &str, error: io::Error) -> SetupError {
    match error.raw_os_error() {
        Some(nix::libc::ENOENT | nix::libc::ENXIO | nix::libc::ENODEV) => SetupError::NoTunDevice,
        Some(nix::libc::EACCES) => SetupError::TunDeviceClosed,
        Some(nix::libc::EBUSY | nix::libc::EINVAL) => SetupError::NameTaken { name: name.into() },
        _ => SetupError::system("to create a TUN device", error),
    }
}
