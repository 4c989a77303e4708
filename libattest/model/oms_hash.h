// The three hash functions that OpenSSF Model Signing allows for files: SHA-256, BLAKE2b with 512
// bits, BLAKE3 with 256 bits. An OmsHasher is for one thread at a time.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "libattest/base/bytes.h"

namespace attest::model {

enum class OmsHash { sha256, blake2b, blake3 };

std::string_view to_string(OmsHash hash);
// oms_hash_by_name knows "sha256", "blake2b" and "blake3", and nothing else.
std::optional<OmsHash> oms_hash_by_name(std::string_view name);
std::size_t digest_size(OmsHash hash);

class OmsHasher {
 public:
  explicit OmsHasher(OmsHash hash);
  ~OmsHasher();
  OmsHasher(OmsHasher&&) noexcept;
  OmsHasher& operator=(OmsHasher&&) noexcept;

  void update(ByteView bytes);
  // finish gives the digest and begins anew.
  Bytes finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace attest::model
