//! Calls as scripts have them: the sockets they are made on, and what they return.

use super::super::ast::{Action, Expr, Syscall};
use super::super::run::errno_name;
use crate::base::SocketError;
use crate::stack::Call;

/// The sockets of one end of a connection, by the script's numbers.
pub(super) struct Sockets {
    passive: bool,
    /// The connection's.
    conn: i64,
}

fn word(name: &str) -> Expr {
    Expr::Word(name.to_owned())
}

fn bits(names: [&str; 2]) -> Expr {
    Expr::Or(names.into_iter().map(word).collect())
}

fn call(name: &str, args: Vec<Expr>, result: i64) -> Action {
    let result = Expr::Int(result);
    let (name, errno) = (name.to_owned(), None);
    Action::Syscall(Syscall { end: None, name, args, result, errno, remark: None })
}

fn failed(name: &str, args: Vec<Expr>, errno: &str) -> Action {
    let (name, errno) = (name.to_owned(), Some(errno.to_owned()));
    Action::Syscall(Syscall { end: None, name, args, result: Expr::Int(-1), errno, remark: None })
}

impl Sockets {
    pub(super) fn new(passive: bool) -> Sockets {
        Sockets { passive, conn: if passive { 4 } else { 3 } }
    }

    /// The calls before anything happens: a socket, which listens if the peer opens.
    pub(super) fn open(&self, backlog: u32) -> Vec<Action> {
        let kind = vec![Expr::Ellipsis, word("SOCK_STREAM"), word("IPPROTO_TCP")];
        let mut calls = vec![call("socket", kind, 3)];
        if self.passive {
            let one = Expr::List(vec![Expr::Int(1)]);
            let reuse = [Expr::Int(3), word("SOL_SOCKET"), word("SO_REUSEADDR"), one, Expr::Int(4)];
            calls.push(call("setsockopt", reuse.into(), 0));
            calls.push(call("bind", vec![Expr::Int(3), Expr::Ellipsis, Expr::Ellipsis], 0));
            calls.push(call("listen", vec![Expr::Int(3), Expr::Int(backlog.into())], 0));
        } else {
            calls.push(self.nonblocking());
        }
        calls
    }

    /// Every call was made when it could be answered at once.
    fn nonblocking(&self) -> Action {
        let flags = bits(["O_RDWR", "O_NONBLOCK"]);
        call("fcntl", vec![Expr::Int(self.conn), word("F_SETFL"), flags], 0)
    }

    /// What a call of the log is.
    pub(super) fn call(&self, what: Call, result: Result<u64, SocketError>) -> Vec<Action> {
        let conn = Expr::Int(self.conn);
        let pointer = |fd| vec![Expr::Int(fd), Expr::Ellipsis, Expr::Ellipsis];
        let buffer = |len: u32| vec![conn.clone(), Expr::Ellipsis, Expr::Int(len.into())];
        let (name, args) = match what {
            Call::Connect { .. } => {
                return vec![failed("connect", pointer(self.conn), "EINPROGRESS")];
            }
            Call::Accept => {
                return vec![call("accept", pointer(3), self.conn), self.nonblocking()];
            }
            Call::Abort => {
                let linger = Expr::Linger { onoff: 1, linger: 0 };
                let option =
                    [conn.clone(), word("SOL_SOCKET"), word("SO_LINGER"), linger, Expr::Int(8)];
                return vec![call("setsockopt", option.into(), 0), call("close", vec![conn], 0)];
            }
            Call::Read { max } => ("read", buffer(max)),
            Call::Write { len } => ("write", buffer(len)),
            Call::Shutdown => ("shutdown", vec![conn.clone(), word("SHUT_WR")]),
            Call::Close => ("close", vec![conn.clone()]),
            _ => return Vec::new(),
        };
        match result {
            Ok(done) => vec![call(name, args, done as i64)],
            Err(error) => vec![failed(name, args, errno_name(error))],
        }
    }
}

/// Two calls that move bytes one behind the other, as one: what was asked for by both. What reads
/// the end of the data is a call of its own.
pub(super) fn joined((one, done): (&Call, u64), (other, more): (&Call, u64)) -> Option<Call> {
    let done = u32::try_from(done).ok()?;
    match (one, other) {
        (Call::Write { len }, Call::Write { len: next }) if done == *len => {
            Some(Call::Write { len: done.checked_add(*next)? })
        }
        (Call::Read { .. }, Call::Read { max }) if done > 0 && more > 0 => {
            Some(Call::Read { max: done.checked_add(*max)? })
        }
        _ => None,
    }
}
