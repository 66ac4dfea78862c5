//! Data with the SYN.

super::document! {
RFC_7413 = 7413 "TCP Fast Open";
"7413-4.1.1-1" Must Yes: "A cookie is 4 to 16 bytes long, an even number; an option of another length is ignored" => "as said";
"7413-4.1.1-2" Must Yes: "The option counts on SYNs only" => "nothing else looks at it";
"7413-4.1.2-1" Should Yes: "A cookie is a message authentication code over the client's address" => "SipHash-2-4 of both addresses, as Linux";
"7413-4.1.2-2" Must Yes: "Nobody but the server can make a cookie" => "under a key of 128 bits; it is compared in constant time";
"7413-4.1.2-3" Should Yes: "Cookies expire after some time" => "when `Config::fastopen_key` changes; those of the key before count on";
"7413-4.1.3-1" Must Yes: "A client keeps cookies for later connections" => "and the server's MSS with them";
"7413-4.1.3-2" Should Yes: "Cookies belong to the addresses of both ends; the latest counts" => "as said";
"7413-4.1.3-3" Says Yes: "What is kept is bounded" => "1024 servers";
"7413-4.1.3.1-1" Should Partly: "Where fast openings fail, they are not tried for a while" => "for all servers, after three timeouts, if `Config::fastopen_blackhole` is set, as Linux; what a server does not take goes the ordinary way at once";
"7413-4.1.3.1-2" Says Yes: "A server that gives no cookie gets no data with SYNs" => "it is asked again, in the older way once, as Linux";
"7413-4.2.1-1" Says Yes: "A SYN without a cookie asks for one, and the SYN-ACK brings it" => "if the listener takes part";
"7413-4.2.2-1" Must Yes: "Data goes with a SYN only if a cookie is known and has room beside the other options" => "or none is needed: `Config::fastopen_client`";
"7413-4.2.2-2" Says Yes: "No more than the server's MSS goes with the SYN" => "less 40 bytes for options, as Linux";
"7413-4.2.2-4" Says Yes: "A SYN with a good cookie has its data acknowledged by the SYN-ACK" => "as said";
"7413-4.2.2-5" Says Yes: "Without a good cookie only the SYN is acknowledged" => "and the SYN-ACK brings a good one";
"7413-4.2.2-6" Says Yes: "The data goes to the application before the handshake ends" => "accept() gives the connection in SYN-RECEIVED";
"7413-4.2.2-7" Must Yes: "The initial window bounds what is sent before the handshake ends" => "as for any connection";
"7413-4.2.2-8" Should Yes: "A SYN-ACK that is sent again brings neither data nor the option" => "as said";
"7413-4.2.2-9" Should Yes: "A SYN that is sent again brings neither data nor the option" => "as said";
"7413-4.2.2-10" Should Yes: "What a SYN-ACK does not acknowledge is sent again with the ACK of the handshake" => "without a reduction of cwnd";
"7413-5.1-1" Must Yes: "How many fast openings wait for the end of their handshake is bounded; beyond that, connections open as ever" => "for each listener: `Config::fastopen_queue`";
"7413-5.1-2" Says Yes: "The bound holds for all listeners that take part" => "by default none takes part";
"7413-5.1-3" Says Yes: "What a reset ended counts on for a while" => "for 60 s, if the application had got it, as Linux";
"7413-5.2-1" Says Yes: "A forged address gets nothing but a SYN-ACK" => "without a good cookie the application is not told";
}
