// Panels of floats and of runs times vectors, for vector_kernels.h. A product is a struct with
//   add<vectors, panels>(panels, tile, first vector, first unit, units, sums)
#pragma once

#include "inference/kernels/kernels.h"

namespace attest::inference {

// How far ahead of its use memory is asked for: the processor's own prefetching ends at pages.
constexpr std::size_t bytes_ahead = 4096;

// PanelsAt is some panels of Panels, from one on.
struct PanelsAt {
  const std::uint8_t* data;
  std::size_t stride;
  std::size_t scales;
};

// Sums of `vectors` vectors and `panels` panels, in registers.
template <typename Simd, std::size_t vectors, std::size_t panels>
struct VectorSums {
  typename Simd::F at[panels][vectors];

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

template <typename Simd>
struct VectorProducts {
  using F = typename Simd::F;
  using I = typename Simd::I;
  using B = typename Simd::B;
  template <std::size_t vectors, std::size_t panels>
  using Sums = VectorSums<Simd, vectors, panels>;
  template <std::size_t vectors, std::size_t panels>
  using Whole = I[panels][vectors];

  // A vector alone runs as fast as memory: all its lines are asked for. Many share what one of
  // them has brought.
  template <std::size_t vectors>
  static void expect(const std::uint8_t* at, std::size_t bytes) {
    const std::size_t lines = vectors == 1 ? bytes : 64;
    for (std::size_t line = 0; line < lines; line += 64) Simd::expect(at + line + bytes_ahead);
  }

  // How a scale or a weight becomes a float in each lane.
  struct AsSingles {
    static F widened(const std::uint8_t* at) { return Simd::singles(at); }
  };
  struct AsHalves {
    static F widened(const std::uint8_t* at) { return Simd::halves(at); }
  };
  struct AsBfloats {
    static F widened(const std::uint8_t* at) { return Simd::bfloats(at); }
  };
  struct AsSignedBytes {
    static F widened(const std::uint8_t* at) { return Simd::signed_bytes(at); }
  };
  struct AsExponents {
    static F widened(const std::uint8_t* at) { return Simd::exponents(at); }
  };

  // --- Floats -----------------------------------------------------------------------------------

  template <std::size_t bytes, typename As>
  struct Floats {
    template <std::size_t vectors, std::size_t panels>
    static void add(const PanelsAt& w, const Tile& x, std::size_t t0, std::size_t first,
                    std::size_t units, Sums<vectors, panels>& sums) {
      const float* const values = x.floats + t0 * x.stride;
      for (std::size_t k = first; k < first + units; ++k) {
        F weight[panels];
        for (std::size_t p = 0; p < panels; ++p)
          weight[p] = As::widened(w.data + p * w.stride + bytes * panel_rows * k);
        for (std::size_t t = 0; t < vectors; ++t) {
          const F value = Simd::broadcast(values + t * x.stride + k);
          for (std::size_t p = 0; p < panels; ++p)
            sums.at[p][t] = Simd::fma(weight[p], value, sums.at[p][t]);
        }
      }
    }
  };
  using Singles = Floats<4, AsSingles>;
  using Halves = Floats<2, AsHalves>;
  using Bfloats = Floats<2, AsBfloats>;
  using SignedBytes = Floats<1, AsSignedBytes>;

  // --- Runs -------------------------------------------------------------------------------------

  // step: sum = fma(float(products), weight scale * activation scale, sum).
  template <typename As, std::size_t vectors, std::size_t panels>
  static void step(const std::uint8_t* scale, std::size_t stride, const float* scales,
                   const Whole<vectors, panels>& products, Sums<vectors, panels>& sums) {
    for (std::size_t p = 0; p < panels; ++p) {
      const F of_panel = As::widened(scale + p * stride);
      for (std::size_t t = 0; t < vectors; ++t)
        sums.at[p][t] = Simd::fma(Simd::to_float(products[p][t]),
                                  Simd::mul(of_panel, Simd::broadcast(scales + t)), sums.at[p][t]);
    }
  }

  struct Q8_0 {
    template <std::size_t vectors, std::size_t panels>
    static void add(const PanelsAt& w, const Tile& x, std::size_t t0, std::size_t first,
                    std::size_t units, Sums<vectors, panels>& sums) {
      for (std::size_t r = first; r < first + units; ++r) {
        const std::uint8_t* const run = w.data + r * q8_0_unit.weights;
        const std::size_t at = r * x.count + t0;
        expect<vectors>(run, q8_0_unit.weights);
        Whole<vectors, panels> products;
        for (std::size_t t = 0; t < vectors; ++t)
          for (std::size_t p = 0; p < panels; ++p)
            products[p][t] = Simd::broadcast(x.minus_128_sums + at + t);
        for (std::size_t group = 0; group < 8; ++group) {
          B weights[panels];
          for (std::size_t p = 0; p < panels; ++p)
            weights[p] = Simd::bytes(run + p * w.stride + 64 * group);
          for (std::size_t t = 0; t < vectors; ++t) {
            const B values = Simd::four(x.values + (at + t) * 32 + 4 * group);
            for (std::size_t p = 0; p < panels; ++p)
              products[p][t] = Simd::dot_bytes(products[p][t], weights[p], values);
          }
        }
        step<AsHalves, vectors, panels>(w.data + w.scales + r * q8_0_unit.scales, w.stride,
                                        x.scales + at, products, sums);
      }
    }
  };

  // What an offset of the weights makes of a sum of values, of which there is -8 times.
  template <int eighths>
  static I offset(const std::int32_t* minus_8_sum) {
    const std::int32_t times = *minus_8_sum / 8 * eighths;
    return Simd::broadcast(&times);
  }

  // Runs of nibbles, with a fifth bit or without. Nibbles may stand for other small numbers
  // (looked), weights may have an offset of `eighths`, or a float m that is added to them (above).
  template <PanelUnit unit, bool fifth, bool above, bool looked, int eighths, typename As>
  struct Nibbles {
    template <std::size_t vectors, std::size_t panels>
    static void add(const PanelsAt& w, const Tile& x, std::size_t t0, std::size_t first,
                    std::size_t units, Sums<vectors, panels>& sums) {
      for (std::size_t r = first; r < first + units; ++r) {
        const std::uint8_t* const run = w.data + r * unit.weights;
        const std::uint8_t* const scale = w.data + w.scales + r * unit.scales;
        const std::size_t at = r * x.count + t0;
        expect<vectors>(run, unit.weights);
        Whole<vectors, panels> products;
        for (std::size_t t = 0; t < vectors; ++t) {
          const I begin =
              eighths == 0 ? Simd::no_products() : offset<eighths>(x.minus_8_sums + at + t);
          for (std::size_t p = 0; p < panels; ++p) products[p][t] = begin;
        }
        const std::int8_t* const values = x.values + at * 32;
        groups<0>(run, w.stride, values, products);
        groups<1>(run, w.stride, values, products);
        groups<2>(run, w.stride, values, products);
        groups<3>(run, w.stride, values, products);
        step<As, vectors, panels>(scale, w.stride, x.scales + at, products, sums);
        if constexpr (above) add_above<vectors, panels>(scale + 32, w.stride, x, at, sums);
      }
    }

   private:
    // Groups `group` and four further, which share their bytes.
    template <std::size_t group, std::size_t vectors, std::size_t panels>
    static void groups(const std::uint8_t* run, std::size_t stride, const std::int8_t* values,
                       Whole<vectors, panels>& products) {
      B low[panels];
      B high[panels];
      for (std::size_t p = 0; p < panels; ++p) {
        const B both = Simd::bytes(run + p * stride + 64 * group);
        low[p] = Simd::low_nibbles(both);
        high[p] = Simd::high_nibbles(both);
        if constexpr (looked) {
          low[p] = Simd::looked_up(low[p]);
          high[p] = Simd::looked_up(high[p]);
        }
        if constexpr (fifth) {
          const B bits = Simd::bytes(run + p * stride + 256);
          low[p] = Simd::template with_fifth<group>(low[p], bits);
          high[p] = Simd::template with_fifth<group + 4>(high[p], bits);
        }
      }
      for (std::size_t t = 0; t < vectors; ++t) {
        const B first_values = Simd::four(values + t * 32 + 4 * group);
        const B second_values = Simd::four(values + t * 32 + 4 * group + 16);
        for (std::size_t p = 0; p < panels; ++p) {
          products[p][t] = Simd::dot_small(products[p][t], low[p], first_values);
          products[p][t] = Simd::dot_small(products[p][t], high[p], second_values);
        }
      }
    }

    template <std::size_t vectors, std::size_t panels>
    static void add_above(const std::uint8_t* m, std::size_t stride, const Tile& x, std::size_t at,
                          Sums<vectors, panels>& sums) {
      for (std::size_t p = 0; p < panels; ++p) {
        const F of_panel = Simd::halves(m + p * stride);
        for (std::size_t t = 0; t < vectors; ++t) {
          // -128 times a sum of at most 32 * 127: no bit is lost on the way back.
          const F sum_of_values = Simd::mul(
              Simd::to_float(Simd::broadcast(x.minus_128_sums + at + t)), Simd::all(-0x1p-7F));
          sums.at[p][t] =
              Simd::fma(sum_of_values, Simd::mul(of_panel, Simd::broadcast(x.scales + at + t)),
                        sums.at[p][t]);
        }
      }
    }
  };
  using Q4_0 = Nibbles<q4_0_unit, false, false, false, 8, AsHalves>;
  using Q4_1 = Nibbles<q4_1_unit, false, true, false, 0, AsHalves>;
  using Q5_0 = Nibbles<q5_0_unit, true, false, false, 16, AsHalves>;
  using Q5_1 = Nibbles<q5_1_unit, true, true, false, 0, AsHalves>;
  // Nibbles are looked up as MXFP4's weights and 12.
  using Mxfp4 = Nibbles<mxfp4_unit, false, false, true, 12, AsExponents>;
};

}  // namespace attest::inference
