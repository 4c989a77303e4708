// Reference values for the PCRs of a class of machines, and their CoRIM profile
// "tag:attest,2026:corim/tpm-pcr-v1":
//
//   - the CoRIM has this profile, an id, and one CoMID with reference triples only;
//   - the environment of each triple is {class: {model: platform name}}, the same in all;
//   - a measurement whose mkey is an unsigned integer 0 to 23 gives an acceptable value of that
//   PCR:
//     one digest for each bank. CoRIM's digest lists are one thing by several algorithms, so two
//     acceptable values are two measurements;
//   - a measurement whose mkey is the text "<pcr>/event" gives the digest of a known event of that
//     PCR, with a name a person knows it by; it explains differences, it makes nothing acceptable;
//   - a measurement whose mkey is the text "ima/list" gives the SHA-256 of a list of files that may
//     run there (libattest/tpm/ima_policy.h): lists are longer than statements can be;
//   - mval has digests and a name, nothing else.
//
// Values are untrusted until a statement by someone who may say them carries them, and the ledger
// proves that statement (libattest/appraisal/proven_reference_values.h).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "libattest/base/bytes.h"
#include "libattest/base/result.h"
#include "libattest/crypto/digest.h"
#include "libattest/reference/corim_profiles.h"

namespace attest::reference {

inline constexpr unsigned pcr_count = 24;

// Acceptable digests, and what each is called ("debian 12.15 grub"; may be empty).
struct KnownDigest {
  Bytes digest;
  std::string name;
  friend bool operator==(const KnownDigest&, const KnownDigest&) = default;
};
using DigestsByPcr = std::map<unsigned, std::vector<KnownDigest>>;

struct ReferenceValues {
  std::string id;           // unique among the CoRIMs of an issuer
  std::string platform;     // subject "platform:<name>"
  std::string description;  // for people; travels as the CoMID's id
  std::map<HashAlgorithm, DigestsByPcr> pcrs;
  std::map<HashAlgorithm, DigestsByPcr> events;
  std::vector<KnownDigest> ima_lists = {};  // SHA-256

  friend bool operator==(const ReferenceValues&, const ReferenceValues&) = default;
};

// is_platform_name: 1 to 128 characters of a-z A-Z 0-9 . _ : -
bool is_platform_name(std::string_view text);

// encode_reference_values writes the CoRIM. SHA-1 banks cannot be written (the registry has no
// number for SHA-1), nor can a digest of the wrong length or a PCR above 23: usage errors.
Result<Bytes> encode_reference_values(const ReferenceValues& values);

// parse_reference_values reads a CoRIM of our profile, strictly by the list above.
Result<ReferenceValues> parse_reference_values(ByteView corim);
// read_reference_values is the same for a CoRIM already parsed.
Result<ReferenceValues> read_reference_values(const Corim& corim);

}  // namespace attest::reference

namespace attest::rules {
inline constexpr Rule reference_profile{"reference.values.profile"};
inline constexpr Rule reference_platform{"reference.values.platform"};
inline constexpr Rule reference_key{"reference.values.measurement-key"};
inline constexpr Rule reference_digest{"reference.values.digest"};
inline constexpr Rule reference_extra{"reference.values.unexpected-member"};
}  // namespace attest::rules
