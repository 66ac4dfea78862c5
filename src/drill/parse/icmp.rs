//! ICMP messages and the packets that they quote.

use super::super::ast::{Icmp, IcmpWord, Quoted};
use super::super::error::Error;
use super::super::icmp;
use super::{Kind, Parser};

impl Parser<'_, '_> {
    /// Behind the word `icmp`.
    pub(super) fn icmp(&mut self, mut quoted: Option<Quoted>) -> Result<Icmp, Error> {
        if self.peek().kind != Kind::Word {
            return self.expected("a type of ICMP, such as `unreachable`", &[]);
        }
        let kind = self.icmp_word("type_", &icmp::types())?;
        let is_code =
            self.peek().kind == Kind::Word && !["mtu", "id"].contains(&self.peek().text.as_ref());
        let code = if is_code {
            let codes = match &kind {
                IcmpWord::Name(name) => icmp::codes(name),
                IcmpWord::Number(_) => Vec::new(),
            };
            Some(self.icmp_word("code_", &codes)?)
        } else {
            None
        };
        let (mut mtu, mut id) = (None, None);
        loop {
            if mtu.is_none() && self.eat_word("mtu") {
                mtu = Some(self.u32("an MTU")?);
            } else if id.is_none() && self.eat_word("id") {
                id = Some(self.u16("an identifier")?);
            } else if quoted.is_none() && self.is("[") {
                quoted = Some(self.quoted()?);
            } else if self.peek().kind == Kind::Word {
                return self.expected("`mtu`, `id` or a quoted packet", &["mtu", "id"]);
            } else {
                return Ok(Icmp { kind, code, mtu, id, quoted });
            }
        }
    }

    /// A type or a code: a known name, or a number behind `prefix`.
    fn icmp_word(&mut self, prefix: &str, names: &[&'static str]) -> Result<IcmpWord, Error> {
        let word = self.peek().text.clone();
        let number = word.strip_prefix(prefix).and_then(|digits| digits.parse().ok());
        let word = match number {
            Some(number) => IcmpWord::Number(number),
            None if names.contains(&word.as_ref()) => IcmpWord::Name(word.into_owned()),
            None => {
                let what = match prefix {
                    "type_" => "a type of ICMP, or `type_N`",
                    _ => "a code of this type of ICMP, or `code_N`",
                };
                return self.expected(what, names);
            }
        };
        self.take();
        Ok(word)
    }

    /// `[1:1001(1000)]`, `[udp(100)]` or `[raw(100)]`.
    pub(super) fn quoted(&mut self) -> Result<Quoted, Error> {
        self.want("[")?;
        let quoted = if let Some(nth) = self.eat_one_of(&["udp", "raw"]) {
            self.want("(")?;
            let len = self.u16("a payload length")?.into();
            self.want(")")?;
            if nth == 0 { Quoted::Udp(len) } else { Quoted::Raw(len) }
        } else if self.peek().kind == Kind::Word {
            let what = "the quoted packet: `1:1001(1000)`, `udp(N)` or `raw(N)`";
            return self.expected(what, &["udp", "raw"]);
        } else {
            let seq = self.seq()?;
            let encap = if self.is("/") { Some(self.udp_encap()?) } else { None };
            Quoted::Tcp(seq, encap)
        };
        self.want("]")?;
        Ok(quoted)
    }
}
