//! From tokens to a [`Script`]: one function per construct of the language, which says what it
//! expected where something else is.
//!
//! Both dialects are read at once, since they hardly contradict each other: the one of Google's
//! packetdrill and the one of nplab's.

mod call;
mod event;
mod expr;
mod icmp;
mod info;
mod options;
mod packet;
mod structs;
mod tcp;

#[cfg(test)]
mod tests;

use super::ast::{Command, FileOption, Script};
use super::error::{Error, Places, hint, quote};
use super::lex::{Comment, Defines, Kind, Token, Tokens, lex};

/// Lists in lists that an expression may have.
const DEPTH: usize = 32;

/// Reads a script. `file` is its name for messages, `defines` are the `-D NAME=value` of the
/// command line, which win over the script's own.
pub fn parse(file: &str, text: &str, defines: &[(String, String)]) -> Result<Script, Error> {
    // A mark of the order of bytes, as some editors write it.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let places = Places::of(text);
    let defines: Defines = defines.iter().cloned().collect();
    let Tokens { tokens, notes, broken } = lex(file, text, &places, &defines);
    let mut parser = Parser { file, places, tokens, notes, next: 0, depth: 0 };
    let script = parser.script();
    match broken {
        // What stands before is the first mistake.
        Some(broken) => {
            Err(script.err().filter(|error| error.is_before(&broken)).unwrap_or(broken))
        }
        None => script,
    }
}

struct Parser<'a, 'b> {
    file: &'b str,
    places: Places<'a>,
    /// All tokens; the last is the end, and is never passed.
    tokens: Vec<Token<'a>>,
    notes: Vec<Comment<'a>>,
    next: usize,
    /// Lists that are open.
    depth: usize,
}

impl<'a> Parser<'a, '_> {
    /// The token that comes.
    fn peek(&self) -> &Token<'a> {
        self.ahead(0)
    }

    /// The token `n` behind the one that comes.
    fn ahead(&self, n: usize) -> &Token<'a> {
        &self.tokens[(self.next + n).min(self.tokens.len() - 1)]
    }

    /// Takes the token that comes.
    fn take(&mut self) -> Token<'a> {
        let token = self.peek().clone();
        self.next = (self.next + 1).min(self.tokens.len() - 1);
        token
    }

    /// Whether this mark comes.
    fn is(&self, mark: &str) -> bool {
        self.is_ahead(0, mark)
    }

    /// Whether this mark comes as the `n`th.
    fn is_ahead(&self, n: usize, mark: &str) -> bool {
        self.ahead(n).kind == Kind::Mark && self.ahead(n).text == mark
    }

    /// Whether this word comes.
    fn is_word(&self, word: &str) -> bool {
        self.peek().kind == Kind::Word && self.peek().text == word
    }

    /// Takes this mark, if it comes.
    fn eat(&mut self, mark: &str) -> bool {
        let is = self.is(mark);
        if is {
            self.take();
        }
        is
    }

    /// Takes this word, if it comes.
    fn eat_word(&mut self, word: &str) -> bool {
        let is = self.is_word(word);
        if is {
            self.take();
        }
        is
    }

    /// Takes one of these words, if one comes; its place in the list.
    fn eat_one_of(&mut self, words: &[&str]) -> Option<usize> {
        let nth = words.iter().position(|word| self.is_word(word))?;
        self.take();
        Some(nth)
    }

    /// This mark must come.
    fn want(&mut self, mark: &str) -> Result<(), Error> {
        if self.eat(mark) { Ok(()) } else { self.expected(&format!("`{mark}`"), &[]) }
    }

    /// This word must come.
    fn want_word(&mut self, word: &str) -> Result<(), Error> {
        if self.eat_word(word) { Ok(()) } else { self.expected(&format!("`{word}`"), &[word]) }
    }

    /// `name=`.
    fn want_member(&mut self, name: &str) -> Result<(), Error> {
        self.want_word(name)?;
        self.want("=")
    }

    /// A number in a range, decimal or hexadecimal.
    fn number(&mut self, what: &str, least: i64, most: i64) -> Result<i64, Error> {
        let token = self.peek();
        let value = match token.kind {
            Kind::Int => token.text.parse::<i128>().unwrap_or(i128::MAX),
            Kind::Hex => i128::from_str_radix(&token.text[2..], 16).unwrap_or(i128::MAX),
            _ => return self.expected(what, &[]),
        };
        match i64::try_from(value) {
            Ok(value) if (least..=most).contains(&value) => {
                self.take();
                Ok(value)
            }
            _ => {
                let shown = quote(&token.text);
                self.fail(format!("{what} is from {least} to {most}, and not {shown}"))
            }
        }
    }

    fn u8(&mut self, what: &str) -> Result<u8, Error> {
        self.number(what, 0, 0xff).map(|n| n as u8)
    }

    fn u16(&mut self, what: &str) -> Result<u16, Error> {
        self.number(what, 0, 0xffff).map(|n| n as u16)
    }

    fn u32(&mut self, what: &str) -> Result<u32, Error> {
        self.number(what, 0, 0xffff_ffff).map(|n| n as u32)
    }

    /// What to call the token that comes.
    fn found(&self) -> String {
        let token = self.peek();
        match token.kind {
            Kind::End => "the end of the script".to_owned(),
            Kind::Text => format!("the string {}", quote(&token.text)),
            Kind::Back => format!("the command {}", quote(&token.text)),
            Kind::Code => format!("the code {}", quote(&token.text)),
            Kind::Option => format!("the option {}", quote(&format!("--{}", token.text))),
            _ => quote(&token.text),
        }
    }

    /// A mistake at the token that comes.
    fn fail<T>(&self, what: impl Into<String>) -> Result<T, Error> {
        self.fail_at(self.peek().at, what)
    }

    fn fail_at<T>(&self, at: usize, what: impl Into<String>) -> Result<T, Error> {
        Err(self.places.error(self.file, at, what.into()))
    }

    /// Something else was expected, maybe one of these words.
    fn expected<T>(&self, what: &str, words: &[&str]) -> Result<T, Error> {
        let token = self.peek();
        let near = match token.kind {
            Kind::Word => hint(&token.text, words.iter().copied()),
            _ => String::new(),
        };
        self.fail(format!("expected {what}, found {}{near}", self.found()))
    }

    /// The line of the token that comes.
    fn line(&self) -> u32 {
        self.places.line(self.peek().at)
    }

    /// One level deeper, for as long as `inner` runs.
    fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        if self.depth == DEPTH {
            return self.fail(format!("more than {DEPTH} lists in each other"));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    fn script(&mut self) -> Result<Script, Error> {
        let mut script = Script::default();
        while self.peek().kind == Kind::Option {
            script.options.push(self.option()?);
        }
        script.init = self.command();
        self.events(&mut script)?;
        script.cleanup = self.command();
        match self.peek().kind {
            Kind::End => Ok(script),
            Kind::Option => self.fail("options stand at the start of a script, before all else"),
            _ if script.cleanup.is_some() => {
                self.expected("the end of the script after the command without a time", &[])
            }
            _ => self.expected("a time, such as `0.100`, `+0.1` or `*`", &[]),
        }
    }

    /// `--name` or `--name=value`.
    fn option(&mut self) -> Result<FileOption, Error> {
        let line = self.line();
        let name = self.take().text.into_owned();
        if !self.eat("=") {
            return Ok(FileOption { line, name, value: None });
        }
        let value = self.peek();
        let value = match value.kind {
            Kind::Word if self.is_ahead(1, "=") => {
                let name = self.take().text;
                self.take();
                match self.peek().kind {
                    Kind::Word | Kind::Int | Kind::Hex | Kind::Float => {
                        format!("{name}={}", self.take().text)
                    }
                    Kind::Text => format!("{name}=\"{}\"", self.take().text),
                    Kind::Back => format!("{name}=`{}`", self.take().text),
                    _ => return self.expected("a value of the definition", &[]),
                }
            }
            Kind::Text => self.take().text.into_owned(),
            _ if self.is_bare() => {
                let mut value = self.take().text.into_owned();
                while self.peek().glued && self.is_bare() {
                    value.push_str(&self.take().text);
                }
                value
            }
            _ => {
                let what = format!("a value of `--{name}`: a number, a word, a string, an address");
                return self.expected(&what, &[]);
            }
        };
        if self.peek().glued && self.peek().kind != Kind::End {
            return self.fail("such a value wants quotes: `--name=\"a b\"`");
        }
        Ok(FileOption { line, name, value: Some(value) })
    }

    /// Whether what comes can be in a value without quotes: `ipv4-mapped-ipv6`, `packet,syscall`.
    fn is_bare(&self) -> bool {
        match self.peek().kind {
            Kind::Int | Kind::Hex | Kind::Float | Kind::Word | Kind::Ip4 | Kind::Ip6 => true,
            Kind::Mark => ["-", ",", ".", "/", ":"].contains(&self.peek().text.as_ref()),
            _ => false,
        }
    }

    /// A command that has no time.
    fn command(&mut self) -> Option<Command> {
        let line = self.line();
        let is_command = self.peek().kind == Kind::Back;
        is_command.then(|| Command { line, text: self.take().text.into_owned() })
    }
}
