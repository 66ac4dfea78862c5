//! Which groups an interface is a member of, and how its routers learn of it: the host's side of
//! IGMP (RFC 2236, RFC 3376) and MLD (RFC 2710, RFC 3810), which is one protocol in two formats.
//!
//! All senders of a group are wanted: a membership is EXCLUDE {} in the words of RFC 3376 §3. A
//! question about some senders is answered as one about the group.
//!
//! A change is reported at once and again, because a report may be lost; a question is answered
//! after a time drawn by lot, so that the members of a group do not answer all at once. Before
//! version 3, whoever hears another member answer is silent.

use super::Cx;
use super::event::{Cause, Event};
use crate::base::rng::Purpose;
use crate::base::time::nanos;
use crate::base::{Duration, EventId, Instant, Limiter, Why};
use crate::wire::igmp::ALL_HOSTS;
use crate::wire::membership::{Kind, Query, Version};
use crate::wire::nd::ALL_NODES;
use std::collections::VecDeque;
use std::net::IpAddr;

/// Groups an interface may be a member of, in each family.
pub const GROUPS_MAX: usize = 256;
/// How often a change is reported unless a router says otherwise (RFC 3376 §8.1, RFC 3810 §9.1).
pub const ROBUSTNESS: u8 = 2;
/// The most time to the next report of a change (RFC 3376 §8.11, RFC 3810 §9.11).
pub const INTERVAL: Duration = Duration::from_secs(1);
/// The same before version 3 (RFC 2236 §8.10, RFC 2710 §7.10).
pub const INTERVAL_OLD: Duration = Duration::from_secs(10);
/// The time between questions unless a router says otherwise (RFC 3376 §8.2, RFC 3810 §9.2).
pub const QUERY_INTERVAL: Duration = Duration::from_secs(125);
/// The time to answer a question of version 1, whose field is empty (RFC 3376 §7.2.1).
pub const RESPONSE_V1: Duration = Duration::from_secs(10);
/// Questions a second that are heeded, and at once. A router asks every minute or two, and some
/// times more when a group is left.
pub const QUERIES: (u32, u32) = (10, 40);

/// What is to be sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// What it says.
    pub says: Says,
    /// Why.
    pub reason: Reason,
    /// What it follows from.
    pub cause: EventId,
}

/// What a report says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Says {
    /// Version 3: the same of several groups.
    Records(Kind, Vec<IpAddr>),
    /// Before it: a member of that group is here.
    Member(Version, IpAddr),
    /// Version 2: perhaps no member is here any more.
    Leave(IpAddr),
}

/// Why a report is sent.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Reason {
    /// A group was joined.
    Joined,
    /// A group was left.
    Left,
    /// A router asked.
    Asked,
}

/// Something to be said at a time, a number of times.
#[derive(Copy, Clone, Debug)]
struct Due {
    at: Instant,
    left: u8,
    cause: EventId,
}

impl Due {
    fn is_due(due: Option<Due>, now: Instant) -> bool {
        due.is_some_and(|due| due.at <= now)
    }
}

/// A group that the interface is a member of.
#[derive(Clone, Debug)]
struct Member {
    group: IpAddr,
    /// How many on this host want it.
    holders: u32,
    /// Reports that it was joined.
    joined: Option<Due>,
    /// The answer to a question about it.
    answer: Option<Due>,
    /// Whether the last report of it on the link was ours (RFC 2236 §3): then leaving is told.
    spoke: bool,
}

/// The groups of an interface, in one family.
#[derive(Debug)]
pub struct Groups {
    members: Vec<Member>,
    /// Groups that were left, while that is reported.
    left: Vec<(IpAddr, Due)>,
    /// The answer to a question about all groups, in version 3.
    answer: Option<Due>,
    /// Until when routers of version 1 and of version 2 are thought to be there.
    older: [Option<Instant>; 2],
    version: Version,
    robustness: u8,
    query_interval: Duration,
    limiter: Limiter,
    reports: VecDeque<Report>,
}

impl Default for Groups {
    fn default() -> Groups {
        Groups {
            members: Vec::new(),
            left: Vec::new(),
            answer: None,
            older: [None; 2],
            version: Version::V3,
            robustness: ROBUSTNESS,
            query_interval: QUERY_INTERVAL,
            limiter: Limiter::new(QUERIES.0, QUERIES.1),
            reports: VecDeque::new(),
        }
    }
}

/// Whether routers are told of a group: every node is a member of the first one, and the scopes of
/// IPv6 that do not leave the node are nobody else's business (RFC 3376 §6, RFC 3810 §6).
fn is_reported(group: IpAddr) -> bool {
    match group {
        IpAddr::V4(group) => group != ALL_HOSTS,
        IpAddr::V6(group) => group != ALL_NODES && group.segments()[0] & 0xf > 1,
    }
}

impl Groups {
    /// Somebody wants a group; says whether nobody did before. `None`: there are too many groups.
    pub fn join(&mut self, group: IpAddr, cx: &mut Cx<'_>) -> Option<bool> {
        if let Some(member) = self.find(group) {
            member.holders += 1;
            return Some(false);
        }
        if self.members.len() >= GROUPS_MAX {
            return None;
        }
        self.left.retain(|(left, _)| *left != group);
        let cause = cx.note(|| Event::Group { group: Some(group), cause: Cause::GroupJoined });
        let due = Due { at: cx.now, left: self.robustness, cause };
        let joined = is_reported(group).then_some(due);
        self.members.push(Member { group, holders: 1, joined, answer: None, spoke: false });
        Some(true)
    }

    /// Somebody wants a group no longer; says whether nobody does.
    pub fn leave(&mut self, group: IpAddr, cx: &mut Cx<'_>) -> bool {
        let Some(at) = self.members.iter().position(|member| member.group == group) else {
            return false;
        };
        self.members[at].holders -= 1;
        if self.members[at].holders > 0 {
            return false;
        }
        let member = self.members.remove(at);
        let cause = cx.note(|| Event::Group { group: Some(group), cause: Cause::GroupLeft });
        let left = match self.version {
            _ if !is_reported(group) => 0,
            Version::V3 => self.robustness,
            Version::V2 => u8::from(member.spoke),
            Version::V1 => 0,
        };
        if left > 0 {
            if self.left.len() >= GROUPS_MAX {
                self.left.remove(0);
            }
            self.left.push((group, Due { at: cx.now, left, cause }));
        }
        true
    }

    /// All groups are to be reported again: what was said before may not have counted (RFC 3590
    /// §4).
    pub fn announce(&mut self, cx: &Cx<'_>) {
        let due = Due { at: cx.now, left: self.robustness, cause: cx.cause };
        for member in self.members.iter_mut().filter(|member| is_reported(member.group)) {
            member.joined = Some(due);
        }
    }

    /// Whether the interface is a member.
    pub fn has(&self, group: IpAddr) -> bool {
        self.members.iter().any(|member| member.group == group)
    }

    /// The groups, and how many want each.
    pub fn iter(&self) -> impl Iterator<Item = (IpAddr, u32)> {
        self.members.iter().map(|member| (member.group, member.holders))
    }

    /// The version that is spoken: the oldest of the routers'.
    pub fn version(&self) -> Version {
        self.version
    }

    fn find(&mut self, group: IpAddr) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| member.group == group)
    }

    /// A router asks (RFC 2236 §3, RFC 3376 §5.2, RFC 3810 §6.2).
    ///
    /// # Errors
    /// [`Why::GroupQueryLimit`]; [`Why::GroupNotOurs`] when nothing is to be answered.
    pub fn on_query(&mut self, query: Query, cx: &mut Cx<'_>) -> Result<(), Why> {
        if !self.limiter.allow(cx.now) {
            return Err(Why::GroupQueryLimit);
        }
        let Query { version, group, .. } = query;
        let general = group.is_unspecified();
        let response = match version {
            Version::V1 => RESPONSE_V1,
            _ => query.max_response,
        };
        if version == Version::V3 {
            self.robustness = if query.robustness > 0 { query.robustness } else { ROBUSTNESS };
            if !query.interval.is_zero() {
                self.query_interval = query.interval;
            }
        } else if general {
            // RFC 3376 §8.12, RFC 3810 §9.12.
            let present = self.query_interval * u32::from(self.robustness) + response;
            self.older[version as usize] = Some(cx.now + present);
        }
        self.settle_version(group, cx);
        let asked =
            |member: &&mut Member| is_reported(member.group) && (general || member.group == group);
        if self.members.iter_mut().filter(asked).count() == 0 {
            return Err(Why::GroupNotOurs);
        }
        let about = (!general).then_some(group);
        let cause = cx.note(|| Event::Group { group: about, cause: Cause::GroupAsked });
        let due = |group: IpAddr| Due { at: cx.now + drawn(response, group, cx), left: 1, cause };
        let sooner = |known: Option<Due>, new: Due| match known {
            Some(known) if known.at <= new.at => Some(known),
            _ => Some(new),
        };
        if self.version == Version::V3 && general {
            self.answer = sooner(self.answer, due(group));
            return Ok(());
        }
        let covered = self.answer.map(|answer| answer.at);
        for member in self.members.iter_mut().filter(asked) {
            let new = due(member.group);
            if covered.is_none_or(|at| at > new.at) {
                member.answer = sooner(member.answer, new);
            }
        }
        Ok(())
    }

    /// Another member reported its group: before version 3 that answers for us, too (RFC 2236 §3,
    /// RFC 2710 §4).
    ///
    /// # Errors
    /// [`Why::GroupOfOthers`] when we owe no report of it.
    pub fn on_report(&mut self, group: IpAddr, cx: &mut Cx<'_>) -> Result<(), Why> {
        let old = self.version < Version::V3;
        let member = self.find(group).filter(|_| old).ok_or(Why::GroupOfOthers)?;
        let (joined, answer) = (member.joined.take(), member.answer.take());
        if joined.or(answer).is_none() {
            return Err(Why::GroupOfOthers);
        }
        member.spoke = false;
        cx.note(|| Event::Group { group: Some(group), cause: Cause::GroupReported });
        Ok(())
    }

    /// The version follows from who is there. What was to be said in another one is not said (RFC
    /// 3376 §7.2.1).
    fn settle_version(&mut self, like: IpAddr, cx: &mut Cx<'_>) {
        for until in &mut self.older {
            *until = until.filter(|until| *until > cx.now);
        }
        let version = match self.older {
            [Some(_), _] => Version::V1,
            [None, Some(_)] => Version::V2,
            [None, None] => Version::V3,
        };
        if version == self.version {
            return;
        }
        let older = version < self.version;
        self.version = version;
        self.answer = None;
        self.left.clear();
        for member in &mut self.members {
            (member.joined, member.answer) = (None, None);
        }
        let cause = if older { Cause::OlderQuerier } else { Cause::OlderQuerierGone };
        cx.note(|| Event::Querier { like, version, cause });
    }

    /// Time has come to `cx.now`. `like`: an address of the family.
    pub fn poll(&mut self, like: IpAddr, cx: &mut Cx<'_>) {
        let now = cx.now;
        self.settle_version(like, cx);
        let interval = if self.version == Version::V3 { INTERVAL } else { INTERVAL_OLD };
        // What goes out together stays together.
        let wait = |group: IpAddr, cx: &Cx<'_>| now + drawn(interval, group, cx);
        let again = |due: &mut Due, cx: &Cx<'_>| {
            (due.left, due.at) = (due.left - 1, wait(like, cx));
            due.left > 0
        };
        let mut said = Vec::new();
        for member in self.members.iter_mut().filter(|member| Due::is_due(member.joined, now)) {
            if let Some(due) = &mut member.joined {
                said.push((member.group, due.cause));
                let more = again(due, cx);
                member.joined = member.joined.filter(|_| more);
            }
            member.spoke = true;
        }
        self.say(Kind::ToExclude, Reason::Joined, said);
        let mut said = Vec::new();
        self.left.retain_mut(|(group, due)| {
            due.at > now || {
                said.push((*group, due.cause));
                again(due, cx)
            }
        });
        self.say(Kind::ToInclude, Reason::Left, said);
        let all = self.answer.filter(|answer| answer.at <= now);
        let mut said = Vec::new();
        for member in self.members.iter_mut().filter(|member| is_reported(member.group)) {
            let asked = member.answer.filter(|answer| answer.at <= now);
            if let Some(due) = asked.or(all) {
                said.push((member.group, due.cause));
                (member.answer, member.spoke) = (None, true);
            }
        }
        self.answer = self.answer.filter(|answer| answer.at > now);
        self.say(Kind::IsExclude, Reason::Asked, said);
    }

    /// Says something of groups in the version that is spoken.
    fn say(&mut self, kind: Kind, reason: Reason, groups: Vec<(IpAddr, EventId)>) {
        let Some((_, cause)) = groups.last().copied() else { return };
        let version = self.version;
        if version == Version::V3 {
            let says = Says::Records(kind, groups.into_iter().map(|(group, _)| group).collect());
            return self.reports.push_back(Report { says, reason, cause });
        }
        for (group, cause) in groups {
            let says = match kind {
                Kind::ToInclude => Says::Leave(group),
                _ => Says::Member(version, group),
            };
            self.reports.push_back(Report { says, reason, cause });
        }
    }

    /// The next report, of at most `max` records. To be called until it gives `None`.
    pub fn output(&mut self, max: usize) -> Option<Report> {
        let mut report = self.reports.pop_front()?;
        if let Says::Records(kind, groups) = &mut report.says
            && groups.len() > max.max(1)
        {
            let says = Says::Records(*kind, groups.split_off(max.max(1)));
            self.reports.push_front(Report { says, ..report });
        }
        Some(report)
    }

    /// When [`Groups::poll`] or [`Groups::output`] has something to do.
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        if !self.reports.is_empty() {
            return Some(now);
        }
        let members = self.members.iter().flat_map(|member| [member.joined, member.answer]);
        let left = self.left.iter().map(|(_, due)| Some(*due));
        let said = members.chain(left).chain([self.answer]).flatten().map(|due| due.at);
        said.chain(self.older.into_iter().flatten()).min()
    }
}

/// A time below `most`, another one for each host, group and occasion.
fn drawn(most: Duration, group: IpAddr, cx: &Cx<'_>) -> Duration {
    let key = match group {
        IpAddr::V4(group) => u64::from(group.to_bits()),
        IpAddr::V6(group) => group.to_bits() as u64,
    };
    let below = nanos(most).max(1);
    Duration::from_nanos(cx.chance.below(below, Purpose::Membership, key, cx.now.as_nanos()))
}

#[cfg(test)]
mod tests;
