// The kernels of kernels.h over vectors of 16 lanes, written once for all instruction sets that
// have them. An instruction set is a struct `Simd` in its own source's unnamed namespace, so that
// every instance of what stands here belongs to that source alone: code compiled for one processor
// never ends up in another's path. For the same reason nothing here calls an inline function of any
// other header.
//
// Simd has: F, 16 floats; I, 16 i32; B, 16 x 4 bytes; and the operations used below, each of which
// rounds as one IEEE operation. `vectors` and `panels` say how many of each share a loop.
#pragma once

#include "inference/kernels/kernels.h"

namespace attest::inference {

template <typename Simd>
struct VectorKernels {
  using F = typename Simd::F;
  using I = typename Simd::I;
  using B = typename Simd::B;

  // --- Panels -----------------------------------------------------------------------------------

  // Sums of `vectors` vectors and `panels` panels, in registers.
  template <std::size_t vectors, std::size_t panels>
  struct Sums {
    F at[panels][vectors];

    void load(const PanelOutput& y, float* from) {
      for (std::size_t p = 0; p < panels; ++p)
        for (std::size_t t = 0; t < vectors; ++t)
          at[p][t] = y.begins ? Simd::zero() : Simd::load(from + t * y.stride + p * panel_rows);
    }
    void store(const PanelOutput& y, float* to) const {
      for (std::size_t p = 0; p < panels; ++p)
        for (std::size_t t = 0; t < vectors; ++t)
          Simd::store(to + t * y.stride + p * panel_rows, at[p][t]);
    }
  };

  // walk runs Kernel over all vectors of a tile and all panels, as many at once as registers allow.
  // Kernel::add<vectors, panels>(weights, panel stride, tile, first vector, first, units, sums).
  template <typename Kernel>
  static void walk(Panels w, const Tile& x, std::size_t first, std::size_t units, PanelOutput y) {
    for (std::size_t t = 0; t < x.count;) {
      const std::size_t left = x.count - t;
      const std::size_t vectors = left < Simd::vectors ? left : Simd::vectors;
      for (std::size_t p = 0; p < w.count;) {
        const std::size_t panels = w.count - p >= Simd::panels && vectors > 1 ? Simd::panels : 1;
        if (panels == 1)
          some<Kernel, 1>(vectors, w, x, t, p, first, units, y);
        else
          some<Kernel, Simd::panels>(vectors, w, x, t, p, first, units, y);
        p += panels;
      }
      t += vectors;
    }
  }

  template <typename Kernel, std::size_t panels>
  static void some(std::size_t vectors, const Panels& w, const Tile& x, std::size_t t,
                   std::size_t p, std::size_t first, std::size_t units, const PanelOutput& y) {
    if constexpr (Simd::vectors >= 6) {
      if (vectors == 6) return one<Kernel, 6, panels>(w, x, t, p, first, units, y);
      if (vectors == 5) return one<Kernel, 5, panels>(w, x, t, p, first, units, y);
      if (vectors == 4) return one<Kernel, 4, panels>(w, x, t, p, first, units, y);
      if (vectors == 3) return one<Kernel, 3, panels>(w, x, t, p, first, units, y);
    }
    if (vectors == 2) return one<Kernel, 2, panels>(w, x, t, p, first, units, y);
    return one<Kernel, 1, panels>(w, x, t, p, first, units, y);
  }

  template <typename Kernel, std::size_t vectors, std::size_t panels>
  static void one(const Panels& w, const Tile& x, std::size_t t, std::size_t p, std::size_t first,
                  std::size_t units, const PanelOutput& y) {
    float* const at = y.values + t * y.stride + p * panel_rows;
    Sums<vectors, panels> sums;
    sums.load(y, at);
    Kernel::template add<vectors, panels>(w.data + p * w.stride, w.stride, x, t, first, units,
                                          sums);
    sums.store(y, at);
  }

  struct Singles {
    static constexpr std::size_t bytes = 4;
    static F widened(const std::uint8_t* at) { return Simd::singles(at); }
  };
  struct Halves {
    static constexpr std::size_t bytes = 2;
    static F widened(const std::uint8_t* at) { return Simd::halves(at); }
  };
  struct Bfloats {
    static constexpr std::size_t bytes = 2;
    static F widened(const std::uint8_t* at) { return Simd::bfloats(at); }
  };

  template <typename Weight>
  struct Floats {
    template <std::size_t vectors, std::size_t panels>
    static void add(const std::uint8_t* w, std::size_t stride, const Tile& x, std::size_t t0,
                    std::size_t first, std::size_t units, Sums<vectors, panels>& sums) {
      const float* const values = x.floats + t0 * x.stride;
      for (std::size_t k = first; k < first + units; ++k) {
        F weight[panels];
        for (std::size_t p = 0; p < panels; ++p)
          weight[p] = Weight::widened(w + p * stride + Weight::bytes * panel_rows * k);
        for (std::size_t t = 0; t < vectors; ++t) {
          const F value = Simd::broadcast(values + t * x.stride + k);
          for (std::size_t p = 0; p < panels; ++p)
            sums.at[p][t] = Simd::fma(weight[p], value, sums.at[p][t]);
        }
      }
    }
  };

  // step: sum = fma(float(products), weight scale * activation scale, sum).
  template <typename Scale, std::size_t vectors, std::size_t panels>
  static void step(const std::uint8_t* run, std::size_t stride, const float* scales,
                   const I (&products)[panels][vectors], Sums<vectors, panels>& sums) {
    for (std::size_t p = 0; p < panels; ++p) {
      const F scale = Scale::widened(run + p * stride);
      for (std::size_t t = 0; t < vectors; ++t)
        sums.at[p][t] = Simd::fma(Simd::to_float(products[p][t]),
                                  Simd::mul(scale, Simd::broadcast(scales + t)), sums.at[p][t]);
    }
  }

  // Signed bytes: Q8_0, and MXFP4, whose scales are f32.
  template <typename Scale>
  struct SignedBytes {
    template <std::size_t vectors, std::size_t panels>
    static void add(const std::uint8_t* w, std::size_t stride, const Tile& x, std::size_t t0,
                    std::size_t first, std::size_t units, Sums<vectors, panels>& sums) {
      for (std::size_t r = first; r < first + units; ++r) {
        const std::uint8_t* const run = w + r * (scales + 8 * 64);
        const std::size_t at = r * x.count + t0;
        Simd::expect(run + ahead);
        I products[panels][vectors];
        for (std::size_t t = 0; t < vectors; ++t)
          for (std::size_t p = 0; p < panels; ++p)
            products[p][t] = Simd::broadcast(x.minus_128_sums + at + t);
        for (std::size_t group = 0; group < 8; ++group) {
          B weights[panels];
          for (std::size_t p = 0; p < panels; ++p)
            weights[p] = Simd::bytes(run + p * stride + scales + 64 * group);
          for (std::size_t t = 0; t < vectors; ++t) {
            const B values = Simd::four(x.values + (at + t) * 32 + 4 * group);
            for (std::size_t p = 0; p < panels; ++p)
              products[p][t] = Simd::dot_bytes(products[p][t], weights[p], values);
          }
        }
        step<Scale, vectors, panels>(run, stride, x.scales + at, products, sums);
      }
    }

   private:
    static constexpr std::size_t scales = Scale::bytes * panel_rows;
  };

  // Small bytes and a float above them: Q4_1 and Q5_1.
  struct Q5_1 {
    template <std::size_t vectors, std::size_t panels>
    static void add(const std::uint8_t* w, std::size_t stride, const Tile& x, std::size_t t0,
                    std::size_t first, std::size_t units, Sums<vectors, panels>& sums) {
      for (std::size_t r = first; r < first + units; ++r) {
        const std::uint8_t* const run = w + r * q5_1_panel_run_bytes;
        const std::size_t at = r * x.count + t0;
        Simd::expect(run + ahead);
        I products[panels][vectors];
        for (std::size_t t = 0; t < vectors; ++t)
          for (std::size_t p = 0; p < panels; ++p) products[p][t] = Simd::no_products();
        for (std::size_t group = 0; group < 8; ++group)
          for (std::size_t p = 0; p < panels; ++p) {
            const B weights = Simd::bytes(run + p * stride + 64 + 64 * group);
            for (std::size_t t = 0; t < vectors; ++t)
              products[p][t] = Simd::dot_small(products[p][t], weights,
                                               Simd::four(x.values + (at + t) * 32 + 4 * group));
          }
        step<Halves, vectors, panels>(run, stride, x.scales + at, products, sums);
        for (std::size_t p = 0; p < panels; ++p) {
          const F above = Simd::halves(run + p * stride + 32);
          for (std::size_t t = 0; t < vectors; ++t) {
            // -128 times a sum of at most 32 * 127: no bit is lost on the way back.
            const F sum_of_values = Simd::mul(
                Simd::to_float(Simd::broadcast(x.minus_128_sums + at + t)), Simd::all(-0x1p-7F));
            sums.at[p][t] = Simd::fma(
                sum_of_values, Simd::mul(above, Simd::broadcast(x.scales + at + t)), sums.at[p][t]);
          }
        }
      }
    }
  };

  struct Q4_0 {
    template <std::size_t vectors, std::size_t panels>
    static void add(const std::uint8_t* w, std::size_t stride, const Tile& x, std::size_t t0,
                    std::size_t first, std::size_t units, Sums<vectors, panels>& sums) {
      for (std::size_t r = first; r < first + units; ++r) {
        const std::uint8_t* const run = w + r * q4_0_panel_run_bytes;
        const std::size_t at = r * x.count + t0;
        Simd::expect(run + ahead);
        I products[panels][vectors];
        for (std::size_t t = 0; t < vectors; ++t)
          for (std::size_t p = 0; p < panels; ++p)
            products[p][t] = Simd::broadcast(x.minus_8_sums + at + t);
        for (std::size_t group = 0; group < 4; ++group) {
          B low[panels];
          B high[panels];
          for (std::size_t p = 0; p < panels; ++p) {
            const B both = Simd::bytes(run + p * stride + 32 + 64 * group);
            low[p] = Simd::low_nibbles(both);
            high[p] = Simd::high_nibbles(both);
          }
          for (std::size_t t = 0; t < vectors; ++t) {
            const std::int8_t* const values = x.values + (at + t) * 32 + 4 * group;
            const B first_values = Simd::four(values);
            const B second_values = Simd::four(values + 16);
            for (std::size_t p = 0; p < panels; ++p) {
              products[p][t] = Simd::dot_small(products[p][t], low[p], first_values);
              products[p][t] = Simd::dot_small(products[p][t], high[p], second_values);
            }
          }
        }
        step<Halves, vectors, panels>(run, stride, x.scales + at, products, sums);
      }
    }
  };

  template <std::size_t vectors, std::size_t panels>
  using Joined = F[panels][vectors];

  template <std::size_t vectors, std::size_t panels>
  static void clear(Joined<vectors, panels>& joined) {
    for (std::size_t p = 0; p < panels; ++p)
      for (std::size_t t = 0; t < vectors; ++t) joined[p][t] = Simd::zero();
  }

  // Weights of Q4_K are nibbles, those of Q5_K bytes.
  template <bool nibbles>
  struct WithMinimums {
    static constexpr std::size_t bytes = nibbles ? q4_k_panel_block_bytes : q5_k_panel_block_bytes;
    static constexpr std::size_t pair_bytes = nibbles ? 512 : 1024;

    // One part of 32 columns; `parity` says whether it is the first or second of its pair.
    template <std::size_t parity, std::size_t vectors, std::size_t panels>
    static void part(const std::uint8_t* quants, const std::uint8_t* scales, std::size_t stride,
                     const std::int8_t* q, Joined<vectors, panels>& joined) {
      I products[panels][vectors];
      for (std::size_t p = 0; p < panels; ++p)
        for (std::size_t t = 0; t < vectors; ++t) products[p][t] = Simd::no_products();
      for (std::size_t group = 0; group < 8; ++group) {
        B weights[panels];
        for (std::size_t p = 0; p < panels; ++p) {
          if constexpr (nibbles) {
            const B both = Simd::bytes(quants + p * stride + 64 * group);
            weights[p] = parity == 0 ? Simd::low_nibbles(both) : Simd::high_nibbles(both);
          } else {
            weights[p] = Simd::bytes(quants + p * stride + 512 * parity + 64 * group);
          }
        }
        for (std::size_t t = 0; t < vectors; ++t) {
          const B values = Simd::four(q + t * 32 + 4 * group);
          for (std::size_t p = 0; p < panels; ++p)
            products[p][t] = Simd::dot_small(products[p][t], weights[p], values);
        }
      }
      for (std::size_t p = 0; p < panels; ++p) {
        const F scale = Simd::unsigned_bytes(scales + p * stride);
        for (std::size_t t = 0; t < vectors; ++t)
          joined[p][t] = Simd::fma(Simd::to_float(products[p][t]), scale, joined[p][t]);
      }
    }

    template <std::size_t vectors, std::size_t panels>
    static void add(const std::uint8_t* w, std::size_t stride, const Tile& x, std::size_t t0,
                    std::size_t first, std::size_t units, Sums<vectors, panels>& sums) {
      for (std::size_t b = first; b < first + units; ++b) {
        const std::uint8_t* const block = w + b * bytes;
        const std::uint8_t* const scales = block + 64;
        const std::uint8_t* const minimums = scales + 128;
        const std::uint8_t* const quants = minimums + 128;
        Joined<vectors, panels> joined;
        clear<vectors, panels>(joined);
        for (std::size_t k = 0; k < 4; ++k) {
          for (std::size_t line = 0; line < 9; ++line)
            Simd::expect(quants + pair_bytes * k + 64 * line + ahead);
          const std::int8_t* const q = x.values + ((b * 8 + 2 * k) * x.count + t0) * 32;
          const std::uint8_t* const pair = quants + pair_bytes * k;
          part<0, vectors, panels>(pair, scales + 32 * k, stride, q, joined);
          part<1, vectors, panels>(pair, scales + 32 * k + 16, stride, q + x.count * 32, joined);
        }
        for (std::size_t p = 0; p < panels; ++p) {
          const F d = Simd::halves(block + p * stride);
          const F dmin = Simd::halves(block + p * stride + 32);
          for (std::size_t t = 0; t < vectors; ++t) {
            const F scale = Simd::broadcast(x.scales + b * x.count + t0 + t);
            F& sum = sums.at[p][t];
            sum = Simd::fma(joined[p][t], Simd::mul(d, scale), sum);
            I minimum_sum = Simd::no_products();
            for (std::size_t k = 0; k < 4; ++k)
              minimum_sum = Simd::dot_pairs(minimum_sum, minimums + p * stride + 32 * k,
                                            x.pair_sums + (b * 4 + k) * x.count + t0 + t);
            sum = Simd::minus_fma(Simd::to_float(minimum_sum), Simd::mul(dmin, scale), sum);
          }
        }
      }
    }
  };

  struct Q6_K {
    // Part `part` of a half block: 16 columns in four groups.
    template <std::size_t part, std::size_t vectors, std::size_t panels>
    static void sixteen(const std::uint8_t* low, const std::uint8_t* high,
                        const std::uint8_t* scales, std::size_t stride, const std::int8_t* values,
                        const std::int32_t* offsets, Joined<vectors, panels>& joined) {
      I products[panels][vectors];
      for (std::size_t t = 0; t < vectors; ++t)
        for (std::size_t p = 0; p < panels; ++p) products[p][t] = Simd::broadcast(offsets + t);
      for (std::size_t group = 0; group < 4; ++group) {
        B weights[panels];
        for (std::size_t p = 0; p < panels; ++p)
          weights[p] = Simd::template six_bits<part / 2, (part >= 4)>(
              Simd::bytes(low + p * stride + 64 * (part % 4 * 4 + group)),
              Simd::bytes(high + p * stride + 64 * (part % 2 * 4 + group)));
        for (std::size_t t = 0; t < vectors; ++t) {
          const B q = Simd::four(values + t * 32 + part % 2 * 16 + 4 * group);
          for (std::size_t p = 0; p < panels; ++p)
            products[p][t] = Simd::dot_small(products[p][t], weights[p], q);
        }
      }
      for (std::size_t p = 0; p < panels; ++p) {
        const F scale = Simd::signed_bytes(scales + p * stride + 16 * part);
        for (std::size_t t = 0; t < vectors; ++t)
          joined[p][t] = Simd::fma(Simd::to_float(products[p][t]), scale, joined[p][t]);
      }
    }

    template <std::size_t vectors, std::size_t panels>
    static void add(const std::uint8_t* w, std::size_t stride, const Tile& x, std::size_t t0,
                    std::size_t first, std::size_t units, Sums<vectors, panels>& sums) {
      for (std::size_t b = first; b < first + units; ++b) {
        const std::uint8_t* const block = w + b * q6_k_panel_block_bytes;
        Joined<vectors, panels> joined;
        clear<vectors, panels>(joined);
        for (std::size_t half = 0; half < 2; ++half) {
          const std::uint8_t* const scales = block + 32 + 128 * half;
          const std::uint8_t* const low = block + 288 + 1024 * half;
          const std::uint8_t* const high = block + 288 + 2048 + 512 * half;
          for (std::size_t line = 0; line < 27; ++line) Simd::expect(low + 64 * line + ahead);
          const auto part = [&]<std::size_t number>() {
            sixteen<number, vectors, panels>(
                low, high, scales, stride,
                x.values + ((b * 8 + 4 * half + number / 2) * x.count + t0) * 32,
                x.minus_32_sums + (b * 16 + 8 * half + number) * x.count + t0, joined);
          };
          part.template operator()<0>();
          part.template operator()<1>();
          part.template operator()<2>();
          part.template operator()<3>();
          part.template operator()<4>();
          part.template operator()<5>();
          part.template operator()<6>();
          part.template operator()<7>();
        }
        for (std::size_t p = 0; p < panels; ++p) {
          const F d = Simd::halves(block + p * stride);
          for (std::size_t t = 0; t < vectors; ++t)
            sums.at[p][t] = Simd::fma(
                joined[p][t], Simd::mul(d, Simd::broadcast(x.scales + b * x.count + t0 + t)),
                sums.at[p][t]);
        }
      }
    }
  };

  // --- Vectors ----------------------------------------------------------------------------------

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

  static constexpr Kernels named(const char* name) {
    return {name,
            walk<Floats<Singles>>,
            walk<Floats<Halves>>,
            walk<Floats<Bfloats>>,
            walk<SignedBytes<Halves>>,
            walk<Q4_0>,
            walk<WithMinimums<true>>,
            walk<Q6_K>,
            walk<WithMinimums<false>>,
            walk<Q5_1>,
            walk<SignedBytes<Singles>>,
            quantise_run,
            quantise_block,
            rms_norm,
            softmax_numerators,
            silu_times};
  }

 private:
  // How far ahead of its use memory is asked for: the processor's own prefetching ends at pages.
  static constexpr std::size_t ahead = 4096;
};

}  // namespace attest::inference
