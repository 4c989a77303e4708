// Walking through DER (X.690): for extensions and certificates that OpenSSL has no parser for.
//
// A reader borrows its bytes and never reads past them; nothing is allocated but what a caller
// asks for as text. Use first_der_element on the whole before, so that lengths hold at all levels.
#pragma once

#include <optional>
#include <string>

#include "libattest/crypto/der.h"

namespace attest {

namespace der_tag {
inline constexpr std::uint8_t boolean = 0x01;
inline constexpr std::uint8_t integer = 0x02;
inline constexpr std::uint8_t bit_string = 0x03;
inline constexpr std::uint8_t octet_string = 0x04;
inline constexpr std::uint8_t null = 0x05;
inline constexpr std::uint8_t oid = 0x06;
inline constexpr std::uint8_t enumerated = 0x0a;
inline constexpr std::uint8_t utf8_string = 0x0c;
inline constexpr std::uint8_t printable_string = 0x13;
inline constexpr std::uint8_t ia5_string = 0x16;
inline constexpr std::uint8_t generalized_time = 0x18;
inline constexpr std::uint8_t sequence = 0x30;
inline constexpr std::uint8_t set = 0x31;
// Context-specific tags, as IMPLICIT tagging of simple and of structured types writes them.
constexpr std::uint8_t context(unsigned number) {
  return static_cast<std::uint8_t>(0x80U | number);
}
constexpr std::uint8_t context_constructed(unsigned number) {
  return static_cast<std::uint8_t>(0xa0U | number);
}
}  // namespace der_tag

struct DerElement {
  std::uint8_t tag = 0;
  ByteView content;
  ByteView whole;  // header included
};

class DerReader {
 public:
  // `content` holds elements one after another, such as a SEQUENCE's content.
  explicit DerReader(ByteView content) : rest_(content) {}
  // of opens the one element that `bytes` must be, of this tag; anything behind it is refused.
  static Result<DerReader> of(ByteView bytes, std::uint8_t tag, std::string_view field);

  bool at_end() const { return rest_.empty(); }
  // next_is says whether an element of this tag comes next.
  bool next_is(std::uint8_t tag) const;
  Result<DerElement> next(std::string_view field);
  Result<DerElement> expect(std::uint8_t tag, std::string_view field);
  // optional gives the next element where it has this tag, and else reads nothing.
  Result<std::optional<DerElement>> optional(std::uint8_t tag, std::string_view field);
  // enter opens the next element, which must have this tag.
  Result<DerReader> enter(std::uint8_t tag, std::string_view field);
  Status finish(std::string_view what) const;

  // oid reads an OBJECT IDENTIFIER as dotted text; unsigned_integer an INTEGER or ENUMERATED from 0
  // to 2^64 - 1, in its shortest form.
  Result<std::string> oid(std::string_view field);
  Result<std::uint64_t> unsigned_integer(std::string_view field);

 private:
  ByteView rest_;
};

// The same for contents of elements already read, implicitly tagged ones included.
Result<std::string> der_oid_text(ByteView content, std::string_view field);
Result<std::uint64_t> der_unsigned(ByteView content, std::string_view field);
Result<bool> der_boolean(ByteView content, std::string_view field);

// der_element writes one element; der_oid the content of an OBJECT IDENTIFIER, for comparing with
// what was read. `dotted` must be a well-formed identifier.
Bytes der_element(std::uint8_t tag, ByteView content);
Bytes der_oid(std::string_view dotted);

namespace rules {
inline constexpr Rule der_unexpected{"crypto.der.unexpected"};
}

}  // namespace attest
