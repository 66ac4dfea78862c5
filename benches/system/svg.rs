//! Charts of a few curves, as SVG: a logarithmic axis for how many, a linear one for how much.

use std::fmt;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 360.0;
/// Room around the axes: left, right (for names), above, below.
const MARGINS: [f64; 4] = [64.0, 168.0, 16.0, 48.0];
/// Colours that are told apart by those who see few, too.
const COLOURS: [&str; 4] = ["#0072b2", "#56b4e9", "#d55e00", "#e69f00"];
/// Names of curves are so far apart at least.
const LINE: f64 = 16.0;

/// Points, joined.
pub(crate) struct Curve {
    pub(crate) name: &'static str,
    pub(crate) points: Vec<(f64, f64)>,
}

/// A few curves, and what their axes show.
pub(crate) struct Chart<'a> {
    pub(crate) x: &'a str,
    pub(crate) y: &'a str,
    pub(crate) curves: &'a [Curve],
}

/// Where values lie on the page.
struct Scale {
    /// The powers of ten between which x lies.
    decades: (f64, f64),
    /// Between the lines of y, and how many of them there are.
    step: f64,
    steps: u32,
}

impl Scale {
    fn new(curves: &[Curve]) -> Scale {
        let points = || curves.iter().flat_map(|curve| &curve.points);
        let (least, most) = points().fold((f64::MAX, 1.0), |(a, b): (f64, f64), p| {
            (a.min(p.0.log10().floor()), b.max(p.0.log10().ceil()))
        });
        let highest = points().fold(1.0, |most: f64, point| most.max(point.1));
        let rough = highest / 5.0;
        let decade = 10_f64.powf(rough.log10().floor());
        let nice = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().find(|n| n * decade >= rough);
        let step = nice.unwrap_or(10.0) * decade;
        Scale { decades: (least.min(most), most), step, steps: (highest / step).ceil() as u32 }
    }

    fn x(&self, value: f64) -> f64 {
        let part = (value.log10() - self.decades.0) / (self.decades.1 - self.decades.0);
        MARGINS[0] + part * (WIDTH - MARGINS[0] - MARGINS[1])
    }

    fn y(&self, value: f64) -> f64 {
        let part = value / (self.step * f64::from(self.steps));
        HEIGHT - MARGINS[3] - part * (HEIGHT - MARGINS[2] - MARGINS[3])
    }
}

/// A number as people write it: `10 000`.
fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

impl Chart<'_> {
    fn axes(&self, f: &mut fmt::Formatter<'_>, scale: &Scale) -> fmt::Result {
        let (left, right) = (MARGINS[0], WIDTH - MARGINS[1]);
        let bottom = HEIGHT - MARGINS[3];
        for n in 0..=scale.steps {
            let value = f64::from(n) * scale.step;
            let y = scale.y(value);
            writeln!(
                f,
                "<line x1=\"{left:.1}\" y1=\"{y:.1}\" x2=\"{right:.1}\" y2=\"{y:.1}\" \
                 stroke=\"#ddd\"/>\n<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                left - 8.0,
                y + 4.0,
                grouped(value)
            )?;
        }
        for n in scale.decades.0 as i32..=scale.decades.1 as i32 {
            let value = 10_f64.powi(n);
            let x = scale.x(value);
            writeln!(
                f,
                "<line x1=\"{x:.1}\" y1=\"{bottom:.1}\" x2=\"{x:.1}\" y2=\"{:.1}\" \
                 stroke=\"#888\"/>\n<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}\
                 </text>",
                bottom + 5.0,
                bottom + 20.0,
                grouped(value)
            )?;
        }
        let (middle, centre) = ((left + right) / 2.0, (MARGINS[2] + bottom) / 2.0);
        writeln!(
            f,
            "<text x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\n\
             <text transform=\"translate(14 {centre:.1}) rotate(-90)\" text-anchor=\"middle\">{}\
             </text>",
            HEIGHT - 8.0,
            self.x,
            self.y
        )
    }

    /// The heights of the curves' names: those of their ends, moved apart.
    fn names(&self, scale: &Scale) -> Vec<f64> {
        let ends = self.curves.iter().map(|c| c.points.last().map_or(0.0, |point| point.1));
        let mut places: Vec<(usize, f64)> = ends.map(|end| scale.y(end)).enumerate().collect();
        places.sort_by(|a, b| a.1.total_cmp(&b.1));
        for at in 1..places.len() {
            places[at].1 = places[at].1.max(places[at - 1].1 + LINE);
        }
        // The last may have been moved below the axis: back up, and the others with it.
        let mut most = HEIGHT - MARGINS[3];
        for place in places.iter_mut().rev() {
            place.1 = place.1.min(most);
            most = place.1 - LINE;
        }
        places.sort_by_key(|(curve, _)| *curve);
        places.into_iter().map(|(_, y)| y).collect()
    }
}

impl fmt::Display for Chart<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = Scale::new(self.curves);
        writeln!(
            f,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             font-family=\"sans-serif\" font-size=\"13\" fill=\"#333\">\n\
             <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>"
        )?;
        self.axes(f, &scale)?;
        let names = self.names(&scale);
        for ((curve, colour), name) in self.curves.iter().zip(COLOURS.iter().cycle()).zip(names) {
            let places = curve.points.iter().map(|p| (scale.x(p.0), scale.y(p.1)));
            let joined: Vec<String> =
                places.clone().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
            let joined = joined.join(" ");
            writeln!(
                f,
                "<polyline points=\"{joined}\" fill=\"none\" stroke=\"{colour}\" \
                 stroke-width=\"2\"/>"
            )?;
            for (x, y) in places {
                writeln!(f, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>")?;
            }
            let x = WIDTH - MARGINS[1] + 10.0;
            let y = name + 4.0;
            writeln!(f, "<text x=\"{x:.1}\" y=\"{y:.1}\" fill=\"{colour}\">{}</text>", curve.name)?;
        }
        writeln!(f, "</svg>")
    }
}
