//! pcapng capture files (draft-ietf-opsawg-pcapng) whose packets carry comments: Wireshark and
//! tshark show them beside each packet and can search them (`frame.comment contains "RTO"`).
//!
//! A file holds one interface, because two views of one path make readers see retransmissions that
//! never were. Timestamps are nanoseconds. Classic pcap is not written: it has no comments.

use crate::base::{Checksum, Frame, Medium};
use crate::stack::LinkSetup;
use crate::wire::split::complete_on;
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption, InterfaceTsResolution,
};
use pcap_file::pcapng::blocks::opt_common::CommonOption;
use pcap_file::pcapng::blocks::section_header::{SectionHeaderBlock, SectionHeaderOption};
use pcap_file::pcapng::{Block, PcapNgReadError, PcapNgReader, PcapNgWriteError, PcapNgWriter};
use pcap_file::{DataLink, Endianness};
use std::borrow::Cow;
use std::io::{self, BufWriter, Read, Write};
use std::time::Duration;

/// The longest comment in bytes; a longer one is cut. An option's length field has 16 bits.
pub const COMMENT_MAX: usize = 65_000;

/// The longest block a [`Reader`] takes, in bytes.
const BLOCK_MAX: usize = 2 << 20;

/// What a frame starts with.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub enum LinkType {
    /// An Ethernet header.
    Ethernet,
    /// An IPv4 header: right for a TUN device without IPv6.
    #[default]
    Ipv4,
    /// An IPv6 header.
    Ipv6,
    /// An IPv4 or IPv6 header. libpcap refuses to read two such interfaces in one file.
    Raw,
    /// Something else: its number in the registry of link types.
    Other(u16),
}

impl LinkType {
    /// What the frames of an interface start with.
    pub fn of(link: &LinkSetup) -> LinkType {
        match link {
            LinkSetup::Ip => LinkType::Raw,
            LinkSetup::Ethernet(_) => LinkType::Ethernet,
        }
    }

    /// The number in the registry of link types.
    pub fn number(self) -> u16 {
        match self {
            LinkType::Ethernet => 1,
            LinkType::Raw => 101,
            LinkType::Ipv4 => 228,
            LinkType::Ipv6 => 229,
            LinkType::Other(number) => number,
        }
    }

    /// The link type of that number.
    pub fn from_number(number: u16) -> LinkType {
        match number {
            1 => LinkType::Ethernet,
            101 => LinkType::Raw,
            228 => LinkType::Ipv4,
            229 => LinkType::Ipv6,
            other => LinkType::Other(other),
        }
    }
}

/// Which way a packet went, as the captured host sees it.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Direction {
    /// It arrived.
    In,
    /// It was sent.
    Out,
}

/// When a [`Writer`] hands packets to what it writes to.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub enum Flush {
    /// When its buffer is full, and at the end.
    #[default]
    Buffered,
    /// After each packet, for a reader that follows a pipe.
    EachPacket,
}

/// Writes a capture. After an error the file ends somewhere inside a packet: write no more to it.
pub struct Writer<W: Write> {
    inner: PcapNgWriter<BufWriter<W>>,
    link: LinkType,
    flush: Flush,
}

impl<W: Write> Writer<W> {
    /// Starts a capture of the interface `name` in `out`. `comment` describes the whole capture
    /// (none when empty).
    ///
    /// # Errors
    /// What `out` answers.
    pub fn new(out: W, name: &str, link: LinkType, comment: &str) -> io::Result<Writer<W>> {
        let mut options = vec![SectionHeaderOption::UserApplication("netglass".into())];
        if !comment.is_empty() {
            options.push(SectionHeaderOption::Common(CommonOption::Comment(cut(comment).into())));
        }
        let endianness = Endianness::Little;
        let section = SectionHeaderBlock { endianness, options, ..Default::default() };
        let mut inner =
            PcapNgWriter::with_section_header(BufWriter::new(out), section).map_err(write_error)?;
        let interface = InterfaceDescriptionBlock {
            linktype: DataLink::from(u32::from(link.number())),
            snaplen: 0,
            options: vec![
                InterfaceDescriptionOption::IfName(cut(name).into()),
                InterfaceDescriptionOption::IfTsResol(InterfaceTsResolution::NANO),
            ],
        };
        inner.write_pcapng_block(interface).map_err(write_error)?;
        Ok(Writer { inner, link, flush: Flush::default() })
    }

    /// Chooses when packets are handed on.
    pub fn flushing(self, flush: Flush) -> Writer<W> {
        Writer { flush, ..self }
    }

    /// Writes a packet with its comments. `at` is nanoseconds since 1970 in a capture of real time,
    /// or since the start in one of virtual time. A partial checksum of an IP packet is completed
    /// in the file.
    ///
    /// # Errors
    /// What the file answers.
    pub fn packet(
        &mut self,
        at: u64,
        direction: Direction,
        frame: &Frame,
        comments: &[String],
    ) -> io::Result<()> {
        let flags = match direction {
            Direction::In => 1,
            Direction::Out => 2,
        };
        let comment = |text: &'_ String| CommonOption::Comment(cut(text).to_owned().into());
        let mut options = vec![EnhancedPacketOption::Flags(flags)];
        options.extend(comments.iter().map(comment).map(EnhancedPacketOption::Common));
        let data = on_wire(self.link, frame);
        let packet = EnhancedPacketBlock {
            interface_id: 0,
            timestamp: Duration::from_nanos(at),
            original_len: data.len() as u32,
            data: Cow::Owned(data),
            options,
        };
        self.inner.write_pcapng_block(packet).map_err(write_error)?;
        match self.flush {
            Flush::Buffered => Ok(()),
            Flush::EachPacket => self.flush(),
        }
    }

    /// Hands on what is buffered.
    ///
    /// # Errors
    /// What the file answers.
    pub fn flush(&mut self) -> io::Result<()> {
        self.inner.get_mut().flush()
    }

    /// Ends the capture; gives back what it was written to.
    ///
    /// # Errors
    /// What the file answers to the rest of the buffer. Dropping the writer also writes the rest,
    /// but tells nobody.
    pub fn finish(self) -> io::Result<W> {
        self.inner.into_inner().into_inner().map_err(io::IntoInnerError::into_error)
    }
}

/// The frame's bytes as a wire carries them.
pub(super) fn on_wire(link: LinkType, frame: &Frame) -> Vec<u8> {
    let medium = match link {
        LinkType::Ethernet => Medium::Ethernet,
        LinkType::Ipv4 | LinkType::Ipv6 | LinkType::Raw => Medium::Ip,
        LinkType::Other(_) => return frame.to_vec(),
    };
    if frame.offload.checksum != Checksum::Partial {
        return frame.to_vec();
    }
    let mut whole = frame.clone();
    // What cannot be completed is shown as it is.
    let _ = complete_on(medium, &mut whole);
    whole.to_vec()
}

/// A packet of a capture.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Packet {
    /// Nanoseconds since 1970, or since the start of virtual time.
    pub at: u64,
    /// Which way it went, if the capture says so.
    pub direction: Option<Direction>,
    /// The interface it was captured on, from 0.
    pub interface: u32,
    /// What its bytes start with.
    pub link: LinkType,
    /// As much of it as was captured.
    pub bytes: Vec<u8>,
    /// Its length in bytes before the capture cut it.
    pub original_len: u32,
    /// What was written beside it.
    pub comments: Vec<String>,
}

/// Reads a capture, also one that another program wrote: an iterator over its packets. It ends at
/// the first error. Memory is bounded: a block beyond 2 MiB is an error.
pub struct Reader<R: Read> {
    inner: PcapNgReader<R>,
    failed: bool,
}

impl<R: Read> Reader<R> {
    /// Starts reading.
    ///
    /// # Errors
    /// `InvalidData` when this is no pcapng file, or what `input` answers.
    pub fn new(input: R) -> io::Result<Reader<R>> {
        let inner = PcapNgReader::with_capacity(input, BLOCK_MAX).map_err(read_error)?;
        Ok(Reader { inner, failed: false })
    }

    /// The program that wrote the capture.
    pub fn application(&self) -> Option<&str> {
        self.inner.section().options.iter().find_map(|option| match option {
            SectionHeaderOption::UserApplication(name) => Some(&**name),
            _ => None,
        })
    }

    /// What the capture says about itself.
    pub fn comment(&self) -> Option<&str> {
        self.inner.section().options.iter().find_map(|option| match option {
            SectionHeaderOption::Common(CommonOption::Comment(text)) => Some(&**text),
            _ => None,
        })
    }

    /// The name of an interface, once a packet of it was read.
    pub fn interface_name(&self, interface: u32) -> Option<&str> {
        let interface = self.inner.interfaces().get(interface as usize)?;
        interface.options.iter().find_map(|option| match option {
            InterfaceDescriptionOption::IfName(name) => Some(&**name),
            _ => None,
        })
    }

    fn read(&mut self) -> Option<io::Result<Packet>> {
        loop {
            let (block, state) = match self.inner.next_block()? {
                Ok(next) => next,
                Err(e) => return Some(Err(read_error(e))),
            };
            let Block::EnhancedPacket(block) = block else { continue };
            // The parser refuses packets of interfaces that were not described.
            let link = state.interfaces().get(block.interface_id as usize)?.linktype;
            return Some(Ok(packet(block, u32::from(link))));
        }
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = io::Result<Packet>;

    fn next(&mut self) -> Option<io::Result<Packet>> {
        if self.failed {
            return None;
        }
        let next = self.read();
        self.failed = matches!(next, Some(Err(_)));
        next
    }
}

fn packet(block: EnhancedPacketBlock<'_>, link: u32) -> Packet {
    let mut direction = None;
    let mut comments = Vec::new();
    for option in block.options {
        match option {
            EnhancedPacketOption::Flags(flags) => {
                direction = match flags & 3 {
                    1 => Some(Direction::In),
                    2 => Some(Direction::Out),
                    _ => None,
                };
            }
            EnhancedPacketOption::Common(CommonOption::Comment(text)) => {
                comments.push(text.into_owned());
            }
            _ => {}
        }
    }
    Packet {
        at: u64::try_from(block.timestamp.as_nanos()).unwrap_or(u64::MAX),
        direction,
        interface: block.interface_id,
        link: LinkType::from_number(link as u16),
        bytes: block.data.into_owned(),
        original_len: block.original_len,
        comments,
    }
}

/// As much of a text as an option holds.
fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(COMMENT_MAX)]
}

fn write_error(error: PcapNgWriteError) -> io::Error {
    match error {
        PcapNgWriteError::Io(error) => error,
        other => io::Error::new(io::ErrorKind::InvalidInput, other),
    }
}

fn read_error(error: PcapNgReadError) -> io::Error {
    match error {
        PcapNgReadError::Io(error) => error,
        other => io::Error::new(io::ErrorKind::InvalidData, other),
    }
}

#[cfg(test)]
mod tests;
