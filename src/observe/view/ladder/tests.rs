//! The ladder of told stories, as golden text.

use super::*;
use crate::observe::view::{Live, stories};

fn ladder(records: &[Record], options: Options) -> String {
    let mut ladder = Ladder::new(options);
    records.iter().for_each(|record| ladder.record(record));
    ladder.to_string()
}

fn live(records: &[Record], options: Options) -> String {
    let mut live = Live::new(options);
    let mut out: Vec<String> = records.iter().filter_map(|record| live.line(record)).collect();
    out.extend(live.finish());
    out.join("\n") + "\n"
}

#[test]
fn the_stories_as_ladders() {
    for (name, records) in [
        ("handshake", stories::handshake()),
        ("request", stories::request()),
        ("retransmit", stories::retransmit()),
        ("close", stories::close()),
        ("refused", stories::refused()),
        ("ping", stories::ping()),
        ("udp", stories::udp()),
        ("bulk", stories::bulk()),
    ] {
        stories::golden(&format!("ladder-{name}.txt"), &ladder(&records, Options::default()));
    }
}

#[test]
fn a_narrow_page_in_ascii_with_everything() {
    let style = Style { color: false, unicode: false };
    let options = Options { width: 100, all: true, style, ..Options::default() };
    let text = ladder(&stories::all(), options);
    assert!(text.is_ascii());
    stories::golden("ladder-ascii.txt", &text);
    let text = live(&stories::all(), Options { all: false, ..options });
    assert!(text.is_ascii());
    stories::golden("live-ascii.txt", &text);
}

#[test]
fn the_stories_live() {
    let mut records = stories::retransmit();
    records.extend(stories::bulk());
    stories::golden("live.txt", &live(&records, Options::default()));
}

#[test]
fn no_line_is_wider_than_the_page() {
    for width in [80, 100, 110, 120, 160] {
        for unicode in [true, false] {
            let style = Style { color: false, unicode };
            for all in [true, false] {
                let options = Options { width, all, style, conn: None, absolute: false };
                let records = [stories::all(), stories::bulk()].concat();
                for line in ladder(&records, options).lines().chain(live(&records, options).lines())
                {
                    assert!(columns(line) <= width, "{} > {width}: {line}", columns(line));
                }
            }
        }
    }
}

#[test]
fn no_page_is_too_wide_to_be_drawn() {
    let page = |width| ladder(&stories::bulk(), Options { width, ..Options::default() });
    assert_eq!(page(usize::MAX), page(1_000));
    assert_eq!(page(0), page(80));
}

#[test]
fn colours_change_nothing_but_colours() {
    let records = stories::all();
    let plain = Options::default();
    let style = Style { color: true, ..plain.style };
    for draw in [ladder, live] {
        let colored = draw(&records, Options { style, ..plain });
        assert!(colored.contains("\x1b[31m"));
        let mut bare = String::new();
        for piece in colored.split('\x1b') {
            let text = piece.split_once('m').filter(|(code, _)| code.starts_with('['));
            bare.push_str(text.map_or(piece, |(_, text)| text));
        }
        let trimmed =
            |text: &str| text.lines().map(|l| l.trim_end().to_string()).collect::<Vec<_>>();
        assert_eq!(trimmed(&bare), trimmed(&draw(&records, plain)));
    }
}

#[test]
fn one_connection_takes_its_strays_along() {
    let mut records = stories::handshake();
    records.extend(stories::refused());
    let options = Options { conn: Some(ConnId(1 << 32)), ..Options::default() };
    let text = ladder(&records, options);
    assert!(text.contains("SYN,ACK seq 0 ack 1") && !text.contains("RST"), "{text}");
    assert!(!text.contains("47520"), "{text}");
    let other = ladder(&records, Options { conn: Some(ConnId(2 << 32)), ..Options::default() });
    assert!(other.contains("49152") && !other.contains("47518"), "{other}");
    let none = ladder(&records, Options { conn: Some(ConnId(9 << 32)), ..Options::default() });
    assert_eq!(none, "");
}

#[test]
fn a_collapsed_run_accounts_for_every_row() {
    let text = ladder(&stories::bulk(), Options::default());
    let rows = |text: &str, what: &str| text.lines().filter(|l| l.contains(what)).count() as u64;
    let summary = text.lines().find(|l| l.contains("data segments in")).expect("a summary");
    let number = |before: &str| -> u64 {
        let head = &summary[..summary.find(before).expect(before)];
        head.split([' ', ',']).rfind(|s| !s.is_empty()).expect(before).parse().expect(before)
    };
    assert_eq!(number(" data segments in") + rows(&text, "(1460)"), 200);
    assert_eq!(number(" reads") + rows(&text, "= 2920"), 100);
    assert!(text.lines().count() < 35, "{text}");
}

#[test]
fn the_stories_live_as_tcpdump_spells_them() {
    let mut live = Live::tcpdump(Options::default());
    let records = stories::all();
    let mut lines: Vec<_> = records.iter().filter_map(|record| live.line(record)).collect();
    lines.extend(live.finish());
    stories::golden("live-tcpdump.txt", &(lines.join("\n") + "\n"));
}

#[test]
fn counts_in_tcpdumps_spelling_are_never_cut() {
    let mut live = Live::tcpdump(Options { width: 80, ..Options::default() });
    let mut lines: Vec<_> = stories::bulk().iter().filter_map(|record| live.line(record)).collect();
    lines.extend(live.finish());
    let text = lines.join("\n");
    let count = text.lines().find(|line| line.contains("data segments in")).expect("a count");
    assert!(columns(count) > 80 && count.ends_with("reads …"), "{count}");
}
