//! The services for stacks whose sockets are streams that wait.

use super::{ROOM, Service};
use crate::Outcome;
use std::io::{Error, Read, Result, Write};
use std::thread::JoinHandle;

/// A thread that serves for ever.
pub(super) type Attendant = JoinHandle<Error>;

/// Serves what `accept` gives: one connection after the other, or each in a thread of its own.
pub(super) fn attend<S: Read + Write + Send + 'static>(
    service: Service,
    many: bool,
    mut accept: impl FnMut() -> Result<S> + Send + 'static,
) -> Attendant {
    std::thread::spawn(move || {
        let mut room = vec![0x5a; ROOM];
        loop {
            let stream = match accept() {
                Ok(stream) => stream,
                Err(error) => return error,
            };
            // How a connection ends is the client's affair: it may have heard enough.
            if many {
                std::thread::spawn(move || serve(service, stream, &mut vec![0x5a; ROOM]));
            } else {
                let _ = serve(service, stream, &mut room);
            }
        }
    })
}

/// Waits for the first of the attendants, who end only when something is wrong.
pub(super) fn wait(attendants: Vec<Attendant>) -> Outcome<()> {
    let first = attendants.into_iter().next().ok_or("nothing is served")?;
    Err(first.join().map_err(|_| "a service panicked")?.into())
}

/// Serves one connection to its end, with `room` for the bytes on their way.
fn serve(service: Service, mut stream: impl Read + Write, room: &mut [u8]) -> Result<()> {
    match service {
        Service::Sink => {
            let mut count = 0;
            loop {
                match stream.read(room)? as u64 {
                    0 => return stream.write_all(&u64::to_be_bytes(count)),
                    more => count += more,
                }
            }
        }
        Service::Source => loop {
            stream.write_all(room)?;
        },
        Service::Echo => loop {
            match stream.read(room)? {
                0 => return Ok(()),
                more => stream.write_all(&room[..more])?,
            }
        },
        Service::Http => Err(Error::other("HTTP is served by tasks")),
    }
}
