//! TCP segments: `[PORTS] FLAGS START:END(LEN) [ack N] [win N] [urg N] [<options>]`.

use super::super::ast::{Direction, Flags, Options, Seq, SeqKind, Tcp};
use super::super::error::{Error, quote};
use super::{Kind, Parser};

/// What can stand where flags are.
const FLAGS: &str = "flags: letters of `FSRPUEWA`, `.` for ACK, a digit for ACE, or `-` for none";

/// Reads flags; none if a character is none, or if the ACE field is given in both ways.
fn flags(text: &str) -> Option<Flags> {
    let mut flags = Flags::default();
    let mut letters = false;
    for c in text.chars() {
        match c {
            'F' => flags.fin = true,
            'S' => flags.syn = true,
            'R' => flags.rst = true,
            'P' => flags.psh = true,
            '.' => flags.ack = true,
            'U' => flags.urg = true,
            'E' => (flags.ece, letters) = (true, true),
            'W' => (flags.cwr, letters) = (true, true),
            'A' => (flags.ae, letters) = (true, true),
            '0'..='7' if flags.ace.is_none() => {
                let ace = c as u8 - b'0';
                flags.ace = Some(ace);
            }
            '-' if text.len() == 1 => {}
            _ => return None,
        }
    }
    if let Some(ace) = flags.ace {
        if letters {
            return None;
        }
        (flags.ae, flags.cwr, flags.ece) = (ace & 4 != 0, ace & 2 != 0, ace & 1 != 0);
    }
    Some(flags)
}

impl Parser<'_, '_> {
    /// A TCP segment.
    pub(super) fn tcp(&mut self, direction: Direction) -> Result<Tcp, Error> {
        let psp = if self.eat_word("encap") {
            self.want_word("psp")?;
            self.want_word("spi")?;
            Some(self.u32("a security parameter index")?)
        } else {
            None
        };
        let ports = self.ports()?;
        let flags = self.flags()?;
        let seq = self.seq()?;
        if seq.kind == SeqKind::Any && direction == Direction::Inbound {
            return self.fail("a segment that arrives has a sequence number, and not `...`");
        }
        let ack = self.part("ack")?.then(|| self.u32("an ACK number")).transpose()?;
        let window = self.part("win")?.then(|| self.u16("a window")).transpose()?;
        let urgent = self.part("urg")?.then(|| self.u16("an urgent pointer")).transpose()?;
        if window.is_none() && direction == Direction::Inbound {
            return self.expected("`win N`, which a segment that arrives must have", &["win"]);
        }
        let options = if self.is("<") { self.options(direction)? } else { Options::List(vec![]) };
        Ok(Tcp { psp, ports, flags, seq, ack, window, urgent, options })
    }

    /// Whether this part of a segment comes; one that only comes before it is a mistake.
    fn part(&mut self, word: &str) -> Result<bool, Error> {
        const PARTS: [&str; 3] = ["ack", "win", "urg"];
        if self.eat_word(word) {
            return Ok(true);
        }
        let own = PARTS.iter().position(|part| *part == word);
        let coming = PARTS.iter().position(|part| self.is_word(part));
        if coming.is_some() && coming < own {
            return self.fail("the order is `ack`, `win`, `urg`, `<options>`, each at most once");
        }
        Ok(false)
    }

    /// Words, dots, digits and dashes that touch each other; before the dot may be a gap.
    fn flags(&mut self) -> Result<Flags, Error> {
        let is_part = |parser: &Self| match parser.peek().kind {
            Kind::Word | Kind::Float | Kind::Int => true,
            _ => parser.is(".") || parser.is("-"),
        };
        let at = self.peek().at;
        let mut text = String::new();
        while is_part(self) && (text.is_empty() || self.peek().glued || self.is(".")) {
            text.push_str(&self.take().text);
        }
        if text.is_empty() {
            return self.expected(FLAGS, &[]);
        }
        match flags(&text) {
            Some(flags) => Ok(flags),
            None => self.fail_at(at, format!("expected {FLAGS}, found {}", quote(&text))),
        }
    }

    /// `START:END(LEN)`, with `!` behind it for numbers as they are, or `...(LEN)`.
    pub(super) fn seq(&mut self) -> Result<Seq, Error> {
        if self.peek().kind == Kind::Ellipsis {
            self.take();
            let len = self.len()?;
            return Ok(Seq { start: 0, end: 0, len, kind: SeqKind::Any });
        }
        let start = self.u32("a sequence number")?;
        self.want(":")?;
        let at = self.peek().at;
        let end = self.u32("a sequence number")?;
        let len = self.len()?;
        if start.wrapping_add(len) != end {
            let right = start.wrapping_add(len);
            let what = format!("{start} and {len} bytes make {right}, and not {end}");
            return self.fail_at(at, what);
        }
        let kind = if self.eat("!") { SeqKind::Literal } else { SeqKind::Mapped };
        Ok(Seq { start, end, len, kind })
    }

    /// `(LEN)`.
    fn len(&mut self) -> Result<u32, Error> {
        self.want("(")?;
        let len = self.u16("a payload length")?;
        self.want(")")?;
        Ok(len.into())
    }
}
