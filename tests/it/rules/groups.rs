//! Groups: who joins and leaves, what routers ask and are told, and what is refused.

use super::cases;
use crate::groups::{Wire, any, everybody, group};
use netglass::base::{Duration, UdpId};
use netglass::wire::checksum;
use netglass::wire::ip::Header;
use netglass::wire::membership::{Membership, Query, Version};

cases! {
    "Why::IgmpChecksum" => asked(|_, b| b[7] ^= 1); asked(|_, _| ()) => "link::Cause::GroupAsked",
    "Why::IgmpType" => asked(|_, b| of_type(b, 0x13)); asked(|_, b| of_type(b, 0x11)) => "link::Cause::GroupAsked",
    "Why::GroupFormat" => asked(|_, b| b.truncate(7)); asked(|_, _| ()) => "link::Cause::GroupAsked",
    "Why::GroupHops" => asked(|h, _| h.ttl = 2); asked(|h, _| h.ttl = 1) => "link::Cause::GroupAsked",
    "Why::GroupAddress" => asked(|h, _| h.dst = group(false));
        asked(|h, _| h.dst = everybody(false)) => "link::Cause::GroupAsked",
    "Why::GroupNotOurs" => asked_about(Version::V3, true, 1_000);
        asked_about(Version::V3, false, 1_000) => "Sent::GroupAnswer",
    "Why::GroupOfOthers" => told_by_another(false); told_by_another(true) => "link::Cause::GroupReported",
    "Why::GroupQueryLimit" => questions(41); questions(40) => "Sent::GroupAnswer",

    "Sent::GroupJoined" => joins(0); joins(1) => "In",
    "Sent::GroupLeft" => leaves(0); leaves(1) => "In",
    "Sent::GroupAnswer" => asked_about(Version::V3, false, 1_000);
        asked_about(Version::V3, true, 1_000) => "Why::GroupNotOurs",

    "link::Cause::GroupJoined" => joins(0); joins(1) => "In",
    "link::Cause::GroupLeft" => leaves(0); leaves(1) => "In",
    "link::Cause::GroupAsked" => asked_about(Version::V3, false, 1_000);
        asked_about(Version::V3, true, 1_000) => "Why::GroupNotOurs",
    "link::Cause::GroupReported" => told_by_another(true); told_by_another(false) => "Why::GroupOfOthers",
    "link::Cause::OlderQuerier" => asked_about_all(Version::V2);
        asked_about_all(Version::V3) => "Sent::GroupAnswer",
    "link::Cause::OlderQuerierGone" => silent_for(260_000); silent_for(259_998) => "Sent::GroupAnswer",
}

/// A host one socket of which is a member of the group.
fn member() -> (Wire, UdpId) {
    let mut w = Wire::quiet(false);
    let id = w.bind(any(false));
    w.join(id, group(false));
    w.wait(10_000);
    w.forget();
    (w, id)
}

/// A router's question for all groups, changed on its way.
fn asked(change: fn(&mut Header, &mut Vec<u8>)) {
    let (mut w, _) = member();
    let (max_response, interval) = (Duration::ZERO, Duration::from_secs(125));
    let query = Query {
        version: Version::V3,
        group: any(false),
        max_response,
        robustness: 2,
        interval,
        sources: 0,
    };
    w.hear(Membership::Query(query), everybody(false), change);
}

/// Another type, with a checksum that is right.
fn of_type(bytes: &mut [u8], kind: u8) {
    bytes[0] = kind;
    bytes[2..4].fill(0);
    let sum = checksum::complete(netglass::base::checksum::Sum::new(), [&*bytes]);
    bytes[2..4].copy_from_slice(&sum.to_be_bytes());
}

/// A router asks about our group, or about the one of all hosts, of which nothing is told.
fn asked_about(version: Version, all_hosts: bool, ms: u64) {
    let (mut w, _) = member();
    let about = if all_hosts { everybody(false) } else { group(false) };
    w.query(version, Some(about), ms);
    w.wait(ms);
}

fn asked_about_all(version: Version) {
    let (mut w, _) = member();
    w.query(version, None, 1_000);
    w.wait(1_000);
}

/// Another member tells of our group, perhaps when we were about to.
fn told_by_another(asked: bool) {
    let (mut w, _) = member();
    w.query(Version::V2, None, 10_000);
    if !asked {
        w.wait(10_000);
    }
    w.forget();
    w.hear(
        Membership::Report { version: Version::V2, group: group(false) },
        group(false),
        |_, _| (),
    );
}

fn questions(n: usize) {
    let (mut w, _) = member();
    for _ in 0..n {
        w.query(Version::V3, Some(group(false)), 0);
        w.wait(1);
    }
}

/// A socket joins, where so many are members already.
fn joins(others: usize) {
    let mut w = Wire::quiet(false);
    for _ in 0..others {
        let id = w.bind(any(false));
        w.join(id, group(false));
    }
    w.wait(10_000);
    w.forget();
    let id = w.bind(any(false));
    w.join(id, group(false));
    w.datagram(group(false));
    assert_eq!(w.heard(id), 1);
}

/// A socket leaves, and so many others stay.
fn leaves(others: usize) {
    let (mut w, id) = member();
    for _ in 0..others {
        let id = w.bind(any(false));
        w.join(id, group(false));
    }
    w.forget();
    w.leave(id, group(false));
    w.wait(10_000);
    w.datagram(group(false));
}

/// So long after an old router's last question somebody asks in the new version.
fn silent_for(ms: u64) {
    let (mut w, _) = member();
    w.query(Version::V2, None, 10_000);
    w.wait(ms);
    w.query(Version::V3, Some(group(false)), 0);
    w.wait(1);
}
