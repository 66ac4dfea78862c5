//! The stacks under test: each offers the services of a load in a process of its own.

mod bare;
mod forward;
mod http;
mod idle;
mod kernel;
mod limit;
mod netglass;
mod smoltcp;
mod streams;
mod watch;

use crate::cell::Cell;
use crate::{Outcome, lan};
use ::netglass::sys::netns;
use clap::ValueEnum;
use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

/// Bytes per call of a service's user.
const ROOM: usize = 256 * 1024;
/// The buffers of a connection, in bytes, where the stack has a fixed size.
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
    /// A peer with no protocol behind it, on a device with offloads: what the device allows.
    Limit,
    /// As `limit`, on a plain device.
    LimitPlain,
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
        Subject::Limit,
        Subject::LimitPlain,
    ];

    /// The kind of its device, if it has one.
    fn device(self) -> lan::Kind {
        match self {
            Subject::Netglass | Subject::Bare | Subject::Limit => lan::Kind::Offload,
            _ => lan::Kind::Plain,
        }
    }

    /// Whether it is Linux at the end of a cable.
    fn is_on_cable(cell: Cell) -> bool {
        cell.subject == Subject::Kernel && !cell.load.lossy
    }
}

/// A service.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Service {
    /// Sends everything back.
    Echo,
    /// Reads to the end, then says how many bytes that were, as a 64-bit number.
    Sink,
    /// Writes for ever.
    Source,
    /// Greets over HTTP/1.1.
    Http,
}

impl Service {
    /// Its well-known port.
    pub(crate) const fn port(self) -> u16 {
        match self {
            Service::Echo => 7,
            Service::Sink => 9,
            Service::Source => 19,
            Service::Http => 80,
        }
    }
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
            Subject::Limit => "limit",
            Subject::LimitPlain => "limit-plain",
        })
    }
}

/// The server's part: serves until its standard input ends.
pub(crate) fn run(cell: Cell) -> Outcome<()> {
    if Subject::is_on_cable(cell) {
        await_cable()?;
    }
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    match cell.subject {
        Subject::Netglass | Subject::Plain => netglass::run(cell),
        Subject::Bare | Subject::BarePlain => bare::run(cell),
        Subject::Smoltcp => smoltcp::run(cell),
        Subject::SmoltcpJumbo => smoltcp::run(Cell { mtu: u16::MAX, ..cell }),
        Subject::Kernel if cell.load.lossy => forward::run(cell),
        Subject::Kernel => kernel::run(cell),
        Subject::Limit | Subject::LimitPlain => limit::run(cell),
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
    /// Starts a stack, and waits until it serves.
    pub(crate) fn start(cell: Cell) -> Outcome<Process> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("serve").args(cell.words());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let cable = Subject::is_on_cable(cell);
        if cable {
            netns::private_child(&mut command);
        }
        let mut process = Process(command.spawn()?);
        let stdout = process.0.stdout.take().ok_or("no standard output")?;
        let mut lines = BufReader::new(stdout);
        if cable {
            expect(&mut lines, "here")?;
            lan::veth(process.id())?;
            lan::configure(lan::DEV, lan::NEAR, cell.mtu)?;
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
