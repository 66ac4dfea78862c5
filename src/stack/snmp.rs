//! What a host counts, under Linux's names (`nstat`; RFC 4293, RFC 4022, RFC 4113).
//!
//! What was dropped is counted by its [`Why`]; here is the rest, and the list that joins both.

use super::Stack;
use crate::base::Why;
use crate::ip::Destination;
use crate::tcp::{AckWhy, Because, Cause, Outgoing, Plan, Reply, RtxRule, State};
use crate::wire::icmpv4::Icmpv4;

/// ICMP messages by type, in one direction.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[allow(missing_docs, reason = "each field is the message of that name")]
pub struct IcmpCounts {
    pub msgs: u64,
    pub dest_unreachs: u64,
    pub time_excds: u64,
    pub parm_probs: u64,
    pub redirects: u64,
    pub echos: u64,
    pub echo_reps: u64,
}

impl IcmpCounts {
    /// Counts a message whose type is known.
    fn count(&mut self, message: Icmpv4) {
        match message {
            Icmpv4::EchoRequest { .. } => self.echos += 1,
            Icmpv4::EchoReply { .. } => self.echo_reps += 1,
            Icmpv4::Unreachable { .. } => self.dest_unreachs += 1,
            Icmpv4::TimeExceeded { .. } => self.time_excds += 1,
            Icmpv4::ParameterProblem { .. } => self.parm_probs += 1,
            Icmpv4::Other { kind: 5, .. } => self.redirects += 1,
            Icmpv4::Other { .. } => {}
        }
    }
}

/// The counters of a host that no other count tells.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[allow(missing_docs, reason = "each field is the counter that `Stack::counters` names")]
pub struct Snmp {
    pub ip_in_receives: u64,
    pub ip_in_delivers: u64,
    pub ip_out_requests: u64,
    pub ip_reasm_reqds: u64,
    pub ip_reasm_oks: u64,
    pub ip_frag_oks: u64,
    pub ip_frag_fails: u64,
    pub ip_frag_creates: u64,
    pub ip_in_bcast: u64,
    pub ip_in_mcast: u64,
    pub icmp_in: IcmpCounts,
    pub icmp_out: IcmpCounts,
    pub tcp_active_opens: u64,
    pub tcp_passive_opens: u64,
    pub tcp_attempt_fails: u64,
    pub tcp_estab_resets: u64,
    pub tcp_in_segs: u64,
    pub tcp_out_segs: u64,
    pub tcp_retrans_segs: u64,
    pub tcp_out_rsts: u64,
    pub tcp_embryonic_rsts: u64,
    pub tcp_tw: u64,
    pub tcp_delayed_acks: u64,
    pub tcp_fast_retrans: u64,
    pub tcp_slow_start_retrans: u64,
    pub tcp_timeouts: u64,
    pub tcp_abort_on_data: u64,
    pub tcp_abort_on_close: u64,
    pub tcp_abort_on_timeout: u64,
    pub tcp_challenge_ack: u64,
    pub tcp_syn_retrans: u64,
    pub tcp_orig_data_sent: u64,
    pub tcp_win_probe: u64,
    pub tcp_keep_alive: u64,
    pub udp_in_datagrams: u64,
    pub udp_out_datagrams: u64,
}

impl Snmp {
    /// A packet was found to be for this host.
    pub(super) fn ip_in(&mut self, destination: Destination) {
        match destination {
            Destination::Unicast => {}
            Destination::Broadcast => self.ip_in_bcast += 1,
            Destination::Multicast => self.ip_in_mcast += 1,
        }
    }

    /// An ICMP message arrived.
    pub(super) fn icmp_in(&mut self, message: Icmpv4) {
        self.icmp_in.count(message);
    }

    /// An ICMP message is sent.
    pub(super) fn icmp_out(&mut self, message: Icmpv4) {
        self.icmp_out.msgs += 1;
        self.icmp_out.count(message);
    }

    /// A segment is sent. What was sent before counts apart (RFC 4022, tcpOutSegs).
    pub(super) fn tcp_out(&mut self, out: &Outgoing) {
        let mss = out.gso_size.map_or(usize::MAX, usize::from).max(1);
        let segs = out.payload.len().div_ceil(mss).max(1) as u64;
        self.tcp_out_rsts += u64::from(out.hdr.ctl.rst());
        match out.why {
            Because::Plan(Plan::Retransmit { rule, .. }) => {
                self.tcp_retrans_segs += segs;
                match rule {
                    RtxRule::Rto => self.tcp_timeouts += 1,
                    RtxRule::AfterRto => self.tcp_slow_start_retrans += segs,
                    RtxRule::FastRetransmit | RtxRule::PartialAck => self.tcp_fast_retrans += segs,
                    _ => {}
                }
                return;
            }
            Because::Plan(Plan::RetransmitSyn { .. }) | Because::Reply(Reply::SynAckAgain) => {
                self.tcp_retrans_segs += 1;
                self.tcp_syn_retrans += 1;
                self.tcp_timeouts += 1;
                return;
            }
            Because::Plan(Plan::NewData { .. } | Plan::SwsOverride { .. }) => {
                self.tcp_orig_data_sent += segs;
            }
            Because::Plan(Plan::Ack { why: AckWhy::Delayed }) => self.tcp_delayed_acks += 1,
            Because::Plan(Plan::Ack { why: AckWhy::Challenge })
            | Because::Reply(Reply::EmbryoChallenge) => self.tcp_challenge_ack += 1,
            Because::Plan(Plan::WindowProbe { .. }) => self.tcp_win_probe += 1,
            Because::Plan(Plan::Keepalive { .. }) => self.tcp_keep_alive += 1,
            Because::Plan(Plan::Rst { cause: Cause::CloseUnread }) => self.tcp_abort_on_close += 1,
            Because::Plan(Plan::Rst { cause: Cause::Abort | Cause::DataAfterClose }) => {
                self.tcp_abort_on_data += 1;
            }
            _ => {}
        }
        self.tcp_out_segs += segs;
    }

    /// A connection went from one state to another; `timer`: because a timer expired.
    pub(super) fn tcp_went(&mut self, from: State, to: State, timer: bool) {
        if from == to || to != State::Closed {
            return;
        }
        match from {
            State::SynSent | State::SynReceived => self.tcp_attempt_fails += 1,
            State::Established | State::CloseWait => self.tcp_estab_resets += 1,
            State::TimeWait if timer => self.tcp_tw += 1,
            _ => {}
        }
        let patient = !matches!(from, State::TimeWait | State::FinWait2);
        self.tcp_abort_on_timeout += u64::from(timer && patient);
    }
}

type List = Vec<(&'static str, u64)>;

impl Stack {
    /// What this host has counted, under the names and in the order of Linux's `nstat`.
    pub fn counters(&self) -> List {
        let mut list = self.count_ip();
        list.extend(self.count_icmp());
        list.extend(self.count_tcp());
        list.extend(self.count_udp());
        list.extend(self.count_tcp_ext());
        list.extend(self.count_ip_ext());
        list
    }

    fn lost(&self, whys: &[Why]) -> u64 {
        whys.iter().map(|why| self.drops.of(*why)).sum()
    }

    fn count_ip(&self) -> List {
        let s = &self.snmp;
        let header = [
            Why::IpVersion,
            Why::IpHeaderLength,
            Why::IpChecksum,
            Why::IpOption,
            Why::IpSourceRoute,
        ];
        let address = [Why::MartianSource, Why::MartianDestination, Why::OwnSource, Why::NotForUs];
        let fragment = [
            Why::FragmentRange,
            Why::FragmentOverlap,
            Why::FragmentEcn,
            Why::FragmentLimit,
            Why::ReassemblyTimeout,
        ];
        vec![
            ("IpInReceives", s.ip_in_receives),
            ("IpInHdrErrors", self.lost(&header)),
            ("IpInAddrErrors", self.lost(&address)),
            ("IpInUnknownProtos", self.lost(&[Why::NoProtocol])),
            ("IpInDelivers", s.ip_in_delivers),
            ("IpOutRequests", s.ip_out_requests),
            ("IpOutDiscards", self.lost(&[Why::EgressFull])),
            ("IpOutNoRoutes", self.lost(&[Why::NoRoute])),
            ("IpReasmTimeout", self.lost(&[Why::ReassemblyTimeout])),
            ("IpReasmReqds", s.ip_reasm_reqds),
            ("IpReasmOKs", s.ip_reasm_oks),
            ("IpReasmFails", self.lost(&fragment)),
            ("IpFragOKs", s.ip_frag_oks),
            ("IpFragFails", s.ip_frag_fails),
            ("IpFragCreates", s.ip_frag_creates),
            ("IpOutTransmits", self.totals.frames_out),
        ]
    }

    fn count_icmp(&self) -> List {
        let (came, sent) = (&self.snmp.icmp_in, &self.snmp.icmp_out);
        vec![
            ("IcmpInMsgs", came.msgs),
            ("IcmpInErrors", self.lost(&[Why::IcmpTruncated, Why::IcmpChecksum])),
            ("IcmpInCsumErrors", self.lost(&[Why::IcmpChecksum])),
            ("IcmpInDestUnreachs", came.dest_unreachs),
            ("IcmpInTimeExcds", came.time_excds),
            ("IcmpInParmProbs", came.parm_probs),
            ("IcmpInRedirects", came.redirects),
            ("IcmpInEchos", came.echos),
            ("IcmpInEchoReps", came.echo_reps),
            ("IcmpOutMsgs", sent.msgs),
            ("IcmpOutRateLimitGlobal", self.lost(&[Why::IcmpRateLimit])),
            ("IcmpOutDestUnreachs", sent.dest_unreachs),
            ("IcmpOutTimeExcds", sent.time_excds),
            ("IcmpOutParmProbs", sent.parm_probs),
            ("IcmpOutRedirects", sent.redirects),
            ("IcmpOutEchos", sent.echos),
            ("IcmpOutEchoReps", sent.echo_reps),
        ]
    }

    fn count_tcp(&self) -> List {
        let s = &self.snmp;
        vec![
            ("TcpActiveOpens", s.tcp_active_opens),
            ("TcpPassiveOpens", s.tcp_passive_opens),
            ("TcpAttemptFails", s.tcp_attempt_fails),
            ("TcpEstabResets", s.tcp_estab_resets),
            ("TcpInSegs", s.tcp_in_segs),
            ("TcpOutSegs", s.tcp_out_segs),
            ("TcpRetransSegs", s.tcp_retrans_segs),
            ("TcpInErrs", self.lost(&[Why::TcpHeaderLength, Why::TcpChecksum])),
            ("TcpOutRsts", s.tcp_out_rsts),
            ("TcpInCsumErrors", self.lost(&[Why::TcpChecksum])),
        ]
    }

    fn count_udp(&self) -> List {
        let s = &self.snmp;
        let errors = [Why::UdpLength, Why::UdpChecksum, Why::UdpBufferFull];
        vec![
            ("UdpInDatagrams", s.udp_in_datagrams),
            ("UdpNoPorts", self.lost(&[Why::UdpNoPort, Why::UdpNotPeer])),
            ("UdpInErrors", self.lost(&errors)),
            ("UdpOutDatagrams", s.udp_out_datagrams),
            ("UdpRcvbufErrors", self.lost(&[Why::UdpBufferFull])),
            ("UdpInCsumErrors", self.lost(&[Why::UdpChecksum])),
        ]
    }

    fn count_tcp_ext(&self) -> List {
        let s = &self.snmp;
        let listen = [Why::BacklogFull, Why::AcceptQueueFull, Why::TooManyConnections];
        vec![
            ("TcpExtEmbryonicRsts", s.tcp_embryonic_rsts),
            ("TcpExtOutOfWindowIcmps", self.lost(&[Why::IcmpOutOfWindow])),
            ("TcpExtTW", s.tcp_tw),
            ("TcpExtPAWSEstab", self.lost(&[Why::Paws])),
            ("TcpExtBeyondWindow", self.lost(&[Why::OutOfWindow])),
            ("TcpExtDelayedACKs", s.tcp_delayed_acks),
            ("TcpExtListenOverflows", self.lost(&[Why::AcceptQueueFull])),
            ("TcpExtListenDrops", self.lost(&listen)),
            ("TcpExtTCPFastRetrans", s.tcp_fast_retrans),
            ("TcpExtTCPSlowStartRetrans", s.tcp_slow_start_retrans),
            ("TcpExtTCPTimeouts", s.tcp_timeouts),
            ("TcpExtTCPAbortOnData", s.tcp_abort_on_data),
            ("TcpExtTCPAbortOnClose", s.tcp_abort_on_close),
            ("TcpExtTCPAbortOnTimeout", s.tcp_abort_on_timeout),
            ("TcpExtTCPReqQFullDrop", self.lost(&[Why::BacklogFull])),
            ("TcpExtTCPOFODrop", self.lost(&[Why::ReassemblyFull])),
            ("TcpExtTCPChallengeACK", s.tcp_challenge_ack),
            ("TcpExtTCPSYNChallenge", self.lost(&[Why::SynInWindow])),
            ("TcpExtTCPSynRetrans", s.tcp_syn_retrans),
            ("TcpExtTCPOrigDataSent", s.tcp_orig_data_sent),
            ("TcpExtTCPACKSkippedChallenge", self.lost(&[Why::ChallengeLimit])),
            ("TcpExtTCPWinProbe", s.tcp_win_probe),
            ("TcpExtTCPKeepAlive", s.tcp_keep_alive),
        ]
    }

    fn count_ip_ext(&self) -> List {
        vec![
            ("IpExtInTruncatedPkts", self.lost(&[Why::IpTruncated])),
            ("IpExtInMcastPkts", self.snmp.ip_in_mcast),
            ("IpExtInBcastPkts", self.snmp.ip_in_bcast),
            ("IpExtInOctets", self.totals.bytes_in),
            ("IpExtOutOctets", self.totals.bytes_out),
            ("IpExtInCsumErrors", self.lost(&[Why::IpChecksum])),
            ("IpExtReasmOverlaps", self.lost(&[Why::FragmentOverlap])),
        ]
    }
}
