//! The matrix of RFC 9293 §3.10.7: every state, every kind of segment, every place relative to the
//! receive window, as scripts below `tests/wire/matrix/`. What must follow is computed here from
//! the RFC's text (with RFC 5961) and from where Linux, whose profile runs them, goes another way;
//! not by running anything.
//!
//! Each script ends with an old duplicate of one byte: its answer shows SND.NXT and RCV.NXT, or
//! that there is no connection, and that nothing else was sent in between.

use std::fmt::Write;

/// The window that the host offers, without a scale: 44 full segments, as Linux does.
const WND: i64 = 64_240;

/// A state, as far as these scripts reach it.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum State {
    Closed,
    Listen,
    SynSent,
    SynReceived,
    Established,
    FinWait1,
    FinWait2,
    Closing,
    TimeWait,
    CloseWait,
    LastAck,
}

use State as St;

impl State {
    const ALL: [State; 11] = [
        St::Closed,
        St::Listen,
        St::SynSent,
        St::SynReceived,
        St::Established,
        St::FinWait1,
        St::FinWait2,
        St::Closing,
        St::TimeWait,
        St::CloseWait,
        St::LastAck,
    ];

    /// The RFC's name.
    fn name(self) -> &'static str {
        match self {
            St::Closed => "CLOSED",
            St::Listen => "LISTEN",
            St::SynSent => "SYN-SENT",
            St::SynReceived => "SYN-RECEIVED",
            St::Established => "ESTABLISHED",
            St::FinWait1 => "FIN-WAIT-1",
            St::FinWait2 => "FIN-WAIT-2",
            St::Closing => "CLOSING",
            St::TimeWait => "TIME-WAIT",
            St::CloseWait => "CLOSE-WAIT",
            St::LastAck => "LAST-ACK",
        }
    }

    /// SND.NXT there.
    fn snd_nxt(self) -> i64 {
        let fin =
            matches!(self, St::FinWait1 | St::FinWait2 | St::Closing | St::TimeWait | St::LastAck);
        1 + i64::from(fin)
    }

    /// Whether the peer's FIN has been received.
    fn has_fin(self) -> bool {
        matches!(self, St::Closing | St::TimeWait | St::CloseWait | St::LastAck)
    }

    /// RCV.NXT there.
    fn rcv_nxt(self) -> i64 {
        1 + i64::from(self.has_fin())
    }

    /// How one gets there.
    fn preamble(self) -> String {
        const SOCKET: &str = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n";
        const LISTEN: &str = "+0 bind(3, ..., ...) = 0\n+0 listen(3, 1) = 0\n";
        const SYN: &str = "+0 < S 0:0(0) win 65535 <mss 1000>\n+0 > S. 0:0(0) ack 1 <mss 1460>\n";
        const OPEN: &str =
            "+0.01 < . 1:1(0) ack 1 win 65535\n+0 accept(3, ..., ...) = 4\n+0 close(3) = 0\n";
        const FIN: &str = "+0.01 < F. 1:1(0) ack 1 win 65535\n+0 > . 1:1(0) ack 2\n";
        let open = || format!("{SOCKET}{LISTEN}{SYN}{OPEN}");
        let close = |ack| format!("+0 shutdown(4, SHUT_WR) = 0\n+0 > F. 1:1(0) ack {ack}\n");
        match self {
            St::Closed => String::new(),
            St::Listen => format!("{SOCKET}{LISTEN}"),
            St::SynSent => format!(
                "{SOCKET}+0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0\n\
                 +0 connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)\n\
                 +0 > S 0:0(0) <...>\n"
            ),
            St::SynReceived => format!("{SOCKET}{LISTEN}{SYN}"),
            St::Established => open(),
            St::FinWait1 => open() + &close(1),
            St::FinWait2 => open() + &close(1) + "+0.01 < . 1:1(0) ack 2 win 65535\n",
            St::Closing => {
                open() + &close(1) + "+0.01 < F. 1:1(0) ack 1 win 65535\n+0 > . 2:2(0) ack 2\n"
            }
            St::TimeWait => {
                open()
                    + &close(1)
                    + "+0.01 < . 1:1(0) ack 2 win 65535\n\
                       +0 < F. 1:1(0) ack 2 win 65535\n+0 > . 2:2(0) ack 2\n"
            }
            St::CloseWait => open() + FIN,
            St::LastAck => open() + FIN + &close(2),
        }
    }
}

/// A kind of segment.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Kind {
    Syn,
    SynAck,
    Ack,
    Data,
    Fin,
    FinAck,
    Rst,
    RstAck,
    SynFin,
}

impl Kind {
    const ALL: [Kind; 9] = [
        Kind::Syn,
        Kind::SynAck,
        Kind::Ack,
        Kind::Data,
        Kind::Fin,
        Kind::FinAck,
        Kind::Rst,
        Kind::RstAck,
        Kind::SynFin,
    ];

    fn name(self) -> &'static str {
        match self {
            Kind::Syn => "syn",
            Kind::SynAck => "syn-ack",
            Kind::Ack => "ack",
            Kind::Data => "data",
            Kind::Fin => "fin",
            Kind::FinAck => "fin-ack",
            Kind::Rst => "rst",
            Kind::RstAck => "rst-ack",
            Kind::SynFin => "syn-fin",
        }
    }

    fn flags(self) -> &'static str {
        match self {
            Kind::Syn => "S",
            Kind::SynAck => "S.",
            Kind::Ack => ".",
            Kind::Data => "P.",
            Kind::Fin => "F",
            Kind::FinAck => "F.",
            Kind::Rst => "R",
            Kind::RstAck => "R.",
            Kind::SynFin => "SF",
        }
    }

    fn has(self, flag: char) -> bool {
        self.flags().contains(flag)
    }

    fn bytes(self, place: Option<Place>) -> i64 {
        match self {
            Kind::Data if place == Some(Place::LeftOf) => 1,
            Kind::Data => 10,
            _ => 0,
        }
    }

    /// What SYN and FIN add to SEG.LEN.
    fn controls(self) -> i64 {
        i64::from(self.has('S')) + i64::from(self.has('F'))
    }
}

/// Where SEG.SEQ lies.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Place {
    LeftOf,
    LeftEdge,
    In,
    RightEdge,
    RightOf,
}

impl Place {
    const ALL: [Place; 5] =
        [Place::LeftOf, Place::LeftEdge, Place::In, Place::RightEdge, Place::RightOf];

    fn name(self) -> &'static str {
        match self {
            Place::LeftOf => "left-of",
            Place::LeftEdge => "left-edge",
            Place::In => "in",
            Place::RightEdge => "right-edge",
            Place::RightOf => "right-of",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Place::LeftOf => "left of the window",
            Place::LeftEdge => "at the left edge of the window",
            Place::In => "in the window",
            Place::RightEdge => "at the right edge of the window",
            Place::RightOf => "right of the window",
        }
    }

    fn seq(self, state: State) -> i64 {
        match self {
            Place::LeftOf => state.rcv_nxt() - 1,
            Place::LeftEdge => state.rcv_nxt(),
            Place::In => state.rcv_nxt() + 100,
            Place::RightEdge => WND,
            Place::RightOf => WND + 1,
        }
    }
}

/// What follows from a segment.
#[derive(Clone, Debug)]
struct Outcome {
    /// What is sent, as the script says it.
    sent: Option<String>,
    /// The state afterwards.
    state: State,
    snd_nxt: i64,
    rcv_nxt: i64,
    /// Which rule says so.
    rule: &'static str,
}

/// The state machine of §3.10.7, for these segments.
fn outcome(state: State, kind: Kind, (seq, len): (i64, i64)) -> Outcome {
    match state {
        St::Closed => closed(kind, seq + len),
        St::Listen => listen(kind, seq),
        St::SynSent => syn_sent(kind, seq),
        _ => otherwise(state, kind, (seq, len)),
    }
}

fn stay(state: State, sent: Option<String>, rule: &'static str) -> Outcome {
    Outcome { sent, state, snd_nxt: state.snd_nxt(), rcv_nxt: state.rcv_nxt(), rule }
}

/// The segment's SEG.ACK in these scripts: it acknowledges everything.
fn seg_ack(state: State) -> i64 {
    state.snd_nxt()
}

/// The reset that answers a segment without a connection.
fn reset(kind: Kind, end: i64, ack: i64) -> Option<String> {
    if kind.has('R') {
        None
    } else if kind.has('.') {
        Some(format!("+0 > R {ack}:{ack}(0)"))
    } else {
        Some(format!("+0 > R. 0:0(0) ack {end}"))
    }
}

/// §3.10.7.1.
fn closed(kind: Kind, end: i64) -> Outcome {
    stay(St::Closed, reset(kind, end, 1), "RFC 9293 §3.10.7.1")
}

/// §3.10.7.2.
fn listen(kind: Kind, seq: i64) -> Outcome {
    if kind.has('R') {
        stay(St::Listen, None, "RFC 9293 §3.10.7.2, first: a RST is ignored")
    } else if kind.has('.') {
        stay(St::Listen, reset(kind, seq, 1), "RFC 9293 §3.10.7.2, second: an ACK is reset")
    } else if kind == Kind::Syn {
        let mut next = stay(
            St::SynReceived,
            Some(format!("+0 > S. 0:0(0) ack {} <mss 1460>", seq + 1)),
            "RFC 9293 §3.10.7.2, third: a SYN is answered",
        );
        next.rcv_nxt = seq + 1;
        next
    } else {
        stay(
            St::Listen,
            None,
            "RFC 9293 §3.10.7.2, fourth: nothing else can be of use; SYN and FIN never",
        )
    }
}

/// §3.10.7.3. SEG.ACK is what acknowledges our SYN.
fn syn_sent(kind: Kind, seq: i64) -> Outcome {
    match kind {
        Kind::SynAck => Outcome {
            sent: Some(format!("+0 > . 1:1(0) ack {}", seq + 1)),
            state: St::Established,
            snd_nxt: 1,
            rcv_nxt: seq + 1,
            rule: "RFC 9293 §3.10.7.3, fourth: our SYN is acknowledged",
        },
        Kind::Syn | Kind::SynFin => Outcome {
            sent: Some(format!("+0 > S. 0:0(0) ack {} <...>", seq + 1)),
            state: St::SynReceived,
            snd_nxt: 1,
            rcv_nxt: seq + 1,
            rule: "RFC 9293 §3.10.7.3, fourth: the SYNs cross",
        },
        Kind::RstAck => Outcome {
            sent: None,
            state: St::Closed,
            snd_nxt: 1,
            rcv_nxt: 1,
            rule: "RFC 9293 §3.10.7.3, second: refused",
        },
        _ => stay(St::SynSent, None, "RFC 9293 §3.10.7.3: neither SYN nor acceptable RST"),
    }
}

/// §3.10.7.4, in its order.
fn otherwise(state: State, kind: Kind, (seq, len): (i64, i64)) -> Outcome {
    let (snd, rcv) = (state.snd_nxt(), state.rcv_nxt());
    let ack = || Some(format!("+0 > . {snd}:{snd}(0) ack {rcv}"));
    let within = |seq: i64| (rcv..=WND).contains(&seq);
    let acceptable = match len {
        0 => within(seq),
        len => within(seq) || within(seq + len - 1),
    };
    let behind_fin = matches!(state, St::CloseWait | St::Closing | St::LastAck);
    if kind.has('R') {
        return match (seq == rcv, within(seq)) {
            (false, false) if behind_fin && seq + 1 == rcv => {
                stay(St::Closed, None, "as Linux: its sender has not counted its FIN")
            }
            (false, true) if state == St::TimeWait => {
                stay(state, None, "as Linux: a reset in TIME-WAIT is no reason for an answer")
            }
            (true, _) if state == St::SynReceived => {
                stay(St::Listen, None, "RFC 9293 §3.10.7.4, second: back to LISTEN")
            }
            (true, _) => stay(St::Closed, None, "RFC 9293 §3.10.7.4, second: it is RCV.NXT"),
            (false, true) => stay(state, ack(), "RFC 5961 §3.2: in the window, not exact"),
            (false, false) => stay(state, None, "RFC 5961 §3.2: outside the window"),
        };
    }
    if state == St::SynReceived && kind.has('S') && !kind.has('.') && seq == 0 {
        let again = Some("+0 > S. 0:0(0) ack 1 <mss 1460>".into());
        return stay(state, again, "RFC 9293 §3.8.3: the peer's SYN again, so ours was lost");
    }
    if (kind, seq) == (Kind::Ack, WND + 1) {
        let rule = "ADR 0019: right behind the window, what takes no place counts";
        return Outcome { rule, ..fifth(state, kind, seq) };
    }
    let looks = matches!(state, St::SynReceived | St::TimeWait);
    if kind == Kind::Fin && !looks {
        return stay(state, None, "as Linux: without ACK, SYN and RST it says nothing anywhere");
    }
    if matches!(kind, Kind::Data | Kind::FinAck) && seq + len == rcv && !looks {
        return old(state, ack());
    }
    if !acceptable {
        return stay(state, ack(), "RFC 9293 §3.10.7.4, first: not acceptable");
    }
    if kind.has('S') && state == St::SynReceived {
        // The reset of what has no ACK has no number of this connection's.
        let reset = if kind.has('.') { "+0 > R 1:1(0)" } else { "//? why RstHalfOpenSyn" };
        return stay(St::Listen, Some(reset.into()), "as Linux: a SYN ends what is half open");
    }
    if kind.has('S') {
        return stay(state, ack(), "RFC 5961 §4.2: a SYN is challenged");
    }
    if !kind.has('.') {
        return stay(state, None, "RFC 9293 §3.10.7.4, fifth: the ACK bit is off");
    }
    fifth(state, kind, seq)
}

/// What ends at the left edge is old, and is answered; but for Linux its ACK counts first.
fn old(state: State, ack: Option<String>) -> Outcome {
    let next = match state {
        St::FinWait1 => St::FinWait2,
        St::Closing => St::TimeWait,
        St::LastAck => St::Closed,
        other => other,
    };
    let over = matches!(state, St::Closing | St::LastAck);
    let sent = ack.filter(|_| !over);
    let rule = "as Linux: it ends at the left edge, so its ACK counts";
    let (snd_nxt, rcv_nxt) = (state.snd_nxt(), state.rcv_nxt());
    Outcome { sent, state: next, snd_nxt, rcv_nxt, rule }
}

/// The segment acknowledges everything, and what it brings is looked at.
fn fifth(state: State, kind: Kind, seq: i64) -> Outcome {
    let (snd, rcv) = (state.snd_nxt(), state.rcv_nxt());
    let next = match state {
        St::SynReceived => St::Established,
        St::FinWait1 => St::FinWait2,
        St::Closing => St::TimeWait,
        St::LastAck => St::Closed,
        other => other,
    };
    let told = |next: State, sent: Option<String>, rcv_nxt: i64, rule| Outcome {
        sent,
        state: next,
        snd_nxt: snd,
        rcv_nxt,
        rule,
    };
    let at = |ack: i64| Some(format!("+0 > . {snd}:{snd}(0) ack {ack}"));
    if next == St::Closed {
        return told(next, None, rcv, "RFC 9293 §3.10.7.4, fifth: our FIN is acknowledged");
    }
    if state == St::TimeWait && kind == Kind::Data {
        return told(next, at(rcv), rcv, "as Linux: data in TIME-WAIT is answered");
    }
    if state.has_fin() || kind == Kind::Ack {
        return told(next, None, rcv, "RFC 9293 §3.10.7.4, fifth: nothing but the ACK counts");
    }
    let in_order = seq == rcv;
    match kind {
        Kind::Data if in_order => {
            let sent = Some(format!("* > . {snd}:{snd}(0) ack {}", rcv + 10));
            told(next, sent, rcv + 10, "RFC 9293 §3.10.7.4, seventh: in order")
        }
        Kind::FinAck if in_order => {
            let next = match next {
                St::Established => St::CloseWait,
                _ => St::TimeWait,
            };
            told(next, at(rcv + 1), rcv + 1, "RFC 9293 §3.10.7.4, eighth: the peer's FIN")
        }
        _ => told(next, at(rcv), rcv, "RFC 5681 §4.2: out of order, told at once"),
    }
}

/// The probe at the end: an old byte, and what answers it.
fn probe(out: &Outcome) -> String {
    let Outcome { snd_nxt: snd, rcv_nxt: rcv, .. } = out;
    // What is half open answers twice a second at most (RFC 5961 §7).
    let wait = if out.state == St::SynReceived { "+0.6" } else { "+0.01" };
    // It must not end what it looks at.
    let waits = matches!(out.state, St::FinWait1 | St::Closing | St::LastAck);
    let ack = snd - i64::from(waits);
    let old = format!("{wait} < P. {}:{rcv}(1) ack {ack} win 65535\n", rcv - 1);
    match out.state {
        St::Closed | St::Listen => format!("{old}+0 > R {snd}:{snd}(0)\n"),
        St::SynSent => {
            // What acknowledges nothing of ours is reset.
            "+0.01 < . 1:1(0) ack 5 win 65535\n+0 > R 5:5(0)\n".into()
        }
        _ => format!("{old}+0 > . {snd}:{snd}(0) ack {rcv}\n"),
    }
}

fn script(state: State, kind: Kind, place: Option<Place>) -> String {
    let seq = match (state, place) {
        (_, Some(place)) => place.seq(state),
        (_, None) => i64::from(!kind.has('S')),
    };
    let bytes = kind.bytes(place);
    let out = outcome(state, kind, (seq, bytes + kind.controls()));
    let mut text = String::new();
    let place = place.map_or(String::new(), |place| format!(" {}", place.words()));
    writeln!(text, "// {}: {}{place}.", state.name(), kind.name().to_uppercase()).unwrap();
    writeln!(text, "// {}", out.rule).unwrap();
    text += &state.preamble();
    let end = seq + bytes;
    let time = if state == St::Closed { "0" } else { "+0.01" };
    write!(text, "{time} < {} {seq}:{end}({})", kind.flags(), bytes).unwrap();
    if kind.has('.') {
        write!(text, " ack {}", seg_ack(state)).unwrap();
    }
    let options = if kind.has('S') { " <mss 1000>" } else { "" };
    writeln!(text, " win 65535{options}").unwrap();
    if let Some(sent) = &out.sent {
        writeln!(text, "{sent}").unwrap();
    }
    if !matches!(state, St::Closed | St::Listen) {
        writeln!(text, "//? state {}", out.state.name()).unwrap();
    }
    let nameless =
        (state, out.state) == (St::SynReceived, St::Listen) && kind.has('S') && !kind.has('.');
    if nameless { text } else { text + &probe(&out) }
}

/// Every script of the matrix, by its path below `tests/wire/matrix`.
pub(super) fn scripts() -> Vec<(String, String)> {
    let mut all = Vec::new();
    for state in State::ALL {
        for kind in Kind::ALL {
            let folder = state.name().to_lowercase();
            let placeless = matches!(state, St::Closed | St::Listen | St::SynSent);
            if placeless {
                let path = format!("{folder}/{}.pkt", kind.name());
                all.push((path, script(state, kind, None)));
                continue;
            }
            for place in Place::ALL {
                let path = format!("{folder}/{}-{}.pkt", kind.name(), place.name());
                all.push((path, script(state, kind, Some(place))));
            }
        }
    }
    all
}
