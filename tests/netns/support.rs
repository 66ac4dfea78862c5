//! A virtual host in this process's namespace, and the programs that talk to it.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// What a test needs of the machine.
pub(crate) enum Need {
    /// A network namespace with a TUN device in it.
    Tun,
    /// Network namespaces with a virtual Ethernet between them, and the programs to make that.
    Veth,
    /// A kernel that speaks IPv6.
    Ipv6,
    /// A program.
    Program(&'static str),
    /// The `arping` of iputils: another has other options.
    Arping,
}

impl Need {
    /// Why it is not to be had.
    pub(crate) fn lack(&self) -> Option<String> {
        static TUN: OnceLock<Option<String>> = OnceLock::new();
        static VETH: OnceLock<Option<String>> = OnceLock::new();
        match self {
            Need::Arping => {
                let version = Command::new("arping").arg("-V").output();
                let said = version.map(|told| String::from_utf8_lossy(&told.stdout).into_owned());
                let found = said.is_ok_and(|said| said.contains("iputils"));
                (!found).then(|| "the arping of iputils is not installed".to_owned())
            }
            Need::Program(name) => {
                let path = std::env::var_os("PATH").unwrap_or_default();
                let found = std::env::split_paths(&path).any(|dir| dir.join(name).is_file());
                (!found).then(|| format!("{name} is not installed"))
            }
            Need::Tun => TUN.get_or_init(tun_lack).clone(),
            Need::Veth => VETH.get_or_init(veth_lack).clone(),
            Need::Ipv6 => {
                let spoken = Path::new("/proc/net/if_inet6").exists();
                (!spoken).then(|| "this kernel does not speak IPv6".to_owned())
            }
        }
    }
}

fn tun_lack() -> Option<String> {
    let mut probe = Command::new("true");
    if let Err(error) = netglass::sys::netns::private_child(&mut probe).status() {
        return Some(format!("no network namespaces here: {error}"));
    }
    let node = std::fs::OpenOptions::new().read(true).write(true).open("/dev/net/tun");
    node.err().map(|error| format!("/dev/net/tun: {error}"))
}

fn veth_lack() -> Option<String> {
    if let Some(lack) = ["ip", "nsenter"].iter().find_map(|name| Need::Program(name).lack()) {
        return Some(lack);
    }
    let mut probe = Command::new("ip");
    probe.args(["link", "add", "wire0", "type", "veth", "peer", "name", "wire1"]);
    match netglass::sys::netns::private_child(&mut probe).output() {
        Err(error) => Some(format!("no network namespaces here: {error}")),
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(format!("no veth: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
}

/// The command under test.
pub(crate) fn netglass() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_netglass"));
    // Control sockets lie in the file system, which namespaces of networks share.
    command.env("XDG_RUNTIME_DIR", scratch("").as_os_str());
    command
}

/// The virtual host's address, and Linux's.
pub(crate) const HOST: &str = "10.9.0.2";
pub(crate) const LINUX: &str = "10.9.0.1";
/// The same in IPv6.
pub(crate) const HOST6: &str = "fd09::2";
pub(crate) const LINUX6: &str = "fd09::1";

/// How long anything may take before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// `netglass up` in this namespace, ended with Ctrl-C.
pub(crate) struct Up {
    child: Child,
}

impl Up {
    /// Starts it and waits until it serves. With `NETGLASS_PLAIN=1` in the environment its device
    /// is the plain one, where it may be.
    pub(crate) fn start(args: &[&str]) -> Up {
        let mut command = netglass();
        command.arg("up").args(args);
        let plain = std::env::var_os("NETGLASS_PLAIN").is_some();
        if plain && !args.iter().any(|arg| ["--on", "--plain"].contains(arg)) {
            command.arg("--plain");
        }
        Up::start_as(command)
    }

    /// Starts it with this command.
    pub(crate) fn start_as(mut command: Command) -> Up {
        loopback();
        command.stdout(Stdio::piped()).stdin(Stdio::null());
        let mut child = command.spawn().expect("netglass starts");
        let stdout = child.stdout.take().expect("its output");
        let (ready, wait) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if line.starts_with("# try") {
                    let _ = ready.send(());
                }
            }
        });
        if command.get_args().any(|arg| arg == "--quiet") {
            // It does not say when it is up.
            until("it serves", || TcpStream::connect((HOST, 80)).ok());
        } else {
            wait.recv_timeout(PATIENCE).expect("netglass up says that it is up");
        }
        Up { child }
    }

    /// Its memory in use, KiB.
    pub(crate) fn resident(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("it is running");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// The time that it has computed, in hundredths of a second.
    pub(crate) fn ticks(&self) -> u64 {
        let path = format!("/proc/{}/stat", self.child.id());
        let stat = std::fs::read_to_string(path).expect("it is running");
        // Behind the name in parentheses, which may be anything: utime is the 14th of all fields.
        let fields = stat.rsplit_once(')').expect("a name").1;
        fields.split_whitespace().nth(11).and_then(|n| n.parse().ok()).expect("a number")
    }

    /// Ctrl-C, without waiting for what comes of it.
    pub(crate) fn press_ctrl_c(&self) {
        press_ctrl_c(self.child.id());
    }

    /// Whether it still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_none()
    }

    /// Waits for its end, which has causes of its own; its standard error, if that was kept.
    pub(crate) fn end(&mut self) -> (ExitStatus, String) {
        let status = until("it ends", || self.child.try_wait().expect("a child"));
        let mut told = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            stderr.read_to_string(&mut told).expect("text");
        }
        (status, told)
    }

    /// Ctrl-C; it must end well and leave nothing behind.
    pub(crate) fn stop(mut self) {
        let status = interrupt(&mut self.child);
        assert!(status.success(), "up ended with {status}");
        let links = run("ip", &["-o", "link"]);
        assert!(!links.contains("glass0"), "the interface is still there:\n{links}");
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends Ctrl-C and waits for the end.
pub(crate) fn interrupt(child: &mut Child) -> ExitStatus {
    press_ctrl_c(child.id());
    until("it ends", || child.try_wait().expect("a child"))
}

fn press_ctrl_c(pid: u32) {
    let pid = nix::unistd::Pid::from_raw(pid as i32);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).expect("it is running");
}

fn loopback() {
    run("ip", &["link", "set", "lo", "up"]);
}

/// Retries until there is an answer.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut f: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = f() {
            return answer;
        }
        assert!(start.elapsed() < PATIENCE, "waited too long until {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Runs a program that must succeed; its standard output.
#[track_caller]
pub(crate) fn run(program: &str, args: &[&str]) -> String {
    let output = output(program, args);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {args:?}: {}\n{text}{errors}", output.status);
    text
}

/// Runs a program, however it ends.
#[track_caller]
pub(crate) fn output(program: &str, args: &[&str]) -> Output {
    let result = Command::new(program).args(args).stdin(Stdio::null()).output();
    result.unwrap_or_else(|e| panic!("{program}: {e}"))
}

/// Three echo requests of `size` bytes, all of which must be answered once. Without a time in them,
/// which takes 16 bytes, ping does not know how long to wait for the last answers: it is given
/// another try then.
#[track_caller]
pub(crate) fn ping(size: &str, host: &str) {
    let ask = || run_or_text("ping", &["-c", "3", "-i", "0.05", "-s", size, host]);
    let is_good = |text: &str| text.contains(" 0% packet loss") && !text.contains("DUP!");
    if size.parse::<u16>().is_ok_and(|size| size < 16) {
        until("all are answered", || Some(ask()).filter(|text| is_good(text)));
    } else {
        let text = ask();
        assert!(is_good(&text), "size {size}:\n{text}");
    }
}

fn run_or_text(program: &str, args: &[&str]) -> String {
    let output = output(program, args);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A path for a test's file, in a directory of its own.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("netns-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a scratch directory");
    dir.join(name)
}

/// The SHA-256 of a file, in hex.
pub(crate) fn sha256(path: &Path) -> String {
    let text = run("sha256sum", &[path.to_str().expect("a plain path")]);
    text.split_whitespace().next().expect("a digest").to_owned()
}

/// tshark finds nothing malformed in a capture, and no wrong checksum in the frames of a filter.
#[track_caller]
pub(crate) fn nothing_bad(file: &str, of: Option<&str>) {
    let of = of.map(|filter| format!("{filter} && ")).unwrap_or_default();
    // Linux fills in 0xffff where 0 is as good (RFC 1624 §3), once in 65 536 segments.
    let sums = ["tcp", "udp", "ip"]
        .map(|proto| format!("({proto}.checksum.status == \"Bad\" && {proto}.checksum != 0xffff)"));
    let bad =
        format!("_ws.malformed || arp.duplicate-address-detected || {of}({})", sums.join(" || "));
    let checks = ["tcp", "udp", "ip"].map(|proto| format!("{proto}.check_checksum:TRUE"));
    let checks = checks.iter().flat_map(|check| ["-o", check]);
    // Bodies are not put together: a segment that was sent again would be an error there.
    let apart = ["-o", "tcp.desegment_tcp_streams:FALSE"];
    let args: Vec<_> = ["-r", file, "-Y", &bad].into_iter().chain(checks).chain(apart).collect();
    assert_eq!(run("tshark", &args), "", "malformed packets or bad checksums in {file}");
}
