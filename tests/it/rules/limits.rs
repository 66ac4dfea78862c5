//! The limits of services, with their clients in virtual time: who is let in, who is too slow, and
//! what stops with the host.

use super::cases;
use crate::support::seen;
use netglass::app::http::Site;
use netglass::app::policy::{Admission, Policy, Share};
use netglass::app::sight::{Introspect, Sight};
use netglass::base::Limit;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::watch::{Sender, channel};

cases! {
    "Limit::ClientConnections" => third_from([2, 2, 2], 3); third_from([2, 2, 3], 3) => "let in",
    "Limit::Connections" => third_from([2, 3, 4], 2); third_from([2, 3, 4], 3) => "let in",
    "Limit::Idle" => says(&[(60_001, GET)]); says(&[(59_999, GET)]) => "HTTP/1.1 200",
    "Limit::HeaderTime" => says(&[(0, START), (10_001, REST)]);
        says(&[(0, START), (9_999, REST)]) => "HTTP/1.1 200",
    "Limit::BodyRate" => says(&[(0, PUT), (0, &[7; 2_999]), (30_001, &[7; 3_001])]);
        says(&[(0, PUT), (0, &[7; 3_000]), (30_001, &[7; 3_000])]) => "HTTP/1.1 200",
    "Limit::WriteTime" => takes_nothing_for(119_999, false);
        takes_nothing_for(119_998, false) => "all of it",
    "Limit::Requests" => says(&[(0, GET), (1, GET), (1, GET)]);
        says(&[(0, GET), (1, GET)]) => "HTTP/1.1 200",
    "Limit::Stopping" => stops_after(b""); stops_after(START) => "HTTP/1.1 200",
    "Limit::Drain" => takes_nothing_for(10_001, true);
        takes_nothing_for(9_999, true) => "all of it",
}

const GET: &[u8] = b"GET /bytes/16 HTTP/1.1\r\nHost: glass\r\n\r\n";
const START: &[u8] = b"GET /bytes/16 HTTP";
const REST: &[u8] = b"/1.1\r\nHost: glass\r\n\r\n";
const PUT: &[u8] = b"PUT /sink HTTP/1.1\r\nHost: glass\r\nContent-Length: 6000\r\n\r\n";

/// A connection comes from each of these clients, each of which may have two.
fn third_from(clients: [u8; 3], connections_max: u32) {
    let connections_max = Some(connections_max);
    let policy = Policy { per_client_max: Some(2), connections_max, ..Policy::default() };
    let admission = Admission::new(&policy);
    let mut permits = Vec::new();
    for client in clients {
        match admission.admit(Ipv4Addr::new(10, 0, 0, client).into()) {
            Ok(permit) => permits.push(permit),
            Err(limit) => seen::say(format!("Limit::{}", limit.key())),
        }
    }
    seen::say(if permits.len() == 3 { "let in" } else { "refused" });
}

/// A connection that tells what it is ended for.
struct Own;

impl Introspect for Own {
    fn look(&self) -> Option<Sight> {
        None
    }

    fn share(&self) -> Option<Share> {
        None
    }

    fn limited(&self, limit: Limit) {
        seen::say(format!("Limit::{}", limit.key()));
    }

    fn cut_off(&self, limit: Limit) {
        self.limited(limit);
    }
}

/// Lets a client talk to a service, and then go away.
fn converse<F: Future<Output = ()>>(
    policy: Policy,
    client: impl FnOnce(DuplexStream, Sender<bool>) -> F,
) {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(async {
        let (stop, is_stopped) = channel(false);
        let site = Site::new().under(policy).stopping(is_stopped);
        let (here, there) = duplex(1 << 16);
        // An error is a client that has gone, or was sent away.
        let (_, ()) = tokio::join!(site.serve(there, Some(Arc::new(Own))), client(here, stop));
    });
}

async fn pause(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

/// What comes without waiting long.
async fn hears(client: &mut DuplexStream) {
    let mut told = Vec::new();
    let all = client.read_to_end(&mut told);
    let _ = tokio::time::timeout(Duration::from_millis(1), all).await;
    let text = String::from_utf8_lossy(&told);
    for status in ["HTTP/1.1 200", "HTTP/1.1 408"].into_iter().filter(|s| text.contains(*s)) {
        seen::say(status);
    }
    if told.len() > 1_000_000 {
        seen::say("all of it");
    }
}

/// Says some things, each after a pause.
fn says(script: &[(u64, &[u8])]) {
    let policy = Policy { requests_max: Some(3), ..Policy::default() };
    converse(policy, async |mut client, _stop| {
        for (ms, words) in script {
            pause(*ms).await;
            // The service may have ended it by then.
            let _ = client.write_all(words).await;
        }
        hears(&mut client).await;
    });
}

/// Asks for much, and takes none of it for a while, in which the host may begin to stop.
fn takes_nothing_for(ms: u64, stops: bool) {
    converse(Policy::default(), async |mut client, stop| {
        let request = b"GET /bytes/1000000 HTTP/1.1\r\nHost: glass\r\n\r\n";
        client.write_all(request).await.expect("room");
        pause(1).await;
        stop.send_replace(stops);
        pause(ms).await;
        hears(&mut client).await;
    });
}

/// The host stops when this was said, and then comes the rest.
fn stops_after(words: &[u8]) {
    converse(Policy::default(), async |mut client, stop| {
        client.write_all(words).await.expect("room");
        pause(1_000).await;
        stop.send_replace(true);
        pause(1_000).await;
        // It may be closed by then.
        let _ = client.write_all(REST).await;
        hears(&mut client).await;
    });
}
