#include "inference/text/vocabulary.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "libattest/base/text.h"

namespace attest::inference {

namespace {

Error wrong_form(std::string what) {
  return refused(rules::vocabulary_form, std::move(what));
}

// byte_in reads "<0xNN>", with two hexadecimal digits and nothing else.
std::optional<std::uint8_t> byte_in(std::string_view text) {
  if (text.size() != 6 || !text.starts_with("<0x") || text.back() != '>') return std::nullopt;
  const auto value = from_hex(text.substr(3, 2));
  if (!value) return std::nullopt;
  return std::to_integer<std::uint8_t>(value->front());
}

// Texts that end an answer in the chat formats of common models.
constexpr std::array<std::string_view, 6> end_texts{
    "<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<|endoftext|>", "<|end_of_text|>"};

}  // namespace

Result<Vocabulary> Vocabulary::read(const model::Gguf& gguf) {
  Vocabulary vocabulary;
  TRY(const auto* texts, gguf.array("tokenizer.ggml.tokens", model::GgufType::string));
  vocabulary.texts_ = *texts->strings();
  if (vocabulary.texts_.empty() ||
      vocabulary.texts_.size() > std::numeric_limits<std::int32_t>::max())
    return fail(wrong_form("no tokens, or too many"));
  vocabulary.by_text_.reserve(vocabulary.texts_.size());
  for (Token token = 0; token < vocabulary.texts_.size(); ++token) {
    const std::string& text = vocabulary.texts_[token];
    vocabulary.by_text_.emplace(text, token);
    vocabulary.longest_text_ = std::max(vocabulary.longest_text_, text.size());
  }

  if (gguf.find("tokenizer.ggml.scores")) {
    TRY(const auto* scores, gguf.array("tokenizer.ggml.scores", model::GgufType::f32));
    for (const double score : *scores->numbers()) {
      if (std::isnan(score)) return fail(wrong_form("the score of a token is no number"));
      vocabulary.scores_.push_back(static_cast<float>(score));
    }
  }

  vocabulary.types_.assign(vocabulary.texts_.size(), TokenType::normal);
  if (gguf.find("tokenizer.ggml.token_type")) {
    TRY(const auto* types, gguf.array("tokenizer.ggml.token_type", model::GgufType::i32));
    const auto& numbers = std::get<std::vector<std::int64_t>>(types->elements);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      if (numbers[i] < 1 || numbers[i] > 6)
        return fail(wrong_form("unknown type of token " + std::to_string(i))
                        .expected("1 to 6")
                        .found(std::to_string(numbers[i])));
      vocabulary.types_[i] = static_cast<TokenType>(numbers[i]);
    }
  }
  TRY_VOID(vocabulary.read_bytes());

  TRY(vocabulary.bos_, vocabulary.special(gguf, "bos"));
  TRY(vocabulary.eos_, vocabulary.special(gguf, "eos"));
  TRY(vocabulary.unknown_, vocabulary.special(gguf, "unknown"));
  TRY(vocabulary.class_, vocabulary.special(gguf, "cls"));
  TRY(vocabulary.separator_, vocabulary.special(gguf, "seperator"));  // the key is written so
  if (vocabulary.eos_) vocabulary.end_tokens_.push_back(*vocabulary.eos_);
  for (const char* name : {"eot", "eom"}) {
    TRY(const auto token, vocabulary.special(gguf, name));
    if (token && !std::ranges::count(vocabulary.end_tokens_, *token))
      vocabulary.end_tokens_.push_back(*token);
  }
  for (const std::string_view text : end_texts) {
    const auto token = vocabulary.find(text);
    if (token && vocabulary.type(*token) == TokenType::control &&
        !std::ranges::count(vocabulary.end_tokens_, *token))
      vocabulary.end_tokens_.push_back(*token);
  }
  return vocabulary;
}

Status Vocabulary::read_bytes() {
  for (Token token = 0; token < texts_.size(); ++token) {
    if (types_[token] != TokenType::byte) continue;
    const auto value = byte_in(texts_[token]);
    if (!value)
      return fail(wrong_form("token " + std::to_string(token) + " is no byte")
                      .expected("<0x00> to <0xFF>")
                      .found(printable(texts_[token])));
    if (!bytes_[*value]) bytes_[*value] = token;
  }
  return {};
}

Result<std::optional<Token>> Vocabulary::special(const model::Gguf& gguf,
                                                 std::string_view name) const {
  const std::string key = "tokenizer.ggml." + std::string(name) + "_token_id";
  if (!gguf.find(key)) return std::optional<Token>();
  TRY(const std::uint64_t id, gguf.unsigned_integer(key));
  if (id >= texts_.size()) return fail(wrong_form("key " + key + " names no token"));
  return std::optional(static_cast<Token>(id));
}

std::optional<Token> Vocabulary::find(std::string_view text) const {
  const auto at = by_text_.find(std::string(text));
  if (at == by_text_.end()) return std::nullopt;
  return at->second;
}

std::uint8_t Vocabulary::byte_of(Token token) const {
  return byte_in(texts_[token]).value_or(0);
}

}  // namespace attest::inference
