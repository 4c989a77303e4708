#include "libattest/gpu/topology.h"

#include <algorithm>
#include <map>
#include <set>

#include "libattest/gpu/device_verdict.h"

namespace attest::gpu {

using result::Check;
using result::Verdict;

namespace {

struct Node {
  std::string label;
  DeviceKind kind;
  std::set<Pdi> neighbours;
};
using Nodes = std::map<Pdi, Node>;

Check pass(std::string name, std::string why) {
  return {std::move(name), Verdict::pass, "", "", std::move(why)};
}

std::set<Pdi> neighbours_of(const VerifiedReport& report) {
  const auto& list = report.device().kind == DeviceKind::gpu ? report.opaque().switch_pdis
                                                             : report.opaque().gpu_pdis;
  return {list.begin(), list.end()};
}

Nodes nodes_of(std::span<const NamedReport> devices) {
  Nodes nodes;
  for (const NamedReport& device : devices)
    nodes.emplace(device.report->device().pdi,
                  Node{device.label, device.report->device().kind, neighbours_of(*device.report)});
  return nodes;
}

void check_links(const Pdi& own, const Node& node, const Nodes& nodes, std::vector<Check>& checks) {
  if (node.neighbours.empty())
    checks.push_back(
        check_of(refused(rules::topology_unlinked, "a device is linked to nothing in this host")
                     .found(node.label + ", PDI " + to_hex(own))));
  for (const Pdi& neighbour : node.neighbours) {
    const auto other = nodes.find(neighbour);
    if (other == nodes.end() || other->second.kind == node.kind)
      checks.push_back(check_of(
          refused(rules::topology_unknown, "a device is linked to one that is not in the evidence")
              .expected("every neighbour of " + node.label + " among the devices")
              .found("PDI " + to_hex(neighbour))));
    else if (!other->second.neighbours.contains(own))
      checks.push_back(check_of(
          refused(rules::topology_one_sided, "a link is known to one of its ends only")
              .expected(other->second.label + " to list " + node.label + ", PDI " + to_hex(own))
              .found("a link that only " + node.label + " reports")));
  }
}

}  // namespace

std::vector<Check> check_distinct(std::span<const NamedReport> devices) {
  std::vector<Check> checks;
  std::map<Sha256, std::string> by_key;
  std::map<Pdi, std::string> by_pdi;
  for (const NamedReport& device : devices) {
    const DeviceIdentity& identity = device.report->device();
    const auto [key, new_key] = by_key.emplace(identity.device_key, device.label);
    const auto [pdi, new_pdi] = by_pdi.emplace(identity.pdi, device.label);
    if (!new_key || !new_pdi)
      checks.push_back(
          check_of(refused(rules::device_repeated, "one device stands for two")
                       .expected("distinct devices")
                       .found(device.label + " is " + (new_key ? pdi->second : key->second) +
                              ", serial " + identity.device_serial)));
  }
  if (checks.empty())
    checks.push_back(pass(std::string(rules::device_repeated.name),
                          std::to_string(devices.size()) + " distinct devices"));
  return checks;
}

std::vector<Check> check_one_nonce(std::span<const NamedReport> devices) {
  std::vector<Check> checks;
  for (const NamedReport& device : devices)
    if (device.report->report().nonce != devices.front().report->report().nonce)
      checks.push_back(
          check_of(refused(rules::devices_nonce, "the devices do not answer one nonce")
                       .expected(to_hex(devices.front().report->report().nonce))
                       .found(device.label + " answers " + to_hex(device.report->report().nonce))));
  if (checks.empty()) checks.push_back(pass(std::string(rules::devices_nonce.name), "one nonce"));
  return checks;
}

std::vector<Check> check_topology(std::span<const NamedReport> devices) {
  const Nodes nodes = nodes_of(devices);
  const auto count = [&](DeviceKind kind) {
    return std::ranges::count_if(nodes,
                                 [kind](const auto& node) { return node.second.kind == kind; });
  };
  const auto gpus = count(DeviceKind::gpu);
  const auto switches = count(DeviceKind::nvswitch);
  const bool any_links =
      std::ranges::any_of(nodes, [](const auto& node) { return !node.second.neighbours.empty(); });
  std::vector<Check> checks;
  if (!any_links || gpus == 0 || switches == 0) {
    checks.push_back(check_of(incomplete(
        rules::topology_one_kind,
        any_links ? "the devices are linked to others that are not in the evidence at all"
                  : "no device reports links, so nothing ties them to one another")));
    return checks;
  }
  for (const auto& [pdi, node] : nodes) check_links(pdi, node, nodes, checks);
  if (checks.empty())
    checks.push_back(
        pass("gpu.topology.closed", std::to_string(gpus) + " GPUs and " + std::to_string(switches) +
                                        " switches list each other, in both directions"));
  return checks;
}

}  // namespace attest::gpu
