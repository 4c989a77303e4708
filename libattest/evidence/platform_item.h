// The evidence item "platform": the machine's platform certificates, which its maker signed, and
// what the host found it to be made of. Two levels of trust in one item, kept apart: certificates
// are believed for their signatures; the inventory is host-reported.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libattest/base/bytes.h"
#include "libattest/base/result.h"

namespace attest::evidence {

namespace label {
inline constexpr std::string_view platform = "platform";
}

inline constexpr std::string_view platform_media_type = "application/attest-platform+cbor";
inline constexpr std::size_t platform_certificates_limit = 16;
inline constexpr std::size_t platform_certificate_limit = 64U << 10;  // bytes, each
inline constexpr std::size_t platform_inventory_limit = 1U << 20;     // bytes

struct PlatformItem {
  std::vector<Bytes> certificates;  // DER or PEM: the base, then the deltas in their order
  // JSON as collectors of platform inventories write it (libattest/hardware/platform_component.h).
  std::optional<std::string> inventory = {};
  friend bool operator==(const PlatformItem&, const PlatformItem&) = default;
};

Bytes encode_platform(const PlatformItem& item);
// parse_platform checks form (rules::platform_item_form): deterministic CBOR, version 1, these
// members, and the limits above. Nothing inside certificates or inventory is looked at.
Result<PlatformItem> parse_platform(ByteView bytes);

}  // namespace attest::evidence

namespace attest::rules {
inline constexpr Rule platform_item_form{"evidence.platform.form"};
}
