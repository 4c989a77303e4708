// The evidence item "tee": what the trusted execution environment that this node runs in signed for
// the challenge and the GPUs' nonces (libattest/tee/verdict.h, tee_report_data).
#pragma once

#include <optional>
#include <string>

#include "libattest/base/bytes.h"
#include "libattest/base/result.h"

namespace attest::evidence {

namespace label {
inline constexpr std::string_view tee = "tee";
}

inline constexpr std::string_view tee_media_type = "application/attest-tee+cbor";
inline constexpr std::size_t tee_report_limit = 64U << 10;  // bytes, report and auxiliary data each

struct TeeItem {
  std::string provider;  // as the kernel names it: "sev_guest", "tdx_guest"
  Bytes report;          // an SNP report or a TDX quote
  // What the host hands over beside it, such as a table of certificates. Nothing vouches for it.
  std::optional<Bytes> auxiliary = {};
  friend bool operator==(const TeeItem&, const TeeItem&) = default;
};

Bytes encode_tee(const TeeItem& item);
// parse_tee checks form (rules::tee_item_form): deterministic CBOR, version 1, these members, and
// the limit above. Nothing inside the report is looked at.
Result<TeeItem> parse_tee(ByteView bytes);

}  // namespace attest::evidence

namespace attest::rules {
inline constexpr Rule tee_item_form{"evidence.tee.form"};
}
