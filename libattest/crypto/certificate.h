// X.509 certificates and chains (RFC 5280) by OpenSSL, with an explicit time and explicit roots.
//
// Nothing is taken from the system: neither its clock, nor its trust store. A Certificate is
// immutable and cheap to copy; all functions may be called from several threads.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "libattest/base/time.h"
#include "libattest/crypto/public_key.h"

struct x509_st;

namespace attest {

class Certificate {
 public:
  // from_der refuses trailing bytes and BER, except that zero padding after the certificate is cut
  // off where `allow_padding` says so (TPM NV areas are padded).
  static Result<Certificate> from_der(ByteView der, bool allow_padding = false);
  // from_pem reads the first certificate of a PEM text.
  static Result<Certificate> from_pem(std::string_view pem);
  static Result<std::vector<Certificate>> all_from_pem(std::string_view pem);
  // from_der_or_pem reads either, one or several.
  static Result<std::vector<Certificate>> from_der_or_pem(ByteView content);

  const Bytes& der() const;
  std::string to_pem() const;
  Result<PublicKey> public_key() const;
  std::string subject() const;  // RFC 2253
  std::string issuer() const;
  std::string serial_hex() const;
  Time not_before() const;
  Time not_after() const;
  bool is_ca() const;
  bool is_self_signed() const;
  // extended_key_usage gives dotted OIDs.
  std::set<std::string> extended_key_usage() const;
  // extension gives the value of an extension by dotted OID.
  std::optional<Bytes> extension(std::string_view oid) const;
  Sha256 fingerprint() const;  // SHA-256 of the DER
  x509_st* openssl() const;

 private:
  struct Shared;
  explicit Certificate(std::shared_ptr<const Shared> shared);
  std::shared_ptr<const Shared> shared_;
};

struct ChainRules {
  Time at;  // the time at which every certificate must be valid
  std::optional<std::string> required_eku = {};  // dotted OID the leaf must carry
  // Critical extensions of the leaf that the caller checks itself, by dotted OID.
  std::set<std::string> handled_critical = {};
  std::vector<Bytes> crls = {};  // DER
  bool require_crl = false;      // a certificate no CRL speaks of is then incomplete
  bool leaf_may_be_ca = false;
  bool allow_sha1 = false;     // some EK chains of older TPMs are signed with SHA-1
  std::size_t max_length = 8;  // certificates, root included
};

// VerifiedChain holds a chain that was checked: leaf first, root last. Only verify_chain makes one.
class VerifiedChain {
 public:
  const std::vector<Certificate>& certificates() const { return certificates_; }
  const Certificate& leaf() const { return certificates_.front(); }
  const Certificate& root() const { return certificates_.back(); }

 private:
  friend Result<VerifiedChain> verify_chain(const Certificate&, const std::vector<Certificate>&,
                                            const std::vector<Certificate>&, const ChainRules&);
  explicit VerifiedChain(std::vector<Certificate> certificates)
      : certificates_(std::move(certificates)) {}
  std::vector<Certificate> certificates_;
};

// verify_chain builds a path from `leaf` through `intermediates` to one of `roots` and checks:
//   - every signature, name, basic constraint, path length and key usage (OpenSSL, no partial
//   chain);
//   - validity of every certificate at rules.at;
//   - the leaf's extended key usage, and that the leaf is no CA;
//   - no unknown critical extension but those the caller handles, and those in the leaf only;
//   - no signature below the root with MD5, or with SHA-1 unless allow_sha1 says so, and no key of
//   less than 112 bits of security;
//   - revocation by the CRLs given, each of which must itself be signed and in its time.
// Not checked: OCSP, name constraints beyond OpenSSL's, policy trees.
// A missing issuer, expiry, and a CRL that is missing or out of its time are incomplete; everything
// else is refused, also where a certificate is expired besides.
Result<VerifiedChain> verify_chain(const Certificate& leaf,
                                   const std::vector<Certificate>& intermediates,
                                   const std::vector<Certificate>& roots, const ChainRules& rules);

namespace rules {
inline constexpr Rule certificate_form{"crypto.certificate.form"};
inline constexpr Rule chain_no_issuer{"crypto.chain.no-issuer"};
inline constexpr Rule chain_untrusted_root{"crypto.chain.untrusted-root"};
inline constexpr Rule chain_time{"crypto.chain.time"};
inline constexpr Rule chain_signature{"crypto.chain.signature"};
inline constexpr Rule chain_eku{"crypto.chain.eku"};
inline constexpr Rule chain_leaf_is_ca{"crypto.chain.leaf-is-ca"};
inline constexpr Rule chain_critical{"crypto.chain.critical-extension"};
inline constexpr Rule chain_weak{"crypto.chain.weak"};
inline constexpr Rule chain_revoked{"crypto.chain.revoked"};
inline constexpr Rule chain_crl{"crypto.chain.crl"};
inline constexpr Rule chain_invalid{"crypto.chain.invalid"};
}  // namespace rules

}  // namespace attest
