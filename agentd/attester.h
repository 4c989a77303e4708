// The attester: answers a challenge with evidence (docs/formats.md, "Evidence").
//
// answer_challenge is the one place where this node's TPM quotes, and it does so only for a
// verified challenge that was not answered before.
#pragma once

#include <optional>
#include <string>

#include "agentd/answered_challenges.h"
#include "agentd/attestation_key.h"
#include "agentd/configuration.h"
#include "agentd/verifier_client.h"
#include "libattest/evidence/evidence.h"
#include "libattest/evidence/runtime_key_item.h"

namespace attest::agentd {

// collect_items gathers everything but the PCR values and the quote.
Result<std::vector<evidence::EvidenceItem>> collect_items(
    const Configuration& configuration, const evidence::VerifiedChallenge& challenge,
    const std::optional<evidence::RuntimeKey>& runtime);

// quote_items adds `tpm-ak`, `tpm-pcrs`, `ima` and, last, `tpm-quote` to the items, and gives the
// collection. The IMA list is read between the PCRs and the quote: where PCR 10 holds the same in
// both, the list leads there, whatever is measured before and after. A PCR that moves between
// reading and quoting makes it read and quote again. Of a list that the challenge says is known up
// to an entry of this boot, what follows is sent, as `ima-rest`.
Result<Bytes> quote_items(const TpmClient& tpm, const AttestationKey& key,
                          const Configuration& configuration,
                          const evidence::VerifiedChallenge& challenge,
                          const std::optional<evidence::RuntimeKey>& runtime,
                          std::vector<evidence::EvidenceItem> items);

// Attestation is what one exchange with the verifier came to. The verdict is read from the result
// only after its signature was checked with the trust root's verifier keys.
struct Attestation {
  std::string result;   // the EAR, a JWT
  std::string verdict;  // "pass", "refused" or "incomplete"
  std::string summary;  // one line for people
};

class Attester {
 public:
  // make opens the record of answered challenges in the state directory.
  static Result<Attester> make(const Configuration& configuration, const VerifierClient& verifier);

  // answer_challenge verifies the challenge by the trust root, notes it as answered, and gives the
  // evidence.
  Result<Bytes> answer_challenge(ByteView challenge, Time now,
                                 const std::optional<evidence::RuntimeKey>& runtime);

  // attest asks for a challenge, answers it and hands the evidence in.
  Result<Attestation> attest(Time now, const std::optional<evidence::RuntimeKey>& runtime);

 private:
  Attester(const Configuration& configuration, const VerifierClient& verifier,
           AnsweredChallenges answered)
      : configuration_(&configuration), verifier_(&verifier), answered_(std::move(answered)) {}
  const Configuration* configuration_;
  const VerifierClient* verifier_;
  AnsweredChallenges answered_;
};

}  // namespace attest::agentd

namespace attest::rules {
inline constexpr Rule not_enrolled{"agentd.not-enrolled"};
inline constexpr Rule pcrs_moved{"agentd.pcrs-moved"};
}  // namespace attest::rules
