#include "libattest/model/quantize_k.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string>

#include "libattest/model/half.h"
#include "libattest/model/quantize_runs.h"

namespace attest::model {

namespace {

using Block = std::span<const float, k_block_elements>;
using Part = std::span<const float>;
using Quants = std::array<std::uint8_t, k_block_elements>;

Error unfit(std::string found) {
  return refused(rules::quantize_row, "the row cannot be quantised").found(std::move(found));
}

double rounded(double value, double least, double most) {
  constexpr double whole_numbers = 6755399441055744.0;  // 1.5 * 2^52
  const double shifted = std::clamp(value, least, most) + whole_numbers;
  return shifted - whole_numbers;
}

// StoredScale is a scale as the file has it: its f16, and the number that is.
struct StoredScale {
  std::uint16_t bits = 0;
  double value = 0;
};

Result<StoredScale> stored(double scale) {
  const std::uint16_t bits = f16_from_f32(static_cast<float>(scale));
  if ((bits & 0x7c00U) == 0x7c00U)
    return fail(unfit("a scale beyond f16: " + std::to_string(scale)));
  return StoredScale{bits, f32_from_f16(bits)};
}

void put(std::span<std::byte> out, std::size_t at, const StoredScale& scale) {
  out[at] = static_cast<std::byte>(scale.bits & 0xff);
  out[at + 1] = static_cast<std::byte>(scale.bits >> 8);
}

// --- Q4_K, Q5_K
// -----------------------------------------------------------------------------------

constexpr std::size_t low_parts = 8;
constexpr std::size_t low_part = 32;

struct Fit {
  double scale = 0;
  double minimum = 0;  // never above 0
};

// Candidate is a part quantised with one inverse scale, and the line that fits it best.
class LineFit {
 public:
  LineFit(Part x, double most) : x_(x), most_(most) {
    low_ = std::min(0.0, static_cast<double>(*std::ranges::min_element(x)));
    high_ = std::max(low_, static_cast<double>(*std::ranges::max_element(x)));
    double squares = 0;
    for (const double value : x_) squares = squares + value * value;
    const double spread = std::sqrt(squares / low_part);
    for (std::size_t i = 0; i < low_part; ++i) {
      const double value = x_[i];
      weight_[i] = std::fabs(value) + spread;
      weights_ = weights_ + weight_[i];
      weighted_ = weighted_ + weight_[i] * value;
    }
  }

  Fit best() {
    if (high_ == low_) return {0, low_};
    quantise_by(most_ / (high_ - low_));
    Fit held{(high_ - low_) / most_, low_};
    double least = error_of(held);
    for (int c = 0; c <= 20; ++c) {
      quantise_by(((most_ - 1) + c / 10.0) / (high_ - low_));
      const auto fit = line();
      if (!fit) continue;
      const double error = error_of(*fit);
      if (!(error < least)) continue;
      least = error;
      held = *fit;
    }
    return held;
  }

 private:
  void quantise_by(double inverse) {
    for (std::size_t i = 0; i < low_part; ++i) q_[i] = rounded(inverse * (x_[i] - low_), 0, most_);
  }

  std::optional<Fit> line() const {
    double a = 0;
    double b = 0;
    double c = 0;
    for (std::size_t i = 0; i < low_part; ++i) {
      const double wq = weight_[i] * q_[i];
      a = a + wq;
      b = b + wq * q_[i];
      c = c + wq * static_cast<double>(x_[i]);
    }
    const double d = weights_ * b - a * a;
    if (!(d > 0)) return std::nullopt;
    Fit fit{(weights_ * c - weighted_ * a) / d, (b * weighted_ - a * c) / d};
    if (fit.minimum > 0) fit = {c / b, 0};
    return fit;
  }

  double error_of(const Fit& fit) const {
    double error = 0;
    for (std::size_t i = 0; i < low_part; ++i) {
      const double off = (fit.scale * q_[i] + fit.minimum) - static_cast<double>(x_[i]);
      error = error + weight_[i] * (off * off);
    }
    return error;
  }

  Part x_;
  double most_;
  double low_;
  double high_;
  std::array<double, low_part> weight_{};
  double weights_ = 0;
  double weighted_ = 0;
  std::array<double, low_part> q_{};
};

struct LowBits {
  StoredScale d;
  StoredScale dmin;
  std::array<std::uint8_t, low_parts> scales{};
  std::array<std::uint8_t, low_parts> minimums{};
  Quants q{};
};

Result<LowBits> fit_low_bits(Block x, double most) {
  std::array<Fit, low_parts> fits;
  double scale = 0;
  double minimum = 0;
  for (std::size_t part = 0; part < low_parts; ++part) {
    fits[part] = LineFit(x.subspan(part * low_part, low_part), most).best();
    scale = std::max(scale, fits[part].scale);
    minimum = std::max(minimum, -fits[part].minimum);
  }
  LowBits block;
  TRY(block.d, stored(scale / 63));
  TRY(block.dmin, stored(minimum / 63));
  const auto whole = [](double of, double greatest) {
    return static_cast<std::uint8_t>(greatest == 0 ? 0.0 : rounded(63 * of / greatest, 0, 63));
  };
  for (std::size_t part = 0; part < low_parts; ++part) {
    block.scales[part] = whole(fits[part].scale, scale);
    block.minimums[part] = whole(-fits[part].minimum, minimum);
    const double step = block.d.value * block.scales[part];
    if (step == 0) continue;
    const double above = block.dmin.value * block.minimums[part];
    for (std::size_t i = part * low_part; i < (part + 1) * low_part; ++i)
      block.q[i] = static_cast<std::uint8_t>(rounded((x[i] + above) / step, 0, most));
  }
  return block;
}

// d, dmin, and eight pairs of six bits in twelve bytes: the first four of each have their bits
// together; the others' high bits lie above those of the first.
void put_head(const LowBits& block, std::span<std::byte> out) {
  put(out, 0, block.d);
  put(out, 2, block.dmin);
  std::array<unsigned, 12> packed{};
  for (std::size_t part = 0; part < 4; ++part) {
    packed[part] = block.scales[part] | static_cast<unsigned>(block.scales[part + 4]) >> 4 << 6;
    packed[part + 4] =
        block.minimums[part] | static_cast<unsigned>(block.minimums[part + 4]) >> 4 << 6;
    packed[part + 8] =
        (block.scales[part + 4] & 15U) | static_cast<unsigned>(block.minimums[part + 4] & 15U) << 4;
  }
  for (std::size_t i = 0; i < packed.size(); ++i) out[4 + i] = static_cast<std::byte>(packed[i]);
}

// Two parts in 32 bytes: the first in the low halves, the second in the high ones.
void put_low_halves(const Quants& q, std::span<std::byte> out) {
  for (std::size_t i = 0; i < k_block_elements / 2; ++i) {
    const std::size_t first = i / low_part * 2 * low_part + i % low_part;
    out[i] = static_cast<std::byte>((q[first] & 15U) |
                                    static_cast<unsigned>(q[first + low_part] & 15U) << 4);
  }
}

Status quantize_q4_k_block(Block x, std::span<std::byte> out) {
  TRY(const LowBits block, fit_low_bits(x, 15));
  put_head(block, out);
  put_low_halves(block.q, out.subspan(16));
  return {};
}

Status quantize_q5_k_block(Block x, std::span<std::byte> out) {
  TRY(const LowBits block, fit_low_bits(x, 31));
  put_head(block, out);
  // Byte i has the fifth bits of element i of every part, the first part's lowest.
  for (std::size_t i = 0; i < low_part; ++i) {
    unsigned bits = 0;
    for (std::size_t part = 0; part < low_parts; ++part)
      bits |= static_cast<unsigned>(block.q[part * low_part + i]) >> 4 << part;
    out[16 + i] = static_cast<std::byte>(bits);
  }
  put_low_halves(block.q, out.subspan(48));
  return {};
}

// --- Q6_K
// -----------------------------------------------------------------------------------------

constexpr std::size_t high_parts = 16;
constexpr std::size_t high_part = 16;

template <typename Number>
double largest_of(std::span<const Number> values) {
  double largest = 0;
  for (const double value : values)
    if (std::fabs(value) > std::fabs(largest)) largest = value;
  return largest;
}

double fit_through_zero(Part x) {
  const double largest = largest_of(x);
  if (largest == 0) return 0;
  double scale = 0;
  double best = 0;
  for (int c = -9; c <= 9; ++c) {
    const double inverse = -((32 + c / 10.0) / largest);
    double p = 0;
    double q = 0;
    for (const double value : x) {
      const double quant = rounded(inverse * value, -32, 31);
      const double weight = value * value;
      p = p + weight * value * quant;
      q = q + weight * quant * quant;
    }
    if (!(q > 0) || !(p * p / q > best)) continue;
    best = p * p / q;
    scale = p / q;
  }
  return scale;
}

Status quantize_q6_k_block(Block x, std::span<std::byte> out) {
  std::array<double, high_parts> scales{};
  for (std::size_t part = 0; part < high_parts; ++part)
    scales[part] = fit_through_zero(x.subspan(part * high_part, high_part));
  const double largest = largest_of(std::span<const double>(scales));
  TRY(const StoredScale d, stored(largest / -128));
  Quants q{};
  for (std::size_t part = 0; part < high_parts; ++part) {
    const double whole = largest == 0 ? 0.0 : rounded(-128 * scales[part] / largest, -128, 127);
    out[192 + part] = static_cast<std::byte>(static_cast<std::int8_t>(whole));
    const double step = d.value * whole;
    for (std::size_t i = part * high_part; i < (part + 1) * high_part; ++i)
      q[i] = static_cast<std::uint8_t>(32 + (step == 0 ? 0.0 : rounded(x[i] / step, -32, 31)));
  }
  put(out, 208, d);
  // Each half of a block: four runs of 32, whose low four bits lie in 64 bytes, the third and
  // fourth run's above the first and second's, and whose high two bits lie in 32 bytes.
  for (std::size_t half = 0; half < 2; ++half)
    for (std::size_t i = 0; i < 32; ++i) {
      const auto run = [&](std::size_t number) -> unsigned {
        return q[128 * half + 32 * number + i];
      };
      out[64 * half + i] = static_cast<std::byte>((run(0) & 15U) | (run(2) & 15U) << 4);
      out[64 * half + 32 + i] = static_cast<std::byte>((run(1) & 15U) | (run(3) & 15U) << 4);
      out[128 + 32 * half + i] = static_cast<std::byte>(run(0) >> 4 | run(1) >> 4 << 2 |
                                                        run(2) >> 4 << 4 | run(3) >> 4 << 6);
    }
  return {};
}

Status quantize_blocks(std::span<const float> row, std::span<std::byte> out, TensorType type,
                       Status (*quantize_block)(Block, std::span<std::byte>)) {
  const std::size_t block_bytes = tensor_shape(type)->block_bytes;
  if (row.size() % k_block_elements != 0 ||
      out.size() != row.size() / k_block_elements * block_bytes)
    return fail(unfit(std::to_string(row.size()) + " elements for " + std::to_string(out.size()) +
                      " bytes"));
  if (!std::ranges::all_of(row, [](float value) { return std::isfinite(value); }))
    return fail(unfit("a value that is not finite"));
  for (std::size_t block = 0; block < row.size() / k_block_elements; ++block)
    TRY_VOID(quantize_block(row.subspan(block * k_block_elements).first<k_block_elements>(),
                            out.subspan(block * block_bytes, block_bytes)));
  return {};
}

}  // namespace

Status quantize_q4_k(std::span<const float> row, std::span<std::byte> out) {
  return quantize_blocks(row, out, TensorType::q4_k, quantize_q4_k_block);
}

Status quantize_q5_k(std::span<const float> row, std::span<std::byte> out) {
  return quantize_blocks(row, out, TensorType::q5_k, quantize_q5_k_block);
}

Status quantize_q6_k(std::span<const float> row, std::span<std::byte> out) {
  return quantize_blocks(row, out, TensorType::q6_k, quantize_q6_k_block);
}

}  // namespace attest::model
