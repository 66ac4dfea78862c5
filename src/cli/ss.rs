//! `netglass ss`: the sockets of a running host, as ss prints those of Linux.

mod info;
mod services;

use super::args::AskArgs;
use super::ask::Asked;
use super::{Failure, Outcome, talk};
use clap::Args;
use serde_json::Value;
use services::Services;
use std::net::SocketAddr;
use std::process::ExitCode;

#[derive(Args, Debug, Default)]
pub(super) struct SsArgs {
    #[command(flatten)]
    pub(super) ask: AskArgs,
    /// TCP sockets
    #[arg(short, long)]
    pub(super) tcp: bool,
    /// UDP sockets
    #[arg(short, long)]
    pub(super) udp: bool,
    /// Only listening sockets
    #[arg(short, long)]
    pub(super) listening: bool,
    /// All sockets
    #[arg(short, long)]
    pub(super) all: bool,
    /// Numbers instead of the names of services, and exact rates
    #[arg(short, long)]
    pub(super) numeric: bool,
    /// What TCP knows: round trips, windows, counters
    #[arg(short, long)]
    pub(super) info: bool,
    /// More about each socket
    #[arg(short, long)]
    pub(super) extended: bool,
    /// The timers that run
    #[arg(short, long)]
    pub(super) options: bool,
    /// How much memory is in use
    #[arg(short, long)]
    pub(super) memory: bool,
    /// No header
    #[arg(short = 'H', long)]
    pub(super) no_header: bool,
    /// Only IPv4 sockets
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    pub(super) ipv4: bool,
    /// Only IPv6 sockets
    #[arg(short = '6', long)]
    pub(super) ipv6: bool,
}

pub(super) fn run(args: &SsArgs) -> Outcome {
    for mut asked in Asked::find(&args.ask)? {
        let sockets = asked.ask("sockets")?;
        show(asked.title(), &sockets, args)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn show(title: Option<&str>, sockets: &Value, args: &SsArgs) -> Result<(), Failure> {
    let sockets = sockets.as_array().map_or(&[][..], Vec::as_slice);
    let chosen: Vec<&Value> = sockets.iter().filter(|socket| is_chosen(socket, args)).collect();
    if args.ask.json {
        return talk::answer(title, &Value::from_iter(chosen.into_iter().cloned()));
    }
    let services = if args.numeric { Services::none() } else { Services::of_the_system() };
    let text = table(&chosen, args, &services);
    talk::headed(title, &text)
}

/// Without `-a` and `-l` those that are connected; `-l` those that wait to be.
fn is_chosen(socket: &Value, args: &SsArgs) -> bool {
    let (netid, state) = (socket["netid"].as_str(), socket["state"].as_str().unwrap_or(""));
    let protocol = match netid {
        Some("tcp") => args.tcp || !args.udp,
        Some("udp") => args.udp || !args.tcp,
        _ => false,
    };
    let six = place(&socket["local"]).is_some_and(|local| local.is_ipv6());
    let family = (!args.ipv4 || !six) && (!args.ipv6 || six);
    let waits = matches!(state, "LISTEN" | "UNCONN");
    let connected = !waits && !matches!(state, "TIME-WAIT" | "SYN-RECV");
    protocol && family && (args.all || if args.listening { waits } else { connected })
}

fn place(value: &Value) -> Option<SocketAddr> {
    value.as_str()?.parse().ok()
}

/// The columns of one socket, addresses and ports apart.
struct Row {
    columns: [String; 8],
    /// What stands in the column for processes: timers and details.
    beside: String,
    /// What stands in a line of its own.
    below: Option<String>,
}

const HEAD: [&str; 8] =
    ["Netid", "State", "Recv-Q", "Send-Q", "Local Address", "Port", "Peer Address", "Port"];

fn table(sockets: &[&Value], args: &SsArgs, services: &Services) -> String {
    let rows: Vec<Row> = sockets.iter().map(|socket| row(socket, args, services)).collect();
    let head = HEAD.map(str::to_owned);
    let shown = if args.no_header { &[][..] } else { std::slice::from_ref(&head) };
    let widths: [usize; 8] = std::array::from_fn(|n| {
        let cells = shown.iter().chain(rows.iter().map(|row| &row.columns));
        cells.map(|columns| columns[n].len()).max().unwrap_or(0)
    });
    let line = |columns: &[String; 8], beside: &str| {
        let [netid, state, recv, send, local, lport, peer, pport] = columns;
        let [n, s, r, q, l, lp, p, pp] = widths;
        let netid = match args.tcp == args.udp {
            true => format!("{netid:<n$} "),
            false => String::new(),
        };
        let places = format!("{local:>l$}:{lport:<lp$}  {peer:>p$}:{pport:<pp$}");
        let line = format!("{netid}{state:<s$} {recv:<r$} {send:<q$}  {places} ");
        format!("{}{beside}", if beside.is_empty() { line.trim_end() } else { &line }) + "\n"
    };
    let mut text: String = shown.iter().map(|head| line(head, "Process")).collect();
    for row in &rows {
        text += &line(&row.columns, &row.beside);
        if let Some(below) = &row.below {
            text += &format!("\t {below}\n");
        }
    }
    text
}

fn row(socket: &Value, args: &SsArgs, services: &Services) -> Row {
    let text = |key: &str| socket[key].as_str().unwrap_or("").to_owned();
    let number = |key: &str| socket[key].as_u64().unwrap_or(0).to_string();
    let netid = text("netid");
    let local = place(&socket["local"]);
    let shown = |place: Option<SocketAddr>| match place {
        Some(at) => (host(at, &socket["zone"]), services.name(at.port(), &netid)),
        None => {
            let six = local.is_some_and(|local| local.is_ipv6());
            ((if six { "[::]" } else { "0.0.0.0" }).to_owned(), "*".to_owned())
        }
    };
    let ((own, port), (peer, peer_port)) = (shown(local), shown(place(&socket["peer"])));
    let (state, recv, send) = (text("state"), number("recv_q"), number("send_q"));
    Row {
        beside: beside(socket, args),
        below: below(socket, args),
        columns: [netid.clone(), state, recv, send, own, port, peer, peer_port],
    }
}

/// An address, with the interface that a link-local one belongs to.
fn host(at: SocketAddr, zone: &Value) -> String {
    match (at, zone.as_str()) {
        (SocketAddr::V4(at), _) => at.ip().to_string(),
        (SocketAddr::V6(at), Some(zone)) if at.scope_id() > 0 => format!("[{}]%{zone}", at.ip()),
        (SocketAddr::V6(at), _) => format!("[{}]", at.ip()),
    }
}

/// `-o` and `-e`: the timer, and what tells sockets apart.
fn beside(socket: &Value, args: &SsArgs) -> String {
    let mut words = Vec::new();
    let timer = &socket["timer"];
    if let (true, Some(name)) = (args.options || args.extended, timer["name"].as_str()) {
        let (left, retrans) = (timer["ms"].as_u64().unwrap_or(0), &timer["retrans"]);
        words.push(format!("timer:({name},{},{retrans})", info::time_left(left)));
    }
    if args.extended {
        let shut = |side: &str| socket["shut"][side] == true;
        let (left, right) =
            (if shut("recv") { '-' } else { '<' }, if shut("send") { '-' } else { '>' });
        let sk = socket["sk"].as_u64().unwrap_or(0);
        words.push(format!("ino:0 sk:{sk:x} {left}-{right}"));
    }
    words.join(" ")
}

/// `-m` and `-i`: memory, and what TCP knows.
fn below(socket: &Value, args: &SsArgs) -> Option<String> {
    let mut words = Vec::new();
    if args.memory {
        let at = |key: &str| format!("{key}{}", socket["skmem"][key]);
        let all = ["r", "rb", "t", "tb", "f", "w", "o", "bl", "d"].map(at);
        words.push(format!("skmem:({})", all.join(",")));
    }
    if args.info && socket["netid"] == "tcp" {
        let options = args.options || args.extended;
        words.push(info::info(socket, options, args.numeric));
    }
    (args.memory || args.info).then(|| words.join(" "))
}

#[cfg(test)]
mod tests;
