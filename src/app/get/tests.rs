//! The client against answers written by hand; with the service it is tested there.

use super::*;
use tokio::io::{AsyncReadExt, duplex};

/// Asks; the server answers `answer` to any request and closes. Returns the request, what the
/// client wrote, and how it ended.
fn ask(options: &Options, answer: &str) -> (String, String, Result<Outcome, Failure>) {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.build().expect("a runtime").block_on(async {
        let (client, mut server) = duplex(1 << 16);
        let url = "http://10.0.0.2:8080/a?b".parse().expect("a URL");
        let mut output = Vec::new();
        let asked = get(client, &url, options, &mut output, |_| {});
        let serve = async {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(server.read_u8().await.expect("a whole header"));
            }
            server.write_all(answer.as_bytes()).await.expect("room");
            server.shutdown().await.expect("a stream in memory");
            String::from_utf8(request).expect("text")
        };
        let (ended, request) = tokio::join!(asked, serve);
        (request, String::from_utf8(output).expect("text"), ended)
    })
}

#[test]
fn the_request_is_plain() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    let (request, written, ended) = ask(&Options::default(), answer);
    let expected = format!(
        "GET /a?b HTTP/1.1\r\nhost: 10.0.0.2:8080\r\naccept: */*\r\nconnection: close\r\n\
         user-agent: netglass/{}\r\n\r\n",
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(request, expected);
    assert_eq!(written, "hello");
    assert_eq!(ended.expect("an answer"), Outcome { status: 200, sent: 0, received: 5 });
    let options = Options { accept: Some("application/json".to_owned()), ..Options::default() };
    assert!(ask(&options, answer).0.contains("\r\naccept: application/json\r\n"));
    let options = Options { head: true, ..Options::default() };
    let (request, written, _) = ask(&options, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    assert!(request.starts_with("HEAD /a?b HTTP/1.1\r\n"), "{request}");
    assert_eq!(written, "");
}

#[test]
fn headers_and_failures_are_curls() {
    let gone = "HTTP/1.1 404 Not Found\r\nX-Glass: clear\r\nContent-Length: 5\r\n\r\nhello";
    let header = "HTTP/1.1 404 Not Found\r\nx-glass: clear\r\ncontent-length: 5\r\n\r\n";
    let table = [
        (false, false, "hello".to_owned(), 0),
        (true, false, format!("{header}hello"), 0),
        (false, true, String::new(), 22),
        (true, true, header.to_owned(), 22),
    ];
    for (headers, fail, text, code) in table {
        let options = Options { headers, fail, ..Options::default() };
        let (_, written, ended) = ask(&options, gone);
        assert_eq!((written, ended.expect("an answer").exit_code(&options)), (text, code));
    }
    let options = Options { fail: true, ..Options::default() };
    let (_, written, ended) = ask(&options, "HTTP/1.1 302 Found\r\nLocation: /\r\n\r\nelsewhere");
    let outcome = ended.expect("an answer");
    assert_eq!((written.as_str(), outcome.exit_code(&options)), ("elsewhere", 0));
}

#[test]
fn a_broken_answer_gets_one_sentence() {
    let incomplete = "the server closed the connection before its answer was complete";
    let table = [
        ("", incomplete),
        ("HTTP/1.1 200 OK\r\nConte", incomplete),
        (
            "220 mail.test ESMTP\r\n",
            "what the server says is not HTTP: invalid HTTP version parsed",
        ),
        ("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", incomplete),
    ];
    for (answer, text) in table {
        let (.., ended) = ask(&Options::default(), answer);
        assert_eq!(ended.expect_err(answer).to_string(), text, "{answer:?}");
    }
    let options = Options { accept: Some("a\nb".to_owned()), ..Options::default() };
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let ended = builder.build().expect("a runtime").block_on(async {
        let url = "10.0.0.2".parse().expect("a URL");
        get(duplex(10).0, &url, &options, tokio::io::sink(), |_| {}).await
    });
    assert!(matches!(ended, Err(Failure::Accept)));
}

#[test]
fn a_source_that_ends_early_fails_the_upload() {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let ended = builder.enable_time().build().expect("a runtime").block_on(async {
        let (client, server) = duplex(1 << 16);
        let upload = Upload { source: &b"hello"[..], length: Some(50) };
        let (url, options) = ("10.0.0.2/sink".parse().expect("a URL"), Options::default());
        let asked = put(client, &url, upload, &options, tokio::io::sink(), |_| {});
        let site = crate::app::http::Site::new();
        tokio::join!(asked, site.serve(server, None)).0
    });
    let text = ended.expect_err("it is short").to_string();
    assert_eq!(text, "the upload failed: the upload's source ended before its length");
}

#[test]
fn a_writer_that_fails_is_told() {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let ended = builder.enable_time().build().expect("a runtime").block_on(async {
        let (client, server) = duplex(1 << 16);
        let (url, options) = ("10.0.0.2/bytes/100".parse().expect("a URL"), Options::default());
        let (pipe, _) = duplex(1);
        let site = crate::app::http::Site::new();
        let asked = get(client, &url, &options, pipe, |_| {});
        tokio::join!(asked, site.serve(server, None)).0
    });
    let text = ended.expect_err("nobody reads").to_string();
    assert_eq!(text, "the answer cannot be written: broken pipe");
}
