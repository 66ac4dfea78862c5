//! Who is let in: connections are counted in all and for each client, and what would be too many
//! is refused.
//!
//! A client is an IPv4 address, or an IPv6 network of 64 bits: a host may take any address of that
//! (RFC 4291 §2.5.1), so that an address alone would limit nobody.
//!
//! The table has an entry for each client that has a connection, so it is no larger than the number
//! of connections, and gives its memory back when they are gone.

use super::Policy;
use crate::base::Limit;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A table smaller than this keeps its memory.
const SMALL: usize = 64;

/// The connections of a service. Cloning gives another handle to the same.
#[derive(Clone, Debug)]
pub struct Admission {
    table: Arc<Mutex<Table>>,
    connections_max: Option<u32>,
    per_client_max: Option<u32>,
}

#[derive(Debug, Default)]
struct Table {
    all: u32,
    by_client: HashMap<IpAddr, u32>,
}

/// How many connections there are, of how many; `None`: of any number.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Share {
    /// The client's.
    pub own: u32,
    /// How many it may have.
    pub own_max: Option<u32>,
    /// The service's.
    pub all: u32,
    /// How many it may have.
    pub all_max: Option<u32>,
}

/// A connection that was let in; it counts until this is dropped.
#[derive(Debug)]
pub struct Permit {
    admission: Admission,
    client: IpAddr,
}

/// What counts as one client.
fn client(addr: IpAddr) -> IpAddr {
    match addr.to_canonical() {
        IpAddr::V6(addr) => {
            let network = addr.to_bits() >> 64 << 64;
            Ipv6Addr::from_bits(network).into()
        }
        addr => addr,
    }
}

impl Admission {
    /// Nobody is in yet.
    pub fn new(policy: &Policy) -> Admission {
        let Policy { connections_max, per_client_max, .. } = *policy;
        Admission { table: Arc::default(), connections_max, per_client_max }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a client's connection in.
    ///
    /// # Errors
    /// The limit that forbids it.
    pub fn admit(&self, from: IpAddr) -> Result<Permit, Limit> {
        let client = client(from);
        let mut table = self.table();
        let own = table.by_client.get(&client).copied().unwrap_or(0);
        if let Some(max) = self.per_client_max.filter(|max| own >= *max) {
            return Err(Limit::ClientConnections { max });
        }
        if let Some(max) = self.connections_max.filter(|max| table.all >= *max) {
            return Err(Limit::Connections { max });
        }
        table.all += 1;
        table.by_client.insert(client, own + 1);
        Ok(Permit { admission: self.clone(), client })
    }

    /// How many clients have connections, and for how many there is room.
    pub fn clients(&self) -> (usize, usize) {
        let table = self.table();
        (table.by_client.len(), table.by_client.capacity())
    }
}

impl Permit {
    /// How many connections there are.
    pub fn share(&self) -> Share {
        let table = self.admission.table();
        Share {
            own: table.by_client.get(&self.client).copied().unwrap_or(0),
            own_max: self.admission.per_client_max,
            all: table.all,
            all_max: self.admission.connections_max,
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut table = self.admission.table();
        table.all -= 1;
        let own = table.by_client.get_mut(&self.client).map(|own| {
            *own -= 1;
            *own
        });
        if own == Some(0) {
            table.by_client.remove(&self.client);
        }
        let (used, room) = (table.by_client.len(), table.by_client.capacity());
        if room > SMALL && used < room / 4 {
            table.by_client.shrink_to(used * 2);
        }
    }
}
