#include "libattest/base/bytes.h"

#include <algorithm>
#include <cstring>

namespace attest {

Bytes concat(std::initializer_list<ByteView> parts) {
  std::size_t size = 0;
  for (ByteView part : parts) size += part.size();
  Bytes joined;
  joined.reserve(size);
  for (ByteView part : parts) append(joined, part);
  return joined;
}

bool equal(ByteView a, ByteView b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

bool equal_secret(ByteView a, ByteView b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference |= std::to_integer<unsigned>(a[i] ^ b[i]);
  return difference == 0;
}

std::string to_hex(ByteView bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (std::byte b : bytes) {
    text += digits[std::to_integer<unsigned>(b) >> 4];
    text += digits[std::to_integer<unsigned>(b) & 15];
  }
  return text;
}

namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr char standard_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr char url_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string encode_base64(ByteView bytes, const char* alphabet, bool pad) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t have = std::min<std::size_t>(3, bytes.size() - i);
    unsigned group = 0;
    for (std::size_t j = 0; j < 3; ++j)
      group = group << 8 | (j < have ? std::to_integer<unsigned>(bytes[i + j]) : 0U);
    for (std::size_t j = 0; j < 4; ++j) {
      if (j <= have)
        text += alphabet[group >> (18 - 6 * j) & 63];
      else if (pad)
        text += '=';
    }
  }
  return text;
}

int base64_digit(char c, bool url) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == (url ? '-' : '+')) return 62;
  if (c == (url ? '_' : '/')) return 63;
  return -1;
}

Result<Bytes> decode_base64(std::string_view text, bool url) {
  const auto bad = [](std::string what) {
    return fail(refused(rules::base64_form, std::move(what)));
  };
  std::size_t padding = 0;
  if (!url) {
    if (text.size() % 4 != 0)
      return bad("base64 text has " + std::to_string(text.size()) +
                 " characters, which is not a multiple of 4");
    while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=')
      ++padding;
  }
  const std::string_view digits = text.substr(0, text.size() - padding);
  if (digits.size() % 4 == 1) return bad("base64 text ends within a byte");
  Bytes bytes;
  bytes.reserve(digits.size() * 3 / 4);
  unsigned group = 0;
  unsigned bits = 0;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    const int digit = base64_digit(digits[i], url);
    if (digit < 0)
      return bad("base64 text has a foreign character at position " + std::to_string(i));
    group = (group << 6 | static_cast<unsigned>(digit)) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes.push_back(static_cast<std::byte>(group >> bits & 0xff));
    }
  }
  if ((group & ((1U << bits) - 1)) != 0) return bad("base64 text has bits beyond its last byte");
  return bytes;
}

template <typename T>
void append_integer(Bytes& to, T value, bool big) {
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    const std::size_t shift = 8 * (big ? sizeof(T) - 1 - i : i);
    to.push_back(static_cast<std::byte>(value >> shift & 0xff));
  }
}

}  // namespace

Result<Bytes> from_hex(std::string_view text) {
  if (text.size() % 2 != 0)
    return fail(refused(rules::hex_form, "hexadecimal text has an odd number of digits"));
  Bytes bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_digit(text[i]);
    const int low = hex_digit(text[i + 1]);
    if (high < 0 || low < 0)
      return fail(
          refused(rules::hex_form,
                  "hexadecimal text has a foreign character near position " + std::to_string(i)));
    bytes.push_back(static_cast<std::byte>(high * 16 + low));
  }
  return bytes;
}

std::string to_base64(ByteView bytes) {
  return encode_base64(bytes, standard_alphabet, true);
}
std::string to_base64url(ByteView bytes) {
  return encode_base64(bytes, url_alphabet, false);
}
Result<Bytes> from_base64(std::string_view text) {
  return decode_base64(text, false);
}
Result<Bytes> from_base64url(std::string_view text) {
  return decode_base64(text, true);
}

void append_u8(Bytes& to, std::uint8_t value) {
  to.push_back(static_cast<std::byte>(value));
}
void append_u16_be(Bytes& to, std::uint16_t value) {
  append_integer(to, value, true);
}
void append_u32_be(Bytes& to, std::uint32_t value) {
  append_integer(to, value, true);
}
void append_u64_be(Bytes& to, std::uint64_t value) {
  append_integer(to, value, true);
}
void append_u16_le(Bytes& to, std::uint16_t value) {
  append_integer(to, value, false);
}
void append_u32_le(Bytes& to, std::uint32_t value) {
  append_integer(to, value, false);
}
void append_u64_le(Bytes& to, std::uint64_t value) {
  append_integer(to, value, false);
}

Result<ByteView> ByteReader::take(std::uint64_t count, std::string_view field) {
  if (count > remaining())
    return fail(refused(rules::bytes_truncated, std::string(field) + " is cut short")
                    .expected(std::to_string(count) + " bytes")
                    .found(std::to_string(remaining()))
                    .within("offset " + std::to_string(offset())));
  const ByteView taken = bytes_.subspan(position_, static_cast<std::size_t>(count));
  position_ += static_cast<std::size_t>(count);
  return taken;
}

template <typename T, bool big>
Result<T> ByteReader::integer(std::string_view field) {
  TRY(const ByteView raw, take(sizeof(T), field));
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    const std::size_t shift = 8 * (big ? sizeof(T) - 1 - i : i);
    value = static_cast<T>(value | static_cast<T>(std::to_integer<T>(raw[i]) << shift));
  }
  return value;
}

Result<std::uint8_t> ByteReader::u8(std::string_view field) {
  return integer<std::uint8_t, true>(field);
}
Result<std::uint16_t> ByteReader::u16_be(std::string_view field) {
  return integer<std::uint16_t, true>(field);
}
Result<std::uint32_t> ByteReader::u32_be(std::string_view field) {
  return integer<std::uint32_t, true>(field);
}
Result<std::uint64_t> ByteReader::u64_be(std::string_view field) {
  return integer<std::uint64_t, true>(field);
}
Result<std::uint16_t> ByteReader::u16_le(std::string_view field) {
  return integer<std::uint16_t, false>(field);
}
Result<std::uint32_t> ByteReader::u32_le(std::string_view field) {
  return integer<std::uint32_t, false>(field);
}
Result<std::uint64_t> ByteReader::u64_le(std::string_view field) {
  return integer<std::uint64_t, false>(field);
}

Status ByteReader::finish(std::string_view what) const {
  if (at_end()) return {};
  return fail(refused(rules::bytes_trailing, std::string(what) + " is followed by other bytes")
                  .expected("the end")
                  .found(std::to_string(remaining()) + " bytes more")
                  .within("offset " + std::to_string(offset())));
}

}  // namespace attest
