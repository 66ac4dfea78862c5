//! What a host counts, under Linux's names (`nstat`; RFC 4293, RFC 4022, RFC 4113).
//!
//! What was dropped is counted by its [`Why`]; here is the rest, and the list that joins both.

use super::Stack;
use super::event::PacketView;
use super::fastopen::FastOpenCounts;
use crate::base::why::Drops;
use crate::base::{Frame, Why};
use crate::ip::Destination;
use crate::tcp::{AckWhy, Because, Cause, Outgoing, Plan, Reply, RtxRule, State};
use crate::wire::icmp::Icmp;
use crate::wire::icmpv4::Icmpv4;
use crate::wire::icmpv6::Icmpv6;
use std::net::IpAddr;

/// ICMP messages by type, in one direction.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[allow(missing_docs, reason = "each field is the message of that name")]
pub struct IcmpCounts {
    pub msgs: u64,
    pub dest_unreachs: u64,
    pub pkt_too_bigs: u64,
    pub time_excds: u64,
    pub parm_probs: u64,
    pub redirects: u64,
    pub echos: u64,
    pub echo_reps: u64,
    pub group_memb_queries: u64,
    pub group_memb_responses: u64,
    pub group_memb_reductions: u64,
    pub mldv2_reports: u64,
}

impl IcmpCounts {
    /// Counts a message by its type.
    fn count(&mut self, message: &Icmp) {
        match message {
            Icmp::V4(Icmpv4::EchoRequest { .. }) | Icmp::V6(Icmpv6::EchoRequest { .. }) => {
                self.echos += 1;
            }
            Icmp::V4(Icmpv4::EchoReply { .. }) | Icmp::V6(Icmpv6::EchoReply { .. }) => {
                self.echo_reps += 1;
            }
            Icmp::V4(Icmpv4::Unreachable { .. }) | Icmp::V6(Icmpv6::Unreachable { .. }) => {
                self.dest_unreachs += 1;
            }
            Icmp::V4(Icmpv4::TimeExceeded { .. }) | Icmp::V6(Icmpv6::TimeExceeded { .. }) => {
                self.time_excds += 1;
            }
            Icmp::V4(Icmpv4::ParameterProblem { .. })
            | Icmp::V6(Icmpv6::ParameterProblem { .. }) => self.parm_probs += 1,
            Icmp::V6(Icmpv6::PacketTooBig { .. }) => self.pkt_too_bigs += 1,
            Icmp::V4(Icmpv4::Redirect { .. }) | Icmp::V6(Icmpv6::Other { kind: 137, .. }) => {
                self.redirects += 1;
            }
            Icmp::V6(Icmpv6::Other { kind: 130, .. }) => self.group_memb_queries += 1,
            Icmp::V6(Icmpv6::Other { kind: 131, .. }) => self.group_memb_responses += 1,
            Icmp::V6(Icmpv6::Other { kind: 132, .. }) => self.group_memb_reductions += 1,
            Icmp::V6(Icmpv6::Other { kind: 143, .. }) => self.mldv2_reports += 1,
            _ => {}
        }
    }
}

/// What is counted for each version of IP.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "each field is the counter that `Stack::counters` names")]
pub struct FamilyCounts {
    pub in_receives: u64,
    pub in_octets: u64,
    pub in_delivers: u64,
    pub forwarded: u64,
    pub in_bcast: u64,
    pub in_mcast: u64,
    pub out_mcast: u64,
    pub out_requests: u64,
    pub out_transmits: u64,
    pub out_octets: u64,
    pub reasm_reqds: u64,
    pub reasm_oks: u64,
    pub frag_oks: u64,
    pub frag_fails: u64,
    pub frag_creates: u64,
    pub icmp_in: IcmpCounts,
    pub icmp_out: IcmpCounts,
    pub udp_in: u64,
    pub udp_out: u64,
    /// What was dropped, and why.
    pub drops: Drops,
}

impl FamilyCounts {
    /// A packet was found to be for this host.
    pub(super) fn ip_in(&mut self, destination: Destination) {
        match destination {
            Destination::Unicast => {}
            Destination::Broadcast => self.in_bcast += 1,
            Destination::Multicast => self.in_mcast += 1,
        }
    }

    /// An ICMP message arrived that could be read.
    pub(super) fn icmp_in(&mut self, message: &Icmp) {
        self.icmp_in.count(message);
    }

    /// An ICMP message is sent.
    pub(super) fn icmp_out(&mut self, message: &Icmp) {
        self.icmp_out.msgs += 1;
        self.icmp_out.count(message);
    }

    fn lost(&self, whys: &[Why]) -> u64 {
        whys.iter().map(|why| self.drops.of(*why)).sum()
    }
}

/// The counters of a host that no other count tells.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "each field is the counter that `Stack::counters` names")]
pub struct Snmp {
    pub v4: FamilyCounts,
    pub v6: FamilyCounts,
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
    pub syn_cookies_sent: u64,
    pub syn_cookies_recv: u64,
    pub fast_open: FastOpenCounts,
}

impl Snmp {
    /// The counters of the version that `addr` is of.
    pub(super) fn of(&mut self, addr: IpAddr) -> &mut FamilyCounts {
        if addr.is_ipv6() { &mut self.v6 } else { &mut self.v4 }
    }

    /// The counters of the version that a packet is of; what is none counts as IPv4, as ever.
    fn of_frame(&mut self, frame: &Frame) -> &mut FamilyCounts {
        let version = frame.front().first().map_or(0, |first| first >> 4);
        if version == 6 { &mut self.v6 } else { &mut self.v4 }
    }

    /// A packet came from a link.
    pub(super) fn received(&mut self, frame: &Frame) {
        let family = self.of_frame(frame);
        family.in_receives += 1;
        family.in_octets += frame.len() as u64;
    }

    /// A packet goes to a link.
    pub(super) fn transmitted(&mut self, frame: &Frame) {
        let family = self.of_frame(frame);
        family.out_transmits += 1;
        family.out_octets += frame.len() as u64;
        family.out_mcast += u64::from(is_to_group(frame.front()));
    }

    /// Something was dropped.
    pub(super) fn dropped(&mut self, why: Why, packet: &PacketView) {
        let v6 = match packet {
            PacketView::Raw { version, .. } => *version == 6,
            PacketView::Ip { src, .. }
            | PacketView::Fragment { src, .. }
            | PacketView::Nd { src, .. }
            | PacketView::Membership { src, .. }
            | PacketView::Icmp { src, .. } => src.is_ipv6(),
            PacketView::Udp { src, .. } | PacketView::Tcp { src, .. } => src.is_ipv6(),
            PacketView::Ethernet { .. } | PacketView::Arp { .. } => return, // no packet
        };
        let family = if v6 { &mut self.v6 } else { &mut self.v4 };
        family.drops.count(why);
    }

    /// A segment is sent; says how many that are on the wire. What was sent before counts apart
    /// (RFC 4022, tcpOutSegs).
    pub(super) fn tcp_out(&mut self, out: &Outgoing) -> u64 {
        let cut = |size| out.payload.len().div_ceil(usize::from(size).max(1)).max(1) as u64;
        let segs = out.gso_size.map_or(1, cut);
        self.tcp_out_rsts += u64::from(out.hdr.ctl.rst());
        match out.why {
            Because::Plan(Plan::Retransmit { rule, .. }) => {
                self.tcp_retrans_segs += segs;
                match rule {
                    RtxRule::Rto => self.tcp_timeouts += 1,
                    RtxRule::AfterRto => self.tcp_slow_start_retrans += segs,
                    rule if rule.is_fast() => self.tcp_fast_retrans += segs,
                    _ => {}
                }
                return segs;
            }
            Because::Plan(Plan::RetransmitSyn { .. }) | Because::Reply(Reply::SynAckAgain) => {
                self.tcp_retrans_segs += 1;
                self.tcp_syn_retrans += 1;
                self.tcp_timeouts += 1;
                return segs;
            }
            Because::Plan(
                Plan::NewData { .. } | Plan::SwsOverride { .. } | Plan::SynData { .. },
            ) => {
                self.tcp_orig_data_sent += segs;
            }
            Because::Plan(Plan::Ack { why: AckWhy::Delayed }) => self.tcp_delayed_acks += 1,
            Because::Plan(Plan::Ack { why: AckWhy::Challenge })
            | Because::Reply(Reply::EmbryoChallenge) => self.tcp_challenge_ack += 1,
            Because::Reply(Reply::SynCookie) => self.syn_cookies_sent += 1,
            Because::Plan(Plan::WindowProbe { .. }) => self.tcp_win_probe += 1,
            Because::Plan(Plan::Keepalive { .. }) => self.tcp_keep_alive += 1,
            Because::Plan(Plan::Rst { cause: Cause::CloseUnread }) => self.tcp_abort_on_close += 1,
            Because::Plan(Plan::Rst { cause: Cause::Abort | Cause::DataAfterClose }) => {
                self.tcp_abort_on_data += 1;
            }
            _ => {}
        }
        self.tcp_out_segs += segs;
        segs
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
    pub fn counters(&self) -> Vec<(String, u64)> {
        let (v4, v6) = (&self.snmp.v4, &self.snmp.v6);
        let groups = [
            ("Ip", count_ip(v4)),
            ("Ip", vec![("ForwDatagrams", v4.forwarded), ("OutTransmits", v4.out_transmits)]),
            ("Icmp", count_icmp(v4)),
            ("Tcp", self.count_tcp()),
            ("Udp", count_udp(v4)),
            ("Ip6", count_ip(v6)),
            ("Ip6", count_ip_more(v6)),
            ("Ip6", count_ip6_forward(v6)),
            ("Ip6", vec![("OutTransmits", v6.out_transmits)]),
            ("Icmp6", count_icmp6(v6)),
            ("Udp6", count_udp(v6)),
            ("TcpExt", self.count_tcp_ext()),
            ("IpExt", count_ip_more(v4)),
            ("IpExt", count_ip_ext(v4)),
        ];
        let named = groups.into_iter().flat_map(|(prefix, list)| {
            list.into_iter().map(move |(name, n)| (format!("{prefix}{name}"), n))
        });
        named.collect()
    }

    fn lost(&self, whys: &[Why]) -> u64 {
        whys.iter().map(|why| self.drops.of(*why)).sum()
    }

    fn count_tcp(&self) -> List {
        let s = &self.snmp;
        vec![
            ("ActiveOpens", s.tcp_active_opens),
            ("PassiveOpens", s.tcp_passive_opens),
            ("AttemptFails", s.tcp_attempt_fails),
            ("EstabResets", s.tcp_estab_resets),
            ("InSegs", s.tcp_in_segs),
            ("OutSegs", s.tcp_out_segs),
            ("RetransSegs", s.tcp_retrans_segs),
            ("InErrs", self.lost(&[Why::TcpHeaderLength, Why::TcpChecksum])),
            ("OutRsts", s.tcp_out_rsts),
            ("InCsumErrors", self.lost(&[Why::TcpChecksum])),
        ]
    }

    fn count_tcp_ext(&self) -> List {
        let s = &self.snmp;
        let listen = [Why::BacklogFull, Why::AcceptQueueFull, Why::TooManyConnections];
        vec![
            ("SyncookiesSent", s.syn_cookies_sent),
            ("SyncookiesRecv", s.syn_cookies_recv),
            ("SyncookiesFailed", self.lost(&[Why::BadCookie])),
            ("EmbryonicRsts", s.tcp_embryonic_rsts),
            ("OutOfWindowIcmps", self.lost(&[Why::IcmpOutOfWindow])),
            ("TW", s.tcp_tw),
            ("PAWSEstab", self.lost(&[Why::Paws])),
            ("BeyondWindow", self.lost(&[Why::OutOfWindow])),
            ("DelayedACKs", s.tcp_delayed_acks),
            ("ListenOverflows", self.lost(&[Why::AcceptQueueFull])),
            ("ListenDrops", self.lost(&listen)),
            ("TCPFastRetrans", s.tcp_fast_retrans),
            ("TCPSlowStartRetrans", s.tcp_slow_start_retrans),
            ("TCPTimeouts", s.tcp_timeouts),
            ("TCPAbortOnData", s.tcp_abort_on_data),
            ("TCPAbortOnClose", s.tcp_abort_on_close),
            ("TCPAbortOnTimeout", s.tcp_abort_on_timeout),
            ("TCPReqQFullDoCookies", s.syn_cookies_sent),
            ("TCPReqQFullDrop", self.lost(&[Why::BacklogFull])),
            ("TCPMemoryPressures", self.hits.of("Memory")),
            ("TCPRcvQDrop", self.lost(&[Why::MemoryFull])),
            ("TCPOFODrop", self.lost(&[Why::ReassemblyFull])),
            ("TCPChallengeACK", s.tcp_challenge_ack),
            ("TCPSYNChallenge", self.lost(&[Why::SynInWindow])),
            ("TCPSynRetrans", s.tcp_syn_retrans),
            ("TCPOrigDataSent", s.tcp_orig_data_sent),
            ("TCPACKSkippedChallenge", self.lost(&[Why::ChallengeLimit])),
            ("TCPFastOpenActive", s.fast_open.active),
            ("TCPFastOpenActiveFail", s.fast_open.active_fail),
            ("TCPFastOpenPassive", s.fast_open.passive),
            ("TCPFastOpenPassiveFail", s.fast_open.passive_fail),
            ("TCPFastOpenListenOverflow", s.fast_open.listen_overflow),
            ("TCPFastOpenCookieReqd", s.fast_open.cookie_reqd),
            ("TCPFastOpenBlackhole", s.fast_open.blackhole),
            ("TCPWinProbe", s.tcp_win_probe),
            ("TCPKeepAlive", s.tcp_keep_alive),
            ("TCPFastOpenPassiveAltKey", s.fast_open.passive_alt_key),
        ]
    }
}

/// Whether the IP packet that `front` begins goes to a group.
fn is_to_group(front: &[u8]) -> bool {
    match front.first().map(|first| first >> 4) {
        Some(4) => front.get(16).is_some_and(|first| first >> 4 == 0xe),
        _ => front.get(24) == Some(&0xff),
    }
}

fn count_ip(family: &FamilyCounts) -> List {
    let header = [
        Why::IpVersion,
        Why::IpHeaderLength,
        Why::IpChecksum,
        Why::IpOption,
        Why::IpSourceRoute,
        Why::Ipv6Extension,
        Why::Ipv6Option,
        Why::Ipv6Order,
        Why::Ipv6Routing,
        Why::FragmentHeaders,
        Why::TtlExceeded,
    ];
    let address = [
        Why::MartianSource,
        Why::MartianDestination,
        Why::OwnSource,
        Why::NotForUs,
        Why::BeyondScope,
        Why::DirectedBroadcast,
        Why::WouldReturn,
    ];
    let fragment = [
        Why::FragmentRange,
        Why::FragmentOverlap,
        Why::FragmentEcn,
        Why::FragmentLimit,
        Why::ReassemblyTimeout,
    ];
    vec![
        ("InReceives", family.in_receives),
        ("InHdrErrors", family.lost(&header)),
        ("InAddrErrors", family.lost(&address)),
        ("InUnknownProtos", family.lost(&[Why::NoProtocol])),
        ("InDelivers", family.in_delivers),
        ("OutRequests", family.out_requests),
        ("OutDiscards", family.lost(&[Why::EgressFull])),
        ("OutNoRoutes", family.lost(&[Why::NoRoute])),
        ("ReasmTimeout", family.lost(&[Why::ReassemblyTimeout])),
        ("ReasmReqds", family.reasm_reqds),
        ("ReasmOKs", family.reasm_oks),
        ("ReasmFails", family.lost(&fragment)),
        ("FragOKs", family.frag_oks),
        ("FragFails", family.frag_fails),
        ("FragCreates", family.frag_creates),
    ]
}

/// What Linux has for IPv6 beside the rest, and for IPv4 apart.
fn count_ip_more(family: &FamilyCounts) -> List {
    vec![
        ("InTruncatedPkts", family.lost(&[Why::IpTruncated])),
        ("InMcastPkts", family.in_mcast),
        ("OutMcastPkts", family.out_mcast),
        ("InOctets", family.in_octets),
        ("OutOctets", family.out_octets),
    ]
}

/// What a router counts of IPv6; of IPv4, Linux has it in three places.
fn count_ip6_forward(family: &FamilyCounts) -> List {
    vec![
        ("OutForwDatagrams", family.forwarded),
        ("InNoRoutes", family.lost(&[Why::NoRouteOnward])),
        ("InTooBigErrors", family.lost(&[Why::LinkTooNarrow])),
    ]
}

fn count_ip_ext(family: &FamilyCounts) -> List {
    vec![
        ("InNoRoutes", family.lost(&[Why::NoRouteOnward])),
        ("InBcastPkts", family.in_bcast),
        ("InCsumErrors", family.lost(&[Why::IpChecksum])),
        ("ReasmOverlaps", family.lost(&[Why::FragmentOverlap])),
    ]
}

fn count_icmp(family: &FamilyCounts) -> List {
    let (came, sent) = (&family.icmp_in, &family.icmp_out);
    vec![
        ("InMsgs", came.msgs),
        ("InErrors", family.lost(&[Why::IcmpTruncated, Why::IcmpChecksum])),
        ("InCsumErrors", family.lost(&[Why::IcmpChecksum])),
        ("InDestUnreachs", came.dest_unreachs),
        ("InTimeExcds", came.time_excds),
        ("InParmProbs", came.parm_probs),
        ("InRedirects", came.redirects),
        ("InEchos", came.echos),
        ("InEchoReps", came.echo_reps),
        ("OutMsgs", sent.msgs),
        ("OutRateLimitGlobal", family.lost(&[Why::IcmpRateLimit])),
        ("OutDestUnreachs", sent.dest_unreachs),
        ("OutTimeExcds", sent.time_excds),
        ("OutParmProbs", sent.parm_probs),
        ("OutRedirects", sent.redirects),
        ("OutEchos", sent.echos),
        ("OutEchoReps", sent.echo_reps),
    ]
}

fn count_icmp6(family: &FamilyCounts) -> List {
    let (came, sent) = (&family.icmp_in, &family.icmp_out);
    vec![
        ("InMsgs", came.msgs),
        ("InErrors", family.lost(&[Why::IcmpTruncated, Why::IcmpChecksum])),
        ("OutMsgs", sent.msgs),
        ("InCsumErrors", family.lost(&[Why::IcmpChecksum])),
        ("InDestUnreachs", came.dest_unreachs),
        ("InPktTooBigs", came.pkt_too_bigs),
        ("InTimeExcds", came.time_excds),
        ("InParmProblems", came.parm_probs),
        ("InEchos", came.echos),
        ("InEchoReplies", came.echo_reps),
        ("InGroupMembQueries", came.group_memb_queries),
        ("InGroupMembResponses", came.group_memb_responses),
        ("InGroupMembReductions", came.group_memb_reductions),
        ("InRedirects", came.redirects),
        ("InMLDv2Reports", came.mldv2_reports),
        ("OutDestUnreachs", sent.dest_unreachs),
        ("OutPktTooBigs", sent.pkt_too_bigs),
        ("OutTimeExcds", sent.time_excds),
        ("OutParmProblems", sent.parm_probs),
        ("OutEchos", sent.echos),
        ("OutEchoReplies", sent.echo_reps),
        ("OutGroupMembQueries", sent.group_memb_queries),
        ("OutGroupMembResponses", sent.group_memb_responses),
        ("OutGroupMembReductions", sent.group_memb_reductions),
        ("OutMLDv2Reports", sent.mldv2_reports),
    ]
}

fn count_udp(family: &FamilyCounts) -> List {
    let errors = [Why::UdpLength, Why::UdpChecksum, Why::UdpBufferFull];
    vec![
        ("InDatagrams", family.udp_in),
        ("NoPorts", family.lost(&[Why::UdpNoPort, Why::UdpNotPeer])),
        ("InErrors", family.lost(&errors)),
        ("OutDatagrams", family.udp_out),
        ("RcvbufErrors", family.lost(&[Why::UdpBufferFull])),
        ("InCsumErrors", family.lost(&[Why::UdpChecksum])),
    ]
}
