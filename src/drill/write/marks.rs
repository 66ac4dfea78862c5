//! Marks of congestion on packets that arrive. A log does not have them; but by RFC 3168 §6.1.3 our
//! ACKs say ECE from the first marked packet on, until CWR comes: so the last data before that was
//! marked.

use crate::drill::ast::{Action, Body, Direction, Ecn, Event, Packet, Tcp, TrafficClass};

fn segment(event: &Event) -> Option<(&Packet, &Tcp)> {
    match &event.action {
        Action::Packet(packet) => match &packet.body {
            Body::Tcp(tcp) => Some((packet, tcp)),
            _ => None,
        },
        _ => None,
    }
}

/// Marks the packets that must have been.
pub(super) fn infer(events: &mut [Event]) {
    let (mut echoes, mut last) = (false, None);
    for at in 0..events.len() {
        let Some((packet, tcp)) = segment(&events[at]) else { continue };
        if tcp.flags.syn {
            continue;
        }
        match packet.direction {
            Direction::Inbound => {
                echoes &= !tcp.flags.cwr;
                last = Some(at).filter(|_| tcp.seq.len > 0).or(last);
            }
            Direction::Outbound => {
                let begins = tcp.flags.ece && !echoes;
                echoes = tcp.flags.ece;
                if let Some(Action::Packet(packet)) =
                    last.filter(|_| begins).map(|at: usize| &mut events[at].action)
                {
                    packet.ip.class = Some(TrafficClass::Ecn(Ecn::Ce));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drill::parse;

    #[test]
    fn what_was_marked_is_what_came_before_the_echo() {
        let text = "0 < P. 1:11(10) ack 1 win 9\n\
                    +0 < P. 11:21(10) ack 1 win 9\n\
                    +0 > E. 1:1(0) ack 21\n\
                    +0 < P. 21:31(10) ack 1 win 9\n\
                    +0 > E. 1:1(0) ack 31\n\
                    +0 < PW. 31:41(10) ack 1 win 9\n\
                    +0 > . 1:1(0) ack 41\n\
                    +0 < PW. 41:51(10) ack 1 win 9\n\
                    +0 > E. 1:1(0) ack 51\n";
        let mut script = parse("x.pkt", text, &[]).unwrap();
        infer(&mut script.events);
        let marked =
            |event: &Event| segment(event).is_some_and(|(packet, _)| packet.ip.class.is_some());
        let lines: Vec<_> =
            script.events.iter().filter(|event| marked(event)).map(|event| event.line).collect();
        assert_eq!(lines, [2, 8]);
    }
}
