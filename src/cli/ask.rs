//! Asking a host: one that runs, over its control socket, or one of a run, as it was at a moment.

use super::Failure;
use super::args::AskArgs;
use super::control::{Answerer, VERSION, directories};
use super::study::{Moment, Source};
use crate::net::Host;
use serde_json::{Value, json};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest line of an answer, bytes.
const LINE_MAX: u64 = 16 << 20;

/// A host that was found, and answers.
pub(super) enum Asked {
    /// One that runs.
    Running(Running),
    /// One of a run, as it was at a moment.
    Past(Past),
}

/// A host that runs.
pub(super) struct Running {
    stream: BufReader<UnixStream>,
    path: PathBuf,
}

/// A host as it was.
pub(super) struct Past {
    name: String,
    answerer: Answerer,
    /// It is not the only one that is asked.
    named: bool,
    /// What it lives in: without it, its programs would end, and close their sockets.
    _world: Rc<Moment>,
}

impl Asked {
    /// The hosts that the arguments mean: one that runs, or those of a run.
    ///
    /// # Errors
    /// When none runs, several do, it may not be asked, or there is no such run.
    pub(super) fn find(args: &AskArgs) -> Result<Vec<Asked>, Failure> {
        if !args.past.is_given() {
            return Ok(vec![Asked::Running(Running::find(args)?)]);
        }
        let source = Source::find(args.past.run.run.as_deref())?;
        let world = Rc::new(source.at(args.past.at)?);
        let hosts = world.hosts(args.past.host.as_deref())?;
        source.remember();
        let named = hosts.len() > 1;
        let past = |(name, host): (String, Host)| {
            let (answerer, _world) = (Answerer::new(host, &name), Rc::clone(&world));
            Asked::Past(Past { answerer, name, named, _world })
        };
        Ok(hosts.into_iter().map(past).collect())
    }

    /// What its answer is to be headed by, when it is one of several.
    pub(super) fn title(&self) -> Option<&str> {
        match self {
            Asked::Past(past) if past.named => Some(&past.name),
            _ => None,
        }
    }

    /// Asks one question; the answer's pages are put together.
    ///
    /// # Errors
    /// When the host does not answer, or does not understand.
    pub(super) fn ask(&mut self, what: &str) -> Result<Value, Failure> {
        match self {
            Asked::Running(running) => running.ask(what),
            Asked::Past(past) => past.ask(what),
        }
    }
}

/// The question as hosts understand it.
fn question(what: &str) -> Value {
    json!({ "version": VERSION, "ask": what })
}

/// Adds one line of an answer to the pages before; `Some`: that was all.
fn page(mut answer: Value, what: &str, pages: &mut Vec<Value>) -> Result<Option<Value>, String> {
    if let Some(error) = answer["error"].as_str() {
        return Err(error.to_owned());
    }
    match answer[what].take() {
        Value::Array(page) => pages.extend(page),
        Value::Null => return Err("an answer to something else".to_owned()),
        whole => return Ok(Some(whole)),
    }
    Ok((answer["more"] != true).then(|| Value::Array(std::mem::take(pages))))
}

impl Past {
    fn ask(&self, what: &str) -> Result<Value, Failure> {
        let mut pages = Vec::new();
        for line in self.answerer.answers(question(what).to_string().as_bytes()) {
            let answer = serde_json::from_str(&line).map_err(Failure::failed)?;
            if let Some(all) = page(answer, what, &mut pages).map_err(Failure::failed)? {
                return Ok(all);
            }
        }
        Ok(Value::Array(pages))
    }
}

impl Running {
    fn find(args: &AskArgs) -> Result<Running, Failure> {
        if let Some(path) = &args.control {
            return Running::at(path).map_err(|error| complaint(path, &error));
        }
        let (found, mut refusal) = candidates(args.dev.as_deref());
        let here = std::fs::read_link("/proc/self/ns/net").unwrap_or_default();
        let mut hosts = Vec::new();
        for mut asked in found {
            let host = match asked.ask("host") {
                Ok(host) => host,
                // One that does not answer does not hide the others.
                Err(error) => {
                    refusal = Some(error);
                    continue;
                }
            };
            let near = host["netns"].as_str().is_some_and(|netns| Path::new(netns) == here);
            if args.dev.as_deref().is_none_or(|dev| host["dev"] == dev) {
                hosts.push((near, asked));
            }
        }
        // Those in our own network first: elsewhere, device names repeat.
        if hosts.iter().any(|(near, _)| *near) {
            hosts.retain(|(near, _)| *near);
        }
        match (hosts.len(), refusal) {
            (1, _) => Ok(hosts.remove(0).1),
            (0, Some(refusal)) => Err(refusal),
            (0, None) => {
                let dirs: Vec<_> = directories().iter().map(|d| d.display().to_string()).collect();
                Err(Failure::usage(format_args!(
                    "no host is running here (looked in {}): start one with `netglass up`",
                    dirs.join(" and ")
                )))
            }
            _ => {
                let paths: Vec<_> =
                    hosts.iter().map(|(_, asked)| asked.path.display().to_string()).collect();
                Err(Failure::usage(format_args!(
                    "several hosts are running: choose one by --dev or --control {}",
                    paths.join(" | ")
                )))
            }
        }
    }

    fn at(path: &Path) -> io::Result<Running> {
        let stream = UnixStream::connect(path)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Running { stream: BufReader::new(stream), path: path.to_owned() })
    }

    fn ask(&mut self, what: &str) -> Result<Value, Failure> {
        let path = self.path.clone();
        let say = |error: io::Error| complaint(&path, &error);
        writeln!(self.stream.get_mut(), "{}", question(what)).map_err(say)?;
        let mut pages = Vec::new();
        loop {
            let answer = self.line().map_err(say)?;
            let all = page(answer, what, &mut pages);
            let say = |error| Failure::failed(format_args!("{}: {error}", path.display()));
            if let Some(all) = all.map_err(say)? {
                return Ok(all);
            }
        }
    }

    fn line(&mut self) -> io::Result<Value> {
        let mut line = Vec::new();
        io::Read::take(&mut self.stream, LINE_MAX).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Err(io::Error::other("the host has ended"));
        }
        serde_json::from_slice(&line).map_err(io::Error::other)
    }
}

/// The sockets in the usual places that somebody listens at, and why one could not be asked.
fn candidates(dev: Option<&str>) -> (Vec<Running>, Option<Failure>) {
    let (mut found, mut refusal) = (Vec::new(), None);
    for dir in directories() {
        let entries = match std::fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                refusal = Some(complaint(&dir, &error));
                continue;
            }
            Err(_) => continue,
        };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let of_dev = dev.is_none_or(|dev| name.starts_with(&dev.replace('/', "_")));
            if !name.ends_with(".sock") || !of_dev {
                continue;
            }
            match Running::at(&path) {
                Ok(asked) => found.push(asked),
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    refusal = Some(complaint(&path, &error));
                }
                Err(_) => {} // its host is gone
            }
        }
    }
    (found, refusal)
}

fn complaint(path: &Path, error: &io::Error) -> Failure {
    let hint = match error.kind() {
        io::ErrorKind::PermissionDenied => ": ask as the user that runs the host (sudo)",
        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => ": no host runs there",
        io::ErrorKind::WouldBlock => ": the host does not answer",
        _ => "",
    };
    Failure::usage(format_args!("{}: {error}{hint}", path.display()))
}
