//! Data and acknowledgments of established connections: the host's four verbs, and the user's
//! reads and writes. Both ends are real; what is timed is one call of one of them.

use crate::support::{Hosts, WIRE};
use crate::table::{Table, timed};
use netglass::base::{ConnId, Frame, IfaceId, Instant};
use netglass::stack::Stack;
use std::hint::black_box;
use std::time::Duration;

/// Payload of a full segment: MTU 1500 less the headers with timestamps.
const MSS: usize = 1_448;
/// As many segments as a super-segment holds.
const SUPER: usize = 45 * MSS;
/// IP and TCP header with timestamps.
const HEADERS: usize = 52;
/// Operations timed at a time.
const BATCH: usize = 64;
const SUPER_BATCH: usize = 32;
/// Virtual time between batches.
const ROUND: Duration = Duration::from_millis(1);
/// After this no acknowledgment is owed any more.
const SILENCE: Duration = Duration::from_millis(500);

pub(crate) fn rows(table: &mut Table) {
    let (mss, whole) = (MSS + HEADERS, SUPER + HEADERS);
    table.row("input: data segment, checksum verified", mss, BATCH, || input(MSS, BATCH));
    table.row("input: pure ACK of two segments", HEADERS, BATCH, input_ack);
    let (name, batch) = ("input: super-segment, checksum offloaded", SUPER_BATCH);
    table.row(name, whole, batch, || input(SUPER, batch));
    table.row("output: data segment, checksum computed", mss, BATCH, || output(MSS, BATCH));
    table.row("output: pure ACK", HEADERS, BATCH, output_ack);
    let name = "output: super-segment, checksum offloaded";
    table.row(name, whole, batch, || output(SUPER, batch));
    table.row("exchange: a request comes and is answered", 1 + HEADERS, BATCH, exchange);
    table.row("user: write of a segment's bytes", MSS, BATCH, write);
    table.row("user: read of a segment's bytes", MSS, BATCH, read);
    table.row("user: the same, as a chunk", MSS, BATCH, read_chunk);
}

/// Bytes on their way from the client to the server.
struct Transfer {
    hosts: Hosts,
    /// What one batch carries on each connection.
    data: Vec<u8>,
    room: Vec<u8>,
}

impl Transfer {
    /// A batch is `len` bytes on each of `count` connections, whose windows are open for twice
    /// that.
    fn new(offload: bool, len: usize, count: usize) -> Transfer {
        let hosts = Hosts::connected(offload, count);
        let mut transfer = Transfer { hosts, data: vec![7; 2 * len], room: vec![0; 2 * len] };
        for conn in 0..count {
            for round in 0.. {
                assert!(round < 100, "the window opens");
                let hosts = &transfer.hosts;
                let info = hosts.client.info(hosts.now, hosts.conns[conn].0).expect("it is open");
                if info.snd_cwnd_bytes >= 2 * len as u64 && info.snd_wnd >= 2 * len as u64 {
                    break;
                }
                transfer.write(conn);
                transfer.drain(conn);
            }
        }
        transfer.data.truncate(len);
        transfer
    }

    /// The client's user writes a batch.
    fn write(&mut self, conn: usize) {
        let (now, id) = (self.hosts.now, self.hosts.conns[conn].0);
        assert_eq!(self.hosts.client.write(now, id, &self.data), Ok(self.data.len()));
    }

    /// The server's user reads a batch; its ACKs arrive; nothing is left.
    fn finish(&mut self, conn: usize) {
        let (now, server) = (self.hosts.now, self.hosts.conns[conn].1);
        assert_eq!(self.hosts.server.read(now, server, &mut self.room), Ok(self.data.len()));
        self.settle(conn);
    }

    /// The server's user reads a batch as it comes, in as many flights as the window wants.
    fn drain(&mut self, conn: usize) {
        let (mut left, server) = (self.data.len(), self.hosts.conns[conn].1);
        while left > 0 {
            self.hosts.exchange();
            let read = self.hosts.server.read(self.hosts.now, server, &mut self.room);
            left -= read.expect("something has come");
        }
        self.hosts.pass(ROUND);
    }

    /// The client's next two segments arrive, and the server's user reads them: an ACK is owed.
    fn deliver_two(&mut self, conn: usize) {
        for frame in self.frames(2, MSS) {
            self.hosts.server.input(self.hosts.now, WIRE, frame);
        }
        let (now, server) = (self.hosts.now, self.hosts.conns[conn].1);
        assert_eq!(self.hosts.server.read(now, server, &mut self.room), Ok(2 * MSS));
    }

    /// Everything that this connection carried is acknowledged; time passes.
    fn settle(&mut self, conn: usize) {
        self.hosts.pass(ROUND);
        let left = self.hosts.client.conn(self.hosts.conns[conn].0).expect("it is open").queues();
        assert_eq!(left, (0, 0), "everything is acknowledged");
    }

    /// The client's next frames, which carry `size` bytes each.
    fn frames(&mut self, count: usize, size: usize) -> Vec<Frame> {
        let frames = self.hosts.client_sends(count);
        assert!(frames.iter().all(|frame| frame.len() == size + HEADERS));
        frames
    }
}

fn input(size: usize, batch: usize) -> impl FnMut() -> Duration {
    let mut transfer = Transfer::new(size > MSS, size * batch, 1);
    move || {
        transfer.write(0);
        let mut frames = transfer.frames(batch, size);
        let (now, server) = (transfer.hosts.now, &mut transfer.hosts.server);
        let time = timed(|| frames.drain(..).for_each(|frame| server.input(now, WIRE, frame)));
        transfer.finish(0);
        time
    }
}

fn input_ack() -> impl FnMut() -> Duration {
    let mut transfer = Transfer::new(false, 2 * BATCH * MSS, 1);
    move || {
        transfer.write(0);
        let mut acks = Vec::with_capacity(BATCH);
        for _ in 0..BATCH {
            transfer.deliver_two(0);
            acks.extend(transfer.hosts.server_sends(1));
        }
        assert!(acks.iter().all(|ack| ack.len() == HEADERS));
        let (now, client) = (transfer.hosts.now, &mut transfer.hosts.client);
        let time = timed(|| acks.drain(..).for_each(|ack| client.input(now, WIRE, ack)));
        let id = transfer.hosts.conns[0].0;
        let left = transfer.hosts.client.conn(id).expect("it is open").queues();
        assert_eq!(left, (0, 0), "every ACK acknowledged two segments");
        transfer.settle(0);
        time
    }
}

/// Takes `count` frames from a host into `sent`, timed.
fn take(hosts: &mut Hosts, client: bool, sent: &mut Vec<(IfaceId, Frame)>, n: usize) -> Duration {
    let now = hosts.now;
    let host = if client { &mut hosts.client } else { &mut hosts.server };
    timed(|| sent.extend((0..n).map_while(|_| host.output(now))))
}

fn output(size: usize, batch: usize) -> impl FnMut() -> Duration {
    let mut transfer = Transfer::new(size > MSS, size * batch, 1);
    let mut sent = Vec::with_capacity(batch);
    move || {
        transfer.write(0);
        let time = take(&mut transfer.hosts, true, &mut sent, batch);
        assert!(sent.iter().all(|(_, frame)| frame.len() == size + HEADERS));
        assert_eq!(sent.len(), batch);
        for (iface, frame) in sent.drain(..) {
            transfer.hosts.server.input(transfer.hosts.now, iface, frame);
        }
        transfer.finish(0);
        time
    }
}

/// As many connections as the batch has operations: each owes one.
fn output_ack() -> impl FnMut() -> Duration {
    let mut transfer = Transfer::new(false, 2 * MSS, BATCH);
    let mut sent = Vec::with_capacity(BATCH);
    move || {
        for conn in 0..BATCH {
            transfer.write(conn);
            transfer.deliver_two(conn);
        }
        let time = take(&mut transfer.hosts, false, &mut sent, BATCH);
        assert!(sent.iter().all(|(_, frame)| frame.len() == HEADERS));
        assert_eq!(sent.len(), BATCH);
        for (iface, frame) in sent.drain(..) {
            transfer.hosts.client.input(transfer.hosts.now, iface, frame);
        }
        (0..BATCH).for_each(|conn| transfer.settle(conn));
        time
    }
}

/// What a loop around a host does for a request, which acknowledges the answer before, and its
/// answer, of a byte each, on a device that offloads checksums: on as many
/// connections as the batch has operations.
fn exchange() -> impl FnMut() -> Duration {
    let mut transfer = Transfer::new(true, 1, BATCH);
    transfer.hosts.pass(SILENCE);
    let mut sent = Vec::with_capacity(BATCH);
    move || {
        let mut requests = Vec::with_capacity(BATCH);
        for conn in 0..BATCH {
            transfer.write(conn);
            requests.extend(transfer.frames(1, 1));
        }
        let Hosts { now, server, conns, .. } = &mut transfer.hosts;
        let (now, room) = (*now, &mut transfer.room);
        let time = timed(|| {
            for (request, (_, id)) in requests.drain(..).zip(conns.iter()) {
                server.input(now, WIRE, request);
                server.poll(now);
                let read = server.read(now, *id, room).unwrap_or(0);
                let _ = server.write(now, *id, &room[..read]);
                sent.extend(std::iter::from_fn(|| server.output(now)));
                black_box(server.deadline(now));
            }
        });
        let lens: Vec<_> = sent.iter().map(|(_, frame)| frame.len()).collect();
        assert_eq!(lens, [1 + HEADERS; BATCH], "each answer takes the ACK along");
        for (iface, frame) in sent.drain(..) {
            transfer.hosts.client.input(transfer.hosts.now, iface, frame);
        }
        for conn in 0..BATCH {
            let (now, id) = (transfer.hosts.now, transfer.hosts.conns[conn].0);
            assert_eq!(transfer.hosts.client.read(now, id, &mut transfer.room), Ok(1));
        }
        transfer.hosts.exchange(); // the first answers are acknowledged apart
        transfer.hosts.now += ROUND;
        time
    }
}

fn write() -> impl FnMut() -> Duration {
    let mut transfer = Transfer::new(false, BATCH * MSS, 1);
    move || {
        let (now, id) = (transfer.hosts.now, transfer.hosts.conns[0].0);
        let (client, data) = (&mut transfer.hosts.client, &transfer.data);
        let mut taken = 0;
        let time = timed(|| {
            for piece in data.chunks_exact(MSS) {
                taken += client.write(now, id, piece).unwrap_or(0);
            }
        });
        assert_eq!(taken, BATCH * MSS);
        transfer.hosts.exchange();
        transfer.finish(0);
        time
    }
}

fn read() -> impl FnMut() -> Duration {
    reading(|server, now, id, room| server.read(now, id, room).unwrap_or(0))
}

fn read_chunk() -> impl FnMut() -> Duration {
    reading(|server, now, id, room| {
        let chunk = server.read_chunk(now, id, room.len()).unwrap_or(None);
        chunk.map_or(0, |chunk| black_box(&chunk).len())
    })
}

/// A segment is read by each call, which says how many bytes it gave.
fn reading(
    call: impl Fn(&mut Stack, Instant, ConnId, &mut [u8]) -> usize,
) -> impl FnMut() -> Duration {
    let mut transfer = Transfer::new(false, BATCH * MSS, 1);
    move || {
        transfer.write(0);
        transfer.hosts.exchange();
        let (now, id) = (transfer.hosts.now, transfer.hosts.conns[0].1);
        let (server, room) = (&mut transfer.hosts.server, &mut transfer.room[..MSS]);
        let mut given = 0;
        let time = timed(|| {
            for _ in 0..BATCH {
                given += call(server, now, id, room);
            }
        });
        assert_eq!(given, BATCH * MSS);
        transfer.hosts.pass(ROUND);
        time
    }
}
