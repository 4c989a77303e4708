// Key status and revocation: how a signature or a release stops counting.
#pragma once

#include <string>

#include "libattest/crypto/digest.h"

namespace attest::statement {

struct KeyStatus {
  enum class Status { retired, revoked };
  Status status = Status::retired;
  std::uint64_t from_index = 0;  // entries below stand unless policy says otherwise
  std::string reason;
  friend bool operator==(const KeyStatus&, const KeyStatus&) = default;
};

struct Revocation {
  std::string reason;
  friend bool operator==(const Revocation&, const Revocation&) = default;
};

Bytes encode(const KeyStatus& status);
Result<KeyStatus> decode_key_status(ByteView payload);
Bytes encode(const Revocation& revocation);
Result<Revocation> decode_revocation(ByteView payload);

}  // namespace attest::statement
