//! The server on streams in memory: many queries at once, and slow clients.

use super::*;
use crate::app::dns::{Asking, Question, Raw, Type, query};
use std::time::Duration;
use tokio::io::duplex;

const IDLE: Duration = Duration::from_secs(10);
const WRITE: Duration = Duration::from_secs(5);
const WAITS: Waits = Waits { idle: Some(IDLE), write: Some(WRITE) };

fn run<T>(test: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().expect("a runtime").block_on(test)
}

fn zones() -> Zones {
    Zones::of_host(&["10.9.0.2".parse().expect("an address")])
}

fn framed(id: u16) -> Vec<u8> {
    let question = Question::new("host.glass".parse().expect("a name"), Type::A);
    let query = query(id, &question, Asking::default());
    [&(query.len() as u16).to_be_bytes()[..], &query].concat()
}

#[test]
fn queries_need_not_wait_for_answers() {
    run(async {
        let (mut client, stream) = duplex(64);
        let asked: Vec<u8> = (0..100).flat_map(framed).collect();
        let talk = async {
            let (mut reader, mut writer) = tokio::io::split(&mut client);
            let ask = async {
                writer.write_all(&asked).await.expect("room");
                writer.shutdown().await.expect("open");
            };
            let mut told = Vec::new();
            let (_, read) = tokio::join!(ask, reader.read_to_end(&mut told));
            read.expect("answers, then the end");
            told
        };
        let zones = zones();
        let (served, told) = tokio::join!(serve(stream, &zones, WAITS), talk);
        served.expect("a good client");
        let (mut rest, mut ids) = (&told[..], Vec::new());
        while let Some((length, behind)) = rest.split_first_chunk() {
            let (answer, behind) = behind.split_at(usize::from(u16::from_be_bytes(*length)));
            let raw = Raw::new(answer).expect("a message");
            assert_eq!((raw.rcode(), raw.count(1)), (0, 1));
            ids.push(raw.id());
            rest = behind;
        }
        assert_eq!(ids, (0..100).collect::<Vec<_>>());
    });
}

/// What ends the connection of a client that says `said` and nothing more.
fn ended(said: &[u8], room: usize) -> (io::ErrorKind, Duration) {
    run(async {
        let (mut client, stream) = duplex(room);
        client.write_all(said).await.expect("room");
        let begun = tokio::time::Instant::now();
        let ended = serve(stream, &zones(), WAITS).await.expect_err("it is ended");
        (ended.kind(), begun.elapsed())
    })
}

#[test]
fn slow_clients_are_not_waited_for() {
    use io::ErrorKind::{InvalidData, TimedOut};
    assert_eq!(ended(b"", 5000), (TimedOut, IDLE));
    assert_eq!(ended(&framed(1), 5000), (TimedOut, IDLE), "a question, then silence");
    for length in [1, 2, 20] {
        assert_eq!(ended(&framed(1)[..length], 5000), (TimedOut, IDLE), "{length} bytes");
    }
    // It takes no answers.
    let asked: Vec<u8> = (0..10).flat_map(framed).collect();
    assert_eq!(ended(&asked, asked.len()), (TimedOut, WRITE));
    assert_eq!(ended(&[0xff, 0xff, 1], 5000), (InvalidData, Duration::ZERO));
    assert_eq!(ended(&[0, 2, 1, 1], 5000), (InvalidData, Duration::ZERO), "no header");
}

#[test]
fn a_client_that_leaves_within_a_query_is_no_error_of_ours() {
    run(async {
        let (client, stream) = duplex(100);
        drop(client);
        serve(stream, &zones(), WAITS).await.expect("nothing was asked");
        let (mut client, stream) = duplex(100);
        client.write_all(&framed(1)[..10]).await.expect("room");
        drop(client);
        let ended = serve(stream, &zones(), WAITS).await.expect_err("half a query");
        assert_eq!(ended.kind(), io::ErrorKind::UnexpectedEof);
    });
}
