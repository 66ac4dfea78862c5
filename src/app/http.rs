//! The HTTP/1.1 service, on hyper.
//!
//! `GET /` says what this host is, `/me` tells the caller about its own connection, `/bytes/N`
//! sends N bytes with their digest, `PUT /sink` reads a body and answers with its digest, `/drops`
//! counts what the host refused.

use super::History;
use crate::base::{ConnId, Duration};
use crate::net::Host;
use crate::net::tokio::TcpStream;
use crate::tcp::{State, TcpInfo};
use base64::Engine;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::{ACCEPT, ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use sha2::{Digest, Sha256};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

/// How long a client may take to send a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// The most bytes that `/bytes/N` sends.
const BYTES_MAX: u64 = 10_000_000_000;
/// The most bytes that a digest is computed for before they are sent.
const DIGEST_MAX: u64 = 200_000_000;

type Answer = Response<BoxBody<Bytes, Infallible>>;

/// What a request can be told about its connection.
struct Me {
    host: Host,
    conn: ConnId,
    local: SocketAddr,
    remote: SocketAddr,
    history: Option<History>,
}

/// Serves one connection to its end.
///
/// # Errors
/// The connection's, or the client's mistakes in HTTP.
pub async fn serve(stream: TcpStream, history: Option<History>) -> io::Result<()> {
    let (local, remote) = (stream.local_addr()?, stream.peer_addr()?);
    let me = Me { host: stream.host().clone(), conn: stream.id(), local, remote, history };
    let service = service_fn(|request| answer(&me, request));
    hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service)
        .await
        .map_err(io::Error::other)
}

async fn answer(me: &Me, request: Request<Incoming>) -> Result<Answer, Infallible> {
    let path = request.uri().path().to_owned();
    let reading = matches!(*request.method(), Method::GET | Method::HEAD);
    Ok(match path.as_str() {
        "/sink" if matches!(*request.method(), Method::PUT | Method::POST) => sink(request).await,
        "/sink" => not_allowed("PUT, POST", "send a body with PUT: curl -T FILE http://…/sink\n"),
        _ if !reading => not_allowed("GET, HEAD", "only GET and HEAD are answered here\n"),
        "/" => text(StatusCode::OK, welcome(me)),
        "/me" => about(me, &request),
        "/drops" => text(StatusCode::OK, drops(me)),
        path => match path.strip_prefix("/bytes/") {
            Some(n) => bytes(n).await,
            None => text(
                StatusCode::NOT_FOUND,
                format!("there is no {path} here: try /, /me, /bytes/N, /drops or PUT /sink\n"),
            ),
        },
    })
}

fn text(status: StatusCode, text: impl Into<Bytes>) -> Answer {
    typed(status, "text/plain; charset=utf-8", text)
}

fn typed(status: StatusCode, kind: &'static str, text: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(text.into()).boxed());
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

fn not_allowed(allowed: &'static str, why: &'static str) -> Answer {
    let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, why);
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    answer
}

fn welcome(me: &Me) -> String {
    let host = me.local.ip();
    format!(
        "This host exists only inside a program: every byte you read came through a TCP/IP stack\n\
         that can say why it sent each segment.\n\n\
         \x20 curl http://{host}/me           your connection, as the stack sees it\n\
         \x20 curl http://{host}/bytes/1000   a thousand bytes, with their digest\n\
         \x20 curl -T FILE http://{host}/sink the digest of what you send\n\
         \x20 curl http://{host}/drops        what this host refused, and why\n"
    )
}

fn drops(me: &Me) -> String {
    let counted: Vec<_> = me.host.with(|stack, _| stack.drops().iter().collect());
    match counted.is_empty() {
        true => "nothing was dropped\n".into(),
        false => counted.iter().map(|(why, n)| format!("{n:>10} {why}\n")).collect(),
    }
}

// ---- /me

fn about(me: &Me, request: &Request<Incoming>) -> Answer {
    let accepts = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok());
    let json = accepts.is_some_and(|accept| accept.contains("application/json"))
        || request.uri().query() == Some("json");
    let facts = me.host.with(|stack, now| {
        let conn = stack.conn(me.conn).ok()?;
        Some((conn.state(), conn.info(now), conn.congestion()))
    });
    let Some((state, info, congestion)) = facts else {
        return text(StatusCode::GONE, "the connection is over\n");
    };
    let ladder = me.history.as_ref().map(|history| history.ladder(me.conn));
    match json {
        true => typed(
            StatusCode::OK,
            "application/json",
            json_facts(me, state, &info, congestion, ladder.as_deref()),
        ),
        false => text(StatusCode::OK, text_facts(me, state, &info, congestion, ladder.as_deref())),
    }
}

fn text_facts(me: &Me, state: State, i: &TcpInfo, cc: &str, ladder: Option<&str>) -> String {
    let ms = |micros: u64| format!("{}.{:03} ms", micros / 1000, micros % 1000);
    let option = |bit: u64, name: &str| match i.options & bit {
        0 => format!("no {name}"),
        _ => name.to_owned(),
    };
    let ssthresh = match i.snd_ssthresh * i.snd_mss >= i32::MAX as u64 / 2 {
        true => "infinite".to_owned(),
        false => format!("{} bytes", i.snd_ssthresh * i.snd_mss),
    };
    let mut out = format!(
        "you        {}\n\
         this host  {}\n\
         state      {state}\n\
         options    mss {} (you: {}), {}, {}, {} ({} for you, {} for us)\n\
         rtt        {} (deviation {}, smallest {}), rto {}\n\
         window     cwnd {} bytes = {} segments ({cc}), ssthresh {ssthresh}; yours {}, ours {}\n\
         segments   {} in ({} with data, {} out of order), {} out ({} with data, {} again)\n\
         bytes      {} received, {} sent, {} acknowledged\n",
        me.remote,
        me.local,
        i.snd_mss,
        i.rcv_mss,
        option(1, "timestamps"),
        option(2, "SACK"),
        option(4, "window scale"),
        i.snd_wscale,
        i.rcv_wscale,
        ms(i.rtt),
        ms(i.rttvar),
        ms(i.min_rtt),
        ms(i.rto),
        i.snd_cwnd_bytes,
        i.snd_cwnd,
        i.snd_wnd,
        i.rcv_wnd,
        i.segs_in,
        i.data_segs_in,
        i.rcv_ooopack,
        i.segs_out,
        i.data_segs_out,
        i.total_retrans,
        i.bytes_received,
        i.bytes_sent,
        i.bytes_acked,
    );
    match ladder {
        Some(ladder) => out += &format!("\nso far:\n{ladder}\n"),
        None => out += "\n(no ladder: this host was started with --quiet)\n",
    }
    out
}

fn json_facts(me: &Me, state: State, info: &TcpInfo, cc: &str, ladder: Option<&str>) -> String {
    let fields = TcpInfo::FIELDS.iter().zip(info.values());
    let info: serde_json::Map<_, _> = fields.map(|(k, v)| ((*k).to_owned(), v.into())).collect();
    let facts = serde_json::json!({
        "remote": me.remote.to_string(),
        "local": me.local.to_string(),
        "state": state.name(),
        "congestion": cc,
        "tcp_info": info,
        "ladder": ladder,
    });
    format!("{facts:#}\n")
}

// ---- /bytes/N

/// The pattern: byte number `i` is `i mod 251`. A whole number of periods, so that every block of
/// the stream is this one.
static BLOCK: [u8; 251 * 256] = {
    let mut block = [0; 251 * 256];
    let mut at = 0;
    while at < block.len() {
        block[at] = (at % 251) as u8;
        at += 1;
    }
    block
};

/// A body of so many bytes, made as it is sent, without copying.
struct Pattern {
    left: u64,
}

impl Body for Pattern {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let n = self.left.min(BLOCK.len() as u64);
        self.left -= n;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&BLOCK[..n as usize])))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

async fn bytes(n: &str) -> Answer {
    let Ok(n) = n.parse::<u64>() else {
        return text(StatusCode::BAD_REQUEST, format!("\"{n}\" is no number of bytes\n"));
    };
    if n > BYTES_MAX {
        let what = format!("{n} bytes are too many: {BYTES_MAX} at most\n");
        return text(StatusCode::BAD_REQUEST, what);
    }
    let mut answer = Response::new(Pattern { left: n }.boxed());
    let kind = HeaderValue::from_static("application/octet-stream");
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    if n <= DIGEST_MAX
        && let Ok(digest) = tokio::task::spawn_blocking(move || pattern_digest(n)).await
        && let Ok(value) = HeaderValue::try_from(content_digest(&digest))
    {
        answer.headers_mut().insert("content-digest", value);
    }
    answer
}

/// RFC 9530 §2.
fn content_digest(digest: &[u8; 32]) -> String {
    format!("sha-256=:{}:", base64::engine::general_purpose::STANDARD.encode(digest))
}

/// The digest of the pattern's first `n` bytes; the last few lengths are remembered.
fn pattern_digest(n: u64) -> [u8; 32] {
    static KNOWN: Mutex<Vec<(u64, [u8; 32])>> = Mutex::new(Vec::new());
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, digest)) = known().iter().find(|(length, _)| *length == n) {
        return *digest;
    }
    let (mut hash, mut left) = (Sha256::new(), n);
    while left > 0 {
        let part = left.min(BLOCK.len() as u64);
        hash.update(&BLOCK[..part as usize]);
        left -= part;
    }
    let digest = hash.finalize().into();
    let mut known = known();
    known.truncate(15);
    known.insert(0, (n, digest));
    digest
}

// ---- PUT /sink

async fn sink(request: Request<Incoming>) -> Answer {
    let (mut body, mut hash, mut count) = (request.into_body(), Sha256::new(), 0u64);
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => {
                if let Some(data) = frame.data_ref() {
                    hash.update(data);
                    count += data.len() as u64;
                }
            }
            Err(error) => {
                return text(StatusCode::BAD_REQUEST, format!("the body is broken: {error}\n"));
            }
        }
    }
    let hex: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    text(StatusCode::OK, format!("{hex}  {count} bytes\n"))
}
