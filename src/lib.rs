//! netglass: a userspace TCP/IP stack made of glass.
#![deny(unsafe_code)]

#[cfg(feature = "tokio")]
#[forbid(unsafe_code)]
pub mod app;
#[forbid(unsafe_code)]
pub mod base;
#[cfg(feature = "cli")]
#[forbid(unsafe_code)]
pub mod cli;
#[forbid(unsafe_code)]
pub mod device;
#[forbid(unsafe_code)]
pub mod impair;
#[forbid(unsafe_code)]
pub mod ip;
#[forbid(unsafe_code)]
pub mod link;
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
#[cfg(all(feature = "tun", target_os = "linux"))]
#[allow(unsafe_code, reason = "ioctl, namespaces and descriptors have no safe interface")]
pub mod sys;
#[forbid(unsafe_code)]
pub mod tcp;
#[forbid(unsafe_code)]
pub mod udp;
#[forbid(unsafe_code)]
pub mod wire;
