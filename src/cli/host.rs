//! A virtual host, with those who look on: what `up`, `get` and `nc` have in common.

use super::Failure;
use super::args::{ClientArgs, HostArgs};
use super::attach::{self, Attached, Attachment};
use super::dhcp;
use super::names::Peer;
use super::scripts::ScriptSink;
use super::sinks::{Capture, CaptureSink, LiveSink, RecordSink, SharedVoice, Starting};
use super::talk::{self, Stream};
use super::vlan;
use crate::base::{Chance, Duration, Mac};
use crate::device::Device;
use crate::device::packet;
use crate::impair::{Gauge, Impairment, Link};
use crate::ip::{Address, Cidr, Route, Standing};
use crate::net::Host;
use crate::observe::pcapng::LinkType;
use crate::runtime::{Bell, Live, Running};
use crate::stack::{Ethernet, LinkSetup, Setup};
use crate::sys::ifconfig::Configured;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// How long addresses may take to be the host's: three probes and their pauses (RFC 5227 §1.1).
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks at that.
const GLANCE: Duration = Duration::from_millis(20);

/// 128 bits that nobody else knows.
pub(super) fn secret() -> Result<[u64; 2], Failure> {
    let mut bytes = [0; 16];
    let read = std::fs::File::open("/dev/urandom").and_then(|mut f| f.read_exact(&mut bytes));
    read.map_err(|e| Failure::failed(format_args!("/dev/urandom: {e}")))?;
    let bits = u128::from_le_bytes(bytes);
    Ok([bits as u64, (bits >> 64) as u64])
}

/// What can be had before anything is configured: the host that the arguments describe, and the
/// files that it is to write.
pub(super) struct Prepared<'a> {
    args: &'a HostArgs,
    setup: Setup,
    capture: Option<Capture>,
    recorder: Option<Starting>,
    scripts: Option<ScriptSink>,
}

/// Refuses arguments that do not go together.
pub(super) fn check(args: &HostArgs) -> Result<(), Failure> {
    attach::check(args)?;
    dhcp::check(args)?;
    let right = |ends: &Ends| check_family(ends).and_then(|()| check_addresses(ends));
    ends(args).iter().try_for_each(right)?;
    vlan::check(args)?;
    let file = |path: &Option<PathBuf>| path.as_ref().and_then(|p| std::path::absolute(p).ok());
    if let Some(path) = file(&args.pcap).filter(|_| file(&args.pcap) == file(&args.record)) {
        return Err(Failure::usage(format_args!(
            "{} cannot be both the capture and the recording: change --pcap or --record",
            path.display()
        )));
    }
    Ok(())
}

/// Checks the arguments and opens the files.
pub(super) fn prepare(args: &HostArgs) -> Result<Prepared<'_>, Failure> {
    check(args)?;
    let ends = ends(args);
    let key = secret()?;
    let attachment = Attachment::of(args)?;
    let none = Cidr::host(Ipv4Addr::UNSPECIFIED.into());
    let mut setup = Setup::new(key).with_iface(attach::name(args), attachment.mtu(args)?, none);
    setup.tcp = args.profile.config();
    if attach::is_on_ethernet(args) {
        let mac = args.mac.unwrap_or_else(|| Mac::random(&Chance::from_key(key), 0));
        attachment.check_mac(mac)?;
        let autoconf = speaks_ipv6(args);
        setup = setup.on_ethernet(Ethernet { probe: args.probe, autoconf, ..Ethernet::new(mac) });
    }
    if !args.plain {
        // Whoever looks at the wire finds no checksum missing that need not be.
        setup = setup.with_offload();
        setup.ifaces[0].checksum_offload = false;
    }
    setup = vlan::set_up(args, setup);
    args.tcp.iter().for_each(|knob| knob.apply(&mut setup.tcp));
    setup.ifaces[0].addrs = ends.iter().map(|ends| ends.own).collect();
    let default_via = |ends: &Ends| Route::default_via(ends.linux, crate::base::IfaceId(0));
    // On a network that is there already, routers say themselves that they are some.
    let told = |ends: &&Ends| ends.linux.is_ipv6() && args.on.is_some() && args.linux6.is_none();
    setup.routes.extend(ends.iter().filter(|ends| !told(ends)).map(default_via));
    let capture = match &args.pcap {
        Some(path) => {
            let link = LinkType::of(&setup.ifaces[0].link);
            Some(Capture::create(path, link, "netglass: the reasons are the comments")?)
        }
        None => None,
    };
    let recorder = match &args.record {
        Some(path) => Some(RecordSink::create(path, &setup)?),
        None => None,
    };
    let scripts = args.pkt.as_ref().map(|dir| ScriptSink::create(dir, &setup)).transpose()?;
    Ok(Prepared { args, setup, capture, recorder, scripts })
}

/// The two ends of the link in one family.
pub(super) struct Ends {
    /// The virtual host's.
    pub(super) own: Cidr,
    /// Linux's.
    pub(super) linux: IpAddr,
    /// The options that say so.
    pub(super) options: &'static str,
}

impl Ends {
    /// Linux's address and its prefix.
    pub(super) fn linux_side(&self) -> (IpAddr, u8) {
        (self.linux, self.own.prefix())
    }
}

/// Whether IPv6 is spoken: where Linux does (RFC 8200 §5 wants 1280 bytes).
pub(super) fn speaks_ipv6(args: &HostArgs) -> bool {
    !args.no_ipv6 && attach::mtu(args) >= 1280 && Path::new("/proc/net/if_inet6").exists()
}

/// Linux's addresses on the link, with their prefixes.
pub(super) fn linux_side(args: &HostArgs) -> impl Iterator<Item = (IpAddr, u8)> {
    let ends = ends(args).into_iter().map(|ends| ends.linux_side());
    ends.chain(dhcp::linux(args))
}

/// The two ends in each family that has addresses from the start.
pub(super) fn ends(args: &HostArgs) -> Vec<Ends> {
    let ends = |own, linux: Option<IpAddr>, options| {
        let linux = linux.unwrap_or_else(|| neighbour(own));
        Ends { own, linux, options }
    };
    let v4 = args.addr.map(|addr| ends(addr, args.linux, "--addr or --linux"));
    let v6 = args.addr6.filter(|_| speaks_ipv6(args));
    let v6 = v6.map(|addr| ends(addr, args.linux6, "--addr6 or --linux6"));
    v4.into_iter().chain(v6).collect()
}

/// The virtual host's addresses, those in VLANs included.
pub(super) fn addresses(args: &HostArgs) -> Vec<IpAddr> {
    all_ends(args).map(|ends| ends.own.addr()).collect()
}

/// The two ends of the link, and of each VLAN.
pub(super) fn all_ends(args: &HostArgs) -> impl Iterator<Item = Ends> {
    let of_vlans = vlan::others(args).into_iter().flat_map(|(_, ends)| ends);
    ends(args).into_iter().chain(of_vlans)
}

/// The first other address of a network that a host may have; `own` itself when there is none.
pub(super) fn neighbour(own: Cidr) -> IpAddr {
    let network = own.network().addr();
    let width = if network.is_ipv4() { 32 } else { 128 };
    // The network's own address is a host's only where there are no more than two.
    let first = u8::from(own.prefix() < width - 1);
    let next = |n: u8| match network {
        IpAddr::V4(addr) => Ipv4Addr::from_bits(addr.to_bits().wrapping_add(n.into())).into(),
        IpAddr::V6(addr) => Ipv6Addr::from_bits(addr.to_bits().wrapping_add(n.into())).into(),
    };
    let mut candidates = [next(first), next(first + 1)].into_iter();
    candidates.find(|addr| *addr != own.addr() && own.contains(*addr)).unwrap_or(own.addr())
}

fn check_family(ends: &Ends) -> Result<(), Failure> {
    let Ends { own, linux, options } = ends;
    let is_six = options.contains('6');
    let Some(wrong) = [own.addr(), *linux].into_iter().find(|addr| addr.is_ipv6() != is_six) else {
        return Ok(());
    };
    let (family, other) = if is_six { ("IPv6", "") } else { ("IPv4", "6") };
    Err(Failure::usage(format_args!(
        "{wrong} is no {family} address, as {options} has: there are --addr{other} and \
         --linux{other}, too"
    )))
}

pub(super) fn check_addresses(ends: &Ends) -> Result<(), Failure> {
    let Ends { own, linux, options } = ends;
    let (addr, linux) = (own.addr(), *linux);
    if own.prefix() == 0 || Cidr::host(addr) == *own {
        let what = if own.prefix() == 0 { "everything" } else { "one address" };
        return Err(Failure::usage(format_args!(
            "{own} is {what}, not the network of a link: change the prefix, as in {addr}/{}",
            if addr.is_ipv4() { 24 } else { 64 }
        )));
    }
    if addr == linux {
        return Err(Failure::usage(format_args!(
            "{addr} cannot be both Linux's address and the virtual host's: change {options}"
        )));
    }
    if !own.contains(linux) {
        return Err(Failure::usage(format_args!(
            "Linux's address {linux} is not in the network of {own}: change {options}"
        )));
    }
    let Some(broadcast) = own.broadcast() else { return Ok(()) };
    let network = own.network();
    for edge in [addr, linux] {
        let what = match edge {
            edge if edge == network.addr() => "names the network",
            edge if edge == broadcast => "is the broadcast address of",
            _ => continue,
        };
        return Err(Failure::usage(format_args!(
            "{edge} {what} {network}, and no host may have it: change {options}"
        )));
    }
    Ok(())
}

/// A running host and those who look on.
pub(super) struct Session {
    pub(super) host: Host,
    running: Running,
    capture: Arc<Mutex<Option<Capture>>>,
    voice: SharedVoice,
    /// What the bad link does, inward and outward.
    gauges: [Option<Gauge>; 2],
    /// What a packet socket does not carry.
    losses: Option<packet::Gauge>,
    recording: Option<RecordSink>,
    scripts: Option<ScriptSink>,
}

impl Prepared<'_> {
    /// Attaches the host to what the arguments say, and configures Linux's side.
    pub(super) fn attach(&self) -> Result<Attached, Failure> {
        let mac = match &self.setup.ifaces[0].link {
            LinkSetup::Ethernet(ethernet) => Some(ethernet.mac),
            LinkSetup::Ip => None,
        };
        attach::attach(self.args, mac)
    }

    /// Starts the host on the device that `device` makes, which may have to ring the driver's bell.
    /// `before` may add observers of its own.
    pub(super) fn start<D: Device + 'static>(
        self,
        device: impl FnOnce(&Bell) -> D,
        live: Option<Stream>,
        before: impl FnOnce(&Host),
    ) -> Result<Session, Failure> {
        let Prepared { args, setup, capture, recorder, scripts } = self;
        let host = Host::new(setup);
        let capture = Arc::new(Mutex::new(capture.map(|capture| capture.started(host.now()))));
        if args.pcap.is_some() {
            host.observe(Box::new(CaptureSink(capture.clone())));
        }
        if let Some(scripts) = &scripts {
            host.observe(Box::new(scripts.clone()));
        }
        let recording = recorder.map(|recorder| recorder.started(host.now())).transpose()?;
        if let Some(recording) = &recording {
            host.record(Box::new(recording.clone()));
        }
        let voice = Arc::new(Mutex::new(live.map(talk::Voice::new)));
        if live.is_some() || LiveSink::is_wanted() {
            let options = live.map(|stream| talk::view_on(stream, false));
            host.observe(Box::new(LiveSink::new(options, voice.clone())));
        }
        before(&host);
        let link = |rules: Impairment, id| {
            let chance = Chance::from_seed(args.seed);
            (rules != Impairment::NONE).then(|| Link::new(rules, chance, id, host.pool().clone()))
        };
        let rules = args.impair.clone().unwrap_or_default();
        let driver = Live::new(&host).map_err(Failure::failed)?;
        let mut links = [link(rules.inbound, 0), link(rules.outbound, 1)];
        let gauges = links.each_mut().map(|link| link.as_mut().map(Link::gauge));
        let [inward, outward] = links;
        let busy_poll = Duration::from_micros(args.busy_poll.into());
        let driver = driver.impaired(inward, outward).busy_poll(busy_poll);
        let device = device(&driver.bell());
        let running = driver.start(device).map_err(Failure::failed)?;
        Ok(Session { host, running, capture, voice, gauges, losses: None, recording, scripts })
    }
}

impl Session {
    /// Tells at the end what `losses` shows.
    pub(super) fn with_losses(self, losses: Option<packet::Gauge>) -> Session {
        Session { losses, ..self }
    }

    /// Whether the driver has ended by itself.
    pub(super) fn is_over(&self) -> bool {
        self.running.is_over()
    }

    /// Says a line among the live ones, if there are any: who does not read them holds up nobody.
    pub(super) fn say(&self, line: &str) {
        self.speaker()(line);
    }

    /// As [`Session::say`], for those who stay.
    pub(super) fn speaker(&self) -> impl Fn(&str) + Send + use<> {
        let voice = self.voice.clone();
        move |line| {
            let mut voice = voice.lock().unwrap_or_else(PoisonError::into_inner);
            voice.iter_mut().for_each(|voice| voice.say(line.to_owned()));
        }
    }

    /// Ends the host, giving connections `linger` to end well.
    pub(super) fn stop(self, linger: Duration) -> Result<(), Failure> {
        let Session { running, capture, voice, gauges, losses, recording, scripts, .. } = self;
        let ended = running.stop(linger);
        let voice = voice.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut voice) = voice {
            for (way, gauge) in ["to", "from"].into_iter().zip(gauges) {
                let Some(counters) = gauge.map(|gauge| gauge.read()) else { continue };
                voice.say(format!("# the bad link, {way} the virtual host: {counters}"));
            }
            if let Some(losses) = losses.map(|gauge| gauge.read()).filter(|one| one.total() > 0) {
                voice.say(format!("# the packet socket: {losses}"));
            }
        }
        let capture = capture.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(capture) = capture {
            capture.finish()?;
        }
        let scripts = scripts.map_or(Ok(()), ScriptSink::finish);
        recording.map_or(Ok(()), |recording| recording.finish())?;
        ended.map_err(|e| Failure::failed(format_args!("the device failed: {e}")))?;
        scripts
    }
}

/// Linux's IPv4 address on the link, as far as that is known.
pub(super) fn linux(args: &HostArgs) -> Option<IpAddr> {
    args.linux.or(args.addr.map(neighbour))
}

/// Refuses a client's peer that is the client's own host: nobody serves there.
pub(super) fn refuse_own(args: &HostArgs, peer: &Peer) -> Result<(), Failure> {
    let Peer::Addr(to) = peer else { return Ok(()) };
    let own = all_ends(args).find(|ends| ends.own.addr() == *to);
    let Some(Ends { linux, options, .. }) = own else { return Ok(()) };
    Err(Failure::usage(format_args!(
        "{to} is the address of the virtual host that would ask, and nobody serves there: Linux \
         is {linux}; to ask a host that `netglass up` runs, use a program on Linux's side, or have \
         another address with {options}"
    )))
}

impl ClientArgs {
    /// The host that a client's arguments describe.
    pub(super) fn host(&self) -> HostArgs {
        let host = self.host.clone();
        match self.via.as_deref() {
            None | Some("tun") => host,
            Some("tap") => HostArgs { tap: true, ..host },
            Some(name) => HostArgs { on: Some(name.to_owned()), ..host },
        }
    }
}

/// Connects the host to the virtual network for a client; live lines are apart from what the
/// client has to say.
pub(super) fn client(args: &HostArgs, live: bool) -> Result<(Session, Configured), Failure> {
    let mut prepared = prepare(args)?;
    if let (true, LinkSetup::Ethernet(ethernet)) = (args.tap, &mut prepared.setup.ifaces[0].link) {
        // There is nobody on a device of its own but Linux, whose address is known.
        ethernet.dad_transmits = 0;
    }
    let Attached { device, network, losses, .. } = prepared.attach()?;
    let session = prepared.start(|_| device, live.then_some(Stream::Error), |_| {})?;
    settle(&session.host);
    Ok((session.with_losses(losses), network))
}

/// Waits until others had the time to say that they have the host's addresses.
fn settle(host: &Host) {
    let end = std::time::Instant::now() + PATIENCE;
    let is_tentative = |own: &Address| own.standing == Standing::Tentative;
    while std::time::Instant::now() < end
        && host.with(|stack, _| stack.addresses().any(|(_, own)| is_tentative(own)))
    {
        std::thread::sleep(GLANCE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linux_is_the_first_other_address() {
        for (own, linux) in [
            ("10.9.0.2/24", "10.9.0.1"),
            ("10.7.0.1/24", "10.7.0.2"),
            ("10.7.9.9/16", "10.7.0.1"),
            ("10.7.0.4/31", "10.7.0.5"),
            ("10.7.0.5/31", "10.7.0.4"),
            ("10.7.0.5/32", "10.7.0.5"),
            ("fd09::2/64", "fd09::1"),
            ("fd09::1/64", "fd09::2"),
            ("fd09::/127", "fd09::1"),
        ] {
            let own: Cidr = own.parse().expect(own);
            assert_eq!(neighbour(own).to_string(), linux, "{own}");
        }
    }
}
