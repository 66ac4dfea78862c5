//! Which host a script meets: a set of knobs by name, which sysctls turn.

use crate::base::words::nearest;
use crate::tcp::{self, Config, Keepalive, SynCookies};

/// A host's knobs, as they are before a script changes any.
#[derive(Clone, PartialEq, Debug)]
pub struct Profile {
    /// Its name.
    pub name: &'static str,
    /// The knobs of its connections.
    pub tcp: Config,
    /// When SYNs are answered with cookies.
    pub syn_cookies: SynCookies,
    /// What sockets get that ask for keep-alive and say no more.
    pub keepalive: Keepalive,
    /// The longest backlog of a listener.
    pub backlog_max: u32,
    /// Whether its device takes super-segments, which are cut on their way to the wire.
    pub offload: bool,
}

impl Profile {
    /// The profiles' names.
    pub const NAMES: &'static [&'static str] = &["linux", "rfc", "freebsd"];

    /// The profile of that name.
    pub fn named(name: &str) -> Option<Profile> {
        match name {
            "linux" => Some(Profile::linux()),
            "rfc" => Some(Profile::rfc()),
            "freebsd" => Some(Profile::freebsd()),
            _ => None,
        }
    }

    fn of(name: &'static str, tcp: Config) -> Profile {
        let (syn_cookies, keepalive) = (SynCookies::WhenFull, tcp.keepalive.unwrap_or_default());
        Profile { name, tcp, syn_cookies, keepalive, backlog_max: 4096, offload: true }
    }

    /// What users of Linux expect.
    pub fn linux() -> Profile {
        Profile::of("linux", tcp::Profile::Linux.config())
    }

    /// The profile of that name, or what to say where there is none.
    ///
    /// # Errors
    /// That there is none, which name may be meant, and which there are.
    pub fn find(name: &str) -> Result<Profile, String> {
        Profile::named(name).ok_or_else(|| {
            let near = nearest(name, Profile::NAMES.iter().copied());
            let hint = near.map_or(String::new(), |name| format!("did you mean {name}? "));
            let names = Profile::NAMES.join(", ");
            format!("there is no profile \"{name}\": {hint}choose from {names}")
        })
    }

    /// What the RFCs' own words and numbers make.
    pub fn rfc() -> Profile {
        Profile::of("rfc", tcp::Profile::Rfc.config())
    }

    /// What users of FreeBSD expect.
    pub fn freebsd() -> Profile {
        Profile::of("freebsd", tcp::Profile::FreeBsd.config())
    }
}

impl Default for Profile {
    fn default() -> Profile {
        Profile::linux()
    }
}
