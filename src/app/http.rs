//! The HTTP/1.1 service (RFC 9112), on hyper: pages about this host and the caller's connection,
//! bytes to download, and a place to upload to.
//!
//! | Request | Answer |
//! |---|---|
//! | `GET /` | what to try |
//! | `GET /me` | the caller's own connection, as the stack sees it |
//! | `GET /bytes/N` | N bytes, up to 10^10; `?sha256` gives their digest |
//! | `PUT /sink`, `POST /sink` | how many bytes came, and their SHA-256 |
//! | `GET /stat`, `GET /drops` | the host's counters |
//!
//! `/me`, `/sink`, `/stat` and `/drops` answer in JSON with `Accept: application/json` or `?json`.
//! HEAD works wherever GET does. No TLS, no HTTP/2, no ranges, no compression.

mod bytes;
mod digest;
mod page;
mod patient;
mod sink;

pub use bytes::{MAX, Pattern, pattern};
pub use page::me_text;

use super::sight::{Counters, Introspect};
use digest::Digests;
use http_body_util::{Either, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::server::conn::http1;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};

/// A body that is at hand, or one that is generated.
type Body = Either<Full<Bytes>, Pattern>;

/// The service: what its connections share. Cloning gives another handle to the same.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use netglass::app::http::Site;
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
///
/// let (mut client, server) = tokio::io::duplex(1000);
/// let site = Site::new();
/// let asked = async {
///     let request = b"GET /bytes/32 HTTP/1.1\r\nHost: glass\r\nConnection: close\r\n\r\n";
///     client.write_all(request).await.unwrap();
///     let mut told = String::new();
///     client.read_to_string(&mut told).await.unwrap();
///     told
/// };
/// let (served, told) = tokio::join!(site.serve(server, None), asked);
/// served.unwrap();
/// assert!(told.starts_with("HTTP/1.1 200 OK\r\n"));
/// assert!(told.ends_with("\r\n\r\n000000000000000\n000000000000010\n"));
/// # });
/// ```
#[derive(Clone, Default)]
pub struct Site {
    counters: Option<Arc<dyn Counters>>,
    digests: Arc<Digests>,
    patience: Patience,
}

/// How long the service waits for a silent caller.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Patience {
    /// For a complete request header, also between two requests.
    pub header: Duration,
    /// For the next part of a body that is uploaded.
    pub body: Duration,
    /// For the caller to take some more of an answer.
    pub answer: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        let [header, body, answer] = [30, 60, 600].map(Duration::from_secs);
        Patience { header, body, answer }
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site").field("patience", &self.patience).finish_non_exhaustive()
    }
}

impl Site {
    /// A service that knows nothing of a host: `/stat` and `/drops` say so.
    pub fn new() -> Site {
        Site::default()
    }

    /// With a host whose counters it shows.
    #[must_use]
    pub fn counting(mut self, counters: Arc<dyn Counters>) -> Site {
        self.counters = Some(counters);
        self
    }

    /// With other patience.
    #[must_use]
    pub fn patient(mut self, patience: Patience) -> Site {
        self.patience = patience;
        self
    }

    /// Serves one connection until it closes; `own` is what `/me` tells of. It needs tokio's timer.
    ///
    /// # Errors
    /// The stream's, a request that is not HTTP, or a caller who takes too long.
    pub async fn serve<S>(&self, stream: S, own: Option<Arc<dyn Introspect>>) -> hyper::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let service = hyper::service::service_fn(|request| async {
            Ok::<_, Infallible>(self.answer(request, own.as_deref()).await)
        });
        let stream = patient::Patient::new(stream, self.patience.answer);
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.patience.header)
            // A client that has sent its request and shut its side down still gets the answer.
            .half_close(true)
            .serve_connection(TokioIo::new(stream), service)
            .await
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        own: Option<&dyn Introspect>,
    ) -> Response<Body> {
        let path = request.uri().path();
        let methods = match path {
            "/sink" => "PUT, POST",
            _ => "GET, HEAD",
        };
        let is_allowed = methods.split(", ").any(|method| method == request.method().as_str());
        let json = wants_json(&request);
        let response = match path {
            _ if !is_known(path) => no_such_page(path),
            _ if !is_allowed => method_not_allowed(path, methods),
            "/" => page::home(&request, self.counters.is_some()),
            "/me" => page::me(own, json),
            "/stat" => page::stat(self.counters.as_deref(), json),
            "/drops" => page::drops(self.counters.as_deref(), json),
            "/sink" => return sink::answer(request, json, self.patience.body).await,
            _ => bytes::answer(&request, &self.digests).await,
        };
        sink::refuse(request, self.patience.body).await;
        response
    }
}

fn is_known(path: &str) -> bool {
    matches!(path, "/" | "/me" | "/stat" | "/drops" | "/sink")
        || path == "/bytes"
        || path.starts_with("/bytes/")
}

fn no_such_page(path: &str) -> Response<Body> {
    let text = format!("There is no {path:.60} here: GET / says what there is.\n");
    plain(StatusCode::NOT_FOUND, text)
}

fn method_not_allowed(path: &str, methods: &'static str) -> Response<Body> {
    let text = format!("{path:.60} is for {} only.\n", methods.replace(", ", " and "));
    let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, text);
    answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(methods));
    answer
}

/// Whether the query string has this flag.
fn asks_for(request: &Request<Incoming>, flag: &str) -> bool {
    request.uri().query().is_some_and(|query| query.split('&').any(|item| item == flag))
}

/// Whether the caller accepts `kind`, said by name.
fn accepts(request: &Request<Incoming>, kind: &str) -> bool {
    let values = request.headers().get_all(header::ACCEPT).iter();
    values.filter_map(|value| value.to_str().ok()).any(|value| value.contains(kind))
}

fn wants_json(request: &Request<Incoming>) -> bool {
    asks_for(request, "json") || accepts(request, "application/json")
}

fn respond(status: StatusCode, kind: &'static str, text: String) -> Response<Body> {
    let mut response = Response::new(Either::Left(Full::from(text)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn plain(status: StatusCode, text: String) -> Response<Body> {
    respond(status, "text/plain; charset=utf-8", text)
}

fn json(value: &serde_json::Value) -> Response<Body> {
    respond(StatusCode::OK, "application/json", format!("{value:#}\n"))
}

/// Whether the caller only wants to know what GET would answer.
fn is_head(request: &Request<Incoming>) -> bool {
    request.method() == Method::HEAD
}

#[cfg(test)]
mod tests;
