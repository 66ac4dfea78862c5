//! netglass: a userspace TCP/IP stack made of glass.
//!
//! It carries real traffic, and everything it decides can be seen and explained: each segment,
//! each change of state and each drop is a [`stack::Record`] with its reason and the rule behind
//! it, and what led to it.
//!
//! # Where to start
//!
//! * [`stack`]: the core, one host as a value. It does no I/O and reads no clock: its driver gives
//!   it frames and the time, and takes frames.
//! * [`net`]: a host that threads and tasks share, with blocking sockets and, for tasks, ones with
//!   the names and habits of `tokio::net`.
//! * [`runtime`]: drivers for it: [`runtime::Live`] on a device such as a TUN device,
//!   [`runtime::memory::join`] for two hosts in one process, without any privilege.
//! * [`sim`]: a network in virtual time: many hosts and the wires between them.
//! * [`lab`]: such networks from files, with programs, questions and numbers that must come out.
//! * [`observe`]: what is made of records: ladders, live lines, captures with reasons, recordings.
//! * [`drill`]: scripts in the packetdrill language, run against a host in virtual time.
//! * [`tcp`]: its configuration and profiles; [`tcp::cc`] for a congestion control of your own.
//! * [`rfc`]: what the RFCs of TCP require, and what is done about it.
//! * [`impair`]: links, in netem's words and some more: queues, kinds of links, exact faults.
//!
//! `docs/examples/hyper.rs` and `docs/examples/axum.rs` in the repository are whole programs.
//!
//! # The reason for every segment
//!
//! ```
//! use netglass::base::Instant;
//! use netglass::observe::view::{Ladder, Options};
//! use netglass::stack::{ListenOptions, Setup, Stack};
//!
//! let host = |key, addr: &str| {
//!     Stack::new(Setup::new([key, 0]).with_iface("wire0", 1500, addr.parse().unwrap()))
//! };
//! let (mut a, mut b) = (host(1, "10.0.0.1/24"), host(2, "10.0.0.2/24"));
//! b.listen_to_events(true); // from now on b tells what it does
//! let (now, port) = (Instant::ZERO, "10.0.0.2:80".parse().unwrap());
//! b.listen(now, port, ListenOptions::default()).unwrap();
//! a.connect(now, port, None, None).unwrap();
//! while let Some((iface, frame)) = a.output(now) {
//!     b.input(now, iface, frame);
//!     while let Some((iface, frame)) = b.output(now) {
//!         a.input(now, iface, frame);
//!     }
//! }
//! let (mut records, mut ladder) = (Vec::new(), Ladder::new(Options::default()));
//! b.drain_records(&mut records);
//! records.iter().for_each(|record| ladder.record(record));
//! let text = ladder.render();
//! assert!(text.contains("SYN-RECEIVED → ESTABLISHED"), "{text}");
//! ```
//!
//! # Features
//!
//! With `default-features = false` the core builds alone, with blocking sockets and drivers. `tun`
//! adds TUN devices and namespaces (Linux), `packet` packet sockets on existing interfaces, `tokio`
//! sockets for tasks, `http` the HTTP service and client, `dns` names, `pcap` capture files,
//! `record` recordings, `lab` labs, `drill` scripts; `cli` is the command, with all of them.
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
#[cfg(feature = "drill")]
#[cfg_attr(not(feature = "packetdrill-so"), forbid(unsafe_code))]
pub mod drill;
#[forbid(unsafe_code)]
pub mod impair;
#[forbid(unsafe_code)]
pub mod ip;
#[cfg(feature = "lab")]
#[forbid(unsafe_code)]
pub mod lab;
#[forbid(unsafe_code)]
pub mod link;
#[forbid(unsafe_code)]
pub mod net;
#[forbid(unsafe_code)]
pub mod observe;
#[forbid(unsafe_code)]
pub mod rfc;
#[forbid(unsafe_code)]
pub mod rules;
#[forbid(unsafe_code)]
pub mod runtime;
#[cfg(feature = "tokio")]
#[forbid(unsafe_code)]
pub mod sim;
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
