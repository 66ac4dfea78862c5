//! From text to tokens: comments and what `#ifdef` leaves out are gone, definitions are replaced,
//! notes (`//? …`) are collected beside the tokens.
//!
//! Where two tokens could start, the longer one does: `0...0.200` is a number, an ellipsis and a
//! fraction, `1:1001` two numbers, `2001:db8::1` an address.

use super::error::{Error, Places, hint, quote};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

/// What a token is.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// `-?digits`.
    Int,
    /// `0x…`.
    Hex,
    /// `-?digits?.digits`.
    Float,
    /// `[A-Za-z0-9_]+`.
    Word,
    /// A string: what is between the quotes, escapes and all.
    Text,
    /// What is between backquotes.
    Back,
    /// What is between `%{` and `}%`, without the blanks around it.
    Code,
    /// `...`.
    Ellipsis,
    Ip4,
    Ip6,
    /// `--name`: the name.
    Option,
    /// Any other character.
    Mark,
    /// The end of the script.
    End,
}

/// A token.
#[derive(Clone, Debug)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    /// Its text, without delimiters.
    pub(super) text: Cow<'a, str>,
    /// Where it starts.
    pub(super) at: usize,
    /// Whether it follows the token before without a gap.
    pub(super) glued: bool,
}

/// A `//?` comment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Comment<'a> {
    pub(super) at: usize,
    pub(super) text: &'a str,
}

/// What words stand for: `-D NAME=value`.
pub(super) type Defines = BTreeMap<String, String>;

/// Bytes that definitions may add to a script.
const EXPANSION: usize = 4 << 20;

/// The tokens of a script, of which the last is the end, and its notes.
pub(super) struct Tokens<'a> {
    pub(super) tokens: Vec<Token<'a>>,
    pub(super) notes: Vec<Comment<'a>>,
}

/// Reads all tokens. `defines` are those of the command line, which win over the script's own.
pub(super) fn lex<'a>(
    file: &str,
    text: &'a str,
    places: &Places<'a>,
    defines: &Defines,
) -> Result<Tokens<'a>, Error> {
    let mut lexer = Lexer {
        file,
        text,
        places,
        fixed: defines,
        defines: defines.clone(),
        at: 0,
        end: 0,
        conditional: None,
        expanded: 0,
        out: Tokens { tokens: Vec::new(), notes: Vec::new() },
    };
    while lexer.token()? {
        lexer.learn();
    }
    Ok(lexer.out)
}

struct Lexer<'a, 'b> {
    file: &'b str,
    text: &'a str,
    places: &'b Places<'a>,
    /// What the command line defines.
    fixed: &'b Defines,
    defines: Defines,
    at: usize,
    /// Where the last token ended.
    end: usize,
    /// Where the open `#ifdef` is.
    conditional: Option<usize>,
    /// Bytes that definitions have added.
    expanded: usize,
    out: Tokens<'a>,
}

fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_'
}

impl<'a> Lexer<'a, '_> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// How many bytes from `from` on are such, in what is left.
    fn run(&self, from: usize, such: impl Fn(u8) -> bool) -> usize {
        self.rest().bytes().skip(from).take_while(|b| such(*b)).count()
    }

    fn fail<T>(&self, at: usize, what: impl Into<String>) -> Result<T, Error> {
        Err(self.places.error(self.file, at, what.into()))
    }

    /// One token, which started here; goes on behind `len` bytes.
    fn push(&mut self, kind: Kind, text: impl Into<Cow<'a, str>>, len: usize) {
        let glued = self.end == self.at && self.at > 0;
        self.out.tokens.push(Token { kind, text: text.into(), at: self.at, glued });
        self.at += len;
        self.end = self.at;
    }

    /// Takes the first `len` bytes of the rest as a token.
    fn plain(&mut self, kind: Kind, len: usize) {
        let text = &self.rest()[..len];
        self.push(kind, text, len);
    }

    /// Reads one token; false at the end.
    fn token(&mut self) -> Result<bool, Error> {
        self.skip()?;
        let rest = self.rest();
        let Some(first) = rest.chars().next() else {
            if let Some(at) = self.conditional {
                return self.fail(at, "this `#ifdef` has no `#endif`");
            }
            self.push(Kind::End, "", 0);
            return Ok(false);
        };
        match first {
            '"' => self.between('"', Kind::Text)?,
            '`' => self.between('`', Kind::Back)?,
            '%' if rest.starts_with("%{") => self.code()?,
            '.' if rest.starts_with("...") => self.plain(Kind::Ellipsis, 3),
            '-' if rest.starts_with("--") && self.run(2, is_word) > 0 => {
                let len = self.run(2, is_word);
                self.push(Kind::Option, &rest[2..2 + len], 2 + len);
            }
            _ if first.is_control() => {
                let what =
                    format!("a control character, 0x{:02x}: is this a text?", u32::from(first));
                return self.fail(self.at, what);
            }
            _ if self.address() => {}
            '0'..='9' | '.' | '-' => self.number(first),
            'A'..='Z' | 'a'..='z' | '_' => self.word(self.run(0, is_word))?,
            _ => self.plain(Kind::Mark, first.len_utf8()),
        }
        Ok(true)
    }

    /// Skips blanks, comments and what `#ifdef` leaves out.
    fn skip(&mut self) -> Result<(), Error> {
        loop {
            self.at += self.run(0, |b| b.is_ascii_whitespace() || b == 0x0b);
            let rest = self.rest();
            if let Some(comment) = rest.strip_prefix("//") {
                let line = comment.split('\n').next().unwrap_or("");
                if let Some(note) = line.strip_prefix('?') {
                    self.out.notes.push(Comment { at: self.at, text: note.trim() });
                }
                self.at += 2 + line.len();
            } else if let Some(comment) = rest.strip_prefix("/*") {
                match comment.find("*/") {
                    Some(len) => self.at += len + 4,
                    None => return self.fail(self.at, "this comment has no `*/`"),
                }
            } else if rest.starts_with('#') && self.run(1, is_word) > 0 {
                self.directive()?;
            } else {
                return Ok(());
            }
        }
    }

    /// `#ifdef NAME` and `#endif`.
    fn directive(&mut self) -> Result<(), Error> {
        let (start, len) = (self.at, 1 + self.run(1, is_word));
        let name = &self.rest()[..len];
        self.at += len;
        match (name, self.conditional) {
            ("#ifdef", None) => {
                self.at += self.run(0, |b| b == b' ' || b == b'\t');
                let len = self.run(0, is_word);
                let symbol = &self.rest()[..len];
                if symbol.is_empty() {
                    return self.fail(self.at, "expected a name behind `#ifdef`");
                }
                self.at += len;
                if self.defines.contains_key(symbol) {
                    self.conditional = Some(start);
                } else {
                    match self.rest().find("#endif") {
                        Some(len) => self.at += len + "#endif".len(),
                        None => return self.fail(start, "this `#ifdef` has no `#endif`"),
                    }
                }
                Ok(())
            }
            ("#ifdef", Some(_)) => self.fail(start, "an `#ifdef` inside of an `#ifdef`"),
            ("#endif", Some(_)) => {
                self.conditional = None;
                Ok(())
            }
            ("#endif", None) => self.fail(start, "an `#endif` without its `#ifdef`"),
            _ => {
                let near = hint(name, ["#ifdef", "#endif"]);
                let what = format!("there is `#ifdef` and `#endif`, but no {}{near}", quote(name));
                self.fail(start, what)
            }
        }
    }

    /// A string or a command; a backslash keeps the next character from ending it.
    fn between(&mut self, delimiter: char, kind: Kind) -> Result<(), Error> {
        let rest = &self.rest()[1..];
        let mut escaped = false;
        let end = rest.char_indices().find(|(_, c)| {
            let ends = *c == delimiter && !escaped;
            escaped = *c == '\\' && !escaped;
            ends
        });
        match end {
            Some((len, _)) => self.push(kind, &rest[..len], len + 2),
            None if kind == Kind::Text => return self.fail(self.at, "this string does not end"),
            None => return self.fail(self.at, "this command has no second backquote"),
        }
        Ok(())
    }

    fn code(&mut self) -> Result<(), Error> {
        let Some(len) = self.rest()[2..].find("}%") else {
            return self.fail(self.at, "this code has no `}%`");
        };
        let inner = &self.rest()[2..2 + len];
        let blank = |c| c == ' ' || c == '\t';
        let start = inner.len() - inner.trim_start_matches(blank).len();
        // The token's place is where its text starts, so that lines in it can be counted.
        self.push(Kind::Code, inner.trim_matches(blank), len + 4);
        if let Some(token) = self.out.tokens.last_mut() {
            token.at += 2 + start;
        }
        Ok(())
    }

    /// An address of IPv4 or IPv6, if one starts here.
    fn address(&mut self) -> bool {
        /// The longest address, with all groups and a dotted end.
        const LONGEST: usize = 45;
        let part = |b: u8| b.is_ascii_hexdigit() || b == b':' || b == b'.';
        let run = &self.rest()[..self.run(0, part).min(LONGEST)];
        if run.contains("::") || run.matches(':').count() >= 7 {
            let ends = (2..=run.len()).rev();
            if let Some(len) = ends.into_iter().find(|len| run[..*len].parse::<Ipv6Addr>().is_ok())
            {
                self.plain(Kind::Ip6, len);
                return true;
            }
        }
        let len = run.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
        let is_ip4 = run[..len].parse::<Ipv4Addr>().is_ok();
        if is_ip4 {
            self.plain(Kind::Ip4, len);
        }
        is_ip4
    }

    /// A number, a word that starts with a digit, or only a dot or a dash.
    fn number(&mut self, first: char) {
        let digit = |b: u8| b.is_ascii_digit();
        let sign = usize::from(first == '-');
        let whole = self.run(sign, digit);
        let has_dot = self.rest().as_bytes().get(sign + whole) == Some(&b'.');
        let part = if has_dot { self.run(sign + whole + 1, digit) } else { 0 };
        let word = self.run(0, is_word);
        if part > 0 {
            self.plain(Kind::Float, sign + whole + 1 + part);
        } else if word > whole {
            let text = &self.rest()[..word];
            let hex = text.strip_prefix("0x").is_some_and(|digits| {
                !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit())
            });
            self.plain(if hex { Kind::Hex } else { Kind::Word }, word);
        } else if whole > 0 {
            self.plain(Kind::Int, sign + whole);
        } else {
            self.plain(Kind::Mark, 1);
        }
    }

    /// A word, or what it stands for.
    fn word(&mut self, len: usize) -> Result<(), Error> {
        let word = &self.rest()[..len];
        let value = self.defines.get(word).filter(|_| !self.is_being_defined());
        let Some(value) = value.cloned() else {
            self.plain(Kind::Word, len);
            return Ok(());
        };
        self.expanded += value.len();
        if self.expanded > EXPANSION {
            return self.fail(self.at, format!("definitions add more than {EXPANSION} bytes"));
        }
        let (kind, text) = meaning(&value);
        self.push(kind, text.to_owned(), len);
        Ok(())
    }

    /// Whether the next token is the name in `--define=NAME=value`.
    fn is_being_defined(&self) -> bool {
        matches!(self.out.tokens.as_slice(), [.., option, equals]
            if option.kind == Kind::Option && option.text == "define" && equals.text == "=")
    }

    /// Takes notice of `--define=NAME=value` when its last token has been read.
    fn learn(&mut self) {
        let [.., option, first, name, second, value] = self.out.tokens.as_slice() else { return };
        let is_define = option.kind == Kind::Option
            && option.text == "define"
            && [first, second].iter().all(|mark| mark.kind == Kind::Mark && mark.text == "=");
        if !is_define || self.fixed.contains_key(name.text.as_ref()) {
            return;
        }
        let value = match value.kind {
            Kind::Text => format!("\"{}\"", value.text),
            Kind::Back => format!("`{}`", value.text),
            _ => value.text.to_string(),
        };
        self.defines.insert(name.text.to_string(), value);
    }
}

/// What the value of a definition is.
fn meaning(value: &str) -> (Kind, &str) {
    for (delimiter, kind) in [('"', Kind::Text), ('`', Kind::Back)] {
        if let Some(rest) = value.strip_prefix(delimiter) {
            return (kind, rest.strip_suffix(delimiter).unwrap_or(rest));
        }
    }
    let digits = value.strip_prefix('-').unwrap_or(value);
    let is = |text: &str, such: fn(u8) -> bool| !text.is_empty() && text.bytes().all(such);
    let kind = match digits.split_once('.') {
        None if is(digits, |b| b.is_ascii_digit()) => Kind::Int,
        None if digits.strip_prefix("0x").is_some_and(|hex| is(hex, |b| b.is_ascii_hexdigit())) => {
            Kind::Hex
        }
        Some((whole, part)) if is(&format!("{whole}{part}"), |b| b.is_ascii_digit()) => Kind::Float,
        _ => Kind::Word,
    };
    (kind, value)
}

#[cfg(test)]
mod tests;
