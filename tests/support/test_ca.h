// Certificate authorities made at run time, for tests: roots, intermediates and leaves with chosen
// use, validity and extensions, and CRLs. Keys are ECDSA P-256 and live in memory.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "libattest/base/time.h"
#include "libattest/crypto/certificate.h"

namespace attest::test {

struct CertificateSpec {
  std::string common_name = {};
  bool is_ca = false;
  std::optional<long> path_length = {};
  Time not_before = from_unix(1'767'225'600);  // 2026-01-01
  Time not_after = from_unix(2'082'758'400);   // 2036-01-01
  std::vector<std::string> eku = {};           // dotted OIDs
  std::string alternative_names = {};          // as "DNS:localhost,IP:127.0.0.1"
  std::string critical_extension = {};         // dotted OID of one nobody knows
  std::string digest = "SHA256";
};

// Certified is a certificate with its private key; it can issue others where it is a CA.
class Certified {
 public:
  static Certified root(const CertificateSpec& spec);
  Certified issue(const CertificateSpec& spec) const;
  // certify issues a certificate for somebody else's key, such as a TPM's.
  Certificate certify(const CertificateSpec& spec, const PublicKey& key) const;
  // crl gives a CRL in DER that revokes these certificates.
  Bytes crl(const std::vector<Certificate>& revoked, Time this_update, Time next_update) const;

  const Certificate& certificate() const { return *certificate_; }
  std::string key_pem() const;

 private:
  struct Key;
  Certified(std::shared_ptr<const Key> key, Certificate certificate)
      : key_(std::move(key)), certificate_(std::move(certificate)) {}
  std::shared_ptr<const Key> key_;
  std::optional<Certificate> certificate_;
};

}  // namespace attest::test
