//! The command line.

use super::drill::DrillArgs;
use super::rfc::RfcArgs;
use super::ss::SsArgs;
use super::study::args::{
    BoxArgs, ConnArgs, DiffArgs, EventArgs, ExportArgs, LabArgs, LadderArgs, ObserverArgs,
    PastArgs, TcpdumpArgs, WhatIfArgs,
};
use super::vlan::Wanted;
use crate::app::Services;
use crate::app::policy::Setting;
use crate::base::{Duration, Mac};
use crate::impair::Impairments;
use crate::ip::Cidr;
use crate::lab::Setting as Knob;
use crate::tcp::Profile;
use crate::wire::ip::Discover;
use clap::{Args, Parser, Subcommand};
use std::net::IpAddr;
use std::path::PathBuf;

/// A time in seconds, as in `3` or `0.5`.
fn seconds(text: &str) -> Result<Duration, String> {
    let wrong = || format!("\"{text}\" is not a number of seconds such as 3 or 0.5");
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > 9 {
        return Err(wrong());
    }
    let nanos = format!("{part:0<9}").parse().map_err(|_| wrong())?;
    let time = Duration::new(whole.parse().map_err(|_| wrong())?, nanos);
    if time.is_zero() { Err(wrong()) } else { Ok(time) }
}

/// What `ping -M` takes.
fn discover(text: &str) -> Result<Discover, String> {
    Ok(match text {
        "do" => Discover::Do,
        "want" => Discover::Want,
        "dont" => Discover::Dont,
        "probe" => Discover::Probe,
        _ => return Err(format!("\"{text}\" is not known: choose from do, want, dont and probe")),
    })
}

/// A port that somebody can listen at.
fn port(text: &str) -> Result<u16, String> {
    let port = text.parse().ok().filter(|port| *port != 0);
    port.ok_or_else(|| format!("\"{text}\" is not a number from 1 to 65535"))
}

/// A byte in decimal or, after 0x, in hex.
fn byte(text: &str) -> Result<u8, String> {
    let byte = match text.strip_prefix("0x") {
        Some(hex) => u8::from_str_radix(hex, 16),
        None => text.parse(),
    };
    byte.map_err(|_| format!("\"{text}\" is not a number from 0 to 255, or 0x00 to 0xff"))
}

/// What `--busy-poll` takes: a second is much longer than an answer takes.
fn micros(text: &str) -> Result<u32, String> {
    const MOST: u32 = 1_000_000;
    let micros = text.parse().ok().filter(|micros| *micros <= MOST);
    micros.ok_or_else(|| format!("\"{text}\" is not a number of microseconds from 0 to {MOST}"))
}

/// A multicast address.
fn group(text: &str) -> Result<IpAddr, String> {
    let addr = text.parse::<IpAddr>().ok().filter(IpAddr::is_multicast);
    addr.ok_or_else(|| format!("\"{text}\" is no group, as 224.0.0.251 and ff02::fb are"))
}

/// A TCP/IP stack made of glass: it carries real traffic and explains every segment.
#[derive(Parser, Debug)]
#[command(name = "netglass", version, propagate_version = true)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
    /// Log what happens (as RUST_LOG=netglass=debug)
    #[arg(short, long, global = true)]
    pub(super) verbose: bool,
}

#[derive(Subcommand, Debug)]
pub(super) enum Command {
    /// Let the Linux kernel ping and curl a virtual host, in a namespace of its own
    Demo(DemoArgs),
    /// Run a virtual host on a TUN or TAP device, or an existing interface, until Ctrl-C
    Up(UpArgs),
    /// Fetch a URL from the virtual host's side
    Get(GetArgs),
    /// Connect standard input and output to HOST PORT from the virtual host's side
    Nc(NcArgs),
    /// Ask a name server from the virtual host's side
    Dig(DigArgs),
    /// Ask a host for echoes from the virtual host's side, as ping does
    Ping(PingArgs),
    /// Show the way to a host from the virtual host's side, as traceroute does
    Traceroute(TracerouteArgs),
    /// Say what this machine lacks, and how to get it
    Doctor(DoctorArgs),
    /// Draw TCP's state machine from the table the code runs
    Fsm(FsmArgs),
    /// As `up`, and keep every input in FILE: for `replay`, `explain`, `whatif` and others;
    /// with --pkt DIR, scripts for `drill` of its connections, or with --run of those of a run
    Record(RecordArgs),
    /// Live a recording again and show it; exit code 1 when it was cut short or lives otherwise
    Replay(ReplayArgs),
    /// Say what an address says: class, network, scope, names …
    Addr(AddrArgs),
    /// Show the sockets of a running host, as ss does
    Ss(SsArgs),
    /// Show the addresses, links, routes, neighbours or groups of a running host, as ip does
    Ip(IpArgs),
    /// Show the routes of a running host, as route does
    Route(TableArgs),
    /// Show the neighbours of a running host, as arp does
    Arp(TableArgs),
    /// Show what a running host has counted, as nstat does
    Nstat(NstatArgs),
    /// Show the rules by which everything here is explained
    Rules(RulesArgs),
    /// Show what the RFCs of TCP require, what is done about it, and run what proves it
    Rfc(RfcArgs),
    /// Show TCP's knobs as a profile has them, or where two profiles differ
    Profile(ProfileArgs),
    /// Networks in virtual time: experiments to look at, predict and run
    Lab(LabArgs),
    /// Run scripts in the packetdrill language against the stack, in virtual time
    Drill(DrillArgs),
    /// Say what an event of a run was, why, what led to it and what it led to
    Explain(EventArgs),
    /// Follow the causes of an event back to a fault, a timer or an application's call
    Blame(EventArgs),
    /// Run again with one change, and show where and how the two runs differ
    Whatif(WhatIfArgs),
    /// Show where two runs differ, and how
    Diff(DiffArgs),
    /// Draw a run: hosts side by side, time downward
    Ladder(LadderArgs),
    /// Show the packets at a host or link of a run, as tcpdump does
    Tcpdump(TcpdumpArgs),
    /// Show what a sniffer would conclude of a run at a host, and where it errs
    Observer(ObserverArgs),
    /// Show what held the senders of a run back, and when
    Limits(ConnArgs),
    /// Show what became of the bytes that a connection of a run sent
    Bytes(ConnArgs),
    /// Write a run in the formats of other programs: qlog, CSV, SVG, xplot, pcapng, pcap
    Export(ExportArgs),
    /// Show what the switches of a lab know at a moment
    Mac(BoxArgs),
    /// Show what waits in front of the wires of a lab at a moment, or is under way on them
    Queues(BoxArgs),
    /// The other half of `demo`, in its own namespace
    #[command(hide = true)]
    PrivateChild(PrivateArgs),
}

#[derive(Args, Debug)]
pub(super) struct DemoArgs {
    /// Show every segment of bulk transfers
    #[arg(long)]
    pub(super) all: bool,
    /// Between two hosts in memory, even where TUN is available
    #[arg(long)]
    pub(super) memory: bool,
    /// Where to write the capture
    #[arg(long, value_name = "FILE")]
    pub(super) pcap: Option<PathBuf>,
}

/// The virtual host and its link to Linux.
#[derive(Args, Debug, Clone)]
#[command(mut_args(|arg| arg.help_heading("The virtual host and its link")))]
pub(super) struct HostArgs {
    /// Name of the TUN or TAP interface
    #[arg(long, value_name = "NAME", default_value = "glass0")]
    pub(super) dev: String,
    /// The knobs of TCP: rfc, linux or freebsd; see netglass profile
    #[arg(long, value_name = "NAME", default_value = "linux")]
    pub(super) profile: Profile,
    /// The virtual host's address
    #[arg(long, value_name = "ADDR/PREFIX", default_value = "10.9.0.2/24",
        default_value_if("dhcp", "true", None::<&str>))]
    pub(super) addr: Option<Cidr>,
    /// Linux's address on the link, or with --on the router's; if not given, the first other one of
    /// the network
    #[arg(long, value_name = "ADDR")]
    pub(super) linux: Option<IpAddr>,
    /// The virtual host's IPv6 address
    #[arg(long, value_name = "ADDR/PREFIX", default_value = "fd09::2/64",
        default_value_if("dhcp", "true", None::<&str>))]
    pub(super) addr6: Option<Cidr>,
    /// Linux's IPv6 address on the link; if not given, the first other one of the network
    #[arg(long, value_name = "ADDR")]
    pub(super) linux6: Option<IpAddr>,
    /// On an Ethernet: a TAP interface, with ARP and ND
    #[arg(long)]
    pub(super) tap: bool,
    /// Without offloads: every segment by itself, within the MTU, with its checksum
    #[arg(long)]
    pub(super) plain: bool,
    /// Look at the device for so many microseconds, 0 to 1000000, before sleeping at it (as
    /// SO_BUSY_POLL)
    #[arg(long, value_name = "MICROS", default_value = "0", value_parser = micros,
        allow_negative_numbers = true)]
    pub(super) busy_poll: u32,
    /// On the Ethernet of an interface that exists, beside Linux, by a packet socket
    #[arg(long, value_name = "NAME")]
    pub(super) on: Option<String>,
    /// The virtual host's Ethernet address; a random one when not given
    #[arg(long, value_name = "MAC")]
    pub(super) mac: Option<Mac>,
    /// On an Ethernet, ask for some seconds whether anybody has the address (RFC 5227)
    #[arg(long)]
    pub(super) probe: bool,
    /// On an Ethernet, have the address, routes and name servers from a DHCP server
    #[arg(long)]
    pub(super) dhcp: bool,
    /// What the virtual host tells a DHCP server that it is called
    #[arg(long, value_name = "NAME", default_value = "netglass")]
    pub(super) hostname: String,
    /// With --tap, be in that VLAN (802.1Q), or in it with that address; repeatable
    #[arg(long, value_name = "ID[=ADDR/PREFIX]")]
    pub(super) vlan: Vec<Wanted>,
    /// Speak IPv4 only
    #[arg(long)]
    pub(super) no_ipv6: bool,
    /// Largest packet in bytes, 68 to 65535 (from 1280 with IPv6); if not given, 1500, or as --on's
    #[arg(long, value_parser = clap::value_parser!(u16).range(68..))]
    pub(super) mtu: Option<u16>,
    /// Write a pcapng capture with the reasons as packet comments
    #[arg(long, value_name = "FILE")]
    pub(super) pcap: Option<PathBuf>,
    /// Record every input, for `netglass replay`
    #[arg(long, value_name = "FILE")]
    pub(super) record: Option<PathBuf>,
    /// Write a packetdrill script of each connection into DIR, for `netglass drill`
    #[arg(long, value_name = "DIR")]
    pub(super) pkt: Option<PathBuf>,
    /// A bad link in netem's words, as in 'delay 20ms loss 1%'
    ///
    /// delay TIME [JITTER [CORRELATION]] [distribution uniform|normal|pareto|paretonormal],
    /// loss PERCENT [CORRELATION] or gemodel P [R [1-H [1-K]]], duplicate PERCENT, corrupt PERCENT,
    /// reorder PERCENT [gap N], rate RATE, overhead BYTES, limit PACKETS|BYTES; queue [LIMIT]
    /// [ecn LIMIT] or codel [ecn]; a link's name first, such as 1000BASE-SX, wifi, 4g, dsl or
    /// satellite; faults such as 'drop data#4 once', 'delay ack#2-5 by 30ms' or
    /// 'partition from 5s to 8s'. What follows the word 'in' counts for packets to the virtual
    /// host, after 'out' for those from it. docs/links.md has all words
    #[arg(long, value_name = "WORDS")]
    pub(super) impair: Option<Impairments>,
    /// A knob of the virtual host's TCP, as in sack=off or congestion=newreno: docs/lab.md has all;
    /// repeatable
    #[arg(long, value_name = "KNOB=VALUE")]
    pub(super) tcp: Vec<Knob>,
    /// Seed of the bad link's luck
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(super) seed: u64,
}

/// The virtual host of a command that is a client.
#[derive(Args, Debug)]
pub(super) struct ClientArgs {
    #[command(flatten)]
    pub(super) host: HostArgs,
    /// How the virtual host is attached: tun, tap (as --tap), or the NAME of an interface (as --on)
    #[arg(long, value_name = "tun|tap|NAME", conflicts_with_all = ["tap", "on"])]
    pub(super) via: Option<String>,
}

#[derive(Args, Debug, Clone)]
pub(super) struct UpArgs {
    #[command(flatten)]
    pub(super) host: HostArgs,
    /// No live lines
    #[arg(short, long)]
    pub(super) quiet: bool,
    /// Services to run: http, echo, discard, chargen, daytime, dns; or all, or none
    #[arg(long, value_name = "LIST", default_value = "http,echo,discard,chargen,daytime,dns")]
    pub(super) services: Services,
    /// A group (224.0.0.0/4, ff00::/8) to join: services over UDP answer there, too; repeatable
    #[arg(long, value_name = "ADDR", value_parser = group)]
    pub(super) group: Vec<IpAddr>,
    /// More names for DNS to answer for, below glass.: lines 'NAME [TTL] TYPE DATA'
    #[arg(long, value_name = "FILE")]
    pub(super) zone: Option<PathBuf>,
    /// Limits of TCP services, of all or of one: 'idle=30s', 'http:per_client_max=5'
    #[arg(long, value_name = "[SERVICE:]LIMIT=VALUE", value_delimiter = ',')]
    pub(super) policy: Vec<Setting>,
    /// Read options from a TOML file; those on the command line win
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Print the options in effect as such a file, and end
    #[arg(long)]
    pub(super) print_config: bool,
    /// Where the control socket is, that `netglass ss`, `ip` and others ask
    #[arg(long, value_name = "PATH", conflicts_with = "no_control")]
    pub(super) control: Option<PathBuf>,
    /// No control socket
    #[arg(long)]
    pub(super) no_control: bool,
}

/// How the virtual host learns of names.
#[derive(Args, Debug)]
pub(super) struct NameArgs {
    /// Name servers to ask, with commas between them; Linux's address if none is given
    #[arg(long, value_name = "ADDR", value_delimiter = ',')]
    pub(super) dns: Vec<IpAddr>,
    /// Names and addresses that nobody needs to be asked for, as in /etc/hosts
    #[arg(long, value_name = "FILE")]
    pub(super) hosts: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(super) struct GetArgs {
    #[command(flatten)]
    pub(super) client: ClientArgs,
    #[command(flatten)]
    pub(super) names: NameArgs,
    /// Print the response's head, too
    #[arg(short, long)]
    pub(super) include: bool,
    /// Exit with an error when the server answers with one
    #[arg(short, long)]
    pub(super) fail: bool,
    /// Write the body to a file
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Send a file with PUT
    #[arg(short = 'T', long, value_name = "FILE")]
    pub(super) upload: Option<PathBuf>,
    /// Give up connecting after so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(super) connect_timeout: Option<Duration>,
    /// Give up after so many seconds in all
    #[arg(short, long, value_name = "SECONDS", value_parser = seconds)]
    pub(super) max_time: Option<Duration>,
    /// Show each packet and its reason on standard error; bulk data crosses in super-segments, one
    /// line each, unless there is --plain
    #[arg(long)]
    pub(super) live: bool,
    /// http://HOST[:PORT]/PATH
    pub(super) url: String,
}

#[derive(Args, Debug)]
pub(super) struct NcArgs {
    #[command(flatten)]
    pub(super) client: ClientArgs,
    #[command(flatten)]
    pub(super) names: NameArgs,
    /// UDP instead of TCP
    #[arg(short, long)]
    pub(super) udp: bool,
    /// End after so many seconds of silence, also while connecting
    #[arg(short = 'w', long, value_name = "SECONDS", value_parser = seconds)]
    pub(super) wait: Option<Duration>,
    /// Show each packet and its reason on standard error; bulk data crosses in super-segments, one
    /// line each, unless there is --plain
    #[arg(long)]
    pub(super) live: bool,
    /// The peer's name or address
    pub(super) peer: String,
    /// The peer's port
    #[arg(value_parser = port)]
    pub(super) port: u16,
}

#[derive(Args, Debug)]
pub(super) struct DigArgs {
    #[command(flatten)]
    pub(super) client: ClientArgs,
    /// [@SERVER] NAME [TYPE] [-x ADDRESS] [-p PORT] [+tcp] [+short] [+norecurse] [+noedns]; the
    /// server is Linux's address if none is given
    #[arg(value_name = "WORDS", trailing_var_arg = true, allow_hyphen_values = true)]
    pub(super) words: Vec<String>,
}

/// Which of a name's addresses to use.
#[derive(Args, Debug)]
pub(super) struct FamilyArgs {
    /// IPv4 only
    #[arg(short = '4', conflicts_with = "six")]
    pub(super) four: bool,
    /// IPv6 only
    #[arg(short = '6')]
    pub(super) six: bool,
}

#[derive(Args, Debug)]
pub(super) struct PingArgs {
    #[command(flatten)]
    pub(super) client: ClientArgs,
    #[command(flatten)]
    pub(super) names: NameArgs,
    #[command(flatten)]
    pub(super) family: FamilyArgs,
    /// End after so many answers; if not given, with Ctrl-C
    #[arg(short, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) count: Option<u64>,
    /// Seconds between two requests, 0.002 at least
    #[arg(short, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    pub(super) interval: Duration,
    /// Bytes of data in a request
    #[arg(short, value_name = "BYTES", default_value_t = 56,
        value_parser = clap::value_parser!(u16).range(..=65_527))]
    pub(super) size: u16,
    /// Hops that a request may take; if not given, 64, or what an IPv6 router advertises
    #[arg(short, value_name = "TTL", value_parser = clap::value_parser!(u8).range(1..))]
    pub(super) ttl: Option<u8>,
    /// Traffic class of the requests
    #[arg(short = 'Q', value_name = "TOS", default_value = "0", value_parser = byte)]
    pub(super) tos: u8,
    /// Whether long requests are cut: do (not), want (by us only), dont (forbid it), probe (not,
    /// whatever is known of the path)
    #[arg(short = 'M', value_name = "HOW", default_value = "want", value_parser = discover)]
    pub(super) discover: Discover,
    /// Seconds to wait for an answer to the last request when there was none at all
    #[arg(short = 'W', value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub(super) linger: Duration,
    /// End after so many seconds, however much came; a count is of answers then
    #[arg(short = 'w', value_name = "SECONDS", value_parser = seconds)]
    pub(super) deadline: Option<Duration>,
    /// Say what came in all, and nothing of each answer
    #[arg(short)]
    pub(super) quiet: bool,
    /// Look no names of addresses up
    #[arg(short)]
    pub(super) numeric: bool,
    /// Say when, in seconds since 1970, before each answer
    #[arg(short = 'D')]
    pub(super) timestamps: bool,
    /// Show every packet and its reason on standard error
    #[arg(long)]
    pub(super) live: bool,
    /// The host's name or address
    pub(super) peer: String,
}

// `--mtu` is what traceroute calls finding the path's.
#[derive(Args, Debug)]
#[command(mut_arg("mtu", |link| link.long("link-mtu")))]
pub(super) struct TracerouteArgs {
    #[command(flatten)]
    pub(super) client: ClientArgs,
    #[command(flatten)]
    pub(super) names: NameArgs,
    #[command(flatten)]
    pub(super) family: FamilyArgs,
    /// Echo requests instead of UDP datagrams
    #[arg(short = 'I')]
    pub(super) icmp: bool,
    /// The first UDP port
    #[arg(short, default_value_t = 33_434, conflicts_with = "icmp", value_parser = port)]
    pub(super) port: u16,
    /// The first hop to ask for
    #[arg(short, value_name = "HOP", default_value_t = 1,
        value_parser = clap::value_parser!(u8).range(1..))]
    pub(super) first: u8,
    /// The last hop to ask for
    #[arg(short, value_name = "HOP", default_value_t = 30,
        value_parser = clap::value_parser!(u8).range(1..))]
    pub(super) max: u8,
    /// Packets for each hop
    #[arg(short, value_name = "COUNT", default_value_t = 3,
        value_parser = clap::value_parser!(u8).range(1..=10))]
    pub(super) queries: u8,
    /// Seconds to wait for an answer
    #[arg(short, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub(super) wait: Duration,
    /// Look no names of addresses up
    #[arg(short)]
    pub(super) numeric: bool,
    /// No router may cut the packets
    #[arg(short = 'F')]
    pub(super) dont_fragment: bool,
    /// Find how long packets may be, hop by hop
    #[arg(long = "mtu", conflicts_with = "length")]
    pub(super) path_mtu: bool,
    /// Show every packet and its reason on standard error
    #[arg(long)]
    pub(super) live: bool,
    /// The host's name or address
    pub(super) peer: String,
    /// Bytes of a packet, headers included; 60 if not given, 80 in IPv6
    #[arg(value_parser = clap::value_parser!(u16).range(28..=65_000))]
    pub(super) length: Option<u16>,
}

#[derive(Args, Debug)]
pub(super) struct DoctorArgs {
    /// As a JSON array
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args, Debug)]
pub(super) struct FsmArgs {
    /// As a Mermaid diagram
    #[arg(long, conflicts_with = "svg")]
    pub(super) mermaid: bool,
    /// As an SVG picture
    #[arg(long)]
    pub(super) svg: bool,
}

#[derive(Args, Debug)]
pub(super) struct RulesArgs {
    /// A rule (Paws, Why::Paws), or a vocabulary (Why); nothing: the vocabularies
    pub(super) name: Option<String>,
    /// Every rule, one a line
    #[arg(long)]
    pub(super) all: bool,
    /// As JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args, Debug)]
pub(super) struct ProfileArgs {
    #[command(subcommand)]
    pub(super) what: ProfileCommand,
}

#[derive(Subcommand, Debug)]
pub(super) enum ProfileCommand {
    /// Every knob of a profile (rfc, linux, freebsd), its value and who says so
    Show {
        /// The profile
        #[arg(default_value = "linux")]
        name: Profile,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// The knobs in which two profiles differ
    Diff {
        /// One profile
        a: Profile,
        /// The other
        b: Profile,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args, Debug)]
pub(super) struct ReplayArgs {
    /// The recording
    pub(super) file: PathBuf,
    /// Show every segment of bulk transfers
    #[arg(long)]
    pub(super) all: bool,
    /// One JSON object per record instead of the ladder
    #[arg(long)]
    pub(super) json: bool,
    /// Write a capture of the replay
    #[arg(long, value_name = "FILE")]
    pub(super) pcap: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(super) struct PrivateArgs {
    /// Linux's address and prefix
    #[arg(long)]
    pub(super) linux: Cidr,
    /// MTU of the device
    #[arg(long)]
    pub(super) mtu: u16,
    /// What to run once the stack is up; nothing: the demo's conversation
    #[arg(last = true)]
    pub(super) command: Vec<String>,
}

#[derive(Args, Debug)]
pub(super) struct AddrArgs {
    /// As a JSON object
    #[arg(short, long)]
    pub(super) json: bool,
    /// Take small numbers for IPv6 addresses, too
    #[arg(short = '6')]
    pub(super) six: bool,
    /// ADDRESS, ADDRESS/PREFIX, ADDRESS/MASK, or a number
    pub(super) address: String,
    /// Whether the address's network holds another address or network
    #[arg(value_names = ["contains", "ADDRESS"], num_args = 2)]
    pub(super) question: Vec<String>,
}

/// Which running host is asked.
#[derive(Args, Debug, Default)]
pub(super) struct AskArgs {
    /// The host on this device
    #[arg(long, value_name = "NAME")]
    pub(super) dev: Option<String>,
    /// The host with this control socket
    #[arg(long, value_name = "PATH")]
    pub(super) control: Option<PathBuf>,
    /// As JSON
    #[arg(short, long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) past: PastArgs,
}

#[derive(Args, Debug)]
pub(super) struct IpArgs {
    #[command(flatten)]
    pub(super) ask: AskArgs,
    /// What has passed
    #[arg(short, long)]
    pub(super) statistics: bool,
    /// Only IPv4
    #[arg(short = '4', conflicts_with = "six")]
    pub(super) four: bool,
    /// Only IPv6
    #[arg(short = '6')]
    pub(super) six: bool,
    /// addr, link, route, neigh or maddr, in full or as short as it is clear
    #[arg(value_name = "OBJECT", default_value = "addr")]
    pub(super) object: String,
    /// What to do: show is all there is
    #[arg(value_parser = ["show", "list", "ls", "sh", "s", "l"], hide_possible_values = true)]
    pub(super) action: Option<String>,
}

#[derive(Args, Debug, Default)]
pub(super) struct TableArgs {
    #[command(flatten)]
    pub(super) ask: AskArgs,
    /// Numbers instead of names, as ever here
    #[arg(short, long)]
    pub(super) numeric: bool,
}

#[derive(Args, Debug, Default)]
pub(super) struct NstatArgs {
    #[command(flatten)]
    pub(super) ask: AskArgs,
    /// Show counters that are zero, too
    #[arg(short, long)]
    pub(super) zeros: bool,
    /// Values since the start, as ever here: no history is kept
    #[arg(short, long)]
    pub(super) absolute: bool,
    /// Only these counters; * and ? stand for anything
    pub(super) patterns: Vec<String>,
}

#[derive(Args, Debug)]
#[command(override_usage = "netglass record [--pkt DIR] [FILE] [OPTIONS OF UP]
       netglass record --pkt DIR --run RUN [--host NAME] [--conn N]")]
pub(super) struct RecordArgs {
    /// Where to keep them
    pub(super) file: PathBuf,
    /// Write a packetdrill script of each connection into DIR; exit code 1 when one does not hold
    #[arg(long, value_name = "DIR")]
    pub(super) pkt: Option<PathBuf>,
    /// The scripts are of that run instead (as `export --format pkt`): a lab, a recording
    #[arg(long, value_name = "RUN")]
    pub(super) run: Option<String>,
    /// Of the run's connections, those of that host
    #[arg(long, value_name = "NAME")]
    pub(super) host: Option<String>,
    /// Of these, the one with that number
    #[arg(long, value_name = "N")]
    pub(super) conn: Option<u64>,
    /// `netglass up --help`
    #[arg(value_name = "OPTIONS OF UP", trailing_var_arg = true, allow_hyphen_values = true)]
    pub(super) options: Vec<String>,
}
