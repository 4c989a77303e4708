#include "libattest/gpu/rim_reference.h"

#include <algorithm>

#include "libattest/base/text.h"
#include "libattest/reference/corim.h"

namespace attest::gpu {

namespace {

constexpr std::string_view vendor = "NVIDIA Corporation";
constexpr int raw_value = 4;  // measurement-values-map of the CoRIM draft
constexpr std::uint64_t tagged_bytes = 560;

std::unexpected<Error> wrong(std::string what) {
  return fail(refused(rules::rim_reference_form, std::move(what)).within("CoRIM"));
}

std::string version_part(const RimContent& rim) {
  std::string version = rim.version;
  if (rim.kind == RimKind::driver) return version;
  std::erase(version, '.');
  std::ranges::transform(version, version.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return version;
}

const Bytes* file_in(const reference::Measurement& measurement) {
  if (measurement.other_values.size() != 1 ||
      measurement.other_values[0].first != cbor::Value(raw_value))
    return nullptr;
  const cbor::Tagged* tagged = measurement.other_values[0].second.as_tagged();
  return tagged != nullptr && tagged->tag == tagged_bytes ? tagged->content.as_bytes() : nullptr;
}

}  // namespace

Result<std::string> rim_id(const RimContent& rim, std::string_view file_stem) {
  if (rim.kind == RimKind::driver)
    return (rim.product.starts_with("GH") ? "NV_GPU_DRIVER_" : "NV_GPU_CC_DRIVER_") + rim.product +
           "_" + rim.version;
  const std::string_view prefix = rim.kind == RimKind::vbios ? "NV_GPU_VBIOS_" : "NV_SWITCH_BIOS_";
  if (file_stem.starts_with(prefix) && file_stem.ends_with("_" + version_part(rim)))
    return std::string(file_stem);
  return fail(refused(rules::rim_id, "the RIM's id is not known: the file does not name its board")
                  .expected(std::string(prefix) + "<project>_<sku>_<chip sku>_" + version_part(rim))
                  .found(printable(file_stem, 80))
                  .next("give it with --id, or name the file by it"));
}

Bytes encode_rim_reference(const UntrustedRim& rim, const std::string& id) {
  reference::Measurement measurement;
  measurement.key = cbor::Value(to_string(rim.content.kind));
  measurement.name = rim.content.version;
  measurement.other_values.emplace_back(raw_value, cbor::Value::tagged(tagged_bytes, rim.bytes));
  reference::ReferenceTriple triple;
  triple.environment.environment_class = reference::ClassMap{.id = {},
                                                             .vendor = std::string(vendor),
                                                             .model = rim.content.product,
                                                             .layer = {},
                                                             .index = {}};
  triple.measurements.push_back(std::move(measurement));
  reference::Comid comid;
  comid.id = cbor::Value(id);
  comid.reference.push_back(std::move(triple));
  reference::Corim corim;
  corim.id = cbor::Value(id);
  corim.profile = std::string(rim_profile);
  corim.comids.push_back(std::move(comid));
  return reference::encode_corim(corim);
}

bool is_rim_reference(ByteView corim) {
  const auto parsed = reference::parse_corim(corim);
  return parsed && parsed->profile == std::string(rim_profile);
}

Result<RimReference> parse_rim_reference(ByteView bytes) {
  TRY(const reference::Corim corim, reference::parse_corim(bytes));
  if (corim.profile != std::string(rim_profile)) return wrong("it is of another profile");
  const std::string* id = corim.id.as_text();
  const bool one = id != nullptr && corim.comids.size() == 1 && corim.other_tags.empty() &&
                   corim.comids[0].reference.size() == 1 &&
                   corim.comids[0].reference[0].measurements.size() == 1;
  if (!one) return wrong("it is not one measurement under a text as id");
  const Bytes* file = file_in(corim.comids[0].reference[0].measurements[0]);
  if (file == nullptr) return wrong("its measurement is not a file as raw value");
  TRY_WITHIN(*id, UntrustedRim rim, parse_rim(*file));
  TRY(const std::string own, rim_id(rim.content, *id));
  if (own != *id) return wrong("it holds the RIM " + own + " under the id " + printable(*id, 80));
  return RimReference{*id, std::move(rim)};
}

}  // namespace attest::gpu
