//! Row 2: IP as pure machines — which packets a host takes, where packets go, fragments, what a hop
//! changes, and when an ICMP error may be sent. Addresses are `IpAddr`s: only what judges an
//! address or writes a header asks for the family.

pub mod address;
pub mod check;
pub mod cidr;
pub mod fragment;
pub mod icmp;
pub mod pmtu;
pub mod reassembly;
pub mod route;
pub mod select;
pub mod transit;

pub use address::{Address, NewAddress, Origin, Standing};
pub use check::{Destination, Local};
pub use cidr::{Cidr, CidrError};
pub use pmtu::PathMtu;
pub use reassembly::Reassembly;
pub use route::{Route, Routes};
