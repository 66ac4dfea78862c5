//! TCP Fast Open in scripts: the sysctls and the options of sockets.

use super::args::Answer;
use super::errno::Errno;
use super::machine::{Place, Sock};
use super::profile::Profile;
use super::sockopt::Value;
use super::symbols::{SOL_TCP, TCP_FASTOPEN_NO_COOKIE};
use crate::tcp::{FastOpening, Keys};

/// Bits of `tcp_fastopen`.
const SERVER: i64 = 2;
const SERVER_WITHOUT_COOKIE: i64 = 0x200;
const ALL_LISTENERS: i64 = 0x400;

/// Where it is kept that a socket wants no cookie.
const NO_COOKIE: (i64, i64) = (SOL_TCP, TCP_FASTOPEN_NO_COOKIE);

fn opening(on: bool, without_cookie: bool) -> FastOpening {
    match (on, without_cookie) {
        (false, _) => FastOpening::Off,
        (true, false) => FastOpening::On,
        (true, true) => FastOpening::NoCookie,
    }
}

/// `net.ipv4.tcp_fastopen`; other bits mean nothing.
pub(super) fn turn(profile: &mut Profile, bits: i64) {
    let has = |bit| bits & bit != 0;
    profile.tcp.fastopen_server = opening(has(SERVER), has(SERVER_WITHOUT_COOKIE));
    let queue = &mut profile.tcp.fastopen_queue;
    *queue = match (has(ALL_LISTENERS), *queue) {
        (true, Some(0)) => None,
        (false, None) => Some(0),
        (_, same) => same,
    };
}

/// `net.ipv4.tcp_fastopen_key`.
pub(super) fn turn_key(profile: &mut Profile, text: &str) -> Result<(), String> {
    let keys: Keys = text.parse().map_err(|()| "four words of 32 bits are meant, as in 1-2-3-4")?;
    profile.tcp.fastopen_key = Some(keys);
    Ok(())
}

/// Nothing of this changes once a socket is connected.
fn before_connection(sock: &Sock) -> Answer<()> {
    match sock.place {
        Place::New | Place::Listener(_) => Ok(()),
        Place::Conn(_) | Place::Udp(_) => Err(Errno::EINVAL.into()),
    }
}

/// `TCP_FASTOPEN`.
pub(super) fn set_queue(sock: &mut Sock, value: &Value) -> Answer<()> {
    before_connection(sock)?;
    sock.config.fastopen_queue = Some(value.within(0, i64::from(i32::MAX))? as u32);
    Ok(())
}

/// `TCP_FASTOPEN_KEY`.
pub(super) fn set_key(sock: &mut Sock, value: &Value) -> Answer<()> {
    let Value::Text(bytes) = value else { return Err(Errno::EINVAL.into()) };
    sock.config.fastopen_key = Some(Keys::from_bytes(bytes).ok_or(Errno::EINVAL)?);
    Ok(())
}

/// `TCP_FASTOPEN_NO_COOKIE`.
pub(super) fn set_no_cookie(sock: &mut Sock, value: &Value) -> Answer<()> {
    let without = value.within(0, 1)? != 0;
    before_connection(sock)?;
    sock.kept.insert(NO_COOKIE, i64::from(without));
    let config = &mut sock.config;
    config.fastopen_server = opening(config.fastopen_server != FastOpening::Off, without);
    Ok(())
}

pub(super) fn key(sock: &Sock) -> Value {
    Value::Text(sock.config.fastopen_key.map_or_else(Vec::new, |keys| keys.to_bytes()))
}

pub(super) fn is_without_cookie(sock: &Sock) -> bool {
    sock.kept.get(&NO_COOKIE) == Some(&1)
}
