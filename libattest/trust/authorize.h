// authorize: the one door through which statements are believed.
#pragma once

#include <optional>
#include <string>

#include "libattest/statement/statement.h"
#include "libattest/trust/trust_root.h"

namespace attest {

// EntryStanding is what the caller knows of an entry's place in its log, from verified proofs.
struct EntryStanding {
  std::optional<std::uint64_t> index;  // nothing when the statement is in no log
  // from_index of the earliest counting key status about the signer's key.
  std::optional<std::uint64_t> key_ends_at;
};

// AuthorizedStatement was signed by an issuer of the trust root that may say this. Only authorize
// makes one.
class AuthorizedStatement {
 public:
  const statement::UntrustedStatement& statement() const { return verified_.statement(); }
  const statement::UntrustedStatement* operator->() const { return &verified_.statement(); }
  const statement::VerifiedStatement& verified() const { return verified_; }
  const Issuer& issuer() const { return issuer_; }
  const EntryStanding& standing() const { return standing_; }

 private:
  friend Result<AuthorizedStatement> authorize(statement::UntrustedStatement, const TrustRoot&,
                                               const EntryStanding&);
  AuthorizedStatement(statement::VerifiedStatement verified, Issuer issuer, EntryStanding standing)
      : verified_(std::move(verified)), issuer_(std::move(issuer)), standing_(standing) {}
  statement::VerifiedStatement verified_;
  Issuer issuer_;
  EntryStanding standing_;
};

// authorize checks, in this order:
//   - the issuer and the key it names are in the trust root (rules::trust_unknown_issuer,
//     rules::trust_unknown_key);
//   - the signature by that key holds (rules::cose_signature);
//   - the issuer may say this kind of thing about this subject (rules::trust_may_not_say,
//     rules::trust_may_not_speak_of);
//   - the key had not been retired or revoked before this entry (rules::trust_key_ended); where it
//     was, a statement that is in no log is refused.
// Not checked: that the trust root is in its time, that the entry is in a log, whether the
// statement was revoked. Map roots are the log's, not an issuer's: see transparency/map_root.h.
Result<AuthorizedStatement> authorize(statement::UntrustedStatement statement,
                                      const TrustRoot& trust, const EntryStanding& standing = {});

// revocation_counts says whether `revocation` takes `release` back. It checks, in this order:
//   - it is a revocation of the release's subject (rules::revocation_subject);
//   - its issuer issued the release, or the trust root gives it `revoke` over the subject
//     (rules::revocation_not_entitled).
Status revocation_counts(const AuthorizedStatement& revocation, const AuthorizedStatement& release,
                         const TrustRoot& trust);

namespace rules {
inline constexpr Rule trust_key_ended{"trust.key-ended"};
inline constexpr Rule revocation_subject{"trust.revocation.subject"};
inline constexpr Rule revocation_not_entitled{"trust.revocation.not-entitled"};
}  // namespace rules

}  // namespace attest
