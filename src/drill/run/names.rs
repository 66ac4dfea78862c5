//! The names that statements between `%{` and `}%` may use: `tcp_info`'s fields by Linux's names
//! and in its numbers, and the constants beside them.

use super::machine::{File, Machine, Place, Under};
use crate::drill::assert::Value;
use crate::drill::error::hint;
use crate::tcp::{State, TcpInfo};

/// What names stand for at one moment.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    state: i64,
    info: TcpInfo,
}

/// Linux's numbers of the states, and both systems' names.
const STATES: &[(State, i64, &str, &str)] = &[
    (State::Established, 1, "TCP_ESTABLISHED", "TCPI_ESTABLISHED"),
    (State::SynSent, 2, "TCP_SYN_SENT", "TCPI_SYN_SENT"),
    (State::SynReceived, 3, "TCP_SYN_RECV", "TCPI_SYN_RECEIVED"),
    (State::FinWait1, 4, "TCP_FIN_WAIT1", "TCPI_FIN_WAIT_1"),
    (State::FinWait2, 5, "TCP_FIN_WAIT2", "TCPI_FIN_WAIT_2"),
    (State::TimeWait, 6, "TCP_TIME_WAIT", "TCPI_TIME_WAIT"),
    (State::Closed, 7, "TCP_CLOSE", "TCPI_CLOSED"),
    (State::CloseWait, 8, "TCP_CLOSE_WAIT", "TCPI_CLOSE_WAIT"),
    (State::LastAck, 9, "TCP_LAST_ACK", "TCPI_LAST_ACK"),
    (State::Listen, 10, "TCP_LISTEN", "TCPI_LISTEN"),
    (State::Closing, 11, "TCP_CLOSING", "TCPI_CLOSING"),
];

const CONSTANTS: &[(&str, i64)] = &[
    ("TCP_CA_Open", 0),
    ("TCP_CA_Disorder", 1),
    ("TCP_CA_CWR", 2),
    ("TCP_CA_Recovery", 3),
    ("TCP_CA_Loss", 4),
    ("TCPI_OPT_TIMESTAMPS", 1),
    ("TCPI_OPT_SACK", 2),
    ("TCPI_OPT_WSCALE", 4),
    ("TCPI_OPT_ECN", 8),
    ("TCPI_OPT_ECN_SEEN", 16),
    ("TCPI_OPT_SYN_DATA", 32),
    ("TCPI_OPT_USEC_TS", 64),
    ("TCPI_OPT_TFO_CHILD", 128),
];

/// Fields of what this host has not: a limit of the pace, other flow labels, accurate ECN.
const ALWAYS: &[(&str, u64)] = &[
    ("fackets", 0),
    ("last_ack_sent", 0),
    ("max_pacing_rate", u64::MAX),
    ("rehash", 0),
    ("options2", 0),
    ("received_ce", 0),
    ("delivered_e1_bytes", 0),
    ("delivered_e0_bytes", 0),
    ("delivered_ce_bytes", 0),
    ("received_e1_bytes", 0),
    ("received_e0_bytes", 0),
    ("received_ce_bytes", 0),
    ("ecn_mode", 0),
    ("accecn_fail_mode", 0),
    ("accecn_opt_seen", 0),
];

/// A threshold beyond every window, as Linux shows it.
const INFINITE: i64 = 0x7fff_ffff;

impl Snapshot {
    /// Of the connection under test, now.
    pub(super) fn take(machine: &mut Machine) -> Snapshot {
        let conn = machine.conn_under_test();
        let now = machine.world.now;
        let info = conn.and_then(|conn| machine.world.stack.info(now, conn).ok());
        let mut state = machine.world.state(conn);
        if let (Under::Socket(index), None) = (machine.under, conn)
            && let Some(Some(File::Sock(sock))) = machine.files.get(index)
            && matches!(sock.place, Place::Listener(_))
        {
            state = State::Listen;
        }
        let number = STATES.iter().find(|(of, ..)| *of == state).map_or(7, |row| row.1);
        Snapshot { state: number, info: info.unwrap_or_default() }
    }

    /// What a name stands for.
    pub(super) fn value(&self, name: &str) -> Option<Value> {
        let int = |n: i64| Some(Value::Int(n.into()));
        if let Some((_, number, ..)) = STATES.iter().find(|row| row.2 == name || row.3 == name) {
            return int(*number);
        }
        if let Some((_, number)) = CONSTANTS.iter().find(|(known, _)| *known == name) {
            return int(*number);
        }
        match name.strip_prefix("tcpi_")? {
            "state" => int(self.state),
            "snd_ssthresh" => int(self.info.ssthresh().map_or(INFINITE, |n| n as i64)),
            field => {
                let always = ALWAYS.iter().find(|(known, _)| *known == field);
                let place = TcpInfo::FIELDS.iter().position(|known| *known == field);
                let told = place.map(|place| self.info.values()[place]);
                told.or(always.map(|(_, n)| *n)).map(|n| Value::Int(n.into()))
            }
        }
    }
}

/// The name that may be meant by one that stands for nothing.
pub(super) fn near(name: &str) -> String {
    let fields = TcpInfo::FIELDS.iter().map(|field| format!("tcpi_{field}"));
    let fields: Vec<_> = fields.chain(["tcpi_state".to_owned()]).collect();
    let states = STATES.iter().flat_map(|row| [row.2, row.3]);
    let constants = CONSTANTS.iter().map(|(known, _)| *known);
    hint(name, fields.iter().map(String::as_str).chain(states).chain(constants))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_linux_s() {
        let info =
            TcpInfo { snd_cwnd: 10, snd_mss: 1000, snd_ssthresh: 3_000_000, ..Default::default() };
        let snapshot = Snapshot { state: 1, info };
        let value = |name: &str| match snapshot.value(name) {
            Some(Value::Int(n)) => Some(n),
            _ => None,
        };
        assert_eq!((value("tcpi_snd_cwnd"), value("tcpi_state")), (Some(10), Some(1)));
        assert_eq!(value("TCP_ESTABLISHED"), value("TCPI_ESTABLISHED"));
        assert_eq!(value("tcpi_snd_ssthresh"), Some(0x7fff_ffff));
        assert_eq!((value("TCP_CA_Recovery"), value("tcpi_fame")), (Some(3), None));
        assert_eq!(value("tcpi_max_pacing_rate"), Some(u64::MAX.into()));
    }
}
