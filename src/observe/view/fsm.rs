//! The state machine as text, as a figure, as Mermaid and as SVG: all from [`TRANSITIONS`] and from
//! nothing else. The layout of the figure places states and arrows; a row it gives no arrow is
//! listed at its state, so that every row of the table is in every output.

mod layout;
mod svg;

pub use svg::svg;

use crate::tcp::{Cause, State, TRANSITIONS, Transition};

/// Who makes the state change.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Actor {
    /// The application calls.
    Application,
    /// The peer, or the network, sends.
    Peer,
    /// Time passes.
    Clock,
}

/// Who stands behind a cause.
pub fn actor(cause: Cause) -> Actor {
    use Cause as C;
    match cause {
        C::PassiveOpen | C::ActiveOpen | C::Close | C::Abort | C::CloseUnread => Actor::Application,
        C::CloseUnopened | C::ListenerClosed | C::StopListening => Actor::Application,
        C::QueueFull => Actor::Application,
        C::RcvSyn | C::RcvSynCrossed | C::RcvSynAck | C::RcvAckOfSyn | C::RcvFin => Actor::Peer,
        C::RcvAckOfFin | C::RcvRst | C::SynReset | C::Refused | C::DataAfterClose => Actor::Peer,
        C::IcmpUnreachable | C::TimeWaitReuse | C::RcvCookie => Actor::Peer,
        C::Timeout | C::UserTimeout | C::KeepaliveTimeout | C::TimeWaitOver => Actor::Clock,
        C::FinWait2Timeout | C::SynAckTimeout | C::ProbeTimeout => Actor::Clock,
    }
}

/// The rows of one state, in the table's order.
fn rows_from(state: State) -> impl Iterator<Item = &'static Transition> {
    TRANSITIONS.iter().filter(move |row| row.from == state)
}

/// Every row in words, grouped by state:
/// `ESTABLISHED --RcvFin--> CLOSE-WAIT   the peer's FIN arrived   RFC 9293 …`.
pub fn text() -> String {
    let mut out = String::new();
    for state in State::ALL {
        for row in rows_from(state) {
            let arrow = format!("{} --{}--> {}", row.from, row.cause.key(), row.to);
            let (sentence, rule) = (row.cause.to_string(), row.cause.rfc());
            out += &format!("{arrow:<44} {sentence:<60} {rule}\n");
        }
        out.push('\n');
    }
    out
}

/// The figure in characters, laid out like RFC 9293 figure 5, and below it the rows that have no
/// arrow in it.
pub fn figure() -> String {
    let mut out = layout::draw();
    out += "\nBesides:\n";
    for state in State::ALL {
        for to in State::ALL {
            let rows = rows_from(state).filter(|row| row.to == to && layout::arrow(row).is_none());
            let keys: Vec<_> = rows.map(|row| row.cause.key()).collect();
            if !keys.is_empty() {
                out += &format!("  {state:<12} -> {to:<6} on {}\n", keys.join(", "));
            }
        }
    }
    out
}

/// A `stateDiagram-v2` for Mermaid: one arrow per pair of states, all causes on it.
pub fn mermaid() -> String {
    let name = |state: State| state.name().replace('-', "_");
    let mut out = String::from("stateDiagram-v2\n");
    for state in State::ALL {
        out += &format!("    state \"{state}\" as {}\n", name(state));
    }
    out += &format!("    [*] --> {}\n", name(State::Closed));
    for from in State::ALL {
        for to in State::ALL {
            let rows = rows_from(from).filter(|row| row.to == to);
            let keys: Vec<_> = rows.map(|row| row.cause.key()).collect();
            if !keys.is_empty() {
                out += &format!("    {} --> {} : {}\n", name(from), name(to), keys.join(", "));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests;
