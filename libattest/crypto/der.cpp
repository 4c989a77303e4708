#include "libattest/crypto/der.h"

namespace attest {

namespace {

std::unexpected<Error> malformed(std::string what, std::size_t offset) {
  return fail(
      refused(rules::der_form, "not DER: " + what).within("byte " + std::to_string(offset)));
}

struct Header {
  bool constructed;
  std::size_t length;
};

Result<Header> read_header(ByteReader& reader) {
  const std::size_t at = reader.offset();
  TRY(const std::uint8_t tag, reader.u8("tag"));
  if ((tag & 0x1f) == 0x1f) return malformed("tag numbers above 30 are not used here", at);
  TRY(const std::uint8_t first, reader.u8("length"));
  std::uint64_t length = first;
  if (first >= 0x80) {
    const unsigned digits = first & 0x7fU;
    if (digits == 0) return malformed("indefinite length", at);
    if (digits > 4) return malformed("length of more than four bytes", at);
    length = 0;
    for (unsigned i = 0; i < digits; ++i) {
      TRY(const std::uint8_t digit, reader.u8("length"));
      length = length << 8 | digit;
    }
    const bool shortest = length >= 0x80 && (digits == 1 || length >> (8 * (digits - 1)) != 0);
    if (!shortest) return malformed("length is not in its shortest form", at);
  }
  if (length > reader.remaining()) return malformed("element is longer than what is there", at);
  return Header{(tag & 0x20) != 0, static_cast<std::size_t>(length)};
}

constexpr std::size_t max_depth = 64;

}  // namespace

Result<ByteView> first_der_element(ByteView bytes) {
  ByteReader reader(bytes);
  std::vector<std::size_t> ends;  // where each open constructed element must end
  do {
    TRY(const Header header, read_header(reader));
    const std::size_t end = reader.offset() + header.length;
    if (!ends.empty() && end > ends.back())
      return malformed("element reaches over the end of what holds it", reader.offset());
    if (header.constructed && header.length > 0) {
      if (ends.size() == max_depth) return malformed("too deep", reader.offset());
      ends.push_back(end);
    } else {
      TRY_VOID(reader.take(header.length, "content"));
    }
    while (!ends.empty() && reader.offset() == ends.back()) ends.pop_back();
  } while (!ends.empty());
  return bytes.first(reader.offset());
}

}  // namespace attest
