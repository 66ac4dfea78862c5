//! Options, segment sizes and path MTUs.

super::document! {
RFC_1191 = 1191 "Path MTU Discovery";
"1191-3-1" Must Yes: "Packets are sent with DF, and smaller when a router says that one was too big" => "for TCP and whoever asks; `Config::mtu_discover`";
"1191-3-2" MustNot Yes: "No path is taken to be narrower than 68 bytes" => "MTU claims below headers and `min_mss` change nothing";
"1191-3-3" MustNot Yes: "An error does not make the estimate larger" => "only narrower ones are taken";
"1191-5-1" Should Yes: "Routers that do not say how wide the path is are answered plateau by plateau" => "from the length of the packet they quote";
"1191-6.3-1" Should Yes: "After ten minutes a wider path is tried" => "`Config::mtu_expires`: segments are as large as before then";
"1191-6.4-1" Must Yes: "What was too big is sent again at once, and cwnd stays" => "as said";
}

super::document! {
RFC_4821 = 4821 "Packetization Layer Path MTU Discovery";
"4821-7.7-1" Should Yes: "When large segments time out again and again, smaller ones are tried" => "with `Config::mtu_probing`: 1024 bytes after R1 timeouts, then half of that";
"4821-7.3-1" Should No: "Larger segments are probed for while all is well" => "none are: the MTU of the interface is where the search begins";
}

super::document! {
RFC_5482 = 5482 "TCP User Timeout Option";
"5482-2-1" Must Yes: "The option says seconds or minutes in 15 bits" => "seconds while they fit";
"5482-3-1" Should Yes: "The option is off unless the user wants it" => "`Config::user_timeout_option`";
"5482-3-2" Must Yes: "The option goes on the SYN, and on what is sent next" => "as said";
"5482-3-3" Must Yes: "A timeout of zero is ignored" => "as said";
"5482-3.1-1" Should Yes: "The longer of both sides' timeouts counts, unless the user has said one" => "as said";
"5482-3.1-2" Should Yes: "Peers cannot ask for anything" => "100 s to a day";
}

super::document! {
RFC_6093 = 6093 "On the Implementation of the TCP Urgent Mechanism";
"6093-4-1" Must Yes: "The pointer lies behind the last urgent byte" => "as MUST-62";
"6093-6-1" Must Yes: "Programs that use urgent data read it in line" => "by default; `Config::oobinline` off keeps the last byte apart, as Linux has it";
}

super::document! {
RFC_6691 = 6691 "TCP Options and Maximum Segment Size (MSS)";
"6691-2-1" ShouldNot Yes: "The MSS that is announced is not made smaller for options" => "the MTU less the fixed headers";
"6691-2-2" Must Yes: "The sender takes the options it sends off the MSS" => "timestamps and SACK blocks";
}

super::document! {
RFC_7323 = 7323 "TCP Extensions for High Performance";
"7323-2.2-1" MustNot Yes: "Window scale goes on SYNs only, and both sides must send it" => "as said";
"7323-2.2-2" MustNot Yes: "The window of a SYN is not scaled" => "nor that of a SYN-ACK";
"7323-2.3-1" Must Yes: "The shift is 14 at most; more counts as 14" => "as said";
"7323-2.3-2" Must Yes: "All other windows are shifted" => "both ways";
"7323-2.4-1" Must Yes: "What was offered is honoured although the scale cannot say it any more" => "RCV.WND keeps the right edge";
"7323-3.2-1" Must Yes: "Timestamps are used when both SYNs have them, and then on every segment but resets" => "on those, too";
"7323-3.2-2" Should Yes: "A segment without the timestamp that was agreed on is dropped" => "resets are not, nor are SYNs of strangers, which are challenged";
"7323-4.1-1" MustNot Yes: "The echo of a timestamp measures a round trip only when new data is acknowledged" => "as said; what SACK reports is measured by the time it was sent";
"7323-4.2-1" Says No: "More samples for each round trip count less each" => "each counts as RFC 6298 says, as Linux";
"7323-4.3-1" Must Yes: "Echoed is the timestamp of the segment that covers the last ACK sent, so that delays of ACKs count" => "TS.Recent follows those only";
"7323-5.3-1" Must Deviates: "A segment with a timestamp older than TS.Recent is dropped and answered with an ACK (PAWS)" => "answers to those without data are bounded; as Linux, ACKs that others overtook are taken or dropped in silence, and a millisecond is forgiven (profile `rfc`: as said)";
"7323-5.3-2" Must Yes: "PAWS lets resets pass" => "as said";
"7323-5.4-1" Must Yes: "The clock ticks once in 1 ms to 1 s" => "in milliseconds";
"7323-5.4-2" May Yes: "Timestamps tell no uptime" => "for each pair of hosts, so that TIME-WAIT can tell newer from older";
"7323-5.5-1" Says Yes: "After 24 days without a segment TS.Recent is not believed any more" => "as said";
}

super::document! {
RFC_8201 = 8201 "Path MTU Discovery for IP version 6";
"8201-4-1" Must Yes: "Packets become smaller when a router says that one was too big" => "as said";
"8201-4-2" Must Partly: "An error that names less than 1280 bytes is dropped" => "of connections; for datagrams it is taken for 1280, which every link carries";
"8201-4-3" MustNot Yes: "No path is taken to be narrower than 1280 bytes" => "neither for connections nor for datagrams";
"8201-4-4" MustNot Yes: "An error does not make the estimate larger" => "only narrower ones are taken";
"8201-5.3-1" Should Yes: "After ten minutes a wider path is tried" => "as 1191-6.3-1";
"8201-5.4-1" Must Yes: "What was too big is sent again, and this is no sign of congestion" => "as 1191-6.4-1";
}
