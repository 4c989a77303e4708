#include "libattest/model/oms_hash.h"

#include <cstdlib>

#include "libattest/crypto/openssl_handles.h"
#include "libattest/model/blake3.h"

namespace attest::model {

std::string_view to_string(OmsHash hash) {
  switch (hash) {
    case OmsHash::sha256:
      return "sha256";
    case OmsHash::blake2b:
      return "blake2b";
    case OmsHash::blake3:
      break;
  }
  return "blake3";
}

std::optional<OmsHash> oms_hash_by_name(std::string_view name) {
  for (const OmsHash hash : {OmsHash::sha256, OmsHash::blake2b, OmsHash::blake3})
    if (to_string(hash) == name) return hash;
  return std::nullopt;
}

std::size_t digest_size(OmsHash hash) {
  return hash == OmsHash::blake2b ? 64 : 32;
}

struct OmsHasher::State {
  OmsHash hash;
  openssl::DigestContext context;
  Blake3 blake3;

  void begin() {
    if (hash == OmsHash::blake3) {
      blake3 = Blake3();
      return;
    }
    const EVP_MD* kind = hash == OmsHash::sha256 ? EVP_sha256() : EVP_blake2b512();
    // Fails only where OpenSSL was built without the function, or memory is gone.
    if (!context || EVP_DigestInit_ex(context.get(), kind, nullptr) != 1) std::abort();
  }
};

OmsHasher::OmsHasher(OmsHash hash) : state_(std::make_unique<State>()) {
  state_->hash = hash;
  state_->context.reset(EVP_MD_CTX_new());
  state_->begin();
}
OmsHasher::~OmsHasher() = default;
OmsHasher::OmsHasher(OmsHasher&&) noexcept = default;
OmsHasher& OmsHasher::operator=(OmsHasher&&) noexcept = default;

void OmsHasher::update(ByteView bytes) {
  if (state_->hash == OmsHash::blake3)
    state_->blake3.update(bytes);
  else
    EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size());
}

Bytes OmsHasher::finish() {
  Bytes digest(digest_size(state_->hash));
  if (state_->hash == OmsHash::blake3)
    digest = to_bytes(state_->blake3.digest());
  else
    EVP_DigestFinal_ex(state_->context.get(), openssl::data(digest), nullptr);
  state_->begin();
  return digest;
}

}  // namespace attest::model
