#include "inference/model/pass.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "inference/model/attention.h"

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
  prepare_rotations(false);
  if (shape_->window != 0) prepare_rotations(true);
}

void Pass::run() {
  if (positions_.empty()) return;
  const auto pass = transformer_->begin_pass();
  embed();
  for (std::size_t number = 0; number < shape_->layers; ++number) {
    const auto layer = transformer_->layer(number);
    if (!layer) return fail_all(layer.error());
    attend(**layer, number);
    feed_forward(**layer);
  }
  give_logits();
}

void Pass::fail_all(const Error& why) {
  for (const Position& position : positions_) position.continuation->outcome = fail(why);
}

void Pass::embed() {
  machine_->each(positions_.size(), [&](std::size_t t) {
    transformer_->embedding().row(positions_[t].token, x_[t]);
    if (shape_->embedding_scale != 1.0F)
      for (float& value : x_[t]) value = value * shape_->embedding_scale;
  });
}

// n = rms_norm(x)
void Pass::normalise(std::span<const float> weight) {
  machine_->each(x_.count(), [&](std::size_t t) {
    machine_->kernels->rms_norm(x_[t].data(), weight.data(), weight.size(), shape_->epsilon,
                                n_[t].data());
  });
  input_.begin(n_);
}

// x += projected, or its norm.
void Pass::add_projected(std::span<const float> norm_behind) {
  machine_->each(x_.count(), [&](std::size_t t) {
    const std::span<float> to = x_[t];
    if (!norm_behind.empty()) normalise_heads(projected_[t], norm_behind);
    const std::span<const float> more = std::as_const(projected_)[t];
    for (std::size_t i = 0; i < to.size(); ++i) to[i] = to[i] + more[i];
  });
}

// Each run of weight.size() elements is normalised.
void Pass::normalise_heads(std::span<float> heads, std::span<const float> weight) const {
  std::vector<float> before(heads.begin(), heads.end());
  for (std::size_t start = 0; start < heads.size(); start += weight.size())
    machine_->kernels->rms_norm(before.data() + start, weight.data(), weight.size(),
                                shape_->epsilon, heads.data() + start);
}

// Biases, norms of heads and rotation, in this order.
void Pass::prepare_heads(const Layer& layer, std::size_t layer_number, std::size_t t) {
  const auto add = [](std::span<float> to, std::span<const float> bias) {
    for (std::size_t i = 0; i < bias.size(); ++i) to[i] = to[i] + bias[i];
  };
  add(query_[t], layer.query_bias);
  add(key_[t], layer.key_bias);
  add(value_[t], layer.value_bias);
  if (!layer.query_norm.empty()) {
    normalise_heads(query_[t], layer.query_norm);
    normalise_heads(key_[t], layer.key_norm);
  }
  const bool sliding = shape_->slides(layer_number);
  rotate(t, sliding, query_[t]);
  rotate(t, sliding, key_[t]);
}

// x += W_o attention(W_q n, W_k n, W_v n) with n = rms_norm(x).
void Pass::attend(const Layer& layer, std::size_t layer_number) {
  normalise(layer.attention_norm);
  const Matrix::Product products[] = {
      {&layer.query, &query_}, {&layer.key, &key_}, {&layer.value, &value_}};
  Matrix::multiply(products, input_, *machine_);

  machine_->each(x_.count(), [&](std::size_t t) {
    prepare_heads(layer, layer_number, t);
    const Position& position = positions_[t];
    position.continuation->sequence->cache_.remember(layer_number, position.number, key_[t],
                                                     value_[t], *machine_->kernels);
  });
  machine_->each(x_.count() * shape_->kv_heads, [&](std::size_t task) {
    const std::size_t t = task / shape_->kv_heads;
    const std::size_t kv_head = task % shape_->kv_heads;
    const std::size_t first = kv_head * (shape_->heads / shape_->kv_heads) * shape_->head_size;
    attend_heads(*shape_, *machine_->kernels, positions_[t].continuation->sequence->cache_,
                 {layer_number, kv_head, positions_[t].number + 1}, query_[t].data() + first,
                 mixed_[t].data() + first);
  });

  input_.begin(mixed_);
  layer.attention_output.multiply(input_, projected_, *machine_);
  add_projected(layer.norm_behind_attention);
}

// Pair i of a head turns by position * frequency(i).
void Pass::prepare_rotations(bool sliding) {
  const std::span<const double> frequencies = transformer_->rope_frequencies(sliding);
  std::vector<exact::SineCosine>& rotations = rotations_[sliding ? 1 : 0];
  rotations.resize(positions_.size() * frequencies.size());
  machine_->each(positions_.size(), [&](std::size_t t) {
    for (std::size_t pair = 0; pair < frequencies.size(); ++pair)
      rotations[t * frequencies.size() + pair] =
          exact::sine_cosine(static_cast<double>(positions_[t].number) * frequencies[pair]);
  });
}

// Each head's first rope_dimensions elements turn in pairs.
void Pass::rotate(std::size_t t, bool sliding, std::span<float> heads) const {
  const std::size_t pairs = transformer_->rope_frequencies(sliding).size();
  const exact::SineCosine* const by = rotations_[sliding ? 1 : 0].data() + t * pairs;
  const bool halves = shape_->architecture->pairs == Architecture::Pairs::halves;
  for (std::size_t start = 0; start < heads.size(); start += shape_->head_size)
    for (std::size_t pair = 0; pair < pairs; ++pair) {
      const std::size_t first = start + (halves ? pair : 2 * pair);
      exact::rotate(heads[first], heads[first + (halves ? pairs : 1)], by[pair]);
    }
}

// x += feed_forward(n) with n = rms_norm(x).
void Pass::feed_forward(const Layer& layer) {
  normalise(layer.feed_forward_norm);
  if (layer.router) {
    mixture(layer);
  } else {
    gated(layer.experts.front(), gate_, up_, projected_);
  }
  add_projected(layer.norm_behind_feed_forward);
}

// out = W_down (gate(W_gate x) * W_up x), x being what input_ holds.
void Pass::gated(const FeedForward& part, Vectors& gate, Vectors& up, Vectors& out) {
  const Matrix::Product products[] = {{&part.gate, &gate}, {&part.up, &up}};
  Matrix::multiply(products, input_, *machine_);
  machine_->each(gate.count(), [&](std::size_t t) {
    const std::span<float> to = gate[t];
    const std::span<const float> more = std::as_const(up)[t];
    if (shape_->architecture->gate == Architecture::Gate::silu) {
      machine_->kernels->silu_times(to.data(), more.data(), shape_->feed_forward);
    } else {
      for (std::size_t i = 0; i < to.size(); ++i) to[i] = exact::gelu(to[i]) * more[i];
    }
  });
  input_.begin(gate);
  part.down.multiply(input_, out, *machine_);
}

// route gives each expert the positions that go to it, with the weights of what it gives them.
std::vector<std::vector<Pass::Share>> Pass::route(const Layer& layer) {
  Vectors logits(x_.count(), shape_->experts);
  layer.router->multiply(input_, logits, *machine_);
  std::vector<std::vector<Share>> shares(shape_->experts);
  for (std::size_t t = 0; t < x_.count(); ++t) {
    const std::span<const float> here = std::as_const(logits)[t];
    std::vector<std::size_t> order(shape_->experts);
    std::iota(order.begin(), order.end(), std::size_t{0});
    // Numbers that are not finite reach the logits by any way, and are refused there.
    if (std::ranges::all_of(here, [](float logit) { return std::isfinite(logit); }))
      std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
        return here[a] > here[b] || (here[a] == here[b] && a < b);
      });
    order.resize(shape_->experts_used);
    std::ranges::sort(order);
    std::vector<float> weights;
    for (const std::size_t expert : order) weights.push_back(here[expert]);
    const float total = exact::softmax_numerators(weights);
    for (std::size_t i = 0; i < order.size(); ++i)
      shares[order[i]].push_back({t, weights[i] / total});
  }
  return shares;
}

// Each position goes to the experts whose router logits are largest, of equals the lowest, and gets
// the sum of what they give, in the order of their numbers, weighted by the softmax among them.
// What an expert gives to a position does not depend on who else is there.
void Pass::mixture(const Layer& layer) {
  const auto shares = route(layer);
  machine_->each(x_.count(), [&](std::size_t t) { std::ranges::fill(projected_[t], 0.0F); });
  for (std::size_t expert = 0; expert < shape_->experts; ++expert) {
    const std::vector<Share>& mine = shares[expert];
    if (mine.empty()) continue;
    Vectors some(mine.size(), shape_->embedding);
    Vectors gate(mine.size(), shape_->feed_forward);
    Vectors up(mine.size(), shape_->feed_forward);
    Vectors out(mine.size(), shape_->embedding);
    for (std::size_t i = 0; i < mine.size(); ++i)
      std::ranges::copy(std::as_const(n_)[mine[i].position], some[i].begin());
    input_.begin(some);
    gated(layer.experts[expert], gate, up, out);
    machine_->each(mine.size(), [&](std::size_t i) {
      const std::span<float> to = projected_[mine[i].position];
      const std::span<const float> more = std::as_const(out)[i];
      for (std::size_t k = 0; k < to.size(); ++k) to[k] = to[k] + mine[i].weight * more[k];
    });
  }
}

void Pass::give_logits() {
  std::vector<std::size_t> wanted;
  for (std::size_t t = 0; t < positions_.size(); ++t) {
    const Continuation& of = *positions_[t].continuation;
    if (!of.wanted || of.wanted(positions_[t].number)) wanted.push_back(t);
  }
  for (std::size_t first = 0; first < wanted.size(); first += logits_at_once) {
    const auto some =
        std::span(wanted).subspan(first, std::min(logits_at_once, wanted.size() - first));
    Vectors last(some.size(), shape_->embedding);
    machine_->each(last.count(), [&](std::size_t t) {
      machine_->kernels->rms_norm(x_[some[t]].data(), transformer_->output_norm().data(),
                                  shape_->embedding, shape_->epsilon, last[t].data());
    });
    input_.begin(last);
    Vectors logits(last.count(), shape_->vocabulary);
    transformer_->output().multiply(input_, logits, *machine_);
    if (shape_->logit_cap != 0)
      machine_->each(logits.count(), [&](std::size_t t) {
        for (float& logit : logits[t]) logit = exact::softly_capped(logit, shape_->logit_cap);
      });
    for (std::size_t i = 0; i < some.size(); ++i)
      give(positions_[some[i]], std::as_const(logits)[i]);
  }
  for (const Position& position : positions_)
    if (position.continuation->outcome)
      position.continuation->sequence->length_ = position.number + 1;
}

void Pass::give(const Position& position, std::span<const float> logits) {
  Continuation& to = *position.continuation;
  if (!to.outcome) return;
  if (std::ranges::all_of(logits, [](float value) { return std::isfinite(value); }))
    to.outcome = to.sink(position.number, logits);
  else
    to.outcome = fail(refused(rules::logits_not_finite, "the model gives no finite answer")
                          .within("position " + std::to_string(position.number)));
}

}  // namespace attest::inference
