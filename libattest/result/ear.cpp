#include "libattest/result/ear.h"

#include <algorithm>

namespace attest::result {

Tier tier_of(std::int8_t value) {
  if (value >= -1 && value <= 1) return Tier::none;
  if (value >= -32 && value <= 31) return Tier::affirming;
  if (value >= -96 && value <= 95) return Tier::warning;
  return Tier::contraindicated;
}

std::string_view to_string(Tier tier) {
  switch (tier) {
    case Tier::none:
      return "none";
    case Tier::affirming:
      return "affirming";
    case Tier::warning:
      return "warning";
    case Tier::contraindicated:
      return "contraindicated";
  }
  return "contraindicated";
}

std::int8_t code(Tier tier) {
  switch (tier) {
    case Tier::none:
      return 0;
    case Tier::affirming:
      return 2;
    case Tier::warning:
      return 32;
    case Tier::contraindicated:
      return 96;
  }
  return 96;
}

std::string_view to_string(TrustClaim claim) {
  static constexpr std::array<std::string_view, trust_claim_count> names{
      "instance-identity", "configuration",  "executables",    "file-system",
      "hardware",          "runtime-opaque", "storage-opaque", "sourced-data"};
  return names[static_cast<std::size_t>(claim)];
}

bool TrustVector::empty() const {
  return std::ranges::none_of(values_, [](const auto& value) { return value.has_value(); });
}

Tier TrustVector::tier() const {
  Tier worst = Tier::none;
  for (const auto& value : values_)
    if (value) worst = std::max(worst, tier_of(*value));
  return worst;
}

std::string_view to_string(TrustLevel level) {
  switch (level) {
    case TrustLevel::hardware_signed:
      return "hardware-signed";
    case TrustLevel::tpm_measured:
      return "tpm-measured";
    case TrustLevel::host_reported:
      return "host-reported";
  }
  return "host-reported";
}

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::pass:
      return "pass";
    case Verdict::refused:
      return "refused";
    case Verdict::incomplete:
      return "incomplete";
  }
  return "incomplete";
}

Tier Ear::overall() const {
  Tier worst = Tier::none;
  for (const auto& [name, submod] : submods) worst = std::max(worst, submod.status);
  return worst;
}

}  // namespace attest::result
