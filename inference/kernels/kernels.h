// The inner loops, once for each instruction set, all with the bits of exact.h.
//
// A matrix is stored in panels of 16 rows, a row a lane, so that a vector register holds one column
// (or four columns of bytes) of 16 rows. Panels of a type lie one behind the other, in whole lines
// of 64 bytes; a panel has the weights of all its units, then the scales of all its units. A unit
// is a column, or a run of 32 or a block of 256 of them:
//   F32, F16, BF16  weights: 16 values
//   Q8_0   8 groups of 4 columns, each 16 rows x 4 bytes of weight + 128 (unsigned, as the integer
//          instructions want it); scales: 16 (f16)
//   Q4_0   4 groups, each 16 rows x 4 bytes; low nibbles are columns 4g … 4g + 3, high nibbles
//          those 16 further; scales: 16 (f16)
//   Q4_1   weights as Q4_0; scales: 16 d, 16 m (f16)
//   Q5_0, Q5_1  weights as Q4_0, then 16 rows x 4 bytes of fifth bits: byte j has that of column
//          4g + j in bit g; scales as Q4_0, Q4_1
//   MXFP4  weights as Q4_0; scales: 16 exponents (u8)
//   Q4_K   4 pairs of parts of 32 columns, each 8 groups of 16 rows x 4 bytes; low nibbles are part
//          2k, high nibbles part 2k + 1; scales: 16 d (f16), 16 dmin (f16), 8 parts x 16 scales
//          (u8), 4 pairs of parts x 16 rows x 2 minimums (u8)
//   Q5_K   as Q4_K, then 8 groups of 16 rows x 4 bytes of fifth bits: bit p is that of part p
//   Q6_K   32 groups of low bits, 16 groups of high bits, 16 rows x 4 bytes each, in the order in
//          which GGUF has ql and qh; scales: 16 d (f16), 16 parts x 16 scales (i8)
// This header has no inline functions: sources that include it are compiled for processors that the
// rest of the program may not run on.
#pragma once

#include <cstddef>
#include <cstdint>

namespace attest::inference {

constexpr std::size_t panel_rows = 16;

// PanelUnit is the bytes of one unit of 16 rows.
struct PanelUnit {
  std::size_t weights;
  std::size_t scales;
};
constexpr PanelUnit f32_unit{64, 0};
constexpr PanelUnit f16_unit{32, 0};
constexpr PanelUnit q8_0_unit{512, 32};
constexpr PanelUnit q4_0_unit{256, 32};
constexpr PanelUnit q4_1_unit{256, 64};
constexpr PanelUnit q5_0_unit{256 + 64, 32};
constexpr PanelUnit q5_1_unit{256 + 64, 64};
constexpr PanelUnit mxfp4_unit{256, 16};
constexpr PanelUnit q4_k_unit{2048, 32 + 32 + 128 + 128};
constexpr PanelUnit q5_k_unit{2048 + 512, 32 + 32 + 128 + 128};
constexpr PanelUnit q6_k_unit{2048 + 1024, 32 + 256};

// tile_width vectors share one load of the weights.
constexpr std::size_t tile_width = 6;

// Tile is `count` vectors, 1 to tile_width, in the form that a panel's type is multiplied with. A
// vector is the fastest index but one, so that a run of all vectors lies together.
struct Tile {
  std::size_t count;
  // F32, F16, BF16: vector t begins at floats + t * stride.
  const float* floats;
  std::size_t stride;
  // All others: [run][vector][32].
  const std::int8_t* values;
  // Of runs (Q8_0, Q4_0 …): [run][vector]. K types: [block][vector].
  const float* scales;
  // Sums of values, ready to be added where stored weights have an offset.
  const std::int32_t* minus_128_sums;  // Q8_0, Q4_1, Q5_1: [run][vector]
  const std::int32_t* minus_8_sums;    // Q4_0, Q5_0, MXFP4: [run][vector]
  const std::int32_t* minus_32_sums;   // Q6_K: [block][part of 16][vector]
  // Q4_K, Q5_K: sums of parts 2k (low half) and 2k + 1 (high half) as two i16: [block][4][vector]
  const std::int32_t* pair_sums;
};

// Panels is `count` panels, each `stride` bytes behind the one before.
struct Panels {
  const std::uint8_t* data;
  std::size_t stride;
  std::size_t count;
  std::size_t scales;  // where a panel has its scales
};

// PanelOutput: the sums of vector t and panel p are 16 floats at values + t * stride + p * 16.
struct PanelOutput {
  float* values;
  std::size_t stride;
  bool begins;  // sums begin at 0; otherwise they go on from what is there
};

// A PanelKernel adds the columns from unit `first` on, `units` of them, to the output. A unit is a
// column of F32, F16, BF16, a block of K types, a run of all others.
using PanelKernel = void (*)(const Panels& panels, const Tile& x, std::size_t first,
                             std::size_t units, const PanelOutput& y);

struct Kernels {
  const char* name;
  PanelKernel f32;
  PanelKernel f16;
  PanelKernel bf16;
  PanelKernel i8;  // columns of 16 signed bytes, widened to floats
  PanelKernel q8_0;
  PanelKernel q4_0;
  PanelKernel q4_1;
  PanelKernel q5_0;
  PanelKernel q5_1;
  PanelKernel mxfp4;
  PanelKernel q4_k;
  PanelKernel q5_k;
  PanelKernel q6_k;
  // quantise_run and quantise_block of exact.h.
  float (*quantise_run)(const float* x, std::int8_t* q);
  float (*quantise_block)(const float* x, std::int8_t* q);
  // rms_norm and softmax_numerators of exact.h; silu_times: gate[i] = silu(gate[i]) * up[i].
  void (*rms_norm)(const float* x, const float* weight, std::size_t count, float epsilon, float* y);
  float (*softmax_numerators)(float* scores, std::size_t count);
  void (*silu_times)(float* gate, const float* up, std::size_t count);
};

// scalar_kernels is the specification. The others are nullptr where this processor, or this build,
// has not got the instructions. best_kernels is the fastest there is.
const Kernels& scalar_kernels();
const Kernels* avx2_kernels();
const Kernels* avx512_kernels();       // AVX-512 F, BW, VL
const Kernels* avx512_vnni_kernels();  // and VNNI
const Kernels& best_kernels();

}  // namespace attest::inference
