//! Domain names (RFC 1034 §3.1): labels as they were spelled, compared without case (RFC 4343).

use std::cmp::Ordering;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// Bytes of a label, at most (RFC 1035 §2.3.4).
const LABEL_MAX: usize = 63;
/// Bytes of a name on the wire, at most, its root's included (RFC 1035 §2.3.4).
const NAME_MAX: usize = 255;

/// A complete name, from its own label to the root.
///
/// ```
/// use netglass::app::dns::Name;
///
/// let name: Name = "Host.glass".parse().unwrap();
/// assert_eq!(name.to_string(), "Host.glass.");
/// assert_eq!(name, "host.GLASS.".parse().unwrap());
/// assert!(name.is_within(&"glass".parse().unwrap()));
/// ```
#[derive(Clone)]
pub struct Name {
    /// Labels with their lengths before them, without the root's zero.
    wire: Box<[u8]>,
}

/// Why a name cannot be one: one sentence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NameError(String);

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NameError {}

impl Name {
    /// The root.
    pub fn root() -> Name {
        Name { wire: Box::default() }
    }

    /// A name of these labels; `None` when one is empty or longer than 63 bytes, or all are longer
    /// than 255.
    pub fn from_labels<'a>(labels: impl IntoIterator<Item = &'a [u8]>) -> Option<Name> {
        let mut wire = Vec::new();
        for label in labels {
            if label.is_empty() || label.len() > LABEL_MAX {
                return None;
            }
            wire.push(label.len() as u8);
            wire.extend_from_slice(label);
        }
        (wire.len() < NAME_MAX).then(|| Name { wire: wire.into() })
    }

    /// Reads a name that is not compressed from the start of `bytes`; also how long it is there.
    pub(super) fn read(bytes: &[u8]) -> Option<(Name, usize)> {
        let mut at = 0;
        loop {
            let length = usize::from(*bytes.get(at)?);
            if length == 0 {
                let wire = bytes[..at].into();
                return (at < NAME_MAX).then_some((Name { wire }, at + 1));
            }
            if length > LABEL_MAX || at >= NAME_MAX {
                return None;
            }
            at += 1 + length;
        }
    }

    /// The name of an address, for PTR records (RFC 1035 §3.5, RFC 3596 §2.5).
    pub fn reverse(addr: IpAddr) -> Name {
        let labels: Vec<String> = match addr {
            IpAddr::V4(addr) => addr.octets().iter().rev().map(u8::to_string).collect(),
            IpAddr::V6(addr) => {
                let nibbles = addr.octets().into_iter().rev().flat_map(|b| [b & 15, b >> 4]);
                nibbles.map(|nibble| format!("{nibble:x}")).collect()
            }
        };
        let tree: &[u8] = if addr.is_ipv4() { b"in-addr" } else { b"ip6" };
        let labels = labels.iter().map(|label| label.as_bytes());
        Name::from_labels(labels.chain([tree, b"arpa"])).unwrap_or_else(Name::root)
    }

    /// The labels, the name's own first.
    pub fn labels(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.wire[..];
        std::iter::from_fn(move || {
            let (length, behind) = rest.split_first()?;
            let (label, behind) = behind.split_at(usize::from(*length));
            rest = behind;
            Some(label)
        })
    }

    /// How many labels there are, without the root's.
    pub fn depth(&self) -> usize {
        self.labels().count()
    }

    /// Whether it is `other`, or below it.
    pub fn is_within(&self, other: &Name) -> bool {
        let skipped = self.depth().checked_sub(other.depth());
        skipped.is_some_and(|skipped| {
            self.labels().skip(skipped).zip(other.labels()).all(|(a, b)| a.eq_ignore_ascii_case(b))
        })
    }

    /// The name above; `None` at the root.
    pub fn parent(&self) -> Option<Name> {
        let length = usize::from(*self.wire.first()?);
        Some(Name { wire: self.wire[1 + length..].into() })
    }

    /// Its labels, followed by those of `origin`; `None` when that is too long.
    pub fn under(&self, origin: &Name) -> Option<Name> {
        Name::from_labels(self.labels().chain(origin.labels()))
    }

    /// The same name with other letter cases: bit n of `bits`, counted round, says whether the nth
    /// byte changes.
    pub(super) fn with_case(&self, bits: u64) -> Name {
        let mut wire = self.wire.clone();
        for (n, byte) in wire.iter_mut().enumerate() {
            // A length is at most 63, below all letters.
            if byte.is_ascii_alphabetic() && bits >> (n % 64) & 1 == 1 {
                *byte ^= 0x20;
            }
        }
        Name { wire }
    }

    /// Whether the two are spelled alike, too.
    pub(super) fn is_spelled(&self, other: &Name) -> bool {
        self.wire == other.wire
    }

    /// The codec's form.
    pub(super) fn coded(&self) -> simple_dns::Name<'_> {
        let labels: Vec<_> = self.labels().map(simple_dns::Label::new_unchecked).collect();
        simple_dns::Name::new_with_labels(&labels)
    }
}

impl FromStr for Name {
    type Err = NameError;

    /// Reads a name as people write it (RFC 1035 §5.1): a dot between labels, `\.` for a dot and
    /// `\DDD` for any byte within one; a dot at the end changes nothing.
    fn from_str(text: &str) -> Result<Name, NameError> {
        let say = |what: &str| NameError(format!("\"{text}\" is no domain name: {what}"));
        if text == "." {
            return Ok(Name::root());
        }
        let (mut labels, mut label) = (Vec::new(), Vec::new());
        let mut bytes = text.bytes();
        while let Some(byte) = bytes.next() {
            match byte {
                b'.' => labels.push(std::mem::take(&mut label)),
                b'\\' => label.push(escaped(&mut bytes).ok_or_else(|| say("a bad \\ escape"))?),
                byte => label.push(byte),
            }
        }
        if !label.is_empty() || labels.is_empty() {
            labels.push(label);
        }
        if labels.iter().any(Vec::is_empty) {
            return Err(say("a label is empty"));
        }
        if labels.iter().any(|label| label.len() > LABEL_MAX) {
            return Err(say("a label is longer than 63 bytes"));
        }
        let name = Name::from_labels(labels.iter().map(Vec::as_slice));
        name.ok_or_else(|| say("it is longer than 255 bytes"))
    }
}

/// The byte that an escape stands for; its backslash has been taken.
fn escaped(bytes: &mut std::str::Bytes<'_>) -> Option<u8> {
    let first = bytes.next()?;
    if !first.is_ascii_digit() {
        return Some(first);
    }
    let mut value = u16::from(first - b'0');
    for _ in 0..2 {
        let digit = bytes.next().filter(u8::is_ascii_digit)?;
        value = value * 10 + u16::from(digit - b'0');
    }
    u8::try_from(value).ok()
}

/// Writes bytes so that no terminal takes them for anything else; `special` ones get a backslash.
pub(super) fn write_escaped(
    f: &mut impl fmt::Write,
    bytes: &[u8],
    special: &[u8],
    space: bool,
) -> fmt::Result {
    for &byte in bytes {
        match byte {
            byte if special.contains(&byte) => write!(f, "\\{}", char::from(byte))?,
            b' ' if space => f.write_char(' ')?,
            b'!'..=b'~' => f.write_char(char::from(byte))?,
            byte => write!(f, "\\{byte:03}")?,
        }
    }
    Ok(())
}

impl fmt::Display for Name {
    /// As [`Name::from_str`] reads it, with the dot at the end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        for label in self.labels() {
            write_escaped(&mut text, label, b".\\\"();@$", false)?;
            text.push('.');
        }
        f.pad(if text.is_empty() { "." } else { &text })
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Name) -> bool {
        // Lengths are no letters, so the whole can be compared at once.
        self.wire.eq_ignore_ascii_case(&other.wire)
    }
}

impl Eq for Name {}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Name) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Any order will do that agrees with equality.
impl Ord for Name {
    fn cmp(&self, other: &Name) -> Ordering {
        let lower = |name: &'_ Name| name.wire.to_ascii_lowercase();
        lower(self).cmp(&lower(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_as_they_are_written() {
        let table = [
            (".", "."),
            ("glass", "glass."),
            ("Host.Glass.", "Host.Glass."),
            (r"a\.b.c", r"a\.b.c."),
            (r"a\032b\255.c", r"a\032b\255.c."),
            ("_http._tcp.glass", "_http._tcp.glass."),
        ];
        for (given, then) in table {
            let name: Name = given.parse().expect(given);
            assert_eq!(name.to_string(), then);
            assert_eq!(then.parse(), Ok(name));
        }
        let (label, long) = ("a".repeat(64), "abcdefg.".repeat(32));
        for bad in ["", "a..b", ".a", "a\\", r"a\25", r"a\256", &label, &long] {
            assert!(bad.parse::<Name>().is_err(), "{bad}");
        }
        assert!("abcdefg.".repeat(31).parse::<Name>().is_ok());
    }

    #[test]
    fn case_matters_to_spelling_only() {
        let names = ["Host.glass", "host.GLASS."].map(|n| n.parse::<Name>().expect(n));
        assert_eq!(names[0], names[1]);
        assert_eq!(names[0].cmp(&names[1]), Ordering::Equal);
        assert!(!names[0].is_spelled(&names[1]));
        let mixed = names[0].with_case(u64::MAX);
        assert_eq!((mixed.to_string().as_str(), &mixed), ("hOST.GLASS.", &names[0]));
    }

    #[test]
    fn names_lie_in_a_tree() {
        let name = |text: &str| text.parse::<Name>().expect("a name");
        assert!(name("a.glass").is_within(&name("glass")));
        assert!(name("glass").is_within(&name("GLASS")));
        assert!(name("glass").is_within(&Name::root()));
        assert!(!name("aglass").is_within(&name("glass")));
        assert!(!name("glass").is_within(&name("a.glass")));
        assert_eq!(name("a.glass").parent(), Some(name("glass")));
        assert_eq!(Name::root().parent(), None);
        assert_eq!(name("www").under(&name("glass")), Some(name("www.glass")));
        let reverse = |addr: &str| Name::reverse(addr.parse().expect("an address")).to_string();
        assert_eq!(reverse("10.9.0.2"), "2.0.9.10.in-addr.arpa.");
        assert!(reverse("fe80::12").starts_with("2.1.0.0.0."), "{}", reverse("fe80::12"));
        assert!(reverse("fe80::12").ends_with(".0.8.e.f.ip6.arpa."), "{}", reverse("fe80::12"));
    }

    #[test]
    fn names_on_the_wire_end() {
        assert_eq!(Name::read(b"\x05glass\x00rest").map(|(_, n)| n), Some(7));
        assert_eq!(Name::read(b"\0"), Some((Name::root(), 1)));
        for bad in [&b""[..], b"\x05glas", b"\x05glass", b"\xc0\x0c", b"\x40", &[1; 400]] {
            assert!(Name::read(bad).is_none());
        }
    }
}
