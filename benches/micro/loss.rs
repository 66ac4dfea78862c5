//! What an ACK costs that reports a segment by SACK, while much is in flight: the queue finds what
//! is reported, and RACK what is lost, beside a look at each segment in flight.

use crate::table::{Table, timed};
use netglass::base::rng::Purpose;
use netglass::base::{Chance, Instant, Seq};
use netglass::tcp::rack::Rack;
use netglass::tcp::rtxq::{Rtxq, Sent, Stamp};
use std::hint::black_box;
use std::time::Duration;

/// Operations timed at a time.
const BATCH: usize = 256;
/// A small segment.
const MSS: u32 = 48;
/// How much is in flight.
const FEW: usize = 1_000;
const MANY: usize = 80_000;

pub(crate) fn rows(table: &mut Table) {
    let bytes = MSS as usize;
    table.row("loss: SACK of one, 1 000 in flight", bytes, BATCH, || acks(FEW, false));
    table.row("loss: SACK of one, 80 000 in flight", bytes, BATCH, || acks(MANY, false));
    table.row("loss: the same, looking at each", bytes, BATCH, || acks(MANY, true));
}

fn at(n: usize) -> Instant {
    Instant::from_millis(100) + Duration::from_micros(n as u64)
}

fn in_flight(count: usize) -> Rtxq {
    let mut queue = Rtxq::default();
    let stamp = Stamp {
        delivered: 0,
        delivered_at: Instant::ZERO,
        first_sent_at: Instant::ZERO,
        app_limited: false,
    };
    for n in 0..count {
        queue.push(Sent {
            seq: Seq(n as u32 * MSS),
            len: MSS,
            mss: MSS as u16,
            phase: 0,
            sent_at: at(n),
            stamp,
            in_flight: MSS,
            retransmits: 0,
            sacked: false,
            lost: false,
            twice: false,
            push: false,
            fin: false,
        });
    }
    queue
}

/// Segments are reported in random order; nothing that is lost goes out again.
fn acks(count: usize, looking: bool) -> impl FnMut() -> Duration {
    let chance = Chance::from_seed(1);
    let mut queue = in_flight(count);
    let (mut rack, mut n) = (Rack::default(), 0);
    move || {
        if queue.sacked().bytes as usize > count / 4 * MSS as usize {
            (queue, rack) = (in_flight(count), Rack::default());
        }
        timed(|| {
            for _ in 0..BATCH {
                n += 1;
                let left = Seq(chance.below(count as u64, Purpose::Scenario, 0, n) as u32 * MSS);
                let (block, now) = ((left, left + MSS), at(count + n as usize));
                queue.sack(block, block, |sent| rack.delivered(sent, now, false, Duration::ZERO));
                black_box(rack.detect(&mut queue, Duration::ZERO, now));
                if looking {
                    black_box(queue.iter().filter(|sent| !sent.lost && !sent.sacked).count());
                }
            }
        })
    }
}
