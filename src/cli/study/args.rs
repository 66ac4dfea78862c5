//! The words of the commands that look at runs.

use crate::base::{EventId, Instant};
use crate::lab::Until;
use crate::observe::view::run::Protocol;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// The number in `e31`, `#31` (which shells take for a comment unless it is quoted) or `31`.
fn number(text: &str) -> Option<EventId> {
    let digits = text.strip_prefix(['e', 'E', '#']).unwrap_or(text);
    digits.parse().ok().filter(|id| *id > 0).map(EventId)
}

/// A moment of a run: a time, or an event's number.
pub(in crate::cli) fn moment(text: &str) -> Result<Until, String> {
    if let Some(id) = number(text) {
        return Ok(Until::Event(id));
    }
    let time = crate::impair::time(text).map(|time| Until::Time(Instant::ZERO + time));
    time.ok_or_else(|| {
        format!("\"{text}\" is neither a time such as 108.6ms or 2s nor an event such as e31")
    })
}

/// The number of an event.
pub(in crate::cli) fn event(text: &str) -> Result<EventId, String> {
    number(text).ok_or_else(|| format!("\"{text}\" is not the number of an event, such as e31"))
}

/// `PATH=VALUE`.
pub(in crate::cli) fn setting(text: &str) -> Result<(String, String), String> {
    let (path, value) = text
        .split_once('=')
        .ok_or_else(|| format!("\"{text}\" is not a setting such as link.ab.loss=2%"))?;
    Ok((path.trim().to_owned(), value.trim().to_owned()))
}

/// Which run is meant.
#[derive(Args, Debug, Clone, Default)]
pub(in crate::cli) struct RunArgs {
    /// A lab's number, name or file, a recording, or what `lab run --out` wrote; if not given, the
    /// run that was looked at last
    #[arg(long = "run", value_name = "RUN")]
    pub(in crate::cli) run: Option<String>,
}

/// Which run is meant, as the first word or as an option.
#[derive(Args, Debug, Clone, Default)]
pub(in crate::cli) struct WhichArgs {
    /// The run: a lab's number, name or file, a recording, or what `lab run --out` wrote; if not
    /// given, the run that was looked at last
    #[arg(value_name = "RUN")]
    run: Option<String>,
    /// The same
    #[arg(long = "run", value_name = "RUN", conflicts_with = "run")]
    named: Option<String>,
}

impl WhichArgs {
    /// The run's name, if one was given.
    pub(in crate::cli) fn given(&self) -> Option<&str> {
        self.run.as_deref().or(self.named.as_deref())
    }
}

/// How much is said, and to whom.
#[derive(Args, Debug, Clone, Default)]
pub(in crate::cli) struct FormArgs {
    /// All there is to say
    #[arg(long)]
    pub(in crate::cli) all: bool,
    /// As JSON; times are nanoseconds
    #[arg(short, long)]
    pub(in crate::cli) json: bool,
}

/// A run, and a moment in it.
#[derive(Args, Debug, Clone, Default)]
#[command(mut_args(|arg| arg.help_heading("A run instead of a running host")))]
pub(in crate::cli) struct PastArgs {
    /// As it was at that time, or after that event: 108.6ms, 2s, e31
    #[arg(long, value_name = "MOMENT", value_parser = moment)]
    pub(in crate::cli) at: Option<Until>,
    /// Of that host of the run; of all if not given
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) host: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) run: RunArgs,
}

impl PastArgs {
    /// Whether a run is meant at all.
    pub(in crate::cli) fn is_given(&self) -> bool {
        self.at.is_some() || self.host.is_some() || self.run.run.is_some()
    }
}

/// `explain` and `blame`.
#[derive(Args, Debug)]
pub(in crate::cli) struct EventArgs {
    /// The event's number: 31 or e31
    #[arg(value_name = "N", value_parser = event)]
    pub(in crate::cli) id: EventId,
    #[command(flatten)]
    pub(in crate::cli) run: RunArgs,
    #[command(flatten)]
    pub(in crate::cli) form: FormArgs,
}

/// `mac` and `queues`.
#[derive(Args, Debug)]
pub(in crate::cli) struct BoxArgs {
    #[command(flatten)]
    pub(in crate::cli) past: PastArgs,
    /// As JSON
    #[arg(short, long)]
    pub(in crate::cli) json: bool,
}

/// What is changed in a run.
#[derive(Args, Debug)]
#[group(required = true, multiple = true)]
pub(in crate::cli) struct EditArgs {
    /// Lose the packet that this event sent (in a recording: that it tells the arrival of)
    #[arg(long, value_name = "N", value_parser = event)]
    pub(in crate::cli) drop: Option<EventId>,
    /// Let the packet through that this event sent, or tells the loss of
    #[arg(long, value_name = "N", value_parser = event)]
    pub(in crate::cli) keep: Option<EventId>,
    /// Another value in the lab's file: link.ab.loss=2%; repeatable
    #[arg(long, value_name = "PATH=VALUE", value_parser = setting)]
    pub(in crate::cli) set: Vec<(String, String)>,
}

/// `whatif`.
#[derive(Args, Debug)]
pub(in crate::cli) struct WhatIfArgs {
    #[command(flatten)]
    pub(in crate::cli) which: WhichArgs,
    #[command(flatten)]
    pub(in crate::cli) edit: EditArgs,
    #[command(flatten)]
    pub(in crate::cli) form: FormArgs,
}

/// `diff`.
#[derive(Args, Debug)]
pub(in crate::cli) struct DiffArgs {
    /// One run: as --run says elsewhere
    #[arg(value_name = "RUN1")]
    pub(in crate::cli) one: String,
    /// The other
    #[arg(value_name = "RUN2")]
    pub(in crate::cli) other: String,
    #[command(flatten)]
    pub(in crate::cli) form: FormArgs,
}

/// Which connections of a run.
#[derive(Args, Debug)]
pub(in crate::cli) struct PickArgs {
    #[command(flatten)]
    pub(in crate::cli) which: WhichArgs,
    /// Only these hosts, with commas between them
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(in crate::cli) host: Vec<String>,
    /// Only that connection of the host: the number that `ladder` and `ss` know it by
    #[arg(long, value_name = "N", requires = "host")]
    pub(in crate::cli) conn: Option<u64>,
}

/// `ladder`.
#[derive(Args, Debug)]
pub(in crate::cli) struct LadderArgs {
    #[command(flatten)]
    pub(in crate::cli) pick: PickArgs,
    /// Only tcp, udp, icmp or arp
    #[arg(long, value_name = "PROTOCOL", value_parser = protocol)]
    pub(in crate::cli) only: Option<Protocol>,
    /// All there is to say
    #[arg(long)]
    pub(in crate::cli) all: bool,
}

/// `limits` and `bytes`.
#[derive(Args, Debug)]
pub(in crate::cli) struct ConnArgs {
    #[command(flatten)]
    pub(in crate::cli) pick: PickArgs,
    #[command(flatten)]
    pub(in crate::cli) form: FormArgs,
}

/// `tcpdump`.
#[derive(Args, Debug)]
pub(in crate::cli) struct TcpdumpArgs {
    #[command(flatten)]
    pub(in crate::cli) which: WhichArgs,
    /// At that host or link; at the first host if not given
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) host: Option<String>,
    /// The reasons, too
    #[arg(long)]
    pub(in crate::cli) why: bool,
    /// All there is to say
    #[arg(long)]
    pub(in crate::cli) all: bool,
}

/// `observer`.
#[derive(Args, Debug)]
pub(in crate::cli) struct ObserverArgs {
    #[command(flatten)]
    pub(in crate::cli) which: WhichArgs,
    /// At these hosts, with commas between them; at all if not given
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(in crate::cli) host: Vec<String>,
    #[command(flatten)]
    pub(in crate::cli) form: FormArgs,
}

fn protocol(text: &str) -> Result<Protocol, String> {
    Ok(match text {
        "tcp" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        "icmp" => Protocol::Icmp,
        "arp" | "nd" => Protocol::Arp,
        _ => return Err(format!("\"{text}\" is none of tcp, udp, icmp, arp")),
    })
}

/// A format of other programs.
#[derive(Copy, Clone, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(in crate::cli) enum Format {
    /// Events as JSON-SEQ
    Qlog,
    /// Events as the viewer qvis takes them
    Qvis,
    /// Tables
    Csv,
    /// Plots
    Svg,
    /// Plots for xplot
    Xpl,
    /// Captures with the reasons as comments
    Pcapng,
    /// Captures
    Pcap,
    /// Scripts for `netglass drill`
    Pkt,
}

/// `export`.
#[derive(Args, Debug)]
pub(in crate::cli) struct ExportArgs {
    #[command(flatten)]
    pub(in crate::cli) which: WhichArgs,
    /// The directory to write into; it is made when it is not there
    #[arg(long, value_name = "DIR", default_value = "netglass-export")]
    pub(in crate::cli) out: PathBuf,
    /// Only these formats, with commas between them; all if not given
    #[arg(long, value_name = "FORMAT", value_delimiter = ',')]
    pub(in crate::cli) format: Vec<Format>,
    /// Only what concerns these hosts, with commas between them
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(in crate::cli) host: Vec<String>,
    /// Of connections, only that one of the host
    #[arg(long, value_name = "N", requires = "host")]
    pub(in crate::cli) conn: Option<u64>,
}

#[derive(Args, Debug)]
pub(in crate::cli) struct LabArgs {
    #[command(subcommand)]
    pub(in crate::cli) command: LabCommand,
}

#[derive(Subcommand, Debug)]
pub(in crate::cli) enum LabCommand {
    /// The labs that come with netglass
    List,
    /// What a lab is about, its network, its questions
    Show(LabShowArgs),
    /// Run a lab and hold it against its checks; exit code 1 when one fails
    Run(LabRunArgs),
    /// Run a lab in real time, with Linux instead of one of its hosts, until Ctrl-C
    Up(LabUpArgs),
}

#[derive(Args, Debug)]
pub(in crate::cli) struct LabShowArgs {
    /// Show the answers, too
    #[arg(long)]
    pub(in crate::cli) answer: bool,
    /// Show its file, to make another of it
    #[arg(long, conflicts_with = "answer")]
    pub(in crate::cli) file: bool,
    /// The lab's number, its name, or a file
    pub(in crate::cli) lab: String,
}

#[derive(Args, Debug)]
pub(in crate::cli) struct LabRunArgs {
    /// Seed of all luck in the run
    #[arg(long, value_name = "N")]
    pub(in crate::cli) seed: Option<u64>,
    /// Set a key of the lab's file, as in link.ab.loss=2% or client.tcp.sack=off; repeatable
    #[arg(long, value_name = "KEY=VALUE", value_parser = setting)]
    pub(in crate::cli) set: Vec<(String, String)>,
    /// Keep the page, the log and the results in this directory
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) out: Option<PathBuf>,
    /// Show the answers to the lab's questions
    #[arg(long)]
    pub(in crate::cli) answer: bool,
    /// Everything, however long
    #[arg(long)]
    pub(in crate::cli) all: bool,
    /// The results as a JSON object
    #[arg(long)]
    pub(in crate::cli) json: bool,
    /// The lab's number, its name, or a file
    pub(in crate::cli) lab: String,
}

#[derive(Args, Debug)]
pub(in crate::cli) struct LabUpArgs {
    /// The host of the lab that Linux is, behind a TUN or TAP device
    #[arg(long, value_name = "NODE", default_value = "linux")]
    pub(in crate::cli) host: String,
    /// Name of the TUN or TAP interface
    #[arg(long, value_name = "NAME", default_value = "glass0")]
    pub(in crate::cli) dev: String,
    /// Seed of all luck in the network
    #[arg(long, value_name = "N")]
    pub(in crate::cli) seed: Option<u64>,
    /// Set a key of the lab's file, as in link.ab.loss=2% or client.tcp.sack=off; repeatable
    #[arg(long, value_name = "KEY=VALUE", value_parser = setting)]
    pub(in crate::cli) set: Vec<(String, String)>,
    /// Say nothing
    #[arg(short, long)]
    pub(in crate::cli) quiet: bool,
    /// The lab's number, its name, or a file
    pub(in crate::cli) lab: String,
}
