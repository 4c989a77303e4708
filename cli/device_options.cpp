#include "cli/device_options.h"

#include "cli/command_line.h"
#include "libattest/base/file.h"
#include "libattest/crypto/certificate.h"
#include "libattest/hardware/platform_certificate.h"
#include "libattest/tpm/ek.h"

namespace attest::cli {

namespace {

using statement::DeviceIdentity;
using statement::DeviceKind;

Result<DeviceIdentity> from_ek(const std::string& path) {
  TRY(const Bytes content, read_file(path, 1U << 20));
  if (const auto key = PublicKey::from_der_or_pem(content))
    return DeviceIdentity{DeviceKind::ek, {}, key->thumbprint()};
  TRY_WITHIN(path, const Certificate certificate, tpm::certificate_from_nv(content));
  TRY_WITHIN(path, const PublicKey key, certificate.public_key());
  return DeviceIdentity{DeviceKind::ek, {}, key.thumbprint()};
}

// The leaf changes with the firmware; the certificate above it, the device identity, stays.
Result<DeviceIdentity> from_chain(const std::string& path, DeviceKind kind) {
  TRY(const Bytes content, read_file(path, 1U << 20));
  TRY_WITHIN(path, const auto chain, Certificate::from_der_or_pem(content));
  if (chain.size() < 3)
    return fail(usage_error(path + " is no chain with a device identity in it: leaf first, "
                                   "then the device's own certificate, then its issuers"));
  TRY_WITHIN(path, const PublicKey key, chain[1].public_key());
  TRY_WITHIN(path, Bytes serial, from_hex(chain[1].serial_hex()));
  return DeviceIdentity{kind, std::move(serial), key.thumbprint()};
}

Result<DeviceIdentity> from_platform(const std::string& path, const std::string& authority) {
  if (authority.empty())
    return fail(
        usage_error("--platform-certificate needs --platform-ca: a serial alone names "
                    "nothing"));
  TRY(const Bytes content, read_file(path, 1U << 20));
  TRY_WITHIN(path, const auto certificate, hardware::parse_platform_certificate(content));
  TRY(const Bytes issuer, read_file(authority, 1U << 20));
  TRY_WITHIN(authority, const auto issuers, Certificate::from_der_or_pem(issuer));
  TRY_WITHIN(authority, const PublicKey key, issuers.front().public_key());
  return DeviceIdentity{DeviceKind::platform, certificate.name.serial, key.thumbprint()};
}

Result<DeviceIdentity> from_chip(const std::string& hex) {
  TRY_WITHIN("--chip-id", Bytes id, from_hex(hex));
  if (id.empty() || id.size() > 64) return fail(usage_error("--chip-id has 1 to 64 bytes"));
  return DeviceIdentity{DeviceKind::chip, std::move(id), {}};
}

std::size_t given(const DeviceOptions& options) {
  std::size_t count = 0;
  for (const std::string* each :
       {&options.subject, &options.ek, &options.gpu_chain, &options.switch_chain, &options.chip_id,
        &options.platform_certificate})
    count += each->empty() ? 0 : 1;
  return count;
}

}  // namespace

void add_device_options(Command* verb, DeviceOptions& options, bool by_subject) {
  if (by_subject) verb->add_option("--device", options.subject, "The device's subject, device:…");
  verb->add_option("--ek", options.ek, "The device is a TPM: its EK certificate or key");
  verb->add_option("--gpu-chain", options.gpu_chain,
                   "The device is a GPU: its certificate chain, leaf first");
  verb->add_option("--switch-chain", options.switch_chain,
                   "The device is an NVSwitch: its certificate chain, leaf first");
  verb->add_option("--chip-id", options.chip_id,
                   "The device is a processor: its chip id, in hexadecimal");
  verb->add_option("--platform-certificate", options.platform_certificate,
                   "The device is a machine: its platform certificate");
  verb->add_option("--platform-ca", options.platform_authority,
                   "The authority that issued the platform certificate");
}

Result<DeviceIdentity> identity_of(const DeviceOptions& options) {
  if (given(options) != 1)
    return fail(
        usage_error("say which device, in one way: --ek, --gpu-chain, --switch-chain, "
                    "--chip-id or --platform-certificate"));
  if (!options.ek.empty()) return from_ek(options.ek);
  if (!options.gpu_chain.empty()) return from_chain(options.gpu_chain, DeviceKind::gpu);
  if (!options.switch_chain.empty()) return from_chain(options.switch_chain, DeviceKind::nvswitch);
  if (!options.chip_id.empty()) return from_chip(options.chip_id);
  return from_platform(options.platform_certificate, options.platform_authority);
}

Result<statement::Subject> device_subject(const DeviceOptions& options) {
  if (!options.subject.empty() && given(options) == 1) {
    TRY_WITHIN("--device", auto subject, statement::Subject::parse(options.subject));
    if (subject.kind() != statement::SubjectKind::device)
      return fail(usage_error("--device takes device: and 64 hexadecimal digits"));
    return subject;
  }
  TRY(const DeviceIdentity identity, identity_of(options));
  return statement::subject_of(identity);
}

}  // namespace attest::cli
