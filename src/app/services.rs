//! Which services a host offers, and at which ports.

use std::fmt;
use std::str::FromStr;

/// A service.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Service {
    /// HTTP/1.1 (RFC 9112).
    Http,
    /// Sends back what it receives (RFC 862).
    Echo,
    /// Throws away what it receives (RFC 863).
    Discard,
    /// Says what day and time it is (RFC 867).
    Daytime,
    /// Sends characters without end (RFC 864).
    Chargen,
    /// Answers for the host's names (RFC 1035).
    Dns,
}

/// What a service is spoken over.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Transport {
    /// Connections.
    Tcp,
    /// Datagrams.
    Udp,
}

impl Transport {
    /// Its name in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Transport::Tcp => "tcp",
            Transport::Udp => "udp",
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Service {
    /// All services, those first that are asked for most.
    pub const ALL: [Service; 6] = [
        Service::Http,
        Service::Echo,
        Service::Discard,
        Service::Daytime,
        Service::Chargen,
        Service::Dns,
    ];

    /// The name that lists of services use.
    pub fn name(self) -> &'static str {
        match self {
            Service::Http => "http",
            Service::Echo => "echo",
            Service::Discard => "discard",
            Service::Daytime => "daytime",
            Service::Chargen => "chargen",
            Service::Dns => "dns",
        }
    }

    /// The port that IANA assigned to it.
    pub fn port(self) -> u16 {
        match self {
            Service::Http => 80,
            Service::Echo => 7,
            Service::Discard => 9,
            Service::Daytime => 13,
            Service::Chargen => 19,
            Service::Dns => 53,
        }
    }

    /// What it is spoken over.
    pub fn transports(self) -> &'static [Transport] {
        match self {
            Service::Http => &[Transport::Tcp],
            _ => &[Transport::Tcp, Transport::Udp],
        }
    }

    /// What it does, in a few words.
    pub fn summary(self) -> &'static str {
        match self {
            Service::Http => "HTTP/1.1: pages about this host and your connection to it",
            Service::Echo => "sends back what you send (RFC 862)",
            Service::Discard => "throws away what you send (RFC 863)",
            Service::Daytime => "says what day and time it is (RFC 867)",
            Service::Chargen => "sends characters without end (RFC 864)",
            Service::Dns => "answers for this host's names (RFC 1035)",
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A row of the registry: a service over one transport.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The service.
    pub service: Service,
    /// What it is spoken over.
    pub transport: Transport,
    /// Where it listens.
    pub port: u16,
    /// Whether it does.
    pub enabled: bool,
}

impl Entry {
    /// The service as lists name it: with its port, when that is its own.
    fn name(&self) -> String {
        let Entry { service, port, .. } = self;
        if *port == service.port() { service.to_string() } else { format!("{service}:{port}") }
    }
}

/// The registry: a row for every service and transport. By default all are enabled at the ports
/// that IANA assigned.
///
/// ```
/// use netglass::app::Services;
///
/// let services: Services = "http:8080,echo".parse().unwrap();
/// let enabled: Vec<_> = services.enabled().map(|e| (e.service.name(), e.port)).collect();
/// assert_eq!(enabled, [("http", 8080), ("echo", 7), ("echo", 7)]); // echo over TCP and UDP
/// assert_eq!(services.to_string(), "http:8080,echo");
/// assert_eq!(
///     "htp".parse::<Services>().unwrap_err().to_string(),
///     "there is no service \"htp\": choose from http, echo, discard, daytime, chargen, dns, or \
///      say all or none",
/// );
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Services(Vec<Entry>);

impl Default for Services {
    fn default() -> Services {
        Services::all()
    }
}

impl Services {
    fn every(enabled: bool) -> Services {
        let rows = |service: Service| {
            let row = move |&transport| Entry { service, transport, port: service.port(), enabled };
            service.transports().iter().map(row)
        };
        Services(Service::ALL.into_iter().flat_map(rows).collect())
    }

    /// All enabled.
    pub fn all() -> Services {
        Services::every(true)
    }

    /// None enabled.
    pub fn none() -> Services {
        Services::every(false)
    }

    /// Every row, enabled or not.
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// The enabled rows.
    pub fn enabled(&self) -> impl Iterator<Item = &Entry> {
        self.0.iter().filter(|entry| entry.enabled)
    }

    fn is_enabled(&self, service: Service) -> bool {
        self.enabled().any(|entry| entry.service == service)
    }

    /// Enables a service, at `port`.
    fn enable(&mut self, service: Service, port: u16) -> Result<(), ParseError> {
        if self.is_enabled(service) {
            return Err(ParseError(format!("\"{service}\" is listed twice")));
        }
        let shared =
            |entry: &&Entry| entry.port == port && service.transports().contains(&entry.transport);
        if let Some(other) = self.enabled().find(shared) {
            let text = format!("{service} and {} cannot both have port {port}", other.service);
            return Err(ParseError(text));
        }
        for entry in self.0.iter_mut().filter(|entry| entry.service == service) {
            (entry.port, entry.enabled) = (port, true);
        }
        Ok(())
    }
}

impl fmt::Display for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names: Vec<_> = self.enabled().map(Entry::name).collect();
        names.dedup();
        if names.is_empty() { f.write_str("none") } else { f.write_str(&names.join(",")) }
    }
}

/// Why a list of services cannot be read: one sentence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParseError(String);

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ParseError {}

fn parse_port(text: &str, item: &str) -> Result<u16, ParseError> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(port) if port > 0 && digits => Ok(port),
        _ => Err(ParseError(format!("the port in \"{item}\" is not a number from 1 to 65535"))),
    }
}

impl FromStr for Services {
    type Err = ParseError;

    /// Reads `all`, `none`, or names with commas between them, each with an own port if wished:
    /// `http:8080,echo`.
    fn from_str(text: &str) -> Result<Services, ParseError> {
        match text.trim() {
            "all" => return Ok(Services::all()),
            "none" => return Ok(Services::none()),
            "" => return Err(ParseError("the list of services is empty: say none".to_owned())),
            _ => {}
        }
        let mut services = Services::none();
        for item in text.split(',').map(str::trim) {
            let (name, port) = item.split_once(':').map_or((item, None), |(n, p)| (n, Some(p)));
            let Some(service) = Service::ALL.into_iter().find(|s| s.name() == name) else {
                let names = Service::ALL.map(Service::name).join(", ");
                return Err(ParseError(format!(
                    "there is no service \"{name}\": choose from {names}, or say all or none"
                )));
            };
            let port = port.map_or(Ok(service.port()), |port| parse_port(port, item))?;
            services.enable(service, port)?;
        }
        Ok(services)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_read_as_they_are_written() {
        let all = "http,echo,discard,daytime,chargen,dns";
        let table = [
            ("all", all),
            (all, all),
            ("none", "none"),
            (" echo , http:8080 ", "http:8080,echo"),
            ("http:80", "http"),
            ("echo:4000,discard:4001", "echo:4000,discard:4001"),
        ];
        for (given, then) in table {
            let services: Services = given.parse().expect(given);
            assert_eq!(services.to_string(), then);
            assert_eq!(then.parse(), Ok(services));
        }
    }

    #[test]
    fn a_bad_list_gets_one_sentence() {
        let choose = "choose from http, echo, discard, daytime, chargen, dns, or say all or none";
        let table = [
            ("", "the list of services is empty: say none".to_owned()),
            ("http,", format!("there is no service \"\": {choose}")),
            ("ftp", format!("there is no service \"ftp\": {choose}")),
            ("http:0", "the port in \"http:0\" is not a number from 1 to 65535".to_owned()),
            ("http:+80", "the port in \"http:+80\" is not a number from 1 to 65535".to_owned()),
            ("http:65536", "the port in \"http:65536\" is not a number from 1 to 65535".to_owned()),
            ("echo,echo", "\"echo\" is listed twice".to_owned()),
            ("echo,http:7", "http and echo cannot both have port 7".to_owned()),
        ];
        for (given, then) in table {
            let error = given.parse::<Services>().expect_err(given);
            assert_eq!(error.to_string(), then);
        }
    }
}
