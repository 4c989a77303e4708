// The mathematics, in its order.
#include "inference/transformer.h"

#include <algorithm>
#include <cmath>

#include "inference/exact.h"

namespace attest::inference {

namespace {

void add(Vectors& to, const Vectors& more, const Machine& machine) {
  machine.each(to.count(), [&](std::size_t t) {
    for (std::size_t i = 0; i < to.size(); ++i) to[t][i] = to[t][i] + more[t][i];
  });
}

Vectors normalised(const Vectors& x, std::span<const float> weight, float epsilon,
                   const Machine& machine) {
  Vectors y(x.count(), x.size());
  machine.each(x.count(), [&](std::size_t t) { exact::rms_norm(x[t], weight, epsilon, y[t]); });
  return y;
}

}  // namespace

Sequence::Sequence(const Transformer& transformer, std::size_t capacity)
    : transformer_(&transformer), capacity_(capacity) {
  const ModelShape& shape = transformer.shape();
  for (std::size_t pair = 0; pair < shape.rope_dimensions / 2; ++pair)
    rope_frequencies_.push_back(
        exact::rope_frequency(shape.rope_base, pair, shape.rope_dimensions));
  keys_.assign(shape.layers, std::vector<float>(capacity * shape.kv_size()));
  values_ = keys_;
}

Result<Sequence> Sequence::begin(const Transformer& transformer, std::size_t capacity) {
  if (capacity > transformer.shape().context)
    return fail(refused(rules::sequence_too_long, "longer than the model's context")
                    .expected("at most " + std::to_string(transformer.shape().context))
                    .found(std::to_string(capacity)));
  return Sequence(transformer, capacity);
}

Status Sequence::append(std::span<const Token> tokens, const Machine& machine,
                        const LogitsSink& sink) {
  if (tokens.size() > capacity_ - length_)
    return fail(refused(rules::sequence_too_long, "more positions than the sequence has room for")
                    .expected("at most " + std::to_string(capacity_ - length_))
                    .found(std::to_string(tokens.size())));
  for (const Token token : tokens)
    if (token >= transformer_->shape().vocabulary)
      return fail(refused(rules::token_unknown, "no such token")
                      .expected("below " + std::to_string(transformer_->shape().vocabulary))
                      .found(std::to_string(token)));
  while (!tokens.empty()) {
    const std::size_t count = std::min(tokens.size(), std::max<std::size_t>(machine.chunk, 1));
    TRY_VOID(append_chunk(tokens.first(count), machine, sink));
    tokens = tokens.subspan(count);
  }
  return {};
}

Status Sequence::append_chunk(std::span<const Token> tokens, const Machine& machine,
                              const LogitsSink& sink) {
  const ModelShape& shape = transformer_->shape();
  Vectors x(tokens.size(), shape.embedding);
  machine.each(tokens.size(),
               [&](std::size_t t) { transformer_->embedding().row(tokens[t], x[t]); });

  for (std::size_t number = 0; number < shape.layers; ++number) {
    attend(transformer_->layers()[number], number, x, machine);
    feed_forward(transformer_->layers()[number], x, machine);
  }

  const Vectors last = normalised(x, transformer_->output_norm(), shape.epsilon, machine);
  MatrixInput input(last);
  Vectors logits(tokens.size(), shape.vocabulary);
  transformer_->output().multiply(input, logits, machine);

  for (std::size_t t = 0; t < tokens.size(); ++t) {
    const std::span<const float> here = std::as_const(logits)[t];
    if (!std::ranges::all_of(here, [](float value) { return std::isfinite(value); }))
      return fail(refused(rules::logits_not_finite, "the model gives no finite answer")
                      .within("position " + std::to_string(length_)));
    ++length_;
    TRY_VOID(sink(length_ - 1, here));
  }
  return {};
}

// x += W_o attention(W_q n, W_k n, W_v n) with n = rms_norm(x).
void Sequence::attend(const Layer& layer, std::size_t layer_number, Vectors& x,
                      const Machine& machine) {
  const ModelShape& shape = transformer_->shape();
  const std::size_t count = x.count();
  const Vectors n = normalised(x, layer.attention_norm, shape.epsilon, machine);
  MatrixInput input(n);
  Vectors query(count, shape.query_size());
  Vectors key(count, shape.kv_size());
  Vectors value(count, shape.kv_size());
  layer.query.multiply(input, query, machine);
  layer.key.multiply(input, key, machine);
  layer.value.multiply(input, value, machine);

  machine.each(count, [&](std::size_t t) {
    rotate(query[t], length_ + t);
    rotate(key[t], length_ + t);
  });
  remember(layer_number, key, value);

  Vectors mixed(count, shape.query_size());
  machine.each(count * shape.heads, [&](std::size_t task) {
    const std::size_t t = task / shape.heads;
    const std::size_t head = task % shape.heads;
    attend_head(layer_number, head, length_ + t,
                std::as_const(query)[t].subspan(head * shape.head_size, shape.head_size),
                mixed[t].subspan(head * shape.head_size, shape.head_size), *machine.kernels);
  });

  MatrixInput mixed_input(mixed);
  Vectors projected(count, shape.embedding);
  layer.attention_output.multiply(mixed_input, projected, machine);
  add(x, projected, machine);
}

// Each head's first rope_dimensions elements turn, pair (2i, 2i + 1) by position * frequency(i).
void Sequence::rotate(std::span<float> heads, std::size_t position) const {
  const std::size_t head_size = transformer_->shape().head_size;
  for (std::size_t pair = 0; pair < rope_frequencies_.size(); ++pair) {
    const exact::SineCosine by =
        exact::sine_cosine(static_cast<double>(position) * rope_frequencies_[pair]);
    for (std::size_t start = 0; start < heads.size(); start += head_size)
      exact::rotate(heads[start + 2 * pair], heads[start + 2 * pair + 1], by);
  }
}

void Sequence::remember(std::size_t layer_number, const Vectors& keys, const Vectors& values) {
  const std::size_t size = transformer_->shape().kv_size();
  for (std::size_t t = 0; t < keys.count(); ++t) {
    const auto at = static_cast<std::ptrdiff_t>((length_ + t) * size);
    std::ranges::copy(keys[t], keys_[layer_number].begin() + at);
    std::ranges::copy(values[t], values_[layer_number].begin() + at);
  }
}

// out = sum over positions p, in order, of softmax(q . k_p / sqrt(head size))_p * v_p.
void Sequence::attend_head(std::size_t layer_number, std::size_t head, std::size_t position,
                           std::span<const float> query, std::span<float> out,
                           const Kernels& kernels) const {
  const ModelShape& shape = transformer_->shape();
  const std::size_t kv_head = head / (shape.heads / shape.kv_heads);
  const std::size_t row = shape.kv_size();
  const float* const keys = keys_[layer_number].data() + kv_head * shape.head_size;
  const float* const values = values_[layer_number].data() + kv_head * shape.head_size;
  const float scale = 1.0F / std::sqrt(static_cast<float>(shape.head_size));

  std::vector<float> weights(position + 1);
  for (std::size_t p = 0; p <= position; ++p)
    weights[p] = kernels.dot(query.data(), keys + p * row, shape.head_size) * scale;
  const float total = exact::softmax_numerators(weights);
  std::ranges::fill(out, 0.0F);
  for (std::size_t p = 0; p <= position; ++p)
    kernels.add_scaled(out.data(), weights[p], values + p * row, shape.head_size);
  for (float& each : out) each = each / total;
}

// x += W_down (silu(W_gate n) * W_up n) with n = rms_norm(x).
void Sequence::feed_forward(const Layer& layer, Vectors& x, const Machine& machine) {
  const ModelShape& shape = transformer_->shape();
  const Vectors n = normalised(x, layer.feed_forward_norm, shape.epsilon, machine);
  MatrixInput input(n);
  Vectors gate(x.count(), shape.feed_forward);
  Vectors up(x.count(), shape.feed_forward);
  layer.gate.multiply(input, gate, machine);
  layer.up.multiply(input, up, machine);
  machine.each(x.count(), [&](std::size_t t) {
    for (std::size_t i = 0; i < shape.feed_forward; ++i)
      gate[t][i] = exact::silu(gate[t][i]) * up[t][i];
  });

  MatrixInput gated(gate);
  Vectors projected(x.count(), shape.embedding);
  layer.down.multiply(gated, projected, machine);
  add(x, projected, machine);
}

}  // namespace attest::inference
