//! What a terminal says of itself (tty_ioctl(4)).

use nix::libc::{self, winsize};
use std::os::fd::{AsFd, AsRawFd};

/// How many columns the terminal has that `terminal` is; `None`: it is none, or does not know.
pub fn columns(terminal: impl AsFd) -> Option<usize> {
    let mut size = winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    let fd = terminal.as_fd().as_raw_fd();
    // SAFETY: the descriptor is open while it is borrowed, and TIOCGWINSZ writes one `winsize`.
    let answer = unsafe { libc::ioctl(fd, libc::TIOCGWINSZ, &raw mut size) };
    (answer == 0 && size.ws_col > 0).then_some(usize::from(size.ws_col))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_terminal_has_no_columns() {
        assert_eq!(columns(std::fs::File::open("/dev/null").expect("it is there")), None);
    }

    #[test]
    fn a_terminal_tells_its_columns() {
        // A new pseudo-terminal has a size of zero until somebody sets it.
        let Ok(master) = std::fs::File::options().read(true).write(true).open("/dev/ptmx") else {
            println!("skipped: no pseudo-terminals here");
            return;
        };
        assert_eq!(columns(&master), None);
        let size = winsize { ws_row: 24, ws_col: 93, ws_xpixel: 0, ws_ypixel: 0 };
        // SAFETY: the descriptor is open, and TIOCSWINSZ reads one `winsize`.
        let set = unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) };
        assert_eq!((set, columns(&master)), (0, Some(93)));
    }
}
