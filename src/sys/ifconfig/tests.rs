//! Changes as commands, and on a real TUN device in a private network namespace.
//!
//! The namespace is a child's: this test binary starts itself again, with a variable that tells the
//! child's test what to do.

use super::*;
use crate::sys::{netns, tun};
use std::net::{Ipv4Addr, Ipv6Addr};

const CHILD: &str = "NETGLASS_TEST_IN_NAMESPACE";

/// Runs the test `name` of this binary in a private namespace. Says so and gives up where the
/// machine lacks something.
pub(crate) fn in_namespace(name: &str, body: impl FnOnce()) {
    if std::env::var_os(CHILD).is_some() {
        body();
        return;
    }
    if let Err(e) = std::fs::OpenOptions::new().read(true).write(true).open("/dev/net/tun") {
        println!("skipped: /dev/net/tun cannot be opened: {e}");
        return;
    }
    let exe = std::env::current_exe().expect("a test binary has a path");
    let mut command = std::process::Command::new(exe);
    command.args(["--exact", name, "--nocapture"]).env(CHILD, "1");
    match netns::private_child(&mut command).output() {
        Err(e) => println!("skipped: no private network namespace here: {e}"),
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout);
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{text}\n{errors}");
            assert!(text.contains("1 passed"), "the child ran the test: {text}");
        }
    }
}

fn up(dev: &str) -> Change {
    Change::Up { dev: dev.into(), up: true }
}

fn address(dev: &str, addr: impl Into<IpAddr>, prefix: u8) -> Change {
    Change::Address { dev: dev.into(), addr: addr.into(), prefix, add: true }
}

fn route(dst: impl Into<IpAddr>, prefix: u8, via: Option<IpAddr>, dev: &str) -> Change {
    Change::Route { dst: dst.into(), prefix, via, dev: dev.into(), add: true }
}

fn vlan(add: bool) -> Change {
    Change::Vlan { dev: "tap0.10".into(), of: "tap0".into(), id: 10, add }
}

#[test]
fn changes_read_as_ip_commands() {
    let v4 = Ipv4Addr::new(10, 0, 0, 1);
    let mtu = Change::Mtu { dev: "tun0".into(), mtu: 1400 };
    let queue = Change::TxQueue { dev: "tun0".into(), packets: 500 };
    let via = route(Ipv4Addr::UNSPECIFIED, 0, Some(v4.into()), "tun0");
    for (change, text) in [
        (up("tun0"), "ip link set dev tun0 up"),
        (mtu, "ip link set dev tun0 mtu 1400"),
        (queue, "ip link set dev tun0 txqueuelen 500"),
        (vlan(true), "ip link add link tap0 name tap0.10 type vlan id 10"),
        (vlan(false), "ip link del dev tap0.10"),
        (address("tun0", v4, 24), "ip address add 10.0.0.1/24 dev tun0"),
        (address("tun0", Ipv6Addr::LOCALHOST, 64), "ip address add ::1/64 dev tun0 nodad"),
        (via, "ip route add 0.0.0.0/0 via 10.0.0.1 dev tun0"),
        (route(v4, 32, None, "tun0"), "ip route add 10.0.0.1/32 dev tun0"),
    ] {
        assert_eq!(change.to_string(), text);
    }
}

#[test]
fn names_are_checked_before_the_kernel_cuts_them() {
    for name in ["", ".", "..", "a/b", "a b", "a:b", "sixteen-letters-"] {
        assert!(matches!(check_name(name), Err(SetupError::BadName { .. })), "{name}");
    }
    for name in ["tun%s", "tun%", "%d%d"] {
        assert!(matches!(tun::create(name), Err(SetupError::BadName { .. })), "{name}");
    }
    for name in ["tun0", "netglass%d", "fifteen-letters"] {
        assert!(check_name(name).is_ok(), "{name}");
    }
}

#[test]
fn changes_are_made_and_taken_back() {
    in_namespace("sys::ifconfig::tests::changes_are_made_and_taken_back", || {
        let (_fd, name) = tun::create("netglass%d").expect("a TUN device");
        assert_eq!(name, "netglass0");
        let before = Config::open().expect("netlink").link(&name).expect("asked").expect("exists");
        let (v4, v6) = (Ipv4Addr::new(10, 9, 0, 1), Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1));
        let mut made = Configured::new().expect("netlink");
        for change in [
            up("lo"),
            Change::Mtu { dev: name.clone(), mtu: 1400 },
            Change::TxQueue { dev: name.clone(), packets: 77 },
            address(&name, v4, 24),
            address(&name, v6, 64),
            up(&name),
            route(Ipv4Addr::new(192, 0, 2, 0), 24, Some(Ipv4Addr::new(10, 9, 0, 2).into()), &name),
            route(Ipv4Addr::new(198, 51, 100, 0), 24, None, &name),
            route(Ipv4Addr::UNSPECIFIED, 0, Some(Ipv4Addr::new(10, 9, 0, 3).into()), &name),
            route(Ipv6Addr::UNSPECIFIED, 0, None, &name),
        ] {
            made.apply(change.clone()).unwrap_or_else(|e| panic!("{change}: {e}"));
        }
        assert_eq!(made.commands().len(), 10);
        let link = made.config().link(&name).expect("asked").expect("exists");
        assert_eq!((link.up, link.mtu, link.tx_queue), (true, 1400, 77));
        let held = made.config().addresses().expect("asked");
        let wanted = |addr: IpAddr, prefix| Address { index: link.index, addr, prefix };
        assert!(held.contains(&wanted(v4.into(), 24)) && held.contains(&wanted(v6.into(), 64)));
        let routes = std::fs::read_to_string("/proc/self/net/route").expect("routes");
        assert_eq!(routes.lines().filter(|line| line.starts_with(&name)).count(), 4, "{routes}");
        check_refusals(&mut made, &name);
        drop(made);
        let mut config = Config::open().expect("netlink");
        assert_eq!(config.link(&name).expect("asked"), Some(before));
        assert!(!config.link("lo").expect("asked").expect("exists").up);
        // The kernel gives `lo` 127.0.0.1 when it goes up, and leaves it there.
        let left = config.addresses().expect("asked");
        assert!(left.iter().all(|held| held.addr.is_loopback()), "{left:?}");
        let routes = std::fs::read_to_string("/proc/self/net/route").expect("routes");
        assert_eq!(routes.lines().count(), 1, "{routes}");
    });
}

/// What is impossible in the namespace that `changes_are_made_and_taken_back` has made.
fn check_refusals(made: &mut Configured, name: &str) {
    let refused =
        |made: &mut Configured, change| made.apply(change).expect_err("refused").to_string();
    let v4 = Ipv4Addr::new(10, 9, 0, 1);
    let taken = "the interface netglass0 has the address 10.9.0.1 already: choose another one";
    assert_eq!(refused(made, address("lo", v4, 8)), taken);
    assert_eq!(refused(made, up("nope0")), "there is no interface nope0");
    assert_eq!(
        refused(made, route(Ipv4Addr::new(198, 51, 100, 0), 24, None, name)),
        "there is a route to 198.51.100.0/24 already: remove it or choose another"
    );
    assert_eq!(
        refused(made, address(name, Ipv4Addr::new(10, 8, 0, 1), 33)),
        "10.8.0.1/33 is no network: the prefix is longer than the address"
    );
    let tiny = refused(made, Change::Mtu { dev: name.into(), mtu: 1 });
    assert!(tiny.starts_with("the system refused to set the MTU: "), "{tiny}");
    assert_eq!(made.commands().len(), 10, "what was refused is not listed");
    let again = tun::create(name).expect_err("the name is taken").to_string();
    assert_eq!(again, "the interface netglass0 exists and is in use: choose another name");
}

#[test]
fn vlans_come_and_go() {
    in_namespace("sys::ifconfig::tests::vlans_come_and_go", || {
        let (_fd, _) = tun::create_on("tap0", crate::base::Medium::Ethernet).expect("a TAP device");
        let mut made = Configured::new().expect("netlink");
        match made.apply(vlan(true)) {
            // What a kernel says that does not have them.
            Err(SetupError::NoVlans) => assert!(made.commands().is_empty()),
            done => {
                done.expect("a VLAN");
                let again = made.apply(vlan(true)).expect_err("it is there").to_string();
                assert!(again.contains("tap0.10"), "{again}");
                assert!(made.config().link("tap0.10").expect("asked").is_some());
            }
        }
        drop(made);
        let mut config = Config::open().expect("netlink");
        assert_eq!(config.link("tap0.10").expect("asked"), None);
        assert!(matches!(config.apply(&vlan(false)), Err(SetupError::NoSuchLink { .. })));
    });
}

#[test]
fn what_is_gone_is_not_missed() {
    in_namespace("sys::ifconfig::tests::what_is_gone_is_not_missed", || {
        let (fd, name) = tun::create("netglass%d").expect("a TUN device");
        let mut made = Configured::new().expect("netlink");
        made.apply(address(&name, Ipv4Addr::new(10, 9, 0, 1), 24)).expect("an address");
        made.apply(up(&name)).expect("up");
        drop(fd);
        assert_eq!(made.config().link(&name).expect("asked"), None);
        drop(made);
    });
}
