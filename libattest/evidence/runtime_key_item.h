// The evidence item "runtime-key": the receipt key of the runtime that runs on the node, and which
// executable holds it. The quote covers the key's thumbprint, so the result can name it.
#pragma once

#include <cstdint>
#include <string>

#include "libattest/base/bytes.h"
#include "libattest/base/result.h"
#include "libattest/crypto/digest.h"

namespace attest::evidence {

// {spki, executable, path, pid}
struct RuntimeKey {
  Bytes spki;           // SubjectPublicKeyInfo, DER
  Sha256 executable{};  // SHA-256 of the executable's bytes, as agentd read them
  std::string path;
  std::uint64_t pid = 0;

  // thumbprint = SHA-256(spki)
  Sha256 thumbprint() const { return sha256(spki); }
};

Bytes encode_runtime_key(const RuntimeKey& key);
// parse_runtime_key also refuses a spki that is no public key, or not written as OpenSSL writes it:
// otherwise one key would have several thumbprints.
Result<RuntimeKey> parse_runtime_key(ByteView bytes);

}  // namespace attest::evidence

namespace attest::rules {
inline constexpr Rule runtime_key_form{"evidence.runtime-key.form"};
}
