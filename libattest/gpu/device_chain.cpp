#include "libattest/gpu/device_chain.h"

#include <algorithm>

#include "libattest/base/text.h"
#include "libattest/crypto/openssl_handles.h"

namespace attest::gpu {

namespace {

constexpr std::string_view device_root =
    "102bf659d5419614c9d8e6aecebc80454eb26b1df6a769ac720b9a690b167b48";
constexpr std::string_view rim_root =
    "12977b5115acb0381179279fffeb5a8c4d264971ebb32298023a465fa41df5d1";
// DMTF DSP0274 table "SPDM extended key usage": the responder's.
constexpr std::string_view spdm_responder_eku = "1.3.6.1.4.1.412.274.3";
constexpr std::byte gpu_mark{0x41};
constexpr std::byte switch_mark{0x50};
constexpr std::string_view device_suffix = " BROM";

RootPins pinned(std::string_view fingerprint) {
  const auto bytes = from_hex(fingerprint);
  Sha256 value{};
  std::ranges::copy(*bytes, value.begin());
  return RootPins{{}, {value}};
}

// The common name in an RFC 2253 text; NVIDIA's hold no escaped characters.
std::string common_name(const std::string& subject) {
  const std::size_t at =
      subject.starts_with("CN=") ? 0 : subject.find(",CN=") + 1;  // npos + 1 is 0
  if (!std::string_view(subject).substr(at).starts_with("CN=")) return "";
  return subject.substr(at + 3, subject.find(',', at) - at - 3);
}

// "LS_10 A01 FSP BROM" is of the chip LS10.
std::string chip_of(std::string_view name) {
  std::string chip(name.substr(0, name.find(' ')));
  std::erase(chip, '_');
  return chip;
}

std::string architecture_of(std::string_view chip) {
  if (chip.starts_with("GH1")) return "Hopper";
  if (chip.starts_with("GB1") || chip.starts_with("GB2")) return "Blackwell";
  return std::string(chip);
}

Status check_role(const Certificate& leaf, const PublicKey& key) {
  const auto wrong = [&](std::string what, std::string expected, std::string found) {
    return fail(refused(rules::device_role, std::move(what))
                    .expected(std::move(expected))
                    .found(std::move(found))
                    .within(leaf.subject()));
  };
  if (key.kind() != KeyKind::ecdsa_p384)
    return wrong("the leaf's key cannot sign reports", "ECDSA P-384",
                 std::string(to_string(key.kind())));
  if ((X509_get_key_usage(leaf.openssl()) & KU_DIGITAL_SIGNATURE) == 0)
    return wrong("the leaf is not for signatures", "key usage digitalSignature", "another usage");
  const std::set<std::string> uses = leaf.extended_key_usage();
  if (!uses.empty() && !uses.contains(std::string(spdm_responder_eku)))
    return wrong("the leaf has another role than answering for a device",
                 "extended key usage " + std::string(spdm_responder_eku), *uses.begin());
  return {};
}

Result<DeviceIdentity> read_identity(const std::vector<Certificate>& chain) {
  const auto wrong = [&](std::string what, std::string expected, std::string found) {
    return fail(refused(rules::device_identity, std::move(what))
                    .expected(std::move(expected))
                    .found(std::move(found))
                    .within("certificate 1"));
  };
  if (chain.size() < 3)
    return wrong("the chain has no device certificate", "leaf, device, issuers and root",
                 std::to_string(chain.size()) + " certificates");
  const Certificate& device = chain[1];
  DeviceIdentity identity;
  identity.model = printable(common_name(device.subject()), 80);
  if (!identity.model.ends_with(device_suffix))
    return wrong("the leaf was not issued by a device", "a name that ends in \"BROM\"",
                 device.subject());
  identity.device_serial = device.serial_hex();
  TRY(const Bytes serial, from_hex(identity.device_serial));
  if (serial.size() != 1 + identity.pdi.size() ||
      (serial[0] != gpu_mark && serial[0] != switch_mark))
    return wrong("the device certificate's serial number is none of a GPU or switch",
                 "41 or 50, and 8 bytes of PDI", identity.device_serial);
  std::copy(serial.begin() + 1, serial.end(), identity.pdi.begin());
  identity.kind = serial[0] == gpu_mark ? DeviceKind::gpu : DeviceKind::nvswitch;
  identity.chip = chip_of(identity.model);
  identity.architecture = architecture_of(identity.chip);
  const std::string leaf_name = common_name(chain[0].subject());
  if (chip_of(leaf_name) != identity.chip)
    return wrong("leaf and device certificate name different chips", identity.chip,
                 printable(leaf_name, 80));
  TRY(const PublicKey key, device.public_key());
  identity.device_key = key.thumbprint();
  identity.leaf_serial = chain[0].serial_hex();
  TRY(identity.firmware_id, firmware_id(chain[0]));
  return identity;
}

}  // namespace

std::vector<Certificate> RootPins::among(std::span<const Certificate> brought) const {
  std::vector<Certificate> roots = certificates;
  std::ranges::copy_if(brought, std::back_inserter(roots), [this](const Certificate& certificate) {
    return fingerprints.contains(certificate.fingerprint());
  });
  return roots;
}

RootPins nvidia_device_roots() {
  return pinned(device_root);
}
RootPins nvidia_rim_roots() {
  return pinned(rim_root);
}

Result<VerifiedDeviceChain> verify_device_chain(std::span<const Certificate> certificates,
                                                const RootPins& roots, Time at,
                                                std::span<const Bytes> crls) {
  if (certificates.empty())
    return fail(refused(rules::device_identity, "there is no certificate for the report"));
  const Certificate& leaf = certificates.front();
  const std::vector<Certificate> rest(certificates.begin() + 1, certificates.end());
  TRY(VerifiedChain chain, verify_chain(leaf, rest, roots.among(certificates),
                                        {.at = at, .crls = {crls.begin(), crls.end()}}));
  TRY(PublicKey key, chain.leaf().public_key());
  TRY_VOID(check_role(chain.leaf(), key));
  TRY(DeviceIdentity identity, read_identity(chain.certificates()));
  return VerifiedDeviceChain(std::move(chain), std::move(identity), std::move(key));
}

}  // namespace attest::gpu
