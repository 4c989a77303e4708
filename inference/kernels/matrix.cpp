#include "inference/kernels/matrix.h"

#include <algorithm>

#include "inference/kernels/exact.h"

namespace attest::inference {

namespace {

// Weights of one task for one vector: long enough to be worth handing out, short enough that no
// thread waits long for the last.
constexpr std::size_t task_bytes = 96U << 10;
// Columns of two panels that stay in the first cache while all tiles pass over them.
constexpr std::size_t columns_at_once = 512;
constexpr std::size_t float_columns_at_once = 128;

}  // namespace

Matrix::Matrix(const Packing& packing, std::size_t columns, std::size_t rows,
               std::shared_ptr<PanelArena> arena)
    : packing_(&packing),
      columns_(columns),
      rows_(rows),
      arena_(std::move(arena)),
      panels_(arena_->take(bytes())) {}

Status Matrix::check_type(const model::GgufTensor& tensor) {
  if (find_packing(tensor.type)) return {};
  return fail(
      refused(rules::matrix_type, "tensor type not covered by " + std::string(exact::profile))
          .expected("F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, MXFP4, Q4_K, Q5_K or Q6_K")
          .found(std::string(model::to_string(tensor.type)))
          .within("tensor " + tensor.name));
}

Result<Matrix> Matrix::with_room_for(const model::GgufTensor& tensor,
                                     std::shared_ptr<PanelArena> arena) {
  TRY_VOID(check_type(tensor));
  return Matrix(*find_packing(tensor.type), tensor.columns(), tensor.rows(), std::move(arena));
}

Result<Matrix> Matrix::pack(const model::GgufTensor& tensor, ByteView data) {
  TRY(Matrix matrix, with_room_for(tensor, std::make_shared<PanelArena>(0)));
  TRY_VOID(matrix.room().pack(0, data));
  return matrix;
}

MatrixRoom Matrix::room() {
  return {packing_, panels_, units(), row_bytes(), rows_};
}

Status MatrixRoom::pack(std::size_t first, ByteView rows_of_file) const {
  const std::size_t panel = packing->panel_bytes(units);
  for (std::size_t i = first / panel_rows; !rows_of_file.empty(); ++i) {
    const ByteView some = rows_of_file.first(std::min(panel_rows * row_bytes, rows_of_file.size()));
    TRY_VOID(pack_panel(*packing, units, some, panels + i * panel));
    rows_of_file = rows_of_file.subspan(some.size());
  }
  return {};
}

std::span<const Tile> Matrix::tiles(MatrixInput& x, const Machine& machine) const {
  switch (packing_->unit_columns) {
    case 1:
      return x.floats();
    case exact::run:
      return x.runs(machine);
    default:
      return x.blocks(machine);
  }
}

void Matrix::multiply(std::span<const Product> products, MatrixInput& x, const Machine& machine) {
  struct Task {
    const Product* product;
    std::span<const Tile> tiles;
    std::size_t first_panel;
    std::size_t panels;
  };
  std::vector<Task> tasks;
  for (const Product& product : products) {
    const Matrix& matrix = *product.matrix;
    const auto tiles = matrix.tiles(x, machine);
    const std::size_t most =
        tiles.size() > 1 ? 2 : std::max<std::size_t>(2, task_bytes / matrix.panel_bytes() / 2 * 2);
    for (std::size_t i = 0; i < matrix.panel_count(); i += most)
      tasks.push_back({&product, tiles, i, std::min(most, matrix.panel_count() - i)});
  }
  machine.each(tasks.size(), [&](std::size_t i) {
    const Task& task = tasks[i];
    task.product->matrix->multiply_panels(task.first_panel, task.panels, task.tiles,
                                          *task.product->y, *machine.kernels);
  });
}

void Matrix::multiply(MatrixInput& x, Vectors& y, const Machine& machine) const {
  const Product product{this, &y};
  multiply(std::span(&product, 1), x, machine);
}

void Matrix::multiply_panels(std::size_t first, std::size_t count, std::span<const Tile> tiles,
                             Vectors& y, const Kernels& kernels) const {
  const PanelKernel kernel = kernels.*packing_->kernel;
  const Panels panels{panels_ + first * panel_bytes(), panel_bytes(), count,
                      packing_->scales_at(units())};
  const std::size_t at_once = tiles.size() == 1 ? units()
                              : packing_->unit_columns == 1
                                  ? float_columns_at_once
                                  : columns_at_once / packing_->unit_columns;
  for (std::size_t unit = 0; unit < units(); unit += at_once) {
    const std::size_t some = std::min(at_once, units() - unit);
    for (std::size_t i = 0; i < tiles.size(); ++i) {
      float* const out = y.data() + i * tile_width * y.stride() + first * panel_rows;
      kernel(panels, tiles[i], unit, some, {out, y.stride(), unit == 0});
    }
  }
}

void Matrix::row(std::size_t i, std::span<float> out) const {
  unpack_row(*packing_, units(), panels_ + i / panel_rows * panel_bytes(), i % panel_rows, out);
}

}  // namespace attest::inference
