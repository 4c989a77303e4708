// Panels of blocks (the K types) times vectors, for vector_kernels.h.
#pragma once

#include "inference/kernels/vector_products.h"

namespace attest::inference {

template <typename Simd>
struct VectorBlockProducts {
  using F = typename Simd::F;
  using I = typename Simd::I;
  using B = typename Simd::B;
  template <std::size_t vectors, std::size_t panels>
  using Sums = VectorSums<Simd, vectors, panels>;
  // Joined parts of a block, so far.
  template <std::size_t vectors, std::size_t panels>
  using Joined = F[panels][vectors];

  template <std::size_t vectors, std::size_t panels>
  static void clear(Joined<vectors, panels>& joined) {
    for (std::size_t p = 0; p < panels; ++p)
      for (std::size_t t = 0; t < vectors; ++t) joined[p][t] = Simd::zero();
  }

  // Q4_K, and Q5_K with a fifth bit in each weight.
  template <PanelUnit unit, bool fifth>
  struct WithMinimums {
    template <std::size_t vectors, std::size_t panels>
    static void add(const PanelsAt& w, const Tile& x, std::size_t t0, std::size_t first,
                    std::size_t units, Sums<vectors, panels>& sums) {
      for (std::size_t b = first; b < first + units; ++b) {
        const std::uint8_t* const block = w.data + b * unit.weights;
        const std::uint8_t* const scales = w.data + w.scales + b * unit.scales;
        const std::int8_t* const values = x.values + (b * 8 * x.count + t0) * 32;
        const std::size_t part_stride = x.count * 32;
        Joined<vectors, panels> joined;
        clear<vectors, panels>(joined);
        part<0>(block, scales, w.stride, values, joined);
        part<1>(block, scales, w.stride, values + part_stride, joined);
        part<2>(block, scales, w.stride, values + 2 * part_stride, joined);
        part<3>(block, scales, w.stride, values + 3 * part_stride, joined);
        part<4>(block, scales, w.stride, values + 4 * part_stride, joined);
        part<5>(block, scales, w.stride, values + 5 * part_stride, joined);
        part<6>(block, scales, w.stride, values + 6 * part_stride, joined);
        part<7>(block, scales, w.stride, values + 7 * part_stride, joined);
        finish<vectors, panels>(scales, w.stride, x, b, t0, joined, sums);
      }
    }

   private:
    // One part of 32 columns; two share their bytes.
    template <std::size_t number, std::size_t vectors, std::size_t panels>
    static void part(const std::uint8_t* block, const std::uint8_t* scales, std::size_t stride,
                     const std::int8_t* q, Joined<vectors, panels>& joined) {
      const std::uint8_t* const quants = block + number / 2 * 512;
      if constexpr (number % 2 == 0)
        VectorProducts<Simd>::template expect<1>(quants, fifth ? 640 : 512);
      I products[panels][vectors];
      for (std::size_t p = 0; p < panels; ++p)
        for (std::size_t t = 0; t < vectors; ++t) products[p][t] = Simd::no_products();
      for (std::size_t group = 0; group < 8; ++group) {
        B weights[panels];
        for (std::size_t p = 0; p < panels; ++p) {
          const B both = Simd::bytes(quants + p * stride + 64 * group);
          weights[p] = number % 2 == 0 ? Simd::low_nibbles(both) : Simd::high_nibbles(both);
          if constexpr (fifth)
            weights[p] = Simd::template with_fifth<number>(
                weights[p], Simd::bytes(block + p * stride + 2048 + 64 * group));
        }
        for (std::size_t t = 0; t < vectors; ++t) {
          const B values = Simd::four(q + t * 32 + 4 * group);
          for (std::size_t p = 0; p < panels; ++p)
            products[p][t] = Simd::dot_small(products[p][t], weights[p], values);
        }
      }
      for (std::size_t p = 0; p < panels; ++p) {
        const F scale = Simd::unsigned_bytes(scales + p * stride + 64 + 16 * number);
        for (std::size_t t = 0; t < vectors; ++t)
          joined[p][t] = Simd::fma(Simd::to_float(products[p][t]), scale, joined[p][t]);
      }
    }

    template <std::size_t vectors, std::size_t panels>
    static void finish(const std::uint8_t* scales, std::size_t stride, const Tile& x, std::size_t b,
                       std::size_t t0, const Joined<vectors, panels>& joined,
                       Sums<vectors, panels>& sums) {
      for (std::size_t p = 0; p < panels; ++p) {
        const F d = Simd::halves(scales + p * stride);
        const F dmin = Simd::halves(scales + p * stride + 32);
        const std::uint8_t* const minimums = scales + p * stride + 192;
        for (std::size_t t = 0; t < vectors; ++t) {
          const F scale = Simd::broadcast(x.scales + b * x.count + t0 + t);
          F& sum = sums.at[p][t];
          sum = Simd::fma(joined[p][t], Simd::mul(d, scale), sum);
          I minimum_sum = Simd::no_products();
          for (std::size_t k = 0; k < 4; ++k)
            minimum_sum = Simd::dot_pairs(minimum_sum, minimums + 32 * k,
                                          x.pair_sums + (b * 4 + k) * x.count + t0 + t);
          sum = Simd::minus_fma(Simd::to_float(minimum_sum), Simd::mul(dmin, scale), sum);
        }
      }
    }
  };
  using Q4_K = WithMinimums<q4_k_unit, false>;
  using Q5_K = WithMinimums<q5_k_unit, true>;

  struct Q6_K {
    template <std::size_t vectors, std::size_t panels>
    static void add(const PanelsAt& w, const Tile& x, std::size_t t0, std::size_t first,
                    std::size_t units, Sums<vectors, panels>& sums) {
      for (std::size_t b = first; b < first + units; ++b) {
        const std::uint8_t* const block = w.data + b * q6_k_unit.weights;
        const std::uint8_t* const scales = w.data + w.scales + b * q6_k_unit.scales;
        Joined<vectors, panels> joined;
        clear<vectors, panels>(joined);
        for (std::size_t half = 0; half < 2; ++half) {
          const std::uint8_t* const low = block + 1024 * half;
          const std::uint8_t* const high = block + 2048 + 512 * half;
          VectorProducts<Simd>::template expect<1>(low, 1024 + 512);
          const auto part = [&]<std::size_t number>() {
            sixteen<number, vectors, panels>(
                low, high, scales + 32 + 128 * half, w.stride,
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
          const F d = Simd::halves(scales + p * w.stride);
          for (std::size_t t = 0; t < vectors; ++t)
            sums.at[p][t] = Simd::fma(
                joined[p][t], Simd::mul(d, Simd::broadcast(x.scales + b * x.count + t0 + t)),
                sums.at[p][t]);
        }
      }
    }

   private:
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
  };
};

}  // namespace attest::inference
