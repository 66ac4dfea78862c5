//! What a script says of its world before anything happens: versions, addresses, ports, tolerances;
//! and what whoever runs it says besides.

use crate::drill::ast::FileOption;
use crate::drill::error::hint;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// No clock of timestamps ticks slower, microseconds (RFC 7323 §5.4).
const LONGEST_TICK: u64 = 1_000_000;

/// How to run a script, besides what it says itself.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Options {
    /// No tolerance: everything happens at exactly the time the script gives.
    pub exact: bool,
    /// Skip what is not known here instead of failing.
    pub lenient: bool,
    /// What is not compared.
    pub ignore: Ignore,
    /// Options that override the file's: name and value.
    pub set: Vec<(String, Option<String>)>,
}

/// What is not compared in packets that the host sends.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Ignore {
    /// The push bit.
    pub psh: bool,
    /// The order of options, and their padding.
    pub opts_order: bool,
    /// Options altogether.
    pub opts: bool,
    /// The window.
    pub win: bool,
    /// The bits of ECN, in the IP header and in TCP's.
    pub ecn: bool,
    /// The time.
    pub time: bool,
}

impl Ignore {
    /// The words that [`Ignore::parse`] knows.
    pub const WORDS: &'static [&'static str] = &["psh", "opts-order", "opts", "win", "ecn", "time"];

    /// Reads words between commas.
    ///
    /// # Errors
    /// The word that is none of [`Ignore::WORDS`].
    pub fn parse(words: &str) -> Result<Ignore, String> {
        let mut ignore = Ignore::default();
        for word in words.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            match word {
                "psh" => ignore.psh = true,
                "opts-order" => ignore.opts_order = true,
                "opts" => ignore.opts = true,
                "win" => ignore.win = true,
                "ecn" => ignore.ecn = true,
                "time" => ignore.time = true,
                other => return Err(other.to_owned()),
            }
        }
        Ok(ignore)
    }
}

impl Options {
    /// Whether the options that override the file's are known, and their values understood.
    ///
    /// # Errors
    /// The first that is not, and why.
    pub fn check(&self) -> Result<(), String> {
        self.set.iter().try_for_each(|(name, value)| {
            let value = value.as_deref().unwrap_or_default();
            Settings::empty().set(name, value, self.lenient)
        })
    }
}

/// Which addresses a script's packets and sockets have.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub(super) enum Version {
    /// IPv4 for both.
    #[default]
    V4,
    /// Sockets of IPv6, packets of IPv4.
    Mapped,
    /// IPv6 for both.
    V6,
}

/// A script's world.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) version: Version,
    pub(super) local: IpAddr,
    pub(super) remote: IpAddr,
    pub(super) prefix: u8,
    pub(super) bind_port: u16,
    pub(super) connect_port: u16,
    pub(super) mtu: u16,
    /// Microseconds.
    pub(super) tolerance_usecs: u64,
    /// Hundredths of a percent.
    pub(super) tolerance_percent: u64,
    /// Microseconds of a tick of the peer's view of our timestamps; 0: they are not looked at.
    pub(super) ts_tick: u64,
    pub(super) ecr_scaled: bool,
    pub(super) strict_segments: bool,
    pub(super) non_fatal_packets: bool,
    pub(super) non_fatal_calls: bool,
    pub(super) init_scripts: Vec<String>,
}

/// An option that cannot be taken: where it is (0: the command line), and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Bad {
    pub(super) line: u32,
    pub(super) what: String,
}

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

/// Options that say how the original program is to run a script: nothing here depends on them.
const WITHOUT_MEANING: &[&str] = &[
    "gateway_ip",
    "mss",
    "define",
    "code_command",
    "code_sockopt",
    "speed",
    "so_filename",
    "so_flags",
    "dry_run",
    "verbose",
    "is_anyip",
    "send_omit_free",
    "wire_client",
    "wire_server",
    "wire_client_device",
    "wire_server_device",
    "wire_server_ip",
    "wire_server_port",
    "debug",
    "live_gateway_ip",
    "persistent_tun_dev",
    "tun_device",
    "dump",
    "dump_file",
];

/// Options that do have a meaning.
const OPTIONS: &[&str] = &[
    "ip_version",
    "local_ip",
    "remote_ip",
    "netmask_ip",
    "bind_port",
    "connect_port",
    "mtu",
    "tolerance_usecs",
    "tolerance_percent",
    "tcp_ts_tick_usecs",
    "tcp_ts_ecr_scaled",
    "strict_segments",
    "non_fatal",
    "init_scripts",
];

fn version(name: &str) -> Result<Version, String> {
    match name {
        "ipv4" => Ok(Version::V4),
        "ipv4-mapped-ipv6" | "ipv4_mapped_ipv6" => Ok(Version::Mapped),
        "ipv6" => Ok(Version::V6),
        other => Err(format!("ip_version {other} is unknown")),
    }
}

/// The host's and the peer's addresses, unless the script names others.
const LOCAL: Ipv4Addr = Ipv4Addr::new(192, 168, 0, 1);
const REMOTE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const LOCAL6: Ipv6Addr = Ipv6Addr::new(0xfd3d, 0xfa7b, 0xd17d, 0, 0, 0, 0, 1);
const REMOTE6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);

impl Settings {
    /// What a file's options and those given besides make.
    pub(super) fn of(file: &[FileOption], options: &Options) -> Result<Settings, Bad> {
        let given = options.set.iter().map(|(name, value)| (0, name.as_str(), value.as_deref()));
        let all = file.iter().map(|o| (o.line, o.name.as_str(), o.value.as_deref())).chain(given);
        let mut settings = Settings::empty();
        // Addresses' defaults follow from the version, wherever it stands.
        for (line, _, value) in all.clone().filter(|(_, name, _)| *name == "ip_version") {
            settings.version =
                version(value.unwrap_or_default()).map_err(|what| Bad { line, what })?;
        }
        if settings.version == Version::V6 {
            (settings.local, settings.remote) = (LOCAL6.into(), REMOTE6.into());
            settings.prefix = 48;
        }
        for (line, name, value) in all {
            let why = settings.set(name, value.unwrap_or_default(), options.lenient);
            why.map_err(|what| Bad { line, what })?;
        }
        if settings.local.is_ipv4() != settings.remote.is_ipv4() {
            let what = "local_ip and remote_ip are of different families".to_owned();
            return Err(Bad { line: 0, what });
        }
        if options.exact {
            (settings.tolerance_usecs, settings.tolerance_percent) = (0, 0);
        }
        Ok(settings)
    }

    /// What holds where nothing is said.
    fn empty() -> Settings {
        Settings {
            version: Version::V4,
            local: LOCAL.into(),
            remote: REMOTE.into(),
            prefix: 16,
            bind_port: 8080,
            connect_port: 8080,
            mtu: 1500,
            tolerance_usecs: 4000,
            tolerance_percent: 1250,
            ts_tick: 0,
            ecr_scaled: false,
            strict_segments: false,
            non_fatal_packets: false,
            non_fatal_calls: false,
            init_scripts: Vec::new(),
        }
    }

    fn set(&mut self, name: &str, value: &str, lenient: bool) -> Result<(), String> {
        let bad = || format!("--{name}={value}: the value is not understood");
        let number = || value.parse::<u64>().map_err(|_| bad());
        let small = || value.parse::<u16>().map_err(|_| bad());
        // An address may come with a prefix length.
        let (addr, bits) = value.split_once('/').unwrap_or((value, ""));
        let address = || addr.parse::<IpAddr>().map_err(|_| bad());
        match name {
            "ip_version" => drop(version(value)?),
            "local_ip" => {
                self.local = address()?;
                if !bits.is_empty() {
                    self.prefix = bits.parse().map_err(|_| bad())?;
                }
            }
            "remote_ip" => self.remote = address()?,
            "netmask_ip" => {
                let mask: Ipv4Addr = value.parse().map_err(|_| bad())?;
                self.prefix = u32::from(mask).count_ones() as u8;
            }
            "bind_port" => self.bind_port = small()?,
            "connect_port" => self.connect_port = small()?,
            "mtu" => self.mtu = small()?,
            "tolerance_usecs" => self.tolerance_usecs = number()?,
            "tolerance_percent" => {
                let percent: f64 = value.parse().map_err(|_| bad())?;
                self.tolerance_percent = (percent * 100.0) as u64;
            }
            "tcp_ts_tick_usecs" => {
                self.ts_tick =
                    number().ok().filter(|tick| *tick <= LONGEST_TICK).ok_or_else(bad)?;
            }
            "tcp_ts_ecr_scaled" => self.ecr_scaled = true,
            "strict_segments" => self.strict_segments = true,
            "non_fatal" => {
                self.non_fatal_packets = value.split(',').any(|word| word.starts_with("packet"));
                self.non_fatal_calls = value.split(',').any(|word| word.starts_with("syscall"));
            }
            "init_scripts" => {
                self.init_scripts.extend(value.split(',').map(str::trim).map(str::to_owned));
            }
            "udp_encapsulation" | "tcp_md5_secret" if !lenient => {
                return Err(format!("--{name} is not spoken by this host"));
            }
            _ if WITHOUT_MEANING.contains(&name) || lenient => {}
            _ => {
                let names = OPTIONS.iter().chain(WITHOUT_MEANING).copied();
                return Err(format!("--{name} is unknown{}", hint(name, names)));
            }
        }
        Ok(())
    }

    /// The tolerance in nanoseconds of something due `span` nanoseconds after what it counts from.
    pub(super) fn tolerance(&self, span: u64) -> u64 {
        let percent = u128::from(span) * u128::from(self.tolerance_percent) / 10_000;
        self.tolerance_usecs.saturating_mul(1000).max(u64::try_from(percent).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(set: &[(&str, &str)]) -> Result<Settings, Bad> {
        let option = |(name, value): &(&str, &str)| FileOption {
            line: 3,
            name: (*name).to_owned(),
            value: Some((*value).to_owned()),
        };
        let file: Vec<_> = set.iter().map(option).collect();
        Settings::of(&file, &Options::default())
    }

    #[test]
    fn the_tolerance_is_the_larger_of_both() {
        let settings = settings(&[]).unwrap();
        assert_eq!(settings.tolerance(10_000_000), 4_000_000);
        assert_eq!(settings.tolerance(1_000_000_000), 125_000_000);
    }

    #[test]
    fn no_number_is_too_large() {
        let most = u64::MAX.to_string();
        let any = settings(&[("tolerance_usecs", &most)]).unwrap();
        assert_eq!(any.tolerance(1), u64::MAX);
        assert!(settings(&[("tcp_ts_tick_usecs", &most)]).is_err());
        assert!(settings(&[("tcp_ts_tick_usecs", "1000000")]).is_ok());
    }

    #[test]
    fn addresses_follow_the_version_unless_they_are_given() {
        let six = settings(&[("local_ip", "fd00::7"), ("ip_version", "ipv6")]).unwrap();
        assert_eq!((six.local.to_string(), six.remote), ("fd00::7".into(), REMOTE6.into()));
        assert_eq!(
            settings(&[("ip_version", "ipv6"), ("remote_ip", "192.0.2.9")]).unwrap_err().line,
            0
        );
        let error = settings(&[("colour", "blue")]).unwrap_err();
        assert_eq!((error.line, error.what.as_str()), (3, "--colour is unknown"));
    }

    #[test]
    fn words_to_ignore_are_known() {
        let all = Ignore::parse(&Ignore::WORDS.join(",")).unwrap();
        assert!(all.psh && all.opts_order && all.opts && all.win && all.ecn && all.time);
        assert_eq!(Ignore::parse("psh,colour"), Err("colour".into()));
    }
}
