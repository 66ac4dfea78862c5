//! Names whose addresses need not be asked for: those of a hosts file, and `localhost`.

use super::name::Name;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Names and their addresses.
///
/// ```
/// use netglass::app::dns::Hosts;
///
/// let hosts = Hosts::read("10.9.0.1 linux gateway # the other side\n");
/// let addrs = hosts.get(&"Gateway".parse().unwrap()).unwrap();
/// assert_eq!(addrs, ["10.9.0.1".parse::<std::net::IpAddr>().unwrap()]);
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Hosts {
    names: BTreeMap<Name, Vec<IpAddr>>,
}

impl Hosts {
    /// Reads a hosts file: lines of an address and names, `#` before a comment. What is neither is
    /// passed over, as it is everywhere.
    pub fn read(text: &str) -> Hosts {
        let mut hosts = Hosts::default();
        for line in text.lines() {
            let mut words = line.split('#').next().unwrap_or("").split_whitespace();
            let Some(addr) = words.next().and_then(|word| word.parse::<IpAddr>().ok()) else {
                continue;
            };
            for name in words.filter_map(|word| word.parse::<Name>().ok()) {
                let addrs = hosts.names.entry(name).or_default();
                if !addrs.contains(&addr) {
                    addrs.push(addr);
                }
            }
        }
        hosts
    }

    /// The addresses of `name`. `localhost` and all below it are the host itself (RFC 6761 §6.3).
    pub fn get(&self, name: &Name) -> Option<Vec<IpAddr>> {
        let known = self.names.get(name).cloned();
        let is_localhost =
            name.labels().last().is_some_and(|l| l.eq_ignore_ascii_case(b"localhost"));
        let own = || vec![Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()];
        known.or_else(|| is_localhost.then(own))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_files_are_read_leniently() {
        let text = "# a comment\n\n10.0.0.1 a b.test\nfd00::1\tA\nnonsense c\n10.0.0.2\n\
                    10.0.0.3 a..b d # e\n";
        let hosts = Hosts::read(text);
        let get = |name: &str| {
            let addrs = hosts.get(&name.parse().expect("a name"))?;
            Some(addrs.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(get("a").as_deref(), Some("10.0.0.1 fd00::1"));
        assert_eq!(get("B.TEST.").as_deref(), Some("10.0.0.1"));
        assert_eq!(get("d").as_deref(), Some("10.0.0.3"));
        assert_eq!((get("c"), get("e"), get("nonsense")), (None, None, None));
        assert_eq!(get("localhost").as_deref(), Some("::1 127.0.0.1"));
        assert_eq!(get("a.LOCALHOST").as_deref(), Some("::1 127.0.0.1"));
    }
}
