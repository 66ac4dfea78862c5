//! Echo requests for tasks.

use crate::net::Host;
use crate::socket::{Interest, SocketId};
use crate::stack::{Answer, PingOptions, Stack};
use std::io;
use std::net::IpAddr;

/// Sends echo requests under an identifier of its own, and hears what comes of them: replies and
/// ICMP errors, with who sent them. Dropping it forgets them.
///
/// ```
/// use netglass::net::{Host, tokio::EchoSocket};
/// use netglass::stack::{Answer, PingOptions, Setup};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let host = |key, addr: &str| {
///     Host::new(Setup::new([key, 0]).with_iface("wire0", 1500, addr.parse().unwrap()))
/// };
/// let (a, b) = (host(1, "10.0.0.1/24"), host(2, "10.0.0.2/24"));
/// let options = netglass::device::memory::Options::default();
/// let _running = netglass::runtime::memory::join(&a, &b, options, [None, None]).unwrap();
/// let echo = EchoSocket::open(&a).unwrap();
/// echo.send("10.0.0.2".parse().unwrap(), 1, b"hello?", PingOptions::default()).unwrap();
/// let Answer::Reply(pong) = echo.recv().await.unwrap() else { panic!("there is no router") };
/// assert_eq!((pong.seq, pong.len, pong.ttl), (1, 14, 64));
/// # });
/// ```
#[derive(Debug)]
pub struct EchoSocket {
    host: Host,
    id: u16,
}

impl EchoSocket {
    /// With an identifier that nobody else on this host has.
    ///
    /// # Errors
    /// As [`Stack::open_echo`].
    pub fn open(host: &Host) -> io::Result<EchoSocket> {
        let id = host.with(|stack, now| stack.open_echo(now))?;
        Ok(EchoSocket { host: host.clone(), id })
    }

    /// The identifier.
    pub fn id(&self) -> u16 {
        self.id
    }

    /// The host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Sends a request; it goes out without waiting.
    ///
    /// # Errors
    /// As [`Stack::ping_with`].
    pub fn send(
        &self,
        to: IpAddr,
        seq: u16,
        payload: &[u8],
        options: PingOptions,
    ) -> io::Result<()> {
        let ping =
            |stack: &mut Stack, now| stack.ping_with(now, to, (self.id, seq), payload, options);
        Ok(self.host.with(ping)?)
    }

    /// Waits for what comes of a request. No answer is lost when the future is dropped.
    ///
    /// # Errors
    /// `NetworkDown` when the host's driver has ended, and nothing will come.
    pub async fn recv(&self) -> io::Result<Answer> {
        let take = |stack: &mut Stack, now| stack.take_answer(now, self.id);
        self.host.ready(SocketId::Echo(self.id), Interest::READ, take).await
    }
}

impl Drop for EchoSocket {
    fn drop(&mut self) {
        let socket = SocketId::Echo(self.id);
        self.host.rouse(socket, |stack, now| stack.close_echo(now, self.id));
    }
}
