// Platform certificates (TCG, "Platform Certificate Profile" 1.0, 1.1 and 2.0): what a manufacturer
// signs about a machine and its parts, as an attribute certificate (RFC 5755) or as an X.509
// certificate with the same attributes; and deltas, which change what a base says.
//
// parse_platform_certificate checks form; verify_platform (platform_verification.h) signatures.
// Pure functions; values may be used from any thread.
#pragma once

#include "libattest/crypto/certificate.h"
#include "libattest/hardware/platform_component.h"

namespace attest::hardware {

enum class PlatformForm { attribute_certificate, x509 };
enum class PlatformKind { base, delta };
std::string_view to_string(PlatformForm form);
std::string_view to_string(PlatformKind kind);

// IssuerAndSerial names a certificate by who issued it.
struct IssuerAndSerial {
  Bytes issuer;  // Name, in DER
  Bytes serial;  // big-endian, without leading zeros
  bool empty() const { return serial.empty(); }
};

struct UntrustedPlatformCertificate {
  PlatformForm form = PlatformForm::attribute_certificate;
  PlatformKind kind = PlatformKind::base;
  unsigned configuration_version = 0;  // 1, 2 or 3 of PlatformConfiguration; 0 where there is none
  IssuerAndSerial name;                // of this certificate
  // Whom it is about: of a base the EK certificate, of a delta the base. Empty in X.509 form.
  IssuerAndSerial holder;
  Time not_before;
  Time not_after;
  PlatformName platform;
  std::vector<Component> components;
  std::vector<std::pair<std::string, std::string>> properties;

  Bytes signed_bytes;     // AttributeCertificateInfo
  std::string algorithm;  // dotted OID
  Bytes signature;        // DER for ECDSA
  std::optional<Certificate> x509 = {};
};

// parse_platform_certificate reads DER or PEM. It checks strict DER, version 2 of attribute
// certificates, that both places name one signature algorithm, a PlatformConfiguration of version
// 1, 2 or 3 at most once, and that nothing is left over in any structure it knows. Attributes it
// does not know are passed over; a critical extension it does not know is refused.
Result<UntrustedPlatformCertificate> parse_platform_certificate(ByteView content);

}  // namespace attest::hardware

namespace attest::rules {
inline constexpr Rule platform_form{"hardware.platform.form"};
inline constexpr Rule platform_kind{"hardware.platform.kind"};
inline constexpr Rule platform_critical{"hardware.platform.critical-extension"};
inline constexpr Rule platform_algorithm{"hardware.platform.algorithm"};
}  // namespace attest::rules
