//! Row 0: what every other row stands on — time, chance, sequence numbers, buffers and frames,
//! checksums, drop reasons and the trace. Nothing here knows a protocol's rules.

pub mod checksum;
pub mod chunk;
pub mod cx;
pub mod deadlines;
pub mod error;
pub mod explain;
pub mod frame;
mod hash;
pub mod ids;
pub mod limit;
pub mod limiter;
pub mod mac;
#[cfg(feature = "record")]
pub mod octets;
pub mod pool;
pub mod ports;
pub mod rng;
pub mod seq;
pub mod time;
pub mod why;
pub mod words;

pub use chunk::{Chunk, Chunks};
pub use cx::{Cx, Stamped, Trace};
pub use error::SocketError;
pub use explain::Rule;
pub use frame::{Checksum, Frame, Gso, GsoKind, Head, Medium, Offload};
pub use hash::TraceHash;
pub use ids::{ConnId, EventId, IfaceId, ListenerId, UdpId};
pub use limit::Limit;
pub use limiter::Limiter;
pub use mac::Mac;
pub use pool::Pool;
pub use rng::Chance;
pub use seq::Seq;
pub use time::{Duration, Instant, Moment, Span};
pub use why::Why;
