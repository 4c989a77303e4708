// Verifying platform certificates: a base and the deltas to it, and what they say together.
#pragma once

#include "libattest/hardware/platform_certificate.h"

namespace attest::hardware {

struct PlatformRules {
  Time at;
  // Believed as they are, whether self-signed or not: whoever names an authority trusts it.
  std::vector<Certificate> authorities;
  std::vector<Certificate> intermediates = {};
  std::vector<Bytes> crls = {};
  // The EK certificate of the machine at hand, where there is one.
  std::optional<Certificate> ek = {};
};

// VerifiedPlatform: only verify_platform makes one.
class VerifiedPlatform {
 public:
  const UntrustedPlatformCertificate& base() const { return base_; }
  const PlatformName& name() const { return base_.platform; }
  // components is what base and deltas say together, in their order.
  const std::vector<Component>& components() const { return components_; }
  std::size_t deltas() const { return deltas_; }
  bool ek_checked() const { return ek_checked_; }
  // issuers gives the subject of the authority that signed the base and each delta.
  const std::vector<std::string>& issuers() const { return issuers_; }
  // issuer_key is the thumbprint of the base's authority: with the serial number it names the
  // machine.
  const Sha256& issuer_key() const { return issuer_key_; }

 private:
  friend Result<VerifiedPlatform> verify_platform(const UntrustedPlatformCertificate&,
                                                  const std::vector<UntrustedPlatformCertificate>&,
                                                  const PlatformRules&);
  VerifiedPlatform() = default;
  UntrustedPlatformCertificate base_;
  std::vector<Component> components_;
  std::size_t deltas_ = 0;
  bool ek_checked_ = false;
  std::vector<std::string> issuers_;
  Sha256 issuer_key_{};
};

// verify_platform checks, of base and deltas in the order given:
//   - the kinds: a base first, then deltas;
//   - a certificate of the issuer is here (else incomplete), is an authority's, and its key made
//   the
//     signature, with RSA or ECDSA over SHA-256 or better;
//   - the issuer is one of `authorities`, or chains to one through `intermediates`;
//   - all are valid at rules.at (else incomplete);
//   - a base is of the EK certificate given, by issuer and serial; a delta is of this base;
//   - deltas add what is not there, and modify and remove what is. Where a component is said to be
//     modified, its class, manufacturer and model name it, and its serial where there is one.
Result<VerifiedPlatform> verify_platform(const UntrustedPlatformCertificate& base,
                                         const std::vector<UntrustedPlatformCertificate>& deltas,
                                         const PlatformRules& rules);

}  // namespace attest::hardware

namespace attest::rules {
inline constexpr Rule platform_order{"hardware.platform.order"};
inline constexpr Rule platform_no_issuer{"hardware.platform.no-issuer"};
inline constexpr Rule platform_issuer_role{"hardware.platform.issuer-role"};
inline constexpr Rule platform_signature{"hardware.platform.signature"};
inline constexpr Rule platform_time{"hardware.platform.time"};
inline constexpr Rule platform_holder{"hardware.platform.holder"};
inline constexpr Rule platform_delta{"hardware.platform.delta"};
}  // namespace attest::rules
