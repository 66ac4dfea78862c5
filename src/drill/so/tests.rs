//! The table as C calls it: through its pointers.

use super::abi::{Interface, Pollfd, Sockaddr, Timeval};
use super::flags::Flags;
use super::{shared, slots};
use crate::wire::tcp::Header;
use std::ffi::{c_int, c_long, c_void};
use std::net::SocketAddr;
use std::ptr::{null, null_mut};

const LOCAL: [u8; 4] = [192, 168, 7, 9];
const PEER: [u8; 4] = [192, 0, 2, 1];
const EAGAIN: i32 = 11;

fn table() -> Interface {
    slots::table(shared::Shared::new(Flags::parse("profile=linux").unwrap()))
}

/// `struct sockaddr_in`.
fn address(ip: [u8; 4], port: u16) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..2].copy_from_slice(&2u16.to_ne_bytes());
    bytes[2..4].copy_from_slice(&port.to_be_bytes());
    bytes[4..8].copy_from_slice(&ip);
    bytes
}

/// A segment of the peer, as its script's packets are made.
fn segment(port: u16, ctl: u16, seq: u32, ack: u32, len: usize) -> Vec<u8> {
    use crate::wire::{checksum, ipv4, tcp::Ctl};
    let mut bytes = [50_000u16, port].map(u16::to_be_bytes).concat();
    bytes.extend([seq, ack].map(u32::to_be_bytes).concat());
    bytes.extend([5 << 12 | ctl, 32_792, 0, 0].map(u16::to_be_bytes).concat());
    assert!(Ctl(ctl).has(Ctl::SYN) || Ctl(ctl).has(Ctl::ACK));
    bytes.resize(20 + len, 0);
    let pseudo = checksum::pseudo(PEER.into(), LOCAL.into(), ipv4::protocol::TCP, bytes.len());
    let sum = checksum::complete(pseudo, [&bytes[..]]);
    bytes[16..18].copy_from_slice(&sum.to_be_bytes());
    let mut head = crate::base::Head::new();
    ipv4::Header::new(PEER.into(), LOCAL.into(), ipv4::protocol::TCP).emit(&mut head, bytes.len());
    [&head[..], &bytes].concat()
}

impl Interface {
    fn inject(&self, bytes: &[u8]) {
        // SAFETY: the packet is ours.
        let sent = unsafe { (self.netdev_send)(self.userdata, bytes.as_ptr().cast(), bytes.len()) };
        assert_eq!(sent, 0);
    }

    /// The next segment that leaves, its payload's length, and when it left.
    fn receive(&self) -> (Header, usize, i64) {
        let (mut room, mut len, mut micros) = ([0u8; 2000], 2000, 0);
        // SAFETY: there is room for so many bytes.
        let got = unsafe {
            (self.netdev_receive)(
                self.userdata,
                room.as_mut_ptr().cast(),
                &raw mut len,
                &raw mut micros,
            )
        };
        assert_eq!(got, 0);
        assert!(len >= 40, "{len} bytes");
        let (header, own) = Header::parse(&room[20..len]).unwrap();
        (header, len - 20 - own, micros)
    }

    fn micros(&self) -> i64 {
        let mut time = Timeval::default();
        // SAFETY: there is room for a time.
        let got = unsafe { (self.gettimeofday)(self.userdata, &raw mut time, null_mut()) };
        assert_eq!(got, 0);
        time.sec * 1_000_000 + time.usec
    }

    /// A listening socket at port 8080.
    fn listener(&self) -> c_int {
        let (at, host) = (address(LOCAL, 8080), self.userdata);
        // SAFETY: the address has that length.
        unsafe {
            let fd = (self.socket)(host, 2, 1, 6);
            assert!(fd >= 0);
            assert_eq!((self.bind)(host, fd, at.as_ptr().cast::<Sockaddr>(), 16), 0);
            assert_eq!((self.listen)(host, fd, 1), 0);
            fd
        }
    }

    /// A connection that the peer has opened, and our first sequence number.
    fn accepted(&self) -> (c_int, u32) {
        let listener = self.listener();
        self.inject(&segment(8080, 2, 0, 0, 0));
        let (syn_ack, _, _) = self.receive();
        assert_eq!((syn_ack.ack.map(|ack| ack.0), syn_ack.options.mss), (Some(1), Some(1460)));
        self.inject(&segment(8080, 16, 1, syn_ack.seq.0.wrapping_add(1), 0));
        let (mut from, mut room) = ([0u8; 16], 16);
        // SAFETY: there is room for an address of that length.
        let fd = unsafe {
            (self.accept)(self.userdata, listener, from.as_mut_ptr().cast(), &raw mut room)
        };
        assert!(fd >= 0 && fd != listener);
        assert_eq!((from, room), (address(PEER, 50_000), 16));
        (fd, syn_ack.seq.0.wrapping_add(1))
    }
}

impl Drop for Interface {
    fn drop(&mut self) {
        // SAFETY: nobody uses the host afterwards.
        unsafe { (self.free)(self.userdata) };
    }
}

fn errno() -> Option<i32> {
    std::io::Error::last_os_error().raw_os_error()
}

#[test]
fn a_connection_through_the_table() {
    let table = table();
    let (fd, ours) = table.accepted();
    let host = table.userdata;
    table.inject(&segment(8080, 24, 1, ours, 700));
    let mut room = [1u8; 1000];
    let data = [0u8; 1500];
    // SAFETY: all buffers have the lengths that are given.
    unsafe {
        let mut file = Pollfd { fd, events: 1, revents: 0 };
        assert_eq!((table.poll)(host, &raw mut file, 1, 0), 1);
        assert_eq!(file.revents, 1);
        assert_eq!((table.read)(host, fd, room.as_mut_ptr().cast(), 1000), 700);
        assert_eq!((room[699], room[700]), (0, 1));
        assert_eq!((table.write)(host, fd, data.as_ptr().cast::<c_void>(), 1500), 1500);
    }
    // An ACK, and the data: a peer that names no MSS gets 536 bytes at most.
    let sizes = [(); 4].map(|()| {
        let (header, len, _) = table.receive();
        assert_eq!(header.ack.map(|ack| ack.0), Some(701));
        len
    });
    assert_eq!(sizes, [0, 536, 536, 428]);
    // SAFETY: no pointers are given.
    unsafe {
        assert_eq!((table.fcntl)(host, fd, 4, c_long::from(0o4002)), 0);
        assert_eq!((table.recv)(host, fd, room.as_mut_ptr().cast(), 1000, 0), -1);
        assert_eq!(errno(), Some(EAGAIN));
        assert_eq!((table.close)(host, fd), 0);
    }
    assert!(table.receive().0.ctl.fin());
}

#[test]
fn options_have_linux_s_sizes() {
    let table = table();
    let (fd, _) = table.accepted();
    let host = table.userdata;
    let (mut room, mut len) = ([0u8; 32], 32);
    let linger = [1i32, 5].map(i32::to_ne_bytes).concat();
    // SAFETY: all buffers have the lengths that are given.
    unsafe {
        assert_eq!((table.setsockopt)(host, fd, 1, 13, linger.as_ptr().cast(), 8), 0);
        assert_eq!((table.getsockopt)(host, fd, 1, 13, room.as_mut_ptr().cast(), &raw mut len), 0);
        assert_eq!(&room[..len as usize], &linger[..]);
        len = 32;
        assert_eq!((table.setsockopt)(host, fd, 6, 13, c"reno".as_ptr().cast(), 5), 0);
        assert_eq!((table.getsockopt)(host, fd, 6, 13, room.as_mut_ptr().cast(), &raw mut len), 0);
        assert_eq!((len, &room[..5]), (16, &b"reno\0"[..]));
        assert_eq!((table.setsockopt)(host, fd, 6, 13, c"warp".as_ptr().cast(), 5), -1);
        assert_eq!(errno(), Some(2));
        assert_eq!((table.getsockopt)(host, fd, 6, 13, null_mut(), null_mut()), -1);
        assert_eq!((table.netdev_send)(host, null(), 40), -1);
        assert_eq!((table.listen)(host, 12_345, 1), -1);
    }
    assert_eq!(errno(), Some(9));
}

#[test]
fn time_is_virtual_and_packets_have_theirs() {
    let table = table();
    let begun = table.micros();
    // SAFETY: no pointers are given.
    assert_eq!(unsafe { (table.usleep)(table.userdata, 3_000_000) }, 0);
    let slept = table.micros() - begun;
    assert!((3_000_000..3_000_010).contains(&slept), "{slept}");
    table.listener();
    let at = table.micros();
    table.inject(&segment(8080, 2, 0, 0, 0));
    let (first, _, one) = table.receive();
    // The SYN-ACK is sent again after a second.
    let (again, _, two) = table.receive();
    assert_eq!((first.seq, one - at), (again.seq, 0));
    assert_eq!(two - one, 1_000_000);
}

/// A pointer that another thread may have.
struct Everywhere(Interface);

// SAFETY: the functions may be called from any thread.
unsafe impl Sync for Everywhere {}

#[test]
fn a_call_waits_in_another_thread_and_sees_when_it_returned() {
    let table = Everywhere(table());
    let (fd, ours) = table.0.accepted();
    let begun = table.0.micros();
    let both = &table;
    std::thread::scope(|scope| {
        let waits = scope.spawn(move || {
            let table = &both.0;
            let mut room = [0u8; 100];
            // SAFETY: the buffer has that length.
            let got = unsafe { (table.read)(table.userdata, fd, room.as_mut_ptr().cast(), 100) };
            (got, table.micros())
        });
        while !both.0.has_waiter() {
            std::thread::yield_now();
        }
        // SAFETY: no pointers are given.
        unsafe { (both.0.usleep)(both.0.userdata, 50_000) };
        both.0.inject(&segment(8080, 24, 1, ours, 10));
        // SAFETY: as above.
        unsafe { (both.0.usleep)(both.0.userdata, 1_000_000) };
        let (got, at) = waits.join().unwrap();
        assert_eq!(got, 10);
        assert!((50_000..50_010).contains(&(at - begun)), "{}", at - begun);
    });
}

impl Interface {
    fn has_waiter(&self) -> bool {
        // SAFETY: the host is there as long as its table.
        unsafe { self.userdata.cast::<shared::Shared>().as_ref() }.unwrap().has_waiter()
    }
}

#[test]
fn an_active_open_goes_to_its_address() {
    let table = table();
    let host = table.userdata;
    let at = address(PEER, 8080);
    // SAFETY: the address has that length.
    unsafe {
        let fd = (table.socket)(host, 2, 1 | 0o4000, 6);
        assert_eq!((table.connect)(host, fd, at.as_ptr().cast::<Sockaddr>(), 16), -1);
    }
    assert_eq!(errno(), Some(115));
    let (syn, _, _) = table.receive();
    let to: SocketAddr = (PEER, 8080).into();
    assert_eq!((syn.ctl.syn(), syn.dst), (true, to.port()));
}

#[test]
fn no_argument_makes_a_slot_unwind() {
    let table = table();
    let (open, _) = table.accepted();
    let (host, nowhere) = (table.userdata, null_mut::<c_void>());
    let (zero, at) = ([0u8; 128], address(PEER, 0));
    let mut room = [0u8; 65_536];
    for fd in [open, -1, c_int::MIN, c_int::MAX, 999_999] {
        for n in [0, -1, c_int::MIN, c_int::MAX] {
            let (len, word) = (n as u32, n as usize);
            let to = room.as_mut_ptr();
            let mut long = 100u32;
            let vector = [super::abi::Iovec { base: nowhere, len: usize::MAX }; 2];
            let mut message = super::abi::Msghdr {
                name: null_mut(),
                namelen: len,
                iov: vector.as_ptr().cast_mut(),
                iovlen: 2,
                control: nowhere,
                controllen: word,
                flags: n,
            };
            // SAFETY: every pointer is null, or has as many bytes as are looked at.
            unsafe {
                (table.socket)(host, n, n, n);
                (table.bind)(host, fd, null(), len);
                (table.bind)(host, fd, at.as_ptr().cast(), 16);
                (table.listen)(host, fd, n);
                (table.accept)(host, -1, null_mut(), null_mut());
                (table.connect)(host, fd, null(), len);
                (table.readv)(host, fd, null(), n);
                (table.readv)(host, fd, vector.as_ptr(), 2);
                (table.recv)(host, fd, nowhere, 0, n | 0x40);
                (table.recvfrom)(host, fd, nowhere, 0, 0x40, null_mut(), null_mut());
                (table.recvmsg)(host, fd, null_mut(), n);
                (table.recvmsg)(host, fd, &raw mut message, n | 0x40);
                (table.write)(host, fd, null(), word);
                (table.writev)(host, fd, null(), n);
                (table.writev)(host, fd, vector.as_ptr(), 2);
                (table.send)(host, fd, null(), word, n | 0x40);
                (table.sendto)(host, fd, null(), word, n | 0x40, null(), len);
                (table.sendmsg)(host, fd, null(), n);
                (table.sendmsg)(host, fd, &raw const message, n | 0x40);
                (table.fcntl)(host, fd, n, n.into());
                (table.ioctl)(host, fd, word as u64, null_mut());
                (table.shutdown)(host, fd, n);
                (table.getsockopt)(host, fd, n, n, nowhere, null_mut());
                (table.getsockopt)(host, fd, 1, n, to.cast(), &raw mut long);
                (table.setsockopt)(host, fd, n, n, null(), len);
                (table.setsockopt)(host, fd, 6, 13, zero.as_ptr().cast(), 0);
                (table.setsockopt)(host, fd, 1, 13, zero.as_ptr().cast(), 7);
                (table.poll)(host, null_mut(), word as u64, 0);
                (table.netdev_send)(host, null(), word);
                (table.netdev_send)(host, zero.as_ptr().cast(), 128);
                (table.netdev_receive)(host, nowhere, null_mut(), null_mut());
                (table.usleep)(host, 1);
                (table.gettimeofday)(host, null_mut(), nowhere);
                (table.epoll_ctl)(host, fd, n, fd, null_mut());
                (table.epoll_wait)(host, fd, null_mut(), n, 0);
                (table.pipe)(host, null_mut());
                (table.splice)(host, fd, null_mut(), fd, null_mut(), word, len);
                (table.read)(host, -1, nowhere, word);
                (table.close)(host, if n == c_int::MAX { fd } else { -1 });
                (table.epoll_create)(host, n);
                (table.socket)(null_mut(), n, n, n);
            }
        }
    }
}
