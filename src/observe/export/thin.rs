//! What a picture cannot show is left out: points that fall on the same pixels.

use std::collections::BTreeSet;

/// A point in pixels, each a tenth: right, down.
pub(super) type Point = (i64, i64);

/// A vertical bar: right, top, bottom.
pub(super) type Bar = (i64, i64, i64);

/// A line as a picture shows it: of each column the first, the lowest, the highest and the last
/// point. Points come in the order of time.
pub(super) fn line(points: &[Point], column: i64) -> Vec<Point> {
    let mut kept = Vec::new();
    let mut rest = points;
    while let Some((x, _)) = rest.first() {
        let same = |point: &&Point| point.0.div_euclid(column) == x.div_euclid(column);
        let n = rest.iter().take_while(same).count();
        let (these, others) = rest.split_at(n);
        let numbered = || these.iter().enumerate();
        let low = numbered().min_by_key(|(_, (_, y))| *y).map_or(0, |(n, _)| n);
        let high = numbered().max_by_key(|(_, (_, y))| *y).map_or(0, |(n, _)| n);
        let places = BTreeSet::from([0, low, high, n - 1]);
        kept.extend(places.into_iter().map(|n| these[n]));
        rest = others;
    }
    kept
}

/// Bars as a picture shows them: those of one column that touch are one.
pub(super) fn bars(bars: &[Bar], column: i64) -> Vec<Bar> {
    let mut sorted: Vec<Bar> = bars.to_vec();
    sorted.sort_unstable_by_key(|(x, top, bottom)| (x.div_euclid(column), *top, *bottom));
    let mut kept: Vec<Bar> = Vec::new();
    for (x, top, bottom) in sorted {
        match kept.last_mut() {
            Some((last, _, end)) if same(*last, x, column) && top <= *end + column => {
                *end = (*end).max(bottom);
            }
            _ => kept.push((x, top, bottom)),
        }
    }
    kept
}

fn same(a: i64, b: i64, column: i64) -> bool {
    a.div_euclid(column) == b.div_euclid(column)
}

/// One point of each square.
pub(super) fn dots(points: &[Point], square: i64) -> Vec<Point> {
    let mut seen = BTreeSet::new();
    let cell = |(x, y): &Point| (x.div_euclid(square), y.div_euclid(square));
    points.iter().filter(|point| seen.insert(cell(point))).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_keeps_its_shape() {
        let wave: Vec<Point> = (0..1_000).map(|n| (n, (n * 37) % 101)).collect();
        let thin = line(&wave, 100);
        assert!(thin.len() <= 40);
        for column in 0..10 {
            let of = |points: &[Point]| {
                let its = points.iter().filter(|(x, _)| x / 100 == column).map(|(_, y)| *y);
                let its: Vec<i64> = its.collect();
                (its[0], its.iter().min().copied(), its.iter().max().copied(), its[its.len() - 1])
            };
            assert_eq!(of(&thin), of(&wave));
        }
        assert!(thin.is_sorted_by_key(|(x, _)| *x));
        assert_eq!(line(&wave, 1), wave, "nothing is left out that can be seen");
        assert_eq!(line(&[], 10), []);
    }

    #[test]
    fn bars_that_touch_are_one() {
        assert_eq!(
            bars(&[(0, 0, 50), (4, 50, 90), (3, 200, 210)], 10),
            [(0, 0, 90), (3, 200, 210)]
        );
        assert_eq!(bars(&[(0, 0, 50), (10, 50, 90)], 10), [(0, 0, 50), (10, 50, 90)]);
    }

    #[test]
    fn a_square_keeps_one_dot() {
        assert_eq!(dots(&[(1, 1), (9, 9), (10, 1), (1, 1)], 10), [(1, 1), (10, 1)]);
    }
}
