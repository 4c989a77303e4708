#include "verifierd/enrolment.h"

#include <algorithm>

#include "libattest/base/text.h"
#include "libattest/evidence/node_id.h"
#include "libattest/tpm/credential.h"

namespace attest::verifierd {

namespace {

constexpr std::size_t secret_size = 32;

std::string named(const Sha256& ek) {
  return "ek:" + to_hex(ek);
}

// What verify_ek asks of a certified EK, asked of one that is allowed without a certificate:
// activation proves something only for a restricted decryption key that never leaves its TPM.
Status check_fit(const tpm::UntrustedPublic& ek) {
  using tpm::KeyAttribute;
  for (const KeyAttribute wanted :
       {KeyAttribute::restricted, KeyAttribute::decrypt, KeyAttribute::fixed_tpm,
        KeyAttribute::fixed_parent, KeyAttribute::sensitive_data_origin})
    if (!ek.has(wanted))
      return fail(refused(rules::enrol_ek_unfit, "this key cannot be an endorsement key")
                      .expected("a restricted decryption key, fixed to its TPM and made in it"));
  if (ek.has(KeyAttribute::sign))
    return fail(refused(rules::enrol_ek_unfit, "an endorsement key does not sign"));
  return {};
}

}  // namespace

Result<std::set<Sha256>> parse_allowed_eks(std::string_view text) {
  std::set<Sha256> eks;
  std::size_t number = 0;
  for (std::string_view line : split(text, '\n')) {
    ++number;
    line = line.substr(0, line.find('#'));
    while (line.starts_with(' ')) line.remove_prefix(1);
    while (line.ends_with(' ')) line.remove_suffix(1);
    if (line.empty()) continue;
    const auto digest = line.starts_with("ek:") ? from_hex(line.substr(3)) : Result<Bytes>(Bytes());
    Sha256 ek{};
    if (!digest || digest->size() != ek.size())
      return fail(refused(rules::enrol_allow_list, "this line names no endorsement key")
                      .expected("ek:<64 hex digits>")
                      .found(printable(line, 80))
                      .within("line " + std::to_string(number)));
    std::ranges::copy(*digest, ek.begin());
    eks.insert(ek);
  }
  return eks;
}

void Enrolment::allow_eks(std::set<Sha256> eks) {
  const std::lock_guard lock(allowed_mutex_);
  allowed_eks_ = std::move(eks);
}

bool Enrolment::is_allowed(const Sha256& ek, const TrustRoot& trust) const {
  const std::lock_guard lock(allowed_mutex_);
  return trust.allowed_eks().contains(ek) || allowed_eks_.contains(ek);
}

Result<Enrolment::TrustedEk> Enrolment::trusted_ek(const evidence::EnrolBegin& request,
                                                   const TrustRoot& trust) const {
  TRY(tpm::UntrustedPublic area, tpm::parse_sized_public(request.ek_public));
  if (is_allowed(area.key.thumbprint(), trust)) {
    TRY_VOID(check_fit(area));
    return TrustedEk{std::move(area)};
  }
  if (request.ek_certificates.empty())
    return fail(
        refused(rules::enrol_no_certificate, "the TPM shows no EK certificate")
            .expected("a certificate of its manufacturer, or its EK allowed by name")
            .found(named(area.key.thumbprint()))
            .next("if you know whose it is, name it under [ek] allow of the trust root or in the "
                  "verifier's list of allowed EKs"));
  TRY(const Certificate leaf, tpm::certificate_from_nv(request.ek_certificates.front()));
  tpm::EkRules rules;
  rules.at = now_();
  rules.roots = trust.ek_roots();
  for (std::size_t i = 1; i < request.ek_certificates.size(); ++i) {
    TRY(Certificate intermediate, tpm::certificate_from_nv(request.ek_certificates[i]));
    rules.intermediates.push_back(std::move(intermediate));
  }
  TRY(const tpm::VerifiedEk verified, tpm::verify_ek(leaf, std::move(area), rules));
  const Sha256 root = verified.chain().root().fingerprint();
  const bool software = std::ranges::any_of(
      software_roots_, [&root](const Certificate& known) { return known.fingerprint() == root; });
  return TrustedEk{verified.area(), software, to_bytes(leaf.der())};
}

Status Enrolment::check_manifest(const std::string& node, const Sha256& ek,
                                 const TrustRoot& trust) const {
  const auto knowledge = knowledge_();
  const hardware::ManifestFinding finding = knowledge->manifests.find(ek);
  if (finding.missing()) {
    if (is_allowed(ek, trust)) return {};
    return fail(refused(rules::enrol_unknown_ek, "nobody has said whose this TPM is")
                    .expected("a device manifest in the ledger that names it")
                    .found(named(ek))
                    .next("enter its manifest with: attestctl hardware add"));
  }
  if (finding.disputed())
    return fail(refused(rules::enrol_disputed, "several issuers claim this TPM")
                    .expected("one issuer's device manifest")
                    .found(std::to_string(finding.manifests.size())));
  const auto& named_node = finding.manifests.front()->manifest.node;
  if (named_node && *named_node != node)
    return fail(refused(rules::enrol_other_node, "the TPM's manifest names another node")
                    .expected(*named_node)
                    .found(node));
  return {};
}

Status Enrolment::check_not_taken(const std::string& node, const Sha256& ek) const {
  TRY(const auto same_name, state_.node(node));
  if (same_name && same_name->ek != ek)
    return fail(refused(rules::enrol_node_taken, "this node is registered with another TPM")
                    .expected(named(same_name->ek))
                    .found(named(ek))
                    .next("if its TPM was replaced, enrol the machine under another node id"));
  TRY(const auto same_ek, state_.node_of_ek(ek));
  if (same_ek && same_ek->node != node)
    return fail(refused(rules::enrol_ek_taken, "this TPM is registered as another node")
                    .expected(same_ek->node)
                    .found(node));
  return {};
}

Result<evidence::EnrolChallenge> Enrolment::begin(const evidence::EnrolBegin& request) {
  TRY_VOID(evidence::check_node_id(request.node));
  const TrustRoot trust = trust_.get();
  TRY_VOID(trust.check_time(now_()));
  TRY(const TrustedEk ek, trusted_ek(request, trust));
  const Sha256 identity = ek.area.key.thumbprint();
  TRY_VOID(check_manifest(request.node, identity, trust));
  TRY_VOID(check_not_taken(request.node, identity));
  TRY(tpm::UntrustedPublic ak_area, tpm::parse_sized_public(request.ak_public));
  TRY(const tpm::VerifiedAk ak, tpm::verify_ak(std::move(ak_area)));

  Session session{request.node,
                  identity,
                  ek.software_tpm,
                  ek.certificate,
                  ak.name(),
                  ak.area().bytes,
                  random_.bytes(secret_size),
                  now_() + enrol_session_life};
  TRY(tpm::Credential credential,
      tpm::make_credential(ek.area, ak.name(), session.secret, random_));
  evidence::EnrolChallenge challenge;
  random_.fill(challenge.session);
  challenge.credential_blob = std::move(credential.credential_blob);
  challenge.encrypted_secret = std::move(credential.encrypted_secret);
  TRY_VOID(keep(challenge.session, std::move(session)));
  return challenge;
}

Status Enrolment::keep(const evidence::EnrolSession& id, Session session) {
  const std::lock_guard lock(mutex_);
  const Time now = now_();
  std::erase_if(sessions_, [now](const auto& entry) { return entry.second.expires <= now; });
  if (sessions_.size() >= enrol_sessions_limit)
    return fail(incomplete(rules::enrol_busy, "too many nodes are enrolling at once"));
  sessions_.insert_or_assign(id, std::move(session));
  return {};
}

Result<evidence::EnrolResult> Enrolment::complete(const evidence::EnrolComplete& request) {
  Session session;
  {
    const std::lock_guard lock(mutex_);
    auto found = sessions_.extract(request.session);  // one attempt, whatever comes of it
    if (found.empty() || found.mapped().expires <= now_())
      return fail(refused(rules::enrol_session, "this enrolment is unknown or over")
                      .expected("an answer within " + to_words(enrol_session_life))
                      .next("begin the enrolment again"));
    session = std::move(found.mapped());
  }
  if (!equal_secret(request.secret, session.secret))
    return fail(refused(rules::enrol_secret, "the secret is not the one the TPM was given")
                    .expected("what TPM2_ActivateCredential gives in the TPM that holds this AK"));
  TRY_VOID(register_node(session, now_()));
  return evidence::EnrolResult{session.node, session.ak_name, "enrolled"};
}

Status Enrolment::register_node(const Session& session, Time now) {
  const std::lock_guard lock(mutex_);
  // Again, under the lock: two sessions for one name may have begun side by side.
  TRY_VOID(check_not_taken(session.node, session.ek));
  TRY(const auto before, state_.node(session.node));
  NodeRecord record = before.value_or(NodeRecord{});
  record.node = session.node;
  record.ek = session.ek;
  record.software_tpm = session.software_tpm;
  record.ek_certificate = session.ek_certificate;
  if (before && before->ak_name == session.ak_name)
    return state_.put_node(record, now, "enrolled again with the same attestation key", {});
  record.ak_name = session.ak_name;
  record.ak_public = session.ak_public;
  record.state = statement::NodeState::enrolled;
  record.since = now;
  record.result.reset();
  statement::NodeStateChange change;
  if (before) change.from = before->state;
  change.to = record.state;
  change.reasons = {before ? "same TPM, new attestation key" : "enrolled"};
  change.time = now;
  TRY(Bytes statement, identity_.state_statement(record.node, change));
  return state_.put_node(record, now, change.reasons.front(), std::move(statement));
}

}  // namespace attest::verifierd
