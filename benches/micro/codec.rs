//! Reading and writing headers, and the checksum.

use crate::table::{Table, timed};
use netglass::base::checksum::Sum;
use netglass::base::{Chunks, Head, Pool, Seq};
use netglass::wire::checksum::Fill;
use netglass::wire::icmpv4::Icmpv4;
use netglass::wire::tcp::{Ctl, Header, Options, Timestamps};
use netglass::wire::{icmpv4, ipv4, udp};
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// Operations timed at a time.
const BATCH: usize = 1_024;
const SRC: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 1);
const DST: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 1);
const ECHO: Icmpv4 = Icmpv4::EchoRequest { id: 7, seq: 1 };
/// Payload of a `ping`, and the largest of a datagram in one packet of 1500 bytes.
const PING: usize = 56;
const DATAGRAM: usize = 1_472;

fn ip() -> ipv4::Header {
    ipv4::Header { df: true, id: 9, ..ipv4::Header::new(SRC, DST, ipv4::protocol::TCP) }
}

fn tcp() -> Header {
    let options = Options { ts: Some(Timestamps { val: 1, ecr: 2 }), ..Options::default() };
    let (seq, ack, ctl) = (Seq(1), Some(Seq(2)), Ctl::ACK);
    Header { src: 1_024, dst: 80, seq, ack, ctl, wnd: 512, urg: 0, options }
}

fn zeros(len: usize) -> Chunks {
    Pool::new().copy(&vec![0; len]).into()
}

fn emit_udp(head: &mut Head, body: &Chunks) {
    let addr = |ip: Ipv4Addr, port| SocketAddr::new(IpAddr::V4(ip), port);
    udp::emit(head, addr(SRC, 7), addr(DST, 9), body, Fill::Complete);
}

pub(crate) fn rows(table: &mut Table) {
    let (empty, ping, datagram) = (zeros(0), zeros(PING), zeros(DATAGRAM));
    let ip_bytes = written(|head| ip().emit(head, 1_480), &empty);
    let ip_parse = |bytes: &[u8]| ipv4::Header::parse(bytes, 1_500) == Ok(filled_in(ip(), 1_480));
    table.row("codec: IPv4 header, parse", 20, BATCH, || parse(&ip_bytes, BATCH, ip_parse));
    table.row("codec: IPv4 header, emit", 20, BATCH, || emit(20, |head| ip().emit(head, 1_480)));

    let tcp_bytes = written(|head| tcp().emit(head, 0), &empty);
    let tcp_parse = |bytes: &[u8]| {
        Header::parse(bytes)
            .is_ok_and(|(hdr, len)| len == 32 && black_box(&hdr).options.ts.is_some())
    };
    table.row("codec: TCP header, timestamps, parse", 32, BATCH, || {
        parse(&tcp_bytes, BATCH, tcp_parse)
    });
    let header = tcp();
    table.row("codec: TCP header, timestamps, emit", 32, BATCH, || {
        emit(32, move |head| black_box(&header).emit(head, 0))
    });

    let udp_bytes = written(|head| emit_udp(head, &datagram), &datagram);
    let udp_parse = |bytes: &[u8]| {
        udp::Header::parse(bytes, 1_480)
            .is_ok_and(|hdr| hdr.verify(SRC.into(), DST.into(), [bytes]).is_ok())
    };
    table.row("codec: UDP datagram, parse and verify", 1_480, 64, || {
        parse(&udp_bytes, 64, udp_parse)
    });
    table.row("codec: UDP datagram, emit with checksum", 1_480, BATCH, || {
        emit(8, move |head| emit_udp(head, &datagram))
    });

    let icmp_bytes = written(|head| ECHO.emit(head, &ping), &ping);
    let icmp_parse = |bytes: &[u8]| Icmpv4::parse([bytes]) == Ok(ECHO);
    table.row("codec: ICMP echo, parse and verify", 64, BATCH, || {
        parse(&icmp_bytes, BATCH, icmp_parse)
    });
    table.row("codec: ICMP echo, emit with checksum", 64, BATCH, || {
        emit(icmpv4::HEADER_LEN, move |head| ECHO.emit(head, &ping))
    });

    for (name, bytes, batch) in [
        ("codec: checksum of a header", 20, BATCH),
        ("codec: checksum of a segment", 1_480, 64),
        ("codec: checksum of a super-segment", 65_192, 32),
    ] {
        table.row(name, bytes, batch, || checksum(bytes, batch));
    }
}

/// What a reader of the header finds besides what its writer gave.
fn filled_in(header: ipv4::Header, payload: usize) -> ipv4::Header {
    ipv4::Header { total_len: ipv4::HEADER_LEN + payload, ..header }
}

/// What `emit` writes in front of `body`, and the body.
fn written(emit: impl Fn(&mut Head), body: &Chunks) -> Vec<u8> {
    let mut head = Head::new();
    emit(&mut head);
    [&head[..], &body.to_vec()].concat()
}

/// Reads a packet's bytes at as many places as the batch is long; `parse` says whether it found
/// what was written.
fn parse<F>(bytes: &[u8], batch: usize, parse: F) -> impl FnMut() -> Duration + use<F>
where
    F: Fn(&[u8]) -> bool,
{
    let (places, len) = (bytes.repeat(batch), bytes.len());
    move || {
        let mut good = 0;
        let time = timed(|| {
            for place in places.chunks_exact(len) {
                good += usize::from(parse(black_box(place)));
            }
        });
        assert_eq!(good, batch);
        time
    }
}

/// Writes a header of `len` bytes again and again to the same place.
fn emit(len: usize, emit: impl Fn(&mut Head)) -> impl FnMut() -> Duration {
    let mut head = Head::new();
    move || {
        let time = timed(|| {
            for _ in 0..BATCH {
                head.advance(len);
                emit(black_box(&mut head));
            }
        });
        assert_eq!(head.len(), len);
        head.advance(len);
        time
    }
}

fn checksum(bytes: usize, batch: usize) -> impl FnMut() -> Duration {
    let place: Vec<u8> = (0..bytes).map(|n| n as u8).collect();
    let word = |pair: &[u8]| u64::from(pair[0]) << 8 | u64::from(pair[1]);
    let want = !((place.chunks_exact(2).map(word).sum::<u64>() % 0xffff) as u16);
    parse(&place, batch, move |bytes| Sum::new().bytes(bytes).finish() == want)
}
