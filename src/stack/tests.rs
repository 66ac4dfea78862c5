//! Connections that are over while their user still holds them.

use super::{ListenOptions, Setup, Stack};
use crate::base::{Frame, IfaceId, Instant, SocketError};
use crate::tcp::State;
use std::net::SocketAddr;

const NOW: Instant = Instant::ZERO;

fn host(key: u64, addr: &str) -> Stack {
    let addr = addr.parse().expect("a network");
    Stack::new(Setup::new([key, 0]).with_iface("wire0", 1500, addr))
}

/// Delivers until nobody says anything; returns what `b` sent.
fn exchange(a: &mut Stack, b: &mut Stack) -> Vec<Frame> {
    let mut from_b = Vec::new();
    loop {
        let (up, down) = (a.output(NOW), b.output(NOW));
        if up.is_none() && down.is_none() {
            return from_b;
        }
        if let Some((_, frame)) = up {
            b.input(NOW, IfaceId(0), frame);
        }
        if let Some((_, frame)) = down {
            from_b.push(frame.clone());
            a.input(NOW, IfaceId(0), frame);
        }
    }
}

#[test]
fn a_reset_connection_takes_no_more_segments_and_frees_its_pair() {
    let (mut a, mut b) = (host(1, "10.0.0.1/24"), host(2, "10.0.0.2/24"));
    let at: SocketAddr = "10.0.0.2:80".parse().expect("an address");
    let listener = b.listen(NOW, at, ListenOptions::default()).expect("free");
    let client = a.connect(NOW, at, None, None).expect("a route");
    exchange(&mut a, &mut b);
    let local = a.pair(client).expect("known").local;
    let (server, _) = b.accept(NOW, listener).expect("it connected");
    b.abort(NOW, server);
    let resets = exchange(&mut a, &mut b);
    assert_eq!(a.state(client), Ok(State::Closed));
    // The reset comes twice, and so does anything else: there is no connection to take it.
    for reset in resets {
        a.input(NOW, IfaceId(0), reset);
    }
    // Its user holds it and hears how it ended; its pair is free all the same.
    let again = a.connect(NOW, at, Some(local), None).expect("the pair is free");
    exchange(&mut a, &mut b);
    assert_eq!(a.state(again), Ok(State::Established));
    assert_eq!(a.read(NOW, client, &mut [0]), Err(SocketError::Reset));
    a.close(NOW, client);
    assert_eq!(a.state(client), Err(SocketError::BadHandle));
    assert_eq!(a.state(again), Ok(State::Established), "the new one keeps the pair");
    b.accept(NOW, listener).expect("the new one");
}
