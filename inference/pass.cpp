#include "inference/pass.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace attest::inference {

namespace {

// Logits of all positions of a long pass would take more memory than everything else.
constexpr std::size_t logits_at_once = 48;

std::size_t count_tokens(std::span<const Continuation> continuations) {
  std::size_t count = 0;
  for (const Continuation& each : continuations)
    if (each.outcome) count += each.tokens.size();
  return count;
}

}  // namespace

Pass::Pass(const Transformer& transformer, std::span<Continuation> continuations,
           const Machine& machine)
    : transformer_(&transformer),
      shape_(&transformer.shape()),
      machine_(&machine),
      x_(count_tokens(continuations), shape_->embedding),
      n_(x_.count(), shape_->embedding),
      query_(x_.count(), shape_->query_size()),
      key_(x_.count(), shape_->kv_size()),
      value_(x_.count(), shape_->kv_size()),
      mixed_(x_.count(), shape_->query_size()),
      gate_(x_.count(), shape_->feed_forward),
      up_(x_.count(), shape_->feed_forward),
      projected_(x_.count(), shape_->embedding) {
  for (Continuation& each : continuations) {
    if (!each.outcome) continue;
    for (std::size_t i = 0; i < each.tokens.size(); ++i)
      positions_.push_back({&each, each.tokens[i], each.sequence->length_ + i});
  }
  prepare_rotations();
}

void Pass::run() {
  if (positions_.empty()) return;
  embed();
  for (std::size_t number = 0; number < shape_->layers; ++number) {
    attend(transformer_->layers()[number], number);
    feed_forward(transformer_->layers()[number]);
  }
  give_logits();
}

void Pass::embed() {
  machine_->each(positions_.size(),
                 [&](std::size_t t) { transformer_->embedding().row(positions_[t].token, x_[t]); });
}

// n = rms_norm(x)
void Pass::normalise(std::span<const float> weight) {
  machine_->each(x_.count(), [&](std::size_t t) {
    machine_->kernels->rms_norm(x_[t].data(), weight.data(), weight.size(), shape_->epsilon,
                                n_[t].data());
  });
  input_.begin(n_);
}

// x += projected
void Pass::add_projected() {
  machine_->each(x_.count(), [&](std::size_t t) {
    const std::span<float> to = x_[t];
    const std::span<const float> more = std::as_const(projected_)[t];
    for (std::size_t i = 0; i < to.size(); ++i) to[i] = to[i] + more[i];
  });
}

// x += W_o attention(W_q n, W_k n, W_v n) with n = rms_norm(x).
void Pass::attend(const Layer& layer, std::size_t layer_number) {
  normalise(layer.attention_norm);
  const Matrix::Product products[] = {
      {&layer.query, &query_}, {&layer.key, &key_}, {&layer.value, &value_}};
  Matrix::multiply(products, input_, *machine_);

  machine_->each(x_.count(), [&](std::size_t t) {
    rotate(t, query_[t]);
    rotate(t, key_[t]);
    const Position& position = positions_[t];
    position.continuation->sequence->cache_.remember(layer_number, position.number, key_[t],
                                                     value_[t]);
  });
  machine_->each(x_.count() * shape_->kv_heads, [&](std::size_t task) {
    attend_head(layer_number, task / shape_->kv_heads, task % shape_->kv_heads);
  });

  input_.begin(mixed_);
  layer.attention_output.multiply(input_, projected_, *machine_);
  add_projected();
}

// For all query heads that share a key-value head:
// out = sum over positions p, in order, of softmax(q . k_p / sqrt(head size))_p * v_p.
void Pass::attend_head(std::size_t layer_number, std::size_t t, std::size_t kv_head) {
  const KeyValueCache& cache = positions_[t].continuation->sequence->cache_;
  const std::size_t seen = positions_[t].number + 1;
  const std::size_t sharing = shape_->heads / shape_->kv_heads;
  const std::size_t size = shape_->head_size;
  const Panels keys = cache.keys(layer_number, kv_head, seen);
  const Panels values = cache.values(layer_number, kv_head);
  const float scale = 1.0F / std::sqrt(static_cast<float>(size));
  const Kernels& kernels = *machine_->kernels;

  const std::size_t score_stride = keys.count * panel_rows;
  const std::size_t sum_stride = values.count * panel_rows;
  std::vector<float> scores(tile_width * score_stride);
  std::vector<float> sums(tile_width * sum_stride);
  for (std::size_t done = 0; done < sharing; done += tile_width) {
    const std::size_t first_head = kv_head * sharing + done;
    Tile tile{};
    tile.count = std::min(tile_width, sharing - done);
    tile.floats = query_[t].data() + first_head * size;
    tile.stride = size;
    kernels.f32(keys, tile, 0, size, {scores.data(), score_stride, true});
    std::array<float, tile_width> totals{};
    for (std::size_t i = 0; i < tile.count; ++i) {
      float* const of_head = scores.data() + i * score_stride;
      for (std::size_t p = 0; p < seen; ++p) of_head[p] = of_head[p] * scale;
      totals[i] = kernels.softmax_numerators(of_head, seen);
    }
    tile.floats = scores.data();
    tile.stride = score_stride;
    kernels.f32(values, tile, 0, seen, {sums.data(), sum_stride, true});
    for (std::size_t i = 0; i < tile.count; ++i) {
      float* const out = mixed_[t].data() + (first_head + i) * size;
      for (std::size_t d = 0; d < size; ++d) out[d] = sums[i * sum_stride + d] / totals[i];
    }
  }
}

// Pair i of a head turns by position * frequency(i).
void Pass::prepare_rotations() {
  const std::span<const double> frequencies = transformer_->rope_frequencies();
  rotations_.resize(positions_.size() * frequencies.size());
  machine_->each(positions_.size(), [&](std::size_t t) {
    for (std::size_t pair = 0; pair < frequencies.size(); ++pair)
      rotations_[t * frequencies.size() + pair] =
          exact::sine_cosine(static_cast<double>(positions_[t].number) * frequencies[pair]);
  });
}

// Each head's first rope_dimensions elements turn in pairs (2i, 2i + 1).
void Pass::rotate(std::size_t t, std::span<float> heads) const {
  const std::size_t pairs = transformer_->rope_frequencies().size();
  const exact::SineCosine* const by = rotations_.data() + t * pairs;
  for (std::size_t start = 0; start < heads.size(); start += shape_->head_size)
    for (std::size_t pair = 0; pair < pairs; ++pair)
      exact::rotate(heads[start + 2 * pair], heads[start + 2 * pair + 1], by[pair]);
}

// x += W_down (silu(W_gate n) * W_up n) with n = rms_norm(x).
void Pass::feed_forward(const Layer& layer) {
  normalise(layer.feed_forward_norm);
  const Matrix::Product products[] = {{&layer.gate, &gate_}, {&layer.up, &up_}};
  Matrix::multiply(products, input_, *machine_);
  machine_->each(x_.count(), [&](std::size_t t) {
    machine_->kernels->silu_times(gate_[t].data(), up_[t].data(), shape_->feed_forward);
  });
  input_.begin(gate_);
  layer.down.multiply(input_, projected_, *machine_);
  add_projected();
}

void Pass::give_logits() {
  for (std::size_t first = 0; first < x_.count(); first += logits_at_once) {
    Vectors last(std::min(logits_at_once, x_.count() - first), shape_->embedding);
    machine_->each(last.count(), [&](std::size_t t) {
      machine_->kernels->rms_norm(x_[first + t].data(), transformer_->output_norm().data(),
                                  shape_->embedding, shape_->epsilon, last[t].data());
    });
    input_.begin(last);
    Vectors logits(last.count(), shape_->vocabulary);
    transformer_->output().multiply(input_, logits, *machine_);
    give(first, logits);
  }
}

void Pass::give(std::size_t first, const Vectors& logits) {
  for (std::size_t t = 0; t < logits.count(); ++t) {
    const Position& position = positions_[first + t];
    Continuation& to = *position.continuation;
    if (!to.outcome) continue;
    const std::span<const float> here = logits[t];
    if (!std::ranges::all_of(here, [](float value) { return std::isfinite(value); })) {
      to.outcome = fail(refused(rules::logits_not_finite, "the model gives no finite answer")
                            .within("position " + std::to_string(position.number)));
      continue;
    }
    ++to.sequence->length_;
    to.outcome = to.sink(position.number, here);
  }
}

}  // namespace attest::inference
