//! The arguments of system calls as numbers, addresses and lengths.

use super::errno::Errno;
use super::symbols;
use crate::base::{Instant, SocketError};
use crate::drill::ast::Expr;
use std::net::SocketAddr;

/// Why a call has not returned what it was made for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Trouble {
    /// It returns −1 and this error.
    Errno(Errno),
    /// It waits, at most until then.
    Block(Option<Instant>),
    /// It asks for something that is not known here.
    Refused(String),
    /// It returned something else than the script says: what.
    Wrong(String),
}

impl From<SocketError> for Trouble {
    fn from(error: SocketError) -> Trouble {
        Trouble::Errno(error.into())
    }
}

impl From<Errno> for Trouble {
    fn from(errno: Errno) -> Trouble {
        Trouble::Errno(errno)
    }
}

/// What a call answers.
pub(super) type Answer<T = i64> = Result<T, Trouble>;

pub(super) fn refused<T>(what: impl Into<String>) -> Answer<T> {
    Err(Trouble::Refused(what.into()))
}

/// The number that an expression is.
pub(super) fn number(expr: &Expr) -> Answer<i64> {
    match expr {
        Expr::Int(n) => Ok(*n),
        Expr::Hex(n) => Ok(*n as i64),
        Expr::Word(name) if name == "NULL" => Ok(0),
        Expr::Word(name) => match symbols::value(name) {
            Some(value) => Ok(value),
            None => refused(format!("the constant {name} is not known")),
        },
        Expr::Or(parts) => parts.iter().try_fold(0, |all, part| Ok(all | number(part)?)),
        Expr::Htons(n) => Ok(i64::from(n.to_be())),
        Expr::Htonl(n) => Ok(i64::from(n.to_be())),
        Expr::Assign(_, value) => number(value),
        Expr::List(items) if items.len() == 1 => number(&items[0]),
        other => Err(Trouble::Wrong(format!("{other:?} is no number"))),
    }
}

/// The arguments of one call.
#[derive(Copy, Clone, Debug)]
pub(super) struct Args<'a>(pub(super) &'a [Expr]);

impl<'a> Args<'a> {
    /// The argument at a place.
    pub(super) fn at(&self, place: usize) -> Answer<&'a Expr> {
        let missing = || Trouble::Wrong(format!("argument {} is missing", place + 1));
        self.0.get(place).ok_or_else(missing)
    }

    /// A number.
    pub(super) fn number(&self, place: usize) -> Answer<i64> {
        number(self.at(place)?)
    }

    /// A number, or a default for `...` and for what is not there.
    pub(super) fn number_or(&self, place: usize, default: i64) -> Answer<i64> {
        match self.0.get(place) {
            None | Some(Expr::Ellipsis) => Ok(default),
            Some(expr) => number(expr),
        }
    }

    /// A length in bytes.
    pub(super) fn len(&self, place: usize) -> Answer<usize> {
        let len = self.number(place)?;
        // What no buffer can hold, the kernel cuts as well.
        usize::try_from(len).map(|len| len.min(0x7fff_f000)).map_err(|_| Errno::EINVAL.into())
    }

    /// Whether the argument is a null pointer.
    pub(super) fn is_null(&self, place: usize) -> bool {
        matches!(self.0.get(place), Some(Expr::Word(name)) if name == "NULL")
            || matches!(self.0.get(place), Some(Expr::Int(0)))
    }

    /// The bytes of all buffers of a vector.
    pub(super) fn vector(&self, place: usize) -> Answer<usize> {
        match self.at(place)? {
            Expr::List(items) => total(items),
            Expr::Ellipsis => Ok(0),
            other => Err(Trouble::Wrong(format!("{other:?} is no vector of buffers"))),
        }
    }
}

/// The bytes of all buffers.
pub(super) fn total(items: &[Expr]) -> Answer<usize> {
    items.iter().try_fold(0, |all, item| match item {
        Expr::Iovec(iovec) => Ok(all + iovec.len as usize),
        other => Err(Trouble::Wrong(format!("{other:?} is no buffer"))),
    })
}

/// What an address in a script means.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Address {
    /// The one that is configured.
    Configured,
    /// This one.
    This(SocketAddr),
    /// None: `AF_UNSPEC`.
    Unspecified,
    /// A null pointer.
    Null,
}

/// The address of an argument; `default` fills in a port that is left open.
pub(super) fn address(expr: &Expr, default: SocketAddr) -> Answer<Address> {
    Ok(match expr {
        Expr::Ellipsis => Address::Configured,
        Expr::Word(name) if name == "AF_UNSPEC" => Address::Unspecified,
        Expr::Word(name) if name == "NULL" => Address::Null,
        Expr::Sockaddr(addr) if addr.family == "AF_UNSPEC" => Address::Unspecified,
        Expr::Sockaddr(addr) => Address::This(SocketAddr::new(
            addr.addr.unwrap_or(default.ip()),
            addr.port.unwrap_or(default.port()),
        )),
        other => return Err(Trouble::Wrong(format!("{other:?} is no address"))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_numbers() {
        let word = |name: &str| Expr::Word(name.into());
        let or = Expr::Or(vec![word("O_RDWR"), word("O_NONBLOCK")]);
        assert_eq!(number(&or), Ok(0o4002));
        assert_eq!(number(&Expr::List(vec![Expr::Hex(0x10)])), Ok(16));
        assert!(matches!(number(&word("O_MAGIC")), Err(Trouble::Refused(_))));
        assert!(matches!(number(&Expr::Ellipsis), Err(Trouble::Wrong(_))));
    }
}
