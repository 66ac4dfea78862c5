//! SYN cookies (RFC 4987 §3.6): a SYN is answered and forgotten; what a half-open connection would
//! have remembered of it stands in the sequence number of our SYN-ACK, under a key that only this
//! host has, and comes back with the peer's ACK.
//!
//! The number is `mask + peer's ISN + word`. The mask hides the word from those who do not see the
//! SYN-ACK; with the peer's ISN in it a later connection of the same pair starts ahead. The word:
//!
//! ```text
//!  31       27 26 24 23                              0
//! +-----------+-----+---------------------------------+
//! | time slot | MSS |              hash               |
//! +-----------+-----+---------------------------------+
//! ```
//!
//! The hash is over both addresses and ports, the peer's ISN, the time slot, the MSS and what the
//! timestamp carries: a peer that uses timestamps echoes ours, whose lowest bits tell its window
//! scale, whether it permits SACK and whether ECN is agreed on. A peer without timestamps gets none
//! of them.

use super::isn::tuple_bytes;
use super::tcb::default_mss;
use crate::base::rng::Purpose;
use crate::base::{Chance, Duration, Instant, Seq};
use crate::wire::tcp::{Options, Timestamps};
use std::net::SocketAddr;

/// The length of a time slot. A cookie counts in its own slot and in the next one: for one to two
/// minutes.
const SLOT: Duration = Duration::from_secs(64);
/// How long a listener that has sent a cookie looks for one in ACKs.
pub(super) const LIFETIME: Duration = Duration::from_secs(2 * SLOT.as_secs());
/// What is kept of a peer's MSS: the largest of these that it can take.
const SIZES: [u16; 8] = [48, 536, 1220, 1360, 1440, 1460, 8940, 65_475];
/// Bits of our timestamp that carry options: four for the window scale, one for SACK, one for ECN.
// Rules: 4987-3.6-2.
const BITS: u32 = 6;
/// The window scale that says that there is none.
const NO_SCALE: u8 = 15;

/// Who asks: both ends and the peer's initial sequence number.
#[derive(Copy, Clone, Debug)]
pub(super) struct Asker {
    pub local: SocketAddr,
    pub remote: SocketAddr,
    pub irs: Seq,
}

/// The initial sequence number that answers a SYN with these options, those of them that are
/// remembered, and the clock of our timestamp.
// Rules: 4987-3.6-1.
pub(super) fn bake(
    now: Instant,
    asker: Asker,
    (theirs, ecn): (&Options, bool),
    chance: &Chance,
) -> (Seq, Options, u32) {
    let mss = theirs.told_mss().unwrap_or(default_mss(asker.remote.is_ipv6()));
    let size = SIZES.iter().rposition(|size| *size <= mss).unwrap_or(0);
    let kept = Options {
        mss: Some(SIZES[size]),
        wscale: theirs.wscale.filter(|_| theirs.ts.is_some()).map(|shift| shift.min(14)),
        sack_permitted: theirs.sack_permitted && theirs.ts.is_some(),
        ts: theirs.ts,
        ..Options::default()
    };
    let bits = kept.ts.map(|_| bits_of(&kept) | u8::from(ecn) << 5);
    let slot = slot_of(now);
    let iss = mask(asker, chance) + asker.irs.0 + word(asker, slot, size, bits, chance);
    (iss, kept, clock(now, bits.unwrap_or(0)))
}

/// The options of the SYN that `iss` answered, and whether ECN was agreed on, if it is a cookie
/// that still counts. `ts`: the
/// timestamps of the ACK, with our clock's offset taken off what they echo.
// Rules: 4987-3.6-3.
pub(super) fn eat(
    now: Instant,
    asker: Asker,
    iss: Seq,
    ts: Option<Timestamps>,
    chance: &Chance,
) -> Option<(Options, bool)> {
    let given = (iss - mask(asker, chance)).wrapping_sub(asker.irs.0);
    let current = slot_of(now);
    let age = current.wrapping_sub(u64::from(given >> 27)) & 31;
    let slot = current.checked_sub(age).filter(|_| age <= 1)?;
    let size = (given >> 24 & 7) as usize;
    let bits = ts.map(|ts| (ts.ecr & ((1 << BITS) - 1)) as u8);
    if word(asker, slot, size, bits, chance) != given {
        return None;
    }
    let bits = bits.unwrap_or(NO_SCALE);
    let options = Options {
        mss: Some(SIZES[size]),
        wscale: Some(bits & 15).filter(|shift| *shift != NO_SCALE),
        sack_permitted: bits >> 4 & 1 == 1,
        ts,
        ..Options::default()
    };
    Some((options, bits >> 5 == 1))
}

fn slot_of(now: Instant) -> u64 {
    now.as_millis() / (SLOT.as_millis() as u64)
}

fn bits_of(kept: &Options) -> u8 {
    kept.wscale.unwrap_or(NO_SCALE) | u8::from(kept.sack_permitted) << 4
}

/// The latest reading of the millisecond clock, not in the future, whose lowest bits are `bits`.
fn clock(now: Instant, bits: u8) -> u32 {
    let (now, step) = (now.as_millis() as u32, 1 << BITS);
    let reading = now & !(step - 1) | u32::from(bits);
    if reading > now { reading.wrapping_sub(step) } else { reading }
}

/// The same for every cookie of a pair of sockets.
fn mask(asker: Asker, chance: &Chance) -> Seq {
    Seq(chance.draw_bytes(Purpose::CookieMask, &tuple_bytes(asker.local, asker.remote)) as u32)
}

fn word(asker: Asker, slot: u64, size: usize, bits: Option<u8>, chance: &Chance) -> u32 {
    let mut key = [0; 36 + 4 + 8 + 2];
    key[..36].copy_from_slice(&tuple_bytes(asker.local, asker.remote));
    key[36..40].copy_from_slice(&asker.irs.0.to_be_bytes());
    key[40..48].copy_from_slice(&slot.to_be_bytes());
    key[48..].copy_from_slice(&[size as u8, bits.unwrap_or(0xff)]);
    let hash = chance.draw_bytes(Purpose::Cookie, &key) as u32 & 0xff_ffff;
    (slot as u32 & 31) << 27 | (size as u32) << 24 | hash
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANCE: Chance = Chance::from_seed(1);

    fn asker() -> Asker {
        let (local, remote) = ("10.0.0.1:80".parse().unwrap(), "10.0.0.2:4000".parse().unwrap());
        Asker { local, remote, irs: Seq(77) }
    }

    fn syn(mss: u16, wscale: Option<u8>, sack: bool, ts: bool) -> Options {
        let ts = ts.then_some(Timestamps { val: 5, ecr: 0 });
        Options { mss: Some(mss), wscale, sack_permitted: sack, ts, ..Options::default() }
    }

    // Rules: 4987-3.6-1.
    #[test]
    fn what_is_baked_in_comes_out() {
        let now = Instant::from_millis(1_000_003);
        for (mss, kept) in [(1, 48), (536, 536), (1459, 1440), (1460, 1460), (65_535, 65_475)] {
            for wscale in [None, Some(0), Some(7), Some(14), Some(200)] {
                for (sack, with_ts) in [(false, false), (true, false), (false, true), (true, true)]
                {
                    let syn = syn(mss, wscale, sack, with_ts);
                    let (iss, agreed, clock) = bake(now, asker(), (&syn, sack && with_ts), &CHANCE);
                    assert!(clock <= 1_000_003 && clock > 1_000_003 - 128);
                    let echo = with_ts.then_some(Timestamps { val: 9, ecr: clock });
                    let (eaten, ecn) = eat(now, asker(), iss, echo, &CHANCE).expect("our cookie");
                    let scale = wscale.map(|shift| shift.min(14)).filter(|_| with_ts);
                    let then = (Some(kept), scale, sack && with_ts);
                    assert_eq!((eaten.mss, eaten.wscale, eaten.sack_permitted), then);
                    assert_eq!((agreed.mss, agreed.wscale, agreed.sack_permitted), then);
                    assert_eq!((eaten.ts, ecn), (echo, sack && with_ts));
                }
            }
        }
    }

    // Rules: 4987-3.6-3.
    #[test]
    fn it_counts_for_one_to_two_minutes_and_only_there() {
        let start = Instant::from_millis(640_000 - 1);
        let (iss, ..) = bake(start, asker(), (&syn(1460, None, false, false), false), &CHANCE);
        let good =
            |ms, asker| eat(start + Duration::from_millis(ms), asker, iss, None, &CHANCE).is_some();
        let table = [(0, true), (1, true), (64_000, true), (64_001, false), (32 * 64_000, false)];
        for (ms, counts) in table {
            assert_eq!(good(ms, asker()), counts, "after {ms} ms");
        }
        assert!(!good(0, Asker { irs: Seq(78), ..asker() }));
        let elsewhere = "10.0.0.3:4000".parse().unwrap();
        assert!(!good(0, Asker { remote: elsewhere, ..asker() }));
        let with_ts = Some(Timestamps { val: 1, ecr: 15 });
        assert!(eat(start, asker(), iss, with_ts, &CHANCE).is_none(), "none was offered");
        assert!(eat(start, asker(), iss, None, &Chance::from_seed(2)).is_none());
    }

    // Rules: 4987-3.6-3.
    #[test]
    fn guesses_fail() {
        let now = Instant::from_millis(10_000_000);
        let guessed = |n: u32| eat(now, asker(), Seq(n.wrapping_mul(2_654_435_761)), None, &CHANCE);
        assert_eq!((0..200_000).filter_map(guessed).count(), 0);
    }

    #[test]
    fn a_later_connection_starts_ahead() {
        let at = |irs| {
            let asker = Asker { irs: Seq(irs), ..asker() };
            mask(asker, &CHANCE) + asker.irs.0
        };
        assert_eq!(at(1_000_000) - at(0), 1_000_000);
    }
}
