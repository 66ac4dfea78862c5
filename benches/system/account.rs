//! Who used the processors while something was measured.

use crate::Outcome;
use std::time::{Duration, Instant};

/// Counts of used processor time, in ticks of [`TICK`].
struct Used {
    own: u64,
    server: u64,
    all: u64,
}

/// The unit of processor times in `/proc` (USER_HZ).
const TICK: Duration = Duration::from_millis(10);

impl Used {
    fn now(server: u32, cpus: &[usize]) -> Outcome<Used> {
        let own = process(std::process::id())?;
        Ok(Used { own, server: process(server)?, all: processors(cpus)? })
    }
}

/// What was used of these processors by anybody.
fn processors(cpus: &[usize]) -> Outcome<u64> {
    let stat = std::fs::read_to_string("/proc/stat")?;
    let busy = stat.lines().filter_map(|line| {
        let mut columns = line.strip_prefix("cpu")?.split(' ');
        let cpu: usize = columns.next()?.parse().ok()?;
        let ticks: Vec<u64> = columns.flat_map(str::parse).collect();
        // user nice system idle iowait irq softirq steal. Interrupts are left out: those that
        // carry our packets are nobody else's.
        let busy = [0, 1, 2, 7].iter().filter_map(|&at| ticks.get(at)).sum::<u64>();
        cpus.contains(&cpu).then_some(busy)
    });
    Ok(busy.sum())
}

/// User and system time of a process with all its threads, and of its children that have ended.
fn process(pid: u32) -> Outcome<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name, in parentheses, may contain blanks; utime, stime, and those of children that have
    // ended are fields 14 to 17.
    let (_, fields) = stat.rsplit_once(") ").ok_or("/proc: no such line")?;
    let times = fields.split(' ').skip(11).take(4).flat_map(str::parse::<u64>);
    Ok(times.sum())
}

/// Shares of one processor, 1.0 being all of it.
#[derive(Copy, Clone, Default, Debug)]
pub(crate) struct Shares {
    /// The load's process.
    pub(crate) client: f64,
    /// The stack's process.
    pub(crate) server: f64,
    /// Everybody else on the processors that these two may use.
    pub(crate) others: f64,
}

/// Watches the processors from its start to [`Watch::stop`].
pub(crate) struct Watch<'a> {
    server: u32,
    cpus: &'a [usize],
    since: Instant,
    before: Used,
}

impl<'a> Watch<'a> {
    /// Starts watching this process and the server's, on the processors they may use.
    pub(crate) fn start(server: u32, cpus: &'a [usize]) -> Outcome<Watch<'a>> {
        Ok(Watch { server, cpus, before: Used::now(server, cpus)?, since: Instant::now() })
    }

    /// Who used how much.
    pub(crate) fn stop(self) -> Outcome<Shares> {
        let after = Used::now(self.server, self.cpus)?;
        let ticks = self.since.elapsed().as_secs_f64() / TICK.as_secs_f64();
        let share = |ticks_used: u64| ticks_used as f64 / ticks;
        let (own, server) = (after.own - self.before.own, after.server - self.before.server);
        let others = (after.all - self.before.all).saturating_sub(own + server);
        Ok(Shares { client: share(own), server: share(server), others: share(others) })
    }
}
