//! Testing a service of yours over a simulated network: real TCP, real loss, no root, no sleeping.
//!
//! The service below is any async code that takes connections from netglass instead of tokio; the
//! tests run it on a host of a network in virtual time. `cargo test --example simulated` runs them,
//! `cargo run --example simulated` shows one of them at work. The same service runs live under
//! `netglass::runtime::Live`: only who drives the host differs.

use netglass::base::Instant;
use netglass::net::tokio::{TcpListener, TcpStream};
use netglass::net::{Host, rt};
use netglass::sim::{Net, NodeId, Port, Wire};
use netglass::stack::Setup;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

// ---- your service: a store that speaks lines, `SET key value` and `GET key`

type Store = Arc<Mutex<BTreeMap<String, String>>>;

fn answer(store: &Store, line: &str) -> String {
    let mut store = store.lock().expect("nobody panics with it");
    match line.split(' ').collect::<Vec<_>>()[..] {
        ["SET", key, value] => {
            store.insert(key.to_owned(), value.to_owned());
            "OK".to_owned()
        }
        ["GET", key] => store.get(key).cloned().unwrap_or_else(|| "NONE".to_owned()),
        _ => "WHAT?".to_owned(),
    }
}

async fn serve(host: Host, store: Store) -> io::Result<()> {
    let listener = TcpListener::bind(&host, "10.0.0.2:7000".parse().expect("an address"))?;
    loop {
        let (stream, _) = listener.accept().await?;
        let store = store.clone();
        tokio::spawn(async move {
            let (read, mut write) = tokio::io::split(stream);
            let mut lines = BufReader::new(read).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let answer = answer(&store, &line) + "\n";
                write.write_all(answer.as_bytes()).await?;
            }
            Ok::<_, io::Error>(())
        });
    }
}

/// Your client, which gives up after some time and tries again.
async fn ask(host: &Host, line: &str, tries: u32) -> io::Result<String> {
    let once = async || {
        let stream = TcpStream::connect(host, "10.0.0.2:7000".parse().expect("an address")).await?;
        let (read, mut write) = tokio::io::split(stream);
        write.write_all(format!("{line}\n").as_bytes()).await?;
        let mut answer = String::new();
        BufReader::new(read).read_line(&mut answer).await?;
        Ok(answer.trim_end().to_owned())
    };
    let mut last = io::ErrorKind::TimedOut.into();
    for _ in 0..tries {
        match rt::timeout(Duration::from_secs(2), once()).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => last = error,
            Err(_) => {}
        }
    }
    Err(last)
}

// ---- the network that it is tested on

/// A client and a server on one wire, in netem's words; the service runs.
fn network(wire: &str, seed: u64) -> (Net, NodeId) {
    let mut net = Net::new(seed);
    let host = |addr: &str| {
        let addr = addr.parse().expect("an address");
        Setup::new([0, 0]).with_iface("eth0", 1500, addr)
    };
    let client = net.host("client", host("10.0.0.1/24"));
    let server = net.host("server", host("10.0.0.2/24"));
    let wire = Wire::from_words(wire).expect("netem's words");
    net.join("wire", Port(client, 0), Port(server, 0), wire).expect("free ports");
    net.spawn(serve(net.handle(server).clone(), Store::default()));
    (net, client)
}

/// Writes and reads back a hundred values; when that was done, in virtual time.
fn hundred_values(wire: &str, seed: u64) -> (Instant, u64) {
    let (mut net, client) = network(wire, seed);
    let host = net.handle(client).clone();
    let done = net.run_program(Instant::from_millis(600_000), async move {
        for n in 0..100 {
            assert_eq!(ask(&host, &format!("SET key{n} value{n}"), 9).await?, "OK");
            assert_eq!(ask(&host, &format!("GET key{n}"), 9).await?, format!("value{n}"));
        }
        Ok::<_, io::Error>(())
    });
    done.expect("in time").expect("every question is answered");
    (net.now(), net.hash())
}

fn main() {
    let begun = std::time::Instant::now();
    let (took, hash) = hundred_values("delay 10ms 2ms loss 5%", 1);
    println!(
        "200 questions over a wire that loses 5 %: {took} s of virtual time, {:?} of this \
         machine's, trace hash {hash:016x}",
        begun.elapsed()
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_question_takes_two_round_trips() {
        // 200 questions, each a handshake and an answer: 2 × 2 × 10 ms.
        let (took, _) = hundred_values("delay 10ms", 1);
        assert_eq!(took, Instant::from_millis(200 * 40));
    }

    #[test]
    fn loss_costs_time_and_nothing_else() {
        for seed in 0..20 {
            hundred_values("delay 10ms 2ms loss 5%", seed);
        }
    }

    #[test]
    fn the_same_seed_is_the_same_run() {
        let run = |seed| hundred_values("delay 10ms 2ms loss 5%", seed);
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
    }

    #[test]
    fn a_partition_of_three_seconds_is_survived() {
        let (mut net, client) = network("delay 10ms partition from 1s to 4s", 1);
        let host = net.handle(client).clone();
        let answer = net.run_program(Instant::from_millis(60_000), async move {
            rt::sleep(Duration::from_millis(1500)).await;
            ask(&host, "SET key value", 5).await
        });
        assert_eq!(answer.expect("in time").expect("the third try"), "OK");
        assert!(net.now() > Instant::from_millis(4000), "{}", net.now());
    }

    #[test]
    fn a_dead_network_is_an_error_and_no_hang() {
        let (mut net, client) = network("delay 10ms loss 100%", 1);
        let host = net.handle(client).clone();
        let asked = async move { ask(&host, "GET key", 3).await };
        let answer = net.run_program(Instant::from_millis(60_000), asked).expect("in time");
        assert_eq!(answer.expect_err("nobody is there").kind(), io::ErrorKind::TimedOut);
        assert_eq!(net.now(), Instant::from_millis(6000), "three tries of two seconds");
    }
}
