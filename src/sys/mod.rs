//! Linux: private network namespaces, TUN devices, packet sockets, interface configuration,
//! waiting.
//!
//! The only module, beside the C interface of `drill`, that may use `unsafe`; each block says why
//! it is sound. Nothing here knows a protocol of the stack. Signals are left to `tokio::signal`:
//! blocking them for a `signalfd` would be inherited by the commands this program starts.

pub mod error;
pub mod ifconfig;
mod netlink;
pub mod netns;
#[cfg(feature = "packet")]
pub mod packet;
pub mod pass;
pub mod poll;
pub mod terminal;
pub mod tun;

pub use error::SetupError;
