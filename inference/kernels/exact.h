// The profile "exact-1": every operation of the runtime, specified to the bit.
//
// This header is the specification. What it writes as plain C++ over IEEE 754 binary32 and
// binary64, rounding to nearest even, subnormals kept, with a fused multiply-add exactly where
// std::fma stands, every kernel computes with the same bits, on every instruction set, for one
// position or for many, with one thread or with many. What makes that possible:
//
//   - products of integers are summed as integers, where order does not matter;
//   - a sum of floats has one order: along the summed dimension for a matrix and for attention (a
//     lane is an output row), or sixteen lanes and one tree for a vector;
//   - the summed dimension is never split between threads;
//   - exp, sine, cosine and logarithm are those below, and nobody else's.
//
// A change of any bit of this makes another profile, with another name.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "libattest/model/half.h"

namespace attest::inference::exact {

inline constexpr std::string_view profile = "exact-1";

// The profile "exact-1-kv8" is exact-1 but for the keys and values it remembers: "Keys and values
// in bytes" below.
enum class Profile { exact_1, exact_1_kv8 };

inline constexpr std::string_view name_of(Profile each) {
  return each == Profile::exact_1 ? profile : "exact-1-kv8";
}
inline constexpr std::optional<Profile> find_profile(std::string_view name) {
  for (const Profile each : {Profile::exact_1, Profile::exact_1_kv8})
    if (name == name_of(each)) return each;
  return {};
}

// nearest_even rounds |x| < 2^22 to a whole number, ties to even: beyond 2^23 floats are whole.
inline float nearest_even(float x) {
  constexpr float whole_numbers = 12582912.0F;  // 1.5 * 2^23
  const float shifted = x + whole_numbers;
  return shifted - whole_numbers;
}

// --- Sums of a vector -------------------------------------------------------------------------

// Element i goes to lane i mod 16; lanes are then added in a tree, lane j and lane j + width.
inline constexpr std::size_t lanes = 16;
using Lanes = std::array<float, lanes>;

inline float sum_of_lanes(Lanes lane) {
  for (std::size_t width = lanes / 2; width > 0; width /= 2)
    for (std::size_t j = 0; j < width; ++j) lane[j] = lane[j] + lane[j + width];
  return lane[0];
}

inline float sum(std::span<const float> x) {
  Lanes lane{};
  for (std::size_t i = 0; i < x.size(); ++i) lane[i % lanes] = lane[i % lanes] + x[i];
  return sum_of_lanes(lane);
}

inline float sum_of_squares(std::span<const float> x) {
  Lanes lane{};
  for (std::size_t i = 0; i < x.size(); ++i) lane[i % lanes] = lane[i % lanes] + x[i] * x[i];
  return sum_of_lanes(lane);
}

// --- Functions of one float -------------------------------------------------------------------

// exp: 0 below -87, that of 88 above 88, NaN of NaN. x = n ln 2 + r with ln 2 in two parts; a
// polynomial in r (coefficients of the Cephes library's expf); then 2^n by its exponent bits.
inline float exp(float x) {
  if (x != x) return x;
  if (x < -87.0F) return 0.0F;
  x = x > 88.0F ? 88.0F : x;
  const float n = nearest_even(x * 1.44269504088896341F);
  const float r = (x - n * 0.693359375F) - n * -2.12194440e-4F;
  float p = 1.9875691500e-4F;
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  const float y = (p * (r * r) + r) + 1.0F;
  return y * std::bit_cast<float>((static_cast<std::int32_t>(n) + 127) << 23);
}

inline float silu(float x) {
  return x / (1.0F + exp(-x));
}

// tanh by exp; nothing overflows, since exp has its bounds.
inline float tanh(float x) {
  return 1.0F - 2.0F / (exp(x + x) + 1.0F);
}

// gelu by its approximation with tanh.
inline float gelu(float x) {
  const float inner = 0.7978845608F * (x + 0.044715F * (x * x * x));
  return (0.5F * x) * (1.0F + tanh(inner));
}

// erf by Abramowitz and Stegun's formula 7.1.26, an odd function; off by 5e-7 at most.
inline float erf(float x) {
  const float size = std::fabs(x);
  const float t = 1.0F / (1.0F + 0.3275911F * size);
  float p = 1.061405429F;
  p = p * t + -1.453152027F;
  p = p * t + 1.421413741F;
  p = p * t + -0.284496736F;
  p = p * t + 0.254829592F;
  const float y = 1.0F - (p * t) * exp(-(size * size));
  return x < 0.0F ? -y : y;
}

// gelu as it is defined, by erf: what encoders have.
inline float gelu_by_erf(float x) {
  return (0.5F * x) * (1.0F + erf(x * 0.70710678118654752F));
}

// softly_capped keeps x between -cap and cap.
inline float softly_capped(float x, float cap) {
  return cap * tanh(x / cap);
}

// --- Normalisation and softmax ----------------------------------------------------------------

// rms_norm: y = (x * s) * w with s = 1 / sqrt(mean of squares + epsilon).
inline void rms_norm(std::span<const float> x, std::span<const float> weight, float epsilon,
                     std::span<float> y) {
  const float mean = sum_of_squares(x) / static_cast<float>(x.size());
  const float scale = 1.0F / std::sqrt(mean + epsilon);
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = (x[i] * scale) * weight[i];
}

// layer_norm: y = ((x - mean) * s) * w + b with s = 1 / sqrt(mean of squares of x - mean +
// epsilon).
inline void layer_norm(std::span<float> x, std::span<const float> weight,
                       std::span<const float> bias, float epsilon) {
  const float mean = sum(x) / static_cast<float>(x.size());
  for (float& value : x) value = value - mean;
  const float variance = sum_of_squares(x) / static_cast<float>(x.size());
  const float scale = 1.0F / std::sqrt(variance + epsilon);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = (x[i] * scale) * weight[i] + bias[i];
}

// softmax_numerators replaces scores by exp(score - largest) and gives their sum. Positions go to
// lanes by their absolute number, so that neither batch nor cache moves the borders.
inline float softmax_numerators(std::span<float> scores) {
  float largest = scores[0];
  for (const float score : scores) largest = score > largest ? score : largest;
  for (float& score : scores) score = exp(score - largest);
  return sum(scores);
}

// --- Rotary positions -------------------------------------------------------------------------

// ln of a normal positive number: x = m * 2^e with m in [sqrt(1/2), sqrt(2)), and the series of
// atanh((m - 1) / (m + 1)) to its 23rd power.
inline double logarithm(double x) {
  const std::uint64_t bits = std::bit_cast<std::uint64_t>(x);
  double exponent = static_cast<double>(static_cast<std::int64_t>(bits >> 52) - 1023);
  double m = std::bit_cast<double>((bits & 0xfffffffffffffULL) | 0x3ff0000000000000ULL);
  if (m > 1.4142135623730951) {
    m = m * 0.5;
    exponent = exponent + 1.0;
  }
  const double s = (m - 1.0) / (m + 1.0);
  const double square = s * s;
  double p = 0.0;
  for (int power = 23; power >= 1; power -= 2) p = p * square + 1.0 / static_cast<double>(power);
  return exponent * 0.6931471805599453 + 2.0 * s * p;
}

// exponential of -700 … 700: x = n ln 2 + r, Taylor's series to r^17, 2^n by its exponent bits.
inline double exponential(double x) {
  const double shifted = x * 1.4426950408889634 + 6755399441055744.0;  // 1.5 * 2^52
  const double n = shifted - 6755399441055744.0;
  const double r = (x - n * 0.693147180369123816490) - n * 1.90821492927058770002e-10;
  double p = 1.0;
  for (int k = 17; k >= 1; --k) p = p * r / static_cast<double>(k) + 1.0;
  const std::int64_t exponent = static_cast<std::int64_t>(n) + 1023;
  return p * std::bit_cast<double>(exponent << 52);
}

struct SineCosine {
  float sine;
  float cosine;
};

// sine_cosine of an angle of 0 … 2^20 radians: quarter turns are taken away with pi/2 in three
// parts of 33 bits, then Taylor's series to the 17th and 16th power, and one rounding to float.
inline SineCosine sine_cosine(double angle) {
  const double shifted = angle * 0.63661977236758134 + 6755399441055744.0;
  const double turns = shifted - 6755399441055744.0;
  const double r =
      ((angle - turns * 1.57079632673412561417e+00) - turns * 6.07710050630396597660e-11) -
      turns * 2.02226624879595063154e-21;
  const double square = r * r;
  double sine = 1.0;
  for (int k = 17; k >= 3; k -= 2) sine = 1.0 - sine * square / static_cast<double>(k * (k - 1));
  sine = sine * r;
  double cosine = 1.0;
  for (int k = 16; k >= 2; k -= 2)
    cosine = 1.0 - cosine * square / static_cast<double>(k * (k - 1));
  const auto quarter = static_cast<std::uint64_t>(static_cast<std::int64_t>(turns)) & 3U;
  const double s = quarter % 2 == 0 ? sine : cosine;
  const double c = quarter % 2 == 0 ? cosine : sine;
  return {static_cast<float>(quarter >= 2 ? -s : s),
          static_cast<float>(quarter == 1 || quarter == 2 ? -c : c)};
}

// rope_frequency of pair i of a head that rotates `dimensions` elements: base^(-2i / dimensions).
inline double rope_frequency(double base, std::size_t pair, std::size_t dimensions) {
  const double exponent = -2.0 * static_cast<double>(pair) / static_cast<double>(dimensions);
  return exponential(exponent * logarithm(base));
}

// rotate turns the pair (x, y) by one angle: products and difference rounded one by one.
inline void rotate(float& x, float& y, SineCosine by) {
  const float turned_x = x * by.cosine - y * by.sine;
  const float turned_y = x * by.sine + y * by.cosine;
  x = turned_x;
  y = turned_y;
}

// --- Quantised activations ---------------------------------------------------------------------

// Quantised weights meet activations of signed bytes with a scale: m the largest |x|, scale = m /
// 127, q = x * (127 / m) to the nearest, ties to even; all zeros where m < 2^-100. A value that is
// not finite makes the scale NaN, so that it reaches the logits and is refused there.
//   Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, MXFP4  runs of 32, the scale rounded to f16 as Q8_0 stores it
//   Q4_K, Q5_K, Q6_K                     blocks of 256, the scale as it is
inline constexpr std::size_t run = 32;
inline constexpr std::size_t block = 256;

inline float quantise(std::span<const float> x, std::span<std::int8_t> q) {
  float largest = 0.0F;
  float zero = 0.0F;
  for (const float value : x) {
    const float magnitude = std::fabs(value);
    largest = magnitude > largest ? magnitude : largest;
    zero = zero + value * 0.0F;  // NaN as soon as one value is not finite
  }
  if (largest < 0x1p-100F || zero != 0.0F) {
    std::ranges::fill(q, std::int8_t{0});
    return zero != 0.0F ? zero : 0.0F;
  }
  const float inverse = 127.0F / largest;
  for (std::size_t i = 0; i < x.size(); ++i)
    q[i] = static_cast<std::int8_t>(nearest_even(x[i] * inverse));
  return largest / 127.0F;
}

inline float quantise_run(std::span<const float, run> x, std::span<std::int8_t, run> q) {
  return model::f32_from_f16(model::f16_from_f32(quantise(x, q)));
}
inline float quantise_block(std::span<const float, block> x, std::span<std::int8_t, block> q) {
  return quantise(x, q);
}

// --- Rows of a matrix times a vector -----------------------------------------------------------

// A row of floats (F32 as it is, F16 and BF16 widened, which is exact): fused, in order. Attention
// is the same twice: scores are rows of keys times a query, an answer is rows of values, one for
// each dimension, times the numerators of the softmax.
//   sum = 0;  for k: sum = fma(w[k], x[k], sum)
inline float step(float sum_so_far, float weight, float x) {
  return std::fma(weight, x, sum_so_far);
}

// A row of Q8_0, of Q4_0 with w = nibble - 8, of Q5_0 with w = 5 bits - 16, or of MXFP4 with w of
// 0, 1, 2, 3, 4, 6, 8, 12 and their negatives and the scale 2^(exponent - 128): whole numbers
// inside a run, one fused step a run, in order.
//   sum = 0;  for each run: sum = fma(float(sum of w * q), weight scale * activation scale, sum)
// Q4_1 and Q5_1, w = 4 or 5 bits, have a float m in each run that is added to every weight: one
// more fused step a run, behind the first.
//   sum = fma(float(sum of q), m * activation scale, sum)
inline float step(float sum_so_far, std::int32_t products, float weight_scale, float x_scale) {
  return std::fma(static_cast<float>(products), weight_scale * x_scale, sum_so_far);
}

// A row of K types: a block of 256 has parts with whole scales. Whole numbers inside a part; parts
// are joined by fused steps, in order; then one fused step a block.
//   Q4_K  8 parts of 32, w = nibble;        then the minimums, whole numbers, one more fused step
//   Q5_K  as Q4_K, w = 5 bits
//   Q6_K  16 parts of 16, w = 6 bits - 32
//   joined = 0;  for each part: joined = fma(float(sum of w * q), float(part's scale), joined)
//   sum = fma(joined, d * activation scale, sum)
//   sum = fma(-float(sum of minimum * part's sum of q), dmin * activation scale, sum)
inline float join(float joined_so_far, std::int32_t products, std::int32_t part_scale) {
  return std::fma(static_cast<float>(products), static_cast<float>(part_scale), joined_so_far);
}
inline float step_joined(float sum_so_far, float joined, float d, float x_scale) {
  return std::fma(joined, d * x_scale, sum_so_far);
}
inline float step_minimums(float sum_so_far, std::int32_t minimums, float dmin, float x_scale) {
  return std::fma(-static_cast<float>(minimums), dmin * x_scale, sum_so_far);
}

// Single weights, where a row is read as floats (the embedding of a token):
//   Q8_0, Q4_0, Q5_0, MXFP4  d * w                Q6_K  (d * scale) * w
//   Q4_1, Q5_1  d * w + m                         Q4_K, Q5_K  (d * scale) * w - dmin * minimum
// fp4_weights and power_of_exponent are MXFP4's weights by nibble and its scales: 2^(exponent -
// 128), of which the two smallest are subnormal.
inline constexpr std::array<std::int8_t, 16> fp4_weights = {0, 1,  2,  3,  4,  6,  8,  12,
                                                            0, -1, -2, -3, -4, -6, -8, -12};
inline float power_of_exponent(std::uint8_t exponent) {
  const std::uint32_t bits = exponent;
  return std::bit_cast<float>(exponent >= 2 ? (bits - 1) << 23 : 0x200000U << bits);
}
inline float weight(float d, std::int32_t w) {
  return d * static_cast<float>(w);
}
inline float weight_above(float d, std::int32_t w, float m) {
  return d * static_cast<float>(w) + m;
}
inline float weight(float d, std::int32_t part_scale, std::int32_t w) {
  return (d * static_cast<float>(part_scale)) * static_cast<float>(w);
}
inline float weight(float d, std::int32_t part_scale, std::int32_t w, float dmin,
                    std::int32_t minimum) {
  return weight(d, part_scale, w) - dmin * static_cast<float>(minimum);
}

// --- Keys and values in bytes -------------------------------------------------------------------

// exact-1-kv8 keeps each head's key, behind its rotation, and value in runs of 32: quantise_run, so
// a scale (f16) and bytes a run. Heads are whole runs.
//   score = a row of Q8_0, which the key is, times the query in runs of 32
//   answer: sum = 0;  for each position: sum = step(sum, float(byte of the value), numerator of the
//           softmax * scale of its run)

}  // namespace attest::inference::exact
