//! The services for stacks whose sockets are streams that wait.

use super::Service;
use std::io::{Read, Result, Write};

/// Serves one connection to its end, with `room` for the bytes on their way.
pub(super) fn serve(
    service: Service,
    mut stream: impl Read + Write,
    room: &mut [u8],
) -> Result<()> {
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
    }
}
