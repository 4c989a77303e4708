#include "libattest/tpm/credential.h"

#include <algorithm>
#include <memory>

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/obj_mac.h>
#include <openssl/rsa.h>

#include "libattest/crypto/openssl_handles.h"

namespace attest::tpm {
namespace {

using Bignum = std::unique_ptr<BIGNUM, openssl::Free<BN_clear_free>>;
using Group = std::unique_ptr<EC_GROUP, openssl::Free<EC_GROUP_free>>;
using Point = std::unique_ptr<EC_POINT, openssl::Free<EC_POINT_clear_free>>;
using PkeyContext = openssl::KeyContext;
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, openssl::Free<EVP_CIPHER_CTX_free>>;

const unsigned char* octets(ByteView bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* octets(Bytes& bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());
}

Error crypto_fault(std::string what) {
  return fault(rules::credential_crypto, "cannot make a credential: " + std::move(what));
}

Bytes hmac(HashAlgorithm hash, ByteView key, ByteView message) {
  Bytes mac(digest_size(hash));
  unsigned int size = 0;
  HMAC(openssl::digest_method(hash), key.data(), static_cast<int>(key.size()), octets(message),
       message.size(), octets(mac), &size);
  return mac;
}

void append_sized(Bytes& to, ByteView content) {
  append_u16_be(to, static_cast<std::uint16_t>(content.size()));
  append(to, content);
}

// label_bytes is the label with its final NUL, which the TPM counts (Part 1 section 11.4.10).
Bytes label_bytes(std::string_view label) {
  Bytes bytes = to_bytes(label);
  bytes.push_back(std::byte{0});
  return bytes;
}

// A seed and the form in which it travels to the TPM.
struct SharedSeed {
  Bytes seed;
  Bytes encrypted;  // TPM2B_ENCRYPTED_SECRET
};

// MGF1 and EME-OAEP encoding (RFC 8017 section 7.1.1), so that the randomness is the caller's.
void mask(HashAlgorithm hash, ByteView seed, std::span<std::byte> target) {
  std::uint32_t counter = 0;
  for (std::size_t done = 0; done < target.size(); ++counter) {
    Bytes input = to_bytes(seed);
    append_u32_be(input, counter);
    const Bytes block = digest(hash, input);
    for (std::size_t i = 0; i < block.size() && done < target.size(); ++i, ++done)
      target[done] ^= block[i];
  }
}

Bytes oaep_encode(HashAlgorithm hash, ByteView message, ByteView label, ByteView seed,
                  std::size_t size) {
  Bytes encoded(1);
  append(encoded, seed);
  append(encoded, digest(hash, label));
  encoded.resize(size - message.size() - 1);
  encoded.push_back(std::byte{1});
  append(encoded, message);
  const std::span<std::byte> whole(encoded);
  const auto masked_seed = whole.subspan(1, seed.size());
  const auto masked_data = whole.subspan(1 + seed.size());
  mask(hash, seed, masked_data);
  mask(hash, masked_data, masked_seed);
  return encoded;
}

Result<SharedSeed> share_by_rsa(const UntrustedPublic& ek, Random& random) {
  const HashAlgorithm hash = ek.name_algorithm;
  const std::size_t size = ek.key.bits() / 8;
  SharedSeed shared{.seed = random.bytes(digest_size(hash)), .encrypted = {}};
  const Bytes encoded = oaep_encode(hash, shared.seed, label_bytes("IDENTITY"),
                                    random.bytes(digest_size(hash)), size);
  const PkeyContext context(EVP_PKEY_CTX_new(ek.key.openssl(), nullptr));
  Bytes encrypted(size);
  std::size_t written = encrypted.size();
  if (!context || EVP_PKEY_encrypt_init(context.get()) != 1 ||
      EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_NO_PADDING) != 1 ||
      EVP_PKEY_encrypt(context.get(), octets(encrypted), &written, octets(encoded),
                       encoded.size()) != 1)
    return fail(crypto_fault("RSA encryption failed"));
  append_sized(shared.encrypted, ByteView(encrypted).first(written));
  return shared;
}

int curve_nid(KeyKind curve) {
  return curve == KeyKind::ecdsa_p256   ? NID_X9_62_prime256v1
         : curve == KeyKind::ecdsa_p384 ? NID_secp384r1
                                        : NID_secp521r1;
}

// random_scalar gives 1 to order-1; 64 surplus bits make the bias negligible (FIPS 186-5 A.2.1).
Bignum random_scalar(const EC_GROUP* group, Random& random) {
  const Bignum order(BN_dup(EC_GROUP_get0_order(group)));
  if (!order || BN_sub_word(order.get(), 1) != 1) return nullptr;
  Bytes raw = random.bytes(static_cast<std::size_t>(BN_num_bytes(order.get())) + 8);
  const Bignum wide(BN_bin2bn(octets(raw), static_cast<int>(raw.size()), nullptr));
  OPENSSL_cleanse(raw.data(), raw.size());
  Bignum scalar(BN_new());
  const std::unique_ptr<BN_CTX, openssl::Free<BN_CTX_free>> work(BN_CTX_new());
  if (!wide || !scalar || !work || BN_mod(scalar.get(), wide.get(), order.get(), work.get()) != 1 ||
      BN_add_word(scalar.get(), 1) != 1)
    return nullptr;
  return scalar;
}

struct Affine {
  Bytes x, y;
};

Result<Affine> affine(const EC_GROUP* group, const EC_POINT* point, std::size_t size) {
  const Bignum x(BN_new());
  const Bignum y(BN_new());
  Affine result{Bytes(size), Bytes(size)};
  if (!x || !y || EC_POINT_get_affine_coordinates(group, point, x.get(), y.get(), nullptr) != 1 ||
      BN_bn2binpad(x.get(), octets(result.x), static_cast<int>(size)) < 0 ||
      BN_bn2binpad(y.get(), octets(result.y), static_cast<int>(size)) < 0)
    return fail(crypto_fault("a point of the curve cannot be written"));
  return result;
}

// One-pass Diffie-Hellman (Part 1 annex C.6.1): an ephemeral key of ours, the EK of theirs.
Result<SharedSeed> share_by_ecdh(const UntrustedPublic& ek, Random& random) {
  const Group group(EC_GROUP_new_by_curve_name(curve_nid(ek.key.kind())));
  if (!group) return fail(crypto_fault("curve not available"));
  const auto size = static_cast<std::size_t>(EC_GROUP_get_degree(group.get()) + 7) / 8;
  const Bignum secret = random_scalar(group.get(), random);
  const Point ephemeral(EC_POINT_new(group.get()));
  const Point theirs(EC_POINT_new(group.get()));
  const Point product(EC_POINT_new(group.get()));
  const Bytes their_point = ek.key.uncompressed_point();
  if (!secret || !ephemeral || !theirs || !product ||
      EC_POINT_oct2point(group.get(), theirs.get(), octets(their_point), their_point.size(),
                         nullptr) != 1 ||
      EC_POINT_mul(group.get(), ephemeral.get(), secret.get(), nullptr, nullptr, nullptr) != 1 ||
      EC_POINT_mul(group.get(), product.get(), nullptr, theirs.get(), secret.get(), nullptr) != 1)
    return fail(crypto_fault("key agreement failed"));
  TRY(const Affine mine, affine(group.get(), ephemeral.get(), size));
  TRY(const Affine ek_point, affine(group.get(), theirs.get(), size));
  TRY(const Affine z, affine(group.get(), product.get(), size));

  const auto bits = static_cast<unsigned>(digest_size(ek.name_algorithm) * 8);
  SharedSeed shared{.seed = kdf_e(ek.name_algorithm, z.x, "IDENTITY", mine.x, ek_point.x, bits),
                    .encrypted = {}};
  Bytes point;
  append_sized(point, mine.x);
  append_sized(point, mine.y);
  append_sized(shared.encrypted, point);
  return shared;
}

// AES in CFB mode with an IV of zeros: each key encrypts once.
Result<Bytes> encrypt_cfb(ByteView key, ByteView plain) {
  const EVP_CIPHER* cipher = key.size() == 16 ? EVP_aes_128_cfb128() : EVP_aes_256_cfb128();
  const Bytes iv(16);
  Bytes encrypted(plain.size());
  int written = 0;
  const CipherContext context(EVP_CIPHER_CTX_new());
  if (!context ||
      EVP_EncryptInit_ex(context.get(), cipher, nullptr, octets(key), octets(ByteView(iv))) != 1 ||
      EVP_EncryptUpdate(context.get(), octets(encrypted), &written, octets(plain),
                        static_cast<int>(plain.size())) != 1)
    return fail(crypto_fault("AES-CFB failed"));
  return encrypted;
}

Status check_ek(const UntrustedPublic& ek) {
  const KeyParameters& parameters = ek.parameters;
  const bool size_known = parameters.symmetric_bits == 128 || parameters.symmetric_bits == 256;
  if (parameters.symmetric == alg_aes && parameters.symmetric_mode == alg_cfb && size_known &&
      ek.has(KeyAttribute::restricted) && ek.has(KeyAttribute::decrypt))
    return {};
  return fail(refused(rules::credential_ek, "no credential can be made for this key")
                  .expected("a restricted decryption key with AES-128 or AES-256 in CFB mode"));
}

}  // namespace

Bytes kdf_a(HashAlgorithm hash, ByteView key, std::string_view label, ByteView context_u,
            ByteView context_v, unsigned bits) {
  Bytes derived;
  for (std::uint32_t counter = 1; derived.size() * 8 < bits; ++counter) {
    Bytes input;
    append_u32_be(input, counter);
    append(input, label_bytes(label));
    append(input, context_u);
    append(input, context_v);
    append_u32_be(input, bits);
    append(derived, hmac(hash, key, input));
  }
  derived.resize(bits / 8);
  return derived;
}

Bytes kdf_e(HashAlgorithm hash, ByteView z, std::string_view label, ByteView party_u,
            ByteView party_v, unsigned bits) {
  Bytes derived;
  for (std::uint32_t counter = 1; derived.size() * 8 < bits; ++counter) {
    Bytes input;
    append_u32_be(input, counter);
    append(input, z);
    append(input, label_bytes(label));
    append(input, party_u);
    append(input, party_v);
    append(derived, digest(hash, input));
  }
  derived.resize(bits / 8);
  return derived;
}

Result<Credential> make_credential(const UntrustedPublic& ek, ByteView object_name, ByteView secret,
                                   Random& random) {
  TRY_VOID(check_ek(ek));
  const HashAlgorithm hash = ek.name_algorithm;
  if (secret.empty() || secret.size() > digest_size(hash))
    return fail(refused(rules::credential_secret, "the secret does not fit a credential")
                    .expected("1 to " + std::to_string(digest_size(hash)) + " bytes")
                    .found(std::to_string(secret.size())));
  TRY(const SharedSeed shared,
      ek.type == alg_rsa ? share_by_rsa(ek, random) : share_by_ecdh(ek, random));

  const Bytes encryption_key =
      kdf_a(hash, shared.seed, "STORAGE", object_name, {}, ek.parameters.symmetric_bits);
  Bytes sized_secret;
  append_sized(sized_secret, secret);
  TRY(const Bytes encrypted_identity, encrypt_cfb(encryption_key, sized_secret));
  const Bytes integrity_key =
      kdf_a(hash, shared.seed, "INTEGRITY", {}, {}, static_cast<unsigned>(digest_size(hash) * 8));
  const Bytes integrity = hmac(hash, integrity_key, concat({encrypted_identity, object_name}));

  Bytes identity_object;
  append_sized(identity_object, integrity);
  append(identity_object, encrypted_identity);
  Credential credential{.credential_blob = {}, .encrypted_secret = shared.encrypted};
  append_sized(credential.credential_blob, identity_object);
  return credential;
}

}  // namespace attest::tpm
