//! Which services a host runs, and starting them.

use super::History;
use super::simple::Simple;
use crate::net::Host;
use crate::net::tokio::{TcpListener, TcpStream, UdpSocket};
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::time::SystemTime;

/// The port of the HTTP service.
pub const HTTP_PORT: u16 = 80;

/// A choice of services, parsed from a list as in `http,echo`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Services {
    http: bool,
    simple: Vec<Simple>,
}

impl FromStr for Services {
    type Err = String;

    fn from_str(list: &str) -> Result<Services, String> {
        let mut services = Services::default();
        for word in list.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            match Simple::ALL.into_iter().find(|simple| simple.name() == word) {
                Some(simple) => services.simple.push(simple),
                None if word == "http" => services.http = true,
                None => {
                    return Err(format!(
                        "there is no service \"{word}\": choose from http, echo, discard, chargen, \
                         daytime"
                    ));
                }
            }
        }
        Ok(services)
    }
}

impl Services {
    /// Starts the services at `addr`, as tasks of the current runtime; they end with it. `history`
    /// is what `/me` shows of the past.
    ///
    /// # Errors
    /// When a port is taken.
    pub fn start(&self, host: &Host, addr: IpAddr, history: Option<History>) -> io::Result<()> {
        if self.http {
            let listener = TcpListener::bind(host, SocketAddr::new(addr, HTTP_PORT))?;
            #[cfg(feature = "http")]
            accept(listener, move |stream| super::http::serve(stream, history.clone()));
            #[cfg(not(feature = "http"))]
            drop((listener, history));
        }
        for simple in &self.simple {
            let (simple, at) = (*simple, SocketAddr::new(addr, simple.port()));
            accept(TcpListener::bind(host, at)?, move |stream| simple.serve(stream));
            tokio::spawn(datagrams(simple, UdpSocket::bind(host, at)?));
        }
        Ok(())
    }
}

/// Serves each connection in a task of its own. How one ends is its own affair.
fn accept<F>(listener: TcpListener, serve: impl Fn(TcpStream) -> F + Send + 'static)
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    tokio::spawn(async move {
        while let Ok((stream, peer)) = listener.accept().await {
            let served = serve(stream);
            tokio::spawn(async move {
                if let Err(error) = served.await {
                    log::debug!(target: "netglass::app", "{peer}: {error}");
                }
            });
        }
    });
}

async fn datagrams(simple: Simple, socket: UdpSocket) {
    let mut room = vec![0; 65_536];
    loop {
        let Ok((n, from)) = socket.recv_from(&mut room).await else { return };
        if let Some(answer) = simple.answer(from, &room[..n], SystemTime::now())
            && let Err(error) = socket.send_to(&answer, from).await
        {
            log::debug!(target: "netglass::app", "{from}: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_name_services_or_what_is_wrong() {
        let services: Services = "http, echo".parse().unwrap();
        assert_eq!(services, Services { http: true, simple: vec![Simple::Echo] });
        assert_eq!("".parse(), Ok(Services::default()));
        assert!("http,gopher".parse::<Services>().unwrap_err().contains("gopher"));
    }
}
