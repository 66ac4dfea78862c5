//! How a TCP user reads: into a room of its own, by the chunk, without taking, and out of line.

use super::event::Call;
use super::{Input, Stack, cx};
use crate::base::{Chunk, ConnId, Instant, SocketError};
use crate::socket::SocketId;
use crate::tcp::{Conn, Cx};

type Answer<T> = Result<T, SocketError>;

/// How a room of `len` bytes is told of.
fn told(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

impl Stack {
    /// Takes bytes from the peer; 0 is the peer's close (when there is room).
    ///
    /// # Errors
    /// As [`Conn::read`]; `BadHandle`.
    pub fn read(&mut self, now: Instant, id: ConnId, room: &mut [u8]) -> Answer<usize> {
        let max = told(room.len());
        self.take(now, id, |_| max, |conn, cx| conn.read(room, cx))
    }

    /// Takes bytes from the peer into a place that need not be initialised: gives at most `max` of
    /// them to `put`, in pieces; otherwise as [`Stack::read`].
    ///
    /// # Errors
    /// As [`Stack::read`]; then `put` was not called.
    pub fn read_with(
        &mut self,
        now: Instant,
        id: ConnId,
        max: usize,
        put: impl FnMut(&[u8]),
    ) -> Answer<usize> {
        self.take(now, id, |_| told(max), |conn, cx| conn.read_with(max, put, cx))
    }

    /// Takes the next bytes from the peer without copying them, at most `max`: see
    /// [`Conn::read_chunk`]. `None` is the peer's close (when `max` is not 0).
    ///
    /// It is told, and kept, as a read with room for just what it took, which is the same to the
    /// connection.
    ///
    /// # Errors
    /// As [`Stack::read`].
    pub fn read_chunk(&mut self, now: Instant, id: ConnId, max: usize) -> Answer<Option<Chunk>> {
        let mut chunk = None;
        let room = |taken: usize| told(if taken > 0 { taken } else { max });
        self.take(now, id, room, |conn, cx| {
            chunk = conn.read_chunk(max, cx)?;
            Ok(chunk.as_ref().map_or(0, |chunk| chunk.len()))
        })?;
        Ok(chunk)
    }

    /// Takes bytes by `read`, which says how many; `room` says how many might have been.
    fn take(
        &mut self,
        now: Instant,
        id: ConnId,
        room: impl FnOnce(usize) -> u32,
        read: impl FnOnce(&mut Conn, &mut Cx<'_>) -> Answer<usize>,
    ) -> Answer<usize> {
        let key = self.tcp.place(id).ok_or_else(Self::gone)?;
        let cause = self.trace.reserve();
        let pressed = self.tcp.is_pressed();
        let conn = &mut self.tcp.slot_mut(key).conn;
        conn.press(pressed);
        let result = read(conn, &mut cx!(self, now, cause));
        if result != Err(SocketError::WouldBlock) {
            let max = room(result.unwrap_or(0));
            self.keep(now, || Input::Read { id, max });
            self.told_as(now, cause, Some(id), Call::Read { max }, result.map(|n| n as u64));
            self.tcp.queue(key);
        } else {
            self.trace.release(cause);
        }
        result
    }

    /// Takes the last urgent byte out of line (`MSG_OOB`): see [`Conn::read_urgent`].
    ///
    /// # Errors
    /// As [`Conn::read_urgent`]; `BadHandle`.
    pub fn read_urgent(&mut self, now: Instant, id: ConnId) -> Answer<u8> {
        let key = self.tcp.place(id).ok_or_else(Self::gone)?;
        let byte = self.tcp.slot_mut(key).conn.read_urgent()?;
        self.keep(now, || Input::ReadUrgent { id });
        Ok(byte)
    }

    /// Looks at bytes from the peer without taking them (`MSG_PEEK`). An error is told once, to
    /// whoever looks or reads first.
    ///
    /// # Errors
    /// As [`Conn::peek`]; `BadHandle`.
    pub fn peek(&mut self, now: Instant, id: ConnId, room: &mut [u8]) -> Answer<usize> {
        let key = self.tcp.place(id).ok_or_else(Self::gone)?;
        let result = self.tcp.slot_mut(key).conn.peek(room);
        self.looked(now, SocketId::Conn(id), result.as_ref().err());
        result
    }

    /// Looking at a socket changes nothing, unless an error was told.
    pub(super) fn looked(&mut self, now: Instant, id: SocketId, error: Option<&SocketError>) {
        if error.is_some_and(|error| *error != SocketError::WouldBlock) {
            self.keep(now, || Input::TakeError { id });
        }
    }

    /// Says that nothing will be read any more (see [`Conn::shut_read`]).
    ///
    /// # Errors
    /// `BadHandle`.
    pub fn shut_read(&mut self, now: Instant, id: ConnId) -> Answer<()> {
        self.keep(now, || Input::ShutRead { id });
        let key = self.tcp.place(id).ok_or_else(Self::gone)?;
        self.tcp.slot_mut(key).conn.shut_read();
        Ok(())
    }
}
