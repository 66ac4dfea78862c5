//! Private network namespaces: a network of one's own, without touching the host's.
//!
//! Root needs only a network namespace. Everybody else gets one inside a user namespace, where the
//! caller's user is root (user_namespaces(7)); a process can enter that only while it has a single
//! thread, so it must happen before runtimes and loggers start. A program that has threads starts a
//! child with [`private_child`] instead: the child creates the device and hands it back with
//! [`super::pass`].

use super::error::SetupError;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::Mode;
use nix::unistd::{Gid, Uid, getegid, geteuid, write};
use std::ffi::CStr;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// What the kernel is told about users in the new user namespace.
#[derive(Clone, Debug)]
struct Maps {
    as_root: bool,
    uid: Vec<u8>,
    gid: Vec<u8>,
}

impl Maps {
    fn new(uid: Uid, gid: Gid) -> Maps {
        let line = |outside: u32| format!("0 {outside} 1\n").into_bytes();
        Maps { as_root: uid.is_root(), uid: line(uid.as_raw()), gid: line(gid.as_raw()) }
    }

    /// Enters the namespaces. Allocates nothing: it also runs between `fork` and `exec`.
    fn enter(&self) -> Result<(), Errno> {
        if self.as_root {
            match unshare(CloneFlags::CLONE_NEWNET) {
                // Root of a container without CAP_SYS_ADMIN is like any other user.
                Err(Errno::EPERM) => {}
                done => return done,
            }
        }
        unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET)?;
        // Without this an unprivileged process may not write its group map.
        put(c"/proc/self/setgroups", b"deny")?;
        put(c"/proc/self/uid_map", &self.uid)?;
        put(c"/proc/self/gid_map", &self.gid)
    }
}

fn put(path: &CStr, bytes: &[u8]) -> Result<(), Errno> {
    let file = open(path, OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    write(&file, bytes).map(|_| ())
}

/// Whether this process has a single thread.
///
/// # Errors
/// When `/proc` cannot be read.
pub fn is_single_threaded() -> io::Result<bool> {
    Ok(std::fs::read_dir("/proc/self/task")?.count() == 1)
}

/// Moves this thread, and those it will start, into a new network namespace with nothing but a
/// loopback interface that is down. The process's user becomes root in it.
///
/// Call it before any other thread exists: threads that run already stay in the old namespace when
/// the caller is root, and make it fail when not.
///
/// # Errors
/// [`SetupError::Threads`], or when the kernel forbids user namespaces.
pub fn enter_private() -> Result<(), SetupError> {
    let maps = Maps::new(geteuid(), getegid());
    maps.enter().map_err(|errno| match errno {
        Errno::EINVAL if !is_single_threaded().unwrap_or(true) => SetupError::Threads,
        Errno::EPERM | Errno::EACCES | Errno::ENOSPC | Errno::EUSERS => SetupError::NoNamespaces,
        _ => SetupError::system("to create a network namespace", errno),
    })
}

/// Makes `command` start in a new network namespace, as [`enter_private`] would; this process may
/// have any number of threads. `spawn` fails with the kernel's error when it forbids that.
pub fn private_child(command: &mut Command) -> &mut Command {
    let maps = Maps::new(geteuid(), getegid());
    // SAFETY: the closure runs in the child between fork and exec, where only what is
    // async-signal-safe may run: it makes the system calls unshare, open, write and close on
    // memory prepared here, allocates nothing and takes no lock.
    unsafe { command.pre_exec(move || Ok(maps.enter()?)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_child_has_a_network_of_its_own() {
        const NET: &str = "/proc/self/ns/net";
        let mut command = Command::new("sh");
        command.args(["-c", "id -u; readlink \"$0\"", NET]);
        let output = match private_child(&mut command).output() {
            Ok(output) => output,
            Err(e) => {
                println!("skipped: no private network namespace here: {e}");
                return;
            }
        };
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).expect("ASCII");
        let (user, theirs) = text.trim().split_once('\n').expect("two lines");
        let ours = std::fs::read_link(NET).expect("/proc is there");
        assert_eq!(user, "0", "the user is root in there");
        assert!(theirs.starts_with("net:[") && theirs != ours.to_string_lossy(), "{theirs}");
    }

    #[test]
    fn a_test_never_runs_alone() {
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || wait.recv());
        assert!(!is_single_threaded().expect("/proc is there"));
        drop(go);
        assert!(thread.join().expect("it only waits").is_err());
    }
}
