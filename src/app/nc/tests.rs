//! Carrying over streams in memory and over channels of datagrams.

use super::*;
use std::cell::RefCell;
use std::collections::VecDeque;
use tokio::io::duplex;

fn run<T>(test: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().expect("a runtime").block_on(test)
}

fn after(seconds: u64) -> Options {
    Options { idle: Some(Duration::from_secs(seconds)), ..Options::default() }
}

#[test]
fn both_directions_are_carried_to_their_ends() {
    let said: Vec<u8> = (0..300_000_u32).map(|n| n.wrapping_mul(n) as u8).collect();
    let (tally, told) = run(async {
        let (here, there) = duplex(1000);
        let mut told = Vec::new();
        let carry = stream(here, &said[..], &mut told, Options::default());
        let (tally, echoed) =
            tokio::join!(carry, crate::app::simple::echo(there, crate::app::Waits::FOREVER));
        echoed.expect("it ends well");
        (tally.expect("it ends well"), told)
    });
    assert_eq!(tally, Tally { sent: 300_000, received: 300_000, end: End::Peer });
    assert!(told == said);
}

#[test]
fn the_rest_of_the_input_follows_the_peers_end() {
    run(async {
        let (here, mut there) = duplex(100);
        let mut told = Vec::new();
        let (mut typist, input) = duplex(100);
        let options = Options::default();
        let carry = stream(here, input, &mut told, options);
        let peer = async {
            there.write_all(b"bye").await.expect("room");
            there.shutdown().await.expect("a stream in memory");
            typist.write_all(b"wait, more").await.expect("room");
            drop(typist);
            let mut heard = Vec::new();
            there.read_to_end(&mut heard).await.expect("the end");
            heard
        };
        let (tally, heard) = tokio::join!(carry, peer);
        let tally = tally.expect("it ends well");
        assert_eq!(tally, Tally { sent: 10, received: 3, end: End::Peer });
        assert_eq!((told, heard), (b"bye".to_vec(), b"wait, more".to_vec()));
    });
}

#[test]
fn with_a_terminal_the_peers_end_is_the_end() {
    run(async {
        let (here, mut there) = duplex(100);
        let (_typist, input) = duplex(100);
        there.write_all(b"bye").await.expect("room");
        there.shutdown().await.expect("a stream in memory");
        let options = Options { until_peer_ends: true, ..Options::default() };
        let tally = stream(here, input, Vec::new(), options).await.expect("it ends well");
        assert_eq!(tally, Tally { sent: 0, received: 3, end: End::Peer });
    });
}

#[test]
fn silence_ends_it_and_bytes_put_that_off() {
    run(async {
        let start = tokio::time::Instant::now();
        let (here, mut there) = duplex(100);
        let options = after(10);
        let carry = stream(here, tokio::io::empty(), Vec::new(), options);
        let peer = async {
            tokio::time::sleep(Duration::from_secs(7)).await;
            there.write_all(b"still here").await.expect("room");
            std::future::pending::<()>().await
        };
        let tally = tokio::select! { tally = carry => tally, () = peer => unreachable!() };
        let tally = tally.expect("silence is no error");
        assert_eq!(tally, Tally { sent: 0, received: 10, end: End::Idle });
        assert_eq!(start.elapsed().as_secs(), 17);
    });
}

#[test]
fn a_peer_that_ends_well_need_not_take_the_rest() {
    run(async {
        let (here, there) = duplex(10);
        let carry =
            async { stream(here, tokio::io::repeat(7), Vec::new(), Options::default()).await };
        let gone = async {
            tokio::task::yield_now().await;
            drop(there);
        };
        let (tally, ()) = tokio::join!(carry, gone);
        // In memory, the peer's drop is its end and a broken pipe at once: the end comes first.
        assert_eq!(tally.expect("an end").received, 0);
    });
}

#[test]
fn a_reset_is_an_error() {
    let mut broken = Reset(false);
    let error = run(async {
        stream(&mut broken, &b"x"[..], Vec::new(), Options::default()).await.expect_err("reset")
    });
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
}

/// A stream that is reset at the first write, and then reads as ended.
struct Reset(bool);

impl AsyncRead for Reset {
    fn poll_read(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        _: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        if self.0 { std::task::Poll::Ready(Ok(())) } else { std::task::Poll::Pending }
    }
}

impl AsyncWrite for Reset {
    fn poll_write(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        _: &[u8],
    ) -> std::task::Poll<io::Result<usize>> {
        self.0 = true;
        std::task::Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
    }

    fn poll_flush(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn poll_shutdown(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }
}

/// A socket whose peer echoes.
#[derive(Default)]
struct Mirror(RefCell<VecDeque<Vec<u8>>>, tokio::sync::Notify);

impl Datagrams for Mirror {
    async fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().push_back(bytes.to_vec());
        self.1.notify_one();
        Ok(bytes.len())
    }

    async fn recv(&self, room: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(bytes) = self.0.borrow_mut().pop_front() {
                room[..bytes.len()].copy_from_slice(&bytes);
                return Ok(bytes.len());
            }
            self.1.notified().await;
        }
    }
}

#[test]
fn datagrams_go_both_ways_until_silence() {
    let said: Vec<u8> = (0..2500_u32).map(|n| n as u8).collect();
    let mut told = Vec::new();
    let tally = run(datagrams(&Mirror::default(), &said[..], &mut told, after(3)));
    let tally = tally.expect("silence is no error");
    assert_eq!(tally, Tally { sent: 2500, received: 2500, end: End::Idle });
    assert_eq!(told, said);
}
