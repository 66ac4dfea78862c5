//! Which limit of a service's policy ended a connection, or kept it from being served: one
//! vocabulary for all services, so that a host can count the hits in one array, name the limit in
//! its records and give it as the reason of the segment that tells the peer.

use super::time::Duration;
use std::fmt;

/// A length of time as people say it: `250 ms`, `1.5 s`, `60 s`.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub struct Millis(pub u32);

impl From<Duration> for Millis {
    fn from(time: Duration) -> Millis {
        Millis(u32::try_from(time.as_millis()).unwrap_or(u32::MAX))
    }
}

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 1000, self.0 % 1000) {
            (0, ms) => write!(f, "{ms} ms"),
            (s, 0) => write!(f, "{s} s"),
            (s, ms) => write!(f, "{s}.{} s", format!("{ms:03}").trim_end_matches('0')),
        }
    }
}

crate::explained! {
    /// The limit of a service's policy that a connection has hit.
    #[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
    #[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
    pub enum Limit {
        /// Its client has as many connections as it may.
        ClientConnections {
            /// How many that is.
            max: u32
        } = "ClientConnections", "policy: per_client_max", "the client has {max} connections already: that is its limit";
        /// The service has as many connections as it may.
        Connections {
            /// How many that is.
            max: u32
        } = "Connections", "policy: connections_max", "the service has {max} connections already: that is its limit";
        /// Nothing happened for too long.
        Idle {
            /// How long.
            after: Millis
        } = "Idle", "policy: idle", "nothing came or went for {after}: an idle connection is closed";
        /// A request was begun and its header not finished in time.
        HeaderTime {
            /// How long it may take.
            after: Millis
        } = "HeaderTime", "policy: header_time", "the request's header was not complete {after} after it began";
        /// A body comes too slowly.
        BodyRate {
            /// How many bytes were to come.
            bytes: u32,
            /// Within how long.
            after: Millis
        } = "BodyRate", "policy: body_time, body_rate", "less than {bytes} bytes of the body came within {after}";
        /// The peer does not take what it is sent.
        WriteTime {
            /// For how long.
            after: Millis
        } = "WriteTime", "policy: write_time", "the client took nothing of what it is sent for {after}";
        /// A connection has had as many requests as it may.
        Requests {
            /// How many that is.
            max: u32
        } = "Requests", "policy: requests_max", "this connection had its {max} requests: that is its limit";
        /// As many connections are half open at a listener as may; told once, until that has been
        /// over for minutes.
        Backlog {
            /// Where it listens.
            port: u16,
            /// How many that is.
            max: u32
        } = "Backlog", "policy: backlog; RFC 4987", "{max} connections are half open at port {port}: that is its limit, and perhaps a flood";
        /// The queues of all connections hold as many bytes as they may; told once, until there is
        /// room again.
        Memory {
            /// How many KiB that is.
            max: u32
        } = "Memory", "bound of this host (Linux: tcp_mem)", "the queues of all connections hold {max} KiB: each gets by on its share until they hold less";
        /// The service ends, and nothing is going on.
        Stopping = "Stopping", "policy: drain", "the host stops: a connection in which nothing is going on is closed";
        /// The service ends, and the connection did not in time.
        Drain {
            /// How long it had.
            after: Millis
        } = "Drain", "policy: drain", "the host stops, and {after} were not enough for what was going on";
    }
}

/// How often each [`Limit`] was hit, in an array indexed by [`Limit::index`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hits([u64; Limit::COUNT]);

impl Hits {
    /// Counts one.
    pub fn count(&mut self, limit: Limit) {
        self.0[limit.index()] += 1;
    }

    /// All limits: (key, count).
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        Limit::KEYS.iter().copied().zip(self.0)
    }

    /// How often the limit with this key was hit.
    pub fn of(&self, key: &str) -> u64 {
        self.iter().find(|(known, _)| *known == key).map_or(0, |(_, n)| n)
    }
}

impl Default for Hits {
    /// None.
    fn default() -> Hits {
        Hits([0; Limit::COUNT])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_people_say_them() {
        let table =
            [(0, "0 ms"), (250, "250 ms"), (1000, "1 s"), (1500, "1.5 s"), (60_010, "60.01 s")];
        for (ms, text) in table {
            assert_eq!(Millis(ms).to_string(), text);
        }
        assert_eq!(Millis::from(Duration::from_secs(u64::MAX)), Millis(u32::MAX));
    }

    #[test]
    fn a_hit_is_counted_under_its_name() {
        let mut hits = Hits::default();
        let limit = Limit::ClientConnections { max: 5 };
        hits.count(limit);
        hits.count(Limit::ClientConnections { max: 7 });
        assert_eq!((hits.of("ClientConnections"), hits.of("Idle")), (2, 0));
        let text = "the client has 5 connections already: that is its limit";
        assert_eq!(limit.to_string(), text);
    }
}
