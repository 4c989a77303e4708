#include "libattest/tpm/ima_signature.h"

#include <algorithm>

#include <openssl/cms.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "libattest/base/text.h"
#include "libattest/crypto/openssl_handles.h"

namespace attest::tpm {
namespace {

// enum evm_ima_xattr_type and pkcs7 hash numbers (include/uapi/linux/hash_info.h).
constexpr std::uint8_t type_digital_signature = 0x03;
constexpr std::uint8_t type_verity_signature = 0x06;

std::optional<HashAlgorithm> hash_of_kernel(std::uint8_t number) {
  switch (number) {
    case 2:
      return HashAlgorithm::sha1;
    case 4:
      return HashAlgorithm::sha256;
    case 5:
      return HashAlgorithm::sha384;
    case 6:
      return HashAlgorithm::sha512;
    default:
      return std::nullopt;
  }
}

const EVP_MD* evp_of(HashAlgorithm hash) {
  switch (hash) {
    case HashAlgorithm::sha1:
      return EVP_sha1();
    case HashAlgorithm::sha256:
      return EVP_sha256();
    case HashAlgorithm::sha384:
      return EVP_sha384();
    case HashAlgorithm::sha512:
      return EVP_sha512();
  }
  return nullptr;
}

// holds checks a signature over a digest: RSA with PKCS #1 v1.5, ECDSA in DER.
bool holds(const PublicKey& key, HashAlgorithm hash, ByteView digest, ByteView signature) {
  const openssl::CleanErrors clean;
  const openssl::KeyContext context(EVP_PKEY_CTX_new(key.openssl(), nullptr));
  if (!context || EVP_PKEY_verify_init(context.get()) != 1) return false;
  if (key.kind() == KeyKind::rsa &&
      EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) != 1)
    return false;
  if (EVP_PKEY_CTX_set_signature_md(context.get(), evp_of(hash)) != 1) return false;
  return EVP_PKEY_verify(context.get(), openssl::data(signature), signature.size(),
                         openssl::data(digest), digest.size()) == 1;
}

std::string id_text(ByteView id) {
  return to_hex(id);
}

struct FreeCms {
  void operator()(CMS_ContentInfo* content) const { CMS_ContentInfo_free(content); }
};

// The kernel signs modules without signed attributes: the signature is over the digest itself
// (scripts/sign-file.c, CMS_NOATTR).
Status verify_modsig(const ImaEntry& entry, std::span<const ImaKey> keys) {
  const openssl::CleanErrors clean;
  const unsigned char* at = openssl::data(entry.modsig);
  const std::unique_ptr<CMS_ContentInfo, FreeCms> content(
      d2i_CMS_ContentInfo(nullptr, &at, static_cast<long>(entry.modsig.size())));
  STACK_OF(CMS_SignerInfo)* signers = content ? CMS_get0_SignerInfos(content.get()) : nullptr;
  if (signers == nullptr || sk_CMS_SignerInfo_num(signers) != 1)
    return fail(refused(rules::ima_signature_form, "an appended signature is no PKCS #7 by one"));
  CMS_SignerInfo* signer = sk_CMS_SignerInfo_value(signers, 0);
  if (CMS_signed_get_attr_count(signer) > 0)
    return fail(
        refused(rules::ima_signature_form,
                "an appended signature has signed attributes, which the kernel's have not"));
  const auto hash = hash_by_name(entry.modsig_digest.algorithm);
  if (!hash) return fail(refused(rules::ima_signature_hash, "a digest by an unknown algorithm"));
  const ASN1_OCTET_STRING* value = CMS_SignerInfo_get0_signature(signer);
  const ByteView signature = std::as_bytes(
      std::span(ASN1_STRING_get0_data(value), static_cast<std::size_t>(ASN1_STRING_length(value))));
  for (const ImaKey& key : keys)
    if (holds(key.key, *hash, entry.modsig_digest.value, signature)) return {};
  return fail(refused(rules::ima_signature, "an appended signature holds under none of the keys"));
}

Status verify_value(const ImaEntry& entry, const UntrustedImaSignature& signature,
                    std::span<const ImaKey> keys) {
  if ((signature.version == 3) != entry.file.verity)
    return fail(refused(rules::ima_signature_version,
                        "the signature is of another kind than what was measured")
                    .expected(entry.file.verity ? "version 3, over a verity digest" : "version 2")
                    .found("version " + std::to_string(signature.version)));
  if (hash_name(signature.hash) != entry.file.algorithm)
    return fail(refused(rules::ima_signature_hash,
                        "the signature is over another hash than the one measured")
                    .expected(printable(entry.file.algorithm, 20))
                    .found(std::string(hash_name(signature.hash))));
  Bytes digest = to_bytes(entry.file.value);
  if (signature.version == 3) {
    // struct ima_file_id: what is signed is its hash.
    Bytes file_id;
    append_u8(file_id, type_verity_signature);
    append_u8(file_id, signature.hash == HashAlgorithm::sha256 ? 4 : 6);
    append(file_id, digest);
    digest = attest::digest(signature.hash, file_id);
  }
  bool known = false;
  for (const ImaKey& key : keys) {
    if (key.id != signature.key_id) continue;
    known = true;
    if (holds(key.key, signature.hash, digest, signature.signature)) return {};
  }
  if (!known)
    return fail(refused(rules::ima_signature_key, "the file is signed by a key that is not allowed")
                    .expected("one of " + std::to_string(keys.size()) + " keys given")
                    .found("key id " + id_text(signature.key_id)));
  return fail(refused(rules::ima_signature, "the file's signature does not hold")
                  .found("by key id " + id_text(signature.key_id)));
}

}  // namespace

ImaKey ImaKey::of(PublicKey key) {
  const openssl::CleanErrors clean;
  unsigned char* der = nullptr;
  const int size = i2d_PublicKey(key.openssl(), &der);
  ImaKey made{std::move(key), {}};
  if (size <= 0) return made;
  const Bytes identifier =
      digest(HashAlgorithm::sha1, std::as_bytes(std::span(der, static_cast<std::size_t>(size))));
  OPENSSL_free(der);
  std::copy(identifier.end() - 4, identifier.end(), made.id.begin());
  return made;
}

Result<UntrustedImaSignature> parse_ima_signature(ByteView value) {
  ByteReader reader(value);
  UntrustedImaSignature signature;
  TRY(const std::uint8_t type, reader.u8("type"));
  TRY(signature.version, reader.u8("version"));
  if (type == type_digital_signature && signature.version == 1)
    return fail(refused(rules::ima_signature_version,
                        "a signature of version 1, which Linux made until 3.7 for keys too short"));
  const bool fits = (type == type_digital_signature && signature.version == 2) ||
                    (type == type_verity_signature && signature.version == 3);
  if (!fits)
    return fail(refused(rules::ima_signature_form, "not a signature of a kind that is known")
                    .found("type " + std::to_string(type) + ", version " +
                           std::to_string(signature.version)));
  TRY(const std::uint8_t hash, reader.u8("hash"));
  const auto known = hash_of_kernel(hash);
  if (!known)
    return fail(refused(rules::ima_signature_form, "a signature over an unknown hash")
                    .found(std::to_string(hash)));
  signature.hash = *known;
  TRY(const ByteView id, reader.take(4, "key id"));
  std::ranges::copy(id, signature.key_id.begin());
  TRY(const std::uint16_t size, reader.u16_be("size"));
  if (size != reader.remaining())
    return fail(refused(rules::ima_signature_form, "a signature's size is not what is there")
                    .expected(std::to_string(size) + " bytes")
                    .found(std::to_string(reader.remaining())));
  signature.signature = reader.rest();
  return signature;
}

Status verify_ima_signature(const ImaEntry& entry, std::span<const ImaKey> keys) {
  if (!entry.modsig.empty()) return verify_modsig(entry, keys);
  TRY(const UntrustedImaSignature signature, parse_ima_signature(entry.signature));
  return verify_value(entry, signature, keys);
}

}  // namespace attest::tpm
