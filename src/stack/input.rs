//! Every call that changes a host, as a value: record them and the host's life can be lived again.
//!
//! Frames alone could not replay a live session: what applications wrote and read, when time was
//! looked at, and how many frames the device took change what the host does next.

use super::Stack;
use super::calls::{ListenOptions, WriteKind};
use super::echo::PingOptions;
use super::sent::{SentSoFar, SentSum};
use crate::base::{
    Chunks, ConnId, Frame, IfaceId, Instant, Limit, ListenerId, Mac, Offload, UdpId,
};
use crate::ip::{Cidr, NewAddress, Route};
use crate::socket::{Interest, SocketId};
use crate::tcp::Config;
use crate::udp::Multicast;
use crate::wire::ip::{Discover, Mark};
use std::net::{IpAddr, SocketAddr};

/// One call that changes a host. Reading carries the room, not the data: the data follows.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
#[allow(missing_docs, reason = "each variant is the method of `Stack` of the same name")]
pub enum Input {
    Frame {
        iface: IfaceId,
        /// Shared with the frame that came, when it was large.
        bytes: Chunks,
        offload: Offload,
    },
    Poll,
    /// [`Stack::shut_read`](super::Stack::shut_read).
    ShutRead {
        /// Which connection.
        id: ConnId,
    },
    /// So many frames were taken from `output`, and whether it said that there were no more.
    Output {
        frames: u32,
        drained: bool,
    },
    Listen {
        local: SocketAddr,
        options: ListenOptions,
    },
    CloseListener {
        id: ListenerId,
    },
    Accept {
        id: ListenerId,
    },
    Connect {
        remote: SocketAddr,
        local: Option<SocketAddr>,
        config: Option<Config>,
    },
    Write {
        id: ConnId,
        #[cfg_attr(feature = "record", serde(with = "crate::base::octets"))]
        bytes: Vec<u8>,
        kind: WriteKind,
    },
    Read {
        id: ConnId,
        max: u32,
    },
    Shutdown {
        id: ConnId,
    },
    Close {
        id: ConnId,
    },
    Abort {
        id: ConnId,
    },
    Configure {
        id: ConnId,
        config: Config,
    },
    ConnectWith {
        remote: SocketAddr,
        local: Option<SocketAddr>,
        config: Option<Config>,
        #[cfg_attr(feature = "record", serde(with = "crate::base::octets"))]
        bytes: Vec<u8>,
        more: bool,
    },
    ForgetServers,
    ReadUrgent {
        id: ConnId,
    },
    SetQuickack {
        id: ConnId,
        quick: bool,
    },
    TakeError {
        id: SocketId,
    },
    Want {
        id: SocketId,
        interest: Interest,
    },
    Shrink,
    Bind {
        local: SocketAddr,
        reuse: bool,
    },
    ConnectUdp {
        id: UdpId,
        remote: SocketAddr,
    },
    SendTo {
        id: UdpId,
        own: Option<IpAddr>,
        to: Option<SocketAddr>,
        #[cfg_attr(feature = "record", serde(with = "crate::base::octets"))]
        bytes: Vec<u8>,
    },
    RecvFrom {
        id: UdpId,
        max: u32,
    },
    MarkUdp {
        id: UdpId,
        mark: Mark,
    },
    CloseUdp {
        id: UdpId,
    },
    Ping {
        dst: IpAddr,
        id: u16,
        seq: u16,
        #[cfg_attr(feature = "record", serde(with = "crate::base::octets"))]
        payload: Vec<u8>,
        options: PingOptions,
    },
    SendRaw {
        #[cfg_attr(feature = "record", serde(with = "crate::base::octets"))]
        bytes: Vec<u8>,
    },
    OpenEcho,
    CloseEcho {
        id: u16,
    },
    TakeAnswer {
        id: u16,
    },
    SetNeighbor {
        iface: IfaceId,
        addr: IpAddr,
        mac: Option<Mac>,
    },
    /// Not a call: what had been sent by then, for a replay to compare.
    Sent(SentSoFar),
    Limited {
        id: ConnId,
        limit: Limit,
    },
    AbortFor {
        id: ConnId,
        limit: Limit,
    },
    AddAddress {
        iface: IfaceId,
        new: NewAddress,
    },
    RemoveAddress {
        iface: IfaceId,
        addr: IpAddr,
    },
    AddRoute {
        route: Route,
    },
    RemoveRoute {
        iface: IfaceId,
        dst: Cidr,
        metric: u32,
    },
    SetBroadcast {
        id: UdpId,
        on: bool,
    },
    BindDevice {
        id: UdpId,
        device: Option<IfaceId>,
    },
    LimitMtu {
        iface: IfaceId,
        mtu: Option<u16>,
    },
    DiscoverUdp {
        id: UdpId,
        discover: Discover,
    },
    KeepReports {
        id: UdpId,
        on: bool,
    },
    TakeReport {
        id: UdpId,
    },
    JoinGroup {
        id: UdpId,
        group: IpAddr,
        iface: Option<IfaceId>,
    },
    LeaveGroup {
        id: UdpId,
        group: IpAddr,
        iface: Option<IfaceId>,
    },
    SetMulticast {
        id: UdpId,
        multicast: Multicast,
    },
    ListenOn {
        id: ListenerId,
        options: ListenOptions,
    },
}

/// What is kept for a recorder.
#[derive(Debug)]
pub(super) struct Recording {
    kept: Vec<(Instant, Input)>,
    sent: SentSum,
    /// Frames sent when that was told last.
    told: u64,
}

/// The room for inputs to start with, when the last ones were taken: a driver's turn has about as
/// many, again and again.
const TURN_MAX: usize = 512;

impl Recording {
    /// Whether something is kept that nobody has taken.
    pub(super) fn has_news(&self) -> bool {
        !self.kept.is_empty()
    }
}

impl Stack {
    /// Starts keeping every input for [`Stack::take_inputs`]. To be replayed, a recording starts
    /// with the host.
    pub fn record(&mut self) {
        let none = || Recording { kept: Vec::new(), sent: SentSum::new(), told: 0 };
        self.recording.get_or_insert_with(none);
    }

    /// Takes what was recorded since the last time, oldest first.
    pub fn take_inputs(&mut self) -> Vec<(Instant, Input)> {
        let Some(recording) = &mut self.recording else { return Vec::new() };
        let sent = recording.sent.so_far();
        if let Some((now, _)) = recording.kept.last().filter(|_| sent.frames != recording.told) {
            recording.told = sent.frames;
            recording.kept.push((*now, Input::Sent(sent)));
        }
        let room = Vec::with_capacity(recording.kept.len().min(TURN_MAX));
        std::mem::replace(&mut recording.kept, room)
    }

    /// Keeps an input when recording. `Output` calls at one time are one input.
    pub(super) fn keep(&mut self, now: Instant, input: impl FnOnce() -> Input) {
        if let Some(recording) = &mut self.recording {
            recording.kept.push((now, input()));
        }
    }

    /// Keeps one call of `output`.
    pub(super) fn keep_output(&mut self, now: Instant, out: Option<&(IfaceId, Frame)>) {
        let Some(recording) = &mut self.recording else { return };
        if let Some((iface, frame)) = out {
            recording.sent.add(*iface, frame);
        }
        if let Some((at, Input::Output { frames, drained })) = recording.kept.last_mut()
            && *at == now
            && !*drained
        {
            *frames += u32::from(out.is_some());
            *drained = out.is_none();
            return;
        }
        let (frames, drained) = (u32::from(out.is_some()), out.is_none());
        recording.kept.push((now, Input::Output { frames, drained }));
    }

    /// Lives one input again; returns the frames it sent.
    pub fn apply(&mut self, now: Instant, input: Input) -> Vec<(IfaceId, Frame)> {
        match input {
            Input::Frame { iface, bytes, offload } => {
                self.input(now, iface, Frame { offload, ..Frame::gathered(&self.pool, &bytes) });
            }
            Input::Poll => self.poll(now),
            Input::Output { frames, drained } => {
                // The number is a file's: where nothing comes any more, it ends.
                let calls = u64::from(frames) + u64::from(drained);
                return (0..calls).map_while(|_| self.output(now)).collect();
            }
            other => self.apply_call(now, other),
        }
        Vec::new()
    }

    /// What a call returned is the application's: replaying ignores it.
    #[allow(clippy::let_underscore_must_use, reason = "see above")]
    fn apply_call(&mut self, now: Instant, call: Input) {
        match call {
            Input::Listen { local, options } => {
                let _ = self.listen(now, local, options);
            }
            Input::ListenOn { id, options } => {
                let _ = self.listen_on(now, id, options);
            }
            Input::CloseListener { id } => {
                let _ = self.close_listener(now, id);
            }
            Input::Accept { id } => {
                let _ = self.accept(now, id);
            }
            Input::Connect { remote, local, config } => {
                let _ = self.connect(now, remote, local, config);
            }
            Input::Write { id, bytes, kind } => {
                let _ = self.write_with(now, id, &bytes, kind);
            }
            Input::ReadUrgent { id } => {
                let _ = self.read_urgent(now, id);
            }
            Input::Read { id, max } => {
                let _ = self.read_with(now, id, max as usize, |_| {});
            }
            Input::ShutRead { id } => {
                let _ = self.shut_read(now, id);
            }
            Input::Shutdown { id } => {
                let _ = self.shutdown(now, id);
            }
            Input::Close { id } => self.close(now, id),
            Input::Abort { id } => self.abort(now, id),
            Input::Limited { id, limit } => self.limited(now, id, limit),
            Input::AbortFor { id, limit } => self.abort_for(now, id, limit),
            Input::ConnectWith { remote, local, config, bytes, more } => {
                let _ = self.connect_with(now, remote, local, config, (&bytes, more));
            }
            Input::ForgetServers => self.forget_servers(now),
            Input::Configure { id, config } => {
                let _ = self.configure(now, id, config);
            }
            Input::SetQuickack { id, quick } => {
                let _ = self.set_quickack(now, id, quick);
            }
            Input::TakeError { id } => {
                let _ = self.take_error(now, id);
            }
            Input::Want { id, interest } => {
                let _ = self.want(now, id, interest);
            }
            Input::Shrink => self.shrink(now),
            other => self.apply_datagram_call(now, other),
        }
    }

    #[allow(clippy::let_underscore_must_use, reason = "see above")]
    fn apply_datagram_call(&mut self, now: Instant, call: Input) {
        match call {
            Input::Bind { local, reuse } => {
                let _ = self.bind(now, local, reuse);
            }
            Input::ConnectUdp { id, remote } => {
                let _ = self.connect_udp(now, id, remote);
            }
            Input::SendTo { id, own, to, bytes } => {
                let _ = self.send_from(now, id, own, to, &bytes);
            }
            Input::RecvFrom { id, max } => {
                let mut room = vec![0; max.min(u16::MAX.into()) as usize];
                let _ = self.recv_from(now, id, &mut room);
            }
            Input::MarkUdp { id, mark } => {
                let _ = self.mark_udp(now, id, mark);
            }
            Input::SetBroadcast { id, on } => {
                let _ = self.set_broadcast(now, id, on);
            }
            Input::BindDevice { id, device } => {
                let _ = self.bind_device(now, id, device);
            }
            Input::DiscoverUdp { id, discover } => {
                let _ = self.discover_udp(now, id, discover);
            }
            Input::KeepReports { id, on } => {
                let _ = self.keep_reports(now, id, on);
            }
            Input::TakeReport { id } => {
                let _ = self.take_report(now, id);
            }
            Input::JoinGroup { id, group, iface } => {
                let _ = self.join_group(now, id, group, iface);
            }
            Input::LeaveGroup { id, group, iface } => {
                let _ = self.leave_group(now, id, group, iface);
            }
            Input::SetMulticast { id, multicast } => {
                let _ = self.set_multicast(now, id, multicast);
            }
            Input::CloseUdp { id } => self.close_udp(now, id),
            Input::Ping { dst, id, seq, payload, options } => {
                let _ = self.ping_with(now, dst, (id, seq), &payload, options);
            }
            Input::SendRaw { bytes } => {
                let _ = self.send_raw(now, &bytes);
            }
            Input::OpenEcho => {
                let _ = self.open_echo(now);
            }
            Input::CloseEcho { id } => self.close_echo(now, id),
            Input::TakeAnswer { id } => {
                let _ = self.take_answer(now, id);
            }
            other => self.apply_change(now, other),
        }
    }

    /// What whoever runs the host changed; what they were told is theirs.
    #[allow(clippy::let_underscore_must_use, reason = "see above")]
    fn apply_change(&mut self, now: Instant, change: Input) {
        match change {
            Input::SetNeighbor { iface, addr, mac } => {
                let _ = self.set_neighbor(now, iface, addr, mac);
            }
            Input::AddAddress { iface, new } => {
                let _ = self.add_address(now, iface, new);
            }
            Input::RemoveAddress { iface, addr } => {
                let _ = self.remove_address(now, iface, addr);
            }
            Input::AddRoute { route } => {
                let _ = self.add_route(now, route);
            }
            Input::LimitMtu { iface, mtu } => {
                let _ = self.limit_mtu(now, iface, mtu);
            }
            Input::RemoveRoute { iface, dst, metric } => {
                let _ = self.remove_route(now, iface, dst, metric);
            }
            other => debug_assert!(matches!(other, Input::Sent(_)), "{other:?} is not lived"),
        }
    }
}
