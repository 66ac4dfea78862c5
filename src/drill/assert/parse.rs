//! From tokens of Python to statements and expressions.

use super::lex::{Placed, Token, lex, refuse};
use super::{
    Binary, Comparison, Doing, Expr, FUNCTIONS, Failure, Function, Piece, Statement, Unary, Value,
};
use crate::drill::error::{hint, quote};

/// How deep expressions and blocks may nest.
const DEPTH: usize = 40;
/// How many operators a statement may have.
const OPERATORS: usize = 300;

/// Statements of Python that are more than this is for.
const REFUSED: [&str; 15] = [
    "def", "class", "for", "while", "try", "with", "return", "raise", "del", "global", "nonlocal",
    "lambda", "yield", "await", "async",
];

/// Words that are no names.
const KEYWORDS: [&str; 15] = [
    "import", "from", "and", "or", "not", "in", "is", "if", "elif", "else", "assert", "pass", "as",
    "break", "continue",
];

/// `a += b` and its kind.
const CHANGES: [(&str, Binary); 12] = [
    ("+=", Binary::Add),
    ("-=", Binary::Sub),
    ("*=", Binary::Mul),
    ("/=", Binary::Div),
    ("//=", Binary::FloorDiv),
    ("%=", Binary::Mod),
    ("**=", Binary::Pow),
    ("&=", Binary::And),
    ("|=", Binary::Or),
    ("^=", Binary::Xor),
    ("<<=", Binary::Shl),
    (">>=", Binary::Shr),
];

/// Operators of two sides by how tightly they bind, loosest first.
const LEVELS: [&[(&str, Binary)]; 6] = [
    &[("|", Binary::Or)],
    &[("^", Binary::Xor)],
    &[("&", Binary::And)],
    &[("<<", Binary::Shl), (">>", Binary::Shr)],
    &[("+", Binary::Add), ("-", Binary::Sub)],
    &[("*", Binary::Mul), ("/", Binary::Div), ("//", Binary::FloorDiv), ("%", Binary::Mod)],
];

/// Reads a snippet.
pub(super) fn program(line: u32, text: &str) -> Result<Vec<Statement>, Failure> {
    let tokens = lex(line, text)?;
    let mut parser = Parser { text, tokens, at: 0, line, depth: 0, operators: 0, indent: None };
    parser.lines()
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Placed>,
    at: usize,
    /// The line of the last token.
    line: u32,
    depth: usize,
    /// Operators of this statement.
    operators: usize,
    /// How far the line is indented that comes; unknown for the first.
    indent: Option<usize>,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|placed| &placed.token)
    }

    fn take(&mut self) -> Option<Token> {
        let placed = self.tokens.get(self.at)?.clone();
        self.at += 1;
        self.line = placed.line;
        Some(placed.token)
    }

    fn is(&self, mark: &str) -> bool {
        matches!(self.peek(), Some(Token::Mark(known)) if *known == mark)
    }

    fn eat(&mut self, mark: &str) -> bool {
        let is = self.is(mark);
        self.at += usize::from(is);
        is
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Some(Token::Name(known)) if known == word)
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let is = self.is_word(word);
        self.at += usize::from(is);
        is
    }

    fn here(&self) -> u32 {
        self.tokens.get(self.at).map_or(self.line, |placed| placed.line)
    }

    fn expected<T>(&self, what: &str) -> Result<T, Failure> {
        let found = match self.tokens.get(self.at) {
            Some(Placed { token: Token::Line(_), .. }) | None => "the end of the line".to_owned(),
            Some(placed) => quote(&self.text[placed.start..placed.end]),
        };
        refuse(self.here(), format!("expected {what}, found {found}"))
    }

    /// One level deeper.
    fn nested<T>(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        if self.depth == DEPTH {
            return refuse(self.here(), format!("more than {DEPTH} levels of nesting"));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    fn operator(&mut self) -> Result<(), Failure> {
        self.operators += 1;
        if self.operators > OPERATORS {
            return refuse(
                self.here(),
                format!("a statement with more than {OPERATORS} operators"),
            );
        }
        Ok(())
    }

    /// All lines of the snippet.
    fn lines(&mut self) -> Result<Vec<Statement>, Failure> {
        let (mut body, mut own) = (Vec::new(), None);
        while self.at < self.tokens.len() {
            if let Some(Token::Line(indent)) = self.peek() {
                self.indent = Some(*indent);
                self.at += 1;
                continue;
            }
            if own.is_some() && self.indent != own {
                return refuse(self.here(), "this line is indented for no reason");
            }
            own = own.or(self.indent);
            self.line_of_statements(&mut body)?;
        }
        Ok(body)
    }

    /// One line: an `if` with its blocks, or statements between semicolons.
    fn line_of_statements(&mut self, body: &mut Vec<Statement>) -> Result<(), Failure> {
        self.operators = 0;
        if self.is_word("if") {
            let line = self.here();
            let what = self.nested(|parser| parser.choice_of_blocks())?;
            body.push(Statement { line, what });
            return Ok(());
        }
        loop {
            self.operators = 0;
            let line = self.here();
            let what = self.statement()?;
            body.push(Statement { line, what });
            let more = self.eat(";");
            match self.peek() {
                Some(Token::Line(indent)) => {
                    self.indent = Some(*indent);
                    self.at += 1;
                    return Ok(());
                }
                None => return Ok(()),
                Some(_) if more => {}
                Some(_) => return self.expected("`;` or the end of the line"),
            }
        }
    }

    /// `if`, `elif`, `else`.
    fn choice_of_blocks(&mut self) -> Result<Doing, Failure> {
        let own = self.indent;
        let mut cases = Vec::new();
        while cases.is_empty() || (self.is_word("elif") && self.is_level(own)) {
            self.at += 1;
            let condition = self.expr()?;
            cases.push((condition, self.block(own)?));
        }
        let has_else = self.is_word("else") && self.is_level(own);
        self.at += usize::from(has_else);
        let otherwise = if has_else { self.block(own)? } else { Vec::new() };
        Ok(Doing::If(cases, otherwise))
    }

    /// Whether the line that comes can belong to an `if` at this indent.
    fn is_level(&self, own: Option<usize>) -> bool {
        own.is_none() || self.indent == own
    }

    /// What follows a colon: statements on the same line, or deeper lines.
    fn block(&mut self, outer: Option<usize>) -> Result<Vec<Statement>, Failure> {
        if !self.eat(":") {
            return self.expected("`:`");
        }
        let mut body = Vec::new();
        let Some(Token::Line(indent)) = self.peek() else {
            if self.is_word("if") {
                return self.expected("a statement");
            }
            self.line_of_statements(&mut body)?;
            return Ok(body);
        };
        let indent = *indent;
        if indent <= outer.unwrap_or(0) {
            return refuse(self.here(), "expected a deeper line after `:`");
        }
        self.at += 1;
        self.indent = Some(indent);
        while self.at < self.tokens.len() && self.indent == Some(indent) {
            self.line_of_statements(&mut body)?;
        }
        if self.at < self.tokens.len() && self.indent > Some(indent) {
            return refuse(self.here(), "this line is indented for no reason");
        }
        Ok(body)
    }

    fn statement(&mut self) -> Result<Doing, Failure> {
        if let Some(Token::Name(word)) = self.peek()
            && REFUSED.contains(&word.as_str())
        {
            let what =
                format!("`{word}` is not run here: only assertions, assignments, `print`, `if`");
            return refuse(self.here(), what);
        }
        if self.eat_word("pass") {
            return Ok(Doing::Pass);
        }
        // Nothing is brought in: whatever is asked of a module is refused where it is asked.
        if self.is_word("import") || self.is_word("from") {
            while !matches!(self.peek(), None | Some(Token::Line(_) | Token::Mark(";"))) {
                self.at += 1;
            }
            return Ok(Doing::Pass);
        }
        if self.eat_word("assert") {
            let start = self.tokens.get(self.at).map_or(0, |placed| placed.start);
            let condition = self.expr()?;
            let end = self.tokens[self.at - 1].end;
            let text = self.text.get(start..end).unwrap_or("").split_whitespace();
            let text = text.collect::<Vec<_>>().join(" ");
            if self.is("=") {
                return refuse(self.here(), "`=` assigns, `==` compares: `==` is meant here");
            }
            let message = if self.eat(",") { Some(self.expr()?) } else { None };
            return Ok(Doing::Assert { text, condition, message });
        }
        if self.is_word("print")
            && matches!(self.tokens.get(self.at + 1), Some(next) if !matches!(next.token, Token::Mark("(")))
        {
            return refuse(self.here(), "`print` without parentheses is not run here");
        }
        let mut targets = Vec::new();
        loop {
            let value = self.tuple()?;
            if self.eat("=") {
                let Expr::Name(name) = value else {
                    return refuse(self.line, "only one name can be assigned to");
                };
                targets.push(name);
                continue;
            }
            let change = CHANGES.iter().find(|(mark, _)| self.is(mark));
            return match (change, value) {
                (Some((_, operator)), Expr::Name(name)) if targets.is_empty() => {
                    self.at += 1;
                    Ok(Doing::Change(name, *operator, self.tuple()?))
                }
                (Some(_), _) => refuse(self.line, "only one name can be assigned to"),
                (None, value) if targets.is_empty() => Ok(Doing::Expr(value)),
                (None, value) => Ok(Doing::Assign(targets, value)),
            };
        }
    }

    /// One expression, or several between commas that are a tuple.
    fn tuple(&mut self) -> Result<Expr, Failure> {
        let first = self.expr()?;
        if !self.is(",") {
            return Ok(first);
        }
        let mut all = vec![first];
        while self.eat(",") {
            if matches!(
                self.peek(),
                None | Some(Token::Line(_)) | Some(Token::Mark(")" | "=" | ";"))
            ) {
                break;
            }
            all.push(self.expr()?);
        }
        Ok(Expr::Tuple(all))
    }

    /// `a if condition else b`.
    pub(super) fn expr(&mut self) -> Result<Expr, Failure> {
        self.nested(|parser| {
            let value = parser.or()?;
            if !parser.eat_word("if") {
                return Ok(value);
            }
            let condition = parser.or()?;
            if !parser.eat_word("else") {
                return parser.expected("`else`");
            }
            Ok(Expr::Choice(Box::new((condition, value, parser.expr()?))))
        })
    }

    fn or(&mut self) -> Result<Expr, Failure> {
        let mut all = vec![self.and()?];
        while self.eat_word("or") {
            all.push(self.and()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Expr::Or(all) })
    }

    fn and(&mut self) -> Result<Expr, Failure> {
        let mut all = vec![self.not()?];
        while self.eat_word("and") {
            all.push(self.not()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Expr::And(all) })
    }

    fn not(&mut self) -> Result<Expr, Failure> {
        if self.eat_word("not") {
            let inner = self.nested(|parser| parser.not())?;
            return Ok(Expr::Unary(Unary::Not, Box::new(inner)));
        }
        let first = self.binary(0)?;
        let mut rest = Vec::new();
        while let Some(comparison) = self.comparison()? {
            rest.push((comparison, self.binary(0)?));
        }
        Ok(if rest.is_empty() { first } else { Expr::Compare(Box::new(first), rest) })
    }

    fn comparison(&mut self) -> Result<Option<Comparison>, Failure> {
        const MARKS: [(&str, Comparison); 6] = [
            ("<", Comparison::Lt),
            ("<=", Comparison::Le),
            (">", Comparison::Gt),
            (">=", Comparison::Ge),
            ("==", Comparison::Eq),
            ("!=", Comparison::Ne),
        ];
        if let Some((_, comparison)) = MARKS.iter().find(|(mark, _)| self.is(mark)) {
            self.at += 1;
            return Ok(Some(*comparison));
        }
        if self.eat_word("in") {
            return Ok(Some(Comparison::In));
        }
        if self.eat_word("is") {
            let not = self.eat_word("not");
            return Ok(Some(if not { Comparison::IsNot } else { Comparison::Is }));
        }
        if self.eat_word("not") {
            return if self.eat_word("in") {
                Ok(Some(Comparison::NotIn))
            } else {
                self.expected("`in`")
            };
        }
        Ok(None)
    }

    /// Operators of two sides that bind at least as tightly as this level.
    fn binary(&mut self, level: usize) -> Result<Expr, Failure> {
        let Some(operators) = LEVELS.get(level) else { return self.unary() };
        let mut left = self.binary(level + 1)?;
        while let Some((_, operator)) = operators.iter().find(|(mark, _)| self.is(mark)) {
            self.at += 1;
            self.operator()?;
            left = Expr::Binary(*operator, Box::new((left, self.binary(level + 1)?)));
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expr, Failure> {
        const MARKS: [(&str, Unary); 3] =
            [("+", Unary::Plus), ("-", Unary::Minus), ("~", Unary::Invert)];
        if let Some((_, operator)) = MARKS.iter().find(|(mark, _)| self.is(mark)) {
            self.at += 1;
            let inner = self.nested(|parser| parser.unary())?;
            return Ok(Expr::Unary(*operator, Box::new(inner)));
        }
        let base = self.postfix()?;
        if !self.eat("**") {
            return Ok(base);
        }
        let exponent = self.nested(|parser| parser.unary())?;
        Ok(Expr::Binary(Binary::Pow, Box::new((base, exponent))))
    }

    fn postfix(&mut self) -> Result<Expr, Failure> {
        let mut value = self.primary()?;
        loop {
            if self.eat("[") {
                self.operator()?;
                let index = self.expr()?;
                if !self.eat("]") {
                    return self.expected("`]` (no slices)");
                }
                value = Expr::Index(Box::new((value, index)));
            } else if self.is(".") {
                return refuse(
                    self.here(),
                    "attributes and methods, such as behind this `.`, are not run here",
                );
            } else if self.is("(") {
                return refuse(
                    self.here(),
                    "calls of what is no name of a function are not run here",
                );
            } else {
                return Ok(value);
            }
        }
    }

    fn primary(&mut self) -> Result<Expr, Failure> {
        match self.peek() {
            Some(Token::Int(_) | Token::Float(_)) => Ok(match self.take() {
                Some(Token::Int(n)) => Expr::Value(Value::Int(n)),
                Some(Token::Float(n)) => Expr::Value(Value::Float(n)),
                _ => Expr::Value(Value::None),
            }),
            Some(Token::Text { .. }) => self.text(),
            Some(Token::Name(_)) => self.name(),
            Some(Token::Mark("(")) => self.parentheses(),
            Some(Token::Mark("[")) => {
                self.at += 1;
                let list = self.items("]")?;
                Ok(Expr::List(list))
            }
            Some(Token::Mark("{")) => refuse(self.here(), "dictionaries and sets are not run here"),
            _ => self.expected("an expression"),
        }
    }

    fn parentheses(&mut self) -> Result<Expr, Failure> {
        self.at += 1;
        if self.eat(")") {
            return Ok(Expr::Tuple(Vec::new()));
        }
        let inner = self.tuple()?;
        if !self.eat(")") {
            return self.expected("`)`");
        }
        Ok(inner)
    }

    /// Expressions between commas, to the delimiter that closes them.
    fn items(&mut self, close: &str) -> Result<Vec<Expr>, Failure> {
        let mut all = Vec::new();
        while !self.eat(close) {
            all.push(self.expr()?);
            if self.is("=") {
                return refuse(self.here(), "arguments with names are not run here");
            }
            if !self.eat(",") && !self.is(close) {
                return self.expected(&format!("`,` or `{close}`"));
            }
        }
        Ok(all)
    }

    fn name(&mut self) -> Result<Expr, Failure> {
        let Some(Token::Name(name)) = self.peek().cloned() else {
            return self.expected("a name");
        };
        if REFUSED.contains(&name.as_str()) {
            return refuse(self.here(), format!("`{name}` is not run here"));
        }
        if KEYWORDS.contains(&name.as_str()) {
            return self.expected("an expression");
        }
        self.take();
        if self.is("(") {
            let Some((_, function)) = FUNCTIONS.iter().find(|(known, _)| *known == name) else {
                let near = hint(&name, FUNCTIONS.map(|(known, _)| known));
                let what = format!("the function `{name}` is not known here{near}");
                return refuse(self.line, what);
            };
            self.at += 1;
            let arguments = self.items(")")?;
            return self.call(*function, arguments);
        }
        Ok(match name.as_str() {
            "True" => Expr::Value(Value::Bool(true)),
            "False" => Expr::Value(Value::Bool(false)),
            "None" => Expr::Value(Value::None),
            _ => Expr::Name(name),
        })
    }

    fn call(&self, function: Function, arguments: Vec<Expr>) -> Result<Expr, Failure> {
        let fits = match function {
            Function::Print => true,
            Function::Max | Function::Min => !arguments.is_empty(),
            Function::Round => (1..=2).contains(&arguments.len()),
            _ => arguments.len() == 1,
        };
        if fits {
            Ok(Expr::Call(function, arguments))
        } else {
            refuse(self.line, format!("this function does not take {} arguments", arguments.len()))
        }
    }

    /// A string, or several that are one.
    fn text(&mut self) -> Result<Expr, Failure> {
        let mut pieces: Vec<Piece> = Vec::new();
        while let Some(Token::Text { text, format }) = self.peek().cloned() {
            self.take();
            if format {
                self.pieces(&text, &mut pieces)?;
            } else {
                pieces.push(Piece::Text(text));
            }
        }
        let plain = |piece: &Piece| match piece {
            Piece::Text(text) => Some(text.clone()),
            Piece::Value { .. } => None,
        };
        let whole: Option<String> = pieces.iter().map(plain).collect();
        Ok(whole.map_or(Expr::Format(pieces), |text| Expr::Value(Value::Str(text))))
    }

    /// The parts of an f-string.
    fn pieces(&mut self, text: &str, pieces: &mut Vec<Piece>) -> Result<(), Failure> {
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            if from.starts_with("{{") || from.starts_with("}}") {
                pieces.push(Piece::Text(format!("{before}{}", &from[..1])));
                rest = &from[2..];
                continue;
            }
            pieces.push(Piece::Text(before.to_owned()));
            let Some(end) = from.find('}').filter(|_| from.starts_with('{')) else {
                return refuse(self.line, "a brace in this f-string has no partner");
            };
            pieces.extend(self.field(&from[1..end])?);
            rest = &from[end + 1..];
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(())
    }

    /// What is between the braces: `value`, `value!r`, `value:spec`, `value=`.
    fn field(&mut self, field: &str) -> Result<Vec<Piece>, Failure> {
        let (value, spec) = field.split_once(':').unwrap_or((field, ""));
        let (value, mut repr) = match value.rsplit_once('!') {
            Some((value, "r")) => (value, true),
            Some((value, "s")) => (value, false),
            _ => (value, false),
        };
        let shown = value.strip_suffix('=').filter(|rest| !rest.ends_with(['=', '<', '>', '!']));
        repr |= shown.is_some() && spec.is_empty();
        if spec.contains('{') {
            return refuse(self.line, "braces in the format of an f-string are not run here");
        }
        let source = shown.unwrap_or(value);
        let tokens = lex(self.line, source)?;
        let (depth, line, operators) = (self.depth, self.line, self.operators);
        let mut inner =
            Parser { text: source, tokens, at: 0, line, depth, operators, indent: None };
        let expr = inner.nested(|parser| parser.tuple())?;
        self.operators = inner.operators;
        if !matches!(inner.peek(), None | Some(Token::Line(_))) {
            return inner.expected("the end of the value in an f-string");
        }
        let label = shown.map(|source| Piece::Text(format!("{source}=")));
        let piece = Piece::Value { expr, repr, spec: spec.to_owned() };
        Ok(label.into_iter().chain([piece]).collect())
    }
}
