// The kernels of kernels.h over vectors of 16 lanes, written once for all instruction sets that
// have them. An instruction set is a struct `Simd` in its own source's unnamed namespace, so that
// every instance of what stands here belongs to that source alone: code compiled for one processor
// never ends up in another's path. For the same reason nothing here calls an inline function of any
// other header.
//
// Simd has: F, 16 floats; I, 16 i32; B, 16 x 4 bytes; and the operations used here, each of which
// rounds as one IEEE operation. `vectors` and `panels` say how many of each share a loop.
//
// vector_products.h has panels times vectors, vector_functions.h what is done to one vector.
#pragma once

#include "inference/kernels/kernels.h"
#include "inference/kernels/vector_block_products.h"
#include "inference/kernels/vector_functions.h"
#include "inference/kernels/vector_products.h"

namespace attest::inference {

template <typename Simd>
struct VectorKernels {
  using Functions = VectorFunctions<Simd>;

  // walk runs Product over all vectors of a tile and all panels, as many at once as registers
  // allow.
  template <typename Product>
  static void walk(const Panels& w, const Tile& x, std::size_t first, std::size_t units,
                   const PanelOutput& y) {
    for (std::size_t t = 0; t < x.count;) {
      const std::size_t left = x.count - t;
      const std::size_t vectors = left < Simd::vectors ? left : Simd::vectors;
      for (std::size_t p = 0; p < w.count;) {
        const std::size_t panels = w.count - p >= Simd::panels && vectors > 1 ? Simd::panels : 1;
        if (panels == 1)
          some<Product, 1>(vectors, w, x, t, p, first, units, y);
        else
          some<Product, Simd::panels>(vectors, w, x, t, p, first, units, y);
        p += panels;
      }
      t += vectors;
    }
  }

  static constexpr Kernels named(const char* name) {
    using Products = VectorProducts<Simd>;
    using Blocks = VectorBlockProducts<Simd>;
    return {name,
            walk<typename Products::Singles>,
            walk<typename Products::Halves>,
            walk<typename Products::Bfloats>,
            walk<typename Products::SignedBytes>,
            walk<typename Products::Q8_0>,
            walk<typename Products::Q4_0>,
            walk<typename Products::Q4_1>,
            walk<typename Products::Q5_0>,
            walk<typename Products::Q5_1>,
            walk<typename Products::Mxfp4>,
            walk<typename Blocks::Q4_K>,
            walk<typename Blocks::Q5_K>,
            walk<typename Blocks::Q6_K>,
            Functions::quantise_run,
            Functions::quantise_block,
            Functions::rms_norm,
            Functions::softmax_numerators,
            Functions::silu_times};
  }

 private:
  template <typename Product, std::size_t panels>
  static void some(std::size_t vectors, const Panels& w, const Tile& x, std::size_t t,
                   std::size_t p, std::size_t first, std::size_t units, const PanelOutput& y) {
    if constexpr (Simd::vectors >= 6) {
      if (vectors == 6) return one<Product, 6, panels>(w, x, t, p, first, units, y);
      if (vectors == 5) return one<Product, 5, panels>(w, x, t, p, first, units, y);
      if (vectors == 4) return one<Product, 4, panels>(w, x, t, p, first, units, y);
      if (vectors == 3) return one<Product, 3, panels>(w, x, t, p, first, units, y);
    }
    if (vectors == 2) return one<Product, 2, panels>(w, x, t, p, first, units, y);
    return one<Product, 1, panels>(w, x, t, p, first, units, y);
  }

  template <typename Product, std::size_t vectors, std::size_t panels>
  static void one(const Panels& w, const Tile& x, std::size_t t, std::size_t p, std::size_t first,
                  std::size_t units, const PanelOutput& y) {
    float* const at = y.values + t * y.stride + p * panel_rows;
    VectorSums<Simd, vectors, panels> sums;
    sums.load(y, at);
    const PanelsAt from{w.data + p * w.stride, w.stride, w.scales};
    Product::template add<vectors, panels>(from, x, t, first, units, sums);
    sums.store(y, at);
  }
};

}  // namespace attest::inference
