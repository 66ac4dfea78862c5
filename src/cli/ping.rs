//! `netglass ping`: ask a host for echoes from the virtual host's side.

use super::args::PingArgs;
use super::interrupt::Interrupt;
use super::names::{Families, Names, Online, Peer, Reverse};
use super::{Failure, Outcome, host, talk};
use crate::app::ping::{self, Line, Options};
use crate::base::Duration;
use crate::net::Host;
use crate::net::tokio::EchoSocket;
use crate::stack::PingOptions;
use crate::wire::ip::Mark;
use std::io;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

/// More often would be a flood.
const INTERVAL_MIN: Duration = Duration::from_millis(2);
/// The exit status when nobody was asked.
const NOTHING_ASKED: u8 = 2;

pub(super) fn run(args: &PingArgs) -> Outcome {
    let peer: Peer = args.peer.parse()?;
    if args.interval < INTERVAL_MIN {
        return Err(Failure::usage("-i is not less than 0.002: floods are not offered"));
    }
    let client = args.client.host();
    host::refuse_own(&client, &peer)?;
    let names = Names::prepare(&args.names, host::linux(&client))?;
    let (runtime, mut interrupt) = Interrupt::watch()?;
    let (session, network) = host::client(&client, args.live)?;
    let pinged = runtime.block_on(async {
        let names = names.on(&session, &client, &mut interrupt).await?;
        let asked = ask(args, (&names, &session.host), &peer, &mut interrupt).await;
        names.give_back().await;
        asked
    });
    let stopped = session.stop(Duration::ZERO);
    drop(network);
    // Nothing but silence is the 1 that ping ends with.
    let code = pinged.map_err(|failure| match failure {
        Failure::Failed(what) | Failure::Usage(what) => Failure::Usage(what),
    })?;
    stopped.map(|()| code)
}

async fn ask(
    args: &PingArgs,
    (names, host): (&Online, &Host),
    peer: &Peer,
    interrupt: &mut Interrupt,
) -> Outcome {
    let to = tokio::select! {
        to = names.first(peer, Families::of(&args.family)) => to?,
        () = interrupt.pressed() => return Ok(ExitCode::from(NOTHING_ASKED)),
    };
    let reverse = Reverse::new(names, args.numeric || peer.is_address());
    let socket = EchoSocket::open(host).map_err(Failure::failed)?;
    let mark = Mark { ttl: args.ttl, tos: args.tos };
    let options = Options {
        count: args.count,
        interval: args.interval,
        size: args.size.into(),
        packet: PingOptions { mark, discover: args.discover },
        deadline: args.deadline,
        linger: args.linger,
        quiet: args.quiet,
    };
    let say = |line| say(line, args.timestamps);
    let asked =
        ping::run(&socket, (&args.peer, to), &options, &reverse, interrupt.pressed(), say).await;
    let tally = asked.map_err(|e| Failure::failed(format_args!("{to}: {e}")))?;
    Ok(ExitCode::from(tally.exit_code(&options)))
}

fn say(line: Line, timestamps: bool) -> io::Result<()> {
    let text = match line {
        Line::Error(text) => {
            eprintln!("{text}");
            return Ok(());
        }
        Line::Answer(text) if timestamps => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            format!("[{}.{:06}] {text}", now.as_secs(), now.subsec_micros())
        }
        Line::Answer(text) | Line::Whole(text) => text,
    };
    talk::write(&text)
}
