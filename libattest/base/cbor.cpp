#include "libattest/base/cbor.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include <cbor.h>

#include "libattest/base/text.h"

namespace attest::cbor {

Value Value::tagged(std::uint64_t tag, Value content) {
  Value value;
  value.content_ = std::make_shared<const Tagged>(Tagged{tag, std::move(content)});
  return value;
}

const Tagged* Value::as_tagged() const {
  const auto* held = std::get_if<std::shared_ptr<const Tagged>>(&content_);
  return held ? held->get() : nullptr;
}

std::optional<std::int64_t> Value::as_integer() const {
  constexpr auto most = static_cast<std::uint64_t>(INT64_MAX);
  if (const auto* positive = as_unsigned(); positive && *positive <= most)
    return static_cast<std::int64_t>(*positive);
  if (const auto* negative = std::get_if<Negative>(&content_);
      negative && negative->argument <= most)
    return -1 - static_cast<std::int64_t>(negative->argument);
  return std::nullopt;
}

const Value* Value::find(const Value& key) const {
  if (const Map* map = as_map())
    for (const auto& [k, v] : *map)
      if (k == key) return &v;
  return nullptr;
}

std::string_view Value::type_name() const {
  static constexpr std::string_view names[] = {"unsigned integer",
                                               "negative integer",
                                               "byte string",
                                               "text string",
                                               "array",
                                               "map",
                                               "tag",
                                               "boolean",
                                               "null",
                                               "undefined",
                                               "floating number"};
  return names[content_.index()];
}

bool operator==(const Value& a, const Value& b) {
  if (const Tagged* left = a.as_tagged()) {
    const Tagged* right = b.as_tagged();
    return right && left->tag == right->tag && left->content == right->content;
  }
  return a.content_ == b.content_;
}

namespace {

// Head is what one call of libcbor's streaming decoder reported.
struct Head {
  enum class Kind { none, item, array, map, tag, indefinite } kind = Kind::none;
  Value item;
  std::uint64_t count = 0;
};

Head& head(void* context) {
  return *static_cast<Head*>(context);
}
void put_item(void* context, Value value) {
  head(context).kind = Head::Kind::item;
  head(context).item = std::move(value);
}
void put_indefinite(void* context) {
  head(context).kind = Head::Kind::indefinite;
}
void put_count(void* context, Head::Kind kind, std::uint64_t count) {
  head(context).kind = kind;
  head(context).count = count;
}

const cbor_callbacks& callbacks() {
  static const cbor_callbacks table = [] {
    cbor_callbacks c = cbor_empty_callbacks;
    c.uint8 = [](void* h, std::uint8_t v) { put_item(h, v); };
    c.uint16 = [](void* h, std::uint16_t v) { put_item(h, v); };
    c.uint32 = [](void* h, std::uint32_t v) { put_item(h, v); };
    c.uint64 = [](void* h, std::uint64_t v) { put_item(h, v); };
    c.negint8 = [](void* h, std::uint8_t v) { put_item(h, Negative{v}); };
    c.negint16 = [](void* h, std::uint16_t v) { put_item(h, Negative{v}); };
    c.negint32 = [](void* h, std::uint32_t v) { put_item(h, Negative{v}); };
    c.negint64 = [](void* h, std::uint64_t v) { put_item(h, Negative{v}); };
    c.byte_string = [](void* h, cbor_data data, size_t size) {
      put_item(h, Value(ByteView(reinterpret_cast<const std::byte*>(data), size)));
    };
    c.string = [](void* h, cbor_data data, size_t size) {
      put_item(h, Value(std::string_view(reinterpret_cast<const char*>(data), size)));
    };
    c.byte_string_start = put_indefinite;
    c.string_start = put_indefinite;
    c.indef_array_start = put_indefinite;
    c.indef_map_start = put_indefinite;
    c.indef_break = put_indefinite;
    c.array_start = [](void* h, size_t n) { put_count(h, Head::Kind::array, n); };
    c.map_start = [](void* h, size_t n) { put_count(h, Head::Kind::map, n); };
    c.tag = [](void* h, std::uint64_t tag) { put_count(h, Head::Kind::tag, tag); };
    c.float2 = [](void* h, float v) { put_item(h, static_cast<double>(v)); };
    c.float4 = [](void* h, float v) { put_item(h, static_cast<double>(v)); };
    c.float8 = [](void* h, double v) { put_item(h, v); };
    c.undefined = [](void* h) { put_item(h, Undefined{}); };
    c.null = [](void* h) { put_item(h, nullptr); };
    c.boolean = [](void* h, bool v) { put_item(h, v); };
    return c;
  }();
  return table;
}

// decode_head is cbor_stream_decode, but for tags 0 to 23: libcbor 0.8 takes those that were
// unassigned when it was written, COSE_Sign1's 18 among them, for errors.
cbor_decoder_result decode_head(ByteView bytes, Head& found) {
  const unsigned initial = std::to_integer<unsigned>(bytes[0]);
  if (initial >> 5 == 6 && (initial & 0x1f) < 24) {
    put_count(&found, Head::Kind::tag, initial & 0x1f);
    return {.read = 1, .status = CBOR_DECODER_FINISHED, .required = 0};
  }
  return cbor_stream_decode(reinterpret_cast<cbor_data>(bytes.data()), bytes.size(), &callbacks(),
                            &found);
}

// Whether the head at the front of `bytes` encodes its argument in the shortest way.
bool is_shortest(ByteView bytes) {
  const unsigned initial = std::to_integer<unsigned>(bytes[0]);
  const unsigned info = initial & 0x1f;
  if (initial >> 5 == 7 || info < 24 || info > 27) return true;
  const std::size_t width = std::size_t{1} << (info - 24);
  std::uint64_t argument = 0;
  for (std::size_t i = 0; i < width; ++i)
    argument = argument << 8 | std::to_integer<std::uint64_t>(bytes[1 + i]);
  switch (info) {
    case 24:
      return argument >= 24;
    case 25:
      return argument > 0xff;
    case 26:
      return argument > 0xffff;
    default:
      return argument > 0xffffffff;
  }
}

class Decoder {
 public:
  Decoder(ByteReader& reader, Form form, Limits limits)
      : reader_(reader), form_(form), limits_(limits) {}

  Result<Value> item(std::size_t depth) {
    if (depth > limits_.depth)
      return refuse(rules::cbor_depth,
                    "is nested deeper than " + std::to_string(limits_.depth) + " levels");
    if (++items_ > limits_.items)
      return refuse(rules::cbor_items, "has more than " + std::to_string(limits_.items) + " items");
    const ByteView rest = reader_.rest();
    if (rest.empty()) return refuse(rules::cbor_truncated, "ends within an item");
    Head found;
    const cbor_decoder_result step = decode_head(rest, found);
    if (step.status == CBOR_DECODER_NEDATA)
      return refuse(rules::cbor_truncated, "ends within an item");
    if (step.status != CBOR_DECODER_FINISHED || found.kind == Head::Kind::none)
      return refuse(rules::cbor_form, "has an item that is not well-formed");
    if (found.kind == Head::Kind::indefinite)
      return refuse(rules::cbor_indefinite, "has an item of indefinite length");
    if (!is_shortest(rest))
      return refuse(rules::cbor_not_shortest, "has an integer or length not in its shortest form");
    const std::size_t start = reader_.offset();
    TRY_VOID(reader_.take(step.read, "CBOR item"));
    switch (found.kind) {
      case Head::Kind::array:
        return array(found.count, depth);
      case Head::Kind::map:
        return map(found.count, depth);
      case Head::Kind::tag: {
        TRY(Value content, item(depth + 1));
        return Value::tagged(found.count, std::move(content));
      }
      default:
        break;
    }
    if (const std::string* text = found.item.as_text(); text && !is_utf8(*text))
      return refuse_at(start, rules::cbor_utf8, "has a text string that is not UTF-8");
    if (form_ == Form::deterministic && found.item.as_double() &&
        encode(found.item).size() != step.read)
      return refuse_at(start, rules::cbor_not_shortest,
                       "has a floating number not in its shortest form");
    return std::move(found.item);
  }

 private:
  Result<Value> array(std::uint64_t count, std::size_t depth) {
    // Every item takes a byte at least: a count beyond what is left is a lie, and nothing is
    // reserved for it.
    if (count > reader_.remaining())
      return refuse(rules::cbor_truncated, "has an array longer than the input");
    Array elements;
    for (std::uint64_t i = 0; i < count; ++i) {
      TRY(Value element, item(depth + 1));
      elements.push_back(std::move(element));
    }
    return Value(std::move(elements));
  }

  Result<Value> map(std::uint64_t count, std::size_t depth) {
    if (count > reader_.remaining() / 2)
      return refuse(rules::cbor_truncated, "has a map longer than the input");
    Map members;
    std::vector<ByteView> keys;  // as encoded; shortest forms make equal keys equal bytes
    for (std::uint64_t i = 0; i < count; ++i) {
      const ByteView before = reader_.rest();
      TRY(Value key, item(depth + 1));
      const ByteView encoded = before.first(before.size() - reader_.remaining());
      if (form_ == Form::deterministic && !keys.empty() &&
          !std::ranges::lexicographical_compare(keys.back(), encoded)) {
        const bool same = equal(keys.back(), encoded);
        return same ? refuse(rules::cbor_duplicate, "has a map key twice")
                    : refuse(rules::cbor_order, "has map keys out of order");
      }
      keys.push_back(encoded);
      TRY(Value member, item(depth + 1));
      members.emplace_back(std::move(key), std::move(member));
    }
    if (form_ == Form::strict) {
      std::ranges::sort(
          keys, [](ByteView a, ByteView b) { return std::ranges::lexicographical_compare(a, b); });
      if (std::ranges::adjacent_find(keys, equal) != keys.end())
        return refuse(rules::cbor_duplicate, "has a map key twice");
    }
    return Value(std::move(members));
  }

  std::unexpected<Error> refuse(Rule rule, std::string what) const {
    return refuse_at(reader_.offset(), rule, std::move(what));
  }
  static std::unexpected<Error> refuse_at(std::size_t offset, Rule rule, std::string what) {
    return fail(
        refused(rule, "the CBOR " + std::move(what)).within("offset " + std::to_string(offset)));
  }

  ByteReader& reader_;
  Form form_;
  Limits limits_;
  std::size_t items_ = 0;
};

void put_head(Bytes& out, unsigned major, std::uint64_t argument) {
  const auto initial = [&](unsigned info) {
    append_u8(out, static_cast<std::uint8_t>(major << 5 | info));
  };
  if (argument < 24) {
    initial(static_cast<unsigned>(argument));
  } else if (argument <= 0xff) {
    initial(24);
    append_u8(out, static_cast<std::uint8_t>(argument));
  } else if (argument <= 0xffff) {
    initial(25);
    append_u16_be(out, static_cast<std::uint16_t>(argument));
  } else if (argument <= 0xffffffff) {
    initial(26);
    append_u32_be(out, static_cast<std::uint32_t>(argument));
  } else {
    initial(27);
    append_u64_be(out, argument);
  }
}

// The bits of a half-precision number equal to `number`, if there is one.
std::optional<std::uint16_t> as_half(float number) {
  const auto bits = std::bit_cast<std::uint32_t>(number);
  const auto sign = static_cast<std::uint16_t>(bits >> 16 & 0x8000);
  const int exponent = static_cast<int>(bits >> 23 & 0xff) - 127;
  const std::uint32_t fraction = bits & 0x7fffff;
  if (exponent == 128 && fraction == 0) return static_cast<std::uint16_t>(sign | 0x7c00);
  if (exponent == -127 && fraction == 0) return sign;
  if (exponent >= -14 && exponent <= 15 && (fraction & 0x1fff) == 0)
    return static_cast<std::uint16_t>(sign | (exponent + 15) << 10 |
                                      static_cast<int>(fraction >> 13));
  if (exponent >= -24 && exponent < -14) {
    const int shift = -exponent - 1;  // 14 .. 23 bits of the significand with its leading one
    const std::uint32_t significand = fraction | 0x800000;
    if ((significand & ((1U << shift) - 1)) == 0)
      return static_cast<std::uint16_t>(sign | significand >> shift);
  }
  return std::nullopt;
}

void put_double(Bytes& out, double number) {
  if (std::isnan(number)) {
    append(out, concat({std::array{std::byte{0xf9}, std::byte{0x7e}, std::byte{0x00}}}));
    return;
  }
  const auto narrow = static_cast<float>(number);
  if (static_cast<double>(narrow) != number) {
    append_u8(out, 0xfb);
    append_u64_be(out, std::bit_cast<std::uint64_t>(number));
  } else if (const auto half = as_half(narrow)) {
    append_u8(out, 0xf9);
    append_u16_be(out, *half);
  } else {
    append_u8(out, 0xfa);
    append_u32_be(out, std::bit_cast<std::uint32_t>(narrow));
  }
}

void put(Bytes& out, const Value& value);

struct Encoder {
  Bytes& out;
  void operator()(std::uint64_t v) const { put_head(out, 0, v); }
  void operator()(Negative v) const { put_head(out, 1, v.argument); }
  void operator()(const Bytes& v) const {
    put_head(out, 2, v.size());
    append(out, v);
  }
  void operator()(const std::string& v) const {
    put_head(out, 3, v.size());
    append(out, as_bytes(v));
  }
  void operator()(const Array& v) const {
    put_head(out, 4, v.size());
    for (const Value& element : v) put(out, element);
  }
  void operator()(const Map& v) const {
    std::vector<std::pair<Bytes, const Value*>> members;
    members.reserve(v.size());
    for (const auto& [key, member] : v) members.emplace_back(encode(key), &member);
    std::ranges::sort(members, {}, &std::pair<Bytes, const Value*>::first);
    put_head(out, 5, v.size());
    for (const auto& [key, member] : members) {
      append(out, key);
      put(out, *member);
    }
  }
  void operator()(const std::shared_ptr<const Tagged>& v) const {
    put_head(out, 6, v->tag);
    put(out, v->content);
  }
  void operator()(bool v) const { append_u8(out, v ? 0xf5 : 0xf4); }
  void operator()(Null) const { append_u8(out, 0xf6); }
  void operator()(Undefined) const { append_u8(out, 0xf7); }
  void operator()(double v) const { put_double(out, v); }
};

void put(Bytes& out, const Value& value) {
  std::visit(Encoder{out}, value.content());
}

Error schema_error(std::string_view what, std::string_view expected, const Value& found) {
  return refused(rules::cbor_schema, std::string(what) + " has the wrong type")
      .expected(std::string(expected))
      .found(std::string(found.type_name()));
}

}  // namespace

Result<Value> decode_prefix(ByteReader& reader, Form form, Limits limits) {
  return Decoder(reader, form, limits).item(0);
}

Result<Value> decode(ByteView bytes, Form form, Limits limits) {
  ByteReader reader(bytes);
  TRY(Value value, decode_prefix(reader, form, limits));
  if (!reader.at_end())
    return fail(refused(rules::cbor_trailing, "the CBOR item is followed by other bytes")
                    .found(std::to_string(reader.remaining()) + " bytes more")
                    .within("offset " + std::to_string(reader.offset())));
  return value;
}

Bytes encode(const Value& value) {
  Bytes out;
  put(out, value);
  return out;
}

std::string Key::shown() const {
  if (const std::string* text = value_.as_text()) return "\"" + *text + "\"";
  return std::to_string(value_.as_integer().value_or(0));
}

Result<Fields> Fields::of(const Value& value, std::string what) {
  const Map* map = value.as_map();
  if (!map) return fail(schema_error(what, "a map", value));
  return Fields(*map, std::move(what));
}

const Value* Fields::optional(const Key& key) {
  asked_.push_back(key.value());
  for (const auto& [name, member] : *map_)
    if (name == key.value()) return &member;
  return nullptr;
}

Result<const Value*> Fields::required(const Key& key) {
  if (const Value* member = optional(key)) return member;
  return fail(refused(rules::cbor_schema, "member " + key.shown() + " is missing").within(what_));
}

Error Fields::wrong_type(const Key& key, std::string expected, const Value& found) const {
  return schema_error("member " + key.shown(), expected, found).within(what_);
}

Result<std::string> Fields::text(const Key& key) {
  TRY(const Value* member, required(key));
  if (const std::string* text = member->as_text()) return *text;
  return fail(wrong_type(key, "a text string", *member));
}

Result<Bytes> Fields::bytes(const Key& key) {
  TRY(const Value* member, required(key));
  if (const Bytes* bytes = member->as_bytes()) return *bytes;
  return fail(wrong_type(key, "a byte string", *member));
}

Result<Bytes> Fields::bytes(const Key& key, std::size_t size) {
  TRY(Bytes value, bytes(key));
  if (value.size() == size) return value;
  return fail(refused(rules::cbor_schema, "member " + key.shown() + " has the wrong length")
                  .expected(std::to_string(size) + " bytes")
                  .found(std::to_string(value.size()))
                  .within(what_));
}

Result<std::uint64_t> Fields::unsigned_integer(const Key& key) {
  TRY(const Value* member, required(key));
  if (const std::uint64_t* number = member->as_unsigned()) return *number;
  return fail(wrong_type(key, "an unsigned integer", *member));
}

Result<std::int64_t> Fields::integer(const Key& key) {
  TRY(const Value* member, required(key));
  if (const auto number = member->as_integer()) return *number;
  return fail(wrong_type(key, "an integer of 64 bits", *member));
}

Result<bool> Fields::boolean(const Key& key) {
  TRY(const Value* member, required(key));
  if (const bool* truth = member->as_boolean()) return *truth;
  return fail(wrong_type(key, "a boolean", *member));
}

Result<const Array*> Fields::array(const Key& key) {
  TRY(const Value* member, required(key));
  if (const Array* array = member->as_array()) return array;
  return fail(wrong_type(key, "an array", *member));
}

Result<const Map*> Fields::map(const Key& key) {
  TRY(const Value* member, required(key));
  if (const Map* map = member->as_map()) return map;
  return fail(wrong_type(key, "a map", *member));
}

Result<std::optional<std::string>> Fields::optional_text(const Key& key) {
  const Value* member = optional(key);
  if (!member || member->is_null()) return std::nullopt;
  TRY(std::string value, text(key));
  return value;
}

Result<std::optional<Bytes>> Fields::optional_bytes(const Key& key) {
  const Value* member = optional(key);
  if (!member || member->is_null()) return std::nullopt;
  TRY(Bytes value, bytes(key));
  return value;
}

Result<std::optional<std::uint64_t>> Fields::optional_unsigned(const Key& key) {
  const Value* member = optional(key);
  if (!member || member->is_null()) return std::nullopt;
  TRY(const std::uint64_t value, unsigned_integer(key));
  return value;
}

Status Fields::finish() const {
  for (const auto& [name, member] : *map_)
    if (std::ranges::find(asked_, name) == asked_.end()) {
      const std::string* text = name.as_text();
      return fail(refused(rules::cbor_schema,
                          "unknown member " +
                              (text ? "\"" + printable(*text) + "\""
                                    : to_hex(encode(name).size() > 32 ? Bytes{} : encode(name))))
                      .within(what_));
    }
  return {};
}

Result<const Array*> expect_array(const Value& value, std::size_t size, std::string_view what) {
  const Array* array = value.as_array();
  if (!array) return fail(schema_error(what, "an array", value));
  if (array->size() != size)
    return fail(refused(rules::cbor_schema, std::string(what) + " has the wrong number of elements")
                    .expected(std::to_string(size))
                    .found(std::to_string(array->size())));
  return array;
}

Result<std::string> expect_text(const Value& value, std::string_view what) {
  if (const std::string* text = value.as_text()) return *text;
  return fail(schema_error(what, "a text string", value));
}

Result<Bytes> expect_bytes(const Value& value, std::string_view what) {
  if (const Bytes* bytes = value.as_bytes()) return *bytes;
  return fail(schema_error(what, "a byte string", value));
}

Result<std::uint64_t> expect_unsigned(const Value& value, std::string_view what) {
  if (const std::uint64_t* number = value.as_unsigned()) return *number;
  return fail(schema_error(what, "an unsigned integer", value));
}

}  // namespace attest::cbor
