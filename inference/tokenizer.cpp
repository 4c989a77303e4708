#include "inference/tokenizer.h"

#include <algorithm>
#include <variant>

#include "inference/sentence_pieces.h"
#include "libattest/base/text.h"

namespace attest::inference {

namespace {

constexpr std::string_view visible_space = "\xe2\x96\x81";  // U+2581

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  for (;;) {
    const std::size_t at = text.find(from);
    out += text.substr(0, at);
    if (at == std::string_view::npos) return out;
    out += to;
    text.remove_prefix(at + from.size());
  }
}

// A fragment is a special token or raw text.
using Fragment = std::variant<Token, std::string_view>;

// cut_out replaces each occurrence of a special token's text by the token.
std::vector<Fragment> cut_out(const std::vector<Fragment>& fragments, Token token,
                              std::string_view special) {
  std::vector<Fragment> out;
  for (const Fragment& fragment : fragments) {
    const auto* raw = std::get_if<std::string_view>(&fragment);
    if (!raw) {
      out.push_back(fragment);
      continue;
    }
    std::string_view rest = *raw;
    for (std::size_t at = rest.find(special); at != std::string_view::npos;
         at = rest.find(special)) {
      if (at != 0) out.emplace_back(rest.substr(0, at));
      out.emplace_back(token);
      rest.remove_prefix(at + special.size());
    }
    if (!rest.empty()) out.emplace_back(rest);
  }
  return out;
}

}  // namespace

Result<Tokenizer> Tokenizer::read(const model::Gguf& gguf) {
  TRY(const std::string kind, gguf.text("tokenizer.ggml.model"));
  if (kind != "llama")
    return fail(refused(rules::tokenizer_kind, "a kind of tokenizer this runtime has not got")
                    .expected("llama")
                    .found(printable(kind)));
  TRY(Vocabulary vocabulary, Vocabulary::read(gguf));
  if (!vocabulary.has_scores())
    return fail(refused(rules::vocabulary_form, "a llama vocabulary without scores"));
  Tokenizer tokenizer(std::move(vocabulary));
  TRY(tokenizer.add_begin_, gguf.boolean_or("tokenizer.ggml.add_bos_token", true));
  TRY(tokenizer.add_end_, gguf.boolean_or("tokenizer.ggml.add_eos_token", false));
  TRY(tokenizer.add_space_, gguf.boolean_or("tokenizer.ggml.add_space_prefix", true));
  const Vocabulary& words = tokenizer.vocabulary_;
  for (Token token = 0; token < words.size(); ++token) {
    const bool special = words.type(token) == TokenType::control ||
                         words.type(token) == TokenType::user_defined ||
                         words.type(token) == TokenType::unknown;
    if (special && !words.text(token).empty()) tokenizer.specials_.push_back(token);
  }
  std::ranges::sort(tokenizer.specials_, [&](Token a, Token b) {
    const std::size_t longer = words.text(a).size();
    const std::size_t other = words.text(b).size();
    return longer > other || (longer == other && a < b);
  });
  return tokenizer;
}

Result<std::vector<Token>> Tokenizer::encode(std::string_view text, EncodeOptions options) const {
  if (!is_utf8(text)) return fail(refused(rules::tokenizer_text, "the text is not UTF-8"));
  std::vector<Fragment> fragments;
  if (!text.empty()) fragments.emplace_back(text);
  for (const Token token : specials_)
    // Tokens that users defined are always whole; control tokens only where the caller says so,
    // or a text could pretend to be a turn of the conversation.
    if (options.read_special || vocabulary_.type(token) == TokenType::user_defined)
      fragments = cut_out(fragments, token, vocabulary_.text(token));

  std::vector<Token> tokens;
  if (options.add_begin && add_begin_ && vocabulary_.begin_of_text())
    tokens.push_back(*vocabulary_.begin_of_text());
  bool behind_special = true;
  for (const Fragment& fragment : fragments) {
    if (const Token* token = std::get_if<Token>(&fragment)) {
      tokens.push_back(*token);
      behind_special = true;
      continue;
    }
    const std::string raw = (add_space_ && behind_special ? " " : "") +
                            std::string(std::get<std::string_view>(fragment));
    TRY_VOID(append_sentence_pieces(vocabulary_, replaced(raw, " ", visible_space), tokens));
    behind_special = false;
  }
  if (options.add_begin && add_end_ && vocabulary_.end_of_text())
    tokens.push_back(*vocabulary_.end_of_text());
  return tokens;
}

std::string Tokenizer::piece(Token token) const {
  if (token >= vocabulary_.size()) return {};
  switch (vocabulary_.type(token)) {
    case TokenType::byte:
      return std::string(1, static_cast<char>(vocabulary_.byte_of(token)));
    case TokenType::control:
    case TokenType::unknown:
    case TokenType::unused:
      return {};
    case TokenType::user_defined:
      return vocabulary_.text(token);
    case TokenType::normal:
      return replaced(vocabulary_.text(token), visible_space, " ");
  }
  return {};
}

std::string Tokenizer::decode(std::span<const Token> tokens) const {
  std::string text;
  for (const Token token : tokens) text += piece(token);
  return text;
}

}  // namespace attest::inference
