// What all ways to sign a model have in common. For sources of this room.
#pragma once

#include "libattest/model/oms_signature.h"

namespace attest::model {

class OmsSignatureVerifier {
 public:
  // of checks the bundle's form as OpenSSF Model Signing has it.
  static Result<OmsSignatureVerifier> of(const UntrustedBundle& bundle);
  // verify checks the signature by signer.key, then reads the statement.
  Result<VerifiedOmsStatement> verify(OmsSigner signer) const;

 private:
  explicit OmsSignatureVerifier(const statement::UntrustedEnvelope& envelope)
      : envelope_(&envelope) {}
  const statement::UntrustedEnvelope* envelope_;
};

}  // namespace attest::model
