#include "libattest/model/gguf.h"

#include <algorithm>

namespace attest::model {

namespace {

Error missing(std::string_view key) {
  return refused(rules::gguf_key_missing, "key " + std::string(key) + " is missing");
}

Error wrong_type(std::string_view key, std::string expected, GgufType found) {
  return refused(rules::gguf_key_type, "key " + std::string(key) + " has the wrong type")
      .expected(std::move(expected))
      .found(std::string(to_string(found)));
}

}  // namespace

std::string_view to_string(GgufType type) {
  switch (type) {
    case GgufType::u8:
      return "u8";
    case GgufType::i8:
      return "i8";
    case GgufType::u16:
      return "u16";
    case GgufType::i16:
      return "i16";
    case GgufType::u32:
      return "u32";
    case GgufType::i32:
      return "i32";
    case GgufType::f32:
      return "f32";
    case GgufType::boolean:
      return "boolean";
    case GgufType::string:
      return "string";
    case GgufType::array:
      return "array";
    case GgufType::u64:
      return "u64";
    case GgufType::i64:
      return "i64";
    case GgufType::f64:
      return "f64";
  }
  return "unknown";
}

std::size_t GgufArray::size() const {
  return std::visit([](const auto& each) { return each.size(); }, elements);
}

std::uint64_t GgufTensor::rows() const {
  std::uint64_t rows = 1;
  for (std::size_t i = 1; i < dimensions.size(); ++i) rows *= dimensions[i];
  return rows;
}

const GgufValue* Gguf::find(std::string_view key) const {
  const auto at = entry_by_key_.find(std::string(key));
  return at == entry_by_key_.end() ? nullptr : &entries_[at->second].value;
}

const GgufTensor* Gguf::find_tensor(std::string_view name) const {
  const auto at = tensor_by_name_.find(std::string(name));
  return at == tensor_by_name_.end() ? nullptr : &tensors_[at->second];
}

const GgufTensor* Gguf::tensor_at(std::uint64_t file_offset) const {
  // Offsets rise, since tensors lie one behind the other in the order they are described.
  const auto after = std::ranges::upper_bound(tensors_, file_offset, {}, &GgufTensor::offset);
  if (after == tensors_.begin()) return nullptr;
  const GgufTensor& tensor = *std::prev(after);
  return file_offset - tensor.offset < tensor.size ? &tensor : nullptr;
}

std::string Gguf::region_at(std::uint64_t file_offset) const {
  if (const GgufTensor* tensor = tensor_at(file_offset)) return "tensor " + tensor->name;
  return file_offset < data_offset_ ? "header" : "padding";
}

Result<std::uint64_t> Gguf::unsigned_integer(std::string_view key) const {
  const GgufValue* value = find(key);
  if (!value) return fail(missing(key));
  if (const auto* plain = std::get_if<std::uint64_t>(&value->content)) return *plain;
  if (const auto* is_signed = std::get_if<std::int64_t>(&value->content);
      is_signed && *is_signed >= 0)
    return static_cast<std::uint64_t>(*is_signed);
  return fail(wrong_type(key, "an integer, not negative", value->type));
}

Result<double> Gguf::number(std::string_view key) const {
  const GgufValue* value = find(key);
  if (!value) return fail(missing(key));
  if (const auto* number = std::get_if<double>(&value->content)) return *number;
  return fail(wrong_type(key, "a number", value->type));
}

Result<bool> Gguf::boolean(std::string_view key) const {
  const GgufValue* value = find(key);
  if (!value) return fail(missing(key));
  if (const auto* truth = std::get_if<bool>(&value->content)) return *truth;
  return fail(wrong_type(key, "a boolean", value->type));
}

Result<std::string> Gguf::text(std::string_view key) const {
  const GgufValue* value = find(key);
  if (!value) return fail(missing(key));
  if (const auto* text = std::get_if<std::string>(&value->content)) return *text;
  return fail(wrong_type(key, "a string", value->type));
}

Result<const GgufArray*> Gguf::array(std::string_view key, GgufType element) const {
  const GgufValue* value = find(key);
  if (!value) return fail(missing(key));
  const auto* array = std::get_if<GgufArray>(&value->content);
  if (!array || array->type != element)
    return fail(wrong_type(key, "an array of " + std::string(to_string(element)),
                           array ? array->type : value->type));
  return array;
}

Result<std::uint64_t> Gguf::unsigned_or(std::string_view key, std::uint64_t absent) const {
  return find(key) ? unsigned_integer(key) : absent;
}
Result<double> Gguf::number_or(std::string_view key, double absent) const {
  return find(key) ? number(key) : absent;
}
Result<bool> Gguf::boolean_or(std::string_view key, bool absent) const {
  return find(key) ? boolean(key) : absent;
}
Result<std::string> Gguf::text_or(std::string_view key, std::string absent) const {
  return find(key) ? text(key) : Result<std::string>(std::move(absent));
}

}  // namespace attest::model
