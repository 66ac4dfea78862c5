//! `netglass get`: fetch a URL from the virtual host's side.

use super::args::GetArgs;
use super::interrupt::Interrupt;
use super::names::{Names, Peer};
use super::{Failure, Outcome, host};
use crate::app::get::{self, Upload, Url};
use crate::base::Duration;
use crate::net::tokio::TcpStream;
use std::fmt::Display;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use tokio::fs::File;
use tokio::io::AsyncWrite;

pub(super) fn run(args: &GetArgs) -> Outcome {
    let url: Url = args.url.parse().map_err(Failure::usage)?;
    let peer: Peer = url.host().to_string().parse()?;
    let client = args.client.host();
    let names = Names::prepare(&args.names, host::linux(&client))?;
    host::refuse_own(&client, &peer)?;
    let (runtime, mut interrupt) = Interrupt::watch()?;
    let opened = runtime.block_on(async {
        tokio::select! {
            files = files(args) => files.map_err(Err),
            done = interrupt.code() => Err(done),
        }
    });
    let (upload, output) = match opened {
        Ok(files) => files,
        Err(ended) => {
            runtime.shutdown_background(); // a pipe may be waited for that nobody opens
            return ended;
        }
    };
    let (session, network) = host::client(&client, args.live)?;
    let fetched = runtime.block_on(async {
        let names = names.on(&session, &client, &mut interrupt).await?;
        let fetching = async {
            let connecting = names.connect(&peer, url.port());
            let connected =
                within(args.connect_timeout, url.host(), "nobody has answered", connecting).await?;
            fetch(args, connected, &url, upload, output).await
        };
        let fetched = tokio::select! {
            fetched = within(args.max_time, url.host(), "the answer is not complete", fetching) => {
                fetched
            }
            done = interrupt.code() => done,
        };
        names.give_back().await;
        fetched
    });
    runtime.shutdown_background();
    let stopped = session.stop(Duration::from_secs(2));
    drop(network);
    let code = fetched?;
    stopped.map(|()| code)
}

/// What is read and what is written, before anything is configured.
async fn files(
    args: &GetArgs,
) -> Result<(Option<Upload<File>>, Box<dyn AsyncWrite + Unpin>), Failure> {
    let say = |path: &Path, e| Failure::usage(format_args!("{}: {e}", path.display()));
    let upload = match &args.upload {
        Some(path) => {
            let source = File::open(path).await.map_err(|e| say(path, e))?;
            let length = source.metadata().await.map_err(|e| say(path, e))?.len();
            Some(Upload { source, length: Some(length) })
        }
        None => None,
    };
    let output: Box<dyn AsyncWrite + Unpin> = match &args.output {
        Some(path) => Box::new(File::create(path).await.map_err(|e| say(path, e))?),
        None => Box::new(tokio::io::stdout()),
    };
    Ok((upload, output))
}

async fn fetch(
    args: &GetArgs,
    (to, stream): (SocketAddr, TcpStream),
    url: &Url,
    upload: Option<Upload<File>>,
    output: Box<dyn AsyncWrite + Unpin>,
) -> Outcome {
    let options =
        get::Options { headers: args.include, fail: args.fail, ..get::Options::default() };
    let done = match upload {
        Some(upload) => get::put(stream, url, upload, &options, output, |_| {}).await,
        None => get::get(stream, url, &options, output, |_| {}).await,
    };
    let outcome = match done {
        // A reader that has had enough, as in `| head`.
        Err(get::Failure::Output(error))
            if error.kind() == io::ErrorKind::BrokenPipe && args.output.is_none() =>
        {
            return Ok(ExitCode::SUCCESS);
        }
        done => done.map_err(|e| Failure::failed(format_args!("{to}: {e}")))?,
    };
    let code = outcome.exit_code(&options);
    if code != 0 {
        eprintln!("netglass: the server answered {}", outcome.status);
    }
    Ok(ExitCode::from(code))
}

/// Waits for `done`, at most for so long.
///
/// # Errors
/// As `done`, or `what` is the matter with `peer` when the time is over.
pub(super) async fn within<T>(
    max: Option<Duration>,
    peer: impl Display,
    what: &str,
    done: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let Some(max) = max else { return done.await };
    let time = match max.subsec_millis() {
        0 => format!("{} s", max.as_secs()),
        _ => format!("{} ms", max.as_millis()),
    };
    let late = |_| Failure::failed(format_args!("{peer}: {what} in {time}"));
    tokio::time::timeout(max, done).await.map_err(late)?
}
