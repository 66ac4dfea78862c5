//! Questions and answers, without a socket.

use super::answers::Answerer;
use super::{CLIENTS_MAX, Control, Door, QUESTION_MAX};
use crate::base::Instant;
use crate::net::{Clock, Host};
use crate::stack::{ListenOptions, Setup, Stack};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

struct Still;

impl Clock for Still {
    fn now(&self) -> Instant {
        Instant::from_millis(5)
    }
}

fn host() -> Host {
    let setup = Setup::new([1, 2]).with_iface("glass0", 1500, "10.9.0.2/24".parse().unwrap());
    Host::with_clock(setup, Arc::new(Still))
}

fn ask(host: &Host, question: &str) -> Vec<Value> {
    let answerer = Answerer::new(host.clone(), "glass0");
    let lines: Vec<String> = answerer.answers(question.as_bytes()).collect();
    assert!(lines.iter().all(|line| line.ends_with('\n') && line.matches('\n').count() == 1));
    lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn garbage_is_answered_with_what_is_wrong() {
    let host = host();
    for (question, error) in [
        ("", "not a line of JSON: EOF while parsing a value at line 1 column 0"),
        ("\u{0}\u{1}", "not a line of JSON: expected value at line 1 column 1"),
        ("[]", "the question must say \"version\":1"),
        ("{\"ask\":\"host\"}", "the question must say \"version\":1"),
        ("{\"version\":2,\"ask\":\"host\"}", "version 2 is not spoken here, but 1"),
        (
            "{\"version\":1,\"ask\":\"secrets\"}",
            "\"ask\" must be one of host, sockets, links, routes, neighbours, groups, counters",
        ),
    ] {
        assert_eq!(ask(&host, question), [json!({ "version": 1, "error": error })], "{question}");
    }
    let deep = "[".repeat(4000);
    assert!(ask(&host, &deep)[0]["error"].as_str().unwrap().contains("recursion limit"));
}

#[test]
fn links_and_routes() {
    let host = host();
    let links = ask(&host, r#"{"version":1,"ask":"links"}"#);
    let link = &links[0]["links"][0];
    assert_eq!((&link["ifname"], &link["mtu"]), (&json!("glass0"), &json!(1500)));
    assert_eq!(link["addr_info"][0]["broadcast"], "10.9.0.255");
    let routes = ask(&host, r#"{"version":1,"ask":"routes"}"#);
    let own = json!({
        "dst": "10.9.0.0/24", "dev": "glass0", "protocol": "kernel", "scope": "link",
        "prefsrc": "10.9.0.2", "flags": [],
    });
    assert_eq!(routes, [json!({ "version": 1, "routes": [own] })]);
    let neighbours = ask(&host, r#"{"version":1,"ask":"neighbours"}"#);
    assert_eq!(neighbours, [json!({ "version": 1, "neighbours": [] })]);
}

#[test]
fn many_sockets_come_page_by_page() {
    let host = host();
    let remote = "10.9.0.1:80".parse().unwrap();
    host.with(|stack, now| {
        for _ in 0..300 {
            stack.connect(now, remote, None, None).unwrap();
            stack.bind(now, "10.9.0.2:0".parse().unwrap(), false).unwrap();
        }
        stack.listen(now, "10.9.0.2:80".parse().unwrap(), ListenOptions::default()).unwrap();
    });
    let pages = ask(&host, r#"{"version":1,"ask":"sockets"}"#);
    let more: Vec<_> = pages.iter().map(|page| page["more"] == true).collect();
    assert_eq!(more, [true, true, true, true, false]);
    let all: Vec<_> = pages.iter().flat_map(|page| page["sockets"].as_array().unwrap()).collect();
    let count = |state| all.iter().filter(|socket| socket["state"] == state).count();
    assert_eq!((count("SYN-SENT"), count("UNCONN"), count("LISTEN")), (300, 300, 1));
    let opening = all.iter().find(|socket| socket["state"] == "SYN-SENT").unwrap();
    assert_eq!((&opening["peer"], &opening["cong_alg"]), (&json!("10.9.0.1:80"), &json!("cubic")));
    assert_eq!(opening["info"]["rto"], 1_000_000);
}

#[test]
fn what_is_half_open_is_shown_beside_its_listener() {
    let host = host();
    let at = "10.9.0.2:80".parse().unwrap();
    let (now, peer) = (Instant::from_millis(5), "10.9.0.1/24".parse().unwrap());
    let mut peer = Stack::new(Setup::new([3, 4]).with_iface("wire0", 1500, peer));
    peer.connect(now, at, None, None).unwrap();
    let (iface, syn) = peer.output(now).unwrap();
    host.with(|stack, now| {
        stack.listen(now, at, ListenOptions::default()).unwrap();
        stack.input(now, iface, syn);
    });
    let pages = ask(&host, r#"{"version":1,"ask":"sockets"}"#);
    let all: Vec<_> = pages.iter().flat_map(|page| page["sockets"].as_array().unwrap()).collect();
    let states: Vec<_> = all.iter().map(|socket| socket["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["LISTEN", "SYN-RECV"]);
    assert_eq!((&all[0]["peer"], &all[1]["local"]), (&Value::Null, &json!("10.9.0.2:80")));
    assert!(all[1]["peer"].as_str().unwrap().starts_with("10.9.0.1:"));
}

/// A directory that goes with the test.
struct Scratch(std::path::PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let dir = std::env::temp_dir().join(format!("netglass-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        Scratch(dir)
    }

    fn path(&self) -> std::path::PathBuf {
        self.0.join("glass0.sock")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn complaint(door: Result<Door, crate::cli::Failure>) -> String {
    match door {
        Err(crate::cli::Failure::Usage(what)) => what,
        other => panic!("{other:?} should have been refused"),
    }
}

#[test]
fn a_door_is_its_owners_alone_and_goes_at_the_end() {
    let scratch = Scratch::new("door");
    let door = Door::at(&scratch.path()).unwrap();
    let mode = std::fs::metadata(scratch.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let second = complaint(Door::at(&scratch.path()));
    assert!(second.ends_with("glass0.sock: another host listens there"), "{second}");
    drop(door);
    assert!(!scratch.path().exists());
}

#[test]
fn a_stale_door_is_taken_over_and_anything_else_is_left_alone() {
    let scratch = Scratch::new("stale");
    // The socket of a host that was killed: the file is there, nobody listens.
    drop(std::os::unix::net::UnixListener::bind(scratch.path()).unwrap());
    assert!(scratch.path().exists());
    let door = Door::at(&scratch.path()).unwrap();
    // Somebody else's file in its place is not removed.
    std::fs::remove_file(scratch.path()).unwrap();
    std::fs::write(scratch.path(), "precious").unwrap();
    drop(door);
    let refused = complaint(Door::at(&scratch.path()));
    assert!(refused.ends_with("there is a file that is not a socket"), "{refused}");
    assert_eq!(std::fs::read_to_string(scratch.path()).unwrap(), "precious");
    let nowhere = complaint(Door::at(&scratch.0.join("no/such/dir.sock")));
    assert!(nowhere.contains("No such file"), "{nowhere}");
}

/// A control socket with clients that are kernel sockets.
fn with_control(name: &str, test: impl AsyncFnOnce(&std::path::Path)) {
    let scratch = Scratch::new(name);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let door = Door::at(&scratch.path()).unwrap();
        let _control = Control::start(&host(), "glass0", door).unwrap();
        test(&scratch.path()).await;
    });
    assert!(!scratch.path().exists(), "it goes with the host");
}

async fn exchange(stream: &mut UnixStream, bytes: &[u8]) -> Value {
    stream.write_all(bytes).await.unwrap();
    let mut line = Vec::new();
    while !line.ends_with(b"\n") {
        line.push(stream.read_u8().await.unwrap());
    }
    serde_json::from_slice(&line).unwrap()
}

#[test]
fn one_client_asks_again_and_again_and_others_beside_it() {
    with_control("clients", async |path| {
        let mut first = UnixStream::connect(path).await.unwrap();
        let mut second = UnixStream::connect(path).await.unwrap();
        let question = b"{\"version\":1,\"ask\":\"host\"}\n";
        for client in [&mut first, &mut second] {
            let answer = exchange(client, b"nonsense\n").await;
            assert!(answer["error"].is_string());
            let answer = exchange(client, question).await;
            assert_eq!(answer["host"]["dev"], "glass0");
            assert_eq!(answer["host"]["pid"], std::process::id());
        }
        // A question may come in pieces, and two at a time.
        first.write_all(&question[..10]).await.unwrap();
        let rest = [&question[10..], question].concat();
        assert!(exchange(&mut first, &rest).await["host"].is_object());
        assert!(exchange(&mut first, b"").await["host"].is_object());
    });
}

#[test]
fn questions_and_clients_are_bounded() {
    with_control("bounds", async |path| {
        let mut long = UnixStream::connect(path).await.unwrap();
        let answer = exchange(&mut long, &[b' '; QUESTION_MAX + 1]).await;
        assert_eq!(answer["error"], "the question is longer than 4096 bytes");
        assert_eq!(long.read(&mut [0; 10]).await.unwrap_or(0), 0, "that was the end");
        let mut clients = Vec::new();
        for _ in 0..CLIENTS_MAX {
            let mut client = UnixStream::connect(path).await.unwrap();
            assert!(exchange(&mut client, b"{}\n").await["error"].is_string());
            clients.push(client);
        }
        let mut late = UnixStream::connect(path).await.unwrap();
        assert_eq!(exchange(&mut late, b"").await["error"], "too many clients");
        // When one goes, there is a place: the next who asks is answered.
        clients.pop();
        loop {
            let mut next = UnixStream::connect(path).await.unwrap();
            if next.write_all(b"{}\n").await.is_err() {
                continue; // refused before it asked
            }
            let answer = exchange(&mut next, b"").await;
            if answer["error"] != "too many clients" {
                break assert_eq!(answer["error"], "the question must say \"version\":1");
            }
        }
    });
}
