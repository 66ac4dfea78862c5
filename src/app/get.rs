//! A small HTTP client, on hyper, over any stream.

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{HOST, USER_AGENT};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use tokio::io::{AsyncRead, AsyncWrite};

/// `http://ADDRESS[:PORT][/PATH]`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Url {
    /// Whom to connect to.
    pub to: SocketAddr,
    /// The `Host` field.
    pub authority: String,
    /// Path and query.
    pub path: String,
}

impl FromStr for Url {
    type Err = String;

    fn from_str(url: &str) -> Result<Url, String> {
        let uri: hyper::Uri = url.parse().map_err(|e| format!("\"{url}\" is no URL: {e}"))?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => return Err("https is not supported: give an http:// URL".into()),
            _ => return Err(format!("\"{url}\" is not supported: give an http:// URL")),
        }
        let authority = uri.authority().map_or("", |a| a.as_str()).to_owned();
        let host = uri.host().unwrap_or("");
        let ip: IpAddr = host
            .parse()
            .map_err(|_| format!("\"{host}\" is no IPv4 address: names are not resolved here"))?;
        let to = SocketAddr::new(ip, uri.port_u16().unwrap_or(80));
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        Ok(Url { to, authority, path })
    }
}

/// Makes one request over `stream`: GET, or PUT of `upload`.
///
/// # Errors
/// The connection's, or the server's mistakes in HTTP.
pub async fn request<S>(
    stream: S,
    url: &Url,
    upload: Option<Vec<u8>>,
) -> io::Result<Response<Incoming>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.map_err(other)?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            log::debug!(target: "netglass::app", "{error}");
        }
    });
    let method = if upload.is_some() { Method::PUT } else { Method::GET };
    let body: BoxBody<Bytes, Infallible> = match upload {
        Some(bytes) => Full::new(Bytes::from(bytes)).boxed(),
        None => Empty::new().boxed(),
    };
    let request = Request::builder()
        .method(method)
        .uri(&url.path)
        .header(HOST, &url.authority)
        .header(USER_AGENT, concat!("netglass/", env!("CARGO_PKG_VERSION")))
        .body(body)
        .map_err(io::Error::other)?;
    sender.send_request(request).await.map_err(other)
}

/// hyper's error as the connection's, when that is what it is.
fn other(error: hyper::Error) -> io::Error {
    use std::error::Error;
    let cause = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    match cause {
        Some(cause) => io::Error::new(cause.kind(), cause.to_string()),
        None => io::Error::other(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_or_refused_in_one_sentence() {
        let url: Url = "http://10.9.0.1:8000/a?b".parse().unwrap();
        assert_eq!((url.to, &url.path[..]), ("10.9.0.1:8000".parse().unwrap(), "/a?b"));
        let url: Url = "http://10.9.0.1".parse().unwrap();
        assert_eq!((url.to.port(), &url.path[..]), (80, "/"));
        for (text, says) in [
            ("https://10.9.0.1/", "https"),
            ("gopher://10.9.0.1/", "http://"),
            ("10.9.0.1/x", "URL"),
            ("http://example/", "names"),
        ] {
            let said = text.parse::<Url>().unwrap_err();
            assert!(said.contains(says), "{text}: {said}");
        }
    }
}
