// Certificate authorities made at run time, for tests: roots, intermediates and leaves with chosen
// use, validity and extensions, and CRLs. Keys are ECDSA, P-256 unless said, and live in memory.
#pragma once

#include <map>
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
  std::string curve = "P-256";                   // or "P-384"
  Bytes serial = {};                             // random without
  std::map<std::string, Bytes> extensions = {};  // dotted OID to value, not critical
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
  // sign gives r ‖ s over the message, hashed with SHA-256 for P-256 and SHA-384 for P-384;
  // sign_der the same in DER.
  Bytes sign(ByteView message) const;
  Bytes sign_der(ByteView message) const;

 private:
  struct Key;
  Certified(std::shared_ptr<const Key> key, Certificate certificate)
      : key_(std::move(key)), certificate_(std::move(certificate)) {}
  std::shared_ptr<const Key> key_;
  std::optional<Certificate> certificate_;
};

}  // namespace attest::test
