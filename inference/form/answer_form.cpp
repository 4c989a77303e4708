#include "inference/form/answer_form.h"

#include <algorithm>
#include <array>

#include "inference/form/grammar_text.h"
#include "inference/form/json_schema.h"
#include "libattest/base/text.h"

namespace attest::inference {

namespace {

constexpr std::size_t most_masks = 32;

constexpr std::array<std::pair<AnswerForm::Kind, std::string_view>, 3> kinds{
    {{AnswerForm::Kind::json_object, "json-object"},
     {AnswerForm::Kind::json_schema, "json-schema"},
     {AnswerForm::Kind::grammar, "grammar"}}};

}  // namespace

std::string_view to_string(AnswerForm::Kind kind) {
  return std::ranges::find(kinds, kind, &decltype(kinds)::value_type::first)->second;
}

std::optional<AnswerForm::Kind> form_kind(std::string_view name) {
  const auto known = std::ranges::find(kinds, name, &decltype(kinds)::value_type::second);
  return known == kinds.end() ? std::nullopt : std::optional(known->first);
}

Sha256 AnswerForm::digest() const {
  return sha256({as_bytes("attest-form-v1"), as_bytes(to_string(kind)),
                 as_bytes(std::string_view("\0", 1)), as_bytes(text)});
}

Result<std::shared_ptr<const ByteGrammar>> compile_form(const AnswerForm& form) {
  const auto shared =
      [](Result<ByteGrammar> grammar) -> Result<std::shared_ptr<const ByteGrammar>> {
    if (!grammar) return fail(grammar.error());
    return std::make_shared<const ByteGrammar>(*std::move(grammar));
  };
  switch (form.kind) {
    case AnswerForm::Kind::json_object:
      return shared(parse_json_schema(R"({"type": "object"})"));
    case AnswerForm::Kind::json_schema:
      return shared(parse_json_schema(form.text));
    case AnswerForm::Kind::grammar:
      break;
  }
  return shared(parse_grammar(form.text));
}

Result<FormedAnswer> FormedAnswer::begin(std::shared_ptr<const ByteGrammar> grammar,
                                         std::shared_ptr<const TokenOrder> tokens) {
  TRY(GrammarMatcher matcher, GrammarMatcher::make(std::move(grammar)));
  return FormedAnswer(std::move(matcher), std::move(tokens));
}

bool FormedAnswer::ends(Token token) const {
  return std::ranges::find(tokens_->end_tokens(), token) != tokens_->end_tokens().end();
}

bool FormedAnswer::finished() const {
  return ended_ || (matcher_.complete(state_) && !matcher_.open(state_));
}

Result<std::span<const std::uint8_t>> FormedAnswer::allowed() {
  if (const auto known = masks_.find(state_); known != masks_.end())
    return std::span<const std::uint8_t>(known->second);
  if (masks_.size() >= most_masks) masks_.clear();
  std::vector<std::uint8_t> allowed(tokens_->size(), 0);
  TRY_VOID(judge_all(allowed));
  if (matcher_.complete(state_))
    for (const Token token : tokens_->end_tokens()) allowed[token] = 1;
  if (std::ranges::find(allowed, 1) == allowed.end())
    return fail(refused(rules::form_dead_end,
                        "the vocabulary has no token with which the form could go on"));
  return std::span<const std::uint8_t>(masks_.emplace(state_, std::move(allowed)).first->second);
}

// The states behind each byte of the entry before are kept: entries that begin alike go on from
// there, and all that begin as one that died are dead too.
Status FormedAnswer::judge_all(std::vector<std::uint8_t>& allowed) {
  std::vector<GrammarMatcher::State> path{state_};
  bool died = false;  // behind the last state of the path
  for (const TokenOrder::Entry& entry : tokens_->entries()) {
    if (died && entry.shared >= path.size()) continue;
    path.resize(std::min(path.size(), entry.shared + 1));
    died = false;
    for (std::size_t i = path.size() - 1; i < entry.bytes.size() && !died; ++i) {
      TRY(const GrammarMatcher::State next,
          matcher_.after(path.back(), static_cast<std::uint8_t>(entry.bytes[i])));
      died = next == GrammarMatcher::dead;
      if (!died) path.push_back(next);
    }
    if (!died) allowed[entry.token] = 1;
  }
  return {};
}

Status FormedAnswer::accept(Token token) {
  const auto broken = [token] {
    return fail(refused(rules::form_broken, "a token breaks the form that was asked for")
                    .found(std::to_string(token)));
  };
  if (ended_ || token >= tokens_->size()) return broken();
  if (ends(token)) {
    if (!matcher_.complete(state_)) return broken();
    ended_ = true;
    return {};
  }
  const std::string& bytes = tokens_->bytes_of(token);
  if (bytes.empty()) return broken();
  GrammarMatcher::State state = state_;
  for (const char byte : bytes) {
    TRY(state, matcher_.after(state, static_cast<std::uint8_t>(byte)));
  }
  if (state == GrammarMatcher::dead) return broken();
  state_ = state;
  if (matcher_.states() > max_matcher_states / 2) {
    state_ = matcher_.forget_others(state_);
    masks_.clear();
  }
  return {};
}

}  // namespace attest::inference
