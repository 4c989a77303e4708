// A signed attestation result: an EAR as a JWT (application/eat+jwt) or a CWT
// (application/eat+cwt).
//
// Plain values; functions may be called from any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "libattest/base/time.h"
#include "libattest/cose/cose_sign1.h"
#include "libattest/crypto/public_key.h"
#include "libattest/crypto/signing_key.h"
#include "libattest/result/ear.h"
#include "libattest/result/jwt.h"

namespace attest::result {

inline constexpr std::string_view jwt_media_type = "application/eat+jwt";
inline constexpr std::string_view cwt_media_type = "application/eat+cwt";
// How far a verifier's clock may be ahead of the reader's.
inline constexpr Seconds result_allowed_skew{60};

// sign_as_jwt and sign_as_cwt refuse an Ear that its own parser would refuse.
Result<std::string> sign_as_jwt(const Ear& ear, const SigningKey& key);
Result<Bytes> sign_as_cwt(const Ear& ear, const SigningKey& key);

// ResultSigner is a verifier of the trust root.
struct ResultSigner {
  std::string name;
  PublicKey key;
};

class VerifiedResult;

// UntrustedResult has the form of a signed EAR; nobody has checked who made it.
class UntrustedResult {
 public:
  // bytes are the result as received: the JWT's text or the CWT.
  const Bytes& bytes() const { return bytes_; }
  const Ear& ear() const { return ear_; }
  bool is_jwt() const { return std::holds_alternative<UntrustedJwt>(envelope_); }

 private:
  friend Result<UntrustedResult> parse_result(ByteView);
  friend Result<VerifiedResult> verify_result(const UntrustedResult&, std::span<const ResultSigner>,
                                              Time);
  using Envelope = std::variant<UntrustedJwt, cose::UntrustedSign1>;
  UntrustedResult(Bytes bytes, Envelope envelope, Ear ear)
      : bytes_(std::move(bytes)), envelope_(std::move(envelope)), ear_(std::move(ear)) {}
  Bytes bytes_;
  Envelope envelope_;
  Ear ear_;
};

// parse_result reads either form: a JWT is text with two dots, anything else is read as a CWT.
// Surrounding line breaks of a JWT are ignored. See ear_claims.h for what it checks.
Result<UntrustedResult> parse_result(ByteView bytes);

// VerifiedResult was signed by a known verifier and holds at the time it was checked for. Only
// verify_result makes one. Note that its verdict may be refused or incomplete.
class VerifiedResult {
 public:
  const Ear& ear() const { return ear_; }
  const PublicKey& key() const { return key_; }
  // bytes are the result as received; digest = SHA-256(bytes) is what batches and receipts name.
  const Bytes& bytes() const { return bytes_; }
  const Sha256& digest() const { return digest_; }

 private:
  friend Result<VerifiedResult> verify_result(const UntrustedResult&, std::span<const ResultSigner>,
                                              Time);
  VerifiedResult(Ear ear, PublicKey key, Bytes bytes)
      : ear_(std::move(ear)),
        key_(std::move(key)),
        bytes_(std::move(bytes)),
        digest_(sha256(bytes_)) {}
  Ear ear_;
  PublicKey key_;
  Bytes bytes_;
  Sha256 digest_;
};

// verify_result checks, in this order:
//   - the result names an issuer that is one of `signers`;
//   - one of the keys under that name signed it, by an algorithm that fits the key;
//   - it was not issued later than `now` plus result_allowed_skew;
//   - it has an expiry, and has not expired at `now`; an expired result is incomplete, for it says
//     nothing any more about the node, neither good nor bad.
// `now` is the time the result is used for: the present, or the ledger time of a receipt's batch.
// Not checked: the verdict, the nonce, and whether policy and reference values were good ones.
Result<VerifiedResult> verify_result(const UntrustedResult& result,
                                     std::span<const ResultSigner> signers, Time now);

}  // namespace attest::result

namespace attest::rules {
inline constexpr Rule result_form{"result.form"};
inline constexpr Rule result_unknown_signer{"result.unknown-signer"};
inline constexpr Rule result_signature{"result.signature"};
inline constexpr Rule result_not_yet_valid{"result.not-yet-valid"};
inline constexpr Rule result_no_expiry{"result.no-expiry"};
inline constexpr Rule result_expired{"result.expired"};
}  // namespace attest::rules
