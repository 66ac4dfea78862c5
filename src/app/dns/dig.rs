//! What `dig` does: asks one server one question, and shows all of what it says.

use super::lookup::Ask;
use super::message::{Asking, IN, Question, Raw, Type, answers, query};
use super::name::Name;
use super::network::{Network, exchange};
use super::show;
use crate::app::date::when;
use crate::app::services::Transport;
use crate::base::Chance;
use crate::base::rng::Purpose;
use crate::net::rt;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

/// How often a server is asked over UDP, and how long each answer is waited for.
const TRIES: u64 = 3;
const PATIENCE: Duration = Duration::from_secs(5);
/// The exit status when nobody has answered.
const SILENCE: u8 = 9;

/// What was asked for on the command line.
///
/// ```
/// use netglass::app::dns::Dig;
///
/// let dig = Dig::parse(["@10.9.0.2", "host.glass", "aaaa", "+short"]).unwrap();
/// assert_eq!(dig.question.rtype.to_string(), "AAAA");
/// assert_eq!(
///     Dig::parse(["+shirt"]).unwrap_err().to_string(),
///     "\"+shirt\" is not known: choose from +tcp, +short, +recurse and +edns, or these with no",
/// );
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dig {
    /// The server, if one is named.
    pub server: Option<IpAddr>,
    /// Its port.
    pub port: u16,
    /// The question.
    pub question: Question,
    /// TCP at once.
    pub tcp: bool,
    /// Shows the answers' data only.
    pub short: bool,
    /// How to ask.
    pub asking: Asking,
    /// The command line, to be shown.
    words: String,
}

/// Why a command line cannot be used: one sentence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DigError(String);

impl fmt::Display for DigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for DigError {}

/// What came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Told {
    /// What to show.
    pub text: String,
    /// The exit status that `dig` has: 0 for any answer, 9 for none.
    pub code: u8,
}

impl Dig {
    /// Reads `[@SERVER] [NAME] [TYPE] [-x ADDRESS] [-p PORT] [+tcp] [+short] [+norecurse]
    /// [+noedns]`, in any order; without a name, the root's name servers are asked for.
    ///
    /// # Errors
    /// [`DigError`].
    pub fn parse<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Dig, DigError> {
        let words: Vec<_> = words.into_iter().collect();
        let mut dig = Dig {
            server: None,
            port: 53,
            question: Question::new(Name::root(), Type::NS),
            tcp: false,
            short: false,
            asking: Asking::default(),
            words: words.join(" "),
        };
        let (mut name, mut rtype) = (None, None);
        let mut rest = words.into_iter();
        let error = |text: String| Err(DigError(text));
        while let Some(word) = rest.next() {
            if let Some(server) = word.strip_prefix('@') {
                let addr = server.parse().ok();
                let text = || DigError(format!("\"{server}\" is no address to ask"));
                dig.server = Some(addr.ok_or_else(text)?);
            } else if let Some(option) = word.strip_prefix('+') {
                dig.set(option)?;
            } else if word == "-p" {
                let port = rest.next().and_then(|word| word.parse().ok()).filter(|n| *n > 0);
                let text = || DigError("-p wants a port from 1 to 65535".to_owned());
                dig.port = port.ok_or_else(text)?;
            } else if word == "-x" {
                let addr = rest.next().and_then(|word| word.parse().ok());
                let text = || DigError("-x wants an address".to_owned());
                name = Some(Name::reverse(addr.ok_or_else(text)?));
                rtype = rtype.or(Some(Type::PTR));
            } else if word.starts_with('-') {
                return error(format!("\"{word}\" is not known: there are -p PORT and -x ADDRESS"));
            } else if name.is_none() {
                name = Some(word.parse().map_err(|e: super::NameError| DigError(e.to_string()))?);
            } else if word.eq_ignore_ascii_case("in") {
                dig.question.class = IN;
            } else if let Ok(known) = word.parse() {
                rtype = Some(known);
            } else {
                return error(format!("\"{word}\" is no type: as in A, AAAA, TXT or TYPE52"));
            }
        }
        if let Some(name) = name {
            dig.question = Question::new(name, rtype.unwrap_or(Type::A));
        }
        Ok(dig)
    }

    /// The server that is named.
    pub fn server(&self) -> Option<IpAddr> {
        self.server
    }

    fn set(&mut self, option: &str) -> Result<(), DigError> {
        let (name, on) = option.strip_prefix("no").map_or((option, true), |name| (name, false));
        let flag = match name {
            "tcp" | "vc" => &mut self.tcp,
            "short" => &mut self.short,
            "recurse" | "rec" => &mut self.asking.recurse,
            "edns" => &mut self.asking.edns,
            _ => {
                return Err(DigError(format!(
                    "\"+{option}\" is not known: choose from +tcp, +short, +recurse and +edns, or \
                     these with no"
                )));
            }
        };
        *flag = on;
        Ok(())
    }

    /// Asks the server named, or else `server`, and says what came of it. `secret`: bits that
    /// nobody else knows; `now`: the time to be shown.
    pub async fn run<N: Network>(
        &self,
        network: &N,
        server: IpAddr,
        secret: [u64; 2],
        now: impl FnOnce() -> SystemTime,
    ) -> Told {
        let to = SocketAddr::new(self.server.unwrap_or(server), self.port);
        let shown = format!("{}#{}", to.ip(), to.port());
        let chance = Chance::from_key(secret);
        let mut over = if self.tcp { Transport::Tcp } else { Transport::Udp };
        let mut text = String::new();
        for n in 0..TRIES {
            let query =
                query(chance.draw(Purpose::Query, 0, n) as u16, &self.question, self.asking);
            let ask = Ask { to, over, query, patience: PATIENCE };
            let (begun, mut answer) = (rt::now(), None);
            let ended = exchange(network, &ask, |bytes| {
                let raw = Raw::new(bytes).filter(|raw| answers(&ask.query, raw));
                answer = raw.map(|raw| (raw, bytes.len()));
                answer.is_some()
            })
            .await;
            match (ended, answer) {
                (Ok(()), Some((raw, _))) if raw.is_truncated() && over == Transport::Udp => {
                    over = Transport::Tcp;
                    text += if self.short { "" } else { ";; Truncated, retrying in TCP mode.\n" };
                }
                (Ok(()), Some((raw, _))) if self.short => {
                    return Told { text: show::short(&raw), code: 0 };
                }
                (Ok(()), Some((raw, length))) => {
                    text += &self.banner();
                    text += &show::show(&raw, length);
                    text += &format!(";; Query time: {} msec\n", begun.elapsed().as_millis());
                    let by = over.name().to_uppercase();
                    text += &format!(";; SERVER: {shown}({}) ({by})\n", to.ip());
                    text += &format!(";; WHEN: {}\n;; MSG SIZE  rcvd: {length}\n\n", when(now()));
                    return Told { text, code: 0 };
                }
                (ended, _) => {
                    let kind = ended.map_or_else(|error| error.kind(), |()| io::ErrorKind::Other);
                    let what = match kind {
                        io::ErrorKind::UnexpectedEof => "end of file".to_owned(),
                        kind => kind.to_string(),
                    };
                    text += &format!(";; communications error to {shown}: {what}\n");
                }
            }
        }
        text += &self.banner();
        text += ";; no servers could be reached\n";
        Told { text, code: SILENCE }
    }

    /// What is shown first.
    fn banner(&self) -> String {
        let server = if self.server.is_some() { "; (1 server found)\n" } else { "" };
        let version = env!("CARGO_PKG_VERSION");
        let words = &self.words;
        format!("\n; <<>> netglass dig {version} <<>> {words}\n{server};; global options: +cmd\n")
    }
}

#[cfg(test)]
mod tests;
