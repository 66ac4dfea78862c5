//! Congestion control and explicit congestion notification.

super::document! {
RFC_3168 = 3168 "The Addition of Explicit Congestion Notification (ECN) to IP";
"3168-5.3-1" Must Yes: "A datagram of fragments of which one was marked is marked; where marked and unmarkable ones meet it is dropped" => "as said";
"3168-6.1.1-1" Says Yes: "ECE and CWR on a SYN offer ECN, ECE alone on the SYN-ACK agrees" => "as said";
"3168-6.1.1-2" MustNot Yes: "A SYN-ACK that reflects both bits agrees to nothing" => "as said";
"3168-6.1.1-3" MustNot Yes: "SYN and SYN-ACK are not ECT" => "only new data is";
"3168-6.1.1-4" MustNot Partly: "A host that did not agree, or sent a SYN without the offer, sends no ECT" => "the offer is withdrawn then (profile `linux`: it stands, as who answers it has heard it)";
"3168-6.1.1.1-1" May Yes: "A SYN that is sent again may do without the offer, as something on the way may not like it" => "so it does";
"3168-6.1.2-1" Must Yes: "An ECE is answered as a loss, but nothing is sent again" => "the algorithm's `on_ecn`";
"3168-6.1.2-2" ShouldNot Yes: "The window comes down once for each window of data, whatever was lost and marked in it" => "as said";
"3168-6.1.2-3" Must Yes: "The first new data after a reduction has CWR" => "once, on one packet";
"3168-6.1.2-4" Must Deviates: "A window of one segment is answered by a pause of one RTO" => "windows come down to two segments at least, and are not paused";
"3168-6.1.2-5" MustNot Partly: "An ACK with ECE does not make the window grow" => "not when it is heeded, nor in recovery; but in the slow start after a timeout, which has reduced the window, it does";
"3168-6.1.3-1" Must Yes: "After a mark all ACKs have ECE, until CWR comes" => "as said";
"3168-6.1.4-1" MustNot Yes: "ACKs without data are not ECT" => "only new data is";
"3168-6.1.5-1" MustNot Yes: "What is sent again is not ECT" => "only new data is";
"3168-6.1.5-2" Should Yes: "Marks on data outside of the window are ignored" => "only data that is taken is looked at";
"3168-6.1.6-1" MustNot Yes: "Window probes are not ECT" => "they have no data";
}

super::document! {
RFC_3465 = 3465 "TCP Congestion Control with Appropriate Byte Counting (ABC)";
"3465-2.1-1" Says Yes: "In congestion avoidance a window's worth of acknowledged bytes makes a segment more" => "as said";
"3465-2.2-1" MustNot Deviates: "In slow start an ACK counts for two segments at most" => "it counts for all it acknowledges: receivers merge ACKs (ADR 0009)";
"3465-2.3-1" Should Deviates: "After a timeout an ACK counts for one segment" => "as 3465-2.2-1";
}

super::document! {
RFC_5681 = 5681 "TCP Congestion Control";
"5681-2-1" Says Yes: "A duplicate ACK: data is outstanding, the segment has none, no SYN or FIN, the greatest ACK and the window of before" => "as said; with SACK, what is reported tells more";
"5681-3.1-1" Must Deviates: "The initial window is two to four segments" => "ten, as RFC 6928 has it; three in profile `rfc`";
"5681-3.1-2" Must Yes: "When the SYN or SYN-ACK was lost it is one segment" => "as said";
"5681-3.1-3" Should Yes: "The first threshold is as high as can be" => "there is none";
"5681-3.1-4" Must Yes: "Below the threshold the window grows by slow start, above it by congestion avoidance" => "as said";
"5681-3.1-5" Must Deviates: "In slow start an ACK adds a segment at most" => "it adds all bytes it acknowledges, as receivers merge ACKs (ADR 0009); bytes are counted, so ACKs of parts add no more (ACK division)";
"5681-3.1-6" MustNot Yes: "In congestion avoidance a round trip adds a segment at most" => "in `reno` and `newreno`; CUBIC grows by RFC 9438";
"5681-3.1-7" Must Yes: "A timeout makes the threshold half of what is in flight, two segments at least; further ones leave it" => "so in `newreno`; `reno` halves cwnd, CUBIC takes 0.7 of it, and neither takes more when a recovery has reduced it already";
"5681-3.1-8" Must Yes: "After a timeout slow start begins again" => "as said";
"5681-3.2-1" Should Yes: "Data behind a gap, and data that fills one, is acknowledged at once" => "as said";
"5681-3.2-2" Should Yes: "The third duplicate ACK is a loss" => "so without SACK; with it RACK decides";
"5681-3.2-3" Should Yes: "Step 1: the first two let new data out (RFC 3042), and cwnd as it is" => "as said";
"5681-3.2-4" Must Yes: "Step 2: the threshold is half of what is in flight; what limited transmit sent is not counted" => "as said";
"5681-3.2-5" Must Yes: "Steps 3 and 4: the segment is sent again; three segments, and one for each further duplicate, have left and make room" => "they are taken off what is in flight, which is the same as adding to cwnd";
"5681-3.2-6" Should Yes: "Step 5: new data goes out as there is room" => "as said";
"5681-3.2-7" Must Yes: "Step 6: when the loss is repaired cwnd is the threshold" => "as said";
"5681-4.1-1" Should Deviates: "After a silence of more than an RTO cwnd is the initial window at most" => "half for each RTO, down to that, as Linux (RFC 2861); `Config::after_idle`, `restart` in profile `rfc`";
"5681-4.2-1" Should Yes: "ACKs are delayed; at least every second full segment is acknowledged, and each within 500 ms" => "as SHLD-18 and SHLD-19";
"5681-4.2-2" MustNot Yes: "A segment that came makes one ACK at most, but for window updates" => "as said";
"5681-4.3-1" Should Yes: "Losses in two windows of data are two signals of congestion, all losses in one window are one" => "a recovery lasts until all is acknowledged that was out when it began";
}

super::document! {
RFC_6928 = 6928 "Increasing TCP's Initial Window";
"6928-2-1" May Yes: "The initial window is ten segments; of large ones 14600 bytes, but two" => "as said";
"6928-2-2" Must Yes: "When the SYN or SYN-ACK was lost it is one segment" => "as 5681-3.1-2";
}

super::document! {
RFC_7661 = 7661 "Updating TCP to Support Rate-Limited Traffic";
"7661-4.3-1" MustNot Yes: "While cwnd is not used it does not grow" => "as Linux: used is a window that was full in the last round trip, in slow start half of it";
"7661-4.2-1" Says Partly: "What was acknowledged in a round trip (pipeACK) tells how much of cwnd is used" => "what was outstanding does, without the estimate over several round trips";
"7661-4.4.3-1" Says No: "cwnd is kept for five minutes of little use, and then halved" => "silences take from it by `Config::after_idle`; with Linux's, an RTO of little use takes it halfway to what was used, but the initial window";
"7661-4.4.1-1" Must No: "A loss while cwnd is not used takes it to what was used, less what was lost" => "the reduction is as ever; what RFC 9937 lets out follows what is in flight";
}

super::document! {
RFC_8257 = 8257 "Data Center TCP (DCTCP): TCP Congestion Control for Data Centers";
"8257-3.2-1" Must Yes: "When marks begin or end, what came before is acknowledged at once, as it was" => "two ACKs, if one was waiting";
"8257-3.2-2" Must Yes: "ACKs have ECE while data is marked, CWR or not" => "as said";
"8257-3.3-1" Must Yes: "Once a window the share of marked bytes is averaged into alpha, which begins as 1, by 1/16" => "as said";
"8257-3.3-2" Must Yes: "A mark takes half of alpha off cwnd, once a window" => "as said";
"8257-3.4-1" Must Yes: "The window grows as without DCTCP" => "as Reno's";
"8257-3.5-1" Must Yes: "A loss takes half" => "as Reno";
"8257-3.6-1" Says No: "SYN, SYN-ACK and RST are ECT, too, where everything marks" => "RFC 3168 forbids it elsewhere, and nobody says where this is";
}

super::document! {
RFC_9406 = 9406 "HyStart++: Modified Slow Start for TCP";
"9406-4.2-1" Must Yes: "Rounds are a window of acknowledged data long, and each keeps its smallest round trip" => "by bytes in flight when it began";
"9406-4.2-2" Says Yes: "Eight samples tell; an eighth longer than the last round's, 4 ms at least and 16 at most, begins conservative slow start" => "as said";
"9406-4.2-3" Says Yes: "Conservative slow start is that much slower" => "as said";
"9406-4.2-4" Says Yes: "A round trip shorter than the one that began conservative slow start ends it, and slow start goes on" => "as said";
"9406-4.2-5" Must Yes: "After five such rounds cwnd is the threshold" => "as said";
"9406-4.2-6" Must Deviates: "Without pacing an ACK counts for eight segments at most" => "for all (ADR 0009)";
"9406-4.3-1" Should Yes: "HyStart++ is for the first slow start only" => "while there is no threshold";
}

super::document! {
RFC_9438 = 9438 "CUBIC for Fast and Long-Distance Networks";
"9438-4.2-1" Must Yes: "W(t) = C (t - K)^3 + W_max, with K when it is W_max again and C = 0.4" => "in integers, within 2 %";
"9438-4.2-2" Must Yes: "What the curve says one round trip from now is aimed at, between cwnd and half as much again" => "as said";
"9438-4.3-1" Must Yes: "Where Reno would have more (W_est), cwnd is that" => "with alpha 9/17, and 1 from the old cwnd on";
"9438-4.4-1" Must Yes: "For each ACK cwnd grows by (target - cwnd)/cwnd" => "by bytes, with what is left over kept";
"9438-4.6-1" Should Yes: "A loss leaves 0.7" => "of cwnd, which does not grow while it is not used, so that what is in flight tells no less";
"9438-4.6-2" Must Yes: "The least threshold" => "as said";
"9438-4.7-1" Should Yes: "Who has less than before the last loss aims lower, to make room (fast convergence)" => "W_max is 0.85 of cwnd then";
"9438-4.8-1" Must Yes: "A timeout takes cwnd to one segment and the threshold to 0.7; the curve begins flat, where slow start ends" => "as said";
"9438-4.9.1-1" Should Yes: "A timeout that was for nothing gives back what it took, the curve too" => "whatever tells that: F-RTO, Eifel, D-SACK";
"9438-4.10-1" Must Yes: "Slow start is used below the threshold, and HyStart++ may end the first" => "as said; with `hystart` otherwise HyStart ends it, as Linux's, or nothing";
"9438-5.8-1" Says Yes: "Time in which the window was not used is no time for the curve" => "the stretch begins later by as much";
}
