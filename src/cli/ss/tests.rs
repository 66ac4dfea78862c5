//! ss's spellings.

use super::*;
use serde_json::json;

fn sockets() -> Vec<Value> {
    let tcp = |state: &str, recv_q: u64, send_q: u64, local: &str, peer: Value| {
        json!({
            "netid": "tcp", "state": state, "recv_q": recv_q, "send_q": send_q, "local": local,
            "peer": peer, "sk": 18, "shut": { "recv": false, "send": false },
            "cong_alg": "newreno",
            "skmem": {
                "r": recv_q, "rb": 1048576, "t": 0, "tb": 1048576, "f": 0, "w": send_q, "o": 0,
                "bl": 0, "d": 0,
            },
        })
    };
    let mut listen = tcp("LISTEN", 0, 128, "10.9.0.2:80", Value::Null);
    listen["skmem"]["w"] = json!(0);
    let mut open = tcp("ESTAB", 0, 2896, "10.9.0.2:80", json!("10.9.0.1:39306"));
    open["timer"] = json!({ "name": "on", "ms": 204, "retrans": 0 });
    open["info"] = json!({
        "options": 7, "snd_wscale": 7, "rcv_wscale": 5, "rto": 204_000, "rtt": 444, "rttvar": 859,
        "ato": 40_000, "snd_mss": 1448, "pmtu": 1500, "rcv_mss": 536, "advmss": 1448,
        "snd_cwnd": 10, "snd_ssthresh": 1_483_056, "bytes_sent": 5_000, "bytes_retrans": 1448,
        "bytes_acked": 2104, "bytes_received": 73, "segs_out": 6, "segs_in": 4,
        "data_segs_out": 4, "data_segs_in": 1, "last_data_sent": 12, "last_data_recv": 14,
        "last_ack_recv": 13, "delivery_rate": 9_562_500, "delivery_rate_app_limited": 1,
        "delivered": 2, "busy_time": 14_500, "rwnd_limited": 7_250, "unacked": 2, "retrans": 1,
        "total_retrans": 1, "reordering": 3, "rcv_space": 1_048_576, "rcv_ssthresh": 1_048_576,
        "notsent_bytes": 0, "min_rtt": 18, "snd_wnd": 65_536, "rcv_wnd": 65_463, "lost": 0,
        "rcv_rtt": 1_000,
    });
    let mut half = tcp("TIME-WAIT", 0, 0, "[fd00::2]:80", json!("[fd00::1]:4"));
    half["shut"] = json!({ "recv": true, "send": true });
    half["timer"] = json!({ "name": "timewait", "ms": 59_100, "retrans": 0 });
    let udp = json!({
        "netid": "udp", "state": "UNCONN", "recv_q": 0, "send_q": 0, "local": "0.0.0.0:7",
        "peer": null, "sk": 3, "shut": { "recv": false, "send": false },
    });
    vec![udp, listen, open, half]
}

fn printed(args: &SsArgs, services: &Services) -> String {
    let sockets = sockets();
    let chosen: Vec<_> = sockets.iter().filter(|socket| is_chosen(socket, args)).collect();
    table(&chosen, args, services)
}

const INFO: &str = "newreno wscale:7,5 rto:204 rtt:0.444/0.859 ato:40 mss:1448 pmtu:1500 \
    rcvmss:536 advmss:1448 cwnd:10 bytes_sent:5000 bytes_retrans:1448 bytes_acked:2104 \
    bytes_received:73 segs_out:6 segs_in:4 data_segs_out:4 data_segs_in:1 send 261Mbps lastsnd:12 \
    lastrcv:14 lastack:13 delivery_rate 76.5Mbps delivered:2 app_limited busy:14ms \
    rwnd_limited:7ms(50.0%) unacked:2 retrans:1/1 rcv_rtt:1 rcv_space:1048576 \
    rcv_ssthresh:1048576 minrtt:0.018 snd_wnd:65536 rcv_wnd:65463";

#[test]
fn tcp_with_info() {
    let args = SsArgs { tcp: true, info: true, ..SsArgs::default() };
    let services = Services::read("# names\nhttp\t\t80/tcp\t\twww # the web\nhttp-alt 80/tcp\n");
    let expected = format!(
        "\
State Recv-Q Send-Q  Local Address:Port  Peer Address:Port  Process
ESTAB 0      2896         10.9.0.2:http      10.9.0.1:39306
\t {INFO}
"
    );
    assert_eq!(printed(&args, &services), expected);
}

#[test]
fn everything_there_is() {
    let args = SsArgs { all: true, numeric: true, options: true, ..SsArgs::default() };
    let expected = "\
Netid State     Recv-Q Send-Q  Local Address:Port  Peer Address:Port  Process
udp   UNCONN    0      0             0.0.0.0:7          0.0.0.0:*
tcp   LISTEN    0      128          10.9.0.2:80         0.0.0.0:*
tcp   ESTAB     0      2896         10.9.0.2:80        10.9.0.1:39306 timer:(on,204ms,0)
tcp   TIME-WAIT 0      0           [fd00::2]:80       [fd00::1]:4     timer:(timewait,59sec,0)
";
    assert_eq!(printed(&args, &Services::none()), expected);
}

#[test]
fn details_memory_and_options() {
    let args = SsArgs {
        tcp: true,
        extended: true,
        memory: true,
        info: true,
        numeric: true,
        no_header: true,
        ..SsArgs::default()
    };
    let text = printed(&args, &Services::none());
    let skmem = "skmem:(r0,rb1048576,t0,tb1048576,f0,w2896,o0,bl0,d0)";
    let first = "ESTAB 0 2896  10.9.0.2:80  10.9.0.1:39306 timer:(on,204ms,0) ino:0 sk:12 <->";
    let exact = INFO.replace("261Mbps", "260900901bps").replace("76.5Mbps", "76500000bps");
    assert_eq!(text, format!("{first}\n\t {skmem} ts sack {exact}\n"));
    let args = SsArgs { listening: true, info: true, no_header: true, ..args };
    let text = printed(&args, &Services::none());
    assert!(text.contains("LISTEN 0 128") && text.ends_with(" newreno cwnd:10\n"), "{text}");
}

#[test]
fn which_sockets() {
    let states = |args: SsArgs| -> Vec<String> {
        let sockets = sockets();
        let chosen = sockets.iter().filter(|socket| is_chosen(socket, &args));
        chosen.map(|socket| socket["state"].as_str().unwrap().to_owned()).collect()
    };
    let args = SsArgs::default;
    assert_eq!(states(args()), ["ESTAB"]);
    assert_eq!(states(SsArgs { listening: true, ..args() }), ["UNCONN", "LISTEN"]);
    assert_eq!(states(SsArgs { udp: true, all: true, ..args() }), ["UNCONN"]);
    assert_eq!(states(SsArgs { ipv6: true, all: true, ..args() }), ["TIME-WAIT"]);
    assert_eq!(states(SsArgs { ipv4: true, all: true, tcp: true, ..args() }), ["LISTEN", "ESTAB"]);
}

#[test]
fn times_left() {
    for (ms, text) in [
        (0, "000ms"),
        (204, "204ms"),
        (1_000, "1sec"),
        (1_204, "1.204ms"),
        (12_204, "12sec"),
        (60_000, "1min"),
        (119_999, "1min59sec"),
        (7_140_000, "119min"),
        (601_000, "10min"),
    ] {
        assert_eq!(info::time_left(ms), text);
    }
}

#[test]
fn link_local_addresses_name_their_interface() {
    let socket = serde_json::json!({
        "netid": "tcp", "state": "ESTAB", "recv_q": 0, "send_q": 0, "zone": "glass0",
        "local": "[fe80::1%1]:80", "peer": "[fe80::2%1]:40000",
    });
    let args = SsArgs { numeric: true, ..SsArgs::default() };
    let row = super::row(&socket, &args, &Services::default());
    let expected =
        ["tcp", "ESTAB", "0", "0", "[fe80::1]%glass0", "80", "[fe80::2]%glass0", "40000"];
    assert_eq!(row.columns, expected);
}
