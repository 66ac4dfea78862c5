//! Where a control socket is: its path, its permissions, and what becomes of a stale one.

use crate::cli::Failure;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, listen, socket,
};
use std::fs::Permissions;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// Clients that may wait to be accepted.
const WAITING: i32 = 16;

/// A socket that listens; its file goes when it is dropped.
#[derive(Debug)]
pub(in crate::cli) struct Door {
    listener: Option<UnixListener>,
    path: PathBuf,
    /// The file's number: another's is not removed.
    inode: u64,
}

/// Where control sockets are looked for, the caller's own first.
pub(in crate::cli) fn directories() -> Vec<PathBuf> {
    let own = std::env::var_os("XDG_RUNTIME_DIR").filter(|dir| !dir.is_empty());
    // Who became root may have kept the directory of another.
    let user = nix::unistd::geteuid().as_raw();
    let own = own.filter(|dir| std::fs::metadata(dir).is_ok_and(|meta| meta.uid() == user));
    let own = own.map(|dir| PathBuf::from(dir).join("netglass"));
    own.into_iter().chain([PathBuf::from("/run/netglass")]).collect()
}

impl Door {
    /// A socket at `path`, which nobody but the caller may use. A stale one is taken over.
    ///
    /// # Errors
    /// When somebody listens there, or the file is something else, or cannot be made.
    pub(in crate::cli) fn at(path: &Path) -> Result<Door, Failure> {
        Door::open(path).map_err(|error| {
            let text = match error.kind() {
                io::ErrorKind::AddrInUse => "another host listens there".to_owned(),
                _ => error.to_string(),
            };
            Failure::usage(format_args!("the control socket {}: {text}", path.display()))
        })
    }

    /// A socket at the usual place for a device's host. Where that cannot be had, the host does
    /// without, and says so.
    pub(in crate::cli) fn usual(dev: &str) -> Option<Door> {
        let dir = directories().into_iter().next()?;
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir);
        let name = dev.replace('/', "_");
        // A device of that name may live in another network namespace.
        let second = format!("{name}.{}.sock", std::process::id());
        let opened = made.and_then(|()| match Door::open(&dir.join(format!("{name}.sock"))) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Door::open(&dir.join(second)),
            other => other,
        });
        let told = |error: &io::Error| {
            let dir = dir.display();
            log::warn!("no control socket in {dir}: {error}; --control PATH has it elsewhere");
        };
        opened.inspect_err(told).ok()
    }

    fn open(path: &Path) -> io::Result<Door> {
        let addr = UnixAddr::new(path)?;
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let fd: OwnedFd = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
        if let Err(error) = bind(fd.as_raw_fd(), &addr) {
            if error != nix::errno::Errno::EADDRINUSE {
                return Err(error.into());
            }
            remove_stale(path)?;
            bind(fd.as_raw_fd(), &addr)?;
        }
        // Nobody can connect before it listens: the permissions are never looser than this.
        let made = std::fs::set_permissions(path, Permissions::from_mode(0o600))
            .and_then(|()| Ok(std::fs::symlink_metadata(path)?.ino()))
            .and_then(|inode| {
                listen(&fd, Backlog::new(WAITING)?)?;
                Ok(inode)
            });
        match made {
            Ok(inode) => {
                let listener = Some(UnixListener::from(fd));
                Ok(Door { listener, path: path.to_owned(), inode })
            }
            Err(error) => {
                let _ = std::fs::remove_file(path);
                Err(error)
            }
        }
    }

    /// Where it is.
    pub(in crate::cli) fn path(&self) -> &Path {
        &self.path
    }

    /// The listening socket, once.
    pub(super) fn take_listener(&mut self) -> io::Result<UnixListener> {
        self.listener.take().ok_or_else(|| io::Error::other("the socket is in use"))
    }
}

/// Removes a socket that nobody listens at.
fn remove_stale(path: &Path) -> io::Result<()> {
    if !std::fs::symlink_metadata(path)?.file_type().is_socket() {
        return Err(io::Error::other("there is a file that is not a socket"));
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path)
        }
        // Somebody is there: alive, too busy to answer, or not ours to ask.
        _ => Err(io::ErrorKind::AddrInUse.into()),
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        let ours = std::fs::symlink_metadata(&self.path).is_ok_and(|meta| meta.ino() == self.inode);
        if ours {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
