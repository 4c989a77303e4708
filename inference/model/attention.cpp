#include "inference/model/attention.h"

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

namespace attest::inference {

namespace {

// Scores are capped before the window hides what lies behind it: its weight becomes 0.
void restrict_scores(const ModelShape& shape, std::size_t layer, std::span<float> scores) {
  if (shape.score_cap != 0)
    for (float& score : scores) score = exact::softly_capped(score, shape.score_cap);
  if (shape.slides(layer) && scores.size() > shape.window)
    std::ranges::fill(scores.first(scores.size() - shape.window),
                      -std::numeric_limits<float>::infinity());
}

// Some query heads, as many as share a tile.
class Heads {
 public:
  Heads(const ModelShape& shape, const Kernels& kernels, const KeyValueCache& cache,
        const Seen& seen, std::size_t count)
      : shape_(&shape),
        kernels_(&kernels),
        cache_(&cache),
        seen_(seen),
        count_(count),
        keys_(cache.keys(seen.layer, seen.kv_head, seen.count)),
        values_(cache.values(seen.layer, seen.kv_head)),
        stride_(keys_.count * panel_rows),
        scores_(count * stride_),
        sum_stride_(values_.count * panel_rows),
        sums_(count * sum_stride_) {}

  void attend(const float* queries, float* out) {
    const bool in_bytes = cache_->profile() == exact::Profile::exact_1_kv8;
    if (in_bytes)
      score_bytes(queries);
    else
      kernels_->f32(keys_, floats(queries, shape_->head_size), 0, shape_->head_size, scores());
    std::array<float, tile_width> totals{};
    for (std::size_t i = 0; i < count_; ++i) {
      const std::span<float> of_head = std::span(scores_).subspan(i * stride_, seen_.count);
      for (float& score : of_head) score = score * shape_->score_scale;
      restrict_scores(*shape_, seen_.layer, of_head);
      totals[i] = kernels_->softmax_numerators(of_head.data(), of_head.size());
    }
    if (in_bytes)
      mix_bytes();
    else
      kernels_->f32(values_, floats(scores_.data(), stride_), 0, seen_.count,
                    {sums_.data(), sum_stride_, true});
    for (std::size_t i = 0; i < count_; ++i)
      for (std::size_t d = 0; d < shape_->head_size; ++d)
        out[i * shape_->head_size + d] = sums_[i * sum_stride_ + d] / totals[i];
  }

 private:
  Tile floats(const float* from, std::size_t stride) const {
    Tile tile{};
    tile.count = count_;
    tile.floats = from;
    tile.stride = stride;
    return tile;
  }
  PanelOutput scores() { return {scores_.data(), stride_, true}; }

  // Rows of Q8_0 times queries in runs.
  void score_bytes(const float* queries) {
    const std::size_t runs = shape_->head_size / exact::run;
    std::vector<std::int8_t> q(runs * count_ * exact::run);
    std::vector<float> scales(runs * count_);
    std::vector<std::int32_t> sums(runs * count_);
    for (std::size_t at = 0; at < scales.size(); ++at) {
      const float* const run = queries + at % count_ * shape_->head_size + at / count_ * exact::run;
      scales[at] = kernels_->quantise_run(run, q.data() + at * exact::run);
      std::int32_t sum = 0;
      for (std::size_t k = 0; k < exact::run; ++k) sum += q[at * exact::run + k];
      sums[at] = -128 * sum;
    }
    Tile tile{};
    tile.count = count_;
    tile.values = q.data();
    tile.scales = scales.data();
    tile.minus_128_sums = sums.data();
    kernels_->q8_0(keys_, tile, 0, runs, scores());
  }

  // The panels of a run share the scales of its positions.
  void mix_bytes() {
    constexpr std::size_t panels_of_run = exact::run / panel_rows;
    std::vector<float> scaled(scores_.size());
    for (std::size_t run = 0; run < shape_->head_size / exact::run; ++run) {
      const float* const scale = cache_->value_scales(seen_.layer, seen_.kv_head, run);
      for (std::size_t i = 0; i < count_; ++i)
        for (std::size_t p = 0; p < seen_.count; ++p)
          scaled[i * stride_ + p] = scores_[i * stride_ + p] * scale[p];
      Panels panels = values_;
      panels.data += run * panels_of_run * panels.stride;
      panels.count = panels_of_run;
      kernels_->i8(panels, floats(scaled.data(), stride_), 0, seen_.count,
                   {sums_.data() + run * exact::run, sum_stride_, true});
    }
  }

  const ModelShape* shape_;
  const Kernels* kernels_;
  const KeyValueCache* cache_;
  Seen seen_;
  std::size_t count_;
  Panels keys_;
  Panels values_;
  std::size_t stride_;
  std::vector<float> scores_;  // then numerators
  std::size_t sum_stride_;
  std::vector<float> sums_;
};

}  // namespace

void attend_heads(const ModelShape& shape, const Kernels& kernels, const KeyValueCache& cache,
                  const Seen& seen, const float* queries, float* out) {
  const std::size_t sharing = shape.heads / shape.kv_heads;
  for (std::size_t first = 0; first < sharing; first += tile_width) {
    const std::size_t at = first * shape.head_size;
    Heads(shape, kernels, cache, seen, std::min(tile_width, sharing - first))
        .attend(queries + at, out + at);
  }
}

}  // namespace attest::inference
