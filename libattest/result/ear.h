// EAR: an attestation result (draft-ietf-rats-ear-04) with the trustworthiness vector of AR4SI
// (draft-ietf-rats-ar4si-09) and our extension claims (docs/formats.md, "Attestation result").
//
// An Ear is a plain value: what a verifier says. Whether it was said is known only from a
// VerifiedResult (libattest/result/attestation_result.h).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libattest/base/bytes.h"
#include "libattest/base/time.h"
#include "libattest/crypto/digest.h"

namespace attest::result {

// ear_profile is the profile of the results we issue; others are read too.
inline constexpr std::string_view ear_profile = "tag:ietf.org,2026:rats/ear#04";

// Tier of a trustworthiness value (AR4SI section 3.2): none -1..1, affirming -32..-2 and 2..31,
// warning -96..-33 and 32..95, contraindicated the rest. Ordered from best to worst but for none.
enum class Tier { none, affirming, warning, contraindicated };
Tier tier_of(std::int8_t value);
std::string_view to_string(Tier tier);
// code gives the number by which a tier travels in CBOR: 0, 2, 32 or 96.
std::int8_t code(Tier tier);

// Values we give; AR4SI section 2.3 names others.
namespace value {
inline constexpr std::int8_t verifier_malfunction = -1;
inline constexpr std::int8_t no_claim = 0;
inline constexpr std::int8_t unexpected_evidence = 1;
inline constexpr std::int8_t affirmed = 2;
inline constexpr std::int8_t contraindicated = 96;
inline constexpr std::int8_t not_recognised = 97;
inline constexpr std::int8_t cryptographic_failure = 99;
}  // namespace value

enum class TrustClaim {
  instance_identity,
  configuration,
  executables,
  file_system,
  hardware,
  runtime_opaque,
  storage_opaque,
  sourced_data,
};
inline constexpr std::size_t trust_claim_count = 8;
std::string_view to_string(TrustClaim claim);  // "instance-identity", …

// TrustVector: each claim is a value or absent.
class TrustVector {
 public:
  std::optional<std::int8_t> get(TrustClaim claim) const {
    return values_[static_cast<std::size_t>(claim)];
  }
  void set(TrustClaim claim, std::int8_t value) {
    values_[static_cast<std::size_t>(claim)] = value;
  }
  bool empty() const;
  // tier is the worst of the claims that are there; none when there are none (EAR section 3.2).
  Tier tier() const;
  friend bool operator==(const TrustVector&, const TrustVector&) = default;

 private:
  std::array<std::optional<std::int8_t>, trust_claim_count> values_{};
};

// What a claim rests on; never merged.
enum class TrustLevel { hardware_signed, tpm_measured, host_reported };
std::string_view to_string(TrustLevel level);

enum class Verdict { pass, refused, incomplete };
std::string_view to_string(Verdict verdict);

// Check is one thing that was judged, in words a person can read.
struct Check {
  std::string name;  // "boot.pcr", the stable key
  Verdict outcome = Verdict::pass;
  std::string expected;
  std::string found;
  std::string why;
  friend bool operator==(const Check&, const Check&) = default;
};

struct Submod {
  Tier status = Tier::none;
  TrustVector vector;
  std::string policy_id;                  // ear.appraisal-policy-id
  std::optional<TrustLevel> trust_level;  // attest.trust-level
  std::vector<std::string> other_claims;  // names of claims this code does not know
};

struct VerifierId {
  std::string build;
  std::string developer;
};

struct Ear {
  std::string profile{ear_profile};
  Time issued_at{};
  std::optional<Time> expires;
  std::optional<Bytes> nonce;  // the challenge's, 32 bytes in our profile
  VerifierId verifier_id;
  std::string issuer;                 // the verifier's name
  std::string subject;                // the node id
  std::string id;                     // jti: hex digest of the evidence
  std::optional<Sha256> runtime_key;  // cnf: thumbprint
  std::optional<Sha256> executable;   // of the runtime
  std::optional<Bytes> raw_evidence;
  std::map<std::string, Submod> submods;
  std::vector<Check> checks;
  std::vector<std::string> not_checked;
  std::vector<std::uint64_t> reference_values;  // ledger indexes relied on
  std::optional<Verdict> verdict;
  std::vector<std::string> other_claims;  // names of claims this code does not know

  // overall is the worst status of the submods.
  Tier overall() const;
};

}  // namespace attest::result
