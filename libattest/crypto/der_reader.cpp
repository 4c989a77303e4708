#include "libattest/crypto/der_reader.h"

#include <charconv>
#include <limits>

#include "libattest/base/text.h"

namespace attest {

namespace {

Error unexpected(std::string_view field, std::string what) {
  return refused(rules::der_unexpected, std::string(field) + ": " + std::move(what));
}

std::string tag_text(std::uint8_t tag) {
  Bytes one;
  append_u8(one, tag);
  return "tag 0x" + to_hex(one);
}

}  // namespace

Result<DerReader> DerReader::of(ByteView bytes, std::uint8_t tag, std::string_view field) {
  DerReader reader(bytes);
  TRY(const DerElement element, reader.expect(tag, field));
  TRY_VOID(reader.finish(field));
  return DerReader(element.content);
}

bool DerReader::next_is(std::uint8_t tag) const {
  return !rest_.empty() && std::to_integer<std::uint8_t>(rest_.front()) == tag;
}

Result<DerElement> DerReader::next(std::string_view field) {
  if (rest_.empty()) return fail(unexpected(field, "nothing is here"));
  TRY_WITHIN(field, const ByteView whole, first_der_element(rest_));
  std::size_t header = 2;
  const auto length = std::to_integer<std::size_t>(whole[1]);
  if (length >= 0x80) header += length & 0x7fU;
  rest_ = rest_.subspan(whole.size());
  return DerElement{std::to_integer<std::uint8_t>(whole[0]), whole.subspan(header), whole};
}

Result<DerElement> DerReader::expect(std::uint8_t tag, std::string_view field) {
  if (!rest_.empty() && !next_is(tag))
    return fail(unexpected(field, "another type of element stands here")
                    .expected(tag_text(tag))
                    .found(tag_text(std::to_integer<std::uint8_t>(rest_.front()))));
  return next(field);
}

Result<std::optional<DerElement>> DerReader::optional(std::uint8_t tag, std::string_view field) {
  if (!next_is(tag)) return std::nullopt;
  TRY(const DerElement element, next(field));
  return element;
}

Result<DerReader> DerReader::enter(std::uint8_t tag, std::string_view field) {
  TRY(const DerElement element, expect(tag, field));
  return DerReader(element.content);
}

Status DerReader::finish(std::string_view what) const {
  if (rest_.empty()) return {};
  return fail(unexpected(what, std::to_string(rest_.size()) + " bytes are left over"));
}

Result<std::string> DerReader::oid(std::string_view field) {
  TRY(const DerElement element, expect(der_tag::oid, field));
  return der_oid_text(element.content, field);
}

Result<std::uint64_t> DerReader::unsigned_integer(std::string_view field) {
  const std::uint8_t tag = next_is(der_tag::enumerated) ? der_tag::enumerated : der_tag::integer;
  TRY(const DerElement element, expect(tag, field));
  return der_unsigned(element.content, field);
}

Result<std::string> der_oid_text(ByteView content, std::string_view field) {
  constexpr std::size_t longest = 64;
  if (content.empty() || content.size() > longest ||
      std::to_integer<unsigned>(content.back()) >= 0x80)
    return fail(unexpected(field, "not an object identifier"));
  std::string text;
  std::uint64_t arc = 0;
  bool starts = true;
  for (const std::byte octet : content) {
    const auto value = std::to_integer<unsigned>(octet);
    if (starts && value == 0x80) return fail(unexpected(field, "padded object identifier"));
    if (arc > std::numeric_limits<std::uint64_t>::max() >> 7U)
      return fail(unexpected(field, "an arc of an object identifier is too large"));
    arc = arc << 7U | (value & 0x7fU);
    starts = value < 0x80;
    if (!starts) continue;
    if (text.empty()) {
      const std::uint64_t first = arc < 80 ? arc / 40 : 2;
      text = std::to_string(first) + "." + std::to_string(arc - first * 40);
    } else {
      text += "." + std::to_string(arc);
    }
    arc = 0;
  }
  return text;
}

Result<std::uint64_t> der_unsigned(ByteView content, std::string_view field) {
  if (content.empty()) return fail(unexpected(field, "an empty INTEGER"));
  const auto first = std::to_integer<unsigned>(content[0]);
  if (first >= 0x80) return fail(unexpected(field, "a negative number"));
  if (content.size() > 1 && first == 0) {
    if (std::to_integer<unsigned>(content[1]) < 0x80)
      return fail(unexpected(field, "a padded INTEGER"));
    content = content.subspan(1);
  }
  if (content.size() > 8) return fail(unexpected(field, "a number of more than 64 bits"));
  std::uint64_t value = 0;
  for (const std::byte octet : content) value = value << 8U | std::to_integer<unsigned>(octet);
  return value;
}

Result<bool> der_boolean(ByteView content, std::string_view field) {
  if (content.size() != 1 || (content[0] != std::byte{0} && content[0] != std::byte{0xff}))
    return fail(unexpected(field, "not a BOOLEAN").expected("00 or ff").found(to_hex(content)));
  return content[0] != std::byte{0};
}

Bytes der_element(std::uint8_t tag, ByteView content) {
  Bytes element;
  append_u8(element, tag);
  if (content.size() < 0x80) {
    append_u8(element, static_cast<std::uint8_t>(content.size()));
  } else if (content.size() < 0x100) {
    append_u8(element, 0x81);
    append_u8(element, static_cast<std::uint8_t>(content.size()));
  } else if (content.size() < 0x10000) {
    append_u8(element, 0x82);
    append_u16_be(element, static_cast<std::uint16_t>(content.size()));
  } else {
    append_u8(element, 0x84);
    append_u32_be(element, static_cast<std::uint32_t>(content.size()));
  }
  append(element, content);
  return element;
}

Bytes der_oid(std::string_view dotted) {
  std::vector<std::uint64_t> arcs;
  for (const std::string_view part : split(dotted, '.')) {
    std::uint64_t arc = 0;
    std::from_chars(part.data(), part.data() + part.size(), arc);
    arcs.push_back(arc);
  }
  Bytes content;
  for (std::size_t i = 1; i < arcs.size(); ++i) {
    const std::uint64_t arc = i == 1 ? arcs[0] * 40 + arcs[1] : arcs[i];
    unsigned shift = 0;
    while (shift < 63 && arc >> (shift + 7U) != 0) shift += 7;
    for (; shift > 0; shift -= 7)
      append_u8(content, static_cast<std::uint8_t>(0x80U | (arc >> shift & 0x7fU)));
    append_u8(content, static_cast<std::uint8_t>(arc & 0x7fU));
  }
  return content;
}

}  // namespace attest
