//! Why something that arrived was dropped: one vocabulary for all layers, so that a host can count
//! drops in one array and show them as `nstat` does.

crate::explained! {
    /// Why a frame, packet, segment or datagram was dropped. There is no "unknown".
    #[derive(Copy, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
    #[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
    pub enum Why {
        // ---- IPv4
        /// Shorter than its own lengths say.
        IpTruncated = "IpTruncated", "RFC 1122 §3.2.1.1", "the packet is shorter than its IP header says";
        /// Not version 4 (and no other version is configured).
        IpVersion = "IpVersion", "RFC 1122 §3.2.1.1 (MUST discard)", "the IP version is not one this interface speaks";
        /// A header length below 20 or beyond the packet.
        IpHeaderLength = "IpHeaderLength", "RFC 791 §3.1", "the IP header length is impossible";
        /// The IPv4 header checksum is wrong.
        IpChecksum = "IpChecksum", "RFC 1122 §3.2.1.2 (MUST verify)", "the IP header checksum is wrong";
        /// An option runs past the header or has an impossible length.
        IpOption = "IpOption", "RFC 1122 §3.2.1.8", "an IP option has an impossible length";
        /// A source route that ends here asks to go on.
        IpSourceRoute = "IpSourceRoute", "RFC 7126 §4.3", "the packet carries a source route, which is not followed";
        /// A source address no host may send from: multicast, broadcast, loopback from outside.
        MartianSource = "MartianSource", "RFC 1122 §3.2.1.3", "no host may send from this source address";
        /// A destination no packet may carry from outside: loopback, 0.0.0.0, class E.
        MartianDestination = "MartianDestination", "RFC 1122 §3.2.1.3", "no packet may arrive with this destination address";
        /// Our own address as source (LAND and loops).
        OwnSource = "OwnSource", "RFC 1122 §3.2.1.3; CERT CA-1997-28 (LAND)", "the source address is our own";
        /// For somebody else, and this host does not forward.
        NotForUs = "NotForUs", "RFC 1122 §3.2.1.3 (MUST discard)", "the destination is not an address of this host";
        /// No protocol of that number.
        NoProtocol = "NoProtocol", "RFC 1122 §3.2.2.1", "no protocol of that number is here";
        /// A fragment whose place or length is impossible.
        FragmentRange = "FragmentRange", "RFC 791 §3.2; RFC 8200 §4.5", "the fragment's offset and length are impossible";
        /// A first fragment that ends before the transport header does.
        FragmentHeaders = "FragmentHeaders", "RFC 8200 §4.5; RFC 7112 §5", "the first fragment does not hold all headers of its packet";
        /// A fragment overlaps one that is held.
        FragmentOverlap = "FragmentOverlap", "RFC 5722 §4 (applied to IPv4, too)", "the fragment overlaps one already held, so the whole datagram is given up";
        /// Fragments whose ECN codepoints contradict each other.
        FragmentEcn = "FragmentEcn", "RFC 3168 §5.3", "one fragment says congestion was experienced and another that it cannot be said";
        /// Reassembly is full: by bytes, datagrams or pieces.
        FragmentLimit = "FragmentLimit", "bound of this host", "the reassembly store is full";
        /// The rest of a datagram did not come in time.
        ReassemblyTimeout = "ReassemblyTimeout", "RFC 1122 §3.3.2", "the datagram was not complete in time";
        /// An extension header that is cut off, or one too many.
        Ipv6Extension = "Ipv6Extension", "RFC 8200 §4; RFC 8504 §5.3", "its extension headers do not fit into it, or are too many";
        /// An option with an impossible length, or one that asks to be refused.
        Ipv6Option = "Ipv6Option", "RFC 8200 §4.2", "an option is impossible, or not known here and asks to be refused then";
        /// Hop-by-hop options that do not come first.
        Ipv6Order = "Ipv6Order", "RFC 8200 §4.3", "hop-by-hop options do not follow the fixed header at once";
        /// A routing header that asks to go on.
        Ipv6Routing = "Ipv6Routing", "RFC 8200 §4.4; RFC 5095", "its routing header asks to go on, and this host does not forward";
        /// Nothing follows.
        Ipv6NoNext = "Ipv6NoNext", "RFC 8200 §4.7", "nothing follows its headers";
        /// A packet of ours that may not be cut.
        PathTooNarrow = "PathTooNarrow", "RFC 1191 §3; socket API (IP_MTU_DISCOVER)", "the packet may not be fragmented and is larger than the path's MTU";
        /// No route to a destination.
        NoRoute = "NoRoute", "RFC 1122 §3.3.1", "there is no route to the destination";

        // ---- Forwarding
        /// It has taken as many hops as it may.
        TtlExceeded = "TtlExceeded", "RFC 1812 §5.3.1; RFC 8200 §3", "it has taken as many hops as it may";
        /// A router that knows no way on.
        NoRouteOnward = "NoRouteOnward", "RFC 1812 §5.2.7.1; RFC 4443 §3.1", "this router has no route to the destination";
        /// The next link is too narrow, and the packet may not be cut here.
        LinkTooNarrow = "LinkTooNarrow", "RFC 1812 §4.2.2.7; RFC 8200 §5", "the packet is larger than the next link's MTU and may not be cut here";
        /// An address of one link on its way to another.
        BeyondScope = "BeyondScope", "RFC 4291 §2.5.6; RFC 3927 §7 (MUST NOT forward)", "a link-local address means nothing on another link";
        /// To everybody on another network.
        DirectedBroadcast = "DirectedBroadcast", "RFC 2644 §3", "a packet to everybody on another network is not passed on";
        /// Back over a link with nobody else at its other end.
        WouldReturn = "WouldReturn", "RFC 4443 §3.1 (MUST NOT forward)", "it would go back over the point-to-point link that it came by";
        /// A super-segment that cannot be cut for the next link.
        Unsplittable = "Unsplittable", "virtio-net; bound of this host", "what its device says about checksum and splitting does not fit the packet";

        // ---- ICMP
        /// An ICMP message too short for its type.
        IcmpTruncated = "IcmpTruncated", "RFC 792", "the ICMP message is too short for its type";
        /// The ICMP checksum is wrong.
        IcmpChecksum = "IcmpChecksum", "RFC 792", "the ICMP checksum is wrong";
        /// A type this host has no use for.
        IcmpType = "IcmpType", "RFC 1122 §3.2.2 (MUST silently discard)", "this host has no use for ICMP messages of that type";
        /// An error that quotes nothing of ours.
        IcmpNoSocket = "IcmpNoSocket", "RFC 5927 §4.1", "the ICMP error quotes no connection or socket of ours";
        /// An error that quotes a sequence number not in flight.
        IcmpOutOfWindow = "IcmpOutOfWindow", "RFC 5927 §4.1", "the ICMP error quotes a sequence number that is not in flight";
        /// A reset in TIME-WAIT, which is to last.
        RstInTimeWait = "RstInTimeWait", "RFC 1337 §3", "a reset does not end TIME-WAIT: old duplicates would find the next connection";
        /// An ICMP error claims a path of IPv6 that cannot be.
        IcmpMtuTooSmall = "IcmpMtuTooSmall", "RFC 8201 §4", "every link carries packets of 1280 bytes of IPv6: a smaller claim is discarded";
        /// An ICMP error claims a narrower path than what is acknowledged.
        MtuClaimWaits = "MtuClaimWaits", "RFC 5927 §7.2", "packets larger than the path is said to carry have arrived: the claim waits for a timeout to confirm it";
        /// An echo to a broadcast or multicast address.
        IcmpBroadcast = "IcmpBroadcast", "RFC 1122 §3.2.2.6", "an echo request to a broadcast address is not answered";
        /// Our own reply was held back by the rate limit.
        IcmpRateLimit = "IcmpRateLimit", "RFC 1812 §4.3.2.8", "the rate limit on ICMP errors is reached";
        /// An error may not be sent about this packet.
        IcmpNotAbout = "IcmpNotAbout", "RFC 1122 §3.2.2", "no ICMP error may be sent about such a packet";

        // ---- UDP
        /// A length field that does not fit the packet.
        UdpLength = "UdpLength", "RFC 768", "the UDP length does not fit the packet";
        /// The UDP checksum is wrong.
        UdpChecksum = "UdpChecksum", "RFC 1122 §4.1.3.4 (MUST discard)", "the UDP checksum is wrong";
        /// No socket on that port.
        UdpNoPort = "UdpNoPort", "RFC 1122 §4.1.3.1", "no socket listens on that UDP port";
        /// A connected socket and another sender.
        UdpNotPeer = "UdpNotPeer", "socket API", "the UDP socket is connected to another peer";
        /// The socket's receive buffer is full.
        UdpBufferFull = "UdpBufferFull", "socket API (SO_RCVBUF)", "the UDP socket's receive buffer is full";

        // ---- TCP before a connection
        /// Shorter than a TCP header, or a data offset that is impossible.
        TcpHeaderLength = "TcpHeaderLength", "RFC 9293 §3.1", "the TCP header length is impossible";
        /// The TCP checksum is wrong.
        TcpChecksum = "TcpChecksum", "RFC 9293 §3.1 (MUST-3)", "the TCP checksum is wrong";
        /// Port zero.
        TcpPortZero = "TcpPortZero", "RFC 6335 §6", "port 0 is reserved";
        /// A segment to a broadcast or multicast address.
        TcpBroadcast = "TcpBroadcast", "RFC 9293 §3.9.2.3 (MUST-57)", "TCP is not spoken with broadcast or multicast addresses";
        /// A reset for no connection.
        ClosedRst = "ClosedRst", "RFC 9293 §3.10.7.1", "a reset for a connection that does not exist";
        /// No connection and no listener: answered with a reset.
        ClosedPort = "ClosedPort", "RFC 9293 §3.10.7.1", "no connection and no listener there";
        /// A reset at a listener.
        ListenRst = "ListenRst", "RFC 9293 §3.10.7.2", "a reset at a listening port means nothing";
        /// An ACK at a listener, answered with a reset.
        ListenAck = "ListenAck", "RFC 9293 §3.10.7.2", "an acknowledgment at a listening port acknowledges nothing";
        /// Neither SYN nor ACK nor RST at a listener.
        ListenNotSyn = "ListenNotSyn", "RFC 9293 §3.10.7.2", "only a SYN opens a connection";
        /// SYN with FIN or RST: a scanner's segment.
        SynFin = "SynFin", "RFC 9293 §3.10.7.2; Linux drops it, too", "SYN together with FIN opens nothing";
        /// The SYN backlog is full.
        BacklogFull = "BacklogFull", "listen(2) backlog", "the backlog of half-open connections is full";
        /// An ACK at a listener that answers with cookies, and none of those.
        BadCookie = "BadCookie", "RFC 4987 §3.6; RFC 9293 §3.10.7.2", "it acknowledges no cookie of this listener, or one that is too old";
        /// The accept queue is full.
        AcceptQueueFull = "AcceptQueueFull", "listen(2) backlog", "the queue of connections waiting for accept() is full";
        /// The listener waits for data behind the handshake.
        DeferAccept = "DeferAccept", "tcp(7), TCP_DEFER_ACCEPT", "the listener wants a connection only when data comes: the bare ACK is let go";
        /// The host's limit of connections is reached.
        TooManyConnections = "TooManyConnections", "bound of this host", "this host holds as many connections as it may";
        /// A segment for a half-open connection that its handshake cannot use.
        EmbryoUnusable = "EmbryoUnusable", "RFC 9293 §3.10.7.4, SYN-RECEIVED", "a half-open connection waits for the acknowledgment of its SYN, and this is not it";

        // ---- TCP, SYN-SENT
        /// An ACK of something never sent, in SYN-SENT.
        SynSentBadAck = "SynSentBadAck", "RFC 9293 §3.10.7.3, first", "it acknowledges something we never sent";
        /// A reset without an acceptable ACK, in SYN-SENT.
        SynSentBadRst = "SynSentBadRst", "RFC 9293 §3.10.7.3, second", "a reset must acknowledge our SYN";
        /// Neither SYN nor RST in SYN-SENT.
        SynSentNoSyn = "SynSentNoSyn", "RFC 9293 §3.10.7.3, fifth", "it carries neither SYN nor RST";

        // ---- TCP, other states (§3.10.7.4)
        /// An old timestamp.
        Paws = "Paws", "RFC 7323 §5.3 R1", "its timestamp is older than the last one (PAWS)";
        /// No timestamp, although both sides agreed on them.
        NoTimestamp = "NoTimestamp", "RFC 7323 §3.2 (SHOULD drop)", "it lacks the timestamp both sides agreed on";
        /// Outside the receive window.
        OutOfWindow = "OutOfWindow", "RFC 9293 §3.10.7.4, first", "it lies outside the receive window";
        /// All of it was received before.
        OldDuplicate = "OldDuplicate", "RFC 9293 §3.10.7.4, first", "all of it was received before";
        /// A reset that does not hit RCV.NXT exactly.
        RstNotExact = "RstNotExact", "RFC 5961 §3.2; RFC 9293 §3.10.7.4, second", "a reset in the window that does not match RCV.NXT is challenged";
        /// A reset outside the window.
        RstOutOfWindow = "RstOutOfWindow", "RFC 9293 §3.10.7.4, second", "a reset outside the window is forged or old";
        /// A SYN in a synchronized state.
        SynInWindow = "SynInWindow", "RFC 5961 §4.2; RFC 9293 §3.10.7.4, fourth", "a SYN on an open connection is challenged";
        /// No ACK flag.
        NoAck = "NoAck", "RFC 9293 §3.10.7.4, fifth", "it carries no acknowledgment";
        /// In SYN-RECEIVED, an ACK of something else.
        SynReceivedBadAck = "SynReceivedBadAck", "RFC 9293 §3.10.7.4, fifth", "it does not acknowledge our SYN";
        /// An ACK far older than anything in flight.
        AckTooOld = "AckTooOld", "RFC 5961 §5.2", "it acknowledges something too old";
        /// An ACK of data we never sent.
        AckTooNew = "AckTooNew", "RFC 9293 §3.10.7.4, fifth; RFC 5961 §5.2", "it acknowledges something we never sent";
        /// Data after the peer's FIN.
        DataAfterFin = "DataAfterFin", "RFC 9293 §3.10.7.4, seventh", "the peer's FIN was before this data";
        /// Data for a process that has closed: answered with a reset.
        DataAfterClose = "DataAfterClose", "RFC 9293 §3.6.1 (SHLD-3); RFC 2525 §2.17", "data for a socket that its process has closed";
        /// The reassembly queue is full.
        ReassemblyFull = "ReassemblyFull", "bound of this connection", "the queue of out-of-order segments is full";
        /// The host's memory for queues is used up, and so is this connection's share.
        MemoryFull = "MemoryFull", "bound of this host (Linux: tcp_mem)", "the host's memory for queues is used up, and the connection has its share of it";
        /// A challenge ACK was due but the limit is reached.
        ChallengeLimit = "ChallengeLimit", "RFC 5961 §7", "a challenge ACK was due, but the last one is too recent";

        // ---- The host
        /// The queue towards the device is full.
        EgressFull = "EgressFull", "bound of this host", "the queue towards the device is full";

        // ---- The link
        /// Shorter than an Ethernet header and its tag.
        EthernetTruncated = "EthernetTruncated", "RFC 894", "the frame is shorter than its Ethernet header";
        /// A group address as source.
        EthernetSource = "EthernetSource", "IEEE 802.3 §3.2.5", "a group cannot have sent the frame";
        /// An EtherType this host does not speak (802.3 length fields among them).
        EtherType = "EtherType", "RFC 1122 §2.3.3", "no protocol with that EtherType is here";
        /// Addressed to another interface of the link.
        EthernetNotForUs = "EthernetNotForUs", "IEEE 802.3 §4.2.4.1.1", "the frame is addressed to another interface";
        /// A unicast packet in a frame to everybody.
        LinkBroadcast = "LinkBroadcast", "RFC 1122 §3.3.6 (SHOULD discard)", "a frame to many carried a packet to one";
        /// Tagged for a VLAN that has no interface here.
        VlanUnknown = "VlanUnknown", "IEEE 802.1Q", "no interface of this host is in that VLAN";
        /// No ARP for IPv4 over Ethernet, or too short.
        ArpFormat = "ArpFormat", "RFC 826", "the ARP packet is not one for IPv4 over Ethernet, or is too short";
        /// A sender address that no host can have.
        ArpSender = "ArpSender", "RFC 826; RFC 1122 §3.2.1.3", "no host can have the sender address of that ARP packet";
        /// ARP between others, about nobody known here.
        ArpNotForUs = "ArpNotForUs", "RFC 826", "the ARP packet is not about this host or a neighbour it knows";
        /// An answer to a question that was not asked.
        NeighborUnasked = "NeighborUnasked", "RFC 4861 §7.2.5", "nobody asked for that neighbour, so it is not remembered";
        /// A second answer right behind the first one.
        NeighborTooSoon = "NeighborTooSoon", "bound of this host (locktime)", "the neighbour's address was learned a moment ago: the first answer stands";
        /// The table of neighbours is full of those in use.
        NeighborLimit = "NeighborLimit", "bound of this host", "the table of neighbours is full of those in use";
        /// As many packets wait for a neighbour as may.
        NeighborQueueFull = "NeighborQueueFull", "RFC 1122 §2.3.2.2; bound of this host", "as many packets wait for that neighbour as may";
        /// A packet whose neighbour did not answer.
        NeighborFailed = "NeighborFailed", "RFC 4861 §7.2.2", "the neighbour did not answer, so the packet cannot be sent";
        /// A question that the rate limit held back.
        NeighborRateLimit = "NeighborRateLimit", "RFC 1122 §2.3.2.1", "the rate limit on asking for neighbours is reached";
        /// Neighbour discovery that a router has passed on.
        NdHopLimit = "NdHopLimit", "RFC 4861 §6.1, §7.1, §8.1", "its hop limit is not 255, so it comes from another link";
        /// Neighbour discovery in fragments.
        NdFragment = "NdFragment", "RFC 6980 §5 (MUST ignore)", "neighbour discovery does not come in fragments";
        /// Neighbour discovery of an impossible form.
        NdFormat = "NdFormat", "RFC 4861 §6.1, §7.1, §8.1", "the message is too short, or an option does not fit";
        /// Neighbour discovery with addresses that it cannot have.
        NdAddress = "NdAddress", "RFC 4861 §6.1, §7.1, §8.1", "a message of that kind cannot come from, go to or name such an address";
        /// Neighbour discovery about others.
        NdNotForUs = "NdNotForUs", "RFC 4861 §7.2.3", "the address asked for is not ours";
        /// A router is asked for.
        NdNoRouter = "NdNoRouter", "RFC 4861 §6.2.6", "a router is asked for, and this host does not say that it is one";
        /// A router's advertisement where nobody wants one.
        RaIgnored = "RaIgnored", "RFC 4862 §5.5; accept_ra", "this interface is not to heed routers' advertisements";
        /// More routers, prefixes or addresses than are remembered.
        RaLimit = "RaLimit", "bound of this host; RFC 6104", "as many routers, prefixes and addresses are remembered as may be";
        /// A redirect that does not come from the first hop, or leads nowhere.
        RedirectRefused = "RedirectRefused", "RFC 4861 §8.1; RFC 1122 §3.2.2.2", "only the router that packets are sent to may name a better one, on the same link";
        /// Somebody else uses our address.
        AddressConflict = "AddressConflict", "RFC 5227 §2.4; RFC 4862 §5.4", "another interface claims an address of ours";
        /// A datagram that was put together is a fragment itself.
        FragmentNested = "FragmentNested", "RFC 8200 §4.5", "a packet that came in fragments is no fragment of another";

        // ---- Groups
        /// The IGMP checksum is wrong.
        IgmpChecksum = "IgmpChecksum", "RFC 3376 §4.1.2", "the IGMP checksum is wrong";
        /// A type of IGMP message this host has no use for.
        IgmpType = "IgmpType", "RFC 3376 §4 (MUST silently ignore)", "this host has no use for IGMP messages of that type";
        /// A message about groups of an impossible form.
        GroupFormat = "GroupFormat", "RFC 3376 §7.1; RFC 3810 §8.1", "the message about groups is too short, or its lengths do not fit";
        /// A message about groups that a router may have passed on.
        GroupHops = "GroupHops", "RFC 3376 §9; RFC 3810 §6.2", "a message about groups takes one hop and alerts routers, and this one does not";
        /// A message about groups with addresses that it cannot have.
        GroupAddress = "GroupAddress", "RFC 3376 §9.1; RFC 3810 §5.1.14", "a message about groups cannot come from, go to or name such an address";
        /// A question about a group that we are no member of.
        GroupNotOurs = "GroupNotOurs", "RFC 3376 §5.2; RFC 3810 §6.2", "nobody on this host needs to say anything about that group";
        /// Another host's membership, which changes nothing here.
        GroupOfOthers = "GroupOfOthers", "RFC 3376 §5; RFC 2236 §3", "another host tells routers of its groups, and we owe no report of the same one";
        /// More questions than a router asks.
        GroupQueryLimit = "GroupQueryLimit", "bound of this host", "more questions about groups came than a router asks";

        // ---- A switch
        /// Tagged for a VLAN that the port is not in, or without a tag where none is expected.
        VlanPort = "VlanPort", "IEEE 802.1Q §8.6.2 (ingress filtering)", "the port that the frame came in by takes none of that VLAN";
    }
}

/// How often each [`Why`] occurred, in an array indexed by [`Why::index`].
#[derive(Clone, Debug)]
pub struct Drops([u64; Why::COUNT]);

impl Drops {
    /// No drops.
    pub const fn new() -> Drops {
        Drops([0; Why::COUNT])
    }

    /// Counts one.
    pub fn count(&mut self, why: Why) {
        self.0[why.index()] += 1;
    }

    /// How often `why` occurred.
    pub fn of(&self, why: Why) -> u64 {
        self.0[why.index()]
    }

    /// All that occurred: (key, count).
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        Why::KEYS.iter().copied().zip(self.0).filter(|(_, n)| *n > 0)
    }

    /// All that occurred, in words: (key, count, sentence).
    pub fn told(&self) -> impl Iterator<Item = (&'static str, u64, &'static str)> + '_ {
        let counts = Why::RULES.iter().zip(self.0);
        counts.filter(|(_, n)| *n > 0).map(|(rule, n)| (rule.key, n, rule.text))
    }

    /// How many in all.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

impl Default for Drops {
    fn default() -> Drops {
        Drops::new()
    }
}
