#include "libattest/reference/reference_values.h"

#include <algorithm>
#include <charconv>

#include "libattest/base/text.h"
#include "libattest/reference/profile_form.h"

namespace attest::reference {

namespace {

constexpr std::string_view event_suffix = "/event";
constexpr std::string_view ima_list_key = "ima/list";

// MeasuredThing is what a measurement key names: a PCR's value, an event in it, or a list of files.
struct MeasuredThing {
  unsigned pcr = 0;
  bool event = false;
  bool ima_list = false;
};

std::optional<unsigned> pcr_number(std::string_view text) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  if (!whole || number >= pcr_count || std::to_string(number) != text) return std::nullopt;
  return number;
}

Result<MeasuredThing> read_key(const std::optional<cbor::Value>& key) {
  if (key && key->as_unsigned() && *key->as_unsigned() < pcr_count)
    return MeasuredThing{static_cast<unsigned>(*key->as_unsigned()), false};
  if (key && key->as_text() && *key->as_text() == ima_list_key)
    return MeasuredThing{.ima_list = true};
  if (key && key->as_text() && key->as_text()->ends_with(event_suffix)) {
    std::string_view number = *key->as_text();
    number.remove_suffix(event_suffix.size());
    if (const auto pcr = pcr_number(number)) return MeasuredThing{*pcr, true};
  }
  return fail(refused(rules::reference_key, "a measurement's key names no PCR")
                  .expected("0 to 23, \"<pcr>/event\" or \"ima/list\"")
                  .within(profile_place));
}

Status read_measurement(const Measurement& measurement, ReferenceValues& values) {
  TRY(const MeasuredThing thing, read_key(measurement.key));
  if (!measurement.other_values.empty() || !measurement.authorized_by.empty())
    return fail(unexpected("a measurement has more than digests and a name"));
  if (measurement.digests.empty())
    return fail(
        refused(rules::reference_digest, "a measurement has no digest").within(profile_place));
  std::vector<HashAlgorithm> seen;
  for (const Digest& digest : measurement.digests) {
    TRY(const HashAlgorithm bank, read_bank(digest));
    // A list of digests is one thing by several algorithms; two by one algorithm would be a set of
    // alternatives to some readers and a contradiction to others.
    if (std::ranges::find(seen, bank) != seen.end())
      return fail(refused(rules::reference_digest, "a measurement has two digests by one algorithm")
                      .within(profile_place));
    seen.push_back(bank);
    if (thing.ima_list) {
      if (bank != HashAlgorithm::sha256)
        return fail(
            refused(rules::reference_digest, "a list of files is known by its SHA-256 alone")
                .within(profile_place));
      values.ima_lists.push_back({digest.value, measurement.name.value_or("")});
      continue;
    }
    auto& banks = thing.event ? values.events : values.pcrs;
    banks[bank][thing.pcr].push_back({digest.value, measurement.name.value_or("")});
  }
  return {};
}

Status write_measurements(const std::map<HashAlgorithm, DigestsByPcr>& banks, bool events,
                          std::vector<Measurement>& to) {
  for (const auto& [bank, pcrs] : banks) {
    const auto number = bank_number(bank);
    if (!number)
      return fail(usage_error("reference values cannot be written for this bank")
                      .expected("sha256, sha384 or sha512")
                      .found(std::string(hash_name(bank))));
    for (const auto& [pcr, digests] : pcrs) {
      if (pcr >= pcr_count)
        return fail(usage_error("there is no such PCR").found(std::to_string(pcr)));
      for (const KnownDigest& known : digests) {
        if (known.digest.size() != digest_size(bank))
          return fail(usage_error("a digest has the wrong length for its bank"));
        Measurement measurement;
        measurement.key = events ? cbor::Value(std::to_string(pcr) + std::string(event_suffix))
                                 : cbor::Value(pcr);
        measurement.digests.push_back({*number, known.digest});
        if (!known.name.empty()) measurement.name = known.name;
        to.push_back(std::move(measurement));
      }
    }
  }
  return {};
}

}  // namespace

bool is_platform_name(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == ':' || c == '-';
  };
  return !text.empty() && text.size() <= 128 && std::ranges::all_of(text, allowed);
}

Result<Bytes> encode_reference_values(const ReferenceValues& values) {
  if (!is_platform_name(values.platform))
    return fail(usage_error("this is no platform name").found(printable(values.platform)));
  if (values.id.empty() || values.description.empty())
    return fail(usage_error("reference values need an id and a description"));
  ReferenceTriple triple;
  triple.environment.environment_class = ClassMap{{}, {}, values.platform, {}, {}};
  TRY_VOID(write_measurements(values.pcrs, false, triple.measurements));
  TRY_VOID(write_measurements(values.events, true, triple.measurements));
  for (const KnownDigest& list : values.ima_lists) {
    if (list.digest.size() != digest_size(HashAlgorithm::sha256))
      return fail(usage_error("a digest has the wrong length for its bank"));
    Measurement measurement;
    measurement.key = cbor::Value(ima_list_key);
    measurement.digests.push_back({ni_sha256, list.digest});
    if (!list.name.empty()) measurement.name = list.name;
    triple.measurements.push_back(std::move(measurement));
  }
  if (triple.measurements.empty()) return fail(usage_error("there are no reference values"));

  Comid comid;
  comid.id = values.description;
  comid.reference.push_back(std::move(triple));
  Corim corim;
  corim.id = values.id;
  corim.profile = std::string(pcr_profile);
  corim.comids.push_back(std::move(comid));
  return encode_corim(corim);
}

Result<ReferenceValues> parse_reference_values(ByteView bytes) {
  TRY(const Corim corim, parse_corim(bytes));
  return read_reference_values(corim);
}

Result<ReferenceValues> read_reference_values(const Corim& corim) {
  TRY(const Comid* comid, only_comid(corim, pcr_profile));
  ReferenceValues values;
  if (!corim.id.as_text() || !comid->id.as_text())
    return fail(unexpected("the ids of CoRIM and CoMID are not both text"));
  values.id = *corim.id.as_text();
  values.description = *comid->id.as_text();
  for (const ReferenceTriple& triple : comid->reference) {
    TRY(const std::string platform, read_platform(triple.environment));
    if (!values.platform.empty() && values.platform != platform)
      return fail(refused(rules::reference_platform, "two platforms stand in one CoRIM")
                      .expected("\"" + values.platform + "\"")
                      .found("\"" + platform + "\"")
                      .within(profile_place));
    values.platform = platform;
    for (const Measurement& measurement : triple.measurements)
      TRY_VOID(read_measurement(measurement, values));
  }
  return values;
}

}  // namespace attest::reference
