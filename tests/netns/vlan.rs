//! The virtual host in VLANs of its TAP device.
//!
//! Where the kernel has interfaces for VLANs, Linux is in them by those that `up` makes. Where not,
//! the test carries the frames between the TAP device and one of its own, and puts the tags on and
//! takes them off: Linux is there all the same.

use crate::Case;
use crate::support::{self, LINUX, Need, Up, netglass, nothing_bad, output, run, scratch, until};
use netglass::base::Medium;
use netglass::sys::tun;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, ControlMessageOwned, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType,
    SockaddrLike, bind, recvmsg, send, setsockopt, socket,
};
use nix::unistd::{read, write};
use nix::{setsockopt_impl, sockopt_impl};
use std::io::IoSliceMut;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

const NEEDS: &[Need] =
    &[Need::Tun, Need::Program("curl"), Need::Program("ping"), Need::Program("tshark")];

pub(crate) const CASES: &[Case] = &[
    ("vlan::an_address_in_one", NEEDS, beside),
    (
        "vlan::an_ipv6_address_in_one",
        &[Need::Tun, Need::Ipv6, Need::Program("curl"), Need::Program("ping")],
        six,
    ),
    ("vlan::the_host_in_one", NEEDS, inside),
    ("vlan::mistakes", &[], mistakes),
];

const ID: u16 = 10;
/// The virtual host's address in the VLAN, and Linux's.
const THERE: &str = "10.10.0.2";
const LINUX_THERE: &str = "10.10.0.1";
const THERE6: &str = "fd10::2";
const LINUX_THERE6: &str = "fd10::1";

/// Linux has an address in the VLAN of glass0, by whatever means.
fn linux_has(addr: &str) {
    if output("ip", &["link", "show", "dev", &format!("glass0.{ID}")]).status.success() {
        return;
    }
    println!("this kernel has no interfaces for VLANs: the test carries the frames");
    let (ours, name) = tun::create_on("lan0", Medium::Ethernet).expect("a TAP device");
    let nodad: &[_] = if addr.contains(':') { &["nodad"] } else { &[] };
    run("ip", &[&["addr", "add", addr, "dev", &name], nodad].concat());
    run("ip", &["link", "set", &name, "up"]);
    let trunk = trunk("glass0");
    std::thread::spawn(move || carry(&ours, &trunk));
}

sockopt_impl!(AuxData, SetOnly, libc::SOL_PACKET, libc::PACKET_AUXDATA, bool);

/// A packet socket that tells of tags.
fn trunk(dev: &str) -> OwnedFd {
    let all = SockProtocol::EthAll;
    let fd = socket(AddressFamily::Packet, SockType::Raw, SockFlag::empty(), all);
    let fd = fd.expect("a packet socket");
    setsockopt(&fd, AuxData, &true).expect("set");
    let index = nix::net::if_::if_nametoindex(dev).expect("it is there");
    let mut addr = [0; size_of::<libc::sockaddr_ll>()];
    addr[..2].copy_from_slice(&(libc::AF_PACKET as u16).to_ne_bytes());
    addr[2..4].copy_from_slice(&(libc::ETH_P_ALL as u16).to_be_bytes());
    addr[4..8].copy_from_slice(&index.to_ne_bytes());
    // SAFETY: the bytes are a `sockaddr_ll`, as long as one.
    let addr = unsafe { LinkAddr::from_raw(addr.as_ptr().cast(), Some(addr.len() as u32)) };
    bind(fd.as_raw_fd(), &addr.expect("an address")).expect("bound");
    fd
}

/// Carries frames until a side is gone.
fn carry(lan: &OwnedFd, trunk: &OwnedFd) {
    let mut frame = [0; 2000];
    loop {
        let mut fds = [lan, trunk].map(|fd| PollFd::new(fd.as_fd(), PollFlags::POLLIN));
        poll(&mut fds, PollTimeout::NONE).expect("polled");
        let [from_lan, from_trunk] = fds.map(|fd| fd.any().unwrap_or(true));
        if from_lan {
            let Ok(len) = read(lan, &mut frame) else { return };
            let tagged = [&frame[..12], &[0x81, 0], &ID.to_be_bytes(), &frame[12..len]].concat();
            let _ = send(trunk.as_raw_fd(), &tagged, MsgFlags::empty());
        }
        if from_trunk {
            match receive(trunk, &mut frame) {
                Some((len, ID)) => drop(write(lan, &frame[..len])),
                Some(_) => {}
                None => return,
            }
        }
    }
}

/// A frame without its tag, and the VLAN's number; 0 for frames that had none, or that Linux sends.
fn receive(trunk: &OwnedFd, frame: &mut [u8]) -> Option<(usize, u16)> {
    let mut control = [0; 256];
    let mut parts = [IoSliceMut::new(frame)];
    let fd = trunk.as_raw_fd();
    let got =
        recvmsg::<LinkAddr>(fd, &mut parts, Some(&mut control[..]), MsgFlags::empty()).ok()?;
    let id = got.cmsgs().ok()?.find_map(|message| {
        let ControlMessageOwned::Unknown(message) = message else { return None };
        // `struct tpacket_auxdata`: status, two lengths, two offsets, the tag.
        let status = u32::from_ne_bytes(*message.data_bytes.first_chunk()?);
        let tag = u16::from_ne_bytes(*message.data_bytes.get(16..)?.first_chunk()?);
        (status & libc::TP_STATUS_VLAN_VALID != 0).then_some(tag & 0x0fff)
    });
    Some((got.bytes, id.unwrap_or(0)))
}

/// The frames of a capture that a filter of tshark's finds.
fn found(file: &str, filter: &str) -> usize {
    run("tshark", &["-r", file, "-Y", filter]).lines().count()
}

fn talk(host: &str) {
    for size in ["0", "1472", "1473", "4000"] {
        support::ping(size, host);
    }
    let site = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let url = format!("http://{site}/bytes/2000000");
    let how = ["-gsSf", "-m", "50"];
    let size =
        run("curl", &[&how[..], &["-o", "/dev/null", "-w", "%{size_download}", &url]].concat());
    assert_eq!(size, "2000000");
    let upload = scratch("upload");
    std::fs::write(&upload, vec![7; 2_000_000]).expect("a file");
    let (upload, url) = (upload.to_str().expect("a plain path"), format!("http://{site}/sink"));
    run("curl", &[&how[..], &["-T", upload, &url]].concat());
}

fn beside() {
    let [capture, door] = ["vlan.pcapng", "vlan.sock"].map(scratch);
    let [capture, door] = [&capture, &door].map(|path| path.to_str().expect("a plain path"));
    let vlan = format!("{ID}={THERE}/24");
    let up = Up::start(&["--tap", "--vlan", &vlan, "--pcap", capture, "--control", door]);
    linux_has(&format!("{LINUX_THERE}/24"));
    talk(THERE);
    talk("10.9.0.2"); // as ever
    let asked = netglass().args(["ip", "addr", "--control", door]).output().expect("it runs");
    let told = String::from_utf8_lossy(&asked.stdout);
    assert!(told.contains("glass0.10") && told.contains("inet 10.10.0.2/24"), "{told}");
    up.stop();
    nothing_bad(capture, None);
    let of_vlan = "(ip.addr == 10.10.0.0/24 || arp.src.proto_ipv4 == 10.10.0.0/24)";
    assert!(found(capture, &format!("{of_vlan} && vlan.id == {ID}")) > 1000);
    assert_eq!(found(capture, &format!("{of_vlan} && !(vlan.id == {ID})")), 0);
    assert_eq!(found(capture, "ip.addr == 10.9.0.0/24 && vlan"), 0);
}

fn six() {
    let up = Up::start(&["--tap", "--vlan", &format!("{ID}={THERE6}/64")]);
    linux_has(&format!("{LINUX_THERE6}/64"));
    until("nobody else has the address", || {
        output("ping", &["-c", "1", "-W", "1", THERE6]).status.success().then_some(())
    });
    talk(THERE6);
    up.stop();
}

fn inside() {
    let capture = scratch("vlan-inside.pcapng");
    let capture = capture.to_str().expect("a plain path");
    let up = Up::start(&["--tap", "--vlan", &ID.to_string(), "--pcap", capture]);
    linux_has(&format!("{LINUX}/24"));
    talk("10.9.0.2");
    up.stop();
    nothing_bad(capture, None);
    assert!(found(capture, &format!("ip && vlan.id == {ID}")) > 1000);
    assert_eq!(found(capture, "(ip || arp) && !vlan"), 0);
}

fn mistakes() {
    let refused = |args: &[&str], says: &str| {
        let output = netglass().arg("up").args(args).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        assert!(said.contains(says), "{args:?}: {said}");
    };
    refused(&["--vlan", "10"], "--tap");
    refused(&["--tap", "--vlan", "0"], "1 to 4094");
    refused(&["--tap", "--vlan", "10=10.10.0.2"], "10.10.0.2");
    refused(&["--tap", "--vlan", "10=10.10.0.255/24"], "broadcast");
    refused(&["--tap", "--no-ipv6", "--vlan", "10=fd10::2/64"], "IPv6");
    refused(&["--tap", "--vlan", "10", "--vlan", "20"], "one VLAN");
    refused(&["--tap", "--vlan", "10=10.10.0.2/24", "--vlan", "10"], "already");
    refused(&["--tap", "--vlan", "10=10.9.0.7/16"], "overlap");
}
