// The evidence item "models": which model files a node holds, by digest. Host-reported: the quote
// protects the list on its way, it does not make it true.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libattest/base/bytes.h"
#include "libattest/base/result.h"
#include "libattest/crypto/digest.h"

namespace attest::evidence {

inline constexpr std::size_t models_limit = 4096;

// {path, size, sha256, fsverity}
struct ModelFile {
  std::string path;  // as the node names it
  std::uint64_t size = 0;
  Sha256 sha256{};
  Sha256 fsverity{};  // fs-verity digest (SHA-256, 4096-byte blocks, no salt)
};

Bytes encode_models(const std::vector<ModelFile>& files);
Result<std::vector<ModelFile>> parse_models(ByteView bytes);

}  // namespace attest::evidence

namespace attest::rules {
inline constexpr Rule models_form{"evidence.models.form"};
}
