// Batch: one root for many results or receipts, whose bodies are kept apart from the public log.
#pragma once

#include "libattest/base/time.h"
#include "libattest/crypto/digest.h"

namespace attest::statement {

struct Batch {
  enum class Of { results, receipts };
  Of of = Of::results;
  Sha256 root{};  // RFC 6962 root over the leaf hashes of the bodies' SHA-256 digests, in order
  std::uint64_t count = 0;  // at least 1
  Time until;               // no body is younger
  friend bool operator==(const Batch&, const Batch&) = default;
};

Bytes encode(const Batch& batch);
Result<Batch> decode_batch(ByteView payload);

}  // namespace attest::statement
