//! The chain of causes of an entry, back to what nobody in the run caused: calls of applications,
//! and faults of wires.
//!
//! Newest first: each line answers "why?" about the one above it, as a curious reader asks. What
//! was waited for in vain (a segment that is sent again, the gap that an ACK tells of) opens a
//! branch of its own, indented, because there the fault is.

use super::super::describe::moment;
use super::super::style::Tone;
use super::super::text::columns;
use super::page::{Page, Sheet, fitted};
use super::state;
use super::story::{Stories, why};
use super::web::{Missing, Web, distinct, is_loss};
use crate::base::{EventId, Seq};
use crate::observe::log::{Entry, Event, Kind, Log};
use crate::stack;
use crate::tcp::{self, AckWhy, Plan, Timer};
use std::collections::BTreeSet;

/// A step of the chain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// The entry's number.
    pub id: EventId,
    /// The branch that it is on: 0 is the entry's own line.
    pub depth: usize,
    /// What makes it a cause, when it is not simply "led to".
    pub because: Option<String>,
}

/// Steps shown at the head and at the tail of a chain that is too long.
const HEAD: usize = 5;
const TAIL: usize = 2;
/// Branches of branches are set in so often, and the next ones no further.
const DEPTH: usize = 12;
/// A chain is cut when at least so many steps go.
const WORTH: usize = 3;

/// The causes of the entry numbered `id`, newest first in each branch, itself before all; `None`
/// when the log has none.
pub fn chain(log: &Log, id: EventId) -> Option<Vec<Step>> {
    Some(Chain::of(&Web::new(log), id)?.steps)
}

/// The causes of the entry numbered `id` as a page; `None` when the log has none.
pub fn blame(log: &Log, id: EventId, page: &Page) -> Option<String> {
    let web = Web::new(log);
    let Chain { steps, roots, .. } = Chain::of(&web, id)?;
    let mut named: BTreeSet<EventId> = steps.iter().map(|step| step.id).collect();
    named.extend(&roots);
    let stories = Stories::of(&web, &named);
    let mut sheet = page.sheet();
    sheet.line(Some(Tone::Head), &format!("why #{id}? newest first"));
    for (n, run) in steps.chunk_by(|a, b| b.because.is_none() && a.depth == b.depth).enumerate() {
        let most = if n == 0 { HEAD + 1 } else { HEAD };
        let (head, tail) = match run.len() {
            len if page.all || len < most + WORTH + TAIL => (len, 0),
            _ => (most, TAIL),
        };
        run[..head].iter().for_each(|step| tell(&web, &stories, page, &mut sheet, step));
        if tail > 0 {
            let middle = &run[head..run.len() - tail];
            let indent = "  ".repeat(middle[0].depth.min(DEPTH));
            let mark = page.style.ellipsis();
            let text = format!("{indent}  {mark} {} steps: {}", middle.len(), tally(&web, middle));
            sheet.line(Some(Tone::Faint), &fitted(page.style, &text, page.width()));
            run[run.len() - tail..].iter().for_each(|s| tell(&web, &stories, page, &mut sheet, s));
        }
    }
    let list: Vec<String> =
        roots.iter().map(|root| format!("#{root} {}", stories.brief(&web, *root))).collect();
    let most = page.at_most(6);
    for (n, root) in list.iter().take(most).enumerate() {
        sheet.entry(if n == 0 { "ROOTS" } else { "" }, root, 1);
    }
    sheet.next(&format!("explain {id}"));
    if let Some(keep) = roots.iter().find_map(|root| web.kept_by(*root)) {
        sheet.next(&format!("whatif --keep {keep}"));
    }
    sheet.next("ladder");
    Some(sheet.end())
}

fn is_call(entry: &Entry) -> bool {
    matches!(entry.event, Event::Host(stack::Event::Call { .. }))
}

fn tell(web: &Web<'_>, stories: &Stories, page: &Page, sheet: &mut Sheet<'_>, step: &Step) {
    let Some(entry) = web.get(step.id) else { return };
    let depth = step.depth.min(DEPTH);
    let indent = "  ".repeat(depth);
    if let Some(because) = &step.because {
        let mark = if page.style.unicode { "└" } else { "`" };
        let indent = "  ".repeat(depth.saturating_sub(1));
        sheet.line(Some(Tone::Note), &format!("{indent}  {mark} {because}"));
    }
    let place = match web.log.places().get(usize::from(entry.place.0)).map(|place| place.kind) {
        Some(Kind::Wire) => "wire ",
        _ => "",
    };
    let brief = match web.sender(entry).filter(|_| is_loss(entry)) {
        Some(sent) => format!("{}: lost #{}", web.log.name(entry.place), sent.id),
        None => stories.brief(web, step.id),
    };
    let mut text = format!("{indent}#{:<4} {:>10}  {place}{brief}", step.id, moment(entry.at));
    if let Some(why) = why(entry) {
        // The rule's name where there is no room for its sentence.
        let room = page.width().saturating_sub(columns(&text) + 4);
        let fits = columns(&why.text) <= room;
        text += &format!("  ; {}", if fits { &why.text } else { why.key });
    }
    let tone = if is_loss(entry) { Some(Tone::Alarm) } else { None };
    sheet.line(tone, &fitted(page.style, &text, page.width()));
}

/// What the steps left out were.
fn tally(web: &Web<'_>, steps: &[Step]) -> String {
    let mut counts: Vec<(String, usize)> = Vec::new();
    for entry in steps.iter().filter_map(|step| web.get(step.id)) {
        let verb = match &entry.event {
            Event::Host(stack::Event::Forwarded { .. }) => Some("passed on"),
            Event::Host(event) => super::story::verb(event),
            _ => None,
        };
        let what = match verb {
            Some(verb) => format!("{} {verb}", web.log.name(entry.place)),
            None => String::new(),
        };
        match counts.iter_mut().find(|(known, _)| *known == what) {
            Some((_, n)) => *n += 1,
            None => counts.push((what, 1)),
        }
    }
    counts.sort_by_key(|(what, _)| what.is_empty());
    let words = counts.iter().map(|(what, n)| match n {
        n if what.is_empty() => format!("{n} more"),
        1 => format!("{what} 1 packet"),
        n => format!("{what} {n} packets"),
    });
    words.collect::<Vec<_>>().join(", ")
}

struct Chain<'a, 'w> {
    web: &'w Web<'a>,
    seen: BTreeSet<EventId>,
    steps: Vec<Step>,
    roots: Vec<EventId>,
}

impl<'a, 'w> Chain<'a, 'w> {
    fn of(web: &'w Web<'a>, id: EventId) -> Option<Chain<'a, 'w>> {
        web.get(id)?;
        let mut chain = Chain { web, seen: BTreeSet::new(), steps: Vec::new(), roots: Vec::new() };
        chain.walk(id);
        Some(chain)
    }

    /// Goes back from an entry, and along what branches off on the way: the first branch first,
    /// with its own.
    fn walk(&mut self, id: EventId) {
        let mut branches = vec![(id, 0, None)];
        while let Some((id, depth, because)) = branches.pop() {
            if !self.seen.contains(&id) {
                let more = self.line(id, depth, because);
                let more = more.into_iter().map(|(id, because)| (id, depth + 1, Some(because)));
                branches.extend(more.rev());
            }
        }
    }

    /// Goes back along the nearest cause of each entry; what branches off, and why.
    fn line(
        &mut self,
        id: EventId,
        depth: usize,
        because: Option<String>,
    ) -> Vec<(EventId, String)> {
        let (mut next, mut because) = (Some(id), because);
        let mut branches: Vec<(EventId, String)> = Vec::new();
        while let Some(id) = next.take() {
            if !self.seen.insert(id) {
                continue;
            }
            let Some(entry) = self.web.get(id) else { continue };
            self.steps.push(Step { id, depth, because: because.take() });
            branches.extend(self.absent(entry));
            let mut causes: Vec<EventId> = distinct(entry).collect();
            causes.extend(state::armed_by(self.web, entry));
            // Of several calls in one breath, the one that gave the data is what it follows from.
            if let Some(written) = self.web.written(entry)
                && let [cause] = causes.as_mut_slice()
                && self.web.get(*cause).is_some_and(is_call)
            {
                *cause = written;
            }
            causes.sort_unstable();
            next = causes.pop();
            for other in causes {
                branches.push((other, format!("#{id} also follows from #{other}")));
            }
            // An entry is looked at once, so it becomes a root once.
            if is_loss(entry) || next.is_none() {
                self.roots.push(id);
            }
        }
        branches
    }

    /// What did not come, where that is the reason.
    fn absent(&self, entry: &Entry) -> Option<(EventId, String)> {
        let id = entry.id;
        match self.web.missing(entry) {
            Some(Missing::Segment(sent, lost)) => {
                return Some((lost, format!("#{id} is sent again because #{sent} was lost")));
            }
            Some(Missing::Ack(sent, ack, lost)) => {
                let text =
                    format!("#{id} is sent again because the ACK #{ack} of #{sent} was lost");
                return Some((lost, text));
            }
            Some(Missing::Nothing(sent, arrival)) => {
                let text = format!("#{sent} had arrived: #{id} is sent again for nothing");
                return Some((arrival, text));
            }
            Some(Missing::Unknown(_)) | None => {}
        }
        if let Some(tcp::Event::TimerExpired { timer: Timer::Rtx }) = state::tcp_event(entry) {
            // What the timer has sent again tells what it had waited for.
            let missing = self.web.effects(id).find_map(|effect| self.web.missing(effect));
            return match missing? {
                Missing::Segment(sent, lost) => {
                    Some((lost, format!("#{id} came because #{sent} was lost")))
                }
                Missing::Ack(sent, ack, lost) => {
                    Some((lost, format!("#{id} came because the ACK #{ack} of #{sent} was lost")))
                }
                Missing::Nothing(..) | Missing::Unknown(_) => None,
            };
        }
        let (sent, lost) = gap(self.web, entry)?;
        Some((lost, format!("#{id} tells of a gap because #{sent} was lost")))
    }
}

/// The lost segment that a duplicate ACK asks for.
fn gap(web: &Web<'_>, entry: &Entry) -> Option<(EventId, EventId)> {
    let Event::Host(stack::Event::Tcp(tcp::Event::Sent { plan, seg, .. })) = &entry.event else {
        return None;
    };
    let Plan::Ack { why: AckWhy::OutOfOrder } = plan else { return None };
    let (peer, wanted) = (web.peer(web.key(entry)?)?, seg.ack?);
    // Before it was sent for the first time, it was not sent.
    let earlier =
        web.before(peer, entry.id).rev().take_while(|other| !is_new_before(other, wanted));
    let mut asked = earlier.filter(|other| {
        web.segment(other).is_some_and(|(out, _, seg)| {
            let (from, to) = super::web::range_of(seg);
            out && from.before_eq(wanted) && wanted.before(to)
        })
    });
    let sent = asked.find(|sent| web.loss(sent.id).is_some())?;
    Some((sent.id, web.loss(sent.id)?))
}

/// Whether an entry sends for the first time what stands before that number.
fn is_new_before(entry: &Entry, wanted: Seq) -> bool {
    let Event::Host(stack::Event::Tcp(tcp::Event::Sent { plan, seg, .. })) = &entry.event else {
        return false;
    };
    let is_new = matches!(plan, Plan::Syn | Plan::NewData { .. } | Plan::LastData { .. });
    is_new && super::web::range_of(seg).1.before_eq(wanted)
}
