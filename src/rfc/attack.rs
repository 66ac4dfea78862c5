//! What holds against attacks, and what frees connections.

super::document! {
RFC_4987 = 4987 "TCP SYN Flooding Attacks and Common Mitigations";
"4987-3.5-1" Says Yes: "A half-open connection has as little memory as possible (SYN cache)" => "a record of its own, no block";
"4987-3.2-1" Says Yes: "How many connections may be half open is bounded, and the bound can be raised" => "the backlog, which `listen` sets";
"4987-3.6-1" Says Yes: "When that bound is reached, SYNs are answered and forgotten: the SYN-ACK's number holds what must be known (SYN cookies)" => "slot of time, MSS and a keyed hash";
"4987-3.6-2" Says Yes: "Options that have no place there stand in the timestamp" => "window scale, SACK and ECN";
"4987-3.6-3" Says Yes: "Only an ACK with a cookie that is not too old opens a connection" => "for one to two minutes";
}

super::document! {
RFC_5927 = 5927 "ICMP Attacks against TCP";
"5927-4.1-1" Says Yes: "An error counts only if it quotes a sequence number in flight" => "as said";
"5927-4.2-1" Says Yes: "Ports that cannot be guessed make it harder to forge one" => "ports are chosen at random";
"5927-5.2-1" Says Yes: "Hard errors do not end a connection that is synchronized" => "they are the reason when nobody answers";
"5927-6.2-1" Says Yes: "Source Quench is ignored" => "as MUST-55";
"5927-7.2-1" Says Deviates: "While ACKs come, the claim that the path is narrower than what they acknowledge waits" => "off by default, as Linux; `Config::mtu_claims_wait`, on in profile `rfc`";
"5927-7.2-2" Says Yes: "A claim that waited is believed when the data times out" => "as said";
}

super::document! {
RFC_5961 = 5961 "Improving TCP's Robustness to Blind In-Window Attacks";
"5961-3.2-1" Must Deviates: "A reset outside of the window is dropped" => "silently; but as Linux, one whose sender has not counted its own FIN is believed (profile `rfc`: none is)";
"5961-3.2-2" Must Yes: "A reset that is exactly next ends the connection" => "whatever else it carries";
"5961-3.2-3" Must Deviates: "Any other reset in the window is dropped and challenged by an ACK" => "but as Linux, one behind all that SACK has reported is believed, and none is answered in TIME-WAIT (profile `rfc`: as said)";
"5961-4.2-1" Must Yes: "A SYN is challenged, whatever its sequence number, and dropped" => "in every synchronized state";
"5961-5.2-1" Must Yes: "An ACK older than the largest window ever offered, or of what was not sent, is dropped and answered by an ACK" => "as said";
"5961-7-1" Should Yes: "Challenges are bounded" => "for each connection one in 500 ms, and for the host";
}

super::document! {
RFC_6056 = 6056 "Recommendations for Transport-Protocol Port Randomization";
"6056-3.2-1" Should Partly: "Ports come from 1024 to 65535" => "32768 to 60999 by default, as Linux; `Setup` takes any range";
"6056-3.3-1" Should Yes: "Local ports cannot be guessed" => "at random (algorithm 1), or by a keyed hash of the destination (algorithm 3)";
"6056-3.3-2" Says Yes: "All ports of the range are tried before none is found" => "where every port is somebody's, a thousand of them";
}

super::document! {
RFC_6191 = 6191 "Reducing the TIME-WAIT State Using TCP Timestamps";
"6191-2-1" Should Yes: "A SYN with a newer timestamp ends TIME-WAIT; with the same one, a newer sequence number does; with an older one it is dropped" => "as said";
"6191-2-2" Should Yes: "Where one of both has no timestamps, a newer sequence number decides, or that there is one now" => "as said";
}

super::document! {
RFC_6429 = 6429 "TCP Sender Clarification for Persist Condition";
"6429-3-1" Says Yes: "A peer that keeps its window closed may be given up, although it answers, when somebody decides so" => "the user by `zero_window_max`; the host when the user is gone";
"6429-3-2" Says Yes: "TCP by itself gives no peer up that answers probes" => "as MUST-37";
}

super::document! {
RFC_6528 = 6528 "Defending against Sequence Number Attacks";
"6528-3-1" Should Yes: "An initial sequence number is a clock of 4 microseconds and a function of both ends and a secret" => "SipHash";
"6528-3-2" MustNot Yes: "The function cannot be computed from outside" => "the key is the host's, of 128 bits";
}

super::document! {
RFC_6633 = 6633 "Deprecation of ICMP Source Quench Messages";
"6633-3-1" MustNot Yes: "Hosts send no Source Quench" => "there is no such message here";
"6633-3-2" Must Yes: "TCP drops those that come silently" => "as MUST-55";
}
