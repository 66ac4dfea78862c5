//! Expressions: numbers, symbols, strings, lists, and what they make together.

use super::super::ast::{Expr, Iovec, Sockaddr};
use super::super::error::{Error, hint, quote};
use super::{Kind, Parser};
use std::net::IpAddr;

/// What can be called in an expression.
const FUNCTIONS: [&str; 4] = ["htons", "htonl", "inet_addr", "inet6_addr"];

/// Resolves the escapes of a string; the one that is none.
fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        rest = &rest[at + 1..];
        let code = rest.chars().next().unwrap_or('\\');
        rest = rest.get(code.len_utf8()..).unwrap_or("");
        bytes.push(match code {
            '\\' => b'\\',
            '"' => b'"',
            'f' => 0x0c,
            'n' => b'\n',
            'r' => b'\r',
            't' => b'\t',
            'v' => 0x0b,
            'x' => {
                let digits = rest.get(..2).filter(|two| two.bytes().all(|b| b.is_ascii_hexdigit()));
                let Some(digits) = digits else { return Err("\\x".to_owned()) };
                rest = &rest[2..];
                u8::from_str_radix(digits, 16).unwrap_or_default()
            }
            other => return Err(format!("\\{other}")),
        });
    }
    bytes.extend_from_slice(rest.as_bytes());
    Ok(bytes)
}

impl Parser<'_, '_> {
    /// Any expression.
    pub(super) fn expr(&mut self) -> Result<Expr, Error> {
        self.nested(|parser| {
            let first = parser.single()?;
            if !parser.is("|") {
                return Ok(first);
            }
            let mut all = vec![first];
            while parser.eat("|") {
                all.push(parser.single()?);
            }
            Ok(Expr::Or(all))
        })
    }

    /// An expression that is no `a|b`.
    fn single(&mut self) -> Result<Expr, Error> {
        let kind = self.peek().kind;
        match kind {
            Kind::Ellipsis => {
                self.take();
                Ok(Expr::Ellipsis)
            }
            Kind::Int => self.number("a number", i64::MIN, i64::MAX).map(Expr::Int),
            Kind::Hex => match u64::from_str_radix(&self.peek().text[2..], 16) {
                Ok(value) => {
                    self.take();
                    Ok(Expr::Hex(value))
                }
                Err(_) => self.fail("a number has at most 64 bits"),
            },
            Kind::Text => {
                let text = self.text()?;
                let open = self.peek().kind == Kind::Ellipsis;
                if open {
                    self.take();
                }
                Ok(if open { Expr::Prefix(text) } else { Expr::Text(text) })
            }
            Kind::Word => self.word(),
            _ if self.is("[") => {
                self.take();
                let list = if self.is("]") { Vec::new() } else { self.list()? };
                if !self.eat("]") {
                    return self.expected("`,` and the next of the list, or `]`", &[]);
                }
                Ok(Expr::List(list))
            }
            _ if self.is("{") => self.braces(),
            _ => self.expected("an expression: a number, a symbol, a string, `...`, a list", &[]),
        }
    }

    /// A symbol, or a function of the few that there are.
    fn word(&mut self) -> Result<Expr, Error> {
        let name = self.take().text.into_owned();
        if self.eat("=") {
            return Ok(Expr::Assign(name, Box::new(self.expr()?)));
        }
        if !self.is("(") || !FUNCTIONS.contains(&name.as_str()) {
            return Ok(Expr::Word(name));
        }
        self.take();
        let value = match name.as_str() {
            "htons" => Expr::Htons(self.u16("a port")?),
            "htonl" => Expr::Htonl(self.u32("a number of 32 bits")?),
            "inet_addr" => Expr::Ip4(self.ip("an IPv4 address in quotes")?),
            _ => Expr::Ip6(self.ip("an IPv6 address in quotes")?),
        };
        self.want(")")?;
        Ok(value)
    }

    /// A mistake, if the word before is called as if it were a function.
    pub(super) fn check_no_call(&self) -> Result<(), Error> {
        let Some(before) = self.next.checked_sub(1).and_then(|at| self.tokens.get(at)) else {
            return Ok(());
        };
        if !self.is("(") || before.kind != Kind::Word {
            return Ok(());
        }
        let (name, near) = (quote(&before.text), hint(&before.text, FUNCTIONS));
        let known = FUNCTIONS.join("`, `");
        self.fail_at(before.at, format!("{name} is none of the functions `{known}`{near}"))
    }

    /// A string, or several that are one.
    pub(super) fn text(&mut self) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        while self.peek().kind == Kind::Text {
            match unescape(&self.peek().text) {
                Ok(part) => bytes.extend(part),
                Err(code) => {
                    let known = "there is \\\\, \\\", \\f, \\n, \\r, \\t, \\v and \\xHH";
                    return self.fail(format!("no escape {}: {known}", quote(&code)));
                }
            }
            self.take();
        }
        Ok(bytes)
    }

    /// An address in quotes.
    fn ip<T: std::str::FromStr>(&mut self, what: &str) -> Result<T, Error> {
        match self.peek().text.parse() {
            Ok(address) if self.peek().kind == Kind::Text => {
                self.take();
                Ok(address)
            }
            _ => self.expected(what, &[]),
        }
    }

    /// `{...}`: a structure, if its first word is a member of one, and a list otherwise.
    fn braces(&mut self) -> Result<Expr, Error> {
        self.want("{")?;
        let first = self.peek().clone();
        let value = match (first.kind, first.text.as_ref()) {
            (Kind::Word, "sa_family") => Expr::Sockaddr(self.sockaddr()?),
            (Kind::Word, "flags" | "Flags") => Expr::Gre(self.gre()?),
            (Kind::Mark, "(") => Expr::Mpls(self.labels()?),
            (Kind::Word, member) => match self.structure(member)? {
                Some(value) => value,
                None => Expr::Braces(self.list()?),
            },
            (Kind::Mark, "}") => Expr::Braces(Vec::new()),
            _ => self.buffer_or_list()?,
        };
        if !self.eat("}") {
            return self.expected("`}`", &[]);
        }
        Ok(value)
    }

    /// `..., N` and `"abc", N` are a buffer.
    fn buffer_or_list(&mut self) -> Result<Expr, Error> {
        let mut list = self.list()?;
        Ok(match list.as_mut_slice() {
            [Expr::Ellipsis, Expr::Int(len @ 0..)] => {
                Expr::Iovec(Iovec { base: None, len: *len as u64 })
            }
            [Expr::Text(text), Expr::Int(len @ 0..)] => {
                Expr::Iovec(Iovec { base: Some(std::mem::take(text)), len: *len as u64 })
            }
            _ => Expr::Braces(list),
        })
    }

    /// `sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("192.0.2.1")`; `...` for what is
    /// not said.
    fn sockaddr(&mut self) -> Result<Sockaddr, Error> {
        self.want_member("sa_family")?;
        if self.peek().kind != Kind::Word {
            return self.expected("a family, such as `AF_INET`", &[]);
        }
        let family = self.take().text.into_owned();
        let (mut port, mut addr) = (None, None);
        while self.eat(",") {
            if self.peek().kind == Kind::Ellipsis {
                self.take();
            } else if self.eat_one_of(&["sin_port", "sin6_port"]).is_some() {
                self.want("=")?;
                port = self.port()?;
            } else if self.eat_one_of(&["sin_addr", "sin6_addr"]).is_some() {
                self.want("=")?;
                addr = self.inet()?;
            } else {
                let what = "`sin_port`, `sin_addr` or `...`";
                return self.expected(what, &["sin_port", "sin_addr"]);
            }
        }
        let fits = match (family.as_str(), addr) {
            ("AF_INET", Some(addr)) => addr.is_ipv4(),
            ("AF_INET6", Some(addr)) => addr.is_ipv6(),
            _ => true,
        };
        if fits {
            Ok(Sockaddr { family, port, addr })
        } else {
            self.fail(format!("this address is not one of {family}"))
        }
    }

    /// `htons(N)` or `...`.
    fn port(&mut self) -> Result<Option<u16>, Error> {
        if self.peek().kind == Kind::Ellipsis {
            self.take();
            return Ok(None);
        }
        self.want_word("htons")?;
        self.want("(")?;
        let port = self.u16("a port")?;
        self.want(")")?;
        Ok(Some(port))
    }

    /// `inet_addr("…")`, which in this place may be an address of IPv6, or `...`.
    fn inet(&mut self) -> Result<Option<IpAddr>, Error> {
        if self.peek().kind == Kind::Ellipsis {
            self.take();
            return Ok(None);
        }
        let names = ["inet_addr", "inet6_addr", "inet_pton"];
        let Some(nth) = self.eat_one_of(&names) else {
            return self.expected("`inet_addr(\"…\")`, `inet6_addr(\"…\")` or `...`", &names);
        };
        self.want("(")?;
        if nth == 2 {
            self.take();
            self.want(",")?;
        }
        let address = self.ip("an address in quotes")?;
        self.want(")")?;
        Ok(Some(address))
    }
}

#[cfg(test)]
mod tests {
    use super::unescape;

    #[test]
    fn escapes_are_resolved() {
        let bytes = unescape(r#"a\\b\"c\f\n\r\t\v\x00\xfFd"#).unwrap();
        assert_eq!(bytes, b"a\\b\"c\x0c\n\r\t\x0b\x00\xffd");
        for (text, code) in [(r"\q", r"\q"), (r"\x1", r"\x"), (r"\xzz", r"\x"), (r"a\0", r"\0")] {
            assert_eq!(unescape(text), Err(code.to_owned()), "{text}");
        }
    }
}
