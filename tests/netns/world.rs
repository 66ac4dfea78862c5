//! More namespaces than the test's own: kernel routers and a kernel host behind them.
//!
//! ```text
//! virtual host ── TUN, 1500 ── NEAR ── veth, 1300 ── MIDDLE ── veth, 1500 ── FAR
//!   10.9.0.2       10.9.0.1         10.8.0.1  10.8.0.2     10.7.0.1  10.7.0.2
//! ```
//!
//! NEAR is the test's own namespace.

use crate::support::{Need, output, run, until};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// What a world of routers needs of the machine.
pub(crate) const ROUTERS: [Need; 4] =
    [Need::Tun, Need::Ipv6, Need::Program("unshare"), Need::Program("ping")];

/// The router in the middle and the far host, as the virtual host sees them; in both families.
pub(crate) const MIDDLE: [&str; 2] = ["10.8.0.2", "fd08::2"];
pub(crate) const FAR: [&str; 2] = ["10.7.0.2", "fd07::2"];
/// The nearest routers as the far host sees them.
pub(crate) const MIDDLE_FROM_FAR: [&str; 2] = ["10.7.0.1", "fd07::1"];
pub(crate) const NEAR_FROM_FAR: [&str; 2] = ["10.8.0.1", "fd08::1"];

/// A network namespace that a sleeping child keeps.
struct Space(Child);

impl Space {
    fn new() -> Space {
        let mut command = Command::new("unshare");
        command.args(["--net", "sleep", "600"]).stdin(Stdio::null());
        let space = Space(command.spawn().expect("unshare starts"));
        let own = std::fs::read_link("/proc/self/ns/net").expect("a namespace");
        until("there is another namespace", || {
            let theirs = std::fs::read_link(space.path()).ok()?;
            (theirs != own).then_some(())
        });
        space
    }

    fn pid(&self) -> String {
        self.0.id().to_string()
    }

    fn path(&self) -> PathBuf {
        format!("/proc/{}/ns/net", self.0.id()).into()
    }

    /// Does something in a thread that lives there, as do the programs that it starts.
    fn inside<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        let there = std::fs::File::open(self.path()).expect("the namespace");
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let net = nix::sched::CloneFlags::CLONE_NEWNET;
                nix::sched::setns(there.as_fd(), net).expect("we made it");
                act()
            });
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Runs `ip` with each line's words.
    fn ip(&self, lines: &str) {
        self.inside(|| ip(lines));
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs `ip` with each line's words.
fn ip(lines: &str) {
    for line in lines.lines() {
        run("ip", &line.split_whitespace().collect::<Vec<_>>());
    }
}

/// Forwards, and answers every packet that deserves an error with one.
fn route() {
    run("sh", &["-c", ROUTES]);
}

const ROUTES: &str = "echo 1 >/proc/sys/net/ipv4/ip_forward && \
    echo 1 >/proc/sys/net/ipv6/conf/all/forwarding && \
    echo 0 >/proc/sys/net/ipv4/icmp_ratemask && echo 0 >/proc/sys/net/ipv6/icmp/ratelimit";

/// The whole of it, without the virtual host.
pub(crate) struct World {
    middle: Space,
    far: Space,
}

impl World {
    pub(crate) fn new() -> World {
        let (middle, far) = (Space::new(), Space::new());
        ip("link set lo up\nlink add down0 type veth peer name up0");
        ip(&format!("link set up0 netns {}", middle.pid()));
        ip("link set down0 mtu 1300 up\n\
            addr add 10.8.0.1/24 dev down0\naddr add fd08::1/64 dev down0 nodad\n\
            route add 10.7.0.0/24 via 10.8.0.2\nroute add fd07::/64 via fd08::2");
        route();
        middle.ip("link set lo up\nlink add down0 type veth peer name far0");
        middle.ip(&format!("link set far0 netns {}", far.pid()));
        middle.ip("link set up0 mtu 1300 up\nlink set down0 up\n\
             addr add 10.8.0.2/24 dev up0\naddr add fd08::2/64 dev up0 nodad\n\
             addr add 10.7.0.1/24 dev down0\naddr add fd07::1/64 dev down0 nodad\n\
             route add default via 10.8.0.1\nroute add default via fd08::1");
        middle.inside(route);
        far.ip("link set lo up\nlink set far0 up\n\
             addr add 10.7.0.2/24 dev far0\naddr add fd07::2/64 dev far0 nodad\n\
             route add default via 10.7.0.1\nroute add default via fd07::1");
        far.inside(route);
        // Links of Linux need a moment; the kernels' own way through says that it is over.
        for addr in FAR {
            until("the kernels reach each other", || {
                let pinged = output("ping", &["-c", "1", "-W", "1", addr]);
                pinged.status.success().then_some(())
            });
        }
        World { middle, far }
    }

    /// Runs `ip` on the router in the middle.
    pub(crate) fn middle_ip(&self, lines: &str) {
        self.middle.ip(lines);
    }

    /// Does something on the far host; the programs that it starts run there, too.
    pub(crate) fn on_far<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        self.far.inside(act)
    }
}
