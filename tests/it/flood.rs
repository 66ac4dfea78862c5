//! Listeners under a flood of SYNs (RFC 4987): who means it is served, and nothing is kept of the
//! others.

use crate::alloc::held;
use crate::support::puppet::{
    A, FA, HOST, Puppet, R, S, SA, WND, host_setup, mss, none, tcp_bytes, ts,
};
use crate::support::seen::scenarios;
use netglass::base::{Frame, IfaceId, Instant, Limit, Pool};
use netglass::observe::view::{self, Live};
use netglass::stack::{Event, ListenOptions, Stack};
use netglass::tcp::{State, SynCookies};
use netglass::wire::ip;
use netglass::wire::ipv4::protocol;
use netglass::wire::tcp::{Options, Timestamps};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

scenarios![both families:
    a_client_is_served_during_a_flood,
    options_survive_in_the_timestamp,
    without_timestamps_only_the_segment_size_survives,
    a_forged_or_old_cookie_is_refused,
    no_cookie_is_looked_for_unless_one_was_sent,
    a_full_accept_queue_refuses_cookies,
    a_flood_without_cookies_drops,
    always_cookies,
    a_cookie_measures_nothing,
    a_newer_connection_is_behind_the_one_it_took_over,
];

/// SYNs from many addresses, none of which will be heard of again.
fn flood(p: &mut Puppet, syns: u32) {
    let genuine = p.remote;
    for n in 0..syns {
        p.remote = spoofed(genuine, n);
        p.inject(S, 0, 0, WND, full(n), b"");
    }
    p.remote = genuine;
}

fn spoofed(near: SocketAddr, n: u32) -> SocketAddr {
    let host = 3 + n % 200;
    let ip = match near.ip() {
        IpAddr::V4(_) => format!("10.0.0.{host}").parse().unwrap(),
        IpAddr::V6(_) => format!("fd00::{host:x}").parse().unwrap(),
    };
    SocketAddr::new(ip, 10_000 + (n / 200) as u16)
}

fn full(val: u32) -> Options {
    Options { mss: Some(1460), wscale: Some(7), sack_permitted: true, ..ts(val, 0) }
}

/// A listener with place for two, which are taken.
fn full_listener() -> Puppet {
    let mut p = Puppet::new();
    p.listen(ListenOptions { backlog: 2, ..ListenOptions::default() });
    flood(&mut p, 2);
    p.take_all();
    p
}

fn half_open(p: &Puppet) -> usize {
    p.stack.tcp().listeners().map(|slot| slot.listener.half_open()).sum()
}

fn counter(p: &Puppet, name: &str) -> u64 {
    let counters = p.stack.counters();
    counters.iter().find(|(known, _)| known == name).map(|(_, n)| *n).expect(name)
}

// Rules: 4987-3.6-1.
fn a_client_is_served_during_a_flood() {
    let mut p = Puppet::new();
    p.listen(ListenOptions::default());
    flood(&mut p, 10_000);
    assert_eq!((half_open(&p), p.take_all().len()), (128, 10_000));
    p.inject(S, 0, 0, WND, full(1), b"");
    let syn = p.expect(SA, 0, 1, 0);
    // Its request comes with the ACK, or in place of it.
    let val = syn.options.ts.unwrap().val;
    p.inject(A, 1, 1, 100, ts(2, val), b"request");
    let conn = p.accept();
    assert_eq!((p.state(), p.read(10)), (State::Established, 7));
    p.expect(A, 1, 8, 0);
    p.write(1000);
    assert_eq!(p.expect(A, 1, 8, 1000).options.ts.map(|ts| ts.ecr), Some(2));
    assert_eq!(p.stack.conn(conn).unwrap().info(p.now).total_retrans, 0);
    // It is told once, and counted.
    let limit = Limit::Backlog { port: 80, max: 128 };
    let told = |p: &Puppet| {
        let is = |event: &Event| matches!(event, Event::Limit { limit: told } if *told == limit);
        p.records.iter().filter(|record| is(&record.event)).count()
    };
    assert_eq!((told(&p), p.stack.hits().of("Backlog")), (1, 1));
    assert_eq!(counter(&p, "TcpExtSyncookiesSent"), 10_000 - 128 + 1);
    assert_eq!(counter(&p, "TcpExtTCPReqQFullDoCookies"), 10_000 - 128 + 1);
    assert_eq!(counter(&p, "TcpExtSyncookiesRecv"), 1);
    assert_eq!((p.drops("BacklogFull"), counter(&p, "TcpPassiveOpens")), (0, 1));
    // The next flood, much later, is told again.
    p.advance(200_000);
    assert_eq!(half_open(&p), 0);
    flood(&mut p, 129);
    assert_eq!(told(&p), 2);
}

/// Whoever watches sees the flood, and what else happens beside it.
#[test]
fn a_flood_does_not_flood_the_screen() {
    let mut p = Puppet::new();
    p.listen(ListenOptions { backlog: 4, ..ListenOptions::default() });
    flood(&mut p, 10_000);
    let mut live = Live::tcpdump(view::Options::default());
    let mut lines: Vec<_> = p.records.iter().filter_map(|record| live.line(record)).collect();
    lines.extend(live.finish());
    let text = lines.join("\n");
    assert!(text.lines().count() < 40, "{text}");
    let limit = "4 connections are half open at port 80: that is its limit, and perhaps a flood";
    assert_eq!(text.matches(limit).count(), 1, "{text}");
    assert!(text.contains(" SYNs in that found the backlog full, "), "{text}");
}

/// As if its SYN had been kept.
// Rules: 4987-3.6-2.
fn options_survive_in_the_timestamp() {
    for (offered, wscale, sack) in
        [(Some(7), 7, true), (Some(0), 0, false), (None, 0, true), (Some(15), 14, false)]
    {
        let mut p = full_listener();
        let theirs =
            Options { mss: Some(1440), wscale: offered, sack_permitted: sack, ..ts(500, 0) };
        p.advance(12_345);
        p.take_all();
        p.inject(S, 0, 0, WND, theirs, b"");
        let syn = p.expect(SA, 0, 1, 0);
        assert_eq!(syn.options.wscale.is_some(), offered.is_some());
        assert_eq!(syn.options.sack_permitted, sack);
        assert_eq!(syn.options.ts.map(|ts| ts.ecr), Some(500));
        p.inject(A, 1, 1, 20_000, ts(501, syn.options.ts.unwrap().val), b"");
        p.accept();
        let info = p.info();
        assert_eq!((info.snd_wscale, info.snd_wnd), (wscale, 20_000 << wscale), "{offered:?}");
        assert_eq!(info.snd_mss, 1428, "timestamps take 12 bytes");
        let scaled = if offered.is_some() { 4 } else { 0 };
        assert_eq!(info.options & 7, 1 | u64::from(sack) << 1 | scaled, "{offered:?}");
        p.write(3000);
        let later = p.take_all();
        assert_eq!(later[0].len(), 1428);
        // The clock of the SYN-ACK was not ahead of that of what follows (RFC 7323 §5.4).
        let val = later[0].options.ts.unwrap().val;
        assert!((val.wrapping_sub(syn.options.ts.unwrap().val) as i32) < 64);
        assert!((val.wrapping_sub(syn.options.ts.unwrap().val) as i32) >= 0);
    }
}

fn without_timestamps_only_the_segment_size_survives() {
    for (offered, size) in [(None, 536), (Some(100), 48), (Some(1400), 1360), (Some(9000), 1460)] {
        let mut p = full_listener();
        let theirs =
            Options { mss: offered, wscale: Some(7), sack_permitted: true, ..Options::default() };
        p.inject(S, 0, 0, WND, theirs, b"");
        let answered = p.expect(SA, 0, 1, 0).options;
        assert_eq!(answered, mss(answered.mss.unwrap()));
        p.inject(A, 1, 1, 20_000, none(), b"");
        p.accept();
        assert_eq!((p.info().snd_wnd, p.info().options), (20_000, 0));
        p.write(3000);
        let first = p.take_all()[0].len();
        let least = if p.local.is_ipv6() && offered.is_none() { 1220 } else { size };
        assert_eq!(first, least, "{offered:?}");
    }
}

// Rules: 4987-3.6-3.
fn a_forged_or_old_cookie_is_refused() {
    let mut p = full_listener();
    p.inject(S, 0, 0, WND, mss(1460), b"");
    p.expect(SA, 0, 1, 0);
    let cookie = p.iss;
    // A guess, another pair, another number of the peer's, a flag it must not have.
    p.inject(A, 1, 7, WND, none(), b"");
    p.expect(R, 7, 0, 0);
    let genuine = p.remote;
    p.remote = spoofed(genuine, 199);
    p.inject(A, 1, 1, WND, none(), b"");
    p.expect(R, 1, 0, 0);
    p.remote = genuine;
    p.inject(A, 2, 1, WND, none(), b"");
    p.expect(R, 1, 0, 0);
    // Options that its SYN did not offer.
    p.inject(A, 1, 1, WND, ts(1, 1), b"");
    p.expect(R, 1, 0, 0);
    p.inject(SA, 1, 1, WND, none(), b"");
    p.expect(R, 1, 0, 0);
    assert_eq!(counter(&p, "TcpExtSyncookiesFailed"), 4);
    assert_eq!((p.drops("BadCookie"), p.drops("ListenAck"), p.stack.tcp().len()), (4, 1, 0));
    // A minute later it counts, after another one it does not.
    p.advance(60_000);
    p.take_all();
    p.iss = cookie;
    p.inject(FA, 1, 1, WND, none(), b"all of it");
    p.expect(A, 1, 11, 0);
    p.accept();
    assert_eq!((p.state(), p.read(10)), (State::CloseWait, 9));
    p.remote.set_port(4001);
    flood(&mut p, 2);
    p.inject(S, 0, 0, WND, mss(1460), b"");
    p.take_all();
    let cookie = p.iss;
    p.advance(128_000);
    p.take_all();
    p.iss = cookie;
    p.inject(A, 1, 1, WND, none(), b"");
    p.expect(R, 1, 0, 0);
}

/// A listener that is not flooded spends no hash on ACKs, and lets nobody guess.
fn no_cookie_is_looked_for_unless_one_was_sent() {
    let mut p = Puppet::new();
    p.listen(ListenOptions::default());
    p.inject(A, 1, 1, WND, none(), b"");
    p.expect(R, 1, 0, 0);
    assert_eq!((p.drops("ListenAck"), p.drops("BadCookie")), (1, 0));
}

/// Linux drops the SYN, too: what comes back could not be taken. An ACK that finds the queue full
/// is dropped, and its sender tries again with its data.
fn a_full_accept_queue_refuses_cookies() {
    let mut p = Puppet::new();
    p.listen(ListenOptions { backlog: 1, ..ListenOptions::default() });
    flood(&mut p, 1);
    p.take_all();
    let mut isn = Vec::new();
    for port in [4001, 4002] {
        p.remote.set_port(port);
        p.inject(S, 0, 0, WND, mss(1460), b"");
        p.expect(SA, 0, 1, 0);
        isn.push(p.iss);
    }
    p.iss = isn[0];
    p.remote.set_port(4001);
    p.inject(A, 1, 1, WND, none(), b"");
    p.iss = isn[1];
    p.remote.set_port(4002);
    p.inject(A, 1, 1, WND, none(), b"");
    p.expect_nothing();
    assert_eq!((p.drops("AcceptQueueFull"), counter(&p, "TcpExtListenOverflows")), (1, 1));
    // Nor is it reset for what it says behind that: it will say all of it again.
    p.inject(A, 1461, 1, WND, none(), b"more");
    p.expect_nothing();
    p.remote.set_port(4003);
    p.inject(S, 0, 0, WND, mss(1460), b"");
    p.expect_nothing();
    assert_eq!(p.drops("AcceptQueueFull"), 2);
    p.accept();
    p.remote.set_port(4002);
    p.inject(A, 1, 1, WND, none(), b"again");
    p.accept();
    assert_eq!((p.state(), p.read(10)), (State::Established, 5));
}

// Rules: 4987-3.2-1.
fn a_flood_without_cookies_drops() {
    let mut p = Puppet::new();
    let syn_cookies = SynCookies::Never;
    p.listen(ListenOptions { backlog: 2, syn_cookies, ..ListenOptions::default() });
    flood(&mut p, 10);
    assert_eq!((p.take_all().len(), p.drops("BacklogFull"), half_open(&p)), (2, 8, 2));
    assert_eq!((p.stack.hits().of("Backlog"), counter(&p, "TcpExtSyncookiesSent")), (1, 0));
    assert_eq!(counter(&p, "TcpExtTCPReqQFullDrop"), 8);
}

fn always_cookies() {
    let mut p = Puppet::new();
    let syn_cookies = SynCookies::Always;
    p.listen(ListenOptions { syn_cookies, ..ListenOptions::default() });
    p.inject(S, 0, 0, WND, mss(1000), b"");
    p.expect(SA, 0, 1, 0);
    assert_eq!((half_open(&p), p.stack.hits().of("Backlog")), (0, 0));
    p.inject(A, 1, 1, WND, none(), b"");
    p.accept();
    assert_eq!(p.state(), State::Established);
}

/// The lowest bits of a cookie's timestamp are options: up to 63 ms off.
fn a_cookie_measures_nothing() {
    let mut p = Puppet::new();
    p.advance(1_000);
    let syn_cookies = SynCookies::Always;
    p.listen(ListenOptions { syn_cookies, ..ListenOptions::default() });
    let syn = Options { ts: Some(Timestamps { val: 5, ecr: 0 }), ..mss(1000) };
    p.inject(S, 0, 0, WND, syn, b"");
    let cookie = p.expect(SA, 0, 1, 0).options.ts.unwrap().val;
    p.advance(10);
    let ts = Some(Timestamps { val: 6, ecr: cookie });
    p.inject(A, 1, 1, WND, Options { ts, ..none() }, b"");
    p.accept();
    assert_eq!(p.info().rtt, 0);
}

/// RFC 9293 §3.6.1, MAY-2 (1): a SYN that takes over a connection in TIME-WAIT gets a number behind
/// that one's, which no cookie promises, however full the backlog is.
fn a_newer_connection_is_behind_the_one_it_took_over() {
    let mut p = Puppet::new();
    p.listen(ListenOptions { backlog: 1, ..ListenOptions::default() });
    p.inject(S, 0, 0, WND, mss(1000), b"");
    p.expect(SA, 0, 1, 0);
    p.inject(A, 1, 1, WND, none(), b"");
    p.accept();
    p.close();
    p.expect(FA, 1, 1, 0);
    p.inject(FA, 1, 2, WND, none(), b"");
    p.expect(A, 2, 2, 0);
    let before = p.iss;
    flood(&mut p, 5);
    p.take_all();
    p.inject(S, 500_000, 0, WND, mss(1000), b"");
    let iss = p.take_all().pop().map(|_| p.iss).expect("a SYN-ACK");
    assert_eq!(half_open(&p), 2);
    assert!(iss.after(before), "{iss:?} behind {before:?}");
}

/// What 10 000 SYNs leave in the host's memory: no more than the backlog, and that not for long.
// Rules: 4987-3.5-1.
#[test]
fn memory_is_bounded_and_returns() {
    let mut stack = Stack::new(host_setup());
    let now = Instant::ZERO;
    let local = SocketAddr::new(HOST.into(), 80);
    stack.listen(now, local, ListenOptions::default()).unwrap();
    let p = Puppet::new();
    let pool = Pool::new();
    let before = held();
    for n in 0..10_000_u32 {
        let ip = Ipv4Addr::new(10, 0, 0, 3 + (n % 200) as u8);
        let header = netglass::wire::tcp::Header {
            src: 10_000 + (n / 200) as u16,
            dst: 80,
            ..p.header(S, 0, 0, WND, full(n))
        };
        let segment = tcp_bytes(ip.into(), local.ip(), &header, b"");
        let mut head = netglass::base::Head::new();
        ip::Header::new(ip.into(), local.ip(), protocol::TCP).emit(&mut head, segment.len());
        let frame = Frame::copied(&pool, &[&head[..], &segment].concat());
        stack.input(now, IfaceId(0), frame);
        while stack.output(now).is_some() {}
    }
    pool.trim();
    stack.shrink(now);
    let flooded = held() - before;
    assert!(flooded < 128 * 1024, "{flooded} bytes during the flood");
    let mut later = now;
    while let Some(at) = stack.deadline(later) {
        later = at;
        stack.poll(later);
        while stack.output(later).is_some() {}
    }
    assert!(later <= now + Duration::from_secs(63));
    pool.trim();
    stack.shrink(later);
    let left = held() - before;
    assert!(left < 64 * 1024, "{left} bytes after it");
}
