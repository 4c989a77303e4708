// Verifying a report: the device of this chain signed it, for this nonce.
#pragma once

#include <optional>

#include "libattest/gpu/device_chain.h"
#include "libattest/gpu/report.h"

namespace attest::gpu {

// VerifiedReport: only verify_report makes one. Its content is hardware-signed.
class VerifiedReport {
 public:
  const UntrustedReport& report() const { return report_; }
  const DeviceIdentity& device() const { return device_; }
  const OpaqueData& opaque() const { return report_.opaque; }
  const std::vector<Measurement>& measurements() const { return report_.measurements; }
  bool nonce_checked() const { return nonce_checked_; }

 private:
  friend Result<VerifiedReport> verify_report(UntrustedReport, const VerifiedDeviceChain&,
                                              const std::optional<Bytes>&);
  VerifiedReport(UntrustedReport report, DeviceIdentity device, bool nonce_checked)
      : report_(std::move(report)), device_(std::move(device)), nonce_checked_(nonce_checked) {}
  UntrustedReport report_;
  DeviceIdentity device_;
  bool nonce_checked_;
};

// verify_report checks, in this order, that
//   - the chain's leaf signed request and response, ECDSA P-384 with SHA-384
//     (rules::report_signature);
//   - the nonce in the request is `nonce`, where one is given (rules::report_nonce);
//   - the report is of the kind of device the chain speaks of (rules::report_kind);
//   - the firmware id in the report, where there is one, is that of the chain
//     (rules::report_firmware_id);
//   - a switch reports the PDI of its certificate (rules::report_pdi).
// Not checked: what the measurements are worth (comparison.h); whether the nonce is fresh, where
// none is given.
Result<VerifiedReport> verify_report(UntrustedReport report, const VerifiedDeviceChain& chain,
                                     const std::optional<Bytes>& nonce);

}  // namespace attest::gpu

namespace attest::rules {
inline constexpr Rule report_signature{"gpu.report.signature"};
inline constexpr Rule report_nonce{"gpu.report.nonce"};
inline constexpr Rule report_kind{"gpu.report.kind"};
inline constexpr Rule report_firmware_id{"gpu.report.firmware-id"};
inline constexpr Rule report_pdi{"gpu.report.pdi"};
}  // namespace attest::rules
