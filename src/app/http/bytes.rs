//! `GET /bytes/N`: as many bytes as one likes, which say themselves where they belong.
//!
//! The bytes are lines of sixteen: fifteen hexadecimal digits, the line's offset from the start,
//! and a newline. So a byte that is lost, doubled or misplaced shows, to a program and to the eye.

use super::digest::{Digests, base64};
use super::{Body, asks_for, is_head, plain};
use http_body_util::Either;
use hyper::body::{Bytes, Frame, Incoming, SizeHint};
use hyper::header::{self, HeaderValue};
use hyper::{Request, Response, StatusCode};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll};

/// How many bytes can be asked for: 10^10.
pub const MAX: u64 = 10_000_000_000;
/// Digests are given up to this many bytes.
const DIGEST_MAX: u64 = 200_000_000;
/// A line's length, a power of two.
const LINE: usize = 16;
/// Bytes generated at a time: a number of lines whose offsets differ in the last four digits only.
const BLOCK: usize = 1 << 16;

/// The first block. Its offsets are below [`BLOCK`], so that the eleven digits before the last four
/// are zeros: other blocks are made from it by exchanging those.
static FIRST: LazyLock<Vec<[u8; LINE]>> =
    LazyLock::new(|| (0..BLOCK).step_by(LINE).map(|offset| line(offset as u64)).collect());

fn line(offset: u64) -> [u8; LINE] {
    let mut line = [b'\n'; LINE];
    for (place, digit) in line[..LINE - 1].iter_mut().rev().enumerate() {
        *digit = b"0123456789abcdef"[(offset >> (4 * place) & 0xf) as usize];
    }
    line
}

/// The block that starts at `offset`, a multiple of [`BLOCK`].
fn block(offset: u64) -> Vec<u8> {
    const DIGITS: usize = LINE - 1 - 4;
    let head = line(offset);
    let mut bytes = Vec::with_capacity(BLOCK);
    for low in FIRST.iter() {
        let mut line = *low;
        line[..DIGITS].copy_from_slice(&head[..DIGITS]);
        bytes.extend_from_slice(&line);
    }
    bytes
}

/// The bytes from `start`, up to `end` and up to the end of a block: not all of them, but some
/// unless the range is empty.
///
/// ```
/// use netglass::app::http::pattern;
///
/// assert_eq!(pattern(10, 40), b"00000\n000000000000010\n00000000");
/// ```
pub fn pattern(start: u64, end: u64) -> Vec<u8> {
    let within = start % BLOCK as u64;
    let mut bytes = block(start - within);
    bytes.truncate(end.saturating_sub(start - within).min(BLOCK as u64) as usize);
    bytes.drain(..(within as usize).min(bytes.len()));
    bytes
}

/// The bytes of `/bytes/N` as a body: generated as they are sent, 64 KiB at a time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pattern {
    sent: u64,
    length: u64,
}

impl Pattern {
    /// The first `length` bytes.
    pub fn new(length: u64) -> Pattern {
        Pattern { sent: 0, length }
    }
}

impl hyper::body::Body for Pattern {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.is_end_stream() {
            return Poll::Ready(None);
        }
        let bytes = pattern(self.sent, self.length);
        self.sent += bytes.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(bytes)))))
    }

    fn is_end_stream(&self) -> bool {
        self.sent == self.length
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length - self.sent)
    }
}

/// Answers `GET /bytes/N`.
pub(super) async fn answer(request: &Request<Incoming>, digests: &Digests) -> Response<Body> {
    let text = request.uri().path().strip_prefix("/bytes/").unwrap_or_default();
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some(length) = text.parse().ok().filter(|length| is_number && *length <= MAX) else {
        let text = format!("Say how many bytes, from 0 to {MAX}: GET /bytes/1000000\n");
        return plain(StatusCode::BAD_REQUEST, text);
    };
    let digest = match length {
        0..=DIGEST_MAX => Some(digests.of(length).await),
        _ => None,
    };
    if asks_for(request, "sha256") {
        return match digest {
            Some(digest) => plain(StatusCode::OK, format!("{}  -\n", super::digest::hex(&digest))),
            None => {
                let text = format!("Digests are given up to {DIGEST_MAX} bytes.\n");
                plain(StatusCode::BAD_REQUEST, text)
            }
        };
    }
    let body = Pattern::new(if is_head(request) { 0 } else { length });
    let mut response = Response::new(Either::Right(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=us-ascii"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    if let Some(digest) = digest {
        // RFC 9530 §2.
        let value = HeaderValue::try_from(format!("sha-256=:{}:", base64(&digest)));
        headers.extend(value.ok().map(|value| (CONTENT_DIGEST, value)));
    }
    response
}

/// `Content-Digest` (RFC 9530 §2).
const CONTENT_DIGEST: header::HeaderName = header::HeaderName::from_static("content-digest");
