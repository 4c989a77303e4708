// Bytes, and the text forms they travel in. All functions are pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "libattest/base/result.h"

namespace attest {

// ByteView is a borrowed run of bytes; whoever passes one keeps the bytes alive during the call.
using ByteView = std::span<const std::byte>;
using Bytes = std::vector<std::byte>;

inline ByteView as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline Bytes to_bytes(ByteView view) {
  return {view.begin(), view.end()};
}
inline Bytes to_bytes(std::string_view text) {
  return to_bytes(as_bytes(text));
}
inline std::string to_string(ByteView bytes) {
  return std::string(as_text(bytes));
}

inline void append(Bytes& to, ByteView more) {
  to.insert(to.end(), more.begin(), more.end());
}

// concat joins runs of bytes into one.
Bytes concat(std::initializer_list<ByteView> parts);

// equal compares contents. It is not constant-time: use equal_secret where one side is a secret.
bool equal(ByteView a, ByteView b);
bool equal_secret(ByteView a, ByteView b);

// to_hex gives lower-case hexadecimal.
std::string to_hex(ByteView bytes);
// from_hex takes either case and an even number of digits, nothing else.
Result<Bytes> from_hex(std::string_view text);

// RFC 4648 section 4 (standard) and 5 (URL-safe), without line breaks. Encoding of the standard
// alphabet pads and that of the URL-safe alphabet does not; decoding refuses missing, surplus and
// misplaced padding in the standard alphabet, any padding in the URL-safe one, and bits that are
// set beyond the last byte.
std::string to_base64(ByteView bytes);
std::string to_base64url(ByteView bytes);
Result<Bytes> from_base64(std::string_view text);
Result<Bytes> from_base64url(std::string_view text);

// Fixed-width integers, appended or stored.
void append_u8(Bytes& to, std::uint8_t value);
void append_u16_be(Bytes& to, std::uint16_t value);
void append_u32_be(Bytes& to, std::uint32_t value);
void append_u64_be(Bytes& to, std::uint64_t value);
void append_u16_le(Bytes& to, std::uint16_t value);
void append_u32_le(Bytes& to, std::uint32_t value);
void append_u64_le(Bytes& to, std::uint64_t value);

namespace rules {
inline constexpr Rule hex_form{"base.hex.form"};
inline constexpr Rule base64_form{"base.base64.form"};
inline constexpr Rule bytes_truncated{"base.bytes.truncated"};
inline constexpr Rule bytes_trailing{"base.bytes.trailing"};
}  // namespace rules

// ByteReader walks untrusted bytes from front to back. Every read checks what is left and fails
// with the offset and the field's name; nothing is ever read past the end. It borrows the bytes.
class ByteReader {
 public:
  // `base` is added to offsets in errors, for readers of a part of a file.
  explicit ByteReader(ByteView bytes, std::size_t base = 0) : bytes_(bytes), base_(base) {}

  std::size_t offset() const { return base_ + position_; }
  std::size_t remaining() const { return bytes_.size() - position_; }
  bool at_end() const { return remaining() == 0; }
  ByteView rest() const { return bytes_.subspan(position_); }

  Result<std::uint8_t> u8(std::string_view field);
  Result<std::uint16_t> u16_be(std::string_view field);
  Result<std::uint32_t> u32_be(std::string_view field);
  Result<std::uint64_t> u64_be(std::string_view field);
  Result<std::uint16_t> u16_le(std::string_view field);
  Result<std::uint32_t> u32_le(std::string_view field);
  Result<std::uint64_t> u64_le(std::string_view field);
  // take gives the next `count` bytes as a view of the input.
  Result<ByteView> take(std::uint64_t count, std::string_view field);
  // finish fails when anything is left.
  Status finish(std::string_view what) const;

 private:
  template <typename T, bool big>
  Result<T> integer(std::string_view field);

  ByteView bytes_;
  std::size_t base_;
  std::size_t position_ = 0;
};

}  // namespace attest
