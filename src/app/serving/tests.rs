//! The services of a host, asked by another host on a cable in memory.

use super::*;
use crate::app::nc;
use crate::runtime::{Running, memory};
use crate::stack::Setup;

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
        let serving = Serving::start(&b, at(0).ip(), &services, Options::default());
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

#[test]
fn services_without_a_port_say_which() {
    let (_a, b, _cable) = joined();
    run(async {
        let services = "daytime,echo:13".parse::<Services>();
        assert!(services.is_err(), "two services at one port");
        let _taken = TcpListener::bind(&b, at(7)).expect("free");
        let started = Serving::start(
            &b,
            at(0).ip(),
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
            at(0).ip(),
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
        let _serving = Serving::start(&b, at(0).ip(), &services, options).expect("free");
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

#[cfg(feature = "dns")]
#[test]
fn dns_answers_for_the_hosts_names() {
    use crate::app::dns::{Asking, Question, Raw, Type, answers, query};
    let (a, b, _cable) = joined();
    run(async {
        let services = "dns".parse().expect("a list");
        let _serving = Serving::start(&b, at(0).ip(), &services, Options::default());
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
    });
}
