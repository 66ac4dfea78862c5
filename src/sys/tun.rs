//! Creating a TUN or TAP device (the kernel's Documentation/networking/tuntap.rst): a plain one
//! with `tun-tap`; one with a virtio-net header, which `tun-tap` cannot ask for, by hand.

use super::error::SetupError;
use super::ifconfig::check_name;
use crate::base::Medium;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;
use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
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
    check(name)?;
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

/// What the kernel hands over uncut through a device with a virtio-net header.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Uncut {
    /// TCP super-segments, and packets without transport checksums.
    pub tcp: bool,
    /// UDP datagrams that a program sent as one (Linux 6.2).
    pub udp: bool,
}

impl Uncut {
    /// What is asked for, most first.
    const ALL: [Uncut; 2] = [Uncut { tcp: true, udp: true }, Uncut { tcp: true, udp: false }];

    fn flags(self) -> libc::c_uint {
        let tcp = libc::TUN_F_CSUM | libc::TUN_F_TSO4 | libc::TUN_F_TSO6 | libc::TUN_F_TSO_ECN;
        let udp = libc::TUN_F_USO4 | libc::TUN_F_USO6;
        (if self.tcp { tcp } else { 0 }) | (if self.udp { udp } else { 0 })
    }
}

/// As [`create_on`], with a virtio-net header in front of every packet, in both directions, and the
/// kernel's offloads on as far as it has them. `None` when this kernel has no such devices.
///
/// # Errors
/// As [`create`].
pub fn create_offload(
    name: &str,
    medium: Medium,
) -> Result<Option<(OwnedFd, String, Uncut)>, SetupError> {
    check(name)?;
    let fd = open().map_err(|e| refusal(name, e))?;
    if !knows_headers(&fd) {
        return Ok(None);
    }
    let kind = match medium {
        Medium::Ip => libc::IFF_TUN,
        Medium::Ethernet => libc::IFF_TAP,
    };
    let mut request = Request::new(name, kind | libc::IFF_NO_PI | libc::IFF_VNET_HDR);
    // SAFETY: TUNSETIFF reads and writes one ifreq, of which `Request` is the part it uses and the
    // padding to its size.
    unsafe { control(&fd, libc::TUNSETIFF, &raw mut request) }.map_err(|e| refusal(name, e))?;
    let accepts = |uncut: &Uncut| {
        // SAFETY: TUNSETOFFLOAD takes the flags themselves as its argument.
        unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNSETOFFLOAD, uncut.flags()) == 0 }
    };
    let uncut = Uncut::ALL.into_iter().find(accepts).unwrap_or(Uncut { tcp: false, udp: false });
    Ok(Some((fd, request.name(), uncut)))
}

/// Whether this kernel has devices as [`create_offload`] makes them.
///
/// # Errors
/// When `/dev/net/tun` cannot be opened.
pub fn has_offloads() -> io::Result<bool> {
    open().map(|fd| knows_headers(&fd))
}

fn open() -> io::Result<OwnedFd> {
    OpenOptions::new().read(true).write(true).open("/dev/net/tun").map(OwnedFd::from)
}

fn knows_headers(fd: &OwnedFd) -> bool {
    let mut features: libc::c_uint = 0;
    // SAFETY: TUNGETFEATURES writes one unsigned int there.
    let known = unsafe { control(fd, libc::TUNGETFEATURES, &raw mut features) };
    known.is_ok() && features & libc::IFF_VNET_HDR as libc::c_uint != 0
}

/// Whether the packets of a TUN or TAP device that somebody else made have a virtio-net header in
/// front.
///
/// # Errors
/// When `fd` is no such device.
pub fn has_header(fd: &OwnedFd) -> io::Result<bool> {
    let mut request = Request::new("", 0);
    // SAFETY: TUNGETIFF writes one ifreq, for which `Request` has the room.
    unsafe { control(fd, libc::TUNGETIFF, &raw mut request)? };
    Ok(libc::c_int::from(request.flags) & libc::IFF_VNET_HDR != 0)
}

/// The kernel's `struct ifreq`, as the TUN driver uses it.
#[repr(C)]
struct Request {
    name: [u8; libc::IFNAMSIZ],
    flags: libc::c_short,
    rest: [u8; 22],
}

const _: () = assert!(size_of::<Request>() == size_of::<libc::ifreq>());

impl Request {
    /// `name` is checked already.
    fn new(name: &str, flags: libc::c_int) -> Request {
        let mut request = Request { name: [0; _], flags: flags as _, rest: [0; 22] };
        request.name[..name.len()].copy_from_slice(name.as_bytes());
        request
    }

    fn name(&self) -> String {
        let len = self.name.iter().position(|byte| *byte == 0).unwrap_or(self.name.len());
        String::from_utf8_lossy(&self.name[..len]).into_owned()
    }
}

/// # Safety
/// `argument` points to what the kernel reads and writes for `request`.
unsafe fn control<T>(fd: &OwnedFd, request: libc::Ioctl, argument: *mut T) -> io::Result<()> {
    // SAFETY: the caller's promise; the descriptor is open.
    match unsafe { libc::ioctl(fd.as_raw_fd(), request, argument) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
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

fn check(name: &str) -> Result<(), SetupError> {
    check_name(name)?;
    if name.contains('%') && (name.matches('%').count() > 1 || !name.contains("%d")) {
        return Err(SetupError::BadName { name: name.into() });
    }
    Ok(())
}

fn refusal(name: &str, error: io::Error) -> SetupError {
    match error.raw_os_error() {
        Some(libc::ENOENT | libc::ENXIO | libc::ENODEV) => SetupError::NoTunDevice,
        Some(libc::EACCES) => SetupError::TunDeviceClosed,
        Some(libc::EBUSY) => SetupError::NameTaken { name: name.into() },
        Some(libc::EINVAL) => SetupError::OtherKind { name: name.into() },
        _ => SetupError::system("to create a TUN device", error),
    }
}
