//! Path MTU discovery in connections: what is sent again in smaller pieces, how far ICMP is
//! believed (RFC 5927 §7), and what helps where no router says anything (RFC 4821 §7.7).

use crate::ip::error;
use crate::support::puppet::{A, Puppet, host_setup, mss, over_ipv6, ts};
use crate::support::seen::scenarios;
use netglass::tcp::Config;
use netglass::wire::icmpv4::unreachable::FRAGMENTATION_NEEDED;
use netglass::wire::icmpv6::Icmpv6;

scenarios![
    only_what_is_too_long_is_sent_again,
    a_claim_that_acks_refute_is_forgotten,
    a_claim_is_believed_when_nothing_arrives,
    a_claim_need_not_wait,
    a_black_hole_is_found,
    a_black_hole_is_not_looked_for,
    the_mss_is_clamped,
    what_is_known_of_a_path_ages,
    no_path_of_ipv6_is_that_narrow,
    a_link_that_headers_fill_is_no_black_hole,
];

fn open(change: impl FnOnce(&mut Config)) -> Puppet {
    Puppet::with(|c| {
        (c.sack, c.tlp) = (false, false);
        change(c);
    })
    .open(mss(1460))
}

/// The same when 1460 bytes have passed.
fn proved(change: impl FnOnce(&mut Config)) -> Puppet {
    let mut p = open(change);
    p.write(1_460);
    p.expect(A, 1, 1, 1_460);
    p.ack(1_461);
    p
}

/// A router that `sent` was too long for.
fn claim(p: &mut Puppet, sent: &[u8], mtu: u16) {
    p.raw(&error(FRAGMENTATION_NEEDED, mtu, &sent[..28]));
}

/// A long segment is cut; a short one behind it is left alone.
// Rules: 1191-6.4-1, 8201-5.4-1.
fn only_what_is_too_long_is_sent_again() {
    let mut p = open(|c| c.minshall = true);
    p.write(1_460 + 200);
    let sent = p.expect(A, 1, 1, 1_460).packet;
    p.expect(A, 1_461, 1, 200);
    claim(&mut p, &sent, 1_040);
    p.expect(A, 1, 1, 1_000);
    p.expect(A, 1_001, 1, 460);
    p.expect_nothing();
    assert_eq!((p.info().pmtu, p.info().snd_mss), (1_040, 1_000));
}

/// 1460 bytes have passed: that the path carries 1040 is not believed while ACKs come.
// Rules: 5927-7.2-1.
fn a_claim_that_acks_refute_is_forgotten() {
    let mut p = proved(|_| ());
    p.write(2_920);
    let sent = p.expect(A, 1_461, 1, 1_460).packet;
    p.expect(A, 2_921, 1, 1_460);
    claim(&mut p, &sent, 1_040);
    assert_eq!((p.drops("MtuClaimWaits"), p.info().pmtu), (1, 1_500));
    p.expect_nothing();
    p.ack(4_381);
    p.write(1_460);
    p.expect(A, 4_381, 1, 1_460);
    p.advance(200);
    p.expect_at(200, A, 4_381, 1, 1_460);
    assert_eq!(p.info().pmtu, 1_500, "the timeout is of later data");
}

/// The path has changed: the claim was true.
// Rules: 5927-7.2-2.
fn a_claim_is_believed_when_nothing_arrives() {
    let mut p = proved(|_| ());
    p.write(1_460);
    let sent = p.expect(A, 1_461, 1, 1_460).packet;
    claim(&mut p, &sent, 1_040);
    p.expect_nothing();
    p.advance(200);
    p.expect_at(200, A, 1_461, 1, 1_000);
    assert_eq!(p.info().pmtu, 1_040);
    p.ack(2_461);
    p.expect(A, 2_461, 1, 460);
}

fn a_claim_need_not_wait() {
    let mut p = proved(|c| c.mtu_claims_wait = false);
    p.write(1_460);
    let sent = p.expect(A, 1_461, 1, 1_460).packet;
    claim(&mut p, &sent, 1_040);
    p.expect_at(0, A, 1_461, 1, 1_000);
}

/// After three timeouts (R1) 1024 bytes, then half of it.
// Rules: 4821-7.7-1.
fn a_black_hole_is_found() {
    let mut p = open(|c| (c.mtu_probing, c.retries1) = (true, 3));
    p.write(1_460);
    p.expect_at(0, A, 1, 1, 1_460);
    p.advance(200 + 400);
    p.expect_at(200, A, 1, 1, 1_460);
    p.expect_at(600, A, 1, 1, 1_460);
    p.advance(800);
    p.expect_at(1_400, A, 1, 1, 1_024);
    p.expect_at(1_400, A, 1_025, 1, 436); // what is left of a window of 1460 bytes
    assert_eq!((p.info().pmtu, p.info().snd_mss), (1_064, 1_024));
    p.advance(1_600);
    p.expect_at(3_000, A, 1, 1, 512);
    assert_eq!(p.info().snd_mss, 512);
}

fn a_black_hole_is_not_looked_for() {
    let mut p = open(|_| ());
    p.write(1_460);
    p.advance(3_000);
    assert!(p.take_all().iter().all(|got| got.len() == 1_460));
}

/// `TCP_MAXSEG` bounds both directions.
fn the_mss_is_clamped() {
    let mut p = Puppet::with(|c| c.mss = Some(700)).open(mss(1460));
    p.write(1_400);
    p.expect(A, 1, 1, 700);
    p.expect(A, 701, 1, 700);
    assert_eq!(p.info().advmss, 700);
}

/// RFC 1191 §6.3: after ten minutes a wider path is tried.
fn what_is_known_of_a_path_ages() {
    let mut p = open(|_| ());
    p.write(1_460);
    let sent = p.expect(A, 1, 1, 1_460).packet;
    claim(&mut p, &sent, 600);
    p.take_all();
    p.ack(1_461);
    assert_eq!(p.info().snd_mss, 560);
    p.advance(600_000);
    p.write(1_460);
    p.expect(A, 1_461, 1, 1_460);
    assert_eq!((p.info().snd_mss, p.info().pmtu), (1_460, 1_500));
}

/// RFC 8201 §4: every link carries 1280 bytes.
fn no_path_of_ipv6_is_that_narrow() {
    over_ipv6(|| {
        claims_of_ipv6(1_279);
    });
}

/// A router claims that a path of IPv6 carries no more than `mtu` bytes.
pub(crate) fn claims_of_ipv6(mtu: u32) {
    let mut p = Puppet::new().open(mss(1440));
    p.write(1_440);
    let (sent, wide) = (p.expect(A, 1, 1, 1_440).packet, p.info().pmtu);
    p.forget();
    p.raw(&crate::ip6::error(Icmpv6::PacketTooBig { mtu }, &sent));
    let narrow = mtu >= 1_280;
    assert_eq!(p.drops("IcmpMtuTooSmall"), u64::from(!narrow));
    assert_eq!(p.info().pmtu, if narrow { u64::from(mtu) } else { wide });
}

/// A link of 68 bytes has 8 left for a segment's data with IPv6, and less than none with
/// timestamps.
fn a_link_that_headers_fill_is_no_black_hole() {
    over_ipv6(|| {
        let mut setup = host_setup();
        (setup.ifaces[0].mtu, setup.tcp.mtu_probing) = (68, true);
        let mut p = Puppet::of(setup).open(ts(1, 0));
        p.write(10);
        p.advance(60_000);
        assert!(p.take_all().len() > 4);
        assert_eq!(p.info().pmtu, 68);
    });
}
