#include "libattest/base/text.h"
#include "libattest/tpm/event_data.h"
#include "libattest/tpm/event_log.h"

namespace attest::tpm {
namespace {

constexpr std::size_t longest_text = 160;

std::string shown(std::string_view text) {
  return printable(text, longest_text);
}

std::string describe_variable(const Event& event) {
  const auto variable = parse_efi_variable(event.data);
  if (!variable) return "a variable that cannot be read";
  std::string text = shown(variable->name);
  if (variable->name == "SecureBoot" && variable->guid == efi_global_variable) {
    if (variable->data.empty()) return text + " (empty)";
    return text + (variable->data.front() == std::byte{1} ? " = on" : " = off");
  }
  const bool boot_option = variable->name.starts_with("Boot") && variable->name != "BootOrder";
  if (boot_option)
    if (const auto title = load_option_description(variable->data))
      text += " \"" + shown(*title) + "\"";
  return text + ", " + std::to_string(variable->data.size()) + " bytes";
}

// Firmware writes strings as ASCII or as UTF-16, and version GUIDs as they are.
std::string describe_text(ByteView data) {
  std::string_view text = as_text(data);
  while (text.ends_with('\0')) text.remove_suffix(1);
  if (text.size() >= 2 && text[1] == '\0') return shown(utf16_text(data));
  if (is_utf8(text) && text.find('\0') == std::string_view::npos) return shown(text);
  if (data.size() == 16) return guid_text(data);
  return std::to_string(data.size()) + " bytes";
}

std::string describe_blob(ByteView data) {
  ByteReader reader(data);
  const auto base = reader.u64_le("base");
  const auto length = reader.u64_le("length");
  if (!base || !length || !reader.at_end()) return describe_text(data);
  Bytes address;
  append_u64_be(address, *base);
  return with_thousands(*length) + " bytes at 0x" + to_hex(address);
}

// UEFI_PLATFORM_FIRMWARE_BLOB2: a counted ASCII name, base and length.
std::string describe_named_blob(ByteView data) {
  ByteReader reader(data);
  const auto size = reader.u8("BlobDescriptionSize");
  if (!size) return "";
  const auto name = reader.take(*size, "BlobDescription");
  return name ? shown(as_text(*name)) : std::string("a blob that cannot be read");
}

std::string describe_tag(ByteView data) {
  ByteReader reader(data);
  const auto id = reader.u32_le("taggedEventID");
  const auto size = reader.u32_le("taggedEventDataSize");
  if (!id || !size || *size != reader.remaining()) return "a tag that cannot be read";
  Bytes shown_id;
  append_u32_be(shown_id, *id);
  return "tag 0x" + to_hex(shown_id) + ", " + describe_text(reader.rest());
}

// Of a record with content of another kind the text inside: a container launcher's is a TLV in a
// TLV.
std::string describe_content(const Event& event) {
  constexpr std::size_t tlv_head = 5;
  if (event.content == "cos" && event.data.size() >= 2 * tlv_head)
    return "container launcher, kind " + std::to_string(std::to_integer<unsigned>(event.data[5])) +
           ": " + shown(as_text(event.data.subspan(2 * tlv_head)));
  return std::string(event.content) + ": " + describe_text(event.data);
}

std::string details(const Event& event) {
  if (!event.content.empty()) return describe_content(event);
  switch (event.type) {
    case ev_efi_variable_driver_config:
    case ev_efi_variable_boot:
    case ev_efi_variable_boot2:
    case ev_efi_variable_authority:
      return describe_variable(event);
    case ev_efi_boot_services_application:
    case ev_efi_boot_services_driver:
    case ev_efi_runtime_services_driver:
      return shown(image_path(event.data).value_or("an image without a file path"));
    case ev_efi_platform_firmware_blob:
      return describe_blob(event.data);
    case ev_efi_platform_firmware_blob2:
      return describe_named_blob(event.data);
    case ev_efi_gpt_event:
      return "partition table, " + std::to_string(event.data.size()) + " bytes";
    case ev_event_tag:
      return describe_tag(event.data);
    case ev_separator:
      return event.data.size() == 4 ? to_hex(event.data) : "of a wrong length";
    default:
      return describe_text(event.data);
  }
}

}  // namespace

std::string describe(const Event& event) {
  const std::string words = event.data.empty() ? "" : details(event);
  return event_type_name(event.type) + (words.empty() ? "" : ", " + words);
}

}  // namespace attest::tpm
