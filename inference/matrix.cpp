#include "inference/matrix.h"

#include <bit>
#include <cfenv>
#include <cmath>
#include <cstring>

#include "inference/exact.h"
#include "libattest/model/half.h"

namespace attest::inference {

namespace {

// PinnedFloats sets rounding and subnormals as the profile has them, whatever the caller's thread
// was left in by other code, and puts them back.
class PinnedFloats {
 public:
  PinnedFloats() {
    std::fegetenv(&saved_);
    std::fesetenv(FE_DFL_ENV);
  }
  ~PinnedFloats() { std::fesetenv(&saved_); }
  PinnedFloats(const PinnedFloats&) = delete;
  PinnedFloats& operator=(const PinnedFloats&) = delete;

 private:
  std::fenv_t saved_;
};

constexpr std::size_t panels_per_task = 4;

std::size_t whole_panels(std::size_t rows) {
  return (rows + panel_rows - 1) / panel_rows;
}

Error not_finite() {
  return refused(rules::matrix_not_finite, "a weight is not a finite number");
}

std::uint16_t u16_at(ByteView bytes, std::size_t at) {
  return static_cast<std::uint16_t>(std::to_integer<unsigned>(bytes[at]) |
                                    std::to_integer<unsigned>(bytes[at + 1]) << 8);
}

bool is_finite_half(std::uint16_t half) {
  return (half & 0x7c00) != 0x7c00;
}

void put_u16(std::uint8_t* at, std::uint16_t value) {
  std::memcpy(at, &value, sizeof value);
}

}  // namespace

void Machine::each(std::size_t count, const std::function<void(std::size_t)>& task) const {
  executor->run(count, [&task](std::size_t i) {
    const PinnedFloats pinned;
    task(i);
  });
}

Vectors::Vectors(std::size_t count, std::size_t size)
    : count_(count),
      size_(size),
      stride_(whole_panels(size) * panel_rows),
      values_(count * stride_) {}

QuantisedInput MatrixInput::quantised(const Machine& machine) {
  const std::size_t runs = x_->size() / exact::run;
  if (values_.empty()) {
    values_.resize(x_->count() * runs * exact::run);
    scales_.resize(x_->count() * runs);
    sums_.resize(x_->count() * runs);
    machine.each(x_->count(), [&](std::size_t t) {
      for (std::size_t r = 0; r < runs; ++r) {
        const std::size_t at = t * runs + r;
        const auto q = std::span(values_).subspan(at * exact::run).first<exact::run>();
        scales_[at] = exact::quantise_run((*x_)[t].subspan(r * exact::run).first<exact::run>(), q);
        std::int32_t sum = 0;
        for (const std::int8_t value : q) sum += value;
        sums_[at] = sum;
      }
    });
  }
  return {values_.data(), scales_.data(), sums_.data(), runs, x_->count()};
}

Matrix::Matrix(model::TensorType type, std::size_t columns, std::size_t rows)
    : type_(type), columns_(columns), rows_(rows) {
  panels_.resize(whole_panels(rows) * panel_bytes());
}

std::size_t Matrix::panel_bytes() const {
  switch (type_) {
    case model::TensorType::f32:
      return columns_ * panel_rows * 4;
    case model::TensorType::f16:
      return columns_ * panel_rows * 2;
    default:
      return columns_ / exact::run * q8_0_panel_run_bytes;
  }
}

Result<Matrix> Matrix::pack(const model::GgufTensor& tensor, ByteView data) {
  using model::TensorType;
  const bool covered = tensor.type == TensorType::f32 || tensor.type == TensorType::f16 ||
                       tensor.type == TensorType::q8_0;
  if (!covered)
    return fail(
        refused(rules::matrix_type, "tensor type not covered by " + std::string(exact::profile))
            .expected("F32, F16 or Q8_0")
            .found(std::string(model::to_string(tensor.type)))
            .within("tensor " + tensor.name));
  Matrix matrix(tensor.type, tensor.columns(), tensor.rows());
  const std::size_t row_bytes = data.size() / matrix.rows_;
  for (std::size_t row = 0; row < matrix.rows_; ++row)
    TRY_VOID(matrix.pack_row(row, data.subspan(row * row_bytes, row_bytes)));
  return matrix;
}

Status Matrix::pack_row(std::size_t row, ByteView data) {
  std::uint8_t* const to = panel(row / panel_rows);
  const std::size_t lane = row % panel_rows;
  if (type_ == model::TensorType::f32) {
    for (std::size_t k = 0; k < columns_; ++k) {
      float weight;
      std::memcpy(&weight, data.data() + 4 * k, sizeof weight);
      if (!std::isfinite(weight)) return fail(not_finite());
      std::memcpy(to + 4 * (k * panel_rows + lane), &weight, sizeof weight);
    }
    return {};
  }
  if (type_ == model::TensorType::f16) {
    for (std::size_t k = 0; k < columns_; ++k) {
      const std::uint16_t weight = u16_at(data, 2 * k);
      if (!is_finite_half(weight)) return fail(not_finite());
      put_u16(to + 2 * (k * panel_rows + lane), weight);
    }
    return {};
  }
  for (std::size_t r = 0; r < columns_ / exact::run; ++r) {
    const ByteView from = data.subspan(r * 34, 34);
    std::uint8_t* const run = to + r * q8_0_panel_run_bytes;
    if (!is_finite_half(u16_at(from, 0))) return fail(not_finite());
    put_u16(run + 2 * lane, u16_at(from, 0));
    for (std::size_t k = 0; k < exact::run; ++k)
      run[2 * panel_rows + k / 4 * 4 * panel_rows + 4 * lane + k % 4] =
          static_cast<std::uint8_t>(std::to_integer<unsigned>(from[2 + k]) ^ 0x80U);
  }
  return {};
}

void Matrix::multiply(MatrixInput& x, Vectors& y, const Machine& machine) const {
  const Vectors& vectors = x.vectors();
  const FloatInput floats{vectors.data(), vectors.stride(), vectors.count()};
  const QuantisedInput runs =
      type_ == model::TensorType::q8_0 ? x.quantised(machine) : QuantisedInput{};
  const std::size_t count = whole_panels(rows_);
  const std::size_t tasks = (count + panels_per_task - 1) / panels_per_task;
  machine.each(tasks, [&](std::size_t task) {
    const std::size_t end = std::min(count, (task + 1) * panels_per_task);
    for (std::size_t i = task * panels_per_task; i < end; ++i) {
      const PanelOutput out{y.data() + i * panel_rows, y.stride()};
      const std::uint8_t* const weights = panel(i);
      if (type_ == model::TensorType::f32) {
        machine.kernels->panel_f32(reinterpret_cast<const float*>(weights), columns_, floats, out);
      } else if (type_ == model::TensorType::f16) {
        machine.kernels->panel_f16(reinterpret_cast<const std::uint16_t*>(weights), columns_,
                                   floats, out);
      } else {
        machine.kernels->panel_q8_0(weights, runs, out);
      }
    }
  });
}

void Matrix::row(std::size_t i, std::span<float> out) const {
  const std::uint8_t* const from = panel(i / panel_rows);
  const std::size_t lane = i % panel_rows;
  for (std::size_t k = 0; k < columns_; ++k) {
    if (type_ == model::TensorType::f32) {
      std::memcpy(&out[k], from + 4 * (k * panel_rows + lane), sizeof(float));
      continue;
    }
    std::uint16_t half;
    if (type_ == model::TensorType::f16) {
      std::memcpy(&half, from + 2 * (k * panel_rows + lane), sizeof half);
      out[k] = model::f32_from_f16(half);
      continue;
    }
    const std::uint8_t* const run = from + k / exact::run * q8_0_panel_run_bytes;
    const std::size_t column = k % exact::run;
    std::memcpy(&half, run + 2 * lane, sizeof half);
    const int weight = run[2 * panel_rows + column / 4 * 4 * panel_rows + 4 * lane + column % 4];
    out[k] = model::f32_from_f16(half) * static_cast<float>(weight - 128);
  }
}

}  // namespace attest::inference
