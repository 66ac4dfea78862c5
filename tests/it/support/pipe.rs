//! Two applications on a connection, each of which writes its volume, closes and reads to the end.
//! The model is a reliable pipe: every byte arrives once and in order.

use super::{A, B, World};
use netglass::base::{ConnId, SocketError};
use std::time::Duration;

fn byte(side: usize, at: usize) -> u8 {
    (at.wrapping_mul(31) >> 3) as u8 ^ (at as u8) ^ (side as u8 * 0x55)
}

/// One end's application: writes its volume, closes, reads to the end.
struct App {
    host: usize,
    conn: ConnId,
    volume: usize,
    written: usize,
    read: usize,
    shut: bool,
    eof: bool,
}

impl App {
    fn new(host: usize, conn: ConnId, volume: usize) -> App {
        App { host, conn, volume, written: 0, read: 0, shut: false, eof: false }
    }

    fn act(&mut self, world: &mut World, expected: usize) {
        let now = world.now;
        let stack = &mut world.hosts[self.host];
        while self.written < self.volume {
            let end = self.volume.min(self.written + 5_000);
            let bytes: Vec<u8> = (self.written..end).map(|at| byte(self.host, at)).collect();
            match stack.write(now, self.conn, &bytes) {
                Ok(n) => self.written += n,
                Err(SocketError::WouldBlock) => break,
                Err(error) => panic!("write: {error}"),
            }
        }
        if self.written == self.volume && !self.shut {
            match stack.shutdown(now, self.conn) {
                Ok(()) => self.shut = true,
                Err(SocketError::NotConnected) => {} // still opening
                Err(error) => panic!("shutdown: {error}"),
            }
        }
        let mut room = [0; 3_000];
        while !self.eof {
            match stack.read(now, self.conn, &mut room) {
                Ok(0) => self.eof = true,
                Ok(n) => {
                    for (i, got) in room[..n].iter().enumerate() {
                        assert_eq!(
                            *got,
                            byte(1 - self.host, self.read + i),
                            "byte {}",
                            self.read + i
                        );
                    }
                    self.read += n;
                }
                Err(SocketError::WouldBlock) => break,
                Err(error) => panic!("read: {error}"),
            }
        }
        assert!(self.read <= expected, "more arrived than was sent");
        if self.eof {
            assert_eq!(self.read, expected, "the end came before the data");
        }
    }

    fn is_done(&self) -> bool {
        self.eof && self.shut
    }
}

/// Both applications.
pub struct Pipe {
    apps: [App; 2],
}

impl Pipe {
    /// On a connection that A opened, with the bytes that each sends.
    pub fn new(ends: (ConnId, ConnId), volume: [usize; 2]) -> Pipe {
        Pipe { apps: [App::new(A, ends.0, volume[A]), App::new(B, ends.1, volume[B])] }
    }

    /// Until everything has arrived and both hosts have forgotten the connection; `watch` looks at
    /// the world after each step.
    pub fn run(&mut self, world: &mut World, mut watch: impl FnMut(&mut World)) {
        let volume = [A, B].map(|host| self.apps[host].volume);
        world.run_until(Duration::from_secs(3 * 3600), |world| {
            for host in [A, B] {
                self.apps[host].act(world, volume[1 - host]);
            }
            watch(world);
            self.apps.iter().all(App::is_done)
        });
        for app in &self.apps {
            let now = world.now;
            world.hosts[app.host].close(now, app.conn);
        }
        world.run_until(Duration::from_secs(3600), |world| {
            world.hosts.iter().all(|host| host.tcp().is_empty())
        });
    }
}
