//! Values as Python has them, and what can be done with them.

use std::cmp::Ordering;

/// A value.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// `None`.
    None,
    /// `True` and `False`.
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// A fraction.
    Float(f64),
    /// A string.
    Str(String),
    /// A tuple.
    Tuple(Vec<Value>),
    /// A list.
    List(Vec<Value>),
}

impl Value {
    /// What Python calls its type.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Value::None => "NoneType",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Float(_) => "float",
            Value::Str(_) => "str",
            Value::Tuple(_) => "tuple",
            Value::List(_) => "list",
        }
    }

    /// Whether a condition takes it for true.
    pub fn truth(&self) -> bool {
        match self {
            Value::None => false,
            Value::Bool(truth) => *truth,
            Value::Int(n) => *n != 0,
            Value::Float(n) => *n != 0.0,
            Value::Str(text) => !text.is_empty(),
            Value::Tuple(all) | Value::List(all) => !all.is_empty(),
        }
    }

    /// As a whole number, if it is one; truth values are 0 and 1.
    pub(super) fn int(&self) -> Option<i128> {
        match self {
            Value::Bool(truth) => Some(i128::from(*truth)),
            Value::Int(n) => Some(*n),
            _ => None,
        }
    }

    /// As a fraction, if it is a number.
    pub(super) fn float(&self) -> Option<f64> {
        match self {
            Value::Float(n) => Some(*n),
            other => other.int().map(|n| n as f64),
        }
    }

    /// Its parts, if it has some.
    pub(super) fn parts(&self) -> Option<&[Value]> {
        match self {
            Value::Tuple(all) | Value::List(all) => Some(all),
            _ => None,
        }
    }

    /// Bytes and parts in it; none if there are more than so many levels of parts.
    pub(super) fn weight(&self, levels: usize) -> Option<usize> {
        match self {
            Value::Str(text) => Some(text.len() + 1),
            Value::Tuple(all) | Value::List(all) => {
                let levels = levels.checked_sub(1)?;
                all.iter().try_fold(1usize, |sum, value| Some(sum + value.weight(levels)?))
            }
            _ => Some(1),
        }
    }

    /// Whether `==` holds.
    pub(super) fn equals(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Tuple(a), Value::Tuple(b)) | (Value::List(a), Value::List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.equals(b))
            }
            (Value::Str(a), Value::Str(b)) => a == b,
            (Value::None, Value::None) => true,
            _ => match (self.int(), other.int()) {
                (Some(a), Some(b)) => a == b,
                _ => self.float().is_some() && self.float() == other.float(),
            },
        }
    }

    /// The order of two values, if they have one.
    pub(super) fn order(&self, other: &Value) -> Option<Ordering> {
        if let (Value::Str(a), Value::Str(b)) = (self, other) {
            return Some(a.cmp(b));
        }
        if let (Some(a), Some(b)) = (self.int(), other.int()) {
            return Some(a.cmp(&b));
        }
        if let (Some(a), Some(b)) = (self.float(), other.float()) {
            return a.partial_cmp(&b);
        }
        let (a, b) = match (self, other) {
            (Value::Tuple(a), Value::Tuple(b)) | (Value::List(a), Value::List(b)) => (a, b),
            _ => return None,
        };
        let differing = a.iter().zip(b).find(|(a, b)| !a.equals(b));
        differing.map_or(Some(a.len().cmp(&b.len())), |(a, b)| a.order(b))
    }

    /// As `str()` shows it.
    pub fn show(&self) -> String {
        match self {
            Value::Str(text) => text.clone(),
            other => other.repr(),
        }
    }

    /// As `repr()` shows it.
    pub fn repr(&self) -> String {
        let list = |all: &[Value]| all.iter().map(Value::repr).collect::<Vec<_>>().join(", ");
        match self {
            Value::None => "None".to_owned(),
            Value::Bool(true) => "True".to_owned(),
            Value::Bool(false) => "False".to_owned(),
            Value::Int(n) => n.to_string(),
            Value::Float(n) => format!("{n:?}"),
            Value::Str(text) => {
                format!("'{}'", text.escape_debug().to_string().replace("\\\"", "\""))
            }
            Value::Tuple(all) if all.len() == 1 => format!("({},)", list(all)),
            Value::Tuple(all) => format!("({})", list(all)),
            Value::List(all) => format!("[{}]", list(all)),
        }
    }
}
