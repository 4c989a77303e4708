// JWS compact serialization (RFC 7515) as JWTs use it: EdDSA, ES256 and ES384, nothing else.
//
// Plain values; functions may be called from any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "libattest/base/bytes.h"
#include "libattest/base/result.h"
#include "libattest/crypto/public_key.h"
#include "libattest/crypto/signing_key.h"

namespace attest::result {

enum class JwtAlgorithm { eddsa, es256, es384 };
std::string_view to_string(JwtAlgorithm algorithm);

// UntrustedJwt has the form of a JWT; its signature has not been checked.
struct UntrustedJwt {
  std::string signing_input;  // what the signature covers: header "." payload, as received
  JwtAlgorithm algorithm = JwtAlgorithm::eddsa;
  std::optional<std::string> type;    // typ
  std::optional<std::string> key_id;  // kid
  Bytes payload;
  Bytes signature;
};

// parse_jwt refuses besides malformed base64url and JSON: an algorithm other than the three (so
// "none", RFC 8725 section 3.1), duplicate header members, "crit" (no extension is known here),
// "b64", a key or a place to fetch one in the header ("jwk", "jku", "x5c", "x5u": RFC 8725 section
// 3.10), and unknown header members.
Result<UntrustedJwt> parse_jwt(std::string_view text);

// VerifiedJwt: only verify_jwt makes one.
class VerifiedJwt {
 public:
  const Bytes& payload() const { return payload_; }
  const PublicKey& key() const { return key_; }

 private:
  friend Result<VerifiedJwt> verify_jwt(const UntrustedJwt&, const PublicKey&);
  VerifiedJwt(Bytes payload, PublicKey key) : payload_(std::move(payload)), key_(std::move(key)) {}
  Bytes payload_;
  PublicKey key_;
};

// verify_jwt checks that the algorithm fits the kind of the key, and the signature.
Result<VerifiedJwt> verify_jwt(const UntrustedJwt& jwt, const PublicKey& key);

// sign_jwt writes header {alg, kid: hex thumbprint, typ} and signs; the key chooses the algorithm.
Result<std::string> sign_jwt(ByteView payload, std::string_view type, const SigningKey& key);

}  // namespace attest::result

namespace attest::rules {
inline constexpr Rule jwt_form{"result.jwt.form"};
inline constexpr Rule jwt_algorithm{"result.jwt.algorithm"};
inline constexpr Rule jwt_header{"result.jwt.header"};
inline constexpr Rule jwt_key{"result.jwt.key-does-not-fit"};
inline constexpr Rule jwt_signature{"result.jwt.signature"};
}  // namespace attest::rules
