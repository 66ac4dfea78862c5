//! Memberships in virtual time, in both families.

use super::*;
use crate::base::{Chance, Pool, Trace};

struct Bench {
    now: Instant,
    chance: Chance,
    pool: Pool,
    trace: Trace<Event>,
    groups: Groups,
    like: IpAddr,
}

/// Two groups of each family, and the one that all are in.
const FAMILIES: [[&str; 3]; 2] =
    [["224.0.0.251", "239.1.2.3", "224.0.0.1"], ["ff02::fb", "ff05::1:3", "ff02::1"]];

fn ip(text: &str) -> IpAddr {
    text.parse().expect(text)
}

impl Bench {
    fn new(like: &str) -> Bench {
        Bench {
            now: Instant::ZERO,
            chance: Chance::from_seed(1),
            pool: Pool::new(),
            trace: Trace::new(true),
            groups: Groups::default(),
            like: ip(like),
        }
    }

    fn with<R>(&mut self, act: impl FnOnce(&mut Groups, &mut Cx<'_>) -> R) -> R {
        let (now, cause) = (self.now, EventId::NONE);
        let (chance, pool, trace) = (&self.chance, &self.pool, &mut self.trace);
        act(&mut self.groups, &mut Cx { now, chance, pool, trace, cause })
    }

    fn join(&mut self, group: &str) -> Option<bool> {
        self.with(|groups, cx| groups.join(ip(group), cx))
    }

    fn leave(&mut self, group: &str) -> bool {
        self.with(|groups, cx| groups.leave(ip(group), cx))
    }

    fn query(&mut self, version: Version, group: &str, millis: u64) -> Result<(), Why> {
        let group = if group.is_empty() { unspecified(self.like) } else { ip(group) };
        let max_response = Duration::from_millis(millis);
        let (robustness, interval) = (0, Duration::ZERO);
        let query = Query { version, group, max_response, robustness, interval, sources: 0 };
        self.with(|groups, cx| groups.on_query(query, cx))
    }

    /// Lets time pass; what was said, and after how many milliseconds.
    fn run(&mut self, millis: u64) -> Vec<(u64, Says)> {
        let (start, end) = (self.now, self.now + Duration::from_millis(millis));
        let (mut said, like) = (Vec::new(), self.like);
        while let Some(at) = self.groups.deadline(self.now).filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.with(|groups, cx| groups.poll(like, cx));
            let at = self.now.since(start).as_millis() as u64;
            while let Some(report) = self.groups.output(100) {
                said.push((at, report.says));
            }
        }
        self.now = end;
        said
    }

    fn causes(&mut self) -> Vec<Cause> {
        self.trace.drain().map(|stamped| stamped.event.cause()).collect()
    }
}

fn unspecified(like: IpAddr) -> IpAddr {
    if like.is_ipv4() { ip("0.0.0.0") } else { ip("::") }
}

fn records(kind: Kind, groups: &[&str]) -> Says {
    Says::Records(kind, groups.iter().map(|group| ip(group)).collect())
}

#[test]
fn changes_are_told_twice() {
    for [a, b, all] in FAMILIES {
        let mut bench = Bench::new(a);
        assert_eq!(
            (bench.join(a), bench.join(a), bench.join(all)),
            (Some(true), Some(false), Some(true))
        );
        let said = bench.run(0);
        assert_eq!(said, [(0, records(Kind::ToExclude, &[a]))]);
        let said = bench.run(60_000);
        assert!(
            said.len() == 1
                && said
                    .iter()
                    .all(|(at, says)| { *at <= 1000 && *says == records(Kind::ToExclude, &[a]) })
        );
        assert!(!bench.leave(a), "somebody still wants it");
        assert_eq!(bench.run(60_000), []);
        assert!(bench.leave(a) && !bench.leave(a) && bench.leave(all));
        let said = bench.run(60_000);
        assert_eq!(said.len(), 2);
        assert!(
            said.iter().all(|(at, says)| *at <= 1000 && *says == records(Kind::ToInclude, &[a]))
        );
        // Who comes back at once is not told to have left.
        bench.join(b);
        bench.run(60_000);
        bench.leave(b);
        bench.run(0);
        bench.join(b);
        let said = bench.run(60_000);
        assert_eq!(said.len(), 2);
        assert!(said.iter().all(|(_, says)| *says == records(Kind::ToExclude, &[b])));
    }
}

#[test]
fn questions_are_answered_in_time_and_once() {
    for [a, b, all] in FAMILIES {
        let mut bench = Bench::new(a);
        assert_eq!(bench.query(Version::V3, "", 10_000), Err(Why::GroupNotOurs));
        for group in [a, b, all] {
            bench.join(group);
        }
        bench.run(60_000);
        for _ in 0..20 {
            assert_eq!(bench.query(Version::V3, "", 10_000), Ok(()));
        }
        // All together, however often they ask; what is asked besides is answered with it.
        let said = bench.run(60_000);
        assert!(
            said.len() == 1
                && said.iter().all(|(at, says)| {
                    *at < 10_000 && *says == records(Kind::IsExclude, &[a, b])
                })
        );
        for _ in 0..5 {
            assert_eq!(bench.query(Version::V3, b, 1000), Ok(()));
        }
        let said = bench.run(60_000);
        assert!(
            said.len() == 1
                && said
                    .iter()
                    .all(|(at, says)| { *at < 1000 && *says == records(Kind::IsExclude, &[b]) })
        );
        assert_eq!(bench.query(Version::V3, all, 1000), Err(Why::GroupNotOurs));
        assert_eq!(
            bench.query(Version::V3, if a.contains(':') { "ff05::9" } else { "239.9.9.9" }, 1000),
            Err(Why::GroupNotOurs)
        );
        // A question that leaves no time is answered at once.
        assert_eq!(bench.query(Version::V3, "", 0), Ok(()));
        assert_eq!(bench.run(0), [(0, records(Kind::IsExclude, &[a, b]))]);
    }
}

#[test]
fn older_routers_are_answered_in_their_version() {
    for [a, b, _] in FAMILIES {
        let mut bench = Bench::new(a);
        bench.join(a);
        bench.join(b);
        bench.run(60_000);
        bench.causes();
        assert_eq!(bench.query(Version::V2, "", 10_000), Ok(()));
        assert_eq!(bench.groups.version(), Version::V2);
        let said = bench.run(20_000);
        let mut groups: Vec<_> = said.iter().map(|(_, says)| says.clone()).collect();
        groups.sort_by_key(|says| !matches!(says, Says::Member(_, group) if *group == ip(a)));
        assert_eq!(groups, [a, b].map(|group| Says::Member(Version::V2, ip(group))));
        assert!(said.iter().all(|(at, _)| *at < 10_000));
        // Another member answers: we need not.
        assert_eq!(bench.query(Version::V2, a, 10_000), Ok(()));
        assert_eq!(bench.with(|groups, cx| groups.on_report(ip(a), cx)), Ok(()));
        assert_eq!(bench.with(|groups, cx| groups.on_report(ip(a), cx)), Err(Why::GroupOfOthers));
        assert_eq!(bench.run(20_000), []);
        // So its leaving is told by whoever was last to speak.
        bench.leave(a);
        bench.leave(b);
        assert_eq!(bench.run(20_000), [(0, Says::Leave(ip(b)))]);
        bench.join(a);
        let said = bench.run(20_000);
        assert!(
            said.len() == 2
                && said.iter().all(|(_, says)| *says == Says::Member(Version::V2, ip(a)))
        );
        assert_eq!((said[0].0, said[1].0 <= 10_000), (0, true));
        assert!(bench.causes().contains(&Cause::OlderQuerier));
        // Two intervals and an answer later, nobody asks so any more.
        bench.run(200_000);
        assert_eq!(bench.groups.version(), Version::V3);
        assert!(bench.causes().contains(&Cause::OlderQuerierGone));
        assert_eq!(bench.with(|groups, cx| groups.on_report(ip(a), cx)), Err(Why::GroupOfOthers));
    }
}

#[test]
fn version_1_knows_no_leaving() {
    let mut bench = Bench::new("224.0.0.251");
    bench.join("224.0.0.251");
    bench.run(60_000);
    assert_eq!(bench.query(Version::V1, "", 0), Ok(()));
    let said = bench.run(20_000);
    assert!(matches!(said[..], [(at, Says::Member(Version::V1, _))] if at < 10_000));
    assert_eq!(bench.query(Version::V2, "", 1000), Ok(()), "the oldest one counts");
    assert_eq!(bench.groups.version(), Version::V1);
    bench.leave("224.0.0.251");
    assert!(bench.run(20_000).is_empty());
}

/// RFC 3376 §8.1, §4.1.7: a router says how often, and how long it is missed.
#[test]
fn routers_set_the_numbers() {
    let mut bench = Bench::new("224.0.0.251");
    bench.join("224.0.0.9");
    let (version, group, max_response) = (Version::V3, ip("0.0.0.0"), Duration::from_secs(1));
    let interval = Duration::from_secs(20);
    let query = Query { version, group, max_response, robustness: 4, interval, sources: 0 };
    assert_eq!(bench.with(|groups, cx| groups.on_query(query, cx)), Ok(()));
    bench.run(60_000);
    bench.join("224.0.0.251");
    assert_eq!(bench.run(60_000).len(), 4);
    assert_eq!(bench.query(Version::V2, "", 10_000), Ok(()));
    bench.run(89_000);
    assert_eq!(bench.groups.version(), Version::V2);
    bench.run(2_000);
    assert_eq!(bench.groups.version(), Version::V3);
}

#[test]
fn scopes_that_do_not_leave_the_node_are_not_reported() {
    let mut bench = Bench::new("ff02::fb");
    for group in ["ff01::1", "ff01::fb", "ff00::1", "ff02::1"] {
        bench.join(group);
        bench.leave(group);
    }
    assert_eq!(bench.run(60_000), []);
    bench.join("ff12::1");
    assert_eq!(bench.run(0).len(), 1, "another group than all nodes");
}

#[test]
fn floods_are_bounded() {
    let mut bench = Bench::new("239.0.0.1");
    for n in 0..GROUPS_MAX as u32 {
        let group = std::net::Ipv4Addr::from_bits(0xef00_0000 + n).into();
        assert_eq!(bench.with(|groups, cx| groups.join(group, cx)), Some(true));
    }
    assert_eq!(bench.join("239.9.9.9"), None);
    // Long reports are sent in pieces.
    let sizes = bench.run(0).into_iter().map(|(_, says)| match says {
        Says::Records(_, groups) => groups.len(),
        _ => 0,
    });
    assert_eq!(sizes.collect::<Vec<_>>(), [100, 100, 56]);
    bench.run(60_000);
    let answers = |bench: &mut Bench| {
        let refused = (0..1000).filter(|_| bench.query(Version::V3, "", 0).is_err()).count();
        (refused, bench.run(1000).len())
    };
    // Forty at once, then ten a second; whatever is asked within a moment is answered once.
    assert_eq!(answers(&mut bench), (960, 3));
    assert_eq!(answers(&mut bench), (990, 3));
    // Who joins and leaves without end does not fill the memory.
    for n in 0..3 * GROUPS_MAX as u32 {
        let group = std::net::Ipv4Addr::from_bits(0xef00_0000 + n % 1000).into();
        bench.with(|groups, cx| (groups.leave(group, cx), groups.join(group, cx)));
    }
    for n in 0..1000 {
        let group = std::net::Ipv4Addr::from_bits(0xef00_0000 + n).into();
        while bench.with(|groups, cx| groups.has(group) && !groups.leave(group, cx)) {}
    }
    assert!(bench.groups.left.len() <= GROUPS_MAX && bench.groups.members.is_empty());
}
