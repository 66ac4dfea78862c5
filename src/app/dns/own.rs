//! A host's own names, which follow its addresses: these come and go with leases and routers.

use super::zone::{ZoneError, Zones};
use crate::net::Host;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a host answers for: `host.glass.` at the addresses that it has when it is asked, and
/// further records.
#[derive(Debug)]
pub struct OwnNames {
    host: Host,
    further: String,
    /// The addresses that the zones were made of, and the zones.
    made: Mutex<(Vec<IpAddr>, Arc<Zones>)>,
}

impl OwnNames {
    /// The names of `host`, and the records that `further` has lines for (see [`Zones::read`]).
    ///
    /// # Errors
    /// The first line that cannot be used.
    pub fn new(host: &Host, further: &str) -> Result<OwnNames, ZoneError> {
        let addrs = addresses(host);
        let zones = make(&addrs, further)?;
        let made = Mutex::new((addrs, Arc::new(zones)));
        Ok(OwnNames { host: host.clone(), further: further.to_owned(), made })
    }

    /// The zones as they are now.
    pub fn now(&self) -> Arc<Zones> {
        let addrs = addresses(&self.host);
        let mut made = self.made();
        if made.0 != addrs {
            // A record beside an alias, say, that was alone while the host had no address.
            let zones = make(&addrs, &self.further).unwrap_or_else(|error| {
                log::warn!("further names are left out now: {error}");
                Zones::of_host(&addrs)
            });
            *made = (addrs, Arc::new(zones));
        }
        Arc::clone(&made.1)
    }

    fn made(&self) -> MutexGuard<'_, (Vec<IpAddr>, Arc<Zones>)> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A host's addresses that others can use, wherever they are.
fn addresses(host: &Host) -> Vec<IpAddr> {
    let is_link_local = |addr: &IpAddr| match addr {
        IpAddr::V4(addr) => addr.is_link_local(),
        IpAddr::V6(addr) => addr.is_unicast_link_local(),
    };
    host.with(|stack, _| {
        let usable = stack.addresses().filter(|(_, own)| own.is_usable());
        usable.map(|(_, own)| own.addr()).filter(|addr| !is_link_local(addr)).collect()
    })
}

fn make(addrs: &[IpAddr], further: &str) -> Result<Zones, ZoneError> {
    let mut zones = Zones::of_host(addrs);
    zones.read(further)?;
    Ok(zones)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::dns::Name;
    use crate::base::IfaceId;
    use crate::stack::Setup;

    #[test]
    fn names_follow_the_addresses() {
        let first = "10.9.0.2/24".parse().expect("an address");
        let host = Host::new(Setup::new([1, 1]).with_iface("eth0", 1500, first));
        let names = OwnNames::new(&host, "www A 10.9.0.7\n").expect("a line");
        let records = |name: &str| {
            let (zones, name) = (names.now(), name.parse::<Name>().expect("a name"));
            zones.find(&name).and_then(|zone| zone.node(&name)).map_or(0, <[_]>::len)
        };
        assert_eq!((records("host.glass"), records("2.0.9.10.in-addr.arpa")), (1, 2));
        assert!(Arc::ptr_eq(&names.now(), &names.now()), "nothing has changed");
        let change = |cidr: &str, add: bool| {
            let cidr: crate::ip::Cidr = cidr.parse().expect("an address");
            host.with(|stack, now| match add {
                true => stack.add_address(now, IfaceId(0), cidr),
                false => stack.remove_address(now, IfaceId(0), cidr.addr()),
            })
            .expect("it may be changed")
        };
        change("10.9.0.3/24", true);
        change("169.254.1.2/16", true);
        assert_eq!((records("host.glass"), records("www.glass")), (2, 1));
        change("10.9.0.2/24", false);
        change("10.9.0.3/24", false);
        assert_eq!((records("host.glass"), records("2.0.9.10.in-addr.arpa")), (0, 0));
        // An alias may have its name as long as nothing else does.
        let names = OwnNames::new(&host, "host CNAME www\n").expect("a line");
        let host_glass: Name = "host.glass".parse().expect("a name");
        change("10.9.0.4/24", true);
        let zones = names.now();
        let node = zones.find(&host_glass).and_then(|zone| zone.node(&host_glass));
        assert_eq!(node.map(<[_]>::len), Some(1));
        let error = OwnNames::new(&host, "www A 10.9.0\n").expect_err("no address");
        assert!(error.to_string().starts_with("line 1: "));
    }
}
