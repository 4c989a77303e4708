#include "libattest/crypto/digest.h"

#include <algorithm>
#include <cassert>
#include <new>

#include <openssl/sha.h>

#include "libattest/crypto/openssl_handles.h"

namespace attest {

const EVP_MD* openssl::digest_method(HashAlgorithm algorithm) {
  static const std::array<EVP_MD*, 4> digests = {
      EVP_MD_fetch(nullptr, "SHA1", nullptr), EVP_MD_fetch(nullptr, "SHA256", nullptr),
      EVP_MD_fetch(nullptr, "SHA384", nullptr), EVP_MD_fetch(nullptr, "SHA512", nullptr)};
  return digests[static_cast<std::size_t>(algorithm)];
}

namespace {

// A digest of OpenSSL's default provider fails only when memory is out.
void require(int openssl_result) {
  if (openssl_result != 1) throw std::bad_alloc();
}

}  // namespace

std::size_t digest_size(HashAlgorithm algorithm) {
  switch (algorithm) {
    case HashAlgorithm::sha1:
      return 20;
    case HashAlgorithm::sha256:
      return 32;
    case HashAlgorithm::sha384:
      return 48;
    case HashAlgorithm::sha512:
      return 64;
  }
  return 0;
}

std::string_view hash_name(HashAlgorithm algorithm) {
  static constexpr std::string_view names[] = {"sha1", "sha256", "sha384", "sha512"};
  return names[static_cast<std::size_t>(algorithm)];
}

Result<HashAlgorithm> hash_by_name(std::string_view name) {
  for (const auto algorithm :
       {HashAlgorithm::sha1, HashAlgorithm::sha256, HashAlgorithm::sha384, HashAlgorithm::sha512})
    if (hash_name(algorithm) == name) return algorithm;
  return fail(refused(rules::hash_unknown, "unknown digest algorithm")
                  .expected("sha1, sha256, sha384 or sha512")
                  .found("\"" + std::string(name.substr(0, 32)) + "\""));
}

Hasher::Hasher(HashAlgorithm algorithm) : context_(EVP_MD_CTX_new()), algorithm_(algorithm) {
  if (!context_) throw std::bad_alloc();
  require(EVP_DigestInit_ex2(context_.get(), openssl::digest_method(algorithm), nullptr));
}
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;
void Hasher::Free::operator()(evp_md_ctx_st* context) const {
  EVP_MD_CTX_free(context);
}

void Hasher::update(ByteView bytes) {
  require(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()));
}

void Hasher::reset() {
  require(EVP_DigestInit_ex2(context_.get(), nullptr, nullptr));
}

Bytes Hasher::finish() {
  Bytes value(digest_size(algorithm_));
  require(
      EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(value.data()), nullptr));
  reset();
  return value;
}

Sha256 Hasher::finish_sha256() {
  Sha256 value{};
  assert(algorithm_ == HashAlgorithm::sha256);
  require(
      EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(value.data()), nullptr));
  reset();
  return value;
}

// Most digests here are of a few hundred bytes or two hashes, where EVP costs more than SHA-256
// does: OpenSSL's plain functions are two to three times as fast.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
Sha256 sha256(std::initializer_list<ByteView> parts) {
  SHA256_CTX context;
  require(SHA256_Init(&context));
  for (const ByteView part : parts) require(SHA256_Update(&context, part.data(), part.size()));
  Sha256 value{};
  require(SHA256_Final(reinterpret_cast<unsigned char*>(value.data()), &context));
  return value;
}
#pragma GCC diagnostic pop

Sha256 sha256(ByteView bytes) {
  return sha256({bytes});
}

Bytes digest(HashAlgorithm algorithm, ByteView bytes) {
  Hasher hasher(algorithm);
  hasher.update(bytes);
  return hasher.finish();
}

std::string digest_uri(const Sha256& value) {
  return "sha256:" + to_hex(value);
}

Result<Sha256> parse_digest_uri(std::string_view text) {
  const auto bad = [&] {
    return fail(refused(rules::digest_form, "this is not a SHA-256 identity")
                    .expected("sha256: and 64 lower-case hexadecimal digits")
                    .found("\"" + std::string(text.substr(0, 80)) + "\""));
  };
  if (text.size() != 71 || !text.starts_with("sha256:")) return bad();
  const std::string_view digits = text.substr(7);
  if (!std::ranges::all_of(digits,
                           [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }))
    return bad();
  TRY(const Bytes bytes, from_hex(digits));
  Sha256 value{};
  std::ranges::copy(bytes, value.begin());
  return value;
}

}  // namespace attest
