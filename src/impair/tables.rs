//! Shapes of delays as tables, made by the compiler in whole numbers: the i-th of 4096 entries is
//! what a draw has that exceeds i + ½ of 4096 draws, in units of which 8192 are one standard
//! deviation, counted from the mean.

/// How many units one standard deviation has.
pub(super) const UNIT: i32 = 8192;

/// How many entries a table has.
const LEN: usize = 4096;

/// The upper half of the normal distribution; it is symmetrical.
static NORMAL: [i16; LEN / 2] = normal_table();

/// The Pareto distribution with exponent 3: a few delays are many times as long as most.
static PARETO: [i32; LEN] = pareto_table();

/// The normal distribution's value for draw 0..4096.
pub(super) fn normal(draw: usize) -> i32 {
    match draw.checked_sub(LEN / 2) {
        Some(upper) => NORMAL[upper].into(),
        None => -i32::from(NORMAL[LEN / 2 - 1 - draw]),
    }
}

/// The Pareto distribution's value for draw 0..4096.
pub(super) fn pareto(draw: usize) -> i32 {
    PARETO[draw]
}

/// Walks the density φ from the mean outwards in steps of h = 1/8192 and adds up its area; an entry
/// is where the area reaches its share. Numbers are fixed-point with 60 binary places.
const fn normal_table() -> [i16; LEN / 2] {
    const PLACES: u32 = 60;
    /// 1/√(2π): the density at the mean.
    const PEAK: u128 = 459_949_134_171_706_403;
    /// exp(-h²/2) and exp(-h²): φ(x+h)/φ(x) is the first at the mean, and shrinks by the second
    /// with every step.
    const FIRST: u128 = 1_152_921_496_016_912_416;
    const SHRINK: u128 = 1_152_921_487_426_977_920;
    let mut table = [0; LEN / 2];
    let (mut density, mut ratio, mut area, mut x, mut entry) = (PEAK, FIRST, 0, 0, 0);
    while entry < LEN / 2 {
        let next = (density * ratio) >> PLACES;
        ratio = (ratio * SHRINK) >> PLACES;
        area += (density + next) >> (UNIT.ilog2() + 1);
        density = next;
        x += 1;
        while entry < LEN / 2 && area >= (2 * entry as u128 + 1) << (PLACES - 13) {
            table[entry] = x;
            entry += 1;
        }
    }
    table
}

/// A share p of draws lies below (1-p)^(-1/3), whose mean is 3/2 and whose deviation is √¾.
const fn pareto_table() -> [i32; LEN] {
    const MEAN: i64 = 3 * UNIT as i64 / 2;
    const DEVIATION_E7: i64 = 8_660_254;
    let mut table = [0; LEN];
    let mut entry = 0;
    while entry < LEN {
        // UNIT³ / (1-p), where p = (entry + ½) / 4096.
        let cube = (1u64 << 52) / (8191 - 2 * entry as u64);
        let x = cube_root(cube) as i64;
        table[entry] = ((x - MEAN) * 10_000_000 / DEVIATION_E7) as i32;
        entry += 1;
    }
    table
}

const fn cube_root(cube: u64) -> u64 {
    let (mut low, mut high) = (0u64, 1 << 18);
    while high - low > 1 {
        let middle = (low + high) / 2;
        if middle * middle * middle <= cube {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean and standard deviation of a table, in thousandths of a deviation.
    fn moments(entry: fn(usize) -> i32) -> (i64, i64) {
        let values = || (0..LEN).map(|draw| i64::from(entry(draw)));
        let n = LEN as i64;
        let mean = values().sum::<i64>() / n;
        let variance = values().map(|value| (value - mean).pow(2)).sum::<i64>() / n;
        (mean * 1000 / i64::from(UNIT), variance.isqrt() * 1000 / i64::from(UNIT))
    }

    #[test]
    fn the_normal_table_has_the_known_quantiles() {
        // (share of draws below, deviations × 10⁴) from tables of the normal distribution.
        for (draw, value) in [(2048, 1), (3446, 9_999), (3993, 19_594), (4002, 19_990)] {
            let at = normal(draw) * 10_000 / UNIT;
            assert!((at - value).abs() <= 30, "{draw}: {at}, expected {value}");
        }
        assert_eq!(normal(0), -normal(LEN - 1));
        assert!((0..LEN - 1).all(|draw| normal(draw) <= normal(draw + 1)));
        let (mean, deviation) = moments(normal);
        assert!(mean == 0 && (995..=1000).contains(&deviation), "{mean} {deviation}");
        assert!(
            (29_900..30_100).contains(&normal(LEN - 1)),
            "3.66 deviations: {}",
            normal(LEN - 1)
        );
    }

    #[test]
    fn the_pareto_table_is_what_it_is_made_from() {
        // Half of the draws lie below 2^(1/3) = 1.26, a quarter above 4^(1/3) = 1.587.
        assert!((pareto(2048) + 2_269).abs() <= 5, "{}", pareto(2048));
        assert!((pareto(3072) - 826).abs() <= 5, "{}", pareto(3072));
        assert!((0..LEN - 1).all(|draw| pareto(draw) <= pareto(draw + 1)));
        let (mean, deviation) = moments(pareto);
        assert!((-5..=0).contains(&mean) && (900..=1000).contains(&deviation));
    }
}
