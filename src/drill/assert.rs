//! What stands between `%{` and `}%`: statements of a small part of Python, run here.
//!
//! The part is what tests of TCP say: assertions with messages, arithmetic, comparisons, strings
//! with values in them, assignments that later snippets see, `print`, `if`. Anything else is
//! refused by its name when the text is read, so that nothing is silently not tested.
//!
//! ```
//! use netglass::drill::assert::{Program, Value, Variables};
//!
//! let program = Program::parse(1, "assert tcpi_snd_cwnd == 10, tcpi_snd_cwnd").unwrap();
//! let names = |name: &str| (name == "tcpi_snd_cwnd").then_some(Value::Int(11));
//! let failure = program.run(&mut Variables::default(), &names).unwrap_err();
//! assert_eq!(failure.to_string(), "assert tcpi_snd_cwnd == 10: 11");
//! ```

mod eval;
mod format;
mod lex;
mod parse;
mod value;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

pub use value::Value;

/// Statements that were read.
#[derive(Clone, PartialEq, Debug)]
pub struct Program {
    body: Vec<Statement>,
}

/// What scripts have assigned so far; lives as long as the script runs.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Variables {
    values: BTreeMap<String, Value>,
}

/// Why statements cannot be run, or failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// The line of the script.
    pub line: u32,
    /// Which sort.
    pub kind: FailureKind,
    /// In words.
    pub what: String,
}

/// Sorts of failures.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum FailureKind {
    /// The text is more than this evaluator can do, or is no Python.
    Refused,
    /// An assertion does not hold.
    Assertion,
    /// Python would raise another exception: an unknown name, a division by zero.
    Exception,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Failure {}

/// Where names that no statement assigned come from: `tcpi_snd_cwnd`, `TCP_ESTABLISHED`.
pub type Names<'a> = dyn Fn(&str) -> Option<Value> + 'a;

impl Program {
    /// Reads statements, of which the first is on `line` of the script.
    pub fn parse(line: u32, text: &str) -> Result<Program, Failure> {
        let body = parse::program(line, text)?;
        Ok(Program { body })
    }

    /// Runs them all, or to the first that fails; gives the lines that `print` wrote.
    pub fn run(
        &self,
        variables: &mut Variables,
        names: &Names<'_>,
    ) -> Result<Vec<String>, Failure> {
        // The names of a new snapshot take the place of what was assigned to them before.
        variables.values.retain(|name, _| names(name).is_none());
        let mut printed = Vec::new();
        eval::run(&self.body, &mut variables.values, names, &mut printed)?;
        Ok(printed)
    }
}

/// One statement and its line.
#[derive(Clone, PartialEq, Debug)]
struct Statement {
    line: u32,
    what: Doing,
}

/// What a statement does.
#[derive(Clone, PartialEq, Debug)]
enum Doing {
    Assert {
        /// The condition as it is written.
        text: String,
        condition: Expr,
        message: Option<Expr>,
    },
    /// `a = b = value`.
    Assign(Vec<String>, Expr),
    /// `a += value`.
    Change(String, Binary, Expr),
    /// An expression, for what it does.
    Expr(Expr),
    /// `if` and `elif` with their blocks, and `else`.
    If(Vec<(Expr, Vec<Statement>)>, Vec<Statement>),
    Pass,
}

/// An expression.
#[derive(Clone, PartialEq, Debug)]
enum Expr {
    Value(Value),
    Name(String),
    Tuple(Vec<Expr>),
    List(Vec<Expr>),
    Unary(Unary, Box<Expr>),
    Binary(Binary, Box<(Expr, Expr)>),
    /// `a < b <= c`.
    Compare(Box<Expr>, Vec<(Comparison, Expr)>),
    And(Vec<Expr>),
    Or(Vec<Expr>),
    /// `a if condition else b`: condition, a, b.
    Choice(Box<(Expr, Expr, Expr)>),
    /// A function of the few that there are.
    Call(Function, Vec<Expr>),
    Index(Box<(Expr, Expr)>),
    /// An f-string.
    Format(Vec<Piece>),
}

/// A part of an f-string.
#[derive(Clone, PartialEq, Debug)]
enum Piece {
    Text(String),
    Value { expr: Expr, repr: bool, spec: String },
}

#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Unary {
    Plus,
    Minus,
    Invert,
    Not,
}

#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    FloorDiv,
    Mod,
    Pow,
    And,
    Or,
    Xor,
    Shl,
    Shr,
}

#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Comparison {
    Lt,
    Le,
    Gt,
    Ge,
    Eq,
    Ne,
    In,
    NotIn,
    Is,
    IsNot,
}

#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Function {
    Abs,
    All,
    Any,
    Bool,
    Float,
    Hex,
    Int,
    Len,
    Max,
    Min,
    Print,
    Repr,
    Round,
    Str,
    Sum,
}

/// Names of functions.
const FUNCTIONS: [(&str, Function); 15] = [
    ("abs", Function::Abs),
    ("all", Function::All),
    ("any", Function::Any),
    ("bool", Function::Bool),
    ("float", Function::Float),
    ("hex", Function::Hex),
    ("int", Function::Int),
    ("len", Function::Len),
    ("max", Function::Max),
    ("min", Function::Min),
    ("print", Function::Print),
    ("repr", Function::Repr),
    ("round", Function::Round),
    ("str", Function::Str),
    ("sum", Function::Sum),
];
