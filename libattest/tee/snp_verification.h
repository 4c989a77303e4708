// Verifying SNP reports: the signature, the chip's certificate, and that both speak of one chip at
// one patch level.
#pragma once

#include <vector>

#include "libattest/tee/snp_certificate.h"

namespace attest::tee {

struct SnpRules {
  Time at;
  std::vector<Certificate> roots;         // ARKs
  std::vector<Certificate> certificates;  // of the report's signers and their authorities
  std::vector<Bytes> crls = {};           // DER
  bool require_crl = false;
};

// VerifiedSnpReport: only verify_snp_report makes one. It owns its bytes.
class VerifiedSnpReport {
 public:
  const UntrustedSnpReport& report() const { return report_; }
  const UntrustedSnpReport* operator->() const { return &report_; }
  const VerifiedChain& chain() const { return chain_; }
  const SnpCertificateFields& certificate() const { return fields_; }
  // tcb is the reported level, read for this processor.
  const TcbLevels& tcb() const { return fields_.tcb; }

 private:
  friend Result<VerifiedSnpReport> verify_snp_report(ByteView, const SnpRules&);
  VerifiedSnpReport(std::shared_ptr<const Bytes> bytes, UntrustedSnpReport report,
                    VerifiedChain chain, SnpCertificateFields fields)
      : bytes_(std::move(bytes)),
        report_(std::move(report)),
        chain_(std::move(chain)),
        fields_(std::move(fields)) {}
  std::shared_ptr<const Bytes> bytes_;
  UntrustedSnpReport report_;
  VerifiedChain chain_;
  SnpCertificateFields fields_;
};

// verify_snp_report parses, and then checks in this order:
//   - among the certificates given is one of the kind that the report names (VCEK or VLEK) whose
//     key holds the signature. None of that kind: incomplete. One, and the signature is not by its
//     key: refused;
//   - its chain to an ARK among `roots`, at rules.at, with the CRLs given; the chain's authority is
//     the one for VCEKs or VLEKs respectively;
//   - the certificate's patch levels are the report's reported TCB, and its FMC level is there
//     where the processor has one;
//   - a VCEK's chip id is the report's. A masked one cannot be compared: incomplete.
// Not checked: policy (debug, report data, measurement) and whether the level is recent enough.
Result<VerifiedSnpReport> verify_snp_report(ByteView bytes, const SnpRules& rules);

}  // namespace attest::tee

namespace attest::rules {
inline constexpr Rule snp_no_certificate{"tee.snp.no-certificate"};
inline constexpr Rule snp_signature{"tee.snp.signature"};
inline constexpr Rule snp_signer_role{"tee.snp.signer-role"};
inline constexpr Rule snp_tcb{"tee.snp.tcb"};
inline constexpr Rule snp_chip{"tee.snp.chip"};
inline constexpr Rule snp_chip_masked{"tee.snp.chip-masked"};
}  // namespace attest::rules
