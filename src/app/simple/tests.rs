//! The small services over streams in memory, and their datagrams.

use super::*;
use std::time::{Duration, UNIX_EPOCH};
use tokio::io::duplex;

fn run<T>(test: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().expect("a runtime").block_on(test)
}

fn epoch() -> SystemTime {
    UNIX_EPOCH
}

/// Sends `said` and ends; returns what the service answers.
fn ask(service: Service, said: &[u8]) -> Vec<u8> {
    run(async {
        let (mut client, server) = duplex(1000);
        let asked = async {
            let (mut read, mut write) = tokio::io::split(&mut client);
            let mut told = Vec::new();
            let say = async {
                write.write_all(said).await?;
                write.shutdown().await
            };
            let (said, heard) = tokio::join!(say, read.read_to_end(&mut told));
            said.expect("it takes everything");
            heard.expect("it ends");
            told
        };
        let (served, told) = tokio::join!(serve(service, server, Waits::FOREVER, epoch), asked);
        served.expect("it ends well");
        told
    })
}

#[test]
fn each_answers_as_its_rfc_says() {
    let long: Vec<u8> = (0..100_000_u32).map(|n| n.wrapping_mul(n) as u8).collect();
    assert!(ask(Service::Echo, &long) == long);
    assert_eq!(ask(Service::Echo, b""), b"");
    assert_eq!(ask(Service::Discard, &long), b"");
    assert_eq!(ask(Service::Daytime, b"?"), b"Thursday, January 1, 1970 00:00:00-UTC\r\n");
}

#[test]
fn chargen_goes_on_until_the_peer_is_gone() {
    let told = run(async {
        let (mut client, server) = duplex(1000);
        let server = tokio::spawn(chargen(server, Waits::FOREVER));
        client.write_all(&[b'x'; 5000]).await.expect("it is thrown away");
        client.shutdown().await.expect("a stream in memory");
        let mut told = vec![0; 100 * 74];
        client.read_exact(&mut told).await.expect("it goes on");
        drop(client);
        let error = server.await.expect("no panic").expect_err("it never ends by itself");
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        String::from_utf8(told).expect("printing characters")
    });
    let lines: Vec<_> = told.split_terminator("\r\n").collect();
    assert_eq!(lines.len(), 100);
    // The first three lines and the last of a round as RFC 864's example shows them.
    assert_eq!(
        lines[0],
        " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefg"
    );
    assert_eq!(
        lines[1],
        "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefgh"
    );
    assert_eq!(
        lines[2],
        "\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghi"
    );
    assert_eq!(
        lines[94],
        "~ !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdef"
    );
    assert_eq!(lines[95], lines[0]);
    assert!(lines.iter().all(|line| line.len() == 72));
}

#[test]
fn a_silent_peer_is_given_up() {
    let minute = Some(Duration::from_secs(60));
    let waits = Waits { idle: minute, write: minute };
    for service in [Service::Echo, Service::Discard, Service::Daytime, Service::Chargen] {
        let error = run(async {
            let (_client, server) = duplex(100);
            serve(service, server, waits, epoch).await.expect_err("nobody says anything")
        });
        assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{service}");
        let (idle, stuck) = (
            "nothing came or went for 60 s: an idle connection is closed",
            "the client took nothing of what it is sent for 60 s",
        );
        let is_stuck = service == Service::Chargen;
        assert_eq!(error.to_string(), if is_stuck { stuck } else { idle }, "{service}");
        assert!(crate::app::idle::limit_of(&error).is_some());
    }
}

#[test]
fn datagrams_are_answered() {
    let from = "10.0.0.1:40000".parse().expect("an address");
    let answer = |service, request: &[u8]| answer_udp(service, 7, from, request, UNIX_EPOCH);
    assert_eq!(answer(Service::Echo, b"abc").as_deref(), Some(&b"abc"[..]));
    assert_eq!(answer(Service::Echo, b"").as_deref(), Some(&b""[..]));
    assert_eq!(answer(Service::Discard, b"abc"), None);
    assert_eq!(answer(Service::Http, b"abc"), None);
    let daytime = answer(Service::Daytime, b"").expect("an answer");
    assert_eq!(daytime, b"Thursday, January 1, 1970 00:00:00-UTC\r\n");
    for (asked, length) in [(0, 0), (1, 1), (74, 74), (75, 75), (512, 512), (1400, 512)] {
        let characters = answer(Service::Chargen, &vec![0; asked]).expect("an answer");
        assert_eq!(characters, &chargen_lines(PRINTING)[..length]);
    }
}

#[test]
fn services_do_not_answer_each_other() {
    let here = 4007;
    for service in Service::ALL {
        for port in Service::ALL.into_iter().skip(1).map(Service::port).chain([0, 17, 37, 53, here])
        {
            let from = SocketAddr::from(([10, 0, 0, 1], port));
            assert_eq!(answer_udp(service, here, from, b"x", UNIX_EPOCH), None, "{port}");
        }
    }
}
