//! Row 8: the command `netglass`.
//!
//! Exit codes: 0 success; 1 something went wrong on the way; 2 the command cannot work as given
//! (and nothing was changed).

mod addr;
mod args;
mod ask;
mod attach;
mod config;
mod control;
mod demo;
mod dhcp;
mod dig;
mod doctor;
mod drill;
mod files;
mod fsm;
mod get;
mod history;
mod host;
mod interrupt;
mod ip;
mod lab;
mod lab_up;
mod names;
mod nc;
mod nstat;
mod ping;
mod private;
mod profile;
mod replay;
mod rfc;
mod rules;
mod scripts;
mod sinks;
mod ss;
mod study;
mod talk;
mod traceroute;
mod up;
mod vlan;

use crate::base::words;
use args::Command;
use std::fmt;
use std::io::Write as _;
use std::process::ExitCode;

/// Why a command ended badly.
#[derive(Debug)]
enum Failure {
    /// It cannot work as given: exit code 2.
    Usage(String),
    /// It went wrong on the way: exit code 1.
    Failed(String),
}

impl Failure {
    fn usage(what: impl fmt::Display) -> Failure {
        Failure::Usage(what.to_string())
    }

    fn failed(what: impl fmt::Display) -> Failure {
        Failure::Failed(what.to_string())
    }
}

type Outcome = Result<ExitCode, Failure>;

/// Runs the command line.
pub fn main() -> ExitCode {
    let config::Given { cli, effective } = match config::given() {
        Ok(given) => given,
        Err(failure) => return report(Err(failure)),
    };
    // A child in its own namespace must enter it before any thread or logger exists.
    if let Command::PrivateChild(args) = &cli.command {
        return report(private::child(args));
    }
    let default = if cli.verbose { "netglass=debug" } else { "warn" };
    let mut log =
        env_logger::Builder::from_env(env_logger::Env::default().default_filter_or(default));
    log.format_timestamp(None);
    if !cli.verbose && std::env::var_os("RUST_LOG").is_none() {
        // Who has asked for no log is not told where in the code a warning comes from.
        log.format(|out, record| writeln!(out, "netglass: {}", record.args()));
    }
    log.init();
    report(match cli.command {
        Command::Demo(args) => demo::run(&args),
        Command::Up(args) if args.print_config => {
            host::check(&args.host).and_then(|()| talk::say(&effective)).map(|()| ExitCode::SUCCESS)
        }
        Command::Up(args) => up::run(&args),
        // `record FILE` has been read as `up --record FILE`.
        Command::Record(args) => Err(Failure::usage(format_args!(
            "{} {}: write netglass up --record FILE instead",
            args.file.display(),
            args.options.join(" ")
        ))),
        Command::Get(args) => get::run(&args),
        Command::Nc(args) => nc::run(&args),
        Command::Dig(args) => dig::run(&args),
        Command::Ping(args) => ping::run(&args),
        Command::Traceroute(args) => traceroute::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Fsm(args) => fsm::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Addr(args) => addr::run(&args),
        Command::Ss(args) => ss::run(&args),
        Command::Ip(args) => ip::run(&args),
        Command::Route(args) => ip::route(&args),
        Command::Arp(args) => ip::arp(&args),
        Command::Lab(args) => lab::main(&args),
        Command::Drill(args) => drill::run(&args),
        Command::Nstat(args) => nstat::run(&args),
        Command::Rules(args) => rules::run(&args),
        Command::Rfc(args) => rfc::run(&args),
        Command::Profile(args) => profile::run(&args),
        Command::Explain(args) => study::explain(&args),
        Command::Blame(args) => study::blame(&args),
        Command::Whatif(args) => study::whatif(&args),
        Command::Diff(args) => study::diff(&args),
        Command::Ladder(args) => study::ladder(&args),
        Command::Tcpdump(args) => study::tcpdump(&args),
        Command::Observer(args) => study::observer(&args),
        Command::Limits(args) => study::limits(&args),
        Command::Bytes(args) => study::bytes(&args),
        Command::Export(args) => study::export(&args),
        Command::Mac(args) => study::mac(&args),
        Command::Queues(args) => study::queues(&args),
        Command::PrivateChild(_) => Ok(ExitCode::SUCCESS),
    })
}

fn report(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(code) => code,
        Err(Failure::Usage(message)) => {
            eprintln!("netglass: {}", shown(&message));
            ExitCode::from(2)
        }
        Err(Failure::Failed(message)) => {
            eprintln!("netglass: {}", shown(&message));
            ExitCode::FAILURE
        }
    }
}

/// A message that may repeat what a file says, so that it cannot steer the terminal.
fn shown(message: &str) -> String {
    let steers = |c: char| !matches!(c, '\n' | '\t') && words::steers(c);
    let spell = |c: char| if steers(c) { c.escape_default().to_string() } else { c.to_string() };
    message.chars().map(spell).collect()
}
