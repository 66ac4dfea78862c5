//! What connections are ended for, in virtual time.

use super::*;
use crate::app::http::Site;
use crate::app::policy::Share;
use crate::app::sight::{Introspect, Sight};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::watch::Sender;

/// A connection that remembers what it was told, and whether it was cut off.
#[derive(Default)]
struct Own(Mutex<Vec<(Limit, bool)>>);

impl Introspect for Own {
    fn look(&self) -> Option<Sight> {
        None
    }

    fn share(&self) -> Option<Share> {
        None
    }

    fn limited(&self, limit: Limit) {
        self.0.lock().expect("no panic").push((limit, false));
    }

    fn cut_off(&self, limit: Limit) {
        self.0.lock().expect("no panic").push((limit, true));
    }
}

/// What came of a conversation.
#[derive(Debug)]
struct Got {
    told: String,
    /// When the service ended the connection, in milliseconds.
    ended: u128,
    /// What the service told of limits, and whether it cut off.
    limits: Vec<(Limit, bool)>,
}

/// Lets `client` talk to a service under `policy`, in virtual time. It may say when to stop.
fn converse<F: Future<Output = String>>(
    policy: Policy,
    client: impl FnOnce(DuplexStream, Sender<bool>) -> F,
) -> Got {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(async {
        let (stop, is_stopped) = tokio::sync::watch::channel(false);
        let site = Site::new().under(policy).stopping(is_stopped);
        let (here, there) = duplex(1 << 16);
        let (own, start) = (Arc::new(Own::default()), Instant::now());
        let talk = async {
            let told = client(here, stop).await;
            (told, start.elapsed().as_millis())
        };
        // An error is a limit that has broken the connection, too.
        let (_, (told, ended)) = tokio::join!(site.serve(there, Some(own.clone())), talk);
        let limits = own.0.lock().expect("no panic").clone();
        Got { told, ended, limits }
    })
}

/// Says some things, each after a pause, and then listens to the end.
fn say(policy: Policy, script: &[(u64, &[u8])]) -> Got {
    converse(policy, |mut client, stop| async move {
        let mut told = Vec::new();
        let (mut read, mut write) = tokio::io::split(&mut client);
        let talk = async {
            for (pause, words) in script {
                tokio::time::sleep(Duration::from_millis(*pause)).await;
                // The service may have ended it by then.
                let _ = write.write_all(words).await;
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            heard = read.read_to_end(&mut told) => drop(heard.expect("an end")),
            () = talk => {}
        }
        drop(stop);
        String::from_utf8(told).expect("text")
    })
}

fn seconds(n: u64) -> Option<Duration> {
    Some(Duration::from_secs(n))
}

const GET: &[u8] = b"GET /bytes/16 HTTP/1.1\r\nHost: glass\r\n\r\n";
const BODY: &str = "000000000000000\n";

#[test]
fn an_idle_connection_is_closed_without_a_word() {
    let got = say(Policy::default(), &[]);
    let idle = Limit::Idle { after: Duration::from_secs(60).into() };
    assert_eq!((got.told.as_str(), got.ended), ("", 60_000));
    assert_eq!(got.limits, [(idle, false)]);
    // Between requests, too: the time starts anew with each.
    let got = say(Policy::default(), &[(50_000, GET), (50_000, GET)]);
    assert_eq!(got.told.matches(BODY).count(), 2);
    assert_eq!((got.ended, got.limits), (160_000, vec![(idle, false)]));
    let got = say(Policy { idle: None, ..Policy::default() }, &[(9_000_000, b"hello\r\n\r\n")]);
    assert!(got.told.starts_with("HTTP/1.1 400 "), "{got:?}");
}

#[test]
fn a_slow_header_is_answered_with_408() {
    let drops: Vec<(u64, &[u8])> = (0..100).map(|_| (900, &b"x"[..])).collect();
    let slow = Limit::HeaderTime { after: Duration::from_secs(10).into() };
    let cases = [
        (vec![(5000, &b"GET / HT"[..])], 15_000),
        (drops, 10_900),
        // On a connection that has been of use before.
        (vec![(1000, GET), (1000, b"GET /")], 12_000),
    ];
    for (script, ended) in cases {
        let got = say(Policy::default(), &script);
        assert_eq!((got.ended, &got.limits[..]), (ended, &[(slow, false)][..]), "{got:?}");
        let answer = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n";
        assert!(got.told.contains(answer), "{got:?}");
        let sentence = "the request's header was not complete 10 s after it began.\n";
        assert!(got.told.ends_with(sentence), "{got:?}");
    }
}

#[test]
fn a_slow_body_is_answered_with_408() {
    let header = b"PUT /sink HTTP/1.1\r\nHost: glass\r\nContent-Length: 20000\r\n\r\n";
    let steady: Vec<u8> = vec![7; 200];
    let mut script = vec![(0, &header[..])];
    script.extend((0..100).map(|_| (1000, &steady[..])));
    let got = say(Policy::default(), &script);
    assert!(got.told.contains("  20000 bytes\n"), "fast enough: {got:?}");
    assert_eq!(got.ended, 160_000, "idle behind it");
    for size in [0, 10, 99] {
        let part = &steady[..size];
        let mut script = vec![(0, &header[..])];
        script.extend((0..100).map(|_| (1000, part)));
        let got = say(Policy::default(), &script);
        let slow = Limit::BodyRate { bytes: 3000, after: Duration::from_secs(30).into() };
        assert_eq!((got.ended, &got.limits[..]), (30_000, &[(slow, false)][..]), "{size}");
        assert!(got.told.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{got:?}");
        let words = "less than 3000 bytes of the body came within 30 s, behind ";
        assert!(got.told.contains(words), "{got:?}");
    }
    // A body that nobody wants has to come at the same pace.
    let got = say(
        Policy::default(),
        &[(0, b"PUT /no HTTP/1.1\r\nHost: glass\r\nContent-Length: 9\r\n\r\nabc")],
    );
    assert!(got.told.starts_with("HTTP/1.1 404 ") && got.limits.len() == 1, "{got:?}");
    assert_eq!(got.ended, 30_000);
}

#[test]
fn short_connections_have_one_request() {
    let got = say(Policy { keep_alive: false, ..Policy::default() }, &[(0, GET), (0, GET)]);
    assert_eq!(got.told.matches(BODY).count(), 1, "{got:?}");
    assert!(got.told.contains("connection: close\r\n") && got.ended == 0, "{got:?}");
    assert_eq!(got.limits, []);
}

#[test]
fn long_connections_have_so_many_requests() {
    let policy = Policy { requests_max: Some(3), ..Policy::default() };
    let script: Vec<(u64, &[u8])> = (0..5).map(|_| (1000, GET)).collect();
    let got = say(policy, &script);
    assert_eq!(got.told.matches(BODY).count(), 3, "{got:?}");
    assert_eq!(got.told.matches("connection: close\r\n").count(), 1, "{got:?}");
    assert_eq!((got.ended, got.limits), (3000, vec![(Limit::Requests { max: 3 }, false)]));
}

#[test]
fn a_client_that_takes_nothing_is_cut_off() {
    let policy = Policy { write_time: seconds(600), ..Policy::default() };
    let got = converse(policy, |mut client, _stop| async move {
        client
            .write_all(b"GET /bytes/1000000 HTTP/1.1\r\nHost: glass\r\n\r\n")
            .await
            .expect("room");
        // It takes something now and then, and then no more.
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_secs(500)).await;
            client.read_exact(&mut [0; 500]).await.expect("an answer");
        }
        tokio::time::sleep(Duration::from_secs(601)).await;
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.expect("an end");
        assert!(rest.len() < 100_000);
        String::new()
    });
    let stuck = Limit::WriteTime { after: Duration::from_secs(600).into() };
    assert_eq!(got.limits, [(stuck, true)]);
}

/// What a client gets when the host stops two seconds after the start: it says each of `first`
/// before, one a second, and `then` a second after.
fn stopped(first: [&'static [u8]; 2], then: &'static [u8]) -> Got {
    converse(Policy::default(), |mut client, stop| async move {
        for words in first {
            client.write_all(words).await.expect("room");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        stop.send_replace(true);
        tokio::time::sleep(Duration::from_secs(1)).await;
        // It may be closed by then.
        let _ = client.write_all(then).await;
        let mut told = Vec::new();
        client.read_to_end(&mut told).await.expect("an end");
        String::from_utf8(told).expect("text")
    })
}

#[test]
fn stopping_ends_what_is_idle_and_finishes_what_goes_on() {
    let got = stopped([b"", b""], b"");
    assert_eq!((got.told.as_str(), got.limits), ("", vec![(Limit::Stopping, false)]));
    let got = stopped([b"", GET], GET);
    assert_eq!((got.told.matches(BODY).count(), got.limits), (1, vec![(Limit::Stopping, false)]));
    // A request that had begun is answered, as the last.
    for first in [[b"", &GET[..5]], [GET, &GET[..5]]] {
        let got = stopped(first, &GET[5..]);
        assert!(got.told.ends_with(BODY) && got.told.contains("connection: close"), "{got:?}");
        assert_eq!((got.ended, got.limits), (3000, vec![]));
    }
    // One that stays begun is cut off with the header's time or the drain's, whichever is first.
    let got = stopped([&GET[..5], b""], b"");
    assert!(got.told.starts_with("HTTP/1.1 408 "), "{got:?}");
    assert_eq!(got.ended, 10_000);
}

#[test]
fn a_download_may_take_as_long_as_draining() {
    let download = |pause: u64| {
        let policy = Policy { drain: Duration::from_secs(5), ..Policy::default() };
        converse(policy, move |mut client, stop| async move {
            let request = b"GET /bytes/1000000 HTTP/1.1\r\nHost: glass\r\n\r\n";
            client.write_all(request).await.expect("room");
            let (mut room, mut told) = (vec![0; 100_000], Vec::new());
            loop {
                tokio::time::sleep(Duration::from_millis(pause)).await;
                stop.send_replace(true);
                match client.read(&mut room).await.expect("more, or an end") {
                    0 => return String::from_utf8(told).expect("text"),
                    read => told.extend(&room[..read]),
                }
            }
        })
    };
    let got = download(100);
    assert!(got.told.len() > 1_000_000 && got.told.ends_with("00000000f4230\n"), "{}", got.ended);
    assert_eq!(got.limits, [(Limit::Stopping, false)]);
    let got = download(1000);
    assert!(got.told.len() < 1_000_000);
    let late = Limit::Drain { after: Duration::from_secs(5).into() };
    assert_eq!(got.limits, [(late, true)]);
}
