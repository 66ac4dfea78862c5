//! The state machine as one self-contained SVG: no fonts, no scripts, readable on light and dark
//! pages. Arrows are coloured by who causes them; a tooltip on each gives the sentence and the
//! rule. Rows without an arrow are listed in their state's box.

use super::layout::{self, Arrow, BOX, PLACES, SIZE};
use super::{Actor, actor, rows_from};
use crate::observe::view::text::wrap;
use crate::tcp::{State, Transition};
use std::fmt::Write;

/// Pixels of a character cell, and of the margin.
const CELL: (usize, usize) = (10, 36);
const MARGIN: (usize, usize) = (10, 70);
/// Characters in a line of a box's list.
const LIST: usize = 33;

const STYLE: &str = "\
text{font-family:ui-monospace,Menlo,Consolas,monospace;fill:#1f2328}\
.page{fill:#fff}.box{fill:#f6f8fa;stroke:#57606a;stroke-width:1.5}\
.name{font-size:15px;font-weight:bold;text-anchor:middle}\
.list{font-size:10px;text-anchor:middle;fill:#57606a}\
.label{font-size:13px;stroke:#fff;stroke-width:4px;paint-order:stroke}.title{font-size:18px}\
.line{fill:none;stroke-width:2;stroke-linejoin:round}\
.app{stroke:#0969da}.peer{stroke:#1a7f37}.clock{stroke:#bc4c00}\
.app-text{fill:#0969da}.peer-text{fill:#1a7f37}.clock-text{fill:#bc4c00}\
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.page{fill:#0d1117}\
.box{fill:#161b22;stroke:#8d96a0}.list{fill:#9ea7b3}.label{stroke:#0d1117}\
.app{stroke:#4493f8}.peer{stroke:#3fb950}.clock{stroke:#f0883e}\
.app-text{fill:#4493f8}.peer-text{fill:#3fb950}.clock-text{fill:#f0883e}}";

/// The diagram.
pub fn svg() -> String {
    let (width, height) = (SIZE.0 * CELL.0 + 2 * MARGIN.0, SIZE.1 * CELL.1 + MARGIN.1);
    let mut out = String::new();
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" role=\"img\" aria-label=\"TCP's states\">\n\
         <style>{STYLE}</style>\n<rect class=\"page\" width=\"{width}\" height=\"{height}\"/>"
    );
    markers(&mut out);
    legend(&mut out);
    for state in State::ALL {
        for arrow in rows_from(state).filter_map(layout::arrow) {
            path(&mut out, arrow);
        }
    }
    // The second CLOSED is the end of connections: it lists nothing.
    let mut seen = Vec::new();
    for place in PLACES {
        let first = !seen.contains(&place.state);
        seen.push(place.state);
        state_box(&mut out, place.state, place.at, first);
    }
    for state in State::ALL {
        for arrow in rows_from(state).filter_map(layout::arrow) {
            label(&mut out, arrow);
        }
    }
    out + "</svg>\n"
}

fn class(actor: Actor) -> &'static str {
    match actor {
        Actor::Application => "app",
        Actor::Peer => "peer",
        Actor::Clock => "clock",
    }
}

fn markers(out: &mut String) {
    out.push_str("<defs>\n");
    for actor in [Actor::Application, Actor::Peer, Actor::Clock] {
        let class = class(actor);
        let _ = writeln!(
            out,
            "<marker id=\"{class}\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"6\" \
             markerHeight=\"6\" orient=\"auto\"><path class=\"{class}-text\" \
             d=\"M0 0L10 5L0 10z\"/></marker>"
        );
    }
    out.push_str("</defs>\n");
}

fn legend(out: &mut String) {
    let mut put = |x: usize, class: &str, text: &str| {
        let _ = writeln!(out, "<text class=\"{class}\" x=\"{x}\" y=\"28\">{text}</text>");
    };
    put(30, "title", "TCP's states (RFC 9293 §3.3.2)");
    put(500, "label app-text", "the application calls");
    put(700, "label peer-text", "the peer sends");
    put(850, "label clock-text", "time passes");
}

/// The pixel in the middle of a cell.
fn pixel((x, y): (usize, usize)) -> (usize, usize) {
    (MARGIN.0 + x * CELL.0 + CELL.0 / 2, MARGIN.1 + y * CELL.1)
}

fn path(out: &mut String, arrow: &Arrow) {
    let class = class(actor(arrow.cause));
    let points: Vec<String> = arrow
        .path
        .iter()
        .map(|at| {
            let (x, y) = pixel(*at);
            format!("{x},{y}")
        })
        .collect();
    let _ = writeln!(
        out,
        "<polyline class=\"line {class}\" marker-end=\"url(#{class})\" points=\"{}\"/>",
        points.join(" ")
    );
}

fn label(out: &mut String, arrow: &Arrow) {
    let (x, y) = pixel(arrow.label);
    let class = class(actor(arrow.cause));
    // A label over a horizontal leg sits close to it.
    let y = y + if is_above(arrow) { CELL.1 - 8 } else { 4 };
    let _ = writeln!(
        out,
        "<text class=\"label {class}-text\" x=\"{x}\" y=\"{y}\"><title>{} -&gt; {}: {} ({})</title>\
         {}</text>",
        arrow.from,
        arrow.to,
        escape(&arrow.cause.to_string()),
        escape(arrow.cause.rfc()),
        arrow.cause.key()
    );
}

/// Whether the label's place is the line above a horizontal leg.
fn is_above(arrow: &Arrow) -> bool {
    let (x, y) = arrow.label;
    arrow.path.windows(2).any(|leg| {
        let ((x0, y0), (x1, y1)) = (leg[0], leg[1]);
        y0 == y1 && y0 == y + 1 && (x0.min(x1)..=x0.max(x1)).contains(&x)
    })
}

fn state_box(out: &mut String, state: State, at: (usize, usize), listed: bool) {
    let (x, y) = pixel(at);
    let (width, height) = ((BOX.0 - 1) * CELL.0, (BOX.1 - 1) * CELL.1);
    let middle = x + width / 2;
    let rows: Vec<&Transition> =
        rows_from(state).filter(|row| listed && layout::arrow(row).is_none()).collect();
    let lines = lists(&rows);
    let top = y + if lines.is_empty() { height / 2 + 5 } else { 19 };
    let _ = writeln!(
        out,
        "<rect class=\"box\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"6\"/>\n\
         <text class=\"name\" x=\"{middle}\" y=\"{top}\">{state}</text>"
    );
    for (n, line) in lines.iter().enumerate() {
        let y = y + 33 + 11 * n;
        let _ = writeln!(out, "<text class=\"list\" x=\"{middle}\" y=\"{y}\">{line}</text>");
    }
}

/// `to CLOSED: RcvRst, Abort, …` in lines.
fn lists(rows: &[&Transition]) -> Vec<String> {
    let mut lines = Vec::new();
    for to in State::ALL {
        let keys: Vec<_> =
            rows.iter().filter(|row| row.to == to).map(|row| row.cause.key()).collect();
        if !keys.is_empty() {
            lines.extend(wrap(&format!("to {to}: {}", keys.join(", ")), LIST));
        }
    }
    lines
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
