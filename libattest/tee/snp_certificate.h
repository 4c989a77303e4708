// What a VCEK or VLEK certificate says besides X.509 (AMD 57230, "VCEK Certificate and KDS
// Interface", section 3): the product, the chip, and the patch levels its key was derived from.
#pragma once

#include <optional>
#include <string>

#include "libattest/crypto/certificate.h"
#include "libattest/tee/snp_report.h"

namespace attest::tee {

struct SnpCertificateFields {
  std::string product;  // "Milan-B0"; a VLEK has no stepping: "Milan"
  TcbLevels tcb;
  Bytes chip_id;                      // of a VCEK: 64 bytes; 8 from Turin on
  std::optional<std::string> csp_id;  // of a VLEK: which provider it was made for
};

// is_snp_certificate says whether a certificate has AMD's product extension.
bool is_snp_certificate(const Certificate& certificate);

// read_snp_certificate fails with rules::snp_certificate where an extension is missing or
// malformed.
Result<SnpCertificateFields> read_snp_certificate(const Certificate& certificate);

}  // namespace attest::tee

namespace attest::rules {
inline constexpr Rule snp_certificate{"tee.snp.certificate"};
}
