// The dumbbell of benches/sim/dumbbell.rs in ns-3: N senders and N receivers, each on a wire of its
// own, two routers, one bottleneck with a drop-tail queue. Prints one line of `name=value`.
//
//     dumbbell FLOWS MILLISECONDS
//
// Routes are nix-vector's, the fastest that ns-3 has: static ones are searched one by one.

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
constexpr uint32_t kBuffer = 128 << 10;
constexpr uint32_t kBuffers = 16 << 20;

uint64_t packets = 0;

// A packet has arrived at the end of a wire.
void Arrived(Ptr<const Packet>) { ++packets; }

void Configure(uint32_t flows)
{
    const uint32_t buffer = std::min(kBuffer, kBuffers / flows);
    Config::SetDefault("ns3::TcpL4Protocol::SocketType", TypeIdValue(TcpNewReno::GetTypeId()));
    Config::SetDefault("ns3::TcpSocket::SegmentSize", UintegerValue(kSegment));
    Config::SetDefault("ns3::TcpSocket::SndBufSize", UintegerValue(buffer));
    Config::SetDefault("ns3::TcpSocket::RcvBufSize", UintegerValue(buffer));
    Config::SetDefault("ns3::TcpSocket::InitialCwnd", UintegerValue(10));
    Config::SetDefault("ns3::TcpSocket::DelAckCount", UintegerValue(2));
    Config::SetDefault("ns3::TcpSocket::DelAckTimeout", TimeValue(MilliSeconds(40)));
    Config::SetDefault("ns3::TcpSocketBase::MinRto", TimeValue(MilliSeconds(200)));
}

// A wire between two nodes, and the addresses of its ends.
Ipv4InterfaceContainer Join(Ptr<Node> a, Ptr<Node> b, uint64_t rate, uint32_t queue, Time delay,
                            Ipv4AddressHelper& addresses)
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
    return interfaces;
}

// A number of this process, behind `name` in a file of its own.
uint64_t Number(const char* file, const std::string& name)
{
    std::ifstream status(file);
    uint64_t number = 0;
    for (std::string word; !name.empty() && status >> word && word != name;)
        ;
    status >> number;
    return number;
}

uint64_t Kib(const char* name) { return Number("/proc/self/status", name); }

uint64_t CpuNs() { return Number("/proc/self/schedstat", ""); }

} // namespace

int main(int argc, char** argv)
{
    if (argc != 3)
        return 2;
    const uint32_t flows = std::stoul(argv[1]);
    const Time end = MilliSeconds(std::stoul(argv[2]));
    const auto kib = Kib("VmRSS:");
    auto begun = std::chrono::steady_clock::now();
    auto elapsed = [&begun] {
        auto now = std::chrono::steady_clock::now();
        auto nanos = std::chrono::duration_cast<std::chrono::nanoseconds>(now - begun).count();
        begun = now;
        return nanos;
    };
    Configure(flows);

    NodeContainer senders, receivers, routers;
    senders.Create(flows);
    receivers.Create(flows);
    routers.Create(2);
    InternetStackHelper stack;
    stack.SetIpv6StackInstall(false);
    stack.SetRoutingHelper(Ipv4NixVectorHelper());
    stack.InstallAll();

    const uint64_t rate = std::min(kFlowRate * flows, kMaxRate);
    const uint32_t queue = rate * kRttMs / 1000 / 8 / kPacket + 1;
    Ipv4AddressHelper left("10.1.0.0", "255.255.255.252");
    Ipv4AddressHelper right("10.2.0.0", "255.255.255.252");
    Ipv4AddressHelper middle("10.3.0.0", "255.255.255.252");
    Join(routers.Get(0), routers.Get(1), rate, queue, MilliSeconds(10), middle);
    ApplicationContainer sinks;
    for (uint32_t n = 0; n < flows; ++n) {
        Join(senders.Get(n), routers.Get(0), kAccessRate, kAccessQueue, MilliSeconds(5), left);
        auto far = Join(receivers.Get(n), routers.Get(1), kAccessRate, kAccessQueue,
                        MilliSeconds(5), right);
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
    const auto built = Kib("VmRSS:") - kib;
    const auto cpu = CpuNs();
    Simulator::Stop(end);
    Simulator::Run();
    const auto run = elapsed();
    const auto used = CpuNs() - cpu;
    uint64_t bytes = 0;
    for (uint32_t n = 0; n < sinks.GetN(); ++n)
        bytes += DynamicCast<PacketSink>(sinks.Get(n))->GetTotalRx();
    std::cout << "packets=" << packets << " events=" << Simulator::GetEventCount()
              << " bytes=" << bytes << " build_ns=" << build << " run_ns=" << run
              << " cpu_ns=" << used << " peak_kib=" << Kib("VmHWM:") << " built_kib=" << built
              << std::endl;
    Simulator::Destroy();
    return 0;
}
