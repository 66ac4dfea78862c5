//! HTTP and TLS libraries over netglass streams; the examples run.

use netglass::net::Host;
use netglass::net::tokio::{TcpListener, TcpStream};
use netglass::runtime::memory;
use netglass::stack::Setup;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::{TlsAcceptor, TlsConnector, rustls};

#[path = "../../docs/examples/axum.rs"]
mod axum_example;
#[path = "../../docs/examples/hyper.rs"]
mod hyper_example;

fn run<T>(test: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).enable_time().build().expect("a runtime");
    let limit = Duration::from_secs(30);
    runtime.block_on(async { tokio::time::timeout(limit, test).await.expect("it ends in time") })
}

#[test]
fn hyper_serves_and_asks() {
    let answer = run(hyper_example::run()).expect("an answer");
    assert_eq!(answer, "/upload: 1048576 bytes, with love from a stack made of glass");
}

#[test]
fn axum_serves() {
    let answer = run(axum_example::run()).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with(r#"{"number":12,"square":144}"#), "{answer}");
}

#[test]
fn tls_goes_over_a_stream() {
    let named = rcgen::generate_simple_self_signed(["glass.test".to_owned()]).expect("a key");
    let certificate = named.cert.der().clone();
    let key = rustls::pki_types::PrivateKeyDer::try_from(named.signing_key.serialize_der());
    let server_config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key.expect("its own format"))
        .expect("they fit");
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate).expect("well formed");
    let client_config =
        rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();

    let host = |key, addr: &str| {
        let addr = addr.parse().expect("an address");
        Host::new(Setup::new([key, 0]).with_iface("wire0", 1500, addr))
    };
    let (a, b) = (host(1, "10.0.0.1/24"), host(2, "10.0.0.2/24"));
    let _cable = memory::join(&a, &b, Default::default(), [None, None]).expect("drivers start");
    run(async {
        let at = "10.0.0.2:443".parse().expect("an address");
        let listener = TcpListener::bind(&b, at).expect("free");
        let server = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.expect("it connects");
            let acceptor = TlsAcceptor::from(Arc::new(server_config));
            let mut stream = acceptor.accept(stream).await.expect("a handshake");
            let mut told = Vec::new();
            stream.read_to_end(&mut told).await.expect("it says something");
            stream.write_all(&told).await.expect("it listens");
            stream.shutdown().await.expect("close_notify");
        });
        let stream = TcpStream::connect(&a, at).await.expect("connected");
        let name = "glass.test".try_into().expect("a name");
        let connector = TlsConnector::from(Arc::new(client_config));
        let mut stream = connector.connect(name, stream).await.expect("a handshake");
        let said: Vec<u8> = (0..300_000_u32).map(|n| n.wrapping_mul(n) as u8).collect();
        stream.write_all(&said).await.expect("room");
        stream.shutdown().await.expect("close_notify");
        let mut told = Vec::new();
        stream.read_to_end(&mut told).await.expect("its echo");
        assert!(told == said);
        server.await.expect("no panic");
    });
}
