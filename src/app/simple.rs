//! The small services of old: echo (RFC 862), discard (RFC 863), chargen (RFC 864) and daytime
//! (RFC 867), on TCP as functions over any stream, on UDP as functions of a datagram.

use std::io;
use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// A small service.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Simple {
    /// Sends back what it gets.
    Echo,
    /// Throws away what it gets.
    Discard,
    /// Sends lines of characters.
    Chargen,
    /// Says what time it is.
    Daytime,
}

impl Simple {
    /// All of them.
    pub const ALL: [Simple; 4] = [Simple::Echo, Simple::Discard, Simple::Chargen, Simple::Daytime];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Simple::Echo => "echo",
            Simple::Discard => "discard",
            Simple::Chargen => "chargen",
            Simple::Daytime => "daytime",
        }
    }

    /// Its well-known port.
    pub fn port(self) -> u16 {
        match self {
            Simple::Echo => 7,
            Simple::Discard => 9,
            Simple::Chargen => 19,
            Simple::Daytime => 13,
        }
    }

    /// Serves one connection to its end.
    ///
    /// # Errors
    /// The connection's.
    pub async fn serve(self, stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
        let (mut read, mut write) = tokio::io::split(stream);
        match self {
            Simple::Echo => {
                tokio::io::copy(&mut read, &mut write).await?;
            }
            Simple::Discard => {
                tokio::io::copy(&mut read, &mut tokio::io::sink()).await?;
            }
            Simple::Chargen => return chargen(read, write).await,
            Simple::Daytime => write.write_all(daytime(SystemTime::now()).as_bytes()).await?,
        }
        write.shutdown().await
    }

    /// The answer to a datagram from `from`; `None`: no answer. Requests from the ports of small
    /// services are not answered: two such services must not talk to each other for ever.
    pub fn answer(self, from: SocketAddr, request: &[u8], now: SystemTime) -> Option<Vec<u8>> {
        if Simple::ALL.iter().any(|other| other.port() == from.port()) {
            return None;
        }
        match self {
            Simple::Echo => Some(request.to_vec()),
            Simple::Discard => None,
            // RFC 864: 0 to 512 characters. No more than was asked with, or than a line: it must
            // be useless for amplification.
            Simple::Chargen => {
                let mut answer = line(0).to_vec();
                answer.truncate(request.len().max(LINE));
                Some(answer)
            }
            Simple::Daytime => Some(daytime(now).into_bytes()),
        }
    }
}

/// Characters per line, CR LF not counted.
const LINE: usize = 72;

/// The `n`-th line of RFC 864's pattern.
fn line(n: usize) -> [u8; LINE + 2] {
    let mut out = [0; LINE + 2];
    for (at, byte) in out.iter_mut().take(LINE).enumerate() {
        *byte = b' ' + ((n + at) % 95) as u8;
    }
    out[LINE..].copy_from_slice(b"\r\n");
    out
}

async fn chargen(
    mut read: impl AsyncRead + Unpin,
    mut write: impl AsyncWrite + Unpin,
) -> io::Result<()> {
    let block: Vec<u8> = (0..95).flat_map(line).collect();
    let mut room = [0; 1024];
    loop {
        tokio::select! {
            written = write.write_all(&block) => written?,
            n = read.read(&mut room) => if n? == 0 { return write.shutdown().await },
        }
    }
}

/// The time as RFC 867's example has it: `Tuesday, February 22, 1982 17:37:43-UTC`.
fn daytime(now: SystemTime) -> String {
    const DAYS: [&str; 7] =
        ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let seconds = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    format!(
        "{}, {} {day}, {year} {:02}:{:02}:{:02}-UTC\r\n",
        DAYS[(days % 7) as usize],
        MONTHS[month],
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}

/// Year, month from 0, and day of the month, for days since 1970.
fn civil(mut days: u64) -> (u64, usize, u64) {
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let mut year = 1970;
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let february = 28 + u64::from(leap(year));
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while days >= lengths[month] {
        days -= lengths[month];
        month += 1;
    }
    (year, month, days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_time_is_told_as_the_rfc_does() {
        let at = |seconds| daytime(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), "Thursday, January 1, 1970 00:00:00-UTC\r\n");
        assert_eq!(at(382_729_063), "Tuesday, February 16, 1982 17:37:43-UTC\r\n");
        assert_eq!(at(1_709_210_096), "Thursday, February 29, 2024 12:34:56-UTC\r\n");
        assert_eq!(at(1_735_689_599), "Tuesday, December 31, 2024 23:59:59-UTC\r\n");
    }

    #[test]
    fn lines_rotate_through_all_printable_characters() {
        assert_eq!(&line(0)[..5], b" !\"#$");
        assert_eq!(&line(1)[..5], b"!\"#$%");
        assert_eq!(line(0), line(95));
        assert!(line(60).iter().take(LINE).all(|b| (b' '..=b'~').contains(b)));
    }

    #[test]
    fn small_services_do_not_answer_each_other() {
        let from = |port| SocketAddr::from(([10, 0, 0, 1], port));
        let ask = |service: Simple, port| service.answer(from(port), b"hi", UNIX_EPOCH);
        assert_eq!(ask(Simple::Echo, 5000), Some(b"hi".to_vec()));
        assert_eq!(ask(Simple::Discard, 5000), None);
        assert_eq!(ask(Simple::Chargen, 5000).map(|a| a.len()), Some(LINE));
        for other in Simple::ALL {
            assert_eq!(ask(Simple::Echo, other.port()), None);
        }
    }

    #[tokio::test]
    async fn streams_are_served_to_their_end() {
        let (mut near, far) = tokio::io::duplex(100);
        let server = tokio::spawn(Simple::Echo.serve(far));
        near.write_all(b"hello").await.unwrap();
        near.shutdown().await.unwrap();
        let mut back = Vec::new();
        near.read_to_end(&mut back).await.unwrap();
        assert_eq!(back, b"hello");
        server.await.unwrap().unwrap();
        let (mut near, far) = tokio::io::duplex(100);
        let server = tokio::spawn(Simple::Chargen.serve(far));
        let mut lines = vec![0; 74 * 3];
        near.read_exact(&mut lines).await.unwrap();
        assert_eq!(&lines[74..148], line(1));
        near.shutdown().await.unwrap();
        near.read_to_end(&mut lines).await.unwrap();
        server.await.unwrap().unwrap();
    }
}
