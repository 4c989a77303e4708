#include "inference/serving/runtime_identity.h"

#include "libattest/result/attestation_result.h"

namespace attest::inference {

namespace {

std::vector<result::ResultSigner> result_signers(const TrustRoot& trust) {
  std::vector<result::ResultSigner> signers;
  for (const auto& verifier : trust.verifiers()) signers.push_back({verifier.name, verifier.key});
  return signers;
}

Error node_failed(std::string found) {
  return refused(rules::runtime_node_failed,
                 "this node's attestation did not pass, so nothing it computes counts")
      .expected("pass")
      .found(std::move(found));
}

}  // namespace

Result<std::unique_ptr<RuntimeIdentity>> RuntimeIdentity::make(std::optional<NodeAgent> agent,
                                                               Random& random) {
  TRY(auto key, make_signing_key(KeyKind::ed25519, random));
  return std::unique_ptr<RuntimeIdentity>(new RuntimeIdentity(std::move(agent), std::move(key)));
}

Result<RuntimeIdentity::Standing> RuntimeIdentity::standing(Time now) const {
  const std::lock_guard lock(mutex_);
  if (!agent_) return Standing{};
  if (lapse_) return fail(*lapse_);
  if (!standing_.result)
    return fail(incomplete(rules::runtime_lapsed, "the node has not attested with this key yet"));
  if (*standing_.expires <= now)
    return fail(incomplete(rules::runtime_lapsed, "the node's attestation has expired")
                    .expected("a result that holds at " + to_minutes(now))
                    .found("one until " + to_minutes(*standing_.expires))
                    .next("is agentd running, and can it reach its verifier?"));
  return standing_;
}

bool RuntimeIdentity::due(Time now) const {
  const std::lock_guard lock(mutex_);
  return lapse_ || !standing_.result || now >= renew_at_;
}

Status RuntimeIdentity::renew(const TrustRoot& trust, Time now) {
  if (!agent_) return {};
  TRY_VOID(ask_status(trust, now));
  return due(now) ? bind(trust, now) : Status();
}

// The agent attests by itself too: its latest result may be a newer one for this key, or bad news.
Status RuntimeIdentity::ask_status(const TrustRoot& trust, Time now) {
  TRY(const evidence::RuntimeAnswer answer, agent_->status());
  if (!answer.result || !answer.verdict) return {};
  TRY(const auto untrusted, result::parse_result(as_bytes(*answer.result)));
  // One that has expired, say, tells nothing about the node as it is: a fresh one will.
  const auto verified = result::verify_result(untrusted, result_signers(trust), now);
  if (!verified) return {};
  const result::Ear& ear = verified->ear();
  if (ear.verdict != result::Verdict::pass) return lose(node_failed(answer.detail));
  return ear.runtime_key == key_->public_key().thumbprint() ? take(answer, trust, now) : Status();
}

Status RuntimeIdentity::bind(const TrustRoot& trust, Time now) {
  TRY(const evidence::RuntimeAnswer answer,
      agent_->bind_runtime_key(key_->public_key().spki_der()));
  return take(answer, trust, now);
}

Status RuntimeIdentity::take(const evidence::RuntimeAnswer& answer, const TrustRoot& trust,
                             Time now) {
  if (!answer.result) return lose(node_failed(answer.detail));
  const auto untrusted = result::parse_result(as_bytes(*answer.result));
  if (!untrusted) return lose(untrusted.error());
  const auto verified = result::verify_result(*untrusted, result_signers(trust), now);
  if (!verified) return lose(verified.error());
  const result::Ear& ear = verified->ear();
  if (ear.verdict != result::Verdict::pass) return lose(node_failed(answer.detail));
  const Sha256 thumbprint = key_->public_key().thumbprint();
  if (ear.runtime_key != thumbprint)
    return lose(refused(rules::runtime_key_not_named, "the result does not name this runtime's key")
                    .expected(to_hex(thumbprint))
                    .found(ear.runtime_key ? to_hex(*ear.runtime_key) : "no key"));
  const std::lock_guard lock(mutex_);
  standing_ = {answer.result, ear.subject, ear.expires};
  renew_at_ = ear.issued_at + (*ear.expires - ear.issued_at) * 2 / 3;
  lapse_.reset();
  return {};
}

Status RuntimeIdentity::lose(Error why) {
  const std::lock_guard lock(mutex_);
  standing_ = {};
  lapse_ = why;
  return fail(std::move(why));
}

}  // namespace attest::inference
