//! What a resolver needs of a network, and one exchange with a server.

use super::lookup::Ask;
use super::message::UDP_MAX;
use crate::app::services::Transport;
use crate::net::Host;
use crate::net::rt;
use crate::net::tokio::{TcpStream, UdpSocket};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// A datagram socket that hears of its peer only.
pub trait Datagrams: Send + Sync {
    /// Sends one datagram.
    fn send(&self, bytes: &[u8]) -> impl Future<Output = io::Result<()>> + Send;

    /// Waits for one; returns its length.
    fn recv(&self, room: &mut [u8]) -> impl Future<Output = io::Result<usize>> + Send;
}

/// A network that name servers can be asked over.
pub trait Network: Send + Sync {
    /// Its datagram sockets.
    type Datagrams: Datagrams;
    /// Its streams.
    type Stream: AsyncRead + AsyncWrite + Send + Unpin;

    /// A socket to talk to `peer`, at a random port that no other socket has.
    ///
    /// # Errors
    /// The network's.
    fn datagrams(&self, peer: SocketAddr) -> io::Result<Self::Datagrams>;

    /// Connects to `peer`.
    fn connect(&self, peer: SocketAddr) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

impl Datagrams for UdpSocket {
    async fn send(&self, bytes: &[u8]) -> io::Result<()> {
        UdpSocket::send(self, bytes).await.map(drop)
    }

    async fn recv(&self, room: &mut [u8]) -> io::Result<usize> {
        UdpSocket::recv(self, room).await
    }
}

impl Network for Host {
    type Datagrams = UdpSocket;
    type Stream = TcpStream;

    fn datagrams(&self, peer: SocketAddr) -> io::Result<UdpSocket> {
        let any: IpAddr = match peer {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind(self, SocketAddr::new(any, 0))?;
        socket.connect(peer)?;
        Ok(socket)
    }

    async fn connect(&self, peer: SocketAddr) -> io::Result<TcpStream> {
        TcpStream::connect(self, peer).await
    }
}

/// Asks, and shows everything that comes to `heard` until that is content.
///
/// # Errors
/// The network's; `TimedOut` after the ask's patience; `InvalidData` when the one message that
/// comes over TCP is not what `heard` waits for.
pub async fn exchange<N: Network>(
    network: &N,
    ask: &Ask,
    mut heard: impl FnMut(&[u8]) -> bool,
) -> io::Result<()> {
    let talk = async {
        match ask.over {
            Transport::Udp => {
                let socket = network.datagrams(ask.to)?;
                socket.send(&ask.query).await?;
                let mut room = vec![0; UDP_MAX];
                loop {
                    let length = socket.recv(&mut room).await?;
                    if heard(&room[..length]) {
                        return Ok(());
                    }
                }
            }
            Transport::Tcp => {
                let mut stream = network.connect(ask.to).await?;
                let length = (ask.query.len() as u16).to_be_bytes();
                stream.write_all(&[&length[..], &ask.query].concat()).await?;
                let mut answer = vec![0; usize::from(stream.read_u16().await?)];
                stream.read_exact(&mut answer).await?;
                if heard(&answer) { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
            }
        }
    };
    match rt::timeout(ask.patience, talk).await {
        Ok(ended) => ended,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}
