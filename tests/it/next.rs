//! Every answer ends with what can be asked next: those commands work as they are printed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A shell that knows `netglass`, and keeps what it has looked at in a directory of its own.
struct Shell {
    state: PathBuf,
    path: String,
}

impl Shell {
    fn new(name: &str) -> Shell {
        let bin = Path::new(env!("CARGO_BIN_EXE_netglass")).parent().unwrap();
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
        let state = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&state).unwrap();
        Shell { state, path }
    }

    fn run(&self, command: &str) -> Output {
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).stdin(Stdio::null()).current_dir(&self.state);
        shell.env("PATH", &self.path).env("XDG_STATE_HOME", &self.state);
        shell.env_remove("RUST_LOG").output().unwrap()
    }

    /// What a command that works says.
    fn says(&self, command: &str) -> String {
        let Output { status, stdout, stderr } = self.run(command);
        let complaint = String::from_utf8_lossy(&stderr);
        assert!(status.success(), "{command}: {status}: {complaint}");
        String::from_utf8(stdout).unwrap()
    }

    /// What a command that cannot work as given complains of.
    fn complains(&self, command: &str) -> String {
        let Output { status, stderr, .. } = self.run(command);
        assert_eq!(status.code(), Some(2), "{command}");
        String::from_utf8(stderr).unwrap()
    }
}

/// The commands that an answer says can come next, in one line or in several.
fn next(answer: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = false;
    for line in answer.lines() {
        open = line.starts_with("next: ") || (open && line.starts_with("      netglass "));
        let commands = line.strip_prefix("next: ").unwrap_or(line).split(['·', '|']);
        let commands = commands.map(str::trim).filter(|words| words.starts_with("netglass "));
        found.extend(commands.filter(|_| open).map(str::to_owned));
    }
    found
}

/// Runs a command, and what its answer says can come next, so many times over.
fn follow(shell: &Shell, command: &str, times: usize, asked: &mut BTreeSet<String>) {
    let answer = shell.says(command);
    for next in next(&answer) {
        if times > 0 && asked.insert(next.clone()) {
            follow(shell, &next, times - 1, asked);
        }
    }
}

#[test]
fn what_comes_next_works_as_it_is_printed() {
    let shell = Shell::new("next");
    let mut all = 0;
    for lab in ["1", "4", "101"] {
        let mut asked = BTreeSet::new();
        follow(&shell, &format!("netglass lab run {lab}"), 2, &mut asked);
        for view in ["ladder", "tcpdump", "observer"] {
            follow(&shell, &format!("netglass {view} {lab}"), 2, &mut asked);
        }
        all += asked.len();
    }
    // What others say comes next works, too, a step deep.
    for lab in ["3", "31", "32", "33", "41", "42", "43", "7", "8", "81", "124", "125"] {
        follow(&shell, &format!("netglass lab run {lab}"), 1, &mut BTreeSet::new());
    }
    for command in ["netglass lab list", "netglass diff 1 4", "netglass bytes 4"] {
        let mut asked = BTreeSet::new();
        follow(&shell, command, 1, &mut asked);
        all += asked.len();
    }
    assert!(all > 20, "few commands are printed: {all}");
}

#[test]
fn events_and_moments_are_named_without_quotes() {
    let shell = Shell::new("names");
    let plain = shell.says("netglass explain 20 --run 1");
    for same in ["netglass explain e20 --run 1", "netglass explain '#20' --run 1"] {
        assert_eq!(shell.says(same), plain);
    }
    assert_eq!(
        shell.says("netglass ss -ti --at e20 --run 1"),
        shell.says("netglass ss -ti --at '#20' --run 1")
    );
    assert!(shell.complains("netglass ss --at x20 --run 1").contains("such as e31"));
    assert!(shell.complains("netglass ss --at e99999 --run 1").contains("its last is #"));
    let late = shell.run("netglass ss --at 9999s --run 1");
    assert!(late.status.success());
    assert!(String::from_utf8(late.stderr).unwrap().contains("the run ended at"));
    assert!(shell.complains("netglass lab run 999").contains("netglass lab list"));
}

#[test]
fn what_is_asked_of_one_host_is_of_that_host() {
    let shell = Shell::new("hosts");
    for view in ["limits", "bytes"] {
        let [client, server] = ["client", "server"]
            .map(|host| shell.says(&format!("netglass {view} 4 --host {host} --json")));
        let name = |host: &str| format!("\"host\":\"{host}\"");
        assert!(client.contains(&name("client")) && !client.contains(&name("server")), "{client}");
        assert!(server.contains(&name("server")) && !server.contains(&name("client")), "{server}");
        assert_ne!(
            shell.says(&format!("netglass {view} 4 --host client")),
            shell.says(&format!("netglass {view} 4 --host server"))
        );
    }
    assert!(shell.complains("netglass limits 4 --host nobody").contains("among client"));
    let both = [shell.says("netglass ladder --run 4"), shell.says("netglass ladder 4")];
    assert_eq!(both[0], both[1]);
    let wire = shell.says("netglass tcpdump 4 --host r1-client");
    assert!(wire.contains(" IP "), "{wire}");
}

#[test]
fn answers_for_machines_can_be_read() {
    let shell = Shell::new("json");
    let value = |command: &str| -> serde_json::Value {
        serde_json::from_str(&shell.says(command)).unwrap()
    };
    let told = value("netglass explain 20 --run 4 --json");
    assert_eq!((&told["event"]["id"], told["event"]["place"].is_string()), (&20.into(), true));
    let blamed = value("netglass blame 20 --run 4 --json");
    assert_eq!(blamed["steps"][0]["event"], told["event"]);
    let limits = value("netglass limits 4 --json");
    for limits in limits.as_array().unwrap() {
        let held = limits["held"].as_array().unwrap().iter();
        let sum: u64 = held.map(|h| h["to"].as_u64().unwrap() - h["from"].as_u64().unwrap()).sum();
        assert_eq!(limits["life"], sum);
    }
    let bytes = value("netglass bytes 4 --host server --json");
    let sent_twice = |range: &serde_json::Value| range["sent"].as_array().unwrap().len() == 2;
    assert!(bytes["ranges"].as_array().unwrap().iter().any(sent_twice), "{bytes}");
    let seen = value("netglass observer 4 --host client --json");
    assert_eq!(seen[0]["place"], "client");
    assert!(seen[0]["verdicts"][0]["right"].is_boolean(), "{seen}");
    let same = value("netglass diff 4 4 --json");
    assert_eq!(same["same"], true);
    let other = value("netglass diff 4 1 --json");
    assert_eq!(other["same"], false);
    assert!(other["runs"][0]["parts_with"]["id"].is_u64(), "{other}");
    assert_eq!(other["runs"][0]["lost"], 1);
}
