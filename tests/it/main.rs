//! Everything that needs no privilege: one binary, fast to link.
#![allow(clippy::type_complexity, reason = "tables of what is expected have such types")]

mod acks;
mod addresses;
mod advertise;
mod alloc;
mod arrives;
mod attack;
mod bridge;
mod broadcast;
mod bsd;
mod buffers;
mod chaos;
mod close;
mod congestion;
mod counters;
mod counts;
mod coverage;
#[cfg(feature = "drill")]
mod drill;
mod export;
mod fastopen;
mod fastopen_client;
mod flood;
mod forward;
mod forward_garbage;
mod fuzz;
mod garbage;
mod goodput;
mod groups;
mod handshake;
mod hostile;
mod ip;
mod ip6;
#[cfg(feature = "lab")]
mod labs;
mod labs_before_after;
mod labs_texts;
mod link;
mod memory;
mod nd;
#[cfg(feature = "cli")]
mod next;
mod offloads;
mod onlink;
mod options;
#[cfg(all(feature = "drill", feature = "lab"))]
mod pkt;
mod pmtu;
mod pressure;
#[cfg(feature = "tokio")]
mod programs;
mod reading;
#[cfg(feature = "record")]
mod recording;
mod recovery;
mod replay;
mod reports;
mod rfc;
mod routers;
mod rto;
mod rules;
#[cfg(feature = "http")]
mod services;
#[cfg(feature = "http")]
mod simulated;
mod sockets;
#[cfg(feature = "tokio")]
mod study;
#[allow(unreachable_pub, dead_code, reason = "a harness offers more than each test needs")]
mod support;
mod tables;
mod tidy;
mod window;
mod wrap;
