//! The same small HTTP service, by hyper, on netglass and on Linux.

use super::{Service, ready};
use crate::{Outcome, lan, load};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::{Request, Response, service::service_fn};
use hyper_util::rt::TokioIo;
use netglass::device::offload::AnyTun;
use netglass::net::Host;
use netglass::runtime::Live;
use std::convert::Infallible;
use std::io;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::Builder;

/// What everybody is told.
const HELLO: &[u8] = b"Hello, world!";

/// Serves on a virtual host: one thread for the driver and all tasks.
pub(super) fn on_netglass(host: &Host, live: Live, device: AnyTun) -> Outcome<()> {
    let listener = netglass::net::tokio::TcpListener::bind(host, lan::service(Service::Http))?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let _driver = live.start_task(device)?;
        attend(async || {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            Ok(stream)
        })
        .await
    })
}

/// Serves on Linux, in the namespace of this thread: two threads for tasks are faster than one.
pub(super) fn on_linux() -> Outcome<()> {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(lan::service(Service::Http)).await?;
        load::congestion(&listener);
        attend(async || {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            Ok(stream)
        })
        .await
    })
}

/// Serves every connection in a task of its own.
async fn attend<S>(accept: impl AsyncFn() -> io::Result<S>) -> Outcome<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    ready();
    loop {
        let stream = TokioIo::new(accept().await?);
        tokio::spawn(async move {
            // How a connection ends is the client's affair.
            let _ = http1::Builder::new().serve_connection(stream, service_fn(hello)).await;
        });
    }
}

async fn hello(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::from(HELLO)))
}
