//! `netglass ip`, `route` and `arp`: a running host's interfaces, addresses, routes and neighbours,
//! as iproute2 and net-tools print them.

use super::args::{IpArgs, TableArgs};
use super::ask::Asked;
use super::{Failure, Outcome, talk};
use serde_json::Value;
use std::process::ExitCode;

/// The objects of `ip`; a name may be cut short, as there.
const OBJECTS: &[(&str, Object)] = &[
    ("address", Object::Addr),
    ("link", Object::Link),
    ("route", Object::Route),
    ("neighbour", Object::Neigh),
    ("neighbor", Object::Neigh),
    ("maddress", Object::Maddr),
];

#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Object {
    Addr,
    Link,
    Route,
    Neigh,
    Maddr,
}

pub(super) fn run(args: &IpArgs) -> Outcome {
    let known = OBJECTS.iter().find(|(name, _)| name.starts_with(&args.object));
    let Some((_, object)) = known.filter(|_| !args.object.is_empty()) else {
        return Err(Failure::usage(format_args!(
            "\"{}\" is none of addr, link, route, neigh, maddr",
            args.object
        )));
    };
    let question = match object {
        Object::Addr | Object::Link => "links",
        Object::Route => "routes",
        Object::Neigh => "neighbours",
        Object::Maddr => "groups",
    };
    for mut asked in Asked::find(&args.ask)? {
        let mut answer = asked.ask(question)?;
        if let Value::Array(rows) = &mut answer {
            if let Object::Addr | Object::Link = object {
                rows.iter_mut().for_each(|link| trim(link, *object, args.statistics));
            }
            if args.four || args.six {
                of_family(rows, args.six);
            }
        }
        let text = match object {
            Object::Addr | Object::Link => links_text,
            Object::Route => routes_text,
            Object::Neigh => neighbours_text,
            Object::Maddr => groups_text,
        };
        show(asked.title(), &answer, args.ask.json, text)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// `netglass route`.
pub(super) fn route(args: &TableArgs) -> Outcome {
    table(args, "routes", route_text)
}

/// `netglass arp`.
pub(super) fn arp(args: &TableArgs) -> Outcome {
    table(args, "neighbours", arp_text)
}

fn table(args: &TableArgs, question: &str, text: fn(&[Value]) -> String) -> Outcome {
    for mut asked in Asked::find(&args.ask)? {
        let answer = asked.ask(question)?;
        show(asked.title(), &answer, args.ask.json, text)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn show(
    title: Option<&str>,
    answer: &Value,
    json: bool,
    text: fn(&[Value]) -> String,
) -> Result<(), Failure> {
    if json {
        return talk::answer(title, answer);
    }
    talk::headed(title, &text(answer.as_array().map_or(&[][..], Vec::as_slice)))
}

/// Takes away what the object does not show.
fn trim(link: &mut Value, object: Object, statistics: bool) {
    let Value::Object(fields) = link else { return };
    if object == Object::Link {
        fields.remove("addr_info");
    }
    if !statistics {
        fields.remove("stats64");
    }
}

/// Takes away what is of the other family: addresses and groups of interfaces, routes, neighbours.
fn of_family(rows: &mut Vec<Value>, six: bool) {
    let family = if six { "inet6" } else { "inet" };
    let is_six = |row: &Value| ["dst", "gateway"].iter().any(|key| word(&row[key]).contains(':'));
    for row in rows.iter_mut() {
        for list in ["addr_info", "maddr"] {
            if let Some(own) = row.get_mut(list).and_then(Value::as_array_mut) {
                own.retain(|own| own["family"] == family);
            }
        }
    }
    rows.retain(|row| row["dst"].is_null() || is_six(row) == six);
}

/// A field as text: strings without quotes, nothing for what is not there.
fn word(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The strings of an array, joined.
fn words(value: &Value, by: &str) -> String {
    let words = value.as_array().map_or(&[][..], Vec::as_slice).iter();
    words.map(word).collect::<Vec<_>>().join(by)
}

fn links_text(links: &[Value]) -> String {
    let mut text = String::new();
    for link in links {
        let at = |key: &str| word(&link[key]);
        text += &format!(
            "{}: {}: <{}> mtu {} state {}\n    link/{}",
            at("ifindex"),
            at("ifname"),
            words(&link["flags"], ","),
            at("mtu"),
            at("operstate"),
            at("link_type"),
        );
        if !link["address"].is_null() {
            text += &format!(" {} brd {}", at("address"), at("broadcast"));
        } else {
            text += " ";
        }
        text += "\n";
        let own = link["addr_info"].as_array().map_or(&[][..], Vec::as_slice);
        // IPv4 first, as Linux does, whichever the host had first.
        let (six, four): (Vec<_>, Vec<_>) = own.iter().partition(|own| own["family"] == "inet6");
        text.extend(four.into_iter().chain(six).map(address_text));
        text += &statistics_text(&link["stats64"]);
    }
    text
}

fn address_text(own: &Value) -> String {
    let at = |key: &str| word(&own[key]);
    let lifetime = |key: &str| match own[key].as_u64() {
        Some(seconds) if seconds < u64::from(u32::MAX) => format!("{seconds}sec"),
        _ => "forever".to_owned(),
    };
    let broadcast = match &own["broadcast"] {
        Value::Null => String::new(),
        broadcast => format!(" brd {}", word(broadcast)),
    };
    let flags = ["dadfailed", "deprecated", "tentative", "dynamic"].into_iter();
    let flags = flags.filter(|flag| own[flag] == true).map(|flag| format!("{flag} "));
    format!(
        "    {} {}/{}{broadcast} scope {} {}{}\n       valid_lft {} preferred_lft {}\n",
        at("family"),
        at("local"),
        at("prefixlen"),
        at("scope"),
        flags.collect::<String>(),
        at("label"),
        lifetime("valid_life_time"),
        lifetime("preferred_life_time"),
    )
}

fn statistics_text(stats: &Value) -> String {
    if stats.is_null() {
        return String::new();
    }
    let mut text = String::new();
    for (name, side) in [("RX", &stats["rx"]), ("TX", &stats["tx"])] {
        let at = |key: &str| word(&side[key]);
        text += &format!("    {name}: {:>10} {:>8} errors dropped\n", "bytes", "packets");
        let (bytes, packets) = (at("bytes"), at("packets"));
        text +=
            &format!("        {bytes:>10} {packets:>8} {:>6} {:>7}\n", at("errors"), at("dropped"));
    }
    text
}

fn routes_text(routes: &[Value]) -> String {
    let names = [
        ("via", "gateway"),
        ("dev", "dev"),
        ("proto", "protocol"),
        ("scope", "scope"),
        ("src", "prefsrc"),
        ("metric", "metric"),
    ];
    let line = |route: &Value| {
        let mut line = word(&route["dst"]);
        for (name, key) in names {
            if !route[key].is_null() {
                line += &format!(" {name} {}", word(&route[key]));
            }
        }
        if let Some(seconds) = route["expires"].as_u64() {
            line += &format!(" expires {seconds}sec");
        }
        if let Some(hops) = route["metrics"][0]["hoplimit"].as_u64() {
            line += &format!(" hoplimit {hops}");
        }
        match &route["pref"] {
            Value::Null => line + " \n",
            preference => format!("{line} pref {}\n", word(preference)),
        }
    };
    routes.iter().map(line).collect()
}

fn neighbours_text(neighbours: &[Value]) -> String {
    let line = |neighbour: &Value| {
        let at = |key: &str| word(&neighbour[key]);
        let lladdr = match &neighbour["lladdr"] {
            Value::Null => String::new(),
            lladdr => format!(" lladdr {}", word(lladdr)),
        };
        let router = if neighbour.get("router").is_some() { " router" } else { "" };
        let state = words(&neighbour["state"], ",");
        format!("{} dev {}{lladdr}{router} {state} \n", at("dst"), at("dev"))
    };
    neighbours.iter().map(line).collect()
}

fn groups_text(links: &[Value]) -> String {
    let mut text = String::new();
    for link in links {
        text += &format!("{}:\t{}\n", word(&link["ifindex"]), word(&link["ifname"]));
        for group in link["maddr"].as_array().map_or(&[][..], Vec::as_slice) {
            let at = |key: &str| word(&group[key]);
            text += &match group["link"].is_null() {
                true => format!("\t{:<5} {}", at("family"), at("address")),
                false => format!("\tlink  {}", at("link")),
            };
            if !group["users"].is_null() {
                text += &format!(" users {}", at("users"));
            }
            text.push('\n');
        }
    }
    text
}

/// The table of net-tools, which knows IPv4 only.
fn route_text(routes: &[Value]) -> String {
    let head = "Destination     Gateway         Genmask         Flags Metric Ref    Use Iface\n";
    let mut text = format!("IP routing table\n{head}");
    for route in routes {
        let dst = word(&route["dst"]);
        let dst = if dst == "default" { "0.0.0.0/0" } else { &dst };
        let (Ok(network), gateway) = (dst.parse::<crate::ip::Cidr>(), word(&route["gateway"]))
        else {
            continue;
        };
        if network.addr().is_ipv6() || gateway.contains(':') {
            continue;
        }
        let mask = u32::MAX.checked_shl(32 - u32::from(network.prefix())).unwrap_or(0);
        let mask = std::net::Ipv4Addr::from_bits(mask).to_string();
        let host = if network.prefix() == 32 { "H" } else { "" };
        let (gateway, flags) = match gateway.is_empty() {
            true => ("0.0.0.0", format!("U{host}")),
            false => (gateway.as_str(), format!("UG{host}")),
        };
        let metric = route["metric"].as_u64().unwrap_or(0);
        let (dst, iface) = (network.addr().to_string(), word(&route["dev"]));
        text += &format!(
            "{dst:<15} {gateway:<15} {mask:<15} {flags:<5} {metric:<6} {:<6}{:>4} {iface}\n",
            0, 0
        );
    }
    text
}

/// The table of net-tools.
fn arp_text(neighbours: &[Value]) -> String {
    let mut text =
        "Address                  HWtype  HWaddress           Flags Mask            Iface\n"
            .to_owned();
    for neighbour in neighbours {
        let at = |key: &str| word(&neighbour[key]);
        let (dst, dev) = (at("dst"), at("dev"));
        if dst.contains(':') {
            continue;
        }
        let permanent = words(&neighbour["state"], ",").contains("PERMANENT");
        text += &match &neighbour["lladdr"] {
            Value::Null => format!("{dst:<25}        (incomplete)        {:<22}{dev}\n", ""),
            lladdr => {
                let flags = if permanent { "CM" } else { "C" };
                format!("{dst:<24} {:<7} {:<19} {flags:<21} {dev}\n", "ether", word(lladdr))
            }
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn interfaces_as_ip_prints_them() {
        let mut link = json!({
            "ifindex": 2, "ifname": "glass0", "flags": ["NOARP", "UP"], "mtu": 1500,
            "operstate": "UNKNOWN", "link_type": "none",
            "addr_info": [{
                "family": "inet", "local": "10.9.0.2", "prefixlen": 24, "scope": "global",
                "broadcast": "10.9.0.255", "label": "glass0",
                "valid_life_time": u32::MAX, "preferred_life_time": 20,
            }],
            "stats64": {
                "rx": { "bytes": 840, "packets": 10, "errors": 0, "dropped": 1 },
                "tx": { "bytes": 900, "packets": 11, "errors": 0, "dropped": 0 },
            },
        });
        let expected = "\
2: glass0: <NOARP,UP> mtu 1500 state UNKNOWN
    link/none \n    inet 10.9.0.2/24 brd 10.9.0.255 scope global glass0
       valid_lft forever preferred_lft 20sec
    RX:      bytes  packets errors dropped
               840       10      0       1
    TX:      bytes  packets errors dropped
               900       11      0       0
";
        assert_eq!(links_text(std::slice::from_ref(&link)), expected);
        trim(&mut link, Object::Link, false);
        let bare = "2: glass0: <NOARP,UP> mtu 1500 state UNKNOWN\n    link/none \n";
        assert_eq!(links_text(&[link]), bare);
    }

    #[test]
    fn routes_as_ip_and_route_print_them() {
        let routes = [
            json!({ "dst": "default", "gateway": "10.9.0.1", "dev": "glass0", "flags": [] }),
            json!({
                "dst": "10.9.0.0/24", "dev": "glass0", "protocol": "kernel", "scope": "link",
                "prefsrc": "10.9.0.2", "flags": [],
            }),
            json!({ "dst": "10.8.0.1/32", "dev": "glass0", "metric": 5, "flags": [] }),
            json!({
                "dst": "2001:db8::/64", "dev": "glass0", "protocol": "kernel", "metric": 256,
                "flags": [], "expires": 97, "pref": "medium",
            }),
            json!({
                "dst": "default", "gateway": "fe80::1", "dev": "glass0", "protocol": "ra",
                "metric": 1024, "flags": [], "expires": 1799, "metrics": [{ "hoplimit": 64 }],
                "pref": "high",
            }),
        ];
        let expected = "\
default via 10.9.0.1 dev glass0 \n\
10.9.0.0/24 dev glass0 proto kernel scope link src 10.9.0.2 \n\
10.8.0.1/32 dev glass0 metric 5 \n\
2001:db8::/64 dev glass0 proto kernel metric 256 expires 97sec pref medium
default via fe80::1 dev glass0 proto ra metric 1024 expires 1799sec hoplimit 64 pref high
";
        assert_eq!(routes_text(&routes), expected);
        let expected = "\
IP routing table
Destination     Gateway         Genmask         Flags Metric Ref    Use Iface
0.0.0.0         10.9.0.1        0.0.0.0         UG    0      0        0 glass0
10.9.0.0        0.0.0.0         255.255.255.0   U     0      0        0 glass0
10.8.0.1        0.0.0.0         255.255.255.255 UH    5      0        0 glass0
";
        assert_eq!(route_text(&routes), expected);
    }

    #[test]
    fn groups_as_ip_prints_them() {
        let links = json!([{ "ifindex": 3, "ifname": "v0", "maddr": [
            { "link": "33:33:00:00:00:01" },
            { "family": "inet", "address": "224.0.0.1" },
            { "family": "inet6", "address": "ff02::fb", "users": 2 },
        ] }]);
        let expected = "3:\tv0\n\tlink  33:33:00:00:00:01\n\tinet  224.0.0.1\n\
                        \tinet6 ff02::fb users 2\n";
        assert_eq!(groups_text(links.as_array().expect("an array")), expected);
    }

    #[test]
    fn one_family_alone() {
        let mut routes = vec![
            json!({ "dst": "default", "gateway": "10.9.0.1" }),
            json!({ "dst": "default", "gateway": "fd09::1" }),
            json!({ "dst": "fd00::/64" }),
        ];
        let mut four = routes.clone();
        of_family(&mut four, false);
        assert_eq!(four, routes[..1]);
        of_family(&mut routes, true);
        assert_eq!(routes.len(), 2);
        let own = [
            json!({ "family": "inet6", "local": "fd09::2" }),
            json!({ "family": "inet", "local": "10.9.0.2" }),
        ];
        let mut links = vec![json!({ "ifname": "glass0", "addr_info": own })];
        let text = links_text(&links);
        assert!(text.find("inet 10.9.0.2") < text.find("inet6 fd09::2"), "{text}");
        of_family(&mut links, false);
        assert_eq!(links[0]["addr_info"], json!([own[1]]));
    }

    #[test]
    fn neighbours_as_ip_and_arp_print_them() {
        let neighbours = [
            json!({
                "dst": "10.9.0.1", "dev": "glass0", "lladdr": "02:00:00:00:00:01",
                "state": ["REACHABLE"],
            }),
            json!({ "dst": "10.9.0.7", "dev": "glass0", "state": ["INCOMPLETE"] }),
            json!({
                "dst": "fe80::1", "dev": "glass0", "lladdr": "02:00:00:00:00:08", "router": null,
                "state": ["STALE"],
            }),
        ];
        let expected = "10.9.0.1 dev glass0 lladdr 02:00:00:00:00:01 REACHABLE \n\
                        10.9.0.7 dev glass0 INCOMPLETE \n\
                        fe80::1 dev glass0 lladdr 02:00:00:00:00:08 router STALE \n";
        assert_eq!(neighbours_text(&neighbours), expected);
        let expected = "\
Address                  HWtype  HWaddress           Flags Mask            Iface
10.9.0.1                 ether   02:00:00:00:00:01   C                     glass0
10.9.0.7                         (incomplete)                              glass0
";
        assert_eq!(arp_text(&neighbours), expected);
        assert_eq!(neighbours_text(&[]), "");
    }
}
