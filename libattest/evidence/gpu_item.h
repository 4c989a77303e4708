// The evidence item "gpu/<n>": what one GPU or NVSwitch signed for our nonce, where it can, and
// what the host says of it. Two levels of trust in one item, kept apart: report, chain and OCSP
// responses are the device's and its maker's; `host` is host-reported.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "libattest/base/bytes.h"
#include "libattest/base/result.h"

namespace attest::evidence {

inline constexpr std::string_view gpu_media_type = "application/attest-gpu+cbor";
inline constexpr std::size_t gpu_facts_limit = 256;
inline constexpr std::size_t gpu_ocsp_limit = 16;

struct GpuItem {
  std::string vendor;           // "nvidia", "amd", "intel"
  std::optional<Bytes> report;  // for the nonce of the item's label (gpu_nonce)
  std::optional<Bytes> chain;   // certificates, leaf first, PEM
  std::vector<Bytes> ocsp;      // responses, DER
  // What the host says: "uuid", "pdi", "vbios", "cc.devtools", …
  std::map<std::string, std::string> host;
  friend bool operator==(const GpuItem&, const GpuItem&) = default;
};

Bytes encode_gpu(const GpuItem& item);
// parse_gpu checks form (rules::gpu_item_form): deterministic CBOR, version 1, these members, and
// the limits above. Nothing inside report, chain or responses is looked at.
Result<GpuItem> parse_gpu(ByteView bytes);

}  // namespace attest::evidence

namespace attest::rules {
inline constexpr Rule gpu_item_form{"evidence.gpu.form"};
}
