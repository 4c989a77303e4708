// The messages by which a node enrols: two round trips between agentd and verifierd, each body
// deterministic CBOR with text keys. Structures of the TPM travel as the TPM wrote them.
//
//   agentd  → EnrolBegin      who I am, my EK certificates, my EK and AK
//   verifierd → EnrolChallenge  a secret only the TPM with that EK and that AK can open
//   agentd  → EnrolComplete   the secret (TPM2_ActivateCredential)
//   verifierd → EnrolResult     what was registered
//
// encode never fails; parse checks form and sizes only. Plain values, usable from any thread.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "libattest/base/bytes.h"
#include "libattest/base/result.h"

namespace attest::evidence {

using EnrolSession = std::array<std::byte, 16>;

inline constexpr std::size_t enrol_certificates_limit = 16;
inline constexpr std::size_t enrol_certificate_size_limit = 16U << 10;  // bytes
inline constexpr std::size_t enrol_structure_size_limit = 4U << 10;     // bytes, each TPM structure

// {version: 1, node, ek_certificates: [DER…], ek_public, ak_public}
struct EnrolBegin {
  std::string node;
  std::vector<Bytes> ek_certificates;  // DER: the EK's own first, then its chain as found in NV
  Bytes ek_public;                     // TPM2B_PUBLIC
  Bytes ak_public;                     // TPM2B_PUBLIC
};
Bytes encode(const EnrolBegin& message);
Result<EnrolBegin> parse_enrol_begin(ByteView bytes);

// {session, credential_blob, encrypted_secret}
struct EnrolChallenge {
  EnrolSession session;
  Bytes credential_blob;   // TPM2B_ID_OBJECT
  Bytes encrypted_secret;  // TPM2B_ENCRYPTED_SECRET
};
Bytes encode(const EnrolChallenge& message);
Result<EnrolChallenge> parse_enrol_challenge(ByteView bytes);

// {session, secret}
struct EnrolComplete {
  EnrolSession session;
  Bytes secret;  // as TPM2_ActivateCredential gave it
};
Bytes encode(const EnrolComplete& message);
Result<EnrolComplete> parse_enrol_complete(ByteView bytes);

// {node, ak_name, state}
struct EnrolResult {
  std::string node;
  Bytes ak_name;      // nameAlg ‖ digest
  std::string state;  // "enrolled"
};
Bytes encode(const EnrolResult& message);
Result<EnrolResult> parse_enrol_result(ByteView bytes);

}  // namespace attest::evidence

namespace attest::rules {
inline constexpr Rule enrolment_form{"evidence.enrolment.form"};
inline constexpr Rule enrolment_version{"evidence.enrolment.version"};
inline constexpr Rule enrolment_size{"evidence.enrolment.size"};
}  // namespace attest::rules
