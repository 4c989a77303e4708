// DSSE envelopes (secure-systems-lab/dsse v1): signed payloads as JSON, as in-toto, SLSA and
// OpenSSF Model Signing have them.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "libattest/crypto/public_key.h"

namespace attest::statement {

struct DsseSignature {
  std::string key_id;  // a hint, covered by no signature; may be empty
  Bytes signature;
  std::string certificate = {};  // PEM, as SLSA's generators put it beside; may be empty
};

struct UntrustedEnvelope {
  std::string payload_type;
  Bytes payload;
  std::vector<DsseSignature> signatures;
};

// parse_dsse refuses JSON that is not strict, missing members, base64 that is broken in either
// alphabet, no signature, more than 64 of them, and more than 512 MiB (rules::dsse_form and the
// JSON rules). Members it does not know are passed over, as the specification asks.
Result<UntrustedEnvelope> parse_dsse(std::string_view json);

// from_either_base64 decodes either alphabet, the URL-safe one with padding or without.
Result<Bytes> from_either_base64(std::string_view text);

// dsse_pae gives the bytes that are signed:
// "DSSEv1" SP LEN(type) SP type SP LEN(payload) SP payload.
Bytes dsse_pae(std::string_view payload_type, ByteView payload);

enum class SignatureCount {
  at_least_one,
  exactly_one,  // the envelope has one signature in all, as OpenSSF Model Signing asks
};

class VerifiedEnvelope {
 public:
  const std::string& payload_type() const { return envelope_.payload_type; }
  const Bytes& payload() const { return envelope_.payload; }
  // signers lists each key whose signature holds, once.
  const std::vector<PublicKey>& signers() const { return signers_; }

 private:
  friend Result<VerifiedEnvelope> verify_dsse(UntrustedEnvelope, std::span<const PublicKey>,
                                              SignatureCount);
  UntrustedEnvelope envelope_;
  std::vector<PublicKey> signers_;
};

// verify_dsse checks, in this order:
//   - the number of signatures, where exactly one is asked (rules::dsse_signature_count);
//   - that a signature by at least one of `keys` holds over the PAE (rules::dsse_signature).
// The scheme follows the key: Ed25519; ECDSA (DER) with SHA-256, -384 or -512 by curve; RSA with
// SHA-256, PKCS #1 or PSS. Signatures by other keys are passed over.
// Not checked: what the payload says.
Result<VerifiedEnvelope> verify_dsse(UntrustedEnvelope envelope, std::span<const PublicKey> keys,
                                     SignatureCount count = SignatureCount::at_least_one);

}  // namespace attest::statement

namespace attest::rules {
inline constexpr Rule dsse_form{"statement.dsse.form"};
inline constexpr Rule dsse_signature{"statement.dsse.signature"};
inline constexpr Rule dsse_signature_count{"statement.dsse.signature-count"};
}  // namespace attest::rules
