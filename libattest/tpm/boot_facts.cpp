#include "libattest/tpm/boot_facts.h"

#include <algorithm>

#include "libattest/base/text.h"
#include "libattest/crypto/certificate.h"
#include "libattest/tpm/efi_signature_list.h"
#include "libattest/tpm/event_data.h"

namespace attest::tpm {
namespace {

constexpr unsigned option_rom_pcr = 2;
constexpr unsigned secure_boot_pcr = 7;
constexpr unsigned grub_command_pcr = 8;
constexpr unsigned grub_file_pcr = 9;
constexpr unsigned uki_pcr = 11;
constexpr unsigned kernel_config_pcr = 12;
constexpr unsigned extension_pcr = 13;
constexpr unsigned shim_pcr = 14;
constexpr unsigned identity_pcr = 15;

std::string text_of(PcrBank bank, ByteView digest) {
  return std::string(hash_name(bank)) + ":" + to_hex(digest);
}

// In a trust domain each RTMR holds what several PCRs would: 0 what is in 1 and 7, 1 what is in 2
// to 6, 2 what is in 8 to 15 (UEFI 2.10 section 38.4.1, table 38.3).
bool is_of(const Event& event, unsigned pcr, Registers registers) {
  if (registers == Registers::pcr) return event.pcr == pcr && !event.nv_index;
  if (pcr == 1 || pcr == secure_boot_pcr) return event.pcr == 1;
  if (pcr >= option_rom_pcr && pcr <= 6) return event.pcr == 2;
  return pcr >= grub_command_pcr && event.pcr == 3;
}

std::string description_text(ByteView data) {
  std::string_view text = as_text(data);
  while (text.ends_with('\0')) text.remove_suffix(1);
  if (text.size() >= 2 && text[1] == '\0') return utf16_text(data);
  return std::string(text);
}

KeyDatabase::Certificate certificate_facts(const EfiSignature& signature) {
  KeyDatabase::Certificate facts;
  facts.owner = signature.owner_guid;
  facts.sha256 = to_hex(sha256(signature.data));
  if (const auto certificate = Certificate::from_der(signature.data, true))
    facts.subject = certificate->subject();
  return facts;
}

KeyDatabase read_database(ByteView lists) {
  KeyDatabase database;
  const auto signatures = parse_signature_lists(lists);
  if (!signatures) {
    database.readable = false;
    return database;
  }
  for (const EfiSignature& signature : *signatures) {
    if (signature.kind == SignatureKind::x509)
      database.certificates.push_back(certificate_facts(signature));
    else
      database.hashes.push_back(std::string(to_string(signature.kind)) + ":" +
                                to_hex(signature.data));
  }
  return database;
}

// EFI_SIGNATURE_DATA, which is what EV_EFI_VARIABLE_AUTHORITY records: one owner and one
// certificate.
std::optional<KeyDatabase::Certificate> read_authority(ByteView data) {
  constexpr std::size_t owner_size = 16;
  if (data.size() <= owner_size) return std::nullopt;
  const EfiSignature signature{SignatureKind::x509, "", guid_text(data.first(owner_size)),
                               data.subspan(owner_size)};
  auto facts = certificate_facts(signature);
  if (facts.subject.empty()) return std::nullopt;
  return facts;
}

BootOption read_boot_option(ByteView data) {
  BootOption option;
  option.title = load_option_description(data).value_or("");
  option.path = load_option_path(data).value_or("");
  return option;
}

std::vector<std::uint16_t> read_boot_order(ByteView data) {
  std::vector<std::uint16_t> order;
  ByteReader reader(data);
  while (reader.remaining() >= 2) order.push_back(*reader.u16_le("BootOrder"));
  return order;
}

// UEFI_GPT_DATA: the header, the number of partitions, and their entries.
std::optional<PartitionTable> read_partition_table(ByteView data) {
  constexpr std::size_t guid_at = 56;
  constexpr std::size_t smallest_header = 92;
  constexpr std::size_t entry_size = 128;
  if (data.size() < smallest_header + 8) return std::nullopt;
  PartitionTable table;
  table.disk_guid = guid_text(data.subspan(guid_at, 16));
  ByteReader reader(data.subspan(smallest_header));
  const std::uint64_t count = reader.u64_le("NumberOfPartitions").value_or(0);
  if (count > reader.remaining() / entry_size) return std::nullopt;
  for (std::uint64_t i = 0; i < count; ++i) {
    const ByteView entry = *reader.take(entry_size, "partition");
    ByteReader numbers(entry.subspan(32));
    Partition partition;
    partition.type_guid = guid_text(entry.first(16));
    partition.guid = guid_text(entry.subspan(16, 16));
    partition.first_block = *numbers.u64_le("StartingLBA");
    partition.last_block = *numbers.u64_le("EndingLBA");
    partition.name = utf16_text(entry.subspan(56));
    table.partitions.push_back(std::move(partition));
  }
  return table;
}

std::string_view image_kind(std::uint32_t type) {
  return type == ev_efi_boot_services_application ? "application"
         : type == ev_efi_boot_services_driver    ? "boot driver"
                                                  : "runtime driver";
}

// FactReader goes through the events once.
class FactReader {
 public:
  FactReader(PcrBank bank, Registers registers) : bank_(bank), registers_(registers) {}

  void read(const Event& event) {
    if (!event.extends()) return;
    measured_ = event.data_measured(bank_);
    switch (event.type) {
      case ev_s_crtm_version:
        if (measured_) facts_.firmware_version = description_text(event.data);
        return;
      case ev_efi_variable_driver_config:
      case ev_efi_variable_authority:
      case ev_efi_variable_boot:
      case ev_efi_variable_boot2:
        return read_variable(event);
      case ev_efi_boot_services_application:
      case ev_efi_boot_services_driver:
      case ev_efi_runtime_services_driver:
        return read_image(event);
      case ev_efi_platform_firmware_blob:
      case ev_efi_platform_firmware_blob2:
        facts_.firmware_blobs.push_back(named(event));
        return;
      case ev_efi_spdm_firmware_blob:
      case ev_efi_spdm_firmware_config:
      case ev_efi_spdm_device_policy:
      case ev_efi_spdm_device_authority:
        facts_.spdm_devices.push_back(named(event));
        return;
      case ev_efi_gpt_event:
        if (auto table = measured_ ? read_partition_table(event.data) : std::nullopt)
          facts_.disks.push_back(std::move(*table));
        return;
      case ev_separator:
        return;
      default:
        return read_loader_text(event);
    }
  }

  BootFacts finish() && { return std::move(facts_); }

 private:
  MeasuredThing named(const Event& event) const {
    return {describe(event), text_of(bank_, event.digest(bank_))};
  }
  MeasuredThing file(const Event& event) const {
    return {description_text(event.data), text_of(bank_, event.digest(bank_))};
  }
  bool of(const Event& event, unsigned pcr) const { return is_of(event, pcr, registers_); }

  void read_variable(const Event& event) {
    const auto variable = parse_efi_variable(event.data);
    if (!variable || !measured_) return;
    const std::string& name = variable->name;
    if (event.type == ev_efi_variable_authority) {
      // An SBAT level is text, and no EFI_SIGNATURE_DATA.
      if (name == "SbatLevel")
        facts_.sbat_level = description_text(variable->data);
      else if (auto authority = read_authority(variable->data))
        facts_.authorities.push_back(std::move(*authority));
      return;
    }
    const bool database = name == "PK" || name == "KEK" || name == "db" || name == "dbx" ||
                          name == "dbt" || name == "dbr";
    if (database && event.type == ev_efi_variable_driver_config)
      facts_.databases[name] = read_database(variable->data);
    else if (name == "BootOrder")
      facts_.boot_order = read_boot_order(variable->data);
    else if (name.size() == 8 && name.starts_with("Boot"))
      facts_.boot_options[name] = read_boot_option(variable->data);
  }

  void read_image(const Event& event) {
    LoadedImage image{event.number, event.pcr, std::string(image_kind(event.type)),
                      image_path(event.data).value_or(""), text_of(bank_, event.digest(bank_))};
    const bool driver = event.type != ev_efi_boot_services_application;
    const bool rom = registers_ == Registers::rtmr ? driver : event.pcr == option_rom_pcr;
    (rom ? facts_.option_roms : facts_.images).push_back(std::move(image));
  }

  // EV_IPL, EV_EVENT_TAG and systemd's own records: what ran after the firmware wrote.
  void read_loader_text(const Event& event) {
    if (of(event, shim_pcr) && event.type == ev_ipl && is_mok_name(event))
      facts_.mok.push_back(file(event));
    else if (of(event, grub_command_pcr) && read_grub(event))
      return;
    else if (of(event, grub_file_pcr) && event.type == ev_ipl)
      facts_.grub_files.push_back(file(event));
    else if (of(event, uki_pcr))
      read_uki(event);
    else if (of(event, kernel_config_pcr))
      read_kernel_parameter(event);
    else if (of(event, extension_pcr))
      facts_.system_extensions.push_back(file(event));
    else if (of(event, identity_pcr) && measured_)
      facts_.system_identity.push_back(description_text(event.data));
  }

  static bool is_mok_name(const Event& event) {
    const std::string name = description_text(event.data);
    return name.starts_with("Mok") || name == "Shim" || name == "SbatLevel";
  }

  bool read_grub(const Event& event) {
    const auto grub = event.type == ev_ipl ? parse_grub_string(event.data) : std::nullopt;
    if (!grub || !measured_) return registers_ == Registers::pcr;
    if (grub->kind == "grub_cmd") facts_.grub_commands.emplace_back(grub->text);
    // Where a boot entry failed and another was taken, the last one is what runs.
    if (grub->kind.ends_with("kernel_cmdline")) facts_.kernel_command_line = grub->text;
    return true;
  }

  // systemd-stub measures each section twice under its name: the name, then the content; systemd
  // measures a word at each phase of the boot.
  void read_uki(const Event& event) {
    const std::string text = description_text(event.data);
    if (event.content == "systemd") {
      if (measured_) facts_.boot_phases.push_back(text);
    } else if (text.starts_with('.') &&
               std::ranges::find(facts_.uki_sections, text) == facts_.uki_sections.end()) {
      facts_.uki_sections.push_back(text);
    }
  }

  void read_kernel_parameter(const Event& event) {
    if (!measured_ || event.type == ev_event_tag) return;
    facts_.kernel_parameters.push_back(description_text(event.data));
    if (event.type == ev_ipl) facts_.kernel_command_line = facts_.kernel_parameters.back();
  }

  PcrBank bank_;
  Registers registers_;
  bool measured_ = false;
  BootFacts facts_;
};

}  // namespace

BootFacts boot_facts(std::span<const Event> events, PcrBank bank, Registers registers) {
  FactReader reader(bank, registers);
  for (const Event& event : events) reader.read(event);
  BootFacts facts = std::move(reader).finish();
  facts.secure_boot = secure_boot_state(events, bank, registers);
  return facts;
}

SecureBootState secure_boot_state(std::span<const Event> events, PcrBank bank,
                                  Registers registers) {
  const std::string place = registers == Registers::pcr ? "PCR 7" : "RTMR 0";
  SecureBootState state{std::nullopt, "the log has no SecureBoot variable in " + place};
  for (const Event& event : events) {
    if (!event.extends() || !is_of(event, secure_boot_pcr, registers)) continue;
    if (event.type == ev_separator) break;
    if (event.type != ev_efi_variable_driver_config) continue;
    const auto variable = parse_efi_variable(event.data);
    if (!variable || variable->name != "SecureBoot" || variable->guid != efi_global_variable)
      continue;
    if (!event.data_measured(bank))
      return {std::nullopt, "the SecureBoot variable in the log is not what was measured"};
    if (variable->data.size() != 1)
      return {std::nullopt, "the SecureBoot variable has " + std::to_string(variable->data.size()) +
                                " bytes instead of one"};
    const auto value = std::to_integer<unsigned>(variable->data.front());
    if (value > 1) return {std::nullopt, "the SecureBoot variable is " + std::to_string(value)};
    if (state.enabled && *state.enabled != (value == 1))
      return {std::nullopt, "the SecureBoot variable is measured more than once, on and off"};
    state = {value == 1, "the SecureBoot variable in " + place + " is " + std::to_string(value)};
  }
  return state;
}

}  // namespace attest::tpm
