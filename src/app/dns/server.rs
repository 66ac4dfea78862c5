//! The name server at work: over datagrams, and over streams (RFC 7766).

use super::answer::answer;
use super::own::OwnNames;
use super::zone::Zones;
use crate::app::idle::Waits;
use crate::app::services::Transport;
use crate::net::tokio::UdpSocket;
use crate::udp::Received;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::watch;

/// Bytes of a query, at most; over either transport.
const QUERY_MAX: usize = 4096;
/// Queries of one connection, at most.
const QUERIES_MAX: usize = 10_000;

/// Answers the queries of one connection in their order, also such as are sent without waiting for
/// answers, until the client closes or is too slow: it may be idle between queries, and take as
/// long for one.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use netglass::app::Waits;
/// use netglass::app::dns::{Asking, Question, Type, Zones, query, server};
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
///
/// let (mut client, stream) = tokio::io::duplex(1000);
/// let zones = Zones::of_host(&["10.9.0.2".parse().unwrap()]);
/// let asked = async {
///     let question = Question::new("host.glass".parse().unwrap(), Type::A);
///     let query = query(1, &question, Asking::default());
///     client.write_u16(query.len() as u16).await.unwrap();
///     client.write_all(&query).await.unwrap();
///     client.shutdown().await.unwrap();
///     let mut told = Vec::new();
///     client.read_to_end(&mut told).await.unwrap();
///     told
/// };
/// let (served, told) = tokio::join!(server::serve(stream, &zones, Waits::FOREVER), asked);
/// served.unwrap();
/// assert!(told.ends_with(&[10, 9, 0, 2, 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]));
/// # });
/// ```
///
/// # Errors
/// The stream's; `TimedOut` when the client is too slow, `InvalidData` for a query longer than
/// anybody needs or too short to be answered.
pub async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    zones: &Zones,
    waits: Waits,
) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    for _ in 0..QUERIES_MAX {
        let first = match waits.reading(stream.read_u8()).await {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
            first => first?,
        };
        let query = async {
            let length = usize::from(u16::from_be_bytes([first, stream.read_u8().await?]));
            if length > QUERY_MAX {
                let text = format!("a query of {length} bytes");
                return Err(io::Error::new(io::ErrorKind::InvalidData, text));
            }
            let mut query = vec![0; length];
            stream.read_exact(&mut query).await?;
            Ok(query)
        };
        let query = waits.reading(query).await?;
        let Some(answer) = answer(zones, Transport::Tcp, &query) else {
            let text = "what cannot be answered";
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        };
        let framed = [&(answer.len() as u16).to_be_bytes()[..], &answer].concat();
        waits.writing(stream.write_all(&framed)).await?;
    }
    waits.writing(stream.shutdown()).await
}

/// Answers datagrams to addresses that `is_ours` until the host's driver ends, or the service is to
/// stop.
pub(in crate::app) async fn answer_datagrams(
    socket: UdpSocket,
    names: Arc<OwnNames>,
    is_ours: impl Fn(IpAddr) -> bool + Send,
    mut stop: watch::Receiver<bool>,
) {
    let mut room = vec![0; QUERY_MAX];
    loop {
        let Received { copied, from, to, .. } = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return,
            received = socket.recv_datagram(&mut room) => match received {
                Ok(received) => received,
                Err(_) => return,
            },
        };
        // Port 0 cannot be answered.
        let query = Some(&room[..copied]).filter(|_| from.port() > 0 && is_ours(to));
        if let Some(answer) = query.and_then(|query| answer(&names.now(), Transport::Udp, query)) {
            // An answer that cannot be sent is lost, as datagrams may be.
            let _ = match to.is_multicast() {
                true => socket.send_to(&answer, from).await,
                false => socket.send_from(&answer, to, from).await,
            };
        }
    }
}

#[cfg(test)]
mod tests;
