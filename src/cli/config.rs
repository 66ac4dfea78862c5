//! The configuration file of `up`: a command line that has been written down.
//!
//! A file's keys are the names of `up`'s options, and their values are read by the options' own
//! parsers, as if they stood before the real command line: so whatever is an option can be in a
//! file, and the command line wins. Only limits have tables, because there are many:
//!
//! ```toml
//! mtu = 1400
//! services = "http:8080,echo"
//!
//! [policy]        # for all services
//! idle = "30s"
//!
//! [policy.http]
//! per_client_max = 5
//! ```

use super::Failure;
use super::args::Cli;
use crate::app::policy::{KEYS, Policies, Setting, nearest};
use crate::app::{Service, Transport};
use clap::builder::ArgAction;
use clap::{Arg, ArgMatches, Command, CommandFactory, FromArgMatches};
use std::ffi::OsString;
use std::ops::Range;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The subcommand that can be configured.
const UP: &str = "up";
/// Options that are about files, and so cannot be in one.
const NOT_IN_FILES: [&str; 4] = ["config", "print-config", "help", "version"];

/// The command line as it was given, and what `up` makes of it.
pub(super) struct Given {
    /// The command line, with what the file says.
    pub(super) cli: Cli,
    /// The options of `up` in effect, as a file; empty for other commands.
    pub(super) effective: String,
}

/// Reads the command line, and the file that it names. A mistake of the command line ends the
/// program.
///
/// # Errors
/// A file that cannot be read, with the place and what was expected there.
pub(super) fn given() -> Result<Given, Failure> {
    let command = command();
    let words = recorded(std::env::args_os().collect());
    let mut matches = command.clone().get_matches_from(&words);
    let of_up = matches.subcommand_matches(UP);
    let path = of_up.and_then(|up| up.get_one::<std::path::PathBuf>("config").cloned());
    if let Some(path) = path {
        let text = super::files::text(&path).map_err(|error| {
            Failure::usage(format_args!("--config {}: {error}", path.display()))
        })?;
        let options = options(&text).map_err(|mistake| mistake.at(&path, &text))?;
        matches = command.clone().get_matches_from(merged(words, options));
    }
    let of_up = matches.subcommand_matches(UP);
    let effective = of_up.map(|matches| effective(&command, matches)).unwrap_or_default();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    Ok(Given { cli, effective })
}

/// `record FILE …` is `up --record FILE …`, all options of which it takes, and `record --pkt DIR …`
/// is `up --pkt DIR …`, with a FILE behind DIR, too, or, where a run is named, `export --format pkt
/// --out DIR …`.
fn recorded(mut words: Vec<OsString>) -> Vec<OsString> {
    let place = words.iter().skip(1).position(|word| !word.to_string_lossy().starts_with('-'));
    let Some(at) = place.map(|place| place + 1).filter(|at| words[*at] == "record") else {
        return words;
    };
    let is = |word: &OsString, option: &str| {
        let word = word.to_string_lossy();
        word.strip_prefix(option).is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
    };
    let pkt = words.iter().position(|word| is(word, "--pkt")).filter(|pkt| *pkt > at);
    if let Some(pkt) = pkt.filter(|_| words.iter().any(|word| is(word, "--run"))) {
        words[pkt] = words[pkt].to_string_lossy().replacen("--pkt", "--out", 1).into();
        words.splice(at..=at, ["export", "--format", "pkt"].map(OsString::from));
        return words;
    }
    let behind = pkt.map(|pkt| pkt + if words[pkt] == "--pkt" { 2 } else { 1 });
    let is_file =
        |at: &usize| words.get(*at).is_some_and(|w| !w.to_string_lossy().starts_with('-'));
    let file = [Some(at + 1), behind].into_iter().flatten().find(is_file);
    if let Some(file) = file {
        words.insert(file, OsString::from("--record"));
    }
    if file.or(pkt).is_some() {
        words[at] = UP.into();
    }
    words
}

/// The command line's grammar. Of `up`, the last of two alike options counts, and flags can be
/// taken back: `--quiet=false`.
fn command() -> Command {
    let flag = |arg: Arg| match arg.get_action() {
        ArgAction::SetTrue => arg
            .action(ArgAction::Set)
            .value_parser(clap::value_parser!(bool))
            .value_name("true|false")
            .num_args(0..=1)
            .require_equals(true)
            .default_value("false")
            .default_missing_value("true")
            .hide_default_value(true)
            .hide_possible_values(true),
        _ => arg,
    };
    Cli::command().mut_subcommand(UP, |up| up.args_override_self(true).mut_args(flag))
}

/// The command line with a file's options before its own.
fn merged(mut words: Vec<OsString>, options: Vec<String>) -> Vec<OsString> {
    // Before the subcommand there are only flags.
    let up = words.iter().skip(1).position(|word| !word.to_string_lossy().starts_with('-'));
    let behind = up.map_or(words.len(), |place| place + 2);
    words.splice(behind..behind, options.into_iter().map(OsString::from));
    words
}

/// What is wrong with a file, and where.
#[derive(Debug)]
struct Mistake {
    at: Range<usize>,
    what: String,
}

impl Mistake {
    fn new(at: Range<usize>, what: impl Into<String>) -> Mistake {
        Mistake { at, what: what.into() }
    }

    /// `FILE:LINE:COLUMN: what`.
    fn at(self, path: &Path, text: &str) -> Failure {
        let before = text.get(..self.at.start).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        Failure::usage(format_args!("{}:{line}:{column}: {}", path.display(), self.what))
    }
}

/// The options that a file stands for, each checked.
fn options(text: &str) -> Result<Vec<String>, Mistake> {
    let document = DeTable::parse(text).map_err(|error| {
        let what = error.message().lines().collect::<Vec<_>>().join(", ");
        Mistake::new(error.span().unwrap_or(0..0), format!("this is not TOML: {what}"))
    })?;
    let command = command();
    let up = command.find_subcommand(UP).expect("the command has it");
    let mut options = Vec::new();
    for (key, value) in document.get_ref().iter() {
        if key.get_ref() == "policy" {
            policy(value, None, &mut options)?;
            continue;
        }
        let name = key.get_ref().replace('_', "-");
        let Some(arg) = settable(up).find(|arg| arg.get_long() == Some(&name)) else {
            return Err(Mistake::new(key.span(), unknown(up, key.get_ref())));
        };
        for word in words(arg, value)? {
            let option = format!("--{name}={word}");
            // Each alone, so that the parser's complaint has a place.
            if let Err(error) = up.clone().try_get_matches_from([UP, &option]) {
                let what = format!("{} cannot be \"{word}\": {}", key.get_ref(), reason(&error));
                return Err(Mistake::new(value.span(), expecting(what, arg)));
            }
            options.push(option);
        }
    }
    Ok(options)
}

/// The options that can be in a file; `policy` has tables there.
fn settable(up: &Command) -> impl Iterator<Item = &Arg> {
    let is_settable = |arg: &&Arg| match arg.get_long() {
        Some(name) => !NOT_IN_FILES.contains(&name) && name != "policy",
        None => false,
    };
    up.get_arguments().filter(is_settable)
}

fn is_flag(arg: &Arg) -> bool {
    arg.get_default_values().iter().any(|value| value == "false")
}

/// An option's explanation in one line.
fn help(arg: &Arg) -> String {
    arg.get_help().map(ToString::to_string).unwrap_or_default()
}

fn expecting(what: String, arg: &Arg) -> String {
    format!("{what}; expected: {}", help(arg))
}

/// Why a parser has refused a value.
fn reason(error: &clap::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => source.to_string(),
        None => error.to_string().lines().next().unwrap_or_default().replace("error: ", ""),
    }
}

/// What is said of a key that nothing has: where it belongs, or what it may have been meant to be.
fn unknown(up: &Command, key: &str) -> String {
    let what = format!("there is no key \"{key}\"");
    if KEYS.iter().any(|known| known.name == key) {
        return format!("{what} here: it belongs under [policy] or [policy.SERVICE]");
    }
    if NOT_IN_FILES.contains(&key) {
        return format!("{what}: it is for the command line only");
    }
    let names: Vec<&str> = settable(up).filter_map(Arg::get_long).chain(["policy"]).collect();
    match nearest(key, names.iter().copied()) {
        Some(name) => format!("{what}: did you mean {name}?"),
        None => format!("{what}: expected one of {}", names.join(", ")),
    }
}

/// A value as the words of a command line.
fn words(arg: &Arg, value: &Spanned<DeValue<'_>>) -> Result<Vec<String>, Mistake> {
    let is_list = matches!(arg.get_action(), ArgAction::Append);
    match value.get_ref() {
        DeValue::Array(items) if is_list => {
            let words = items.iter().map(|item| word(item, is_flag(arg)));
            words.collect::<Option<_>>()
        }
        _ => word(value, is_flag(arg)).map(|word| vec![word]),
    }
    .ok_or_else(|| {
        let name = arg.get_long().unwrap_or_default();
        let kind = match (is_flag(arg), is_list) {
            (true, _) => "true or false",
            (false, true) => "text, a number, or a list of these",
            (false, false) => "text or a number",
        };
        Mistake::new(value.span(), expecting(format!("{name} must be {kind}"), arg))
    })
}

/// A single value as a word; truth values are for flags and only for them.
fn word(value: &Spanned<DeValue<'_>>, is_flag: bool) -> Option<String> {
    match value.get_ref() {
        DeValue::Boolean(yes) if is_flag => Some(yes.to_string()),
        DeValue::String(text) if !is_flag => Some(text.to_string()),
        DeValue::Integer(number) if !is_flag => {
            i128::from_str_radix(number.as_str(), number.radix()).ok().map(|n| n.to_string())
        }
        _ => None,
    }
}

/// The limits of a table: for all services, or for one.
fn policy(
    value: &Spanned<DeValue<'_>>,
    service: Option<Service>,
    options: &mut Vec<String>,
) -> Result<(), Mistake> {
    let DeValue::Table(table) = value.get_ref() else {
        let what = "policy is a table: expected [policy] or [policy.SERVICE] with limits below it";
        return Err(Mistake::new(value.span(), what));
    };
    for (key, value) in table.iter() {
        let (name, known) = (key.get_ref(), Service::ALL.map(Service::name));
        if let (DeValue::Table(_), None) = (value.get_ref(), service) {
            let Some(own) = Service::ALL.into_iter().find(|own| own.name() == name) else {
                let hint = match nearest(name, known) {
                    Some(name) => format!("did you mean {name}?"),
                    None => format!("expected one of {}", known.join(", ")),
                };
                let what = format!("there is no service \"{name}\": {hint}");
                return Err(Mistake::new(key.span(), what));
            };
            policy(value, Some(own), options)?;
            continue;
        }
        let is_truth = matches!(value.get_ref(), DeValue::Boolean(_));
        let word = word(value, is_truth).unwrap_or_default();
        if let Err(error) = Setting::new(service, name, &word) {
            // The name is wrong, or the value is.
            let is_known = KEYS.iter().any(|key| key.name == name);
            let at = if is_known { value.span() } else { key.span() };
            return Err(Mistake::new(at, error.to_string()));
        }
        let prefix = service.map(|own| format!("{own}:")).unwrap_or_default();
        options.push(format!("--policy={prefix}{name}={word}"));
    }
    Ok(())
}

// ---- the other way: options as a file

/// The options in effect, as a file that gives the same ones.
fn effective(command: &Command, matches: &ArgMatches) -> String {
    let up = command.find_subcommand(UP).expect("the command has it");
    let mut text = "# The options of `netglass up` in effect; see docs/config.md.\n".to_owned();
    for arg in settable(up) {
        let name = arg.get_long().unwrap_or_default();
        text += &format!("\n# {}\n", help(arg));
        let values = matches.get_raw(arg.get_id().as_str()).map(Iterator::collect::<Vec<_>>);
        match values.as_deref() {
            None | Some([]) => {
                let place = arg.get_value_names().and_then(|names| names.first());
                let place = place.map_or_else(|| "VALUE".to_owned(), |name| name.to_string());
                text += &format!("# {name} = {}\n", literal(&place));
            }
            Some([value]) => text += &format!("{name} = {}\n", literal(&value.to_string_lossy())),
            Some(values) => {
                let values = values.iter().map(|value| literal(&value.to_string_lossy()));
                text += &format!("{name} = [{}]\n", values.collect::<Vec<_>>().join(", "));
            }
        }
    }
    let set = matches.get_many::<Setting>("policy").into_iter().flatten().cloned();
    text + &policies(&set.collect())
}

/// What the TCP services allow, as tables.
fn policies(policies: &Policies) -> String {
    let mut text = String::new();
    let tcp = |service: &Service| service.transports().contains(&Transport::Tcp);
    for service in Service::ALL.into_iter().filter(tcp) {
        text += &format!("\n[policy.{service}]\n");
        let is_first = service == Service::Http;
        for key in KEYS.iter().filter(|key| is_first || !key.http_only) {
            if is_first {
                text += &format!("# {}: {}\n", key.text, key.expected);
            }
            let value = key.show(&policies.of(service));
            text += &format!("{} = {}\n", key.name, literal(&value));
        }
    }
    text
}

/// A word as TOML: numbers and truth values as they are, all else as text.
fn literal(word: &str) -> String {
    let is_number = word.parse::<u32>().is_ok_and(|n| n.to_string() == word);
    match word {
        "true" | "false" => word.to_owned(),
        _ if is_number => word.to_owned(),
        _ => toml::Value::String(word.to_owned()).to_string(),
    }
}

#[cfg(test)]
mod tests;
