#include "inference/kernels/vectors.h"

#include <algorithm>
#include <array>

#include "inference/kernels/exact.h"

namespace attest::inference {

namespace {

std::size_t sum_count(std::size_t runs) {
  return 2 * runs;  // times -128 and times -8
}
constexpr std::size_t block_sum_count = 16 + 4;

std::int32_t sum_of(std::span<const std::int8_t> values) {
  std::int32_t sum = 0;
  for (const std::int8_t value : values) sum += value;
  return sum;
}

std::size_t tiles_for(std::size_t vectors) {
  return (vectors + tile_width - 1) / tile_width;
}

}  // namespace

// One panel more than needed: strides that are powers of two would put the same element of all
// vectors into the same few lines of the cache.
Vectors::Vectors(std::size_t count, std::size_t size)
    : count_(count),
      size_(size),
      stride_(((size + panel_rows - 1) / panel_rows + 1) * panel_rows),
      values_(count * stride_) {}

void MatrixInput::begin(const Vectors& x) {
  x_ = &x;
  floats_.clear();
  runs_.tiles.clear();
  blocks_.tiles.clear();
}

std::span<const Tile> MatrixInput::floats() {
  if (floats_.empty()) {
    for (std::size_t t = 0; t < x_->count(); t += tile_width) {
      Tile tile{};
      tile.count = std::min(tile_width, x_->count() - t);
      tile.floats = x_->data() + t * x_->stride();
      tile.stride = x_->stride();
      floats_.push_back(tile);
    }
  }
  return floats_;
}

std::span<const Tile> MatrixInput::runs(const Machine& machine) {
  if (!runs_.tiles.empty()) return runs_.tiles;
  const std::size_t count = x_->count();
  const std::size_t runs = x_->size() / exact::run;
  runs_.values.resize(count * runs * exact::run);
  runs_.scales.resize(count * runs);
  runs_.sums.resize(count * sum_count(runs));
  for (std::size_t i = 0; i < tiles_for(count); ++i) {
    const std::size_t before = i * tile_width;  // vectors in the tiles before
    Tile tile{};
    tile.count = std::min(tile_width, count - before);
    tile.values = runs_.values.data() + before * runs * exact::run;
    tile.scales = runs_.scales.data() + before * runs;
    tile.minus_128_sums = runs_.sums.data() + before * sum_count(runs);
    tile.minus_8_sums = tile.minus_128_sums + tile.count * runs;
    runs_.tiles.push_back(tile);
  }
  machine.each(count, [&](std::size_t t) { quantise_runs(t, *machine.kernels); });
  return runs_.tiles;
}

void MatrixInput::quantise_runs(std::size_t t, const Kernels& kernels) {
  const std::size_t runs = x_->size() / exact::run;
  const std::size_t before = t / tile_width * tile_width;
  const Tile& tile = runs_.tiles[t / tile_width];
  std::int8_t* const values = runs_.values.data() + before * runs * exact::run;
  float* const scales = runs_.scales.data() + before * runs;
  std::int32_t* const sums = runs_.sums.data() + before * sum_count(runs);
  for (std::size_t r = 0; r < runs; ++r) {
    const std::size_t at = r * tile.count + t - before;
    std::int8_t* const q = values + at * exact::run;
    scales[at] = kernels.quantise_run((*x_)[t].data() + r * exact::run, q);
    const std::int32_t sum = sum_of({q, exact::run});
    sums[at] = -128 * sum;
    sums[tile.count * runs + at] = -8 * sum;
  }
}

std::span<const Tile> MatrixInput::blocks(const Machine& machine) {
  if (!blocks_.tiles.empty()) return blocks_.tiles;
  const std::size_t count = x_->count();
  const std::size_t blocks = x_->size() / exact::block;
  blocks_.values.resize(count * blocks * exact::block);
  blocks_.scales.resize(count * blocks);
  blocks_.sums.resize(count * blocks * block_sum_count);
  for (std::size_t i = 0; i < tiles_for(count); ++i) {
    const std::size_t before = i * tile_width;
    Tile tile{};
    tile.count = std::min(tile_width, count - before);
    tile.values = blocks_.values.data() + before * blocks * exact::block;
    tile.scales = blocks_.scales.data() + before * blocks;
    tile.minus_32_sums = blocks_.sums.data() + before * blocks * block_sum_count;
    tile.pair_sums = tile.minus_32_sums + tile.count * blocks * 16;
    blocks_.tiles.push_back(tile);
  }
  machine.each(count, [&](std::size_t t) { quantise_blocks(t, *machine.kernels); });
  return blocks_.tiles;
}

void MatrixInput::quantise_blocks(std::size_t t, const Kernels& kernels) {
  const std::size_t blocks = x_->size() / exact::block;
  const std::size_t before = t / tile_width * tile_width;
  const std::size_t count = blocks_.tiles[t / tile_width].count;
  std::int8_t* const values = blocks_.values.data() + before * blocks * exact::block;
  float* const scales = blocks_.scales.data() + before * blocks;
  std::int32_t* const sums = blocks_.sums.data() + before * blocks * block_sum_count;
  std::int32_t* const pairs = sums + count * blocks * 16;
  std::array<std::int8_t, exact::block> q;
  for (std::size_t b = 0; b < blocks; ++b) {
    scales[b * count + t - before] =
        kernels.quantise_block((*x_)[t].data() + b * exact::block, q.data());
    std::array<std::int32_t, 16> sixteens;
    for (std::size_t part = 0; part < 16; ++part) {
      sixteens[part] = sum_of(std::span(q).subspan(16 * part, 16));
      sums[(b * 16 + part) * count + t - before] = -32 * sixteens[part];
    }
    for (std::size_t part = 0; part < 8; ++part)
      std::copy_n(q.data() + 32 * part, 32,
                  values + ((b * 8 + part) * count + t - before) * exact::run);
    for (std::size_t k = 0; k < 4; ++k) {
      const auto first = static_cast<std::uint16_t>(sixteens[4 * k] + sixteens[4 * k + 1]);
      const auto second = static_cast<std::uint16_t>(sixteens[4 * k + 2] + sixteens[4 * k + 3]);
      pairs[(b * 4 + k) * count + t - before] =
          static_cast<std::int32_t>(first | static_cast<std::uint32_t>(second) << 16);
    }
  }
}

}  // namespace attest::inference
