#include "libattest/reference/device_values.h"

#include <algorithm>
#include <array>

#include "libattest/base/text.h"
#include "libattest/reference/profile_form.h"

namespace attest::reference {

namespace {

constexpr std::size_t longest_name = 64;
constexpr std::array digest_banks = {HashAlgorithm::sha256, HashAlgorithm::sha384,
                                     HashAlgorithm::sha512};

bool is_measurement_name(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '/' || c == '.' || c == '-';
  };
  return !text.empty() && text.size() <= longest_name && std::ranges::all_of(text, allowed);
}

Status read_measurement(const Measurement& measurement, DeviceValues& values) {
  const std::string* name = measurement.key ? measurement.key->as_text() : nullptr;
  if (name == nullptr || !is_measurement_name(*name))
    return fail(refused(rules::reference_key, "a measurement's key names nothing that is measured")
                    .expected("1 to 64 of a-z 0-9 / . -")
                    .within(profile_place));
  if (!measurement.other_values.empty() || !measurement.authorized_by.empty())
    return fail(unexpected("a measurement has more than a digest and a name"));
  if (measurement.digests.size() != 1)
    return fail(refused(rules::reference_digest, "a measurement is not one digest")
                    .found(std::to_string(measurement.digests.size()))
                    .within(profile_place));
  TRY_VOID(read_bank(measurement.digests.front()));
  values.values[*name].push_back(
      {measurement.digests.front().value, measurement.name.value_or("")});
  return {};
}

Result<Measurement> make_measurement(const std::string& name, const KnownDigest& known) {
  const auto* bank = std::ranges::find_if(
      digest_banks, [&](HashAlgorithm each) { return digest_size(each) == known.digest.size(); });
  if (!is_measurement_name(name) || bank == digest_banks.end())
    return fail(usage_error("this cannot be a reference value").found(printable(name, 80)));
  Measurement measurement;
  measurement.key = cbor::Value(name);
  measurement.digests.push_back({*bank_number(*bank), known.digest});
  if (!known.name.empty()) measurement.name = known.name;
  return measurement;
}

}  // namespace

Result<Bytes> encode_device_values(const DeviceValues& values) {
  if (!is_platform_name(values.name))
    return fail(usage_error("this is no platform name").found(printable(values.name)));
  if (values.id.empty() || values.description.empty() || values.values.empty())
    return fail(usage_error("reference values need an id, a description and a value"));
  ReferenceTriple triple;
  triple.environment.environment_class = ClassMap{{}, {}, values.name, {}, {}};
  for (const auto& [name, digests] : values.values)
    for (const KnownDigest& known : digests) {
      TRY(Measurement measurement, make_measurement(name, known));
      triple.measurements.push_back(std::move(measurement));
    }
  Comid comid;
  comid.id = values.description;
  comid.reference.push_back(std::move(triple));
  Corim corim;
  corim.id = values.id;
  corim.profile = std::string(device_profile);
  corim.comids.push_back(std::move(comid));
  return encode_corim(corim);
}

Result<DeviceValues> parse_device_values(ByteView bytes) {
  TRY(const Corim corim, parse_corim(bytes));
  return read_device_values(corim);
}

Result<DeviceValues> read_device_values(const Corim& corim) {
  TRY(const Comid* comid, only_comid(corim, device_profile));
  DeviceValues values;
  if (!corim.id.as_text() || !comid->id.as_text())
    return fail(unexpected("the ids of CoRIM and CoMID are not both text"));
  values.id = *corim.id.as_text();
  values.description = *comid->id.as_text();
  for (const ReferenceTriple& triple : comid->reference) {
    TRY(const std::string name, read_platform(triple.environment));
    if (!values.name.empty() && values.name != name)
      return fail(refused(rules::reference_platform, "two platforms stand in one CoRIM")
                      .expected("\"" + values.name + "\"")
                      .found("\"" + name + "\"")
                      .within(profile_place));
    values.name = name;
    for (const Measurement& measurement : triple.measurements)
      TRY_VOID(read_measurement(measurement, values));
  }
  return values;
}

std::vector<ValueDifference> differences(const DeviceValues& values,
                                         const std::map<std::string, Bytes>& measured) {
  std::vector<ValueDifference> all;
  for (const auto& [name, acceptable] : values.values) {
    const auto found = measured.find(name);
    const Bytes value = found == measured.end() ? Bytes() : found->second;
    const bool met = std::ranges::any_of(
        acceptable, [&](const KnownDigest& each) { return each.digest == value; });
    if (!met) all.push_back({name, acceptable, value});
  }
  return all;
}

}  // namespace attest::reference
