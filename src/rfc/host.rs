//! What hosts must do beside, and the mistakes that implementations are known for.

super::document! {
RFC_1122 = 1122 "Requirements for Internet Hosts";
"1122-4.2.2.13-1" Should Yes: "Closing with data unread, and data that comes after closing, is answered by a reset" => "as SHLD-3";
"1122-4.2.2.13-2" Must Yes: "The user learns whether the connection was closed or aborted" => "as MUST-12";
"1122-4.2.2.13-3" May Yes: "A half-duplex close may be offered beside the full one" => "`shutdown` beside `close`";
"1122-4.2.2.13-4" Says Yes: "FIN-WAIT-2 that its user has left must not last for ever where the peer never closes" => "it ends after 60 s without a FIN";
"1122-4.2.3.4-1" Must Yes: "Sending avoids silly windows" => "as MUST-38";
"1122-4.2.3.5-1" Must Yes: "Retransmissions give up in the end, and the user may say when" => "as MUST-20 and MUST-21";
"1122-4.2.3.10-1" Must Yes: "A connection with a broadcast or multicast address is refused" => "as MUST-46 and MUST-57";
}

super::document! {
RFC_2525 = 2525 "Known TCP Implementation Problems";
"2525-2.1" Says Yes: "Slow start at the beginning" => "the initial window, and doubling";
"2525-2.2" Says Yes: "Slow start after a timeout" => "one segment";
"2525-2.3" Says Yes: "cwnd is set before it is used, also when the SYN-ACK has no MSS" => "with the segment size that was agreed";
"2525-2.4" Says Yes: "What is sent again is what was sent" => "the buffer keeps it";
"2525-2.5" Says Yes: "Data behind a gap is kept" => "as SHLD-31";
"2525-2.6" Says Yes: "Congestion avoidance adds no constant beside its segment" => "a segment for each window acknowledged";
"2525-2.7" Says Yes: "The first RTO is not too low" => "one second";
"2525-2.8" Says Yes: "cwnd comes down again after fast recovery" => "it was never inflated";
"2525-2.9" Says Yes: "A keep-alive that is not answered does not end the connection" => "nine do";
"2525-2.10" Says Yes: "The RTO is backed off and stays so without a sample" => "as 6298-5.5";
"2525-2.11" Says Yes: "Keep-alives are two hours apart" => "two hours of silence, then 75 s";
"2525-2.12" Says Yes: "Window probes do not end when an ACK is lost: the next probe comes" => "as long as the window is closed";
"2525-2.13" Says Yes: "Every second full segment is acknowledged" => "as SHLD-19";
"2525-2.14" Says Yes: "A timeout sends one segment again" => "as cwnd says";
"2525-2.15" Says Yes: "A FIN goes out with the last data, or at once" => "as said";
"2525-2.16" Says Yes: "Data after a full close is reset" => "as SHLD-3";
"2525-2.17" Says Yes: "Closing with data unread resets" => "as SHLD-3";
"2525-2.18" Says Yes: "Options count in the size of a segment" => "as MUST-16";
}
