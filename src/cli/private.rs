//! A private network for a command: a child process in namespaces of its own makes a TUN device,
//! hands it over, and, once the stack is up, runs programs against the virtual host.
//!
//! The stack stays in this process, which touches nothing: the child's network goes with the child.
//! The child's standard input is the socket between the two.

use super::args::PrivateArgs;
use super::{Failure, Outcome, demo};
use crate::device::tun::Tun;
use crate::ip::Cidr;
use crate::sys::ifconfig::{Change, Configured};
use crate::sys::{netns, pass, tun};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};

/// The device's name in the private network.
const DEV: &str = "glass0";

/// A child in its own network, with the device it made.
pub(super) struct Private {
    child: Child,
    socket: UnixStream,
}

impl Private {
    /// Starts a child whose network has a TUN device with Linux at `linux`; also the device. The
    /// child waits for [`Private::go`], then runs `command`, or the demo's conversation.
    ///
    /// # Errors
    /// Why no such network is to be had here, in one sentence.
    pub(super) fn start(
        linux: Cidr,
        mtu: u16,
        command: &[String],
    ) -> Result<(Private, Tun), String> {
        let say = |e: io::Error| format!("a private network cannot be made: {e}");
        let (socket, theirs) = UnixStream::pair().map_err(say)?;
        let program = std::env::current_exe().map_err(say)?;
        let mut start = Command::new(program);
        start.arg("private-child");
        start.args(["--linux", &linux.to_string(), "--mtu", &mtu.to_string(), "--"]);
        start.args(command).stdin(Stdio::from(OwnedFd::from(theirs))).stderr(Stdio::piped());
        let spawned = netns::private_child(&mut start).spawn();
        drop(start); // our copy of the child's end: its death must be seen as the end of the stream
        let mut child = spawned.map_err(|e| format!("a network namespace cannot be made: {e}"))?;
        match pass::recv_fd(&socket) {
            Ok((fd, name)) => {
                let device = Tun::from_fd(fd, name, usize::from(mtu)).map_err(say)?;
                Ok((Private { child, socket }, device))
            }
            Err(error) => {
                let mut said = String::new();
                if let Some(mut stderr) = child.stderr.take() {
                    let _ = stderr.read_to_string(&mut said);
                }
                let _ = child.wait();
                let said = said.trim().trim_start_matches("netglass: ").to_owned();
                Err(if said.is_empty() { say(error) } else { said })
            }
        }
    }

    /// The stack is up: the child may begin.
    pub(super) fn go(&mut self) -> io::Result<()> {
        self.socket.write_all(b"!")
    }

    /// Waits for the child's end; what it said on standard error goes to ours.
    pub(super) fn wait(mut self) -> io::Result<ExitStatus> {
        if let Some(mut stderr) = self.child.stderr.take() {
            io::copy(&mut stderr, &mut io::stderr())?;
        }
        self.child.wait()
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        // Left early: the child sees the end of its standard input, or is ended.
        if let Ok(None) = self.child.try_wait() {
            let _ = self.socket.shutdown(std::net::Shutdown::Both);
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// The child's half: it is in its own network namespace already.
pub(super) fn child(args: &PrivateArgs) -> Outcome {
    let socket = io::stdin();
    let (fd, name) = tun::create(DEV).map_err(Failure::usage)?;
    let mut network = Configured::new().map_err(Failure::usage)?;
    let (dev, mtu) = (name.clone(), u32::from(args.mtu));
    let (addr, prefix) = (args.linux.addr(), args.linux.prefix());
    let changes = [
        Change::Up { dev: "lo".into(), up: true },
        Change::Mtu { dev: dev.clone(), mtu },
        Change::TxQueue { dev: dev.clone(), packets: 5000 },
        Change::Address { dev: dev.clone(), addr, prefix, add: true },
        Change::Up { dev, up: true },
    ];
    for change in changes {
        network.apply(change).map_err(Failure::usage)?;
    }
    pass::send_fd(socket.as_fd(), &fd, &name).map_err(Failure::failed)?;
    drop(fd);
    let mut go = [0];
    if !matches!(socket.lock().read(&mut go), Ok(1)) {
        return Err(Failure::failed("the stack went away before it was up"));
    }
    match args.command.split_first() {
        None => demo::conversation(),
        Some((program, rest)) => {
            let status = Command::new(program).args(rest).stdin(Stdio::null()).status();
            let status = status.map_err(|e| Failure::usage(format_args!("{program}: {e}")))?;
            Ok(ExitCode::from(status.code().map_or(1, |code| code as u8)))
        }
    }
}
