#include "libattest/crypto/ecdsa_signature.h"

#include <algorithm>

namespace attest {

namespace {

// Orders of the groups (FIPS 186-4 appendix D.1.2), big-endian, of the field's size.
std::string_view order_hex(KeyKind kind) {
  switch (kind) {
    case KeyKind::ecdsa_p256:
      return "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    case KeyKind::ecdsa_p384:
      return "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77a"
             "ecec196accc52973";
    case KeyKind::ecdsa_p521:
      return "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f"
             "966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409";
    default:
      return "";
  }
}

std::unexpected<Error> malformed(std::string what, std::size_t offset) {
  return fail(refused(rules::signature_form, "ECDSA signature is not strict DER: " + what)
                  .within("byte " + std::to_string(offset)));
}

constexpr std::uint8_t sequence_tag = 0x30;
constexpr std::uint8_t integer_tag = 0x02;

// A P-521 signature is 139 bytes at most, so one length byte, or 0x81 and one more, is all.
Result<std::size_t> read_length(ByteReader& reader) {
  const std::size_t at = reader.offset();
  TRY(const std::uint8_t first, reader.u8("length"));
  if (first < 0x80) return first;
  if (first != 0x81) return malformed("length form is not supported here", at);
  TRY(const std::uint8_t second, reader.u8("length"));
  if (second < 0x80) return malformed("length is not in its shortest form", at);
  return second;
}

Result<Bytes> read_integer(ByteReader& reader, std::size_t size, std::string_view name) {
  const std::size_t at = reader.offset();
  TRY(const std::uint8_t tag, reader.u8(name));
  if (tag != integer_tag) return malformed(std::string(name) + " is no INTEGER", at);
  TRY(const std::size_t length, read_length(reader));
  TRY(ByteView digits, reader.take(length, name));
  if (digits.empty()) return malformed(std::string(name) + " is empty", at);
  const bool high = (digits[0] & std::byte{0x80}) != std::byte{};
  if (high) return malformed(std::string(name) + " is negative", at);
  if (digits.size() > 1 && digits[0] == std::byte{}) {
    if ((digits[1] & std::byte{0x80}) == std::byte{})
      return malformed(std::string(name) + " is padded", at);
    digits = digits.subspan(1);
  }
  if (digits.size() > size) return malformed(std::string(name) + " is too long", at);
  Bytes padded(size - digits.size());
  append(padded, digits);
  return padded;
}

void append_length(Bytes& to, std::size_t length) {
  if (length >= 0x80) append_u8(to, 0x81);
  append_u8(to, static_cast<std::uint8_t>(length));
}

void append_integer(Bytes& to, ByteView digits) {
  while (digits.size() > 1 && digits[0] == std::byte{}) digits = digits.subspan(1);
  const bool pad = (digits[0] & std::byte{0x80}) != std::byte{};
  append_u8(to, integer_tag);
  append_length(to, digits.size() + (pad ? 1 : 0));
  if (pad) append_u8(to, 0);
  append(to, digits);
}

bool is_zero(ByteView digits) {
  return std::ranges::all_of(digits, [](std::byte b) { return b == std::byte{}; });
}

}  // namespace

std::size_t field_size(KeyKind kind) {
  return order_hex(kind).size() / 2;
}

Result<Bytes> fixed_from_der(KeyKind kind, ByteView der) {
  ByteReader reader(der);
  TRY(const std::uint8_t tag, reader.u8("signature"));
  if (tag != sequence_tag) return malformed("no SEQUENCE", 0);
  TRY(const std::size_t length, read_length(reader));
  if (length != reader.remaining())
    return fail(refused(rules::signature_form, "ECDSA signature has the wrong length")
                    .expected(std::to_string(length) + " bytes after the header")
                    .found(std::to_string(reader.remaining())));
  TRY(Bytes fixed, read_integer(reader, field_size(kind), "r"));
  TRY(const Bytes s, read_integer(reader, field_size(kind), "s"));
  if (!reader.at_end()) return malformed("bytes after s", reader.offset());
  append(fixed, s);
  return fixed;
}

Bytes der_from_fixed(ByteView fixed) {
  Bytes numbers;
  append_integer(numbers, fixed.first(fixed.size() / 2));
  append_integer(numbers, fixed.subspan(fixed.size() / 2));
  Bytes der;
  append_u8(der, sequence_tag);
  append_length(der, numbers.size());
  append(der, numbers);
  return der;
}

Status check_range(KeyKind kind, ByteView fixed) {
  TRY(const Bytes order, from_hex(order_hex(kind)));
  const auto in_range = [&](ByteView number) {
    return !is_zero(number) && std::ranges::lexicographical_compare(number, order);
  };
  const std::size_t half = fixed.size() / 2;
  for (const auto& [name, number] :
       {std::pair("r", fixed.first(half)), std::pair("s", fixed.subspan(half))})
    if (!in_range(number))
      return fail(refused(rules::signature_wrong,
                          std::string("the signature's ") + name + " is out of range")
                      .expected("from 1 to the group's order less 1"));
  return {};
}

}  // namespace attest
