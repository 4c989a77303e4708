#include "inference/model/transformer.h"

#include <algorithm>

#include "inference/kernels/exact.h"
#include "inference/model/pass.h"
#include "inference/model/streamed_layers.h"

namespace attest::inference {

Transformer::Transformer(ModelShape shape, Matrix embedding)
    : shape_(shape), embedding_(std::move(embedding)) {
  for (std::size_t pair = 0; pair < shape.rope_dimensions / 2; ++pair) {
    rope_frequencies_.push_back(
        exact::rope_frequency(shape.rope_base, pair, shape.rope_dimensions) / shape.rope_divisor);
    sliding_rope_frequencies_.push_back(
        exact::rope_frequency(shape.sliding_rope_base, pair, shape.rope_dimensions));
  }
}

Transformer::~Transformer() = default;
Transformer::Transformer(Transformer&&) noexcept = default;
Transformer& Transformer::operator=(Transformer&&) noexcept = default;

Result<std::shared_ptr<const Layer>> Transformer::layer(std::size_t number) const {
  if (streamed_) return streamed_->layer(number);
  return layers_[number];
}

std::unique_lock<std::mutex> Transformer::begin_pass() const {
  return streamed_ ? streamed_->begin_pass() : std::unique_lock<std::mutex>();
}

Sequence::Sequence(const Transformer& transformer, std::size_t capacity, exact::Profile profile)
    : transformer_(&transformer),
      capacity_(capacity),
      cache_(transformer.shape(), capacity, profile) {}

Result<Sequence> Sequence::begin(const Transformer& transformer, std::size_t capacity,
                                 exact::Profile profile) {
  if (capacity > transformer.shape().context)
    return fail(refused(rules::sequence_too_long, "longer than the model's context")
                    .expected("at most " + std::to_string(transformer.shape().context))
                    .found(std::to_string(capacity)));
  const std::size_t head = transformer.shape().head_size;
  if (profile == exact::Profile::exact_1_kv8 && head % exact::run != 0)
    return fail(refused(rules::sequence_profile, "this model cannot run in that profile")
                    .expected("heads of whole runs of " + std::to_string(exact::run))
                    .found(std::to_string(head))
                    .next("use the profile " + std::string(exact::profile)));
  return Sequence(transformer, capacity, profile);
}

Status Sequence::check(std::span<const Token> tokens) const {
  if (tokens.size() > capacity_ - length_)
    return fail(refused(rules::sequence_too_long, "more positions than the sequence has room for")
                    .expected("at most " + std::to_string(capacity_ - length_))
                    .found(std::to_string(tokens.size())));
  for (const Token token : tokens)
    if (token >= transformer_->shape().vocabulary)
      return fail(refused(rules::token_unknown, "no such token")
                      .expected("below " + std::to_string(transformer_->shape().vocabulary))
                      .found(std::to_string(token)));
  return {};
}

Status Sequence::append(std::span<const Token> tokens, const Machine& machine,
                        const LogitsSink& sink, const Wanted& wanted) {
  TRY_VOID(check(tokens));
  while (!tokens.empty()) {
    const std::size_t count = std::min(tokens.size(), std::max<std::size_t>(machine.chunk, 1));
    Continuation some{this, tokens.first(count), sink, wanted};
    Pass(*transformer_, std::span(&some, 1), machine).run();
    TRY_VOID(some.outcome);
    tokens = tokens.subspan(count);
  }
  return {};
}

void append_together(std::span<Continuation> continuations, const Machine& machine) {
  for (Continuation& each : continuations) each.outcome = each.sequence->check(each.tokens);
  if (!continuations.empty())
    Pass(continuations.front().sequence->transformer(), continuations, machine).run();
}

}  // namespace attest::inference
