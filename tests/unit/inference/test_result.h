// Results that a test's verifier signs about a node and its runtime's key.
#pragma once

#include "libattest/result/attestation_result.h"
#include "tests/support/catch.h"
#include "tests/support/test_log.h"

namespace attest::inference {

inline result::Ear passing_ear(const test::TestIssuer& verifier, const PublicKey& runtime_key,
                               Time issued, Seconds life = Seconds(600)) {
  result::Ear ear;
  ear.issued_at = issued;
  ear.expires = issued + life;
  ear.nonce = Bytes(32);
  ear.verifier_id = {"attest 0.1", "example"};
  ear.issuer = verifier.name;
  ear.subject = "rack7-n03";
  ear.id = std::string(64, '0');
  ear.runtime_key = runtime_key.thumbprint();
  ear.submods["node"] = result::Submod{};
  ear.verdict = result::Verdict::pass;
  return ear;
}

inline std::string signed_ear(const test::TestIssuer& verifier, const result::Ear& ear) {
  return must(result::sign_as_jwt(ear, *verifier.key));
}

}  // namespace attest::inference
