#include "libattest/model/quantize_runs.h"

#include <cmath>
#include <string>

#include "libattest/model/half.h"

namespace attest::model {

namespace {

using Run = std::span<const float, run_elements>;
constexpr float vanishing = 0x1p-100F;

Error unfit(std::string found) {
  return refused(rules::quantize_row, "the row cannot be quantised").found(std::move(found));
}

// nearest_even adds and takes away 1.5 * 2^23, where floats are whole numbers: exact for |x| <
// 2^22.
float nearest_even(float x) {
  constexpr float whole_numbers = 12582912.0F;
  const float shifted = x + whole_numbers;
  return shifted - whole_numbers;
}

// largest_of gives the element of largest magnitude, the first of equals.
Result<float> largest_of(Run x) {
  float largest = 0;
  for (const float value : x) {
    if (!std::isfinite(value)) return fail(unfit("a value that is not finite"));
    if (std::fabs(value) > std::fabs(largest)) largest = value;
  }
  return largest;
}

Status store_scale(float scale, std::span<std::byte> out) {
  const std::uint16_t stored = f16_from_f32(scale);
  if ((stored & 0x7c00U) == 0x7c00U)
    return fail(unfit("a scale beyond f16: " + std::to_string(scale)));
  out[0] = static_cast<std::byte>(stored & 0xff);
  out[1] = static_cast<std::byte>(stored >> 8);
  return {};
}

Status quantize_q8_0_run(Run x, std::span<std::byte, q8_0_run_bytes> out) {
  TRY(const float signed_largest, largest_of(x));
  const float largest = std::fabs(signed_largest);
  const bool nothing = largest < vanishing;
  TRY_VOID(store_scale(nothing ? 0.0F : largest / 127.0F, out));
  const float inverse = nothing ? 0.0F : 127.0F / largest;
  for (std::size_t i = 0; i < run_elements; ++i)
    out[2 + i] = static_cast<std::byte>(static_cast<std::int8_t>(nearest_even(x[i] * inverse)));
  return {};
}

Status quantize_q4_0_run(Run x, std::span<std::byte, q4_0_run_bytes> out) {
  TRY(const float largest, largest_of(x));
  const bool nothing = std::fabs(largest) < vanishing;
  const float scale = nothing ? 0.0F : largest / -8.0F;
  TRY_VOID(store_scale(scale, out));
  const float inverse = nothing ? 0.0F : 1.0F / scale;
  // x * inverse + 8.5 lies within 0.5 … 16.5.
  const auto nibble = [&](float value) {
    return std::min(15U, static_cast<unsigned>(value * inverse + 8.5F));
  };
  for (std::size_t i = 0; i < run_elements / 2; ++i)
    out[2 + i] = static_cast<std::byte>(nibble(x[i]) | nibble(x[i + run_elements / 2]) << 4);
  return {};
}

template <std::size_t run_bytes>
Status quantize_runs(std::span<const float> row, std::span<std::byte> out,
                     Status (*quantize_run)(Run, std::span<std::byte, run_bytes>)) {
  if (row.size() % run_elements != 0 || out.size() != row.size() / run_elements * run_bytes)
    return fail(unfit(std::to_string(row.size()) + " elements for " + std::to_string(out.size()) +
                      " bytes"));
  for (std::size_t run = 0; run < row.size() / run_elements; ++run)
    TRY_VOID(quantize_run(row.subspan(run * run_elements).first<run_elements>(),
                          out.subspan(run * run_bytes).first<run_bytes>()));
  return {};
}

}  // namespace

Status quantize_q8_0(std::span<const float> row, std::span<std::byte> out) {
  return quantize_runs<q8_0_run_bytes>(row, out, quantize_q8_0_run);
}

Status quantize_q4_0(std::span<const float> row, std::span<std::byte> out) {
  return quantize_runs<q4_0_run_bytes>(row, out, quantize_q4_0_run);
}

}  // namespace attest::model
