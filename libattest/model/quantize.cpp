#include "libattest/model/quantize.h"

#include <algorithm>
#include <array>
#include <vector>

#include "libattest/base/text.h"
#include "libattest/model/gguf.h"
#include "libattest/model/gguf_writer.h"
#include "libattest/model/quantize_k.h"
#include "libattest/model/quantize_runs.h"
#include "libattest/model/stored_float.h"

namespace attest::model {

namespace {

struct Quantization {
  std::string_view name;
  TensorType type;
  std::uint32_t file_type;
  bool logits_as_q6_k;
  Status (*quantize)(std::span<const float> row, std::span<std::byte> out);
};

constexpr auto quantizations = std::to_array<Quantization>({
    {"q8_0", TensorType::q8_0, 7, false, quantize_q8_0},
    {"q4_0", TensorType::q4_0, 2, true, quantize_q4_0},
    {"q4_k", TensorType::q4_k, 14, true, quantize_q4_k},
    {"q5_k", TensorType::q5_k, 16, true, quantize_q5_k},
    {"q6_k", TensorType::q6_k, 18, false, quantize_q6_k},
});

const Quantization* find_quantization(TensorType type) {
  const auto* const found = std::ranges::find(quantizations, type, &Quantization::type);
  return found == quantizations.end() ? nullptr : found;
}

bool fits(const Quantization& quantization, const GgufTensor& tensor) {
  return tensor.columns() % tensor_shape(quantization.type)->block_elements == 0;
}

// form_of gives nullptr for a tensor that is copied.
const Quantization* form_of(const Quantization& wanted, const GgufTensor& tensor,
                            bool gives_logits) {
  if (!is_float(tensor.type) || tensor.dimensions.size() < 2) return nullptr;
  const bool finer = wanted.logits_as_q6_k && gives_logits;
  const Quantization* const form = finer ? find_quantization(TensorType::q6_k) : &wanted;
  if (fits(*form, tensor)) return form;
  const Quantization* const plain = find_quantization(TensorType::q8_0);
  return fits(*plain, tensor) ? plain : nullptr;
}

constexpr std::string_view file_type_key = "general.file_type";
constexpr std::string_view version_key = "general.quantization_version";
constexpr std::uint32_t quantization_version = 2;

void copy_entries(const Gguf& source, std::uint32_t file_type, GgufWriter& writer) {
  for (const GgufEntry& entry : source.entries()) {
    if (entry.key == file_type_key) {
      writer.add_u32(file_type_key, file_type);
    } else if (entry.key == version_key) {
      writer.add_u32(version_key, quantization_version);
    } else {
      writer.add_raw(entry.raw);
    }
  }
  if (!source.find(file_type_key)) writer.add_u32(file_type_key, file_type);
  if (!source.find(version_key)) writer.add_u32(version_key, quantization_version);
}

Result<Bytes> quantize_rows(const Quantization& form, const GgufTensor& tensor, ByteView data,
                            const Executor& executor) {
  const std::size_t rows = tensor.rows();
  TRY(const std::uint64_t row_bytes, tensor_bytes(form.type, tensor.columns(), 1));
  Bytes made(rows * row_bytes);
  std::vector<Status> outcomes(rows);
  const std::size_t source_bytes = data.size() / rows;
  executor(rows, [&](std::size_t row) {
    const auto floats = floats_of(tensor.type, data.subspan(row * source_bytes, source_bytes));
    outcomes[row] = form.quantize(floats, std::span(made).subspan(row * row_bytes, row_bytes));
  });
  for (std::size_t row = 0; row < rows; ++row)
    if (!outcomes[row])
      return fail(std::move(outcomes[row])
                      .error()
                      .within("tensor " + printable(tensor.name) + ", row " + std::to_string(row)));
  return made;
}

}  // namespace

std::optional<TensorType> quantization_named(std::string_view name) {
  const auto* const found = std::ranges::find(quantizations, name, &Quantization::name);
  if (found == quantizations.end()) return std::nullopt;
  return found->type;
}

std::string quantization_name(TensorType type) {
  const Quantization* const found = find_quantization(type);
  return found ? std::string(found->name) : std::string(to_string(type));
}

Result<Bytes> quantize_gguf(ByteView source, TensorType to, const Executor& executor) {
  const Quantization* const wanted = find_quantization(to);
  if (!wanted)
    return fail(refused(rules::quantize_type, "no quantisation to this type is specified")
                    .expected("q8_0, q4_0, q4_k, q5_k or q6_k")
                    .found(std::string(to_string(to))));
  TRY(const Gguf gguf, parse_gguf(source));
  if (gguf.version() == 1)
    return fail(refused(rules::gguf_version, "a file of version 1 cannot be copied into version 3")
                    .expected("2 or 3"));
  const std::string_view logits =
      gguf.find_tensor("output.weight") ? "output.weight" : "token_embd.weight";
  GgufWriter writer(gguf.alignment());
  copy_entries(gguf, wanted->file_type, writer);
  for (const GgufTensor& tensor : gguf.tensors()) {
    const ByteView data = source.subspan(tensor.offset, tensor.size);
    const Quantization* const form = form_of(*wanted, tensor, tensor.name == logits);
    if (form == nullptr) {
      writer.add_tensor(tensor.name, tensor.dimensions, tensor.type, to_bytes(data));
      continue;
    }
    TRY(Bytes made, quantize_rows(*form, tensor, data, executor));
    writer.add_tensor(tensor.name, tensor.dimensions, form->type, std::move(made));
  }
  return writer.finish();
}

}  // namespace attest::model
