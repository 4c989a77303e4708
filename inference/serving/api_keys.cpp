#include "inference/serving/api_keys.h"

#include "libattest/base/text.h"
#include "libattest/crypto/secret_file.h"

namespace attest::inference {

namespace {
constexpr std::size_t shortest_key = 16;
}

Result<ApiKeys> ApiKeys::read(const Path& file) {
  TRY(const Secret secret, read_secret_file(file));
  ApiKeys keys;
  std::size_t line_number = 0;
  for (std::string_view line : split(secret.text(), '\n')) {
    ++line_number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.starts_with('#')) continue;
    if (line.size() < shortest_key)
      return fail(refused(rules::api_keys, "an API key is too short")
                      .expected("16 characters or more")
                      .found(std::to_string(line.size()))
                      .next("make one: openssl rand -hex 24")
                      .within(file.string() + ":" + std::to_string(line_number)));
    keys.digests_.push_back(sha256(as_bytes(line)));
  }
  if (keys.digests_.empty())
    return fail(refused(rules::api_keys, "there is no API key in it").within(file.string()));
  return keys;
}

bool ApiKeys::has(std::string_view presented) const {
  const Sha256 digest = sha256(as_bytes(presented));
  bool found = false;
  for (const Sha256& known : digests_) found = equal_secret(known, digest) || found;
  return found;
}

}  // namespace attest::inference
