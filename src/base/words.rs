//! The word that somebody may have meant.

/// Bytes of a word that is no longer compared with others.
const LONG: usize = 100;

/// The name that somebody who wrote `word` most likely meant, if any is near: at most a third of it
/// is other letters.
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let is_short = |name: &&str| word.len().max(name.len()) <= LONG;
    let distances = names.into_iter().filter(is_short).map(|name| (distance(word, name), name));
    let (distance, name) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance <= (word.len().max(name.len()) / 3).max(1)).then_some(name)
}

/// Whether a terminal takes a character for more than itself: a control character, or one that
/// turns the direction of the text around it.
pub fn steers(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// How many letters must be put in, taken out, changed, or exchanged with their neighbours to make
/// `b` of `a`.
fn distance(a: &str, b: &str) -> usize {
    let [a, b] = [a, b].map(|word| word.chars().collect::<Vec<_>>());
    let mut rows = vec![(0..=b.len()).collect::<Vec<_>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let changed = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = changed.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found() {
        let names = ["idle", "header_time", "body_time", "backlog"];
        for (word, name) in [("idel", Some("idle")), ("idl", Some("idle")), ("dile", Some("idle"))]
        {
            assert_eq!(nearest(word, names), name, "{word}");
        }
        assert_eq!(nearest("header-time", names), Some("header_time"));
        assert_eq!(nearest("headr_tim", names), Some("header_time"));
        assert_eq!(nearest("gopher", names), None);
        assert_eq!(nearest("x", []), None);
    }
}
