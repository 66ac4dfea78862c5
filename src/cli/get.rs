//! `netglass get`: fetch a URL from the virtual host's side.

use super::args::GetArgs;
use super::names::{Names, Peer};
use super::{Failure, Outcome, host};
use crate::app::get::{self, Upload, Url};
use crate::base::Duration;
use crate::net::tokio::TcpStream;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use tokio::fs::File;
use tokio::io::AsyncWrite;

pub(super) fn run(args: &GetArgs) -> Outcome {
    let url: Url = args.url.parse().map_err(Failure::usage)?;
    let peer: Peer = url.host().to_string().parse()?;
    let names = Names::prepare(&args.names, args.host.linux)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::failed)?;
    let (upload, output) = runtime.block_on(files(args))?;
    let (session, network) = host::client(&args.host)?;
    let fetched = runtime.block_on(async {
        let connected = names.on(&session.host)?.connect(&peer, url.port()).await?;
        fetch(args, connected, &url, upload, output).await
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
    let outcome = done.map_err(|e| Failure::failed(format_args!("{to}: {e}")))?;
    let code = outcome.exit_code(&options);
    if code != 0 {
        eprintln!("netglass: the server answered {}", outcome.status);
    }
    Ok(ExitCode::from(code))
}
