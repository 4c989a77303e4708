#include "libattest/tpm/event_data.h"

#include <algorithm>
#include <array>

namespace attest::tpm {
namespace {

void append_utf8(std::string& to, char32_t c) {
  const auto put = [&to](char32_t byte) { to.push_back(static_cast<char>(byte)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xc0 | (c >> 6));
    put(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    put(0xe0 | (c >> 12));
    put(0x80 | ((c >> 6) & 0x3f));
    put(0x80 | (c & 0x3f));
  } else {
    put(0xf0 | (c >> 18));
    put(0x80 | ((c >> 12) & 0x3f));
    put(0x80 | ((c >> 6) & 0x3f));
    put(0x80 | (c & 0x3f));
  }
}

// Device path nodes (UEFI 2.10 section 10.3).
constexpr std::uint8_t node_media = 0x04;
constexpr std::uint8_t media_file_path = 0x04;
constexpr std::uint8_t media_firmware_file = 0x06;
constexpr std::uint8_t node_end = 0x7f;

Result<std::optional<std::string>> file_in_device_path(ByteView path) {
  ByteReader reader(path);
  std::optional<std::string> file;
  while (!reader.at_end()) {
    TRY(const std::uint8_t type, reader.u8("device path node type"));
    TRY(const std::uint8_t subtype, reader.u8("device path node subtype"));
    TRY(const std::uint16_t length, reader.u16_le("device path node length"));
    if (length < 4)
      return fail(refused(rules::event_data_form, "device path node is shorter than its header"));
    TRY(const ByteView body, reader.take(length - 4U, "device path node"));
    if (type == node_end) break;
    if (type != node_media) continue;
    if (subtype == media_file_path) {
      // A path may be cut into nodes, with or without the separator between them.
      const std::string part = utf16_text(body);
      const bool joined = !file || file->ends_with('\\') || part.starts_with('\\');
      file = file.value_or("") + (joined ? "" : "\\") + part;
    }
    if (subtype == media_firmware_file && body.size() == 16)
      file = "firmware volume file " + guid_text(body);
  }
  if (file) std::ranges::replace(*file, '\\', '/');
  return file;
}

}  // namespace

std::string utf16_text(ByteView utf16) {
  std::string text;
  ByteReader reader(utf16);
  char32_t high = 0;
  while (reader.remaining() >= 2) {
    const char32_t unit = *reader.u16_le("UTF-16");
    if (unit == 0) break;
    const bool low_surrogate = unit >= 0xdc00 && unit < 0xe000;
    if (high != 0) {
      append_utf8(text,
                  low_surrogate ? 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00) : 0xfffd);
      high = 0;
      if (low_surrogate) continue;
    }
    if (unit >= 0xd800 && unit < 0xdc00) {
      high = unit;
    } else {
      append_utf8(text, low_surrogate ? 0xfffd : unit);
    }
  }
  if (high != 0) append_utf8(text, 0xfffd);
  return text;
}

std::string guid_text(ByteView guid) {
  static constexpr std::array<std::size_t, 16> order{3, 2, 1,  0,  5,  4,  7,  6,
                                                     8, 9, 10, 11, 12, 13, 14, 15};
  if (guid.size() != order.size()) return "";
  Bytes swapped;
  for (const std::size_t index : order) swapped.push_back(guid[index]);
  std::string hex = to_hex(swapped);
  for (const std::size_t dash : {8U, 13U, 18U, 23U}) hex.insert(dash, 1, '-');
  return hex;
}

Result<EfiVariable> parse_efi_variable(ByteView event_data) {
  ByteReader reader(event_data);
  TRY(const ByteView guid, reader.take(16, "VariableName"));
  TRY(const std::uint64_t characters, reader.u64_le("UnicodeNameLength"));
  TRY(const std::uint64_t size, reader.u64_le("VariableDataLength"));
  if (characters > reader.remaining() / 2)
    return fail(refused(rules::event_data_form, "the variable's name is longer than the event")
                    .found(std::to_string(characters) + " characters"));
  TRY(const ByteView name, reader.take(characters * 2, "UnicodeName"));
  TRY(const ByteView data, reader.take(size, "VariableData"));
  return EfiVariable{.guid = guid_text(guid), .name = utf16_text(name), .data = data};
}

std::optional<std::string> image_path(ByteView event_data) {
  const auto read = [&]() -> Result<std::optional<std::string>> {
    ByteReader reader(event_data);
    TRY_VOID(reader.take(24, "location, length and link-time address"));
    TRY(const std::uint64_t size, reader.u64_le("LengthOfDevicePath"));
    TRY(const ByteView path, reader.take(size, "DevicePath"));
    return file_in_device_path(path);
  };
  return read().value_or(std::nullopt);
}

std::optional<std::string> load_option_description(ByteView load_option) {
  if (load_option.size() < 8) return std::nullopt;
  std::string title = utf16_text(load_option.subspan(6));  // after Attributes, FilePathListLength
  if (title.empty()) return std::nullopt;
  return title;
}

std::optional<std::string> load_option_path(ByteView load_option) {
  const auto read = [&]() -> Result<std::optional<std::string>> {
    ByteReader reader(load_option);
    TRY_VOID(reader.take(4, "Attributes"));
    TRY(const std::uint16_t size, reader.u16_le("FilePathListLength"));
    while (true) {
      TRY(const std::uint16_t unit, reader.u16_le("Description"));
      if (unit == 0) break;
    }
    TRY(const ByteView path, reader.take(size, "FilePathList"));
    return file_in_device_path(path);
  };
  return read().value_or(std::nullopt);
}

std::optional<GrubString> parse_grub_string(ByteView event_data) {
  std::string_view text = as_text(event_data);
  while (text.ends_with('\0')) text.remove_suffix(1);
  // The separator is a colon and a space; builds from before 2.06 have the space alone.
  for (const std::string_view kind :
       {"grub_cmd", "kernel_cmdline", "module_cmdline", "grub_kernel_cmdline"}) {
    if (!text.starts_with(kind)) continue;
    std::string_view rest = text.substr(kind.size());
    if (rest.starts_with(": ")) return GrubString{kind, rest.substr(2)};
    if (rest.starts_with(" ")) return GrubString{kind, rest.substr(1)};
  }
  return std::nullopt;
}

}  // namespace attest::tpm
