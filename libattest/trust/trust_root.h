// The trust root: one small TOML file that says whom to believe about what (docs/formats.md,
// packaging/examples/trust.toml).
//
// A TrustRoot is believed because it was given: pinned by digest, installed, or accepted as an
// update (trust_update.h). Immutable and cheap to copy; usable from any thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "libattest/base/file.h"
#include "libattest/base/time.h"
#include "libattest/crypto/certificate.h"
#include "libattest/evidence/challenge.h"
#include "libattest/statement/kind.h"
#include "libattest/transparency/checkpoint.h"

namespace attest {

// Issuer is one key under one name, and what it may say. A name may stand in several [[issuer]]
// tables, one a key; (name, key) stands once.
struct Issuer {
  std::string name;
  PublicKey key;
  std::set<statement::Kind> may;
  std::vector<std::string> subjects;  // patterns over subject texts; '*' stands for any run
  std::vector<std::string> revoke;    // patterns: others' subjects it may revoke
};

class TrustRoot {
 public:
  // parse reads the text of a trust.toml. Unknown keys, malformed keys and certificates, doubled
  // names, a threshold no set of keys can reach and a quorum above the number of witnesses are
  // refused, each with its line. `name` is what errors call the file.
  static Result<TrustRoot> parse(std::string_view text, std::string name = "trust.toml");
  // read is read_file and parse.
  static Result<TrustRoot> read(const Path& path);

  // digest is the SHA-256 of the file's bytes: its identity, by which a first one is pinned.
  const Sha256& digest() const;
  std::uint64_t version() const;
  Time expires() const;
  std::size_t threshold() const;
  const std::vector<transparency::VerifierKey>& root_keys() const;
  // check_time is incomplete (rules::trust_expired) from `expires` on.
  Status check_time(Time now) const;

  // logs has one element a log, each with all witnesses and the quorum.
  const std::vector<transparency::LogVerifiers>& logs() const;
  // log_verifiers refuses an origin the trust root does not know (rules::trust_unknown_log).
  Result<transparency::LogVerifiers> log_verifiers(std::string_view origin) const;
  const std::vector<transparency::VerifierKey>& witnesses() const;
  std::size_t quorum() const;

  const std::vector<Issuer>& issuers() const;
  // issuer gives the entry for a name and a key's thumbprint; refused when the name is unknown
  // (rules::trust_unknown_issuer) or has no such key (rules::trust_unknown_key).
  Result<Issuer> issuer(std::string_view name, const Sha256& key_thumbprint) const;

  // may_say checks, in this order, and says in words what is missing:
  //   - the issuer and its key are known, as above;
  //   - the issuer may make statements of this kind (rules::trust_may_not_say);
  //   - one of its subject patterns matches (rules::trust_may_not_speak_of).
  // A revocation is also allowed where one of its `revoke` patterns matches.
  Status may_say(std::string_view issuer_name, const Sha256& key_thumbprint, statement::Kind kind,
                 const statement::Subject& subject) const;
  // may_revoke says whether this issuer may revoke what others released.
  bool may_revoke(std::string_view issuer_name, const Sha256& key_thumbprint,
                  const statement::Subject& subject) const;

  // verifiers may sign challenges and results.
  const std::vector<evidence::KnownVerifier>& verifiers() const;

  const std::vector<Certificate>& ek_roots() const;
  const std::vector<Certificate>& gpu_roots() const;
  const std::vector<Certificate>& tee_roots() const;
  // platform_roots are the authorities that may sign platform certificates.
  const std::vector<Certificate>& platform_roots() const;
  const std::vector<Certificate>& rim_roots() const;
  // allowed_eks are believed without a certificate, by the digest of their SubjectPublicKeyInfo.
  const std::set<Sha256>& allowed_eks() const;
  // regions maps a region's name to patterns over node ids.
  const std::map<std::string, std::vector<std::string>>& regions() const;

 private:
  friend struct TrustRootReader;
  struct Content;
  explicit TrustRoot(std::shared_ptr<const Content> content) : content_(std::move(content)) {}
  std::shared_ptr<const Content> content_;
};

namespace rules {
inline constexpr Rule trust_value{"trust.value"};
inline constexpr Rule trust_twice{"trust.twice"};
inline constexpr Rule trust_expired{"trust.expired"};
inline constexpr Rule trust_unknown_log{"trust.log.unknown"};
inline constexpr Rule trust_unknown_issuer{"trust.issuer.unknown"};
inline constexpr Rule trust_unknown_key{"trust.issuer.unknown-key"};
inline constexpr Rule trust_may_not_say{"trust.issuer.may-not-say"};
inline constexpr Rule trust_may_not_speak_of{"trust.issuer.may-not-speak-of"};
}  // namespace rules

}  // namespace attest
