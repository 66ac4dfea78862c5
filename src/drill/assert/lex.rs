//! Tokens of Python: words, numbers, strings, operators, and the ends and indents of lines.

use super::{Failure, FailureKind};
use crate::drill::error::quote;

/// A token.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Token {
    Name(String),
    Int(i128),
    Float(f64),
    /// A string, with escapes resolved; or, for an f-string, as it is.
    Text {
        text: String,
        format: bool,
    },
    /// An operator or a delimiter.
    Mark(&'static str),
    /// The end of a logical line; how far the next one is indented.
    Line(usize),
}

/// A token, its line, and where it is in the text.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Placed {
    pub(super) token: Token,
    pub(super) line: u32,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Operators and delimiters, longer ones first.
const MARKS: [&str; 44] = [
    "**=", "//=", "<<=", ">>=", "**", "//", "<<", ">>", "<=", ">=", "==", "!=", "+=", "-=", "*=",
    "/=", "%=", "&=", "|=", "^=", "->", ":=", "+", "-", "*", "/", "%", "&", "|", "^", "~", "<",
    ">", "=", "(", ")", "[", "]", "{", "}", ",", ":", ";", ".",
];

pub(super) fn refuse<T>(line: u32, what: impl Into<String>) -> Result<T, Failure> {
    Err(Failure { line, kind: FailureKind::Refused, what: what.into() })
}

/// All tokens of a snippet that starts on `line`.
pub(super) fn lex(line: u32, text: &str) -> Result<Vec<Placed>, Failure> {
    let mut lexer = Lexer { text, at: 0, line, open: 0, out: Vec::new() };
    while lexer.at < text.len() {
        lexer.token()?;
    }
    lexer.push(Token::Line(0), lexer.at);
    Ok(lexer.out)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    line: u32,
    /// Parentheses and brackets that are open: in them, lines do not end.
    open: usize,
    out: Vec<Placed>,
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn push(&mut self, token: Token, end: usize) {
        self.out.push(Placed { token, line: self.line, start: self.at, end });
        self.at = end;
    }

    fn token(&mut self) -> Result<(), Failure> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return Ok(()) };
        match first {
            ' ' | '\t' | '\r' => self.at += 1,
            '#' => self.at += rest.find('\n').unwrap_or(rest.len()),
            '\n' => self.newline(),
            '\\' => {
                let more = rest[1..].trim_start_matches(['\r', ' ', '\t']);
                if !more.is_empty() && !more.starts_with('\n') {
                    return refuse(self.line, "this backslash does not end its line");
                }
                self.at = self.text.len() - more.len() + usize::from(!more.is_empty());
                self.line += u32::from(!more.is_empty());
            }
            '0'..='9' => self.number()?,
            '.' if rest[1..].starts_with(|c: char| c.is_ascii_digit()) => self.number()?,
            '"' | '\'' => self.string("")?,
            _ if is_word(first) => {
                let len = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                let word = &rest[..len];
                if rest[len..].starts_with(['"', '\'']) {
                    self.at += len;
                    return self.string(word);
                }
                self.push(Token::Name(word.to_owned()), self.at + len);
            }
            _ => self.mark()?,
        }
        Ok(())
    }

    fn newline(&mut self) {
        let rest = self.rest();
        let next = rest[1..].trim_start_matches([' ', '\t', '\r']);
        let indent = rest.len() - 1 - next.len();
        let blank = next.is_empty() || next.starts_with(['\n', '#']);
        if self.open == 0 && !blank {
            self.push(Token::Line(indent), self.at);
        }
        self.at += 1;
        self.line += 1;
    }

    fn mark(&mut self) -> Result<(), Failure> {
        let rest = self.rest();
        let Some(mark) = MARKS.iter().find(|mark| rest.starts_with(**mark)) else {
            return refuse(self.line, format!("{} is not understood here", quote(first(rest))));
        };
        match *mark {
            "(" | "[" => self.open += 1,
            ")" | "]" => self.open = self.open.saturating_sub(1),
            _ => {}
        }
        self.push(Token::Mark(mark), self.at + mark.len());
        Ok(())
    }

    fn number(&mut self) -> Result<(), Failure> {
        let rest = self.rest();
        let bytes = rest.as_bytes();
        let sign =
            |at: usize| at > 0 && matches!(bytes[at - 1], b'e' | b'E') && !rest.starts_with("0x");
        let len = (0..bytes.len())
            .find(|at| match bytes[*at] {
                b'.' | b'_' => false,
                b'+' | b'-' => !sign(*at),
                b => !b.is_ascii_alphanumeric(),
            })
            .unwrap_or(bytes.len());
        let word = rest[..len].replace('_', "").to_ascii_lowercase();
        let radix = |radix, digits: &str| i128::from_str_radix(digits, radix).ok().map(Token::Int);
        let token = if let Some(digits) = word.strip_prefix("0x") {
            radix(16, digits)
        } else if let Some(digits) = word.strip_prefix("0b") {
            radix(2, digits)
        } else if let Some(digits) = word.strip_prefix("0o") {
            radix(8, digits)
        } else if word.bytes().all(|b| b.is_ascii_digit()) {
            radix(10, &word)
        } else {
            word.parse().ok().map(Token::Float)
        };
        match token {
            Some(token) => {
                self.push(token, self.at + len);
                Ok(())
            }
            None => refuse(self.line, format!("{} is no number", quote(&rest[..len]))),
        }
    }

    /// A string behind its prefix.
    fn string(&mut self, prefix: &str) -> Result<(), Failure> {
        let (raw, format) = match prefix.to_ascii_lowercase().as_str() {
            "" | "u" => (false, false),
            "r" => (true, false),
            "f" => (false, true),
            "rf" | "fr" => (true, true),
            other => {
                return refuse(
                    self.line,
                    format!("strings with the prefix `{other}` are not run here"),
                );
            }
        };
        let rest = self.rest();
        let quote = first(rest);
        if rest.starts_with(&quote.repeat(3)) {
            return refuse(self.line, "strings in three quotes are not run here");
        }
        let mut escaped = false;
        let end = rest.char_indices().skip(1).find(|(_, c)| {
            let ends = (rest.starts_with(*c) || *c == '\n') && !escaped;
            escaped = *c == '\\' && !escaped;
            ends
        });
        let Some((len, _)) = end.filter(|(at, _)| rest[*at..].starts_with(quote)) else {
            return refuse(self.line, "this string does not end on its line");
        };
        let inner = &rest[1..len];
        let text = if raw { inner.to_owned() } else { self.unescape(inner)? };
        self.push(Token::Text { text, format }, self.at + len + 1);
        Ok(())
    }

    fn unescape(&self, text: &str) -> Result<String, Failure> {
        let mut out = String::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            if c != '\\' {
                out.push(c);
                continue;
            }
            out.push(match chars.next() {
                Some(c @ ('\\' | '\'' | '"')) => c,
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                Some('0') => '\0',
                other => {
                    let code = other.map(String::from).unwrap_or_default();
                    return refuse(
                        self.line,
                        format!("the escape `\\{code}` in a string is not known here"),
                    );
                }
            });
        }
        Ok(out)
    }
}

/// The first character of a text.
fn first(text: &str) -> &str {
    &text[..text.chars().next().map_or(0, char::len_utf8)]
}
