//! What of an open connection's segments is dropped, and why.

use super::cases;
use crate::support::puppet::{A, NONE, Puppet, R, S, SA, WND, host_setup, mss, none, ts};
use netglass::stack::ListenOptions;
use netglass::tcp::State;
use netglass::wire::tcp::{Ctl, Options};

cases! {
    "Why::Paws" => stamped(ts(999, 1)); stamped(ts(1_000, 1)) => "Accepted",
    "Why::NoTimestamp" => stamped(none()); stamped(ts(1_000, 1)) => "Accepted",
    "Why::OutOfWindow" => arrives(A, 65_536, 1, 1); arrives(A, 65_535, 1, 1) => "AckWhy::OutOfOrder",
    "Why::OldDuplicate" => data_again(10); data_again(11) => "Accepted",
    "Why::RstInTimeWait" => reset_in_time_wait(true); reset_in_time_wait(false) => "Cause::RcvRst",
    "Why::RstNotExact" => arrives(R, 2, 0, 0); arrives(R, 1, 0, 0) => "Cause::RcvRst",
    "Why::RstOutOfWindow" => arrives(R, 65_536, 0, 0); arrives(R, 65_535, 0, 0) => "Why::RstNotExact",
    "Why::SynInWindow" => arrives(SA, 1, 1, 0); arrives(A, 1, 1, 0) => "Accepted",
    "Why::NoAck" => arrives(NONE, 1, 1, 10); arrives(A, 1, 1, 10) => "Accepted",
    "Why::AckTooOld" => arrives(A, 1, -60_000, 0); arrives(A, 1, -59_999, 0) => "Accepted",
    "Why::AckTooNew" => arrives(A, 1, 2, 0); arrives(A, 1, 1, 0) => "Accepted",
    "Why::DataAfterFin" => after_its_end(1); after_its_end(0) => "Accepted",
    "Why::DataAfterClose" => after_our_end(1); after_our_end(0) => "Accepted",
    "Why::ReassemblyFull" => pieces(5); pieces(4) => "AckWhy::OutOfOrder",
    "Why::MemoryFull" => unread(22); unread(21) => "Accepted",
    "Why::ChallengeLimit" => two_challenges(499); two_challenges(500) => "AckWhy::Challenge",

    "Limit::Memory" => unread(21); unread(20) => "Accepted",
}

fn stamped(options: Options) {
    let mut p = Puppet::new();
    p.connect();
    let val = p.expect(S, 0, 0, 0).options.ts.unwrap().val;
    p.inject(SA, 0, 1, WND, ts(1_000, val), b"");
    p.forget();
    p.inject(A, 1, 1, WND, options, b"data");
    assert_eq!(p.state(), State::Established);
}

/// A peer that does not scale windows is offered 65 535 bytes.
fn arrives(ctl: Ctl, seq: i64, ack: i64, len: usize) {
    let mut p = Puppet::new().open(mss(1000));
    p.forget();
    p.inject(ctl, seq, ack, WND, none(), &vec![0; len]);
}

fn data_again(len: usize) {
    let mut p = Puppet::new().open(mss(1000));
    p.data(1, 10);
    p.forget();
    p.data(1, len);
    assert_eq!(p.info().bytes_received, len as u64);
}

/// The peer has ended, and says so many bytes.
fn after_its_end(len: usize) {
    let mut p = Puppet::new().in_state(State::CloseWait, false);
    p.forget();
    p.inject(A, p.snd, 1, WND, none(), &vec![0; len]);
    assert_eq!(p.state(), State::CloseWait);
}

fn after_our_end(len: usize) {
    let mut p = Puppet::new().in_state(State::FinWait1, true);
    p.forget();
    p.inject(A, 1, 1, WND, none(), &vec![0; len]);
}

/// So many pieces behind a gap, where four may lie.
fn pieces(n: i64) {
    let mut p = Puppet::with(|c| c.reassembly_pieces = 4).open(mss(1000));
    for piece in 1..=n {
        p.data(1 + piece * 100, 50);
        p.expect(A, 1, 1, 0);
    }
}

/// So many thousand bytes that nobody reads, where the host has room for 20 000.
fn unread(thousands: i64) {
    let mut setup = host_setup();
    setup.tcp_memory = 20_000;
    let mut p = Puppet::of(setup);
    p.listen(ListenOptions::default());
    p.inject(S, 0, 0, WND, mss(1000), b"");
    p.expect(SA, 0, 1, 0);
    p.inject(A, 1, 1, WND, none(), b"");
    p.accept();
    for n in 0..thousands {
        p.data(1 + n * 1_000, 1_000);
    }
    assert_eq!(p.info().bytes_received, 1_000 * thousands.min(21) as u64);
}

/// Two resets that are not exact, so long apart.
fn two_challenges(ms: u64) {
    let mut p = Puppet::new().open(mss(1000));
    p.inject(R, 2, 0, WND, none(), b"");
    p.expect(A, 1, 1, 0);
    p.advance(ms);
    p.forget();
    p.inject(R, 2, 0, WND, none(), b"");
}

/// A reset comes in TIME-WAIT, which heeds RFC 1337 or does not.
fn reset_in_time_wait(rfc1337: bool) {
    let mut p = Puppet::with(|c| c.rfc1337 = rfc1337).in_state(State::TimeWait, true);
    p.forget();
    p.inject(R, 2, 0, 0, none(), b"");
    p.expect_nothing();
}
