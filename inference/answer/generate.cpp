#include "inference/answer/generate.h"

#include <algorithm>

namespace attest::inference {

namespace {

Result<PrefixCache::Begun> begin(const Transformer& transformer, const GenerateRequest& request,
                                 std::size_t capacity) {
  if (request.prefixes)
    return request.prefixes->begin(transformer, request.prompt, capacity, request.profile,
                                   request.reader);
  TRY(Sequence sequence, Sequence::begin(transformer, capacity, request.profile));
  return PrefixCache::Begun{std::move(sequence), {}};
}

}  // namespace

Result<Answer> generate(const Transformer& transformer, const GenerateRequest& request,
                        const Machine& machine, const TokenSink& sink) {
  TRY_VOID(check_settings(request.sampler));
  const std::size_t context = transformer.shape().context;
  if (request.prompt.empty() || request.prompt.size() >= context || request.max_tokens == 0)
    return fail(refused(rules::generate_prompt, "no prompt, or no room for an answer")
                    .expected("1 to " + std::to_string(context - 1) +
                              " prompt tokens and an answer of at least 1")
                    .found(std::to_string(request.prompt.size()) + " and " +
                           std::to_string(request.max_tokens)));
  const std::size_t longest = std::min(request.max_tokens, context - request.prompt.size());
  TRY(PrefixCache::Begun begun, begin(transformer, request, request.prompt.size() + longest));
  Sequence& sequence = begun.sequence;

  LogitsChain chain(std::move(begun.hashes));
  std::vector<Token> text = request.prompt;
  Answer answer;
  std::optional<Token> chosen;
  const auto choose = [&](std::size_t position, std::span<const float> logits) -> Status {
    chain.add(logits);
    // Only what follows the last known token is to be chosen.
    if (position + 1 != text.size()) return {};
    std::span<const std::uint8_t> allowed;
    if (request.form) {
      TRY(allowed, request.form->allowed());
    }
    chosen = sample(request.sampler, logits, text, position + 1, allowed);
    if (request.choices) request.choices(*chosen, logits);
    return {};
  };

  const auto append = [&](std::span<const Token> tokens) {
    return request.passes ? request.passes->append(sequence, tokens, choose)
                          : sequence.append(tokens, machine, choose);
  };
  std::optional<SharedPasses::Member> member;
  if (request.passes) member.emplace(*request.passes);
  TRY_VOID(append(std::span(request.prompt).subspan(sequence.length())));
  while (answer.stopped.empty()) {
    const Token token = *chosen;
    text.push_back(token);
    answer.tokens.push_back(token);
    if (request.form) TRY_VOID(request.form->accept(token));
    const bool goes_on = !sink || sink(token);
    if (std::ranges::find(request.end_tokens, token) != request.end_tokens.end()) {
      answer.stopped = "eos";
    } else if (!goes_on || (request.form && request.form->finished())) {
      answer.stopped = "stop";
    } else if (answer.tokens.size() == longest) {
      answer.stopped = "length";
    } else {
      TRY_VOID(append(std::span(&token, 1)));
    }
  }
  answer.logits = chain.hashes();
  if (request.prefixes)
    request.prefixes->keep(std::move(sequence), text, answer.logits, request.reader);
  return answer;
}

}  // namespace attest::inference
