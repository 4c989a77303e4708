#include "inference/text/tokenizer.h"

#include <algorithm>

#include "inference/text/sentence_pieces.h"
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

std::size_t first_character_size(std::string_view text) {
  std::size_t size = 1;
  while (size < text.size() && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) ++size;
  return size;
}

template <typename... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};

}  // namespace

Result<Tokenizer> Tokenizer::read(const model::Gguf& gguf) {
  TRY(const std::string kind, gguf.text("tokenizer.ggml.model"));
  if (kind != "llama" && kind != "gpt2" && kind != "bert")
    return fail(refused(rules::tokenizer_kind, "a kind of tokenizer this runtime has not got")
                    .expected("llama, gpt2 or bert")
                    .found(printable(kind)));
  TRY(Vocabulary vocabulary, Vocabulary::read(gguf));
  Tokenizer tokenizer(std::move(vocabulary));
  if (kind == "llama") {
    TRY_VOID(tokenizer.read_llama(gguf));
  } else if (kind == "gpt2") {
    TRY_VOID(tokenizer.read_gpt2(gguf));
  } else {
    TRY_VOID(tokenizer.read_bert(gguf));
  }
  tokenizer.find_specials();
  return tokenizer;
}

Status Tokenizer::read_llama(const model::Gguf& gguf) {
  if (!vocabulary_.has_scores())
    return fail(refused(rules::vocabulary_form, "a llama vocabulary without scores"));
  SentencePieces pieces;
  TRY(pieces.add_space, gguf.boolean_or("tokenizer.ggml.add_space_prefix", true));
  kind_ = pieces;
  TRY(const bool add_begin, gguf.boolean_or("tokenizer.ggml.add_bos_token", true));
  TRY(const bool add_end, gguf.boolean_or("tokenizer.ggml.add_eos_token", false));
  if (add_begin) begin_ = vocabulary_.begin_of_text();
  if (add_end) end_ = vocabulary_.end_of_text();
  return {};
}

Status Tokenizer::read_gpt2(const model::Gguf& gguf) {
  // Files from before the key was there were all cut this way.
  TRY(const std::string name, gguf.text_or("tokenizer.ggml.pre", "default"));
  TRY(PreTokenizer words, PreTokenizer::named(name));
  TRY(BytePairs pairs, BytePairs::read(gguf, vocabulary_));
  TRY(const bool add_begin, gguf.boolean_or("tokenizer.ggml.add_bos_token", words.begins_texts()));
  TRY(const bool add_end, gguf.boolean_or("tokenizer.ggml.add_eos_token", words.ends_texts()));
  if (add_begin) begin_ = vocabulary_.begin_of_text();
  if (add_end) end_ = vocabulary_.end_of_text();
  kind_ = Bytes{std::move(words), std::move(pairs)};
  return {};
}

Status Tokenizer::read_bert(const model::Gguf& gguf) {
  WordPieceCleaning cleaning;
  TRY(cleaning.small_letters, gguf.boolean_or("tokenizer.ggml.normalizer.lowercase", true));
  TRY(cleaning.strip_accents,
      gguf.boolean_or("tokenizer.ggml.normalizer.strip_accents", cleaning.small_letters));
  kind_ = cleaning;
  TRY(const bool add_begin, gguf.boolean_or("tokenizer.ggml.add_bos_token", true));
  TRY(const bool add_end, gguf.boolean_or("tokenizer.ggml.add_eos_token", true));
  const auto either = [](std::optional<Token> a, std::optional<Token> b) { return a ? a : b; };
  if (add_begin) begin_ = either(vocabulary_.class_token(), vocabulary_.begin_of_text());
  if (add_end) end_ = either(vocabulary_.separator(), vocabulary_.end_of_text());
  return {};
}

void Tokenizer::find_specials() {
  for (Token token = 0; token < vocabulary_.size(); ++token) {
    const TokenType type = vocabulary_.type(token);
    if (type == TokenType::user_defined) always_special_.add(vocabulary_.text(token), token);
    if (type == TokenType::user_defined || type == TokenType::control || type == TokenType::unknown)
      all_special_.add(vocabulary_.text(token), token);
  }
}

Result<std::vector<Token>> Tokenizer::encode(std::string_view text, EncodeOptions options) const {
  if (!is_utf8(text)) return fail(refused(rules::tokenizer_text, "the text is not UTF-8"));
  // Tokens that users defined are always whole; control tokens only where the caller says so, or a
  // text could pretend to be a turn of the conversation.
  const SpecialTexts& specials = options.read_special ? all_special_ : always_special_;
  std::vector<Token> tokens;
  if (options.add_begin && begin_) tokens.push_back(*begin_);
  bool behind_special = true;
  for (std::size_t at = 0; at < text.size();) {
    const auto special = specials.first_in(text, at);
    const std::size_t end = special ? special->at : text.size();
    if (end > at) {
      const std::string_view raw = text.substr(at, end - at);
      TRY_VOID(append_raw(options.drop_guards ? replaced(raw, guard_mark, "") : std::string(raw),
                          behind_special, tokens));
      behind_special = false;
    }
    at = end;
    if (!special) break;
    tokens.push_back(special->token);
    behind_special = true;
    at += special->length;
  }
  if (options.add_begin && end_) tokens.push_back(*end_);
  return tokens;
}

Status Tokenizer::append_raw(std::string_view text, bool behind_special,
                             std::vector<Token>& to) const {
  return std::visit(
      Overloaded{[&](const SentencePieces& pieces) {
                   const std::string raw =
                       (pieces.add_space && behind_special ? " " : "") + std::string(text);
                   return append_sentence_pieces(vocabulary_, replaced(raw, " ", visible_space),
                                                 to);
                 },
                 [&](const Bytes& bytes) -> Status {
                   for (const std::string_view word : bytes.words.cut(text))
                     TRY_VOID(bytes.pairs.append(vocabulary_, word, bytes.words.whole_words(), to));
                   return {};
                 },
                 [&](const WordPieceCleaning& cleaning) {
                   return append_word_pieces(vocabulary_, cleaning, text, to);
                 }},
      kind_);
}

std::string Tokenizer::guarded(std::string_view text) const {
  std::string out;
  std::size_t at = 0;
  // Behind the first character of each, and again from there.
  for (auto special = all_special_.first_in(text, 0); special;
       special = all_special_.first_in(text, at)) {
    const std::size_t cut = special->at + first_character_size(text.substr(special->at));
    out += text.substr(at, cut - at);
    out += guard_mark;
    at = cut;
  }
  return out += text.substr(at);
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
      if (std::holds_alternative<Bytes>(kind_)) return BytePairs::bytes_of(vocabulary_.text(token));
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
