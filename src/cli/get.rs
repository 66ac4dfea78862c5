//! `netglass get`: fetch a URL from the virtual host's side.

use super::args::GetArgs;
use super::{Failure, Outcome, host};
use crate::app::get::{Url, request};
use crate::base::Duration;
use crate::net::Host;
use crate::net::tokio::TcpStream;
use http_body_util::BodyExt;
use std::fs::File;
use std::io::{self, Write};
use std::process::ExitCode;

pub(super) fn run(args: &GetArgs) -> Outcome {
    let url: Url = args.url.parse().map_err(Failure::usage)?;
    let upload = match &args.upload {
        Some(path) => Some(
            std::fs::read(path)
                .map_err(|e| Failure::usage(format_args!("{}: {e}", path.display())))?,
        ),
        None => None,
    };
    let output: Box<dyn Write> = match &args.output {
        Some(path) => Box::new(
            File::create(path)
                .map_err(|e| Failure::usage(format_args!("{}: {e}", path.display())))?,
        ),
        None => Box::new(io::stdout().lock()),
    };
    let (session, network) = host::client(&args.host)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::failed)?;
    let fetched = runtime.block_on(fetch(args, &session.host, &url, upload, output));
    drop(runtime);
    let stopped = session.stop(Duration::from_secs(2));
    drop(network);
    let code = fetched.map_err(|e| Failure::failed(format_args!("{}: {e}", url.to)))?;
    stopped.map(|()| code)
}

async fn fetch(
    args: &GetArgs,
    host: &Host,
    url: &Url,
    upload: Option<Vec<u8>>,
    mut output: Box<dyn Write>,
) -> io::Result<ExitCode> {
    let stream = TcpStream::connect(host, url.to).await?;
    let response = request(stream, url, upload).await?;
    let status = response.status();
    if args.include {
        writeln!(output, "{:?} {status}\r", response.version())?;
        for (name, value) in response.headers() {
            writeln!(output, "{name}: {}\r", String::from_utf8_lossy(value.as_bytes()))?;
        }
        writeln!(output, "\r")?;
    }
    if args.fail && !status.is_success() {
        eprintln!("netglass: the server answered {status}");
        return Ok(ExitCode::FAILURE);
    }
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        if let Some(data) = frame.map_err(io::Error::other)?.data_ref() {
            output.write_all(data)?;
        }
    }
    output.flush()?;
    Ok(ExitCode::SUCCESS)
}
