//! What each mechanism is worth: labs with it and without it, to the nanosecond of virtual time.
//! What is expected is written as the checks of a lab are.

use netglass::lab::{Lab, Options, Shipped, run};

/// Runs a lab with other values than its own and other checks, and has them hold.
#[track_caller]
fn holds(lab: &str, sets: &[&str], checks: &str) {
    let shipped = Shipped::find(lab).expect("it is shipped");
    let own = shipped.text.split("[[check]]").next().unwrap_or_default();
    let sets = sets.iter().map(|set| set.split_once('=').expect("PATH=VALUE"));
    let sets: Vec<_> = sets.map(|(path, value)| (path.to_owned(), value.to_owned())).collect();
    let read = Lab::with(lab, &format!("{own}{checks}"), &sets);
    let seen = run(&read.unwrap_or_else(|error| panic!("{error}")), &Options::default());
    let failed: Vec<_> = seen.verdicts.iter().filter(|verdict| !verdict.passed()).collect();
    assert!(failed.is_empty() && !seen.verdicts.is_empty(), "lab {lab} {sets:?}: {failed:#?}");
}

/// RFC 5681, 6675: a lost segment costs a round trip. Without fast retransmit it costs the timer.
#[test]
fn fast_retransmit() {
    let fast = r##"
        [[check]]
        say = "at the third duplicate, a round trip after it was lost"
        find = "server: resends data"
        times = ["107.4768ms"]
        [[check]]
        say = "the window is halved"
        find = "server: ca Recovery"
        of = "ssthresh"
        value = 9490
        [[check]]
        say = "no timer"
        find = "server: timer rto"
        none = true
        [[check]]
        say = "how long the answer takes"
        on = "client"
        says = ["median 633.412 ms"]
    "##;
    holds("lost-packet", &[], fast);
    holds("lost-packet", &["server.tcp.rack=on"], fast);
    holds(
        "lost-packet",
        &["server.tcp.reordering=300"],
        r##"
        [[check]]
        say = "no duplicate counts"
        find = "server: ca Recovery"
        none = true
        [[check]]
        say = "the timer expires a second after the last ACK for new data"
        find = "server: timer rto"
        times = ["1103.8672ms"]
        [[check]]
        say = "with a window of one"
        find = "server: timer rto"
        of = "cwnd"
        value = 1460
        [[check]]
        say = "how long the answer takes"
        on = "client"
        says = ["median 1434.443 ms"]
        "##,
    );
}

/// RFC 9937: the window comes down packet by packet, to the same value.
#[test]
fn proportional_rate_reduction() {
    for (prr, at_once) in [("on", 16_060), ("off", 9490)] {
        let checks = format!(
            r##"
            [[check]]
            say = "the window when recovery begins"
            find = "server: ca Recovery"
            of = "cwnd"
            value = {at_once}
            [[check]]
            say = "the window when it is over"
            find = "server: ca Open"
            of = "cwnd"
            value = 8760
            "##
        );
        holds("lost-packet", &["server.tcp.rack=on", &format!("server.tcp.prr={prr}")], &checks);
    }
}

/// RFC 8985 §7: a lost tail is asked about after two round trips.
#[test]
fn tail_loss_probe() {
    let without = r##"
        [[check]]
        say = "the timer, a second after the last ACK for new data"
        find = "server: resends data"
        times = ["1111.0672ms"]
        [[check]]
        say = "with a window of one"
        find = "server: timer rto"
        of = "cwnd"
        value = 1460
        [[check]]
        say = "how long the answer takes"
        on = "client"
        says = ["median 1132.267 ms"]
    "##;
    holds("tail-lost", &[], without);
    holds(
        "tail-lost",
        &["server.tcp.tlp=on"],
        r##"
        [[check]]
        say = "two smoothed round trips and what the peer may delay an ACK"
        find = "server: resends data"
        times = ["401.050098ms"]
        [[check]]
        say = "no timeout"
        find = "server: timer rto"
        none = true
        [[check]]
        say = "how long the answer takes"
        on = "client"
        says = ["median 422.250 ms"]
        "##,
    );
}

/// RFC 5681 §3.1: after a timeout the window is one segment, and grows from there. A probe before
/// it makes a recovery of it.
#[test]
fn a_window_that_is_lost() {
    holds(
        "window-lost",
        &[],
        r##"
        [[check]]
        say = "one timeout"
        find = "server: timer rto"
        times = ["1060.2096ms"]
        [[check]]
        say = "1, 2, 4 and 3 segments in four round trips"
        find = "server: resends data"
        between = ["1060ms", "1223ms"]
        count = 10
        [[check]]
        say = "how long the answer takes"
        on = "client"
        says = ["median 1207.505 ms"]
        "##,
    );
    holds(
        "window-lost",
        &["server.tcp.tlp=on"],
        r##"
        [[check]]
        say = "the probe is the tenth segment"
        find = "server: resends data #1"
        of = "seq"
        value = 13141
        [[check]]
        say = "its ACK tells that nine are missing"
        find = "server: ca Recovery"
        at = "183.5984ms"
        [[check]]
        say = "no timeout"
        find = "server: timer rto"
        none = true
        [[check]]
        say = "how long the answer takes"
        on = "client"
        says = ["median 329.723 ms"]
        "##,
    );
}

/// RFC 6298 §5.5: when the retransmission is lost, too, the timer waits twice as long.
#[test]
fn a_timer_that_backs_off() {
    holds(
        "window-lost",
        &["r1-client.with=rate 10mbit delay 10ms queue 33 out drop data#1-11"],
        r##"
        [[check]]
        say = "a second, and then two"
        find = "server: timer rto"
        times = ["1060.2096ms", "3060.2096ms"]
        "##,
    );
}

/// What a connection for each request costs: two round trips for one, 180 packets for 47, and a
/// port for a minute each.
#[test]
fn connections() {
    for (words, [out, back], median, left) in
        [("crr", [100, 80], "81.091", 20), ("rr", [24, 23], "40.944", 1)]
    {
        let checks = format!(
            r##"
            [[check]]
            say = "packets"
            frames = "client:0 out any"
            count = {out}
            [[check]]
            say = "packets back"
            frames = "client:0 in any"
            count = {back}
            [[check]]
            say = "a request takes"
            on = "client"
            says = ["20 transactions", "median {median} ms"]
            [[check]]
            say = "what stays behind"
            find = "client: state TIME-WAIT"
            count = {left}
            "##
        );
        let run = format!("program.1.run={words} to server:80 count 20 request 100 response 1000");
        holds("connections", &[&run], &checks);
    }
}

/// RFC 9293 §3.8.4: keep-alive ends what a link that fails for a while would not have; who only
/// sits there has to be ended by an idle time.
#[test]
fn who_says_nothing() {
    holds(
        "idle",
        &["server.tcp.keepalive=off"],
        r##"
        [[check]]
        say = "nobody asks"
        find = "server: timer keepalive"
        none = true
        [[check]]
        say = "nobody is missed"
        on = "gone"
        says = ["2 keys", "2 echoes"]
        "##,
    );
    holds(
        "idle",
        &["program.1.run=serve echo:7 echo:idle=30s"],
        r##"
        [[check]]
        say = "30 s after the quiet one was heard last"
        find = "server: state FIN-WAIT-1 #1"
        at = "30.06s"
        [[check]]
        say = "there is no limit for one client"
        find = "server: rule ClientConnections"
        none = true
        "##,
    );
}

/// RFC 5961 §3.2: once a RST anywhere in the window was enough.
#[test]
fn forged_resets() {
    holds(
        "forged",
        &["client.tcp.lineage=bsd", "client.tcp.insecure_rst=on"],
        r##"
        [[check]]
        say = "the first one ends the connection"
        find = "client: state CLOSED"
        at = "1520ms"
        [[check]]
        say = "nobody is challenged"
        find = "client: rule Challenge"
        none = true
        "##,
    );
    // A challenge goes to the other end, which would answer with a RST if it had no connection.
    holds(
        "forged",
        &["program.3.run=forge syn to server as client:35330", "program.3.on=attacker"],
        r##"
        [[check]]
        say = "a forged SYN is challenged"
        find = "server: rule Challenge"
        at = "2520ms"
        [[check]]
        say = "the challenge reaches the one who has the connection, and nothing comes of it"
        find = "client: receives rst"
        times = ["1520ms", "5520ms"]
        "##,
    );
}

/// RFC 8985 §6: time tells that a retransmission is lost; duplicates do not.
#[test]
fn a_retransmission_that_is_lost() {
    holds(
        "lost-again",
        &[],
        r##"
        [[check]]
        say = "fast, and then by the timer"
        find = "server: resends data"
        times = ["107.4768ms", "1107.4768ms"]
        [[check]]
        say = "how long the answer takes"
        on = "client"
        says = ["median 1625.012 ms"]
        "##,
    );
    holds(
        "lost-again",
        &["server.tcp.rack=on"],
        r##"
        [[check]]
        say = "two round trips apart"
        find = "server: resends data"
        times = ["107.4768ms", "187.5504ms"]
        [[check]]
        say = "no timeout"
        find = "server: timer rto"
        none = true
        [[check]]
        say = "how long the answer takes"
        on = "client"
        says = ["median 669.854 ms"]
        "##,
    );
}

/// RFC 8985 §6.2 waits for what is late; RFC 2883 and 4015 take back what was for nothing.
#[test]
fn reordering() {
    let without_rack = |took: &str, undone: u64| {
        format!(
            r##"
            [[check]]
            say = "one segment is sent again, for nothing"
            find = "client: resends data"
            times = ["168.6144ms"]
            [[check]]
            say = "the window is halved"
            find = "client: ca Recovery"
            of = "ssthresh"
            value = 27010
            [[check]]
            say = "the D-SACK says that it was for nothing"
            find = "client: rule Dsack"
            count = {undone}
            [[check]]
            say = "how long it takes"
            on = "client"
            says = ["{took}", "1 retransmitted"]
            "##
        )
    };
    holds("reordered", &["client.tcp.rack=off"], &without_rack("268.646 ms", 1));
    let sets = ["client.tcp.rack=off", "client.tcp.undo=off"];
    holds("reordered", &sets, &without_rack("284.668 ms", 0));
    holds(
        "reordered",
        &[],
        r##"
        [[check]]
        say = "how long it takes"
        on = "client"
        says = ["249.004 ms", "0 retransmitted"]
        "##,
    );
}

/// RFC 2883: what came twice is told.
#[test]
fn duplicates_are_told() {
    for (dsack, told) in [("on", 1), ("off", 0)] {
        let checks = format!(
            "[[check]]\nsay = \"told\"\nfind = \"client: info dsack_dups\"\ncount = {told}\n"
        );
        holds("duplicated", &[&format!("server.tcp.dsack={dsack}")], &checks);
    }
}

/// Each of three changes ends the wait for each other.
#[test]
fn nagle_and_delayed_acks() {
    let whole = "program.1.run=rr to server:80 count 3 request 20 response 100";
    for (set, median, nagle) in [
        ("client.tcp.nagle=on", "60.224 ms", 3),
        ("client.tcp.nagle=off", "10.192 ms", 0),
        (whole, "10.160 ms", 0),
        ("server.tcp.delayed_ack=off", "20.256 ms", 3),
    ] {
        let checks = format!(
            r##"
            [[check]]
            say = "a transaction takes"
            on = "client"
            says = ["median {median}"]
            [[check]]
            say = "so often Nagle's algorithm holds a piece"
            find = "client: limited nagle"
            count = {nagle}
            "##
        );
        holds("nagle", &[set], &checks);
    }
}

/// What Nagle's algorithm saves a typist, and costs: off at one end it is worse than at none. An
/// ACK that is not delayed travels alone.
#[test]
fn typing() {
    let at_once = "program.1.run=typist to server:7 keys 100 every 20ms";
    let slowly = "program.1.run=typist to server:7 keys 100 every 200ms nagle";
    for (sets, [keys, echoes], [out, back], median) in [
        (&["seed=1"][..], [21, 21], [25, 23], "146.736 ms"),
        (&[at_once, "server.tcp.nagle=off"], [100, 100], [105, 102], "100.656 ms"),
        (&[at_once], [100, 18], [104, 53], "160.696 ms"),
        (&[slowly], [100, 100], [202, 102], "100.656 ms"),
        (&["tcp.delayed_ack=off"], [21, 21], [44, 43], "146.768 ms"),
    ] {
        let checks = format!(
            r##"
            [[check]]
            say = "segments with characters"
            find = "client: sends data"
            count = {keys}
            [[check]]
            say = "segments with echoes"
            find = "server: sends data"
            count = {echoes}
            [[check]]
            say = "packets"
            frames = "client:0 out any"
            count = {out}
            [[check]]
            say = "packets back"
            frames = "client:0 in any"
            count = {back}
            [[check]]
            say = "how late an echo is"
            on = "client"
            says = ["median {median}"]
            "##
        );
        holds("typing", sets, &checks);
    }
}

/// RFC 4987: with cookies the flood is in nobody's way; without timestamps they forget options.
#[test]
fn syn_cookies() {
    let cookies = "program.1.run=serve http:80 backlog=8 syn_cookies=full";
    for (set, at, wscale) in [
        ("client.tcp.timestamps=on", "64.04s", 5),
        (cookies, "1.04s", 5),
        ("server.tcp.timestamps=off", "64.04s", 5),
    ] {
        let checks = format!(
            r##"
            [[check]]
            say = "the client is connected"
            find = "client: state ESTABLISHED"
            at = "{at}"
            [[check]]
            say = "with window scaling"
            find = "client: state ESTABLISHED"
            of = "snd_wscale"
            value = {wscale}
            "##
        );
        holds("syn-flood", &[set], &checks);
    }
    let forgets = r##"
        [[check]]
        say = "at once, but without window scaling"
        find = "client: state ESTABLISHED"
        at = "1.04s"
        [[check]]
        say = "without it"
        find = "client: state ESTABLISHED"
        of = "snd_wscale"
        value = 0
    "##;
    holds("syn-cookies", &["client.tcp.timestamps=off"], forgets);
}

/// RFC 3168: what is marked need not be dropped.
#[test]
fn marks() {
    for (ecn, lost) in [("on", 0), ("off", 23)] {
        let checks = format!(
            r##"
            [[check]]
            say = "dropped"
            find = "path: drops data"
            count = {lost}
            [[check]]
            say = "sent again"
            find = "client: resends data"
            count = {lost}
            "##
        );
        holds("marks", &[&format!("tcp.ecn={ecn}")], &checks);
    }
}

/// RFC 9438 §4.6, 5681 §3.2: seven tenths or a half, and what comes back in a second.
#[test]
fn cubic_and_reno() {
    for (algorithm, left, later) in [("cubic", 1_704_696, 1274), ("newreno", 1_318_380, 911)] {
        let checks = format!(
            r##"
            [[check]]
            say = "what is left of the window"
            find = "client: ca Recovery"
            of = "ssthresh"
            value = {left}
            [[check]]
            say = "and in the third second"
            find = "client: info snd_cwnd"
            between = ["2s", "2.1s"]
            of = "snd_cwnd"
            value = {later}
            within = "0.2%"
            "##
        );
        let sets = [&*format!("client.tcp.congestion={algorithm}"), "duration=2200ms"];
        holds("cubic", &sets, &checks);
    }
}

/// 8 ms for each packet that waits, and nothing gained.
#[test]
fn bufferbloat() {
    for (set, longest, answered) in [
        ("path.queue=100", "551.843/818.282", "20 received"),
        ("path.queue=20", "141.598/180.074", "17 received"),
        ("path.queue=5", "48.127/60.320", "17 received"),
        ("path.codel=", "39.115/55.882", "19 received"),
    ] {
        let checks = format!(
            r##"
            [[check]]
            say = "the mean and the longest ping"
            on = "client"
            program = 2
            says = ["{longest}", "{answered}"]
            [[check]]
            say = "the link is never idle"
            frames = "server:0 in data"
            between = ["5s", "15s"]
            count = "1240..1251"
            "##
        );
        holds("bufferbloat", &[set], &checks);
    }
}

/// Shares of two flows: of another algorithm, and of one that comes late.
#[test]
fn shares() {
    for (lab, set, [near, far], between) in [
        ("far-and-near", "tcp.congestion=newreno", [80, 20], ["0s", "30s"]),
        ("reno-and-cubic", "s1.tcp.congestion=newreno", [49, 51], ["0s", "30s"]),
        ("fair", "program.2.at=10s", [50, 50], ["20s", "30s"]),
    ] {
        let checks = format!(
            r##"
            [[check]]
            say = "the shares"
            share = ["d1:0 in data", "d2:0 in data"]
            between = {between:?}
            percent = [{near}, {far}]
            within = "5%"
            "##
        );
        holds(lab, &[set], &checks);
    }
}
