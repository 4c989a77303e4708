// The form an answer was asked to have: a JSON object, JSON by a schema, or a text by a grammar.
// While an answer is written, only tokens are drawn whose bytes keep it of that form; an answer
// ends where its form is whole. Receipts name the form by its digest, so that a replay applies it
// again.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "inference/form/grammar_matcher.h"
#include "inference/form/token_order.h"
#include "libattest/crypto/digest.h"

namespace attest::inference {

struct AnswerForm {
  enum class Kind : std::uint8_t { json_object, json_schema, grammar };
  Kind kind = Kind::json_object;
  std::string text;  // the schema (json_schema.h) or grammar (grammar_text.h); none of json_object

  // digest = SHA-256("attest-form-v1" || kind in words || 0 || text).
  Sha256 digest() const;
  friend bool operator==(const AnswerForm&, const AnswerForm&) = default;
};
std::string_view to_string(AnswerForm::Kind kind);
std::optional<AnswerForm::Kind> form_kind(std::string_view name);

// compile_form fails as parse_json_schema and parse_grammar do.
Result<std::shared_ptr<const ByteGrammar>> compile_form(const AnswerForm& form);

// FormedAnswer follows one answer, token by token. For one thread.
class FormedAnswer {
 public:
  static Result<FormedAnswer> begin(std::shared_ptr<const ByteGrammar> grammar,
                                    std::shared_ptr<const TokenOrder> tokens);

  // allowed has a 1 for each token that may come next: bytes that keep to the form, and end tokens
  // where it is whole. Fails where no token may come (rules::form_dead_end), and as
  // GrammarMatcher::after does. Good until accept.
  Result<std::span<const std::uint8_t>> allowed();
  // accept goes on with a token; refused where it may not come (rules::form_broken).
  Status accept(Token token);
  // finished: the form is whole and nothing can follow.
  bool finished() const;

 private:
  FormedAnswer(GrammarMatcher matcher, std::shared_ptr<const TokenOrder> tokens)
      : matcher_(std::move(matcher)), tokens_(std::move(tokens)), state_(matcher_.start()) {}
  Status judge_all(std::vector<std::uint8_t>& allowed);
  bool ends(Token token) const;

  GrammarMatcher matcher_;
  std::shared_ptr<const TokenOrder> tokens_;
  GrammarMatcher::State state_;
  bool ended_ = false;
  // Masks of states that come back, as inside of texts.
  std::unordered_map<GrammarMatcher::State, std::vector<std::uint8_t>> masks_;
};

}  // namespace attest::inference

namespace attest::rules {
inline constexpr Rule form_dead_end{"inference.form.dead-end"};
inline constexpr Rule form_broken{"inference.form.broken"};
}  // namespace attest::rules
