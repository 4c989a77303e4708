// GPUs and NVSwitches made when a test runs: certificate lines like NVIDIA's, devices that sign
// reports, RIM files and OCSP responses. Keys are ECDSA P-384 and live in memory.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "libattest/crypto/certificate.h"
#include "libattest/gpu/opaque_data.h"

namespace attest::test {

inline constexpr std::int64_t gpu_time = 1'780'000'000;  // 2026-05-28: all below is valid then

struct GpuCertificate {
  Certificate certificate;
  std::shared_ptr<void> key;  // EVP_PKEY
};

// Issues a certificate whose every part a test may choose.
struct GpuCertificateSpec {
  std::string common_name;
  bool is_ca = true;
  std::string key_usage = {};  // OpenSSL's configuration text; by is_ca without
  std::string eku = {};
  Bytes serial = {};  // random without
  std::vector<std::pair<std::string, Bytes>> extensions = {};
  Time not_before = from_unix(1'767'225'600);  // 2026-01-01
  Time not_after = from_unix(1'830'297'600);   // 2028-01-01
  const char* curve = "P-384";
};
GpuCertificate issue(const GpuCertificateSpec& spec, const GpuCertificate* issuer);

// A field of a report's opaque data.
using OpaqueField = std::pair<std::uint16_t, Bytes>;

struct ReportSpec {
  Bytes nonce = Bytes(32, std::byte{0x11});
  std::vector<Bytes> blocks;  // values
  std::vector<OpaqueField> opaque;
};

// GpuReport is a report before it is signed, field by field, so that a test can break one.
Bytes report_before_signature(const ReportSpec& spec);
Bytes opaque_bytes(const std::vector<OpaqueField>& fields);

struct DeviceSpec {
  gpu::DeviceKind kind = gpu::DeviceKind::gpu;
  std::string chip = "GH100";
  gpu::Pdi pdi{std::byte{0x43}, std::byte{1}};
  Bytes firmware_id = Bytes(48, std::byte{0xF1});
  bool tcb_info = false;  // Blackwell's form of the firmware id
  bool has_firmware_id = true;
  std::string leaf_eku = {};
  std::string leaf_usage = {};
  std::string leaf_name = {};
  std::string device_name = {};
  Bytes device_serial = {};
  const char* leaf_curve = "P-384";
};

struct TestDevice {
  std::vector<GpuCertificate> line;  // leaf, device, provisioner, identity, root
  std::vector<Certificate> chain() const;
  Bytes sign(ByteView before_signature) const;
  Bytes report(const ReportSpec& spec) const;
};

struct RimValue {
  unsigned index;
  std::vector<Bytes> alternatives;
  bool active = true;
  std::optional<std::size_t> size = {};  // of the first alternative without
};

struct RimSpec {
  std::string product = "GH100";
  std::string version;
  std::string edition = "GPU";
  std::vector<RimValue> values;
  std::string extra = {};  // XML put behind Meta
};

struct Validity {
  Time not_before = from_unix(1'767'225'600);  // 2026-01-01
  Time not_after = from_unix(1'830'297'600);   // 2028-01-01
};

// Vendor is what NVIDIA is to genuine devices.
struct Vendor {
  GpuCertificate root;
  GpuCertificate identity;
  GpuCertificate provisioner;
  GpuCertificate rim_root;
  GpuCertificate rim_ca;
  GpuCertificate rim_signer;

  Validity validity;

  static Vendor make(const std::string& chip = "GH100", const std::string& maker = "Test",
                     const Validity& validity = {});
  TestDevice device(const DeviceSpec& spec = {}) const;
  // reflashed gives the same device with other firmware: a new leaf under its own certificate.
  TestDevice reflashed(const TestDevice& device, const DeviceSpec& spec) const;
  std::string rim(const RimSpec& spec) const;
};

// unsigned_rim gives the XML with an empty signature template by the given certificates, and
// sign_rim fills it in.
std::string unsigned_rim(const RimSpec& spec, const std::vector<Certificate>& certificates);
std::string sign_rim(const std::string& xml, const GpuCertificate& signer);

struct OcspSpec {
  bool revoked = false;
  bool unknown = false;
  bool on_hold = false;
  Time this_update = from_unix(gpu_time - 3600);
  std::optional<Time> next_update = from_unix(gpu_time + 3600);
};
// ocsp gives a response in DER about `certificate`, by its issuer, signed with `signer`.
Bytes ocsp(const Certificate& certificate, const Certificate& issuer, const GpuCertificate& signer,
           const OcspSpec& spec = {});

// A whole GPU that passes: 41 blocks, driver and VBIOS values that do not overlap.
struct WholeGpu {
  ReportSpec report;
  RimSpec driver;
  RimSpec vbios;
};
WholeGpu whole_gpu();

}  // namespace attest::test
