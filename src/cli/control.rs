//! The control socket of a running host: others ask, in lines of JSON, and it answers.
//!
//! A line `{"version":1,"ask":"sockets"}` is a question. Its answer is one line, or several of which
//! all but the last say `"more":true`; a line with `"error"` says what was wrong with the question.
//! What can be asked is in `answers`. Whoever asks holds the host up for one page of an answer at
//! most, and a client that does not read, or writes without end, is left alone.

mod answers;
mod door;
mod sockets;

pub(super) use answers::{Answerer, VERSION};
pub(super) use door::{Door, directories};

use crate::base::Duration;
use crate::net::Host;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// The longest question, bytes.
const QUESTION_MAX: usize = 4096;
/// Clients at a time.
const CLIENTS_MAX: usize = 32;
/// How long a client may be silent, or leave an answer unread.
const PATIENCE: Duration = Duration::from_secs(30);

/// A control socket at work; dropping it ends it and removes its file.
#[derive(Debug)]
pub(super) struct Control {
    _tasks: JoinSet<()>,
    _door: Door,
}

impl Control {
    /// Starts to answer. To be called within a tokio runtime.
    ///
    /// # Errors
    /// When the runtime cannot watch the socket.
    pub(super) fn start(host: &Host, dev: &str, mut door: Door) -> io::Result<Control> {
        let listener = UnixListener::from_std(door.take_listener()?)?;
        let answerer = Arc::new(Answerer::new(host.clone(), dev));
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener, answerer));
        Ok(Control { _tasks: tasks, _door: door })
    }
}

async fn serve(listener: UnixListener, answerer: Arc<Answerer>) {
    let places = Arc::new(Semaphore::new(CLIENTS_MAX));
    let mut clients = JoinSet::new();
    loop {
        while clients.try_join_next().is_some() {}
        let Ok((mut stream, _)) = listener.accept().await else {
            // No descriptor is left, say: others may give one back.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let Ok(place) = places.clone().try_acquire_owned() else {
            let refusal = answers::error("too many clients");
            let _ = stream.try_write(refusal.as_bytes());
            let _ = stream.shutdown().await;
            continue;
        };
        let answerer = answerer.clone();
        clients.spawn(async move {
            let _place = place;
            let ended = client(&mut stream, &answerer).await;
            log::debug!("a client of the control socket is gone: {ended:?}");
        });
    }
}

/// Answers a client until it goes, is silent for too long, or asks too long a question.
async fn client(stream: &mut UnixStream, answerer: &Answerer) -> io::Result<()> {
    let mut buffer = Vec::new();
    loop {
        while let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = buffer.drain(..=end).collect();
            for answer in answerer.answers(&line) {
                timeout(PATIENCE, stream.write_all(answer.as_bytes())).await??;
            }
        }
        if buffer.len() > QUESTION_MAX {
            let error = answers::error("the question is longer than 4096 bytes");
            timeout(PATIENCE, stream.write_all(error.as_bytes())).await??;
            return stream.shutdown().await;
        }
        let mut room = [0; QUESTION_MAX];
        match timeout(PATIENCE, stream.read(&mut room)).await?? {
            0 => return Ok(()),
            n => buffer.extend_from_slice(&room[..n]),
        }
    }
}

#[cfg(test)]
mod tests;
