//! Asking a running host over its control socket.

use super::Failure;
use super::args::AskArgs;
use super::control::{VERSION, directories};
use serde_json::{Value, json};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest line of an answer, bytes.
const LINE_MAX: u64 = 16 << 20;

/// A host that was found, and answers.
pub(super) struct Asked {
    stream: BufReader<UnixStream>,
    path: PathBuf,
}

impl Asked {
    /// The host that the arguments mean.
    ///
    /// # Errors
    /// When none runs, several do, or it may not be asked.
    pub(super) fn find(args: &AskArgs) -> Result<Asked, Failure> {
        if let Some(path) = &args.control {
            return Asked::at(path).map_err(|error| complaint(path, &error));
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

    fn at(path: &Path) -> io::Result<Asked> {
        let stream = UnixStream::connect(path)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Asked { stream: BufReader::new(stream), path: path.to_owned() })
    }

    /// Asks one question; the answer's pages are put together.
    ///
    /// # Errors
    /// When the host does not answer, or does not understand.
    pub(super) fn ask(&mut self, what: &str) -> Result<Value, Failure> {
        let question = json!({ "version": VERSION, "ask": what });
        let path = self.path.clone();
        let say = |error: io::Error| complaint(&path, &error);
        writeln!(self.stream.get_mut(), "{question}").map_err(say)?;
        let mut pages = Vec::new();
        loop {
            let mut answer = self.line().map_err(say)?;
            if let Some(error) = answer["error"].as_str() {
                return Err(Failure::failed(format_args!("{}: {error}", path.display())));
            }
            match answer[what].take() {
                Value::Array(page) => pages.extend(page),
                Value::Null => return Err(say(io::Error::other("an answer to something else"))),
                whole => return Ok(whole),
            }
            if answer["more"] != true {
                return Ok(Value::Array(pages));
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
fn candidates(dev: Option<&str>) -> (Vec<Asked>, Option<Failure>) {
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
            match Asked::at(&path) {
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
