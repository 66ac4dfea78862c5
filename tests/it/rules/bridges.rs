//! Hubs and switches: what they learn and forget, and where frames go.

use super::cases;
use crate::bridge::{End, Net, mac};
use netglass::base::{Duration, Mac};
use netglass::link::bridge::{Bridge, Config, PortVlan};
use netglass::wire::ethernet::Tag;

cases! {
    "bridge::Cause::Heard" => speaks_again(false); speaks_again(true) => "bridge::Cause::UnknownUnicast",
    "bridge::Cause::HeardElsewhere" => speaks_next_at(1);
        speaks_next_at(0) => "bridge::Cause::UnknownUnicast",
    "bridge::Cause::Silent" => silent_for(300_000); silent_for(299_999) => "bridge::Cause::Known",
    "bridge::Cause::TableFull" => stations(3); stations(2) => "bridge::Cause::Heard",
    "bridge::Cause::ByHand" => by_hand_at(2); by_hand_at(9) => "bridge::Cause::UnknownUnicast",
    "bridge::Cause::Known" => to(mac(2)); to(mac(9)) => "bridge::Cause::UnknownUnicast",
    "bridge::Cause::UnknownUnicast" => to(mac(9)); to(mac(2)) => "bridge::Cause::Known",
    "bridge::Cause::Broadcast" => to(Mac::BROADCAST); to(GROUP) => "bridge::Cause::Multicast",
    "bridge::Cause::Multicast" => to(GROUP); to(Mac::BROADCAST) => "bridge::Cause::Broadcast",
    "bridge::Cause::SamePort" => to(mac(1)); to(mac(2)) => "bridge::Cause::Known",
    "bridge::Cause::Reserved" => to(reserved(0x0f)); to(reserved(0x10)) => "bridge::Cause::Multicast",
    "bridge::Cause::NoOtherPort" => beside_a_port_in(1); beside_a_port_in(7) => "bridge::Cause::Multicast",
    "bridge::Cause::Repeater" => by(Bridge::hub(3)); by(Bridge::switch(Config::new(3))) => "bridge::Cause::Broadcast",
    "Why::VlanPort" => tagged(7); tagged(0) => "bridge::Cause::Multicast",
}

const GROUP: Mac = Mac([1, 0, 0x5e, 0, 0, 1]);

fn reserved(last: u8) -> Mac {
    Mac([1, 0x80, 0xc2, 0, 0, last])
}

fn alone(bridge: Bridge) -> Net {
    Net::new(vec![bridge], vec![(0..3).map(End::Station).collect()])
}

/// A switch that has heard stations 1 and 2 at ports 0 and 1.
fn switch() -> Net {
    let mut net = alone(Bridge::switch(Config::new(3)));
    net.send((0, 0), mac(1), mac(9), None);
    net.send((0, 1), mac(2), mac(9), None);
    net.forget();
    net
}

fn speaks_again(again: bool) {
    let mut net = switch();
    let station = mac(if again { 1 } else { 3 });
    assert_eq!(net.send((0, 0), station, mac(9), None).0, [1, 2]);
}

/// Station 1, that was at port 0, speaks.
fn speaks_next_at(port: u16) {
    assert_eq!(switch().send((0, port), mac(1), mac(9), None).0.len(), 2);
}

/// Station 2 is spoken to, so long after it was heard.
fn silent_for(ms: u64) {
    let mut net = switch();
    net.now += Duration::from_millis(ms);
    let got = net.send((0, 0), mac(1), mac(2), None).0;
    assert!(got.contains(&1));
}

/// So many stations speak where two can be remembered.
fn stations(n: u8) {
    let config = Config { table_max: 2, ..Config::new(3) };
    let mut net = alone(Bridge::switch(config));
    for station in 1..=n {
        net.send((0, 0), mac(station), mac(9), None);
    }
}

/// Somebody says behind which port a station is, which is then spoken to.
fn by_hand_at(port: u16) {
    let mut net = switch();
    assert_eq!(net.by_hand(0, mac(8), port), port < 3);
    assert!(net.send((0, 0), mac(1), mac(8), None).0.contains(&2));
}

fn to(dst: Mac) {
    switch().send((0, 0), mac(1), dst, None);
}

/// A frame to a group comes in by the port of VLAN 7, beside one of this.
fn beside_a_port_in(vlan: u16) {
    let mut config = Config::new(3);
    config.ports[1] = PortVlan::Access(vlan);
    config.ports[2] = PortVlan::Access(7);
    let got = alone(Bridge::switch(config)).send((0, 2), mac(3), GROUP, None).0;
    assert_eq!(got.len(), usize::from(vlan == 7));
}

fn by(bridge: Bridge) {
    assert_eq!(alone(bridge).send((0, 0), mac(1), Mac::BROADCAST, None).0, [1, 2]);
}

/// A frame comes in by a port where none is expected to have a tag.
fn tagged(id: u16) {
    let tag = Some(Tag { id, ..Tag::default() });
    assert_eq!(switch().send((0, 0), mac(1), GROUP, tag).0.len(), if id == 0 { 2 } else { 0 });
}
