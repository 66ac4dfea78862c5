//! An axum service on a netglass host: the newtype that makes a listener one of axum's.
//!
//! `cargo run --example axum` asks the service from a second host and prints its answer.

use axum::{Json, Router, extract::Path, routing::get};
use netglass::net::Host;
use netglass::net::tokio::{TcpListener, TcpStream};
use netglass::runtime::memory;
use netglass::stack::Setup;
use std::error::Error;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A listener as axum wants it: accepting never fails. When the host's driver has ended, no
/// connection comes any more, and nobody is to ask again and again.
struct Listener(TcpListener);

impl axum::serve::Listener for Listener {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        match self.0.accept().await {
            Ok(accepted) => accepted,
            Err(_) => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

async fn square(Path(number): Path<i64>) -> Json<serde_json::Value> {
    Json(serde_json::json!({ "number": number, "square": number * number }))
}

/// Asks for the square of 12 and returns the whole answer.
pub(crate) async fn run() -> Result<String, Box<dyn Error + Send + Sync>> {
    let host = |key, addr: &str| {
        let addr = addr.parse().expect("it is one");
        Host::new(Setup::new([key, 0]).with_iface("wire0", 1500, addr))
    };
    let (client, server) = (host(1, "10.0.0.1/24"), host(2, "10.0.0.2/24"));
    let _cable = memory::join(&client, &server, Default::default(), [None, None])?;
    let listener = Listener(TcpListener::bind(&server, "10.0.0.2:80".parse()?)?);
    let app = Router::new().route("/square/{number}", get(square));
    let serving = tokio::spawn(async move { axum::serve(listener, app).await });

    let mut stream = TcpStream::connect(&client, "10.0.0.2:80".parse()?).await?;
    let request = "GET /square/12 HTTP/1.1\r\nHost: glass\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    serving.abort();
    Ok(answer)
}

#[allow(dead_code, reason = "the tests call `run`")]
#[tokio::main]
async fn main() {
    match run().await {
        Ok(text) => println!("{text}"),
        Err(error) => eprintln!("no answer: {error}"),
    }
}
