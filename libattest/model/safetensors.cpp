#include "libattest/model/safetensors.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "libattest/base/json.h"
#include "libattest/base/text.h"

namespace attest::model {

namespace {

constexpr std::size_t prefix_size = 8;
constexpr std::size_t header_depth = 4;  // header, tensor, shape
constexpr std::uint64_t largest = std::numeric_limits<std::int64_t>::max();

constexpr std::array<std::pair<std::string_view, unsigned>, 20> dtypes{{
    {"BOOL", 8},    {"U8", 8},      {"I8", 8},      {"F4", 4},      {"F6_E2M3", 6},
    {"F6_E3M2", 6}, {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"I16", 16},
    {"U16", 16},    {"F16", 16},    {"BF16", 16},   {"I32", 32},    {"U32", 32},
    {"F32", 32},    {"C64", 64},    {"F64", 64},    {"I64", 64},    {"U64", 64},
}};

std::uint64_t little_endian(ByteView bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;)
    value = value << 8 | std::to_integer<std::uint64_t>(bytes[i]);
  return value;
}

// header_length checks the first eight bytes against the file they begin.
Result<std::uint64_t> header_length(ByteView front, std::uint64_t file_size) {
  if (file_size < prefix_size)
    return fail(refused(rules::safetensors_truncated, "the file is shorter than its length field")
                    .expected("at least 8 bytes")
                    .found(std::to_string(file_size)));
  if (front.size() < prefix_size)
    return fail(incomplete(rules::safetensors_front_too_short, "the length field was not read"));
  const std::uint64_t length = little_endian(front.first(prefix_size));
  if (length < 2 || length > max_safetensors_header)
    return fail(refused(rules::safetensors_header_size, "the header's length is not allowed")
                    .expected("2 to " + std::to_string(max_safetensors_header) + " bytes")
                    .found(std::to_string(length)));
  if (length > file_size - prefix_size)
    return fail(refused(rules::safetensors_truncated, "the header goes past the end of the file")
                    .expected(std::to_string(length) + " bytes")
                    .found(std::to_string(file_size - prefix_size)));
  return length;
}

Result<Json> parse_header(std::string_view text) {
  if (!text.starts_with('{'))
    return fail(refused(rules::safetensors_header, "the header does not begin with '{'")
                    .found(printable(text.substr(0, 8))));
  while (text.ends_with(' ')) text.remove_suffix(1);
  if (!text.ends_with('}'))
    return fail(refused(rules::safetensors_header, "the header does not end with '}' and spaces"));
  TRY_WITHIN("header", Json header,
             parse_json(text, {.size = max_safetensors_header, .depth = header_depth}));
  return header;
}

Result<std::map<std::string, std::string>> read_metadata(const Json& object) {
  std::map<std::string, std::string> metadata;
  if (!object.is_object())
    return fail(refused(rules::safetensors_metadata, "__metadata__ is no object"));
  for (const auto& [key, value] : object.items()) {
    if (!value.is_string())
      return fail(refused(rules::safetensors_metadata, "__metadata__ holds more than text")
                      .expected("text")
                      .found(value.type_name())
                      .within("\"" + printable(key, 60) + "\""));
    metadata.emplace(key, value.get<std::string>());
  }
  return metadata;
}

Result<std::vector<std::uint64_t>> whole_numbers(const Json& list, Rule rule,
                                                 const std::string& what) {
  if (!list.is_array()) return fail(refused(rule, what + " is no list"));
  std::vector<std::uint64_t> numbers;
  for (const Json& each : list) {
    if (!each.is_number_unsigned() || each.get<std::uint64_t>() > largest)
      return fail(refused(rule, what + " holds something else than whole numbers")
                      .expected("0 to 2^63 - 1")
                      .found(printable(to_line(each), 40)));
    numbers.push_back(each.get<std::uint64_t>());
  }
  return numbers;
}

// checked_size gives the bytes that dtype and shape ask for.
Result<std::uint64_t> checked_size(const SafetensorsTensor& tensor) {
  std::uint64_t bits = dtype_bits(tensor.dtype);
  if (bits == 0)
    return fail(refused(rules::safetensors_dtype, "unknown dtype")
                    .found("\"" + printable(tensor.dtype, 40) + "\""));
  // A zero anywhere makes the product zero, but the rest must not wrap on the way there either.
  std::uint64_t elements = 1;
  for (const std::uint64_t dimension : tensor.shape)
    if (__builtin_mul_overflow(elements, dimension, &elements) || elements > largest)
      return fail(
          refused(rules::safetensors_size, "the product of the shape does not fit 63 bits"));
  if (__builtin_mul_overflow(bits, elements, &bits) || bits > largest)
    return fail(refused(rules::safetensors_size, "the size does not fit 63 bits"));
  if (bits % 8 != 0)
    return fail(refused(rules::safetensors_size, "the tensor is no whole number of bytes"));
  return bits / 8;
}

Result<SafetensorsTensor> read_tensor(const std::string& name, const Json& object) {
  if (!object.is_object())
    return fail(refused(rules::safetensors_tensor, "a tensor's description is no object"));
  const auto dtype = object.find("dtype");
  const auto shape = object.find("shape");
  const auto offsets = object.find("data_offsets");
  if (dtype == object.end() || shape == object.end() || offsets == object.end() ||
      object.size() != 3)
    return fail(refused(rules::safetensors_tensor, "a tensor's description has the wrong members")
                    .expected("dtype, shape, data_offsets"));
  if (!dtype->is_string()) return fail(refused(rules::safetensors_dtype, "the dtype is no text"));
  SafetensorsTensor tensor;
  tensor.name = name;
  tensor.dtype = dtype->get<std::string>();
  TRY(tensor.shape, whole_numbers(*shape, rules::safetensors_shape, "the shape"));
  TRY(const auto range, whole_numbers(*offsets, rules::safetensors_offsets, "data_offsets"));
  if (range.size() != 2 || range[0] > range[1])
    return fail(refused(rules::safetensors_offsets, "data_offsets is no range")
                    .expected("[begin, end], begin ≤ end")
                    .found(to_line(*offsets)));
  TRY(const std::uint64_t size, checked_size(tensor));
  if (size != range[1] - range[0])
    return fail(refused(rules::safetensors_size, "dtype and shape do not give the size of the data")
                    .expected(std::to_string(size) + " bytes")
                    .found(std::to_string(range[1] - range[0])));
  tensor.offset = range[0];
  tensor.size = size;
  return tensor;
}

// lay_out holds one invariant, that each tensor begins where the one before ends, and makes offsets
// absolute.
Status lay_out(Safetensors& file) {
  std::ranges::sort(file.tensors, {}, [](const SafetensorsTensor& tensor) {
    return std::tuple(tensor.offset, tensor.size, std::string_view(tensor.name));
  });
  std::uint64_t end = 0;
  for (SafetensorsTensor& tensor : file.tensors) {
    if (tensor.offset != end)
      return fail(
          refused(rules::safetensors_offsets, "the tensor does not begin where the one before ends")
              .expected("offset " + std::to_string(end))
              .found(std::to_string(tensor.offset))
              .within("tensor " + printable(tensor.name)));
    end += tensor.size;  // fits: both are below 2^63, and each further one is checked below
    if (end > file.file_size)
      return fail(refused(rules::safetensors_end, "the tensor goes past the end of the file")
                      .within("tensor " + printable(tensor.name)));
    tensor.offset += file.data_offset;
  }
  if (file.data_offset + end != file.file_size)
    return fail(refused(rules::safetensors_end, "the data does not end where the file does")
                    .expected("a file of " + std::to_string(file.data_offset + end) + " bytes")
                    .found(std::to_string(file.file_size)));
  return {};
}

}  // namespace

unsigned dtype_bits(std::string_view dtype) {
  const auto found = std::ranges::find(dtypes, dtype, &decltype(dtypes)::value_type::first);
  return found == dtypes.end() ? 0 : found->second;
}

std::uint64_t SafetensorsTensor::elements() const {
  std::uint64_t product = 1;
  for (const std::uint64_t dimension : shape) product *= dimension;
  return product;
}

const SafetensorsTensor* Safetensors::find(std::string_view name) const {
  const auto found = std::ranges::find(tensors, name, &SafetensorsTensor::name);
  return found == tensors.end() ? nullptr : &*found;
}

Result<Safetensors> parse_safetensors(ByteView front, std::uint64_t file_size) {
  TRY(const std::uint64_t length, header_length(front, file_size));
  if (front.size() < prefix_size + length)
    return fail(incomplete(rules::safetensors_front_too_short,
                           "the header goes on behind the bytes that were read"));
  TRY(const Json header, parse_header(as_text(front.subspan(prefix_size, length))));
  Safetensors file;
  file.data_offset = prefix_size + length;
  file.file_size = file_size;
  for (const auto& [name, value] : header.items()) {
    if (name == "__metadata__") {
      TRY(file.metadata, read_metadata(value));
      continue;
    }
    TRY_WITHIN("tensor " + printable(name), SafetensorsTensor tensor, read_tensor(name, value));
    file.tensors.push_back(std::move(tensor));
  }
  TRY_VOID(lay_out(file));
  return file;
}

Result<Safetensors> read_safetensors(File& file) {
  TRY(const std::uint64_t file_size, file.size());
  Bytes front(prefix_size);
  TRY(const std::size_t got, file.read_at(0, front));
  front.resize(got);
  TRY(const std::uint64_t length, header_length(front, file_size));
  front.resize(prefix_size + length);
  TRY(const std::size_t rest, file.read_at(prefix_size, std::span(front).subspan(prefix_size)));
  front.resize(prefix_size + rest);
  return parse_safetensors(front, file_size);
}

}  // namespace attest::model
