//! `netglass profile`: named sets of TCP's knobs, and where they differ.

use super::args::{ProfileArgs, ProfileCommand};
use super::{Outcome, talk};
use crate::tcp::Profile;
use crate::tcp::profile::Knob;
use serde_json::{Value, json};
use std::process::ExitCode;

pub(super) fn run(args: &ProfileArgs) -> Outcome {
    let text = match args.what {
        ProfileCommand::Show { name, json: true } => shown_as_json(name).to_string(),
        ProfileCommand::Show { name, json: false } => shown(name),
        ProfileCommand::Diff { a, b, json: true } => differences_as_json(a, b).to_string(),
        ProfileCommand::Diff { a, b, json: false } => differences(a, b),
    };
    talk::say(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn shown(profile: Profile) -> String {
    let line = |knob: &Knob| format!("{:<22} {:<16} {}\n", knob.name, knob.value, knob.source);
    profile.knobs().iter().map(line).collect()
}

fn as_json(knob: &Knob) -> Value {
    json!({ "name": knob.name, "value": knob.value, "source": knob.source })
}

fn shown_as_json(profile: Profile) -> Value {
    let knobs = Value::from_iter(profile.knobs().iter().map(as_json));
    json!({ "profile": profile.name(), "knobs": knobs })
}

/// The knobs of both, where they differ.
fn pairs(a: Profile, b: Profile) -> impl Iterator<Item = (Knob, Knob)> {
    a.knobs().into_iter().zip(b.knobs()).filter(|(a, b)| a.value != b.value)
}

fn differences(a: Profile, b: Profile) -> String {
    let names = [a, b].map(|profile| format!("{profile}:"));
    let name = names.iter().map(String::len).max().unwrap_or(0);
    let values = pairs(a, b).flat_map(|(one, other)| [one.value.len(), other.value.len()]);
    let value = values.max().unwrap_or(0);
    let row = |knob: &str, of: usize, one: &Knob| {
        format!("{knob:<22} {:<name$} {:<value$}  {}\n", names[of], one.value, one.source)
    };
    let both = |(one, other): (Knob, Knob)| row(one.name, 0, &one) + &row("", 1, &other);
    let text: String = pairs(a, b).map(both).collect();
    if text.is_empty() { format!("{a} and {b} have the same knobs\n") } else { text }
}

fn differences_as_json(a: Profile, b: Profile) -> Value {
    let pair = |(one, other): (Knob, Knob)| {
        json!({
            "name": one.name,
            a.name(): { "value": one.value, "source": one.source },
            b.name(): { "value": other.value, "source": other.source },
        })
    };
    Value::from_iter(pairs(a, b).map(pair))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_names_both_values_and_their_sources() {
        let text = differences(Profile::Linux, Profile::Rfc);
        let line = |word: &str| text.lines().position(|line| line.starts_with(word)).unwrap();
        let lines: Vec<_> = text.lines().collect();
        let [own, other] = [lines[line("rto_min ")], lines[line("rto_min ") + 1]];
        assert!(own.starts_with("rto_min                linux: 200ms "), "{own}");
        assert!(other.starts_with("                       rfc:   1s "), "{other}");
        assert!(other.ends_with("  RFC 6298 §2.4: SHOULD be 1 s"), "{other}");
        assert!(!text.contains("rto_initial"), "{text}");
        assert_eq!(differences(Profile::Rfc, Profile::Rfc), "rfc and rfc have the same knobs\n");
        let json = differences_as_json(Profile::Linux, Profile::FreeBsd);
        let minmss = json.as_array().unwrap().iter().find(|k| k["name"] == "min_mss").unwrap();
        assert_eq!(
            (&minmss["linux"]["value"], &minmss["freebsd"]["value"]),
            (&json!("48"), &json!("216"))
        );
    }

    #[test]
    fn all_knobs_are_shown() {
        let (text, json) = (shown(Profile::Rfc), shown_as_json(Profile::Rfc));
        assert_eq!(text.lines().count(), json["knobs"].as_array().unwrap().len());
        assert!(
            text.contains("option_order       by-kind          RFC 9293 §3.2: any order"),
            "{text}"
        );
    }
}
