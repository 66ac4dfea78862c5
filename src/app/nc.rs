//! What `nc` does: carries a program's input to a peer, and what the peer says to its output.
//!
//! Over a stream the end of the input is passed on as a FIN, and the peer's end ends the output.
//! Over datagrams there is no end to pass on. Names, ports and listening are the caller's.

use crate::net::rt;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;

/// Bytes moved at a time.
const ROOM: usize = 64 * 1024;

/// How to carry.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// Ends when nothing was carried in either direction for so long (`-w`); `None`: never.
    pub idle: Option<Duration>,
    /// The peer's end ends everything, even if there may be more input: for a terminal, whose
    /// input has no end of its own.
    pub until_peer_ends: bool,
    /// Bytes of input per datagram, at most; 0 counts as the default, 1024.
    pub datagram: usize,
}

/// Why it ended.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum End {
    /// The peer's side ended, and ours, unless [`Options::until_peer_ends`].
    Peer,
    /// Nothing was carried for [`Options::idle`].
    Idle,
}

/// What was carried.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Tally {
    /// Bytes from the input to the peer.
    pub sent: u64,
    /// Bytes from the peer to the output.
    pub received: u64,
    /// Why it ended.
    pub end: End,
}

/// Bytes carried so far; who waits for silence is told of each change.
struct Meter(watch::Sender<(u64, u64)>);

impl Meter {
    fn new() -> Meter {
        Meter(watch::Sender::new((0, 0)))
    }

    fn sent(&self, bytes: usize) {
        self.0.send_modify(|(sent, _)| *sent += bytes as u64);
    }

    fn received(&self, bytes: usize) {
        self.0.send_modify(|(_, received)| *received += bytes as u64);
    }

    /// Returns when nothing has changed for `idle`.
    async fn silence(&self, idle: Option<Duration>) {
        let Some(idle) = idle else { return std::future::pending().await };
        let mut changes = self.0.subscribe();
        while let Ok(Ok(())) = rt::timeout(idle, changes.changed()).await {}
    }

    /// Runs until `carry` ends or nothing happens any more.
    async fn run(
        &self,
        idle: Option<Duration>,
        carry: impl Future<Output = io::Result<()>>,
    ) -> io::Result<Tally> {
        let end = tokio::select! {
            biased;
            ended = carry => ended.map(|()| End::Peer)?,
            () = self.silence(idle) => End::Idle,
        };
        let (sent, received) = *self.0.borrow();
        Ok(Tally { sent, received, end })
    }
}

/// Carries `input` to the stream, then shuts the stream's writing side down, as `nc -N` does; and
/// what the stream says to `output`, until its end.
///
/// A peer that resets or stops taking while it still owes its end is an error; one that has ended
/// its side and does not want the rest of the input is not.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use netglass::app::{Waits, nc, simple};
///
/// let (here, there) = tokio::io::duplex(100);
/// let mut told = Vec::new();
/// let carry = nc::stream(here, &b"hello"[..], &mut told, nc::Options::default());
/// let (carried, _) = tokio::join!(carry, simple::echo(there, Waits::FOREVER));
/// assert_eq!(carried.unwrap().sent, 5);
/// assert_eq!(told, b"hello");
/// # });
/// ```
///
/// # Errors
/// Those of the stream, the input and the output.
pub async fn stream<S, I, O>(stream: S, input: I, output: O, options: Options) -> io::Result<Tally>
where
    S: AsyncRead + AsyncWrite,
    I: AsyncRead + Unpin,
    O: AsyncWrite + Unpin,
{
    let (reader, writer) = tokio::io::split(stream);
    let meter = Meter::new();
    let up = up(input, writer, &meter);
    let down = down(reader, output, &meter);
    let carry = async {
        tokio::pin!(up, down);
        tokio::select! {
            biased;
            ended = &mut down => {
                ended?;
                if options.until_peer_ends {
                    return Ok(());
                }
                match up.await {
                    Err(error) if is_peers(&error) => Ok(()),
                    other => other,
                }
            }
            ended = &mut up => match ended {
                // What the peer said before it stopped taking comes first; a connection tells its
                // error once, so it is this one that counts.
                Err(error) if is_peers(&error) => down.await.and(Err(error)),
                Err(error) => Err(error),
                Ok(()) => down.await,
            },
        }
    };
    meter.run(options.idle, carry).await
}

/// Whether the error says that the peer takes no more.
fn is_peers(error: &io::Error) -> bool {
    use io::ErrorKind as E;
    matches!(error.kind(), E::BrokenPipe | E::ConnectionReset | E::ConnectionAborted)
}

async fn up(
    mut input: impl AsyncRead + Unpin,
    mut writer: impl AsyncWrite + Unpin,
    meter: &Meter,
) -> io::Result<()> {
    let mut room = vec![0; ROOM];
    loop {
        let read = input.read(&mut room).await?;
        if read == 0 {
            return writer.shutdown().await;
        }
        let mut rest = &room[..read];
        while !rest.is_empty() {
            let written = writer.write(rest).await?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            meter.sent(written);
            rest = &rest[written..];
        }
    }
}

async fn down(
    mut reader: impl AsyncRead + Unpin,
    mut output: impl AsyncWrite + Unpin,
    meter: &Meter,
) -> io::Result<()> {
    let mut room = vec![0; ROOM];
    loop {
        let read = reader.read(&mut room).await?;
        if read == 0 {
            return output.flush().await;
        }
        output.write_all(&room[..read]).await?;
        output.flush().await?;
        meter.received(read);
    }
}

/// A connected datagram socket.
pub trait Datagrams {
    /// Sends one.
    ///
    /// # Errors
    /// The socket's.
    fn send(&self, bytes: &[u8]) -> impl Future<Output = io::Result<usize>>;

    /// Receives one; what does not fit is lost. Dropping the future loses nothing.
    ///
    /// # Errors
    /// The socket's.
    fn recv(&self, room: &mut [u8]) -> impl Future<Output = io::Result<usize>>;
}

impl Datagrams for crate::net::tokio::UdpSocket {
    fn send(&self, bytes: &[u8]) -> impl Future<Output = io::Result<usize>> {
        self.send(bytes)
    }

    fn recv(&self, room: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
        self.recv(room)
    }
}

/// Carries every piece of `input` as a datagram, and every datagram to `output`. It ends by
/// [`Options::idle`] only, or when the caller drops it.
///
/// # Errors
/// Those of the socket (`ConnectionRefused` when nobody listens there), the input and the output.
pub async fn datagrams<D: Datagrams>(
    socket: &D,
    mut input: impl AsyncRead + Unpin,
    mut output: impl AsyncWrite + Unpin,
    options: Options,
) -> io::Result<Tally> {
    let size = if options.datagram == 0 { 1024 } else { options.datagram };
    let meter = Meter::new();
    let mut up = async || -> io::Result<()> {
        let mut room = vec![0; size];
        loop {
            let read = input.read(&mut room).await?;
            if read == 0 {
                return std::future::pending().await;
            }
            socket.send(&room[..read]).await?;
            meter.sent(read);
        }
    };
    let mut down = async || -> io::Result<()> {
        let mut room = vec![0; usize::from(u16::MAX)];
        loop {
            let read = socket.recv(&mut room).await?;
            output.write_all(&room[..read]).await?;
            output.flush().await?;
            meter.received(read);
        }
    };
    let carry = async {
        // They take turns; each ends by an error only.
        tokio::try_join!(up(), down()).map(|((), ())| ())
    };
    meter.run(options.idle, carry).await
}

#[cfg(test)]
mod tests;
