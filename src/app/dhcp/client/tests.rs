//! A client on a host, and a server on another, in virtual time.

use super::*;
use crate::app::dhcp::message::{Kind, Message, Options as Words, code};
use crate::app::dhcp::{Cause, State};
use crate::app::{self, Serving};
use crate::base::{Frame, Mac};
use crate::net::Clock;
use crate::net::tokio::TcpStream;
use crate::stack::{Ethernet, Setup};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;

const IFACE: IfaceId = IfaceId(0);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);
const FIRST: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 57);
const SECOND: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 58);

/// The runtime's time, which the tests let pass.
struct Paused(tokio::time::Instant);

impl Clock for Paused {
    fn now(&self) -> Instant {
        Instant::ZERO + tokio::time::Instant::now().duration_since(self.0)
    }
}

/// What the server does.
struct Rules {
    silent: bool,
    refuses: bool,
    seconds: u32,
    offers: Ipv4Addr,
    router: Option<Ipv4Addr>,
    mask: [u8; 4],
    mtu: Option<u16>,
    heard: Vec<(Kind, bool)>,
}

/// Two hosts and the wire between them, within a runtime whose time is paused.
struct Lab {
    host: Host,
    server: Host,
    rules: Arc<Mutex<Rules>>,
    told: Arc<Mutex<Vec<Event>>>,
}

fn host(key: u64, addrs: &[&str]) -> Host {
    let any = "10.9.0.1/24".parse().expect("an address");
    let ethernet = Ethernet::new(Mac([2, 0, 0, 0, 0, key as u8]));
    let mut setup = Setup::new([key, 0]).with_iface("eth0", 1500, any).on_ethernet(ethernet);
    setup.ifaces[0].addrs = addrs.iter().map(|addr| addr.parse().expect(addr)).collect();
    Host::with_clock(setup, Arc::new(Paused(tokio::time::Instant::now())))
}

/// Carries frames between two hosts, and lets time come to both.
async fn wire(hosts: [Host; 2]) {
    let kicked = Arc::new(Notify::new());
    for host in &hosts {
        let kicked = kicked.clone();
        host.driven(Arc::new(move || kicked.notify_one()));
    }
    let mut inboxes: [Vec<Frame>; 2] = Default::default();
    loop {
        let mut next = None;
        for n in 0..2 {
            let inbox = std::mem::take(&mut inboxes[n]);
            let turn = hosts[n].turn(|stage| {
                for frame in inbox {
                    stage.stack.input(stage.now, IFACE, frame);
                }
                stage.stack.poll(stage.now);
                std::iter::from_fn(|| stage.stack.output(stage.now)).collect::<Vec<_>>()
            });
            inboxes[1 - n].extend(turn.answer.into_iter().map(|(_, frame)| frame));
            turn.woken.wake();
            let pause = turn.deadline.map(|at| at.since(turn.now));
            next = next.into_iter().chain(pause).min();
        }
        if inboxes.iter().any(|inbox| !inbox.is_empty()) {
            continue;
        }
        tokio::select! {
            () = kicked.notified() => {}
            () = tokio::time::sleep(next.unwrap_or(Duration::from_secs(3600))) => {}
        }
    }
}

/// A server that knows one client.
async fn serve(host: Host, rules: Arc<Mutex<Rules>>) {
    let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, SERVER_PORT));
    let socket = UdpSocket::bind(&host, any).expect("a port");
    socket.set_broadcast(true).expect("an option");
    socket.bind_device(Some(IFACE)).expect("an interface");
    let mut room = [0; 1500];
    loop {
        let Ok((len, from)) = socket.recv_from(&mut room).await else { return };
        let asked = Message::parse(&room[..len]).expect("the client says what can be read");
        let answer = answer(&rules, &asked);
        let Some(answer) = answer else { continue };
        let to = match asked.broadcast {
            true => Ipv4Addr::BROADCAST.into(),
            false => from.ip(),
        };
        socket.send_to(&answer.encode(), (to, CLIENT_PORT).into()).await.expect("sent");
    }
}

fn answer(rules: &Mutex<Rules>, asked: &Message) -> Option<Message> {
    let mut rules = rules.lock().expect("rules");
    if rules.silent {
        return None;
    }
    rules.heard.push((asked.kind, !asked.ciaddr.is_unspecified()));
    let kind = match asked.kind {
        Kind::Discover => Kind::Offer,
        Kind::Request if rules.refuses => Kind::Nak,
        Kind::Request => Kind::Ack,
        Kind::Decline => {
            rules.offers = SECOND;
            return None;
        }
        _ => return None,
    };
    let mut answer = Message::new(kind, asked.xid, asked.chaddr);
    (answer.reply, answer.yiaddr) = (true, rules.offers);
    answer.options = Words::default()
        .with(code::SERVER_ID, &SERVER.octets())
        .with(code::SUBNET_MASK, &rules.mask)
        .with(code::LEASE_TIME, &rules.seconds.to_be_bytes());
    if let Some(router) = rules.router {
        answer.options = answer.options.with(code::ROUTERS, &router.octets());
    }
    if let Some(mtu) = rules.mtu {
        answer.options = answer.options.with(code::INTERFACE_MTU, &mtu.to_be_bytes());
    }
    Some(answer)
}

/// Runs a test with a server that has these addresses and gives leases of 20 seconds.
fn lab<T>(addrs: &[&str], test: impl AsyncFnOnce(&Lab) -> T) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().start_paused(true).build().expect("a runtime").block_on(async {
        let (host, server) = (host(7, &[]), host(1, addrs));
        let mask = [255, 255, 255, 0];
        let (offers, router) = (FIRST, Some(SERVER));
        let (silent, refuses, seconds, heard) = (false, false, 20, Vec::new());
        let rules = Rules { silent, refuses, seconds, offers, router, mask, mtu: None, heard };
        let rules = Arc::new(Mutex::new(rules));
        let wire = tokio::spawn(wire([host.clone(), server.clone()]));
        let serving = tokio::spawn(serve(server.clone(), rules.clone()));
        let lab = Lab { host, server, rules, told: Arc::default() };
        let result = test(&lab).await;
        assert!(!wire.is_finished() && !serving.is_finished());
        result
    })
}

impl Lab {
    fn client(&self) -> Client {
        let options = Options { hostname: None, remembered: None, secret: [5, 5] };
        let told = self.told.clone();
        let tell = move |event: &Event| told.lock().expect("events").push(event.clone());
        Client::start(&self.host, IFACE, options, tell).expect("an Ethernet")
    }

    fn rule(&self, change: impl FnOnce(&mut Rules)) {
        change(&mut self.rules.lock().expect("rules"));
    }

    /// The host's addresses and routes.
    fn holds(&self) -> String {
        self.host.with(|stack, _| {
            let addresses = stack.addresses().map(|(_, own)| own.cidr.to_string());
            let routes = stack.routes().iter().map(Route::to_string);
            addresses.chain(routes).collect::<Vec<_>>().join(", ")
        })
    }

    /// How long packets to the server may be.
    fn mtu(&self) -> Option<u16> {
        let discover = crate::wire::ip::Discover::Want;
        self.host.with(|stack, now| stack.mtu_to(now, SERVER.into(), discover))
    }

    fn states(&self) -> Vec<(Cause, State)> {
        let told = self.told.lock().expect("events");
        let went = told.iter().filter_map(|event| match event {
            Event::Went { to, cause, .. } => Some((*cause, *to)),
            _ => None,
        });
        went.collect()
    }

    /// Waits until the client's state has changed in that way as often.
    async fn until(&self, cause: Cause, times: usize) {
        let seen = || self.states().iter().filter(|(known, _)| *known == cause).count();
        while seen() < times {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

const LIVED: &str = "10.9.0.57/24, 10.9.0.0/24 dev 0 metric 0, default via 10.9.0.1 dev 0 metric 0";

#[test]
fn a_lease_is_lived_by_and_kept() {
    lab(&["10.9.0.1/24"], async |lab| {
        let services = "echo".parse().expect("services");
        let any = [Ipv4Addr::UNSPECIFIED.into()];
        let options = app::Options::default();
        let _serving = Serving::start(&lab.host, &any, &services, options).expect("free ports");
        let client = lab.client();
        let granted = client.leased().await.expect("a lease");
        assert_eq!((granted.lease.ip(), lab.holds().as_str()), (FIRST, LIVED));
        let mut stream =
            TcpStream::connect(&lab.server, (FIRST, 7).into()).await.expect("it is there");
        // A quarter of an hour: some ninety renewals, and the connection lives through them.
        for _ in 0..90 {
            tokio::time::sleep(Duration::from_secs(10)).await;
            stream.write_all(b"still here?").await.expect("room");
            stream.read_exact(&mut [0; 11]).await.expect("an echo");
            let end = lab.host.with(|stack, now| {
                let own = stack.address(IFACE, FIRST.into()).expect("it has it");
                own.valid_until.expect("an end").since(now)
            });
            assert!((9..=20).contains(&end.as_secs()), "{end:?}");
        }
        assert_eq!(lab.holds(), LIVED);
        let renewals = lab.states().iter().filter(|(cause, _)| *cause == Cause::Extended).count();
        assert!((85..=100).contains(&renewals), "{renewals}");
        assert!(lab.rules.lock().expect("rules").heard.iter().filter(|(_, own)| *own).count() > 80);
        // What goes with the address may change.
        assert_eq!(lab.mtu(), Some(1500));
        let changes = |rules: &mut Rules| {
            (rules.router, rules.mask, rules.mtu) = (None, [255, 255, 0, 0], Some(1400));
        };
        lab.rule(changes);
        tokio::time::sleep(Duration::from_secs(11)).await;
        assert_eq!(lab.holds(), "10.9.0.57/16, 10.9.0.0/16 dev 0 metric 0");
        assert_eq!(lab.mtu(), Some(1400));
        client.release().await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(lab.holds(), "");
        let last = lab.rules.lock().expect("rules").heard.last().copied();
        assert_eq!(last, Some((Kind::Release, true)));
    });
}

#[test]
fn an_address_that_somebody_has_is_declined() {
    lab(&["10.9.0.1/24", "10.9.0.57/24"], async |lab| {
        let client = lab.client();
        let granted = client.leased().await.expect("a lease");
        assert_eq!(granted.lease.ip(), SECOND);
        let heard: Vec<Kind> =
            lab.rules.lock().expect("rules").heard.iter().map(|(kind, _)| *kind).collect();
        let half = [Kind::Discover, Kind::Request];
        assert_eq!(heard, [&half[..], &[Kind::Decline], &half].concat());
        assert_eq!(lab.states()[3], (Cause::Taken, State::Init));
        // At least ten seconds lie between.
        assert!(lab.host.now().since(Instant::ZERO) > Duration::from_secs(10));
        assert!(lab.holds().starts_with("10.9.0.58/24, "), "{}", lab.holds());
    });
}

#[test]
fn without_its_server_the_address_goes_and_comes_back() {
    lab(&["10.9.0.1/24"], async |lab| {
        let client = lab.client();
        client.leased().await.expect("a lease");
        lab.rule(|rules| rules.silent = true);
        lab.until(Cause::RebindingTime, 1).await;
        assert_eq!(lab.holds(), LIVED);
        lab.until(Cause::Expired, 1).await;
        assert_eq!((lab.holds().as_str(), client.granted().borrow().clone()), ("", None));
        tokio::time::sleep(Duration::from_secs(60)).await;
        lab.rule(|rules| rules.silent = false);
        client.leased().await.expect("it is back");
        assert_eq!(lab.holds(), LIVED);
        // Refused, it goes at once; and nothing is asked without rest.
        let before = lab.rules.lock().expect("rules").heard.len();
        lab.rule(|rules| rules.refuses = true);
        lab.until(Cause::Refused, 1).await;
        assert_eq!(lab.holds(), "");
        lab.until(Cause::Refused, 11).await;
        let heard = lab.rules.lock().expect("rules").heard.len() - before;
        assert_eq!(heard, 1 + 2 * 10);
        let begun = lab.told.lock().expect("events").len();
        lab.rule(|rules| rules.refuses = false);
        client.leased().await.expect("it is back again");
        assert!(lab.told.lock().expect("events").len() > begun);
        drop(client);
        // Nobody looks after it any more, and its time comes.
        tokio::time::sleep(Duration::from_secs(21)).await;
        assert_eq!(lab.holds().split(',').next(), Some("default via 10.9.0.1 dev 0 metric 0"));
    });
}

#[test]
fn garbage_between_the_answers_is_no_harm() {
    lab(&["10.9.0.1/24"], async |lab| {
        let client = lab.client();
        let rogue = UdpSocket::bind(&lab.server, SocketAddr::from((SERVER, 999))).expect("a port");
        rogue.set_broadcast(true).expect("an option");
        rogue.bind_device(Some(IFACE)).expect("an interface");
        let everybody = SocketAddr::from((Ipv4Addr::BROADCAST, CLIENT_PORT));
        for n in 0..2000_u32 {
            let garbage: Vec<u8> = (0..n).map(|at| (n * 31 + at * 7) as u8).collect();
            rogue.send_to(&garbage, everybody).await.expect("room");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        client.leased().await.expect("a lease");
        assert_eq!(lab.holds(), LIVED);
        let told = lab.told.lock().expect("events");
        let ignored = told.iter().filter(|event| matches!(event, Event::Ignored { .. })).count();
        assert!(ignored > 1500, "{ignored}");
    });
}

#[test]
fn an_interface_without_ethernet_has_no_dhcp() {
    lab(&[], async |lab| {
        let setup = Setup::new([1, 1]).with_iface("tun", 1500, "10.8.0.2/24".parse().expect("one"));
        let bare = Host::new(setup);
        let options = || Options { hostname: None, remembered: None, secret: [5, 5] };
        let refused = Client::start(&bare, IFACE, options(), |_| {}).expect_err("no Ethernet");
        assert_eq!(refused.kind(), io::ErrorKind::Unsupported);
        // One client for a host: the port is taken.
        let first = lab.client();
        let second = Client::start(&lab.host, IFACE, options(), |_| {}).expect_err("a second");
        assert_eq!(second.kind(), io::ErrorKind::AddrInUse);
        // And it ends with the host.
        tokio::time::sleep(Duration::from_secs(1)).await;
        lab.host.undriven();
        assert_eq!(first.leased().await, None);
    });
}
