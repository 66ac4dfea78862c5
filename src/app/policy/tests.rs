//! Policies as they are written, and who is let in.

use super::*;
use crate::base::Limit;
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};

fn setting(text: &str) -> Setting {
    text.parse().expect(text)
}

#[test]
fn what_is_set_for_a_service_wins() {
    let set = ["http:idle=5s", "idle=30s", "per_client_max=9", "per_client_max=7", "drain = 0s"];
    let policies: Policies = set.into_iter().map(setting).collect();
    let (http, echo) = (policies.of(Service::Http), policies.of(Service::Echo));
    assert_eq!(
        (http.idle, echo.idle),
        (Some(Duration::from_secs(5)), Some(Duration::from_secs(30)))
    );
    assert_eq!((http.per_client_max, echo.per_client_max), (Some(7), Some(7)));
    assert_eq!((http.drain, http.backlog), (Duration::ZERO, 128));
    let none = Policies::default();
    assert_eq!(none.of(Service::Http), Policy::default());
    assert_eq!(none.of(Service::Echo).idle, Some(Duration::from_secs(600)));
}

#[test]
fn every_key_reads_what_it_shows() {
    let policy = Policy::default();
    for key in KEYS {
        let shown = key.show(&policy);
        let again = setting(&format!("http:{}={shown}", key.name));
        let set: Policies = [again].into_iter().collect();
        assert_eq!(set.of(Service::Http), policy, "{}", key.name);
        assert!(!key.text.is_empty() && !key.expected.is_empty());
    }
    let all: Vec<_> = KEYS.iter().map(|key| key.name).collect();
    assert_eq!(all.len(), 12);
}

#[test]
fn a_bad_setting_gets_one_sentence() {
    let table = [
        ("idle", "\"idle\" sets nothing: expected LIMIT=VALUE, as in idle=30s"),
        ("idl=30s", "there is no limit \"idl\": did you mean idle?"),
        ("gopher:idle=30s", "there is no service \"gopher\""),
        ("echo:header_time=3s", "header_time is about requests, which only http has"),
        ("backlog=0", "backlog cannot be \"0\": expected a number from 1 to 4294967295"),
        ("idle=30", "idle cannot be \"30\": expected a time such as 500ms, 10s, 5m or 1h, or off"),
        ("keep_alive=yes", "keep_alive cannot be \"yes\": expected true or false"),
    ];
    for (text, sentence) in table {
        assert_eq!(text.parse::<Setting>().expect_err(text).to_string(), sentence);
    }
    let error = "x=1".parse::<Setting>().expect_err("x").to_string();
    assert!(error.starts_with("there is no limit \"x\": choose from backlog, "), "{error}");
}

#[test]
fn a_body_may_be_asked_for_little() {
    let mut policy = Policy { body_rate: Some(100), ..Policy::default() };
    assert_eq!(policy.body_least(), 3000);
    policy.body_rate = None;
    assert_eq!(policy.body_least(), 1);
}

fn policy(connections_max: u32, per_client_max: u32) -> Policy {
    let (connections_max, per_client_max) = (Some(connections_max), Some(per_client_max));
    Policy { connections_max, per_client_max, ..Policy::default() }
}

fn v4(n: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + n))
}

#[test]
fn the_sixth_of_five_is_refused() {
    let admission = Admission::new(&policy(7, 5));
    let mut inside: Vec<_> = (0..5).map(|_| admission.admit(v4(1)).expect("room")).collect();
    let refused = admission.admit(v4(1)).expect_err("the sixth");
    assert_eq!(refused, Limit::ClientConnections { max: 5 });
    // Another client is not its fault; in all there is room for two more.
    inside.push(admission.admit(v4(2)).expect("room"));
    let share = Share { own: 1, own_max: Some(5), all: 6, all_max: Some(7) };
    assert_eq!(inside[5].share(), share);
    inside.push(admission.admit(v4(3)).expect("room"));
    let refused = admission.admit(v4(4)).expect_err("the eighth in all");
    assert_eq!(refused, Limit::Connections { max: 7 });
    drop(inside.remove(0));
    inside.push(admission.admit(v4(1)).expect("one of its five has gone"));
    drop(inside);
    assert_eq!(admission.clients().0, 0);
}

#[test]
fn addresses_of_one_ipv6_network_are_one_client() {
    let admission = Admission::new(&policy(100, 1));
    let addr = |text: &str| text.parse::<IpAddr>().expect(text);
    let _one = admission.admit(addr("2001:db8::1")).expect("room");
    assert!(admission.admit(addr("2001:db8::ffff:1")).is_err());
    let _other = admission.admit(addr("2001:db8:0:1::1")).expect("another network");
    let _mapped = admission.admit(addr("::ffff:10.0.0.1")).expect("room");
    assert!(admission.admit(addr("10.0.0.1")).is_err(), "the same address, mapped");
}

#[test]
fn memory_returns() {
    let admission = Admission::new(&policy(1_000_000, 5));
    let inside: Vec<_> = (0..20_000).map(|n| admission.admit(v4(n)).expect("room")).collect();
    assert!(admission.clients() >= (20_000, 20_000));
    drop(inside);
    let (clients, room) = admission.clients();
    assert!(clients == 0 && room <= 128, "{room}");
}

/// Against a model: any coming and going of few clients.
#[test]
fn the_table_counts_as_a_model_does() {
    let (all_max, own_max) = (40, 9);
    let admission = Admission::new(&policy(all_max, own_max));
    let (mut inside, mut model) = (VecDeque::new(), BTreeMap::<u32, u32>::new());
    let mut luck = 12_345_u32;
    for _ in 0..50_000 {
        luck = luck.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let n = luck >> 16 & 7;
        if luck >> 30 == 0 && !inside.is_empty() {
            let place = (luck >> 8) as usize % inside.len();
            let (gone, permit) = inside.swap_remove_back(place).expect("it is there");
            *model.get_mut(&gone).expect("it was counted") -= 1;
            drop::<Permit>(permit);
            continue;
        }
        let own = model.get(&n).copied().unwrap_or(0);
        match admission.admit(v4(n)) {
            Ok(permit) => {
                assert!(own < own_max && inside.len() < all_max as usize);
                *model.entry(n).or_default() += 1;
                inside.push_back((n, permit));
            }
            Err(Limit::ClientConnections { .. }) => assert_eq!(own, own_max),
            Err(limit) => {
                assert_eq!(limit, Limit::Connections { max: all_max });
                assert_eq!(inside.len(), all_max as usize);
            }
        }
    }
    let clients = model.values().filter(|own| **own > 0).count();
    assert_eq!(admission.clients().0, clients);
}
