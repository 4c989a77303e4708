#include "libattest/gpu/comparison.h"

#include <algorithm>
#include <bit>

namespace attest::gpu {

namespace {

constexpr unsigned nvdec0_index = 35;
// What LS10 reports does not say; its RIMs are all published under these numbers.
constexpr std::string_view switch_board = "5612_0002_890";

char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

std::string upper_case(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), upper);
  return result;
}

std::string without_dots(std::string_view version) {
  std::string result = upper_case(version);
  std::erase(result, '.');
  return result;
}

std::size_t differing_bits(ByteView a, ByteView b) {
  std::size_t bits = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    bits += static_cast<std::size_t>(std::popcount(std::to_integer<unsigned>(a[i] ^ b[i])));
  return bits + 8 * (std::max(a.size(), b.size()) - std::min(a.size(), b.size()));
}

const Measurement* block_of(const VerifiedReport& report, unsigned golden_index) {
  const auto& blocks = report.measurements();
  return golden_index < blocks.size() ? &blocks[golden_index] : nullptr;
}

bool matches(const GoldenValue& golden, const Measurement* block) {
  return block != nullptr && block->value.size() == golden.size &&
         std::ranges::find(golden.alternatives, block->value) != golden.alternatives.end();
}

bool is_skipped(const GoldenValue& golden, RimKind kind, const VerifiedReport& report) {
  return kind == RimKind::driver && golden.index == nvdec0_index &&
         report.opaque().nvdec0_enabled == false;
}

std::vector<std::string> who_would_match(const RimContent& rim, const GoldenValue& golden,
                                         const Measurement& block,
                                         std::span<const RimContent> known) {
  std::vector<std::string> titles;
  for (const RimContent& other : known) {
    if (other.kind != rim.kind || other.title() == rim.title()) continue;
    const auto same = std::ranges::find(other.golden, golden.index, &GoldenValue::index);
    if (same != other.golden.end() && same->active && matches(*same, &block))
      titles.push_back(other.title());
  }
  return titles;
}

Mismatch explain(const RimContent& rim, const GoldenValue& golden, const Measurement* block,
                 std::span<const RimContent> known) {
  Mismatch mismatch{.index = golden.index,
                    .name = golden.name,
                    .measures = what_is_measured(rim.kind, golden.index, golden.name),
                    .expected_size = golden.size,
                    .expected = golden.alternatives,
                    .found = {},
                    .nearest = {},
                    .would_match = {}};
  if (block == nullptr) return mismatch;
  mismatch.found = block->value;
  for (std::size_t i = 0; i < golden.alternatives.size(); ++i) {
    const std::size_t bits = differing_bits(block->value, golden.alternatives[i]);
    if (mismatch.nearest && bits >= mismatch.differing_bits) continue;
    mismatch.nearest = i;
    mismatch.differing_bits = bits;
  }
  mismatch.would_match = who_would_match(rim, golden, *block, known);
  return mismatch;
}

}  // namespace

std::vector<NeededRim> needed_rims(const VerifiedReport& report) {
  const OpaqueData& opaque = report.opaque();
  const std::string& chip = report.device().chip;
  const std::string vbios = opaque.vbios_version.value_or("unknown");
  if (report.device().kind == DeviceKind::nvswitch)
    return {{RimKind::switch_bios,
             "NV_SWITCH_BIOS_" + std::string(switch_board) + "_" + without_dots(vbios), chip,
             vbios}};
  const std::string driver = opaque.driver_version.value_or("unknown");
  // Hopper's driver RIMs kept their first name.
  const std::string driver_prefix =
      report.device().architecture == "Hopper" ? "NV_GPU_DRIVER_" : "NV_GPU_CC_DRIVER_";
  const std::string board = upper_case(opaque.project.value_or("unknown")) + "_" +
                            upper_case(opaque.project_sku.value_or("unknown")) + "_" +
                            upper_case(opaque.chip_sku.value_or("unknown"));
  return {{RimKind::driver, driver_prefix + chip + "_" + driver, chip, driver},
          {RimKind::vbios, "NV_GPU_VBIOS_" + board + "_" + without_dots(vbios), chip, vbios}};
}

bool answers(const RimContent& rim, const NeededRim& need) {
  if (!rim.id.empty()) return rim.kind == need.kind && upper_case(rim.id) == upper_case(need.id);
  return rim.kind == need.kind && rim.product == need.product &&
         upper_case(rim.version) == upper_case(need.version);
}

RimComparison compare(const VerifiedReport& report, const RimContent& rim,
                      std::span<const RimContent> known) {
  RimComparison result{.kind = rim.kind, .title = rim.title(), .mismatches = {}};
  for (const GoldenValue& golden : rim.golden) {
    if (!golden.active) continue;
    ++result.active;
    const Measurement* block = block_of(report, golden.index);
    if (matches(golden, block))
      ++result.matched;
    else if (is_skipped(golden, rim.kind, report))
      ++result.skipped;
    else
      result.mismatches.push_back(explain(rim, golden, block, known));
  }
  return result;
}

std::vector<unsigned> overlap(const RimContent& a, const RimContent& b) {
  std::vector<unsigned> indexes;
  for (const GoldenValue& golden : a.golden) {
    if (!golden.active) continue;
    const auto other = std::ranges::find(b.golden, golden.index, &GoldenValue::index);
    if (other != b.golden.end() && other->active) indexes.push_back(golden.index);
  }
  return indexes;
}

std::string what_is_measured(RimKind kind, unsigned index, std::string_view name) {
  if (kind == RimKind::driver && index == nvdec0_index)
    return "the video decoder NVDEC0, judged only while it is on";
  std::string what = kind == RimKind::driver ? "what the driver loads or sets on the device"
                                             : "firmware or configuration in flash";
  if (name.ends_with("_FSP")) what = "a digest kept by the FSP, the chip's security processor";
  if (name.ends_with("_GSP")) what = "a digest kept by the GSP, which runs the driver's firmware";
  if (name.starts_with("Mixed")) what += "; parts of it are set at run time";
  // Seen by several operators after a warm reboot of the virtual machine that holds the GPU.
  if (kind == RimKind::vbios && index == 9)
    what +=
        "; known to differ after a warm reboot: power the machine off and on, then try again "
        "before suspecting the firmware";
  return what + "; NVIDIA publishes no closer meaning";
}

}  // namespace attest::gpu
