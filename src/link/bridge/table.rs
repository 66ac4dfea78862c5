//! A switch's table of stations (the filtering database of IEEE 802.1Q §8.8): where each was heard
//! last, and when.
//!
//! Looking up is O(log n). Stations are also in a list by the moment they were heard, so that
//! refreshing one, and finding the one that was silent longest, is O(1) and allocates nothing.

use crate::base::{EventId, Instant, Mac};
use slab::Slab;
use std::collections::BTreeMap;

/// No station: the end of the list.
const NONE: usize = usize::MAX;

/// What is known of a station.
#[derive(Copy, Clone, Debug)]
pub(super) struct Station {
    pub(super) vlan: u16,
    pub(super) mac: Mac,
    pub(super) port: u16,
    /// When it was heard last.
    pub(super) heard: Instant,
    /// By which frame.
    pub(super) by: EventId,
    /// The event that told where it is.
    pub(super) told: EventId,
    pub(super) is_static: bool,
    /// The neighbours in the list; a static one is in no list.
    older: usize,
    newer: usize,
}

/// The stations of all VLANs.
#[derive(Debug)]
pub(super) struct Table {
    stations: Slab<Station>,
    index: BTreeMap<(u16, Mac), usize>,
    oldest: usize,
    newest: usize,
}

impl Table {
    pub(super) fn new() -> Table {
        Table { stations: Slab::new(), index: BTreeMap::new(), oldest: NONE, newest: NONE }
    }

    pub(super) fn len(&self) -> usize {
        self.stations.len()
    }

    pub(super) fn get(&self, vlan: u16, mac: Mac) -> Option<&Station> {
        self.index.get(&(vlan, mac)).map(|key| &self.stations[*key])
    }

    /// The stations by VLAN and address.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Station> {
        self.index.values().map(|key| &self.stations[*key])
    }

    /// The station that was silent longest; static ones do not count.
    pub(super) fn oldest(&self) -> Option<&Station> {
        self.stations.get(self.oldest)
    }

    /// Notes that a station that is known was heard at `port`, or was put there by hand.
    pub(super) fn hear(&mut self, vlan: u16, mac: Mac, port: u16, now: Instant, by: EventId) {
        let Some(key) = self.index.get(&(vlan, mac)).copied() else { return };
        self.unlink(key);
        let station = &mut self.stations[key];
        (station.port, station.heard, station.by) = (port, now, by);
        self.link(key);
    }

    /// Adds a station that is not known.
    pub(super) fn add(&mut self, vlan: u16, mac: Mac, port: u16, now: Instant, by: EventId) {
        let key = self.stations.insert(Station {
            vlan,
            mac,
            port,
            heard: now,
            by,
            told: EventId::NONE,
            is_static: false,
            older: NONE,
            newer: NONE,
        });
        self.index.insert((vlan, mac), key);
        self.link(key);
    }

    /// Notes which event told where a station is.
    pub(super) fn told(&mut self, vlan: u16, mac: Mac, id: EventId) {
        if let Some(key) = self.index.get(&(vlan, mac)) {
            self.stations[*key].told = id;
        }
    }

    /// Lets a station stay.
    pub(super) fn pin(&mut self, vlan: u16, mac: Mac) {
        if let Some(key) = self.index.get(&(vlan, mac)).copied() {
            self.unlink(key);
            self.stations[key].is_static = true;
        }
    }

    /// Forgets a station.
    pub(super) fn remove(&mut self, vlan: u16, mac: Mac) {
        if let Some(key) = self.index.remove(&(vlan, mac)) {
            self.unlink(key);
            self.stations.remove(key);
        }
    }

    /// Puts a station at the end of the list, as the one heard last.
    fn link(&mut self, key: usize) {
        let last = std::mem::replace(&mut self.newest, key);
        match self.stations.get_mut(last) {
            Some(station) => station.newer = key,
            None => self.oldest = key,
        }
        (self.stations[key].older, self.stations[key].newer) = (last, NONE);
    }

    /// Takes a station out of the list.
    fn unlink(&mut self, key: usize) {
        let Station { older, newer, is_static, .. } = self.stations[key];
        if is_static {
            return;
        }
        match self.stations.get_mut(older) {
            Some(station) => station.newer = newer,
            None => self.oldest = newer,
        }
        match self.stations.get_mut(newer) {
            Some(station) => station.older = older,
            None => self.newest = older,
        }
    }
}
