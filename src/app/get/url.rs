//! `http://` URLs (RFC 9110 §4.2.1).

use hyper::Uri;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A URL: where to connect to, and what to ask for there.
///
/// ```
/// use netglass::app::get::Url;
///
/// let url: Url = "http://10.0.0.2:8080/bytes/5?sha256#top".parse().unwrap();
/// assert_eq!((url.host().to_string().as_str(), url.port()), ("10.0.0.2", 8080));
/// assert_eq!(url.target().to_string(), "/bytes/5?sha256");
/// let error = "https://10.0.0.2/".parse::<Url>().unwrap_err();
/// assert_eq!(error.to_string(), "there is no TLS here: use http:// instead of https://");
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Url {
    host: UrlHost,
    port: u16,
    target: Uri,
}

/// The host that a URL names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum UrlHost {
    /// By address.
    Addr(IpAddr),
    /// By a link-local address, with the name of its interface (RFC 6874).
    Zoned(Ipv6Addr, String),
    /// By name.
    Name(String),
}

impl fmt::Display for UrlHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UrlHost::Addr(addr) => write!(f, "{addr}"),
            UrlHost::Zoned(addr, zone) => write!(f, "{addr}%{zone}"),
            UrlHost::Name(name) => f.write_str(name),
        }
    }
}

impl UrlHost {
    /// Reads a host as a URL has it: an IPv6 address stands in brackets.
    fn read(text: &str) -> Option<UrlHost> {
        if let Some(inner) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
            let (addr, zone) = inner.split_once("%25").unwrap_or((inner, ""));
            let addr = addr.parse::<Ipv6Addr>().ok()?;
            return match (inner.contains('%'), addr.is_unicast_link_local() && !zone.is_empty()) {
                (false, _) => Some(UrlHost::Addr(addr.into())),
                (true, true) => Some(UrlHost::Zoned(addr, zone.to_owned())),
                (true, false) => None,
            };
        }
        if let Ok(addr) = text.parse::<Ipv4Addr>() {
            return Some(UrlHost::Addr(addr.into()));
        }
        let is_label = |label: &str| {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            (1..=63).contains(&label.len()) && label.bytes().all(is_plain)
        };
        let name = text.strip_suffix('.').unwrap_or(text);
        // A name that ends in a number is a mistyped address.
        let last = name.rsplit('.').next().unwrap_or(name);
        let is_number = last.bytes().all(|byte| byte.is_ascii_digit());
        let is_name = !is_number && name.len() <= 253 && name.split('.').all(is_label);
        is_name.then(|| UrlHost::Name(text.to_owned()))
    }
}

/// Why a URL cannot be used: one sentence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UrlError(String);

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UrlError {}

impl Url {
    /// The host to connect to.
    pub fn host(&self) -> &UrlHost {
        &self.host
    }

    /// The port to connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Path and query, as the request line has them.
    pub fn target(&self) -> &Uri {
        &self.target
    }

    /// Host and port, as the header `Host` has them: without the port if that is 80.
    pub fn authority(&self) -> String {
        let host = match &self.host {
            // The zone is the client's own affair (RFC 6874 §3).
            UrlHost::Addr(IpAddr::V6(addr)) | UrlHost::Zoned(addr, _) => format!("[{addr}]"),
            host => host.to_string(),
        };
        match self.port {
            80 => host,
            port => format!("{host}:{port}"),
        }
    }
}

impl FromStr for Url {
    type Err = UrlError;

    /// Reads a URL. Without a scheme, `http://` is meant.
    fn from_str(text: &str) -> Result<Url, UrlError> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        match scheme.to_ascii_lowercase().as_str() {
            "http" => {}
            "https" => {
                let text = "there is no TLS here: use http:// instead of https://";
                return Err(UrlError(text.to_owned()));
            }
            _ => return Err(UrlError(format!("\"{scheme}://\" is not spoken here: use http://"))),
        }
        let rest = rest.split('#').next().unwrap_or(rest);
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let (name, port) = match authority.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
            _ => (authority, None),
        };
        let host = UrlHost::read(name).ok_or_else(|| {
            let examples = "http://10.0.0.2/ or http://[fd00::2]/";
            UrlError(format!("\"{name}\" is neither a name nor an address, as in {examples}"))
        })?;
        let port = match port {
            None | Some("") => 80,
            Some(port) => port.parse().ok().filter(|n| *n > 0).ok_or_else(|| {
                UrlError(format!("the port \"{port}\" is not a number from 1 to 65535"))
            })?,
        };
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let target = path.parse().map_err(|_| {
            UrlError(format!("the path \"{path}\" has a character that must be written as %XX"))
        })?;
        Ok(Url { host, port, target })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_say_where_and_what() {
        let table = [
            ("http://10.0.0.2", "10.0.0.2:80", "/", "10.0.0.2"),
            ("http://Glass.test:81", "Glass.test:81", "/", "Glass.test:81"),
            ("host_1.glass./x", "host_1.glass.:80", "/x", "host_1.glass."),
            ("http://[::1]/", "::1:80", "/", "[::1]"),
            ("HTTP://10.0.0.2/", "10.0.0.2:80", "/", "10.0.0.2"),
            ("10.0.0.2:8080/a/b?c=d#e", "10.0.0.2:8080", "/a/b?c=d", "10.0.0.2:8080"),
            ("http://10.0.0.2:?x", "10.0.0.2:80", "/?x", "10.0.0.2"),
            ("http://10.0.0.2/a:b", "10.0.0.2:80", "/a:b", "10.0.0.2"),
            ("http://[fd00::2]/x", "fd00::2:80", "/x", "[fd00::2]"),
            ("http://[fe80::2%25glass0]/x", "fe80::2%glass0:80", "/x", "[fe80::2]"),
            ("[fd00::2]:8080", "fd00::2:8080", "/", "[fd00::2]:8080"),
            ("10.0.0.2/?to=http%3A//x", "10.0.0.2:80", "/?to=http%3A//x", "10.0.0.2"),
        ];
        for (given, addr, target, authority) in table {
            let url: Url = given.parse().expect(given);
            let at = format!("{}:{}", url.host(), url.port());
            let read = (at, url.target().to_string(), url.authority());
            assert_eq!(read, (addr.to_owned(), target.to_owned(), authority.to_owned()));
        }
    }

    #[test]
    fn a_bad_url_gets_one_sentence() {
        for name in ["[::g]", "[10.0.0.2]", "", "me@10.0.0.2", "10.0.0", "a..b", "-x.%41"] {
            let said = format!("http://{name}/").parse::<Url>().expect_err(name).to_string();
            let examples = "http://10.0.0.2/ or http://[fd00::2]/";
            let text = format!("\"{name}\" is neither a name nor an address, as in {examples}");
            assert_eq!(said, text);
        }
        let table = [
            ("https://10.0.0.2/", "there is no TLS here: use http:// instead of https://"),
            ("ftp://10.0.0.2/", "\"ftp://\" is not spoken here: use http://"),
            ("10.0.0.2:0/", "the port \"0\" is not a number from 1 to 65535"),
            ("10.0.0.2:http/", "the port \"http\" is not a number from 1 to 65535"),
            ("10.0.0.2/a b", "the path \"/a b\" has a character that must be written as %XX"),
            ("10.0.0.2/\r\nx", "the path \"/\r\nx\" has a character that must be written as %XX"),
        ];
        for (given, then) in table {
            assert_eq!(given.parse::<Url>().expect_err(given).to_string(), then);
        }
    }
}
