#include "libattest/gpu/report_verification.h"

namespace attest::gpu {

namespace {

Status check_nonce(const UntrustedReport& report, const Bytes& nonce) {
  if (equal(report.nonce, nonce)) return {};
  return fail(refused(rules::report_nonce, "the report answers another nonce")
                  .expected(to_hex(nonce))
                  .found(to_hex(report.nonce))
                  .next("ask the device again; a recorded report proves nothing about now"));
}

Status check_kind(const UntrustedReport& report, const DeviceIdentity& device) {
  if (report.kind() == device.kind) return {};
  return fail(refused(rules::report_kind, "the report is not of the kind of device that signed it")
                  .expected("a report of a " + std::string(to_string(device.kind)))
                  .found("one of a " + std::string(to_string(report.kind()))));
}

Status check_firmware_id(const OpaqueData& opaque, const DeviceIdentity& device) {
  if (!opaque.firmware_id || opaque.firmware_id == device.firmware_id) return {};
  return fail(refused(rules::report_firmware_id,
                      "the firmware that reports is not the one the certificate was issued to")
                  .expected(device.firmware_id ? to_hex(*device.firmware_id)
                                               : "a firmware id in the leaf certificate")
                  .found(to_hex(*opaque.firmware_id)));
}

Status check_pdi(const UntrustedReport& report, const DeviceIdentity& device) {
  if (device.kind != DeviceKind::nvswitch) return {};
  const std::vector<Pdi>& own = report.opaque.switch_pdis;
  if (own.size() == 1 && own.front() == device.pdi) return {};
  return fail(refused(rules::report_pdi, "the switch reports another PDI than its certificate")
                  .expected(to_hex(device.pdi))
                  .found(own.empty() ? "none" : to_hex(own.front())));
}

}  // namespace

Result<VerifiedReport> verify_report(UntrustedReport report, const VerifiedDeviceChain& chain,
                                     const std::optional<Bytes>& nonce) {
  const DeviceIdentity& device = chain.identity();
  if (!chain.leaf_key().verify(SignatureScheme::ecdsa_sha384, report.signed_bytes, report.signature,
                               EcdsaForm::fixed))
    return fail(refused(rules::report_signature,
                        "the report was not signed by the device of this certificate chain")
                    .expected("a signature by " + device.model + " " + device.device_serial));
  if (nonce) TRY_VOID(check_nonce(report, *nonce));
  TRY_VOID(check_kind(report, device));
  TRY_VOID(check_firmware_id(report.opaque, device));
  TRY_VOID(check_pdi(report, device));
  return VerifiedReport(std::move(report), device, nonce.has_value());
}

}  // namespace attest::gpu
