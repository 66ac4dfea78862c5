//! Two hosts on a wire, and their programs, in virtual time.

use super::ADDR;
use netglass::base::Instant;
use netglass::net::Host;
use netglass::sim::{End, Net, Port, Wire};
use netglass::stack::Setup;

/// A network of two hosts.
pub struct Pair {
    pub net: Net,
    pub hosts: [Host; 2],
}

impl Pair {
    /// On a wire that is described in netem's words; by no words it takes no time.
    pub fn new(words: &str) -> Pair {
        Pair::of(words, |_| {})
    }

    /// With other knobs.
    pub fn of(words: &str, change: impl Fn(&mut Setup)) -> Pair {
        let mut net = Net::new(7);
        let ids = [0, 1].map(|n: usize| {
            let mut setup = super::setup(n, 7, 1500, false);
            change(&mut setup);
            net.host(["a", "b"][n], setup)
        });
        let [a, b] = ids.map(|id| Port(id, 0));
        net.join("ab", a, b, Wire::from_words(words).unwrap()).unwrap();
        let hosts = ids.map(|id| net.handle(id).clone());
        Pair { net, hosts }
    }

    /// Runs a program, and what it starts, until it has ended.
    pub fn run<T: Send + 'static>(
        &mut self,
        program: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, End> {
        self.net.run_program(Instant::MAX, program)
    }

    /// Packets that were sent.
    pub fn packets(&self) -> u64 {
        self.net.counts().frames
    }
}

/// An address of the second host's.
pub fn there(port: u16) -> std::net::SocketAddr {
    format!("{}:{port}", ADDR[1]).parse().unwrap()
}
