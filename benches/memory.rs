//! What a connection costs in memory: bytes asked of the allocator, slack in tables included, that
//! a host gives back when it is dropped, per connection. Free blocks of its pool are not counted.
//!
//! `cargo bench --bench memory`, with `-- --write` into docs/performance.md; run without `--bench`,
//! few connections do, for the checks.

#[path = "support/doc.rs"]
mod doc;
#[allow(dead_code, reason = "each benchmark uses its part of it")]
#[path = "support/machine.rs"]
mod machine;
#[allow(dead_code, unreachable_pub, reason = "each benchmark uses its part of it")]
mod support;

use netglass::socket::demux::Pair;
use netglass::socket::tcp::Slot;
use netglass::stack::Stack;
use netglass::tcp::tcb::Tcb;
use netglass::tcp::{Conn, State};
use std::alloc::{GlobalAlloc, Layout, System};
use std::mem::size_of;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use support::Hosts;

struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is handed to the system's allocator unchanged; the counter allocates nothing.
#[allow(unsafe_code, reason = "a counting allocator is an allocator")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(layout.size(), Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The bytes that `host` holds, free blocks aside.
fn held_by(host: Stack) -> usize {
    host.pool().trim();
    let before = HELD.load(Relaxed);
    drop(host);
    before - HELD.load(Relaxed)
}

/// Bytes per connection, one column for each number of connections.
#[derive(Default)]
struct Table(Vec<(&'static str, Vec<f64>)>);

impl Table {
    fn row(&mut self, what: &'static str, count: usize, host: Stack, client: bool) {
        let empty = held_by(support::host(client, false));
        let each = (held_by(host) - empty) as f64 / count as f64;
        println!("{what:<40} {count:>8} {each:>10.0}");
        match self.0.iter_mut().find(|(known, _)| *known == what) {
            Some((_, columns)) => columns.push(each),
            None => self.0.push((what, vec![each])),
        }
    }

    /// As it stands in the document.
    fn text(&self, counts: &[usize]) -> String {
        let heading = counts.iter().map(|count| format!(" bytes, of {count} |"));
        let mut lines = vec![
            format!("{}.\n", machine::stamp()),
            format!("| a connection |{}", heading.collect::<String>()),
            format!("|---|{}", "--:|".repeat(counts.len())),
        ];
        lines.extend(self.0.iter().map(|(what, columns)| {
            let columns = columns.iter().map(|each| format!(" {each:.0} |"));
            format!("| {what} |{}", columns.collect::<String>())
        }));
        let [block, place, pair] = [size_of::<Tcb>(), size_of::<Slot>(), size_of::<Pair>()];
        lines.push(format!(
            "\nThe block is {block} bytes, its place in the table {place}, its addresses in the \
             demultiplexer {pair};\nthe rest is slack and congestion control."
        ));
        lines.join("\n")
    }
}

fn established(table: &mut Table, count: usize) {
    let mut hosts = Hosts::connected(false, count);
    hosts.pass(Duration::from_secs(10));
    let state = |(client, server): &(_, _)| {
        (hosts.client.state(*client).ok(), hosts.server.state(*server).ok())
    };
    let open = (Some(State::Established), Some(State::Established));
    assert!(hosts.conns.iter().all(|conn| state(conn) == open));
    table.row("established, idle, opened by us", count, hosts.client, true);
    table.row("established, idle, opened by the peer", count, hosts.server, false);
}

/// After some data in both directions, and after the driver's `shrink`.
fn used(table: &mut Table, count: usize) {
    let mut hosts = Hosts::connected(false, count);
    let mut room = [0; 2_000];
    for n in 0..count {
        let (now, (client, server)) = (hosts.now, hosts.conns[n]);
        assert_eq!(hosts.client.write(now, client, &[7; 2_000]), Ok(2_000));
        assert_eq!(hosts.server.write(now, server, &[7; 2_000]), Ok(2_000));
        hosts.exchange();
        assert_eq!(hosts.client.read(now, client, &mut room), Ok(2_000));
        assert_eq!(hosts.server.read(now, server, &mut room), Ok(2_000));
    }
    hosts.pass(Duration::from_secs(10));
    assert!(hosts.conns.iter().all(|c| hosts.server.conn(c.1).is_ok_and(|c| c.queues() == (0, 0))));
    hosts.server.shrink(hosts.now);
    table.row("established, was used, shrunk", count, hosts.server, false);
    table.row("established, was used, not shrunk yet", count, hosts.client, true);
}

fn half_open(table: &mut Table, count: usize) {
    let mut hosts = Hosts::new(false, count);
    for n in 0..count {
        hosts.open(n);
    }
    for frame in hosts.client_sends(count) {
        hosts.server.input(hosts.now, support::WIRE, frame);
    }
    hosts.server_sends(count); // the SYN-ACKs are lost
    let half: usize = hosts.server.tcp().listeners().map(|slot| slot.listener.half_open()).sum();
    assert_eq!(half, count);
    table.row("half open, opened by the peer", count, hosts.server, false);
}

fn time_wait(table: &mut Table, count: usize) {
    let mut hosts = Hosts::connected(false, count);
    for n in 0..count {
        let (now, (client, server)) = (hosts.now, hosts.conns[n]);
        hosts.client.close(now, client);
        hosts.exchange();
        hosts.server.close(now, server);
        hosts.exchange();
    }
    let waiting = hosts.client.tcp().iter().filter(|slot| slot.conn.state() == State::TimeWait);
    assert_eq!(waiting.count(), count);
    assert!(hosts.server.tcp().is_empty());
    table.row("TIME-WAIT", count, hosts.client, true);
}

fn main() -> std::io::Result<()> {
    let bench = std::env::args().any(|arg| arg == "--bench");
    let counts: &[usize] = if bench { &[10_000, 100_000] } else { &[1_000] };
    println!("{:<40} {:>8} {:>10}", "a connection", "count", "bytes each");
    let mut table = Table::default();
    for count in counts {
        established(&mut table, *count);
        used(&mut table, *count);
        half_open(&mut table, *count);
        time_wait(&mut table, *count);
    }
    println!("\n{:<40} {:>19}", "a type", "bytes");
    for (name, bytes) in [
        ("socket::tcp::Slot", size_of::<Slot>()),
        ("tcp::Conn", size_of::<Conn>()),
        ("tcp::tcb::Tcb", size_of::<Tcb>()),
        ("socket::demux::Pair", size_of::<Pair>()),
    ] {
        println!("{name:<40} {bytes:>19}");
    }
    match bench && std::env::args().any(|arg| arg == "--write") {
        true => doc::write(&[("memory".to_owned(), table.text(counts))]),
        false => Ok(()),
    }
}
