#include "libattest/model/quantize.h"

#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "libattest/crypto/digest.h"
#include "libattest/model/gguf.h"
#include "libattest/model/gguf_writer.h"
#include "libattest/model/half.h"
#include "libattest/model/quantize_k.h"
#include "libattest/model/quantize_runs.h"
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

namespace {

// Weights as trained ones lie: sums of a few noises, some blocks large and some small.
std::vector<float> bell_shaped(std::size_t count) {
  std::uint32_t state = 5;
  const auto next = [&] {
    state = state * 1664525U + 1013904223U;
    return static_cast<float>(static_cast<std::int32_t>(state >> 8) - (1 << 23)) * 0x1p-23F;
  };
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i)
    values[i] = (next() + next() + next()) * (i / 256 % 2 == 0 ? 0.02F : 3.0F);
  return values;
}

using Quantize = Status (*)(std::span<const float>, std::span<std::byte>);

Bytes quantized(Quantize quantize, const std::vector<float>& row, std::size_t bytes) {
  Bytes out(bytes);
  REQUIRE_OK(quantize(row, out));
  return out;
}

}  // namespace

TEST_CASE("Q4_0 is written as its specification says") {
  std::vector<float> row(32, 0.0F);
  row[0] = -8.0F;   // the largest: scale 1, q = 0
  row[1] = 7.0F;    // 15
  row[2] = 7.6F;    // no more than 15
  row[3] = -0.5F;   // 8 is the integer below 8.0
  row[16] = -0.6F;  // 7, in the high half of the first byte
  const Bytes run = quantized(quantize_q4_0, row, q4_0_run_bytes);
  REQUIRE(to_hex(ByteView(run).first(7)) == "003c708f8f8888");
  REQUIRE(quantized(quantize_q4_0, std::vector<float>(32, 0x1p-101F), 18) == [] {
    Bytes zeros(18, std::byte{0x88});
    zeros[0] = zeros[1] = std::byte{0};
    return zeros;
  }());
}

TEST_CASE("every quantisation gives the same bits everywhere") {
  const std::vector<float> row = bell_shaped(1024);
  struct Expected {
    Quantize quantize;
    std::size_t bytes;
    std::string_view digest;
  };
  for (const Expected& each : {Expected{quantize_q8_0, 32 * q8_0_run_bytes, "ecb9c68c1b37c5a8"},
                               Expected{quantize_q4_0, 32 * q4_0_run_bytes, "8281ca76c31b0361"},
                               Expected{quantize_q4_k, 4 * 144, "e40574850ccd1697"},
                               Expected{quantize_q5_k, 4 * 176, "6b8f32002ba18dec"},
                               Expected{quantize_q6_k, 4 * 210, "91f94eed6392b935"}})
    CHECK(to_hex(sha256(quantized(each.quantize, row, each.bytes))).substr(0, 16) == each.digest);
}

TEST_CASE("rows that no block can hold are refused by every quantisation") {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  constexpr float infinite = std::numeric_limits<float>::infinity();
  struct Kind {
    Quantize quantize;
    std::size_t bytes;
  };
  for (const auto& [quantize, bytes] : {Kind{quantize_q4_0, 8 * 18}, Kind{quantize_q4_k, 144},
                                        Kind{quantize_q5_k, 176}, Kind{quantize_q6_k, 210}}) {
    Bytes out(bytes);
    for (const float bad : {nan, infinite, -infinite, 3e38F, -3e38F}) {
      std::vector<float> row(256, 1.0F);
      row[200] = bad;
      REQUIRE_RULE(quantize(row, out), rules::quantize_row);
    }
    const std::vector<float> row(256, 1.0F);
    REQUIRE_RULE(quantize(std::span(row).first(255), out), rules::quantize_row);
    REQUIRE_RULE(quantize(row, std::span(out).first(bytes - 1)), rules::quantize_row);
    REQUIRE_OK(quantize(std::vector<float>(256, 0.0F), out));
    REQUIRE_OK(quantize(std::vector<float>(256, -2.5F), out));
    REQUIRE_OK(quantize(std::vector<float>(256, 1e-45F), out));
  }
}

TEST_CASE("a file is quantised to the type that is asked for, finer where its logits come from") {
  GgufWriter writer;
  const auto add = [&](const char* name, std::uint64_t columns) {
    writer.add_tensor_f32(name, {columns, 2}, bell_shaped(columns * 2));
  };
  add("token_embd.weight", 256);
  add("blk.0.ffn_up.weight", 512);
  add("blk.0.ffn_down.weight", 96);
  add("blk.0.odd.weight", 33);
  const Bytes tied = must(writer.finish());
  add("output.weight", 256);
  const Bytes own = must(writer.finish());
  const auto type_in = [](const Bytes& source, TensorType to, const char* name) {
    return must(parse_gguf(must(quantize_gguf(source, to)))).find_tensor(name)->type;
  };
  for (const TensorType to : {TensorType::q4_0, TensorType::q4_k, TensorType::q5_k}) {
    CHECK(type_in(own, to, "output.weight") == TensorType::q6_k);
    CHECK(type_in(own, to, "token_embd.weight") == to);
    CHECK(type_in(tied, to, "token_embd.weight") == TensorType::q6_k);
    CHECK(type_in(own, to, "blk.0.ffn_up.weight") == to);
    CHECK(type_in(own, to, "blk.0.odd.weight") == TensorType::f32);
  }
  CHECK(type_in(own, TensorType::q4_k, "blk.0.ffn_down.weight") == TensorType::q8_0);
  CHECK(type_in(own, TensorType::q4_0, "blk.0.ffn_down.weight") == TensorType::q4_0);
  const Gguf made = must(parse_gguf(must(quantize_gguf(own, TensorType::q5_k))));
  CHECK(must(made.unsigned_integer("general.file_type")) == 16);
  REQUIRE_RULE(quantize_gguf(own, TensorType::q5_1), rules::quantize_type);
}

TEST_CASE("who runs the rows changes nothing in the file") {
  GgufWriter writer;
  writer.add_tensor_f32("blk.0.ffn_up.weight", {256, 3}, bell_shaped(768));
  const Bytes source = must(writer.finish());
  const Executor backwards = [](std::size_t count, const std::function<void(std::size_t)>& task) {
    for (std::size_t i = count; i-- > 0;) task(i);
  };
  CHECK(must(quantize_gguf(source, TensorType::q4_k, backwards)) ==
        must(quantize_gguf(source, TensorType::q4_k)));
}
