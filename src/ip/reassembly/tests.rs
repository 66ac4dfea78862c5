//! Reassembly against a byte map and against an independent implementation.

use super::*;
use etherparse::{IpFragOffset, IpNumber, defrag::IpDefragBuf};
use proptest::prelude::*;
use proptest::sample::Index;

const HEADER: &[u8] = b"the IP header of 24 byte";

fn fragment(id: u32, offset: u32, more: bool, tos: u8) -> Fragment<u32> {
    let addr = |host| IpAddr::from([10, 9, 0, host]);
    let key = Key { src: addr(2), dst: addr(1), proto: 17, id };
    Fragment { key, offset, more, tos, header_len: HEADER.len(), limit: 65_535, header: offset }
}

/// A store, its pool, and a clock.
struct Bench {
    store: Reassembly<u32>,
    pool: Pool,
    now: Instant,
}

impl Bench {
    fn new(limits: Limits) -> Bench {
        Bench { store: Reassembly::new(limits), pool: Pool::new(), now: Instant::ZERO }
    }

    fn put(&mut self, fragment: Fragment<u32>, bytes: &[u8]) -> Outcome<u32> {
        let mut packet = Chunks::from(self.pool.copy(HEADER));
        packet.push(self.pool.copy(bytes));
        self.store.input(self.now, fragment, packet, &self.pool)
    }

    #[track_caller]
    fn held(&mut self, fragment: Fragment<u32>, bytes: &[u8]) {
        let outcome = self.put(fragment, bytes);
        assert!(matches!(outcome, Outcome::Held), "{outcome:?}");
    }

    #[track_caller]
    fn dropped(&mut self, fragment: Fragment<u32>, bytes: &[u8], expected: Why) {
        let outcome = self.put(fragment, bytes);
        assert!(matches!(outcome, Outcome::Dropped(why) if why == expected), "{outcome:?}");
    }

    #[track_caller]
    fn complete(&mut self, fragment: Fragment<u32>, bytes: &[u8], expected: &[u8]) -> u8 {
        match self.put(fragment, bytes) {
            Outcome::Complete(whole) => {
                assert_eq!((whole.header, &whole.payload.to_vec()[..]), (0, expected));
                whole.tos
            }
            other => panic!("{other:?}"),
        }
    }

    fn gone(&mut self, at: Duration) -> Vec<(u32, Why, bool)> {
        self.now += at;
        std::iter::from_fn(|| self.store.poll(self.now))
            .map(|gone| (gone.key.id, gone.why, gone.first.is_some()))
            .collect()
    }
}

#[test]
fn pieces_join_in_any_order_and_copies_are_harmless() {
    let mut bench = Bench::new(Limits::default());
    bench.held(fragment(1, 16, false, 0), b"end");
    bench.held(fragment(1, 0, true, 0xb8), b"01234567");
    bench.held(fragment(1, 0, true, 0xb8), b"01234567");
    bench.held(fragment(1, 16, false, 0), b"end");
    bench.held(fragment(2, 8, true, 0), b"another!");
    let tos = bench.complete(fragment(1, 8, true, 0), b"89abcdef", b"0123456789abcdefend");
    assert_eq!((tos, bench.store.len()), (0xb8, 1));
}

#[test]
fn a_whole_datagram_passes_fragments_of_the_same_key_by() {
    let mut bench = Bench::new(Limits::default());
    bench.held(fragment(1, 0, true, 0), b"01234567");
    bench.complete(fragment(1, 0, false, 0), b"whole", b"whole");
    bench.complete(fragment(1, 0, false, 0), b"", b"");
    bench.complete(fragment(1, 8, false, 0), b"8", b"012345678");
}

#[test]
fn impossible_places_are_dropped_alone() {
    let mut bench = Bench::new(Limits::default());
    bench.held(fragment(1, 8, false, 0), b"8");
    bench.dropped(fragment(1, 0, true, 0), b"0123456", Why::FragmentRange);
    bench.dropped(fragment(1, 0, true, 0), b"", Why::FragmentRange);
    bench.dropped(fragment(1, 8, false, 0), b"", Why::FragmentRange);
    bench.dropped(fragment(1, 4, true, 0), b"01234567", Why::FragmentRange);
    // The ping of death: 65 528 + 24 bytes of header + 1 is more than 65 535.
    bench.dropped(fragment(1, 65_528, false, 0), b"x", Why::FragmentRange);
    bench.dropped(
        Fragment { header_len: 99, ..fragment(1, 0, true, 0) },
        b"12",
        Why::FragmentRange,
    );
    bench.complete(fragment(1, 0, true, 0), b"01234567", b"012345678");
    bench.held(fragment(2, 65_504, false, 0), b"1234567");
    bench.dropped(fragment(3, 65_504, false, 0), b"12345678", Why::FragmentRange);
}

#[test]
fn an_overlap_gives_the_datagram_up_and_its_later_pieces_too() {
    let overlaps: [(&[u8], u32, bool); 6] = [
        (b"teardrop", 16, true),                // the same place, other bytes
        (b"01234567fedcba9801234567", 0, true), // over the edge of the held piece
        (b"fedcba98", 24, false),               // the same bytes, but as the end
        (b"fedcba9876543210", 24, true),        // from the middle on
        (b"short", 16, false),                  // an end inside what is held
        (b"0123456701234567012345670123456701234567", 0, true),
    ];
    for (bytes, offset, more) in overlaps {
        let mut bench = Bench::new(Limits::default());
        bench.held(fragment(1, 16, true, 0), b"01234567fedcba98");
        let Outcome::Dropped(why) = bench.put(fragment(1, offset, more, 0), bytes) else {
            panic!("{offset} was taken");
        };
        assert!(matches!(why, Why::FragmentOverlap | Why::FragmentRange), "{why:?}");
        assert_eq!((bench.store.held_bytes(), bench.store.len()), (0, 1));
        bench.dropped(fragment(1, 0, true, 0), b"01234567", why);
        // It is forgotten in silence: RFC 5722 §4 wants no ICMP about it.
        assert_eq!(bench.gone(Duration::from_secs(30)), []);
        assert!(bench.store.is_empty() && bench.store.deadline().is_none());
        bench.held(fragment(1, 0, true, 0), b"01234567");
    }
}

#[test]
fn contradicting_ends_give_the_datagram_up() {
    for (offset, more) in [(8, false), (16, true), (24, false), (32, true)] {
        let mut bench = Bench::new(Limits::default());
        bench.held(fragment(1, 16, false, 0), b"01234567");
        bench.dropped(fragment(1, offset, more, 0), b"01234567", Why::FragmentRange);
        assert_eq!(bench.store.held_bytes(), 0);
    }
}

#[test]
fn time_runs_from_the_first_arrival_and_the_first_fragment_is_quoted() {
    let mut bench = Bench::new(Limits::default());
    bench.held(fragment(1, 0, true, 0), b"01234567");
    bench.now += Duration::from_secs(10);
    bench.held(fragment(2, 8, false, 0), b"01234567");
    bench.held(fragment(1, 8, true, 0), b"01234567");
    assert_eq!(bench.store.deadline(), Some(Instant::from_millis(30_000)));
    assert_eq!(bench.gone(Duration::from_secs(19)), []);
    bench.now += Duration::from_secs(1);
    let gone = bench.store.poll(bench.now).expect("one is due");
    assert_eq!((gone.key.id, gone.why), (1, Why::ReassemblyTimeout));
    let quoted = gone.first.expect("the first fragment came").to_vec();
    assert_eq!(quoted, [HEADER, b"01234567"].concat());
    assert_eq!(bench.store.deadline(), Some(Instant::from_millis(40_000)));
    // A piece that comes when time is over, but before the poll, does not revive the datagram.
    bench.now += Duration::from_secs(10);
    bench.held(fragment(2, 0, true, 0), b"01234567");
    assert_eq!(bench.store.deadline(), Some(Instant::ZERO));
    assert_eq!(bench.gone(Duration::ZERO), [(2, Why::ReassemblyTimeout, false)]);
    assert_eq!(bench.store.deadline(), Some(Instant::from_millis(70_000)));
}

#[test]
fn the_oldest_makes_room() {
    let one = 2 * crate::base::pool::CLASSES[0] + size_of::<Piece>();
    let mut bench = Bench::new(Limits { bytes: 3 * one, ..Limits::default() });
    for id in 1..=3 {
        bench.held(fragment(id, 0, true, 0), b"01234567");
    }
    assert_eq!(bench.store.held_bytes(), 3 * one);
    // The oldest gets another piece: the next oldest makes room, not the datagram itself.
    bench.held(fragment(1, 8, true, 0), b"01234567");
    assert_eq!(bench.gone(Duration::ZERO), [(2, Why::FragmentLimit, false)]);
    bench.held(fragment(4, 0, true, 0), b"01234567");
    assert_eq!(bench.gone(Duration::ZERO), [(1, Why::FragmentLimit, false)]);
    assert_eq!((bench.store.held_bytes(), bench.store.len()), (2 * one, 2));
    // A datagram that needs more than everything is given up by itself.
    bench.held(fragment(3, 8, true, 0), b"01234567");
    bench.held(fragment(3, 16, true, 0), b"01234567");
    bench.dropped(fragment(3, 24, true, 0), b"01234567", Why::FragmentLimit);
    assert_eq!(bench.gone(Duration::ZERO), [(4, Why::FragmentLimit, false)]);
    assert_eq!((bench.store.held_bytes(), bench.store.len()), (0, 1));
}

#[test]
fn datagrams_and_pieces_are_bounded() {
    let mut bench = Bench::new(Limits { datagrams: 2, pieces: 3, ..Limits::default() });
    for n in 0..3 {
        bench.held(fragment(1, 16 * n, true, 0), b"01234567");
    }
    bench.dropped(fragment(1, 8, true, 0), b"01234567", Why::FragmentLimit);
    bench.held(fragment(2, 0, true, 0), b"01234567");
    bench.held(fragment(3, 0, true, 0), b"01234567");
    assert_eq!(bench.gone(Duration::ZERO), [], "what was given up leaves in silence");
    bench.held(fragment(4, 0, true, 0), b"01234567");
    assert_eq!(bench.gone(Duration::ZERO), [(2, Why::FragmentLimit, false)]);
    assert_eq!(bench.store.len(), 2);
}

#[test]
fn a_small_fragment_does_not_pin_a_large_block() {
    let mut bench = Bench::new(Limits::default());
    let mut block = bench.pool.take(crate::base::pool::CLASSES[2]);
    block.append(&[HEADER, b"01234567"].concat());
    let outcome = bench.store.input(bench.now, fragment(1, 0, true, 0), block.into(), &bench.pool);
    assert!(matches!(outcome, Outcome::Held));
    assert_eq!(bench.store.held_bytes(), crate::base::pool::CLASSES[0] + size_of::<Piece>());
}

// Rules: 3168-5.3-1.
#[test]
fn congestion_is_not_lost() {
    // Not-ECT 0, ECT(1) 1, ECT(0) 2, CE 3.
    for (a, b, expected) in [
        (0, 0, Some(0)),
        (2, 2, Some(2)),
        (2, 3, Some(3)),
        (3, 2, Some(3)),
        (2, 0, Some(2)),
        (0, 3, None),
        (3, 0, None),
    ] {
        let mut bench = Bench::new(Limits::default());
        bench.held(fragment(1, 0, true, 0x40 | a), b"01234567");
        match (bench.put(fragment(1, 8, false, b), b"8"), expected) {
            (Outcome::Complete(whole), Some(ecn)) => assert_eq!(whole.tos, 0x40 | ecn),
            (Outcome::Dropped(Why::FragmentEcn), None) => {}
            (other, _) => panic!("{a} {b}: {other:?}"),
        }
        assert!(bench.store.is_empty() && bench.store.held_bytes() == 0);
    }
}

/// What reassembly is, byte by byte.
#[derive(Default)]
struct Model {
    pieces: Vec<(u32, Vec<u8>, bool)>,
    bytes: BTreeMap<u32, u8>,
    refused: bool,
}

impl Model {
    /// The whole datagram, or whether the piece was taken (or was there).
    fn put(&mut self, offset: u32, bytes: &[u8], more: bool) -> Result<Option<Vec<u8>>, ()> {
        let piece = (offset, bytes.to_vec(), more);
        if self.pieces.contains(&piece) && !self.refused {
            return Ok(None);
        }
        let places: Vec<u32> = (offset..offset + bytes.len() as u32).collect();
        self.refused |= places.iter().any(|at| self.bytes.contains_key(at));
        self.bytes.extend(places.into_iter().zip(bytes.iter().copied()));
        self.pieces.push(piece);
        let ends = self.pieces.iter().filter(|p| !p.2).map(|p| p.0 + p.1.len() as u32);
        let ends: Vec<u32> = ends.collect();
        let beyond = |end: &u32| self.bytes.keys().any(|at| at >= end);
        let more_at = |end: &u32| self.pieces.iter().any(|p| p.2 && p.0 + p.1.len() as u32 == *end);
        self.refused |= ends.len() > 1 || ends.iter().any(|end| beyond(end) || more_at(end));
        if self.refused {
            return Err(());
        }
        let whole = ends.first().is_some_and(|end| self.bytes.len() as u32 == *end);
        Ok(whole.then(|| self.bytes.values().copied().collect()))
    }
}

/// Offset and length in units of 8 bytes, whether more follow, odd bytes of a last piece, fill.
fn piece() -> impl Strategy<Value = (u32, Vec<u8>, bool)> {
    (0u32..6, 1usize..4, any::<bool>(), 1usize..=8, 0u8..2).prop_map(
        |(offset, units, more, odd, fill)| {
            let len = if more { units * 8 } else { units * 8 - 8 + odd };
            (offset * 8, vec![fill; len], more)
        },
    )
}

proptest! {
    #[test]
    fn agrees_with_a_map_of_bytes(pieces in proptest::collection::vec(piece(), 1..12)) {
        let (mut bench, mut model) = (Bench::new(Limits::default()), Model::default());
        for (offset, bytes, more) in pieces {
            if offset == 0 && !more {
                continue;
            }
            let ours = match bench.put(fragment(1, offset, more, 0), &bytes) {
                Outcome::Held => Ok(None),
                Outcome::Complete(whole) => Ok(Some(whole.payload.to_vec())),
                Outcome::Dropped(_) => Err(()),
            };
            let theirs = model.put(offset, &bytes, more);
            prop_assert_eq!(&ours, &theirs, "{} {:?} {}", offset, bytes, more);
            if let Ok(Some(_)) = theirs {
                model = Model::default();
            }
        }
    }

    #[test]
    fn shuffled_pieces_with_copies_join_as_etherparse_joins_them(
        bytes in proptest::collection::vec(any::<u8>(), 9..2000),
        cuts in proptest::collection::vec(any::<Index>(), 0..8),
        order in proptest::collection::vec(any::<Index>(), 0..60),
    ) {
        let units = bytes.len().div_ceil(8);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(units) * 8).collect();
        cuts.extend([0, (units - 1) * 8, bytes.len()]);
        cuts.sort_unstable();
        cuts.dedup();
        let pieces: Vec<(usize, usize)> = cuts.windows(2).map(|w| (w[0], w[1])).collect();
        // Any order with copies, then every piece once, so that the datagram is sure to complete.
        let order = order.iter().map(|i| i.index(pieces.len())).chain(0..pieces.len());

        let mut bench = Bench::new(Limits::default());
        let mut theirs = IpDefragBuf::new(IpNumber(17), Vec::new(), Vec::new());
        for at in order {
            let (from, to) = pieces[at];
            let more = to < bytes.len();
            let offset = IpFragOffset::try_new(from as u16 / 8).expect("13 bits");
            theirs.add(offset, more, &bytes[from..to]).expect("a possible fragment");
            match bench.put(fragment(1, from as u32, more, 0), &bytes[from..to]) {
                Outcome::Held => prop_assert!(!theirs.is_complete()),
                Outcome::Complete(whole) => {
                    prop_assert!(theirs.is_complete());
                    prop_assert_eq!(&whole.payload.to_vec(), theirs.data());
                    prop_assert_eq!(whole.payload.to_vec(), bytes);
                    prop_assert!(bench.store.is_empty() && bench.store.held_bytes() == 0);
                    return Ok(());
                }
                Outcome::Dropped(why) => prop_assert!(false, "{why}"),
            }
        }
        prop_assert!(false, "never complete");
    }

    #[test]
    fn bounds_hold_and_memory_is_counted_right(
        pieces in proptest::collection::vec((0u32..6, piece(), 0u64..4), 1..60),
        units in 1usize..6, datagrams in 1usize..5, pieces_max in 1usize..6,
    ) {
        let one = 2 * crate::base::pool::CLASSES[0] + size_of::<Piece>();
        let timeout = Duration::from_secs(5);
        let limits = Limits { bytes: units * one, datagrams, pieces: pieces_max, timeout };
        let mut bench = Bench::new(limits);
        for (id, (offset, bytes, more), seconds) in pieces {
            bench.now += Duration::from_secs(seconds);
            bench.put(fragment(id, offset, more, 0), &bytes);
            let held: usize = bench.store.datagrams.values().map(|d| d.cost).sum();
            prop_assert_eq!(bench.store.held_bytes(), held);
            prop_assert!(held <= limits.bytes && bench.store.len() <= datagrams);
            prop_assert_eq!(bench.store.order.len(), bench.store.len());
            while bench.store.poll(bench.now).is_some() {}
            prop_assert!(bench.store.deadline().is_none_or(|at| at > bench.now));
        }
    }
}
