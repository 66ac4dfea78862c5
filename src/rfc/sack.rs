//! SACK and what is learned from it, or from timestamps, about losses that were none.

super::document! {
RFC_2018 = 2018 "TCP Selective Acknowledgment Options";
"2018-2-1" Must Yes: "SACK-permitted goes on SYNs only" => "sent on our SYN, answered when the peer's has it";
"2018-3-1" Says Yes: "An option holds at most four blocks, three beside timestamps" => "as many as fit, and leave a byte of data";
"2018-4-1" MustNot Yes: "Who was not permitted to sends no SACK" => "nothing is sent without SACK-permitted";
"2018-4-2" Should Yes: "While data lies behind a gap, every ACK has SACK blocks" => "each segment does that is sent then";
"2018-4-3" Must Yes: "The first block is the one with the segment that made the ACK" => "the range touched last comes first";
"2018-4-4" Should Yes: "As many different blocks as fit follow, those reported last before others" => "four ranges are remembered, newest first";
"2018-5-1" Should Yes: "The sender keeps the blocks with its queue and does not send again what they cover" => "records are marked, and cut where blocks cut them";
"2018-5-2" Should Partly: "After a timeout nothing counts as reported any more" => "only when the oldest byte itself was reported, which shows that the peer has gone back on it (as Linux)";
"2018-5-3" Must Yes: "After a timeout the first byte of the window is sent again, reported or not" => "the head of the queue is taken for lost";
"2018-5.1-1" Says Yes: "SACK changes what is sent again, not how much may be sent" => "the same window, the same reduction";
"2018-8-1" MustNot Yes: "What was reported by SACK only stays in the queue" => "only SEG.ACK takes data off it";
"2018-8-2" ShouldNot Yes: "A receiver does not drop what it has reported" => "what is held behind a gap stays held";
}

super::document! {
RFC_2883 = 2883 "An Extension to the Selective Acknowledgement (SACK) Option for TCP";
"2883-4-1" Says Yes: "The first block may report a segment that came a second time (D-SACK)" => "below SEG.ACK or behind a gap";
"2883-4-2" Says Yes: "A segment that came twice is reported once" => "with the next ACK, and not again";
"2883-4-3" Says Yes: "Only the part is reported that had come before" => "from its first byte to its last";
"2883-4-4" Says Yes: "If what came twice lies within a larger block behind the gap, that block comes second" => "the ranges follow the duplicate";
"2883-5-1" Says Yes: "A sender knows a D-SACK by its first block lying below SEG.ACK, or within the second" => "both are looked at";
}

super::document! {
RFC_3042 = 3042 "Enhancing TCP's Loss Recovery Using Limited Transmit";
"3042-2-1" Should Yes: "Each of the first two duplicate ACKs lets a new segment out, if the peer's window allows and no more than two segments beyond cwnd are out" => "what has left the network makes room for as much";
"3042-2-2" MustNot Yes: "Limited transmit leaves cwnd as it is" => "it does not";
"3042-2-3" MustNot Yes: "With SACK, limited transmit is for duplicate ACKs that report something new" => "room comes from what is reported, not from duplicates";
}

super::document! {
RFC_3522 = 3522 "The Eifel Detection Algorithm for TCP";
"3522-3.2-1" Must Yes: "The timestamp of the first retransmission is remembered" => "per reduction";
"3522-3.2-2" Must Yes: "The first ACK that goes on and echoes an older timestamp tells that the retransmission was for nothing" => "it does";
"3522-3.2-3" Says Yes: "The detection works for timeouts and for fast retransmits" => "in both phases";
}

super::document! {
RFC_3708 = 3708 "Using TCP DSACKs and SCTP Duplicate TSNs to Detect Spurious Retransmissions";
"3708-3-1" Says Yes: "A reduction was for nothing when everything sent again since then is reported as received twice" => "bytes sent again and bytes reported are counted against each other";
"3708-3-2" Says Yes: "Reports from before the reduction tell nothing of it" => "only what was outstanding then or later counts";
}

super::document! {
RFC_4015 = 4015 "The Eifel Response Algorithm for TCP";
"4015-3.2-1" Says Yes: "Before a reduction the window is noted" => "with the threshold";
"4015-3.3-1" Says Yes: "After a spurious timeout sending goes on with new data" => "what was taken for lost is in flight again";
"4015-3.4-1" Says Deviates: "cwnd becomes what is in flight and what the ACK covers (an initial window at most); the threshold what was in flight before" => "cwnd and threshold become what they were, as Linux: what was in flight fits";
"4015-3.5-1" Says No: "The RTO becomes more conservative after a spurious timeout" => "nothing but samples moves it: the late ACK of an original is one";
}

super::document! {
RFC_5682 = 5682 "Forward RTO-Recovery (F-RTO)";
"5682-3.1-1" Says Yes: "After a timeout the first segment is sent again, and SND.NXT is noted" => "as the recovery point";
"5682-3.1-2" Says Yes: "The first ACK that goes on lets new data out instead of old, two segments at most" => "if there is some and the peer's window allows; cwnd is two segments then";
"5682-3.1-3" Says Yes: "A duplicate ACK after that, or no new data: the loss was real, and everything is sent again" => "the usual recovery goes on";
"5682-3.1-4" Says Yes: "The ACK of anything that was sent only once tells that the timeout was too early" => "the reduction is taken back";
"5682-3.1-5" Says Yes: "A timeout within a recovery does not ask" => "unless it is for new data, or the second one";
}
