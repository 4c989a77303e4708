// What libattest/model makes, read as the runtime reads it: converted models run, and quantised
// weights are near what they were.
#include <cmath>

#include "inference/kernels/matrix.h"
#include "libattest/model/convert.h"
#include "libattest/model/quantize.h"
#include "libattest/model/quantize_k.h"
#include "libattest/model/quantize_runs.h"
#include "tests/support/hf_model.h"
#include "tests/unit/inference/small_model.h"

using namespace attest;
using namespace attest::inference;
using model::TensorType;

namespace {

using Quantize = Status (*)(std::span<const float>, std::span<std::byte>);

// The root of the mean of squares of what is lost, as a part of that of the weights themselves.
double loss(TensorType type, Quantize quantize, const std::vector<float>& row) {
  Bytes blocks(must(model::tensor_bytes(type, row.size(), 1)));
  REQUIRE_OK(quantize(row, blocks));
  const model::GgufTensor tensor{"w", {row.size(), 1}, type, 0, blocks.size()};
  std::vector<float> read(row.size());
  must(Matrix::pack(tensor, blocks)).row(0, read);
  double lost = 0;
  double all = 0;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const double off = static_cast<double>(read[i]) - static_cast<double>(row[i]);
    lost += off * off;
    all += static_cast<double>(row[i]) * static_cast<double>(row[i]);
  }
  return std::sqrt(lost / all);
}

}  // namespace

TEST_CASE("what each quantisation loses, as the runtime reads it, is what its bits allow") {
  Noise noise(11);
  std::vector<float> row(4096);
  for (float& value : row) value = (noise.next() + noise.next() + noise.next()) * 0.05F;
  const double q4_0 = loss(TensorType::q4_0, model::quantize_q4_0, row);
  const double q4_k = loss(TensorType::q4_k, model::quantize_q4_k, row);
  const double q5_k = loss(TensorType::q5_k, model::quantize_q5_k, row);
  const double q6_k = loss(TensorType::q6_k, model::quantize_q6_k, row);
  const double q8_0 = loss(TensorType::q8_0, model::quantize_q8_0, row);
  CAPTURE(q4_0, q4_k, q5_k, q6_k, q8_0);
  CHECK(q8_0 < 0.006);
  CHECK(q6_k < 0.022);
  CHECK(q5_k < 0.04);
  CHECK(q4_k < 0.08);
  CHECK(q4_0 < 0.11);
  CHECK(q8_0 < q6_k);
  CHECK(q6_k < q5_k);
  CHECK(q5_k < q4_k);
  CHECK(q4_k < q4_0);
}

TEST_CASE("weights that lie on a block's steps come back exactly") {
  // Each part has its own scale and, in the K types with minimums, its own minimum.
  std::vector<float> steps(256);
  for (std::size_t i = 0; i < 256; ++i) {
    const auto part = static_cast<float>(i / 32 * 8 + 7);
    steps[i] = 0.5F * part * static_cast<float>(i % 16) - 0.25F * 63.0F;
  }
  CHECK(loss(TensorType::q4_k, model::quantize_q4_k, steps) == 0);
  for (std::size_t i = 0; i < 256; ++i) {
    const auto part = static_cast<float>(i / 16 * 8 + 8);
    const float scale = i / 16 == 15 ? -128.0F : part;
    steps[i] = 0.125F * scale * static_cast<float>(static_cast<int>(i % 16) * 4 - 32);
  }
  CHECK(loss(TensorType::q6_k, model::quantize_q6_k, steps) == 0);
}

TEST_CASE("models converted from Hugging Face's form are loaded and run") {
  for (const test::HfModel& model : test::all_hf_models()) {
    INFO(model.class_name);
    const test::OwnedFiles files = model.files();
    const Bytes made = must(model::convert_to_gguf(test::files_of(files)));
    const Transformer transformer = must(load_from(made));
    CHECK(transformer.shape().vocabulary == 12);
    const Tokenizer tokenizer = must(Tokenizer::read(must(model::parse_gguf(made))));
    const auto tokens = must(tokenizer.encode(model.byte_level ? "abc" : "ab"));
    CHECK(tokenizer.decode(tokens) == (model.byte_level ? "abc" : " ab"));
  }
}

TEST_CASE("a converted model quantised to any type is loaded") {
  test::HfModel model;
  model.width = 256;
  const test::OwnedFiles files = model.files();
  const Bytes made = must(model::convert_to_gguf(test::files_of(files)));
  for (const TensorType type :
       {TensorType::q8_0, TensorType::q4_0, TensorType::q4_k, TensorType::q5_k, TensorType::q6_k})
    REQUIRE_OK(load_from(must(model::quantize_gguf(made, type))));
}
