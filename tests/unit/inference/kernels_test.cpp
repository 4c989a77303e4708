#include "inference/kernels/kernels.h"

#include <array>
#include <cmath>
#include <cstring>

#include "inference/kernels/exact.h"
#include "inference/kernels/matrix.h"
#include "tests/support/catch.h"
#include "tests/unit/inference/random_weights.h"

using namespace attest;
using namespace attest::inference;

namespace {

std::vector<const Kernels*> fast_kernels() {
  std::vector<const Kernels*> kernels;
  for (const Kernels* each : {avx2_kernels(), avx512_kernels(), avx512_vnni_kernels()})
    if (each) kernels.push_back(each);
  if (kernels.size() < 3) WARN("this processor has not all instruction sets");
  return kernels;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

model::GgufTensor tensor_of(model::TensorType type, std::uint64_t columns, std::uint64_t rows) {
  return {"t", {columns, rows}, type, 0, must(model::tensor_bytes(type, columns, rows))};
}

int u8_at(ByteView bytes, std::size_t at) {
  return std::to_integer<int>(bytes[at]);
}
float half_at(ByteView bytes, std::size_t at) {
  return model::f32_from_f16(
      static_cast<std::uint16_t>(u8_at(bytes, at) | u8_at(bytes, at + 1) << 8));
}

// One weight of a row as GGUF stores it, straight from the format's description.
float stored_weight(model::TensorType type, ByteView row, std::size_t k) {
  using model::TensorType;
  const auto in_block = [&](std::size_t elements, std::size_t bytes) {
    const ByteView block = row.subspan(k / elements * bytes, bytes);
    k %= elements;
    return block;
  };
  switch (type) {
    case TensorType::f32: {
      float value;
      std::memcpy(&value, row.data() + 4 * k, 4);
      return value;
    }
    case TensorType::f16:
      return half_at(row, 2 * k);
    case TensorType::bf16:
      return std::bit_cast<float>(
          static_cast<std::uint32_t>(u8_at(row, 2 * k) | u8_at(row, 2 * k + 1) << 8) << 16);
    case TensorType::q8_0: {
      const ByteView block = in_block(32, 34);
      return half_at(block, 0) * static_cast<float>(static_cast<std::int8_t>(block[2 + k]));
    }
    case TensorType::q4_0: {
      const ByteView block = in_block(32, 18);
      const int pair = u8_at(block, 2 + k % 16);
      return half_at(block, 0) * static_cast<float>((k < 16 ? pair & 15 : pair >> 4) - 8);
    }
    case TensorType::q4_1:
    case TensorType::q5_0:
    case TensorType::q5_1: {
      const bool above = type != TensorType::q5_0;
      const bool fifth = type != TensorType::q4_1;
      const std::size_t scales = above ? 4 : 2;
      const ByteView block = in_block(32, scales + (fifth ? 4 : 0) + 16);
      const int pair = u8_at(block, scales + (fifth ? 4 : 0) + k % 16);
      int quant = k < 16 ? pair & 15 : pair >> 4;
      if (fifth) quant += (u8_at(block, scales + k / 8) >> (k % 8) & 1) * 16;
      if (!above) return half_at(block, 0) * static_cast<float>(quant - 16);
      return half_at(block, 0) * static_cast<float>(quant) + half_at(block, 2);
    }
    case TensorType::mxfp4: {
      const ByteView block = in_block(32, 17);
      constexpr float sizes[] = {0, 0.5F, 1, 1.5F, 2, 3, 4, 6};
      const int pair = u8_at(block, 1 + k % 16);
      const int four = k < 16 ? pair & 15 : pair >> 4;
      return std::ldexp(four >= 8 ? -sizes[four - 8] : sizes[four], u8_at(block, 0) - 127);
    }
    case TensorType::q5_k:
    case TensorType::q4_k: {
      const bool fifth = type == TensorType::q5_k;
      const ByteView block = in_block(256, fifth ? 176 : 144);
      const std::size_t j = k / 32;
      const auto packed = [&](std::size_t i) { return u8_at(block, 4 + i); };
      const int scale = j < 4 ? packed(j) & 63 : (packed(j + 4) & 15) | (packed(j - 4) >> 6) << 4;
      const int minimum = j < 4 ? packed(j + 4) & 63 : (packed(j + 4) >> 4) | (packed(j) >> 6) << 4;
      const int pair = u8_at(block, (fifth ? 48 : 16) + 32 * (k / 64) + k % 32);
      int quant = j % 2 == 0 ? pair & 15 : pair >> 4;
      if (fifth) quant += (u8_at(block, 16 + k % 32) >> j & 1) * 16;
      return half_at(block, 0) * static_cast<float>(scale) * static_cast<float>(quant) -
             half_at(block, 2) * static_cast<float>(minimum);
    }
    default: {
      const ByteView block = in_block(256, 210);
      const std::size_t half = k / 128;
      const std::size_t i = k % 128;
      const int low = u8_at(block, 64 * half + i % 64) >> (i < 64 ? 0 : 4) & 15;
      const int high = u8_at(block, 128 + 32 * half + i % 32) >> (2 * (i / 32)) & 3;
      const auto scale = static_cast<std::int8_t>(block[192 + k / 16]);
      return half_at(block, 208) * static_cast<float>(scale) *
             static_cast<float>((low | high << 4) - 32);
    }
  }
}

}  // namespace

TEST_CASE("a row that was packed comes out as the format describes it") {
  Noise noise(11);
  for (const model::TensorType type : all_weight_types) {
    INFO(model::to_string(type));
    constexpr std::size_t columns = 512;
    constexpr std::size_t rows = 19;
    const Bytes data = random_weights(type, columns * rows, noise);
    const Matrix matrix = must(Matrix::pack(tensor_of(type, columns, rows), data));
    const std::size_t row_bytes = data.size() / rows;
    std::vector<float> row(columns);
    for (std::size_t i = 0; i < rows; ++i) {
      matrix.row(i, row);
      for (std::size_t k = 0; k < columns; ++k)
        REQUIRE(row[k] == stored_weight(type, ByteView(data).subspan(i * row_bytes, row_bytes), k));
    }
  }
}

TEST_CASE("packed weights take at most a tenth more than in the file") {
  Noise noise(16);
  for (const model::TensorType type : all_weight_types) {
    INFO(model::to_string(type));
    const auto tensor = tensor_of(type, 2048, 64);
    const Matrix matrix = must(Matrix::pack(tensor, random_weights(type, 2048UL * 64, noise)));
    REQUIRE(matrix.file_bytes() == tensor.size);
    REQUIRE(matrix.bytes() <= tensor.size + tensor.size / 10);
  }
}

TEST_CASE("an arena gives the same memory again once it was reset, and more where it must") {
  PanelArena arena(1000);
  std::uint8_t* const first = arena.take(100);
  std::uint8_t* const second = arena.take(100);
  REQUIRE(second - first == 128);
  std::uint8_t* const large = arena.take(100000);
  large[99999] = 1;
  arena.reset();
  REQUIRE(arena.take(90) == first);
  REQUIRE(arena.take(90000) == large);
}

TEST_CASE("a product is close to that of the weights themselves") {
  Noise noise(12);
  const auto executor = make_serial_executor();
  for (const model::TensorType type : all_weight_types) {
    INFO(model::to_string(type));
    constexpr std::size_t columns = 1024;
    const Matrix matrix =
        must(Matrix::pack(tensor_of(type, columns, 20), random_weights(type, columns * 20, noise)));
    Vectors x(1, columns);
    for (float& value : x[0]) value = noise.next();
    Vectors y(1, 20);
    MatrixInput input(x);
    matrix.multiply(input, y, {.executor = executor.get(), .kernels = &scalar_kernels()});
    std::vector<float> row(columns);
    for (std::size_t i = 0; i < 20; ++i) {
      matrix.row(i, row);
      double exact_sum = 0;
      double size = 0;
      for (std::size_t k = 0; k < columns; ++k) {
        const double product = static_cast<double>(row[k]) * static_cast<double>(x[0][k]);
        exact_sum += product;
        size += product * product;
      }
      REQUIRE(std::fabs(static_cast<double>(y[0][i]) - exact_sum) < 0.03 * std::sqrt(size));
    }
  }
}

TEST_CASE("every instruction set multiplies to the same bits, whatever shares a pass") {
  Noise noise(13);
  const auto executor = make_serial_executor();
  for (const model::TensorType type : all_weight_types) {
    constexpr std::size_t columns = 768;
    constexpr std::size_t rows = 55;  // odd panels, and a panel that is not full
    const Matrix matrix = must(
        Matrix::pack(tensor_of(type, columns, rows), random_weights(type, columns * rows, noise)));
    for (const std::size_t vectors : {1U, 2U, 3U, 4U, 5U, 6U, 7U, 13U}) {
      Vectors x(vectors, columns);
      for (std::size_t t = 0; t < vectors; ++t)
        for (float& value : x[t]) value = noise.next() * 3.0F;
      const auto product = [&](const Kernels& kernels) {
        Vectors y(vectors, rows);
        MatrixInput input(x);
        matrix.multiply(input, y, {.executor = executor.get(), .kernels = &kernels});
        std::vector<float> all;
        for (std::size_t t = 0; t < vectors; ++t) all.insert(all.end(), y[t].begin(), y[t].end());
        return all;
      };
      const auto expected = product(scalar_kernels());
      for (const Kernels* kernels : fast_kernels()) {
        INFO(model::to_string(type) << ", " << kernels->name << ", " << vectors << " vectors");
        REQUIRE(same_bits(product(*kernels), expected));
      }
    }
  }
}

TEST_CASE("integer kernels hold the extremes of a byte") {
  // One run, all weights -128 or 127, all activations 127 or -127.
  std::vector<std::uint8_t> panel(q8_0_unit.weights + q8_0_unit.scales);
  for (std::size_t row = 0; row < panel_rows; ++row)
    panel[q8_0_unit.weights + 2 * row + 1] = 0x3c;  // scale 1.0
  auto all = fast_kernels();
  all.push_back(&scalar_kernels());
  for (const std::uint8_t weight : {std::uint8_t{0}, std::uint8_t{255}}) {
    std::fill_n(panel.begin(), q8_0_unit.weights, weight);
    for (const std::int8_t q : {std::int8_t{127}, std::int8_t{-127}}) {
      const std::vector<std::int8_t> values(32, q);
      const float scale = 1.0F;
      const std::int32_t sum = -128 * 32 * q;
      Tile tile{};
      tile.count = 1;
      tile.values = values.data();
      tile.scales = &scale;
      tile.minus_128_sums = &sum;
      for (const Kernels* kernels : all) {
        std::array<float, 16> out{};
        kernels->q8_0({panel.data(), panel.size(), 1, q8_0_unit.weights}, tile, 0, 1,
                      {out.data(), 16, true});
        REQUIRE(out[0] == static_cast<float>(32 * q * (weight - 128)));
        REQUIRE(out[15] == out[0]);
      }
    }
  }
}

TEST_CASE("functions of vectors agree for every length") {
  Noise noise(14);
  const Kernels& plain = scalar_kernels();
  for (std::size_t length = 1; length < 70; ++length) {
    auto x = noise.many(length, 60.0F);
    if (length > 3) x[2] = -400.0F;
    if (length > 5) x[4] = -0.0F;
    const auto weight = noise.many(length);
    std::vector<float> norm(length);
    plain.rms_norm(x.data(), weight.data(), length, 1e-5F, norm.data());
    auto scores = x;
    const float total = plain.softmax_numerators(scores.data(), length);
    auto gated = x;
    plain.silu_times(gated.data(), weight.data(), length);
    for (const Kernels* kernels : fast_kernels()) {
      INFO(kernels->name << ", length " << length);
      std::vector<float> other(length);
      kernels->rms_norm(x.data(), weight.data(), length, 1e-5F, other.data());
      REQUIRE(same_bits(other, norm));
      other = x;
      REQUIRE(std::bit_cast<std::uint32_t>(kernels->softmax_numerators(other.data(), length)) ==
              std::bit_cast<std::uint32_t>(total));
      REQUIRE(same_bits(other, scores));
      other = x;
      kernels->silu_times(other.data(), weight.data(), length);
      REQUIRE(same_bits(other, gated));
    }
  }
}

TEST_CASE("exp agrees over its whole range") {
  const Kernels& plain = scalar_kernels();
  std::vector<float> x;
  for (float value = -100.0F; value < 100.0F; value += 0.00371F) x.push_back(value);
  const std::vector<float> ones(x.size(), 1.0F);
  auto expected = x;
  plain.silu_times(expected.data(), ones.data(), x.size());
  for (const Kernels* kernels : fast_kernels()) {
    auto found = x;
    kernels->silu_times(found.data(), ones.data(), x.size());
    REQUIRE(same_bits(found, expected));
  }
}

TEST_CASE("activations are quantised to the same bytes and scales") {
  Noise noise(15);
  auto all = fast_kernels();
  all.push_back(&scalar_kernels());
  for (int round = 0; round < 200; ++round) {
    auto x = noise.many(256, std::ldexp(1.0F, round - 100));
    // Ties between two whole numbers, where the largest is a power of two times 127.
    if (round % 3 == 0) {
      x[0] = 127.0F;
      for (std::size_t i = 1; i < x.size(); ++i)
        x[i] = static_cast<float>(static_cast<int>(i % 200) - 100) + 0.5F;
    }
    std::array<std::int8_t, 256> q{};
    const float expected =
        exact::quantise_block(std::span<const float, 256>(x), std::span<std::int8_t, 256>(q));
    std::array<std::int8_t, 32> run{};
    const float expected_run = exact::quantise_run(std::span(x).first<32>(), run);
    for (const Kernels* kernels : all) {
      INFO(kernels->name << ", round " << round);
      std::array<std::int8_t, 256> other{};
      REQUIRE(kernels->quantise_block(x.data(), other.data()) == expected);
      REQUIRE(other == q);
      std::array<std::int8_t, 32> other_run{};
      REQUIRE(kernels->quantise_run(x.data(), other_run.data()) == expected_run);
      REQUIRE(other_run == run);
    }
  }
}

TEST_CASE("activations that are not finite poison their scale") {
  auto all = fast_kernels();
  all.push_back(&scalar_kernels());
  for (const Kernels* kernels : all) {
    for (const float bad : {std::numeric_limits<float>::infinity(), std::nanf("")}) {
      std::array<float, 256> x{};
      std::array<std::int8_t, 256> q{};
      x[5] = bad;
      REQUIRE(std::isnan(kernels->quantise_run(x.data(), q.data())));
      REQUIRE(std::isnan(kernels->quantise_block(x.data(), q.data())));
      x[5] = 2.54F;
      REQUIRE(kernels->quantise_run(x.data(), q.data()) > 0.0199F);
      REQUIRE(q[5] == 127);
    }
  }
}

TEST_CASE("scales that are not finite are refused in every type") {
  struct Case {
    model::TensorType type;
    std::vector<std::size_t> scales;  // offsets of the upper byte of a scale or number
  };
  using model::TensorType;
  for (const Case& each :
       {Case{TensorType::f32, {3}}, Case{TensorType::f16, {1}}, Case{TensorType::bf16, {1}},
        Case{TensorType::q8_0, {1}}, Case{TensorType::q4_0, {1}}, Case{TensorType::q4_k, {1, 3}},
        Case{TensorType::q6_k, {209}}, Case{TensorType::q5_k, {1, 3}},
        Case{TensorType::q4_1, {1, 3}}, Case{TensorType::q5_0, {1}},
        Case{TensorType::q5_1, {1, 3}}}) {
    INFO(model::to_string(each.type));
    const auto tensor = tensor_of(each.type, 256, 1);
    REQUIRE_OK(Matrix::pack(tensor, Bytes(tensor.size)));
    for (const std::size_t at : each.scales) {
      Bytes data(tensor.size);
      data[at] = std::byte{0x7f};
      data[at - 1] = std::byte{0xc0};
      REQUIRE_RULE(Matrix::pack(tensor, data), rules::matrix_not_finite);
    }
  }
  const auto tensor = tensor_of(TensorType::mxfp4, 256, 1);
  Bytes data(tensor.size);
  for (const int exponent : {0, 1, 2, 254}) {
    data[0] = static_cast<std::byte>(exponent);
    data[1] = std::byte{2};  // the first weight is 1
    std::vector<float> row(256);
    must(Matrix::pack(tensor, data)).row(0, row);
    REQUIRE(row[0] == std::ldexp(1.0F, exponent - 127));
  }
  data[0] = std::byte{255};
  REQUIRE_RULE(Matrix::pack(tensor, data), rules::matrix_not_finite);
}
