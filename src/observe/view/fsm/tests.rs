//! Every row of the table is in every drawing, and every drawn arrow is in the table.

use super::layout::{ARROWS, BOX, PLACES, SIZE};
use super::*;
use crate::observe::view::stories;
use crate::tcp::state::is_legal;

#[test]
fn golden() {
    stories::golden("fsm.txt", &text());
    stories::golden("fsm-figure.txt", &figure());
    stories::golden("fsm.mmd", &mermaid());
    stories::golden("fsm.svg", &svg());
}

#[test]
fn every_arrow_is_a_row_and_ends_at_its_states() {
    for arrow in ARROWS {
        assert!(is_legal(arrow.from, arrow.cause, arrow.to), "{} {:?}", arrow.from, arrow.cause);
        let touches = |state: State, at: (usize, usize)| {
            PLACES.iter().filter(|p| p.state == state).any(|p| {
                let ((x, y), (w, h)) = (p.at, BOX);
                let inside = (x..x + w).contains(&at.0) && (y..y + h).contains(&at.1);
                let core = (x + 1..x + w - 1).contains(&at.0) && (y + 1..y + h - 1).contains(&at.1);
                inside && !core
            })
        };
        let (first, last) = (arrow.path[0], arrow.path[arrow.path.len() - 1]);
        assert!(touches(arrow.from, first), "{:?} leaves {}", arrow.cause, arrow.from);
        assert!(touches(arrow.to, last), "{:?} reaches {}", arrow.cause, arrow.to);
        for leg in arrow.path.windows(2) {
            assert!(leg[0].0 == leg[1].0 || leg[0].1 == leg[1].1, "{:?} is slanted", arrow.cause);
        }
        assert!(arrow.label.0 + arrow.cause.key().len() <= SIZE.0);
    }
}

/// Follows the arrow in the drawn characters: what is checked is the picture, not its plan.
#[test]
fn the_drawn_arrows_lead_where_the_table_says() {
    let figure = layout::draw();
    let lines: Vec<&[u8]> = figure.lines().map(str::as_bytes).collect();
    let cell = |(x, y): (usize, usize)| lines[y].get(x).copied().unwrap_or(b' ');
    for arrow in ARROWS {
        let (x, y) = arrow.label;
        let key = arrow.cause.key();
        assert_eq!(&lines[y][x..x + key.len()], key.as_bytes(), "{key} is written over");
        for leg in arrow.path.windows(2) {
            let ((x0, y0), (x1, y1)) = (leg[0], leg[1]);
            for y in y0.min(y1)..=y0.max(y1) {
                for x in x0.min(x1)..=x0.max(x1) {
                    assert!(b"-|+<>v^".contains(&cell((x, y))), "{key} is broken at {x},{y}");
                }
            }
        }
    }
    for state in State::ALL {
        assert!(figure.contains(state.name()), "{state}");
    }
}

#[test]
fn every_row_is_in_every_output() {
    let (text, figure, mermaid, svg) = (text(), figure(), mermaid(), svg());
    let joined = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    for row in TRANSITIONS {
        let (from, key, to) = (row.from, row.cause.key(), row.to);
        assert!(text.contains(&format!("{from} --{key}--> {to} ")), "{row:?} in text");
        let has = |line: &str| line.split([' ', ',']).any(|word| word == key);
        let id = |state: State| state.name().replace('-', "_");
        let edge = format!("    {} --> {} : ", id(from), id(to));
        assert!(mermaid.lines().any(|l| l.starts_with(&edge) && has(l)), "{row:?} in mermaid");
        let drawn = layout::arrow(row).is_some();
        let rest = format!("  {from:<12} -> {to:<6} on ");
        let listed = figure.lines().any(|l| l.starts_with(&rest) && has(l));
        assert!(drawn != listed, "{row:?} in the figure");
        let tooltip = format!("<title>{from} -&gt; {to}: {}", row.cause);
        let mut boxes = svg.split("class=\"name\"").skip(1);
        let inside = boxes.any(|text| {
            let list: Vec<_> = text.split("class=\"list\"").skip(1).collect();
            let words: Vec<_> =
                list.iter().filter_map(|l| l.split_once('>')?.1.split_once('<')).collect();
            let words = joined(&words.iter().map(|(text, _)| *text).collect::<Vec<_>>().join(" "));
            text.contains(&format!(">{from}</text>"))
                && words.contains(&format!("to {to}:"))
                && has(&words)
        });
        assert!(svg.contains(&tooltip) != inside, "{row:?} in the SVG");
    }
}
