//! A hyper server and a hyper client, on two hosts that a cable in memory joins.
//!
//! `cargo run --example hyper` prints what the client was told.

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response, service::service_fn};
use hyper_util::rt::TokioIo;
use netglass::net::Host;
use netglass::net::tokio::{TcpListener, TcpStream};
use netglass::runtime::memory;
use netglass::stack::Setup;
use std::convert::Infallible;
use std::error::Error;

type Answer = Result<String, Box<dyn Error + Send + Sync>>;

async fn hello(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let text = format!("{path}: {} bytes, with love from a stack made of glass", body.len());
    Ok(Response::new(Full::from(text)))
}

async fn serve(listener: TcpListener) -> std::io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            let server = hyper::server::conn::http1::Builder::new();
            if let Err(error) =
                server.serve_connection(TokioIo::new(stream), service_fn(hello)).await
            {
                eprintln!("a connection ended badly: {error}");
            }
        });
    }
}

async fn post(host: &Host, to: std::net::SocketAddr, path: &str, body: Vec<u8>) -> Answer {
    let stream = TcpStream::connect(host, to).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::post(path).header("host", "glass").body(Full::<Bytes>::from(body))?;
    let answer = sender.send_request(request).await?;
    let body = answer.into_body().collect().await?.to_bytes();
    Ok(String::from_utf8(body.to_vec())?)
}

/// Sends a megabyte and returns the answer.
pub(crate) async fn run() -> Answer {
    let host = |key, addr: &str| {
        let addr = addr.parse().expect("it is one");
        Host::new(Setup::new([key, 0]).with_iface("wire0", 1500, addr))
    };
    let (client, server) = (host(1, "10.0.0.1/24"), host(2, "10.0.0.2/24"));
    let _cable = memory::join(&client, &server, Default::default(), [None, None])?;
    let listener = TcpListener::bind(&server, "10.0.0.2:80".parse()?)?;
    tokio::spawn(serve(listener));
    post(&client, "10.0.0.2:80".parse()?, "/upload", vec![7; 1 << 20]).await
}

#[allow(dead_code, reason = "the tests call `run`")]
#[tokio::main]
async fn main() {
    match run().await {
        Ok(text) => println!("{text}"),
        Err(error) => eprintln!("no answer: {error}"),
    }
}
