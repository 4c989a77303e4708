// Strict CBOR (RFC 8949) and its deterministic encoding (section 4.2).
//
// decode() reads one data item: definite lengths and shortest forms only, no duplicate map keys,
// valid UTF-8, bounded depth and item count, nothing after the item. Form::deterministic asks for
// sorted map keys as well: what we write ourselves is always in that form, and signed bytes of our
// own types are refused in any other. encode() always writes the deterministic form.
//
// A Value is a plain value: copyable, comparable, usable from any thread while not changed.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "libattest/base/bytes.h"
#include "libattest/base/result.h"

namespace attest::cbor {

class Value;
using Array = std::vector<Value>;
// Map keeps the order it was read or built in; encode() sorts.
using Map = std::vector<std::pair<Value, Value>>;

struct Null {
  friend bool operator==(Null, Null) = default;
};
struct Undefined {
  friend bool operator==(Undefined, Undefined) = default;
};
// Negative holds the argument n of the integer -1 - n.
struct Negative {
  std::uint64_t argument;
  friend bool operator==(Negative, Negative) = default;
};
struct Tagged;

class Value {
 public:
  using Content = std::variant<std::uint64_t, Negative, Bytes, std::string, Array, Map,
                               std::shared_ptr<const Tagged>, bool, Null, Undefined, double>;

  Value() : content_(Null{}) {}
  Value(std::nullptr_t) : content_(Null{}) {}
  template <std::integral T>
  Value(T integer) {
    if constexpr (std::same_as<T, bool>) {
      content_ = integer;
    } else if (std::cmp_less(integer, 0)) {
      content_ = Negative{static_cast<std::uint64_t>(-1 - static_cast<std::int64_t>(integer))};
    } else {
      content_ = static_cast<std::uint64_t>(integer);
    }
  }
  Value(double number) : content_(number) {}
  Value(const char* text) : content_(std::string(text)) {}
  Value(std::string_view text) : content_(std::string(text)) {}
  Value(std::string text) : content_(std::move(text)) {}
  Value(Bytes bytes) : content_(std::move(bytes)) {}
  Value(ByteView bytes) : content_(to_bytes(bytes)) {}
  template <std::size_t n>
  Value(const std::array<std::byte, n>& bytes) : content_(to_bytes(ByteView(bytes))) {}
  Value(Array array) : content_(std::move(array)) {}
  Value(Map map) : content_(std::move(map)) {}
  Value(Undefined undefined) : content_(undefined) {}
  Value(Negative negative) : content_(negative) {}
  static Value tagged(std::uint64_t tag, Value content);

  const Content& content() const { return content_; }

  // Each as_… gives a pointer into this value, or nullptr when it is of another type.
  const std::uint64_t* as_unsigned() const { return std::get_if<std::uint64_t>(&content_); }
  const Bytes* as_bytes() const { return std::get_if<Bytes>(&content_); }
  const std::string* as_text() const { return std::get_if<std::string>(&content_); }
  const Array* as_array() const { return std::get_if<Array>(&content_); }
  const Map* as_map() const { return std::get_if<Map>(&content_); }
  const bool* as_boolean() const { return std::get_if<bool>(&content_); }
  const double* as_double() const { return std::get_if<double>(&content_); }
  const Tagged* as_tagged() const;
  bool is_null() const { return std::holds_alternative<Null>(content_); }
  // as_integer gives an integer of either sign that fits 64 bits signed.
  std::optional<std::int64_t> as_integer() const;

  // find looks a key up in a map; nullptr when absent or when this is no map.
  const Value* find(const Value& key) const;
  // type_name is for errors: "unsigned integer", "map", …
  std::string_view type_name() const;

  friend bool operator==(const Value&, const Value&);

 private:
  Content content_;
};

struct Tagged {
  std::uint64_t tag;
  Value content;
};

enum class Form {
  strict,         // all the rules above but the order of map keys
  deterministic,  // RFC 8949 section 4.2.1, key order included
};

struct Limits {
  std::size_t depth = 32;
  std::size_t items = 1U << 20;  // data items in all
};

Result<Value> decode(ByteView bytes, Form form = Form::strict, Limits limits = {});
// decode_prefix reads one item from the front and advances the reader past it.
Result<Value> decode_prefix(ByteReader& reader, Form form = Form::strict, Limits limits = {});

Bytes encode(const Value& value);

// Key names a map member: an integer or a text.
class Key {
 public:
  template <std::integral T>
  Key(T integer) : value_(integer) {}
  Key(const char* text) : value_(text) {}
  Key(std::string_view text) : value_(text) {}
  const Value& value() const { return value_; }
  std::string shown() const;

 private:
  Value value_;
};

// Fields reads a map by a strict schema: each getter says which member is wrong and how, and
// finish() refuses members nobody asked for. It borrows the value.
class Fields {
 public:
  static Result<Fields> of(const Value& value, std::string what);

  Result<const Value*> required(const Key& key);
  const Value* optional(const Key& key);
  Result<std::string> text(const Key& key);
  Result<Bytes> bytes(const Key& key);
  // bytes of exactly `size`.
  Result<Bytes> bytes(const Key& key, std::size_t size);
  Result<std::uint64_t> unsigned_integer(const Key& key);
  Result<std::int64_t> integer(const Key& key);
  Result<bool> boolean(const Key& key);
  Result<const Array*> array(const Key& key);
  Result<const Map*> map(const Key& key);
  // The optional_… forms give nothing when the member is absent or null.
  Result<std::optional<std::string>> optional_text(const Key& key);
  Result<std::optional<Bytes>> optional_bytes(const Key& key);
  Result<std::optional<std::uint64_t>> optional_unsigned(const Key& key);
  Status finish() const;

 private:
  Fields(const Map& map, std::string what) : map_(&map), what_(std::move(what)) {}
  Error wrong_type(const Key& key, std::string expected, const Value& found) const;

  const Map* map_;
  std::string what_;
  std::vector<Value> asked_;
};

// Elements reads an array of known length by position.
Result<const Array*> expect_array(const Value& value, std::size_t size, std::string_view what);
Result<std::string> expect_text(const Value& value, std::string_view what);
Result<Bytes> expect_bytes(const Value& value, std::string_view what);
Result<std::uint64_t> expect_unsigned(const Value& value, std::string_view what);
// Bytes of exactly N, as a fixed array: digests and keys.
template <std::size_t n>
Result<std::array<std::byte, n>> expect_fixed(const Value& value, std::string_view what);

}  // namespace attest::cbor

namespace attest::rules {
inline constexpr Rule cbor_form{"base.cbor.form"};
inline constexpr Rule cbor_truncated{"base.cbor.truncated"};
inline constexpr Rule cbor_indefinite{"base.cbor.indefinite"};
inline constexpr Rule cbor_not_shortest{"base.cbor.not-shortest"};
inline constexpr Rule cbor_duplicate{"base.cbor.duplicate-key"};
inline constexpr Rule cbor_order{"base.cbor.key-order"};
inline constexpr Rule cbor_utf8{"base.cbor.utf8"};
inline constexpr Rule cbor_depth{"base.cbor.depth"};
inline constexpr Rule cbor_items{"base.cbor.items"};
inline constexpr Rule cbor_trailing{"base.cbor.trailing"};
inline constexpr Rule cbor_schema{"base.cbor.schema"};
}  // namespace attest::rules

namespace attest::cbor {
template <std::size_t n>
Result<std::array<std::byte, n>> expect_fixed(const Value& value, std::string_view what) {
  TRY(const Bytes bytes, expect_bytes(value, what));
  if (bytes.size() != n)
    return fail(refused(rules::cbor_schema, std::string(what) + " has the wrong length")
                    .expected(std::to_string(n) + " bytes")
                    .found(std::to_string(bytes.size())));
  std::array<std::byte, n> fixed;
  std::copy(bytes.begin(), bytes.end(), fixed.begin());
  return fixed;
}
}  // namespace attest::cbor
