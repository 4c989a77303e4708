// Endorsement keys and their certificates (TCG EK Credential Profile 2.5): is this the key that a
// TPM manufacturer vouches for? Pure functions; time, roots and CRLs are passed in.
#pragma once

#include <vector>

#include "libattest/crypto/certificate.h"
#include "libattest/tpm/key.h"

namespace attest::tpm {

// tcg-kp-EKCertificate (EK Credential Profile section 3.2.16).
inline constexpr std::string_view ek_certificate_usage = "2.23.133.8.1";

// certificate_from_nv reads an EK certificate as TPMs keep it in NV: DER, possibly followed by zero
// or 0xff padding, possibly behind the 7-byte header of PC Client 1.2 ("stored certificate").
Result<Certificate> certificate_from_nv(ByteView nv);

struct EkRules {
  Time at;
  std::vector<Certificate> roots{};
  std::vector<Certificate> intermediates{};
  std::vector<Bytes> crls{};  // DER
};

// VerifiedEk is an endorsement key that a chain to a trusted root vouches for.
class VerifiedEk {
 public:
  const UntrustedPublic& area() const { return area_; }
  const PublicKey& key() const { return area_.key; }
  const VerifiedChain& chain() const { return chain_; }
  // identity is SHA-256 of the EK's SubjectPublicKeyInfo: the subject "ek:<hex>" of statements.
  const Sha256& identity() const { return area_.key.thumbprint(); }

 private:
  friend Result<VerifiedEk> verify_ek(const Certificate&, UntrustedPublic, const EkRules&);
  VerifiedEk(UntrustedPublic area, VerifiedChain chain)
      : area_(std::move(area)), chain_(std::move(chain)) {}
  UntrustedPublic area_;
  VerifiedChain chain_;
};

// EkFacts is what an EK certificate says of its TPM (EK Credential Profile sections 3.1 and 3.2.9).
struct EkFacts {
  std::string manufacturer;  // "id:49465800"
  std::string model;
  std::string version;
  bool security_assertions = false;  // tpmSecurityAssertions are there
  std::string specification;         // "2.0 level 0 revision 138"; empty where not given
};
EkFacts ek_facts(const Certificate& certificate);

// why_unreadable tells a certificate that is not strict DER from one that is none: vendors have
// made serial numbers with needless leading zeros, and lengths in long forms. Such a certificate is
// genuine as far as anyone can tell, and cannot be checked here: incomplete. Anything else is
// refused with `otherwise`.
Error why_unreadable(ByteView der, Error otherwise);

// read_certificates reads a file's certificates: PEM, DER, or as kept in NV. Fails as above; an
// attribute certificate (a platform certificate) is said to be one.
Result<std::vector<Certificate>> read_certificates(ByteView content);

// verify_ek_certificate checks the certificate alone, in this order:
//   - the chain to a root, its validity at `at`, revocation by the CRLs (verify_chain);
//   - that the leaf is no CA;
//   - the extended key usage tcg-kp-EKCertificate; a leaf without any usage counts where its issuer
//     is an authority for this use and no other (Google's vTPMs have such ones);
//   - no critical extension but those known here (the subject alternative name that carries the
//     TPM's manufacturer, model and version);
//   - that an RSA modulus is not of the ROCA kind (CVE-2017-15361): its key can be computed.
Result<VerifiedChain> verify_ek_certificate(const Certificate& leaf, const EkRules& rules);

// verify_ek checks verify_ek_certificate and then that
//   - the certificate's key is the EK's;
//   - the EK is a restricted decryption key, fixed to its TPM and parent and made inside it: only
//     such a key makes credential activation mean anything.
// Not checked: that the EK's template is the default one; that a manifest names this EK.
Result<VerifiedEk> verify_ek(const Certificate& leaf, UntrustedPublic ek, const EkRules& rules);

// has_roca_fingerprint tells moduli of the weak library of CVE-2017-15361 by the discrete-log
// fingerprint over small primes of Nemec et al. (2017). False positives: about 2^-27.
bool has_roca_fingerprint(ByteView modulus_big_endian);

}  // namespace attest::tpm

namespace attest::rules {
inline constexpr Rule ek_certificate_form{"tpm.ek.certificate-form"};
inline constexpr Rule ek_not_strict_der{"tpm.ek.not-strict-der"};
inline constexpr Rule ek_attribute_certificate{"tpm.ek.attribute-certificate"};
inline constexpr Rule ek_usage{"tpm.ek.usage"};
inline constexpr Rule ek_key_differs{"tpm.ek.key-differs"};
inline constexpr Rule ek_attributes{"tpm.ek.attributes"};
inline constexpr Rule ek_roca{"tpm.ek.roca"};
}  // namespace attest::rules
