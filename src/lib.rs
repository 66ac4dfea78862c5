//! netglass: a userspace TCP/IP stack made of glass.
#![deny(unsafe_code)]

#[forbid(unsafe_code)]
pub mod base;
#[forbid(unsafe_code)]
pub mod device;
#[forbid(unsafe_code)]
pub mod impair;
#[forbid(unsafe_code)]
pub mod ip;
#[forbid(unsafe_code)]
pub mod net;
#[forbid(unsafe_code)]
pub mod observe;
#[forbid(unsafe_code)]
pub mod runtime;
#[forbid(unsafe_code)]
pub mod socket;
#[forbid(unsafe_code)]
pub mod stack;
#[cfg(all(target_os = "linux", feature = "tun"))]
#[allow(unsafe_code, reason = "namespaces and descriptors; each block says why it is sound")]
pub mod sys;
#[forbid(unsafe_code)]
pub mod tcp;
#[forbid(unsafe_code)]
pub mod udp;
#[forbid(unsafe_code)]
pub mod wire;
