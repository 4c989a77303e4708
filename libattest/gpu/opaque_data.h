// The opaque data of an NVIDIA attestation report: fields of type u16, length u16 and value, all
// little-endian, in any order. NVIDIA publishes the types in the source of its verifiers; a type
// not named here is kept as it is, since newer firmware adds some.
//
// Plain values, nothing signed is implied: what stands here counts only in a VerifiedReport.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "libattest/base/bytes.h"
#include "libattest/base/result.h"

namespace attest::gpu {

// Pdi is the public device identifier of a GPU or switch, 8 bytes in the order of the device
// certificate's serial number.
using Pdi = std::array<std::byte, 8>;

enum class OpaqueType : std::uint16_t {
  certificate_issuer = 1,
  authority_key_identifier = 2,
  driver_version = 3,
  gpu_info = 4,
  sku = 5,
  vbios_version = 6,
  manufacturer = 7,
  tamper_detection = 8,
  smc = 9,
  vpr = 10,
  nvdec0_status = 11,
  measurement_counts = 12,
  cpr_info = 13,
  board_id = 14,
  chip_sku = 15,
  chip_sku_modifier = 16,
  project = 17,
  project_sku = 18,
  project_sku_modifier = 19,
  firmware_id = 20,
  protected_pcie = 21,
  switch_pdis = 22,
  floorswept_ports = 23,
  position = 24,
  lock_status = 25,
  gpu_link_pdis = 26,
  link_connection = 32,
  sys_enable = 33,
  opaque_version = 34,
  chip_info = 35,
  feature_flag = 36,
};

// to_string gives "driver-version", …; empty for a number without a name.
std::string_view to_string(OpaqueType type);

// FeatureFlag is the confidential-computing mode the firmware reports of itself.
enum class FeatureFlag { single_gpu, multi_gpu, protected_pcie };
std::string_view to_string(FeatureFlag flag);  // "single-gpu", "multi-gpu", "protected-pcie"

struct OpaqueData {
  std::optional<std::string> driver_version;  // "550.90.07"
  std::optional<std::string> vbios_version;   // "96.00.9F.00.01"
  std::optional<std::string> project;         // "1010"
  std::optional<std::string> project_sku;
  std::optional<std::string> chip_sku;
  std::optional<std::uint32_t> board_id;
  std::optional<bool> nvdec0_enabled;
  std::optional<bool> protected_pcie;
  std::optional<FeatureFlag> feature_flag;
  std::optional<std::uint16_t> opaque_version;
  std::optional<Bytes> firmware_id;               // FWID, 48 bytes
  std::vector<std::uint32_t> measurement_counts;  // values behind each block; may be empty
  // On a GPU: for each NVLink port the switch at its other end, already in certificate order. On a
  // switch: its own PDI, one element. Zeros (nothing is connected) are left out.
  std::vector<Pdi> switch_pdis;
  // On a switch: the GPUs it is connected to, and for each of its 64 ports the index into that
  // list, 0xff for none.
  std::vector<Pdi> gpu_pdis;
  std::vector<std::uint8_t> switch_ports;
  std::optional<std::uint16_t> switch_position;
  std::optional<std::uint16_t> switch_lock;
  std::map<std::uint16_t, Bytes> raw;  // every field as it stands
};

enum class DeviceKind { gpu, nvswitch };
std::string_view to_string(DeviceKind kind);  // "gpu", "nvswitch"

// parse_opaque_data refuses fields that reach past the end (rules::opaque_length), a type that
// stands twice (rules::opaque_duplicate), and a value that has not its type's form
// (rules::opaque_value). `base` is added to offsets in errors. Whether the report is a switch's
// follows from field 26, which only switches have; it decides how fields 6 and 22 are read.
Result<OpaqueData> parse_opaque_data(ByteView bytes, std::size_t base = 0);

// kind_of says which kind of device writes such fields.
inline DeviceKind kind_of(const OpaqueData& opaque) {
  const auto mark = static_cast<std::uint16_t>(OpaqueType::gpu_link_pdis);
  return opaque.raw.contains(mark) ? DeviceKind::nvswitch : DeviceKind::gpu;
}

}  // namespace attest::gpu

namespace attest::rules {
inline constexpr Rule opaque_length{"gpu.opaque.length"};
inline constexpr Rule opaque_duplicate{"gpu.opaque.duplicate"};
inline constexpr Rule opaque_value{"gpu.opaque.value"};
}  // namespace attest::rules
