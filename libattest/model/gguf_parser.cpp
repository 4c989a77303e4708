// parse_gguf: from bytes to a Gguf, section by section.
#include <algorithm>
#include <bit>
#include <charconv>
#include <limits>
#include <set>

#include "libattest/base/text.h"
#include "libattest/model/gguf.h"

namespace attest::model {

namespace {

constexpr std::uint32_t last_type = 12;
constexpr std::uint64_t largest_size = std::numeric_limits<std::int64_t>::max();

std::size_t size_of(GgufType type) {
  switch (type) {
    case GgufType::u8:
    case GgufType::i8:
    case GgufType::boolean:
      return 1;
    case GgufType::u16:
    case GgufType::i16:
      return 2;
    case GgufType::u32:
    case GgufType::i32:
    case GgufType::f32:
      return 4;
    case GgufType::u64:
    case GgufType::i64:
    case GgufType::f64:
      return 8;
    case GgufType::string:
    case GgufType::array:
      break;
  }
  return 0;
}

bool is_signed(GgufType type) {
  return type == GgufType::i8 || type == GgufType::i16 || type == GgufType::i32 ||
         type == GgufType::i64;
}

bool is_float(GgufType type) {
  return type == GgufType::f32 || type == GgufType::f64;
}

std::uint64_t little_endian(ByteView bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;)
    value = value << 8 | std::to_integer<std::uint64_t>(bytes[i]);
  return value;
}

std::int64_t sign_extended(std::uint64_t value, std::size_t size) {
  const unsigned unused = static_cast<unsigned>(64 - 8 * size);
  return static_cast<std::int64_t>(value << unused) >> unused;
}

double real(ByteView bytes) {
  if (bytes.size() == 4)
    return std::bit_cast<float>(static_cast<std::uint32_t>(little_endian(bytes)));
  return std::bit_cast<double>(little_endian(bytes));
}

bool is_key_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
}

// padded fits: sizes are below 2^63 and the alignment is at most 65,536.
std::uint64_t padded(std::uint64_t size, std::uint64_t alignment) {
  return (size + alignment - 1) & ~(alignment - 1);
}

// base_model_index gives i of "general.base_model.<i>.…".
std::optional<std::uint64_t> base_model_index(std::string_view key) {
  constexpr std::string_view prefix = "general.base_model.";
  if (!key.starts_with(prefix) || key == "general.base_model.count") return std::nullopt;
  const std::string_view rest = key.substr(prefix.size());
  std::uint64_t index = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), index);
  const bool whole = error == std::errc{} && end != rest.data() + rest.size() && *end == '.';
  return whole ? index : std::numeric_limits<std::uint64_t>::max();
}

}  // namespace

class GgufParser {
 public:
  GgufParser(ByteView front, std::uint64_t file_size) : front_(front), file_size_(file_size) {}

  Result<Gguf> parse() {
    TRY_VOID(read_header());
    for (std::uint64_t i = 0; i < entry_count_; ++i) TRY_VOID(read_entry());
    TRY_VOID(read_alignment());
    for (std::uint64_t i = 0; i < tensor_count_; ++i) TRY_VOID(read_tensor());
    TRY_VOID(lay_out());
    TRY_VOID(check_tokenizer());
    TRY_VOID(check_base_models());
    return std::move(gguf_);
  }

 private:
  // take gives the next `count` bytes. What the file cannot hold is refused; what only the given
  // front does not hold is incomplete.
  Result<ByteView> take(std::uint64_t count, std::string_view field) {
    if (count > file_size_ - position_)
      return fail(
          refused(rules::gguf_truncated, std::string(field) + " goes past the end of the file")
              .expected(std::to_string(count) + " bytes")
              .found(std::to_string(file_size_ - position_))
              .within("byte " + std::to_string(position_)));
    if (count > front_.size() - position_)
      return fail(incomplete(rules::gguf_front_too_short,
                             "the description goes on behind the bytes that were read"));
    const ByteView taken = front_.subspan(position_, count);
    position_ += count;
    return taken;
  }

  Result<std::uint64_t> integer(std::size_t size, std::string_view field) {
    TRY(const ByteView bytes, take(size, field));
    return little_endian(bytes);
  }

  // length reads a count or length: 32 bits wide in version 1, 64 since.
  Result<std::uint64_t> length(std::string_view field) {
    return integer(gguf_.version_ == 1 ? 4 : 8, field);
  }

  Result<std::string> string(std::string_view field, std::uint64_t limit) {
    const std::uint64_t at = position_;
    TRY(const std::uint64_t size, length(field));
    if (size > limit)
      return fail(refused(rules::gguf_truncated, std::string(field) + " is too long")
                      .expected("at most " + std::to_string(limit) + " bytes")
                      .found(std::to_string(size))
                      .within("byte " + std::to_string(at)));
    TRY(const ByteView bytes, take(size, field));
    if (!is_utf8(as_text(bytes)))
      return fail(refused(rules::gguf_utf8, std::string(field) + " is not UTF-8")
                      .found(printable(as_text(bytes)))
                      .within("byte " + std::to_string(at)));
    return std::string(as_text(bytes));
  }

  Status read_header() {
    TRY(const ByteView magic, take(4, "magic"));
    if (as_text(magic) != "GGUF")
      return fail(refused(rules::gguf_magic, "this is no GGUF file")
                      .expected("GGUF")
                      .found(printable(as_text(magic))));
    TRY(const std::uint64_t version, integer(4, "version"));
    if (version < 1 || version > 3) {
      const bool swapped = version != 0 && (version & 0xffff) == 0;
      return fail(refused(rules::gguf_version, "unknown version")
                      .expected("1, 2 or 3")
                      .found(swapped ? "a big-endian file" : std::to_string(version)));
    }
    gguf_.version_ = static_cast<std::uint32_t>(version);
    TRY(tensor_count_, length("number of tensors"));
    TRY(entry_count_, length("number of key-values"));
    // The smallest of each: a name or key of one character, one dimension, a value of one byte.
    const std::uint64_t smallest_tensor = version == 1 ? 25 : 33;
    const std::uint64_t smallest_entry = version == 1 ? 10 : 14;
    TRY_VOID(check_count(tensor_count_, smallest_tensor, "tensors"));
    return check_count(entry_count_, smallest_entry, "key-values");
  }

  Status check_count(std::uint64_t count, std::uint64_t smallest, std::string_view what) const {
    const std::uint64_t most = (file_size_ - position_) / smallest;
    if (count <= most) return {};
    return fail(
        refused(rules::gguf_count, "the file is too small for its number of " + std::string(what))
            .expected("at most " + std::to_string(most))
            .found(std::to_string(count)));
  }

  Status read_entry() {
    const std::uint64_t start = position_;
    TRY(const std::string key, string("key", 65535));
    if (key.empty() || !std::ranges::all_of(key, is_key_character))
      return fail(refused(rules::gguf_key, "not a key")
                      .expected("1 to 65,535 of a-z 0-9 _ . -")
                      .found("\"" + printable(key) + "\"")
                      .within("byte " + std::to_string(start)));
    if (!gguf_.entry_by_key_.emplace(key, gguf_.entries_.size()).second)
      return fail(refused(rules::gguf_key_twice, "key " + printable(key) + " is there twice")
                      .within("byte " + std::to_string(start)));
    TRY_WITHIN("key " + printable(key), GgufValue value, read_value());
    gguf_.entries_.push_back(
        {key, std::move(value), to_bytes(front_.subspan(start, position_ - start))});
    return {};
  }

  Result<GgufType> read_type() {
    TRY(const std::uint64_t type, integer(4, "value type"));
    if (type > last_type)
      return fail(refused(rules::gguf_value_type, "unknown value type")
                      .expected("0 to 12")
                      .found(std::to_string(type)));
    return static_cast<GgufType>(type);
  }

  Result<GgufValue> read_value() {
    TRY(const GgufType type, read_type());
    if (type == GgufType::array) {
      TRY(GgufArray array, read_array());
      return GgufValue{type, std::move(array)};
    }
    if (type == GgufType::string) {
      TRY(std::string text, string("string", largest_size));
      return GgufValue{type, std::move(text)};
    }
    TRY(const ByteView bytes, take(size_of(type), "value"));
    if (is_float(type)) return GgufValue{type, real(bytes)};
    const std::uint64_t number = little_endian(bytes);
    if (is_signed(type)) return GgufValue{type, sign_extended(number, bytes.size())};
    if (type != GgufType::boolean) return GgufValue{type, number};
    TRY_VOID(check_boolean(number));
    return GgufValue{type, number == 1};
  }

  static Status check_boolean(std::uint64_t number) {
    if (number <= 1) return {};
    return fail(refused(rules::gguf_boolean, "not a boolean")
                    .expected("0 or 1")
                    .found(std::to_string(number)));
  }

  Result<GgufArray> read_array() {
    TRY(const GgufType type, read_type());
    if (type == GgufType::array)
      return fail(refused(rules::gguf_nested_array, "an array of arrays"));
    TRY(const std::uint64_t count, length("array length"));
    const std::uint64_t smallest =
        type == GgufType::string ? (gguf_.version_ == 1 ? 4 : 8) : size_of(type);
    TRY_VOID(check_count(count, smallest, "array elements"));
    if (type == GgufType::string) {
      std::vector<std::string> strings;
      for (std::uint64_t i = 0; i < count; ++i) {
        TRY(std::string text, string("string", largest_size));
        strings.push_back(std::move(text));
      }
      return GgufArray{type, std::move(strings)};
    }
    TRY(const ByteView bytes, take(count * smallest, "array"));
    return numbers(type, bytes, count);
  }

  static Result<GgufArray> numbers(GgufType type, ByteView bytes, std::uint64_t count) {
    const std::size_t size = size_of(type);
    const auto element = [&](std::uint64_t i) { return bytes.subspan(i * size, size); };
    if (is_float(type)) {
      std::vector<double> reals(count);
      for (std::uint64_t i = 0; i < count; ++i) reals[i] = real(element(i));
      return GgufArray{type, std::move(reals)};
    }
    if (is_signed(type)) {
      std::vector<std::int64_t> integers(count);
      for (std::uint64_t i = 0; i < count; ++i)
        integers[i] = sign_extended(little_endian(element(i)), size);
      return GgufArray{type, std::move(integers)};
    }
    std::vector<std::uint64_t> integers(count);
    for (std::uint64_t i = 0; i < count; ++i) {
      integers[i] = little_endian(element(i));
      if (type == GgufType::boolean) TRY_VOID(check_boolean(integers[i]));
    }
    return GgufArray{type, std::move(integers)};
  }

  Status read_alignment() {
    const GgufValue* value = gguf_.find("general.alignment");
    if (!value) return {};
    const auto* number = std::get_if<std::uint64_t>(&value->content);
    if (value->type != GgufType::u32 || !number || !std::has_single_bit(*number) || *number > 65536)
      return fail(
          refused(rules::gguf_alignment, "general.alignment is wrong")
              .expected("a u32, a power of two, at most 65,536")
              .found(number ? std::to_string(*number) + " as " + std::string(to_string(value->type))
                            : std::string(to_string(value->type))));
    gguf_.alignment_ = static_cast<std::uint32_t>(*number);
    return {};
  }

  Status read_tensor() {
    const std::string place = "tensor " + std::to_string(gguf_.tensors_.size());
    GgufTensor tensor;
    TRY_WITHIN(place, tensor.name, string("tensor name", largest_size));
    if (tensor.name.empty() || tensor.name.size() > 63)
      return fail(refused(rules::gguf_tensor_name, "the name of a tensor has a wrong length")
                      .expected("1 to 63 bytes")
                      .found(std::to_string(tensor.name.size()))
                      .within(place));
    if (!gguf_.tensor_by_name_.emplace(tensor.name, gguf_.tensors_.size()).second)
      return fail(refused(rules::gguf_tensor_twice,
                          "tensor " + printable(tensor.name) + " is there twice"));
    if (auto described = describe(tensor); !described)
      return fail(std::move(described).error().within("tensor " + printable(tensor.name)));
    gguf_.tensors_.push_back(std::move(tensor));
    return {};
  }

  Status describe(GgufTensor& tensor) {
    TRY(const std::uint64_t dimensions, integer(4, "number of dimensions"));
    if (dimensions < 1 || dimensions > 4)
      return fail(refused(rules::gguf_dimensions, "wrong number of dimensions")
                      .expected("1 to 4")
                      .found(std::to_string(dimensions)));
    std::uint64_t elements = 1;
    for (std::uint64_t i = 0; i < dimensions; ++i) {
      TRY(const std::uint64_t dimension, length("dimension"));
      if (dimension == 0) return fail(refused(rules::gguf_dimensions, "a dimension is zero"));
      if (__builtin_mul_overflow(elements, dimension, &elements) || elements > largest_size)
        return fail(
            refused(rules::gguf_dimensions, "the product of the dimensions does not fit 63 bits"));
      tensor.dimensions.push_back(dimension);
    }
    TRY(const std::uint64_t number, integer(4, "type"));
    const auto shape = tensor_shape(static_cast<std::uint32_t>(number));
    if (!shape)
      return fail(refused(rules::gguf_tensor_type, "unknown or removed tensor type")
                      .found(std::to_string(number)));
    tensor.type = shape->type;
    TRY(tensor.size, tensor_bytes(tensor.type, tensor.columns(), tensor.rows()));
    TRY(tensor.offset, integer(8, "offset"));
    return {};
  }

  // lay_out makes offsets absolute and holds one invariant: each tensor begins where the one
  // before it, padded, ends. That rules out overlaps and holes at once.
  Status lay_out() {
    const std::uint64_t description_end = position_;
    gguf_.data_offset_ = padded(description_end, gguf_.alignment_);
    std::uint64_t end = description_end;
    for (GgufTensor& tensor : gguf_.tensors_) {
      const std::uint64_t start = padded(end, gguf_.alignment_);
      if (tensor.offset != start - gguf_.data_offset_)
        return fail(
            refused(rules::gguf_offset, "the tensor does not begin where the one before ends")
                .expected("offset " + std::to_string(start - gguf_.data_offset_))
                .found(std::to_string(tensor.offset))
                .within("tensor " + printable(tensor.name)));
      if (start > file_size_ || tensor.size > file_size_ - start)
        return fail(
            refused(rules::gguf_past_end, "the tensor goes past the end of the file")
                .expected(std::to_string(tensor.size) + " bytes from byte " + std::to_string(start))
                .found("a file of " + std::to_string(file_size_) + " bytes")
                .within("tensor " + printable(tensor.name)));
      TRY_VOID(check_padding(end, start));
      tensor.offset = start;
      end = start + tensor.size;
    }
    const std::uint64_t padded_end = padded(end, gguf_.alignment_);
    if (file_size_ != end && file_size_ != padded_end)
      return fail(refused(rules::gguf_trailing, "the file goes on behind its last tensor")
                      .expected("a file of " + std::to_string(padded_end) + " bytes")
                      .found(std::to_string(file_size_)));
    return check_padding(end, file_size_);
  }

  Status check_padding(std::uint64_t from, std::uint64_t to) const {
    const std::uint64_t stop = std::min<std::uint64_t>(to, front_.size());
    for (std::uint64_t at = from; at < stop; ++at)
      if (front_[at] != std::byte{0})
        return fail(refused(rules::gguf_padding, "padding is not zero")
                        .within("byte " + std::to_string(at)));
    return {};
  }

  Status check_tokenizer() const {
    const std::string prefix = "tokenizer.ggml.";
    std::size_t count = 0;
    const GgufValue* tokens = gguf_.find(prefix + "tokens");
    if (tokens) {
      TRY_VOID(check_array(prefix + "tokens", {GgufType::string}, nullptr));
      count = std::get<GgufArray>(tokens->content).size();
    }
    TRY_VOID(check_array(prefix + "scores", {GgufType::f32}, &count));
    TRY_VOID(check_array(prefix + "token_type", {GgufType::i32, GgufType::u32}, &count));
    TRY_VOID(check_array(prefix + "merges", {GgufType::string}, nullptr));
    if (!tokens) return {};
    for (const GgufEntry& entry : gguf_.entries_) {
      if (!entry.key.starts_with(prefix) || !entry.key.ends_with("_token_id")) continue;
      TRY(const std::uint64_t id, gguf_.unsigned_integer(entry.key));
      if (id >= count)
        return fail(refused(rules::gguf_tokenizer, "key " + entry.key + " names no token")
                        .expected("below " + std::to_string(count))
                        .found(std::to_string(id)));
    }
    return {};
  }

  Status check_array(const std::string& key, std::initializer_list<GgufType> types,
                     const std::size_t* count) const {
    const GgufValue* value = gguf_.find(key);
    if (!value) return {};
    const auto* array = std::get_if<GgufArray>(&value->content);
    if (!array || std::ranges::find(types, array->type) == types.end())
      return fail(refused(rules::gguf_tokenizer, "key " + key + " has the wrong type")
                      .expected("an array of " + std::string(to_string(*types.begin())))
                      .found(std::string(to_string(array ? array->type : value->type))));
    if (count && array->size() != *count)
      return fail(refused(rules::gguf_tokenizer, "key " + key + " has the wrong length")
                      .expected(std::to_string(*count) + " as tokenizer.ggml.tokens has")
                      .found(std::to_string(array->size())));
    return {};
  }

  // A lineage that counts other parents than it names has a reading for each reader.
  Status check_base_models() const {
    std::set<std::uint64_t> named;
    for (const GgufEntry& entry : gguf_.entries_)
      if (const auto index = base_model_index(entry.key)) named.insert(*index);
    std::uint64_t count = 0;
    if (const GgufValue* value = gguf_.find("general.base_model.count")) {
      const auto* number = std::get_if<std::uint64_t>(&value->content);
      if (!number)
        return fail(refused(rules::gguf_base_models, "general.base_model.count has the wrong type")
                        .expected("an unsigned integer")
                        .found(std::string(to_string(value->type))));
      count = *number;
    }
    if (named.size() == count && (named.empty() || *named.rbegin() == count - 1)) return {};
    return fail(refused(rules::gguf_base_models, "general.base_model.count is not truthful")
                    .expected("keys of base models 0 to count - 1")
                    .found("a count of " + std::to_string(count) + " and keys of " +
                           std::to_string(named.size())));
  }

  ByteView front_;
  std::uint64_t file_size_;
  std::uint64_t position_ = 0;
  std::uint64_t tensor_count_ = 0;
  std::uint64_t entry_count_ = 0;
  Gguf gguf_;
};

Result<Gguf> parse_gguf(ByteView front, std::uint64_t file_size) {
  if (front.size() > file_size) front = front.first(file_size);
  return GgufParser(front, file_size).parse();
}

Result<Gguf> read_gguf(File& file, std::uint64_t limit) {
  TRY(const std::uint64_t file_size, file.size());
  const std::uint64_t most = std::min(file_size, limit);
  Bytes front;
  for (std::uint64_t want = std::min<std::uint64_t>(most, 1U << 20);;
       want = std::min(most, want * 4)) {
    const std::size_t had = front.size();
    front.resize(want);
    TRY(const std::size_t got, file.read_at(had, std::span(front).subspan(had)));
    front.resize(had + got);
    auto gguf = parse_gguf(front, file_size);
    const bool more = !gguf && gguf.error().rule == rules::gguf_front_too_short;
    if (!more || got == 0 || want == most) return gguf;
  }
}

}  // namespace attest::model
