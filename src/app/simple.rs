//! The small services: echo (RFC 862), discard (RFC 863), chargen (RFC 864) and daytime (RFC 867).
//!
//! Over TCP each is a function of a stream, over UDP of a datagram ([`answer_udp`]). What is left
//! out: nothing limits how much a peer may send or take, the transports do that.

use super::date::daytime as date;
use super::idle::Waits;
use super::services::Service;
use std::io;
use std::net::SocketAddr;
use std::time::SystemTime;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Bytes moved at a time.
const ROOM: usize = 16 * 1024;
/// The printing characters of ASCII, space included.
const PRINTING: usize = 95;
/// Characters in a line (RFC 864).
const LINE: usize = 72;
/// Characters in a chargen datagram, at most (RFC 864).
const CHARGEN_MAX: usize = 512;

/// Serves one connection until its service is done. HTTP and DNS are not served here: they are
/// refused with `Unsupported`.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use netglass::app::{Service, Waits, simple};
/// use std::time::SystemTime;
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
///
/// let (mut client, server) = tokio::io::duplex(100);
/// let server = simple::serve(Service::Echo, server, Waits::FOREVER, SystemTime::now);
/// let asked = async {
///     client.write_all(b"hello").await.unwrap();
///     client.shutdown().await.unwrap();
///     let mut told = String::new();
///     client.read_to_string(&mut told).await.unwrap();
///     told
/// };
/// let (served, told) = tokio::join!(server, asked);
/// served.unwrap();
/// assert_eq!(told, "hello");
/// # });
/// ```
///
/// # Errors
/// The stream's; `TimedOut` when the peer waits too long.
pub async fn serve<S: AsyncRead + AsyncWrite>(
    service: Service,
    stream: S,
    waits: Waits,
    now: impl FnOnce() -> SystemTime,
) -> io::Result<()> {
    let stream = std::pin::pin!(stream);
    match service {
        Service::Http | Service::Dns => Err(io::ErrorKind::Unsupported.into()),
        Service::Echo => echo(stream, waits).await,
        Service::Discard => discard(stream, waits).await,
        Service::Daytime => daytime(stream, waits, now()).await,
        Service::Chargen => chargen(stream, waits).await,
    }
}

/// Sends back what arrives; closes when the peer does (RFC 862).
///
/// # Errors
/// The stream's; `TimedOut` when the peer waits too long.
pub async fn echo<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    waits: Waits,
) -> io::Result<()> {
    let mut room = vec![0; ROOM];
    loop {
        let read = waits.reading(stream.read(&mut room)).await?;
        if read == 0 {
            return waits.writing(stream.shutdown()).await;
        }
        write(&mut stream, &room[..read], waits).await?;
    }
}

/// Reads until the peer closes (RFC 863).
///
/// # Errors
/// The stream's; `TimedOut` when the peer waits too long.
pub async fn discard<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    waits: Waits,
) -> io::Result<()> {
    let mut room = vec![0; ROOM];
    while waits.reading(stream.read(&mut room)).await? > 0 {}
    waits.writing(stream.shutdown()).await
}

/// Says the time and closes (RFC 867).
///
/// # Errors
/// The stream's; `TimedOut` when the peer waits too long.
pub async fn daytime<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    waits: Waits,
    now: SystemTime,
) -> io::Result<()> {
    write(&mut stream, daytime_line(now).as_bytes(), waits).await?;
    waits.writing(stream.shutdown()).await?;
    // What the peer may have said is taken, so that closing does not reset (RFC 2525 §2.17).
    let mut room = vec![0; ROOM];
    while waits.reading(stream.read(&mut room)).await? > 0 {}
    Ok(())
}

/// Sends lines, 72 characters that move on by one each time, until the peer closes the
/// connection altogether; what it sends is thrown away (RFC 864).
///
/// # Errors
/// The stream's, which is how it ends: `BrokenPipe`, `ConnectionReset`; `TimedOut` when the peer
/// waits too long.
pub async fn chargen<S: AsyncRead + AsyncWrite>(stream: S, waits: Waits) -> io::Result<()> {
    let (mut incoming, mut outgoing) = tokio::io::split(stream);
    let mut room = vec![0; 1024];
    let drain = async {
        while incoming.read(&mut room).await? > 0 {}
        // A peer that has ended its side may still be listening: writing tells.
        std::future::pending::<io::Result<()>>().await
    };
    let pattern = chargen_lines(PRINTING);
    let mut generate = async || -> io::Result<()> {
        loop {
            write(&mut outgoing, &pattern, waits).await?;
        }
    };
    // They take turns; each ends by an error only.
    tokio::try_join!(drain, generate()).map(|((), ())| ())
}

/// Writes all, as long as the peer does not wait too long to take some of it.
async fn write<S: AsyncWrite + Unpin>(
    stream: &mut S,
    mut bytes: &[u8],
    waits: Waits,
) -> io::Result<()> {
    while !bytes.is_empty() {
        match waits.writing(stream.write(bytes)).await? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            written => bytes = &bytes[written..],
        }
    }
    Ok(())
}

fn daytime_line(now: SystemTime) -> String {
    date(now) + "\r\n"
}

/// The first lines of the pattern; the one behind the 95th is the first again.
fn chargen_lines(lines: usize) -> Vec<u8> {
    let line = |first: usize| {
        let character = move |n| b' ' + ((first + n) % PRINTING) as u8;
        (0..LINE).map(character).chain(*b"\r\n")
    };
    (0..lines).flat_map(line).collect()
}

/// What a service answers to a datagram that came from `from` to the service's port `here`.
///
/// Two services that answer each other would never stop (RFC 862 and 864 know no end; CERT
/// CA-1996-01), so nothing that comes from a small service's port, or from our own, is answered.
/// Chargen answers with as many characters as it was sent, 512 at most: RFC 864 leaves the length
/// open, and an answer that is no longer than the question is of no use for a flood.
///
/// ```
/// use netglass::app::{Service, simple::answer_udp};
/// use std::time::SystemTime;
///
/// let now = SystemTime::now();
/// let answer = |from: &str| answer_udp(Service::Echo, 7, from.parse().unwrap(), b"hello", now);
/// assert_eq!(answer("10.0.0.1:40000").as_deref(), Some(&b"hello"[..]));
/// assert_eq!(answer("10.0.0.1:19"), None); // another host's chargen
/// ```
pub fn answer_udp(
    service: Service,
    here: u16,
    from: SocketAddr,
    request: &[u8],
    now: SystemTime,
) -> Option<Vec<u8>> {
    if answers(from.port()) || from.port() == here {
        return None;
    }
    match service {
        Service::Http | Service::Dns | Service::Discard => None,
        Service::Echo => Some(request.to_vec()),
        Service::Daytime => Some(daytime_line(now).into_bytes()),
        Service::Chargen => {
            let length = request.len().min(CHARGEN_MAX);
            let mut characters = chargen_lines(length.div_ceil(LINE + 2));
            characters.truncate(length);
            Some(characters)
        }
    }
}

/// Whether a datagram from `port` may be a service's answer: echo, discard, systat, daytime,
/// quote of the day, chargen, time, DNS, NTP. Port 0 cannot be answered.
fn answers(port: u16) -> bool {
    matches!(port, 0 | 7 | 9 | 11 | 13 | 17 | 19 | 37 | 53 | 123)
}

#[cfg(test)]
mod tests;
