#include "libattest/gpu/golden_reference.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "libattest/base/text.h"

namespace attest::gpu {

namespace {

constexpr std::string_view value_prefix = "golden/";
constexpr unsigned max_index = 255;

struct KnownPrefix {
  std::string_view prefix;
  RimKind kind;
};
constexpr std::array prefixes = {KnownPrefix{"NV_GPU_DRIVER_", RimKind::driver},
                                 KnownPrefix{"NV_GPU_CC_DRIVER_", RimKind::driver},
                                 KnownPrefix{"NV_GPU_VBIOS_", RimKind::vbios},
                                 KnownPrefix{"NV_SWITCH_BIOS_", RimKind::switch_bios}};

const KnownPrefix* prefix_of(std::string_view name) {
  const auto* known = std::ranges::find_if(
      prefixes, [&](const KnownPrefix& each) { return name.starts_with(each.prefix); });
  return known == prefixes.end() ? nullptr : known;
}

std::unexpected<Error> wrong(std::string what, std::string_view found) {
  return fail(refused(rules::golden_reference_form, std::move(what)).found(printable(found, 80)));
}

std::optional<unsigned> index_of(std::string_view name) {
  if (!name.starts_with(value_prefix)) return std::nullopt;
  const std::string_view digits = name.substr(value_prefix.size());
  unsigned index = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
  const bool whole = error == std::errc() && end == digits.data() + digits.size();
  if (!whole || index > max_index || std::to_string(index) != digits) return std::nullopt;
  return index;
}

}  // namespace

bool is_golden_reference(const reference::DeviceValues& values) {
  return prefix_of(values.name) != nullptr;
}

Result<RimContent> golden_values(const reference::DeviceValues& values) {
  const KnownPrefix* known = prefix_of(values.name);
  if (known == nullptr) return wrong("the values' name is no RIM id", values.name);
  RimContent content;
  content.kind = known->kind;
  content.id = values.name;
  for (const auto& [name, alternatives] : values.values) {
    const auto index = index_of(name);
    if (!index) return wrong("a value's name is not \"golden/<index>\"", name);
    GoldenValue golden{*index, true, alternatives.front().digest.size(), {}, name};
    for (const reference::KnownDigest& each : alternatives) {
      if (each.digest.size() != golden.size)
        return wrong("a value has alternatives of different sizes", name);
      golden.alternatives.push_back(each.digest);
    }
    content.golden.push_back(std::move(golden));
  }
  std::ranges::sort(content.golden, {}, &GoldenValue::index);
  return content;
}

Result<reference::DeviceValues> make_golden_reference(const VerifiedReport& report, RimKind kind,
                                                      std::span<const unsigned> indexes,
                                                      const std::string& description) {
  reference::DeviceValues values;
  for (const NeededRim& need : needed_rims(report))
    if (need.kind == kind) values.name = need.id;
  if (values.name.empty()) return wrong("the device needs no values of this kind", to_string(kind));
  values.id = values.name + "/" + report.device().device_serial;
  values.description = description;
  for (const unsigned index : indexes) {
    const auto& blocks = report.measurements();
    const auto block = std::ranges::find(blocks, index + 1, &Measurement::index);
    if (block == blocks.end())
      return wrong("the device does not measure this", std::to_string(index));
    values.values[std::string(value_prefix) + std::to_string(index)] = {
        {block->value, description}};
  }
  return values;
}

}  // namespace attest::gpu
