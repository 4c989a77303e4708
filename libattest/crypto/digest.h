// Digests (FIPS 180-4) by OpenSSL. Pure functions; a Hasher is for one thread at a time.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "libattest/base/bytes.h"
#include "libattest/base/result.h"

struct evp_md_ctx_st;

namespace attest {

enum class HashAlgorithm { sha1, sha256, sha384, sha512 };

std::size_t digest_size(HashAlgorithm algorithm);
// hash_name gives "sha1", "sha256", "sha384" or "sha512"; hash_by_name reads exactly those.
std::string_view hash_name(HashAlgorithm algorithm);
Result<HashAlgorithm> hash_by_name(std::string_view name);

// Sha256 is a SHA-256 value: what identifies everything in this project.
using Sha256 = std::array<std::byte, 32>;

// sha256 hashes the concatenation of its arguments.
Sha256 sha256(ByteView bytes);
Sha256 sha256(std::initializer_list<ByteView> parts);
Bytes digest(HashAlgorithm algorithm, ByteView bytes);

// digest_uri gives "sha256:<64 hex digits>", the text form of an identity in statements;
// parse_digest_uri reads exactly that, lower case only.
std::string digest_uri(const Sha256& value);
Result<Sha256> parse_digest_uri(std::string_view text);

// Hasher takes its input in pieces. Copying is not offered; reset() starts anew on the same
// context, which is what makes many small digests fast.
class Hasher {
 public:
  explicit Hasher(HashAlgorithm algorithm = HashAlgorithm::sha256);
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;

  HashAlgorithm algorithm() const { return algorithm_; }
  void update(ByteView bytes);
  // finish gives the digest and resets.
  Bytes finish();
  // finish_sha256 is finish without an allocation; only for HashAlgorithm::sha256.
  Sha256 finish_sha256();
  void reset();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
  HashAlgorithm algorithm_;
};

namespace rules {
inline constexpr Rule hash_unknown{"crypto.hash.unknown"};
inline constexpr Rule digest_form{"crypto.digest.form"};
}  // namespace rules

}  // namespace attest
