//! Two hosts and their programs in virtual time: what runs live on tokio, on a cable that is a
//! value.

use super::ADDR;
use netglass::base::{Chance, IfaceId, Instant, Pool};
use netglass::impair::{Impairment, Impairments, Link};
use netglass::net::Host;
use netglass::sim::{Executor, Failure};
use netglass::stack::Setup;
use tokio::sync::oneshot;

/// Two hosts, the cable between them, and who runs their programs.
pub struct Pair {
    pub executor: Executor,
    pub hosts: [Host; 2],
    /// By the host that sends into it.
    lanes: [Link; 2],
    /// FNV-1a over (time, host, bytes) of every packet that arrives.
    pub hash: u64,
    pub packets: u64,
}

impl Pair {
    /// Hosts on a cable that is described in netem's words; by no words it takes no time.
    pub fn new(words: &str) -> Pair {
        Pair::of(words, |_| {})
    }

    /// With other knobs.
    pub fn of(words: &str, change: impl Fn(&mut Setup)) -> Pair {
        let executor = Executor::new();
        let host = |n: usize| {
            let mut setup = super::setup(n, 7, 1500, false);
            change(&mut setup);
            Host::with_clock(setup, executor.time().clone())
        };
        let hosts = [host(0), host(1)];
        let ways = match words {
            "" => [Impairment::default(), Impairment::default()],
            words => {
                let Impairments { inbound, outbound } = words.parse().unwrap();
                [outbound, inbound]
            }
        };
        let link =
            |n: usize| Link::new(ways[n].clone(), Chance::from_seed(7), n as u64, Pool::new());
        let lanes = [link(0), link(1)];
        Pair { executor, hosts, lanes, hash: 0xcbf2_9ce4_8422_2325, packets: 0 }
    }

    pub fn now(&self) -> Instant {
        self.executor.time().peek()
    }

    /// Runs a program, and what it starts, until it has ended.
    pub fn run<T: Send + 'static>(
        &mut self,
        program: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Failure> {
        let (tell, mut told) = oneshot::channel();
        self.executor.spawn(async move { drop(tell.send(program.await)) });
        loop {
            self.executor.run_until_idle(self.now())?;
            if let Ok(ended) = told.try_recv() {
                return Ok(ended);
            }
            let deadlines = [0, 1].map(|n| self.turn(n));
            if self.executor.is_ready() || self.lanes.iter().any(|lane| is_due(lane, self.now())) {
                continue;
            }
            let next = deadlines.into_iter().chain(self.lanes.iter().map(Link::deadline));
            let next = next.chain([self.executor.deadline()]).flatten().min();
            self.executor.time().set(next.expect("nothing will happen any more"));
        }
    }

    /// A host takes what has arrived, time comes, it sends. When its next turn is due.
    fn turn(&mut self, n: usize) -> Option<Instant> {
        let (lanes, hash, packets) = (&mut self.lanes, &mut self.hash, &mut self.packets);
        let turn = self.hosts[n].turn(|stage| {
            let now = stage.now;
            while is_due(&lanes[1 - n], now)
                && let Some(frame) = lanes[1 - n].output(now)
            {
                let meta = [now.as_nanos().to_le_bytes(), (n as u64).to_le_bytes()];
                let bytes = meta.iter().flatten().chain(frame.slices().flatten());
                *hash = bytes.fold(*hash, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x100_0000_01b3));
                *packets += 1;
                stage.stack.input(now, IfaceId(0), frame);
            }
            stage.stack.poll(now);
            while let Some((_, frame)) = stage.stack.output(now) {
                lanes[n].input(now, frame);
            }
        });
        turn.woken.wake();
        turn.deadline
    }
}

fn is_due(lane: &Link, now: Instant) -> bool {
    lane.deadline().is_some_and(|at| at <= now)
}

/// An address of the second host's.
pub fn there(port: u16) -> std::net::SocketAddr {
    format!("{}:{port}", ADDR[1]).parse().unwrap()
}
