// ImaAllowList: which files a node may have measured, compiled once and asked for each entry. It
// reads Keylime's runtime policies (version 1, as files or signed as DSSE envelopes) as they are.
// Immutable after parsing; may be asked from several threads.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libattest/base/bytes.h"
#include "libattest/tpm/ima_signature.h"

namespace attest::tpm {

// What an allow list says of one entry.
enum class ImaFinding {
  allowed,       // the digest is listed for this path
  excluded,      // the path is left out of what is judged
  signed_by,     // a key that may sign vouches for the digest, whatever the list says of the path
  other_digest,  // the path is listed with other digests
  unknown        // the path is not listed
};

class ImaAllowList {
 public:
  // parse reads the JSON. It refuses another version, members of a wrong type, digests that are no
  // hexadecimal, and excludes that are no regular expressions.
  static Result<ImaAllowList> parse(std::string_view json);

  // judge asks the list and the keys, in this order: exclusion, digest, signature. Digests compare
  // by value; one written with its algorithm, "sha256:…", only with digests of it.
  ImaFinding judge(const ImaEntry& entry, std::span<const ImaKey> keys,
                   ImaSignatureRules rules = {}) const;
  // expected gives the digests listed for a path, in hexadecimal, for words.
  std::vector<std::string> expected(std::string_view path) const;

  // keys are the policy's own verification keys, in PEM.
  const std::vector<ImaKey>& keys() const;
  std::size_t size() const;  // paths listed

 private:
  struct Compiled;
  explicit ImaAllowList(std::shared_ptr<const Compiled> compiled)
      : compiled_(std::move(compiled)) {}
  std::shared_ptr<const Compiled> compiled_;
};

}  // namespace attest::tpm

namespace attest::rules {
inline constexpr Rule ima_policy_form{"tpm.ima.policy-form"};
inline constexpr Rule ima_policy_version{"tpm.ima.policy-version"};
inline constexpr Rule ima_policy_exclude{"tpm.ima.policy-exclude"};
}  // namespace attest::rules
