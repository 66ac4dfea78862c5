//! The services of a host, asked by another host on a cable in memory.

use super::*;
use crate::app::{nc, policy};
use crate::base::IfaceId;
use crate::net::tokio::TcpStream;
use crate::runtime::{Running, memory};
use crate::stack::Setup;
use crate::tcp::State;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const LONG: Duration = Duration::from_secs(30);

fn run<T>(test: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).enable_time().build().expect("a runtime");
    runtime.block_on(async { tokio::time::timeout(LONG, test).await.expect("it ends in time") })
}

fn joined() -> (Host, Host, [Running; 2]) {
    let host = |key, addr: &str| {
        let addr = addr.parse().expect("an address");
        Host::new(Setup::new([key, 3]).with_iface("wire0", 1500, addr))
    };
    let (a, b) = (host(1, "10.0.0.1/24"), host(2, "10.0.0.2/24"));
    let cable = memory::join(&a, &b, Default::default(), [None, None]).expect("drivers start");
    (a, b, cable)
}

fn at(port: u16) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 2], port))
}

async fn say(from: &Host, port: u16, said: &[u8]) -> Vec<u8> {
    let stream = TcpStream::connect(from, at(port)).await.expect("it listens");
    let mut told = Vec::new();
    let carried = nc::stream(stream, said, &mut told, nc::Options::default()).await;
    carried.expect("a whole conversation");
    told
}

#[test]
fn the_services_answer_over_tcp_and_udp() {
    let (a, b, _cable) = joined();
    run(async {
        let services = "echo,discard,daytime,chargen".parse().expect("a list");
        let serving = Serving::start(&b, &[at(0).ip()], &services, Options::default());
        let serving = serving.expect("the ports are free");
        assert_eq!(serving.places().len(), 8);
        let long: Vec<u8> = (0..200_000_u32).map(|n| n.wrapping_mul(n) as u8).collect();
        assert!(say(&a, 7, &long).await == long);
        assert_eq!(say(&a, 9, &long).await, b"");
        assert!(say(&a, 13, b"").await.ends_with(b"-UTC\r\n"));

        let socket = UdpSocket::bind(&a, "10.0.0.1:0".parse().expect("one")).expect("a port");
        let mut room = [0; 1000];
        for (port, said, told) in [(7, &b"hello"[..], &b"hello"[..]), (19, b"....", b" !\"#")] {
            socket.send_to(said, at(port)).await.expect("sent");
            let (read, from) = socket.recv_from(&mut room).await.expect("an answer");
            assert_eq!((&room[..read], from), (told, at(port)));
        }
    });
}

/// What is sent to everybody would be answered by everybody, to whomever its sender names.
#[test]
fn what_is_sent_to_everybody_is_not_answered() {
    let (a, b, _cable) = joined();
    run(async {
        let services = "echo,dns".parse().expect("a list");
        let any = [IpAddr::from([0; 4])];
        let _serving = Serving::start(&b, &any, &services, Options::default()).expect("free");
        let socket = UdpSocket::bind(&a, "10.0.0.1:0".parse().expect("one")).expect("a port");
        socket.set_broadcast(true).expect("an option");
        // Datagrams come in order: what was answered was answered before what comes last.
        for (to, said) in [([10, 0, 0, 255], b"many"), ([10, 0, 0, 2], b"one!")] {
            socket.send_to(said, (to, 7).into()).await.expect("sent");
        }
        let mut room = [0; 1000];
        let (read, from) = socket.recv_from(&mut room).await.expect("an answer");
        assert_eq!((&room[..read], from), (&b"one!"[..], at(7)));
    });
}

/// At a group the services answer once, wherever else they listen.
#[test]
fn services_answer_at_a_group() {
    let group = IpAddr::from([239, 1, 2, 3]);
    for (place, places) in [(at(0).ip(), 3), (Ipv4Addr::UNSPECIFIED.into(), 2)] {
        let (a, b, _cable) = joined();
        run(async {
            let options = Options { groups: vec![group], ..Options::default() };
            let services = "echo".parse().expect("a list");
            let serving = Serving::start(&b, &[place], &services, options).expect("free ports");
            assert_eq!(serving.places().len(), places);
            let socket = UdpSocket::bind(&a, "10.0.0.1:0".parse().expect("one")).expect("a port");
            let mut room = [0; 1000];
            for (to, said) in [(group, &b"to all"[..]), (at(0).ip(), b"to one")] {
                socket.send_to(said, (to, 7).into()).await.expect("sent");
                let (read, from) = socket.recv_from(&mut room).await.expect("an answer");
                assert_eq!((&room[..read], from), (said, at(7)));
            }
        });
    }
}

#[test]
fn services_without_a_port_say_which() {
    let (_a, b, _cable) = joined();
    run(async {
        let services = "daytime,echo:13".parse::<Services>();
        assert!(services.is_err(), "two services at one port");
        let _taken = TcpListener::bind(&b, at(7)).expect("free");
        let started = Serving::start(
            &b,
            &[at(0).ip()],
            &"daytime,echo".parse().expect("a list"),
            Options::default(),
        );
        let error = started.expect_err("port 7 is taken");
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        let text = error.to_string();
        assert!(text.starts_with("echo cannot listen at 10.0.0.2:7 (tcp): "), "{text}");
    });
}

#[test]
fn services_end_with_the_hosts_driver() {
    let (_a, b, cable) = joined();
    run(async {
        let mut serving = Serving::start(
            &b,
            &[at(0).ip()],
            &"daytime,echo".parse().expect("a list"),
            Options::default(),
        )
        .expect("the ports are free");
        let stop = tokio::task::spawn_blocking(move || {
            cable.into_iter().for_each(|running| drop(running.stop(Duration::ZERO)));
        });
        serving.ended().await;
        stop.await.expect("no panic");
    });
}

#[cfg(feature = "http")]
#[test]
fn http_tells_of_the_callers_own_connection() {
    use crate::app::get;
    let (a, b, _cable) = joined();
    run(async {
        let ladder: Ladder = std::sync::Arc::new(|id| Some(format!("ladder of {id:?}")));
        let options = Options { ladder: Some(ladder), ..Options::default() };
        let services = "http:8080".parse().expect("a list");
        let _serving = Serving::start(&b, &[at(0).ip()], &services, options).expect("free");
        let stream = TcpStream::connect(&a, at(8080)).await.expect("it listens");
        let (own, mut body) = (stream.local_addr().expect("connected"), Vec::new());
        let url = "http://10.0.0.2:8080/me?json".parse().expect("a URL");
        let asked = get::get(stream, &url, &get::Options::default(), &mut body, |_| {}).await;
        assert_eq!(asked.expect("an answer").status, 200);
        let told: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(told["remote"], own.to_string());
        assert_eq!(told["local"], "10.0.0.2:8080");
        assert_eq!(told["state"], "ESTABLISHED");
        assert_eq!(told["info"]["snd_mss"].as_u64(), Some(1460 - 12));
        assert_eq!(told["info"]["data_segs_in"].as_u64(), Some(1));
        assert!(told["ladder"].as_str().is_some_and(|text| text.starts_with("ladder of ")));

        let stream = TcpStream::connect(&a, at(8080)).await.expect("it listens");
        let (url, mut body) = ("10.0.0.2:8080/stat".parse().expect("a URL"), Vec::new());
        let asked = get::get(stream, &url, &get::Options::default(), &mut body, |_| {}).await;
        assert_eq!(asked.expect("an answer").status, 200);
        let text = String::from_utf8(body).expect("text");
        assert!(text.starts_with("frames_in "), "{text}");
    });
}

/// Services with settings, in short.
fn serve(host: &Host, services: &str, settings: &[&str]) -> Serving {
    let settings = settings.iter().map(|text| text.parse::<policy::Setting>().expect(text));
    let options = Options { policies: settings.collect(), ..Options::default() };
    let services = services.parse().expect("a list");
    Serving::start(host, &[at(0).ip()], &services, options).expect("the ports are free")
}

fn hits(host: &Host, key: &str) -> u64 {
    host.with(|stack, _| stack.hits().of(key))
}

/// Waits until a limit was hit so often: the client may see the end before its host's own count.
async fn until_hit(host: &Host, key: &str, times: u64) {
    while hits(host, key) < times {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(hits(host, key), times, "{key}");
}

#[test]
fn one_connection_too_many_is_reset() {
    let (a, b, _cable) = joined();
    run(async {
        let _serving =
            serve(&b, "echo,discard", &["per_client_max=2", "discard:connections_max=1"]);
        for (port, max, key) in [(7, 2, "ClientConnections"), (9, 1, "Connections")] {
            let mut inside = Vec::new();
            for _ in 0..max {
                let mut stream = TcpStream::connect(&a, at(port)).await.expect("it listens");
                stream.write_all(b"x").await.expect("it is let in");
                inside.push(stream);
            }
            if port == 7 {
                // So that they are known to have been let in.
                for stream in &mut inside {
                    stream.read_exact(&mut [0]).await.expect("an echo");
                }
            }
            // The reset may come before this end has seen that the connection is open.
            let error = match TcpStream::connect(&a, at(port)).await {
                Ok(mut stream) => stream.read(&mut [0; 10]).await.expect_err("refused"),
                Err(error) => error,
            };
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
            until_hit(&b, key, 1).await;
        }
        // When they have gone, there is room again.
        until_gone(&b).await;
        assert_eq!(say(&a, 7, b"hello").await, b"hello");
    });
}

/// Waits until a host's connections are over, those aside that only wait for old segments to die.
async fn until_gone(host: &Host) {
    let open = |host: &Host| {
        host.with(|stack, _| {
            let over = [State::TimeWait, State::Closed];
            stack.tcp().iter().any(|slot| !over.contains(&slot.conn.state()))
        })
    };
    while open(host) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[test]
fn a_silent_peer_gets_the_end_and_a_stuck_one_a_reset() {
    let (a, b, _cable) = joined();
    run(async {
        let _serving = serve(&b, "echo,chargen", &["idle=50ms", "write_time=100ms"]);
        let mut silent = TcpStream::connect(&a, at(7)).await.expect("it listens");
        assert_eq!(silent.read(&mut [0; 10]).await.expect("an end"), 0);
        until_hit(&b, "Idle", 1).await;
        let stuck = TcpStream::connect(&a, at(19)).await.expect("it listens");
        until_hit(&b, "WriteTime", 1).await;
        while stuck.state().expect("it is held") != State::Closed {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
}

#[cfg(feature = "http")]
#[test]
fn one_browser_too_many_is_told_so() {
    let (a, b, _cable) = joined();
    run(async {
        let _serving = serve(&b, "http", &["per_client_max=1"]);
        let mut first = TcpStream::connect(&a, at(80)).await.expect("it listens");
        let mut second = TcpStream::connect(&a, at(80)).await.expect("it listens");
        let mut told = String::new();
        // It need not even ask.
        second.read_to_string(&mut told).await.expect("an answer");
        assert!(
            told.starts_with("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 60\r\n"),
            "{told}"
        );
        assert!(
            told.ends_with("the client has 1 connections already: that is its limit.\n"),
            "{told}"
        );
        drop(second);
        until_hit(&b, "ClientConnections", 1).await;
        let request = b"GET /me HTTP/1.1\r\nHost: glass\r\nConnection: close\r\n\r\n";
        first.write_all(request).await.expect("room");
        told.clear();
        first.read_to_string(&mut told).await.expect("an answer");
        let terms = "policy      connection 1 of 1 from your address; 1 of 1024 in all; \
                     request 1, 999 left; closed after 60 s idle\n";
        assert!(told.contains(terms), "{told}");
    });
}

/// More refused clients than are told why: the others are reset, and nothing is left of any.
#[cfg(feature = "http")]
#[test]
fn a_crowd_is_refused_without_cost() {
    let (a, b, _cable) = joined();
    run(async {
        let _serving = serve(&b, "http", &["per_client_max=1", "backlog=1000"]);
        let _first = TcpStream::connect(&a, at(80)).await.expect("it listens");
        let mut crowd = JoinSet::new();
        // All hold on to what they have until the last has ended, so that nobody makes room.
        let last = Arc::new(tokio::sync::Barrier::new(200));
        for _ in 0..200 {
            let (a, last) = (a.clone(), last.clone());
            crowd.spawn(async move {
                let mut told = Vec::new();
                // The reset may come before anybody asks whether the connection is open.
                let stream = TcpStream::connect(&a, at(80)).await;
                let ended = match stream {
                    Ok(mut stream) => {
                        let ended = stream.read_to_end(&mut told).await;
                        last.wait().await;
                        ended
                    }
                    Err(error) => {
                        last.wait().await;
                        Err(error)
                    }
                };
                ended.map(|_| told)
            });
        }
        let (mut told, mut reset) = (0, 0);
        while let Some(one) = crowd.join_next().await {
            match one.expect("no panic") {
                Ok(text) => {
                    assert!(text.starts_with(b"HTTP/1.1 503 "), "{text:?}");
                    told += 1;
                }
                Err(error) => {
                    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
                    reset += 1;
                }
            }
        }
        assert!(told >= 64 && told + reset == 200, "{told} {reset}");
        until_hit(&b, "ClientConnections", 200).await;
    });
}

#[test]
fn draining_ends_what_is_idle_and_listens_no_more() {
    let (a, b, _cable) = joined();
    run(async {
        let mut serving = serve(&b, "echo,daytime", &[]);
        let mut stream = TcpStream::connect(&a, at(7)).await.expect("it listens");
        stream.write_all(b"x").await.expect("room");
        stream.read_exact(&mut [0]).await.expect("an echo");
        serving.drain().await;
        assert_eq!(stream.read(&mut [0; 10]).await.expect("an end"), 0);
        assert_eq!(hits(&b, "Stopping"), 1);
        let error = TcpStream::connect(&a, at(7)).await.expect_err("nobody listens");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert!(UdpSocket::bind(&b, at(7)).is_ok(), "its socket is closed, too");
    });
}

#[cfg(feature = "dns")]
#[test]
fn dns_answers_for_the_hosts_names() {
    use crate::app::dns::{Asking, Question, Raw, Type, answers, query};
    let (a, b, _cable) = joined();
    run(async {
        let mut serving = serve(&b, "dns", &["dns:idle=50ms", "dns:per_client_max=1"]);
        let question = Question::new("host.glass".parse().expect("a name"), Type::A);
        let asked = query(1, &question, Asking::default());
        let socket = UdpSocket::bind(&a, "10.0.0.1:0".parse().expect("one")).expect("a port");
        socket.send_to(&asked, at(53)).await.expect("sent");
        let mut room = [0; 1000];
        let (read, from) = socket.recv_from(&mut room).await.expect("an answer");
        let told = Raw::new(&room[..read]).expect("a message");
        assert!(from == at(53) && answers(&asked, &told) && told.count(1) == 1);
        let framed = [&(asked.len() as u16).to_be_bytes()[..], &asked].concat();
        assert_eq!(say(&a, 53, &framed).await[2..], room[..read]);
        until_gone(&b).await;
        let mut silent = TcpStream::connect(&a, at(53)).await.expect("it listens");
        assert_eq!(silent.read(&mut [0; 10]).await.expect("an end"), 0);
        until_hit(&b, "Idle", 1).await;
        serving.drain().await;
        assert!(UdpSocket::bind(&b, at(53)).is_ok(), "its socket is closed");
    });
}

/// Whoever asks one address of several hears from that one.
#[test]
fn answers_come_from_the_address_that_was_asked() {
    let (a, b, _cable) = joined();
    for addr in ["10.0.0.77/24", "10.0.0.99/24"] {
        let cidr: crate::ip::Cidr = addr.parse().expect("an address");
        b.with(|stack, now| stack.add_address(now, IfaceId(0), cidr)).expect("room");
    }
    run(async {
        let services = "echo,dns".parse().expect("a list");
        let any = [Ipv4Addr::UNSPECIFIED.into()];
        let _serving = Serving::start(&b, &any, &services, Options::default()).expect("free");
        let socket = UdpSocket::bind(&a, "10.0.0.1:0".parse().expect("one")).expect("a port");
        let mut room = [0; 100];
        for last in [2, 77, 99] {
            let to = ([10, 0, 0, last], 7).into();
            socket.send_to(b"you", to).await.expect("sent");
            let (read, from) = socket.recv_from(&mut room).await.expect("an answer");
            assert_eq!((&room[..read], from), (&b"you"[..], to));
        }
    });
}
