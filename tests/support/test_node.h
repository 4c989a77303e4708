// A node and its verifier in memory: enrolled, asked, answering. Each part can be changed before
// the next is made from it, so that a test breaks one thing only.
#pragma once

#include "libattest/appraisal/verify_evidence.h"
#include "tests/support/catch.h"
#include "tests/support/test_quote.h"

namespace attest::test {

inline const Time appraisal_time = from_unix(1'800'000'000);
inline const Bytes good_boot_loader = to_bytes(ByteView(sha256(as_bytes("good boot loader"))));
inline const tpm::PcrSet firmware_pcrs = tpm::PcrSet::range(0, 7);

class TestNode {
 public:
  TestNode() : verifier_key(must(make_signing_key(KeyKind::ed25519, system_random()))) {
    tpm.boot(true, good_boot_loader);
    issue();
    registered = {"rack7-n03", tpm.ak_name(), sha256(as_bytes("ek")), false};
  }

  // issue makes a fresh challenge.
  void issue(std::string node = "rack7-n03", Time at = appraisal_time) {
    evidence::ChallengeContent content{"verifier.example", std::move(node), {}, at,
                                       at + Seconds{300},  known_ima};
    system_random().fill(content.nonce);
    challenge = must(evidence::make_challenge(*verifier_key, content));
    challenged_node = content.node;
    issued_at = at;
  }

  evidence::VerifiedChallenge verified_challenge() const {
    const evidence::KnownVerifier known[] = {{"verifier.example", verifier_key->public_key()}};
    return must(evidence::verify_challenge(must(evidence::parse_challenge(challenge)), known,
                                           challenged_node, issued_at));
  }

  // items are everything but the quote.
  std::vector<evidence::EvidenceItem> items() const {
    namespace label = evidence::label;
    std::vector<evidence::EvidenceItem> list{
        evidence::make_item(label::challenge, challenge),
        evidence::make_item(label::node, as_bytes(challenged_node)),
        evidence::make_item(label::tpm_ak, tpm.ak_public()),
        evidence::make_item(label::tpm_pcrs, tpm::encode_pcrs(tpm.pcrs(quoted)))};
    if (with_log) list.push_back(evidence::make_item(label::tpm_eventlog, tpm.event_log()));
    for (const auto& item : more) list.push_back(item);
    return list;
  }
  Bytes quote_over(const std::vector<evidence::EvidenceItem>& list,
                   std::optional<Sha256> runtime_key = {}) const {
    return tpm.quote(
        evidence::qualifying_data(sha256(challenge), challenged_node, runtime_key, list), quoted);
  }
  static evidence::UntrustedEvidence collect(std::vector<evidence::EvidenceItem> list,
                                             ByteView quote) {
    list.push_back(evidence::make_item(evidence::label::tpm_quote, quote));
    return must(evidence::parse_evidence(must(evidence::encode_evidence(list))));
  }
  evidence::UntrustedEvidence answer() const { return collect(items(), quote_over(items())); }

  appraisal::EvidenceContext context() const { return {verified_challenge(), registered}; }
  appraisal::VerifiedEvidence verified() const {
    return must(appraisal::verify_evidence(answer(), context()));
  }

  std::unique_ptr<SigningKey> verifier_key;
  TestTpm tpm;
  std::optional<evidence::ImaState> known_ima;  // what a challenge issued next says
  Bytes challenge;
  std::string challenged_node;
  Time issued_at;
  appraisal::RegisteredNode registered;
  tpm::PcrSet quoted = firmware_pcrs;
  bool with_log = true;
  std::vector<evidence::EvidenceItem> more;
};

}  // namespace attest::test
