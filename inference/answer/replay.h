// Replay: computing a receipt's text again, in batched passes, and comparing every position.
//
// One pass over prompt and answer gives the logits of all positions at a fraction of what it cost
// to write the answer. Each position's hash must be the receipt's, and each token must be the one
// the sampler chooses from these logits.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "inference/answer/receipt.h"
#include "inference/model/encoder.h"
#include "inference/model/transformer.h"
#include "inference/text/tokenizer.h"
#include "libattest/crypto/random.h"

namespace attest::inference {

struct TokenDifference {
  std::size_t answer_index;  // from 0
  Token receipt;             // what the receipt says
  Token model;               // what the model gives
};

// Cause is what most likely lies behind a difference, judged by which positions differ. It is a
// hint for people: that something differs is certain, why is not.
enum class Cause {
  none,
  other_quantisation,  // from the first position on, but most words are this model's too
  other_model,         // from the first position on, words included
  other_prompt,        // from within the prompt on: another prompt or template was read
  altered_text,        // from one word on: the word was put in its place afterwards
  other_sampler,       // logits agree everywhere, words do not: other settings, or words by hand
  other_end,
  other_form,  // a word breaks the form that the receipt names
};

struct ReplayReport {
  std::size_t positions = 0;             // compared
  std::size_t equal = 0;                 // whose hash is the receipt's, counted from the first
  std::optional<TokenDifference> token;  // the first token compared that differs
  // ends_wrongly: the answer goes on behind an end token, or says "eos" without one.
  bool ends_wrongly = false;
  // The first token of the answer that breaks the form it was asked to have.
  std::optional<std::size_t> breaks_form;
  Cause cause = Cause::none;

  bool agrees() const { return equal == positions && !token && !ends_wrongly && !breaks_form; }
};

struct ReplayRequest {
  // prompt where the receipt holds a commitment only; with the salt it was made with.
  struct Opening {
    std::vector<Token> prompt;
    Sha256 salt;
  };
  std::optional<Opening> opening;
  std::vector<Token> end_tokens;  // Vocabulary::end_tokens
  // form and the model's tokens, where the receipt names a form.
  std::optional<AnswerForm> form = {};
  std::shared_ptr<const TokenOrder> tokens = {};
  std::function<void(std::size_t done, std::size_t total)> progress;
  // sample: positions to compare, rising; all where it is empty. Positions up to the last of them
  // are computed. A position is judged by the receipt's hash of the one before it, so that each
  // stands alone; a difference in others is not found.
  std::vector<std::size_t> sample;
};

// draw_sample chooses `count` of `positions`, or all where there are not more.
std::vector<std::size_t> draw_sample(std::size_t positions, std::size_t count, Random& random);

// replay checks that the receipt is about this model file (rules::replay_model) and profile
// (rules::replay_profile, incomplete), that the prompt is known (rules::replay_prompt: incomplete
// where the receipt keeps it private, refused where the opening does not fit), that the form is
// known where the receipt names one (rules::replay_form, alike), and then computes.
// A difference is no error: it is the report.
Result<ReplayReport> replay(const Transformer& transformer, const VerifiedReceipt& receipt,
                            const ReplayRequest& request, const Machine& machine);

// EmbeddingReport: an embedding has one number to compare, the digest of its vector.
struct EmbeddingReport {
  Sha256 receipt{};
  Sha256 model{};
  bool agrees() const { return receipt == model; }
};
// replay_embedding is replay for a receipt of an embedding; another pooling than the model's is
// refused (rules::replay_model).
Result<EmbeddingReport> replay_embedding(const Encoder& encoder, const VerifiedReceipt& receipt,
                                         const ReplayRequest& request, const Machine& machine);

// difference_in_words: `token 43 of the answer: receipt says " safe" (4120), the model gives
// " unsafe" (9177)`.
std::string difference_in_words(const TokenDifference& difference, const Tokenizer& tokenizer);

// cause_in_words: `most likely another quantisation: …`; empty for none.
std::string_view cause_in_words(Cause cause);

}  // namespace attest::inference

namespace attest::rules {
inline constexpr Rule replay_model{"inference.replay.model"};
inline constexpr Rule replay_profile{"inference.replay.profile"};
inline constexpr Rule replay_prompt{"inference.replay.prompt"};
inline constexpr Rule replay_form{"inference.replay.form"};
inline constexpr Rule replay_opening{"inference.replay.opening"};
}  // namespace attest::rules
