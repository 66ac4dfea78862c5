//! The life of a connection without data: one end's share of opening and closing it.

use crate::support::{Hosts, WIRE, received};
use crate::table::{Table, timed};
use netglass::base::{ConnId, Frame, IfaceId, Pool};
use netglass::stack::Stack;
use std::time::Duration;

/// Connections opened and closed at a time.
const BATCH: usize = 64;
/// Virtual time after which nothing is left of them.
const FORGOTTEN: Duration = Duration::from_secs(300);
/// IP and TCP header with timestamps.
const HEADERS: usize = 52;

pub(crate) fn rows(table: &mut Table) {
    let ours = "connection: opened and closed by us";
    table.row(ours, HEADERS, BATCH, || life(true));
    let theirs = "connection: opened and closed by the peer";
    table.row(theirs, HEADERS, BATCH, || life(false));
}

/// The two hosts, of which one is timed.
struct Lives {
    hosts: Hosts,
    device: Pool,
    ours: bool,
    time: Duration,
}

impl Lives {
    /// Lets a host work: the client, or else the server.
    fn with(&mut self, client: bool, work: impl FnOnce(&mut Stack)) {
        let Lives { hosts, ours, time, .. } = self;
        let host = if client { &mut hosts.client } else { &mut hosts.server };
        if client == *ours {
            *time += timed(|| work(host));
        } else {
            work(host);
        }
    }

    /// Carries what a host has to send to the other.
    fn carry(&mut self, client: bool) {
        let (now, mut sent) = (self.hosts.now, Vec::<(IfaceId, Frame)>::with_capacity(2 * BATCH));
        self.with(client, |host| sent.extend(std::iter::from_fn(|| host.output(now))));
        let frames: Vec<_> = sent.iter().map(|(_, frame)| received(frame, &self.device)).collect();
        self.with(!client, |host| frames.into_iter().for_each(|f| host.input(now, WIRE, f)));
    }

    fn close(&mut self, client: bool, ids: &[ConnId]) {
        let now = self.hosts.now;
        self.with(client, |host| ids.iter().for_each(|id| host.close(now, *id)));
        self.carry(client);
    }
}

fn life(ours: bool) -> impl FnMut() -> Duration {
    let hosts = Hosts::new(false, BATCH);
    let mut lives = Lives { hosts, device: Pool::new(), ours, time: Duration::ZERO };
    move || {
        lives.time = Duration::ZERO;
        let now = lives.hosts.now;
        let (mut clients, mut servers) = (Vec::with_capacity(BATCH), Vec::with_capacity(BATCH));
        let opening: Vec<_> = (0..BATCH).map(Hosts::pair).collect();
        lives.with(true, |host| {
            let connect = |(local, to)| host.connect(now, to, Some(local), None);
            clients.extend(opening.into_iter().flat_map(connect));
        });
        lives.carry(true); // SYN
        lives.carry(false); // SYN, ACK
        lives.carry(true); // ACK
        let listener = lives.hosts.listener;
        lives.with(false, |host| {
            servers
                .extend(std::iter::from_fn(|| host.accept(now, listener).ok()).map(|(id, _)| id));
        });
        assert_eq!((clients.len(), servers.len()), (BATCH, BATCH));
        lives.close(true, &clients); // FIN
        lives.close(false, &servers); // FIN, ACK
        lives.carry(true); // ACK
        lives.hosts.pass(FORGOTTEN);
        let left = [&lives.hosts.client, &lives.hosts.server].map(|host| host.tcp().iter().count());
        assert_eq!(left, [0, 0], "nothing is left of them");
        lives.time
    }
}
