//! What a service allows its clients: how many connections they may have, how long those may be
//! idle or slow, and how long they get when the host stops.
//!
//! [`KEYS`] is the one list of what can be set: options, configuration files, their explanations
//! and the pages that show a policy are made from it.
//!
//! What happens when a limit is hit is told once in the host's records (with the words of
//! [`Limit`](crate::base::Limit)) and counted:
//!
//! | limit | what the client sees |
//! |---|---|
//! | `per_client_max`, `connections_max` | HTTP: 503 with `Retry-After`; others: a reset |
//! | `idle` | the end of the connection (FIN) |
//! | `header_time`, `body_time`, `body_rate` | 408, then FIN |
//! | `write_time` | a reset: nothing else would reach it |
//! | `requests_max` | `Connection: close` in the last answer, then FIN |
//! | `backlog` | nothing: half open, it gets a cookie; whole, its ACK is dropped, and sent again |
//! | `syn_cookies=never` | nothing: its SYN is dropped, and it will try again |
//! | `drain` | a reset |

mod admission;
mod words;

pub use crate::base::words::nearest;
pub use admission::{Admission, Permit, Share};

use super::services::Service;
use crate::tcp::SynCookies;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;
use words::Word;

/// What a service allows. `None`: there is no limit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    /// Connections that may wait half open, and as many whole ones that wait to be taken.
    pub backlog: u32,
    /// When SYNs are answered with cookies.
    pub syn_cookies: SynCookies,
    /// Connections at a time.
    pub connections_max: Option<u32>,
    /// Connections at a time of one client address; of IPv6, of one /64.
    pub per_client_max: Option<u32>,
    /// How long nothing may happen; in HTTP, between two requests or before the first.
    pub idle: Option<Duration>,
    /// How long a request's header may take from its first byte.
    pub header_time: Option<Duration>,
    /// The time within which [`Policy::body_rate`] is looked at; something must come in each.
    pub body_time: Option<Duration>,
    /// How fast a body must come, in bytes per second.
    pub body_rate: Option<u32>,
    /// How long the client may take nothing of what it is sent.
    pub write_time: Option<Duration>,
    /// Whether a connection may have more than one request.
    pub keep_alive: bool,
    /// Requests of one connection.
    pub requests_max: Option<u32>,
    /// How long what is going on may take when the host stops.
    pub drain: Duration,
}

impl Default for Policy {
    /// HTTP's.
    fn default() -> Policy {
        let seconds = |n| Some(Duration::from_secs(n));
        Policy {
            backlog: 128,
            syn_cookies: SynCookies::WhenFull,
            connections_max: Some(1024),
            per_client_max: Some(256),
            idle: seconds(60),
            header_time: seconds(10),
            body_time: seconds(30),
            body_rate: Some(100),
            write_time: seconds(120),
            keep_alive: true,
            requests_max: Some(1000),
            drain: Duration::from_secs(10),
        }
    }
}

impl Policy {
    /// A service's own defaults: people type at the small ones, so those wait longer, and nobody at
    /// DNS (RFC 7766 §6.2.3).
    pub fn of(service: Service) -> Policy {
        let idle = match service {
            Service::Http => Duration::from_secs(60),
            Service::Dns => Duration::from_secs(10),
            _ => Duration::from_secs(600),
        };
        Policy { idle: Some(idle), ..Policy::default() }
    }

    /// How many bytes must come within each [`Policy::body_time`].
    pub fn body_least(&self) -> u64 {
        let millis = self.body_time.unwrap_or_default().as_millis() as u64;
        (u64::from(self.body_rate.unwrap_or(0)) * millis / 1000).max(1)
    }
}

/// Something that can be set.
#[derive(Copy, Clone, Debug)]
pub struct Key {
    /// Its name in options and files.
    pub name: &'static str,
    /// Whether it is for requests: only HTTP has them.
    pub http_only: bool,
    /// What it is, in a few words.
    pub text: &'static str,
    /// What can be given.
    pub expected: &'static str,
    get: fn(&Policy) -> String,
    set: fn(&mut Policy, &str) -> bool,
}

impl Key {
    /// The value in the words that set it.
    pub fn show(&self, policy: &Policy) -> String {
        (self.get)(policy)
    }
}

fn set<T: Word>(place: &mut T, text: &str) -> bool {
    let word = T::read(text);
    let is_one = word.is_some();
    if let Some(word) = word {
        *place = word;
    }
    is_one
}

macro_rules! keys {
    ($($name:ident: $t:ty, $http_only:literal, $text:literal;)*) => {
        /// Everything that can be set, in the order it is shown.
        pub const KEYS: &[Key] = &[$(Key {
            name: stringify!($name),
            http_only: $http_only,
            text: $text,
            expected: <$t as Word>::EXPECTED,
            get: |policy| policy.$name.show(),
            set: |policy, text| set::<$t>(&mut policy.$name, text),
        }),*];
    };
}

keys! {
    backlog: u32, false, "connections that may wait half open, and as many whole ones";
    syn_cookies: SynCookies, false, "when a SYN is answered with a cookie, and nothing kept of it";
    connections_max: Option<u32>, false, "connections at a time";
    per_client_max: Option<u32>, false, "connections at a time of one client address (IPv6: of one /64)";
    idle: Option<Duration>, false, "how long nothing may happen; in HTTP, between requests";
    header_time: Option<Duration>, true, "how long a request's header may take from its first byte";
    body_time: Option<Duration>, true, "the time within which body_rate is looked at";
    body_rate: Option<u32>, true, "bytes per second that a body must come with";
    write_time: Option<Duration>, false, "how long the client may take nothing of what it is sent";
    keep_alive: bool, true, "whether a connection may have more than one request";
    requests_max: Option<u32>, true, "requests of one connection";
    drain: Duration, false, "how long what is going on may take when the host stops";
}

/// One thing that is set, for all services or for one: `idle=30s`, `http:per_client_max=5`.
#[derive(Clone, Debug)]
pub struct Setting {
    service: Option<Service>,
    key: &'static Key,
    value: String,
}

/// Why a setting cannot be read: one sentence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SettingError(String);

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SettingError {}

impl Setting {
    /// Sets `key` to `value`.
    ///
    /// # Errors
    /// When there is no such limit, the value is none of it, or the service has no use for it.
    pub fn new(service: Option<Service>, key: &str, value: &str) -> Result<Setting, SettingError> {
        let names = || KEYS.iter().map(|key| key.name);
        let Some(known) = KEYS.iter().find(|known| known.name == key) else {
            let hint = match nearest(key, names()) {
                Some(name) => format!("did you mean {name}?"),
                None => format!("choose from {}", names().collect::<Vec<_>>().join(", ")),
            };
            return Err(SettingError(format!("there is no limit \"{key}\": {hint}")));
        };
        if known.http_only && service.is_some_and(|service| service != Service::Http) {
            let text = format!("{key} is about requests, which only http has");
            return Err(SettingError(text));
        }
        if !(known.set)(&mut Policy::default(), value) {
            let text = format!("{key} cannot be \"{value}\": expected {}", known.expected);
            return Err(SettingError(text));
        }
        Ok(Setting { service, key: known, value: value.to_owned() })
    }
}

impl FromStr for Setting {
    type Err = SettingError;

    fn from_str(text: &str) -> Result<Setting, SettingError> {
        let Some((name, value)) = text.split_once('=') else {
            let text = format!("\"{text}\" sets nothing: expected LIMIT=VALUE, as in idle=30s");
            return Err(SettingError(text));
        };
        let (service, key) = match name.trim().split_once(':') {
            None => (None, name.trim()),
            Some((service, key)) => (Some(service.trim()), key.trim()),
        };
        let named = |name: &str| {
            let service = Service::ALL.into_iter().find(|service| service.name() == name);
            service.ok_or_else(|| SettingError(format!("there is no service \"{name}\"")))
        };
        Setting::new(service.map(named).transpose()?, key, value.trim())
    }
}

/// The policies of all services: their defaults and what was set.
#[derive(Clone, Debug, Default)]
pub struct Policies(Vec<Setting>);

impl Policies {
    /// The policy of one service: what is set for it wins over what is set for all, and of two
    /// alike the later.
    pub fn of(&self, service: Service) -> Policy {
        let mut policy = Policy::of(service);
        for own in [None, Some(service)] {
            for setting in self.0.iter().filter(|setting| setting.service == own) {
                // It was read once, when the setting was made.
                (setting.key.set)(&mut policy, &setting.value);
            }
        }
        policy
    }
}

impl FromIterator<Setting> for Policies {
    fn from_iter<I: IntoIterator<Item = Setting>>(settings: I) -> Policies {
        Policies(settings.into_iter().collect())
    }
}

#[cfg(test)]
mod tests;
