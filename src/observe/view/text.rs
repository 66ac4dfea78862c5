//! Columns of text: wrapping, cutting and padding by characters.

/// How many columns `text` takes, one per character.
pub(super) fn columns(text: &str) -> usize {
    text.chars().count()
}

/// The words of `text`; what is one thing stays one, when it fits into `width`: a number and its
/// name (`ack 79`), a call and its result (`close() = 0`).
fn phrases(text: &str, width: usize) -> Vec<String> {
    let mut phrases: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let is_one = |last: &String| {
            let number = word.starts_with(|c: char| c.is_ascii_digit());
            let named = number && last.ends_with(|c: char| c.is_alphabetic());
            (named || word == "=" || last.ends_with(" ="))
                && columns(last) + 1 + columns(word) <= width
        };
        match phrases.last_mut().filter(|last| is_one(last)) {
            Some(last) => *last = format!("{last} {word}"),
            None => phrases.push(word.to_owned()),
        }
    }
    phrases
}

/// `text` in lines of at most `width` characters, broken between phrases; longer words are cut
/// through.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in phrases(text, width) {
        let mut rest: Vec<char> = word.chars().collect();
        let used = columns(&line);
        if used > 0 && used + 1 + rest.len() > width {
            lines.push(std::mem::take(&mut line));
        }
        while rest.len() > width {
            lines.push(rest.drain(..width).collect());
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.extend(rest);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// At most `max` of the lines; the last one says with `mark` that more followed.
pub(super) fn cut(mut lines: Vec<String>, max: usize, width: usize, mark: &str) -> Vec<String> {
    if lines.len() > max {
        lines.truncate(max);
        if let Some(last) = lines.last_mut() {
            let keep = width.saturating_sub(columns(mark) + 1);
            *last = last.chars().take(keep).collect::<String>().trim_end().to_string();
            last.push(' ');
            last.push_str(mark);
        }
    }
    lines
}

/// `text` cut to `width`, `mark` at its end when something is missing.
pub(super) fn fit(text: &str, width: usize, mark: &str) -> String {
    if columns(text) <= width {
        return text.to_string();
    }
    let keep = width.saturating_sub(columns(mark));
    text.chars().take(keep).chain(mark.chars()).take(width).collect()
}

/// `text` filled up with spaces to `width`.
pub(super) fn pad(text: &str, width: usize) -> String {
    format!("{text:<width$}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_wrap_and_long_ones_break() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("a abcdefgh b", 3), ["a", "abc", "def", "gh", "b"]);
        assert_eq!(wrap("SYN seq 0 ack 1", 12), ["SYN seq 0", "ack 1"]);
        assert_eq!(wrap("close(1, 2) = 0 (end)", 9), ["close(1,", "2) = 0", "(end)"]);
        assert_eq!(wrap("ack 1234567", 9), ["ack", "1234567"], "too long to be one");
        assert_eq!(cut(wrap("one two three four", 7), 2, 7, "…"), ["one two", "three …"]);
        assert_eq!(cut(wrap("one two six ten", 7), 1, 7, "…"), ["one t …"]);
        assert_eq!((fit("abcdef", 4, "…"), fit("abc", 4, "…")), ("abc…".into(), "abc".into()));
    }

    proptest! {
        #[test]
        fn no_letter_is_lost(text in "[a-c ]{0,60}", width in 1usize..20) {
            let lines = wrap(&text, width);
            let fits = |line: &String| !line.is_empty() && columns(line) <= width;
            prop_assert!(lines.iter().all(fits));
            let letters = |s: &str| s.chars().filter(|c| *c != ' ').collect::<String>();
            prop_assert_eq!(letters(&lines.concat()), letters(&text));
            for line in cut(lines, 2, width, "…") {
                prop_assert!(columns(&line) <= width.max(2));
            }
        }
    }
}
