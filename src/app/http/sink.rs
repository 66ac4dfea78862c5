//! `PUT /sink`: takes a body of any length, and answers how long it was and what its SHA-256 is.
//!
//! `Expect: 100-continue` is answered when the service begins to read (RFC 9110 §10.1.1): hyper
//! does that.

use super::digest::hex;
use super::{Body, json, plain};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header;
use hyper::{Request, Response, StatusCode};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::time::Duration;

/// A body that nobody wants is read up to this many bytes.
const REFUSED_MAX: usize = 1 << 20;

/// Takes the body of a request that has no use for one: a connection that is closed with data
/// unread is reset, and the answer may be lost with it (RFC 9112 §9.6). A caller that waits for an
/// invitation is not invited, and a long body is left.
pub(super) async fn refuse(request: Request<Incoming>, patience: Duration) {
    if request.headers().contains_key(header::EXPECT) {
        return;
    }
    let (mut body, mut bytes) = (request.into_body(), 0);
    while let Ok(Some(Ok(frame))) = tokio::time::timeout(patience, body.frame()).await {
        bytes += frame.data_ref().map_or(0, |data| data.len());
        if bytes > REFUSED_MAX {
            return;
        }
    }
}

/// Answers `PUT /sink`.
pub(super) async fn answer(
    request: Request<Incoming>,
    as_json: bool,
    patience: Duration,
) -> Response<Body> {
    let (mut body, mut bytes, mut state) = (request.into_body(), 0_u64, Sha256::new());
    loop {
        match tokio::time::timeout(patience, body.frame()).await {
            Ok(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    bytes += data.len() as u64;
                    state.update(data);
                }
            }
            Ok(Some(Err(error))) => {
                let text = format!("The body broke off behind {bytes} bytes: {error}.\n");
                return plain(StatusCode::BAD_REQUEST, text);
            }
            Ok(None) => break,
            Err(_) => {
                let seconds = patience.as_secs_f64();
                let text = format!("Nothing came for {seconds} seconds behind {bytes} bytes.\n");
                return plain(StatusCode::REQUEST_TIMEOUT, text);
            }
        }
    }
    let sha256 = hex(&state.finalize());
    if as_json {
        return json(&json!({ "bytes": bytes, "sha256": sha256 }));
    }
    plain(StatusCode::OK, format!("{sha256}  {bytes} bytes\n"))
}
