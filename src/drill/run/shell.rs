//! Shell commands of a script. None is ever run: those that turn knobs are understood, the rest is
//! refused by name.

use super::profile::Profile;
use super::sysctl;
use crate::base::Duration;

/// What a command comes to.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Effect {
    /// How long it sleeps.
    pub(super) sleep: Duration,
    /// Whether what was learned of peers is forgotten.
    pub(super) forgets: bool,
    /// What it does that is not known here.
    pub(super) refused: Vec<String>,
}

/// Takes the effect of a command on the knobs.
pub(super) fn take(text: &str, profile: &mut Profile) -> Effect {
    let mut effect = Effect::default();
    for words in commands(text) {
        command(&words, profile, &mut effect);
    }
    effect
}

/// Scripts by their name that only turn knobs, and the knobs they turn besides their arguments.
const SCRIPTS: &[(&str, &[(&str, &str)])] = &[("defaults.sh", DEFAULTS), ("set_sysctls.py", &[])];

/// The knobs that tests of Linux's TCP customarily start from.
const DEFAULTS: &[(&str, &str)] = &[
    ("net.ipv4.tcp_rmem", "4096 540000 15728640"),
    ("net.ipv4.tcp_wmem", "4096 262144 4194304"),
    ("net.ipv4.tcp_congestion_control", "cubic"),
    ("net.ipv4.tcp_ecn", "0"),
    ("net.ipv4.tcp_slow_start_after_idle", "0"),
    ("net.ipv4.tcp_fastopen", "0x403"),
    ("net.ipv4.tcp_fastopen_key", "a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4"),
];

/// Commands that change nothing a script could see.
const HARMLESS: &[&str] = &["true", ":", "echo", "sync", "set", "ulimit", "exit"];

fn command(words: &[String], profile: &mut Profile, effect: &mut Effect) {
    let Some((first, args)) = words.split_first() else { return };
    let name = first.rsplit('/').next().unwrap_or(first);
    let refused = &mut effect.refused;
    let mut turn = |refused: &mut Vec<String>, name: &str, value: &str| {
        refused.extend(sysctl::set(profile, name, value).err());
    };
    match name {
        "sysctl" => {
            for arg in args.iter().filter(|arg| !arg.starts_with('-')) {
                match arg.split_once('=') {
                    Some((name, value)) => turn(refused, name.trim(), value.trim()),
                    None if sysctl::is_known(arg) => {}
                    None => refused.push(format!("sysctl {arg}: this host has no such knob")),
                }
            }
        }
        "sleep" => match args.first().and_then(|arg| arg.parse::<f64>().ok()) {
            Some(seconds) if (0.0..1e6).contains(&seconds) => {
                effect.sleep += Duration::from_micros((seconds * 1e6) as u64);
            }
            Some(1e6..) => refused.push(format!("`{}` is more than 10^6 seconds", words.join(" "))),
            _ => refused.push(format!("`{}`: a number of seconds is meant", words.join(" "))),
        },
        "usleep" => match args.first().and_then(|arg| arg.parse().ok()) {
            Some(micros) if micros < 1_000_000_000_000 => {
                effect.sleep += Duration::from_micros(micros);
            }
            Some(_) => refused.push(format!("`{}` is more than 10^6 seconds", words.join(" "))),
            None => refused.push(format!("`{}`: a number of microseconds is meant", words.join(" "))),
        },
        "echo" | "printf" => {
            if let Some(at) = args.iter().position(|arg| arg == ">")
                && let Some(path) = args.get(at + 1).filter(|path| path.starts_with("/proc/sys/"))
            {
                let value = args[..at].iter().filter(|arg| !arg.starts_with('-'));
                turn(refused, path, &value.cloned().collect::<Vec<_>>().join(" "));
            }
        }
        "kldload" if args.iter().all(|arg| arg.starts_with(['-', 'c'])) => {} // cc_*
        "setkey" if *args == ["-F"] => {}
        "false" => refused.push("the command `false` fails".to_owned()),
        "exit" if args.first().is_some_and(|code| code != "0") => {
            refused.push(format!("the command `{}` fails", words.join(" ")));
        }
        "ip" if args.iter().any(|arg| arg == "tcp_metrics") => {
            effect.forgets |= args.iter().any(|arg| arg == "flush");
        }
        "ethtool" => device(args, profile, refused),
        _ if HARMLESS.contains(&name) => {}
        _ => match SCRIPTS.iter().find(|(script, _)| *script == name) {
            Some((_, knobs)) => {
                knobs.iter().for_each(|(name, value)| turn(refused, name, value));
                let pairs = args.iter().filter_map(|arg| arg.split_once('='));
                pairs.for_each(|(name, value)| turn(refused, name, value));
            }
            None => refused.push(format!(
                "the command `{}` is not known: none is run, and only those that turn knobs are understood",
                words.join(" ")
            )),
        },
    }
}

/// `ethtool -K DEV tso off gso off`: what the device does by itself.
fn device(args: &[String], profile: &mut Profile, refused: &mut Vec<String>) {
    let features = match args {
        [option, _, features @ ..] if option == "-K" => features,
        _ => return refused.push(format!("the command `ethtool {}`", args.join(" "))),
    };
    for pair in features.chunks(2) {
        match pair {
            [name, to] if ["tso", "gso"].contains(&name.as_str()) => profile.offload = to != "off",
            [name, _] if ["gro", "lro", "rx", "tx", "sg"].contains(&name.as_str()) => {}
            _ => refused.push(format!("ethtool -K: {}", pair.join(" "))),
        }
    }
}

/// The simple commands of a text, each as its words; redirections to nowhere are left out.
fn commands(text: &str) -> Vec<Vec<String>> {
    let mut found = vec![Vec::new()];
    let (mut word, mut quote, mut begun) = (String::new(), None, false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, '\'' | '"') => (quote, begun) = (Some(c), true),
            (Some(open), _) if c == open => quote = None,
            (None | Some('"'), '$') if chars.peek() == Some(&'(') => {
                word += &arithmetic(&mut chars);
                begun = true;
            }
            (None, '\\') if chars.peek() == Some(&'\n') => drop(chars.next()),
            (None, '#') if !begun => while chars.next_if(|c| *c != '\n').is_some() {},
            (None, ' ' | '\t' | '\n' | ';' | '&' | '|') => {
                // `>&` and `2>&1` belong together.
                if c == '&' && word.ends_with('>') {
                    word.push(c);
                    continue;
                }
                if begun {
                    push(&mut found, std::mem::take(&mut word));
                    begun = false;
                }
                if !matches!(c, ' ' | '\t') {
                    found.push(Vec::new());
                }
            }
            (_, c) => {
                word.push(c);
                begun = true;
            }
        }
    }
    if begun {
        push(&mut found, word);
    }
    let mut commands: Vec<_> = found.into_iter().map(without_nowhere).collect();
    commands.retain(|words| !words.is_empty());
    commands
}

fn push(found: &mut [Vec<String>], word: String) {
    if let Some(last) = found.last_mut() {
        last.push(word);
    }
}

/// Leaves out `2>&1`, `>/dev/null` and `> /dev/null`; other redirections become words of their own.
fn without_nowhere(words: Vec<String>) -> Vec<String> {
    let mut left = Vec::new();
    for word in words {
        let target = word.trim_start_matches(|c: char| c.is_ascii_digit() || c == '&');
        match target.strip_prefix('>').map(|path| path.trim_start_matches('>')) {
            Some(path) if path.starts_with('&') || path == "/dev/null" => {}
            Some("") => left.push(">".to_owned()),
            Some(path) => left.extend([">".to_owned(), path.to_owned()]),
            None if word == "/dev/null" && left.last().is_some_and(|last| last == ">") => {
                left.pop();
            }
            None => left.push(word),
        }
    }
    left
}

/// `$((15*1024*1024))`: sums and products of numbers; anything else stays as it is.
fn arithmetic(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
    let mut depth = 0;
    let mut inside = String::new();
    for c in chars.by_ref() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            c => inside.push(c),
        }
        if depth == 0 {
            break;
        }
    }
    let product = |term: &str| {
        term.split('*').map(|factor| factor.trim().parse::<i64>().ok()).product::<Option<i64>>()
    };
    match inside.split('+').map(product).sum::<Option<i64>>() {
        Some(value) => value.to_string(),
        None => format!("$({inside})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_split_as_a_shell_does() {
        let text = "sysctl -q -w a.b=1 c='2 3' > /dev/null 2>&1 && true\n\
                    ./x/defaults.sh; sysctl d=\"4 $((5*1024)) 6\" # so\nmodprobe q || true";
        assert_eq!(
            commands(text),
            [
                vec!["sysctl", "-q", "-w", "a.b=1", "c=2 3"],
                vec!["true"],
                vec!["./x/defaults.sh"],
                vec!["sysctl", "d=4 5120 6"],
                vec!["modprobe", "q"],
                vec!["true"],
            ]
        );
    }

    #[test]
    fn knobs_are_turned_and_the_rest_is_refused_by_name() {
        let mut profile = Profile::linux();
        let text = "../common/set_sysctls.py /proc/sys/net/ipv4/tcp_sack=0 && \
                    echo 0 > /proc/sys/net/ipv4/tcp_frto; sleep 0.25; tc qdisc add x";
        let effect = take(text, &mut profile);
        assert!(!profile.tcp.sack && !profile.tcp.frto);
        assert_eq!(effect.sleep, Duration::from_millis(250));
        assert_eq!(
            effect.refused,
            ["the command `tc qdisc add x` is not known: none is run, and only those that turn \
                knobs are understood"]
        );
    }
}
