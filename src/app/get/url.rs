//! `http://` URLs (RFC 9110 §4.2.1) with an address for a host: IPv6 in brackets (RFC 3986
//! §3.2.2).

use hyper::Uri;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// A URL: where to connect to, and what to ask for there.
///
/// ```
/// use netglass::app::get::Url;
///
/// let url: Url = "http://10.0.0.2:8080/bytes/5?sha256#top".parse().unwrap();
/// assert_eq!(url.addr().to_string(), "10.0.0.2:8080");
/// assert_eq!(url.target().to_string(), "/bytes/5?sha256");
/// let error = "https://10.0.0.2/".parse::<Url>().unwrap_err();
/// assert_eq!(error.to_string(), "there is no TLS here: use http:// instead of https://");
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Url {
    host: IpAddr,
    port: u16,
    target: Uri,
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
    /// Where to connect to.
    pub fn addr(&self) -> SocketAddr {
        (self.host, self.port).into()
    }

    /// Path and query, as the request line has them.
    pub fn target(&self) -> &Uri {
        &self.target
    }

    /// Host and port, as the header `Host` has them: without the port if that is 80.
    pub fn authority(&self) -> String {
        let port = if self.port == 80 { String::new() } else { format!(":{}", self.port) };
        match self.host {
            IpAddr::V4(host) => format!("{host}{port}"),
            IpAddr::V6(host) => format!("[{host}]{port}"),
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
        let bracketed = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
        let host = match bracketed {
            Some(inner) => inner.parse::<Ipv6Addr>().map(IpAddr::V6),
            None => name.parse().map(IpAddr::V4),
        };
        let host = host.map_err(|_| {
            let examples = "http://10.0.0.2/ or http://[fd00::2]/";
            UrlError(format!("\"{name}\" is no address: give one, as in {examples}"))
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
            ("HTTP://10.0.0.2/", "10.0.0.2:80", "/", "10.0.0.2"),
            ("10.0.0.2:8080/a/b?c=d#e", "10.0.0.2:8080", "/a/b?c=d", "10.0.0.2:8080"),
            ("http://10.0.0.2:?x", "10.0.0.2:80", "/?x", "10.0.0.2"),
            ("http://10.0.0.2/a:b", "10.0.0.2:80", "/a:b", "10.0.0.2"),
            ("http://[fd00::2]/x", "[fd00::2]:80", "/x", "[fd00::2]"),
            ("[fd00::2]:8080", "[fd00::2]:8080", "/", "[fd00::2]:8080"),
            ("10.0.0.2/?to=http%3A//x", "10.0.0.2:80", "/?to=http%3A//x", "10.0.0.2"),
        ];
        for (given, addr, target, authority) in table {
            let url: Url = given.parse().expect(given);
            let read = (url.addr().to_string(), url.target().to_string(), url.authority());
            assert_eq!(read, (addr.to_owned(), target.to_owned(), authority.to_owned()));
        }
    }

    #[test]
    fn a_bad_url_gets_one_sentence() {
        for name in ["glass.test", "[::g]", "", "me@10.0.0.2"] {
            let said = format!("http://{name}/").parse::<Url>().expect_err(name).to_string();
            let examples = "http://10.0.0.2/ or http://[fd00::2]/";
            assert_eq!(said, format!("\"{name}\" is no address: give one, as in {examples}"));
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
