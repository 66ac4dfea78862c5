//! `netglass rules`: the table that every explanation comes from.

use super::args::RulesArgs;
use super::{Failure, Outcome, talk};
use crate::app::policy::nearest;
use crate::base::Rule;
use crate::rules::{self, VOCABULARIES, Vocabulary, full_name};
use serde_json::{Value, json};
use std::process::ExitCode;

type Found = (&'static Vocabulary, &'static Rule);

/// Prints what was asked for: the vocabularies, one of them, or the rules of a name.
pub(super) fn run(args: &RulesArgs) -> Outcome {
    let found = chosen(args).map_err(Failure::Usage)?;
    let text = match found {
        Some(found) if args.json => Value::from_iter(found.iter().map(as_json)).to_string(),
        Some(found) if args.all || args.name.as_deref().is_some_and(is_vocabulary) => {
            found.iter().map(line).collect()
        }
        Some(found) => found.iter().map(card).collect::<Vec<_>>().join("\n"),
        None => summary(),
    };
    talk::say(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// The rules to be shown; `None`: the vocabularies will do.
fn chosen(args: &RulesArgs) -> Result<Option<Vec<Found>>, String> {
    let Some(name) = args.name.as_deref() else {
        return Ok((args.all || args.json).then(|| rules::all().collect()));
    };
    if is_vocabulary(name) {
        return Ok(Some(rules::all().filter(|(of, _)| of.name == name).collect()));
    }
    let found = rules::find(name);
    if !found.is_empty() {
        return Ok(Some(found));
    }
    let full: Vec<String> = rules::all().map(|(of, rule)| full_name(of, rule)).collect();
    let keys = rules::all().map(|(_, rule)| rule.key);
    let vocabularies = VOCABULARIES.iter().map(|of| of.name);
    let names = full.iter().map(String::as_str).chain(vocabularies).chain(keys);
    let hint = match nearest(name, names) {
        Some(near) => format!(": did you mean {near}?"),
        None => "; `netglass rules --all` lists them".to_owned(),
    };
    Err(format!("there is no rule \"{name}\"{hint}"))
}

fn is_vocabulary(name: &str) -> bool {
    VOCABULARIES.iter().any(|of| of.name == name)
}

fn summary() -> String {
    let mut text = String::new();
    for Vocabulary { name, asks, rules } in VOCABULARIES {
        text += &format!("{name:<14} {:>3}  {asks}\n", rules.len());
    }
    let all = rules::all().count();
    text + &format!("{all} rules. Next: `netglass rules Plan`, `netglass rules Paws`, `--all`\n")
}

fn line((of, rule): &Found) -> String {
    format!("{:<28} {}\n", full_name(of, rule), rule.text)
}

fn card((of, rule): &Found) -> String {
    let mut text = format!("{}   ({})\n", full_name(of, rule), of.asks);
    text += &format!("  {}\n  {}\n", rule.text, rule.rfc);
    if !rule.inputs.is_empty() {
        text += &format!("  it is told with: {}\n", rule.inputs.join(", "));
    }
    text
}

fn as_json((of, rule): &Found) -> Value {
    let Rule { key, rfc, text, inputs } = rule;
    json!({ "vocabulary": of.name, "key": key, "rfc": rfc, "text": text, "inputs": inputs })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(name: &str) -> Result<Vec<String>, String> {
        let args = RulesArgs { all: false, json: false, name: Some(name.to_owned()) };
        let found = chosen(&args)?.expect("a name was given");
        Ok(found.iter().map(card).collect())
    }

    #[test]
    fn the_summary_fits_a_screen_and_counts_all() {
        let text = summary();
        assert!(text.lines().count() <= 25, "{text}");
        let counts = VOCABULARIES.iter().map(|of| of.rules.len()).sum::<usize>();
        assert!(text.contains(&format!("\n{counts} rules.")), "{text}");
    }

    #[test]
    fn a_rule_is_shown_with_all_that_is_known_of_it() {
        let expected = "Plan::NewData   (why a segment is sent)\n  \
                        the application wrote it, and cwnd and the peer's window allow {len} \
                        bytes\n  RFC 9293 §3.7.4, §3.8.6.2.1\n  it is told with: len, push\n";
        assert_eq!(shown("newdata"), Ok(vec![expected.to_owned()]));
        assert_eq!(shown("Blocked").map(|all| all.len()), Ok(8));
        assert_eq!(shown("DataAfterClose").map(|all| all.len()), Ok(2));
    }

    #[test]
    fn a_misspelt_name_is_told_the_nearest() {
        let told = |name| shown(name).unwrap_err();
        assert_eq!(told("Why::Pawz"), "there is no rule \"Why::Pawz\": did you mean Why::Paws?");
        assert_eq!(
            told("WindowProb"),
            "there is no rule \"WindowProb\": did you mean WindowProbe?"
        );
        assert!(told("xyzzy-plugh").ends_with("`netglass rules --all` lists them"));
    }

    #[test]
    fn json_names_every_field() {
        let one = as_json(&rules::find("Limit::Backlog")[0]);
        assert_eq!((&one["vocabulary"], &one["key"]), (&json!("Limit"), &json!("Backlog")));
        assert_eq!(one["inputs"], json!(["port", "max"]));
    }
}
