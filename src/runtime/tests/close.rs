//! How connections, listeners and drivers end.

use super::{LONG, Net, addr, pattern};
use crate::net::blocking::{TcpListener, TcpStream};
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::thread;
use std::time::Duration;

#[test]
fn half_closed_connections_answer() {
    let net = Net::new();
    let (mut client, mut server) = net.connected();
    client.write_all(b"question").expect("room");
    client.shutdown(Shutdown::Write).expect("open");
    client.shutdown(Shutdown::Write).expect("twice is once");
    assert_eq!(client.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
    let mut told = String::new();
    server.read_to_string(&mut told).expect("question and end");
    server.write_all(b"answer").expect("the other half is open");
    drop(server);
    told.clear();
    client.read_to_string(&mut told).expect("answer and end");
    assert_eq!(told, "answer");
}

#[test]
fn dropping_with_unread_data_resets() {
    let net = Net::new();
    let (mut client, server) = net.connected();
    client.write_all(b"never read").expect("room");
    server.peek(&mut [0]).expect("it has come");
    drop(server);
    assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[test]
fn a_zero_linger_aborts() {
    let net = Net::new();
    let (client, mut server) = net.connected();
    client.set_linger(Some(Duration::ZERO)).expect("taken");
    drop(client);
    assert_eq!(server.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[test]
fn a_linger_waits_for_delivery() {
    let net = Net::new();
    let (mut client, mut server) = net.connected();
    let (number, len) = (5, 3 << 20);
    let reader = thread::spawn(move || {
        let mut told = Vec::new();
        server.read_to_end(&mut told).expect("all of it");
        told
    });
    client.set_linger(Some(LONG)).expect("taken");
    client.write_all(&pattern(number, len)).expect("room");
    let id = client.id();
    drop(client);
    net.a.with(|stack, _| {
        let delivered = stack.conn(id).is_ok_and(|conn| conn.readiness().finished);
        assert!(delivered, "the drop returned when the peer had acknowledged everything");
    });
    assert!(reader.join().expect("it reads") == pattern(number, len));
}

#[test]
fn a_dropped_listener_resets_those_who_wait() {
    let net = Net::new();
    let listener = TcpListener::bind(&net.b, addr("10.0.0.2:80")).expect("free");
    let mut client = TcpStream::connect(&net.a, addr("10.0.0.2:80")).expect("a backlog");
    drop(listener);
    assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    let again = TcpStream::connect(&net.a, addr("10.0.0.2:80"));
    assert_eq!(again.unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn stopping_delivers_what_was_written() {
    // With a buffer that takes all of it at once.
    let net = Net::of(|setup| setup.tcp = crate::tcp::Config::plain());
    let (mut client, mut server) = net.connected();
    client.write_all(&pattern(1, 500_000)).expect("room");
    drop(client);
    let [a, b] = net.running;
    a.stop(LONG).expect("the device was there");
    let mut told = Vec::new();
    server.read_to_end(&mut told).expect("data and FIN had gone out");
    assert!(told == pattern(1, 500_000));
    b.stop(Duration::ZERO).expect("the device was there");
}

#[test]
fn whoever_waits_hears_of_the_drivers_end() {
    let net = Net::new();
    let (_client, server) = net.connected();
    let waiting = thread::spawn(move || (&server).read(&mut [0]).map_err(|error| error.kind()));
    let [a, b] = net.running;
    b.stop(Duration::ZERO).expect("the device was there");
    assert_eq!(waiting.join().expect("it reads"), Err(ErrorKind::NetworkDown));
    assert!(!a.is_over());
    a.stop(Duration::ZERO).expect("the device was there");
    let late = TcpStream::connect(&net.a, addr("10.0.0.2:80"));
    assert_eq!(late.unwrap_err().kind(), ErrorKind::NetworkDown);
}
