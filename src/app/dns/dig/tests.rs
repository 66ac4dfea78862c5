//! `dig` against our own server, to the letter.

use super::*;
use crate::app::dns::{Datagrams, Zones, answer};
use std::sync::Mutex;
use std::time::UNIX_EPOCH;

/// A network whose servers answer at once, or not at all.
struct Mock(fn(Transport, &[u8]) -> Option<Vec<u8>>);

struct Socket(fn(Transport, &[u8]) -> Option<Vec<u8>>, Mutex<Vec<u8>>);

impl Datagrams for Socket {
    async fn send(&self, bytes: &[u8]) -> io::Result<()> {
        *self.1.lock().expect("no panic") = bytes.to_vec();
        Ok(())
    }

    async fn recv(&self, room: &mut [u8]) -> io::Result<usize> {
        let query = self.1.lock().expect("no panic").clone();
        let Some(bytes) = (self.0)(Transport::Udp, &query) else {
            return std::future::pending().await;
        };
        room[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }
}

impl Network for Mock {
    type Datagrams = Socket;
    type Stream = tokio::io::DuplexStream;

    fn datagrams(&self, _: SocketAddr) -> io::Result<Socket> {
        Ok(Socket(self.0, Mutex::default()))
    }

    async fn connect(&self, _: SocketAddr) -> io::Result<Self::Stream> {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (here, mut there) = tokio::io::duplex(70_000);
        let serve = self.0;
        tokio::spawn(async move {
            let mut query = vec![0; usize::from(there.read_u16().await?)];
            there.read_exact(&mut query).await?;
            if let Some(answer) = serve(Transport::Tcp, &query) {
                there.write_u16(answer.len() as u16).await?;
                there.write_all(&answer).await?;
            }
            io::Result::Ok(())
        });
        Ok(here)
    }
}

fn glass(over: Transport, query: &[u8]) -> Option<Vec<u8>> {
    let mut zones = Zones::of_host(&["10.9.0.2".parse().expect("one")]);
    let many: String = (10..60).map(|n| format!("many A 10.1.0.{n}\n")).collect();
    let text = "www 60 CNAME host\ntext TXT \"a \\\"b\\\"\" =c\n";
    zones.read(&[text, &many].concat()).expect("good lines");
    answer(&zones, over, query)
}

fn dig(words: &str, serve: fn(Transport, &[u8]) -> Option<Vec<u8>>) -> Told {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().expect("a runtime");
    let dig = Dig::parse(words.split_whitespace()).expect(words);
    let server = "10.9.0.1".parse().expect("an address");
    let now = || UNIX_EPOCH + Duration::from_secs(383_247_463);
    runtime.block_on(dig.run(&Mock(serve), server, [4, 2], now))
}

/// The text without the number, which is random.
fn shown(words: &str) -> String {
    let told = dig(words, glass);
    assert_eq!(told.code, 0);
    let (before, behind) = told.text.split_once(", id: ").expect("a number");
    format!("{before}{}", behind.trim_start_matches(|c: char| c.is_ascii_digit()))
}

#[test]
fn an_answer_is_shown_as_dig_shows_it() {
    let version = env!("CARGO_PKG_VERSION");
    let expected = format!(
        "
; <<>> netglass dig {version} <<>> @10.9.0.2 www.glass
; (1 server found)
;; global options: +cmd
;; Got answer:
;; ->>HEADER<<- opcode: QUERY, status: NOERROR
;; flags: qr aa rd; QUERY: 1, ANSWER: 2, AUTHORITY: 0, ADDITIONAL: 1
;; WARNING: recursion requested but not available

;; OPT PSEUDOSECTION:
; EDNS: version: 0, flags:; udp: 1232
;; QUESTION SECTION:
;www.glass.\t\t\tIN\tA

;; ANSWER SECTION:
www.glass.\t\t60\tIN\tCNAME\thost.glass.
host.glass.\t\t300\tIN\tA\t10.9.0.2

;; Query time: 0 msec
;; SERVER: 10.9.0.2#53(10.9.0.2) (UDP)
;; WHEN: Mon Feb 22 17:37:43 UTC 1982
;; MSG SIZE  rcvd: 73

"
    );
    assert_eq!(shown("@10.9.0.2 www.glass"), expected);
    let nothing = shown("nothing.glass TYPE52 +norecurse +noedns +tcp");
    let expected = ";; flags: qr aa; QUERY: 1, ANSWER: 0, AUTHORITY: 1, ADDITIONAL: 0\n\n\
                    ;; QUESTION SECTION:\n;nothing.glass.\t\t\tIN\tTYPE52\n\n\
                    ;; AUTHORITY SECTION:\n\
                    glass.\t\t\t300\tIN\tSOA\thost.glass. hostmaster.host.glass. \
                    1 7200 900 86400 300\n\n\
                    ;; Query time: 0 msec\n;; SERVER: 10.9.0.1#53(10.9.0.1) (TCP)\n";
    assert!(nothing.contains("status: NXDOMAIN"), "{nothing}");
    assert!(nothing.contains(expected), "{nothing}");
    let reverse = shown("-x 10.9.0.2");
    let line = "\n2.0.9.10.in-addr.arpa.\t300\tIN\tPTR\thost.glass.\n";
    assert!(reverse.contains(line), "{reverse}");
}

#[test]
fn short_is_short() {
    let table = [
        ("www.glass +short", "host.glass.\n10.9.0.2\n"),
        ("text.glass txt +short", "\"a \\\"b\\\"\" \"=c\"\n"),
        ("glass ns +short", "host.glass.\n"),
        ("nothing.glass +short", ""),
    ];
    for (words, then) in table {
        assert_eq!(dig(words, glass), Told { text: then.to_owned(), code: 0 });
    }
}

#[test]
fn what_is_truncated_is_asked_for_over_tcp() {
    let told = dig("many.glass +noedns", glass);
    assert!(told.text.starts_with(";; Truncated, retrying in TCP mode.\n\n; <<>>"));
    assert!(told.text.contains("ANSWER: 50") && told.text.contains("(TCP)"), "{}", told.text);
    assert_eq!(dig("many.glass +noedns +short", glass).text.lines().count(), 50);
}

#[test]
fn silence_is_said() {
    let told = dig("@10.9.0.7 host.glass", |_, _| None);
    let error = ";; communications error to 10.9.0.7#53: timed out\n";
    let version = env!("CARGO_PKG_VERSION");
    let expected = format!(
        "{}\n; <<>> netglass dig {version} <<>> @10.9.0.7 host.glass\n; (1 server found)\n\
         ;; global options: +cmd\n;; no servers could be reached\n",
        error.repeat(3)
    );
    assert_eq!(told, Told { text: expected, code: 9 });
    let told = dig("-p 5353 host.glass +tcp", |_, _| None);
    assert!(told.text.starts_with(";; communications error to 10.9.0.1#5353: end of file\n"));
}

#[test]
fn terminals_get_no_control_characters() {
    let told = dig("host.glass", |over, query| {
        let mut told = glass(over, query)?;
        // The answer's name becomes a label of its own with an escape sequence, and a new type.
        let at = told.windows(2).position(|pair| pair == [0xc0, 12])?;
        told.splice(at..at + 4, *b"\x06\x1b[2J.\n\x00\xff\x77");
        Some(told)
    });
    let line = "\n\\027[2J\\.\\010.\t\t300\tIN\tTYPE65399 \\# 4 0A090002\n";
    assert!(told.text.contains(line), "{}", told.text);
}

#[test]
fn a_bad_command_line_gets_one_sentence() {
    let options = "choose from +tcp, +short, +recurse and +edns, or these with no";
    let table = [
        ("@ns.test", "\"ns.test\" is no address to ask".to_owned()),
        ("a b", "\"b\" is no type: as in A, AAAA, TXT or TYPE52".to_owned()),
        ("a..b", "\"a..b\" is no domain name: a label is empty".to_owned()),
        ("-p 0", "-p wants a port from 1 to 65535".to_owned()),
        ("-x host", "-x wants an address".to_owned()),
        ("-4 host", "\"-4\" is not known: there are -p PORT and -x ADDRESS".to_owned()),
        ("+nothing", format!("\"+nothing\" is not known: {options}")),
    ];
    for (given, then) in table {
        let error = Dig::parse(given.split_whitespace()).expect_err(given);
        assert_eq!(error.to_string(), then);
    }
    let root = Dig::parse([]).expect("no words are needed");
    assert_eq!(root.question, Question::new(Name::root(), Type::NS));
}
