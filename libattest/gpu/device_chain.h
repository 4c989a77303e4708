// The certificate chain of an NVIDIA GPU or NVSwitch: who the device is, before it says anything.
//
// Certificates stand leaf first. The leaf is of the firmware that runs (FMC) and changes with it;
// certificate 1, "BROM", is the device's own and stays. Custody and manifests are keyed on the
// latter. Its serial number is 41 ‖ PDI for a GPU and 50 ‖ PDI for a switch.
//
// Pure functions; values are immutable, cheap to copy and usable from any thread.
#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "libattest/crypto/certificate.h"
#include "libattest/gpu/opaque_data.h"

namespace attest::gpu {

// RootPins says which roots are believed: whole certificates, or the SHA-256 fingerprints of roots
// that the evidence may bring along.
struct RootPins {
  std::vector<Certificate> certificates = {};
  std::set<Sha256> fingerprints = {};

  // among gives the pinned certificates, and those of `brought` whose fingerprint is pinned.
  std::vector<Certificate> among(std::span<const Certificate> brought) const;
};

// The published roots: "NVIDIA Device Identity CA" and "NVIDIA CoRIM signing Root CA".
RootPins nvidia_device_roots();
RootPins nvidia_rim_roots();

// DeviceIdentity is what a verified chain says.
struct DeviceIdentity {
  DeviceKind kind = DeviceKind::gpu;
  std::string chip;           // "GH100", "GB100", "LS10"
  std::string architecture;   // "Hopper", "Blackwell", "LS10", or the chip where it is not known
  std::string model;          // common name of the device's certificate: "GH100 A01 GSP BROM"
  std::string device_serial;  // hexadecimal, of certificate 1: identifies the device for life
  Sha256 device_key{};        // thumbprint of certificate 1's key
  std::string leaf_serial;    // hexadecimal; NVIDIA's "ueid". Changes with the firmware
  Pdi pdi{};
  std::optional<Bytes> firmware_id;  // FWID, 48 bytes: SHA-384 of the firmware that got the leaf
};

// VerifiedDeviceChain: only verify_device_chain makes one.
class VerifiedDeviceChain {
 public:
  const VerifiedChain& chain() const { return chain_; }
  const DeviceIdentity& identity() const { return identity_; }
  const PublicKey& leaf_key() const { return leaf_key_; }

 private:
  friend Result<VerifiedDeviceChain> verify_device_chain(std::span<const Certificate>,
                                                         const RootPins&, Time,
                                                         std::span<const Bytes>);
  VerifiedDeviceChain(VerifiedChain chain, DeviceIdentity identity, PublicKey leaf_key)
      : chain_(std::move(chain)), identity_(std::move(identity)), leaf_key_(std::move(leaf_key)) {}
  VerifiedChain chain_;
  DeviceIdentity identity_;
  PublicKey leaf_key_;
};

// verify_device_chain checks, in this order, that
//   - the certificates, leaf first, lead to a pinned root at `at` (verify_chain);
//   - the leaf is a P-384 key for digital signatures, and where it names an extended use, that of
//     an SPDM responder (rules::device_role);
//   - certificate 1 is the device's: "… BROM", a serial number of 41 or 50 and a PDI, and of the
//     same chip as the leaf's name (rules::device_identity);
//   - the firmware id, where there is one, has the form of the TCG's DICE extension
//     2.23.133.5.4.1 (Hopper) or 2.23.133.5.4.1.1 (Blackwell) (rules::device_fwid_form).
//   - none of them is revoked by the CRLs given, DER, each signed and in its time.
// Not checked: revocation by OCSP (ocsp.h).
Result<VerifiedDeviceChain> verify_device_chain(std::span<const Certificate> certificates,
                                                const RootPins& roots, Time at,
                                                std::span<const Bytes> crls = {});

// firmware_id reads the FWID of a leaf's DICE extension; nothing where it has none.
Result<std::optional<Bytes>> firmware_id(const Certificate& leaf);

}  // namespace attest::gpu

namespace attest::rules {
inline constexpr Rule device_role{"gpu.device.role"};
inline constexpr Rule device_identity{"gpu.device.identity"};
inline constexpr Rule device_fwid_form{"gpu.device.fwid-form"};
}  // namespace attest::rules
