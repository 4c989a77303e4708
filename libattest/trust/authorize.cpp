#include "libattest/trust/authorize.h"

namespace attest {

namespace {

Status check_standing(const EntryStanding& standing) {
  if (!standing.key_ends_at) return {};
  const std::string end = std::to_string(*standing.key_ends_at);
  if (!standing.index)
    return fail(refused(rules::trust_key_ended,
                        "the signer's key was retired or revoked, and the statement is in no log")
                    .expected("a proof that it is an entry below " + end));
  if (*standing.index >= *standing.key_ends_at)
    return fail(
        refused(rules::trust_key_ended, "the signer's key had been retired or revoked before")
            .expected("an entry below " + end)
            .found("entry " + std::to_string(*standing.index)));
  return {};
}

}  // namespace

Result<AuthorizedStatement> authorize(statement::UntrustedStatement statement,
                                      const TrustRoot& trust, const EntryStanding& standing) {
  TRY(Issuer issuer, trust.issuer(statement.issuer(), statement.signer()));
  TRY(statement::VerifiedStatement verified,
      statement::verify_statement(std::move(statement), issuer.key));
  TRY_VOID(trust.may_say(issuer.name, verified->signer(), verified->kind(), verified->subject()));
  TRY_VOID(check_standing(standing));
  return AuthorizedStatement(std::move(verified), std::move(issuer), standing);
}

Status revocation_counts(const AuthorizedStatement& revocation, const AuthorizedStatement& release,
                         const TrustRoot& trust) {
  if (revocation->kind() != statement::Kind::revocation ||
      revocation->subject() != release->subject())
    return fail(refused(rules::revocation_subject, "this is no revocation of that subject")
                    .expected("a revocation of " + release->subject().text())
                    .found("a " + std::string(to_string(revocation->kind())) + " of " +
                           revocation->subject().text()));
  const bool own = revocation->issuer() == release->issuer();
  if (!own && !trust.may_revoke(revocation->issuer(), revocation->signer(), revocation->subject()))
    return fail(
        refused(rules::revocation_not_entitled,
                revocation->issuer() + " may not revoke what " + release->issuer() + " released")
            .next("trust.toml would say so by `revoke`"));
  return {};
}

}  // namespace attest
