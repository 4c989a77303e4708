// The functions of vectors of kernels.h over 16 lanes, written once for all instruction sets: see
// vector_kernels.h.
#pragma once

#include <cstddef>
#include <cstdint>

namespace attest::inference {

template <typename Simd>
struct VectorFunctions {
  using F = typename Simd::F;

  // exp of exact.h, lane by lane.
  static F exp(F x) {
    const F bounded = Simd::least(x, Simd::all(88.0F));
    const F shifted =
        Simd::add(Simd::mul(bounded, Simd::all(1.44269504088896341F)), Simd::all(12582912.0F));
    const F n = Simd::sub(shifted, Simd::all(12582912.0F));
    const F r = Simd::sub(Simd::sub(bounded, Simd::mul(n, Simd::all(0.693359375F))),
                          Simd::mul(n, Simd::all(-2.12194440e-4F)));
    F p = Simd::all(1.9875691500e-4F);
    p = Simd::add(Simd::mul(p, r), Simd::all(1.3981999507e-3F));
    p = Simd::add(Simd::mul(p, r), Simd::all(8.3334519073e-3F));
    p = Simd::add(Simd::mul(p, r), Simd::all(4.1665795894e-2F));
    p = Simd::add(Simd::mul(p, r), Simd::all(1.6666665459e-1F));
    p = Simd::add(Simd::mul(p, r), Simd::all(5.0000001201e-1F));
    const F y = Simd::add(Simd::add(Simd::mul(p, Simd::mul(r, r)), r), Simd::all(1.0F));
    const F result = Simd::mul(y, Simd::power_of_two(n));
    return Simd::where_nan(x, x, Simd::where_less(x, Simd::all(-87.0F), Simd::zero(), result));
  }

  // in_sixteens calls `body` with 16 floats of x at a time; the last are padded with `padding`.
  template <typename Body>
  static void in_sixteens(float* x, std::size_t count, float padding, Body body) {
    std::size_t i = 0;
    for (; i + 16 <= count; i += 16) body(x + i);
    if (i == count) return;
    float rest[16];
    for (std::size_t j = 0; j < 16; ++j) rest[j] = i + j < count ? x[i + j] : padding;
    body(rest);
    for (std::size_t j = 0; i + j < count; ++j) x[i + j] = rest[j];
  }

  static float sum_of_lanes(F lanes) {
    float lane[16];
    Simd::store(lane, lanes);
    for (std::size_t width = 8; width > 0; width /= 2)
      for (std::size_t j = 0; j < width; ++j) lane[j] = lane[j] + lane[j + width];
    return lane[0];
  }

  static float largest_of_lanes(F lanes) {
    float lane[16];
    Simd::store(lane, lanes);
    float largest = lane[0];
    for (const float each : lane) largest = each > largest ? each : largest;
    return largest;
  }

  // Padding with 0 leaves sums of what is not negative as they are.
  static float softmax_numerators(float* scores, std::size_t count) {
    F most = Simd::all(scores[0]);
    in_sixteens(scores, count, scores[0],
                [&](float* at) { most = Simd::most(Simd::load(at), most); });
    const F largest = Simd::all(largest_of_lanes(most));
    F sum = Simd::zero();
    in_sixteens(scores, count, -__builtin_inff(), [&](float* at) {
      const F numerators = exp(Simd::sub(Simd::load(at), largest));
      Simd::store(at, numerators);
      sum = Simd::add(sum, numerators);
    });
    return sum_of_lanes(sum);
  }

  static void silu_times(float* gate, const float* up, std::size_t count) {
    const auto body = [](const float* g, const float* u) {
      const F x = Simd::load(g);
      const F silu = Simd::div(x, Simd::add(Simd::all(1.0F), exp(Simd::negated(x))));
      return Simd::mul(silu, Simd::load(u));
    };
    std::size_t i = 0;
    for (; i + 16 <= count; i += 16) Simd::store(gate + i, body(gate + i, up + i));
    if (i == count) return;
    float g[16] = {};
    float u[16] = {};
    for (std::size_t j = 0; i + j < count; ++j) {
      g[j] = gate[i + j];
      u[j] = up[i + j];
    }
    Simd::store(g, body(g, u));
    for (std::size_t j = 0; i + j < count; ++j) gate[i + j] = g[j];
  }

  static void rms_norm(const float* x, const float* weight, std::size_t count, float epsilon,
                       float* y) {
    F squares = Simd::zero();
    std::size_t i = 0;
    for (; i + 16 <= count; i += 16) {
      const F values = Simd::load(x + i);
      squares = Simd::add(squares, Simd::mul(values, values));
    }
    if (i < count) {
      float rest[16] = {};
      for (std::size_t j = 0; i + j < count; ++j) rest[j] = x[i + j];
      const F values = Simd::load(rest);
      squares = Simd::add(squares, Simd::mul(values, values));
    }
    const float mean = sum_of_lanes(squares) / static_cast<float>(count);
    const float scale = 1.0F / __builtin_sqrtf(mean + epsilon);
    for (i = 0; i + 16 <= count; i += 16)
      Simd::store(
          y + i, Simd::mul(Simd::mul(Simd::load(x + i), Simd::all(scale)), Simd::load(weight + i)));
    for (; i < count; ++i) y[i] = (x[i] * scale) * weight[i];
  }

  // quantise of exact.h over `count` floats, a multiple of 16; the scale before it is rounded.
  template <std::size_t count>
  static float quantise(const float* x, std::int8_t* q) {
    F most = Simd::zero();
    F zeros = Simd::zero();
    for (std::size_t i = 0; i < count; i += 16) {
      const F values = Simd::load(x + i);
      most = Simd::most(Simd::magnitude(values), most);
      zeros = Simd::add(zeros, Simd::mul(values, Simd::zero()));
    }
    const float largest = largest_of_lanes(most);
    const float zero = sum_of_lanes(zeros);
    const bool finite = zero == 0.0F;
    if (largest < 0x1p-100F || !finite) {
      for (std::size_t i = 0; i < count; ++i) q[i] = 0;
      return finite ? 0.0F : __builtin_nanf("");
    }
    const F inverse = Simd::all(127.0F / largest);
    for (std::size_t i = 0; i < count; i += 16)
      Simd::store_bytes(q + i, Simd::mul(Simd::load(x + i), inverse));
    return largest / 127.0F;
  }
  static float quantise_run(const float* x, std::int8_t* q) {
    return Simd::rounded_to_half(quantise<32>(x, q));
  }
  static float quantise_block(const float* x, std::int8_t* q) { return quantise<256>(x, q); }
};

}  // namespace attest::inference
