//! Timers and the recovery of losses.

super::document! {
RFC_6298 = 6298 "Computing TCP's Retransmission Timer";
"6298-2.1" Should Yes: "Before the first sample the RTO is one second" => "`Config::rto_initial`";
"6298-2.2" Must Yes: "The first sample R makes SRTT = R, RTTVAR = R/2, RTO = SRTT + max(G, 4 RTTVAR)" => "as said";
"6298-2.3" Must Yes: "Later ones count 1/8 in SRTT and 1/4 in RTTVAR, RTTVAR first" => "as said";
"6298-2.4" Should Deviates: "The RTO is one second at least" => "200 ms by default, as Linux; `Config::rto_min`, 1 s in profile `rfc`";
"6298-2.5" May Yes: "The RTO may be bounded, by no less than 60 s" => "120 s";
"6298-3-1" Must Yes: "What was sent again gives no sample (Karn), unless timestamps tell which transmission was answered" => "as said";
"6298-3-2" Must Yes: "At least one sample is taken in each round trip" => "each ACK that goes on gives one";
"6298-4-1" Says Yes: "The clock's granularity G is small against the RTO" => "1 ms; time counts in nanoseconds";
"6298-5.1" Says Yes: "The timer is started with what is sent, unless it runs" => "as said";
"6298-5.2" Says Yes: "The timer runs for nobody" => "as said";
"6298-5.3" Says Yes: "An ACK of new data starts the timer anew" => "as said";
"6298-5.4" Says Yes: "When the timer expires the oldest segment is sent again" => "one segment";
"6298-5.5" Must Yes: "Each expiry backs the timer off" => "up to the bound";
"6298-5.6" Says Yes: "The timer starts anew with the doubled RTO" => "as said";
"6298-5.7" Must Deviates: "When a SYN's timer has expired, data begins with an RTO of 3 s" => "unless timestamps have measured the handshake: then the RTO is what they say";
"6298-5-1" Says Yes: "A backed-off RTO stays until there is a sample" => "only a sample ends it";
"6298-5-2" May No: "SRTT and RTTVAR may be forgotten after many expiries" => "the next sample is averaged in as ever";
}

super::document! {
RFC_6582 = 6582 "The NewReno Modification to TCP's Fast Recovery Algorithm";
"6582-3.2-1" Says Yes: "`recover` says up to where losses were dealt with; nothing at first" => "`recovery_point`, `None` at first";
"6582-3.2-2" Says Yes: "The third duplicate ACK begins a recovery only when it covers more than `recover`" => "as said";
"6582-3.2-3" Says Yes: "A full ACK ends recovery, and cwnd becomes the threshold, or less so that no burst follows" => "`newreno` takes the lesser, the others the threshold";
"6582-3.2-4" Says Yes: "A partial ACK has the next segment sent again, takes off cwnd what it acknowledges, gives back one segment, and recovery goes on" => "as said";
"6582-3.2-5" Says Yes: "Only the first partial ACK starts the timer anew" => "the impatient variant";
"6582-3.2-6" Says Yes: "A timeout notes the highest number sent, and ends the recovery" => "as said";
"6582-4-1" May No: "Heuristics tell duplicates after a timeout from those of a new loss" => "the careful variant: those up to `recover` begin nothing";
}

super::document! {
RFC_6675 = 6675 "A Conservative Loss Recovery Algorithm Based on SACK for TCP";
"6675-4-1" Says Yes: "Lost is what has three runs, or more than two segments' bytes, reported above it" => "without RACK (profile `rfc`)";
"6675-4-2" Says Yes: "In flight (pipe) is what is neither reported nor lost, and what was sent again" => "as the queue's sums";
"6675-4-3" Says Yes: "Next goes what is lost, else new data, else what the peer lacks below what it has reported" => "the last without Linux's counting (profiles `rfc`, `freebsd`); it counts twice in flight until it is acknowledged";
"6675-4-4" Should Yes: "When none of these is there, the last segment goes again, once in each recovery" => "where the former does";
"6675-5-1" Must Yes: "Recovery begins once, halves the window, and notes the highest number sent as its end" => "congestion control says by how much";
"6675-5-2" Says Yes: "While less than cwnd is in flight, segments go out, old before new" => "as said";
"6675-5-3" Says Yes: "The ACK of all that was out when recovery began ends it" => "as said";
"6675-5-4" Must Yes: "An ACK that reports something for the first time is a duplicate, whatever else it says; DupThresh of them are a loss" => "without RACK";
"6675-5.1-1" MustNot Yes: "After a timeout no recovery begins before what was outstanding is acknowledged" => "the phase after a timeout lasts so long";
"6675-6-1" May Yes: "The timer begins anew when the oldest segment is sent again" => "as said";
}

super::document! {
RFC_8985 = 8985 "The RACK-TLP Loss Detection Algorithm for TCP";
"8985-4-1" Must Yes: "The connection uses SACK" => "without it losses are counted";
"8985-4-2" Must Yes: "For each segment the time of its last transmission is kept, in milliseconds or finer" => "nanoseconds, in records that split";
"8985-4-3" Should Yes: "D-SACK widens the reordering window" => "as §6.2 says";
"8985-6.1-1" Says Yes: "What was sent at the same moment is ordered by sequence number" => "as said";
"8985-6.2-1" Says Yes: "Step 1: the smallest round trip is kept" => "the smallest of the connection";
"8985-6.2-2" Must Yes: "Step 2: the newest segment that has arrived is noted; ACKs of retransmissions that came too soon tell nothing" => "by echoed timestamp, or less than the smallest round trip";
"8985-6.2-3" Must Yes: "Step 3: what arrives below the highest that has arrived, and was sent once, is reordering" => "it is counted";
"8985-6.2-4" Says Yes: "Step 4: the reordering window is a quarter of the smallest round trip for each D-SACK round and one more, the smoothed round trip at most, narrow again after 16 recoveries; none before reordering was seen once three segments are behind or recovery goes on" => "as said";
"8985-6.2-5" Says Yes: "Step 5: lost is what was sent a round trip and the window before now, and before what has arrived; for the others the timer is set" => "as said";
"8985-6.3-1" Must Yes: "A timeout takes the first segment for lost, and all that had its round trip and the window" => "as said";
"8985-7.2-1" Must Yes: "A probe is scheduled after new data, and after ACKs that go on, unless in recovery or with data reported" => "as said";
"8985-7.2-2" Should Yes: "A probe waits two round trips, and the delay of an ACK when one segment is out; one second without a sample; never later than the RTO" => "and 2 ms, so that ACKs and probe do not race";
"8985-7.3-1" Must Yes: "A probe goes out only when none is under way and a round trip was measured since the last" => "else the RTO runs, from when the oldest was sent";
"8985-7.3-2" Should Yes: "A probe takes new data along, if there is some and the peer's window allows, beyond cwnd by a segment; else the last segment" => "as said";
"8985-7.3-3" Must Yes: "Behind a probe the RTO runs anew, not another probe" => "as said";
"8985-7.3-4" Says Yes: "SND.NXT behind the probe is its end (TLP.end_seq), whose ACK ends it" => "noted when it goes out, as long as it then is";
"8985-7.4-1" Says Yes: "A probe that was a retransmission has repaired a loss when its end is acknowledged, and more, without a D-SACK" => "as said";
"8985-7.4-2" Must Yes: "After a loss that a probe has repaired the window comes down as for any" => "as by fast recovery";
"8985-8-1" Says Deviates: "Of the timers for reordering, probe and retransmission one runs at a time" => "they run side by side; a probe is never later than the timeout, and moves it";
}

super::document! {
RFC_9937 = 9937 "Proportional Rate Reduction (PRR)";
"9937-6.1-1" Says Yes: "A reduction begins with what was in flight and not known to be delivered (RecoverFS)" => "as said";
"9937-6.2-1" Says Yes: "While more is in flight than the threshold, as much may be sent as the share of it that was delivered says" => "rounded up";
"9937-6.2-2" Says Yes: "Below the threshold, as much as was delivered, and a segment more for each ACK that goes on and finds no loss (SafeACK)" => "to the threshold at most";
"9937-6.2-3" Says Yes: "The fast retransmit goes out in any case" => "one segment at least, if nothing has gone out yet";
"9937-6.3-1" Says Yes: "What is sent is counted (prr_out)" => "new or again";
"9937-6.4-1" Says Yes: "At the end of a reduction cwnd is the threshold" => "as said";
"9937-6-1" Should Yes: "Rate reduction is the way to come down in every recovery, for ECN, too" => "unless `Config::prr` is off";
}
