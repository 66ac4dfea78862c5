//! Checks, judged: what was expected, what was found, and what led there.

use super::frames::{FrameQuery, Header, Headers, Trace};
use super::steps::{self, moment};
use super::value::Unit;
use super::{Check, Claim, Count, Want};
use crate::base::Instant;
use crate::base::time::nanos;
use crate::lab::Report;
use crate::observe::log::{Entry, Log, Query};

/// What came of a check.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// What was claimed.
    pub say: String,
    /// `None`: it is so. Else why it is not.
    pub failure: Option<Failure>,
}

/// Why a check failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// What was asked.
    pub asked: String,
    /// What should have come out.
    pub expected: String,
    /// What came out.
    pub found: String,
    /// The lines of the log that led to what was found, or to what is nearest to it.
    pub steps: Vec<String>,
}

impl Verdict {
    /// Whether it is so.
    pub fn passed(&self) -> bool {
        self.failure.is_none()
    }
}

/// What checks look at.
pub(crate) struct Evidence<'a> {
    pub(crate) log: &'a Log,
    pub(crate) trace: &'a Trace,
    pub(crate) reports: &'a [Report],
}

impl Check {
    /// Judges.
    pub(crate) fn judge(&self, evidence: &Evidence<'_>) -> Verdict {
        let judged = match &self.claim {
            Claim::Events(query, wants) => self.events(evidence.log, query, wants),
            Claim::Order(queries) => order(evidence.log, queries),
            Claim::Frames(query, wants) => self.frames(evidence.trace, query, wants),
            Claim::Headers { first, then, changes, ttl } => {
                headers(evidence.trace, [first, then], changes, *ttl)
            }
            Claim::Shares(shares) => shares.judge(evidence.trace, self.within),
            Claim::Says { program, texts } => says(evidence.reports, *program, texts),
        };
        Verdict { say: self.say.clone(), failure: judged.err() }
    }

    fn events(&self, log: &Log, query: &Query, wants: &[Want]) -> Result<(), Failure> {
        let mut found = query.find(log);
        for want in wants {
            if let Want::Between(from, to) = want {
                found.retain(|entry| (*from..=*to).contains(&entry.at));
                continue;
            }
            let times: Vec<Instant> = found.iter().map(|entry| entry.at).collect();
            let (expected, got) = match want {
                Want::Values(field, expected) => {
                    let values = found.iter().map(|entry| field.at(log, entry));
                    let values: Vec<Option<i128>> = values.take(expected.len()).collect();
                    let holds = values.len() == expected.len()
                        && values.iter().zip(expected).all(|(value, expected)| {
                            value.is_some_and(|value| expected.holds(value, self.within))
                        });
                    if holds {
                        continue;
                    }
                    let unit = field.unit();
                    let wanted: Vec<_> = expected.iter().map(|e| e.show(unit)).collect();
                    let wanted = wanted.join(", ") + &self.within.show(unit);
                    let got = values
                        .iter()
                        .map(|value| value.map_or("nothing".to_owned(), |value| unit.show(value)));
                    let got: Vec<_> = got.collect();
                    (format!("{} {wanted}", field.name()), got.join(", "))
                }
                Want::After(after, gap) => {
                    let start = after.find(log).first().map(|entry| entry.at);
                    let took = start.zip(times.first()).map(|(start, end)| end.since(start));
                    let (unit, gap) = (Unit::Time, i128::from(nanos(*gap)));
                    if took.is_some_and(|took| self.within.near(gap, nanos(took).into())) {
                        continue;
                    }
                    let wanted = unit.show(gap) + &self.within.show(unit);
                    let got = took.map(|took| unit.show(nanos(took).into()));
                    (format!("{wanted} after \"{after}\""), got.unwrap_or_default())
                }
                _ => match self.times(&times, want) {
                    Ok(()) => continue,
                    Err(told) => told,
                },
            };
            return Err(failure(log, query, &found, expected, got));
        }
        Ok(())
    }

    /// What is demanded of moments alone; else what was expected, and what was found.
    fn times(&self, times: &[Instant], want: &Want) -> Result<(), (String, String)> {
        let near =
            |a: Instant, b: Instant| self.within.near(a.as_nanos().into(), b.as_nanos().into());
        let tail = self.within.show(Unit::Time);
        let gaps = |times: &[Instant]| -> Vec<Instant> {
            let gaps = times.windows(2).map(|pair| Instant::ZERO + pair[1].since(pair[0]));
            gaps.collect()
        };
        let all_near = |a: &[Instant], b: &[Instant]| {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| near(*a, *b))
        };
        match want {
            Want::At(at) if times.first().is_some_and(|first| near(*at, *first)) => Ok(()),
            Want::At(at) => {
                Err((format!("at {}{tail}", moment(*at)), show(&times[..times.len().min(1)])))
            }
            Want::Times(wanted) if all_near(wanted, times) => Ok(()),
            Want::Times(wanted) => Err((format!("at {}{tail}", show(wanted)), show(times))),
            Want::Gaps(wanted) => {
                let wanted: Vec<_> = wanted.iter().map(|gap| Instant::ZERO + *gap).collect();
                let found = gaps(times);
                match found.get(..wanted.len()).is_some_and(|found| all_near(&wanted, found)) {
                    true => Ok(()),
                    false => Err((format!("gaps of {}{tail}", show(&wanted)), show(&found))),
                }
            }
            Want::Count(Count { least, most }) => {
                let found = times.len() as u64;
                if (*least..=*most).contains(&found) {
                    return Ok(());
                }
                let expected = match (*least, *most) {
                    (0, 0) => "none".to_owned(),
                    (1, u64::MAX) => "such an event".to_owned(),
                    (least, most) if least == most => format!("{least} times"),
                    (least, u64::MAX) => format!("{least} times or more"),
                    (0, most) => format!("{most} times or fewer"),
                    (least, most) => format!("{least} to {most} times"),
                };
                let when = if found == 0 { String::new() } else { format!(": {}", show(times)) };
                Err((expected, format!("{found} times{when}")))
            }
            Want::After(..) | Want::Between(..) | Want::Values(..) => Ok(()),
        }
    }

    fn frames(&self, trace: &Trace, query: &FrameQuery, wants: &[Want]) -> Result<(), Failure> {
        let mut times: Vec<Instant> = query.find(trace).iter().map(|seen| seen.at).collect();
        for want in wants {
            if let Want::Between(from, to) = want {
                times.retain(|at| (*from..=*to).contains(at));
            }
            if let Err((expected, found)) = self.times(&times, want) {
                let (asked, steps) = (query.to_string(), Vec::new());
                return Err(Failure { asked, expected, found, steps });
            }
        }
        Ok(())
    }
}

/// A failure with the steps that led to what was found, or to the nearest event.
fn failure(log: &Log, query: &Query, found: &[&Entry], expected: String, got: String) -> Failure {
    let nearest = found.first().copied().or_else(|| query.nearest(log));
    let steps = nearest.map(|entry| steps::lines(log, &steps::before(log, entry)));
    let mut steps = steps.unwrap_or_default();
    if found.is_empty()
        && let Some(last) = steps.last_mut()
    {
        *last = format!("nearest: {last}");
    }
    let got = if got.is_empty() { "nothing".to_owned() } else { got };
    Failure { asked: query.to_string(), expected, found: got, steps }
}

fn order(log: &Log, queries: &[Query]) -> Result<(), Failure> {
    let mut before: Option<&Entry> = None;
    for query in queries {
        let found = query.find(log);
        let next = found.iter().find(|entry| before.is_none_or(|before| entry.id > before.id));
        let Some(next) = next else {
            let expected = before.map_or("such an event".to_owned(), |before| {
                format!("after #{} at {}", before.id, moment(before.at))
            });
            let got = found.first().map(|entry| format!("#{} at {}", entry.id, moment(entry.at)));
            return Err(failure(log, query, &found, expected, got.unwrap_or_default()));
        };
        before = Some(next);
    }
    Ok(())
}

fn headers(
    trace: &Trace,
    queries: [&FrameQuery; 2],
    changes: &[Header],
    ttl: Option<i64>,
) -> Result<(), Failure> {
    let asked = format!("{} and {}", queries[0], queries[1]);
    let told = |expected: String, found: String| Failure {
        asked: asked.clone(),
        expected,
        found,
        steps: Vec::new(),
    };
    let mut seen = Vec::new();
    for query in queries {
        let found = query.find(trace);
        match found.first().and_then(|sighting| Headers::of(sighting)) {
            Some(headers) => seen.push(headers),
            None => return Err(told(format!("a packet of IP at {query}"), "nothing".to_owned())),
        }
    }
    let names = |headers: &[Header]| {
        let names: Vec<_> = headers.iter().map(|header| header.name()).collect();
        if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
    };
    let found = seen[0].changes(&seen[1]);
    let same = found.len() == changes.len() && changes.iter().all(|header| found.contains(header));
    if !same {
        let expected = format!("{} changed, and nothing else", names(changes));
        return Err(told(expected, format!("{} changed", names(&found))));
    }
    let by = i64::from(seen[1].ttl) - i64::from(seen[0].ttl);
    match ttl.filter(|wanted| *wanted != by) {
        Some(wanted) => Err(told(format!("ttl changed by {wanted}"), format!("by {by}"))),
        None => Ok(()),
    }
}

fn says(reports: &[Report], program: usize, texts: &[String]) -> Result<(), Failure> {
    let Some(report) = reports.get(program) else { return Ok(()) };
    let said = report.said.join("\n");
    match texts.iter().find(|text| !said.contains(text.as_str())) {
        None => Ok(()),
        Some(text) => Err(Failure {
            asked: report.run.clone(),
            expected: format!("it says \"{text}\""),
            found: "it does not".to_owned(),
            steps: report.said.clone(),
        }),
    }
}

/// Moments, in words: those of one moment together, and no more than anybody reads.
fn show(times: &[Instant]) -> String {
    const MOST: usize = 12;
    let mut groups: Vec<_> = times.chunk_by(|a, b| a == b).collect();
    let more: usize =
        groups.split_off(groups.len().min(MOST)).iter().map(|group| group.len()).sum();
    let words = groups.iter().map(|group| match group.len() {
        1 => moment(group[0]),
        n => format!("{n} at {}", moment(group[0])),
    });
    let more = (more > 0).then(|| format!("and {more} more"));
    let words: Vec<_> = words.chain(more).collect();
    if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
}
