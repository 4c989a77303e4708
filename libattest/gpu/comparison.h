// Comparing a device's measurements with golden values: which of them a driver, VBIOS or switch
// BIOS RIM explains, and for those it does not, what would help a person to find out why.
//
// Pure functions over verified values; usable from any thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "libattest/gpu/report_verification.h"
#include "libattest/gpu/rim.h"

namespace attest::gpu {

// NeededRim is a RIM that a report calls for.
struct NeededRim {
  RimKind kind;
  std::string id;       // as NVIDIA's RIM service names it: "NV_GPU_DRIVER_GH100_550.90.07"
  std::string product;  // "GH100"
  std::string version;  // "550.90.07"
  friend bool operator==(const NeededRim&, const NeededRim&) = default;
};

// needed_rims gives driver and VBIOS RIM for a GPU, the BIOS RIM for a switch.
std::vector<NeededRim> needed_rims(const VerifiedReport& report);
// answers says whether a RIM is the one needed; versions compare without regard to case.
bool answers(const RimContent& rim, const NeededRim& need);

// Mismatch is one active golden value that the device's measurement does not equal.
struct Mismatch {
  unsigned index = 0;    // golden index, from 0; NVIDIA's messages number them so
  std::string name;      // the RIM's name for it
  std::string measures;  // what is publicly known of it
  std::size_t expected_size = 0;
  std::vector<Bytes> expected;         // all alternatives
  std::optional<Bytes> found;          // nothing: the report has no such block
  std::optional<std::size_t> nearest;  // the alternative of fewest differing bits
  std::size_t differing_bits = 0;      // to the nearest
  // Titles of other known RIMs of the same kind whose value at this index is the one found.
  std::vector<std::string> would_match;
};

struct RimComparison {
  RimKind kind = RimKind::driver;
  std::string title;
  std::size_t active = 0;
  std::size_t matched = 0;
  std::size_t skipped = 0;  // NVDEC0's measurement, while NVDEC0 is off
  std::vector<Mismatch> mismatches;
};

// compare holds a RIM's active golden values against the report: value i belongs to block i + 1 and
// matches when one alternative is equal, its size included. Index 35 of a driver is of NVDEC0 and
// is not judged while NVDEC0 is off. `known` are other RIMs, for explanations only: they make
// nothing acceptable.
RimComparison compare(const VerifiedReport& report, const RimContent& rim,
                      std::span<const RimContent> known);

// overlap gives the indexes that are active in both: two files must not speak of one measurement.
std::vector<unsigned> overlap(const RimContent& a, const RimContent& b);

// what_is_measured says what is publicly known of a golden value.
std::string what_is_measured(RimKind kind, unsigned index, std::string_view name);

}  // namespace attest::gpu
