// The inner loops, once for each instruction set, all with the bits of exact.h.
//
// A matrix is stored in panels of 16 rows, a row a lane:
//   F32, F16  for each column: 16 values
//   Q8_0      for each run of 32 columns: 16 scales (f16), then 8 groups of 4 columns, each
//             16 rows x 4 bytes of weight + 128 (unsigned, as the integer instructions want it)
// This header has no inline functions: sources that include it are compiled for processors that the
// rest of the program may not run on.
#pragma once

#include <cstddef>
#include <cstdint>

namespace attest::inference {

constexpr std::size_t panel_rows = 16;
constexpr std::size_t q8_0_panel_run_bytes = 2 * 16 + 16 * 32;

// FloatInput is `count` vectors of floats, each `stride` behind the one before.
struct FloatInput {
  const float* values;
  std::size_t stride;
  std::size_t count;
};

// QuantisedInput is `count` vectors in runs of 32: values, scales, and the sums of the values.
struct QuantisedInput {
  const std::int8_t* values;  // count x runs x 32
  const float* scales;        // count x runs
  const std::int32_t* sums;   // count x runs
  std::size_t runs;
  std::size_t count;
};

// Output is one vector for each of the input's; a kernel writes the 16 rows of its panel.
struct PanelOutput {
  float* values;
  std::size_t stride;
};

struct Kernels {
  const char* name;
  void (*panel_f32)(const float* panel, std::size_t columns, FloatInput x, PanelOutput y);
  void (*panel_f16)(const std::uint16_t* panel, std::size_t columns, FloatInput x, PanelOutput y);
  void (*panel_q8_0)(const std::uint8_t* panel, QuantisedInput x, PanelOutput y);
  float (*dot)(const float* a, const float* b, std::size_t count);
  void (*add_scaled)(float* to, float factor, const float* v, std::size_t count);
};

// scalar_kernels is the specification. The others are nullptr where this processor, or this build,
// has not got the instructions. best_kernels is the fastest there is.
const Kernels& scalar_kernels();
const Kernels* avx2_kernels();
const Kernels* avx512_kernels();
const Kernels& best_kernels();

}  // namespace attest::inference
