// Attestation: challenges out, evidence in, signed results back.
//
// All members may be called from several threads.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "libattest/appraisal/appraise.h"
#include "libattest/result/attestation_result.h"
#include "verifierd/identity.h"
#include "verifierd/ledger_service.h"
#include "verifierd/state_store.h"

namespace attest::verifierd {

enum class ResultForm { jwt, cwt };

class Attestation {
 public:
  using Knowledge = std::function<std::shared_ptr<const LedgerKnowledge>()>;

  using Custody =
      std::function<Result<std::vector<hardware::ProvenStatement>>(const statement::Subject&)>;

  // Files are what a verdict rests on beside the ledger; each may be replaced.
  struct Files {
    appraisal::Policy policy;
    std::shared_ptr<const appraisal::ImaList> ima_list = {};  // null: there is none
    std::shared_ptr<const tee::Collateral> collateral = {};   // null: there is none
  };

  Attestation(StateStore& state, const Identity& identity, Knowledge knowledge, Custody custody,
              Random& random, Now now, Files files, Seconds challenge_lifetime,
              Path evidence_directory)
      : state_(state),
        identity_(identity),
        knowledge_(std::move(knowledge)),
        custody_(std::move(custody)),
        random_(random),
        now_(std::move(now)),
        files_(std::move(files)),
        challenge_lifetime_(challenge_lifetime),
        evidence_directory_(std::move(evidence_directory)) {}

  // challenge signs a fresh challenge for a registered node, and remembers it on stable storage. To
  // a node that can send the rest of its IMA list (`rest_of_ima`) it says how far the list is
  // known.
  Result<Bytes> challenge(const std::string& node, bool rest_of_ima = false);

  // attest judges evidence, in this order:
  //   - decode (form, sizes);
  //   - the challenge in it is one this verifier issued, answered for the first time, and alive;
  //   - verify (appraisal::verify_evidence), by the AK registered for the node;
  //   - appraise, under the policy and what the ledger proves.
  // Evidence that does not verify is refused, gives no result and changes no state: anybody could
  // have made it. What verifies gives a signed result whatever its verdict; evidence and result are
  // kept, and a change of the node's state is entered in the log.
  Result<ResultRecord> attest(ByteView evidence, ResultForm form);

  void replace_policy(appraisal::Policy policy);
  void replace_ima_list(std::shared_ptr<const appraisal::ImaList> list);
  void replace_collateral(std::shared_ptr<const tee::Collateral> collateral);

 private:
  Result<appraisal::VerifiedEvidence> verified(const evidence::UntrustedEvidence& evidence,
                                               Time now);
  Result<ResultRecord> conclude(const appraisal::VerifiedEvidence& evidence, ResultForm form,
                                Time now);
  Result<ResultRecord> sign(const appraisal::Appraisal& appraisal, const Sha256& evidence,
                            ResultForm form) const;
  Status remember(NodeRecord record, const ResultRecord& result,
                  const appraisal::Appraisal& appraisal, Time now);
  // parsed_ak gives a node's AK, kept from the last time; nullptr where it cannot be one.
  std::shared_ptr<const tpm::VerifiedAk> parsed_ak(const NodeRecord& record);
  void keep_event_log(const appraisal::VerifiedEvidence& evidence);
  Files files() const;

  StateStore& state_;
  const Identity& identity_;
  Knowledge knowledge_;
  Custody custody_;
  Random& random_;
  Now now_;
  mutable std::mutex files_mutex_;
  Files files_;
  Seconds challenge_lifetime_;
  Path evidence_directory_;
  // What was parsed and verified before, by the AK's Name. Of node_mutex_.
  std::map<Bytes, std::shared_ptr<const tpm::VerifiedAk>> parsed_aks_;
  std::map<Bytes, std::shared_ptr<const appraisal::KnownEventLog>> known_logs_;
  std::mutex node_mutex_;  // a node's record is read, judged with and written as one step
};

}  // namespace attest::verifierd

namespace attest::rules {
inline constexpr Rule node_unknown{"verifierd.node.unknown"};
}
