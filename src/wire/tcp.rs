//! The TCP header and its options (RFC 9293 §3.1, §3.2).
//!
//! etherparse slices the fixed header; options are walked here, because an unknown option must be
//! skipped by its length (MUST-6) and a malformed one must not hide those before it.

use crate::base::{Head, Seq, Why};
use arrayvec::ArrayVec;
use etherparse::TcpSlice;
use std::fmt;

/// The control bits (RFC 9293 §3.1), as in bytes 12 and 13 of the header; AE is RFC 9768's.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub struct Ctl(pub u16);

impl Ctl {
    /// No bit set.
    pub const NONE: Ctl = Ctl(0);
    /// No more data from the sender.
    pub const FIN: Ctl = Ctl(1);
    /// Synchronize sequence numbers.
    pub const SYN: Ctl = Ctl(1 << 1);
    /// Reset the connection.
    pub const RST: Ctl = Ctl(1 << 2);
    /// Push.
    pub const PSH: Ctl = Ctl(1 << 3);
    /// The acknowledgment field is significant.
    pub const ACK: Ctl = Ctl(1 << 4);
    /// The urgent pointer is significant.
    pub const URG: Ctl = Ctl(1 << 5);
    /// ECN echo.
    pub const ECE: Ctl = Ctl(1 << 6);
    /// Congestion window reduced.
    pub const CWR: Ctl = Ctl(1 << 7);
    /// Accurate ECN.
    pub const AE: Ctl = Ctl(1 << 8);

    /// Whether all bits of `other` are set.
    pub const fn has(self, other: Ctl) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both sets of bits.
    pub const fn with(self, other: Ctl) -> Ctl {
        Ctl(self.0 | other.0)
    }

    /// These bits without those of `other`.
    pub const fn without(self, other: Ctl) -> Ctl {
        Ctl(self.0 & !other.0)
    }

    /// FIN.
    pub const fn fin(self) -> bool {
        self.has(Ctl::FIN)
    }

    /// SYN.
    pub const fn syn(self) -> bool {
        self.has(Ctl::SYN)
    }

    /// RST.
    pub const fn rst(self) -> bool {
        self.has(Ctl::RST)
    }

    /// URG.
    pub const fn urg(self) -> bool {
        self.has(Ctl::URG)
    }
}

/// As tcpdump prints them: `S.`, `P.`, `F.`, `R`, `.`, `none`.
impl fmt::Display for Ctl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LETTERS: [(Ctl, &str); 9] = [
            (Ctl::FIN, "F"),
            (Ctl::SYN, "S"),
            (Ctl::RST, "R"),
            (Ctl::PSH, "P"),
            (Ctl::ACK, "."),
            (Ctl::URG, "U"),
            (Ctl::ECE, "E"),
            (Ctl::CWR, "W"),
            (Ctl::AE, "e"),
        ];
        if self.0 == 0 {
            return f.write_str("none");
        }
        LETTERS.iter().filter(|(bit, _)| self.has(*bit)).try_for_each(|(_, c)| f.write_str(c))
    }
}

impl fmt::Debug for Ctl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// TSval and TSecr (RFC 7323 §3.2).
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Timestamps {
    /// The sender's timestamp clock.
    pub val: u32,
    /// The timestamp echoed; valid when ACK is set.
    pub ecr: u32,
}

/// SACK blocks as [left, right) edges, at most four (RFC 2018 §3).
pub type SackBlocks = ArrayVec<(Seq, Seq), 4>;

/// In which order options are written; read, they may come in any (RFC 9293 §3.2).
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub enum Layout {
    /// MSS, SACK-permitted, timestamps, window scale; NOPs stand before. As Linux.
    #[default]
    Linux,
    /// By number: MSS, window scale, SACK-permitted, timestamps; the rest is filled from behind.
    /// As FreeBSD.
    ByKind,
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Layout::Linux => "linux",
            Layout::ByKind => "by-kind",
        })
    }
}

/// The kind of options under trial (RFC 6994), and what tells that it is about fast open.
const EXPERIMENT: u8 = 254;
const EXPERIMENT_FAST_OPEN: [u8; 2] = [0xf9, 0x89];

/// A fast-open option (RFC 7413 §4.1.1): a cookie, or, if empty, the wish for one.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FastOpen {
    /// The cookie, 4 to 16 bytes, an even number; nothing asks for one.
    pub cookie: ArrayVec<u8, 16>,
    /// Of the kind that was used before the option had a number of its own.
    pub experimental: bool,
}

impl FastOpen {
    /// What a segment says; `None` for a length that no cookie has.
    // Rules: 7413-4.1.1-1, 7413-4.1.1-2.
    fn read(data: &[u8], experimental: bool) -> Option<FastOpen> {
        let cookie = ArrayVec::try_from(data).ok()?;
        let fits = matches!(data.len(), 0 | 4 | 6 | 8 | 10 | 12 | 14 | 16);
        fits.then_some(FastOpen { cookie, experimental })
    }

    /// What is before the cookie, its own length included.
    fn head(&self) -> ArrayVec<u8, 4> {
        let len = self.cookie.len() as u8;
        let [hi, lo] = EXPERIMENT_FAST_OPEN;
        let head = [EXPERIMENT, 4 + len, hi, lo];
        let own = [34, 2 + len];
        let bytes = if self.experimental { &head[..] } else { &own };
        bytes.iter().copied().collect()
    }

    /// The encoded length in bytes, filled up to a multiple of 4.
    pub fn len(&self) -> usize {
        (self.head().len() + self.cookie.len()).next_multiple_of(4)
    }

    /// Whether it asks for a cookie.
    pub fn is_empty(&self) -> bool {
        self.cookie.is_empty()
    }
}

/// The options this stack speaks.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// Maximum segment size, bytes; on SYN only.
    pub mss: Option<u16>,
    /// Window scale as sent (a receiver clamps to 14); on SYN only.
    pub wscale: Option<u8>,
    /// SACK permitted; on SYN only.
    pub sack_permitted: bool,
    /// Timestamps.
    pub ts: Option<Timestamps>,
    /// Selective acknowledgments.
    pub sack: SackBlocks,
    /// The user timeout as sent (RFC 5482 §2): 15 bits of seconds, or of minutes with the topmost.
    pub uto: Option<u16>,
    /// Fast open; on SYN only.
    pub fast_open: Option<FastOpen>,
    /// How they are written; reading does not tell.
    pub layout: Layout,
}

/// Bytes of options that are timestamps and nothing else, with two NOPs in front.
const TS_ALONE: usize = 12;

impl Options {
    /// The MSS that is told; zero tells none.
    pub fn told_mss(&self) -> Option<u16> {
        self.mss.filter(|mss| *mss > 0)
    }

    /// The encoded length in bytes, a multiple of 4, 0..=40.
    pub fn len(&self) -> usize {
        if self.only_ts().is_some() { TS_ALONE } else { self.len_of_all() }
    }

    /// The timestamps, when there is nothing else: as in nearly every segment.
    #[inline]
    fn only_ts(&self) -> Option<Timestamps> {
        let Options { mss, wscale, sack_permitted, ts, sack, uto, fast_open, layout: _ } = self;
        let of_syn = mss.is_some() || wscale.is_some() || *sack_permitted || fast_open.is_some();
        ts.filter(|_| !of_syn && sack.is_empty() && uto.is_none())
    }

    fn len_of_all(&self) -> usize {
        let sack = if self.sack.is_empty() { 0 } else { 4 + 8 * self.sack.len() };
        let ts = match (self.ts, self.sack_permitted) {
            (Some(_), true) => 12, // SACK-permitted takes the place of the two NOPs
            (Some(_), false) => 12,
            (None, true) => 4,
            (None, false) => 0,
        };
        let words = [self.mss.is_some(), self.wscale.is_some(), self.uto.is_some()];
        let fast_open = self.fast_open.as_ref().map_or(0, FastOpen::len);
        4 * words.iter().filter(|is_there| **is_there).count() + ts + sack + fast_open
    }

    /// With a fast-open option, if there is room for it (RFC 7413 §4.2.2: else without).
    #[must_use]
    pub fn with_fast_open(mut self, option: Option<FastOpen>) -> Options {
        let room = 40 - self.len();
        self.fast_open = option.filter(|option| option.len() <= room);
        self
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads options (RFC 9293 §3.2): unknown ones are skipped by length (MUST-6, MUST-7), a
    /// malformed one ends the walk and keeps what came before it.
    #[inline]
    pub fn parse(bytes: &[u8]) -> Options {
        let word = |b: &[u8; 4]| u32::from_be_bytes(*b);
        if let ([[1, 1, 8, 10], val, ecr], []) = bytes.as_chunks() {
            let ts = Some(Timestamps { val: word(val), ecr: word(ecr) });
            return Options { ts, ..Options::default() };
        }
        Options::walk(bytes)
    }

    // Rules: MUST-5, MUST-68, MUST-64.
    fn walk(mut bytes: &[u8]) -> Options {
        let mut options = Options::default();
        while let [kind, rest @ ..] = bytes {
            match kind {
                0 => break,
                1 => bytes = rest,
                _ => {
                    let Some(len) = rest.first().map(|l| usize::from(*l)) else { break };
                    if len < 2 || len > bytes.len() {
                        break;
                    }
                    options.take(*kind, &bytes[2..len]);
                    bytes = &bytes[len..];
                }
            }
        }
        options
    }

    // Rules: MUST-4.
    fn take(&mut self, kind: u8, data: &[u8]) {
        let word =
            |at: usize| u32::from_be_bytes([data[at], data[at + 1], data[at + 2], data[at + 3]]);
        match (kind, data.len()) {
            (2, 2) => self.mss = Some(u16::from_be_bytes([data[0], data[1]])),
            (3, 1) => self.wscale = Some(data[0]),
            (4, 0) => self.sack_permitted = true,
            (5, 8 | 16 | 24 | 32) => {
                self.sack = (0..data.len())
                    .step_by(8)
                    .map(|at| (Seq(word(at)), Seq(word(at + 4))))
                    .collect();
            }
            (28, 2) => self.uto = Some(u16::from_be_bytes([data[0], data[1]])),
            (8, 8) => self.ts = Some(Timestamps { val: word(0), ecr: word(4) }),
            (34, _) => self.fast_open = FastOpen::read(data, false),
            (EXPERIMENT, 2..) if data[..2] == EXPERIMENT_FAST_OPEN => {
                self.fast_open = FastOpen::read(&data[2..], true);
            }
            _ => {}
        }
    }

    /// Writes options; `out` is exactly [`Options::len`] long, which both layouts need.
    #[inline]
    fn emit(&self, out: &mut [u8]) {
        if let (Some(ts), [begin, val, ecr]) = (self.only_ts(), out.as_chunks_mut().0) {
            *begin = [1, 1, 8, 10];
            (*val, *ecr) = (ts.val.to_be_bytes(), ts.ecr.to_be_bytes());
            return;
        }
        match self.layout {
            Layout::Linux => self.emit_as_linux(out),
            Layout::ByKind => self.emit_by_kind(out),
        }
    }

    #[inline(never)]
    fn emit_by_kind(&self, out: &mut [u8]) {
        let mut at = 0;
        // NOPs in front until the place, modulo 4, is `place`.
        let mut put = |place: usize, bytes: &[u8]| {
            while at % 4 != place {
                out[at] = 1;
                at += 1;
            }
            out[at..at + bytes.len()].copy_from_slice(bytes);
            at += bytes.len();
        };
        if let Some(mss) = self.mss {
            let [hi, lo] = mss.to_be_bytes();
            put(0, &[2, 4, hi, lo]);
        }
        if let Some(shift) = self.wscale {
            put(1, &[3, 3, shift]);
        }
        if self.sack_permitted {
            put(0, &[4, 2]);
        }
        if let Some(ts) = self.ts {
            put(2, &[8, 10]);
            put(0, &ts.val.to_be_bytes());
            put(0, &ts.ecr.to_be_bytes());
        }
        if !self.sack.is_empty() {
            put(2, &[5, 2 + 8 * self.sack.len() as u8]);
            for (left, right) in &self.sack {
                put(0, &left.0.to_be_bytes());
                put(0, &right.0.to_be_bytes());
            }
        }
        if let Some(uto) = self.uto {
            let [hi, lo] = uto.to_be_bytes();
            put(0, &[28, 4, hi, lo]);
        }
        if let Some(option) = &self.fast_open {
            put(0, &[&option.head()[..], &option.cookie].concat());
        }
        out[at..].fill(0);
    }

    // Rules: MUST-69.
    #[inline(never)]
    fn emit_as_linux(&self, out: &mut [u8]) {
        let mut at = 0;
        let mut put = |bytes: &[u8]| {
            out[at..at + bytes.len()].copy_from_slice(bytes);
            at += bytes.len();
        };
        if let Some(mss) = self.mss {
            let [hi, lo] = mss.to_be_bytes();
            put(&[2, 4, hi, lo]);
        }
        match (self.sack_permitted, self.ts.is_some()) {
            (true, true) => put(&[4, 2]),
            (true, false) => put(&[1, 1, 4, 2]),
            (false, true) => put(&[1, 1]),
            (false, false) => {}
        }
        if let Some(ts) = self.ts {
            put(&[8, 10]);
            put(&ts.val.to_be_bytes());
            put(&ts.ecr.to_be_bytes());
        }
        if let Some(shift) = self.wscale {
            put(&[1, 3, 3, shift]);
        }
        if let Some(uto) = self.uto {
            let [hi, lo] = uto.to_be_bytes();
            put(&[28, 4, hi, lo]);
        }
        if !self.sack.is_empty() {
            put(&[1, 1, 5, 2 + 8 * self.sack.len() as u8]);
            for (left, right) in &self.sack {
                put(&left.0.to_be_bytes());
                put(&right.0.to_be_bytes());
            }
        }
        if let Some(option) = &self.fast_open {
            put(&option.head());
            put(&option.cookie);
            out[at..].fill(1);
        }
    }
}

/// A TCP header. The checksum is not part of it: `ip` knows the pseudo-header.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Header {
    /// Source port.
    pub src: u16,
    /// Destination port.
    pub dst: u16,
    /// SEG.SEQ.
    pub seq: Seq,
    /// SEG.ACK, when the ACK bit is set.
    pub ack: Option<Seq>,
    /// The control bits, ACK included.
    pub ctl: Ctl,
    /// The window field, unscaled.
    pub wnd: u16,
    /// The urgent pointer, significant with URG.
    pub urg: u16,
    /// The options.
    pub options: Options,
}

/// Offset of the checksum field in the header, bytes.
pub const CHECKSUM_OFFSET: usize = 16;

impl Header {
    /// Reads the header at the start of `bytes`; also its length in bytes.
    pub fn parse(bytes: &[u8]) -> Result<(Header, usize), Why> {
        let slice = TcpSlice::from_slice(bytes).map_err(|_| Why::TcpHeaderLength)?;
        let ctl = Ctl(u16::from(bytes[12] & 1) << 8 | u16::from(bytes[13]));
        let header = Header {
            src: slice.source_port(),
            dst: slice.destination_port(),
            seq: Seq(slice.sequence_number()),
            ack: slice.ack().then(|| Seq(slice.acknowledgment_number())),
            ctl,
            wnd: slice.window_size(),
            urg: slice.urgent_pointer(),
            options: Options::parse(slice.options()),
        };
        Ok((header, usize::from(slice.data_offset()) * 4))
    }

    /// The header's encoded length in bytes, 20..=60.
    pub fn encoded_len(&self) -> usize {
        20 + self.options.len()
    }

    /// Writes the header in front of `head`, the checksum field holding `checksum`.
    ///
    /// # Panics
    /// When the options exceed 40 bytes.
    pub fn emit(&self, head: &mut Head, checksum: u16) {
        let len = self.encoded_len();
        assert!(len <= 60, "TCP options fit 40 bytes");
        let out = head.prepend(len);
        out[0..2].copy_from_slice(&self.src.to_be_bytes());
        out[2..4].copy_from_slice(&self.dst.to_be_bytes());
        out[4..8].copy_from_slice(&self.seq.0.to_be_bytes());
        out[8..12].copy_from_slice(&self.ack.unwrap_or_default().0.to_be_bytes());
        out[12] = (len as u8 / 4) << 4 | (self.ctl.0 >> 8) as u8 & 1;
        out[13] = self.ctl.0 as u8;
        out[14..16].copy_from_slice(&self.wnd.to_be_bytes());
        out[16..18].copy_from_slice(&checksum.to_be_bytes());
        out[18..20].copy_from_slice(&self.urg.to_be_bytes());
        self.options.emit(&mut out[20..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn options_skip_the_unknown_and_keep_what_came_before_the_malformed() {
        let walk = [2, 4, 5, 0xb4, 34, 4, 1, 2, 1, 3, 3, 7, 0, 9];
        let options = Options::parse(&walk);
        assert_eq!((options.mss, options.wscale), (Some(1460), Some(7)));
        let cut = Options::parse(&[2, 4, 5, 0xb4, 3, 0, 7]);
        assert_eq!((cut.mss, cut.wscale), (Some(1460), None));
        assert_eq!(Options::parse(&[8]), Options::default());
        assert_eq!(Options::parse(&[5, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0]), Options::default());
    }

    #[test]
    fn syn_options_are_laid_out_as_linux_does() {
        let options = Options {
            mss: Some(1460),
            wscale: Some(10),
            sack_permitted: true,
            ts: Some(Timestamps { val: 1, ecr: 0 }),
            ..Options::default()
        };
        let mut out = vec![0; options.len()];
        options.emit(&mut out);
        assert_eq!(out, [2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 10]);
    }

    #[test]
    fn syn_options_by_kind_are_laid_out_as_freebsd_does() {
        let mut options = Options {
            mss: Some(1460),
            wscale: Some(6),
            sack_permitted: true,
            ts: Some(Timestamps { val: 1, ecr: 0 }),
            layout: Layout::ByKind,
            ..Options::default()
        };
        let written = |options: &Options| {
            let mut out = vec![0xff; options.len()];
            options.emit(&mut out);
            out
        };
        let whole = [2, 4, 5, 0xb4, 1, 3, 3, 6, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0];
        assert_eq!(written(&options), whole);
        options.ts = None;
        assert_eq!(written(&options), [2, 4, 5, 0xb4, 1, 3, 3, 6, 4, 2, 0, 0]);
    }

    #[test]
    fn flags_print_as_tcpdump_does() {
        assert_eq!(Ctl::SYN.with(Ctl::ACK).to_string(), "S.");
        assert_eq!(Ctl::PSH.with(Ctl::ACK).to_string(), "P.");
        assert_eq!(Ctl::NONE.to_string(), "none");
    }

    fn options() -> impl Strategy<Value = Options> {
        let ts = proptest::option::of((any::<u32>(), any::<u32>()));
        let sack = proptest::collection::vec((any::<u32>(), any::<u32>()), 0..3);
        let cookie = (any::<bool>(), prop_oneof![Just(0), 2..=8usize], any::<[u8; 16]>());
        let fast_open = cookie.prop_map(|(experimental, pairs, bytes)| FastOpen {
            cookie: bytes[..2 * pairs].iter().copied().collect(),
            experimental,
        });
        let rest = (any::<(bool, Option<u16>)>(), proptest::option::of(fast_open));
        (any::<Option<u16>>(), proptest::option::of(0u8..=14), any::<bool>(), ts, sack, rest)
            .prop_map(|(mss, wscale, sack_permitted, ts, sack, ((by_kind, uto), fast_open))| {
                Options {
                    mss,
                    wscale,
                    sack_permitted,
                    ts: ts.map(|(val, ecr)| Timestamps { val, ecr }),
                    sack: sack.into_iter().map(|(l, r)| (Seq(l), Seq(r))).collect(),
                    uto,
                    fast_open,
                    layout: if by_kind { Layout::ByKind } else { Layout::Linux },
                }
            })
            .prop_filter("fits", |o| o.len() <= 40)
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            src: u16, dst: u16, seq: u32, ack: Option<u32>, ctl in 0u16..512, wnd: u16, urg: u16,
            options in options(),
        ) {
            let acks = if ack.is_some() { Ctl::ACK } else { Ctl::NONE };
            let ctl = Ctl(ctl).without(Ctl::ACK).with(acks);
            let (seq, ack) = (Seq(seq), ack.map(Seq));
            let header = Header { src, dst, seq, ack, ctl, wnd, urg, options };
            let mut head = Head::new();
            header.emit(&mut head, 0xbeef);
            prop_assert_eq!(head.len(), header.encoded_len());
            let plain = Options { layout: Layout::Linux, ..header.options.clone() };
            let read = Header { options: plain, ..header };
            prop_assert_eq!(Header::parse(&head), Ok((read, head.len())));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Ok((header, len)) = Header::parse(&bytes) {
                prop_assert!((20..=60).contains(&len) && len <= bytes.len());
                prop_assert_eq!(header.ack.is_some(), header.ctl.has(Ctl::ACK));
            }
        }
    }
}
