//! Sockets for tasks: `AsyncRead` and `AsyncWrite`, with the names and habits of `tokio::net`.
//!
//! They need nothing of a tokio runtime but its task budget, which counts as unlimited elsewhere:
//! any executor polls them. Timeouts are the user's, around the futures; every future may be
//! dropped. `hyper` takes a stream in `hyper_util::rt::TokioIo`, `tokio-rustls` as it is; for
//! `axum` a newtype of ten lines implements `axum::serve::Listener` (`docs/examples/axum.rs`).
//!
//! The error `NetworkDown` says that the host's driver has ended. It is final, unless the program
//! starts another driver: whoever asks again gets the same answer at once.

mod echo;
mod listener;
mod stream;
mod udp;

pub use echo::EchoSocket;
pub use listener::TcpListener;
pub use stream::TcpStream;
pub use udp::{Arrived, UdpSocket};
