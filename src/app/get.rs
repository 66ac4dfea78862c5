//! A small HTTP/1.1 client, on hyper: one request on one stream, the body to a writer.
//!
//! It follows no redirects, keeps no cookies, speaks no TLS and resolves no names: that is the
//! caller's.

mod url;

pub use url::{Url, UrlError, UrlHost};

use http_body_util::BodyExt;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::header::{self, HeaderValue};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use std::fmt;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

/// Bytes read from an upload's source at a time.
const ROOM: usize = 64 * 1024;

/// How to ask, and what to write.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// Asks for the header only (HEAD); not for uploads.
    pub head: bool,
    /// Writes the answer's header, too (`curl -i`).
    pub headers: bool,
    /// Counts an answer of status 400 or above as a failure, and does not write its body
    /// (`curl -f`).
    pub fail: bool,
    /// What to say in `Accept`; `None`: `*/*`.
    pub accept: Option<String>,
}

/// What an upload is read from.
#[derive(Debug)]
pub struct Upload<R> {
    /// The source; read to its end, or to `length`.
    pub source: R,
    /// How many bytes it will give; `None`: that is unknown, and the body goes in chunks.
    pub length: Option<u64>,
}

/// How far a transfer is, in bytes of bodies.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Progress {
    /// Bytes of the upload given to the connection.
    pub sent: u64,
    /// Bytes of the answer received.
    pub received: u64,
    /// How many the answer will have; `None`: not known, or not yet.
    pub expected: Option<u64>,
}

/// How an exchange ended.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// The answer's status, 100 to 999.
    pub status: u16,
    /// Bytes of the upload.
    pub sent: u64,
    /// Bytes of the answer's body.
    pub received: u64,
}

impl Outcome {
    /// The exit status that curl has: 22 for a status of 400 or above if that is to fail, else 0.
    pub fn exit_code(&self, options: &Options) -> u8 {
        if options.fail && self.status >= 400 { 22 } else { 0 }
    }
}

/// Why an exchange failed.
#[derive(Debug)]
pub enum Failure {
    /// The connection, or what the server said on it.
    Http(hyper::Error),
    /// The writer.
    Output(io::Error),
    /// [`Options::accept`] cannot be put into a header.
    Accept,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Http(error) if is_cut_off(error) => {
                f.write_str("the server closed the connection before its answer was complete")
            }
            Failure::Http(error) if error.is_parse() => {
                write!(f, "what the server says is not HTTP: {error}")
            }
            Failure::Http(error) => match std::error::Error::source(error) {
                // The upload's source, not HTTP.
                Some(source) if error.is_user() => write!(f, "the upload failed: {source}"),
                Some(source) => write!(f, "{error}: {source}"),
                None => write!(f, "{error}"),
            },
            Failure::Output(error) => write!(f, "the answer cannot be written: {error}"),
            Failure::Accept => {
                f.write_str("the kind to accept has a character that cannot be sent")
            }
        }
    }
}

/// Whether the connection ended within the header or within the body.
fn is_cut_off(error: &hyper::Error) -> bool {
    let source = std::error::Error::source(error).and_then(|s| s.downcast_ref::<io::Error>());
    let in_body = source.is_some_and(|source| source.kind() == io::ErrorKind::UnexpectedEof);
    error.is_incomplete_message() || in_body && !error.is_user()
}

impl std::error::Error for Failure {}

impl From<hyper::Error> for Failure {
    fn from(error: hyper::Error) -> Failure {
        Failure::Http(error)
    }
}

/// Asks for `url` on `stream`, which leads to [`Url::host`]; writes the body to `output`, and calls
/// `progress` whenever some of it has come.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use netglass::app::{get, http::Site};
///
/// let (here, there) = tokio::io::duplex(1000);
/// let site = Site::new();
/// let url = "http://10.0.0.2/bytes/16".parse().unwrap();
/// let (mut body, options) = (Vec::new(), get::Options::default());
/// let asked = get::get(here, &url, &options, &mut body, |_| {});
/// let (outcome, _) = tokio::join!(asked, site.serve(there, None));
/// assert_eq!(outcome.unwrap().status, 200);
/// assert_eq!(body, b"000000000000000\n");
/// # });
/// ```
///
/// # Errors
/// [`Failure`]. An answer of any status is not one; see [`Outcome::exit_code`].
pub async fn get<S, W>(
    stream: S,
    url: &Url,
    options: &Options,
    output: W,
    progress: impl FnMut(Progress),
) -> Result<Outcome, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin,
    W: AsyncWrite + Unpin,
{
    let method = if options.head { Method::HEAD } else { Method::GET };
    let nothing = Upload { source: tokio::io::empty(), length: Some(0) };
    exchange(stream, (method, url), nothing, options, output, progress).await
}

/// Uploads to `url` (PUT); otherwise as [`get`].
///
/// # Errors
/// [`Failure`]; the source's errors and a source that ends before its length are
/// [`Failure::Http`].
pub async fn put<S, R, W>(
    stream: S,
    url: &Url,
    upload: Upload<R>,
    options: &Options,
    output: W,
    progress: impl FnMut(Progress),
) -> Result<Outcome, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin,
    R: AsyncRead + Unpin + 'static,
    W: AsyncWrite + Unpin,
{
    exchange(stream, (Method::PUT, url), upload, options, output, progress).await
}

/// The numbers of a [`Progress`], for those who count and the one who tells.
#[derive(Debug)]
struct Counts {
    sent: AtomicU64,
    received: AtomicU64,
    /// `u64::MAX`: not known.
    expected: AtomicU64,
}

impl Counts {
    fn progress(&self) -> Progress {
        let [sent, received, expected] =
            [&self.sent, &self.received, &self.expected].map(|n| n.load(Ordering::Relaxed));
        Progress { sent, received, expected: (expected != u64::MAX).then_some(expected) }
    }
}

async fn exchange<S, R, W>(
    stream: S,
    (method, url): (Method, &Url),
    upload: Upload<R>,
    options: &Options,
    output: W,
    mut progress: impl FnMut(Progress),
) -> Result<Outcome, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin,
    R: AsyncRead + Unpin + 'static,
    W: AsyncWrite + Unpin,
{
    let (sent, received) = (AtomicU64::new(0), AtomicU64::new(0));
    let counts = Arc::new(Counts { sent, received, expected: AtomicU64::new(u64::MAX) });
    let body = Source { upload, given: 0, room: Vec::new(), counts: Arc::clone(&counts) };
    let request = request(method, url, options, body)?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let mut work = pin!(async {
        let response = sender.send_request(request).await?;
        receive(response, options, output, &counts).await
    });
    let (mut connection, mut is_open, mut told) = (pin!(connection), true, Progress::default());
    let status = std::future::poll_fn(|cx| {
        // Whatever ends the connection, the work learns of it by itself.
        is_open = is_open && connection.as_mut().poll(cx).is_pending();
        let answer = work.as_mut().poll(cx);
        let reached = counts.progress();
        if reached != told {
            told = reached;
            progress(reached);
        }
        answer
    })
    .await?;
    let Progress { sent, received, .. } = counts.progress();
    Ok(Outcome { status, sent, received })
}

fn request<B>(
    method: Method,
    url: &Url,
    options: &Options,
    body: B,
) -> Result<Request<B>, Failure> {
    let mut request = Request::new(body);
    *request.method_mut() = method;
    // A host and a path that `Url` has checked make a valid header and a valid target.
    let invalid = |_| Failure::Accept;
    *request.uri_mut() = url.target().clone();
    let accept = options.accept.as_deref().unwrap_or("*/*");
    let headers = request.headers_mut();
    headers.insert(header::HOST, HeaderValue::from_str(&url.authority()).map_err(invalid)?);
    headers.insert(header::ACCEPT, HeaderValue::from_str(accept).map_err(invalid)?);
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    const AGENT: &str = concat!("netglass/", env!("CARGO_PKG_VERSION"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static(AGENT));
    Ok(request)
}

/// Writes an answer; returns its status.
async fn receive<W: AsyncWrite + Unpin>(
    mut response: Response<hyper::body::Incoming>,
    options: &Options,
    mut output: W,
    counts: &Counts,
) -> Result<u16, Failure> {
    let status = response.status();
    if options.headers {
        let mut text = format!("{:?} {status}\r\n", response.version()).into_bytes();
        for (name, value) in response.headers() {
            text.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
        text.extend(b"\r\n");
        output.write_all(&text).await.map_err(Failure::Output)?;
    }
    let body = response.body_mut();
    if let Some(length) = body.size_hint().exact() {
        counts.expected.store(length, Ordering::Relaxed);
    }
    let is_wanted = !(options.fail && status.as_u16() >= 400);
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            counts.received.fetch_add(data.len() as u64, Ordering::Relaxed);
            if is_wanted {
                output.write_all(&data).await.map_err(Failure::Output)?;
            }
        }
    }
    output.flush().await.map_err(Failure::Output)?;
    Ok(status.as_u16())
}

/// A request's body: an upload as it is read.
#[derive(Debug)]
struct Source<R> {
    upload: Upload<R>,
    given: u64,
    room: Vec<u8>,
    counts: Arc<Counts>,
}

impl<R: AsyncRead + Unpin> Body for Source<R> {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = self.get_mut();
        let left = this.upload.length.map_or(u64::MAX, |length| length - this.given);
        if left == 0 {
            return Poll::Ready(None);
        }
        this.room.resize(ROOM.min(usize::try_from(left).unwrap_or(ROOM)), 0);
        let mut room = ReadBuf::new(&mut this.room);
        ready!(Pin::new(&mut this.upload.source).poll_read(cx, &mut room))?;
        let bytes = Bytes::copy_from_slice(room.filled());
        if bytes.is_empty() {
            let short = this.upload.length.is_some();
            let text = "the upload's source ended before its length";
            let error = || io::Error::new(io::ErrorKind::UnexpectedEof, text);
            return Poll::Ready(short.then(|| Err(error())));
        }
        this.given += bytes.len() as u64;
        this.counts.sent.store(this.given, Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.upload.length == Some(self.given)
    }

    fn size_hint(&self) -> SizeHint {
        let left = self.upload.length.map(|length| length - self.given);
        left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

#[cfg(test)]
mod tests;
