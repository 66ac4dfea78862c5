//! What a run's log is in other programs' formats: a transfer that loses packets, exported, and
//! read again.

use netglass::base::{Instant, Mac};
use netglass::observe::export::{Conn, Index, csv, plots, queues, xpl};
use netglass::observe::log::{Event, Log};
use netglass::sim::{Net, Port, Wire};
use netglass::stack::{Ethernet, ListenOptions, Setup};
use netglass::tcp;

/// A run: its log, and what was seen at the sender's port.
struct Run {
    log: Log,
    #[cfg(feature = "pcap")]
    seen: std::sync::Arc<std::sync::Mutex<Vec<netglass::observe::export::capture::Seen>>>,
    #[cfg(feature = "pcap")]
    place: netglass::observe::log::PlaceId,
}

/// A sends `bytes` to B over a wire.
fn run(words: &str, bytes: usize) -> Run {
    let mut net = Net::new(5);
    let host = |n: u8| {
        let addr = format!("10.0.0.{n}/24").parse().expect("an address");
        let setup = Setup::new([0, 0]).with_iface("eth0", 1500, addr);
        setup.on_ethernet(Ethernet { dad_transmits: 0, ..Ethernet::new(Mac([2, 0, 0, 0, 0, n])) })
    };
    let (a, b) = (net.host("a", host(1)), net.host("b", host(2)));
    net.join("ab", Port(a, 0), Port(b, 0), Wire::from_words(words).expect(words)).expect("ports");
    net.keep_log();
    #[cfg(feature = "pcap")]
    let seen = tapped(&mut net, Port(a, 0));
    let to = "10.0.0.2:80".parse().expect("an address");
    let listen =
        |stack: &mut netglass::stack::Stack, now| stack.listen(now, to, ListenOptions::default());
    let listener = net.handle(b).with(listen).expect("a listener");
    let conn = net.handle(a).with(|stack, now| stack.connect(now, to, None, None)).expect("conn");
    let (data, mut room) = (vec![7; 65_536], vec![0; 65_536]);
    let (mut sent, mut got, mut accepted, mut millis) = (0, 0, None, 0);
    while got < bytes {
        millis += 5;
        assert!(millis < 100_000, "{got} of {bytes}");
        net.run(Instant::from_millis(millis));
        net.handle(a).with(|stack, now| {
            while let Ok(n) = stack.write(now, conn, &data[..data.len().min(bytes - sent)])
                && n > 0
            {
                sent += n;
            }
        });
        net.handle(b).with(|stack, now| {
            accepted = accepted.or_else(|| stack.accept(now, listener).ok());
            let Some((conn, _)) = accepted else { return };
            while let Ok(n) = stack.read(now, conn, &mut room) {
                got += n;
            }
        });
    }
    net.run(Instant::from_millis(millis + 1_000));
    let log = net.log().expect("it is kept").clone();
    Run {
        log,
        #[cfg(feature = "pcap")]
        seen,
        #[cfg(feature = "pcap")]
        place: a.place(),
    }
}

#[cfg(feature = "pcap")]
fn tapped(
    net: &mut Net,
    port: Port,
) -> std::sync::Arc<std::sync::Mutex<Vec<netglass::observe::export::capture::Seen>>> {
    use netglass::observe::export::capture::Seen;
    use netglass::observe::pcapng::Direction;
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let list = std::sync::Arc::clone(&seen);
    let tap = move |s: &netglass::sim::Seen<'_>| {
        let direction = match s.way {
            netglass::sim::Way::Out => Direction::Out,
            netglass::sim::Way::In => Direction::In,
        };
        let frame = s.frame.clone();
        list.lock().expect("nobody panicked").push(Seen { at: s.at, direction, frame });
    };
    net.tap(Some(port), Box::new(tap));
    seen
}

/// What a writer writes.
fn bytes(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out).expect("memory");
    out
}

fn text(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> String {
    String::from_utf8(bytes(write)).expect("text")
}

/// The sender's end.
fn sender(log: &Log) -> Conn {
    let all = Index::new(log).conns().to_vec();
    assert_eq!(all.len(), 2, "both ends are in the log");
    assert_eq!((all[0].local, all[0].remote), (all[1].remote, all[1].local));
    all[0]
}

/// A table as numbers, by the names of its columns; texts and gaps are 0.
fn table(text: &str) -> Vec<std::collections::BTreeMap<&str, u64>> {
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().expect("a header").split(',').collect();
    let row = |line: &'_ str| {
        let values: Vec<u64> = line.split(',').map(|v| v.parse().unwrap_or(0)).collect();
        assert_eq!(values.len(), names.len(), "{line}");
        names.iter().copied().zip(values).collect()
    };
    lines.map(row).collect()
}

const LOSSY: &str = "delay 20ms loss 2% rate 10mbit queue 20";

#[test]
fn tables_add_up() {
    let Run { log, .. } = run(LOSSY, 300_000);
    let conn = sender(&log);
    let numbers = text(|out| csv::conn(&Index::new(&log), &conn, out));
    let rows = table(&numbers);
    assert!(rows.iter().all(|row| row["snd_una"] <= row["snd_nxt"]));
    assert!(rows.is_sorted_by_key(|row| (row["t_ns"], row["snd_una"])));
    let last = rows.last().expect("rows");
    assert_eq!((last["snd_una"], last["flight"]), (300_001, 0), "the SYN and all bytes");
    assert!(rows.iter().any(|row| row["ssthresh"] > 0 && row["srtt_us"] >= 40_000));

    let segments = text(|out| csv::segments(&Index::new(&log), &conn, out));
    let lost = table(&segments).iter().filter(|row| row["lost"] == 1).count();
    let gone = |entry: &&netglass::observe::log::Entry| match &entry.event {
        Event::Wire(wire) => wire.way == 0 && wire.gone().is_some(),
        _ => false,
    };
    let gone = log.entries().iter().filter(gone);
    // Of pure ACKs and ARP, which take no sequence numbers, none is in the table.
    let with_data = gone.filter(|entry| {
        let cause = log.get(entry.causes[0]).map(|entry| &entry.event);
        let Some(Event::Host(netglass::stack::Event::Tcp(tcp::Event::Sent { seg, .. }))) = cause
        else {
            return false;
        };
        seg.len > 0 || seg.ctl.syn() || seg.ctl.fin()
    });
    assert_eq!(lost, with_data.count());
    assert!(lost > 3);

    let [to, back] = queues::ways(&log)[..] else { panic!("one wire") };
    assert_eq!(to.name(&log), "ab, a to b");
    let queue = text(|out| csv::queue(&Index::new(&log), to, out));
    let rows = table(&queue);
    assert_eq!(rows.iter().map(|row| row["packets"]).max(), Some(20));
    assert_eq!(rows.last().map(|row| (row["packets"], row["bytes"])), Some((0, 0)));
    assert!(rows.is_sorted_by_key(|row| row["t_ns"]));
    let full = |line: &&str| line.contains(",dropped,");
    assert!(queue.lines().filter(full).all(|line| line.contains(",dropped,20,")), "when full");
    assert!(!table(&text(|out| csv::queue(&Index::new(&log), back, out))).is_empty());
}

/// Whether elements are closed in order; how many there are.
fn elements(svg: &str) -> usize {
    let mut open = Vec::new();
    let mut count = 0;
    for part in svg.split('<').skip(1) {
        let (tag, _) = part.split_once('>').expect("a tag ends");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
            continue;
        }
        count += 1;
        if !tag.ends_with('/') {
            open.push(tag.split(' ').next().expect("a name"));
        }
    }
    assert!(open.is_empty(), "{open:?}");
    count
}

#[test]
fn pictures_stay_small_and_whole() {
    for (words, bytes) in [(LOSSY, 200_000), ("delay 20ms loss 0.3% rate 100mbit", 4_000_000)] {
        let Run { log, .. } = run(words, bytes);
        let conn = sender(&log);
        let way = queues::ways(&log)[0];
        let pictures = [
            text(|out| plots::time_sequence(&Index::new(&log), &conn, out)),
            text(|out| plots::windows(&Index::new(&log), &conn, out)),
            text(|out| plots::round_trips(&Index::new(&log), &conn, out)),
            text(|out| plots::queue(&Index::new(&log), way, out)),
        ];
        for picture in pictures {
            assert!(picture.len() < 200_000, "{} bytes", picture.len());
            assert!(elements(&picture) > 10);
            assert!(picture.contains("prefers-color-scheme:dark") && !picture.contains("script"));
        }
        let xpl = text(|out| xpl::time_sequence(&Index::new(&log), &conn, out));
        let words = ["line ", "uarrow ", "darrow ", "diamond ", "dtick ", "atext "];
        let drawn = xpl.lines().filter(|line| words.iter().any(|word| line.starts_with(word)));
        assert!(drawn.count() > 100);
        assert!(xpl.starts_with("dtime signed\ntitle\n") && xpl.ends_with("\ngo\n"));
    }
}

#[cfg(feature = "cli")]
#[test]
fn qlog_is_a_web_of_causes() {
    use netglass::observe::export::qlog::{self, Scope};
    let Run { log, .. } = run(LOSSY, 300_000);
    let file = text(|out| qlog::write(&Index::new(&log), Scope::Network, "a test", out));
    let head = &file[..256];
    assert!(head.contains("\"file_schema\"") && head.contains("\"serialization_format\""));
    let texts: Vec<&str> = file.split('\u{1e}').skip(1).collect();
    assert!(texts.iter().all(|text| text.ends_with('\n')), "RFC 7464");
    let values: Vec<serde_json::Value> =
        texts.iter().map(|text| serde_json::from_str(text).expect(text)).collect();
    assert_eq!(values.len(), log.entries().len() + 2);
    for (event, entry) in values[2..].iter().zip(log.entries()) {
        assert_eq!(event["id"], entry.id.0);
        let causes = event["cause"].as_array().expect("a list");
        assert!(causes.iter().all(|cause| cause.as_u64() < event["id"].as_u64()), "{event}");
        assert!(event["name"].as_str().is_some_and(|name| name.contains(':')), "{event}");
        assert_eq!(event["why"].is_object(), event["data"]["trigger"].is_string(), "{event}");
    }
    let named = |name: &str| values.iter().filter(|event| event["name"] == name).count();
    assert!(named("tcp:segment_sent") > 70 && named("link:dropped") > 1);
    assert!(named("tcp:congestion_state_updated") > 0 && named("tcp:timer_updated") > 0);
    // Times are exact: nanoseconds, as text.
    let last = log.entries().last().expect("entries").at.as_nanos();
    let millis = format!("\"time\":{}.{:06},", last / 1_000_000, last % 1_000_000);
    assert!(texts.last().is_some_and(|text| text.contains(&millis)));
}

#[cfg(feature = "cli")]
#[test]
fn qvis_gets_packets_that_are_sent_once() {
    use std::collections::BTreeSet;
    let Run { log, .. } = run(LOSSY, 300_000);
    let conn = sender(&log);
    let file =
        text(|out| netglass::observe::export::qvis::write(&Index::new(&log), &conn, "a test", out));
    let file: serde_json::Value = serde_json::from_str(&file).expect("JSON");
    assert_eq!(file["qlog_version"], "0.3");
    let events = file["traces"][0]["events"].as_array().expect("events");
    assert!(events.is_sorted_by(|a, b| a["time"].as_f64() <= b["time"].as_f64()));
    let mut sent: BTreeSet<u64> = BTreeSet::new();
    let (mut acked, mut lost) = (BTreeSet::new(), BTreeSet::new());
    for event in events {
        let number = event["data"]["header"]["packet_number"].as_u64();
        let frames = event["data"]["frames"].as_array().map_or(&[][..], Vec::as_slice);
        match event["name"].as_str() {
            Some("transport:packet_sent") => {
                assert!(sent.insert(number.expect("a number")), "no number twice");
            }
            Some("recovery:packet_lost") => {
                assert!(lost.insert(number.expect("a number")), "no number twice");
            }
            Some("transport:packet_received") => {
                for range in frames.iter().filter_map(|frame| frame["acked_ranges"].as_array()) {
                    for range in range {
                        let (from, to) = (range[0].as_u64(), range[1].as_u64());
                        let range = from.expect("a number")..=to.expect("a number");
                        assert!(range.clone().all(|number| acked.insert(number)), "acked once");
                    }
                }
            }
            _ => {}
        }
    }
    assert!(acked.is_subset(&sent) && lost.is_subset(&sent) && acked.is_disjoint(&lost));
    assert!(lost.len() > 3 && acked.len() > 200, "{} {}", lost.len(), acked.len());
}

#[cfg(feature = "pcap")]
#[test]
fn captures_say_what_became_of_each_packet() {
    use netglass::base::Medium;
    use netglass::observe::export::capture::{Point, pcap, pcapng};
    use netglass::observe::pcapng::{Direction, LinkType, Reader};
    let Run { log, seen, place } = run(LOSSY, 100_000);
    let seen = seen.lock().expect("nobody panicked");
    let point = Point { name: "a:eth0".into(), place, medium: Medium::Ethernet };
    let file = bytes(|out| pcapng(&Index::new(&log), &point, "a test", seen.iter(), out));
    let packets: Vec<_> =
        Reader::new(&file[..]).expect("a capture").map(|packet| packet.expect("whole")).collect();
    assert_eq!(packets.len(), seen.len());
    for (packet, seen) in packets.iter().zip(seen.iter()) {
        assert_eq!((packet.at, packet.link), (seen.at.as_nanos(), LinkType::Ethernet));
        assert_eq!(packet.bytes, seen.frame.to_vec());
        assert!(packet.comments[0].contains(" sent by "), "{:?}", packet.comments);
    }
    let lost = packets.iter().filter(|packet| packet.direction == Some(Direction::Out));
    let lost = lost.filter(|packet| packet.comments.iter().any(|text| text.contains("by ab: ")));
    let gone = log.entries().iter().filter(|entry| match &entry.event {
        Event::Wire(wire) => wire.way == 0 && wire.gone().is_some(),
        _ => false,
    });
    assert_eq!(lost.count(), gone.count(), "each loss is beside its packet");

    let classic = bytes(|out| pcap(&point, seen.iter(), out));
    let sizes: usize = seen.iter().map(|seen| 16 + seen.frame.len()).sum();
    assert_eq!(classic.len(), 24 + sizes);
    let magic = u32::from_le_bytes(classic[..4].try_into().expect("four bytes"));
    assert!([0xa1b2_3c4d_u32, 0xa1b2_3c4d_u32.swap_bytes()].contains(&magic), "nanoseconds");
}

#[test]
#[cfg(feature = "pcap")]
fn a_storm_does_not_swell_its_captures() {
    use netglass::base::Medium;
    use netglass::link::bridge::Config;
    use netglass::observe::export::capture::{Point, pcapng};
    use netglass::sim::Bounds;
    let mut net = Net::new(1);
    let setup = Setup::new([0, 0]).with_iface("eth0", 1500, "10.0.0.1/24".parse().expect("addr"));
    let a = net.host("a", setup.on_ethernet(Ethernet::new(Mac([2, 0, 0, 0, 0, 1]))));
    let [one, two] = ["one", "two"].map(|name| net.switch(name, Config::new(3)));
    let ways = [(a, 0, one, 0), (one, 1, two, 1), (one, 2, two, 2)];
    for (n, (from, at, to, there)) in ways.into_iter().enumerate() {
        let wire = Wire::from_words("delay 1us").expect("words");
        net.join(&format!("w{n}"), Port(from, at), Port(to, there), wire).expect("ports");
    }
    net.keep_log();
    net.set_bounds(Bounds { events: 5000, ..Bounds::default() });
    let seen = tapped(&mut net, Port(a, 0));
    net.run(Instant::from_millis(1000));
    let seen = seen.lock().expect("nobody panicked");
    assert!(seen.len() > 500, "{} frames", seen.len());
    let point = Point { name: "a:eth0".into(), place: a.place(), medium: Medium::Ethernet };
    let log = net.log().expect("it is kept");
    let file = bytes(|out| pcapng(&Index::new(log), &point, "a storm", seen.iter(), out));
    assert!(file.len() < seen.len() * 4000, "{} bytes of {} frames", file.len(), seen.len());
}
