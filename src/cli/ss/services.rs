//! Ports by their names in `/etc/services`.

use std::collections::BTreeMap;

/// Names of ports.
#[derive(Debug, Default)]
pub(super) struct Services(BTreeMap<(u16, String), String>);

impl Services {
    /// No names: every port is a number.
    pub(super) fn none() -> Services {
        Services::default()
    }

    /// The names that this machine knows.
    pub(super) fn of_the_system() -> Services {
        Services::read(&std::fs::read_to_string("/etc/services").unwrap_or_default())
    }

    /// Lines like `http  80/tcp  www  # comment`; the first name of a port counts.
    pub(super) fn read(text: &str) -> Services {
        let mut known = BTreeMap::new();
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or("");
            let mut words = line.split_whitespace();
            let (Some(name), Some((port, protocol))) =
                (words.next(), words.next().and_then(|place| place.split_once('/')))
            else {
                continue;
            };
            if let Ok(port) = port.parse() {
                known.entry((port, protocol.to_owned())).or_insert_with(|| name.to_owned());
            }
        }
        Services(known)
    }

    /// The name of a port, or its number.
    pub(super) fn name(&self, port: u16, protocol: &str) -> String {
        let known = self.0.get(&(port, protocol.to_owned()));
        known.cloned().unwrap_or_else(|| port.to_string())
    }
}
