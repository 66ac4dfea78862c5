//! `PUT /sink`: takes a body of any length, and answers how long it was and what its SHA-256 is.
//!
//! `Expect: 100-continue` is answered when the service begins to read (RFC 9110 §10.1.1): hyper
//! does that.

use super::digest::hex;
use super::{Body, closing, json, plain};
use crate::app::policy::Policy;
use crate::base::Limit;
use crate::net::rt::{self, Instant};
use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming};
use hyper::header;
use hyper::{Request, Response, StatusCode};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::time::Duration;

/// A body that nobody wants is read up to this many bytes.
const REFUSED_MAX: usize = 1 << 20;

/// A body that has to come at a pace: so many bytes within each of its times.
struct Paced {
    body: Incoming,
    time: Option<Duration>,
    least: u64,
    /// Since when the bytes are counted, and how many have come.
    since: Instant,
    come: u64,
}

/// Why there is no more of a body.
enum Broken {
    /// It comes too slowly.
    Slow(Limit),
    /// The connection, or what was said on it.
    Http(hyper::Error),
}

impl Paced {
    fn new(body: Incoming, policy: &Policy) -> Paced {
        let (time, least) = (policy.body_time, policy.body_least());
        Paced { body, time, least, since: Instant::now(), come: 0 }
    }

    /// The next bytes; `None`: that was all.
    async fn next(&mut self) -> Option<Result<Bytes, Broken>> {
        let frame = loop {
            let Some(time) = self.time else { break self.body.frame().await? };
            match rt::timeout_at(self.since + time, self.body.frame()).await {
                Ok(frame) => break frame?,
                Err(_) if self.come < self.least => {
                    let bytes = u32::try_from(self.least).unwrap_or(u32::MAX);
                    let limit = Limit::BodyRate { bytes, after: time.into() };
                    return Some(Err(Broken::Slow(limit)));
                }
                Err(_) => (self.since, self.come) = (Instant::now(), 0),
            }
        };
        Some(match frame {
            Ok(frame) => {
                let data = frame.into_data().unwrap_or_default();
                self.come += data.len() as u64;
                Ok(data)
            }
            Err(error) => Err(Broken::Http(error)),
        })
    }
}

/// Takes the body of a request that has no use for one: a connection that is closed with data
/// unread is reset, and the answer may be lost with it (RFC 9112 §9.6). A caller that waits for an
/// invitation is not invited, and a long body is left. The limit is the one that a slow body hits.
pub(super) async fn refuse(request: Request<Incoming>, policy: &Policy) -> Option<Limit> {
    if request.headers().contains_key(header::EXPECT) {
        return None;
    }
    let (mut body, mut bytes) = (Paced::new(request.into_body(), policy), 0);
    while let Some(part) = body.next().await {
        match part {
            Ok(data) => bytes += data.len(),
            Err(Broken::Slow(limit)) => return Some(limit),
            Err(Broken::Http(_)) => break,
        }
        if bytes > REFUSED_MAX {
            break;
        }
    }
    None
}

/// Answers `PUT /sink`; also the limit that a slow body has hit.
pub(super) async fn answer(
    request: Request<Incoming>,
    as_json: bool,
    policy: &Policy,
) -> (Response<Body>, Option<Limit>) {
    let mut body = Paced::new(request.into_body(), policy);
    let (mut bytes, mut state) = (0_u64, Sha256::new());
    while let Some(part) = body.next().await {
        match part {
            Ok(data) => {
                bytes += data.len() as u64;
                state.update(&data);
            }
            Err(Broken::Http(error)) => {
                let text = format!("The body broke off behind {bytes} bytes: {error}.\n");
                return (plain(StatusCode::BAD_REQUEST, text), None);
            }
            Err(Broken::Slow(limit)) => {
                let text = format!("{limit}, behind {bytes} bytes.\n");
                let response = plain(StatusCode::REQUEST_TIMEOUT, text);
                return (closing(response), Some(limit));
            }
        }
    }
    let sha256 = hex(&state.finalize());
    if as_json {
        return (json(&json!({ "bytes": bytes, "sha256": sha256 })), None);
    }
    (plain(StatusCode::OK, format!("{sha256}  {bytes} bytes\n")), None)
}
