//! Statements as they run.

use super::format::{format, percent};
use super::value::Value;
use super::{
    Binary, Comparison, Doing, Expr, Failure, FailureKind, Function, Names, Piece, Statement, Unary,
};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Bytes that a string may have, and parts that a list may have.
const LONGEST: usize = 1 << 16;
/// Tuples and lists in each other that a value may have.
const LEVELS: usize = 20;
/// The threshold of slow start that nobody has set.
const ENDLESS: i128 = 0x7fff_ffff;
/// What an exception says of a number that is too large.
const TOO_LARGE: &str = "OverflowError: a number of more than 127 bits";

type Variables = BTreeMap<String, Value>;

/// Runs statements; `printed` gets what `print` writes.
pub(super) fn run(
    body: &[Statement],
    variables: &mut Variables,
    names: &Names<'_>,
    printed: &mut Vec<String>,
) -> Result<(), Failure> {
    for statement in body {
        let fail = |kind, what| Failure { line: statement.line, kind, what };
        let raise = |what| fail(FailureKind::Exception, what);
        let mut scope = Scope { variables, names, printed };
        match &statement.what {
            Doing::Assert { text, condition, message } => {
                if !scope.value(condition).map_err(raise)?.truth() {
                    let shown = match message {
                        Some(message) => Some(scope.value(message).map_err(raise)?.show()),
                        None => scope.told(text),
                    };
                    let shown = shown.map_or(String::new(), |shown| format!(": {shown}"));
                    let what = format!("assert {text}{shown}");
                    return Err(fail(FailureKind::Assertion, what));
                }
            }
            Doing::Assign(targets, value) => {
                let value = scope.value(value).map_err(raise)?;
                for name in targets {
                    scope.variables.insert(name.clone(), value.clone());
                }
            }
            Doing::Change(name, operator, value) => {
                let old = scope.name(name).map_err(raise)?;
                let value = scope.value(value).map_err(raise)?;
                let new = binary(*operator, &old, &value).map_err(raise)?;
                scope.variables.insert(name.clone(), new);
            }
            Doing::Expr(expr) => {
                scope.value(expr).map_err(raise)?;
            }
            Doing::If(cases, otherwise) => {
                let mut chosen = otherwise;
                for (condition, block) in cases {
                    if scope.value(condition).map_err(raise)?.truth() {
                        chosen = block;
                        break;
                    }
                }
                run(chosen, variables, names, printed)?;
            }
            Doing::Pass => {}
        }
    }
    Ok(())
}

/// What expressions can see.
struct Scope<'a, 'b> {
    variables: &'a mut Variables,
    names: &'a Names<'b>,
    printed: &'a mut Vec<String>,
}

impl Scope<'_, '_> {
    fn name(&self, name: &str) -> Result<Value, String> {
        let value = self.variables.get(name).cloned().or_else(|| (self.names)(name));
        value.ok_or_else(|| format!("NameError: name `{name}` is not defined"))
    }

    /// What the names in a condition are, as `tcp_info` has them.
    fn told(&self, condition: &str) -> Option<String> {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let mut told: Vec<String> = Vec::new();
        for word in condition.split(|c| !is_name(c)).filter(|word| word.contains("tcpi_")) {
            let Ok(value) = self.name(word) else { continue };
            let endless = word == "tcpi_snd_ssthresh" && value == Value::Int(ENDLESS);
            let shown = if endless { "∞".to_owned() } else { value.show() };
            let line = format!("{word} is {shown}");
            if !told.contains(&line) {
                told.push(line);
            }
        }
        (!told.is_empty()).then(|| told.join(", "))
    }

    fn values(&mut self, all: &[Expr]) -> Result<Vec<Value>, String> {
        all.iter().map(|expr| self.value(expr)).collect()
    }

    fn value(&mut self, expr: &Expr) -> Result<Value, String> {
        let value = self.unbounded(expr)?;
        match value.weight(LEVELS) {
            Some(..=LONGEST) => Ok(value),
            _ => Err(format!("a value longer than {LONGEST}, or deeper than {LEVELS}")),
        }
    }

    fn unbounded(&mut self, expr: &Expr) -> Result<Value, String> {
        match expr {
            Expr::Value(value) => Ok(value.clone()),
            Expr::Name(name) => self.name(name),
            Expr::Tuple(all) => self.values(all).map(Value::Tuple),
            Expr::List(all) => self.values(all).map(Value::List),
            Expr::Unary(operator, inner) => unary(*operator, &self.value(inner)?),
            Expr::Binary(operator, sides) => {
                let (left, right) = (self.value(&sides.0)?, self.value(&sides.1)?);
                binary(*operator, &left, &right)
            }
            Expr::Compare(first, rest) => self.compare(first, rest),
            Expr::And(all) => self.first(all, false),
            Expr::Or(all) => self.first(all, true),
            Expr::Choice(parts) => {
                let (condition, yes, no) = parts.as_ref();
                if self.value(condition)?.truth() { self.value(yes) } else { self.value(no) }
            }
            Expr::Call(Function::Print, arguments) => {
                let shown = self.values(arguments)?;
                let shown = shown.iter().map(Value::show).collect::<Vec<_>>().join(" ");
                self.printed.push(shown);
                Ok(Value::None)
            }
            Expr::Call(function, arguments) => call(*function, &self.values(arguments)?),
            Expr::Index(sides) => index(&self.value(&sides.0)?, &self.value(&sides.1)?),
            Expr::Format(pieces) => self.format(pieces),
        }
    }

    /// The first value that is so, or the last.
    fn first(&mut self, all: &[Expr], truth: bool) -> Result<Value, String> {
        let mut value = Value::Bool(!truth);
        for expr in all {
            value = self.value(expr)?;
            if value.truth() == truth {
                break;
            }
        }
        Ok(value)
    }

    fn compare(&mut self, first: &Expr, rest: &[(Comparison, Expr)]) -> Result<Value, String> {
        let mut left = self.value(first)?;
        for (comparison, expr) in rest {
            let right = self.value(expr)?;
            if !holds(*comparison, &left, &right)? {
                return Ok(Value::Bool(false));
            }
            left = right;
        }
        Ok(Value::Bool(true))
    }

    fn format(&mut self, pieces: &[Piece]) -> Result<Value, String> {
        let mut out = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Value { expr, repr, spec } => {
                    let value = self.value(expr)?;
                    let value = if *repr { Value::Str(value.repr()) } else { value };
                    out.push_str(&format(&value, spec)?);
                }
            }
        }
        Ok(Value::Str(out))
    }
}

/// Whether a comparison holds.
fn holds(comparison: Comparison, left: &Value, right: &Value) -> Result<bool, String> {
    let order = |such: fn(Ordering) -> bool| {
        let nan = |value: &Value| matches!(value, Value::Float(n) if n.is_nan());
        match left.order(right) {
            Some(order) => Ok(such(order)),
            None if nan(left) || nan(right) => Ok(false),
            None => Err(format!(
                "TypeError: {} and {} have no order",
                left.type_name(),
                right.type_name()
            )),
        }
    };
    Ok(match comparison {
        Comparison::Lt => order(Ordering::is_lt)?,
        Comparison::Le => order(Ordering::is_le)?,
        Comparison::Gt => order(Ordering::is_gt)?,
        Comparison::Ge => order(Ordering::is_ge)?,
        Comparison::Eq => left.equals(right),
        Comparison::Ne => !left.equals(right),
        Comparison::In => contains(right, left)?,
        Comparison::NotIn => !contains(right, left)?,
        Comparison::Is => left.type_name() == right.type_name() && left.equals(right),
        Comparison::IsNot => left.type_name() != right.type_name() || !left.equals(right),
    })
}

fn contains(whole: &Value, part: &Value) -> Result<bool, String> {
    match (whole, part, whole.parts()) {
        (Value::Str(whole), Value::Str(part), _) => Ok(whole.contains(part.as_str())),
        (_, part, Some(all)) => Ok(all.iter().any(|one| one.equals(part))),
        (whole, ..) => {
            Err(format!("TypeError: nothing is in a value of type {}", whole.type_name()))
        }
    }
}

fn unary(operator: Unary, value: &Value) -> Result<Value, String> {
    if operator == Unary::Not {
        return Ok(Value::Bool(!value.truth()));
    }
    let large = || TOO_LARGE.to_owned();
    match (operator, value.int(), value.float()) {
        (Unary::Plus, Some(n), _) => Ok(Value::Int(n)),
        (Unary::Minus, Some(n), _) => n.checked_neg().map(Value::Int).ok_or_else(large),
        (Unary::Invert, Some(n), _) => Ok(Value::Int(!n)),
        (Unary::Plus, None, Some(n)) => Ok(Value::Float(n)),
        (Unary::Minus, None, Some(n)) => Ok(Value::Float(-n)),
        _ => Err(format!("TypeError: no such operator for a value of type {}", value.type_name())),
    }
}

fn binary(operator: Binary, left: &Value, right: &Value) -> Result<Value, String> {
    let longest = || format!("a value longer than {LONGEST}");
    match (operator, left, right) {
        (Binary::Mod, Value::Str(text), values) => percent(text, values).map(Value::Str),
        (Binary::Add, Value::Str(a), Value::Str(b)) if a.len() + b.len() <= LONGEST => {
            Ok(Value::Str(format!("{a}{b}")))
        }
        (Binary::Add, Value::Tuple(a), Value::Tuple(b)) if a.len() + b.len() <= LONGEST => {
            Ok(Value::Tuple([a.as_slice(), b].concat()))
        }
        (Binary::Add, Value::List(a), Value::List(b)) if a.len() + b.len() <= LONGEST => {
            Ok(Value::List([a.as_slice(), b].concat()))
        }
        (Binary::Add, Value::Str(_), Value::Str(_)) => Err(longest()),
        (Binary::Mul, Value::Str(text), n) | (Binary::Mul, n, Value::Str(text))
            if n.int().is_some() =>
        {
            let times = usize::try_from(n.int().unwrap_or(0).max(0)).unwrap_or(usize::MAX);
            let fits = text.len().saturating_mul(times) <= LONGEST;
            if fits { Ok(Value::Str(text.repeat(times))) } else { Err(longest()) }
        }
        _ => match (left.int(), right.int()) {
            (Some(a), Some(b)) => ints(operator, a, b),
            _ => match (left.float(), right.float()) {
                (Some(a), Some(b)) => floats(operator, a, b),
                _ => Err(format!(
                    "TypeError: no such operator for {} and {}",
                    left.type_name(),
                    right.type_name()
                )),
            },
        },
    }
}

/// Arithmetic of whole numbers; Python rounds down.
fn ints(operator: Binary, a: i128, b: i128) -> Result<Value, String> {
    let divides = matches!(operator, Binary::Div | Binary::FloorDiv | Binary::Mod);
    if divides && b == 0 {
        return Err("ZeroDivisionError: division by zero".to_owned());
    }
    let shift = || match u32::try_from(b) {
        Ok(bits) => Ok(bits),
        Err(_) if b < 0 => Err("ValueError: negative shift count".to_owned()),
        Err(_) => Ok(u32::MAX),
    };
    let value = match operator {
        Binary::Add => a.checked_add(b),
        Binary::Sub => a.checked_sub(b),
        Binary::Mul => a.checked_mul(b),
        Binary::Div => return Ok(Value::Float(a as f64 / b as f64)),
        Binary::FloorDiv => a.checked_div_euclid(b).map(|q| {
            // Euclid's remainder is positive; Python's has the sign of the divisor.
            q - i128::from(b < 0 && a.rem_euclid(b) != 0)
        }),
        Binary::Mod => {
            a.checked_rem(b).map(|r| if r != 0 && (r < 0) != (b < 0) { r + b } else { r })
        }
        Binary::Pow if b < 0 => return floats(operator, a as f64, b as f64),
        Binary::Pow => u32::try_from(b).ok().and_then(|b| a.checked_pow(b)),
        Binary::And => Some(a & b),
        Binary::Or => Some(a | b),
        Binary::Xor => Some(a ^ b),
        Binary::Shl => {
            let bits = shift()?;
            a.checked_shl(bits).filter(|shifted| bits < 127 && (shifted >> bits) == a)
        }
        Binary::Shr => Some(a >> shift()?.min(127)),
    };
    value.map(Value::Int).ok_or_else(|| TOO_LARGE.to_owned())
}

fn floats(operator: Binary, a: f64, b: f64) -> Result<Value, String> {
    let divides = matches!(operator, Binary::Div | Binary::FloorDiv | Binary::Mod);
    if divides && b == 0.0 {
        return Err("ZeroDivisionError: float division by zero".to_owned());
    }
    Ok(Value::Float(match operator {
        Binary::Add => a + b,
        Binary::Sub => a - b,
        Binary::Mul => a * b,
        Binary::Div => a / b,
        Binary::FloorDiv => (a / b).floor(),
        Binary::Mod => a - b * (a / b).floor(),
        Binary::Pow => a.powf(b),
        _ => return Err("TypeError: bits of a float".to_owned()),
    }))
}

fn index(whole: &Value, at: &Value) -> Result<Value, String> {
    let len = match whole {
        Value::Str(text) => text.chars().count(),
        other => other.parts().map_or(0, <[Value]>::len),
    };
    let Some(n) = at.int() else { return Err("TypeError: an index that is no number".to_owned()) };
    let from_end = if n < 0 { n.saturating_add(len as i128) } else { n };
    let place = usize::try_from(from_end).ok().filter(|place| *place < len);
    let value = place.and_then(|place| match whole {
        Value::Str(text) => text.chars().nth(place).map(|c| Value::Str(c.to_string())),
        other => other.parts().and_then(|all| all.get(place).cloned()),
    });
    value.ok_or_else(|| "IndexError: index out of range".to_owned())
}

fn call(function: Function, arguments: &[Value]) -> Result<Value, String> {
    let Some(first) = arguments.first() else { return Ok(Value::None) };
    let wrong = || format!("TypeError: not for a value of type {}", first.type_name());
    let parts = || first.parts().ok_or_else(wrong);
    Ok(match function {
        Function::Abs => match (first.int(), first.float()) {
            (Some(n), _) => Value::Int(n.checked_abs().ok_or(TOO_LARGE)?),
            (None, Some(n)) => Value::Float(n.abs()),
            _ => return Err(wrong()),
        },
        Function::All => Value::Bool(parts()?.iter().all(Value::truth)),
        Function::Any => Value::Bool(parts()?.iter().any(Value::truth)),
        Function::Bool => Value::Bool(first.truth()),
        Function::Float => Value::Float(match first {
            Value::Str(text) => text.trim().parse().map_err(|_| "ValueError: no number")?,
            other => other.float().ok_or_else(wrong)?,
        }),
        Function::Hex => {
            let n = first.int().ok_or_else(wrong)?;
            Value::Str(format!("{}0x{:x}", if n < 0 { "-" } else { "" }, n.unsigned_abs()))
        }
        Function::Int => Value::Int(match first {
            Value::Str(text) => text.trim().parse().map_err(|_| "ValueError: no number")?,
            Value::Float(n) if n.is_finite() => n.trunc() as i128,
            other => other.int().ok_or_else(wrong)?,
        }),
        Function::Len => Value::Int(match first {
            Value::Str(text) => text.chars().count() as i128,
            _ => parts()?.len() as i128,
        }),
        Function::Max => extreme(arguments, Ordering::Greater)?,
        Function::Min => extreme(arguments, Ordering::Less)?,
        Function::Print => Value::None,
        Function::Repr => Value::Str(first.repr()),
        Function::Round => round(first, arguments.get(1))?,
        Function::Str => Value::Str(first.show()),
        Function::Sum => {
            let mut total = Value::Int(0);
            for value in parts()? {
                total = binary(Binary::Add, &total, value)?;
            }
            total
        }
    })
}

/// The largest or the smallest, of the arguments or of one list.
fn extreme(arguments: &[Value], wanted: Ordering) -> Result<Value, String> {
    let all = match arguments {
        [one] => one.parts().ok_or("TypeError: one value has no largest or smallest")?,
        all => all,
    };
    let Some((first, rest)) = all.split_first() else {
        return Err("ValueError: an empty list has no largest or smallest".to_owned());
    };
    let mut best = first;
    for value in rest {
        let order = value.order(best).ok_or("TypeError: these values have no order")?;
        best = if order == wanted { value } else { best };
    }
    Ok(best.clone())
}

/// `round(x)` and `round(x, digits)`, halves to even.
fn round(value: &Value, digits: Option<&Value>) -> Result<Value, String> {
    let places = digits.map(|digits| digits.int().ok_or("TypeError: digits are a number"));
    match (value.int(), value.float(), places.transpose()?) {
        (Some(n), _, None | Some(0..)) => Ok(Value::Int(n)),
        (None, Some(n), None) if n.is_finite() => Ok(Value::Int(n.round_ties_even() as i128)),
        (None, Some(n), Some(places @ 0..=15)) => {
            let text = format!("{n:.*}", places as usize);
            Ok(Value::Float(text.parse().unwrap_or(n)))
        }
        _ => Err("a `round` of this kind".to_owned()),
    }
}
