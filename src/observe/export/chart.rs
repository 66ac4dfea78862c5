//! A chart as SVG (SVG 1.1): axes with round numbers, marks, a legend that is always there. It is
//! one static file without scripts, and readable on white and on black: its colours follow what
//! the reader prefers.

use super::thin::{self, Bar, Point};
use crate::base::Instant;
use std::fmt::Write as _;
use std::io;

/// The picture's width, and the plot's place in it, pixels.
const WIDTH: i64 = 1_000;
const LEFT: i64 = 92;
const RIGHT: i64 = 984;
const TOP: i64 = 62;
const BOTTOM: i64 = 522;
/// The first row of the legend, and the rows' distance.
const LEGEND: i64 = 586;
const ROW: i64 = 22;

/// Colours by class: on white, on black.
const COLOURS: &[(&str, &str, &str)] = &[
    ("blue", "#1d4ed8", "#6ea8fe"),
    ("red", "#c81e1e", "#ff7b72"),
    ("orange", "#b45309", "#f5a524"),
    ("green", "#15803d", "#4ade80"),
    ("purple", "#7e22ce", "#c792ea"),
    ("teal", "#0f766e", "#2dd4bf"),
    ("pink", "#be185d", "#f472b6"),
    ("grey", "#6b7280", "#9ca3af"),
];

/// What an axis counts.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Unit {
    /// Nanoseconds, shown in a fitting unit.
    Time,
    Bytes,
    Packets,
}

/// From where to where an axis goes, and how its ticks read.
#[derive(Clone, Debug)]
struct Axis {
    lo: u64,
    hi: u64,
    step: u64,
    /// What one unit on the axis is, and its name.
    per: u64,
    name: &'static str,
}

/// The step between ticks, 1, 2 or 5 times a power of ten, so that there are at most `most`.
fn nice_step(span: u64, most: u64) -> u64 {
    let mut power = 1u64;
    loop {
        for times in [1, 2, 5] {
            let step = power.saturating_mul(times);
            if span / step <= most {
                return step;
            }
        }
        power = power.saturating_mul(10);
    }
}

impl Axis {
    fn new(lo: u64, hi: u64, unit: Unit, most: u64) -> Axis {
        let hi = hi.max(lo + 1);
        let (per, name) = match (unit, hi - lo) {
            (Unit::Time, 2_000_000_000..) => (1_000_000_000, "s"),
            (Unit::Time, 2_000_000..) => (1_000_000, "ms"),
            (Unit::Time, 2_000..) => (1_000, "µs"),
            (Unit::Time, _) => (1, "ns"),
            (Unit::Bytes, 10_000_000..) => (1_000_000, "MB"),
            (Unit::Bytes, _) => (1, "bytes"),
            (Unit::Packets, _) => (1, "packets"),
        };
        Axis { lo, hi, step: nice_step(hi - lo, most), per, name }
    }

    fn ticks(&self) -> impl Iterator<Item = u64> + '_ {
        let first = self.lo.div_ceil(self.step);
        (first..=self.hi / self.step).map(|n| n * self.step)
    }

    /// `12.5`, `20,000`.
    fn label(&self, at: u64) -> String {
        let whole = (at / self.per).to_string();
        let mut out = String::new();
        for (n, digit) in whole.chars().enumerate() {
            if n > 0 && (whole.len() - n).is_multiple_of(3) {
                out.push(',');
            }
            out.push(digit);
        }
        let digits = self.per.ilog10() as usize;
        let rest = format!("{:0digits$}", at % self.per);
        match rest.trim_end_matches('0') {
            "" => out,
            rest => format!("{out}.{rest}"),
        }
    }

    /// Where it is between two pixels, in tenths; beyond them when it is beyond the axis, but not
    /// more than the axis is long.
    fn place(&self, at: u64, from: i64, to: i64) -> i64 {
        let (lo, size) = (i128::from(self.lo), i128::from(self.hi - self.lo));
        let at = (i128::from(at) - lo).clamp(-size, 2 * size);
        from * 10 + (at * i128::from((to - from) * 10) / size) as i64
    }
}

/// Tenths of a pixel as SVG has it.
fn px(tenths: i64) -> String {
    let (whole, rest) = (tenths / 10, (tenths % 10).abs());
    if rest == 0 { whole.to_string() } else { format!("{whole}.{rest}") }
}

/// How a legend shows what a mark looks like.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Sample {
    Line,
    Dashed,
    Bar,
    Hollow,
    Dot,
    Band,
    /// A bar in the background.
    Shade,
    /// A letter.
    Letter(&'static str),
}

/// A chart in the making.
pub(super) struct Chart {
    title: String,
    caption: String,
    label: String,
    x: Axis,
    y: Axis,
    body: String,
    legend: Vec<(Sample, &'static str, String)>,
}

/// Text inside of elements.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

impl Chart {
    /// A chart from one moment to another, of values from `y.0` to `y.1` and some room above.
    pub(super) fn new(
        title: impl Into<String>,
        x: (Instant, Instant),
        y: (u64, u64),
        (label, unit): (&str, Unit),
    ) -> Chart {
        let (from, to) = (x.0.as_nanos(), x.1.as_nanos());
        let room = (y.1.saturating_sub(y.0) / 20).max(1);
        let y = Axis::new(y.0, y.1.saturating_add(room), unit, 9);
        Chart {
            title: title.into(),
            caption: String::new(),
            label: format!("{label} ({})", y.name),
            x: Axis::new(from, to, Unit::Time, 10),
            y,
            body: String::new(),
            legend: Vec::new(),
        }
    }

    /// The line under the title.
    pub(super) fn caption(&mut self, text: impl Into<String>) {
        self.caption = text.into();
    }

    /// Adds a row to the legend.
    pub(super) fn legend(&mut self, sample: Sample, colour: &'static str, text: impl Into<String>) {
        self.legend.push((sample, colour, text.into()));
    }

    /// Where a value is, in tenths of pixels.
    pub(super) fn point(&self, (at, value): (Instant, u64)) -> Point {
        let x = self.x.place(at.as_nanos(), LEFT, RIGHT);
        (x, self.y.place(value, BOTTOM, TOP))
    }

    /// Draws a line that stays at each value until the next, to the end of the chart.
    pub(super) fn steps(&mut self, colour: &str, dashed: bool, line: &[(Instant, u64)]) {
        let points: Vec<Point> = line.iter().map(|point| self.point(*point)).collect();
        let thin = thin::line(&points, 20);
        let Some(((x, y), rest)) = thin.split_first() else { return };
        let mut path = format!("M{} {}", px(*x), px(*y));
        for (x, y) in rest {
            let _ = write!(path, "H{}V{}", px(*x), px(*y));
        }
        let _ = write!(path, "H{RIGHT}");
        let dash = if dashed { " d" } else { "" };
        let class = format!("class=\"l {colour}{dash}\" clip-path=\"url(#plot)\"");
        let _ = writeln!(self.body, "<path {class} d=\"{path}\"/>");
    }

    /// Draws dots.
    pub(super) fn dots(&mut self, colour: &str, dots: &[(Instant, u64)]) {
        let points: Vec<Point> = dots.iter().map(|point| self.point(*point)).collect();
        let mut path = String::new();
        for (x, y) in thin::dots(&points, 20) {
            let _ = write!(path, "M{} {}h0", px(x), px(y));
        }
        if !path.is_empty() {
            let _ = writeln!(self.body, "<path class=\"o {colour}\" d=\"{path}\"/>");
        }
    }

    /// Draws vertical bars; `hollow` ones are outlines.
    pub(super) fn bars(&mut self, colour: &str, hollow: bool, bars: &[Bar]) {
        let path: String = thin::bars(bars, 10).into_iter().map(|bar| shape(bar, hollow)).collect();
        if !path.is_empty() {
            let class = if hollow { "h" } else { "b" };
            let _ = writeln!(self.body, "<path class=\"{class} {colour}\" d=\"{path}\"/>");
        }
    }

    /// Draws vertical bars that stay in the background.
    pub(super) fn shades(&mut self, colour: &str, bars: &[Bar]) {
        let path: String = thin::bars(bars, 10).into_iter().map(|bar| shape(bar, false)).collect();
        let _ = writeln!(self.body, "<path class=\"k {colour}\" d=\"{path}\"/>");
    }

    /// Draws one bar that says what it is to whoever points at it.
    pub(super) fn bar(&mut self, colour: &str, hollow: bool, bar: Bar, title: &str) {
        let class = if hollow { "h" } else { "b" };
        let (path, title) = (shape(bar, hollow), escape(title));
        let path = format!("<path class=\"{class} {colour}\" d=\"{path}\">");
        let _ = writeln!(self.body, "{path}<title>{title}</title></path>");
    }

    /// Writes letters above points, as many as there is room for.
    pub(super) fn letters(&mut self, colour: &str, letter: &str, points: &[Point]) {
        for (x, y) in thin::dots(points, 120) {
            let (x, y) = (px(x), px(y - 30));
            let text = format!("<text class=\"m {colour}\" x=\"{x}\" y=\"{y}\">{letter}</text>");
            let _ = writeln!(self.body, "{text}");
        }
    }

    /// Shades times.
    pub(super) fn bands(&mut self, colour: &str, bands: &[(Instant, Instant)]) {
        let edge = |at: Instant| self.x.place(at.as_nanos(), LEFT, RIGHT);
        let mut merged: Vec<(i64, i64)> = Vec::new();
        for (from, to) in bands.iter().map(|(from, to)| (edge(*from), edge(*to))) {
            match merged.last_mut() {
                // What is narrower than a pixel joins its neighbour.
                Some((_, end)) if from <= *end + 5 => *end = to.max(*end),
                _ => merged.push((from, to)),
            }
        }
        let mut path = String::new();
        for (from, to) in merged {
            let (from, to) = (px(from), px(to.max(from + 5)));
            let _ = write!(path, "M{from} {TOP}H{to}V{BOTTOM}H{from}z");
        }
        if !path.is_empty() {
            let _ = writeln!(self.body, "<path class=\"s {colour}\" d=\"{path}\"/>");
        }
    }

    fn axes(&self, out: &mut String) {
        let mut grid = String::new();
        let mut text = String::new();
        for tick in self.y.ticks() {
            let y = px(self.y.place(tick, BOTTOM, TOP));
            let _ = write!(grid, "M{LEFT} {y}H{RIGHT}");
            let (x, label) = (LEFT - 8, self.y.label(tick));
            let _ = writeln!(text, "<text class=\"y\" x=\"{x}\" y=\"{y}\" dy=\"4\">{label}</text>");
        }
        for tick in self.x.ticks() {
            let x = px(self.x.place(tick, LEFT, RIGHT));
            let _ = write!(grid, "M{x} {TOP}V{BOTTOM}");
            let (y, label) = (BOTTOM + 18, self.x.label(tick));
            let _ = writeln!(text, "<text class=\"x\" x=\"{x}\" y=\"{y}\">{label}</text>");
        }
        let _ = writeln!(out, "<path class=\"g ink\" d=\"{grid}\"/>\n{text}");
        let (middle, y) = ((LEFT + RIGHT) / 2, BOTTOM + 38);
        let name = self.x.name;
        let _ = writeln!(out, "<text class=\"x\" x=\"{middle}\" y=\"{y}\">time ({name})</text>");
        let (middle, label) = ((TOP + BOTTOM) / 2, escape(&self.label));
        let place = format!("transform=\"translate(18 {middle}) rotate(-90)\"");
        let _ = writeln!(out, "<text class=\"x\" {place}>{label}</text>");
    }

    /// Writes the legend; says where it ends.
    fn explain(&self, out: &mut String) -> i64 {
        let (mut x, mut y) = (LEFT, LEGEND);
        for (sample, colour, text) in &self.legend {
            let width = 46 + 7 * text.chars().count() as i64;
            if x > LEFT && x + width > RIGHT {
                (x, y) = (LEFT, y + ROW);
            }
            let (end, middle, top) = (x + 24, x + 12, y - 4);
            let _ = match sample {
                Sample::Line => write!(out, "<path class=\"l {colour}\" d=\"M{x} {top}H{end}\"/>"),
                Sample::Dashed => {
                    write!(out, "<path class=\"l {colour} d\" d=\"M{x} {top}H{end}\"/>")
                }
                Sample::Dot => write!(out, "<path class=\"o {colour}\" d=\"M{middle} {top}h0\"/>"),
                Sample::Band => {
                    write!(out, "<path class=\"s {colour}\" d=\"M{x} {}h24v12h-24z\"/>", y - 10)
                }
                Sample::Bar | Sample::Hollow | Sample::Shade => {
                    let hollow = *sample == Sample::Hollow;
                    let class = match sample {
                        Sample::Hollow => "h",
                        Sample::Shade => "k",
                        _ => "b",
                    };
                    let path = shape((middle * 10, (y - 11) * 10, (y + 3) * 10), hollow);
                    write!(out, "<path class=\"{class} {colour}\" d=\"{path}\"/>")
                }
                Sample::Letter(letter) => {
                    let path = shape(((middle - 6) * 10, (y - 11) * 10, (y + 3) * 10), false);
                    let _ = write!(out, "<path class=\"b {colour}\" d=\"{path}\"/>");
                    let place = format!("x=\"{}\" y=\"{y}\"", middle + 6);
                    write!(out, "<text class=\"m {colour}\" {place}>{letter}</text>")
                }
            };
            let _ = writeln!(out, "<text x=\"{}\" y=\"{y}\">{}</text>", x + 30, escape(text));
            x += width;
        }
        y
    }

    /// Writes the whole file.
    pub(super) fn write(&self, out: &mut impl io::Write) -> io::Result<()> {
        let mut rest = String::new();
        self.axes(&mut rest);
        rest.push_str(&self.body);
        let frame = format!("M{LEFT} {TOP}V{BOTTOM}H{RIGHT}");
        let _ = writeln!(rest, "<path class=\"ink\" d=\"{frame}\"/>");
        let height = self.explain(&mut rest) + 16;
        let size =
            format!("viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\"");
        writeln!(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" {size}>")?;
        writeln!(out, "<title>{}</title>", escape(&self.title))?;
        writeln!(out, "<style>\n{}</style>", style())?;
        let plot = format!("M{LEFT} {TOP}H{RIGHT}V{BOTTOM}H{LEFT}z");
        writeln!(out, "<clipPath id=\"plot\"><path d=\"{plot}\"/></clipPath>")?;
        writeln!(out, "<rect class=\"bg\" width=\"{WIDTH}\" height=\"{height}\"/>")?;
        writeln!(out, "<text class=\"t\" x=\"{LEFT}\" y=\"28\">{}</text>", escape(&self.title))?;
        writeln!(out, "<text x=\"{LEFT}\" y=\"48\">{}</text>", escape(&self.caption))?;
        out.write_all(rest.as_bytes())?;
        writeln!(out, "</svg>")
    }
}

fn shape((x, top, bottom): Bar, hollow: bool) -> String {
    let bottom = bottom.max(top + 15);
    if hollow {
        let (left, right) = (px(x - 20), px(x + 20));
        return format!("M{left} {}H{right}V{}H{left}z", px(top), px(bottom));
    }
    format!("M{} {}V{}", px(x), px(top), px(bottom))
}

/// The style sheet. Viewers that know no variables are many, so each colour is spelled out.
fn style() -> String {
    let rule = |out: &mut String, pick: fn(&(&str, &str, &str)) -> String| {
        COLOURS.iter().for_each(|colour| out.push_str(&pick(colour)));
    };
    let mut out = String::from("text{font:12px system-ui,sans-serif}");
    out.push_str("text,.ink{fill:#1f2328;stroke:#1f2328}.bg{fill:#ffffff}\n");
    rule(&mut out, |(name, light, _)| format!(".{name}{{fill:{light};stroke:{light}}}"));
    out.push_str("\n@media (prefers-color-scheme:dark){");
    out.push_str("text,.ink{fill:#d7dce2;stroke:#d7dce2}.bg{fill:#14171c}\n");
    rule(&mut out, |(name, _, dark)| format!(".{name}{{fill:{dark};stroke:{dark}}}"));
    out.push_str(
        "}\n\
         text{stroke:none}.t{font-size:16px;font-weight:600}\n\
         .x,.m{text-anchor:middle}.y{text-anchor:end}.m{font-weight:700}\n\
         .l,.b,.h,.k,.o,path.ink{fill:none}.g{stroke-opacity:.12}\n\
         .l{stroke-width:1.5}.d{stroke-dasharray:5 4}\n\
         .b{stroke-width:2}.o{stroke-width:4;stroke-linecap:round}\n\
         .k{stroke-opacity:.3}.s{stroke:none;fill-opacity:.1}\n",
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        for (lo, hi, unit, most, ticks) in [
            (0, 100, Unit::Bytes, 10, "0 10 20 30 40 50 60 70 80 90 100"),
            (0, 101, Unit::Bytes, 9, "0 20 40 60 80 100"),
            (3, 11, Unit::Packets, 10, "3 4 5 6 7 8 9 10 11"),
            (0, 65_535, Unit::Bytes, 7, "0 10,000 20,000 30,000 40,000 50,000 60,000"),
            (0, 0, Unit::Bytes, 5, "0 1"),
            (0, 2_500_000_000, Unit::Time, 5, "0 0.5 1 1.5 2 2.5"),
            (1_500_000, 4_000_000, Unit::Time, 5, "1.5 2 2.5 3 3.5 4"),
            (0, 1_999_999, Unit::Time, 4, "0 500 1,000 1,500"),
            (1_000_000_000, 1_000_000_900, Unit::Time, 3, "1,000,000,000 1,000,000,500"),
        ] {
            let axis = Axis::new(lo, hi, unit, most);
            let labels: Vec<String> = axis.ticks().map(|tick| axis.label(tick)).collect();
            assert_eq!(labels.join(" "), ticks, "{lo}..{hi}");
        }
    }

    #[test]
    fn the_largest_numbers_have_places() {
        let axis = Axis::new(0, u64::MAX, Unit::Bytes, 9);
        assert!(axis.ticks().count() <= 10);
        assert_eq!(axis.place(u64::MAX, 0, 100), 1_000);
        let small = Axis::new(100, 200, Unit::Bytes, 9);
        assert_eq!([0, 150, u64::MAX].map(|at| small.place(at, 0, 10)), [-100, 50, 200]);
        assert_eq!((px(-15), px(20), px(7)), ("-1.5".into(), "2".into(), "0.7".into()));
    }

    #[test]
    fn text_is_escaped() {
        let time = |n| Instant::from_millis(n);
        let mut chart = Chart::new("a > b & c", (time(0), time(1)), (0, 9), ("size", Unit::Bytes));
        chart.legend(Sample::Line, "blue", "x < y");
        let mut out = Vec::new();
        chart.write(&mut out).expect("memory");
        let text = String::from_utf8(out).expect("text");
        assert!(text.contains("a &gt; b &amp; c") && text.contains("x &lt; y"));
    }
}
