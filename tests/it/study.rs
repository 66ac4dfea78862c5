//! The study tools on runs of whole networks.

mod stories;

use netglass::base::EventId;
use netglass::observe::log::{Entry, Log};
use netglass::observe::view::run::{Page, blame, explain};
use netglass::tcp::{Plan, RtxRule};

fn find<'a>(log: &'a Log, is_meant: impl Fn(&Entry) -> bool) -> &'a Entry {
    log.entries().iter().find(|entry| is_meant(entry)).expect("the story has one")
}

fn is_again(entry: &Entry, meant: RtxRule) -> bool {
    stories::sent(entry)
        .is_some_and(|(_, plan)| matches!(plan, Plan::Retransmit { rule, .. } if *rule == meant))
}

#[track_caller]
fn holds(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

#[track_caller]
fn fits(text: &str) {
    let lines = text.lines().count();
    assert!(lines <= 25, "{lines} lines:\n{text}");
    for line in text.lines().filter(|line| !line.starts_with("next: ")) {
        assert!(line.chars().count() <= 100, "{line}");
    }
}

#[test]
fn every_entry_of_every_story_is_explained_and_blamed_on_a_page() {
    let stories =
        [stories::clean(), stories::data_lost(), stories::tail_lost(), stories::syn_lost()];
    for log in stories {
        for entry in log.entries() {
            let text = explain(&log, entry.id, &Page::default()).expect("it is in the log");
            fits(&text);
            holds(&text, &["WHAT", "WHY", &format!("#{}", entry.id), "next: netglass blame"]);
            assert!(text.lines().nth(1).is_some_and(|line| line.len() > 15), "{text}");
            let text = blame(&log, entry.id, &Page::default()).expect("it is in the log");
            fits(&text);
            holds(&text, &["ROOTS"]);
        }
        assert_eq!(explain(&log, EventId(999_999), &Page::default()), None);
        assert_eq!(blame(&log, EventId(0), &Page::default()), None);
    }
}

#[test]
fn a_fast_retransmission_leads_to_the_fault() {
    let log = stories::data_lost();
    let again = find(&log, |entry| is_again(entry, RtxRule::FastRetransmit));
    let (gone, lost) = stories::drops(&log)[0];
    let text = explain(&log, again.id, &Page::default()).unwrap();
    eprintln!("{text}");
    holds(
        &text,
        &[
            &format!("RETRANSMISSION of #{}", lost.id),
            "server → client",
            "three duplicate ACKs",
            "RFC 5681 §3.2",
            "RTO: set by #",
            &format!("the loss of #{}: #{}", lost.id, gone.id),
            &format!("netglass whatif --keep {}", lost.id),
        ],
    );
    let text = blame(&log, again.id, &Page::default()).unwrap();
    eprintln!("{text}");
    holds(
        &text,
        &[
            &format!("#{} is sent again because #{} was lost", again.id, lost.id),
            &format!("line: dropped #{}", lost.id),
        ],
    );
    let text = explain(&log, lost.id, &Page::default()).unwrap();
    eprintln!("{text}");
    holds(&text, &[&format!("sent again as #{}", again.id)]);
}

#[test]
fn a_timeout_leads_to_the_fault() {
    let log = stories::tail_lost();
    let again = find(&log, |entry| is_again(entry, RtxRule::Rto));
    let (_, lost) = stories::drops(&log)[0];
    let text = explain(&log, again.id, &Page::default()).unwrap();
    eprintln!("{text}");
    holds(
        &text,
        &[
            &format!("RETRANSMISSION of #{}", lost.id),
            "the retransmission timer expired",
            "of 3 duplicate ACKs",
        ],
    );
    let text = blame(&log, again.id, &Page::default()).unwrap();
    eprintln!("{text}");
    holds(&text, &["timer rto expired", "timer rto set", &format!("line: dropped #{}", lost.id)]);
}

#[test]
fn a_lost_syn_is_found() {
    let log = stories::syn_lost();
    let again = find(&log, |entry| {
        stories::sent(entry).is_some_and(|(_, plan)| matches!(plan, Plan::RetransmitSyn { .. }))
    });
    let text = blame(&log, again.id, &Page::default()).unwrap();
    eprintln!("{text}");
    holds(&text, &["connect(10.0.0.2:80)", "line: dropped #"]);
}
