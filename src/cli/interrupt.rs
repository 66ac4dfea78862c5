//! Ctrl-C, and the runtime of a command that waits for it.

use super::{Failure, Outcome};
use std::process::ExitCode;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Knows whether Ctrl-C was pressed since it was made.
pub(super) struct Interrupt(Signal);

impl Interrupt {
    /// The runtime of a command that asks as a client. Ctrl-C is heard from now on, before anybody
    /// can know that the command runs: whoever sees its first packet may press it.
    pub(super) fn watch() -> Result<(Runtime, Interrupt), Failure> {
        let runtime =
            Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
        let signal = runtime.block_on(async { signal(SignalKind::interrupt()) });
        Ok((runtime, Interrupt(signal.map_err(Failure::failed)?)))
    }

    /// Waits until it is pressed.
    pub(super) async fn pressed(&mut self) {
        self.0.recv().await;
    }

    /// The same, as the exit code of a command that it ended, as shells know it.
    pub(super) async fn code(&mut self) -> Outcome {
        const SIGINT: u8 = 128 + 2;
        self.pressed().await;
        Ok(ExitCode::from(SIGINT))
    }
}
