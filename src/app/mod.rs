//! Row 7: the services of the virtual host and its clients, on its own sockets.

#[cfg(feature = "http")]
pub mod get;
pub mod history;
#[cfg(feature = "http")]
pub mod http;
pub mod nc;
pub mod services;
pub mod simple;

pub use history::History;
pub use services::Services;
