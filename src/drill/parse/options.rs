//! TCP options: `<mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 7>`.

use super::super::ast::{AccEcn, Counter, Direction, Ecr, Md5, Options, TcpOption};
use super::super::error::{Error, hint, quote};
use super::{Kind, Parser};

/// Bytes of options that a header has room for.
const ROOM: usize = 40;

/// The kind that is shared by experiments (RFC 4727, RFC 6994).
const EXPERIMENT: u8 = 254;

/// Names of options, for hints.
const NAMES: [&str; 15] = [
    "nop", "eol", "mss", "wscale", "sackOK", "sack", "TS", "FO", "FOEXP", "md5", "ECN", "AccECN0",
    "AccECN1", "gen-", "exp-",
];

/// Bytes from hexadecimal digits.
fn bytes(text: &str) -> Option<Vec<u8>> {
    if !text.bytes().all(|b| b.is_ascii_hexdigit()) || !text.len().is_multiple_of(2) {
        return None;
    }
    let digits = (0..text.len()).step_by(2);
    digits.map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

/// An option of an experiment.
fn experiment(id: u16, data: &[u8]) -> TcpOption {
    let data = id.to_be_bytes().into_iter().chain(data.iter().copied()).collect();
    TcpOption::Other { kind: EXPERIMENT, data }
}

impl Parser<'_, '_> {
    /// `< … >`.
    pub(super) fn options(&mut self, direction: Direction) -> Result<Options, Error> {
        let at = self.peek().at;
        self.want("<")?;
        if self.peek().kind == Kind::Ellipsis {
            if direction == Direction::Inbound {
                return self.fail("`<...>` is for packets that must leave");
            }
            self.take();
            self.want(">")?;
            return Ok(Options::Any);
        }
        let mut list = vec![self.tcp_option()?];
        while self.eat(",") {
            list.push(self.tcp_option()?);
        }
        if !self.is(">") {
            return self.expected("`,` and the next option, or `>`", &NAMES);
        }
        self.take();
        if list.len() > 1 && list.iter().any(|option| matches!(option, TcpOption::Raw(_))) {
            return self.fail_at(at, "bytes as they are stand alone between `<` and `>`");
        }
        let len: usize = list.iter().map(TcpOption::len).sum();
        if !len.is_multiple_of(4) {
            let what = format!("these options are {len} bytes long, which is no multiple of 4");
            return self.fail_at(at, what);
        }
        if len > ROOM {
            let what = format!("these options are {len} bytes long; there is room for {ROOM}");
            return self.fail_at(at, what);
        }
        Ok(Options::List(list))
    }

    /// The name of an option, in which there may be a dash.
    fn option_name(&mut self) -> Result<String, Error> {
        if !matches!(self.peek().kind, Kind::Word | Kind::Int) {
            return self.expected("a TCP option, or `...` for whichever", &NAMES);
        }
        let mut name = self.take().text.into_owned();
        let part = |p: &Self| matches!(p.peek().kind, Kind::Word | Kind::Int) || p.is("-");
        while self.peek().glued && part(self) {
            name.push_str(&self.take().text);
        }
        Ok(name)
    }

    fn tcp_option(&mut self) -> Result<TcpOption, Error> {
        let at = self.peek().at;
        let name = self.option_name()?;
        Ok(match name.as_str() {
            "nop" => TcpOption::Nop,
            "eol" => TcpOption::Eol,
            "mss" => TcpOption::Mss(self.u16("an MSS")?),
            "wscale" => TcpOption::WindowScale(self.u8("a window scale")?),
            "sackOK" => TcpOption::SackOk,
            "sack" => self.sack()?,
            "TS" => self.timestamps()?,
            "FO" => TcpOption::FastOpen(self.blob()?),
            "FOEXP" | "EXP-FO" | "exp-FO" => TcpOption::FastOpenExp(self.blob()?),
            "md5" if self.eat_word("valid") => TcpOption::Md5(Md5::Valid),
            "md5" => match self.blob()? {
                digest if digest.len() == 16 => TcpOption::Md5(Md5::Digest(digest)),
                _ => return self.fail_at(at, "expected `md5` and 32 hexadecimal digits"),
            },
            "ECN" => self.acc_ecn()?,
            "AccECN0" => self.counters(Counter::E0b, ["ee0b", "eceb", "ee1b"])?,
            "AccECN1" => self.counters(Counter::E1b, ["ee1b", "eceb", "ee0b"])?,
            "exp-AccECN0" => self.experiment_counters(0xacc0, ["ee0b", "eceb", "ee1b"])?,
            "exp-AccECN1" => self.experiment_counters(0xacc1, ["ee1b", "eceb", "ee0b"])?,
            _ => return self.other(at, &name),
        })
    }

    /// `gen-N hex`, `exp-ID hex`, or bytes alone.
    fn other(&mut self, at: usize, name: &str) -> Result<TcpOption, Error> {
        if let Some(kind) = name.strip_prefix("gen-") {
            return match kind.parse() {
                Ok(kind) => Ok(TcpOption::Other { kind, data: self.blob()? }),
                Err(_) => self.fail_at(at, "expected `gen-N` with a kind from 0 to 255"),
            };
        }
        if let Some(id) = name.strip_prefix("exp-") {
            return match u16::from_str_radix(id, 16) {
                Ok(id) => Ok(experiment(id, &self.blob()?)),
                Err(_) => self.fail_at(at, "expected `exp-ID` with at most 4 hexadecimal digits"),
            };
        }
        match bytes(name).filter(|_| self.is(">")) {
            Some(bytes) => Ok(TcpOption::Raw(bytes)),
            None => {
                let (found, near) = (quote(name), hint(name, NAMES));
                self.fail_at(at, format!("expected a TCP option, found {found}{near}"))
            }
        }
    }

    /// Hexadecimal digits, if some come; otherwise nothing.
    fn blob(&mut self) -> Result<Vec<u8>, Error> {
        if !matches!(self.peek().kind, Kind::Word | Kind::Int | Kind::Hex) {
            return Ok(Vec::new());
        }
        match bytes(&self.peek().text) {
            Some(bytes) => {
                self.take();
                Ok(bytes)
            }
            None => self.expected("an even number of hexadecimal digits", &[]),
        }
    }

    /// `sack 1:1001 2001:3001`.
    fn sack(&mut self) -> Result<TcpOption, Error> {
        let mut blocks = Vec::new();
        while blocks.is_empty() || self.peek().kind == Kind::Int {
            let left = self.u32("an edge of a SACK block")?;
            self.want(":")?;
            blocks.push((left, self.u32("an edge of a SACK block")?));
        }
        Ok(TcpOption::Sack(blocks))
    }

    /// `TS val N ecr N`.
    fn timestamps(&mut self) -> Result<TcpOption, Error> {
        self.want_word("val")?;
        let val = if self.peek().kind == Kind::Ellipsis {
            self.take();
            None
        } else {
            Some(self.u32("a timestamp")?)
        };
        self.want_word("ecr")?;
        let value = self.u32("a timestamp")?;
        Ok(TcpOption::Timestamps { val, ecr: Ecr { value, literal: self.eat("!") } })
    }

    /// `ECN e0b N [ceb N [e1b N]]` or `ECN e1b N [ceb N [e0b N]]`.
    fn acc_ecn(&mut self) -> Result<TcpOption, Error> {
        if self.is_word("e0b") {
            self.counters(Counter::E0b, ["e0b", "ceb", "e1b"])
        } else if self.is_word("e1b") {
            self.counters(Counter::E1b, ["e1b", "ceb", "e0b"])
        } else {
            self.expected("`e0b` or `e1b`", &["e0b", "e1b"])
        }
    }

    fn counters(&mut self, first: Counter, names: [&str; 3]) -> Result<TcpOption, Error> {
        Ok(TcpOption::AccEcn(AccEcn { first, counters: self.counter_list(names)? }))
    }

    fn experiment_counters(&mut self, id: u16, names: [&str; 3]) -> Result<TcpOption, Error> {
        let counters = self.counter_list(names)?;
        let data: Vec<u8> = counters.iter().flat_map(|n| n.to_be_bytes()[1..].to_vec()).collect();
        Ok(experiment(id, &data))
    }

    /// Counters of 24 bits in this order, as many as come.
    fn counter_list(&mut self, names: [&str; 3]) -> Result<Vec<u32>, Error> {
        let mut counters = Vec::new();
        for name in names {
            if !self.eat_word(name) {
                break;
            }
            counters.push(self.number("a counter of 24 bits", 0, 0xff_ffff)? as u32);
        }
        if self.peek().kind == Kind::Word {
            let what = format!("counters in the order `{}`", names.join("`, `"));
            return self.expected(&what, &names);
        }
        Ok(counters)
    }
}
