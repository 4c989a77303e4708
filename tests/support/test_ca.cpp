#include "tests/support/test_ca.h"

#include <stdexcept>

#include <openssl/pem.h>
#include <openssl/rand.h>

#include "libattest/crypto/ecdsa_signature.h"
#include "libattest/crypto/openssl_handles.h"

namespace attest::test {

struct Certified::Key {
  openssl::Key key;
};

namespace {

void require(bool held) {
  if (!held) throw std::runtime_error("OpenSSL could not make a test certificate");
}

openssl::Key make_key(const CertificateSpec& spec) {
  openssl::Key key(EVP_EC_gen(spec.curve.c_str()));
  require(key != nullptr);
  return key;
}

void add(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, openssl::Free<X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  require(extension && X509_add_ext(certificate, extension.get(), -1) == 1);
}

void add_by_oid(X509* certificate, const std::string& oid, ByteView content, bool critical) {
  const openssl::Object object(OBJ_txt2obj(oid.c_str(), 1));
  const std::unique_ptr<ASN1_OCTET_STRING, openssl::Free<ASN1_OCTET_STRING_free>> value(
      ASN1_OCTET_STRING_new());
  ASN1_OCTET_STRING_set(value.get(), openssl::data(content), static_cast<int>(content.size()));
  const std::unique_ptr<X509_EXTENSION, openssl::Free<X509_EXTENSION_free>> extension(
      X509_EXTENSION_create_by_OBJ(nullptr, object.get(), critical ? 1 : 0, value.get()));
  require(extension && X509_add_ext(certificate, extension.get(), -1) == 1);
}

void add_extensions(X509* certificate, X509* issuer, const CertificateSpec& spec) {
  std::string constraints = spec.is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE";
  if (spec.path_length) constraints += ",pathlen:" + std::to_string(*spec.path_length);
  add(certificate, issuer, NID_basic_constraints, constraints);
  add(certificate, issuer, NID_key_usage,
      spec.is_ca ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature");
  add(certificate, issuer, NID_subject_key_identifier, "hash");
  std::string usages;
  for (const std::string& usage : spec.eku) usages += (usages.empty() ? "" : ",") + usage;
  if (!usages.empty()) add(certificate, issuer, NID_ext_key_usage, usages);
  if (!spec.alternative_names.empty())
    add(certificate, issuer, NID_subject_alt_name, spec.alternative_names);
  const Bytes null{std::byte{5}, std::byte{0}};
  if (!spec.critical_extension.empty())
    add_by_oid(certificate, spec.critical_extension, null, true);
  for (const auto& [oid, value] : spec.extensions) add_by_oid(certificate, oid, value, false);
}

// No authority key identifier is written: so that an issuer's namesake can be tried as a forger.
Certificate build(const CertificateSpec& spec, EVP_PKEY* subject_key, X509* issuer,
                  EVP_PKEY* issuer_key) {
  const openssl::X509Handle certificate(X509_new());
  require(certificate != nullptr);
  X509_set_version(certificate.get(), X509_VERSION_3);
  const openssl::Number serial(BN_new());
  if (spec.serial.empty())
    require(BN_rand(serial.get(), 120, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1);
  else
    BN_bin2bn(openssl::data(ByteView(spec.serial)), static_cast<int>(spec.serial.size()),
              serial.get());
  BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(certificate.get()));
  ASN1_TIME_set(X509_getm_notBefore(certificate.get()), unix_seconds(spec.not_before));
  ASN1_TIME_set(X509_getm_notAfter(certificate.get()), unix_seconds(spec.not_after));
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(spec.common_name.c_str()), -1,
                             -1, 0);
  X509* signer = issuer != nullptr ? issuer : certificate.get();
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(signer));
  X509_set_pubkey(certificate.get(), subject_key);
  add_extensions(certificate.get(), signer, spec);
  require(X509_sign(certificate.get(), issuer_key, EVP_get_digestbyname(spec.digest.c_str())) > 0);
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate.get(), &der);
  require(size > 0);
  auto made = Certificate::from_der(std::as_bytes(std::span(der, static_cast<std::size_t>(size))));
  OPENSSL_free(der);
  require(made.has_value());
  return *std::move(made);
}

}  // namespace

Certified Certified::root(const CertificateSpec& spec) {
  CertificateSpec root_spec = spec;
  root_spec.is_ca = true;
  auto key = std::make_shared<Key>(make_key(spec));
  Certificate certificate = build(root_spec, key->key.get(), nullptr, key->key.get());
  return {std::move(key), std::move(certificate)};
}

Certified Certified::issue(const CertificateSpec& spec) const {
  auto key = std::make_shared<Key>(make_key(spec));
  Certificate certificate = build(spec, key->key.get(), certificate_->openssl(), key_->key.get());
  return {std::move(key), std::move(certificate)};
}

Certificate Certified::certify(const CertificateSpec& spec, const PublicKey& key) const {
  return build(spec, key.openssl(), certificate_->openssl(), key_->key.get());
}

Bytes Certified::crl(const std::vector<Certificate>& revoked, Time this_update,
                     Time next_update) const {
  const openssl::X509Crl crl(X509_CRL_new());
  require(crl != nullptr);
  X509_CRL_set_version(crl.get(), X509_CRL_VERSION_2);
  X509_CRL_set_issuer_name(crl.get(), X509_get_subject_name(certificate_->openssl()));
  const std::unique_ptr<ASN1_TIME, openssl::Free<ASN1_TIME_free>> from(
      ASN1_TIME_set(nullptr, unix_seconds(this_update)));
  const std::unique_ptr<ASN1_TIME, openssl::Free<ASN1_TIME_free>> until(
      ASN1_TIME_set(nullptr, unix_seconds(next_update)));
  X509_CRL_set1_lastUpdate(crl.get(), from.get());
  X509_CRL_set1_nextUpdate(crl.get(), until.get());
  for (const Certificate& certificate : revoked) {
    X509_REVOKED* entry = X509_REVOKED_new();
    X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(certificate.openssl()));
    X509_REVOKED_set_revocationDate(entry, from.get());
    require(X509_CRL_add0_revoked(crl.get(), entry) == 1);
  }
  require(X509_CRL_sign(crl.get(), key_->key.get(), EVP_sha256()) > 0);
  unsigned char* der = nullptr;
  const int size = i2d_X509_CRL(crl.get(), &der);
  require(size > 0);
  Bytes bytes = to_bytes(std::as_bytes(std::span(der, static_cast<std::size_t>(size))));
  OPENSSL_free(der);
  return bytes;
}

Bytes Certified::sign_der(ByteView message) const {
  const openssl::DigestContext context(EVP_MD_CTX_new());
  const EVP_MD* hash = EVP_PKEY_get_bits(key_->key.get()) == 384 ? EVP_sha384() : EVP_sha256();
  require(context &&
          EVP_DigestSignInit(context.get(), nullptr, hash, nullptr, key_->key.get()) == 1);
  std::size_t size = 256;
  Bytes signature(size);
  require(EVP_DigestSign(context.get(), openssl::data(signature), &size, openssl::data(message),
                         message.size()) == 1);
  signature.resize(size);
  return signature;
}

Bytes Certified::sign(ByteView message) const {
  const auto key = certificate_->public_key();
  require(key.has_value());
  const auto fixed = fixed_from_der(key->kind(), sign_der(message));
  require(fixed.has_value());
  return *fixed;
}

std::string Certified::key_pem() const {
  const openssl::Bio bio(BIO_new(BIO_s_mem()));
  require(bio && PEM_write_bio_PKCS8PrivateKey(bio.get(), key_->key.get(), nullptr, nullptr, 0,
                                               nullptr, nullptr) == 1);
  return openssl::text_of(bio.get());
}

}  // namespace attest::test
