//! The machine as a kernel for callers that are no script: calls that answer instead of being
//! compared, packets as bytes, a clock that is set forward.

use super::args::{Answer, Args, Trouble};
use super::calls::{self, Progress, Returned};
use super::errno::Errno;
use super::machine::Machine;
use super::profile::Profile;
use super::settings::{Options, Settings};
use super::{sockopt, waiting};
use crate::base::{Duration, IfaceId, Instant};
use crate::drill::ast::{Expr, Syscall};
use crate::ip::Cidr;
use crate::wire::ip;
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// How long a packet is waited for.
const PATIENCE: Duration = Duration::from_secs(100_000);

/// What is asked for.
#[derive(Clone, PartialEq, Debug)]
pub(in crate::drill) enum Request {
    /// A system call whose answer is a number, with bytes that were read.
    Call(Syscall),
    /// What an option of a socket is, given the call and room for it.
    Option(Syscall, usize),
    /// What an ioctl answers.
    Ioctl(Syscall),
    /// What has happened on these files, with what is asked for.
    Poll(Vec<(i64, i64)>, i64),
    /// What an epoll instance has to tell.
    Epoll(Syscall),
}

/// What comes of it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::drill) struct Reply {
    /// The number that is returned.
    pub(in crate::drill) value: i64,
    /// What was read.
    pub(in crate::drill) bytes: Vec<u8>,
    /// Who sent it, or is at the other end.
    pub(in crate::drill) from: Option<SocketAddr>,
    /// Events, each with what belongs to it.
    pub(in crate::drill) events: Vec<(i64, i64)>,
}

/// What a call has come to.
#[derive(Clone, PartialEq, Debug)]
pub(in crate::drill) enum Outcome {
    /// It has returned: what, or the number of an error.
    Done(Result<Reply, i32>),
    /// It waits.
    Waits(Waiting),
}

/// A call that waits.
#[derive(Clone, Debug)]
pub(in crate::drill) struct Waiting {
    request: Request,
    progress: Progress,
    until: Option<Instant>,
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Waiting) -> bool {
        self.request == other.request && self.until == other.until
    }
}

/// A packet that has left.
type Left = (Instant, Vec<u8>);

/// The host and its files.
#[derive(Debug)]
pub(in crate::drill) struct Kernel {
    machine: Machine,
    /// Where numbers for descriptors come from.
    numbers: fn() -> i64,
    /// Somebody has bound a socket to an address.
    bound: bool,
    left: VecDeque<Left>,
    /// What was asked for and is not known here.
    pub(in crate::drill) refused: Vec<String>,
}

impl Kernel {
    /// A host of that profile; its address is the one that a socket is bound to first.
    ///
    /// # Panics
    /// Never: what scripts have when they say nothing can be had.
    pub(in crate::drill) fn new(profile: Profile, mtu: u16, numbers: fn() -> i64) -> Kernel {
        let mut settings = Settings::of(&[], &Options::default()).expect("nothing is asked for");
        settings.mtu = mtu;
        let machine = Machine::new(settings, profile);
        let mut kernel =
            Kernel { machine, numbers, bound: false, left: VecDeque::new(), refused: Vec::new() };
        kernel.own(Ipv6Addr::new(0xfd3d, 0xfa7b, 0xd17d, 0, 0, 0, 0, 1).into());
        kernel
    }

    /// Has an address.
    fn own(&mut self, ip: IpAddr) {
        let ip = ip.to_canonical();
        let prefix = if ip.is_ipv4() { 16 } else { 48 };
        if let Ok(cidr) = Cidr::new(ip, prefix) {
            let now = self.machine.world.now;
            // One that it has already is no mistake.
            let _ = self.machine.world.stack.add_address(now, IfaceId(0), cidr);
        }
        self.machine.settings.local = ip;
    }

    /// The time.
    pub(in crate::drill) fn now(&self) -> Instant {
        self.machine.world.now
    }

    // ---- calls

    /// Makes a call.
    pub(in crate::drill) fn call(&mut self, request: Request) -> Outcome {
        if let Request::Call(call) = &request
            && call.name == "bind"
            && let Some(Expr::Sockaddr(at)) = call.args.get(1)
            && let Some(ip) = at.addr.filter(|ip| !ip.is_unspecified())
        {
            self.own(ip);
            self.bound = true;
        }
        let progress = Progress::new(self.now());
        self.again(Waiting { request, progress, until: None })
    }

    /// Goes on with a call that waits.
    pub(in crate::drill) fn again(&mut self, mut waiting: Waiting) -> Outcome {
        let answer = self.attempt(&waiting.request, &mut waiting.progress);
        self.pump();
        Outcome::Done(match answer {
            Ok(reply) => Ok(reply),
            Err(Trouble::Block(until)) => return Outcome::Waits(Waiting { until, ..waiting }),
            Err(Trouble::Errno(errno)) => Err(errno.0.into()),
            Err(Trouble::Refused(what) | Trouble::Wrong(what)) => {
                self.refused.push(what);
                Err(Errno::ENOSYS.0.into())
            }
        })
    }

    fn attempt(&mut self, request: &Request, progress: &mut Progress) -> Answer<Reply> {
        let machine = &mut self.machine;
        let events = |events: Vec<(i64, i64)>| Reply {
            value: events.iter().filter(|(events, _)| *events != 0).count() as i64,
            events,
            ..Reply::default()
        };
        match request {
            Request::Call(call) => {
                let Returned { value, opened } = calls::call(machine, call, progress)?;
                let value = match opened {
                    Some(file) => self.label(file)?,
                    None => value,
                };
                let from = progress.from.or_else(|| opened.and_then(|file| self.peer(file)));
                let bytes = std::mem::take(&mut progress.got);
                Ok(Reply { value, bytes, from, events: Vec::new() })
            }
            Request::Option(call, room) => {
                let bytes = sockopt::ask(machine, Args(&call.args))?.bytes(*room);
                Ok(Reply { bytes, ..Reply::default() })
            }
            Request::Ioctl(call) => {
                let value = sockopt::ask_ioctl(machine, Args(&call.args))?;
                let bytes = value.map(|n| (n as i32).to_ne_bytes().to_vec()).unwrap_or_default();
                Ok(Reply { bytes, ..Reply::default() })
            }
            Request::Poll(files, timeout) => {
                waiting::polled(machine, files, *timeout, progress).map(events)
            }
            Request::Epoll(call) => waiting::ready(machine, Args(&call.args), progress).map(events),
        }
    }

    /// A descriptor for a file.
    fn label(&mut self, file: usize) -> Answer {
        let fd = (self.numbers)();
        if fd < 0 {
            self.machine.files[file] = None;
            return Err(Errno::EMFILE.into());
        }
        self.machine.labels.insert(fd, file);
        Ok(fd)
    }

    /// The peer of an accepted connection.
    fn peer(&mut self, file: usize) -> Option<SocketAddr> {
        let sock = self.machine.sock_at(file).ok()?;
        let (conn, v6) = (sock.conn()?, sock.v6);
        let remote = self.machine.world.stack.pair(conn).ok()?.remote;
        Some(match (remote.ip(), v6) {
            (IpAddr::V4(ip), true) => SocketAddr::new(ip.to_ipv6_mapped().into(), remote.port()),
            _ => remote,
        })
    }

    // ---- packets

    /// A packet arrives; where nobody has bound to another, its destination is the host's.
    pub(in crate::drill) fn inject(&mut self, bytes: &[u8]) {
        let header = ip::Header::parse(bytes, bytes.len()).ok();
        if let Some(header) = header.filter(|_| !self.bound) {
            self.own(header.dst);
        }
        self.machine.world.inject(bytes.to_vec());
        self.pump();
    }

    /// The next packet that has left, and when.
    pub(in crate::drill) fn take(&mut self) -> Option<Left> {
        self.left.pop_front()
    }

    /// Whether a packet has left that nobody has taken.
    pub(in crate::drill) fn has_left(&self) -> bool {
        !self.left.is_empty()
    }

    /// Lets the host do what it can do now, and keeps what it sends.
    fn pump(&mut self) {
        let world = &mut self.machine.world;
        world.pump();
        world.out.clear();
        world.told.clear();
        let crossed = world.crossed.drain(..).filter(|packet| !packet.inbound);
        self.left.extend(crossed.map(|packet| (packet.at, packet.bytes)));
    }

    // ---- time

    /// When something is due next, for the host or a call that waits.
    pub(in crate::drill) fn next(&mut self, waiting: Option<&Waiting>) -> Option<Instant> {
        let until = waiting.and_then(|waiting| waiting.until);
        [self.machine.world.deadline(), until].into_iter().flatten().min()
    }

    /// The last moment for which a packet is waited.
    pub(in crate::drill) fn patience(&self) -> Instant {
        self.now() + PATIENCE
    }

    /// Sets the clock forward; nothing is due before.
    pub(in crate::drill) fn set(&mut self, now: Instant) {
        self.machine.world.now = self.machine.world.now.max(now);
        self.pump();
    }
}
