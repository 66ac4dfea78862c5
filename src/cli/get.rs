//! `netglass get`: fetch a URL from the virtual host's side.

use super::args::GetArgs;
use super::{Failure, Outcome, host};
use crate::app::get::{self, Upload, Url};
use crate::base::Duration;
use crate::net::Host;
use crate::net::tokio::TcpStream;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use tokio::fs::File;
use tokio::io::AsyncWrite;

pub(super) fn run(args: &GetArgs) -> Outcome {
    let url: Url = args.url.parse().map_err(Failure::usage)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::failed)?;
    let (upload, output) = runtime.block_on(files(args))?;
    let (session, network) = host::client(&args.host, url.addr().ip(), args.live)?;
    let fetched = runtime.block_on(async {
        let fetching = fetch(args, &session.host, &url, upload, output);
        match args.max_time {
            Some(max) => tokio::time::timeout(max, fetching).await.unwrap_or_else(|_| {
                Err(Failure::failed(format_args!("{}: not done in {}", url.addr(), words(max))))
            }),
            None => fetching.await,
        }
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
    host: &Host,
    url: &Url,
    upload: Option<Upload<File>>,
    output: Box<dyn AsyncWrite + Unpin>,
) -> Outcome {
    let to = url.addr();
    let stream = connect(host, to, args.connect_timeout).await;
    let stream = stream.map_err(|e| Failure::failed(format_args!("{to}: {e}")))?;
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

/// Connects, at most for so long.
///
/// # Errors
/// As [`TcpStream::connect`]; `TimedOut` when it takes longer.
pub(super) async fn connect(
    host: &Host,
    to: SocketAddr,
    max: Option<Duration>,
) -> io::Result<TcpStream> {
    let connecting = TcpStream::connect(host, to);
    let Some(max) = max else { return connecting.await };
    tokio::time::timeout(max, connecting).await.unwrap_or_else(|_| {
        let text = format!("nobody has answered in {}", words(max));
        Err(io::Error::new(io::ErrorKind::TimedOut, text))
    })
}

/// A time in words.
fn words(time: Duration) -> String {
    match time.subsec_millis() {
        0 => format!("{} s", time.as_secs()),
        _ => format!("{} ms", time.as_millis()),
    }
}
