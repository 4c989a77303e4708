// Where NVIDIA puts the FWID: two forms of the TCG's DICE attestation architecture.
#include <algorithm>

#include "libattest/crypto/der.h"
#include "libattest/gpu/device_chain.h"

namespace attest::gpu {

namespace {

constexpr std::string_view composite_device_id = "2.23.133.5.4.1";
constexpr std::string_view dice_tcb_info = "2.23.133.5.4.1.1";
constexpr std::size_t sha384_size = 48;
constexpr std::byte sequence{0x30};
constexpr std::byte octet_string{0x04};
constexpr std::byte fwids{0xA6};  // DiceTcbInfo [6] IMPLICIT FWIDLIST

// SEQUENCE-less part of FWID: OID 2.16.840.1.101.3.4.2.2 (SHA-384).
constexpr std::array<std::byte, 11> sha384_oid = {std::byte{0x06}, std::byte{0x09}, std::byte{0x60},
                                                  std::byte{0x86}, std::byte{0x48}, std::byte{0x01},
                                                  std::byte{0x65}, std::byte{0x03}, std::byte{0x04},
                                                  std::byte{0x02}, std::byte{0x02}};

std::unexpected<Error> malformed(std::string what) {
  return fail(refused(rules::device_fwid_form, std::move(what)).within("leaf certificate"));
}

struct Element {
  std::byte tag;
  ByteView content;
  std::size_t size;  // header included
};

// The first element of `bytes`, whose form first_der_element has checked.
Result<Element> first_element(ByteView bytes) {
  TRY_WITHIN("leaf certificate, DICE extension", const ByteView whole, first_der_element(bytes));
  const auto first = std::to_integer<std::size_t>(whole[1]);
  const std::size_t header = first < 0x80 ? 2 : 2 + (first & 0x7F);
  return Element{whole[0], whole.subspan(header), whole.size()};
}

Result<std::vector<Element>> elements(ByteView bytes) {
  std::vector<Element> all;
  while (!bytes.empty()) {
    TRY(const Element element, first_element(bytes));
    all.push_back(element);
    bytes = bytes.subspan(element.size);
  }
  return all;
}

Result<std::vector<Element>> whole_sequence(ByteView extension) {
  TRY(const Element element, first_element(extension));
  if (element.tag != sequence || element.size != extension.size())
    return malformed("the DICE extension is not one SEQUENCE");
  return elements(element.content);
}

Result<Bytes> fwid_of(const Element& fwid) {
  TRY(const std::vector<Element> parts, elements(fwid.content));
  const bool form = fwid.tag == sequence && parts.size() == 2 &&
                    equal(fwid.content.first(parts[0].size), sha384_oid) &&
                    parts[1].tag == octet_string && parts[1].content.size() == sha384_size;
  if (!form) return malformed("a firmware id is not a SHA-384 FWID");
  return to_bytes(parts[1].content);
}

}  // namespace

Result<std::optional<Bytes>> firmware_id(const Certificate& leaf) {
  if (const auto extension = leaf.extension(composite_device_id)) {
    // CompositeDeviceID: version, the device's key, FWID.
    TRY(const std::vector<Element> parts, whole_sequence(*extension));
    if (parts.size() != 3) return malformed("the DICE extension has not three parts");
    TRY(Bytes fwid, fwid_of(parts[2]));
    return std::optional(std::move(fwid));
  }
  if (const auto extension = leaf.extension(dice_tcb_info)) {
    TRY(const std::vector<Element> parts, whole_sequence(*extension));
    const auto list = std::ranges::find(parts, fwids, &Element::tag);
    if (list == parts.end()) return malformed("the DICE TcbInfo lists no firmware id");
    TRY(const std::vector<Element> entries, elements(list->content));
    if (entries.empty()) return malformed("the DICE TcbInfo's list of firmware ids is empty");
    TRY(Bytes fwid, fwid_of(entries.front()));
    return std::optional(std::move(fwid));
  }
  return std::optional<Bytes>();
}

}  // namespace attest::gpu
