//! Each kind of token, where they end, and what definitions and conditions make of them.

use super::*;
use proptest::prelude::*;

fn tokens(text: &str, defines: &[(&str, &str)]) -> Result<Vec<(Kind, String)>, String> {
    let defines = defines.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    let tokens = lex("x.pkt", text, &Places::of(text), &defines).map_err(|e| e.to_string())?;
    Ok(tokens.tokens.into_iter().map(|token| (token.kind, token.text.into_owned())).collect())
}

/// Tokens without the end.
#[track_caller]
fn check(text: &str, expected: &[(Kind, &str)]) {
    let mut found = tokens(text, &[]).unwrap();
    assert_eq!(found.pop(), Some((Kind::End, String::new())));
    let found: Vec<_> = found.iter().map(|(kind, text)| (*kind, text.as_str())).collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn the_longest_token_wins() {
    use Kind::*;
    check("0...0.200", &[(Int, "0"), (Ellipsis, "..."), (Float, "0.200")]);
    check("+.01...0.011", &[(Mark, "+"), (Float, ".01"), (Ellipsis, "..."), (Float, "0.011")]);
    check(
        "1:1001(1000)",
        &[(Int, "1"), (Mark, ":"), (Int, "1001"), (Mark, "("), (Int, "1000"), (Mark, ")")],
    );
    check(
        "0x1F 0x 0xfg 12ab -5 -.5 5.",
        &[
            (Hex, "0x1F"),
            (Word, "0x"),
            (Word, "0xfg"),
            (Word, "12ab"),
            (Int, "-5"),
            (Float, "-.5"),
            (Int, "5"),
            (Mark, "."),
        ],
    );
    check("P.5 - -a", &[(Word, "P"), (Float, ".5"), (Mark, "-"), (Mark, "-"), (Word, "a")]);
    check(
        "--name=3 -- -",
        &[(Option, "name"), (Mark, "="), (Int, "3"), (Mark, "-"), (Mark, "-"), (Mark, "-")],
    );
}

#[test]
fn addresses_are_tokens() {
    use Kind::*;
    check(
        "192.0.2.1>192.0.2.2:",
        &[(Ip4, "192.0.2.1"), (Mark, ">"), (Ip4, "192.0.2.2"), (Mark, ":")],
    );
    check("2001:db8::1 > ::2:", &[(Ip6, "2001:db8::1"), (Mark, ">"), (Ip6, "::2"), (Mark, ":")]);
    check(
        "::ffff:192.0.2.1 1:2:3:4:5:6:7:8",
        &[(Ip6, "::ffff:192.0.2.1"), (Ip6, "1:2:3:4:5:6:7:8")],
    );
    check("1.2.3", &[(Float, "1.2"), (Float, ".3")]);
}

#[test]
fn strings_commands_and_code_keep_their_text() {
    use Kind::*;
    check(r#""a\"b\\" "" "a // b""#, &[(Text, r#"a\"b\\"#), (Text, ""), (Text, "a // b")]);
    check("`a\nb` `x \\` y`", &[(Back, "a\nb"), (Back, "x \\` y")]);
    check("%{ a\n b }% %{}%", &[(Code, "a\n b"), (Code, "")]);
}

#[test]
fn comments_are_gone_and_notes_are_kept() {
    use Kind::*;
    check("a // b\nc /* d\n * e */ f/**/g", &[(Word, "a"), (Word, "c"), (Word, "f"), (Word, "g")]);
    let text = "a //? state LISTEN \n//?why x\n// ? no";
    let tokens = lex("x.pkt", text, &Places::of(text), &Defines::new()).unwrap();
    let notes: Vec<_> = tokens.notes.iter().map(|note| (note.at, note.text)).collect();
    assert_eq!(notes, [(2, "state LISTEN"), (20, "why x")]);
}

#[test]
fn definitions_take_the_place_of_words() {
    use Kind::*;
    let defines = [
        ("A", "5"),
        ("B", "0x1f"),
        ("C", "\"text\""),
        ("D", "`true`"),
        ("E", "E"),
        ("F", "-2"),
        ("G", ".5"),
    ];
    let found = tokens("A B C D E F G AA \"A\"", &defines).unwrap();
    let kinds: Vec<_> = found.iter().map(|(kind, text)| (*kind, text.as_str())).collect();
    assert_eq!(
        kinds,
        [
            (Int, "5"),
            (Hex, "0x1f"),
            (Text, "text"),
            (Back, "true"),
            (Word, "E"),
            (Int, "-2"),
            (Float, ".5"),
            (Word, "AA"),
            (Text, "A"),
            (End, ""),
        ]
    );
    let own = "--define=A=1 --define=B=\"b\" A B";
    let found = tokens(own, &[("A", "2")]).unwrap();
    let last: Vec<_> =
        found.iter().rev().take(3).map(|(kind, text)| (*kind, text.as_str())).collect();
    assert_eq!(last, [(End, ""), (Text, "b"), (Int, "2")]);
    let large = [("A", "\"0123456789\"")];
    let error = tokens(&"A ".repeat(1 << 19), &large).unwrap_err();
    assert!(error.ends_with("definitions add more than 4194304 bytes"), "{error}");
}

#[test]
fn conditions_keep_what_is_defined() {
    let words = |text: &str, defines: &[(&str, &str)]| {
        tokens(text, defines).map(|all| {
            all.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(" ").trim().to_owned()
        })
    };
    let text = "a #ifdef X\nb\n#endif c";
    assert_eq!(words(text, &[]).unwrap(), "a c");
    assert_eq!(words(text, &[("X", "1")]).unwrap(), "a b c");
    let table = [
        ("#ifdef X\nb", "x.pkt:1:1: this `#ifdef` has no `#endif`"),
        ("#ifdef Y\nb", "x.pkt:1:1: this `#ifdef` has no `#endif`"),
        ("\n #endif", "x.pkt:2:2: an `#endif` without its `#ifdef`"),
        ("#ifdef X\n#ifdef X\n", "x.pkt:2:1: an `#ifdef` inside of an `#ifdef`"),
        ("#ifdef\n", "x.pkt:1:7: expected a name behind `#ifdef`"),
        (
            "#endf",
            "x.pkt:1:1: there is `#ifdef` and `#endif`, but no `#endf`; did you mean `#endif`?",
        ),
    ];
    for (text, error) in table {
        assert_eq!(words(text, &[("X", "1")]), Err(error.to_owned()), "{text}");
    }
}

#[test]
fn what_does_not_end_is_a_mistake() {
    let table = [
        ("a \"b", "x.pkt:1:3: this string does not end"),
        ("`b", "x.pkt:1:1: this command has no second backquote"),
        ("\n%{ b", "x.pkt:2:1: this code has no `}%`"),
        ("/* b", "x.pkt:1:1: this comment has no `*/`"),
        ("a\0", "x.pkt:1:2: a control character, 0x00: is this a text?"),
    ];
    for (text, error) in table {
        assert_eq!(tokens(text, &[]), Err(error.to_owned()), "{text}");
    }
}

proptest! {
    #[test]
    fn tokens_follow_each_other(text in "[-+.:0-9a-fx/\"`{}#é \n]{0,60}") {
        if let Ok(found) = lex("x.pkt", &text, &Places::of(&text), &Defines::new()) {
            prop_assert!(found.tokens.is_sorted_by(|a, b| a.at < b.at));
        }
    }
}
