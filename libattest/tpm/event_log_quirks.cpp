#include "libattest/tpm/event_log_quirks.h"

#include <algorithm>

#include "libattest/tpm/event_data.h"

namespace attest::tpm::quirks {

namespace {

constexpr std::string_view startup_locality_signature{"StartupLocality\0", 16};

bool is_locality(std::uint8_t value) {
  return value == 0 || value == 3 || value == 4;
}

}  // namespace

// Seen: coreboot's TPM log, whose entries have one fixed size, on NovaCustom and StarLabs machines
// (Dasharo/dasharo-issues#1476, StarLabsLtd/firmware#437). fwupd and tpm2-tools read it, and
// systemd-pcrlock does not.
std::optional<std::uint8_t> oversized_locality(ByteView data) {
  const std::size_t size = startup_locality_signature.size() + 1;
  if (data.size() <= size || !as_text(data).starts_with(startup_locality_signature))
    return std::nullopt;
  const ByteView rest = data.subspan(size);
  if (!std::ranges::all_of(rest, [](std::byte b) { return b == std::byte{0}; }))
    return std::nullopt;
  return std::to_integer<std::uint8_t>(data[size - 1]);
}

// Seen: Lenovo and Phoenix firmware on a ThinkPad X1, EV_POST_CODE with the nine letters "ACPI
// DATA" (tpm2-software/tpm2-tools#2017).
bool text_in_place_of_blob(ByteView data) {
  return data.size() != 16 && !data.empty() && std::ranges::all_of(data, [](std::byte b) {
           const auto value = std::to_integer<unsigned>(b);
           return value == 0 || (value >= 0x20 && value < 0x7f);
         });
}

// Seen: the measured-boot logs Windows keeps, whose events of the loader without a PCR stand under
// index 0xffffffff as EV_NO_ACTION (fiedka/fiedka#30).
bool virtual_register(const Event& event) {
  return event.pcr == 0xffffffffU && event.type == ev_no_action;
}

// Seen: shim 15 as Debian 10, Ubuntu 18.04 and ChromeOS-derived images had it. It measures the
// certificate that vouches for the next image and records it with another length than the
// variable's, or under the name "Shim" for its built-in one (logs of google/go-tpm-tools,
// internal/test/eventlogs/debian-10.bin and cos-85-amd-sev.bin; tpm2-tools, event-postcode.bin).
bool shim_authority(const Event& event) {
  if (event.type != ev_efi_variable_authority) return false;
  constexpr std::size_t head = 32;
  const auto variable = parse_efi_variable(event.data);
  if (!variable) return false;
  ByteReader reader(event.data.subspan(16));
  const std::uint64_t characters = *reader.u64_le("UnicodeNameLength");
  return variable->name == "Shim" ||
         event.data.size() != head + 2 * characters + variable->data.size();
}

// Seen: machines with Boot Guard, whose PCR 0 begins at locality 3 or, after an H-CRTM, 4, and
// whose log lacks the StartupLocality event (fwupd/fwupd#2294, Dasharo/dasharo-issues#1476). It is
// no reason to believe the log: it is an explanation of why it is refused.
std::optional<std::uint8_t> unlogged_locality(const UntrustedEventLog& log, PcrBank bank,
                                              ByteView quoted) {
  for (const std::uint8_t locality : {std::uint8_t{0}, std::uint8_t{3}, std::uint8_t{4}}) {
    if (locality == log.startup_locality() || !is_locality(locality)) continue;
    Bytes value = initial_value(bank, 0);
    value.back() = std::byte{locality};
    for (const Event& event : log.events())
      if (event.pcr == 0 && event.extends()) value = extend(bank, value, event.digest(bank));
    if (equal(value, quoted)) return locality;
  }
  return std::nullopt;
}

}  // namespace attest::tpm::quirks
