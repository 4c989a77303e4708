// COSE_Sign1 (RFC 9052 section 4.2) with CWT claims in the protected header (RFC 9597).
//
// parse gives an untrusted value; verify checks the signature and is the only maker of a
// VerifiedSign1. Plain values; functions may be called from any thread.
#pragma once

#include <optional>
#include <string>

#include "libattest/base/cbor.h"
#include "libattest/base/time.h"
#include "libattest/crypto/public_key.h"
#include "libattest/crypto/signing_key.h"

namespace attest::cose {

// Algorithm identifiers of the IANA COSE registry.
enum class Algorithm : std::int64_t {
  es256 = -7,
  es384 = -35,
  es512 = -36,
  eddsa = -8,
  ps256 = -37,
  ps384 = -38,
  ps512 = -39,
};
Result<Algorithm> algorithm_of(const SigningKey& key);
SignatureScheme scheme_of(Algorithm algorithm);
std::string_view to_string(Algorithm algorithm);

// Header labels used here: 1 alg, 2 crit, 3 content type, 4 kid, 15 CWT claims, 33 x5chain.
// CWT claim keys: 1 iss, 2 sub, 4 exp, 5 nbf, 6 iat.
struct CwtClaims {
  std::optional<std::string> issuer;
  std::optional<std::string> subject;
  std::optional<Time> issued_at;
  std::optional<Time> not_before;
  std::optional<Time> expires;
  cbor::Map others;  // claims with other keys, as read
};

// UntrustedSign1 is a COSE_Sign1 whose form was checked and whose signature was not.
struct UntrustedSign1 {
  Bytes protected_bytes;  // as received: what the signature covers
  cbor::Map protected_header;
  cbor::Map unprotected_header;
  std::optional<Bytes> payload;  // nothing when detached (nil)
  Bytes signature;

  Algorithm algorithm;  // of the protected header
  std::optional<std::string> content_type;
  std::optional<Bytes> key_id;
  CwtClaims claims;
};

// parse accepts the tagged (18) and the untagged form. Refused besides malformed CBOR: no or an
// unknown algorithm in the protected header, an algorithm in the unprotected header, a label in
// both headers, "crit" naming a label that neither this code nor, by `understood`, the caller
// knows, trailing bytes.
Result<UntrustedSign1> parse_sign1(ByteView bytes, const cbor::Array& understood = {});

class VerifiedSign1 {
 public:
  const UntrustedSign1& message() const { return message_; }
  const Bytes& payload() const { return payload_; }
  const PublicKey& key() const { return key_; }

 private:
  friend Result<VerifiedSign1> verify_sign1(UntrustedSign1, const PublicKey&, ByteView,
                                            std::optional<ByteView>);
  VerifiedSign1(UntrustedSign1 message, Bytes payload, PublicKey key)
      : message_(std::move(message)), payload_(std::move(payload)), key_(std::move(key)) {}
  UntrustedSign1 message_;
  Bytes payload_;
  PublicKey key_;
};

// verify_sign1 checks that the algorithm fits the key (ES256 with P-256 and so on), that a payload
// is there (attached, or given as `detached`; both is refused) and that the signature holds over
// Sig_structure ["Signature1", protected, external_aad, payload].
Result<VerifiedSign1> verify_sign1(UntrustedSign1 message, const PublicKey& key,
                                   ByteView external_aad = {},
                                   std::optional<ByteView> detached = {});

struct Sign1Content {
  std::optional<std::string> content_type;
  CwtClaims claims;
  cbor::Map more_protected;  // further protected header members
  cbor::Map unprotected;
  Bytes payload;
  bool detached = false;
};

// sign1 writes the tagged form, protected header in deterministic CBOR, kid = the key's thumbprint.
Result<Bytes> sign1(const Sign1Content& content, const SigningKey& key, ByteView external_aad = {});

}  // namespace attest::cose

namespace attest::rules {
inline constexpr Rule cose_form{"cose.form"};
inline constexpr Rule cose_algorithm{"cose.algorithm"};
inline constexpr Rule cose_critical{"cose.critical-header"};
inline constexpr Rule cose_header_twice{"cose.header-twice"};
inline constexpr Rule cose_payload{"cose.payload"};
inline constexpr Rule cose_signature{"cose.signature"};
}  // namespace attest::rules
