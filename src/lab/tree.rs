//! A lab file as a tree of values that know where they stand, so that every mistake has a place.

use super::Mistake;
use crate::base::words::{nearest, steers};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Where a value stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum At {
    /// In the file: these bytes.
    File(Range<usize>),
    /// It was given with `--set`: the how manieth.
    Set(usize),
}

/// A value and its place.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) at: At,
    pub(super) value: Value,
}

/// What can stand in a lab file.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(String),
    Number(i64),
    Truth(bool),
    List(Vec<Item>),
    Table(Table),
    /// Fractions and dates, as they are written.
    Other(String),
}

/// Keys and values in the order of the file.
#[derive(Clone, Debug, Default)]
pub(super) struct Table(pub(super) Vec<(Key, Item)>);

/// A key and its place.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) at: At,
}

impl At {
    /// Its start, for the order of the file.
    fn start(&self) -> usize {
        match self {
            At::File(range) => range.start,
            At::Set(nth) => usize::MAX / 2 + nth,
        }
    }
}

impl Table {
    /// Reads a whole file.
    pub(super) fn parse(text: &str) -> Result<Table, Mistake> {
        let document = DeTable::parse(text).map_err(|error| {
            let what = error.message().lines().collect::<Vec<_>>().join(", ");
            let at = At::File(error.span().unwrap_or(0..0));
            Mistake::new(&at, format!("this is not TOML: {what}"))
        })?;
        let table = Table::of(document.get_ref());
        table.check_letters()?;
        Ok(table)
    }

    /// Refuses texts that would do something to the terminal that shows them.
    fn check_letters(&self) -> Result<(), Mistake> {
        self.0.iter().try_for_each(|(key, item)| {
            check_letters(&key.at, &key.name)?;
            item.check_letters()
        })
    }

    fn of(table: &DeTable<'_>) -> Table {
        let entry = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
            let name: &std::borrow::Cow<'_, str> = key.get_ref();
            (Key { name: name.clone().into_owned(), at: At::File(key.span()) }, Item::of(value))
        };
        let mut entries: Vec<_> = table.iter().map(entry).collect();
        entries.sort_by_key(|(key, _)| key.at.start());
        Table(entries)
    }

    /// The value of a key.
    pub(super) fn get(&self, name: &str) -> Option<&Item> {
        self.0.iter().find(|(key, _)| key.name == name).map(|(_, item)| item)
    }

    /// Puts a value at a path of keys; tables on the way are made.
    pub(super) fn set(&mut self, path: &[&str], nth: usize, value: Value) -> Result<(), Mistake> {
        let [first, rest @ ..] = path else { return Ok(()) };
        let at = At::Set(nth);
        let place = self.0.iter().position(|(key, _)| key.name == *first);
        let place = place.unwrap_or_else(|| {
            let key = Key { name: (*first).to_owned(), at: at.clone() };
            self.0.push((key, Item { at: at.clone(), value: Value::Table(Table::default()) }));
            self.0.len() - 1
        });
        let item = &mut self.0[place].1;
        if rest.is_empty() {
            *item = Item { at, value };
            return Ok(());
        }
        match &mut item.value {
            Value::Table(table) => table.set(rest, nth, value),
            Value::List(items) => Item::set_in(items, rest, nth, value),
            _ => Err(Mistake::new(&at, format!("\"{first}\" has no keys below it"))),
        }
    }
}

impl Item {
    /// Sets a value in one of a list of tables, which a number from 1 names.
    fn set_in(items: &mut [Item], path: &[&str], nth: usize, value: Value) -> Result<(), Mistake> {
        let wrong = |what| Err(Mistake::new(&At::Set(nth), what));
        let (number, rest) = path.split_first().map_or(("", path), |(first, rest)| (*first, rest));
        let place = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let most = items.len();
        match place.and_then(|place| items.get_mut(place)).map(|item| &mut item.value) {
            Some(Value::Table(table)) if !rest.is_empty() => table.set(rest, nth, value),
            Some(_) => wrong(format!("\"{number}\" is followed by nothing: expected a key")),
            None => wrong(format!("there is no number \"{number}\": expected 1 to {most}")),
        }
    }

    fn of(value: &Spanned<DeValue<'_>>) -> Item {
        let at = At::File(value.span());
        let value = match value.get_ref() {
            DeValue::String(text) => Value::Text(text.clone().into_owned()),
            DeValue::Integer(n) => i64::from_str_radix(n.as_str(), n.radix())
                .map_or_else(|_| Value::Other(n.as_str().to_owned()), Value::Number),
            DeValue::Boolean(yes) => Value::Truth(*yes),
            DeValue::Array(items) => Value::List(items.iter().map(Item::of).collect()),
            DeValue::Table(table) => Value::Table(Table::of(table)),
            DeValue::Float(number) => Value::Other(number.as_str().to_owned()),
            DeValue::Datetime(date) => Value::Other(date.to_string()),
        };
        Item { at, value }
    }

    pub(super) fn check_letters(&self) -> Result<(), Mistake> {
        match &self.value {
            Value::Text(text) => check_letters(&self.at, text),
            Value::List(items) => items.iter().try_for_each(Item::check_letters),
            Value::Table(table) => table.check_letters(),
            Value::Number(_) | Value::Truth(_) | Value::Other(_) => Ok(()),
        }
    }

    /// A simple value as a word; `None` for lists and tables.
    pub(super) fn word(&self) -> Option<String> {
        match &self.value {
            Value::Text(text) | Value::Other(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Truth(yes) => Some(yes.to_string()),
            Value::List(_) | Value::Table(_) => None,
        }
    }

    /// The items of a list; a single value is a list of one.
    pub(super) fn list(&self) -> &[Item] {
        match &self.value {
            Value::List(items) => items,
            _ => std::slice::from_ref(self),
        }
    }

    /// A mistake here.
    pub(super) fn wrong(&self, what: impl Into<String>) -> Mistake {
        Mistake::new(&self.at, what)
    }
}

/// Only line ends and tabs stand in a text beside what is seen.
fn check_letters(at: &At, text: &str) -> Result<(), Mistake> {
    let text = text.replace("\r\n", "\n");
    let wrong = text.chars().find(|c| !matches!(c, '\n' | '\t') && steers(*c));
    wrong.map_or(Ok(()), |c| {
        let c = c.escape_default();
        let what = format!("\"{c}\" cannot stand in a text: expected what can be seen");
        Err(Mistake::new(at, what))
    })
}

/// The keys of one table, taken one by one: what is left over nobody knows.
pub(super) struct Fields<'a> {
    /// What the table is, for people: `[node.a]`.
    name: String,
    table: &'a Table,
    known: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// The keys of `item`, which must be a table.
    pub(super) fn of(name: impl Into<String>, item: &'a Item) -> Result<Fields<'a>, Mistake> {
        let name = name.into();
        match &item.value {
            Value::Table(table) => Ok(Fields::new(name, table)),
            _ => Err(item.wrong(format!("{name} must be a table of keys and values"))),
        }
    }

    pub(super) fn new(name: impl Into<String>, table: &'a Table) -> Fields<'a> {
        Fields { name: name.into(), table, known: Vec::new() }
    }

    /// The value of a key, if it is there.
    pub(super) fn item(&mut self, key: &'static str) -> Option<&'a Item> {
        self.known.push(key);
        self.table.get(key)
    }

    /// A text, if it is there.
    pub(super) fn text(&mut self, key: &'static str) -> Result<Option<&'a str>, Mistake> {
        match self.item(key) {
            None => Ok(None),
            Some(Item { value: Value::Text(text), .. }) => Ok(Some(text)),
            Some(item) => Err(item.wrong(format!("{key} must be text"))),
        }
    }

    /// A truth value, if it is there.
    pub(super) fn truth(&mut self, key: &'static str) -> Result<Option<bool>, Mistake> {
        self.read(key, "true or false", |word| word.parse().ok())
    }

    /// A value that `read` makes of the word, if it is there.
    pub(super) fn read<T>(
        &mut self,
        key: &'static str,
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Mistake> {
        let Some(item) = self.item(key) else { return Ok(None) };
        let word = item.word();
        match word.as_deref().and_then(read) {
            Some(value) => Ok(Some(value)),
            None => Err(item.wrong(refused(key, word.as_deref(), expected))),
        }
    }

    /// Whether nothing is left over.
    pub(super) fn done(self) -> Result<(), Mistake> {
        let unknown = self.table.0.iter().find(|(key, _)| !self.known.contains(&&*key.name));
        let Some((key, _)) = unknown else { return Ok(()) };
        let what = format!("there is no key \"{}\" in {}", key.name, self.name);
        Err(Mistake::new(&key.at, suggest(&what, &key.name, &self.known)))
    }
}

/// What is said of a value that cannot be read.
pub(super) fn refused(key: &str, word: Option<&str>, expected: &str) -> String {
    match word {
        Some(word) => format!("{key} cannot be \"{word}\": expected {expected}"),
        None => format!("{key} must be one value: expected {expected}"),
    }
}

/// `what`, and the known word that is nearest, or all of them.
pub(super) fn suggest<'a>(
    what: &str,
    word: &str,
    known: impl IntoIterator<Item = &'a (impl AsRef<str> + ?Sized + 'a)>,
) -> String {
    let known: Vec<&str> = known.into_iter().map(AsRef::as_ref).collect();
    match nearest(word, known.iter().copied()) {
        Some(name) => format!("{what}: did you mean {name}?"),
        None if known.is_empty() => format!("{what}: there is none"),
        None => format!("{what}: expected one of {}", known.join(", ")),
    }
}
