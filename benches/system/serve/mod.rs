//! The stacks under test: each offers the same three services in a process of its own.

mod bare;
mod kernel;
mod netglass;
mod smoltcp;
mod streams;

use crate::{Outcome, lan};
use ::netglass::sys::netns;
use clap::ValueEnum;
use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

/// Bytes per call of a service's user.
const ROOM: usize = 256 * 1024;
/// The buffers of a connection, in bytes, where the stack lets its user choose.
const BUFFER: usize = 1 << 20;
/// Packets taken from a device before anything is sent, where the loop is ours.
const BATCH: usize = 64;

/// A stack.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug, ValueEnum)]
pub(crate) enum Subject {
    /// netglass as programs use it: a driver's thread, and sockets in another.
    Netglass,
    /// netglass in one loop that does everything, which is how smoltcp is used.
    Bare,
    /// As `netglass`, on a plain device.
    Plain,
    /// As `bare`, on a plain device.
    BarePlain,
    /// smoltcp.
    Smoltcp,
    /// smoltcp with the longest MTU there is.
    SmoltcpJumbo,
    /// The Linux kernel, on a veth cable.
    Kernel,
}

impl Subject {
    pub(crate) const ALL: &[Subject] = &[
        Subject::Netglass,
        Subject::Bare,
        Subject::Plain,
        Subject::BarePlain,
        Subject::Smoltcp,
        Subject::SmoltcpJumbo,
        Subject::Kernel,
    ];
}

/// A service.
#[derive(Copy, Clone, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Service {
    /// Reads to the end, then says how many bytes that were, as a 64-bit number.
    Sink,
    /// Writes for ever.
    Source,
    /// Sends everything back.
    Echo,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Subject::Netglass => "netglass",
            Subject::Bare => "bare",
            Subject::Plain => "plain",
            Subject::BarePlain => "bare-plain",
            Subject::Smoltcp => "smoltcp",
            Subject::SmoltcpJumbo => "smoltcp-jumbo",
            Subject::Kernel => "kernel",
        })
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Service::Sink => "sink",
            Service::Source => "source",
            Service::Echo => "echo",
        })
    }
}

/// The server's part: serves until its standard input ends.
pub(crate) fn run(subject: Subject, service: Service, mtu: u16) -> Outcome<()> {
    if subject == Subject::Kernel {
        await_cable()?;
    }
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    match subject {
        Subject::Netglass => netglass::run(service, mtu, lan::Kind::Offload),
        Subject::Bare => bare::run(service, mtu, lan::Kind::Offload),
        Subject::Plain => netglass::run(service, mtu, lan::Kind::Plain),
        Subject::BarePlain => bare::run(service, mtu, lan::Kind::Plain),
        Subject::Smoltcp => smoltcp::run(service, mtu),
        Subject::SmoltcpJumbo => smoltcp::run(service, u16::MAX),
        Subject::Kernel => kernel::run(service, mtu),
    }
}

/// Says that this process's network namespace is there, and waits until there is a cable in it.
fn await_cable() -> Outcome<()> {
    println!("here");
    std::io::stdin().read_exact(&mut [0])?;
    Ok(())
}

/// Says that the service can be used.
fn ready() {
    println!("ready");
}

/// A server's process. Dropping it ends it.
pub(crate) struct Process(Child);

impl Process {
    /// Starts a stack with a service, and waits until it serves.
    pub(crate) fn start(subject: Subject, service: Service, mtu: u16) -> Outcome<Process> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["serve", &subject.to_string(), &service.to_string(), &mtu.to_string()]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        if subject == Subject::Kernel {
            netns::private_child(&mut command);
        }
        let mut process = Process(command.spawn()?);
        let stdout = process.0.stdout.take().ok_or("no standard output")?;
        let mut lines = BufReader::new(stdout);
        if subject == Subject::Kernel {
            expect(&mut lines, "here")?;
            lan::veth(process.id())?;
            lan::configure(lan::DEV, lan::NEAR, mtu)?;
            process.0.stdin.as_mut().ok_or("no standard input")?.write_all(b"!")?;
        }
        expect(&mut lines, "ready")?;
        Ok(process)
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn expect(lines: &mut BufReader<ChildStdout>, wanted: &str) -> Outcome<()> {
    let mut line = String::new();
    lines.read_line(&mut line)?;
    match line.trim() == wanted {
        true => Ok(()),
        // It has said why on standard error.
        false => Err("the server did not start".into()),
    }
}
