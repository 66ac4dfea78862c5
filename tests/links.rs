//! Ten thousand hostile links: every pair of profiles with every pair of congestion control
//! algorithms, each on links of its own that a seed has drawn. Whatever the link does,
//!
//! * every byte arrives once and in order, and both hosts forget the connection;
//! * whoever has something in flight has a timer, and it was not set for longer than twice the RTO
//!   that was seen then (several ACKs of one moment may have changed it): no silence is longer;
//! * timeouts that were for nothing stay below a rate that is stated here.
//!
//! A timeout was for nothing when what it thought lost, or an acknowledgment of it, was still under
//! way and arrived later: either the path was slower than the timer knew, or the first ACKs of it
//! were lost and a later segment of the peer's told.
//!
//! `scripts/test` runs all of them in a release build; a debug build takes the first fiftieth.
//! `LINK=n` runs the n-th only.

#[path = "it/support/mod.rs"]
#[allow(
    unreachable_pub,
    dead_code,
    unused_macros,
    unused_imports,
    reason = "a harness offers more than each test needs"
)]
mod support;

use netglass::base::rng::Purpose;
use netglass::base::{Chance, ConnId, Instant, Seq};
use netglass::impair::Impairments;
use netglass::stack::Setup;
use netglass::tcp::cc::Algorithm;
use netglass::tcp::{Ecn, Profile};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use support::passage::Passages;
use support::pipe::Pipe;
use support::{A, B, World, addr, addr6, setup};

/// Pairs of profiles times pairs of algorithms.
const PAIRS: u64 = (3 * 3) * (4 * 4);
/// Links of each pair.
const EACH: u64 = 70;
/// Timeouts for nothing, at most, in a thousand links.
const SPURIOUS: u64 = 41;

/// What is tried: two hosts, a link, and what is sent over it.
struct Trial {
    seed: u64,
    hosts: [(Profile, Algorithm); 2],
    words: String,
    offload: bool,
    v6: bool,
    mtu: u16,
    volume: [usize; 2],
}

impl Trial {
    fn new(seed: u64) -> Trial {
        let pick = |place: u64, of: u64| (seed / place % of) as usize;
        let hosts = [
            (Profile::ALL[pick(1, 3)], Algorithm::ALL[pick(9, 4)]),
            (Profile::ALL[pick(3, 3)], Algorithm::ALL[pick(36, 4)]),
        ];
        let below =
            |bound, n| Chance::from_seed(seed).below(bound, Purpose::Scenario, 7, n) as usize;
        Trial {
            seed,
            hosts,
            words: words(below),
            offload: below(2, 50) == 1,
            v6: below(2, 51) == 1,
            mtu: [1500, 1500, 1280, 9000][below(4, 52)],
            volume: [53, 54].map(|n| below(60_000, n)),
        }
    }

    fn setup(&self, host: usize) -> Setup {
        let mut setup = setup(host, self.seed, self.mtu, self.offload);
        let (profile, algorithm) = self.hosts[host];
        let tcp = &mut setup.tcp;
        *tcp = profile.config();
        tcp.congestion = algorithm;
        let pick = Chance::from_seed(self.seed).below(4, Purpose::Scenario, 8, host as u64);
        tcp.ecn = [Ecn::Off, Ecn::On, Ecn::Passive, tcp.ecn][pick as usize];
        // Nobody gives up: what is tested is that everything arrives.
        (tcp.syn_retries, tcp.synack_retries, tcp.retries2) = (50, 50, 100);
        setup
    }
}

/// A link, in netem's words. Each feature is left out of most links, so that it is also seen alone.
fn words(below: impl Fn(u64, u64) -> usize) -> String {
    let mut words = match below(3, 0) {
        0 => format!("delay {}ms {}ms", 1 + below(40, 1), below(40, 2)),
        _ => format!("delay {}ms", 1 + below(300, 1)),
    };
    let mut add = |n: u64, text: String| {
        if below(3, n) == 0 {
            write!(words, " {text}").expect("a string takes it");
        }
    };
    match below(4, 10) {
        0 => add(11, format!("loss gemodel {}% {}% 70%", 1 + below(5, 12), 10 + below(40, 13))),
        _ => add(11, format!("loss {}%", 1 + below(25, 12))),
    }
    add(14, format!("duplicate {}%", 1 + below(10, 15)));
    add(16, format!("corrupt {}%", 1 + below(10, 17)));
    add(18, format!("reorder {}%", 1 + below(20, 19)));
    let (packets, ecn) = (10 + below(100, 21), ["", " ecn 5"][below(2, 22)]);
    add(20, format!("rate {}kbit queue {packets}{ecn}", 200 << below(8, 23)));
    add(24, format!("partition from {}ms to {}ms", 200 + below(500, 25), 700 + below(5_000, 26)));
    words
}

/// What became of a link.
#[derive(Default)]
struct Tally {
    timeouts: u64,
    spurious: u64,
    /// Those that were for nothing: the profile, what the timer had waited for, and the cause.
    kinds: BTreeMap<[&'static str; 3], u64>,
}

impl Tally {
    fn add(&mut self, other: Tally) {
        self.timeouts += other.timeouts;
        self.spurious += other.spurious;
        for (kind, n) in other.kinds {
            *self.kinds.entry(kind).or_default() += n;
        }
    }
}

/// One end, looked at after every step.
struct End {
    conn: ConnId,
    timeouts: u64,
    profile: &'static str,
    /// The timeout that was the last one: when, what was the first byte in flight, and of what kind
    /// it was.
    last: Option<(Instant, Seq, &'static str)>,
    /// The RTO at the last look, microseconds.
    rto: u64,
    /// SND.UNA, and the longest RTO seen since before it moved: the timer was set then.
    longest: (Seq, u64),
    tally: Tally,
}

impl End {
    fn new(conn: ConnId, profile: Profile) -> End {
        let (profile, tally) = (profile.name(), Tally::default());
        End { conn, timeouts: 0, profile, last: None, rto: 0, longest: (Seq(0), 0), tally }
    }

    fn look(&mut self, world: &World, host: usize) {
        let now = world.now;
        let Ok(conn) = world.hosts[host].conn(self.conn) else { return };
        let info = conn.info(now);
        let since = if self.longest.0 == conn.acked() { self.longest.1 } else { self.rto };
        let rto = info.rto.max(since);
        (self.longest, self.rto) = ((conn.acked(), rto), info.rto);
        if info.bytes_in_flight > 0 && !conn.is_dead() {
            let deadline = conn.deadline(now).expect("what is in flight has a timer");
            let silence = deadline.since(now).as_micros() as u64;
            assert!(silence <= 2 * rto, "host {host} waits {silence} us, its RTO is {rto}");
        }
        if info.total_rto > self.timeouts {
            self.tally.timeouts += info.total_rto - self.timeouts;
            self.timeouts = info.total_rto;
            let kind = match conn.state().is_synchronized() {
                false => "opening",
                true if info.retransmits > 1 => "again",
                true if info.bytes_acked == 0 => "first data",
                true => "once",
            };
            self.last = Some((now, conn.acked(), kind));
        }
    }

    /// Whether what came through shows that the last timeout was for nothing.
    fn judge(&mut self, passages: &Passages, host: usize) {
        let Some((at, una, kind)) = self.last else { return };
        let late = |passage: &&support::passage::Passage| passage.sent < at;
        let proves = |passage: &support::passage::Passage| match passage.from == host {
            true => (una - passage.seq) < passage.len,
            false => passage.ack.is_some_and(|ack| ack.after(una)),
        };
        if let Some(proof) = passages.arrived.iter().filter(late).find(|passage| proves(passage)) {
            let told = passages.acked_at(proof.from, una);
            let again = proof.from != host && told.is_some_and(|told| told < proof.sent);
            let cause = if again { "ACKs were lost" } else { "the path was slow" };
            self.tally.spurious += 1;
            *self.tally.kinds.entry([self.profile, kind, cause]).or_default() += 1;
            self.last = None;
        }
    }
}

/// Runs a trial to its end.
fn run(trial: &Trial) -> Tally {
    let rules: Impairments = trial.words.parse().expect("words that are known");
    let mut world = World::of([A, B].map(|n| trial.setup(n))).impaired(rules.outbound, trial.seed);
    world.passages = Some(Passages::default());
    let ends = world.connected_at(if trial.v6 { addr6(B, 80) } else { addr(B, 80) });
    let [(a, _), (b, _)] = trial.hosts;
    let mut watched = [End::new(ends.0, a), End::new(ends.1, b)];
    Pipe::new(ends, trial.volume).run(&mut world, |world| {
        let mut passages = world.passages.take().expect("asked for");
        for (host, end) in watched.iter_mut().enumerate() {
            end.judge(&passages, host);
            end.look(world, host);
        }
        passages.arrived.clear();
        world.passages = Some(passages);
    });
    let mut sum = Tally::default();
    watched.into_iter().for_each(|end| sum.add(end.tally));
    sum
}

#[test]
fn every_pair_of_hosts_survives_its_links() {
    let only: Option<u64> = std::env::var("LINK").ok().and_then(|text| text.parse().ok());
    let all = match only {
        Some(link) => link..link + 1,
        None => 0..PAIRS * if cfg!(debug_assertions) { 2 } else { EACH },
    };
    let links = all.end - all.start;
    let mut sum = Tally::default();
    for trial in all.map(Trial::new) {
        let tally = std::panic::catch_unwind(|| run(&trial)).unwrap_or_else(|_| {
            let hosts = trial.hosts.map(|(profile, algorithm)| format!("{profile} {algorithm}"));
            panic!("LINK={} repeats it: {} over {}", trial.seed, hosts.join(", "), trial.words)
        });
        if only.is_some() {
            println!("{}: {} timeouts, {} spurious", trial.words, tally.timeouts, tally.spurious);
        }
        sum.add(tally);
    }
    println!("{links} links: {} timeouts, {} of them for nothing", sum.timeouts, sum.spurious);
    sum.kinds.iter().for_each(|(kind, n)| println!("  {}: {n}", kind.join(", ")));
    assert!(sum.spurious * 1_000 <= SPURIOUS * links.max(1_000), "{} for nothing", sum.spurious);
}
