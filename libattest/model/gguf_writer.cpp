#include "libattest/model/gguf_writer.h"

#include <bit>
#include <cstring>

#include "libattest/model/gguf.h"

namespace attest::model {

namespace {

void append_string(Bytes& to, std::string_view text) {
  append_u64_le(to, text.size());
  append(to, as_bytes(text));
}

void append_f32(Bytes& to, float value) {
  append_u32_le(to, std::bit_cast<std::uint32_t>(value));
}

void append_array(Bytes& to, GgufType type, std::size_t count) {
  append_u32_le(to, static_cast<std::uint32_t>(type));
  append_u64_le(to, count);
}

constexpr std::string_view alignment_key = "general.alignment";

void pad(Bytes& to, std::uint32_t alignment) {
  to.resize((to.size() + alignment - 1) / alignment * alignment);
}

}  // namespace

GgufWriter::GgufWriter(std::uint32_t alignment) : alignment_(alignment) {}

void GgufWriter::begin_entry(std::string_view key, std::uint32_t type) {
  has_alignment_ = has_alignment_ || key == alignment_key;
  append_string(entries_, key);
  append_u32_le(entries_, type);
  ++entry_count_;
}

void GgufWriter::add_u32(std::string_view key, std::uint32_t value) {
  begin_entry(key, static_cast<std::uint32_t>(GgufType::u32));
  append_u32_le(entries_, value);
}
void GgufWriter::add_i32(std::string_view key, std::int32_t value) {
  begin_entry(key, static_cast<std::uint32_t>(GgufType::i32));
  append_u32_le(entries_, static_cast<std::uint32_t>(value));
}
void GgufWriter::add_u64(std::string_view key, std::uint64_t value) {
  begin_entry(key, static_cast<std::uint32_t>(GgufType::u64));
  append_u64_le(entries_, value);
}
void GgufWriter::add_f32(std::string_view key, float value) {
  begin_entry(key, static_cast<std::uint32_t>(GgufType::f32));
  append_f32(entries_, value);
}
void GgufWriter::add_boolean(std::string_view key, bool value) {
  begin_entry(key, static_cast<std::uint32_t>(GgufType::boolean));
  append_u8(entries_, value ? 1 : 0);
}
void GgufWriter::add_string(std::string_view key, std::string_view value) {
  begin_entry(key, static_cast<std::uint32_t>(GgufType::string));
  append_string(entries_, value);
}
void GgufWriter::add_strings(std::string_view key, const std::vector<std::string>& values) {
  begin_entry(key, static_cast<std::uint32_t>(GgufType::array));
  append_array(entries_, GgufType::string, values.size());
  for (const std::string& value : values) append_string(entries_, value);
}
void GgufWriter::add_f32s(std::string_view key, const std::vector<float>& values) {
  begin_entry(key, static_cast<std::uint32_t>(GgufType::array));
  append_array(entries_, GgufType::f32, values.size());
  for (const float value : values) append_f32(entries_, value);
}
void GgufWriter::add_i32s(std::string_view key, const std::vector<std::int32_t>& values) {
  begin_entry(key, static_cast<std::uint32_t>(GgufType::array));
  append_array(entries_, GgufType::i32, values.size());
  for (const std::int32_t value : values)
    append_u32_le(entries_, static_cast<std::uint32_t>(value));
}
void GgufWriter::add_raw(ByteView entry) {
  Bytes alignment_start;
  append_string(alignment_start, alignment_key);
  has_alignment_ = has_alignment_ || as_text(entry).starts_with(as_text(alignment_start));
  append(entries_, entry);
  ++entry_count_;
}

void GgufWriter::add_tensor(std::string_view name, std::vector<std::uint64_t> dimensions,
                            TensorType type, Bytes data) {
  tensors_.push_back({std::string(name), std::move(dimensions), type, std::move(data)});
}

void GgufWriter::add_tensor_f32(std::string_view name, std::vector<std::uint64_t> dimensions,
                                const std::vector<float>& values) {
  static_assert(std::endian::native == std::endian::little);
  add_tensor(name, std::move(dimensions), TensorType::f32,
             to_bytes(std::as_bytes(std::span(values))));
}

Result<Bytes> GgufWriter::finish() const {
  if (!std::has_single_bit(alignment_) || alignment_ > 65536)
    return fail(
        refused(rules::gguf_alignment, "not an alignment").found(std::to_string(alignment_)));
  // A copied file brings its own general.alignment along; a new one needs it unless it is 32.
  const bool add_alignment = alignment_ != 32 && !has_alignment_;

  Bytes file = to_bytes("GGUF");
  append_u32_le(file, 3);
  append_u64_le(file, tensors_.size());
  append_u64_le(file, entry_count_ + (add_alignment ? 1 : 0));
  if (add_alignment) {
    append_string(file, alignment_key);
    append_u32_le(file, static_cast<std::uint32_t>(GgufType::u32));
    append_u32_le(file, alignment_);
  }
  append(file, entries_);
  std::uint64_t offset = 0;
  for (const Tensor& tensor : tensors_) {
    append_string(file, tensor.name);
    append_u32_le(file, static_cast<std::uint32_t>(tensor.dimensions.size()));
    for (const std::uint64_t dimension : tensor.dimensions) append_u64_le(file, dimension);
    append_u32_le(file, static_cast<std::uint32_t>(tensor.type));
    append_u64_le(file, offset);
    offset += (tensor.data.size() + alignment_ - 1) / alignment_ * alignment_;
  }
  pad(file, alignment_);
  for (const Tensor& tensor : tensors_) {
    append(file, tensor.data);
    pad(file, alignment_);
  }
  TRY_VOID(parse_gguf(file));
  return file;
}

}  // namespace attest::model
