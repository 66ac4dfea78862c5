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
mod sink;
mod watch;

pub use bytes::{MAX, Pattern, pattern};
pub use page::{Terms, me_text};

use super::policy::Policy;
use super::refuse;
use super::sight::{Counters, Introspect};
use crate::base::Limit;
use crate::net::rt;
use digest::Digests;
use http_body_util::{Either, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::server::conn::http1;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::fmt;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch::Receiver;
use watch::{Guard, Told, Watch, Watched};

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
    policy: Arc<Policy>,
    stop: Option<Receiver<bool>>,
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site").field("policy", &self.policy).finish_non_exhaustive()
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

    /// With another policy.
    #[must_use]
    pub fn under(mut self, policy: Policy) -> Site {
        self.policy = Arc::new(policy);
        self
    }

    /// With somebody who says when the service is to stop.
    #[must_use]
    pub fn stopping(mut self, stop: Receiver<bool>) -> Site {
        self.stop = Some(stop);
        self
    }

    /// Serves one connection until it closes, or a limit of the policy ends it; `own` is what `/me`
    /// tells of, and is told of limits. Live it needs tokio's timer.
    ///
    /// # Errors
    /// The stream's, or a request that is not HTTP.
    pub async fn serve<S>(&self, stream: S, own: Option<Arc<dyn Introspect>>) -> hyper::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let (watch, own) = (Watch::new(), own.as_deref());
        let service = hyper::service::service_fn(|request| {
            let watch = watch.clone();
            async move { Ok::<_, Infallible>(self.attend(request, own, watch).await) }
        });
        let stream = Watched::new(stream, watch.clone(), self.policy.write_time);
        let mut connection = http1::Builder::new()
            .header_read_timeout(None)
            // A simulation has no date; hyper would give the machine's.
            .auto_date_header(!rt::is_virtual())
            .keep_alive(self.policy.keep_alive)
            // A client that has sent its request and shut its side down still gets the answer.
            .half_close(true)
            .serve_connection(TokioIo::new(stream), service);
        let mut guard = Guard::new(watch.clone(), &self.policy);
        let (mut stop, mut is_stopped) = (pin!(self.stopped()), false);
        let end = std::future::poll_fn(|cx| {
            if let Poll::Ready(ended) = Pin::new(&mut connection).poll(cx) {
                return Poll::Ready(Err(ended));
            }
            if !is_stopped && stop.as_mut().poll(cx).is_ready() {
                is_stopped = true;
                guard.stop();
            }
            guard.poll(cx).map(Ok)
        });
        let limit = match end.await {
            Ok(limit) => limit,
            Err(ended) => match watch.stuck() {
                Some(limit) => limit,
                None => return ended,
            },
        };
        let stream = connection.into_parts().io.into_inner();
        end_for(limit, stream, own).await;
        Ok(())
    }

    /// Waits until the service is to stop.
    async fn stopped(&self) {
        let said = match self.stop.clone() {
            Some(mut stop) => stop.wait_for(|stop| *stop).await.is_ok(),
            None => false,
        };
        // One who has gone away says nothing more.
        if !said {
            std::future::pending().await
        }
    }

    /// Answers a request, and says when it was the connection's last.
    async fn attend(
        &self,
        request: Request<Incoming>,
        own: Option<&dyn Introspect>,
        watch: Watch,
    ) -> Response<Told<Body>> {
        let (number, stopping) = watch.begin();
        let limit = self.policy.requests_max.filter(|max| self.policy.keep_alive && number >= *max);
        if let (Some(max), Some(own)) = (limit, own) {
            own.limited(Limit::Requests { max });
        }
        let mut response = self.answer(request, own, number).await;
        if limit.is_some() || stopping {
            response = closing(response);
        }
        response.map(|body| Told::new(body, watch))
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        own: Option<&dyn Introspect>,
        number: u32,
    ) -> Response<Body> {
        let path = request.uri().path();
        let methods = match path {
            "/sink" => "PUT, POST",
            _ => "GET, HEAD",
        };
        let is_allowed = methods.split(", ").any(|method| method == request.method().as_str());
        let json = wants_json(&request);
        let slow = |limit: Option<Limit>| {
            if let (Some(limit), Some(own)) = (limit, own) {
                own.limited(limit);
            }
        };
        let response = match path {
            _ if !is_known(path) => no_such_page(path),
            _ if !is_allowed => method_not_allowed(path, methods),
            "/" => page::home(&request, self.counters.is_some()),
            "/me" => page::me(own, Terms { policy: &self.policy, number }, json),
            "/stat" => page::stat(self.counters.as_deref(), json),
            "/drops" => page::drops(self.counters.as_deref(), json),
            "/sink" => {
                let (response, limit) = sink::answer(request, json, &self.policy).await;
                slow(limit);
                return response;
            }
            _ => bytes::answer(&request, &self.digests).await,
        };
        match sink::refuse(request, &self.policy).await {
            Some(limit) => {
                slow(Some(limit));
                closing(response)
            }
            None => response,
        }
    }
}

/// Ends a connection that has hit a limit, as the limit asks for.
async fn end_for<S>(limit: Limit, mut stream: S, own: Option<&dyn Introspect>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match (limit, own) {
        // What is on its way will not be taken, or not in time.
        (Limit::WriteTime { .. } | Limit::Drain { .. }, Some(own)) => own.cut_off(limit),
        (_, Some(own)) => own.limited(limit),
        (_, None) => {}
    }
    match limit {
        Limit::HeaderTime { .. } => refuse::Answer::timeout(limit).give(stream).await,
        Limit::WriteTime { .. } | Limit::Drain { .. } => {}
        // The peer may be gone: then there is nothing to end.
        _ => drop(stream.shutdown().await),
    }
}

/// The answer with the word that it is the connection's last (RFC 9112 §9.6).
fn closing(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
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
