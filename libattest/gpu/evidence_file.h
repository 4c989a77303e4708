// Evidence of several devices in one JSON file, as NVIDIA's tools write it:
//   - an array of {arch, nonce, evidence, certificate}: nonce in hexadecimal, report and PEM chain
//     in base64;
//   - the older tools' dump of their own objects, {gpus: […], nvswitches: […]}, with reports under
//     "py/b64" and each certificate's PEM in base64. Members beside those are what the host said
//     of the device, and are not read.
// Strict otherwise. Plain values, untrusted.
#pragma once

#include <string>
#include <vector>

#include "libattest/crypto/certificate.h"
#include "libattest/gpu/report.h"

namespace attest::gpu {

struct EvidenceEntry {
  std::string label;  // "gpu/0", "nvswitch/2": kind as claimed, and place in the file
  std::optional<Bytes> claimed_nonce;
  UntrustedReport report;
  std::vector<Certificate> chain;
};

// parse_evidence_file refuses another form (rules::evidence_file_form), an empty one, more than 64
// devices, and reports or certificates that do not parse, each with the entry's label.
Result<std::vector<EvidenceEntry>> parse_evidence_file(std::string_view json);

}  // namespace attest::gpu

namespace attest::rules {
inline constexpr Rule evidence_file_form{"gpu.evidence-file.form"};
}
