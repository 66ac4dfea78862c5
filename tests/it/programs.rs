//! Programs in virtual time: what runs live, to the nanosecond.

use super::support::pair::{Pair, there};
use netglass::app::load::{Rate, blast, bulk, rr, typist};
use netglass::app::{self, Serving, called::Nameless, ping};
use netglass::base::Instant;
use netglass::net::tokio::{EchoSocket, TcpListener, TcpStream};
use netglass::net::{Host, rt};
use std::net::IpAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const MS: fn(u64) -> Duration = Duration::from_millis;

/// Services at all addresses of the second host.
fn serve(host: &Host, services: &str) -> Serving {
    let any = [IpAddr::from([0, 0, 0, 0])];
    Serving::start(host, &any, &services.parse().unwrap(), app::Options::default()).unwrap()
}

#[test]
fn ping_takes_the_time_of_the_way() {
    let mut pair = Pair::new("delay 7ms");
    let [a, _] = pair.hosts.clone();
    let program = async move {
        let socket = EchoSocket::open(&a).unwrap();
        let options = ping::Options { count: Some(3), ..ping::Options::default() };
        let (to, never) = (("b", there(0).ip()), std::future::pending());
        let mut said = Vec::new();
        let say = |line| {
            said.push(line);
            Ok(())
        };
        ping::run(&socket, to, &options, &Nameless, never, say).await.unwrap();
        (said, rt::now().virtual_time().unwrap())
    };
    let (said, ended) = pair.run(program).unwrap();
    assert_eq!(ended, Instant::from_millis(2014));
    let text = "64 bytes from 10.0.0.2: icmp_seq=3 ttl=64 time=14.0 ms";
    assert!(said.contains(&ping::Line::Answer(text.to_owned())), "{said:?}");
    assert_eq!(pair.packets(), 6);
}

#[test]
fn bulk_comes_whole_and_the_same_run_is_the_same() {
    const BYTES: u64 = 10_000_000;
    let run = |words: &str| {
        let mut pair = Pair::new(words);
        let [a, b] = pair.hosts.clone();
        let program = async move {
            let receiver = rt::spawn(async move {
                bulk::receive(&b, &bulk::ReceiveOptions::new(there(5001))).await.unwrap()
            });
            let options = bulk::SendOptions::new(there(5001), bulk::Amount::Bytes(BYTES));
            let sent = bulk::send(&a, &options).await.unwrap();
            (sent, receiver.await.unwrap())
        };
        let (sent, received) = pair.run(program).unwrap();
        assert_eq!((sent.bytes, received.bytes(), received.wrong()), (BYTES, BYTES, 0));
        assert!(received.flows[0].complete);
        (sent, received, pair.net.hash(), pair.packets())
    };
    let clean = run("delay 5ms rate 100mbit limit 4000");
    assert_eq!(clean, run("delay 5ms rate 100mbit limit 4000"));
    let (sent, received, ..) = &clean;
    assert_eq!(sent.retransmitted, 0);
    let rate = received.flows[0].goodput().0;
    assert!((90_000_000..96_000_000).contains(&rate), "{received}");
    let lossy = run("delay 5ms rate 100mbit limit 4000 loss 1%");
    assert_eq!(lossy, run("delay 5ms rate 100mbit limit 4000 loss 1%"));
    assert!(lossy.0.retransmitted > 0 && lossy.2 != clean.2);
}

#[test]
fn bulk_ends_by_time_and_keeps_a_pace() {
    let mut pair = Pair::new("delay 1ms rate 10mbit limit 1000");
    let [a, b] = pair.hosts.clone();
    let program = async move {
        let receive =
            bulk::ReceiveOptions { connections: 2, ..bulk::ReceiveOptions::new(there(9)) };
        let receiver = rt::spawn(async move { bulk::receive(&b, &receive).await.unwrap() });
        let amount = bulk::Amount::Time(MS(2000));
        let rate = Some(Rate(1_000_000));
        let slow =
            bulk::SendOptions { rate, piece: 1250, ..bulk::SendOptions::new(there(9), amount) };
        let fast = bulk::SendOptions::new(there(9), amount);
        let slow = bulk::send(&a, &slow).await.unwrap();
        let fast = bulk::send(&a, &fast).await.unwrap();
        (slow, fast, receiver.await.unwrap())
    };
    let (slow, fast, received) = pair.run(program).unwrap();
    assert_eq!(slow.bytes, 250_000, "1250 bytes each 10 ms");
    assert_eq!(slow.written.since(slow.opened), MS(1990));
    assert_eq!(fast.written.since(fast.opened), MS(2000), "to the nanosecond");
    assert_eq!(received.bytes(), slow.bytes + fast.bytes);
    assert!((900..=1000).contains(&(received.flows[1].goodput().0 / 10_000)), "{received}");
    assert_eq!(received.wrong(), 0);
}

/// It holds the sender back, and all the same nothing is lost.
#[test]
fn a_slow_reader_takes_its_time() {
    let mut pair = Pair::of("delay 1ms", |setup| setup.tcp.recv_buffer = 16_384);
    let [a, b] = pair.hosts.clone();
    let program = async move {
        let (first, piece, every) = (MS(500), 4096, MS(100));
        let options =
            bulk::ReceiveOptions { first, piece, every, ..bulk::ReceiveOptions::new(there(9)) };
        let receiver = rt::spawn(async move { bulk::receive(&b, &options).await.unwrap() });
        let amount = bulk::Amount::Bytes(65_536);
        let sent = bulk::send(&a, &bulk::SendOptions::new(there(9), amount)).await.unwrap();
        (sent, receiver.await.unwrap())
    };
    let (sent, received) = pair.run(program).unwrap();
    let flow = &received.flows[0];
    assert_eq!((flow.bytes, flow.wrong), (65_536, 0));
    assert_eq!(flow.first_byte.unwrap().since(flow.accepted), MS(500));
    assert!(flow.last_byte.unwrap().since(flow.accepted) >= MS(2000), "sixteen pieces at least");
    assert!(sent.acknowledged.since(sent.opened) > MS(1500), "it was held back");
}

#[test]
fn requests_take_a_round_trip_each() {
    let mut pair = Pair::new("delay 10ms");
    let [a, b] = pair.hosts.clone();
    let program = async move {
        let connections = Some(21);
        let options =
            rr::ServeOptions { think: MS(3), connections, ..rr::ServeOptions::new(there(7)) };
        let server = rt::spawn(async move { rr::serve(&b, &options).await.unwrap() });
        let same = rr::ask(&a, &rr::AskOptions::new(there(7), 50)).await.unwrap();
        let fresh = rr::AskOptions { fresh: true, ..rr::AskOptions::new(there(7), 20) };
        (same, rr::ask(&a, &fresh).await.unwrap(), server.await.unwrap())
    };
    let (same, fresh, served) = pair.run(program).unwrap();
    assert_eq!(same.latencies[0], MS(43), "connecting, asking, thinking");
    assert!(same.latencies[1..].iter().all(|latency| *latency == MS(23)));
    assert!(fresh.latencies.iter().all(|latency| *latency == MS(43)), "{fresh}");
    assert_eq!((same.wrong, fresh.wrong), (0, 0));
    assert_eq!(served, rr::Served { connections: 21, transactions: 70, wrong: 0 });
    let text = "20 transactions with 10.0.0.2:7: ";
    assert!(fresh.to_string().starts_with(text), "{fresh}");
}

#[test]
fn datagrams_are_counted() {
    let run = |words: &str, rate: u64| {
        let mut pair = Pair::new(words);
        let [a, b] = pair.hosts.clone();
        let program = async move {
            let options = blast::SinkOptions::new(there(9), 1000);
            let sink = rt::spawn(async move { blast::sink(&b, &options).await.unwrap() });
            let options = blast::SendOptions::new(there(9), 1000, Rate(rate));
            (blast::send(&a, &options).await.unwrap(), sink.await.unwrap())
        };
        pair.run(program).unwrap()
    };
    // 1000 bytes each millisecond.
    let (sent, clean) = run("delay 5ms", 8_000_000);
    assert_eq!((sent.datagrams, sent.bytes, clean.datagrams), (1000, 1_000_000, 1000));
    assert_eq!(sent.ended.since(sent.started), MS(999));
    assert_eq!([clean.delay_min, clean.delay_max, clean.jitter], [MS(5), MS(5), Duration::ZERO]);
    assert_eq!(clean.goodput(), Rate(8_000_000));
    assert_eq!((clean.lost, clean.duplicates, clean.reordered, clean.wrong), (0, 0, 0, 0));
    // 1028 bytes at 8 Mbit/s take 1.028 ms: twice as many come as can pass, and ten may wait.
    let (_, full) = run("delay 5ms rate 8mbit limit 10", 16_000_000);
    assert!((495..515).contains(&full.lost), "{full}");
    assert!(full.datagrams + full.lost > 990, "but for the last ones, each is one or the other");
    assert!(full.delay_max < MS(17) && full.jitter > Duration::ZERO, "{full}");
    let (_, bad) = run("delay 5ms 2ms loss 5% duplicate 5%", 8_000_000);
    assert!(bad.lost > 20 && bad.duplicates > 20 && bad.reordered > 20, "{bad}");
    assert_eq!(bad.wrong, 0);
}

/// Keys that are struck faster than their echoes come share segments, when Nagle has his way.
#[test]
fn a_typist_waits_for_echoes() {
    let run = |nodelay: bool, interval: Duration| {
        // Nagle rules at the echo, too.
        let mut pair = Pair::of("delay 50ms", |setup| setup.tcp.nagle = !nodelay);
        let [a, b] = pair.hosts.clone();
        let program = async move {
            let _serving = serve(&b, "echo");
            let options =
                typist::Options { interval, nodelay, ..typist::Options::new(there(7), 20) };
            typist::run(&a, &options).await.unwrap()
        };
        let typed = pair.run(program).unwrap();
        assert_eq!((typed.delays.len(), typed.wrong), (20, 0), "{typed}");
        (typed.spread(), pair.packets())
    };
    let slow = run(false, MS(200));
    assert_eq!((slow.0.min, slow.0.max), (MS(100), MS(100)));
    let quick = run(true, MS(20));
    assert_eq!((quick.0.min, quick.0.max), (MS(100), MS(100)));
    let nagle = run(false, MS(20));
    assert_eq!(nagle.0.min, MS(100));
    assert!(nagle.0.max > MS(150) && nagle.1 < quick.1, "{nagle:?} {quick:?}");
}

#[test]
fn timeouts_and_dates_are_virtual() {
    let mut pair = Pair::new("delay 3ms");
    let [a, b] = pair.hosts.clone();
    let program = async move {
        let listener = TcpListener::bind(&b, there(80)).unwrap();
        let mut stream = TcpStream::connect(&a, there(80)).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        let begun = rt::now();
        let silence = rt::timeout(Duration::from_nanos(1_234_567), stream.read_u8()).await;
        assert!(silence.is_err());
        assert_eq!(begun.elapsed().as_nanos(), 1_234_567);
        server.write_u8(9).await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), 9);
        assert_eq!(begun.elapsed().as_nanos(), 4_234_567);
        let _serving = serve(&b, "daytime");
        rt::sleep_until(Instant::from_millis(86_400_000).into()).await;
        let mut told = String::new();
        TcpStream::connect(&a, there(13)).await.unwrap().read_to_string(&mut told).await.unwrap();
        told
    };
    assert_eq!(pair.run(program).unwrap(), "Friday, January 2, 1970 00:00:00-UTC\r\n");
}

#[cfg(feature = "http")]
mod web {
    use super::*;
    use hyper_util::rt::TokioIo;
    use netglass::app::{get, http::pattern};

    /// hyper's server and client, as they are, with its own timeout on our time.
    #[test]
    fn hypers_timeouts_are_virtual() {
        let mut pair = Pair::new("delay 2ms");
        let [a, b] = pair.hosts.clone();
        let program = async move {
            let listener = TcpListener::bind(&b, there(80)).unwrap();
            let server = rt::spawn(async move {
                let (stream, _) = listener.accept().await.unwrap();
                let service = hyper::service::service_fn(async |_| {
                    Ok::<_, std::convert::Infallible>(hyper::Response::new("hello".to_owned()))
                });
                let mut server = hyper::server::conn::http1::Builder::new();
                server.timer(rt::Timer).header_read_timeout(Duration::from_nanos(5_000_000_007));
                server.auto_date_header(!rt::is_virtual());
                let begun = rt::now();
                let ended = server.serve_connection(TokioIo::new(stream), service).await;
                (ended.is_err_and(|error| error.is_timeout()), begun.elapsed())
            });
            let mut stream = TcpStream::connect(&a, there(80)).await.unwrap();
            rt::sleep(MS(1)).await;
            stream.write_all(b"GET / HTTP/1.1\r\nHost: b\r\n\r\n").await.unwrap();
            let mut room = [0; 1000];
            let read = stream.read(&mut room).await.unwrap();
            let text = String::from_utf8_lossy(&room[..read]).into_owned();
            stream.write_all(b"GET /").await.unwrap();
            (text, server.await.unwrap())
        };
        let (text, (timed_out, after)) = pair.run(program).unwrap();
        assert_eq!(text, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello");
        assert!(timed_out);
        // The second header is awaited from the first answer on, 1 ms after the connection opened.
        assert_eq!(after.as_nanos(), 5_001_000_007);
    }

    #[test]
    fn a_thousand_requests_come_through_loss() {
        let run = || {
            let mut pair = Pair::new("delay 2ms loss 2%");
            let [a, b] = pair.hosts.clone();
            let program = async move {
                let _serving = serve(&b, "http");
                let url = "http://10.0.0.2/bytes/3000".parse().unwrap();
                let expected = pattern(0, 3000);
                let mut clients = rt::JoinSet::new();
                for _ in 0..10 {
                    let (a, url, expected) = (a.clone(), get::Url::clone(&url), expected.clone());
                    clients.spawn(async move {
                        for _ in 0..100 {
                            let stream = TcpStream::connect(&a, there(80)).await.unwrap();
                            let mut body = Vec::new();
                            let options = get::Options::default();
                            let outcome = get::get(stream, &url, &options, &mut body, |_| {}).await;
                            assert_eq!(outcome.unwrap().status, 200);
                            assert!(body == expected);
                        }
                    });
                }
                clients.join_all().await.len()
            };
            (pair.run(program).unwrap(), pair.net.hash(), pair.net.now())
        };
        let first = run();
        assert_eq!(first.0, 10);
        assert_eq!(first, run());
    }

    /// As it is; a date of its own keeps it from showing the machine's.
    #[test]
    fn axum_serves() {
        use axum::http::{HeaderValue, Response, header};
        use axum::{Router, extract::Path, middleware, routing};
        struct Listener(TcpListener);
        impl axum::serve::Listener for Listener {
            type Io = TcpStream;
            type Addr = std::net::SocketAddr;
            async fn accept(&mut self) -> (TcpStream, std::net::SocketAddr) {
                self.0.accept().await.unwrap()
            }
            fn local_addr(&self) -> std::io::Result<std::net::SocketAddr> {
                self.0.local_addr()
            }
        }
        async fn slow(Path(millis): Path<u64>) -> String {
            rt::sleep(MS(millis)).await;
            format!("{:?}", rt::now())
        }
        let date = async |mut response: Response<axum::body::Body>| {
            response.headers_mut().insert(header::DATE, HeaderValue::from_static("virtual"));
            response
        };
        let run = || {
            let mut pair = Pair::new("delay 2ms");
            let [a, b] = pair.hosts.clone();
            let program = async move {
                let app = Router::new().route("/slow/{millis}", routing::get(slow));
                let app = app.layer(middleware::map_response(date));
                let listener = Listener(TcpListener::bind(&b, there(80)).unwrap());
                let serving = rt::spawn(async move { axum::serve(listener, app).await });
                rt::yield_now().await;
                let mut stream = TcpStream::connect(&a, there(80)).await.unwrap();
                let ask = b"GET /slow/50 HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n";
                stream.write_all(ask).await.unwrap();
                let mut told = String::new();
                stream.read_to_string(&mut told).await.unwrap();
                serving.abort();
                told
            };
            (pair.run(program).unwrap(), pair.net.hash())
        };
        let (told, hash) = run();
        assert!(told.contains("\r\ndate: virtual\r\n"), "{told}");
        assert!(told.ends_with("\r\n\r\n0.056000"), "{told}");
        assert_eq!(run(), (told, hash));
    }

    /// Policies' limits hold in virtual time, too.
    #[test]
    fn idle_connections_are_closed_when_it_is_time() {
        let mut pair = Pair::new("delay 2ms");
        let [a, b] = pair.hosts.clone();
        let program = async move {
            let _serving = serve(&b, "http");
            let begun = rt::now();
            let mut stream = TcpStream::connect(&a, there(80)).await.unwrap();
            assert_eq!(stream.read(&mut [0; 100]).await.unwrap(), 0);
            begun.elapsed()
        };
        let idle = app::Policy::default().idle.unwrap();
        let took = pair.run(program).unwrap();
        assert_eq!(took, idle + MS(8), "it opens with the third way, and its end takes a fourth");
    }
}

#[test]
fn a_trace_ends_where_nobody_listens() {
    use netglass::app::traceroute::{self, Options};
    let mut pair = Pair::new("delay 20ms");
    let [a, _] = pair.hosts.clone();
    let program = async move {
        let (mut said, begun) = (Vec::new(), rt::now());
        let say = |line: &str| {
            said.push(line.to_owned());
            Ok(())
        };
        let (to, options) = (("b", there(0).ip()), Options::default());
        traceroute::run(&a, to, &options, &Nameless, say).await.unwrap();
        (said.concat(), begun.elapsed())
    };
    let (said, took) = pair.run(program).unwrap();
    assert!(said.contains("1  10.0.0.2  40.000 ms  40.000 ms  40.000 ms"), "{said}");
    assert_eq!(took, MS(40));
}

/// The second address is tried when the first has had its 250 ms (RFC 8305 §5).
#[test]
fn the_quicker_address_wins() {
    let mut pair = Pair::new("delay 20ms");
    let [a, b] = pair.hosts.clone();
    let program = async move {
        let _serving = serve(&b, "echo");
        let begun = rt::now();
        // Nobody has the first one: it is never answered.
        let v6 = async { vec!["fd00::9".parse().unwrap()] };
        let v4 = async { vec![there(0).ip()] };
        let attempt = async |ip| TcpStream::connect(&a, (ip, 7).into()).await;
        let (ip, _) = app::eyeballs::connect(v6, v4, attempt).await.ok().unwrap();
        (ip, begun.elapsed())
    };
    assert_eq!(pair.run(program).unwrap(), (there(0).ip(), MS(290)));
}

#[cfg(feature = "dns")]
#[test]
fn names_are_looked_up_in_virtual_time() {
    use netglass::app::dns::Dig;
    let mut pair = Pair::new("delay 15ms");
    let [a, b] = pair.hosts.clone();
    let program = async move {
        let _serving = serve(&b, "dns");
        rt::yield_now().await;
        let dig = Dig::parse(["host.glass", "+tcp"]).unwrap();
        dig.run(&a, there(0).ip(), [1, 2], rt::date).await.text
    };
    let told = pair.run(program).unwrap();
    assert!(told.contains("host.glass.") && told.contains(";; Query time: 60 msec"), "{told}");
}
