#include "libattest/tpm/ima_signature.h"

#include <algorithm>

#include <openssl/bn.h>
#include <openssl/cms.h>
#include <openssl/core_names.h>
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

// holds checks a signature over a digest: RSA with PKCS #1 v1.5, ECDSA in DER.
bool holds(const PublicKey& key, HashAlgorithm hash, ByteView digest, ByteView signature) {
  const openssl::CleanErrors clean;
  const openssl::KeyContext context(EVP_PKEY_CTX_new(key.openssl(), nullptr));
  if (!context || EVP_PKEY_verify_init(context.get()) != 1) return false;
  if (key.kind() == KeyKind::rsa &&
      EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) != 1)
    return false;
  if (EVP_PKEY_CTX_set_signature_md(context.get(), openssl::digest_method(hash)) != 1) return false;
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

// Version 1 is the padded SHA-1 of the file's digest and the header, without saying that it is one.
bool holds_as_version_one(const PublicKey& key, const UntrustedImaSignature& signature,
                          ByteView digest) {
  if (key.kind() != KeyKind::rsa) return false;
  const openssl::CleanErrors clean;
  const openssl::KeyContext context(EVP_PKEY_CTX_new(key.openssl(), nullptr));
  if (!context || EVP_PKEY_verify_recover_init(context.get()) != 1 ||
      EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) != 1)
    return false;
  Bytes recovered(static_cast<std::size_t>(EVP_PKEY_get_size(key.openssl())));
  std::size_t size = recovered.size();
  if (EVP_PKEY_verify_recover(context.get(), reinterpret_cast<unsigned char*>(recovered.data()),
                              &size, openssl::data(signature.signature),
                              signature.signature.size()) != 1)
    return false;
  recovered.resize(size);
  return equal(recovered, attest::digest(HashAlgorithm::sha1, concat({digest, signature.header})));
}

bool has_id(const ImaKey& key, const UntrustedImaSignature& signature) {
  return signature.version == 1 ? equal(key.id_of_version_one, signature.key_id)
                                : equal(key.id, signature.key_id);
}

Status verify_value(const ImaEntry& entry, const UntrustedImaSignature& signature,
                    std::span<const ImaKey> keys, ImaSignatureRules asked) {
  if (signature.version == 1 && !asked.allow_version_one)
    return fail(
        refused(rules::ima_signature_version, "a signature of version 1, which rests on SHA-1")
            .expected("version 2 or 3")
            .found("version 1"));
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
    if (!has_id(key, signature)) continue;
    known = true;
    if (signature.version == 1 ? holds_as_version_one(key.key, signature, digest)
                               : holds(key.key, signature.hash, digest, signature.signature))
      return {};
  }
  if (!known)
    return fail(refused(rules::ima_signature_key, "the file is signed by a key that is not allowed")
                    .expected("one of " + std::to_string(keys.size()) + " keys given")
                    .found("key id " + id_text(signature.key_id)));
  return fail(refused(rules::ima_signature, "the file's signature does not hold")
                  .found("by key id " + id_text(signature.key_id)));
}

}  // namespace

namespace {

// A number as the kernel's version 1 keeps keys and signatures: its bits, then its bytes.
void append_number(Bytes& bytes, ByteView number) {
  append_u16_be(bytes, static_cast<std::uint16_t>(number.size() * 8));
  append(bytes, number);
}

Bytes rsa_number(const PublicKey& key, const char* name) {
  BIGNUM* found = nullptr;
  if (EVP_PKEY_get_bn_param(key.openssl(), name, &found) != 1) return {};
  const openssl::Number number(found);
  Bytes bytes(static_cast<std::size_t>(BN_num_bytes(found)));
  BN_bn2bin(found, reinterpret_cast<unsigned char*>(bytes.data()));
  return bytes;
}

// struct pubkey_hdr of include/linux/digsig.h: version, time, algorithm, count; then n and e.
Bytes key_of_version_one(const PublicKey& key) {
  Bytes bytes{std::byte{1}};
  append_u32_be(bytes, 0);
  append_u8(bytes, 0);
  append_u8(bytes, 2);
  append_number(bytes, rsa_number(key, OSSL_PKEY_PARAM_RSA_N));
  append_number(bytes, rsa_number(key, OSSL_PKEY_PARAM_RSA_E));
  return bytes;
}

}  // namespace

ImaKey ImaKey::of(PublicKey key) {
  const openssl::CleanErrors clean;
  unsigned char* der = nullptr;
  const int size = i2d_PublicKey(key.openssl(), &der);
  ImaKey made{std::move(key), {}};
  if (size <= 0) return made;
  if (made.key.kind() == KeyKind::rsa) {
    const Bytes whole = digest(HashAlgorithm::sha1, key_of_version_one(made.key));
    std::copy(whole.end() - 8, whole.end(), made.id_of_version_one.begin());
  }
  const Bytes identifier =
      digest(HashAlgorithm::sha1, std::as_bytes(std::span(der, static_cast<std::size_t>(size))));
  OPENSSL_free(der);
  std::copy(identifier.end() - 4, identifier.end(), made.id.begin());
  return made;
}

namespace {

// struct signature_hdr of include/linux/digsig.h, with the signature as one number behind it.
Result<UntrustedImaSignature> version_one(ByteView value) {
  constexpr std::size_t header_size = 16;
  ByteReader reader(value);
  UntrustedImaSignature signature;
  TRY(signature.header, reader.take(header_size, "header"));
  signature.version = 1;
  const std::uint8_t algorithm = std::to_integer<std::uint8_t>(signature.header[5]);
  const std::uint8_t hash = std::to_integer<std::uint8_t>(signature.header[6]);
  if (algorithm != 0 || hash > 1)
    return fail(
        refused(rules::ima_signature_form, "a signature of version 1 is not by RSA")
            .found("algorithm " + std::to_string(algorithm) + ", hash " + std::to_string(hash)));
  signature.hash = hash == 0 ? HashAlgorithm::sha1 : HashAlgorithm::sha256;
  signature.key_id = to_bytes(signature.header.subspan(7, 8));
  TRY(const std::uint16_t bits, reader.u16_be("size"));
  if (reader.remaining() != (bits + 7U) / 8U)
    return fail(refused(rules::ima_signature_form, "a signature's size is not what is there")
                    .expected(std::to_string(bits) + " bits")
                    .found(std::to_string(reader.remaining() * 8)));
  signature.signature = reader.rest();
  return signature;
}

}  // namespace

Result<UntrustedImaSignature> parse_ima_signature(ByteView value) {
  ByteReader reader(value);
  UntrustedImaSignature signature;
  TRY(const std::uint8_t type, reader.u8("type"));
  TRY(signature.version, reader.u8("version"));
  if (type == type_digital_signature && signature.version == 1)
    return version_one(value.subspan(1));
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
  signature.key_id = to_bytes(id);
  TRY(const std::uint16_t size, reader.u16_be("size"));
  if (size != reader.remaining())
    return fail(refused(rules::ima_signature_form, "a signature's size is not what is there")
                    .expected(std::to_string(size) + " bytes")
                    .found(std::to_string(reader.remaining())));
  signature.signature = reader.rest();
  return signature;
}

Status verify_ima_signature(const ImaEntry& entry, std::span<const ImaKey> keys,
                            ImaSignatureRules rules) {
  if (!entry.modsig.empty()) return verify_modsig(entry, keys);
  TRY(const UntrustedImaSignature signature, parse_ima_signature(entry.signature));
  return verify_value(entry, signature, keys, rules);
}

}  // namespace attest::tpm
