// The dumbbell of benches/sim/dumbbell.rs in ns-3: N senders and N receivers, each on a wire of its
// own, two routers, one bottleneck with a drop-tail queue. Prints one line of `name=value`.
//
//     dumbbell FLOWS MILLISECONDS ROUTING    (ROUTING: static or nix, whichever is faster)

#include "ns3/applications-module.h"
#include "ns3/core-module.h"
#include "ns3/internet-module.h"
#include "ns3/nix-vector-helper.h"
#include "ns3/point-to-point-module.h"
#include "ns3/traffic-control-module.h"

#include <chrono>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <string>

using namespace ns3;

namespace {

constexpr uint32_t kSegment = 1448;     // payload bytes: MTU 1500 less IPv4 and TCP with timestamps
constexpr uint32_t kPacket = 1500;
constexpr uint64_t kFlowRate = 10'000'000;
constexpr uint64_t kMaxRate = 1'000'000'000;
constexpr uint64_t kAccessRate = 1'000'000'000;
constexpr uint32_t kAccessQueue = 10'000;
constexpr uint64_t kRttMs = 40;

uint64_t packets = 0;

// A packet has arrived at the end of a wire.
void Arrived(Ptr<const Packet>) { ++packets; }

void Configure()
{
    Config::SetDefault("ns3::TcpL4Protocol::SocketType", TypeIdValue(TcpNewReno::GetTypeId()));
    Config::SetDefault("ns3::TcpSocket::SegmentSize", UintegerValue(kSegment));
    Config::SetDefault("ns3::TcpSocket::SndBufSize", UintegerValue(1 << 20));
    Config::SetDefault("ns3::TcpSocket::RcvBufSize", UintegerValue(1 << 20));
    Config::SetDefault("ns3::TcpSocket::InitialCwnd", UintegerValue(10));
    Config::SetDefault("ns3::TcpSocket::DelAckCount", UintegerValue(2));
    Config::SetDefault("ns3::TcpSocket::DelAckTimeout", TimeValue(MilliSeconds(40)));
    Config::SetDefault("ns3::TcpSocketBase::MinRto", TimeValue(MilliSeconds(200)));
}

// A wire between two nodes, with an address at either end.
NetDeviceContainer Join(Ptr<Node> a, Ptr<Node> b, uint64_t rate, uint32_t queue, Time delay,
                        Ipv4AddressHelper& addresses, Ipv4InterfaceContainer* at = nullptr)
{
    PointToPointHelper wire;
    wire.SetDeviceAttribute("DataRate", DataRateValue(DataRate(rate)));
    wire.SetChannelAttribute("Delay", TimeValue(delay));
    wire.SetQueue("ns3::DropTailQueue<Packet>", "MaxSize",
                  QueueSizeValue(QueueSize(QueueSizeUnit::PACKETS, queue)));
    NetDeviceContainer devices = wire.Install(a, b);
    Ipv4InterfaceContainer interfaces = addresses.Assign(devices);
    // The device's own queue is the queue; assigning addresses has put fq_codel before it.
    TrafficControlHelper control;
    control.Uninstall(devices);
    for (uint32_t end = 0; end < 2; ++end)
        devices.Get(end)->TraceConnectWithoutContext("PhyRxEnd", MakeCallback(&Arrived));
    if (at)
        *at = interfaces;
    return devices;
}

uint64_t PeakKib()
{
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;)
        if (word == "VmHWM:") {
            uint64_t kib;
            return status >> kib ? kib : 0;
        }
    return 0;
}

} // namespace

int main(int argc, char** argv)
{
    if (argc != 4)
        return 2;
    const uint32_t flows = std::stoul(argv[1]);
    const Time end = MilliSeconds(std::stoul(argv[2]));
    const bool nix = std::string(argv[3]) == "nix";
    auto begun = std::chrono::steady_clock::now();
    auto elapsed = [&begun] {
        auto now = std::chrono::steady_clock::now();
        auto nanos = std::chrono::duration_cast<std::chrono::nanoseconds>(now - begun).count();
        begun = now;
        return nanos;
    };
    Configure();

    NodeContainer senders, receivers, routers;
    senders.Create(flows);
    receivers.Create(flows);
    routers.Create(2);
    InternetStackHelper stack;
    stack.SetIpv6StackInstall(false);
    if (nix)
        stack.SetRoutingHelper(Ipv4NixVectorHelper());
    else
        stack.SetRoutingHelper(Ipv4StaticRoutingHelper());
    stack.InstallAll();

    const uint64_t rate = std::min(kFlowRate * flows, kMaxRate);
    const uint32_t queue = rate * kRttMs / 1000 / 8 / kPacket + 1;
    Ipv4AddressHelper left("10.1.0.0", "255.255.255.252");
    Ipv4AddressHelper right("10.2.0.0", "255.255.255.252");
    Ipv4AddressHelper middle("10.3.0.0", "255.255.255.252");
    Join(routers.Get(0), routers.Get(1), rate, queue, MilliSeconds(10), middle);
    Ipv4StaticRoutingHelper routing;
    auto route = [&](Ptr<Node> node, const char* to, const char* mask, Ipv4Address via) {
        auto ipv4 = node->GetObject<Ipv4>();
        routing.GetStaticRouting(ipv4)->AddNetworkRouteTo(to, mask, via, 1);
    };
    if (!nix) {
        route(routers.Get(0), "10.2.0.0", "255.255.0.0", "10.3.0.2");
        route(routers.Get(1), "10.1.0.0", "255.255.0.0", "10.3.0.1");
    }
    ApplicationContainer sinks;
    for (uint32_t n = 0; n < flows; ++n) {
        Ipv4InterfaceContainer near, far;
        Join(senders.Get(n), routers.Get(0), kAccessRate, kAccessQueue, MilliSeconds(5), left,
             &near);
        Join(receivers.Get(n), routers.Get(1), kAccessRate, kAccessQueue, MilliSeconds(5), right,
             &far);
        if (!nix) {
            route(senders.Get(n), "0.0.0.0", "0.0.0.0", near.GetAddress(1));
            route(receivers.Get(n), "0.0.0.0", "0.0.0.0", far.GetAddress(1));
        }
        left.NewNetwork();
        right.NewNetwork();
        InetSocketAddress to(far.GetAddress(0), 5001);
        PacketSinkHelper sink("ns3::TcpSocketFactory", to);
        sinks.Add(sink.Install(receivers.Get(n)));
        BulkSendHelper bulk("ns3::TcpSocketFactory", to);
        bulk.SetAttribute("SendSize", UintegerValue(kSegment));
        bulk.Install(senders.Get(n)).Start(MilliSeconds(n % 100));
    }
    const auto build = elapsed();
    Simulator::Stop(end);
    Simulator::Run();
    const auto run = elapsed();
    uint64_t bytes = 0;
    for (uint32_t n = 0; n < sinks.GetN(); ++n)
        bytes += DynamicCast<PacketSink>(sinks.Get(n))->GetTotalRx();
    std::cout << "packets=" << packets << " events=" << Simulator::GetEventCount()
              << " bytes=" << bytes << " build_ns=" << build << " run_ns=" << run
              << " peak_kib=" << PeakKib() << std::endl;
    Simulator::Destroy();
    return 0;
}
