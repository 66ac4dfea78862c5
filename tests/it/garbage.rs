//! Bytes that no friend sends: random, truncated, oversized, mutated, with every flag set. Nothing
//! panics, what is refused is counted, and nothing grows beyond its bound.

use crate::fuzz::{self, STATES, Target};
use crate::ip::{icmp_bytes, udp_bytes};
use crate::support::puppet::{ip_packet, tcp_bytes};
use netglass::base::rng::Purpose;
use netglass::base::{Chance, Checksum, Offload};
use netglass::wire::icmpv4::Icmpv4;
use netglass::wire::ipv4::protocol;
use netglass::wire::tcp::{Ctl, Header, Options, Timestamps};
use proptest::prelude::*;
use std::path::PathBuf;

/// A stream of numbers from a seed.
struct Dice(Chance, u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.1 += 1;
        self.0.below(bound, Purpose::Scenario, 1, self.1)
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.below(256) as u8).collect()
    }
}

/// A segment that its connection may well take: near its numbers, with any flags.
fn plausible_segment(dice: &mut Dice, target: &Target) -> Vec<u8> {
    let n = dice.below(STATES.len() as u64 + 2) as usize;
    let iss = target.iss[n.min(target.iss.len() - 1)];
    let (src, dst) = match n.checked_sub(STATES.len()) {
        None => (3000 + n as u16, 5000 + n as u16),
        Some(_) => (4000 + dice.below(60) as u16, 80),
    };
    let near = |dice: &mut Dice| match dice.below(4) {
        0 => dice.below(4) as u32,
        1 => dice.below(70_000) as u32,
        2 => (dice.below(70_000) as u32).wrapping_neg(),
        _ => 0,
    };
    let ctl = match dice.below(3) {
        0 => Ctl(dice.below(512) as u16),
        _ => Ctl((dice.below(512) as u16 & !6) | 16),
    };
    let ack = ctl.has(Ctl::ACK).then(|| iss + 1 + near(dice));
    let options = Options {
        mss: (dice.below(4) == 0).then(|| dice.below(65_536) as u16),
        wscale: (dice.below(4) == 0).then(|| dice.below(256) as u8),
        sack_permitted: dice.below(4) == 0,
        ts: (dice.below(4) == 0).then(|| {
            let (val, ecr) = (dice.below(1 << 32) as u32, dice.below(1 << 32) as u32);
            Timestamps { val, ecr }
        }),
        ..Options::default()
    };
    let header = Header {
        src,
        dst,
        seq: fuzz::near(near(dice)),
        ack,
        ctl,
        wnd: dice.below(65_536) as u16,
        urg: dice.below(65_536) as u16,
        options,
    };
    let len = [0, 0, 1, 100, 1_000, 1_400][dice.below(6) as usize];
    let body = vec![dice.below(256) as u8; len];
    let (peer, host) = fuzz::hosts();
    let segment = tcp_bytes(peer.into(), host.into(), &header, &body);
    ip_packet(protocol::TCP, &segment, |_| ())
}

/// A valid frame of another kind.
fn other_frame(dice: &mut Dice) -> Vec<u8> {
    let len = dice.below(600) as usize;
    let body = dice.bytes(len);
    match dice.below(5) {
        0 => ip_packet(protocol::UDP, &udp_bytes(7, dice.below(20) as u16, &body), |_| ()),
        1 => {
            let message = Icmpv4::EchoRequest { id: 1, seq: 2 };
            ip_packet(protocol::ICMP, &icmp_bytes(message, &body), |_| ())
        }
        2 => {
            let (kind, code) = (dice.below(20) as u8, dice.below(16) as u8);
            let quoted = ip_packet(protocol::TCP, &body, |ip| (ip.src, ip.dst) = (ip.dst, ip.src));
            ip_packet(protocol::ICMP, &icmp_bytes(Icmpv4::Other { kind, code }, &quoted), |_| ())
        }
        3 => ip_packet(dice.below(256) as u8, &body, |ip| {
            ip.offset = dice.below(8_192) as u32 * 8;
            (ip.mf, ip.id) = (true, dice.below(300) as u16);
        }),
        _ => ip_packet(dice.below(256) as u8, &body, |_| ()),
    }
}

/// Changes a frame a little: flips, cuts, lengthens, swaps.
fn mutate(dice: &mut Dice, frame: &mut Vec<u8>) {
    for _ in 0..=dice.below(3) {
        let at = dice.below(frame.len().max(1) as u64) as usize;
        match dice.below(4) {
            0 if at < frame.len() => frame[at] ^= 1 << dice.below(8),
            1 => frame.truncate(at),
            2 => frame.extend(dice.bytes(at.min(50))),
            _ if at < frame.len() => frame[at] = dice.below(256) as u8,
            _ => {}
        }
    }
}

fn any_frame(dice: &mut Dice, target: &Target) -> (Vec<u8>, Offload) {
    let mut frame = match dice.below(10) {
        0 => {
            let len = dice.below(100) as usize;
            dice.bytes(len)
        }
        1..=2 => other_frame(dice),
        _ => plausible_segment(dice, target),
    };
    if dice.below(4) == 0 {
        mutate(dice, &mut frame);
    }
    // A device that vouches for the checksum lets mutations through to TCP.
    let checksum = if dice.below(2) == 0 { Checksum::Verified } else { Checksum::Complete };
    (frame, Offload { gso: None, checksum })
}

// Rules: SHLD-20.
#[test]
fn a_hundred_thousand_random_frames() {
    let frames: u64 = std::env::var("FRAMES").ok().and_then(|s| s.parse().ok()).unwrap_or(100_000);
    let seed: u64 = std::env::var("SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(1);
    let mut dice = Dice(Chance::from_seed(seed), 0);
    let mut target = Target::new();
    for n in 0..frames {
        if n % 500 == 499 {
            target.check_bounds();
            // Connections die of what they are given: time for new ones.
            target = Target::new();
        }
        let (frame, offload) = any_frame(&mut dice, &target);
        target.feed(&frame, offload);
        if dice.below(20) == 0 {
            let pause = [1, 40, 200, 1_000, 30_000][dice.below(5) as usize];
            target.advance(pause);
        }
    }
    assert!(target.stack.drops().total() > 0);
}

/// A frame that the IP layer or a transport header refuses is counted exactly once, and changes
/// nothing else.
#[test]
fn refused_frames_are_counted_once() {
    let mut dice = Dice(Chance::from_seed(2), 0);
    let mut target = Target::new();
    let connections = target.stack.tcp().len();
    for _ in 0..5_000 {
        let len = dice.below(60) as usize;
        let mut bytes = dice.bytes(len);
        if let Some(first) = bytes.first_mut() {
            *first = 0x45;
        }
        let before = target.stack.drops().total();
        target.feed(&bytes, Offload::default());
        assert_eq!(target.stack.drops().total(), before + 1, "{bytes:02x?}");
    }
    assert_eq!(target.stack.tcp().len(), connections);
}

/// SYNs from everywhere: embryos, queues and connections keep their bounds.
#[test]
fn a_flood_of_syns_is_bounded() {
    let mut target = Target::new();
    let (peer, host) = fuzz::hosts();
    for n in 0..3_000u16 {
        let header = Header { src: 1 + n, dst: 80, ctl: Ctl::SYN, ..Header::default() };
        let segment = tcp_bytes(peer.into(), host.into(), &header, b"");
        target.feed(&ip_packet(protocol::TCP, &segment, |_| ()), Offload::default());
        target.check_bounds();
    }
    let counters = target.stack.counters();
    let sent = |(name, n): &(String, u64)| name == "TcpExtSyncookiesSent" && *n > 2_800;
    assert!(counters.iter().any(sent), "the others get cookies");
    target.advance(100_000);
    let half_open: usize = target.stack.tcp().listeners().map(|l| l.listener.half_open()).sum();
    assert_eq!(half_open, 0, "nobody answered: all are forgotten");
}

fn corpus() -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/frame");
    let mut all: Vec<_> = std::fs::read_dir(folder)
        .expect("the corpus is there")
        .map(|entry| entry.expect("a file").path())
        .map(|path| (path.display().to_string(), std::fs::read(&path).expect("readable")))
        .collect();
    all.sort();
    all
}

/// Every frame of the corpus, alone on a fresh host and together on one.
#[test]
fn the_corpus_is_survived() {
    let corpus = corpus();
    assert!(corpus.len() >= 24, "{} frames", corpus.len());
    let mut together = Target::new();
    for (name, input) in &corpus {
        println!("{name}");
        let mut alone = Target::new();
        fuzz::frame(&mut alone, input);
        alone.advance(1_000);
        alone.check_bounds();
        fuzz::frame(&mut together, input);
    }
    together.advance(100_000);
    together.check_bounds();
}

/// Writes the corpus anew (`WRITE_CORPUS=1`): its frames are made, not found.
#[test]
fn the_corpus_is_what_this_file_says() {
    let made = made_corpus();
    if std::env::var_os("WRITE_CORPUS").is_some() {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/frame");
        std::fs::create_dir_all(&folder).expect("a folder");
        for (name, input) in &made {
            std::fs::write(folder.join(name), input).expect("a file");
        }
    }
    let known = corpus();
    for (name, input) in made {
        let kept = known.iter().find(|(path, _)| path.ends_with(&format!("/{name}")));
        assert_eq!(kept.map(|(_, kept)| kept), Some(&input), "{name}");
    }
}

/// Small frames, each interesting for one reason. The first byte claims a complete checksum.
fn made_corpus() -> Vec<(String, Vec<u8>)> {
    let (peer, host) = fuzz::hosts();
    let tcp = |change: &dyn Fn(&mut Header), body: &[u8]| {
        let base = Header { src: 3002, dst: 5002, seq: fuzz::near(0), ..Header::default() };
        let mut header = Header { wnd: 1_000, ..base };
        change(&mut header);
        let segment = tcp_bytes(peer.into(), host.into(), &header, body);
        ip_packet(protocol::TCP, &segment, |_| ())
    };
    let raw_options = |options: &[u8]| {
        let mut segment = tcp(&|h| h.ctl = Ctl::SYN, b"")[20..].to_vec();
        segment[2..4].copy_from_slice(&80u16.to_be_bytes());
        segment[12] = ((20 + options.len()) / 4 * 16) as u8;
        segment.extend(options);
        ip_packet(protocol::TCP, &segment, |_| ())
    };
    let piece = |offset: u32, mf: bool, len: usize| {
        ip_packet(protocol::UDP, &vec![1; len], |ip| (ip.offset, ip.mf, ip.id) = (offset, mf, 5))
    };
    let icmp = |kind: u8, code: u8, body: &[u8]| {
        ip_packet(protocol::ICMP, &icmp_bytes(Icmpv4::Other { kind, code }, body), |_| ())
    };
    let quoted = ip_packet(protocol::TCP, &[0; 8], |ip| (ip.src, ip.dst) = (ip.dst, ip.src));
    let all = Ctl(0x1ff);
    let mut out: Vec<(&str, u8, Vec<u8>)> = vec![
        ("empty", 2, Vec::new()),
        ("version-6", 2, vec![0x60; 40]),
        ("header-only", 2, tcp(&|_| (), b"")[..20].to_vec()),
        ("cut-in-tcp", 2, tcp(&|_| (), b"")[..39].to_vec()),
        ("land", 2, ip_packet(protocol::TCP, &[0; 20], |ip| ip.src = host)),
        (
            "to-broadcast",
            2,
            ip_packet(protocol::TCP, &[0; 20], |ip| ip.dst = [10, 0, 0, 255].into()),
        ),
        ("all-flags", 2, tcp(&|h| (h.ctl, h.ack) = (all, Some(h.seq)), b"x")),
        ("no-flags", 2, tcp(&|h| h.ctl = Ctl::NONE, b"")),
        ("syn-fin", 2, tcp(&|h| (h.dst, h.ctl) = (80, Ctl::SYN.with(Ctl::FIN)), b"")),
        ("syn-data", 2, tcp(&|h| (h.dst, h.ctl) = (80, Ctl::SYN), b"early")),
        ("rst-exact", 2, tcp(&|h| h.ctl = Ctl::RST, b"")),
        ("rst-in-window", 2, tcp(&|h| (h.ctl, h.seq) = (Ctl::RST, h.seq + 9), b"")),
        ("syn-in-window", 2, tcp(&|h| (h.ctl, h.seq) = (Ctl::SYN, h.seq + 9), b"")),
        ("seq-wraps", 2, tcp(&|h| (h.ctl, h.ack) = (Ctl::ACK, Some(h.seq)), &[1; 1_400])),
        ("urgent-nothing", 2, tcp(&|h| (h.ctl, h.urg) = (Ctl::URG, 0xffff), b"")),
        ("port-zero", 2, tcp(&|h| h.dst = 0, b"")),
        ("offset-too-small", 0, {
            let mut bytes = tcp(&|_| (), b"");
            bytes[32] = 0x40;
            bytes
        }),
        ("offset-too-large", 0, {
            let mut bytes = tcp(&|_| (), b"");
            bytes[32] = 0xf0;
            bytes
        }),
        ("options-length-zero", 0, raw_options(&[2, 0, 1, 1])),
        ("options-length-one", 0, raw_options(&[8, 1, 1, 1])),
        ("options-past-the-end", 0, raw_options(&[1, 1, 8, 10])),
        ("options-mss-zero", 0, raw_options(&[2, 4, 0, 0])),
        ("options-wscale-255", 0, raw_options(&[3, 3, 255, 0])),
        ("options-unknown", 0, raw_options(&[254, 4, 1, 2])),
        ("options-sack-odd", 0, raw_options(&[5, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])),
        ("first-fragment", 2, piece(0, true, 8)),
        ("tiny-fragment", 2, piece(8, true, 8)),
        ("ping-of-death", 2, piece(65_528, false, 100)),
        ("fragment-odd-length", 2, piece(0, true, 7)),
        ("atomic-end", 2, piece(0, false, 8)),
        ("icmp-empty", 2, ip_packet(protocol::ICMP, b"", |_| ())),
        ("icmp-frag-needed-zero", 2, icmp(3, 4, &quoted)),
        ("icmp-quote-cut", 2, icmp(3, 1, &quoted[..27])),
        ("icmp-redirect", 2, icmp(5, 1, &quoted)),
        ("icmp-quench", 2, icmp(4, 0, &quoted)),
        ("icmp-unheard-of", 2, icmp(250, 9, &[0; 30])),
        ("udp-length-7", 0, ip_packet(protocol::UDP, &[0, 1, 0, 9, 0, 7, 0, 0], |_| ())),
        ("udp-length-0", 0, ip_packet(protocol::UDP, &[0, 1, 0, 9, 0, 0, 0, 0], |_| ())),
        ("gso-of-one", 0x0d, tcp(&|h| (h.ctl, h.ack) = (Ctl::ACK, Some(h.seq)), b"x")),
    ];
    out.iter_mut()
        .map(|(name, claim, bytes)| ((*name).to_owned(), [&[*claim][..], bytes].concat()))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200, failure_persistence: None, ..Default::default()
    })]

    /// Bytes as a fuzzer gives them.
    #[test]
    fn any_run_of_bytes(input in proptest::collection::vec(any::<u8>(), 0..400)) {
        fuzz::frames(&mut Target::new(), &input);
    }

    /// The corpus, mutated, in any order.
    #[test]
    fn the_corpus_mutated(seed: u64) {
        let mut dice = Dice(Chance::from_seed(seed), 0);
        let corpus = made_corpus();
        let mut target = Target::new();
        for _ in 0..40 {
            let (_, mut input) = corpus[dice.below(corpus.len() as u64) as usize].clone();
            if dice.below(2) == 0 {
                mutate(&mut dice, &mut input);
            }
            fuzz::frame(&mut target, &input);
        }
        target.advance(100);
        target.check_bounds();
    }
}
