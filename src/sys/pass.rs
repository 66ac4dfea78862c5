//! Handing a file descriptor to another process over a Unix socket (SCM_RIGHTS, unix(7)): how a
//! child in a private namespace gives its TUN device to the stack outside.

use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg};
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};

/// How long a label may be, in bytes.
pub const LABEL_MAX: usize = 255;

/// Sends `fd` with a label (a device's name, say) over the Unix socket `socket`.
///
/// # Errors
/// When the label is empty or longer than [`LABEL_MAX`], or the socket refuses.
pub fn send_fd(socket: impl AsFd, fd: impl AsFd, label: &str) -> io::Result<()> {
    if label.is_empty() || label.len() > LABEL_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a label has 1 to 255 bytes"));
    }
    let (socket, fds) = (socket.as_fd().as_raw_fd(), [fd.as_fd().as_raw_fd()]);
    // The length goes first, so that a stream socket's reader knows where the label ends.
    let len = [label.len() as u8];
    let parts = [IoSlice::new(&len), IoSlice::new(label.as_bytes())];
    let rights = [ControlMessage::ScmRights(&fds)];
    let sent = loop {
        match sendmsg::<()>(socket, &parts, &rights, MsgFlags::MSG_NOSIGNAL, None) {
            Err(Errno::EINTR) => {}
            other => break other?,
        }
    };
    if sent < 1 + label.len() {
        return Err(io::ErrorKind::WriteZero.into());
    }
    Ok(())
}

/// Receives what [`send_fd`] sent: the descriptor, close-on-exec, and its label. Waits for it on a
/// blocking socket.
///
/// # Errors
/// `UnexpectedEof` when the other side closed without sending, `InvalidData` when it sent something
/// else, or what the socket says.
pub fn recv_fd(socket: impl AsFd) -> io::Result<(OwnedFd, String)> {
    let socket = socket.as_fd().as_raw_fd();
    let mut label = [0; 1 + LABEL_MAX];
    let mut control = cmsg_space!([RawFd; 4]);
    let (n, mut fds) = loop {
        let mut parts = [IoSliceMut::new(&mut label)];
        let flags = MsgFlags::MSG_CMSG_CLOEXEC;
        match recvmsg::<()>(socket, &mut parts, Some(&mut control), flags) {
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
            Ok(message) => break (message.bytes, owned(message.cmsgs()?)),
        }
    };
    if n == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let text = &label[1..n];
    let label = std::str::from_utf8(text).ok().filter(|t| t.len() == usize::from(label[0]));
    match (fds.len(), label) {
        (1, Some(label)) => Ok((fds.remove(0), label.to_owned())),
        _ => {
            Err(io::Error::new(io::ErrorKind::InvalidData, "expected one descriptor with a label"))
        }
    }
}

/// Every descriptor that came with a message: those nobody wants are closed, not leaked.
fn owned(messages: impl Iterator<Item = ControlMessageOwned>) -> Vec<OwnedFd> {
    let rights = messages.filter_map(|message| match message {
        ControlMessageOwned::ScmRights(fds) => Some(fds),
        _ => None,
    });
    // SAFETY: the kernel has just made these descriptors for this process, and nothing else in it
    // knows their numbers yet.
    rights.flatten().map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_descriptor_arrives_alive() {
        let (here, there) = UnixStream::pair().expect("a socket pair");
        let (mut reader, writer) = std::io::pipe().expect("a pipe");
        send_fd(&here, &writer, "tun0").expect("sent");
        send_fd(&here, &reader, "second").expect("sent");
        drop(writer);
        let (fd, label) = recv_fd(&there).expect("received");
        assert_eq!(label, "tun0");
        std::fs::File::from(fd).write_all(b"hello").expect("the pipe is open");
        let mut text = String::new();
        reader.read_to_string(&mut text).expect("no writer is left");
        assert_eq!(text, "hello");
        assert_eq!(recv_fd(&there).expect("received").1, "second");
    }

    #[test]
    fn what_is_no_descriptor_is_refused() {
        let (mut here, there) = UnixStream::pair().expect("a socket pair");
        here.write_all(b"\x03abc").expect("sent");
        assert_eq!(recv_fd(&there).expect_err("no fd").kind(), io::ErrorKind::InvalidData);
        assert_eq!(
            send_fd(&here, &here, "").expect_err("no label").kind(),
            io::ErrorKind::InvalidInput
        );
        drop(here);
        assert_eq!(recv_fd(&there).expect_err("closed").kind(), io::ErrorKind::UnexpectedEof);
    }
}
