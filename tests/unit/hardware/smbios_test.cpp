#include "libattest/hardware/smbios.h"

#include "tests/support/catch.h"

using namespace attest;
using namespace attest::hardware;

namespace {

// A structure: its formatted part behind the header, and its strings.
Bytes structure(std::uint8_t type, const std::string& formatted_hex,
                const std::vector<std::string>& strings = {}) {
  const Bytes formatted = must(from_hex(formatted_hex));
  Bytes bytes;
  append_u8(bytes, type);
  append_u8(bytes, static_cast<std::uint8_t>(formatted.size() + 4));
  append_u16_le(bytes, 0x1000);
  append(bytes, formatted);
  for (const std::string& text : strings) {
    append(bytes, as_bytes(text));
    append_u8(bytes, 0);
  }
  if (strings.empty()) append_u8(bytes, 0);
  append_u8(bytes, 0);
  return bytes;
}

const Bytes end = structure(127, "");

Bytes machine() {
  return concat({structure(0, "0102", {"Example", "1.5.3"}),
                 structure(1, "01020003", {"Example", "Rack 7", "0815"}),
                 structure(2, "01020304", {"Example", "Board", "A00", "B1"}),
                 structure(3, "018a0002", {"Example", "C1"}), structure(9, "01ff", {"a slot"}),
                 end});
}

}  // namespace

TEST_CASE("a machine's firmware says what it is made of") {
  const Inventory inventory = must(parse_smbios(machine()));
  REQUIRE(inventory.platform == PlatformName{"Example", "Rack 7", "Not Specified", "0815"});
  REQUIRE(inventory.components.size() == 3);
  REQUIRE(inventory.components[0] ==
          Component{{"2.23.133.18.3.1", "00130003"}, "Example", "Not Specified", "", "1.5.3"});
  REQUIRE(inventory.components[1] ==
          Component{{"2.23.133.18.3.1", "00030003"}, "Example", "Board", "B1", "A00", true});
  // A chassis that can be locked is of the same kind as one that cannot.
  REQUIRE(inventory.components[2] ==
          Component{{"2.23.133.18.3.1", "00020001"}, "Example", "10", "C1", ""});
}

TEST_CASE("sockets and slots that are empty are no parts") {
  // A processor: status at 0x18, serial at 0x20; memory: size at 0x0c, module's strings from 0x17.
  const std::string processor =
      "01"
      "03"
      "c6"
      "02" +
      std::string(16, '0') + "03" + std::string(14, '0') + "41" + std::string(14, '0') + "04";
  const std::vector<std::string> words = {"CPU0", "Maker", "Model X @ 2 GHz ", "S1"};
  const Inventory full = must(parse_smbios(concat({structure(4, processor, words), end})));
  REQUIRE(full.components.size() == 1);
  REQUIRE(
      full.components[0] ==
      Component{{"2.23.133.18.3.1", "00010002"}, "Maker", "198", "S1", "Model X @ 2 GHz", true});
  std::string empty = processor;
  empty.replace(2 * (0x18 - 4), 2, "01");
  REQUIRE(must(parse_smbios(concat({structure(4, empty, words), end}))).components.empty());

  const std::string memory = std::string(16, '0') + "0020" + std::string(18, '0') + "01020304";
  const std::vector<std::string> module = {"Maker", "S2", "asset", "DIMM"};
  const Inventory with = must(parse_smbios(concat({structure(17, memory, module), end})));
  REQUIRE(with.components.size() == 1);
  REQUIRE(with.components[0] ==
          Component{{"2.23.133.18.3.1", "00060001"}, "Maker", "DIMM", "S2", "asset", true});
  std::string slot = memory;
  slot.replace(16, 4, "0000");
  REQUIRE(must(parse_smbios(concat({structure(17, slot, module), end}))).components.empty());
}

TEST_CASE("a table cut short, or with strings that do not end, is refused") {
  const Bytes whole = machine();
  const std::size_t last = whole.size() - end.size();
  for (std::size_t size = 1; size < last; ++size) {
    const auto cut = parse_smbios(ByteView(whole).first(size));
    if (!cut) REQUIRE_FALSE(cut.error().what.empty());
  }
  REQUIRE_RULE(parse_smbios(ByteView(whole).first(5)), rules::bytes_truncated);
  REQUIRE_RULE(parse_smbios(ByteView(whole).first(9)), rules::smbios_form);
  REQUIRE_RULE(parse_smbios(must(from_hex("01030010000000"))), rules::smbios_form);
  // A string's number beyond the strings is none.
  REQUIRE(must(parse_smbios(concat({structure(1, "09020003", {"Example"}), end})))
              .platform.manufacturer == "Not Specified");
}

TEST_CASE("an inventory comes back from JSON as it was, whatever its strings hold") {
  Inventory inventory = must(parse_smbios(machine()));
  inventory.components[0].manufacturer = "quote \" and \\";
  const Inventory back = must(parse_inventory(inventory_json(inventory)));
  REQUIRE(back.components == inventory.components);
  REQUIRE(back.platform == inventory.platform);
  REQUIRE(compare(inventory.components, back.components).equal());
}
