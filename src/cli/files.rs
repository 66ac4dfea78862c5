//! Files that are read as a whole, which are texts that somebody has written.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// What such a file may hold, bytes: whatever is longer is something else.
const MOST: u64 = 16 << 20;

/// The text of a file.
///
/// # Errors
/// The system's, when it is no text, and when it is longer than 16 MiB or has no end.
pub(super) fn text(path: &Path) -> io::Result<String> {
    let no_text = |_| io::Error::new(io::ErrorKind::InvalidData, "it is no text of UTF-8");
    String::from_utf8(bytes(path)?).map_err(no_text)
}

/// The same, whatever it is.
///
/// # Errors
/// As [`text`].
pub(super) fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    if file.metadata()?.len() > MOST { Err(too_long()) } else { all(file) }
}

/// All that there is, as of a file.
///
/// # Errors
/// As [`text`].
pub(super) fn all(from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(MOST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST { Err(too_long()) } else { Ok(bytes) }
}

fn too_long() -> io::Error {
    let long = format!("it is longer than the {} MiB that may be read", MOST >> 20);
    io::Error::new(io::ErrorKind::FileTooLarge, long)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_end_is_not_read_to_its_end() {
        let told = text(Path::new("/dev/zero")).expect_err("it has no end");
        assert_eq!(told.to_string(), "it is longer than the 16 MiB that may be read");
        let path = std::env::temp_dir().join(format!("netglass-long-{}", std::process::id()));
        // It takes no room: nothing is written.
        let made = File::create(&path).and_then(|file| file.set_len(1 << 40));
        let (told, short) =
            (text(&path), std::fs::write(&path, "short").and_then(|()| text(&path)));
        std::fs::remove_file(&path).expect("it was there");
        made.expect("a file");
        assert_eq!(told.map_err(|error| error.kind()), Err(io::ErrorKind::FileTooLarge));
        assert_eq!(short.expect("text"), "short");
    }
}
