// Writing an answer, token by token, with what a receipt needs to prove it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "inference/answer/logits_chain.h"
#include "inference/answer/sampler.h"
#include "inference/form/answer_form.h"
#include "inference/model/prefix_cache.h"
#include "inference/model/shared_passes.h"

namespace attest::inference {

struct GenerateRequest {
  std::vector<Token> prompt;  // at least one token
  SamplerSettings sampler;
  std::size_t max_tokens = 0;     // at least 1
  std::vector<Token> end_tokens;  // Vocabulary::end_tokens
  exact::Profile profile = exact::Profile::exact_1;
  // prefixes has what was read of the prompt before, and keeps what is read now. The answer and its
  // chain are the same to the bit.
  PrefixCache* prefixes = nullptr;
  Sha256 reader{};  // whose prompt this is, among those who share a prefix cache
  // form keeps the answer to the form that was asked for; one that begins, and is used up.
  FormedAnswer* form = nullptr;
  // passes that are shared with other texts; the machine's own without
  SharedPasses* passes = nullptr;
  // hears, before the TokenSink, of each token and the logits it was chosen from
  std::function<void(Token, std::span<const float>)> choices = {};
};

struct Answer {
  std::vector<Token> tokens;   // the end token included, where one ended it
  std::string stopped;         // "eos", "length" or "stop"
  std::vector<Sha256> logits;  // one for each position of prompt and answer but the last token
};

// TokenSink hears of each token as it is chosen; false ends the answer as "stop".
using TokenSink = std::function<bool(Token)>;

// generate refuses settings out of range, an empty prompt, and a prompt that leaves no room in the
// model's context (rules::generate_prompt), and fails as FormedAnswer::allowed does. An answer that
// reaches the context's end stops as "length", one whose form is whole as "stop".
Result<Answer> generate(const Transformer& transformer, const GenerateRequest& request,
                        const Machine& machine, const TokenSink& sink = {});

}  // namespace attest::inference

namespace attest::rules {
inline constexpr Rule generate_prompt{"inference.generate.prompt"};
}
