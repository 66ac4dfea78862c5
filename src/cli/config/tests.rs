//! Configuration files: right ones, and what is said of wrong ones.

use super::*;
use crate::cli::args::Command as Chosen;
use crate::cli::args::UpArgs;

fn up(words: &[&str], file: &str) -> UpArgs {
    let words = std::iter::once("netglass").chain(words.iter().copied()).map(OsString::from);
    let words = merged(words.collect(), options(file).expect("a good file"));
    let matches = command().try_get_matches_from(words).expect("a good command line");
    match Cli::from_arg_matches(&matches).expect("the grammar's").command {
        Chosen::Up(args) => args,
        other => panic!("{other:?}"),
    }
}

const FILE: &str = r#"
dev = "glass7"
addr = "10.1.0.2/16"
linux = "10.1.0.1"
mtu = 9000
services = "http:8080,echo"
quiet = true
seed = 7
impair = "delay 20ms loss 1%"

[policy]
idle = "30s"
connections_max = "off"

[policy.http]
per_client_max = 5
keep_alive = false
"#;

#[test]
fn a_file_is_a_command_line() {
    let args = up(&["up"], FILE);
    assert_eq!((args.host.dev.as_str(), args.host.mtu, args.host.seed), ("glass7", Some(9000), 7));
    assert_eq!(args.host.linux.map(|addr| addr.to_string()).as_deref(), Some("10.1.0.1"));
    assert_eq!(args.services.to_string(), "http:8080,echo");
    assert!(args.quiet && args.host.impair.is_some() && args.host.pcap.is_none());
    let policies: Policies = args.policy.into_iter().collect();
    let (http, echo) = (policies.of(Service::Http), policies.of(Service::Echo));
    assert_eq!((http.per_client_max, http.keep_alive), (Some(5), false));
    assert_eq!((echo.per_client_max, echo.connections_max), (Some(256), None));
    assert_eq!((http.idle, echo.idle.map(|t| t.as_secs())), (echo.idle, Some(30)));
}

#[test]
fn the_command_line_wins() {
    let words = [
        "-v",
        "up",
        "--mtu",
        "1400",
        "--quiet=false",
        "--services=none",
        "--policy",
        "http:per_client_max=6,http:idle=1s",
    ];
    let args = up(&words, FILE);
    assert_eq!((args.host.mtu, args.quiet), (Some(1400), false));
    assert_eq!((args.host.dev.as_str(), args.services.to_string().as_str()), ("glass7", "none"));
    let http = args.policy.into_iter().collect::<Policies>().of(Service::Http);
    assert_eq!((http.per_client_max, http.idle.map(|t| t.as_secs())), (Some(6), Some(1)));
    assert!(!http.keep_alive, "as the file says");
    assert!(!up(&["up"], "").quiet && up(&["up", "-q"], "").quiet);
}

/// What is said of a wrong file, with its place as line and column.
fn mistake(file: &str) -> String {
    let mistake = options(file).expect_err("a mistake");
    match mistake.at(Path::new("lab.toml"), file) {
        Failure::Usage(text) => text,
        Failure::Failed(text) => panic!("{text}"),
    }
}

#[test]
fn a_wrong_file_is_told_where_and_what() {
    let table = [
        ("mtu = ", "lab.toml:1:7: this is not TOML: "),
        ("mtu = 1400\nmtu = 1500\n", "lab.toml:2:1: this is not TOML: duplicate key"),
        (
            "\n\nmtu = 20\n",
            "lab.toml:3:7: mtu cannot be \"20\": 20 is not in 68..=65535; expected: Largest packet in bytes, 68 to 65535",
        ),
        ("mtt = 20\n", "lab.toml:1:1: there is no key \"mtt\": did you mean mtu?"),
        (
            "gopher = 1",
            "lab.toml:1:1: there is no key \"gopher\": expected one of dev, profile, addr, ",
        ),
        ("é = 1", "lab.toml:1:1: "),
        (
            "idle = '3s'",
            "lab.toml:1:1: there is no key \"idle\" here: it belongs under [policy] or [policy.SERVICE]",
        ),
        (
            "config = 'x'",
            "lab.toml:1:1: there is no key \"config\": it is for the command line only",
        ),
        ("quiet = 'yes'", "lab.toml:1:9: quiet must be true or false; expected: No live lines"),
        (
            "dev = true",
            "lab.toml:1:7: dev must be text or a number; expected: Name of the TUN or TAP interface",
        ),
        ("mtu = 1.5", "lab.toml:1:7: mtu must be text or a number"),
        ("[mtu]\nx = 1", "lab.toml:1:1: mtu must be text or a number"),
        ("addr = '10.9.0.2/33'", "lab.toml:1:8: addr cannot be \"10.9.0.2/33\": "),
        (
            "services = 'http,gopher'",
            "lab.toml:1:12: services cannot be \"http,gopher\": there is no service \"gopher\": choose from http, ",
        ),
        ("impair = 'delay 20ms los 1%'", "lab.toml:1:10: impair cannot be \"delay 20ms los 1%\": "),
        (
            "policy = 3",
            "lab.toml:1:10: policy is a table: expected [policy] or [policy.SERVICE] with limits below it",
        ),
        ("[policy]\n  idel = '3s'", "lab.toml:2:3: there is no limit \"idel\": did you mean idle?"),
        (
            "[policy]\nidle = 3",
            "lab.toml:2:8: idle cannot be \"3\": expected a time such as 500ms, 10s, 5m or 1h, or off",
        ),
        (
            "[policy.htp]\nidle = '3s'",
            "lab.toml:1:9: there is no service \"htp\": did you mean http?",
        ),
        (
            "[policy.echo]\nheader_time = '3s'",
            "lab.toml:2:15: header_time is about requests, which only http has",
        ),
        ("[policy.http.deep]\nidle = '3s'", "lab.toml:1:14: there is no limit \"deep\": "),
    ];
    for (file, told) in table {
        let text = mistake(file);
        assert!(text.starts_with(told), "{file:?}:\n{text}\n{told}");
    }
}

#[test]
fn what_is_in_effect_can_be_read_again() {
    let print = |words: &[&str], file: &str| {
        let words = std::iter::once("netglass").chain(words.iter().copied()).map(OsString::from);
        let words = merged(words.collect(), options(file).expect("a good file"));
        let command = command();
        let matches = command.clone().try_get_matches_from(words).expect("a good command line");
        effective(&command, matches.subcommand_matches(UP).expect("up"))
    };
    for file in ["", FILE] {
        let text = print(&["up", "--policy", "drain=3s", "--pcap", "a \"b\".pcapng"], file);
        assert_eq!(print(&["up"], &text), text);
        assert!(text.contains("\npcap = 'a \"b\".pcapng'\n"), "{text}");
        assert!(text.contains("\n# record = \"FILE\"\n"), "{text}");
        let args = up(&["up"], &text);
        let policies: Policies = args.policy.into_iter().collect();
        assert_eq!(policies.of(Service::Chargen).drain.as_secs(), 3);
    }
    let text = print(&["up"], FILE);
    assert!(text.contains("\n# The virtual host's address\naddr = \"10.1.0.2/16\"\n"), "{text}");
    assert!(text.contains("\n[policy.http]\n"), "{text}");
    // Who asks a server has no address of his own.
    let text = print(&["up"], "tap = true\ndhcp = true\nhostname = \"crystal\"\n");
    assert!(text.contains("\n# addr = \"ADDR/PREFIX\"\n"), "{text}");
    let again = up(&["up"], &text);
    assert!(again.host.dhcp && again.host.addr.is_none() && again.host.addr6.is_none());
    assert_eq!(up(&["up", "--dhcp=false"], &text).host.addr, up(&["up"], "").host.addr);
}

/// The page about the file names every key, and no other.
#[test]
fn the_page_about_it_is_complete() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/config.md");
    let page = std::fs::read_to_string(path).expect("the page");
    let command = command();
    let own = settable(command.find_subcommand(UP).expect("up")).filter_map(Arg::get_long);
    let known: Vec<&str> = own.chain(KEYS.iter().map(|key| key.name)).collect();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let told: Vec<&str> = rows.collect();
    let missing: Vec<_> = known.iter().filter(|name| !told.contains(name)).collect();
    assert!(missing.is_empty(), "docs/config.md does not tell of {missing:?}");
    let unknown: Vec<_> = told.iter().filter(|name| !known.contains(name)).collect();
    assert!(unknown.is_empty(), "docs/config.md tells of {unknown:?}");
}

#[test]
fn recording_is_a_way_to_be_up() {
    let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
    let table = [
        ("netglass record a.rec --tap", "netglass up --record a.rec --tap"),
        ("netglass -v record a.rec", "netglass -v up --record a.rec"),
        ("netglass record --help", "netglass record --help"),
        ("netglass record --pkt d", "netglass up --pkt d"),
        ("netglass record --pkt d a.rec --tap", "netglass up --pkt d --record a.rec --tap"),
        ("netglass record --pkt=d a.rec", "netglass up --pkt=d --record a.rec"),
        ("netglass record a.rec --pkt d", "netglass up --record a.rec --pkt d"),
        ("netglass record --tap --pkt d", "netglass up --tap --pkt d"),
        ("netglass record --pkt d --run 4", "netglass export --format pkt --out d --run 4"),
        ("netglass record --run=4 --pkt=d", "netglass export --format pkt --run=4 --out=d"),
        ("netglass up --record record", "netglass up --record record"),
        ("netglass", "netglass"),
    ];
    for (given, then) in table {
        assert_eq!(recorded(words(given)), words(then), "{given}");
    }
}
