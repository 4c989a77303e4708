// Strict JSON (RFC 8259): one value, UTF-8 without a byte-order mark, no duplicate member names at
// any depth (compared after unescaping), bounded size and depth, nothing after the value.
//
// Include this from sources only: nlohmann's header is large.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "libattest/base/bytes.h"
#include "libattest/base/result.h"

namespace attest {

using Json = nlohmann::json;
// OrderedJson keeps the order of insertion: for output that people read.
using OrderedJson = nlohmann::ordered_json;

struct JsonLimits {
  std::size_t size = 16U << 20;  // bytes
  std::size_t depth = 64;        // nested arrays and objects
};

Result<Json> parse_json(std::string_view text, JsonLimits limits = {});

// to_line writes compact JSON; broken UTF-8 in strings is replaced, never thrown about.
std::string to_line(const Json& value);
std::string to_line(const OrderedJson& value);
std::string to_pretty(const OrderedJson& value);

// JsonFields reads an object by a strict schema: each getter says which member is wrong and how,
// and finish() refuses members nobody asked for. It borrows the object.
class JsonFields {
 public:
  static Result<JsonFields> of(const Json& value, std::string what);

  Result<const Json*> required(std::string_view name);
  const Json* optional(std::string_view name);
  Result<std::string> text(std::string_view name);
  Result<std::uint64_t> unsigned_integer(std::string_view name);
  Result<bool> boolean(std::string_view name);
  Result<const Json*> array(std::string_view name);
  Result<const Json*> object(std::string_view name);
  Result<Bytes> base64(std::string_view name);
  Status finish() const;

 private:
  JsonFields(const Json& value, std::string what) : value_(&value), what_(std::move(what)) {}
  Error wrong_type(std::string_view name, std::string expected, const Json& found) const;

  const Json* value_;
  std::string what_;
  std::vector<std::string> asked_;
};

namespace rules {
inline constexpr Rule json_form{"base.json.form"};
inline constexpr Rule json_duplicate{"base.json.duplicate"};
inline constexpr Rule json_depth{"base.json.depth"};
inline constexpr Rule json_size{"base.json.size"};
inline constexpr Rule json_schema{"base.json.schema"};
}  // namespace rules

}  // namespace attest
