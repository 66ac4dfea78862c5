//! Structures in braces whose members have names.

use super::super::ast::{Cmsg, EpollData, EpollEvent, Expr, ExtendedErr, Iovec, Msghdr, Pollfd};
use super::super::error::Error;
use super::{Kind, Parser};

impl Parser<'_, '_> {
    /// The structure that has `member` first, if there is one.
    pub(super) fn structure(&mut self, member: &str) -> Result<Option<Expr>, Error> {
        Ok(Some(match member {
            "msg_name" => Expr::Msghdr(Box::new(self.msghdr()?)),
            "cmsg_level" => Expr::Cmsg(Box::new(self.cmsg()?)),
            "fd" => Expr::Pollfd(Box::new(self.pollfd()?)),
            "events" => Expr::EpollEvent(Box::new(self.epoll_event()?)),
            "onoff" | "l_onoff" => self.linger()?,
            "ee_errno" => Expr::ExtendedErr(Box::new(self.extended_err()?)),
            "scm_sec" => self.scm_timestamp()?,
            "iov_base" => self.iovec()?,
            _ => return Ok(None),
        }))
    }

    /// `name=expr`.
    fn member(&mut self, name: &str) -> Result<Expr, Error> {
        self.want_member(name)?;
        self.expr()
    }

    /// `, name=expr`.
    fn next_member(&mut self, name: &str) -> Result<Expr, Error> {
        self.want(",")?;
        self.member(name)
    }

    /// A number that may be negative.
    fn int(&mut self) -> Result<i64, Error> {
        self.number("a number", i64::MIN, i64::MAX)
    }

    /// `iov_base=..., iov_len=N`.
    fn iovec(&mut self) -> Result<Expr, Error> {
        self.want_member("iov_base")?;
        let base = match self.peek().kind {
            Kind::Text => Some(self.text()?),
            Kind::Ellipsis => {
                self.take();
                None
            }
            _ => return self.expected("a string or `...`", &[]),
        };
        self.want(",")?;
        self.want_member("iov_len")?;
        let len = self.number("a length", 0, i64::MAX)? as u64;
        Ok(Expr::Iovec(Iovec { base, len }))
    }

    fn msghdr(&mut self) -> Result<Msghdr, Error> {
        self.want_word("msg_name")?;
        self.want("(")?;
        let namelen = self.expr()?;
        self.want(")")?;
        self.want("=")?;
        let name = self.expr()?;
        self.want(",")?;
        self.want_word("msg_iov")?;
        self.want("(")?;
        let iovlen = self.number("a number of buffers", 0, i64::MAX)? as u64;
        self.want(")")?;
        self.want("=")?;
        let iov = self.array("the buffers in brackets")?;
        let (mut flags, mut control) = (None, None);
        while self.eat(",") {
            if flags.is_none() && self.is_word("msg_flags") {
                flags = Some(self.member("msg_flags")?);
            } else if control.is_none() && self.is_word("msg_control") {
                self.want_member("msg_control")?;
                control = Some(self.array("control messages in brackets")?);
            } else {
                return self.expected(
                    "`msg_flags` or `msg_control`, once each",
                    &["msg_flags", "msg_control"],
                );
            }
        }
        let Some(flags) = flags else { return self.expected("`, msg_flags=`", &[]) };
        Ok(Msghdr { name, namelen, iovlen, iov, flags, control })
    }

    /// A list in brackets.
    fn array(&mut self, what: &str) -> Result<Vec<Expr>, Error> {
        if !self.is("[") {
            return self.expected(what, &[]);
        }
        match self.expr()? {
            Expr::List(list) => Ok(list),
            _ => self.expected(what, &[]),
        }
    }

    fn cmsg(&mut self) -> Result<Cmsg, Error> {
        Ok(Cmsg {
            level: self.member("cmsg_level")?,
            kind: self.next_member("cmsg_type")?,
            data: self.next_member("cmsg_data")?,
        })
    }

    fn pollfd(&mut self) -> Result<Pollfd, Error> {
        let fd = self.member("fd")?;
        let events = self.next_member("events")?;
        let more = self.is(",");
        let revents = more.then(|| self.next_member("revents")).transpose()?;
        Ok(Pollfd { fd, events, revents })
    }

    fn epoll_event(&mut self) -> Result<EpollEvent, Error> {
        const MEMBERS: [(&str, EpollData); 4] = [
            ("ptr", EpollData::Ptr),
            ("fd", EpollData::Fd),
            ("u32", EpollData::U32),
            ("u64", EpollData::U64),
        ];
        let events = self.member("events")?;
        self.want(",")?;
        let words = MEMBERS.map(|(word, _)| word);
        let Some(nth) = self.eat_one_of(&words) else {
            return self.expected("`fd`, `ptr`, `u32` or `u64`", &words);
        };
        self.want("=")?;
        Ok(EpollEvent { events, member: MEMBERS[nth].1, data: self.expr()? })
    }

    fn linger(&mut self) -> Result<Expr, Error> {
        self.eat_one_of(&["onoff", "l_onoff"]);
        self.want("=")?;
        let onoff = self.int()?;
        self.want(",")?;
        if self.eat_one_of(&["linger", "l_linger"]).is_none() {
            return self.expected("`linger`", &["linger"]);
        }
        self.want("=")?;
        Ok(Expr::Linger { onoff, linger: self.int()? })
    }

    fn extended_err(&mut self) -> Result<ExtendedErr, Error> {
        Ok(ExtendedErr {
            errno: self.member("ee_errno")?,
            origin: self.next_member("ee_origin")?,
            kind: self.next_member("ee_type")?,
            code: self.next_member("ee_code")?,
            info: self.next_member("ee_info")?,
            data: self.next_member("ee_data")?,
        })
    }

    fn scm_timestamp(&mut self) -> Result<Expr, Error> {
        self.want_member("scm_sec")?;
        let sec = self.int()?;
        self.want(",")?;
        self.want_member("scm_nsec")?;
        Ok(Expr::ScmTimestamp { sec, nsec: self.int()? })
    }
}
