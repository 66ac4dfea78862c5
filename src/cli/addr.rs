//! `netglass addr`: what an address says, as the textbooks draw it.
//!
//! The facts of an address are a list of names and values; text and JSON are two ways to show it.

mod v4;
mod v6;

use super::args::AddrArgs;
use super::{Failure, Outcome, talk};
use crate::ip::{Cidr, CidrError};
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process::ExitCode;

/// A name, as text shows it, and a value.
type Fact = (&'static str, Value);

/// An address as it was written.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Given {
    addr: IpAddr,
    /// The length of the prefix, when one was given.
    prefix: Option<u8>,
    /// The link that a link-local address belongs to.
    zone: Option<String>,
}

impl Given {
    /// The network it names; an address alone names itself.
    fn cidr(&self) -> Cidr {
        let whole = Cidr::host(self.addr);
        self.prefix.map_or(whole, |prefix| Cidr::new(self.addr, prefix).unwrap_or(whole))
    }
}

/// Exit code 1 when the address to be contained is not.
pub(super) fn run(args: &AddrArgs) -> Outcome {
    let given = read(&args.address, args.six).map_err(Failure::usage)?;
    match args.question.as_slice() {
        [] => {
            let facts = facts(&given);
            talk::say(&if args.json { json(&facts) } else { text(&facts) })?;
            Ok(ExitCode::SUCCESS)
        }
        [word, inner] if word == "contains" => {
            let inner = read(inner, args.six).map_err(Failure::usage)?;
            contains(&given, &inner, args.json)
        }
        other => Err(Failure::usage(format_args!(
            "\"{}\" is not a question about an address: ask \"contains ADDRESS\"",
            other.join(" ")
        ))),
    }
}

fn contains(outer: &Given, inner: &Given, json: bool) -> Outcome {
    let (network, part) = (outer.cidr().network(), inner.cidr());
    if network.addr().is_ipv4() != part.addr().is_ipv4() {
        return Err(Failure::usage(format_args!(
            "{network} and {} are of different IP versions",
            part.addr()
        )));
    }
    let inside = network.contains(part.addr()) && part.prefix() >= network.prefix();
    let shown = if inner.prefix.is_some() { part.to_string() } else { part.addr().to_string() };
    talk::say(&if json {
        let network = network.to_string();
        serde_json::json!({ "network": network, "address": shown, "contains": inside }).to_string()
    } else {
        format!("{shown} is {}in {network}", if inside { "" } else { "not " })
    })?;
    Ok(if inside { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn facts(given: &Given) -> Vec<Fact> {
    match given.addr {
        IpAddr::V4(addr) => v4::facts(addr, given.prefix),
        IpAddr::V6(addr) => v6::facts(addr, given.prefix, given.zone.as_deref()),
    }
}

fn text(facts: &[Fact]) -> String {
    let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0) + 2;
    let line = |(name, value): &Fact| match value {
        Value::String(value) => format!("{name:<width$}{value}\n"),
        value => format!("{name:<width$}{value}\n"),
    };
    facts.iter().map(line).collect()
}

/// Keys are the names in lower case, with underscores.
fn json(facts: &[Fact]) -> String {
    let key = |name: &str| name.to_lowercase().replace([' ', '-'], "_");
    Value::from_iter(facts.iter().map(|(name, value)| (key(name), value.clone()))).to_string()
}

/// Reads ADDRESS, ADDRESS/PREFIX, ADDRESS/MASK, ADDRESS%ZONE or a number.
fn read(text: &str, six: bool) -> Result<Given, String> {
    let (addr, prefix) = match text.split_once('/') {
        Some((addr, prefix)) => (addr, Some(prefix)),
        None => (text, None),
    };
    let (addr, zone) = match addr.split_once('%') {
        Some((_, "")) => return Err(format!("\"{text}\": a zone's name must follow the %")),
        Some((addr, zone)) => (addr, Some(zone.to_owned())),
        None => (addr, None),
    };
    let addr = address(addr, six)?;
    if let (Some(zone), IpAddr::V4(_)) = (&zone, addr) {
        return Err(format!("\"%{zone}\": only IPv6 addresses have zones"));
    }
    let prefix = match prefix {
        Some(text) => Some(prefix_of(text, addr)?),
        None => None,
    };
    Ok(Given { addr, prefix, zone })
}

fn address(text: &str, six: bool) -> Result<IpAddr, String> {
    if let Ok(addr) = text.parse() {
        return Ok(addr);
    }
    let number = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) if !digits.starts_with('+') => u128::from_str_radix(digits, 16).ok(),
        Some(_) => None,
        None if text.starts_with('+') => None,
        None => text.parse::<u128>().ok(),
    };
    match number {
        Some(number) if !six && number <= u128::from(u32::MAX) => {
            Ok(Ipv4Addr::from_bits(number as u32).into())
        }
        Some(number) => Ok(Ipv6Addr::from_bits(number).into()),
        None => Err(not_an_address(text)),
    }
}

/// What is wrong with it, when that can be told.
fn not_an_address(text: &str) -> String {
    let parts: Vec<&str> = text.split('.').collect();
    let digits = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if parts.len() > 1 && parts.iter().all(digits) {
        if parts.len() != 4 {
            return format!("\"{text}\" has {} numbers: an IPv4 address has four", parts.len());
        }
        if let Some(part) = parts.iter().find(|part| part.parse::<u8>().is_err()) {
            return format!("\"{text}\": {part} is more than 255");
        }
        if let Some(part) = parts.iter().find(|part| part.len() > 1 && part.starts_with('0')) {
            return format!("\"{text}\": {part} might be octal or decimal: leave out the zero");
        }
    }
    if text.matches("::").count() > 1 {
        return format!("\"{text}\": \"::\" may stand once in an IPv6 address");
    }
    format!("\"{text}\" is neither an IP address nor a number")
}

fn prefix_of(text: &str, addr: IpAddr) -> Result<u8, String> {
    if let (IpAddr::V4(_), Ok(mask)) = (addr, text.parse::<Ipv4Addr>()) {
        return v4::prefix_of_mask(mask);
    }
    let wrong = || CidrError::Prefix { prefix: text.to_owned(), addr }.to_string();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let prefix = text.parse().map_err(|_| wrong())?;
    Cidr::new(addr, prefix).map(Cidr::prefix).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
