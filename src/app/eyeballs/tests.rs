//! Races: as a machine, and with attempts that take their time on a clock that stands still.

use super::*;
use std::cell::RefCell;
use std::io;

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn addrs(list: &str) -> Vec<IpAddr> {
    list.split_whitespace().map(|addr| addr.parse().expect("an address")).collect()
}

fn starts(race: &mut Race, now: Instant) -> String {
    let mut text = Vec::new();
    loop {
        match race.next(now) {
            Step::Start(addr) => text.push(addr.to_string()),
            Step::Wait(Some(until)) => {
                text.push(format!("wait {}", until.as_millis()));
                return text.join(" ");
            }
            Step::Wait(None) => return text.join(" "),
            Step::Lost => return [text.join(" "), "lost".to_owned()].concat(),
        }
    }
}

#[test]
fn families_take_turns() {
    let mut race = Race::new();
    assert_eq!(starts(&mut race, at(0)), "");
    race.found(at(5), Family::V6, addrs("fd00::1 fd00::2 fd00::3"));
    assert_eq!(starts(&mut race, at(5)), "fd00::1 wait 255");
    race.found(at(10), Family::V4, addrs("10.0.0.1"));
    assert_eq!(starts(&mut race, at(254)), "wait 255");
    assert_eq!(starts(&mut race, at(255)), "10.0.0.1 wait 505");
    assert_eq!(starts(&mut race, at(600)), "fd00::2 wait 850");
    race.failed(at(610));
    assert_eq!(starts(&mut race, at(610)), "fd00::3", "after a failure, at once");
    (0..2).for_each(|_| race.failed(at(700)));
    assert_eq!(starts(&mut race, at(700)), "", "one is still running");
    race.failed(at(800));
    assert_eq!(starts(&mut race, at(800)), "lost");
}

#[test]
fn ipv4_waits_a_little_for_ipv6() {
    let begun = |v6_at: u64, v6: &str| {
        let mut race = Race::new();
        race.found(at(20), Family::V4, addrs("10.0.0.1"));
        assert_eq!(starts(&mut race, at(20)), "wait 70");
        if v6_at > 70 {
            return starts(&mut race, at(70));
        }
        race.found(at(v6_at), Family::V6, addrs(v6));
        starts(&mut race, at(v6_at))
    };
    assert_eq!(begun(40, "fd00::1"), "fd00::1 wait 290");
    assert_eq!(begun(40, ""), "10.0.0.1");
    assert_eq!(begun(100, "fd00::1"), "10.0.0.1");
    let mut race = Race::new();
    race.found(at(0), Family::V6, []);
    race.found(at(0), Family::V4, []);
    assert_eq!(starts(&mut race, at(0)), "lost");
}

/// Who wins and after how many milliseconds, when look-ups and attempts take their times, and the
/// order of the attempts. An attempt of odd duration fails.
fn race(v6: (u64, &str), v4: (u64, &str), takes: impl Fn(IpAddr) -> u64) -> (String, u64, String) {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().expect("a runtime");
    let sleep = |millis| tokio::time::sleep(Duration::from_millis(millis));
    let order = RefCell::new(Vec::new());
    let found = async |(millis, list): (u64, &str)| {
        sleep(millis).await;
        addrs(list)
    };
    let attempt = async |addr: IpAddr| {
        order.borrow_mut().push(addr.to_string());
        let millis = takes(addr);
        sleep(millis).await;
        if millis.is_multiple_of(2) { Ok(()) } else { Err(io::ErrorKind::ConnectionRefused) }
    };
    let ended = runtime.block_on(async {
        let begun = tokio::time::Instant::now();
        let won = connect(found(v6), found(v4), attempt).await;
        let who = match won {
            Ok((addr, ())) => addr.to_string(),
            Err(Some((addr, error))) => format!("{addr} {error}"),
            Err(None) => "nobody".to_owned(),
        };
        (who, begun.elapsed().as_millis() as u64)
    });
    (ended.0, ended.1, order.into_inner().join(" "))
}

#[test]
fn the_first_to_answer_wins() {
    let row = |who: &str, millis, order: &str| (who.to_owned(), millis, order.to_owned());
    // IPv6 answers soon.
    let quick = race((10, "fd00::1"), (10, "10.0.0.1"), |_| 20);
    assert_eq!(quick, row("fd00::1", 30, "fd00::1"));
    // IPv6 is a black hole: IPv4 starts a quarter of a second later.
    let hole = |addr: IpAddr| if addr.is_ipv6() { 100_000 } else { 20 };
    let both = "fd00::1 10.0.0.1";
    assert_eq!(race((0, "fd00::1 fd00::2"), (0, "10.0.0.1"), hole), row("10.0.0.1", 270, both));
    // IPv6 refuses at once.
    let refuses = |addr: IpAddr| if addr.is_ipv6() { 1 } else { 20 };
    assert_eq!(race((0, "fd00::1"), (0, "10.0.0.1"), refuses), row("10.0.0.1", 21, both));
    // The first is slow, and still the first.
    let slow = |addr: IpAddr| if addr.is_ipv6() { 300 } else { 200 };
    assert_eq!(race((0, "fd00::1"), (0, "10.0.0.1"), slow), row("fd00::1", 300, both));
    // IPv6's name server is silent.
    let silent = race((100_000, ""), (0, "10.0.0.1"), |_| 20);
    assert_eq!(silent, row("10.0.0.1", 70, "10.0.0.1"));
    // Everything fails: the last error is told.
    let last = "10.0.0.1 connection refused";
    let all = race((0, "fd00::1"), (0, "10.0.0.1"), |_| 1);
    assert_eq!(all, row(last, 2, both));
    assert_eq!(race((3, ""), (4, ""), |_| 1), row("nobody", 4, ""));
}
