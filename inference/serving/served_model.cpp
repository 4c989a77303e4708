#include "inference/serving/served_model.h"

#include "libattest/trust/trust_update.h"

namespace attest::inference {

namespace {

Result<lineage::ReleasePolicy> read_policy(const std::optional<Path>& file) {
  if (!file) return lineage::ReleasePolicy();
  return lineage::read_release_policy(*file);
}

}  // namespace

Result<std::unique_ptr<ServedModel>> ServedModel::open(Files files, Time now) {
  TRY(TrustRoot trust, TrustRoot::read(files.trust));
  TRY(lineage::ReleasePolicy policy, read_policy(files.policy));
  TRY(RunnableModel opened, open_verified_model(files.model, files.bundle, trust, policy, now));
  std::unique_ptr<ServedModel> served(
      new ServedModel(std::move(files), std::move(trust), std::move(policy)));
  const auto model = std::make_shared<const RunnableModel>(std::move(opened));
  served->enter(model, model->bundle());
  return served;
}

void ServedModel::enter(std::shared_ptr<const RunnableModel> model,
                        const lineage::VerifiedBundle& bundle) {
  const auto& checkpoint = bundle.checkpoint();
  const std::lock_guard lock(mutex_);
  in_force_ = {std::move(model),
               bundle.release().index,
               bundle.release().issuer,
               {checkpoint.origin(), checkpoint.size(), checkpoint.root()}};
  lapse_.reset();
}

ServedModel::InForce ServedModel::in_force() const {
  const std::lock_guard lock(mutex_);
  return in_force_;
}

Status ServedModel::standing() const {
  const std::lock_guard lock(mutex_);
  return lapse_ ? Status(fail(*lapse_)) : Status();
}

TrustRoot ServedModel::trust() const {
  const std::lock_guard lock(mutex_);
  return trust_;
}

Status ServedModel::recheck(Time now) {
  const auto model = in_force().model;
  const auto bundle = judge_again(*model, files_.model, files_.bundle, trust(), policy_, now);
  if (bundle) {
    enter(model, *bundle);
    return {};
  }
  lapse(bundle.error());
  return fail(bundle.error());
}

void ServedModel::lapse(const Error& why) {
  const std::lock_guard lock(mutex_);
  lapse_ = why;
}

Status ServedModel::reload(Time now) {
  Status first;
  const auto note = [&first](const Error& error) {
    if (first) first = fail(error);
  };
  if (auto trust = reread_trust_root(this->trust(), files_.trust, now)) {
    const std::lock_guard lock(mutex_);
    trust_ = *std::move(trust);
  } else {
    note(trust.error());
  }
  if (auto policy = read_policy(files_.policy)) {
    policy_ = *std::move(policy);
  } else {
    note(policy.error());
  }
  // Judged before it is read: a model that was revoked stops at once, not after gigabytes. A bundle
  // about another file is what an upgrade looks like: the old model goes on until the new one is
  // in.
  const auto loaded = in_force().model;
  const auto judged =
      judge_again(*loaded, files_.model, files_.bundle, this->trust(), policy_, now);
  if (!judged && judged.error().rule != rules::model_other_file) {
    lapse(judged.error());
    note(judged.error());
    return first;
  }
  auto opened = open_verified_model(files_.model, files_.bundle, this->trust(), policy_, now);
  if (opened) {
    const auto model = std::make_shared<const RunnableModel>(*std::move(opened));
    enter(model, model->bundle());
    return first;
  }
  note(opened.error());
  if (judged) {
    enter(loaded, *judged);
  } else {
    lapse(judged.error());
  }
  return first;
}

}  // namespace attest::inference
