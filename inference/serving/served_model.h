// The model that is served: loaded once it checked out, judged again while it is.
//
// A ServedModel may be used from several threads; reload and recheck from one at a time.
#pragma once

#include <memory>
#include <mutex>
#include <optional>

#include "inference/answer/receipt.h"
#include "inference/model/verified_model.h"

namespace attest::inference {

class ServedModel {
 public:
  struct Files {
    Path model;
    std::optional<Path> bundle;
    std::optional<Path> policy;
    Path trust;
  };
  // open fails as open_verified_model does: not one token is computed for a model that was refused.
  static Result<std::unique_ptr<ServedModel>> open(Files files, Time now);

  // InForce is a model with the latest checkpoint under which it passed.
  struct InForce {
    std::shared_ptr<const RunnableModel> model;
    std::uint64_t release = 0;  // ledger index
    std::string issuer;
    Receipt::Checkpoint checkpoint;
  };
  // in_force is the model that was loaded last, whatever was found out since.
  InForce in_force() const;
  // standing fails with the reason since the last judgement did not pass.
  Status standing() const;
  TrustRoot trust() const;

  // recheck reads and judges the bundle anew for the file that is loaded (judge_again).
  Status recheck(Time now);
  // reload reads trust root (reread_trust_root), policy, bundle and file anew; answers that were
  // begun end on the model they began with. Where something of it fails, the model that is loaded
  // stays, is judged again by what could be read, and the first error is given.
  Status reload(Time now);

 private:
  ServedModel(Files files, TrustRoot trust, lineage::ReleasePolicy policy)
      : files_(std::move(files)), trust_(std::move(trust)), policy_(std::move(policy)) {}
  void enter(std::shared_ptr<const RunnableModel> model, const lineage::VerifiedBundle& bundle);
  void lapse(const Error& why);

  const Files files_;
  mutable std::mutex mutex_;
  TrustRoot trust_;
  lineage::ReleasePolicy policy_;  // touched by reload and recheck alone
  InForce in_force_;
  std::optional<Error> lapse_;
};

}  // namespace attest::inference
