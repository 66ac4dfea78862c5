//! What a segment costs a host that has many connections, and one that has many busy ones: two
//! hosts in one thread and in virtual time, of which the sender's and the receiver's work is timed
//! apart.

use crate::Outcome;
use crate::machine::median;
use crate::support::{Hosts, WIRE, received};
use crate::svg::{Chart, Curve};
use netglass::base::rng::Purpose;
use netglass::base::{Chance, Frame, Pool};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

/// How many connections there are.
pub(crate) const COUNTS: &[usize] = &[1, 10, 100, 1_000, 10_000, 100_000];
/// Payload of a full segment with timestamps, at an MTU of 1500.
const MSS: usize = 1_448;
/// Segments that come or go in a batch, and the fewest of each busy connection: two are
/// acknowledged at once.
const BATCH: usize = 64;
const FEWEST: usize = 2;
/// Virtual time between batches.
const ROUND: Duration = Duration::from_millis(1);
/// Batches before those that count, and those that do.
const WARM_UP: usize = 50;
const BATCHES: usize = 1_001;

/// Nanoseconds per segment.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Cost {
    pub(crate) receiving: f64,
    pub(crate) sending: f64,
}

/// The costs of many connections: with one busy, and with all busy in turns.
pub(crate) type Costs = [Cost; 2];

/// All rounds of all numbers of connections.
#[derive(Default)]
pub(crate) struct Curves(BTreeMap<usize, Vec<Costs>>);

/// The child's part: prints its costs.
pub(crate) fn run(count: usize) {
    let mut hosts = Hosts::connected(false, count);
    let costs = [1, count].map(|busy| measure(&mut hosts, busy));
    let pairs = costs.map(|cost| [cost.receiving, cost.sending]);
    println!("{}", json!(pairs));
}

fn measure(hosts: &mut Hosts, busy: usize) -> Cost {
    let chance = Chance::from_seed(7);
    let mut order: Vec<usize> = (0..busy).collect();
    order.sort_by_key(|n| chance.draw(Purpose::Scenario, 0, *n as u64));
    let mut order = order.into_iter().cycle();
    let each = (BATCH / busy).max(FEWEST);
    let mut batch =
        Batch { device: Pool::new(), data: vec![7; each * MSS], room: vec![0; each * MSS] };
    let (mut receiving, mut sending) = (Vec::new(), Vec::new());
    for n in 0..WARM_UP + BATCHES {
        let places: Vec<usize> = order.by_ref().take(BATCH / each).collect();
        let [sent, got] = batch.run(hosts, &places);
        if n >= WARM_UP {
            let per = |time: Duration| time.as_nanos() as f64 / (places.len() * each) as f64;
            sending.push(per(sent));
            receiving.push(per(got));
        }
    }
    Cost { receiving: median(receiving), sending: median(sending) }
}

/// What a batch of segments is made of.
struct Batch {
    device: Pool,
    data: Vec<u8>,
    room: Vec<u8>,
}

impl Batch {
    /// Each of these connections carries its bytes; how long that took the sender and the receiver.
    fn run(&mut self, hosts: &mut Hosts, places: &[usize]) -> [Duration; 2] {
        let (now, mut frames) = (hosts.now, Vec::with_capacity(2 * BATCH));
        let (mut sent, mut got) = (Duration::ZERO, Duration::ZERO);
        let ids: Vec<_> = places.iter().map(|place| hosts.conns[*place]).collect();
        let client = &mut hosts.client;
        timed(&mut sent, || {
            for (id, _) in &ids {
                assert_eq!(client.write(now, *id, &self.data), Ok(self.data.len()));
            }
        });
        // The window may be too small for all at once: then there are several flights.
        let mut left = ids.len() * self.data.len();
        while left > 0 {
            let client = &mut hosts.client;
            timed(&mut sent, || frames.extend(std::iter::from_fn(|| client.output(now))));
            assert!(!frames.is_empty(), "the window is open");
            let mut arrived = self.arrived(&mut frames);
            let (server, room) = (&mut hosts.server, &mut self.room);
            timed(&mut got, || {
                arrived.drain(..).for_each(|frame| server.input(now, WIRE, frame));
                server.poll(now);
                left -= ids.iter().flat_map(|(_, id)| server.read(now, *id, room)).sum::<usize>();
                frames.extend(std::iter::from_fn(|| server.output(now)));
            });
            let mut arrived = self.arrived(&mut frames);
            let client = &mut hosts.client;
            timed(&mut sent, || {
                arrived.drain(..).for_each(|frame| client.input(now, WIRE, frame));
                client.poll(now);
            });
        }
        hosts.pass(ROUND);
        [sent, got]
    }

    /// Frames as a device hands them over.
    fn arrived<I>(&self, frames: &mut Vec<(I, Frame)>) -> Vec<Frame> {
        frames.drain(..).map(|(_, frame)| received(&frame, &self.device)).collect()
    }
}

fn timed(total: &mut Duration, work: impl FnOnce()) {
    let start = Instant::now();
    work();
    *total += start.elapsed();
}

impl Curves {
    /// Has a child measure with `count` connections.
    pub(crate) fn measure(&mut self, count: usize) -> Outcome<()> {
        let mut child = Command::new(std::env::current_exe()?);
        let output = child.args(["curve", &count.to_string()]).output()?;
        let pairs: [[f64; 2]; 2] = serde_json::from_slice(&output.stdout)
            .map_err(|_| String::from_utf8_lossy(&output.stderr).into_owned())?;
        let costs = pairs.map(|[receiving, sending]| Cost { receiving, sending });
        self.0.entry(count).or_default().push(costs);
        Ok(())
    }

    /// The median of one cost, by number of connections.
    fn middle(&self, of: impl Fn(&Costs) -> f64) -> Vec<(f64, f64)> {
        let points = self.0.iter();
        points.map(|(count, all)| (*count as f64, median(all.iter().map(&of).collect()))).collect()
    }

    /// The four curves, with their names.
    fn lines(&self) -> [(&'static str, Vec<(f64, f64)>); 4] {
        [
            ("receiving, all busy", self.middle(|costs| costs[1].receiving)),
            ("receiving, one busy", self.middle(|costs| costs[0].receiving)),
            ("sending, all busy", self.middle(|costs| costs[1].sending)),
            ("sending, one busy", self.middle(|costs| costs[0].sending)),
        ]
    }

    pub(crate) fn table(&self) -> String {
        let lines = self.lines();
        let names: String = lines.iter().map(|(name, _)| format!(" {name} |")).collect();
        let mut rows =
            vec![format!("| connections |{names}"), format!("|--:|{}", "--:|".repeat(4))];
        for (place, count) in self.0.keys().enumerate() {
            let cells = lines.iter().map(|(_, points)| format!(" {:.0} |", points[place].1));
            rows.push(format!("| {count} |{}", cells.collect::<String>()));
        }
        rows.join("\n")
    }

    pub(crate) fn svg(&self) -> String {
        let curves = self.lines().map(|(name, points)| Curve { name, points });
        Chart { x: "connections", y: "ns per segment", curves: &curves }.to_string()
    }

    pub(crate) fn json(&self) -> Value {
        let cost = |cost: &Cost| json!({ "receiving": cost.receiving, "sending": cost.sending });
        let rounds = |all: &Vec<Costs>| {
            let each = all.iter().map(|[one, all]| json!({ "one": cost(one), "all": cost(all) }));
            Value::from_iter(each)
        };
        Value::from_iter(self.0.iter().map(|(n, all)| (n.to_string(), rounds(all))))
    }
}
