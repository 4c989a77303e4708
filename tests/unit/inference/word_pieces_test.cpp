#include "inference/text/word_pieces.h"

#include "inference/text/tokenizer.h"
#include "inference/text/unicode.h"
#include "libattest/model/gguf_writer.h"
#include "tests/support/catch.h"

using namespace attest;
using namespace attest::inference;

namespace {

using Texts = std::vector<std::string>;

constexpr std::string_view start = "\xe2\x96\x81";

// Pieces that begin a word are given with a leading "_".
Tokenizer bert(std::vector<std::string> texts, bool unknown = true) {
  texts.insert(texts.begin(), {"[CLS]", "[SEP]", "[UNK]"});
  for (std::string& text : texts)
    if (text.starts_with('_')) text.replace(0, 1, start);
  model::GgufWriter writer;
  writer.add_string("tokenizer.ggml.model", "bert");
  writer.add_strings("tokenizer.ggml.tokens", texts);
  std::vector<std::int32_t> types(texts.size(), 1);
  types[0] = types[1] = types[2] = 3;
  writer.add_i32s("tokenizer.ggml.token_type", types);
  writer.add_u32("tokenizer.ggml.cls_token_id", 0);
  writer.add_u32("tokenizer.ggml.seperator_token_id", 1);
  if (unknown) writer.add_u32("tokenizer.ggml.unknown_token_id", 2);
  return must(Tokenizer::read(must(model::parse_gguf(must(writer.finish())))));
}

Texts pieces(const Tokenizer& tokenizer, std::string_view text, bool whole = false) {
  Texts texts;
  for (const Token token : must(tokenizer.encode(text, {.add_begin = whole}))) {
    std::string piece = tokenizer.vocabulary().text(token);
    if (piece.starts_with(start)) piece.replace(0, start.size(), "_");
    texts.push_back(piece);
  }
  return texts;
}

}  // namespace

TEST_CASE("words are taken from the left by the longest piece") {
  const auto tokenizer = bert({"_un", "_unaff", "aff", "able", "a"});
  REQUIRE(pieces(tokenizer, "unaffable") == Texts{"_unaff", "able"});
  REQUIRE(pieces(tokenizer, "unaff able") == Texts{"_unaff", "[UNK]"});  // "able" begins no word
  REQUIRE(pieces(tokenizer, "unaffx una") == Texts{"[UNK]", "_un", "a"});
}

TEST_CASE("a text is cleaned: small letters, no accents, no control characters") {
  const auto tokenizer = bert({"_ete", "_ab", "_\xe1\x84\x80\xe1\x85\xa1"});
  REQUIRE(pieces(tokenizer, "\xc3\x89t\xc3\xa9") == Texts{"_ete"});
  REQUIRE(pieces(tokenizer, "e\xcc\x81te\xcc\x81") == Texts{"_ete"});
  REQUIRE(pieces(tokenizer, std::string("a\0\x7f\xe2\x80\x8d\xef\xbf\xbd"
                                        "b",
                                        10)) == Texts{"_ab"});
  REQUIRE(pieces(tokenizer, "\xea\xb0\x80") == Texts{"_\xe1\x84\x80\xe1\x85\xa1"});  // Hangul
}

TEST_CASE("signs and ideographs stand alone") {
  const auto tokenizer = bert({"_a", "_b", "_.", "_$", "_\xe4\xb8\xad", "_\xe6\x96\x87"});
  REQUIRE(pieces(tokenizer, "a.b$") == Texts{"_a", "_.", "_b", "_$"});
  REQUIRE(pieces(tokenizer,
                 "a\xe4\xb8\xad\xe6\x96\x87"
                 "b") == Texts{"_a", "_\xe4\xb8\xad", "_\xe6\x96\x87", "_b"});
}

TEST_CASE("a text stands between its class token and its separator") {
  const auto tokenizer = bert({"_a"});
  REQUIRE(pieces(tokenizer, "a", true) == Texts{"[CLS]", "_a", "[SEP]"});
  REQUIRE(tokenizer.decode(must(tokenizer.encode("a a"))) == " a a");
}

TEST_CASE("words of more than 100 characters are unknown, and without such a token refused") {
  const std::string long_word(101, 'a');
  REQUIRE(pieces(bert({"_a", "a"}), long_word) == Texts{"[UNK]"});
  REQUIRE(pieces(bert({"_a", "a"}), std::string(100, 'a')).size() == 100);
  REQUIRE_RULE(bert({"_a"}, false).encode("b"), rules::tokenizer_text);
}

TEST_CASE("characters are what Unicode says of them") {
  REQUIRE(category_of(U'A') == Category::lu);
  REQUIRE(category_of(U'\u0663') == Category::nd);
  REQUIRE(category_of(U'\U0001F600') == Category::so);
  REQUIRE(category_of(U'\U0010FFFF') == Category::cn);
  REQUIRE(to_small(U'\u0100') == U'\u0101');
  REQUIRE(to_small(U'\u0101') == U'\u0101');
  REQUIRE(to_small(U'\U00010400') == U'\U00010428');
  REQUIRE(is_space(U'\u3000'));
  REQUIRE_FALSE(is_space(U'\u200b'));
}
