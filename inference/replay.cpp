#include "inference/replay.h"

#include <algorithm>

#include "inference/exact.h"
#include "inference/logits_chain.h"
#include "libattest/base/text.h"

namespace attest::inference {

namespace {

Status check_model(const Transformer& transformer, const Receipt& receipt) {
  const std::string subject = digest_uri(transformer.sha256());
  if (receipt.model.subject != subject || receipt.model.fsverity != transformer.fsverity())
    return fail(refused(rules::replay_model, "the receipt is about another model file")
                    .expected(receipt.model.subject)
                    .found(subject)
                    .next("replay it with the file it names"));
  if (receipt.profile != exact::profile) {
    Error error = incomplete(rules::replay_profile, "this runtime does not compute that profile")
                      .expected(std::string(exact::profile))
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
  if (commit_prompt(prompt, salt) != *receipt.prompt_commitment)
    return fail(refused(rules::replay_prompt, "this is not the prompt that was committed to")
                    .expected(digest_uri(*receipt.prompt_commitment))
                    .found(digest_uri(commit_prompt(prompt, salt))));
  if (prompt.empty() || receipt.logits.size() != prompt.size() + receipt.answer.size() - 1)
    return fail(refused(rules::replay_prompt, "the prompt has not the length of the chain"));
  return prompt;
}

bool ends_wrongly(const Receipt& receipt, std::span<const Token> end_tokens) {
  const auto ends = [&](Token token) {
    return std::ranges::find(end_tokens, token) != end_tokens.end();
  };
  const bool early = std::any_of(receipt.answer.begin(), receipt.answer.end() - 1, ends);
  return early || ends(receipt.answer.back()) != (receipt.stopped == "eos");
}

}  // namespace

Result<ReplayReport> replay(const Transformer& transformer, const VerifiedReceipt& verified,
                            const ReplayRequest& request, const Machine& machine) {
  const Receipt& receipt = verified.receipt();
  TRY_VOID(check_model(transformer, receipt));
  TRY(std::vector<Token> text, prompt_of(receipt, request));
  const std::size_t prompt_size = text.size();
  text.insert(text.end(), receipt.answer.begin(), receipt.answer.end());

  ReplayReport report;
  report.positions = receipt.logits.size();
  report.ends_wrongly = ends_wrongly(receipt, request.end_tokens);
  LogitsChain chain;
  const auto compare = [&](std::size_t position, std::span<const float> logits) -> Status {
    if (chain.add(logits) == receipt.logits[position] && report.equal == position) ++report.equal;
    const std::size_t next = position + 1;
    if (next >= prompt_size && !report.token) {
      const Token model = sample(receipt.sampler, logits, std::span(text).first(next), next);
      if (model != text[next]) report.token = {next - prompt_size, text[next], model};
    }
    if (request.progress) request.progress(next, report.positions);
    return {};
  };
  TRY(Sequence sequence, Sequence::begin(transformer, report.positions));
  TRY_VOID(sequence.append(std::span(text).first(report.positions), machine, compare));
  return report;
}

std::string difference_in_words(const TokenDifference& difference, const Tokenizer& tokenizer) {
  const auto shown = [&](Token token) {
    return "\"" + printable(tokenizer.piece(token)) + "\" (" + std::to_string(token) + ")";
  };
  return "token " + std::to_string(difference.answer_index + 1) + " of the answer: receipt says " +
         shown(difference.receipt) + ", the model gives " + shown(difference.model);
}

}  // namespace attest::inference
