//! `netglass nstat`: what a running host has counted, as nstat prints it.

use super::args::NstatArgs;
use super::ask::Asked;
use super::{Outcome, talk};
use serde_json::{Value, json};
use std::process::ExitCode;

pub(super) fn run(args: &NstatArgs) -> Outcome {
    for mut asked in Asked::find(&args.ask)? {
        let counters = asked.ask("counters")?;
        let wanted = chosen(&counters, args);
        match args.ask.json {
            true => talk::answer(asked.title(), &as_json(&wanted))?,
            false => talk::headed(asked.title(), &as_text(&wanted))?,
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A counter's name and value.
type Counter<'a> = (&'a str, u64);

/// Those that are not zero, or all with `-z`; of those the ones that a pattern matches.
fn chosen<'a>(counters: &'a Value, args: &NstatArgs) -> Vec<Counter<'a>> {
    let all = counters.as_array().map_or(&[][..], Vec::as_slice).iter();
    let counter = |pair: &'a Value| Some((pair[0].as_str()?, pair[1].as_u64()?));
    let matches = |name: &str| {
        args.patterns.is_empty() || args.patterns.iter().any(|pattern| glob(pattern, name))
    };
    all.filter_map(counter).filter(|(name, n)| (args.zeros || *n > 0) && matches(name)).collect()
}

/// Shell patterns with `*` and `?`, as nstat takes them.
fn glob(pattern: &str, name: &str) -> bool {
    match (pattern.chars().next(), name.chars().next()) {
        (None, None) => true,
        (Some('*'), _) => {
            let rest = &pattern[1..];
            name.char_indices().any(|(at, _)| glob(rest, &name[at..])) || glob(rest, "")
        }
        (Some('?'), Some(c)) => glob(&pattern[1..], &name[c.len_utf8()..]),
        (Some(p), Some(c)) if p == c => glob(&pattern[p.len_utf8()..], &name[c.len_utf8()..]),
        _ => false,
    }
}

fn as_json(counters: &[Counter<'_>]) -> Value {
    let counters: Value = counters.iter().map(|(name, n)| (*name, *n)).collect();
    json!({ "netglass": counters })
}

/// The third column is nstat's rate, which is not kept.
fn as_text(counters: &[Counter<'_>]) -> String {
    let lines = counters.iter().map(|(name, n)| format!("{name:<32}{n:<16} 0.0\n"));
    std::iter::once("#netglass\n".to_owned()).chain(lines).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(zeros: bool, patterns: &[&str]) -> NstatArgs {
        let patterns = patterns.iter().map(|p| (*p).to_owned()).collect();
        NstatArgs { ask: Default::default(), zeros, absolute: false, patterns }
    }

    #[test]
    fn as_nstat_prints() {
        let counters = json!([["IpInReceives", 26], ["TcpOutRsts", 0], ["TcpInSegs", 7]]);
        let text = as_text(&chosen(&counters, &args(false, &[])));
        let expected = "\
#netglass
IpInReceives                    26               0.0
TcpInSegs                       7                0.0
";
        assert_eq!(text, expected);
        let zeros = as_json(&chosen(&counters, &args(true, &["Tcp*"]))).to_string();
        assert_eq!(zeros, r#"{"netglass":{"TcpInSegs":7,"TcpOutRsts":0}}"#);
    }

    #[test]
    fn patterns() {
        for (pattern, name, matches) in [
            ("Tcp*", "TcpInSegs", true),
            ("*Segs", "TcpInSegs", true),
            ("Tcp?nSegs", "TcpInSegs", true),
            ("TcpInSegs", "TcpInSegs", true),
            ("*", "TcpInSegs", true),
            ("Tcp", "TcpInSegs", false),
            ("TcpInSegs?", "TcpInSegs", false),
            ("*Ip*", "TcpInSegs", false),
        ] {
            assert_eq!(glob(pattern, name), matches, "{pattern} {name}");
        }
    }
}
