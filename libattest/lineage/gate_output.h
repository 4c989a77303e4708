// What a gate found, in the forms that pipelines read: SARIF 2.1.0 (OASIS), JUnit XML, and a SLSA
// Verification Summary Attestation (https://slsa.dev/verification_summary/v1) in a DSSE envelope.
//
// Pure functions of the verdicts; text from files is escaped.
#pragma once

#include <span>
#include <string>

#include "libattest/crypto/signing_key.h"
#include "libattest/lineage/verdict.h"

namespace attest::lineage {

// GatedModel is one model before the gate and what was judged of it.
struct GatedModel {
  std::string path;  // as the person named it
  ModelVerdict verdict;
  std::string subject;  // "sha256:…"; empty where it could not be read
  Sha256 bundle{};      // of its bundle's bytes; zeros where there is none
  std::string more;     // the command that shows more; empty where nothing is wrong
  std::int64_t took_ms = 0;
};

// sarif gives one result for each check that did not pass: "error" where it was refused, "warning"
// where it is incomplete, the rule's name as ruleId, the model's path as its location and the
// policy's line beside it. `policy` is the policy's path; empty where there is none.
std::string sarif(std::span<const GatedModel> models, const std::string& policy,
                  const std::string& version);

// junit gives a test suite for each model and a test case for each check; refused is a failure,
// incomplete an error.
std::string junit(std::span<const GatedModel> models);

struct VsaContext {
  std::string verifier;  // verifier.id, a URI
  std::string policy;    // policy.uri
  Sha256 policy_digest{};
  Time now;
};

// sign_vsa gives the signed summary of one model, an envelope in one line. PASSED only where all
// passed; refused and incomplete are both FAILED. Refused (rules::vsa_no_subject) where the model
// could not be read: nothing then says what the summary would be about.
Result<std::string> sign_vsa(const GatedModel& model, const VsaContext& context,
                             const SigningKey& key);

}  // namespace attest::lineage

namespace attest::rules {
inline constexpr Rule vsa_no_subject{"lineage.vsa.no-subject"};
}
