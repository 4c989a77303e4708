#include "libattest/crypto/public_key.h"

#include <algorithm>
#include <new>

#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "libattest/crypto/certificate.h"
#include "libattest/crypto/ecdsa_signature.h"
#include "libattest/crypto/openssl_handles.h"

namespace attest {

struct PublicKey::Shared {
  openssl::Key key;
  KeyKind kind;
  std::size_t bits;
  Bytes spki;
  Sha256 thumbprint;
};

namespace {

using openssl::CleanErrors;

constexpr std::size_t min_rsa_bits = 2048;
constexpr std::size_t max_rsa_bits = 8192;  // verification time grows with the square

std::unexpected<Error> bad_key(std::string what) {
  return fail(refused(rules::key_form, std::move(what)));
}

std::unexpected<Error> unsupported_key(std::string found) {
  return fail(refused(rules::key_unsupported, "this kind of key is not supported")
                  .expected("Ed25519, ECDSA P-256, P-384 or P-521, or RSA of 2048 to 8192 bits")
                  .found(std::move(found)));
}

const char* group_name(KeyKind kind) {
  switch (kind) {
    case KeyKind::ecdsa_p256:
      return "prime256v1";
    case KeyKind::ecdsa_p384:
      return "secp384r1";
    case KeyKind::ecdsa_p521:
      return "secp521r1";
    default:
      return "";
  }
}

// A public key of small order makes one signature fit every message; encodings of y not below the
// prime give one point several keys, hence several thumbprints. The sign bit is cleared before.
bool is_sound_ed25519(ByteView raw) {
  static constexpr std::string_view small_order[] = {
      "0000000000000000000000000000000000000000000000000000000000000000",
      "0100000000000000000000000000000000000000000000000000000000000000",
      "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
      "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
      "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"};
  Bytes y = to_bytes(raw);
  y[31] &= std::byte{0x7f};
  const std::string hex = to_hex(y);
  if (std::ranges::find(small_order, hex) != std::end(small_order)) return false;
  // p = 2^255 - 19 is ed ff … ff 7f in little-endian.
  const bool all_ones =
      y[31] == std::byte{0x7f} &&
      std::all_of(y.begin() + 1, y.begin() + 31, [](std::byte b) { return b == std::byte{0xff}; });
  return !(all_ones && y[0] >= std::byte{0xed});
}

Result<Bytes> encode_spki(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  if (size <= 0) return bad_key("this public key cannot be encoded");
  Bytes spki =
      to_bytes(ByteView(reinterpret_cast<const std::byte*>(der), static_cast<std::size_t>(size)));
  OPENSSL_free(der);
  return spki;
}

Result<openssl::Key> key_from_params(const char* type, OSSL_PARAM_BLD* builder) {
  openssl::Params params(OSSL_PARAM_BLD_to_param(builder));
  openssl::KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  if (!params || !context) throw std::bad_alloc();
  EVP_PKEY* made = nullptr;
  if (EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, params.get()) != 1)
    return bad_key("these numbers make no public key");
  return openssl::Key(made);
}

Result<openssl::Number> number_of(EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &number) != 1)
    return bad_key("this public key lacks a number it needs");
  return openssl::Number(number);
}

Status check_rsa(EVP_PKEY* key) {
  TRY(const openssl::Number n, number_of(key, OSSL_PKEY_PARAM_RSA_N));
  TRY(const openssl::Number e, number_of(key, OSSL_PKEY_PARAM_RSA_E));
  const auto bits = static_cast<std::size_t>(BN_num_bits(n.get()));
  if (bits < min_rsa_bits || bits > max_rsa_bits)
    return unsupported_key("RSA of " + std::to_string(bits) + " bits");
  if (!BN_is_odd(n.get())) return bad_key("RSA modulus is even");
  if (!BN_is_odd(e.get()) || BN_is_one(e.get()) || BN_num_bits(e.get()) > 32)
    return bad_key("RSA exponent must be odd, from 3 to 2^32");
  return {};
}

Result<openssl::Key> ec_key(KeyKind curve, ByteView x, ByteView y) {
  const std::size_t size = field_size(curve);
  if (size == 0) return unsupported_key(std::string(to_string(curve)) + " with coordinates");
  if (x.size() > size || y.size() > size)
    return fail(refused(rules::key_form, "a coordinate is longer than the curve's field")
                    .expected("at most " + std::to_string(size) + " bytes")
                    .found(std::to_string(std::max(x.size(), y.size()))));
  Bytes point{std::byte{0x04}};
  point.resize(1 + size - x.size());
  append(point, x);
  point.resize(1 + 2 * size - y.size());
  append(point, y);
  openssl::ParamBuilder builder(OSSL_PARAM_BLD_new());
  if (!builder) throw std::bad_alloc();
  OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, group_name(curve), 0);
  OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                   point.size());
  auto key = key_from_params("EC", builder.get());
  if (!key) return bad_key("this EC key is no point of its curve");
  return key;
}

Result<openssl::Key> rsa_key(const BIGNUM* n, const BIGNUM* e) {
  openssl::ParamBuilder builder(OSSL_PARAM_BLD_new());
  if (!builder) throw std::bad_alloc();
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n);
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e);
  return key_from_params("RSA", builder.get());
}

Bytes digits_of(const BIGNUM* number) {
  Bytes digits(static_cast<std::size_t>(BN_num_bytes(number)));
  BN_bn2bin(number, openssl::data(digits));
  return digits;
}

Result<KeyKind> curve_of(EVP_PKEY* key) {
  char encoding[16] = {};
  std::size_t size = 0;
  // Explicit parameters can describe a curve of an attacker's choice (CVE-2020-0601).
  if (EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_EC_ENCODING, encoding, sizeof encoding,
                                     &size) == 1 &&
      std::string_view(encoding) != OSSL_PKEY_EC_ENCODING_GROUP)
    return unsupported_key("an EC key with explicit curve parameters");
  char name[64] = {};
  if (EVP_PKEY_get_group_name(key, name, sizeof name, &size) != 1)
    return unsupported_key("an EC key without a named curve");
  for (const auto kind : {KeyKind::ecdsa_p256, KeyKind::ecdsa_p384, KeyKind::ecdsa_p521})
    if (std::string_view(name) == group_name(kind)) return kind;
  return unsupported_key("an EC key on the curve " + std::string(name));
}

Bytes raw_public(EVP_PKEY* key) {
  Bytes raw(32);
  std::size_t size = raw.size();
  if (EVP_PKEY_get_raw_public_key(key, openssl::data(raw), &size) != 1) return {};
  raw.resize(size);
  return raw;
}

const char* digest_name(SignatureScheme scheme) {
  switch (scheme) {
    case SignatureScheme::ed25519:
      return nullptr;
    case SignatureScheme::ecdsa_sha1:
    case SignatureScheme::rsa_pkcs1_sha1:
    case SignatureScheme::rsa_pss_sha1:
      return "SHA1";
    case SignatureScheme::ecdsa_sha256:
    case SignatureScheme::rsa_pkcs1_sha256:
    case SignatureScheme::rsa_pss_sha256:
      return "SHA256";
    case SignatureScheme::ecdsa_sha384:
    case SignatureScheme::rsa_pkcs1_sha384:
    case SignatureScheme::rsa_pss_sha384:
      return "SHA384";
    case SignatureScheme::ecdsa_sha512:
    case SignatureScheme::rsa_pkcs1_sha512:
    case SignatureScheme::rsa_pss_sha512:
      return "SHA512";
  }
  return nullptr;
}

enum class Family { ed25519, ecdsa, rsa_pkcs1, rsa_pss };

Family family_of(SignatureScheme scheme) {
  if (scheme == SignatureScheme::ed25519) return Family::ed25519;
  if (scheme <= SignatureScheme::ecdsa_sha512) return Family::ecdsa;
  if (scheme <= SignatureScheme::rsa_pkcs1_sha512) return Family::rsa_pkcs1;
  return Family::rsa_pss;
}

bool fits(KeyKind kind, Family family) {
  switch (kind) {
    case KeyKind::ed25519:
      return family == Family::ed25519;
    case KeyKind::rsa:
      return family == Family::rsa_pkcs1 || family == Family::rsa_pss;
    default:
      return family == Family::ecdsa;
  }
}

// ecdsa_der brings a signature of either form to checked DER, the form OpenSSL reads.
Result<Bytes> ecdsa_der(KeyKind kind, ByteView signature, EcdsaForm form) {
  Bytes fixed;
  if (form == EcdsaForm::der) {
    TRY(fixed, fixed_from_der(kind, signature));
  } else {
    if (signature.size() != 2 * field_size(kind))
      return fail(refused(rules::signature_form, "ECDSA signature has the wrong length")
                      .expected(std::to_string(2 * field_size(kind)) + " bytes")
                      .found(std::to_string(signature.size())));
    fixed = to_bytes(signature);
  }
  TRY_VOID(check_range(kind, fixed));
  return der_from_fixed(fixed);
}

bool openssl_verifies(EVP_PKEY* key, SignatureScheme scheme, ByteView message, ByteView signature) {
  const CleanErrors clean;
  openssl::DigestContext context(EVP_MD_CTX_new());
  if (!context) throw std::bad_alloc();
  EVP_PKEY_CTX* key_context = nullptr;  // owned by `context`
  if (EVP_DigestVerifyInit_ex(context.get(), &key_context, digest_name(scheme), nullptr, nullptr,
                              key, nullptr) != 1)
    return false;
  if (family_of(scheme) == Family::rsa_pss &&
      (EVP_PKEY_CTX_set_rsa_padding(key_context, RSA_PKCS1_PSS_PADDING) != 1 ||
       EVP_PKEY_CTX_set_rsa_pss_saltlen(key_context, RSA_PSS_SALTLEN_AUTO) != 1))
    return false;
  return EVP_DigestVerify(context.get(), openssl::data(signature), signature.size(),
                          openssl::data(message), message.size()) == 1;
}

}  // namespace

std::string_view to_string(KeyKind kind) {
  static constexpr std::string_view names[] = {"Ed25519", "ECDSA P-256", "ECDSA P-384",
                                               "ECDSA P-521", "RSA"};
  return names[static_cast<std::size_t>(kind)];
}

PublicKey::PublicKey(std::shared_ptr<const Shared> shared) : shared_(std::move(shared)) {}

// Every other maker ends here, so that no check can be gone around.
Result<PublicKey> PublicKey::from_openssl(evp_pkey_st* key) {
  const CleanErrors clean;
  KeyKind kind{};
  openssl::Key kept;
  if (EVP_PKEY_is_a(key, "ED25519") == 1) {
    kind = KeyKind::ed25519;
    const Bytes raw = raw_public(key);
    if (raw.size() != 32 || !is_sound_ed25519(raw))
      return bad_key("this Ed25519 key is a point of small order or not in canonical form");
    kept.reset(EVP_PKEY_new_raw_public_key_ex(nullptr, "ED25519", nullptr, openssl::data(raw), 32));
  } else if (EVP_PKEY_is_a(key, "EC") == 1) {
    TRY(kind, curve_of(key));
    TRY(const openssl::Number x, number_of(key, OSSL_PKEY_PARAM_EC_PUB_X));
    TRY(const openssl::Number y, number_of(key, OSSL_PKEY_PARAM_EC_PUB_Y));
    TRY(kept, ec_key(kind, digits_of(x.get()), digits_of(y.get())));
    openssl::KeyContext check(EVP_PKEY_CTX_new_from_pkey(nullptr, kept.get(), nullptr));
    if (!check || EVP_PKEY_public_check_quick(check.get()) != 1)
      return bad_key("this EC key is no point of its curve");
  } else if (EVP_PKEY_is_a(key, "RSA") == 1) {
    kind = KeyKind::rsa;
    TRY_VOID(check_rsa(key));
    TRY(const openssl::Number n, number_of(key, OSSL_PKEY_PARAM_RSA_N));
    TRY(const openssl::Number e, number_of(key, OSSL_PKEY_PARAM_RSA_E));
    TRY(kept, rsa_key(n.get(), e.get()));
  } else {
    const char* name = EVP_PKEY_get0_type_name(key);
    return unsupported_key(name != nullptr ? name : "a key of unknown kind");
  }
  if (!kept) return bad_key("this public key cannot be read");
  TRY(Bytes spki, encode_spki(kept.get()));
  const Sha256 thumbprint = sha256(spki);
  const auto bits = static_cast<std::size_t>(EVP_PKEY_get_bits(kept.get()));
  return PublicKey(std::make_shared<const Shared>(
      Shared{std::move(kept), kind, bits, std::move(spki), thumbprint}));
}

Result<PublicKey> PublicKey::from_spki_der(ByteView der) {
  const CleanErrors clean;
  const unsigned char* at = openssl::data(der);
  openssl::Key key(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
  if (!key) return bad_key("this is not a SubjectPublicKeyInfo in DER");
  if (at != openssl::data(der) + der.size())
    return bad_key("bytes follow the SubjectPublicKeyInfo");
  TRY(const Bytes again, encode_spki(key.get()));
  if (!equal(again, der)) return bad_key("this SubjectPublicKeyInfo is not in DER");
  return from_openssl(key.get());
}

Result<PublicKey> PublicKey::from_pem(std::string_view pem) {
  const CleanErrors clean;
  openssl::Bio bio = openssl::bio_over(as_bytes(pem));
  char* name = nullptr;
  char* header = nullptr;
  unsigned char* content = nullptr;
  long size = 0;
  if (PEM_read_bio(bio.get(), &name, &header, &content, &size) != 1)
    return bad_key("this is not a PEM text");
  const std::string label = name;
  const Bytes der = to_bytes(
      ByteView(reinterpret_cast<const std::byte*>(content), static_cast<std::size_t>(size)));
  OPENSSL_free(name);
  OPENSSL_free(header);
  OPENSSL_free(content);
  if (label == "PUBLIC KEY") return from_spki_der(der);
  if (label == "CERTIFICATE") {
    TRY(const Certificate certificate, Certificate::from_der(der));
    return certificate.public_key();
  }
  return fail(refused(rules::key_form, "this PEM text holds no public key")
                  .expected("PUBLIC KEY or CERTIFICATE")
                  .found(label.substr(0, 64)));
}

Result<PublicKey> PublicKey::from_der_or_pem(ByteView content) {
  return as_text(content).find("-----BEGIN ") != std::string_view::npos ? from_pem(as_text(content))
                                                                        : from_spki_der(content);
}

Result<PublicKey> PublicKey::from_ed25519(ByteView raw32) {
  if (raw32.size() != 32)
    return fail(refused(rules::key_form, "an Ed25519 key has the wrong length")
                    .expected("32 bytes")
                    .found(std::to_string(raw32.size())));
  openssl::Key key(
      EVP_PKEY_new_raw_public_key_ex(nullptr, "ED25519", nullptr, openssl::data(raw32), 32));
  if (!key) throw std::bad_alloc();
  return from_openssl(key.get());
}

Result<PublicKey> PublicKey::from_ec_point(KeyKind curve, ByteView x, ByteView y) {
  const CleanErrors clean;
  TRY(const openssl::Key key, ec_key(curve, x, y));
  return from_openssl(key.get());
}

Result<PublicKey> PublicKey::from_rsa(ByteView modulus, ByteView exponent) {
  const CleanErrors clean;
  if (modulus.size() > max_rsa_bits / 8 + 1 || exponent.size() > 8)
    return unsupported_key("RSA of " + std::to_string(modulus.size() * 8) + " bits");
  openssl::Number n(BN_bin2bn(openssl::data(modulus), static_cast<int>(modulus.size()), nullptr));
  openssl::Number e(BN_bin2bn(openssl::data(exponent), static_cast<int>(exponent.size()), nullptr));
  if (!n || !e) throw std::bad_alloc();
  TRY(const openssl::Key key, rsa_key(n.get(), e.get()));
  return from_openssl(key.get());
}

KeyKind PublicKey::kind() const {
  return shared_->kind;
}
std::size_t PublicKey::bits() const {
  return shared_->bits;
}
const Bytes& PublicKey::spki_der() const {
  return shared_->spki;
}
const Sha256& PublicKey::thumbprint() const {
  return shared_->thumbprint;
}
evp_pkey_st* PublicKey::openssl() const {
  return shared_->key.get();
}

std::string PublicKey::to_pem() const {
  const std::string base64 = to_base64(shared_->spki);
  std::string pem = "-----BEGIN PUBLIC KEY-----\n";
  for (std::size_t at = 0; at < base64.size(); at += 64) pem += base64.substr(at, 64) + "\n";
  return pem + "-----END PUBLIC KEY-----\n";
}

Bytes PublicKey::raw_ed25519() const {
  return kind() == KeyKind::ed25519 ? raw_public(openssl()) : Bytes{};
}

Bytes PublicKey::uncompressed_point() const {
  if (field_size(kind()) == 0) return {};
  // The point is the tail of the canonical SubjectPublicKeyInfo (RFC 5480 section 2.2).
  const ByteView spki = shared_->spki;
  return to_bytes(spki.last(1 + 2 * field_size(kind())));
}

Status PublicKey::verify(SignatureScheme scheme, ByteView message, ByteView signature,
                         EcdsaForm form) const {
  const Family family = family_of(scheme);
  if (!fits(kind(), family))
    return fail(refused(rules::signature_scheme, "the signature's scheme does not fit the key")
                    .expected("a scheme for " + std::string(to_string(kind()))));
  Bytes der;
  if (family == Family::ecdsa) {
    TRY(der, ecdsa_der(kind(), signature, form));
    signature = der;
  }
  if (!openssl_verifies(openssl(), scheme, message, signature))
    return fail(refused(rules::signature_wrong, "the signature does not hold")
                    .expected("a signature by key " + to_hex(thumbprint())));
  return {};
}

bool operator==(const PublicKey& a, const PublicKey& b) {
  return a.shared_ == b.shared_ || equal(a.spki_der(), b.spki_der());
}

}  // namespace attest
