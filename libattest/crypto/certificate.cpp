#include "libattest/crypto/certificate.h"

#include <algorithm>
#include <ctime>
#include <new>

#include <openssl/pem.h>

#include "libattest/crypto/der.h"
#include "libattest/crypto/openssl_handles.h"

namespace attest {

struct Certificate::Shared {
  openssl::X509Handle x509;
  Bytes der;
  Time not_before;
  Time not_after;
};

namespace {

using openssl::CleanErrors;

std::unexpected<Error> malformed(std::string what) {
  return fail(refused(rules::certificate_form, std::move(what)));
}

Result<Time> time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return malformed("a certificate's time is malformed");
  return from_unix(timegm(&parts));
}

std::string name_text(const X509_NAME* name) {
  openssl::Bio bio(BIO_new(BIO_s_mem()));
  if (!bio) throw std::bad_alloc();
  X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253);
  return openssl::text_of(bio.get());
}

std::string oid_text(const ASN1_OBJECT* object) {
  char text[128] = {};
  OBJ_obj2txt(text, sizeof text, object, 1);
  return text;
}

constexpr std::size_t max_certificate = 64U << 10;
constexpr std::size_t max_certificates = 256;

bool is_zero_padding(ByteView rest) {
  return std::ranges::all_of(rest, [](std::byte b) { return b == std::byte{}; });
}

// Owns what PEM_read_bio allocates.
struct PemBlock {
  char* name = nullptr;
  char* header = nullptr;
  unsigned char* content = nullptr;
  long size = 0;
  PemBlock() = default;
  PemBlock(const PemBlock&) = delete;
  PemBlock& operator=(const PemBlock&) = delete;
  ~PemBlock() {
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(content);
  }
  ByteView der() const { return std::as_bytes(std::span(content, static_cast<std::size_t>(size))); }
};

}  // namespace

Certificate::Certificate(std::shared_ptr<const Shared> shared) : shared_(std::move(shared)) {}

Result<Certificate> Certificate::from_der(ByteView der, bool allow_padding) {
  const CleanErrors clean;
  TRY_WITHIN("certificate", const ByteView element, first_der_element(der));
  const ByteView rest = der.subspan(element.size());
  if (!rest.empty() && !(allow_padding && is_zero_padding(rest)))
    return malformed(std::to_string(rest.size()) + " bytes follow the certificate");
  if (element.size() > max_certificate) return malformed("a certificate is larger than 64 KiB");
  const unsigned char* at = openssl::data(element);
  openssl::X509Handle x509(d2i_X509(nullptr, &at, static_cast<long>(element.size())));
  if (!x509 || at != openssl::data(element) + element.size())
    return malformed("this is not an X.509 certificate in DER");
  TRY(const Time not_before, time_of(X509_get0_notBefore(x509.get())));
  TRY(const Time not_after, time_of(X509_get0_notAfter(x509.get())));
  return Certificate(std::make_shared<const Shared>(
      Shared{std::move(x509), to_bytes(element), not_before, not_after}));
}

Result<Certificate> Certificate::from_pem(std::string_view pem) {
  TRY(const std::vector<Certificate> all, all_from_pem(pem));
  return all.front();
}

Result<std::vector<Certificate>> Certificate::all_from_pem(std::string_view pem) {
  const CleanErrors clean;
  openssl::Bio bio = openssl::bio_over(as_bytes(pem));
  std::vector<Certificate> all;
  for (;;) {
    PemBlock block;
    if (PEM_read_bio(bio.get(), &block.name, &block.header, &block.content, &block.size) != 1) {
      if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        return malformed("a PEM block is malformed");
      break;
    }
    const std::string_view label = block.name;
    if (label != "CERTIFICATE" && label != "TRUSTED CERTIFICATE" && label != "X509 CERTIFICATE")
      continue;
    if (all.size() == max_certificates) return malformed("more than 256 certificates");
    TRY_WITHIN("certificate " + std::to_string(all.size() + 1), Certificate certificate,
               from_der(block.der()));
    all.push_back(std::move(certificate));
  }
  if (all.empty()) return malformed("this PEM text holds no certificate");
  return all;
}

Result<std::vector<Certificate>> Certificate::from_der_or_pem(ByteView content) {
  if (as_text(content).find("-----BEGIN ") != std::string_view::npos)
    return all_from_pem(as_text(content));
  std::vector<Certificate> all;
  while (!content.empty()) {
    if (all.size() == max_certificates) return malformed("more than 256 certificates");
    TRY_WITHIN("certificate " + std::to_string(all.size() + 1), const ByteView element,
               first_der_element(content));
    TRY(Certificate certificate, from_der(element));
    all.push_back(std::move(certificate));
    content = content.subspan(element.size());
  }
  if (all.empty()) return malformed("no certificate is here");
  return all;
}

const Bytes& Certificate::der() const {
  return shared_->der;
}
Time Certificate::not_before() const {
  return shared_->not_before;
}
Time Certificate::not_after() const {
  return shared_->not_after;
}
x509_st* Certificate::openssl() const {
  return shared_->x509.get();
}
Sha256 Certificate::fingerprint() const {
  return sha256(shared_->der);
}

std::string Certificate::to_pem() const {
  const std::string base64 = to_base64(shared_->der);
  std::string pem = "-----BEGIN CERTIFICATE-----\n";
  for (std::size_t at = 0; at < base64.size(); at += 64) pem += base64.substr(at, 64) + "\n";
  return pem + "-----END CERTIFICATE-----\n";
}

Result<PublicKey> Certificate::public_key() const {
  const CleanErrors clean;
  EVP_PKEY* key = X509_get0_pubkey(openssl());
  if (key == nullptr)
    return fail(refused(rules::key_unsupported, "the certificate's key cannot be read"));
  return PublicKey::from_openssl(key);
}

std::string Certificate::subject() const {
  return name_text(X509_get_subject_name(openssl()));
}
std::string Certificate::issuer() const {
  return name_text(X509_get_issuer_name(openssl()));
}

std::string Certificate::serial_hex() const {
  const ASN1_INTEGER* serial = X509_get0_serialNumber(openssl());
  return to_hex(std::as_bytes(std::span(ASN1_STRING_get0_data(serial),
                                        static_cast<std::size_t>(ASN1_STRING_length(serial)))));
}

bool Certificate::is_ca() const {
  return (X509_get_extension_flags(openssl()) & EXFLAG_CA) != 0;
}

bool Certificate::is_self_signed() const {
  const CleanErrors clean;
  return X509_self_signed(openssl(), 1) == 1;
}

std::set<std::string> Certificate::extended_key_usage() const {
  const CleanErrors clean;
  std::set<std::string> usages;
  const std::unique_ptr<EXTENDED_KEY_USAGE, openssl::Free<EXTENDED_KEY_USAGE_free>> found(
      static_cast<EXTENDED_KEY_USAGE*>(
          X509_get_ext_d2i(openssl(), NID_ext_key_usage, nullptr, nullptr)));
  if (!found) return usages;
  for (int i = 0; i < sk_ASN1_OBJECT_num(found.get()); ++i)
    usages.insert(oid_text(sk_ASN1_OBJECT_value(found.get(), i)));
  return usages;
}

std::optional<Bytes> Certificate::extension(std::string_view oid) const {
  const CleanErrors clean;
  const openssl::Object object(OBJ_txt2obj(std::string(oid).c_str(), 1));
  if (!object) return {};
  const int index = X509_get_ext_by_OBJ(openssl(), object.get(), -1);
  if (index < 0) return {};
  const ASN1_OCTET_STRING* value = X509_EXTENSION_get_data(X509_get_ext(openssl(), index));
  return to_bytes(std::as_bytes(std::span(ASN1_STRING_get0_data(value),
                                          static_cast<std::size_t>(ASN1_STRING_length(value)))));
}

}  // namespace attest
