#include "libattest/trust/trust_root.h"

#include <algorithm>

#include "libattest/base/text.h"
#include "libattest/trust/trust_root_content.h"

namespace attest {

namespace {

bool any_matches(const std::vector<std::string>& patterns, const statement::Subject& subject) {
  return std::ranges::any_of(
      patterns, [&](const std::string& pattern) { return matches_glob(pattern, subject.text()); });
}

std::string listed(const std::vector<std::string>& texts) {
  std::string line;
  for (const std::string& text : texts) line += (line.empty() ? "" : ", ") + text;
  return line.empty() ? "nothing" : line;
}

std::string listed(const std::set<statement::Kind>& kinds) {
  std::vector<std::string> names;
  for (const statement::Kind kind : kinds) names.emplace_back(to_string(kind));
  return listed(names);
}

std::string shown(std::string_view name) {
  return printable(name, 80);
}

}  // namespace

const Sha256& TrustRoot::digest() const {
  return content_->digest;
}
std::uint64_t TrustRoot::version() const {
  return content_->version;
}
Time TrustRoot::expires() const {
  return content_->expires;
}
std::size_t TrustRoot::threshold() const {
  return content_->threshold;
}
const std::vector<transparency::VerifierKey>& TrustRoot::root_keys() const {
  return content_->root_keys;
}
const std::vector<transparency::LogVerifiers>& TrustRoot::logs() const {
  return content_->logs;
}
const std::vector<transparency::VerifierKey>& TrustRoot::witnesses() const {
  return content_->witnesses;
}
std::size_t TrustRoot::quorum() const {
  return content_->quorum;
}
const std::vector<Issuer>& TrustRoot::issuers() const {
  return content_->issuers;
}
const std::vector<evidence::KnownVerifier>& TrustRoot::verifiers() const {
  return content_->verifiers;
}
const std::vector<Certificate>& TrustRoot::ek_roots() const {
  return content_->ek_roots;
}
const std::vector<Certificate>& TrustRoot::gpu_roots() const {
  return content_->gpu_roots;
}
const std::vector<Certificate>& TrustRoot::tee_roots() const {
  return content_->tee_roots;
}
const std::vector<Certificate>& TrustRoot::platform_roots() const {
  return content_->platform_roots;
}
const std::vector<Certificate>& TrustRoot::rim_roots() const {
  return content_->rim_roots;
}
const std::set<Sha256>& TrustRoot::allowed_eks() const {
  return content_->allowed_eks;
}
const std::map<std::string, std::vector<std::string>>& TrustRoot::regions() const {
  return content_->regions;
}

Status TrustRoot::check_time(Time now) const {
  if (now < expires()) return {};
  return fail(incomplete(rules::trust_expired, "the trust root has expired")
                  .expected("a time before " + to_minutes(expires()))
                  .found(to_minutes(now))
                  .next("get version " + std::to_string(version() + 1) +
                        " of trust.toml with its signatures"));
}

Result<transparency::LogVerifiers> TrustRoot::log_verifiers(std::string_view origin) const {
  const auto found = std::ranges::find(logs(), origin, &transparency::LogVerifiers::origin);
  if (found != logs().end()) return *found;
  std::vector<std::string> known;
  for (const auto& log : logs()) known.push_back(log.origin);
  return fail(refused(rules::trust_unknown_log, "the trust root knows no such log")
                  .expected(listed(known))
                  .found(shown(origin)));
}

Result<Issuer> TrustRoot::issuer(std::string_view name, const Sha256& key_thumbprint) const {
  bool name_known = false;
  for (const Issuer& each : issuers()) {
    if (each.name != name) continue;
    name_known = true;
    if (each.key.thumbprint() == key_thumbprint) return each;
  }
  if (!name_known)
    return fail(refused(rules::trust_unknown_issuer, "the trust root knows no such issuer")
                    .found(shown(name))
                    .next("an [[issuer]] table in trust.toml would name it"));
  return fail(refused(rules::trust_unknown_key,
                      "the issuer " + shown(name) + " has no such key in the trust root")
                  .found("key:" + to_hex(key_thumbprint)));
}

Status TrustRoot::may_say(std::string_view issuer_name, const Sha256& key_thumbprint,
                          statement::Kind kind, const statement::Subject& subject) const {
  TRY(const Issuer speaker, issuer(issuer_name, key_thumbprint));
  if (kind == statement::Kind::revocation && any_matches(speaker.revoke, subject)) return {};
  if (!speaker.may.contains(kind))
    return fail(
        refused(rules::trust_may_not_say,
                speaker.name + " may not make statements of kind " + std::string(to_string(kind)))
            .expected("one of " + listed(speaker.may))
            .found(std::string(to_string(kind))));
  if (!any_matches(speaker.subjects, subject))
    return fail(
        refused(rules::trust_may_not_speak_of, speaker.name + " may not speak of this subject")
            .expected("a subject like " + listed(speaker.subjects))
            .found(subject.text()));
  return {};
}

bool TrustRoot::may_revoke(std::string_view issuer_name, const Sha256& key_thumbprint,
                           const statement::Subject& subject) const {
  const auto speaker = issuer(issuer_name, key_thumbprint);
  return speaker && any_matches(speaker->revoke, subject);
}

}  // namespace attest
