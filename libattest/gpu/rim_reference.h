// A RIM file as reference values in the ledger: a CoRIM of the profile
// "tag:attest,2026:corim/nvidia-rim-v1", so that it travels in a signed statement like all others:
//
//   - the CoRIM's id is the RIM's id, "NV_GPU_DRIVER_GH100_550.90.07", and so is the statement's
//     subject, "platform:NV_GPU_DRIVER_GH100_550.90.07";
//   - it has one CoMID with one reference triple: environment {class: {vendor, model: product}},
//   one
//     measurement whose key is the RIM's kind and whose raw value (4, as tagged bytes 560) is the
//     file, to the byte; its name is the version.
#pragma once

#include <string>
#include <string_view>

#include "libattest/gpu/rim.h"

namespace attest::gpu {

inline constexpr std::string_view rim_profile = "tag:attest,2026:corim/nvidia-rim-v1";

struct RimReference {
  std::string id;
  UntrustedRim rim;
};

// rim_id gives the id of a RIM: computed for drivers; for a VBIOS or switch BIOS, whose file does
// not name its board, `file_stem` where it is such an id and ends in the RIM's version. Otherwise
// it is refused (rules::rim_id).
Result<std::string> rim_id(const RimContent& rim, std::string_view file_stem);

// encode_rim_reference writes the CoRIM.
Bytes encode_rim_reference(const UntrustedRim& rim, const std::string& id);

// is_rim_reference says whether a CoRIM is of the profile above; parse_rim_reference reads it,
// strictly (rules::rim_reference_form), and the RIM in it (parse_rim).
bool is_rim_reference(ByteView corim);
Result<RimReference> parse_rim_reference(ByteView corim);

}  // namespace attest::gpu

namespace attest::rules {
inline constexpr Rule rim_id{"gpu.rim.id"};
inline constexpr Rule rim_reference_form{"gpu.rim.reference-form"};
}  // namespace attest::rules
