//! A script as a tree: what was written, in types, each event with its line.
//!
//! Numbers are as the script has them: sequence numbers are relative to the initial ones, windows
//! are unscaled, descriptors are labels. All times are nanoseconds.

mod expr;
mod packet;

pub use expr::{Cmsg, EpollData, EpollEvent, Expr, ExtendedErr, Iovec, Msghdr, Pollfd, Sockaddr};
pub use packet::{
    AccEcn, Body, Counter, Direction, Ecn, Ecr, Encap, Flags, Gre, Icmp, IcmpWord, IpInfo, Label,
    Md5, Options, Packet, Ports, Quoted, Seq, SeqKind, Tcp, TcpOption, TrafficClass, Udp,
};

/// A whole script.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Script {
    /// The host that it is meant for, from a `//? profile NAME` comment at its top.
    pub profile: Option<Note>,
    /// Whether the host gets its turns only where the script has them, from `//? turns written` at
    /// its top.
    pub turns: bool,
    /// `--name=value` lines at the start, in their order.
    pub options: Vec<FileOption>,
    /// The shell command before time 0; if it fails, nothing is run.
    pub init: Option<Command>,
    /// What happens, in the order of the file; never empty in a script that was read.
    pub events: Vec<Event>,
    /// The shell command after everything, run on success and on failure.
    pub cleanup: Option<Command>,
}

/// An option of the file: `--tolerance_usecs=10000`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileOption {
    /// Where it is.
    pub line: u32,
    /// The name, without the dashes.
    pub name: String,
    /// The value, without quotes; `NAME=VALUE` for a definition.
    pub value: Option<String>,
}

/// A shell command between backquotes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Command {
    /// Where it starts.
    pub line: u32,
    /// The text between the backquotes, which may have several lines.
    pub text: String,
}

/// One event: a time and what happens then.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// Where it starts.
    pub line: u32,
    /// When.
    pub time: Time,
    /// What.
    pub action: Action,
    /// What must hold when it is over, from `//?` comments behind it or below it.
    pub notes: Vec<Note>,
}

/// When an event is due, in nanoseconds. Only outbound packets have `Any` and ranges; a range's
/// first moment is never after its second.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Time {
    /// `0.100`: since the start.
    At(u64),
    /// `+0.100`: since the event before.
    After(u64),
    /// `*`: whenever it comes.
    Any,
    /// `0.1~0.2`: since the start, between two moments.
    AtRange(u64, u64),
    /// `+0.1~+0.2`: since the event before, between two moments.
    AfterRange(u64, u64),
}

/// What happens at an event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// `<` or `>`: a packet arrives, or must leave.
    Packet(Packet),
    /// A system call with its result.
    Syscall(Syscall),
    /// A shell command; a non-zero exit fails the script.
    Command(String),
    /// `%{ … }%`: statements that must not fail, on what `tcp_info` says at that time. The text
    /// without the blanks around it; its first line is `line`.
    Code {
        /// Where the text itself starts.
        line: u32,
        /// The statements.
        text: String,
    },
}

/// A `//? name value` comment: what must hold of the socket under test when an event is over.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    /// Where it is.
    pub line: u32,
    /// The first word: `state`, `why`, `cwnd`.
    pub name: String,
    /// The rest of the comment, without blanks around it: `ESTABLISHED`, `rack`, `14600`.
    pub value: String,
}

/// `[...END] name(args) = result [ERRNO [(text)]] [(note)]`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Syscall {
    /// When a call that may block must return, on the same base as its start; it returns at once
    /// where there is none.
    pub end: Option<u64>,
    /// Its name: `setsockopt`.
    pub name: String,
    /// Its arguments.
    pub args: Vec<Expr>,
    /// What it must return; [`Expr::Ellipsis`] for anything.
    pub result: Expr,
    /// `EAGAIN`, if an error is named.
    pub errno: Option<String>,
    /// The words in parentheses, as strace writes them, without the parentheses: what the error or
    /// the result means. Nothing depends on them.
    pub remark: Option<String>,
}
