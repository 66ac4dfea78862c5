//! Messages as `dig` shows them, column by column.

use super::lookup::status;
use super::message::{Raw, Type};
use super::name::{Name, write_escaped};
use simple_dns::rdata::RData;
use simple_dns::{Packet, ResourceRecord};
use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The columns at which time to live, class, type and data begin.
const COLUMNS: [usize; 4] = [24, 32, 40, 48];
/// Columns between tab stops.
const TAB: usize = 8;
/// The options of EDNS(0) that are known here: cookies and errors (RFC 7873, RFC 8914).
const COOKIE: u16 = 10;
const ERROR: u16 = 15;

/// A line whose parts begin at columns.
#[derive(Default)]
struct Line {
    text: String,
    column: usize,
}

impl Line {
    fn push(&mut self, part: &str) {
        self.text.push_str(part);
        self.column += part.len();
    }

    /// Goes on at `column`, or one behind if that has been passed.
    fn at(&mut self, column: usize, part: &str) {
        let to = column.max(self.column + 1);
        let tabs = to / TAB - self.column / TAB;
        if tabs > 0 {
            self.text.extend(std::iter::repeat_n('\t', tabs));
            self.column = to / TAB * TAB;
        }
        self.text.extend(std::iter::repeat_n(' ', to - self.column));
        self.column = to;
        self.push(part);
    }
}

/// The header, what EDNS(0) says, and the sections.
pub(super) fn show(raw: &Raw, length: usize) -> String {
    let mut text = String::from(";; Got answer:\n");
    // Writing to a string cannot fail.
    let _ = header(&mut text, raw);
    let Some(packet) = raw.packet() else {
        let _ = writeln!(text, ";; Got bad packet: FORMERR\n{length} bytes\n");
        return text;
    };
    let _ = edns(&mut text, raw, &packet);
    if let Some(question) = raw.question() {
        text += ";; QUESTION SECTION:\n";
        let mut line = Line::default();
        line.push(&format!(";{}", question.name));
        line.at(COLUMNS[1], &class(question.class));
        line.at(COLUMNS[2], &question.rtype.to_string());
        text += &line.text;
        text += "\n\n";
    }
    let mut data = data(raw, &packet).into_iter();
    let sections = [
        ("ANSWER", &packet.answers),
        ("AUTHORITY", &packet.name_servers),
        ("ADDITIONAL", &packet.additional_records),
    ];
    for (name, records) in sections.into_iter().filter(|(_, records)| !records.is_empty()) {
        let _ = writeln!(text, ";; {name} SECTION:");
        for (record, data) in records.iter().zip(&mut data) {
            text += &line(record, &data);
            text.push('\n');
        }
        text.push('\n');
    }
    text
}

/// The data of the answers, a line each.
pub(super) fn short(raw: &Raw) -> String {
    let Some(packet) = raw.packet() else { return String::new() };
    let lines = data(raw, &packet).into_iter().take(packet.answers.len());
    lines.map(|(_, data)| data + "\n").collect()
}

fn header(text: &mut String, raw: &Raw) -> std::fmt::Result {
    let opcode = match raw.opcode() {
        0 => "QUERY".to_owned(),
        other => format!("RESERVED{other}"),
    };
    let (status, id) = (status(raw.rcode()), raw.id());
    writeln!(text, ";; ->>HEADER<<- opcode: {opcode}, status: {status}, id: {id}")?;
    let names = ["qr", "aa", "tc", "rd", "ra", "ad", "cd"];
    let bits = [0x8000, 0x400, 0x200, 0x100, 0x80, 0x20, 0x10];
    let is_set = |bit: u16| raw.flags() & bit != 0;
    write!(text, ";; flags:")?;
    for (name, _) in names.iter().zip(bits).filter(|(_, bit)| is_set(*bit)) {
        write!(text, " {name}")?;
    }
    let [questions, answers, authority, additional] = [0, 1, 2, 3].map(|n| raw.count(n));
    write!(text, "; QUERY: {questions}, ANSWER: {answers}, AUTHORITY: {authority}")?;
    writeln!(text, ", ADDITIONAL: {additional}")?;
    if is_set(0x100) && !is_set(0x80) {
        writeln!(text, ";; WARNING: recursion requested but not available")?;
    }
    writeln!(text)
}

fn edns(text: &mut String, raw: &Raw, packet: &Packet<'_>) -> std::fmt::Result {
    let Some(edns) = raw.edns() else { return Ok(()) };
    let flags = if edns.dnssec { " do" } else { "" };
    writeln!(text, ";; OPT PSEUDOSECTION:")?;
    writeln!(text, "; EDNS: version: {}, flags:{flags}; udp: {}", edns.version, edns.size)?;
    for option in packet.opt().map_or(&[][..], |opt| &opt.opt_codes) {
        match (option.code, &option.data[..]) {
            (COOKIE, data) => writeln!(text, "; COOKIE: {}", hex(data))?,
            (ERROR, [high, low, said @ ..]) => {
                write!(text, "; EDE: {}", u16::from_be_bytes([*high, *low]))?;
                if !said.is_empty() {
                    write!(text, ": (")?;
                    write_escaped(text, said, b"", true)?;
                    write!(text, ")")?;
                }
                writeln!(text)?;
            }
            (code, data) => writeln!(text, "; OPT={code}: {}", hex(data))?,
        }
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn class(class: u16) -> String {
    match class {
        1 => "IN".to_owned(),
        3 => "CH".to_owned(),
        4 => "HS".to_owned(),
        254 => "NONE".to_owned(),
        255 => "ANY".to_owned(),
        other => format!("CLASS{other}"),
    }
}

fn line(record: &ResourceRecord<'_>, (rtype, data): &(Type, String)) -> String {
    let mut line = Line::default();
    line.push(&name(&record.name));
    line.at(COLUMNS[0], &record.ttl.to_string());
    line.at(COLUMNS[1], &class(record.class.into()));
    line.at(COLUMNS[2], &rtype.to_string());
    line.at(COLUMNS[3], data);
    line.text
}

fn name(name: &simple_dns::Name<'_>) -> String {
    Name::from_labels(name.as_bytes()).unwrap_or_else(Name::root).to_string()
}

/// Type and data of all records but EDNS(0), in order.
fn data(raw: &Raw, packet: &Packet<'_>) -> Vec<(Type, String)> {
    let sections = [&packet.answers, &packet.name_servers, &packet.additional_records];
    let decoded = sections.into_iter().flatten();
    let raws = raw.records().iter().filter(|record| record.rtype != Type::OPT);
    let shown = raws
        .zip(decoded)
        .map(|(bytes, record)| (bytes.rtype, value(&record.rdata, raw.data(bytes))));
    shown.collect()
}

/// A record's data as master files have it (RFC 1035 §5, RFC 3597 §5).
fn value(rdata: &RData<'_>, bytes: &[u8]) -> String {
    match rdata {
        RData::A(a) => Ipv4Addr::from(a.address).to_string(),
        RData::AAAA(a) => Ipv6Addr::from(a.address).to_string(),
        RData::NS(target) => name(target),
        RData::CNAME(target) => name(target),
        RData::PTR(target) => name(target),
        RData::MX(mx) => format!("{} {}", mx.preference, name(&mx.exchange)),
        RData::SRV(srv) => {
            format!("{} {} {} {}", srv.priority, srv.weight, srv.port, name(&srv.target))
        }
        RData::SOA(soa) => {
            let [refresh, retry, expire] =
                [soa.refresh, soa.retry, soa.expire].map(i32::cast_unsigned);
            let names = format!("{} {}", name(&soa.mname), name(&soa.rname));
            format!("{names} {} {refresh} {retry} {expire} {}", soa.serial, soa.minimum)
        }
        // The codec passes over text that is empty or begins with an equals sign.
        RData::TXT(_) | RData::HINFO(_) => strings(bytes),
        _ => {
            let text = format!("\\# {} {}", bytes.len(), hex(bytes).to_uppercase());
            text.trim_end().to_owned()
        }
    }
}

/// Character strings (RFC 1035 §3.3), in quotes.
fn strings(mut bytes: &[u8]) -> String {
    let mut text = String::new();
    while let Some((length, rest)) = bytes.split_first() {
        let (string, behind) = rest.split_at(usize::from(*length).min(rest.len()));
        text += if text.is_empty() { "\"" } else { " \"" };
        let _ = write_escaped(&mut text, string, b"\"\\", true);
        text.push('"');
        bytes = behind;
    }
    text
}
