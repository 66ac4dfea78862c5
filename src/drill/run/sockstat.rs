//! `sockstat … | grep …` and `tcpdrop`, with which scripts for FreeBSD ask for, and end, what no
//! descriptor leads to: the lines are made here, and searched as grep does.

use super::machine::{File, Machine, Place};
use crate::base::ConnId;
use crate::tcp::State;
use std::net::SocketAddr;

/// What came of a command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Told {
    /// It succeeded.
    Found,
    /// It failed: what was looked at.
    Missing(String),
    /// It asks for something that is not known here.
    Refused(String),
}

/// Runs the command, if it is one of these.
pub(super) fn run(text: &str, machine: &mut Machine) -> Option<Told> {
    let stages: Vec<Vec<&str>> =
        text.split('|').map(|stage| stage.split_whitespace().collect()).collect();
    let (first, args) = stages.first()?.split_first()?;
    match first.rsplit('/').next().unwrap_or(first) {
        "sockstat" => Some(match lines(args, machine) {
            Ok(lines) => filter(lines, &stages[1..], text),
            Err(what) => Told::Refused(what),
        }),
        "tcpdrop" if stages.len() == 1 => Some(drop_all(args, machine)),
        _ => None,
    }
}

/// A state by FreeBSD's name.
fn state_name(state: State) -> &'static str {
    match state {
        State::Closed => "CLOSED",
        State::Listen => "LISTEN",
        State::SynSent => "SYN_SENT",
        State::SynReceived => "SYN_RCVD",
        State::Established => "ESTABLISHED",
        State::FinWait1 => "FIN_WAIT_1",
        State::FinWait2 => "FIN_WAIT_2",
        State::CloseWait => "CLOSE_WAIT",
        State::Closing => "CLOSING",
        State::LastAck => "LAST_ACK",
        State::TimeWait => "TIME_WAIT",
    }
}

/// A socket of TCP: its addresses, its state, and whether a process has it open.
type Row = (SocketAddr, Option<SocketAddr>, State, bool);

fn rows(machine: &Machine) -> Vec<Row> {
    let tcp = machine.world.stack.tcp();
    let owned = |place: Place| {
        let is = |file: &File| matches!(file, File::Sock(sock) if sock.place == place);
        machine.files.iter().flatten().any(is)
    };
    let mut rows = Vec::new();
    for slot in tcp.iter().filter(|slot| !slot.conn.is_dead() || owned(Place::Conn(slot.id))) {
        let (pair, own) = (slot.pair, !slot.conn.is_orphan());
        rows.push((pair.local, Some(pair.remote), slot.conn.state(), own));
    }
    for slot in tcp.listeners() {
        rows.push((slot.local, None, State::Listen, true));
        let half_open = slot.listener.embryos();
        rows.extend(
            half_open.map(|(at, _)| (at.local, Some(at.remote), State::SynReceived, false)),
        );
    }
    for file in machine.files.iter().flatten() {
        if let File::Sock(sock) = file
            && sock.place == Place::New
            && !sock.udp
        {
            let at = sock.bound.unwrap_or(machine.configured_local(sock.v6));
            rows.push((at, None, State::Closed, true));
        }
    }
    rows
}

/// The lines that `sockstat` prints with these arguments.
fn lines(args: &[&str], machine: &Machine) -> Result<Vec<String>, String> {
    let (mut v4, mut v6, mut port) = (false, false, None);
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match *arg {
            "-4" => v4 = true,
            "-6" => v6 = true,
            "-s" | "-q" | "-n" | "-c" | "-l" => {}
            "-P" if args.next() == Some(&"tcp") => {}
            "-p" => {
                let number = args.next().and_then(|port| port.parse::<u16>().ok());
                port = Some(number.ok_or("sockstat -p: no port is given")?);
            }
            other => return Err(format!("sockstat {other} is not known")),
        }
    }
    let shown = |row: &&Row| {
        let family = if row.0.is_ipv4() { v4 || !v6 } else { v6 || !v4 };
        let at_port = |port| row.0.port() == port || row.1.is_some_and(|to| to.port() == port);
        family && port.is_none_or(at_port)
    };
    let line = |(local, remote, state, own): &Row| {
        let who = if *own { "root packetdril 1 3" } else { "? ? ? ?" };
        let proto = if local.is_ipv4() { "tcp4" } else { "tcp6" };
        let remote = remote.map_or("*:*".to_owned(), |remote| remote.to_string());
        format!("{who} {proto} {local} {remote} {}", state_name(*state))
    };
    Ok(rows(machine).iter().filter(shown).map(line).collect())
}

/// What a chain of `grep`s makes of lines.
fn filter(mut lines: Vec<String>, stages: &[Vec<&str>], text: &str) -> Told {
    let before = lines.clone();
    for stage in stages {
        let (count, pattern) = match stage.as_slice() {
            ["grep", "-c", pattern] => (true, pattern),
            ["grep", pattern] | ["grep", "-q", pattern] => (false, pattern),
            other => return Told::Refused(format!("the command `{}`", other.join(" "))),
        };
        let pattern = pattern.trim_matches(['\'', '"']);
        if pattern.contains(['.', '*', '[', '\\', '^', '$', '+']) {
            return Told::Refused(format!("grep: the expression {pattern}"));
        }
        lines.retain(|line| line.contains(pattern));
        if count {
            lines = vec![lines.len().to_string()];
        }
    }
    if !lines.is_empty() {
        return Told::Found;
    }
    Told::Missing(format!("`{text}` finds nothing in\n{}", before.join("\n")))
}

/// Ends all connections that are in a state, or all.
fn drop_all(args: &[&str], machine: &mut Machine) -> Told {
    let state = match args {
        ["-a"] => None,
        ["-s", state] => Some(*state),
        _ => return Told::Refused(format!("the command `tcpdrop {}`", args.join(" "))),
    };
    let meant = |of: State| state.is_none_or(|name| name == state_name(of));
    let slots = machine.world.stack.tcp().iter();
    let ids: Vec<ConnId> =
        slots.filter(|slot| meant(slot.conn.state())).map(|slot| slot.id).collect();
    let now = machine.world.now;
    ids.into_iter().for_each(|id| machine.world.stack.abort(now, id));
    Told::Found
}
