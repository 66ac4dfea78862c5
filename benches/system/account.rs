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
    fn now(server: u32) -> Outcome<Used> {
        let all = std::fs::read_to_string("/proc/stat")?;
        let columns: Vec<u64> =
            all.lines().next().unwrap_or_default().split(' ').flat_map(str::parse).collect();
        // user nice system idle iowait irq softirq steal. Interrupts are left out: those that
        // carry our packets are nobody else's.
        let busy = [0, 1, 2, 7].iter().filter_map(|&at| columns.get(at)).sum();
        Ok(Used { own: process(std::process::id())?, server: process(server)?, all: busy })
    }
}

/// User and system time of a process with all its threads.
fn process(pid: u32) -> Outcome<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name, in parentheses, may contain blanks; utime and stime are fields 14 and 15.
    let (_, fields) = stat.rsplit_once(") ").ok_or("/proc: no such line")?;
    let times = fields.split(' ').skip(11).take(2).flat_map(str::parse::<u64>);
    Ok(times.sum())
}

/// Shares of one processor, 1.0 being all of it.
#[derive(Copy, Clone, Default, Debug)]
pub(crate) struct Shares {
    /// The load's process.
    pub(crate) client: f64,
    /// The stack's process.
    pub(crate) server: f64,
    /// Everybody else on the machine.
    pub(crate) others: f64,
}

/// Watches the processors from its start to [`Watch::stop`].
pub(crate) struct Watch {
    server: u32,
    since: Instant,
    before: Used,
}

impl Watch {
    /// Starts watching this process and the server's.
    pub(crate) fn start(server: u32) -> Outcome<Watch> {
        Ok(Watch { server, before: Used::now(server)?, since: Instant::now() })
    }

    /// Who used how much.
    pub(crate) fn stop(self) -> Outcome<Shares> {
        let after = Used::now(self.server)?;
        let ticks = self.since.elapsed().as_secs_f64() / TICK.as_secs_f64();
        let share = |ticks_used: u64| ticks_used as f64 / ticks;
        let (own, server) = (after.own - self.before.own, after.server - self.before.server);
        let others = (after.all - self.before.all).saturating_sub(own + server);
        Ok(Shares { client: share(own), server: share(server), others: share(others) })
    }
}
