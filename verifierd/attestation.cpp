#include "verifierd/attestation.h"

#include "libattest/base/text.h"
#include "libattest/http/daemon.h"

namespace attest::verifierd {

namespace {

using statement::NodeState;

NodeState state_after(result::Verdict verdict) {
  switch (verdict) {
    case result::Verdict::pass:
      return NodeState::trusted;
    case result::Verdict::refused:
      return NodeState::failed;
    case result::Verdict::incomplete:
      return NodeState::incomplete;
  }
  return NodeState::incomplete;
}

Result<NodeRecord> registered(StateStore& state, const std::string& node) {
  TRY(auto record, state.node(node));
  if (!record)
    return fail(refused(rules::node_unknown, "this node is not enrolled here")
                    .found(printable(node))
                    .next("enrol it first"));
  return *std::move(record);
}

// The certificate as enrolment verified it; none where the EK is believed by name.
Result<appraisal::RegisteredNode> node_of(const NodeRecord& record) {
  appraisal::RegisteredNode node{record.node, record.ak_name, record.ek, record.software_tpm, {}};
  if (record.ek_certificate) {
    TRY(node.ek_certificate, Certificate::from_der(*record.ek_certificate));
  }
  return node;
}

}  // namespace

Attestation::Files Attestation::files() const {
  const std::lock_guard lock(files_mutex_);
  return files_;
}

void Attestation::replace_policy(appraisal::Policy policy) {
  const std::lock_guard lock(files_mutex_);
  files_.policy = std::move(policy);
}

void Attestation::replace_ima_list(std::shared_ptr<const appraisal::ImaList> list) {
  const std::lock_guard lock(files_mutex_);
  files_.ima_list = std::move(list);
}

void Attestation::replace_collateral(std::shared_ptr<const tee::Collateral> collateral) {
  const std::lock_guard lock(files_mutex_);
  files_.collateral = std::move(collateral);
}

Result<Bytes> Attestation::challenge(const std::string& node, bool rest_of_ima) {
  TRY(const NodeRecord record, registered(state_, node));
  const Time now = now_();
  evidence::ChallengeContent content;
  content.verifier = identity_.name;
  content.node = node;
  random_.fill(content.nonce);
  content.issued = now;
  content.expires = now + challenge_lifetime_;
  // What was judged under another policy, or for another key, is judged anew.
  if (const auto& memory = record.memory; rest_of_ima && memory &&
                                          memory->ak_name == record.ak_name && memory->ima &&
                                          memory->ima->policy == files().policy.digest)
    content.ima = memory->ima;
  TRY(Bytes challenge, evidence::make_challenge(*identity_.key, content));
  TRY_VOID(state_.keep_challenge(sha256(challenge), node, challenge, content.expires));
  return challenge;
}

Result<appraisal::VerifiedEvidence> Attestation::verified(
    const evidence::UntrustedEvidence& evidence, Time now) {
  TRY(const evidence::EvidenceItem* item, evidence.required(evidence::label::challenge));
  TRY(const Bytes issued, state_.use_challenge(sha256(item->content)));
  TRY(const evidence::UntrustedChallenge challenge, evidence::parse_challenge(issued));
  const std::vector<evidence::KnownVerifier> ourselves = {
      {identity_.name, identity_.key->public_key()}};
  TRY(evidence::VerifiedChallenge alive,
      evidence::verify_challenge(challenge, ourselves, challenge.content().node, now));
  TRY(const NodeRecord record, registered(state_, alive.node()));
  TRY(appraisal::RegisteredNode node, node_of(record));
  node.ak = parsed_ak(record);
  const auto known = known_logs_.find(record.ak_name);
  const appraisal::EvidenceContext context{std::move(alive), std::move(node),
                                           known == known_logs_.end() ? nullptr : known->second};
  auto verified = appraisal::verify_evidence(evidence, context);
  if (verified) keep_event_log(*verified);
  return verified;
}

void Attestation::keep_event_log(const appraisal::VerifiedEvidence& evidence) {
  constexpr std::size_t kept_at_most = 1U << 12;  // some 50 KB each
  if (!evidence.event_log()) return;
  auto& kept = known_logs_[evidence.ak().name()];
  if (kept && kept->pcrs == evidence.quote().pcrs()) return;
  kept = std::make_shared<const appraisal::KnownEventLog>(evidence.quote().pcrs(),
                                                          *evidence.event_log());
  if (known_logs_.size() > kept_at_most) known_logs_.clear();
}

std::shared_ptr<const tpm::VerifiedAk> Attestation::parsed_ak(const NodeRecord& record) {
  constexpr std::size_t kept_at_most = 1U << 16;
  if (const auto kept = parsed_aks_.find(record.ak_name); kept != parsed_aks_.end())
    return kept->second;
  auto area = tpm::parse_public(record.ak_public);
  if (!area) return nullptr;
  auto ak = tpm::verify_ak(*std::move(area));
  if (!ak) return nullptr;
  if (parsed_aks_.size() >= kept_at_most) parsed_aks_.clear();
  return parsed_aks_[record.ak_name] = std::make_shared<const tpm::VerifiedAk>(*std::move(ak));
}

Result<ResultRecord> Attestation::attest(ByteView bytes, ResultForm form) {
  TRY(const evidence::UntrustedEvidence evidence, evidence::parse_evidence(bytes));
  const Time now = now_();
  const std::lock_guard one_at_a_time(node_mutex_);
  const auto verified_evidence = verified(evidence, now);
  if (!verified_evidence) {
    log_warning("evidence does not verify: " + verified_evidence.error().to_string());
    return fail(verified_evidence.error());
  }
  // Evidence is on disk before any result names it.
  const Path file = evidence_directory_ / (to_hex(evidence.digest()) + ".evidence");
  TRY_VOID(write_file_atomically(file, bytes, 0600));
  return conclude(*verified_evidence, form, now);
}

Result<ResultRecord> Attestation::conclude(const appraisal::VerifiedEvidence& evidence,
                                           ResultForm form, Time now) {
  TRY(NodeRecord record, registered(state_, evidence.node().node));
  const auto knowledge = knowledge_();
  const Files files = this->files();
  const appraisal::AppraisalInputs inputs{
      .reference_values = knowledge->reference_values,
      .manifests = knowledge->manifests,
      .policies = knowledge->policies,
      .previous = record.memory,
      .now = now,
      .verifier = identity_.name,
      .verifier_id = {"verifierd 0.1", "attest"},
      .ima_list = files.ima_list.get(),
      .gpu = {knowledge->gpu_roots, knowledge->rim_roots, knowledge->rims},
      .device_values = knowledge->device_values,
      .tee_roots = knowledge->tee_roots,
      .collateral = files.collateral.get(),
      .platform_authorities = knowledge->platform_authorities,
      .custody = custody_};
  const appraisal::Appraisal appraisal = appraisal::appraise(evidence, files.policy, inputs);
  TRY(ResultRecord result, sign(appraisal, evidence.digest(), form));
  TRY_VOID(remember(std::move(record), result, appraisal, now));
  return result;
}

Result<ResultRecord> Attestation::sign(const appraisal::Appraisal& appraisal,
                                       const Sha256& evidence, ResultForm form) const {
  ResultRecord record;
  record.is_jwt = form == ResultForm::jwt;
  if (record.is_jwt) {
    TRY(const std::string jwt, result::sign_as_jwt(appraisal.ear, *identity_.key));
    record.text = to_bytes(jwt);
  } else {
    TRY(record.text, result::sign_as_cwt(appraisal.ear, *identity_.key));
  }
  record.digest = sha256(record.text);
  record.evidence = evidence;
  record.node = appraisal.ear.subject;
  record.made = appraisal.ear.issued_at;
  return record;
}

Status Attestation::remember(NodeRecord record, const ResultRecord& result,
                             const appraisal::Appraisal& appraisal, Time now) {
  const NodeState before = record.state;
  record.result = result.digest;
  if (appraisal.memory) record.memory = appraisal.memory;
  record.state = state_after(appraisal.verdict);
  // What happened to a node that stays what it was is told too: a reboot, an update of firmware.
  if (record.state == before) return state_.put_result(result, record, appraisal.since_last, {});

  record.since = now;
  statement::NodeStateChange change;
  change.from = before;
  change.to = record.state;
  change.result = result.digest;
  change.reasons = appraisal.reasons;
  change.time = now;
  TRY(Bytes statement, identity_.state_statement(record.node, change));
  std::string what = std::string(to_string(before)) + " → " + std::string(to_string(record.state));
  if (!appraisal.reasons.empty()) what += ": " + appraisal.reasons.front();
  log_info("node " + record.node + ": " + printable(what));
  return state_.put_result(result, record, what, std::move(statement));
}

}  // namespace attest::verifierd
