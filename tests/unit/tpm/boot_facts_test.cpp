#include "libattest/tpm/boot_facts.h"

#include <algorithm>

#include "fixtures/boot/measured_boot.h"
#include "tests/support/catch.h"

namespace attest::tpm {
namespace {

using fixtures::BootEvent;

const std::vector<HashAlgorithm> one_bank{HashAlgorithm::sha256};

UntrustedEventLog log_of(const std::vector<BootEvent>& events) {
  return must(parse_event_log(fixtures::encode_log(events, one_bank)));
}

BootFacts facts_of(const std::vector<BootEvent>& events) {
  const UntrustedEventLog log = log_of(events);
  return boot_facts(log.events(), PcrBank::sha256);
}

Bytes utf16(std::string_view text) {
  Bytes bytes;
  for (const char c : text) append_u16_le(bytes, static_cast<std::uint16_t>(c));
  append_u16_le(bytes, 0);
  return bytes;
}

BootEvent ipl(unsigned pcr, const Bytes& data) {
  return {pcr, ev_ipl, data, data};
}

TEST_CASE("a boot's facts are what was measured") {
  const BootFacts facts = facts_of(fixtures::boot_events({}));
  REQUIRE(facts.secure_boot.enabled == true);
  REQUIRE(facts.databases.contains("db"));
  REQUIRE(facts.boot_options.at("Boot0000").title == "debian");
  REQUIRE(facts.kernel_command_line ==
          "/boot/vmlinuz-6.1.0-28-amd64 root=/dev/mapper/system-root ro quiet");
  REQUIRE(std::ranges::any_of(facts.images, [](const LoadedImage& image) {
    return image.path == "/EFI/debian/grubx64.efi";
  }));
  REQUIRE_FALSE(facts.grub_commands.empty());
}

TEST_CASE("a variable whose data was not measured is no fact") {
  auto events = fixtures::boot_events({});
  for (BootEvent& event : events)
    if (event.pcr == 7 && event.type == ev_efi_variable_driver_config)
      event.measured = to_bytes("other");
  const BootFacts facts = facts_of(events);
  REQUIRE_FALSE(facts.secure_boot.enabled.has_value());
  REQUIRE(facts.databases.empty());
}

TEST_CASE("a SecureBoot variable measured into another PCR says nothing") {
  auto events = fixtures::boot_events({});
  for (BootEvent& event : events)
    if (event.pcr == 7 && event.type == ev_efi_variable_driver_config) event.pcr = 5;
  REQUIRE_FALSE(facts_of(events).secure_boot.enabled.has_value());
}

TEST_CASE("an SBAT level is text, and no authority") {
  auto events = fixtures::boot_events({});
  Bytes data = must(from_hex("50ab5d6046e00043abb63dd810dd8b23"));
  const std::string name = "SbatLevel";
  const std::string level = "sbat,1,2021030218\n";
  append_u64_le(data, name.size());
  append_u64_le(data, level.size());
  for (const char c : name) append_u16_le(data, static_cast<std::uint16_t>(c));
  append(data, as_bytes(level));
  events.push_back({7, ev_efi_variable_authority, data, data});
  const BootFacts facts = facts_of(events);
  REQUIRE(facts.sbat_level == level);
  REQUIRE(facts.authorities.empty());
}

TEST_CASE("SecureBoot measured on and off says nothing") {
  auto events = fixtures::boot_events({});
  const auto first = std::ranges::find_if(events, [](const BootEvent& event) {
    return event.pcr == 7 && event.type == ev_efi_variable_driver_config;
  });
  BootEvent off = *first;
  off.data.back() = std::byte{0};
  off.measured = off.data;
  events.insert(first, off);
  REQUIRE_FALSE(facts_of(events).secure_boot.enabled.has_value());
}

TEST_CASE("a unified kernel image's sections, command line and extensions are told") {
  auto events = fixtures::boot_events({});
  events.push_back(ipl(11, utf16(".linux")));
  events.push_back({11, ev_ipl, to_bytes("the kernel"), utf16(".linux")});
  events.push_back(ipl(11, utf16(".initrd")));
  events.push_back(ipl(12, utf16("root=/dev/vda2 quiet")));
  events.push_back({13, ev_ipl, to_bytes("image"), utf16("debug.sysext.raw")});
  const BootFacts facts = facts_of(events);
  REQUIRE(facts.uki_sections == std::vector<std::string>{".linux", ".initrd"});
  REQUIRE(facts.kernel_command_line == "root=/dev/vda2 quiet");
  REQUIRE(facts.system_extensions.front().name == "debug.sysext.raw");
}

TEST_CASE("what changed between two boots is said in an administrator's words") {
  const BootFacts before = facts_of(fixtures::boot_events({}));
  REQUIRE(changes_between(before, before).empty());
  const auto said = [&](const fixtures::BootOptions& options, std::string_view words) {
    const auto changes = changes_between(before, facts_of(fixtures::boot_events(options)));
    return std::ranges::any_of(changes, [&](const std::string& change) {
      return change.find(words) != std::string::npos;
    });
  };
  REQUIRE(said({.secure_boot = false}, "Secure Boot was on and is now off"));
  REQUIRE(said({.boot_loader = "GRUB 2.12"}, "boot image /EFI/debian/grubx64.efi changed"));
  REQUIRE(said({.kernel_command_line = "ro init=/bin/sh"}, "the kernel command line changed from"));
  REQUIRE(said({.firmware = "attest fixture firmware 1.5"}, "the firmware version changed"));
}

}  // namespace
}  // namespace attest::tpm
