#include "libattest/gpu/topology.h"

#include <algorithm>

#include "libattest/gpu/device_verdict.h"
#include "tests/support/catch.h"
#include "tests/support/test_gpu.h"

using namespace attest;
using result::Verdict;

namespace {

gpu::Pdi pdi(unsigned number) {
  return {std::byte{0x40}, std::byte{0}, static_cast<std::byte>(number)};
}

// A host of two GPUs and two switches, every GPU linked to every switch.
struct Host {
  test::Vendor vendor = test::Vendor::make();
  std::vector<gpu::VerifiedReport> reports = {gpu_report(1, {3, 4}), gpu_report(2, {3, 4}),
                                              switch_report(3, {1, 2}), switch_report(4, {1, 2})};

  gpu::VerifiedReport verified(const test::TestDevice& device, const test::ReportSpec& spec) const {
    const Time at = from_unix(test::gpu_time);
    const auto chain =
        must(gpu::verify_device_chain(device.chain(), {{vendor.root.certificate}, {}}, at));
    return must(gpu::verify_report(must(gpu::parse_report(device.report(spec))), chain, {}));
  }
  gpu::VerifiedReport gpu_report(unsigned number, const std::vector<unsigned>& switches,
                                 Bytes nonce = Bytes(32)) const {
    test::ReportSpec spec{.nonce = std::move(nonce), .blocks = {Bytes(48)}, .opaque = {}};
    Bytes links;
    for (const unsigned other : switches) {
      gpu::Pdi reversed = pdi(other);
      std::ranges::reverse(reversed);
      append(links, reversed);
    }
    if (!links.empty()) spec.opaque.emplace_back(static_cast<std::uint16_t>(22), links);
    return verified(vendor.device({.pdi = pdi(number)}), spec);
  }
  gpu::VerifiedReport switch_report(unsigned number, const std::vector<unsigned>& gpus) const {
    test::ReportSpec spec{.nonce = Bytes(32), .blocks = {Bytes(48)}, .opaque = {}};
    Bytes links;
    for (std::size_t i = 0; i < 8; ++i) append(links, i < gpus.size() ? pdi(gpus[i]) : gpu::Pdi{});
    append(links, Bytes(64, std::byte{0xFF}));
    const gpu::Pdi own = pdi(number);
    spec.opaque = {{22, to_bytes(ByteView(own))}, {26, links}};
    return verified(vendor.device({.kind = gpu::DeviceKind::nvswitch, .chip = "LS_10", .pdi = own}),
                    spec);
  }
  std::vector<gpu::NamedReport> named() const {
    std::vector<gpu::NamedReport> all;
    for (const auto& report : reports) all.push_back({to_hex(report.device().pdi), &report});
    return all;
  }
};

std::string names(const std::vector<result::Check>& checks) {
  std::string text;
  for (const result::Check& check : checks) text += check.name + " ";
  return text;
}

}  // namespace

TEST_CASE("a host whose devices list each other closes") {
  const Host host;
  REQUIRE(gpu::verdict_of(gpu::check_distinct(host.named())) == Verdict::pass);
  REQUIRE(gpu::verdict_of(gpu::check_one_nonce(host.named())) == Verdict::pass);
  const auto checks = gpu::check_topology(host.named());
  INFO(names(checks));
  REQUIRE(gpu::verdict_of(checks) == Verdict::pass);
  REQUIRE(checks.at(0).why == "2 GPUs and 2 switches list each other, in both directions");
}

TEST_CASE("one device that stands twice is refused") {
  Host host;
  host.reports[1] = host.reports[0];
  const auto checks = gpu::check_distinct(host.named());
  REQUIRE(checks.at(0).name == rules::device_repeated.name);
  REQUIRE(gpu::verdict_of(checks) == Verdict::refused);
}

TEST_CASE("a device that was given another certificate but the same PDI stands twice, too") {
  Host host;
  host.reports[1] = host.gpu_report(1, {3, 4});
  REQUIRE(gpu::verdict_of(gpu::check_distinct(host.named())) == Verdict::refused);
}

TEST_CASE("devices that answer different nonces are refused") {
  Host host;
  host.reports[1] = host.gpu_report(2, {3, 4}, Bytes(32, std::byte{9}));
  REQUIRE(gpu::check_one_nonce(host.named()).at(0).name == rules::devices_nonce.name);
}

TEST_CASE("a GPU of another host is listed by no switch here") {
  Host host;
  host.reports[1] = host.gpu_report(9, {3, 4});
  const auto checks = gpu::check_topology(host.named());
  REQUIRE(gpu::verdict_of(checks) == Verdict::refused);
  REQUIRE(names(checks).find("one-sided") != std::string::npos);
  REQUIRE(names(checks).find("unknown-neighbour") != std::string::npos);
}

TEST_CASE("a link that only one end reports is refused, whichever end it is") {
  Host one;
  one.reports[0] = one.gpu_report(1, {3});
  const auto by_switch = gpu::check_topology(one.named());
  REQUIRE(names(by_switch) == "gpu.topology.one-sided ");
  Host other;
  other.reports[2] = other.switch_report(3, {1});
  const auto by_gpu = gpu::check_topology(other.named());
  REQUIRE(names(by_gpu) == "gpu.topology.one-sided ");
}

TEST_CASE("a switch that was left out is missed") {
  Host host;
  host.reports.pop_back();
  REQUIRE(gpu::verdict_of(gpu::check_topology(host.named())) == Verdict::refused);
}

TEST_CASE("a device that is linked to nothing is refused") {
  Host host;
  host.reports.push_back(host.gpu_report(7, {}));
  REQUIRE(names(gpu::check_topology(host.named())) == "gpu.topology.unlinked ");
}

TEST_CASE("devices of one kind alone are incomplete") {
  Host gpus;
  gpus.reports.erase(gpus.reports.begin() + 2, gpus.reports.end());
  REQUIRE(gpu::verdict_of(gpu::check_topology(gpus.named())) == Verdict::incomplete);
  Host switches;
  switches.reports.erase(switches.reports.begin(), switches.reports.begin() + 2);
  REQUIRE(gpu::verdict_of(gpu::check_topology(switches.named())) == Verdict::incomplete);
}
