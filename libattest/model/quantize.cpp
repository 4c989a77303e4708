#include "libattest/model/quantize.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

#include "libattest/base/text.h"
#include "libattest/model/gguf.h"
#include "libattest/model/gguf_writer.h"
#include "libattest/model/half.h"

namespace attest::model {

namespace {

Error unfit(std::string found) {
  return refused(rules::quantize_row, "the row cannot be quantised").found(std::move(found));
}

// nearest_even adds and takes away 1.5 * 2^23, where floats are whole numbers: exact for |x| <
// 2^22.
float nearest_even(float x) {
  constexpr float whole_numbers = 12582912.0F;
  const float shifted = x + whole_numbers;
  return shifted - whole_numbers;
}

Status quantize_run(std::span<const float, q8_0_run> x, std::span<std::byte, q8_0_run_bytes> out) {
  float largest = 0;
  for (const float value : x) {
    if (!std::isfinite(value)) return fail(unfit("a value that is not finite"));
    largest = std::max(largest, std::fabs(value));
  }
  const bool vanishing = largest < 0x1p-100F;
  const float scale = vanishing ? 0.0F : largest / 127.0F;
  const float inverse = vanishing ? 0.0F : 127.0F / largest;
  const std::uint16_t stored = f16_from_f32(scale);
  if (stored == 0x7c00) return fail(unfit("a scale beyond f16: " + std::to_string(scale)));
  out[0] = static_cast<std::byte>(stored & 0xff);
  out[1] = static_cast<std::byte>(stored >> 8);
  for (std::size_t i = 0; i < q8_0_run; ++i)
    out[2 + i] = static_cast<std::byte>(static_cast<std::int8_t>(nearest_even(x[i] * inverse)));
  return {};
}

std::uint16_t u16_at(ByteView bytes, std::size_t offset) {
  return static_cast<std::uint16_t>(std::to_integer<unsigned>(bytes[offset]) |
                                    std::to_integer<unsigned>(bytes[offset + 1]) << 8);
}

std::vector<float> floats_of(TensorType type, ByteView data) {
  std::vector<float> floats(data.size() / (type == TensorType::f32 ? 4 : 2));
  if (type == TensorType::f32) {
    std::memcpy(floats.data(), data.data(), floats.size() * sizeof(float));
    return floats;
  }
  for (std::size_t i = 0; i < floats.size(); ++i) {
    const std::uint16_t stored = u16_at(data, 2 * i);
    floats[i] = type == TensorType::f16
                    ? f32_from_f16(stored)
                    : std::bit_cast<float>(static_cast<std::uint32_t>(stored) << 16);
  }
  return floats;
}

bool becomes_q8_0(const GgufTensor& tensor) {
  const bool plain = tensor.type == TensorType::f32 || tensor.type == TensorType::f16 ||
                     tensor.type == TensorType::bf16;
  return plain && tensor.dimensions.size() >= 2 && tensor.columns() % q8_0_run == 0;
}

constexpr std::string_view file_type_key = "general.file_type";
constexpr std::string_view version_key = "general.quantization_version";
constexpr std::uint32_t mostly_q8_0 = 7;
constexpr std::uint32_t quantization_version = 2;

void copy_entries(const Gguf& source, GgufWriter& writer) {
  for (const GgufEntry& entry : source.entries()) {
    if (entry.key == file_type_key) {
      writer.add_u32(file_type_key, mostly_q8_0);
    } else if (entry.key == version_key) {
      writer.add_u32(version_key, quantization_version);
    } else {
      writer.add_raw(entry.raw);
    }
  }
  if (!source.find(file_type_key)) writer.add_u32(file_type_key, mostly_q8_0);
  if (!source.find(version_key)) writer.add_u32(version_key, quantization_version);
}

}  // namespace

Status quantize_q8_0(std::span<const float> row, std::span<std::byte> out) {
  if (row.size() % q8_0_run != 0 || out.size() != row.size() / q8_0_run * q8_0_run_bytes)
    return fail(unfit(std::to_string(row.size()) + " elements for " + std::to_string(out.size()) +
                      " bytes"));
  for (std::size_t run = 0; run < row.size() / q8_0_run; ++run)
    TRY_VOID(quantize_run(row.subspan(run * q8_0_run).first<q8_0_run>(),
                          out.subspan(run * q8_0_run_bytes).first<q8_0_run_bytes>()));
  return {};
}

void dequantize_q8_0(ByteView runs, std::span<float> row) {
  for (std::size_t i = 0; i < row.size(); ++i) {
    const ByteView run = runs.subspan(i / q8_0_run * q8_0_run_bytes, q8_0_run_bytes);
    const auto q = static_cast<std::int8_t>(run[2 + i % q8_0_run]);
    row[i] = f32_from_f16(u16_at(run, 0)) * static_cast<float>(q);
  }
}

Result<Bytes> quantize_gguf(ByteView source) {
  TRY(const Gguf gguf, parse_gguf(source));
  if (gguf.version() == 1)
    return fail(refused(rules::gguf_version, "a file of version 1 cannot be copied into version 3")
                    .expected("2 or 3"));
  GgufWriter writer(gguf.alignment());
  copy_entries(gguf, writer);
  for (const GgufTensor& tensor : gguf.tensors()) {
    const ByteView data = source.subspan(tensor.offset, tensor.size);
    if (!becomes_q8_0(tensor)) {
      writer.add_tensor(tensor.name, tensor.dimensions, tensor.type, to_bytes(data));
      continue;
    }
    const std::vector<float> floats = floats_of(tensor.type, data);
    Bytes runs(floats.size() / q8_0_run * q8_0_run_bytes);
    if (auto done = quantize_q8_0(floats, runs); !done)
      return fail(std::move(done).error().within("tensor " + printable(tensor.name)));
    writer.add_tensor(tensor.name, tensor.dimensions, TensorType::q8_0, std::move(runs));
  }
  return writer.finish();
}

}  // namespace attest::model
