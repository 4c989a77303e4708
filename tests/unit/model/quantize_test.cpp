#include "libattest/model/quantize.h"

#include <bit>
#include <cmath>
#include <limits>

#include "libattest/model/gguf.h"
#include "libattest/model/gguf_writer.h"
#include "libattest/model/half.h"
#include "tests/support/catch.h"

using namespace attest;
using namespace attest::model;

TEST_CASE("every half comes back from float as it was") {
  for (std::uint32_t half = 0; half < 65536; ++half) {
    const float value = f32_from_f16(static_cast<std::uint16_t>(half));
    if (std::isnan(value)) continue;
    REQUIRE(f16_from_f32(value) == half);
  }
}

TEST_CASE("floats between halves round to the nearest, ties to even") {
  for (std::uint32_t half = 0; half < 0x7bff; ++half) {
    const float low = f32_from_f16(static_cast<std::uint16_t>(half));
    const float high = f32_from_f16(static_cast<std::uint16_t>(half + 1));
    const float middle = low + (high - low) / 2;
    REQUIRE(f16_from_f32(middle) == half + (half & 1));
    REQUIRE(f16_from_f32(std::nextafter(middle, 0.0F)) == half);
    REQUIRE(f16_from_f32(std::nextafter(middle, 1e9F)) == half + 1);
  }
  REQUIRE(f16_from_f32(65519.9F) == 0x7bff);
  REQUIRE(f16_from_f32(65520.0F) == 0x7c00);
}

TEST_CASE("Q8_0 is written as its specification says") {
  std::vector<float> row(32, 0.0F);
  row[0] = -127.0F;
  row[1] = 0.5F;  // a tie goes to the even 0
  row[2] = 1.5F;  // and this one to 2
  row[3] = 126.6F;
  Bytes run(34);
  REQUIRE_OK(quantize_q8_0(row, run));
  REQUIRE(to_hex(ByteView(run).first(6)) == "003c8100027f");  // scale 1.0
  std::vector<float> back(32);
  dequantize_q8_0(run, back);
  REQUIRE(back[0] == -127.0F);
  REQUIRE(back[2] == 2.0F);

  std::vector<float> vanishing(32, 0x1p-101F);
  REQUIRE_OK(quantize_q8_0(vanishing, run));
  REQUIRE(run == Bytes(34));
}

TEST_CASE("rows that cannot be quantised are refused") {
  std::vector<float> row(32, 1.0F);
  Bytes run(34);
  row[31] = std::numeric_limits<float>::quiet_NaN();
  REQUIRE_RULE(quantize_q8_0(row, run), rules::quantize_row);
  row[31] = std::numeric_limits<float>::infinity();
  REQUIRE_RULE(quantize_q8_0(row, run), rules::quantize_row);
  row[31] = 1e9F;
  REQUIRE_RULE(quantize_q8_0(row, run), rules::quantize_row);
  REQUIRE_RULE(quantize_q8_0(std::span(row).first(31), run), rules::quantize_row);
}

TEST_CASE("quantising a file changes its matrices and says so, and nothing else") {
  GgufWriter writer;
  writer.add_string("general.architecture", "llama");
  writer.add_u32("general.file_type", 0);
  writer.add_string("general.name", "x");
  writer.add_tensor_f32("matrix", {32, 2}, std::vector<float>(64, 2.0F));
  writer.add_tensor_f32("odd", {33, 2}, std::vector<float>(66, 2.0F));
  writer.add_tensor_f32("norm", {32}, std::vector<float>(32, 1.0F));
  const Bytes source = must(writer.finish());
  const Bytes made = must(quantize_gguf(source));
  REQUIRE(made == must(quantize_gguf(source)));
  const Gguf gguf = must(parse_gguf(made));
  REQUIRE(gguf.find_tensor("matrix")->type == TensorType::q8_0);
  REQUIRE(gguf.find_tensor("odd")->type == TensorType::f32);
  REQUIRE(gguf.find_tensor("norm")->type == TensorType::f32);
  REQUIRE(must(gguf.unsigned_integer("general.file_type")) == 7);
  REQUIRE(must(gguf.unsigned_integer("general.quantization_version")) == 2);
  REQUIRE(gguf.entries()[2].key == "general.name");
}
