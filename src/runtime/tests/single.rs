//! Drivers that are tasks, and everything in one thread.

use super::{LONG, addr, pattern, setup};
use crate::device::memory::{self, Memory};
use crate::net::Host;
use crate::net::tokio::{TcpListener, TcpStream};
use crate::runtime::{Live, Task};
use std::io::ErrorKind;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    runtime.block_on(async { timeout(LONG, test).await.expect("it ends in time") })
}

fn start(host: &Host, mut end: Memory) -> Task {
    let live = Live::new(host).expect("one interface");
    let bell = live.bell();
    end.on_change(move || bell.ring());
    live.start_task(end).expect("in a runtime")
}

/// Two hosts with their drivers, and two ends of a connection.
async fn connected() -> ([Host; 2], [Task; 2], (TcpStream, TcpStream)) {
    let hosts = [setup(1, "10.0.0.1/24"), setup(2, "10.0.0.2/24")].map(Host::new);
    let (here, there) = memory::pair(memory::Options::default());
    let tasks = [start(&hosts[0], here), start(&hosts[1], there)];
    let listener = TcpListener::bind(&hosts[1], addr("10.0.0.2:7")).expect("the port is free");
    let client = TcpStream::connect(&hosts[0], addr("10.0.0.2:7"));
    let (client, server) = tokio::join!(client, listener.accept());
    let ends = (client.expect("connected"), server.expect("accepted").0);
    (hosts, tasks, ends)
}

#[test]
fn data_crosses_both_ways_at_once() {
    const LEN: usize = 5 << 20;
    run(async {
        let (_hosts, tasks, (client, server)) = connected().await;
        let mut users = Vec::new();
        for (number, stream) in [(1, client), (2, server)] {
            let (mut reader, mut writer) = tokio::io::split(stream);
            users.push(tokio::spawn(async move {
                writer.write_all(&pattern(number, LEN)).await.expect("the peer reads");
                writer.shutdown().await.expect("it is open");
            }));
            users.push(tokio::spawn(async move {
                let mut told = Vec::new();
                reader.read_to_end(&mut told).await.expect("the peer writes");
                assert!(told == pattern(3 - number, LEN), "what was written is what is read");
            }));
        }
        for user in users {
            user.await.expect("no assertion fails");
        }
        for task in tasks {
            assert_eq!((task.is_over(), task.refused()), (false, 0));
            task.stop(Duration::ZERO).await.expect("the device was there");
        }
    });
}

/// Each byte needs two wake-ups, one per side: were one lost, this would hang.
#[test]
fn bytes_go_to_and_fro() {
    run(async {
        let (_hosts, _tasks, (mut client, mut server)) = connected().await;
        for stream in [&client, &server] {
            stream.set_nodelay(true).expect("taken");
        }
        let echo = tokio::spawn(async move {
            let mut byte = [0];
            while server.read(&mut byte).await.expect("open") > 0 {
                server.write_all(&byte).await.expect("open");
            }
        });
        for n in 0..3_000u32 {
            client.write_all(&[n as u8]).await.expect("open");
            assert_eq!(client.read_u8().await.expect("open"), n as u8);
        }
        drop(client);
        echo.await.expect("no panic");
    });
}

#[test]
fn a_driver_that_stops_lets_connections_close_first() {
    run(async {
        let (hosts, [near, far], (mut client, mut server)) = connected().await;
        let said = pattern(3, 500_000);
        client.write_all(&said[..100_000]).await.expect("room");
        drop(client);
        let mut told = Vec::new();
        let (ended, read) = tokio::join!(near.stop(LONG), server.read_to_end(&mut told));
        ended.expect("the device was there");
        read.expect("all of it, and the end");
        assert!(told == said[..100_000]);
        let gone = TcpStream::connect(&hosts[0], addr("10.0.0.2:7")).await.expect_err("no driver");
        assert_eq!(gone.kind(), ErrorKind::NetworkDown);
        drop(far);
        let waits = server.read(&mut [0]).await;
        assert_eq!(waits.expect("the end comes again"), 0);
    });
}

/// What is due when nothing comes: a segment to nobody is sent again, then given up.
#[test]
fn time_comes_to_who_only_waits() {
    run(async {
        let mut setup = setup(1, "10.0.0.1/24");
        setup.tcp.rto_initial = Duration::from_millis(10);
        setup.tcp.syn_retries = 2;
        let host = Host::new(setup);
        let (here, there) = memory::pair(memory::Options::default());
        let task = start(&host, here);
        let failed = TcpStream::connect(&host, addr("10.0.0.2:7")).await.expect_err("nobody");
        assert_eq!(failed.kind(), ErrorKind::TimedOut);
        assert!(there.waiting() >= 3, "it was sent again");
        task.stop(Duration::ZERO).await.expect("the device was there");
    });
}
