// The signature over a model's statement: OpenSSF Model Signing by a key, or by a chain of
// certificates. (By an identity: keyless.h.)
//
// The bundle's mediaType is "application/vnd.dev.sigstore.bundle.v0.3+json"; it holds a DSSE
// envelope of type "application/vnd.in-toto+json" with one signature, without a key id, by ECDSA on
// P-256, P-384 or P-521 with SHA-256, -384 or -512, in DER.
//
// Statements of version 0.2, and no others, were signed with SHA-256 whatever the curve, over
// "DSSEV1 LEN(type) type LEN(payload) b'…'", the payload as Python writes bytes.
#pragma once

#include <optional>
#include <string>

#include "libattest/crypto/certificate.h"
#include "libattest/model/oms_statement.h"
#include "libattest/model/sigstore_bundle.h"

namespace attest::model {

// OmsSigner is by whom a statement was signed.
struct OmsSigner {
  std::string method;  // "key", "certificate" or "sigstore"
  PublicKey key;
  std::vector<Certificate> chain = {};  // leaf first, root last; empty for a key
  std::string identity = {};            // of a keyless signature
  std::string issuer = {};              // of a keyless signature
  std::optional<Time> signed_at = {};   // proven by a log or a timestamp; keyless only
};

// VerifiedOmsStatement is a statement whose signature holds. Only the functions below, and
// verify_oms_keyless, make one.
class VerifiedOmsStatement {
 public:
  const OmsStatement& statement() const { return statement_; }
  const OmsSigner& signer() const { return signer_; }

 private:
  friend class OmsSignatureVerifier;
  VerifiedOmsStatement(OmsStatement statement, OmsSigner signer)
      : statement_(std::move(statement)), signer_(std::move(signer)) {}
  OmsStatement statement_;
  OmsSigner signer_;
};

// Each checks, in this order:
//   - media type, an envelope with the one payload type, one signature, no key id
//     (rules::oms_envelope);
//   - that the bundle names its signer in the way that is asked for (rules::oms_method);
//   - by key: an elliptic curve; the bundle's hint is the SHA-256 of the key's PEM text, or its PEM
//     text is the key (rules::oms_hint);
//   - by certificates: an elliptic curve; the chain to one of `roots`, every certificate valid at
//     `at`, extended key usage code signing where it names any (rules of crypto/certificate.h),
//     else key usage digital signature (rules::oms_certificate_use). A root that the bundle brings
//     is not trusted for that;
//   - the signature (rules::dsse_signature);
//   - the statement (parse_oms_statement).
Result<VerifiedOmsStatement> verify_oms_with_key(const UntrustedBundle& bundle,
                                                 const PublicKey& key);
Result<VerifiedOmsStatement> verify_oms_with_certificates(const UntrustedBundle& bundle,
                                                          const std::vector<Certificate>& roots,
                                                          Time at);

// oms_hint gives the hint for a key: hex SHA-256 of its PEM text.
std::string oms_hint(const PublicKey& key);

}  // namespace attest::model

namespace attest::rules {
inline constexpr Rule oms_envelope{"model.oms.envelope"};
inline constexpr Rule oms_method{"model.oms.method"};
inline constexpr Rule oms_hint{"model.oms.hint"};
inline constexpr Rule oms_key{"model.oms.key"};
inline constexpr Rule oms_certificate_use{"model.oms.certificate-use"};
}  // namespace attest::rules
