//! Packet sockets (packet(7)): the frames of an interface that the kernel has, beside the kernel.
//!
//! What a socket takes is decided by a filter inside the kernel, so that frames for others cost
//! nothing here.

use super::error::SetupError;
use crate::base::Mac;
use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, getsockopt, setsockopt, socket, sockopt,
};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

/// How long a frame that came with a VLAN tag is after the filter: it is told by that. The tag
/// itself is not in the frame, the kernel has taken it off.
pub const TAGGED_LEN: usize = 1;

/// Bytes of frames that may wait to be read, or to leave: some dozens of the longest ones.
const BUFFER: usize = 4 << 20;

/// A packet socket that no interface is bound to yet, so that nothing arrives at it. Later frames
/// will have a virtio-net header in front, in both directions; only those for `mac` and for groups
/// are taken, and none that this machine sends.
///
/// # Errors
/// Without privilege, or when the kernel has no packet sockets.
pub fn open(mac: Mac) -> Result<OwnedFd, SetupError> {
    let what = "to open a packet socket";
    let fd = socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, None);
    let fd = fd.map_err(|e| SetupError::system(what, e))?;
    let options = || {
        set(&fd, libc::SOL_PACKET, libc::PACKET_VNET_HDR, &1)?;
        // Before Linux 4.20 the filter does it alone.
        let _ = set(&fd, libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, &1);
        // What the system allows everybody is less, and enough for slow links.
        setsockopt(&fd, sockopt::RcvBufForce, &BUFFER)
            .or_else(|_| setsockopt(&fd, sockopt::RcvBuf, &BUFFER))?;
        setsockopt(&fd, sockopt::SndBufForce, &BUFFER)
            .or_else(|_| setsockopt(&fd, sockopt::SndBuf, &BUFFER))?;
        attach(&fd, &mut filter(mac))
    };
    options().map_err(|e| SetupError::system(what, e))?;
    Ok(fd)
}

/// The error that waits at a socket, if one does: it is taken from there.
///
/// # Errors
/// That error.
pub fn pending_error(fd: impl AsFd) -> io::Result<()> {
    match getsockopt(&fd.as_fd(), sockopt::SocketError)? {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

/// How many frames were lost since this was asked last, because they were not read in time.
pub fn take_overruns(fd: impl AsFd) -> u32 {
    let mut stats = libc::tpacket_stats { tp_packets: 0, tp_drops: 0 };
    let mut len = size_of::<libc::tpacket_stats>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `len` bytes to `stats`, which is as long and consists of
    // integers, and how many it wrote to `len`; both outlive the call.
    let done = unsafe {
        libc::getsockopt(
            fd.as_fd().as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_STATISTICS,
            (&raw mut stats).cast(),
            &raw mut len,
        )
    };
    if done == 0 { stats.tp_drops } else { 0 }
}

/// The filter's program (the kernel's Documentation/networking/filter.rst): how many bytes of a
/// frame are taken.
fn filter(mac: Mac) -> [libc::sock_filter; 15] {
    const TAKE: u32 = u32::MAX;
    const HALF: u32 = libc::BPF_H;
    const BYTE: u32 = libc::BPF_B;
    const WORD: u32 = libc::BPF_W;
    let [a, b, c, d, e, f] = mac.0;
    let about = |what: i32| (libc::SKF_AD_OFF + what) as u32;
    let code =
        |code: u32, k: u32, jt: u8, jf: u8| libc::sock_filter { code: code as u16, jt, jf, k };
    let load = |size: u32, at: u32| code(libc::BPF_LD | libc::BPF_ABS | size, at, 0, 0);
    let jump = |test: u32, k: u32, yes: u8, no: u8| code(libc::BPF_JMP | test, k, yes, no);
    let give = |bytes: u32| code(libc::BPF_RET, bytes, 0, 0);
    [
        load(WORD, about(libc::SKF_AD_PKTTYPE)),
        jump(libc::BPF_JEQ, libc::PACKET_OUTGOING.into(), 6, 0),
        // To a group?
        load(BYTE, 0),
        jump(libc::BPF_JSET, 1, 5, 0),
        // To us?
        load(WORD, 0),
        jump(libc::BPF_JEQ, u32::from_be_bytes([a, b, c, d]), 0, 2),
        load(HALF, 4),
        jump(libc::BPF_JEQ, u16::from_be_bytes([e, f]).into(), 1, 0),
        give(0),
        // Of a VLAN? Number 0 stands for none.
        load(WORD, about(libc::SKF_AD_VLAN_TAG_PRESENT)),
        jump(libc::BPF_JEQ, 0, 3, 0),
        load(WORD, about(libc::SKF_AD_VLAN_TAG)),
        jump(libc::BPF_JSET, 0x0fff, 0, 1),
        give(TAGGED_LEN as u32),
        give(TAKE),
    ]
}

fn attach(fd: &OwnedFd, program: &mut [libc::sock_filter]) -> nix::Result<()> {
    let program =
        libc::sock_fprog { len: program.len() as libc::c_ushort, filter: program.as_mut_ptr() };
    set(fd, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program)
}

/// Sets an option whose value the kernel copies; a program that it points to must be there.
fn set<T>(fd: &OwnedFd, level: i32, option: i32, value: &T) -> nix::Result<()> {
    // SAFETY: the kernel reads `size_of::<T>()` bytes behind a reference that outlives the call.
    // The values given in this module are an integer and the description of a filter, which points
    // to as many instructions as it says; the kernel only reads them, during the call.
    let done = unsafe {
        let (value, len) = ((&raw const *value).cast(), size_of::<T>() as libc::socklen_t);
        libc::setsockopt(fd.as_raw_fd(), level, option, value, len)
    };
    Errno::result(done).map(drop)
}
