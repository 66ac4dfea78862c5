//! System calls: `[...END] name(args) = result [ERRNO [(text)]] [(note)]`.

use super::super::ast::{Expr, Syscall, Time};
use super::super::error::Error;
use super::{Kind, Parser};

impl Parser<'_, '_> {
    /// A system call that starts at `time`.
    pub(super) fn syscall(&mut self, time: Time) -> Result<Syscall, Error> {
        let end = if self.peek().kind == Kind::Ellipsis { Some(self.end(time)?) } else { None };
        if self.peek().kind != Kind::Word {
            return self.expected("the name of a system call", &[]);
        }
        let name = self.take().text.into_owned();
        self.want("(")?;
        let args = if self.is(")") { Vec::new() } else { self.list()? };
        if !self.eat(")") {
            return self.expected("`,` and the next argument, or `)`", &[]);
        }
        if !self.eat("=") {
            return self.expected("`=` and the result of the call", &[]);
        }
        let result = self.expr()?;
        let fails = self.peek().kind == Kind::Word;
        let errno = fails.then(|| self.take().text.into_owned());
        let mut remarks = Vec::new();
        while self.is("(") && remarks.len() < 2 {
            remarks.push(self.remark()?);
        }
        let remark = (!remarks.is_empty()).then(|| remarks.join("; "));
        Ok(Syscall { end, name, args, result, errno, remark })
    }

    /// `...END`, on the base of the start.
    fn end(&mut self, time: Time) -> Result<u64, Error> {
        self.take();
        let at = self.peek().at;
        if matches!(time, Time::After(_)) {
            self.eat("+");
        }
        let end = self.seconds()?;
        match time {
            Time::At(start) | Time::After(start) if end < start => {
                self.fail_at(at, "this call ends before it starts")
            }
            _ => Ok(end),
        }
    }

    /// Words in parentheses, as they are written, with a blank where there were more.
    fn remark(&mut self) -> Result<String, Error> {
        self.want("(")?;
        let mut text = String::new();
        while !self.is(")") {
            let token = self.peek();
            if !matches!(token.kind, Kind::Word | Kind::Int | Kind::Hex | Kind::Float | Kind::Mark)
            {
                return self.expected("words and `)`", &[]);
            }
            if !text.is_empty() && !token.glued {
                text.push(' ');
            }
            let token = self.take();
            text.push_str(&token.text);
        }
        self.take();
        Ok(text)
    }

    /// One or more expressions between commas.
    pub(super) fn list(&mut self) -> Result<Vec<Expr>, Error> {
        let mut list = Vec::new();
        loop {
            list.push(self.expr()?);
            self.check_no_call()?;
            if !self.eat(",") {
                return Ok(list);
            }
        }
    }
}
