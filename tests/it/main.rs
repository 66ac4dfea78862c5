//! What needs no privilege: the library as its users see it.

#[cfg(feature = "http")]
mod services;
