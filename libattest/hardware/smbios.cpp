#include "libattest/hardware/smbios.h"

#include <algorithm>

#include "libattest/base/json.h"
#include "libattest/base/text.h"

namespace attest::hardware {

namespace {

constexpr const char* tcg_registry = "2.23.133.18.3.1";
constexpr const char* not_said = "Not Specified";
constexpr std::size_t header_size = 4;
constexpr std::size_t most_components = 4096;

// The numbers of the structures that are read, and the classes their parts have in the TCG's
// registry by the custom of inventory tools.
namespace type {
constexpr std::uint8_t firmware = 0;
constexpr std::uint8_t system = 1;
constexpr std::uint8_t baseboard = 2;
constexpr std::uint8_t chassis = 3;
constexpr std::uint8_t processor = 4;
constexpr std::uint8_t memory_device = 17;
constexpr std::uint8_t end_of_table = 127;
}  // namespace type
namespace class_of {
constexpr const char* chassis = "00020001";
constexpr const char* baseboard = "00030003";
constexpr const char* firmware = "00130003";
constexpr const char* processor = "00010002";
constexpr const char* memory = "00060001";
}  // namespace class_of

// Structure is one of the table's: a formatted part, whose length older firmware cuts short, and
// the strings that numbers in it stand for.
struct Structure {
  std::uint8_t type = 0;
  ByteView formatted;  // the header included
  std::vector<std::string> strings;

  std::size_t number(std::size_t at, std::size_t size = 1) const {
    if (at + size > formatted.size()) return 0;
    std::size_t value = 0;
    for (std::size_t i = 0; i < size; ++i)
      value |= std::to_integer<std::size_t>(formatted[at + i]) << (8 * i);
    return value;
  }
  // text gives the string whose number stands at `at`; empty where there is none.
  std::string text(std::size_t at) const {
    const std::size_t index = number(at);
    return index == 0 || index > strings.size() ? std::string() : strings[index - 1];
  }
};

std::unexpected<Error> malformed(std::string what, std::size_t offset) {
  return fail(refused(rules::smbios_form, std::move(what))
                  .within("SMBIOS table, byte " + std::to_string(offset)));
}

std::string cleaned(std::string_view text) {
  while (text.ends_with(' ')) text.remove_suffix(1);
  while (text.starts_with(' ')) text.remove_prefix(1);
  return printable(text, 256);
}

// Strings end with a zero each, and the set with another; a structure without strings has two.
Result<Structure> read_structure(ByteReader& reader) {
  const std::size_t at = reader.offset();
  const ByteView rest = reader.rest();
  if (rest.size() < header_size) return malformed("a structure's header is cut off", at);
  Structure structure;
  structure.type = std::to_integer<std::uint8_t>(rest[0]);
  const auto length = std::to_integer<std::size_t>(rest[1]);
  if (length < header_size) return malformed("a structure is shorter than its header", at);
  TRY(structure.formatted, reader.take(length, "structure"));
  std::string current;
  for (;;) {
    if (reader.at_end()) return malformed("a structure's strings do not end", at);
    TRY(const std::uint8_t byte, reader.u8("string"));
    if (byte != 0) {
      current.push_back(static_cast<char>(byte));
      continue;
    }
    if (current.empty()) break;
    structure.strings.push_back(cleaned(current));
    current.clear();
  }
  if (structure.strings.empty()) {
    TRY(const std::uint8_t second, reader.u8("end of structure"));
    if (second != 0) return malformed("a structure without strings has no second zero", at);
  }
  return structure;
}

std::string or_not_said(std::string text) {
  return text.empty() ? not_said : std::move(text);
}

Component component(const char* number, std::string manufacturer, std::string model,
                    std::string serial, std::string revision,
                    std::optional<bool> replaceable = {}) {
  return {{tcg_registry, number},        or_not_said(std::move(manufacturer)),
          or_not_said(std::move(model)), std::move(serial),
          std::move(revision),           replaceable};
}

// 0xfe says that the family is a number of two bytes further on.
std::string processor_family(const Structure& processor) {
  const std::size_t family = processor.number(0x06);
  return std::to_string(family == 0xfe ? processor.number(0x28, 2) : family);
}

void add(const Structure& structure, Inventory& inventory) {
  constexpr std::size_t populated = 1U << 6;
  constexpr std::size_t kind_of_chassis = 0x7f;  // the highest bit says that it can be locked
  const auto text = [&](std::size_t at) { return structure.text(at); };
  auto& parts = inventory.components;
  switch (structure.type) {
    case type::firmware:
      parts.push_back(component(class_of::firmware, text(0x04), "", "", text(0x05)));
      break;
    case type::system:
      inventory.platform = {or_not_said(text(0x04)), or_not_said(text(0x05)),
                            or_not_said(text(0x06)), or_not_said(text(0x07))};
      break;
    case type::baseboard:
      parts.push_back(
          component(class_of::baseboard, text(0x04), text(0x05), text(0x07), text(0x06), true));
      break;
    case type::chassis:
      parts.push_back(component(class_of::chassis, text(0x04),
                                std::to_string(structure.number(0x05) & kind_of_chassis),
                                text(0x07), text(0x06)));
      break;
    case type::processor:
      if ((structure.number(0x18) & populated) == 0) break;
      parts.push_back(component(class_of::processor, text(0x07), processor_family(structure),
                                text(0x20), text(0x10), true));
      break;
    case type::memory_device:
      if (structure.number(0x0c, 2) == 0) break;  // an empty slot
      parts.push_back(
          component(class_of::memory, text(0x17), text(0x1a), text(0x18), text(0x19), true));
      break;
    default:
      break;
  }
}

}  // namespace

Result<Inventory> parse_smbios(ByteView table) {
  if (table.size() > smbios_size_limit) return malformed("the table is too large", 0);
  Inventory inventory;
  ByteReader reader(table);
  while (!reader.at_end()) {
    TRY(const Structure structure, read_structure(reader));
    if (structure.type == type::end_of_table) break;
    add(structure, inventory);
    if (inventory.components.size() > most_components)
      return malformed("the table lists too many parts", reader.offset());
  }
  return inventory;
}

std::string inventory_json(const Inventory& inventory) {
  OrderedJson json = {{"PLATFORM",
                       {{"PLATFORMMANUFACTURERSTR", inventory.platform.manufacturer},
                        {"PLATFORMMODEL", inventory.platform.model},
                        {"PLATFORMVERSION", inventory.platform.version},
                        {"PLATFORMSERIAL", inventory.platform.serial}}}};
  json["COMPONENTS"] = OrderedJson::array();
  for (const Component& each : inventory.components) {
    OrderedJson part = {{"COMPONENTCLASS",
                         {{"COMPONENTCLASSREGISTRY", each.component_class.registry},
                          {"COMPONENTCLASSVALUE", each.component_class.value}}},
                        {"MANUFACTURER", each.manufacturer},
                        {"MODEL", each.model}};
    if (each.replaceable) part["FIELDREPLACEABLE"] = *each.replaceable ? "true" : "false";
    if (!each.serial.empty()) part["SERIAL"] = each.serial;
    if (!each.revision.empty()) part["REVISION"] = each.revision;
    json["COMPONENTS"].push_back(std::move(part));
  }
  return to_line(json);
}

}  // namespace attest::hardware
