//! What is written is read, by this reader and by tshark.

use super::*;
use crate::base::Pool;
use etherparse::PacketBuilder;
use std::process::Command;

/// A TCP segment whose checksum is left to the device.
fn segment(pool: &Pool, seq: u32, payload: &[u8]) -> Frame {
    let mut bytes = Vec::new();
    PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
        .tcp(1000, 80, seq, 500)
        .ack(1)
        .write(&mut bytes, payload)
        .expect("a vector takes all");
    let mut frame = Frame { body: pool.copy(&bytes[40..]).into(), ..Frame::default() };
    bytes[36..38].fill(0);
    frame.head.prepend(40).copy_from_slice(&bytes[..40]);
    frame.offload.checksum = Checksum::Partial;
    frame
}

fn texts(all: &[&str]) -> Vec<String> {
    all.iter().map(|text| (*text).to_owned()).collect()
}

/// Times, directions, frames and comments of a small capture.
fn story(pool: &Pool) -> Vec<(u64, Direction, Frame, Vec<String>)> {
    let long = "é".repeat(40_000);
    vec![
        (1_500_000_123, Direction::Out, segment(pool, 1, b""), texts(&["RTO: 1 s", "§3.8.1 — 2"])),
        (1_500_000_124, Direction::In, segment(pool, 1, b"odd"), vec![]),
        (9_000_000_000_000_000_000, Direction::Out, segment(pool, 4, &[7; 1460]), texts(&[&long])),
    ]
}

fn written(pool: &Pool) -> Vec<u8> {
    let mut out = Writer::new(Vec::new(), "host:tun0", LinkType::Ipv4, "seed 42").expect("memory");
    for (at, direction, frame, comments) in story(pool) {
        out.packet(at, direction, &frame, &comments).expect("memory");
    }
    out.finish().expect("memory")
}

#[test]
fn what_is_written_is_read() {
    let pool = Pool::new();
    let file = written(&pool);
    let mut reader = Reader::new(&file[..]).expect("a capture");
    assert_eq!((reader.application(), reader.comment()), (Some("netglass"), Some("seed 42")));
    let packets: Vec<Packet> = reader.by_ref().map(|packet| packet.expect("whole")).collect();
    assert_eq!(reader.interface_name(0), Some("host:tun0"));
    assert_eq!(packets.len(), 3);
    for (packet, (at, direction, mut frame, comments)) in packets.iter().zip(story(&pool)) {
        let comments: Vec<_> = comments.iter().map(|text| cut(text).to_owned()).collect();
        assert_eq!((packet.at, packet.direction, packet.interface), (at, Some(direction), 0));
        assert_eq!((packet.link, &packet.comments), (LinkType::Ipv4, &comments));
        complete_on(Medium::Ip, &mut frame).expect("well made");
        assert_eq!((&packet.bytes, packet.original_len as usize), (&frame.to_vec(), frame.len()));
    }
}

#[test]
fn each_packet_can_be_flushed() {
    let pool = Pool::new();
    let size = |flush: Flush| {
        let out = Writer::new(Vec::new(), "tun0", LinkType::Raw, "").expect("memory");
        let mut out = out.flushing(flush);
        out.packet(0, Direction::In, &segment(&pool, 1, b"x"), &[]).expect("memory");
        out.inner.get_ref().get_ref().len()
    };
    assert_eq!(size(Flush::Buffered), 0);
    assert!(size(Flush::EachPacket) > 100);
}

#[test]
fn a_full_disk_is_reported() {
    let pool = Pool::new();
    let mut room = [0; 200];
    let out = Writer::new(&mut room[..], "tun0", LinkType::Ipv4, "").expect("the headers fit");
    let mut out = out.flushing(Flush::EachPacket);
    let error = out.packet(0, Direction::In, &segment(&pool, 1, &[0; 500]), &[]);
    assert_eq!(error.expect_err("no room").kind(), io::ErrorKind::WriteZero);
}

#[test]
fn damaged_files_end_in_an_error() {
    assert!(Reader::new(&b"no capture"[..]).is_err());
    let file = written(&Pool::new());
    for cut in [file.len() - 1, file.len() / 2, 130] {
        let Ok(reader) = Reader::new(&file[..cut]) else { continue };
        let packets: Vec<_> = reader.collect();
        assert!(packets.iter().rev().skip(1).all(Result::is_ok));
        assert!(packets.last().is_some_and(Result::is_err), "cut at {cut}");
    }
    for at in 0..400 {
        let mut file = file.clone();
        file[at] ^= 0x41;
        if let Ok(reader) = Reader::new(&file[..]) {
            assert!(reader.count() <= 4);
        }
    }
}

#[test]
fn tshark_reads_it() {
    let path = std::env::temp_dir().join(format!("netglass-{}.pcapng", std::process::id()));
    std::fs::write(&path, written(&Pool::new())).expect("a temporary file");
    let mut command = Command::new("tshark");
    command.args(["-n", "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-r"]);
    command.arg(&path).args(["-T", "fields", "-E", "separator=|"]);
    for field in [
        "frame.time_epoch",
        "frame.interface_name",
        "frame.packet_flags_direction",
        "ip.checksum.status",
        "tcp.checksum.status",
        "tcp.len",
        "_ws.malformed",
        "frame.comment",
    ] {
        command.args(["-e", field]);
    }
    let output = command.output();
    std::fs::remove_file(&path).expect("written above");
    let output = match output {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            println!("skipped: tshark is not installed");
            return;
        }
        other => other.expect("tshark starts"),
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("tshark writes UTF-8");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert_eq!(lines[0], "1.500000123|host:tun0|0x00000002|1|1|0||RTO: 1 s,§3.8.1 — 2");
    assert_eq!(lines[1], "1.500000124|host:tun0|0x00000001|1|1|3||");
    let last = "9000000000.000000000|host:tun0|0x00000002|1|1|1460||é";
    assert!(lines[2].starts_with(last), "{}", &lines[2][..100]);
}
