//! Segments as bytes: just enough of IPv4 and TCP, with timestamps, for a peer without a protocol.

use std::net::Ipv4Addr;

/// Bytes of the virtio-net header in front of a packet, on a device with offloads.
pub(super) const VNET: usize = 10;
/// IPv4 and TCP header with timestamps.
pub(super) const HEADERS: usize = 52;
/// What of them is IPv4's.
const IP: usize = 20;
/// The options of a SYN: MSS, timestamps, window scale, no-operation twice.
const SYN_OPTIONS: usize = 20;
/// The longest headers that are written.
pub(super) const ROOM: usize = VNET + IP + 20 + SYN_OPTIONS;

pub(super) const FIN: u8 = 1;
pub(super) const SYN: u8 = 2;
pub(super) const RST: u8 = 4;
pub(super) const ACK: u8 = 16;

/// The scale of the windows that are offered.
pub(super) const SCALE: u8 = 7;

/// A segment that came, without its payload.
#[derive(Copy, Clone, Debug)]
pub(super) struct Heard {
    pub(super) from: Ipv4Addr,
    pub(super) src: u16,
    pub(super) dst: u16,
    pub(super) seq: u32,
    pub(super) ack: u32,
    pub(super) flags: u8,
    pub(super) wnd: u16,
    /// The sender's clock.
    pub(super) tsval: u32,
    /// Of a SYN: by how much windows are scaled.
    pub(super) scale: u8,
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// A packet's TCP segment and its payload, if it is one.
pub(super) fn read(packet: &[u8]) -> Option<(Heard, &[u8])> {
    let first = *packet.first()?;
    if first >> 4 != 4 || packet.get(9) != Some(&6) {
        return None;
    }
    let len = usize::from(u16_at(packet, 2)?);
    let tcp = packet.get(4 * usize::from(first & 15)..len)?;
    let headers = 4 * usize::from(tcp.get(12)? >> 4);
    let (options, payload) = (tcp.get(20..headers)?, &tcp[headers..]);
    let (mut tsval, mut scale, mut at) = (0, 0, 0);
    while let Some(&kind) = options.get(at) {
        match kind {
            0 => break,
            1 => at += 1,
            _ => {
                match kind {
                    3 => scale = *options.get(at + 2)?,
                    8 => tsval = u32_at(options, at + 2)?,
                    _ => {}
                }
                at += usize::from(*options.get(at + 1)?).max(2);
            }
        }
    }
    let heard = Heard {
        from: Ipv4Addr::from_bits(u32_at(packet, 12)?),
        src: u16_at(tcp, 0)?,
        dst: u16_at(tcp, 2)?,
        seq: u32_at(tcp, 4)?,
        ack: u32_at(tcp, 8)?,
        flags: tcp[13],
        wnd: u16_at(tcp, 14)?,
        tsval,
        scale,
    };
    Some((heard, payload))
}

/// A segment that goes out.
#[derive(Copy, Clone, Debug)]
pub(super) struct Said {
    pub(super) from: Ipv4Addr,
    pub(super) to: Ipv4Addr,
    pub(super) src: u16,
    pub(super) dst: u16,
    pub(super) seq: u32,
    pub(super) ack: u32,
    pub(super) flags: u8,
    pub(super) wnd: u16,
    pub(super) ts: [u32; 2],
    /// The longest payload of a segment.
    pub(super) mss: u16,
    pub(super) len: usize,
    /// The sum of the payload's 16-bit words.
    pub(super) sum: u64,
}

/// The sum of 16-bit words.
pub(super) fn sum(bytes: &[u8]) -> u64 {
    bytes
        .chunks(2)
        .map(|pair| match *pair {
            [high, low] => u64::from(u16::from_be_bytes([high, low])),
            [last] => u64::from(last) << 8,
            _ => 0,
        })
        .sum()
}

/// The 16 bits that a sum comes to.
fn folded(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

impl Said {
    /// Writes the headers, behind those of the device if it has any; says how many bytes.
    pub(super) fn write(&self, offload: bool, room: &mut [u8; ROOM]) -> usize {
        let before = if offload { VNET } else { 0 };
        let tcp = 32 + if self.flags & SYN == 0 { 0 } else { SYN_OPTIONS - 12 };
        if offload {
            room[..VNET].copy_from_slice(&self.vnet(tcp));
        }
        let packet = &mut room[before..];
        let length = IP + tcp + self.len;
        packet[..IP].fill(0);
        packet[0] = 0x45;
        packet[2..4].copy_from_slice(&(length as u16).to_be_bytes());
        packet[6] = 0x40; // not to be fragmented
        (packet[8], packet[9]) = (64, 6);
        packet[12..16].copy_from_slice(&self.from.octets());
        packet[16..20].copy_from_slice(&self.to.octets());
        let header = !folded(sum(&packet[..IP]));
        packet[10..12].copy_from_slice(&header.to_be_bytes());
        let pseudo = sum(&packet[12..20]) + 6 + (tcp + self.len) as u64;
        self.segment(&mut packet[IP..IP + tcp]);
        let checksum = match offload {
            true => folded(pseudo),
            false => !folded(pseudo + sum(&packet[IP..IP + tcp]) + self.sum),
        };
        packet[IP + 16..IP + 18].copy_from_slice(&checksum.to_be_bytes());
        before + IP + tcp
    }

    /// Whether it is longer than one segment, and that its checksum is to be completed.
    fn vnet(&self, tcp: usize) -> [u8; VNET] {
        let mut header = [0; VNET];
        header[0] = 1;
        if self.len > self.mss.into() {
            header[1] = 1;
            header[2..4].copy_from_slice(&((IP + tcp) as u16).to_ne_bytes());
            header[4..6].copy_from_slice(&self.mss.to_ne_bytes());
        }
        header[6..8].copy_from_slice(&(IP as u16).to_ne_bytes());
        header[8..10].copy_from_slice(&16_u16.to_ne_bytes());
        header
    }

    fn segment(&self, tcp: &mut [u8]) {
        let headers = tcp.len();
        tcp.fill(0);
        tcp[..2].copy_from_slice(&self.src.to_be_bytes());
        tcp[2..4].copy_from_slice(&self.dst.to_be_bytes());
        tcp[4..8].copy_from_slice(&self.seq.to_be_bytes());
        tcp[8..12].copy_from_slice(&self.ack.to_be_bytes());
        tcp[12] = (headers as u8 / 4) << 4;
        tcp[13] = self.flags;
        tcp[14..16].copy_from_slice(&self.wnd.to_be_bytes());
        let mut options = &mut tcp[20..];
        if self.flags & SYN != 0 {
            // The sender's segments have 12 bytes of timestamps, which the MSS does not count.
            let mss = (self.mss + 12).to_be_bytes();
            options[..8].copy_from_slice(&[2, 4, mss[0], mss[1], 1, 3, 3, SCALE]);
            options = &mut options[8..];
        }
        options[..4].copy_from_slice(&[1, 1, 8, 10]);
        options[4..8].copy_from_slice(&self.ts[0].to_be_bytes());
        options[8..12].copy_from_slice(&self.ts[1].to_be_bytes());
    }
}
