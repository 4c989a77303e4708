#include "libattest/reference/corim_profiles.h"

#include "libattest/base/text.h"
#include "libattest/reference/corim_labels.h"
#include "libattest/reference/device_values.h"
#include "libattest/reference/reference_values.h"

namespace attest::reference {

namespace {

using namespace labels;

Error profile_error(std::string what) {
  return refused(rules::corim_profile, std::move(what)).within("CoRIM profile");
}

bool is_uuid(const std::optional<cbor::Value>& value) {
  const cbor::Tagged* tagged = value ? value->as_tagged() : nullptr;
  return tagged && tagged->tag == tag_uuid && tagged->content.as_bytes() &&
         tagged->content.as_bytes()->size() == 16;
}

Status check_one_key(const KeyTriple& triple) {
  if (triple.keys.size() == 1) return {};
  return fail(profile_error("an attestation key triple must have exactly one key")
                  .expected("1")
                  .found(std::to_string(triple.keys.size())));
}

Status check_has_digest(const Measurement& measurement) {
  if (!measurement.digests.empty()) return {};
  return fail(profile_error("a reference measurement has no digest"));
}

Status check_enacttrust_environment(const Environment& environment) {
  if (environment.environment_class)
    return fail(profile_error("an environment has a class; this profile names instances alone"));
  if (environment.group)
    return fail(profile_error("an environment has a group; this profile names instances alone"));
  if (!is_uuid(environment.instance))
    return fail(profile_error("an environment's instance is not a UUID"));
  return {};
}

Status check_enacttrust(const Comid& comid) {
  for (const ReferenceTriple& triple : comid.reference) {
    TRY_VOID(check_enacttrust_environment(triple.environment));
    for (const Measurement& measurement : triple.measurements)
      TRY_VOID(check_has_digest(measurement));
  }
  for (const KeyTriple& triple : comid.attestation_keys) {
    TRY_VOID(check_enacttrust_environment(triple.environment));
    TRY_VOID(check_one_key(triple));
  }
  return {};
}

Status check_parsec_class(const Environment& environment) {
  if (environment.environment_class && environment.environment_class->id) return {};
  return fail(profile_error("an environment has no class id"));
}

Status check_parsec(const Comid& comid) {
  for (const ReferenceTriple& triple : comid.reference) {
    TRY_VOID(check_parsec_class(triple.environment));
    for (const Measurement& measurement : triple.measurements) {
      if (!measurement.key || !measurement.key->as_unsigned() ||
          *measurement.key->as_unsigned() >= pcr_count)
        return fail(profile_error("a measurement's key is not the number of a PCR"));
      TRY_VOID(check_has_digest(measurement));
    }
  }
  for (const KeyTriple& triple : comid.attestation_keys) {
    TRY_VOID(check_parsec_class(triple.environment));
    if (!triple.environment.instance)
      return fail(profile_error("an attestation key names no instance"));
    TRY_VOID(check_one_key(triple));
  }
  return {};
}

}  // namespace

Status check_profile(const Corim& corim) {
  if (!corim.profile) return {};
  if (*corim.profile == pcr_profile) {
    TRY_VOID(read_reference_values(corim));
    return {};
  }
  if (*corim.profile == device_profile) {
    TRY_VOID(read_device_values(corim));
    return {};
  }
  if (*corim.profile != enacttrust_profile && *corim.profile != parsec_profile)
    return fail(incomplete(rules::corim_profile_unknown, "the CoRIM's profile is not known here")
                    .found("\"" + printable(*corim.profile, 120) + "\""));
  for (const Comid& comid : corim.comids)
    TRY_VOID(*corim.profile == enacttrust_profile ? check_enacttrust(comid) : check_parsec(comid));
  return {};
}

}  // namespace attest::reference
