#include "libattest/crypto/public_key.h"

#include <openssl/rsa.h>

#include "libattest/crypto/ecdsa_signature.h"
#include "libattest/crypto/openssl_handles.h"
#include "libattest/crypto/signing_key.h"
#include "tests/support/catch.h"

namespace attest {

namespace {

openssl::Key generate(const char* kind) {
  const std::string_view name = kind;
  if (name == "RSA-1024") return openssl::Key(EVP_RSA_gen(1024));
  if (name == "RSA-2048") return openssl::Key(EVP_RSA_gen(2048));
  if (name == "ED25519") return openssl::Key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  return openssl::Key(EVP_EC_gen(kind));
}

// sign makes a signature by OpenSSL: DER for ECDSA.
Bytes sign(EVP_PKEY* key, const char* digest, bool pss, std::string_view message) {
  const openssl::DigestContext context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* key_context = nullptr;
  REQUIRE(EVP_DigestSignInit_ex(context.get(), &key_context, digest, nullptr, nullptr, key,
                                nullptr) == 1);
  if (pss) EVP_PKEY_CTX_set_rsa_padding(key_context, RSA_PKCS1_PSS_PADDING);
  const ByteView bytes = as_bytes(message);
  std::size_t size = 0;
  REQUIRE(EVP_DigestSign(context.get(), nullptr, &size, openssl::data(bytes), bytes.size()) == 1);
  Bytes signature(size);
  REQUIRE(EVP_DigestSign(context.get(), openssl::data(signature), &size, openssl::data(bytes),
                         bytes.size()) == 1);
  signature.resize(size);
  return signature;
}

Bytes changed(Bytes bytes, std::size_t at) {
  bytes[at] ^= std::byte{1};
  return bytes;
}

}  // namespace

TEST_CASE("every scheme accepts its signature and refuses a changed message or signature") {
  struct Row {
    const char* kind;
    const char* digest;
    SignatureScheme scheme;
    bool pss = false;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"ED25519", nullptr, SignatureScheme::ed25519},
           {"P-256", "SHA1", SignatureScheme::ecdsa_sha1},
           {"P-256", "SHA256", SignatureScheme::ecdsa_sha256},
           {"P-384", "SHA384", SignatureScheme::ecdsa_sha384},
           {"P-521", "SHA512", SignatureScheme::ecdsa_sha512},
           {"RSA-2048", "SHA1", SignatureScheme::rsa_pkcs1_sha1},
           {"RSA-2048", "SHA256", SignatureScheme::rsa_pkcs1_sha256},
           {"RSA-2048", "SHA384", SignatureScheme::rsa_pkcs1_sha384},
           {"RSA-2048", "SHA512", SignatureScheme::rsa_pkcs1_sha512},
           {"RSA-2048", "SHA1", SignatureScheme::rsa_pss_sha1, true},
           {"RSA-2048", "SHA256", SignatureScheme::rsa_pss_sha256, true},
           {"RSA-2048", "SHA384", SignatureScheme::rsa_pss_sha384, true},
           {"RSA-2048", "SHA512", SignatureScheme::rsa_pss_sha512, true},
       }) {
    INFO(row.kind << " " << (row.digest ? row.digest : "") << (row.pss ? " PSS" : ""));
    const openssl::Key pair = generate(row.kind);
    const PublicKey key = must(PublicKey::from_openssl(pair.get()));
    const Bytes signature = sign(pair.get(), row.digest, row.pss, "a message");
    REQUIRE_OK(key.verify(row.scheme, as_bytes("a message"), signature));
    REQUIRE_RULE(key.verify(row.scheme, as_bytes("a massage"), signature), rules::signature_wrong);
    REQUIRE_FALSE(
        key.verify(row.scheme, as_bytes("a message"), changed(signature, signature.size() - 1)));
    REQUIRE_FALSE(key.verify(row.scheme, as_bytes("a message"), {}));
  }
}

TEST_CASE("a key survives every form it is written in, with one thumbprint") {
  for (const char* kind : {"ED25519", "P-256", "P-384", "P-521", "RSA-2048"}) {
    INFO(kind);
    const PublicKey key = must(PublicKey::from_openssl(generate(kind).get()));
    CHECK(must(PublicKey::from_spki_der(key.spki_der())) == key);
    CHECK(must(PublicKey::from_pem(key.to_pem())).thumbprint() == key.thumbprint());
    CHECK(must(PublicKey::from_der_or_pem(as_bytes(key.to_pem()))) == key);
    CHECK(key.thumbprint() == sha256(key.spki_der()));
    if (const Bytes point = key.uncompressed_point(); !point.empty()) {
      const ByteView coordinates = ByteView(point).subspan(1);
      const std::size_t half = coordinates.size() / 2;
      CHECK(must(PublicKey::from_ec_point(key.kind(), coordinates.first(half),
                                          coordinates.subspan(half))) == key);
    }
    if (key.kind() == KeyKind::ed25519)
      CHECK(must(PublicKey::from_ed25519(key.raw_ed25519())) == key);
  }
}

TEST_CASE("a point off the curve is no key") {
  const PublicKey key = must(PublicKey::from_openssl(generate("P-256").get()));
  Bytes point = key.uncompressed_point();
  point.back() ^= std::byte{1};
  REQUIRE_RULE(PublicKey::from_ec_point(KeyKind::ecdsa_p256, ByteView(point).subspan(1, 32),
                                        ByteView(point).last(32)),
               rules::key_form);
  Bytes spki = key.spki_der();
  spki.back() ^= std::byte{1};
  REQUIRE_RULE(PublicKey::from_spki_der(spki), rules::key_form);
}

TEST_CASE("an Ed25519 key of small order, or not in canonical form, is no key") {
  for (const char* hex : {"0000000000000000000000000000000000000000000000000000000000000000",
                          "0100000000000000000000000000000000000000000000000000000000000080",
                          "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
                          "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"})
    REQUIRE_RULE(PublicKey::from_ed25519(must(from_hex(hex))), rules::key_form);
  REQUIRE_RULE(PublicKey::from_ed25519(Bytes(31)), rules::key_form);
}

TEST_CASE("a SubjectPublicKeyInfo is one, whole, and in DER") {
  Bytes spki = must(PublicKey::from_openssl(generate("P-256").get())).spki_der();
  Bytes longer = spki;
  longer.push_back(std::byte{0});
  REQUIRE_RULE(PublicKey::from_spki_der(longer), rules::key_form);
  // The outer length in two bytes instead of one: BER, and another thumbprint for the same key.
  Bytes ber{spki[0], std::byte{0x81}};
  append(ber, ByteView(spki).subspan(1));
  REQUIRE_RULE(PublicKey::from_spki_der(ber), rules::key_form);
  REQUIRE_RULE(PublicKey::from_spki_der({}), rules::key_form);
  REQUIRE_RULE(PublicKey::from_pem("not PEM"), rules::key_form);
}

TEST_CASE("keys that are too small or of another curve are not supported") {
  REQUIRE_RULE(PublicKey::from_openssl(generate("RSA-1024").get()), rules::key_unsupported);
  REQUIRE_RULE(PublicKey::from_openssl(generate("secp256k1").get()), rules::key_unsupported);
  Bytes modulus(256, std::byte{0xff});
  REQUIRE_RULE(PublicKey::from_rsa(modulus, must(from_hex("01"))), rules::key_form);
  REQUIRE_RULE(PublicKey::from_rsa(modulus, must(from_hex("010000"))), rules::key_form);
  modulus.back() = std::byte{0xfe};
  REQUIRE_RULE(PublicKey::from_rsa(modulus, must(from_hex("010001"))), rules::key_form);
}

TEST_CASE("a scheme of another family than the key's is refused") {
  const auto key = must(make_signing_key(KeyKind::ed25519, system_random()));
  const Bytes signature = must(key->sign(as_bytes("m")));
  REQUIRE_RULE(key->public_key().verify(SignatureScheme::ecdsa_sha256, as_bytes("m"), signature),
               rules::signature_scheme);
}

TEST_CASE("ECDSA signatures are read in strict DER only") {
  const openssl::Key pair = generate("P-256");
  const PublicKey key = must(PublicKey::from_openssl(pair.get()));
  const auto verify = [&](const Bytes& signature) {
    return key.verify(SignatureScheme::ecdsa_sha256, as_bytes("m"), signature);
  };
  // Spellings of r = 1 and s = 1, each wrong in one way.
  for (const char* hex : {
           "3006020101020101ff",  // bytes behind
           "3106020101020101",    // no SEQUENCE
           "308106020101020101",  // a length in its long form
           "300702020001020101",  // r padded
           "3006020181020101",    // r negative
           "30050200020101",      // r empty
           "3006030101020101",    // r no INTEGER
           "3007020101020101ff",  // bytes after s
       })
    REQUIRE_RULE(verify(must(from_hex(hex))), rules::signature_form);
  REQUIRE_FALSE(verify(must(from_hex("30060201010201"))));
  REQUIRE_OK(verify(sign(pair.get(), "SHA256", false, "m")));
}

TEST_CASE("r and s are in range, in either form") {
  const PublicKey key = must(PublicKey::from_openssl(generate("P-256").get()));
  const Bytes one = must(from_hex(std::string(62, '0') + "01"));
  const Bytes zero(32);
  const Bytes order =
      must(from_hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"));
  for (const auto& [r, s] :
       {std::pair(zero, one), std::pair(one, zero), std::pair(order, one), std::pair(one, order)}) {
    const Bytes fixed = concat({r, s});
    const auto status =
        key.verify(SignatureScheme::ecdsa_sha256, as_bytes("m"), fixed, EcdsaForm::fixed);
    REQUIRE_RULE(status, rules::signature_wrong);
    REQUIRE(status.error().what.find("out of range") != std::string::npos);
    REQUIRE_RULE(key.verify(SignatureScheme::ecdsa_sha256, as_bytes("m"), der_from_fixed(fixed)),
                 rules::signature_wrong);
  }
  REQUIRE_RULE(
      key.verify(SignatureScheme::ecdsa_sha256, as_bytes("m"), Bytes(63), EcdsaForm::fixed),
      rules::signature_form);
}

TEST_CASE("both ECDSA forms say the same") {
  for (const char* kind : {"P-256", "P-384", "P-521"}) {
    const openssl::Key pair = generate(kind);
    const PublicKey key = must(PublicKey::from_openssl(pair.get()));
    const Bytes der = sign(pair.get(), "SHA256", false, "m");
    const Bytes fixed = must(fixed_from_der(key.kind(), der));
    CHECK(der_from_fixed(fixed) == der);
    REQUIRE_OK(key.verify(SignatureScheme::ecdsa_sha256, as_bytes("m"), fixed, EcdsaForm::fixed));
  }
}

}  // namespace attest
