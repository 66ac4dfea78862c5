//! Every order in which five segments can arrive: each is acknowledged at once, with SACK blocks
//! for what lies behind a gap, the one that grew last first (RFC 2018 §4, RFC 5681 §4.2).

use std::fmt::Write;

/// Payload bytes of a segment.
const LEN: i64 = 100;

/// What a receiver holds behind a gap, the range that grew last first.
#[derive(Default)]
struct Held(Vec<(i64, i64)>);

impl Held {
    /// Takes a segment; what touches becomes one range.
    fn take(&mut self, left: i64, right: i64) {
        let mut range = (left, right);
        self.0.retain(|known| {
            let touches = known.0 <= range.1 && range.0 <= known.1;
            if touches {
                range = (range.0.min(known.0), range.1.max(known.1));
            }
            !touches
        });
        self.0.insert(0, range);
    }

    /// What follows on `nxt` is held no longer; says where it ends.
    fn drain(&mut self, nxt: i64) -> i64 {
        let next = self.0.iter().find(|range| range.0 <= nxt).map_or(nxt, |range| range.1);
        self.0.retain(|range| range.0 > nxt);
        next.max(nxt)
    }
}

fn script(order: [usize; 5]) -> String {
    let words: Vec<_> = order.iter().map(|n| (n + 1).to_string()).collect();
    let mut text = format!("// Five segments in the order {}.\n", words.join(" "));
    text += "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 bind(3, ..., ...) = 0\n\
             +0 listen(3, 1) = 0\n\
             +0 < S 0:0(0) win 65535 <mss 1000,nop,nop,sackOK>\n\
             +0 > S. 0:0(0) ack 1 <mss 1460,nop,nop,sackOK>\n\
             +0.01 < . 1:1(0) ack 1 win 65535\n+0 accept(3, ..., ...) = 4\n";
    let (mut held, mut nxt) = (Held::default(), 1);
    for n in order {
        let left = 1 + n as i64 * LEN;
        writeln!(text, "+0.01 < . {left}:{}({LEN}) ack 1 win 65535", left + LEN).unwrap();
        held.take(left, left + LEN);
        nxt = held.drain(nxt);
        write!(text, "+0 > . 1:1(0) ack {nxt}").unwrap();
        let blocks: Vec<_> = held.0.iter().map(|(l, r)| format!("{l}:{r}")).collect();
        if !blocks.is_empty() {
            write!(text, " <nop,nop,sack {}>", blocks.join(" ")).unwrap();
        }
        text.push('\n');
    }
    let all = 5 * LEN;
    writeln!(text, "+0 read(4, ..., {}) = {all}", 2 * all).unwrap();
    text
}

/// Every script, by its path below `tests/wire/reorder`.
pub(super) fn scripts() -> Vec<(String, String)> {
    let mut all = Vec::new();
    for code in 0..3125 {
        let order = [code / 625 % 5, code / 125 % 5, code / 25 % 5, code / 5 % 5, code % 5];
        let mut seen = [false; 5];
        order.iter().for_each(|n| seen[*n] = true);
        if seen == [true; 5] {
            let name: String = order.iter().map(|n| (n + 1).to_string()).collect();
            all.push((format!("{name}.pkt"), script(order)));
        }
    }
    all
}
