//! SYNs from addresses that nobody has, while real clients ask for pages.

use crate::Case;
use crate::support::{HOST, HOST6, Need, Up, netglass, run, scratch, until};
use netglass::base::Head;
use netglass::wire::ipv4::protocol;
use netglass::wire::tcp::{Ctl, Header, Options};
use netglass::wire::{checksum, ip};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn};
use nix::sys::socket::{sendto, socket};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

const NEEDS: &[Need] = &[Need::Tun, Need::Ipv6, Need::Program("curl")];

pub(crate) const CASES: &[Case] = &[("flood::curl_is_served_during_a_flood", NEEDS, curl)];

/// SYNs sent at least, and at most however long curl takes.
const SYNS: (u32, u32) = (10_000, 200_000);

/// Sends packets with headers of our own making.
fn raw_socket() -> OwnedFd {
    let (family, kind) = (AddressFamily::Inet, SockType::Raw);
    socket(family, kind, SockFlag::empty(), SockProtocol::Raw).expect("root of this namespace")
}

/// A SYN from one of 200 addresses of the link's network.
fn syn(n: u32) -> Vec<u8> {
    let from = Ipv4Addr::new(10, 9, 0, 20 + (n % 200) as u8).into();
    let to = HOST.parse().expect("an address");
    let options = Options { mss: Some(1460), ..Options::default() };
    let (src, seq) = (1024 + (n / 200) as u16, netglass::base::Seq(n));
    let header =
        Header { src, dst: 80, seq, ctl: Ctl::SYN, wnd: 1024, options, ..Header::default() };
    let mut head = Head::new();
    header.emit(&mut head, 0);
    let mut segment = head.to_vec();
    let pseudo = checksum::pseudo(from, to, protocol::TCP, segment.len());
    let sum = checksum::complete(pseudo, [&segment[..]]);
    segment[16..18].copy_from_slice(&sum.to_be_bytes());
    let mut head = Head::new();
    ip::Header::new(from, to, protocol::TCP).emit(&mut head, segment.len());
    [&head[..], &segment].concat()
}

/// Floods until told to stop; says how many SYNs went out.
fn flood(stop: &AtomicBool) -> u32 {
    let socket = raw_socket();
    let to = SockaddrIn::from(SocketAddrV4::new(HOST.parse().expect("an address"), 0));
    let mut sent = 0;
    for n in 0..SYNS.1 {
        if n >= SYNS.0 && sent >= 5_000 && stop.load(Ordering::Relaxed) {
            break;
        }
        // A full queue loses some, as a real link would.
        sent += u32::from(sendto(socket.as_raw_fd(), &syn(n), &to, MsgFlags::empty()).is_ok());
    }
    sent
}

fn curl() {
    let path = scratch("flood.sock");
    let control = path.to_str().expect("a plain path").to_owned();
    let up = Up::start(&["--control", &control]);
    let before = up.resident();
    let count = |name: &str| {
        let output = netglass().args(["nstat", "-j", "--control", &control]).output();
        let text = output.expect("it runs").stdout;
        let json: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
        json["netglass"][name].as_u64().unwrap_or(0)
    };
    let stop = AtomicBool::new(false);
    let sent = std::thread::scope(|scope| {
        let flooding = scope.spawn(|| flood(&stop));
        until("the backlog is full", || (count("TcpExtSyncookiesSent") > 0).then_some(()));
        for host in [HOST, HOST, &format!("[{HOST6}]"), HOST] {
            // The first retransmission of its SYN would come after a second.
            let url = format!("http://{host}/bytes/100000");
            let told = run("curl", &["-sSf", "-o", "/dev/null", "-w", "%{size_download}", &url]);
            assert_eq!(told, "100000");
        }
        stop.store(true, Ordering::Relaxed);
        flooding.join().expect("it floods")
    });
    assert!(sent >= 5_000, "{sent} SYNs are no flood");
    assert!(count("TcpExtSyncookiesRecv") >= 1, "curl was served by a cookie");
    assert_eq!(count("TcpExtTCPReqQFullDrop"), 0);
    // What is kept of the latest events and of who spoke is full by then, at some 70 MB, and stays
    // so whatever comes: a million SYNs make it no larger.
    let grown = up.resident().saturating_sub(before);
    assert!(grown < 96 * 1024, "{grown} KiB more");
    up.stop();
}
