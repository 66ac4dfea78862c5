//! TCP segments that say they are somebody else's: what an attacker sends who knows both ends of a
//! connection, and has to guess where it is (RFC 5961).

use crate::base::{Head, Seq};
use crate::net::{Host, rt};
use crate::wire::ipv4::protocol;
use crate::wire::tcp::{Ctl, Header, Options as TcpOptions};
use crate::wire::{checksum, ip};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// What to forge.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// Whom it is to deceive.
    pub to: SocketAddr,
    /// Whose it says it is; of the same family.
    pub from: SocketAddr,
    /// Its control bits.
    pub ctl: Ctl,
    /// Its sequence number.
    pub seq: Seq,
    /// What it acknowledges, with ACK.
    pub ack: Seq,
    /// Its window, unscaled.
    pub wnd: u16,
    /// Bytes of data, all of them `!`.
    pub len: u16,
    /// How many.
    pub count: u64,
    /// How much further the next one's sequence number is.
    pub step: u32,
    /// From one to the next.
    pub every: Duration,
}

/// What was forged.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "record", derive(serde::Serialize))]
pub struct Forged {
    /// Whom it was to deceive.
    pub to: SocketAddr,
    /// Whose it said it was.
    pub from: SocketAddr,
    /// How many.
    pub segments: u64,
}

impl fmt::Display for Forged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Forged { to, from, segments } = self;
        let s = if *segments == 1 { "" } else { "s" };
        write!(f, "{segments} segment{s} forged, to {to} as if from {from}")
    }
}

/// Sends segments that were forged.
///
/// # Errors
/// Those of [`Stack::send_raw`](crate::stack::Stack::send_raw).
pub async fn run(host: &Host, options: &Options) -> io::Result<Forged> {
    let Options { to, from, count, step, every, .. } = *options;
    let (mut seq, mut due) = (options.seq, rt::now());
    for _ in 0..count {
        rt::sleep_until(due).await;
        due += every;
        let packet = segment(&Options { seq, ..*options });
        host.with(|stack, now| stack.send_raw(now, &packet))?;
        seq += step;
    }
    Ok(Forged { to, from, segments: count })
}

/// One of them, as it is on the wire.
fn segment(options: &Options) -> Vec<u8> {
    let Options { to, from, ctl, seq, wnd, .. } = *options;
    let data = vec![b'!'; options.len.into()];
    let header = Header {
        src: from.port(),
        dst: to.port(),
        seq,
        ack: ctl.has(Ctl::ACK).then_some(options.ack),
        ctl,
        wnd,
        urg: 0,
        options: TcpOptions::default(),
    };
    let head = |sum| {
        let mut head = Head::new();
        header.emit(&mut head, sum);
        head
    };
    let len = header.encoded_len() + data.len();
    let pseudo = checksum::pseudo(from.ip(), to.ip(), protocol::TCP, len);
    let mut head = head(checksum::complete(pseudo, [&head(0)[..], &data[..]]));
    ip::Header::new(from.ip(), to.ip(), protocol::TCP).emit(&mut head, len);
    [&head[..], &data[..]].concat()
}
