#include "inference/answer/replay.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "inference/answer/logits_chain.h"
#include "inference/kernels/exact.h"
#include "libattest/base/text.h"

namespace attest::inference {

namespace {

template <typename Network>
Status check_model(const Network& network, const Receipt& receipt) {
  const std::string subject = digest_uri(network.sha256());
  if (receipt.model.subject != subject || receipt.model.fsverity != network.fsverity())
    return fail(refused(rules::replay_model, "the receipt is about another model file")
                    .expected(receipt.model.subject)
                    .found(subject)
                    .next("replay it with the file it names"));
  if (!exact::find_profile(receipt.profile)) {
    Error error = incomplete(rules::replay_profile, "this runtime does not compute that profile")
                      .expected("exact-1 or exact-1-kv8")
                      .found(printable(receipt.profile));
    return fail(std::move(error));
  }
  return {};
}

Result<std::vector<Token>> prompt_of(const Receipt& receipt, const ReplayRequest& request) {
  if (receipt.prompt) return *receipt.prompt;
  if (!request.opening)
    return fail(incomplete(rules::replay_prompt, "the receipt keeps its prompt private")
                    .next("ask its owner for the prompt and the salt"));
  const auto& [prompt, salt] = *request.opening;
  const Sha256 expected =
      receipt.prompt_tree ? receipt.prompt_tree->root : *receipt.prompt_commitment;
  const Sha256 found =
      receipt.prompt_tree ? commit_to_tokens(prompt, salt).root : commit_prompt(prompt, salt);
  if (found != expected)
    return fail(refused(rules::replay_prompt, "this is not the prompt that was committed to")
                    .expected(digest_uri(expected))
                    .found(digest_uri(found)));
  const bool fits =
      receipt.embedding || receipt.logits.size() == prompt.size() + receipt.answer.size() - 1;
  if (prompt.empty() || !fits)
    return fail(refused(rules::replay_prompt, "the prompt has not the length of the chain"));
  return prompt;
}

// form_of gives a begun answer of the form that the receipt names, where it names one.
Result<std::optional<FormedAnswer>> form_of(const Receipt& receipt, const ReplayRequest& request) {
  if (!receipt.form) return std::optional<FormedAnswer>();
  if (!request.form || !request.tokens)
    return fail(incomplete(rules::replay_form, "the form of the answer is not known")
                    .expected("the text of " + digest_uri(receipt.form->digest))
                    .next("use the receipt file that the runtime gave"));
  if (request.form->kind != receipt.form->kind || request.form->digest() != receipt.form->digest)
    return fail(refused(rules::replay_form, "this is not the form that the receipt names")
                    .expected(digest_uri(receipt.form->digest))
                    .found(digest_uri(request.form->digest())));
  TRY(auto grammar, compile_form(*request.form));
  TRY(FormedAnswer form, FormedAnswer::begin(std::move(grammar), request.tokens));
  return std::optional(std::move(form));
}

bool ends_wrongly(const Receipt& receipt, std::span<const Token> end_tokens) {
  const auto ends = [&](Token token) {
    return std::ranges::find(end_tokens, token) != end_tokens.end();
  };
  const bool early = std::any_of(receipt.answer.begin(), receipt.answer.end() - 1, ends);
  return early || ends(receipt.answer.back()) != (receipt.stopped == "eos");
}

// Comparison is what is found while positions pass by.
class Comparison {
 public:
  Comparison(const Receipt& receipt, const std::vector<Token>& text, std::size_t prompt_size,
             std::optional<FormedAnswer> form)
      : receipt_(&receipt), text_(&text), prompt_size_(prompt_size), form_(std::move(form)) {}

  Status compare(std::size_t position, std::span<const float> logits) {
    ++report_.positions;
    if (step(position, logits) != receipt_->logits[position]) {
      if (!first_unequal_) first_unequal_ = position;
    } else if (!first_unequal_) {
      ++report_.equal;
    }
    const std::size_t next = position + 1;
    if (next < prompt_size_) return {};
    follow_form(next);
    // Behind a word that breaks the form nothing says what might have followed.
    if (report_.breaks_form) return {};
    std::span<const std::uint8_t> allowed;
    if (form_) {
      TRY(allowed, form_->allowed());
    }
    ++words_;
    const Token model =
        sample(receipt_->sampler, logits, std::span(*text_).first(next), next, allowed);
    if (model == (*text_)[next]) return {};
    ++other_words_;
    if (!report_.token) report_.token = {next - prompt_size_, (*text_)[next], model};
    return {};
  }

  ReplayReport finish(bool ends_wrongly) {
    follow_form(text_->size());
    report_.ends_wrongly = ends_wrongly;
    report_.cause = cause();
    return report_;
  }

 private:
  // Words of the answer before `end` go through the form.
  void follow_form(std::size_t end) {
    for (; form_ && !report_.breaks_form && followed_ + prompt_size_ < end; ++followed_)
      if (form_->finished() || !form_->accept((*text_)[prompt_size_ + followed_]))
        report_.breaks_form = followed_;
  }

  // The chain's step from what the receipt says of the position before: so a position stands alone.
  Sha256 step(std::size_t position, std::span<const float> logits) const {
    const Sha256 before = position == 0 ? Sha256{} : receipt_->logits[position - 1];
    const Sha256 here = sha256(std::as_bytes(logits));
    return sha256({ByteView(before), ByteView(here)});
  }

  Cause cause() const {
    // The first position depends on weights alone: nearly every prompt begins with the same token.
    if (first_unequal_ == 0U)
      return 2 * other_words_ < words_ ? Cause::other_quantisation : Cause::other_model;
    if (first_unequal_) {
      return *first_unequal_ < prompt_size_ ? Cause::other_prompt : Cause::altered_text;
    }
    const bool last_word_only =
        other_words_ == 1 && report_.token->answer_index + 1 == receipt_->answer.size();
    if (last_word_only && words_ > 1) return Cause::altered_text;
    if (report_.breaks_form) return Cause::other_form;
    if (report_.token) return Cause::other_sampler;
    return report_.ends_wrongly ? Cause::other_end : Cause::none;
  }

  const Receipt* receipt_;
  const std::vector<Token>* text_;
  std::size_t prompt_size_;
  std::optional<FormedAnswer> form_;
  std::size_t followed_ = 0;  // words of the answer that went through the form
  ReplayReport report_;
  std::optional<std::size_t> first_unequal_;
  std::size_t words_ = 0;
  std::size_t other_words_ = 0;
};

}  // namespace

Result<ReplayReport> replay(const Transformer& transformer, const VerifiedReceipt& verified,
                            const ReplayRequest& request, const Machine& machine) {
  const Receipt& receipt = verified.receipt();
  TRY_VOID(check_model(transformer, receipt));
  if (receipt.embedding)
    return fail(refused(rules::replay_model, "the receipt is about an embedding, not an answer"));
  TRY(std::vector<Token> text, prompt_of(receipt, request));
  const std::size_t prompt_size = text.size();
  text.insert(text.end(), receipt.answer.begin(), receipt.answer.end());
  std::size_t positions = receipt.logits.size();
  Sequence::Wanted wanted;
  if (!request.sample.empty()) {
    positions = std::min(positions, request.sample.back() + 1);
    wanted = [&request](std::size_t position) {
      return std::ranges::binary_search(request.sample, position);
    };
  }

  TRY(auto form, form_of(receipt, request));
  Comparison comparison(receipt, text, prompt_size, std::move(form));
  const auto compare = [&](std::size_t position, std::span<const float> logits) -> Status {
    TRY_VOID(comparison.compare(position, logits));
    if (request.progress) request.progress(position + 1, positions);
    return {};
  };
  TRY(Sequence sequence,
      Sequence::begin(transformer, positions, *exact::find_profile(receipt.profile)));
  TRY_VOID(sequence.append(std::span(text).first(positions), machine, compare, wanted));
  return comparison.finish(ends_wrongly(receipt, request.end_tokens));
}

Result<EmbeddingReport> replay_embedding(const Encoder& encoder, const VerifiedReceipt& verified,
                                         const ReplayRequest& request, const Machine& machine) {
  const Receipt& receipt = verified.receipt();
  TRY_VOID(check_model(encoder, receipt));
  const std::string_view pooling = to_string(encoder.shape().pooling);
  if (!receipt.embedding || receipt.embedding->pooling != pooling ||
      receipt.embedding->size != encoder.shape().embedding)
    return fail(refused(rules::replay_model, "the receipt is about no embedding of this model")
                    .expected(std::string(pooling) + " of " +
                              std::to_string(encoder.shape().embedding) + " numbers")
                    .found(receipt.embedding ? printable(receipt.embedding->pooling, 40) + " of " +
                                                   std::to_string(receipt.embedding->size)
                                             : "an answer"));
  TRY(const std::vector<Token> text, prompt_of(receipt, request));
  TRY(const auto vector, encoder.embed(text, machine));
  return EmbeddingReport{receipt.embedding->digest, digest_of(vector)};
}

std::vector<std::size_t> draw_sample(std::size_t positions, std::size_t count, Random& random) {
  // Floyd's way: each of the last `count` places takes a position not yet taken, or itself.
  std::set<std::size_t> chosen;
  for (std::size_t i = positions - std::min(positions, count); i < positions; ++i) {
    const Bytes bytes = random.bytes(8);
    std::uint64_t drawn = 0;
    std::memcpy(&drawn, bytes.data(), sizeof drawn);
    if (!chosen.insert(drawn % (i + 1)).second) chosen.insert(i);
  }
  return {chosen.begin(), chosen.end()};
}

std::string_view cause_in_words(Cause cause) {
  switch (cause) {
    case Cause::none:
      return "";
    case Cause::other_quantisation:
      return "another quantisation: all positions differ, most words are this model's too";
    case Cause::other_model:
      return "another model: positions differ from the first on, and so do the words";
    case Cause::other_prompt:
      return "another prompt or template: what was read differs from what the receipt says";
    case Cause::altered_text:
      return "an altered text: a word was put in its place after the answer was computed";
    case Cause::other_sampler:
      return "another sampler: the model's numbers agree, the choice does not follow from them";
    case Cause::other_end:
      return "an answer that was cut short or lengthened";
    case Cause::other_form:
      return "a word that breaks the form: no runtime that kept to it gives this answer";
  }
  return "";
}

std::string difference_in_words(const TokenDifference& difference, const Tokenizer& tokenizer) {
  const auto shown = [&](Token token) {
    return "\"" + printable(tokenizer.piece(token)) + "\" (" + std::to_string(token) + ")";
  };
  return "token " + std::to_string(difference.answer_index + 1) + " of the answer: receipt says " +
         shown(difference.receipt) + ", the model gives " + shown(difference.model);
}

}  // namespace attest::inference
