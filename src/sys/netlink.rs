//! As much of rtnetlink(7) as configuring an interface takes: one request at a time, answered
//! before the next.
//!
//! A netlink socket belongs to the network namespace it was opened in, whatever its owner does
//! later: configuration can be undone from any thread.

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket,
};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

const HEADER: usize = 16;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const REQUEST: u16 = 1;
const ACK: u16 = 4;
/// For requests that create: refuse what exists.
pub(super) const CREATE_EXCL: u16 = 0x400 | 0x200;
const DUMP: u16 = 0x300;

/// A message being written: a header, a fixed part and attributes, in the host's byte order.
pub(super) struct Message {
    kind: u16,
    flags: u16,
    body: Vec<u8>,
}

impl Message {
    /// A message of `kind` with its fixed part.
    pub(super) fn new(kind: u16, flags: u16, fixed: &[u8]) -> Message {
        Message { kind, flags, body: fixed.to_vec() }
    }

    /// Adds an attribute.
    pub(super) fn attribute(mut self, kind: u16, value: &[u8]) -> Message {
        append(&mut self.body, kind, value);
        self
    }

    /// Adds an attribute that consists of attributes.
    pub(super) fn nested(self, kind: u16, inside: &[(u16, &[u8])]) -> Message {
        self.attribute(kind, &together(inside))
    }

    fn encode(&self, extra: u16, seq: u32) -> Vec<u8> {
        let len = (HEADER + self.body.len()) as u32;
        let mut out = len.to_ne_bytes().to_vec();
        out.extend_from_slice(&self.kind.to_ne_bytes());
        out.extend_from_slice(&(self.flags | REQUEST | extra).to_ne_bytes());
        out.extend_from_slice(&seq.to_ne_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.body);
        out
    }
}

/// Puts an attribute behind others.
fn append(attributes: &mut Vec<u8>, kind: u16, value: &[u8]) {
    attributes.resize(attributes.len().next_multiple_of(4), 0);
    let len = (4 + value.len()) as u16;
    attributes.extend_from_slice(&len.to_ne_bytes());
    attributes.extend_from_slice(&kind.to_ne_bytes());
    attributes.extend_from_slice(value);
}

/// Attributes as the value of another.
pub(super) fn together(attributes: &[(u16, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    attributes.iter().for_each(|(kind, value)| append(&mut bytes, *kind, value));
    bytes
}

/// The attributes of a reply behind a fixed part of `fixed` bytes: (kind, value).
pub(super) fn attributes(body: &[u8], fixed: usize) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = body.get(fixed..).unwrap_or_default();
    std::iter::from_fn(move || {
        let len = usize::from(u16::from_ne_bytes(*rest.first_chunk()?));
        let kind = u16::from_ne_bytes(*rest.get(2..)?.first_chunk()?) & 0x3fff;
        let value = rest.get(4..len)?;
        rest = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

/// A number of a reply's fixed part or attribute.
pub(super) fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// A socket to the kernel's network configuration.
#[derive(Debug)]
pub(super) struct Netlink {
    fd: OwnedFd,
    seq: u32,
}

impl Netlink {
    /// Opens the configuration of the namespace the calling thread is in.
    pub(super) fn open() -> io::Result<Netlink> {
        let fd = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkRoute,
        )?;
        Ok(Netlink { fd, seq: 0 })
    }

    /// Asks for a change and waits for the answer.
    pub(super) fn change(&mut self, message: &Message) -> io::Result<()> {
        self.exchange(message, ACK, |_| {})
    }

    /// Asks for one object; `each` sees the body of what is answered.
    pub(super) fn get(&mut self, message: &Message, each: impl FnMut(&[u8])) -> io::Result<()> {
        self.exchange(message, ACK, each)
    }

    /// Asks for all objects of a kind; `each` sees the body of every one.
    pub(super) fn dump(&mut self, message: &Message, each: impl FnMut(&[u8])) -> io::Result<()> {
        self.exchange(message, DUMP, each)
    }

    fn exchange(
        &mut self,
        message: &Message,
        extra: u16,
        mut each: impl FnMut(&[u8]),
    ) -> io::Result<()> {
        self.seq += 1;
        let request = message.encode(extra, self.seq);
        let fd = self.fd.as_raw_fd();
        while let Err(errno) = send(fd, &request, MsgFlags::empty()) {
            again(errno)?;
        }
        let mut buf = vec![0; 32 << 10];
        loop {
            let n = match recv(fd, &mut buf, MsgFlags::empty()) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => n,
                Err(errno) => {
                    again(errno)?;
                    continue;
                }
            };
            let mut rest = &buf[..n];
            while let Some((kind, seq, body, next)) = first(rest) {
                rest = next;
                match kind {
                    _ if seq != self.seq => {}
                    NLMSG_DONE => return Ok(()),
                    NLMSG_ERROR => match number(body, 0).unwrap_or_default() as i32 {
                        0 => return Ok(()),
                        error => return Err(io::Error::from_raw_os_error(-error)),
                    },
                    _ => each(body),
                }
            }
        }
    }
}

/// An interrupted call is made again.
fn again(errno: Errno) -> io::Result<()> {
    if errno == Errno::EINTR { Ok(()) } else { Err(errno.into()) }
}

/// The first message of a batch: (kind, sequence number, body, the messages behind it).
fn first(batch: &[u8]) -> Option<(u16, u32, &[u8], &[u8])> {
    let len = number(batch, 0)? as usize;
    let kind = u16::from_ne_bytes(*batch.get(4..)?.first_chunk()?);
    let seq = number(batch, 8)?;
    let body = batch.get(HEADER..len)?;
    Some((kind, seq, body, batch.get(len.next_multiple_of(4)..).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let message = Message::new(16, 0, &[9; 16]).attribute(3, b"tun\0").attribute(4, &[1; 3]);
        let bytes = message.attribute(5, &[2]).encode(ACK, 7);
        let (kind, seq, body, rest) = first(&bytes).expect("one message");
        assert_eq!((kind, seq, rest.len()), (16, 7, 0));
        let found: Vec<_> = attributes(body, 16).collect();
        assert_eq!(found, [(3, &b"tun\0"[..]), (4, &[1; 3][..]), (5, &[2][..])]);
    }

    #[test]
    fn attributes_lie_in_attributes() {
        let inner = together(&[(1, &10u16.to_ne_bytes())]);
        let message = Message::new(16, 0, &[9; 16]).nested(18, &[(1, b"vlan"), (2, &inner)]);
        let bytes = message.encode(ACK, 7);
        let (.., body, _) = first(&bytes).expect("one message");
        let (kind, value) = attributes(body, 16).next().expect("an attribute");
        let inside: Vec<_> = attributes(value, 0).collect();
        assert_eq!((kind, &inside[..]), (18, &[(1, &b"vlan"[..]), (2, &inner[..])][..]));
        assert_eq!(attributes(&inner, 0).next(), Some((1, &10u16.to_ne_bytes()[..])));
    }

    #[test]
    fn cut_messages_end_the_walk() {
        let bytes = Message::new(16, 0, &[9; 16]).attribute(3, b"tun\0").encode(ACK, 7);
        for n in 0..bytes.len() {
            assert!(first(&bytes[..n]).is_none());
            assert!(attributes(&bytes[..n], 32).next().is_none());
        }
        assert!(attributes(&[0; 8], 0).next().is_none(), "a length of 0 does not loop");
    }
}
