// What stands inside the data of boot events (UEFI 2.10 sections 3.1, 7.2 and 10; TCG PFP 1.06
// section 10.4): readers for untrusted bytes, for descriptions and for variables. Pure functions.
// Nothing here is believed before a quote vouches for the event.
#pragma once

#include <optional>
#include <string>

#include "libattest/base/bytes.h"

namespace attest::tpm {

// EfiVariable is UEFI_VARIABLE_DATA.
struct EfiVariable {
  std::string guid;  // "8be4df61-93ca-11d2-aa0d-00e098032b8c"
  std::string name;  // UTF-8
  ByteView data;     // borrowed from the event
};
inline constexpr std::string_view efi_global_variable = "8be4df61-93ca-11d2-aa0d-00e098032b8c";

Result<EfiVariable> parse_efi_variable(ByteView event_data);

// guid_text writes the 16 bytes of an EFI GUID, which are of mixed endianness.
std::string guid_text(ByteView guid);

// utf16_text reads UTF-16LE up to a NUL or the end; what is no Unicode becomes U+FFFD.
std::string utf16_text(ByteView utf16);

// image_path gives the file path in the device path of a UEFI_IMAGE_LOAD_EVENT, with slashes:
// "/EFI/debian/grubx64.efi"; "firmware volume file <guid>" for images in flash; nothing where the
// path names no file.
std::optional<std::string> image_path(ByteView event_data);

// load_option_description gives the title of an EFI_LOAD_OPTION (the Boot#### variables).
std::optional<std::string> load_option_description(ByteView load_option);

// load_option_path gives the file an EFI_LOAD_OPTION starts, as image_path does.
std::optional<std::string> load_option_path(ByteView load_option);

// GrubString is what GRUB 2 measured as an EV_IPL: a kind such as "grub_cmd" or "kernel_cmdline",
// which the digest does not cover, and the text, which it does.
struct GrubString {
  std::string_view kind;
  std::string_view text;
};
std::optional<GrubString> parse_grub_string(ByteView event_data);

}  // namespace attest::tpm

namespace attest::rules {
inline constexpr Rule event_data_form{"tpm.event-data.form"};
}
