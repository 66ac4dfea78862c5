//! What an address is called, for those who show addresses to people.

use std::net::IpAddr;

/// Knows names of addresses.
pub trait Called {
    /// The address's name, if it has one that is to be shown.
    fn name(&self, addr: IpAddr) -> impl Future<Output = Option<String>>;

    /// Whether addresses alone are to be shown (`-n`).
    fn is_numeric(&self) -> bool;
}

/// Nothing has a name (`-n`).
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Nameless;

impl Called for Nameless {
    async fn name(&self, _: IpAddr) -> Option<String> {
        None
    }

    fn is_numeric(&self) -> bool {
        true
    }
}

/// The address as `ping` shows it: behind its name, if it has one.
pub(super) async fn shown(names: &impl Called, addr: IpAddr) -> String {
    match names.name(addr).await {
        Some(name) => format!("{name} ({addr})"),
        None => addr.to_string(),
    }
}

/// The address as `traceroute` shows it: twice where it has no name, unless `-n` was said.
pub(super) async fn shown_twice(names: &impl Called, addr: IpAddr) -> String {
    match names.name(addr).await {
        None if names.is_numeric() => addr.to_string(),
        name => format!("{} ({addr})", name.unwrap_or_else(|| addr.to_string())),
    }
}
