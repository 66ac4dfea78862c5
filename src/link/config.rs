//! The knobs of a link's neighbour cache.

use crate::base::Duration;

/// How neighbours are asked for, remembered and forgotten. Defaults are Linux's (and RFC 4861
/// §10's) where these have a value.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub struct Config {
    /// Questions to everybody before a neighbour has failed. Default 3 (MAX_MULTICAST_SOLICIT).
    pub multicast_solicit: u32,
    /// Questions to a known neighbour before it has failed. Default 3 (MAX_UNICAST_SOLICIT).
    pub unicast_solicit: u32,
    /// Time between questions: no neighbour is asked for more often. Default 1 s (RETRANS_TIMER;
    /// RFC 1122 §2.3.2.1).
    pub retrans: Duration,
    /// How long a neighbour counts as reachable after a sign of life, on average: the time is
    /// between one and three halves of this. Default 30 s (REACHABLE_TIME).
    pub base_reachable: Duration,
    /// How long a stale neighbour that is used may show a sign of life before it is asked. Default
    /// 5 s (DELAY_FIRST_PROBE_TIME).
    pub delay_first_probe: Duration,
    /// How long a neighbour that is stale or has failed is remembered. Default 60 s (Linux
    /// `gc_stale_time`).
    pub gc_stale: Duration,
    /// For how long after a neighbour's address was learned by ARP no other replaces it: of
    /// several answers the first one counts. Default 1 s (Linux `locktime`).
    pub locktime: Duration,
    /// Bytes of frames, their bookkeeping included, that may wait for one neighbour. Default
    /// 212 992 (Linux `unres_qlen_bytes`).
    pub queue_bytes: usize,
    /// Bytes that may wait for all neighbours. Default 4 MiB.
    pub queue_bytes_total: usize,
    /// Neighbours remembered at most. Default 1024 (Linux `gc_thresh3`).
    pub entries_max: usize,
    /// Questions a second, for all neighbours. Default 1000.
    pub solicit_rate: u32,
    /// Questions in a burst. Default 1000.
    pub solicit_burst: u32,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            multicast_solicit: 3,
            unicast_solicit: 3,
            retrans: Duration::from_secs(1),
            base_reachable: Duration::from_secs(30),
            delay_first_probe: Duration::from_secs(5),
            gc_stale: Duration::from_secs(60),
            locktime: Duration::from_secs(1),
            queue_bytes: 212_992,
            queue_bytes_total: 4 << 20,
            entries_max: 1024,
            solicit_rate: 1000,
            solicit_burst: 1000,
        }
    }
}
