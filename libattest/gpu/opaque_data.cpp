#include "libattest/gpu/opaque_data.h"

#include <algorithm>
#include <utility>

#include "libattest/base/text.h"

namespace attest::gpu {

namespace {

constexpr std::size_t pdi_size = 8;
constexpr std::size_t switch_gpus = 8;
constexpr std::size_t switch_port_count = 64;

constexpr std::array<std::pair<OpaqueType, std::string_view>, 31> names = {{
    {OpaqueType::certificate_issuer, "certificate-issuer"},
    {OpaqueType::authority_key_identifier, "authority-key-identifier"},
    {OpaqueType::driver_version, "driver-version"},
    {OpaqueType::gpu_info, "gpu-info"},
    {OpaqueType::sku, "sku"},
    {OpaqueType::vbios_version, "vbios-version"},
    {OpaqueType::manufacturer, "manufacturer"},
    {OpaqueType::tamper_detection, "tamper-detection"},
    {OpaqueType::smc, "smc"},
    {OpaqueType::vpr, "vpr"},
    {OpaqueType::nvdec0_status, "nvdec0-status"},
    {OpaqueType::measurement_counts, "measurement-counts"},
    {OpaqueType::cpr_info, "cpr-info"},
    {OpaqueType::board_id, "board-id"},
    {OpaqueType::chip_sku, "chip-sku"},
    {OpaqueType::chip_sku_modifier, "chip-sku-modifier"},
    {OpaqueType::project, "project"},
    {OpaqueType::project_sku, "project-sku"},
    {OpaqueType::project_sku_modifier, "project-sku-modifier"},
    {OpaqueType::firmware_id, "firmware-id"},
    {OpaqueType::protected_pcie, "protected-pcie"},
    {OpaqueType::switch_pdis, "switch-pdis"},
    {OpaqueType::floorswept_ports, "floorswept-ports"},
    {OpaqueType::position, "position"},
    {OpaqueType::lock_status, "lock-status"},
    {OpaqueType::gpu_link_pdis, "gpu-link-pdis"},
    {OpaqueType::link_connection, "link-connection"},
    {OpaqueType::sys_enable, "sys-enable"},
    {OpaqueType::opaque_version, "opaque-version"},
    {OpaqueType::chip_info, "chip-info"},
    {OpaqueType::feature_flag, "feature-flag"},
}};

// One field, and where it stands, for errors.
struct Field {
  OpaqueType type;
  ByteView value;
  std::size_t offset;

  std::unexpected<Error> wrong(std::string expected) const {
    return fail(refused(rules::opaque_value, "opaque field " +
                                                 std::to_string(std::to_underlying(type)) + " (" +
                                                 std::string(to_string(type)) + ") is malformed")
                    .expected(std::move(expected))
                    .found(std::to_string(value.size()) + " bytes, " +
                           to_hex(value.first(std::min<std::size_t>(value.size(), 16))))
                    .within("offset " + std::to_string(offset)));
  }
};

// NUL-terminated and NUL-padded visible ASCII.
Result<std::string> text_of(const Field& field) {
  const std::string_view whole = as_text(field.value);
  const std::string_view text = whole.substr(0, whole.find('\0'));
  const bool visible = std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
  const bool padded =
      std::ranges::all_of(whole.substr(text.size()), [](char c) { return c == '\0'; });
  if (!visible || !padded) return field.wrong("ASCII text, padded with zeros");
  return std::string(text);
}

Result<std::uint16_t> u16_of(const Field& field) {
  if (field.value.size() != 2) return field.wrong("2 bytes");
  return ByteReader(field.value).u16_le("value");
}

// AA stands for on and 55 for off, so that a single flipped bit is neither.
Result<bool> switch_of(const Field& field) {
  if (field.value.size() == 1 && field.value[0] == std::byte{0xAA}) return true;
  if (field.value.size() == 1 && field.value[0] == std::byte{0x55}) return false;
  return field.wrong("AA (on) or 55 (off)");
}

// A GPU's VBIOS version is written b3.b2.b1.b0.b4; a switch gives its BIOS version as text.
Result<std::string> vbios_of(const Field& field, DeviceKind kind) {
  if (kind == DeviceKind::nvswitch) return text_of(field);
  if (field.value.size() != 8) return field.wrong("8 bytes");
  std::string version;
  for (const std::size_t at : {3U, 2U, 1U, 0U, 4U}) {
    if (!version.empty()) version += '.';
    version += to_hex(field.value.subspan(at, 1));
  }
  std::ranges::transform(version, version.begin(), [](char c) {
    return c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return version;
}

Pdi pdi_at(ByteView bytes, std::size_t offset, bool reversed) {
  Pdi pdi{};
  std::ranges::copy(bytes.subspan(offset, pdi_size), pdi.begin());
  if (reversed) std::ranges::reverse(pdi);
  return pdi;
}

// A GPU lists the switch of each of its links byte-reversed; a switch gives its own PDI as the
// certificate has it.
Result<std::vector<Pdi>> switch_pdis_of(const Field& field, DeviceKind kind) {
  const bool is_gpu = kind == DeviceKind::gpu;
  if (field.value.empty() || field.value.size() % pdi_size != 0 ||
      (!is_gpu && field.value.size() != pdi_size))
    return field.wrong(is_gpu ? "8 bytes for each link" : "8 bytes");
  std::vector<Pdi> pdis;
  for (std::size_t at = 0; at < field.value.size(); at += pdi_size) {
    const Pdi pdi = pdi_at(field.value, at, is_gpu);
    if (pdi != Pdi{}) pdis.push_back(pdi);
  }
  return pdis;
}

Status read_gpu_links(const Field& field, OpaqueData& data) {
  if (field.value.size() != switch_gpus * pdi_size + switch_port_count)
    return field.wrong("128 bytes: 8 PDIs and 64 ports");
  for (std::size_t i = 0; i < switch_gpus; ++i) {
    const Pdi pdi = pdi_at(field.value, i * pdi_size, false);
    if (pdi != Pdi{}) data.gpu_pdis.push_back(pdi);
  }
  for (const std::byte port : field.value.subspan(switch_gpus * pdi_size)) {
    const auto index = std::to_integer<std::uint8_t>(port);
    if (index >= switch_gpus && index != 0xff) return field.wrong("ports of 0 to 7, or FF");
    data.switch_ports.push_back(index);
  }
  return {};
}

Status read_counts(const Field& field, OpaqueData& data) {
  if (field.value.size() % 4 != 0) return field.wrong("4 bytes for each block");
  ByteReader reader(field.value);
  while (!reader.at_end()) {
    TRY(const std::uint32_t count, reader.u32_le("count"));
    data.measurement_counts.push_back(count);
  }
  return {};
}

Result<FeatureFlag> feature_of(const Field& field) {
  TRY(const std::uint16_t value, u16_of(field));
  switch (value) {
    case 0:
      return FeatureFlag::single_gpu;
    case 1:
      return FeatureFlag::multi_gpu;
    case 2:
      return FeatureFlag::protected_pcie;
    default:
      return field.wrong("0, 1 or 2");
  }
}

Status read_identity_field(const Field& field, DeviceKind kind, OpaqueData& data) {
  switch (field.type) {
    case OpaqueType::driver_version: {
      TRY(data.driver_version, text_of(field));
      return {};
    }
    case OpaqueType::vbios_version: {
      TRY(data.vbios_version, vbios_of(field, kind));
      return {};
    }
    case OpaqueType::project: {
      TRY(data.project, text_of(field));
      return {};
    }
    case OpaqueType::project_sku: {
      TRY(data.project_sku, text_of(field));
      return {};
    }
    case OpaqueType::chip_sku: {
      TRY(data.chip_sku, text_of(field));
      return {};
    }
    case OpaqueType::board_id: {
      if (field.value.size() != 4) return field.wrong("4 bytes");
      TRY(data.board_id, ByteReader(field.value).u32_le("board id"));
      return {};
    }
    case OpaqueType::firmware_id: {
      if (field.value.size() != 48) return field.wrong("48 bytes");
      data.firmware_id = to_bytes(field.value);
      return {};
    }
    default:
      return {};
  }
}

Status read_state_field(const Field& field, DeviceKind kind, OpaqueData& data) {
  switch (field.type) {
    case OpaqueType::nvdec0_status: {
      TRY(data.nvdec0_enabled, switch_of(field));
      return {};
    }
    case OpaqueType::protected_pcie: {
      TRY(data.protected_pcie, switch_of(field));
      return {};
    }
    case OpaqueType::feature_flag: {
      TRY(data.feature_flag, feature_of(field));
      return {};
    }
    case OpaqueType::opaque_version: {
      TRY(data.opaque_version, u16_of(field));
      return {};
    }
    case OpaqueType::position: {
      TRY(data.switch_position, u16_of(field));
      return {};
    }
    case OpaqueType::lock_status: {
      TRY(data.switch_lock, u16_of(field));
      return {};
    }
    case OpaqueType::measurement_counts:
      return read_counts(field, data);
    case OpaqueType::switch_pdis: {
      TRY(data.switch_pdis, switch_pdis_of(field, kind));
      return {};
    }
    case OpaqueType::gpu_link_pdis:
      return read_gpu_links(field, data);
    default:
      return {};
  }
}

Result<std::vector<Field>> split_fields(ByteView bytes, std::size_t base, OpaqueData& data) {
  std::vector<Field> fields;
  ByteReader reader(bytes, base);
  while (!reader.at_end()) {
    const std::size_t offset = reader.offset();
    TRY(const std::uint16_t type, reader.u16_le("opaque field type"));
    TRY(const std::uint16_t length, reader.u16_le("opaque field length"));
    if (length > reader.remaining())
      return fail(refused(rules::opaque_length, "an opaque field reaches past the opaque data")
                      .expected("at most " + std::to_string(reader.remaining()) + " bytes")
                      .found(std::to_string(length) + " bytes of type " + std::to_string(type))
                      .within("offset " + std::to_string(offset)));
    TRY(const ByteView value, reader.take(length, "opaque field"));
    if (!data.raw.emplace(type, to_bytes(value)).second)
      return fail(refused(rules::opaque_duplicate, "an opaque field stands twice")
                      .found("type " + std::to_string(type))
                      .within("offset " + std::to_string(offset)));
    fields.push_back({static_cast<OpaqueType>(type), value, offset});
  }
  return fields;
}

}  // namespace

std::string_view to_string(OpaqueType type) {
  const auto found =
      std::ranges::find(names, type, &std::pair<OpaqueType, std::string_view>::first);
  return found == names.end() ? std::string_view() : found->second;
}

std::string_view to_string(FeatureFlag flag) {
  switch (flag) {
    case FeatureFlag::single_gpu:
      return "single-gpu";
    case FeatureFlag::multi_gpu:
      return "multi-gpu";
    case FeatureFlag::protected_pcie:
      return "protected-pcie";
  }
  return "";
}

std::string_view to_string(DeviceKind kind) {
  return kind == DeviceKind::gpu ? "gpu" : "nvswitch";
}

Result<OpaqueData> parse_opaque_data(ByteView bytes, std::size_t base) {
  OpaqueData data;
  auto fields = split_fields(bytes, base, data);
  if (!fields) {
    Error error = std::move(fields).error();
    // A header cut short is a length past the end as well.
    if (error.rule == rules::bytes_truncated) error.rule = rules::opaque_length;
    return fail(std::move(error));
  }
  const DeviceKind kind = kind_of(data);
  for (const Field& field : *fields) {
    TRY_VOID(read_identity_field(field, kind, data));
    TRY_VOID(read_state_field(field, kind, data));
  }
  return data;
}

}  // namespace attest::gpu
