//! What a sniffer concludes, and whether it is right. The labels are Wireshark's, from the rules
//! that its user's guide gives (section "TCP Analysis"); they see only the segments that pass one
//! place, where the log knows why each was sent.

use super::super::describe::moment;
use super::super::style::Tone;
use super::page::{LINES, Page, Sheet, fitted};
use super::state::tcp_event;
use super::web::{Missing, Web, range_of};
use crate::base::{Duration, EventId, Instant, Seq};
use crate::observe::log::{Entry, Event, Log, PlaceId};
use crate::observe::view::parties::Pair;
use crate::stack;
use crate::tcp::{self, AckWhy, Plan, RtxRule, SegmentView};
use std::collections::BTreeMap;

/// Lines around what sniffers conclude.
const ROUND: usize = 3;

/// What Wireshark prints about a segment.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Label {
    /// It acknowledges what was never seen.
    AckedUnseen,
    /// The n-th duplicate of an ACK.
    DupAck(u32),
    /// It repeats what three duplicate ACKs ask for, at once.
    FastRetransmission,
    /// One byte before what comes next.
    KeepAlive,
    /// The answer to a keep-alive.
    KeepAliveAck,
    /// Old numbers, soon after newer ones.
    OutOfOrder,
    /// Numbers are left out.
    PreviousNotCaptured,
    /// It repeats what was acknowledged.
    Spurious,
    /// Old numbers.
    Retransmission,
    /// It fills the peer's window to its edge.
    WindowFull,
    /// Nothing but another window.
    WindowUpdate,
    /// A window of none.
    ZeroWindow,
    /// One byte into a window of none.
    ZeroWindowProbe,
    /// The answer to that.
    ZeroWindowProbeAck,
}

impl Label {
    /// Wireshark's words.
    pub fn words(self) -> String {
        let words = match self {
            Label::AckedUnseen => "TCP ACKed unseen segment",
            Label::DupAck(n) => return format!("[TCP Dup ACK #{n}]"),
            Label::FastRetransmission => "TCP Fast Retransmission",
            Label::KeepAlive => "TCP Keep-Alive",
            Label::KeepAliveAck => "TCP Keep-Alive ACK",
            Label::OutOfOrder => "TCP Out-Of-Order",
            Label::PreviousNotCaptured => "TCP Previous segment not captured",
            Label::Spurious => "TCP Spurious Retransmission",
            Label::Retransmission => "TCP Retransmission",
            Label::WindowFull => "TCP Window Full",
            Label::WindowUpdate => "TCP Window Update",
            Label::ZeroWindow => "TCP ZeroWindow",
            Label::ZeroWindowProbe => "TCP ZeroWindowProbe",
            Label::ZeroWindowProbeAck => "TCP ZeroWindowProbeAck",
        };
        format!("[{words}]")
    }
}

/// What a sniffer says about a segment, and what is true.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// The entry at the sniffer's place.
    pub entry: EventId,
    /// What it says; nothing, when it takes the segment for an ordinary one.
    pub labels: Vec<Label>,
    /// Whether that is so.
    pub right: bool,
    /// What is so.
    pub truth: String,
}

/// One direction as a sniffer has seen it.
#[derive(Clone, Default)]
struct Side {
    isn: Option<Seq>,
    /// Behind the highest sequence number, and when that was seen.
    next: Option<(Seq, Instant)>,
    ack: Option<(Seq, Instant)>,
    window: Option<u32>,
    shift: Option<u8>,
    duplicates: u32,
    syn_at: Option<Instant>,
    keep_alive: bool,
    probe: bool,
}

#[derive(Clone, Default)]
struct Talk {
    sides: [Side; 2],
    round_trip: Option<Duration>,
}

/// A segment soon after newer ones is taken for late; so soon, when no round trip is known.
const SOON: Duration = Duration::from_millis(3);
/// An ACK is fresh so long.
const FRESH: Duration = Duration::from_millis(20);

impl Talk {
    /// What is said about a segment that goes `way`, and the numbers left out before it.
    fn labels(&mut self, way: usize, seg: &SegmentView, at: Instant) -> Vec<Label> {
        let [a, b] = &mut self.sides;
        let (from, to) = if way == 0 { (a, b) } else { (b, a) };
        let (syn, fin, rst) = (seg.ctl.syn(), seg.ctl.fin(), seg.ctl.rst());
        let plain = !syn && !fin && !rst;
        let (seq, end) = range_of(seg);
        let window = match (syn, from.shift, to.shift) {
            (false, Some(shift), Some(_)) => u32::from(seg.wnd) << shift.min(14),
            _ => u32::from(seg.wnd),
        };
        let next = from.next.map(|(next, _)| next);
        let follows = next == Some(seq);
        let same_ack = seg.ack.is_some() && seg.ack == from.ack.map(|(ack, _)| ack);
        let same_window = from.window == Some(window);
        let mut labels = Vec::new();
        if !rst && next.is_some_and(|next| seq.after(next)) {
            labels.push(Label::PreviousNotCaptured);
        }
        let acked = seg.ack.zip(to.next);
        if acked.is_some_and(|(ack, (next, _))| ack.after(next)) {
            labels.push(Label::AckedUnseen);
        }
        if window == 0 && plain {
            labels.push(Label::ZeroWindow);
        }
        let probe = seg.len == 1 && follows && to.window == Some(0);
        let keep_alive = plain && seg.len <= 1 && next.is_some_and(|next| seq == next - 1);
        labels.extend(probe.then_some(Label::ZeroWindowProbe));
        labels.extend(keep_alive.then_some(Label::KeepAlive));
        let edge = to.ack.zip(to.window).map(|((ack, _), window)| ack + window);
        if seg.len > 0 && edge == Some(end) {
            labels.push(Label::WindowFull);
        }
        let mut duplicate = false;
        if seg.len == 0 && plain && follows && same_ack {
            let label = match (window, same_window) {
                (0, true) if to.probe => Some(Label::ZeroWindowProbeAck),
                (1.., true) if to.keep_alive => Some(Label::KeepAliveAck),
                (1.., same) if same || !seg.options.sack.is_empty() => {
                    duplicate = true;
                    Some(Label::DupAck(from.duplicates + 1))
                }
                (1.., false) => Some(Label::WindowUpdate),
                _ => None,
            };
            labels.extend(label);
        }
        if end != seq && !keep_alive && next.is_some_and(|next| seq.before(next)) {
            labels.push(old(from, to, (seq, end), at, self.round_trip));
        }
        self.learn(way, seg, (window, at), (duplicate, keep_alive, probe));
        labels
    }

    fn learn(
        &mut self,
        way: usize,
        seg: &SegmentView,
        (window, at): (u32, Instant),
        (duplicate, keep_alive, probe): (bool, bool, bool),
    ) {
        let [a, b] = &mut self.sides;
        let (from, to) = if way == 0 { (a, b) } else { (b, a) };
        let (seq, end) = range_of(seg);
        if seg.ctl.syn() {
            if from.isn != Some(seq) {
                *from = Side { isn: Some(seq), ..Side::default() };
            }
            from.shift = seg.options.wscale;
            if seg.ack.is_none() {
                from.syn_at = Some(at);
            }
        } else if let (Some(begun), None, Some(_)) = (from.syn_at, self.round_trip, seg.ack) {
            self.round_trip = Some(at.since(begun));
        }
        if !keep_alive && from.next.is_none_or(|(next, _)| end.after(next)) {
            from.next = Some((end, at));
        }
        from.duplicates = if duplicate { from.duplicates + 1 } else { 0 };
        if let Some(ack) = seg.ack {
            from.ack = Some((ack, at));
        }
        from.window = Some(window);
        (from.keep_alive, from.probe) = (keep_alive, probe);
        (to.keep_alive, to.probe) = (false, false);
    }
}

/// What is said about numbers that were seen before.
fn old(
    from: &Side,
    to: &Side,
    (seq, end): (Seq, Seq),
    at: Instant,
    round_trip: Option<Duration>,
) -> Label {
    let soon = round_trip.unwrap_or(SOON);
    if to.ack.is_some_and(|(ack, _)| end.before_eq(ack)) {
        return Label::Spurious;
    }
    let asked = to.ack.is_some_and(|(ack, when)| ack == seq && at.since(when) < FRESH);
    if to.duplicates > 2 && asked {
        return Label::FastRetransmission;
    }
    match from.next {
        Some((next, when)) if at.since(when) < soon && next != end => Label::OutOfOrder,
        _ => Label::Retransmission,
    }
}

/// What a sniffer at a host says about each segment that it sees there.
pub(super) fn labels(web: &Web<'_>, at: PlaceId) -> BTreeMap<EventId, Vec<Label>> {
    let mut talks: BTreeMap<Pair, Talk> = BTreeMap::new();
    let mut said = BTreeMap::new();
    for entry in web.log.entries().iter().filter(|entry| entry.place == at) {
        let Some((out, pair, seg)) = web.segment(entry) else { continue };
        let talk = talks.entry(pair).or_default();
        said.insert(entry.id, talk.labels(usize::from(!out), seg, entry.at));
    }
    said
}

/// Whether what was said of an entry's segment is so; `None` when nothing was to be said.
pub(super) fn judge(web: &Web<'_>, entry: &Entry, labels: &[Label]) -> Option<Verdict> {
    let sent = web.sender(entry)?;
    let missing = web.missing(sent);
    let (right, truth) = match (labels, missing) {
        ([], None) => return None,
        ([], Some(missing)) => {
            // Nobody saw the first one here, so the second is taken for it.
            (false, format!("it is a retransmission of #{}", missing.sent()))
        }
        _ => {
            let right = labels.iter().all(|label| is_right(web, sent, *label, missing, entry));
            (right, truth(web, sent, missing))
        }
    };
    Some(Verdict { entry: entry.id, labels: labels.to_vec(), right, truth })
}

fn is_right(
    web: &Web<'_>,
    sent: &Entry,
    label: Label,
    missing: Option<Missing>,
    entry: &Entry,
) -> bool {
    let plan = match tcp_event(sent) {
        Some(tcp::Event::Sent { plan, .. }) => Some(*plan),
        _ => None,
    };
    let rule = match plan {
        Some(Plan::Retransmit { rule, .. }) => Some(rule),
        _ => None,
    };
    let why = match plan {
        Some(Plan::Ack { why }) => Some(why),
        _ => None,
    };
    match label {
        Label::FastRetransmission => rule.is_some_and(RtxRule::is_fast),
        Label::Retransmission => missing.is_some(),
        Label::OutOfOrder => missing.is_none(),
        Label::Spurious => matches!(missing, Some(Missing::Nothing(..) | Missing::Ack(..))),
        Label::DupAck(_) => why == Some(AckWhy::OutOfOrder),
        Label::WindowUpdate => why == Some(AckWhy::WindowUpdate),
        Label::KeepAlive => matches!(plan, Some(Plan::Keepalive { .. })),
        Label::KeepAliveAck => answers(web, sent, |plan| matches!(plan, Plan::Keepalive { .. })),
        Label::ZeroWindowProbe => matches!(plan, Some(Plan::WindowProbe { .. })),
        Label::ZeroWindowProbeAck => {
            answers(web, sent, |plan| matches!(plan, Plan::WindowProbe { .. }))
        }
        Label::PreviousNotCaptured => is_lost_before(web, sent, entry),
        Label::AckedUnseen | Label::WindowFull | Label::ZeroWindow => true,
    }
}

/// Whether a segment answers one that was sent by such a plan.
fn answers(web: &Web<'_>, sent: &Entry, is_meant: impl Fn(&Plan) -> bool) -> bool {
    sent.causes().filter_map(|cause| web.sender(web.get(cause)?)).any(
        |asked| matches!(tcp_event(asked), Some(tcp::Event::Sent { plan, .. }) if is_meant(plan)),
    )
}

/// Whether the segment right before one was lost, and not only overtaken.
fn is_lost_before(web: &Web<'_>, sent: &Entry, entry: &Entry) -> bool {
    let Some((_, pair, seg)) = web.segment(sent) else { return false };
    let earlier = web.log.entries()[..sent.id.0 as usize - 1].iter().rev();
    let before = earlier.filter(|other| other.place == sent.place).find(|other| {
        web.segment(other).is_some_and(|(out, its, before)| {
            out && its == pair && range_of(before).1 == seg.seq && before.len > 0
        })
    });
    let lost = before.and_then(|before| web.loss(before.id)).and_then(|lost| web.get(lost));
    lost.is_some_and(|lost| lost.place != entry.place && lost.at <= entry.at)
}

/// What is true of a segment, in few words.
fn truth(web: &Web<'_>, sent: &Entry, missing: Option<Missing>) -> String {
    let why = super::story::why(sent).map(|why| why.key).unwrap_or_default();
    match missing {
        Some(Missing::Segment(first, _)) => format!("retransmission ({why}): #{first} was lost"),
        Some(Missing::Ack(first, ack, _)) => {
            format!("retransmission ({why}): #{first} arrived, its ACK #{ack} was lost")
        }
        Some(Missing::Nothing(first, _)) => {
            format!("retransmission ({why}): #{first} had arrived")
        }
        Some(Missing::Unknown(first)) => format!("retransmission ({why}) of #{first}"),
        None => match web.segment(sent) {
            Some((_, _, seg)) if seg.len > 0 => format!("sent for the first time ({why})"),
            _ => why.to_owned(),
        },
    }
}

/// All that a sniffer at a host has to say, and whether it is right.
pub fn verdicts(log: &Log, at: PlaceId) -> Vec<Verdict> {
    let web = Web::new(log);
    let said = labels(&web, at);
    said.iter().filter_map(|(id, labels)| judge(&web, web.get(*id)?, labels)).collect()
}

/// What sniffers at some hosts conclude about each segment that is not ordinary, beside the truth.
/// Of too many, those where one errs come first.
pub fn observer(log: &Log, places: &[PlaceId], page: &Page) -> String {
    let web = Web::new(log);
    let all: Vec<_> = places.iter().map(|at| (*at, verdicts(log, *at))).collect();
    let (told, quiet): (Vec<_>, Vec<_>) = all.into_iter().partition(|(_, all)| !all.is_empty());
    let rows = LINES.saturating_sub(ROUND + 2 * told.len()) / told.len().max(1);
    let mut sheet = page.sheet();
    for (at, all) in &told {
        let wrong = all.iter().filter(|verdict| !verdict.right).count();
        let s = if all.len() == 1 { "" } else { "s" };
        let (name, n) = (log.name(*at), all.len());
        let head = format!(
            "a sniffer at {name} concludes something about {n} segment{s}, and errs about {wrong}"
        );
        sheet.line(Some(Tone::Head), &fitted(page.style, &head, page.width()));
        let shown = chosen(all, page.at_most(rows.max(1)));
        shown.iter().for_each(|verdict| tell(&web, verdict, page, &mut sheet));
        if shown.len() < all.len() {
            let mark = page.style.ellipsis();
            let text = format!("  {mark} {} more: --all --host {name}", all.len() - shown.len());
            sheet.line(Some(Tone::Faint), &text);
        }
    }
    if !quiet.is_empty() {
        let names: Vec<_> = quiet.iter().map(|(at, _)| log.name(*at)).collect();
        let text = format!("nothing but ordinary segments, if any, at {}", names.join(", "));
        sheet.line(Some(Tone::Head), &fitted(page.style, &text, page.width()));
    }
    let every = || told.iter().flat_map(|(_, all)| all);
    if let Some(first) = every().find(|verdict| !verdict.right).or(every().next()) {
        sheet.next(&format!("explain {}", first.entry));
    }
    let first = told.first().map(|(at, _)| *at).or(places.first().copied());
    sheet.next(&format!("tcpdump --host {}", log.name(first.unwrap_or_default())));
    sheet.end()
}

/// At most so many, in their order: first of all those that are wrong.
fn chosen(all: &[Verdict], most: usize) -> Vec<&Verdict> {
    let (wrong, right): (Vec<&Verdict>, Vec<&Verdict>) = all.iter().partition(|v| !v.right);
    let mut chosen: Vec<_> = wrong.into_iter().chain(right).take(most).collect();
    chosen.sort_by_key(|verdict| verdict.entry);
    chosen
}

fn tell(web: &Web<'_>, verdict: &Verdict, page: &Page, sheet: &mut Sheet<'_>) {
    let said: Vec<String> = verdict.labels.iter().map(|label| label.words()).collect();
    let said = if said.is_empty() { "(nothing)".to_owned() } else { said.join(" ") };
    let at = web.get(verdict.entry).map(|entry| moment(entry.at)).unwrap_or_default();
    let mark = mark(page, verdict.right);
    let id = format!("#{}", verdict.entry);
    let line = format!("{id:>5} {at:>10}  {mark} {said:<42}  {}", verdict.truth);
    let tone = if verdict.right { None } else { Some(Tone::Alarm) };
    sheet.line(tone, &fitted(page.style, &line, page.width()));
}

/// Right or wrong.
pub(super) fn mark(page: &Page, right: bool) -> &'static str {
    match (page.style.unicode, right) {
        (true, true) => "✓",
        (true, false) => "✗",
        (false, true) => "+",
        (false, false) => "x",
    }
}

/// What sniffers at both ends say of the packet that an entry is about: of those who say something
/// or should.
pub(super) fn told(web: &Web<'_>, entry: &Entry, page: &Page) -> Vec<String> {
    let Some(sent) = web.sender(entry) else { return Vec::new() };
    if !matches!(&sent.event, Event::Host(stack::Event::Tcp(_) | stack::Event::StrayOut { .. })) {
        return Vec::new();
    }
    let arrived = web.fates(sent.id).into_iter().find_map(|fate| match fate {
        super::web::Fate::Arrived(id) => web.get(id),
        super::web::Fate::Lost(_) => None,
    });
    let mut lines = Vec::new();
    for seen in [Some(sent), arrived].into_iter().flatten() {
        let said = labels(web, seen.place);
        let labels = said.get(&seen.id).map_or(&[][..], Vec::as_slice);
        let Some(verdict) = judge(web, seen, labels) else { continue };
        let words: Vec<String> = labels.iter().map(|label| label.words()).collect();
        let words = if words.is_empty() { "nothing".to_owned() } else { words.join(" ") };
        let (mark, name) = (mark(page, verdict.right), web.log.name(seen.place));
        lines.push(format!("a sniffer at {name} says {words} {mark}"));
    }
    lines
}
