//! `netglass nc`: netcat from the virtual host's side.

use super::args::NcArgs;
use super::{Failure, Outcome, host};
use crate::app::nc;
use crate::base::Duration;
use crate::net::Host;
use crate::net::tokio::{TcpStream, UdpSocket};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub(super) fn run(args: &NcArgs) -> Outcome {
    let to = SocketAddr::new(args.address, args.port);
    let (session, network) = host::client(&args.host)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::failed)?;
    let wait = args.wait.map(Duration::from_secs);
    let talked = runtime.block_on(async {
        tokio::select! {
            talked = talk(args.udp, &session.host, to, wait) => talked,
            done = tokio::signal::ctrl_c() => done,
        }
    });
    // Standard input may be read by a thread that nothing ends.
    runtime.shutdown_background();
    let stopped = session.stop(Duration::from_secs(2));
    drop(network);
    talked.map_err(|e| Failure::failed(format_args!("{to}: {e}")))?;
    stopped.map(|()| ExitCode::SUCCESS)
}

async fn talk(udp: bool, host: &Host, to: SocketAddr, wait: Option<Duration>) -> io::Result<()> {
    let (input, output) = (tokio::io::stdin(), tokio::io::stdout());
    if !udp {
        let stream = TcpStream::connect(host, to).await?;
        return nc::copy(stream, input, output, wait).await;
    }
    let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let socket = UdpSocket::bind(host, any)?;
    socket.connect(to)?;
    datagrams(&socket, input, output, wait).await
}

/// Each read of the input is a datagram; each datagram goes to the output. Ends by silence.
async fn datagrams(
    socket: &UdpSocket,
    mut input: tokio::io::Stdin,
    mut output: tokio::io::Stdout,
    wait: Option<Duration>,
) -> io::Result<()> {
    let silence = wait.unwrap_or(Duration::from_secs(u64::from(u32::MAX)));
    let (mut up, mut down) = (vec![0; 16 << 10], vec![0; 65_536]);
    let mut sending = true;
    loop {
        tokio::select! {
            n = input.read(&mut up), if sending => match n? {
                0 => sending = false,
                n => {
                    socket.send(&up[..n]).await?;
                }
            },
            n = socket.recv(&mut down) => {
                output.write_all(&down[..n?]).await?;
                output.flush().await?;
            }
            () = tokio::time::sleep(silence) => return Ok(()),
        }
    }
}
