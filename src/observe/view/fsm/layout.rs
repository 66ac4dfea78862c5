//! Where states and arrows stand, in character cells: hand-laid after RFC 9293 figure 5, shared by
//! the figure in characters and the SVG. It names rows of the table and draws only those that
//! exist.

use super::rows_from;
use crate::tcp::{Cause, State, Transition};
use std::cmp::Ordering;

/// Columns and lines of the whole figure.
pub(super) const SIZE: (usize, usize) = (108, 39);
/// Columns and lines of a state's box, border included.
pub(super) const BOX: (usize, usize) = (22, 3);

/// A state's box.
pub(super) struct Place {
    pub(super) state: State,
    /// Its upper left corner: column and line.
    pub(super) at: (usize, usize),
}

/// An arrow of the figure.
pub(super) struct Arrow {
    pub(super) from: State,
    pub(super) cause: Cause,
    pub(super) to: State,
    /// Corners, from border to border; each leg is horizontal or vertical.
    pub(super) path: &'static [(usize, usize)],
    /// Where the cause's key begins.
    pub(super) label: (usize, usize),
}

const fn place(state: State, column: usize, line: usize) -> Place {
    Place { state, at: (column, line) }
}

/// CLOSED stands twice: where connections begin and where they end.
pub(super) const PLACES: [Place; 12] = [
    place(State::Closed, 43, 0),
    place(State::Listen, 43, 6),
    place(State::SynReceived, 2, 12),
    place(State::SynSent, 84, 12),
    place(State::Established, 43, 18),
    place(State::FinWait1, 2, 24),
    place(State::CloseWait, 84, 24),
    place(State::FinWait2, 2, 30),
    place(State::Closing, 43, 30),
    place(State::LastAck, 84, 30),
    place(State::TimeWait, 43, 36),
    place(State::Closed, 84, 36),
];

const fn to(
    from: State,
    cause: Cause,
    to: State,
    path: &'static [(usize, usize)],
    label: (usize, usize),
) -> Arrow {
    Arrow { from, cause, to, path, label }
}

pub(super) const ARROWS: &[Arrow] = {
    use Cause as C;
    use State as S;
    &[
        to(S::Closed, C::PassiveOpen, S::Listen, &[(48, 2), (48, 6)], (36, 4)),
        to(S::Listen, C::StopListening, S::Closed, &[(60, 6), (60, 2)], (62, 4)),
        to(S::Closed, C::ActiveOpen, S::SynSent, &[(64, 1), (95, 1), (95, 12)], (84, 4)),
        to(S::Listen, C::RcvSyn, S::SynReceived, &[(43, 7), (13, 7), (13, 12)], (24, 6)),
        to(S::SynSent, C::RcvSynCrossed, S::SynReceived, &[(84, 13), (23, 13)], (47, 12)),
        to(
            S::SynReceived,
            C::RcvAckOfSyn,
            S::Established,
            &[(16, 14), (16, 19), (43, 19)],
            (24, 18),
        ),
        to(S::SynSent, C::RcvSynAck, S::Established, &[(90, 14), (90, 19), (64, 19)], (72, 18)),
        to(S::SynReceived, C::Close, S::FinWait1, &[(6, 14), (6, 24)], (8, 21)),
        to(S::Established, C::Close, S::FinWait1, &[(48, 20), (48, 25), (23, 25)], (32, 24)),
        to(S::Established, C::RcvFin, S::CloseWait, &[(60, 20), (60, 25), (84, 25)], (68, 24)),
        to(S::FinWait1, C::RcvAckOfFin, S::FinWait2, &[(6, 26), (6, 30)], (8, 29)),
        to(S::FinWait1, C::RcvFin, S::Closing, &[(20, 26), (20, 28), (53, 28), (53, 30)], (34, 27)),
        to(S::CloseWait, C::Close, S::LastAck, &[(95, 26), (95, 30)], (97, 28)),
        to(S::FinWait2, C::RcvFin, S::TimeWait, &[(13, 32), (13, 37), (43, 37)], (24, 36)),
        to(S::Closing, C::RcvAckOfFin, S::TimeWait, &[(53, 32), (53, 36)], (55, 34)),
        to(S::LastAck, C::RcvAckOfFin, S::Closed, &[(95, 32), (95, 36)], (97, 34)),
        to(S::TimeWait, C::TimeWaitOver, S::Closed, &[(64, 37), (84, 37)], (68, 36)),
    ]
};

/// The arrow of a row of the table, if the figure has one.
pub(super) fn arrow(row: &Transition) -> Option<&'static Arrow> {
    ARROWS.iter().find(|a| (a.from, a.cause, a.to) == (row.from, row.cause, row.to))
}

/// The figure in ASCII.
pub(super) fn draw() -> String {
    let mut canvas = vec![vec![b' '; SIZE.0]; SIZE.1];
    for state in State::ALL {
        for arrow in rows_from(state).filter_map(arrow) {
            line(&mut canvas, arrow.path);
        }
    }
    for Place { state, at: (x, y) } in PLACES {
        let edge = format!("+{}+", "-".repeat(BOX.0 - 2));
        write(&mut canvas, (x, y), &edge);
        write(&mut canvas, (x, y + 1), &format!("|{:^width$}|", state, width = BOX.0 - 2));
        write(&mut canvas, (x, y + 2), &edge);
    }
    for state in State::ALL {
        for arrow in rows_from(state).filter_map(arrow) {
            head(&mut canvas, arrow.path);
            write(&mut canvas, arrow.label, arrow.cause.key());
        }
    }
    let lines = canvas.iter().map(|line| String::from_utf8_lossy(line).trim_end().to_string());
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

fn write(canvas: &mut [Vec<u8>], (x, y): (usize, usize), text: &str) {
    canvas[y][x..x + text.len()].copy_from_slice(text.as_bytes());
}

fn line(canvas: &mut [Vec<u8>], path: &[(usize, usize)]) {
    for leg in path.windows(2) {
        let ((x0, y0), (x1, y1)) = (leg[0], leg[1]);
        let shaft = if y0 == y1 { b'-' } else { b'|' };
        for line in &mut canvas[y0.min(y1)..=y0.max(y1)] {
            for cell in &mut line[x0.min(x1)..=x0.max(x1)] {
                *cell = if *cell == b' ' || *cell == shaft { shaft } else { b'+' };
            }
        }
    }
}

/// The arrow's head, beside the border it ends at.
fn head(canvas: &mut [Vec<u8>], path: &[(usize, usize)]) {
    let [.., (x0, y0), (x1, y1)] = *path else { return };
    let (dx, dy) = (x1.cmp(&x0), y1.cmp(&y0));
    let (x, y, head) = match (dx, dy) {
        (Ordering::Greater, _) => (x1 - 1, y1, b'>'),
        (Ordering::Less, _) => (x1 + 1, y1, b'<'),
        (_, Ordering::Greater) => (x1, y1 - 1, b'v'),
        _ => (x1, y1 + 1, b'^'),
    };
    canvas[y][x] = head;
}
