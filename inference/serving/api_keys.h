// The keys by which a request may use the runtime: a file of mode 0600, one key a line.
#pragma once

#include <vector>

#include "libattest/base/file.h"
#include "libattest/crypto/digest.h"

namespace attest::inference {

// ApiKeys is immutable and may be used from several threads. Keys are kept as digests.
class ApiKeys {
 public:
  // read skips empty lines and lines that begin with '#'. A file that others may read is refused
  // (rules::key_file_open), and so are one without a key and a key of fewer than 16 characters
  // (rules::api_keys).
  static Result<ApiKeys> read(const Path& file);

  // has compares with every key, in a time that tells nothing about any of them.
  bool has(std::string_view presented) const;

 private:
  std::vector<Sha256> digests_;
};

}  // namespace attest::inference

namespace attest::rules {
inline constexpr Rule api_keys{"inference.api-keys"};
}
