//! Each construct of the small Python, what it yields, and what is refused.

use super::*;
use proptest::prelude::*;

/// What a kernel would say.
fn names(name: &str) -> Option<Value> {
    Some(Value::Int(match name {
        "tcpi_snd_cwnd" => 10,
        "tcpi_rtt" => 100_000,
        "tcpi_options" => 0x27,
        "tcpi_ca_state" | "TCP_CA_Recovery" => 3,
        "TCPI_OPT_SYN_DATA" => 0x20,
        _ => return None,
    }))
}

fn run(text: &str) -> Result<Vec<String>, Failure> {
    Program::parse(1, text)?.run(&mut Variables::default(), &names)
}

#[track_caller]
fn holds(text: &str) {
    if let Err(failure) = run(text) {
        panic!("{text}: line {}: {failure}", failure.line);
    }
}

#[track_caller]
fn fails(text: &str, kind: FailureKind, what: &str) {
    let failure = run(text).unwrap_err();
    assert_eq!((failure.kind, failure.what.as_str()), (kind, what), "{text}");
}

#[test]
fn assertions_hold_or_say_why_not() {
    holds("assert tcpi_snd_cwnd == 10, tcpi_snd_cwnd");
    holds("assert (tcpi_options & TCPI_OPT_SYN_DATA) != 0, tcpi_options");
    holds("assert 99000 <= tcpi_rtt <= 101000, 'srtt=%d us' % tcpi_rtt");
    let told = "assert tcpi_snd_cwnd == 11: tcpi_snd_cwnd is 10";
    fails("assert  tcpi_snd_cwnd  == 11", FailureKind::Assertion, told);
    let cases = [
        ("tcpi_snd_cwnd", "10"),
        ("'cwnd=%d' % tcpi_snd_cwnd", "cwnd=10"),
        ("\"cwnd\"", "cwnd"),
        ("f'cwnd={tcpi_snd_cwnd}'", "cwnd=10"),
        ("f'{tcpi_snd_cwnd=} {tcpi_rtt:>8}'", "tcpi_snd_cwnd=10   100000"),
        ("'ca: %d rtt: %5.1f' % (tcpi_ca_state, tcpi_rtt / 1000)", "ca: 3 rtt: 100.0"),
        ("(tcpi_snd_cwnd, 'x')", "(10, 'x')"),
        ("'a' 'b'", "ab"),
    ];
    for (message, shown) in cases {
        let text = format!("assert False, {message}");
        fails(&text, FailureKind::Assertion, &format!("assert False: {shown}"));
    }
}

#[test]
fn modules_are_not_looked_at() {
    holds("import math, sys; assert 1 == 1");
    holds("from math import *\nimport os as o\nassert 2");
    assert!(run("import math\nassert math.sqrt(4) == 2").is_err());
}

#[test]
fn statements_follow_each_other() {
    holds("assert 1 == 1; assert 2 == 2;");
    holds("assert 1\nassert 2 # three\n\n# nothing\nassert 3");
    holds("\nassert 1\nassert 2\n");
    holds("assert 1, 1; \\\n   assert 2, 2");
    holds("assert (1 ==\n  1)");
    holds("pass");
    holds("");
    let failure = run("assert 1\n\nassert (1 ==\n 0)\n").unwrap_err();
    assert_eq!((failure.line, failure.to_string().as_str()), (3, "assert (1 == 0)"));
    fails(
        "assert 1 assert 2",
        FailureKind::Refused,
        "expected `;` or the end of the line, found `assert`",
    );
    fails(
        "assert 1\nassert 1\n  assert 1",
        FailureKind::Refused,
        "this line is indented for no reason",
    );
}

#[test]
fn assignments_last_for_the_script() {
    let mut variables = Variables::default();
    let mut step = |text: &str| Program::parse(1, text).unwrap().run(&mut variables, &names);
    step("cwnd = tcpi_snd_cwnd; big = huge = 0x7fffffff").unwrap();
    step("cwnd += 2; cwnd -= 1; cwnd *= 4; cwnd //= 2; cwnd %= 12").unwrap();
    assert_eq!(step("print(cwnd, 'of', big)").unwrap(), ["10 of 2147483647"]);
    step("cwnd |= 1; cwnd &= 3; cwnd ^= 7; cwnd <<= 2; cwnd >>= 1; cwnd **= 2; cwnd /= 2").unwrap();
    step("assert cwnd == 32.0, cwnd; assert huge == big").unwrap();
    step("tcpi_rtt = 5; assert tcpi_rtt == 5").unwrap();
    step("assert tcpi_rtt == 100000, tcpi_rtt").unwrap();
    let failure = step("cwmd += 1").unwrap_err();
    assert_eq!(failure.what, "NameError: name `cwmd` is not defined");
    assert_eq!(failure.kind, FailureKind::Exception);
}

#[test]
fn printing_is_collected() {
    assert_eq!(
        run("print(tcpi_snd_cwnd)\nprint()\nprint('a', 1.5, None, True)").unwrap(),
        ["10", "", "a 1.5 None True"]
    );
}

#[test]
fn choices_have_blocks() {
    let text = "if tcpi_snd_cwnd > 10:\n  x = 1\nelif tcpi_snd_cwnd == 10:\n  x = 2\n  if x == 2:\n    \
                x = 3\n  y = 1\nelse:\n  x = 4\nassert x == 3 and y == 1, x";
    holds(text);
    holds("if 1: x = 1; y = 2\nassert x + y == 3");
    holds("if 0: x = 1\nelse: x = 2\nassert x == 2");
    holds("if False:\n    assert False\nassert True");
    holds("\n  if True:\n    x = 1\n  assert x == 1\n");
    fails("if 1:\nassert 1", FailureKind::Refused, "expected a deeper line after `:`");
    fails("if 1\n  pass", FailureKind::Refused, "expected `:`, found the end of the line");
    fails("if 1:\n  pass\n    pass", FailureKind::Refused, "this line is indented for no reason");
}

#[test]
fn expressions_are_pythons() {
    let table = [
        "1 + 2 * 3 == 7",
        "(1 + 2) * 3 == 9",
        "7 // 2 == 3 and -7 // 2 == -4 and 7 // -2 == -4 and -7 // -2 == 3",
        "7 % 3 == 1 and -7 % 3 == 2 and 7 % -3 == -2 and -6 % 3 == 0",
        "7 / 2 == 3.5 and 2 ** 10 == 1024 and 2 ** -1 == 0.5 and -2 ** 2 == -4",
        "5.5 // 2 == 2.0 and 5.5 % 2 == 1.5 and 1e3 == 1000 and .5 == 0.5 and 1_000 == 1000",
        "0x1F == 31 and 0b101 == 5 and 0o17 == 15",
        "1 << 4 == 16 and -16 >> 2 == -4 and 6 ^ 3 == 5 and 6 | 1 == 7 and ~5 == -6 and +5 == 5",
        "1 < 2 < 3 and not 1 < 3 < 2 and 1 != 2 and 2 >= 2 and 3 > 2",
        "not 0 and not '' and not () and not None and not 0.0 and not []",
        "(0 or 5) == 5 and (3 and 4) == 4 and (0 and x) == 0 and (1 or x) == 1",
        "2 in (1, 2) and 3 not in [1, 2] and 'b' in 'abc'",
        "(1 if True else x) == 1 and (x if False else 2) == 2",
        "None is None and True is not None and 1 == True and 1 == 1.0",
        "(1, 2) < (1, 3) and 'a' < 'b' and (1, 2) == (1, 2) and [1] != (1,)",
        "abs(-3) == 3 and abs(-1.5) == 1.5 and min(3, 1, 2) == 1 and max((3, 1)) == 3",
        "len('abc') == 3 and len((1, 2)) == 2 and int('7') == 7 and int(7.9) == 7",
        "float(1) == 1.0 and str(5) == '5' and repr('a') == \"'a'\" and hex(255) == '0xff'",
        "bool(1) == True and round(2.5) == 2 and round(1.26, 1) == 1.3 and sum((1, 2, 3)) == 6",
        "all((1, 2)) and not any((0, 0))",
        "(1, 2, 3)[1] == 2 and 'abc'[-1] == 'c'",
        "'a' + 'b' == 'ab' and 'ab' * 2 == 'abab' and (1,) + (2,) == (1, 2)",
        "r'\\n' == '\\\\n' and 'a\\tb' == \"a\\tb\"",
    ];
    table.iter().for_each(|text| holds(&format!("assert {text}")));
}

#[test]
fn values_are_put_into_strings() {
    let table = [
        ("'%5d|%-5d|%05d|%+d' % (42, 42, 42, 42)", "   42|42   |00042|+42"),
        ("'%x %X %#x %o' % (255, 255, 255, 8)", "ff FF 0xff 10"),
        ("'%s %r %c %%' % ('a', 'a', 65)", "a 'a' A %"),
        ("'%.2f %e %g %g' % (1.5, 1500, 0.5, 1e10)", "1.50 1.500000e+03 0.5 1e+10"),
        ("'%6.2s|' % 'abc'", "    ab|"),
        ("f'{255:x} {255:#06x} {5:03d} {1.5:.2f}'", "ff 0x00ff 005 1.50"),
        ("f'{\"a\":>3}{\"b\":*^3}{\"c\":<2}|'", "  a*b*c |"),
        ("f'{1234567:,} {0.25:.0%} {{}}'", "1,234,567 25% {}"),
        ("f'{1 + 1} {\"x\"!r} {(1, 2)}'", "2 'x' (1, 2)"),
        ("1e16", "1e16"),
        ("-0.5", "-0.5"),
    ];
    for (text, shown) in table {
        assert_eq!(run(&format!("print({text})")).unwrap(), [shown], "{text}");
    }
    let wrong = [
        ("'%d' % 'a'", "%d format: a number is required"),
        ("'%d %d' % (1,)", "not enough arguments for format string"),
        ("'%d' % (1, 2)", "not all arguments converted during string formatting"),
        ("'%q' % 1", "`%q` in a string"),
        ("'%999d' % 1", "a form wider than 256"),
        ("f'{1:z}'", "the form `z`"),
    ];
    for (text, what) in wrong {
        fails(text, FailureKind::Exception, what);
    }
}

#[test]
fn what_is_more_than_this_is_refused_by_name() {
    let rest = "is not run here: only assertions, assignments, `print`, `if`";
    for word in ["for x in y: pass", "while 1: pass", "def f(): pass"] {
        let name = word.split(' ').next().unwrap();
        fails(word, FailureKind::Refused, &format!("`{name}` {rest}"));
    }
    let table = [
        ("print tcpi_rtt", "`print` without parentheses is not run here"),
        ("x = lambda: 1", "`lambda` is not run here"),
        ("assert sqrt(4)", "the function `sqrt` is not known here"),
        ("assert rond(4)", "the function `rond` is not known here; did you mean `round`?"),
        ("x.y", "attributes and methods, such as behind this `.`, are not run here"),
        ("x = {1: 2}", "dictionaries and sets are not run here"),
        ("x[1:2]", "expected `]` (no slices), found `:`"),
        ("print(1, end='')", "arguments with names are not run here"),
        ("assert tcpi_rtt = 10", "`=` assigns, `==` compares: `==` is meant here"),
        ("a, b = 1, 2", "only one name can be assigned to"),
        ("assert b'x'", "strings with the prefix `b` are not run here"),
        ("x = '''a'''", "strings in three quotes are not run here"),
        ("x = 'abc", "this string does not end on its line"),
        ("x = '\\q'", "the escape `\\q` in a string is not known here"),
        ("x = 1 ?", "`?` is not understood here"),
        ("x = 12ab", "`12ab` is no number"),
        ("assert", "expected an expression, found the end of the line"),
        ("assert (1", "expected `)`, found the end of the line"),
        ("abs()", "this function does not take 0 arguments"),
    ];
    for (text, what) in table {
        fails(text, FailureKind::Refused, what);
    }
}

#[test]
fn exceptions_are_failures() {
    let table = [
        ("assert tcpi_what == 1", "NameError: name `tcpi_what` is not defined"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("1 % 0", "ZeroDivisionError: division by zero"),
        ("1.0 // 0", "ZeroDivisionError: float division by zero"),
        ("1 < 'a'", "TypeError: int and str have no order"),
        ("1 + 'a'", "TypeError: no such operator for int and str"),
        ("1 in 2", "TypeError: nothing is in a value of type int"),
        ("2 ** 200", "OverflowError: a number of more than 127 bits"),
        ("1 << 1000", "OverflowError: a number of more than 127 bits"),
        ("1 << -1", "ValueError: negative shift count"),
        ("(1, 2)[2]", "IndexError: index out of range"),
        ("len(5)", "TypeError: not for a value of type int"),
        ("int('x')", "ValueError: no number"),
    ];
    for (text, what) in table {
        fails(text, FailureKind::Exception, what);
    }
}

#[test]
fn nothing_grows_without_bound() {
    let double = |start: &str, step: &str| format!("{start}\n{}", format!("{step}\n").repeat(100));
    let longest = "a value longer than 65536, or deeper than 20";
    for text in [
        double("a = 'x'", "a = f'{a}{a}'"),
        double("a = 'x'", "a = '%s%s' % (a, a)"),
        double("a = (1, 2)", "a = (a, a)"),
        double("a = 1", "a = [a]"),
    ] {
        fails(&text, FailureKind::Exception, longest);
    }
    fails("x = 'ab' * 1000000", FailureKind::Exception, "a value longer than 65536");
    let deep = format!("{}1{}", "(".repeat(10_000), ")".repeat(10_000));
    fails(&deep, FailureKind::Refused, "more than 40 levels of nesting");
    fails(&"-".repeat(10_000), FailureKind::Refused, "more than 40 levels of nesting");
    fails(&"not ".repeat(10_000), FailureKind::Refused, "more than 40 levels of nesting");
    let long = vec!["1"; 10_000].join("+");
    fails(&long, FailureKind::Refused, "a statement with more than 300 operators");
    let nested: String = (0..100).map(|n| format!("{}if 1:\n", " ".repeat(n))).collect();
    fails(&nested, FailureKind::Refused, "more than 40 levels of nesting");
    holds(&format!("assert {} == 300", vec!["1"; 300].join("+")));
}

proptest! {
    #[test]
    fn no_snippet_panics(parts in prop::collection::vec(part(), 0..40)) {
        let _ = run(&parts.concat());
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,60}") {
        let _ = run(&text);
    }
}

/// Pieces of snippets.
fn part() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "assert ",
        "tcpi_snd_cwnd",
        " == ",
        "10",
        ", ",
        "'%d' % ",
        "f'{",
        "}'",
        "(",
        ")",
        "[",
        "]",
        "\n",
        "\n  ",
        "if ",
        "else",
        ":",
        ";",
        " and ",
        " not ",
        " in ",
        " is ",
        "-",
        "**",
        "//",
        "<<",
        "%",
        "x",
        " = ",
        "+=",
        "print",
        "min",
        "round",
        "1.5",
        "0x7f",
        "'",
        "\"",
        "\\",
        "#",
        "\\\n",
        "{",
        "=",
        "!r",
        ":>5",
        "é",
        "i128",
        "99999999999999999999999",
        "abs(",
        "True",
        "-1",
        "1e300",
        "None",
        ".",
    ])
}
