// Several devices of one host: each is there once, and where NVSwitches join them, what every
// device signs about its neighbours closes in both directions. A genuine GPU of another machine,
// brought in to answer for one of this host, is listed by no switch here.
//
// Pure functions over verified reports; usable from any thread.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "libattest/gpu/report_verification.h"
#include "libattest/result/ear.h"

namespace attest::gpu {

struct NamedReport {
  std::string label;  // "gpu/0"
  const VerifiedReport* report = nullptr;
};

// check_distinct refuses a device that stands twice, by its own certificate's key and PDI.
std::vector<result::Check> check_distinct(std::span<const NamedReport> devices);

// check_one_nonce refuses reports that answer different nonces, where all were asked with one.
std::vector<result::Check> check_one_nonce(std::span<const NamedReport> devices);

// check_topology adds, where devices speak of each other:
//   - every switch that a GPU is linked to is among the devices, and so is every GPU that a switch
//     is linked to (gpu.topology.unknown-neighbour);
//   - who lists a neighbour is listed by it (gpu.topology.one-sided);
//   - where there are switches, each device is linked to at least one (gpu.topology.unlinked).
// Devices of one kind alone, whose other ends are not there at all, and devices that report no
// links are incomplete (gpu.topology.one-kind).
std::vector<result::Check> check_topology(std::span<const NamedReport> devices);

}  // namespace attest::gpu

namespace attest::rules {
inline constexpr Rule device_repeated{"gpu.devices.repeated"};
inline constexpr Rule devices_nonce{"gpu.devices.nonce"};
inline constexpr Rule topology_unknown{"gpu.topology.unknown-neighbour"};
inline constexpr Rule topology_one_sided{"gpu.topology.one-sided"};
inline constexpr Rule topology_unlinked{"gpu.topology.unlinked"};
inline constexpr Rule topology_one_kind{"gpu.topology.one-kind"};
}  // namespace attest::rules
