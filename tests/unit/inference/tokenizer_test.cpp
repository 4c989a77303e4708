#include "inference/text/tokenizer.h"

#include "tests/support/catch.h"
#include "tests/unit/inference/small_model.h"

using namespace attest;
using namespace attest::inference;

namespace {

Tokenizer small_tokenizer() {
  model::GgufWriter writer;
  add_small_vocabulary(writer);
  return must(Tokenizer::read(must(model::parse_gguf(must(writer.finish())))));
}

std::vector<std::string> pieces(const Tokenizer& tokenizer, const std::vector<Token>& tokens) {
  std::vector<std::string> texts;
  for (const Token token : tokens) texts.push_back(tokenizer.vocabulary().text(token));
  return texts;
}

Result<Tokenizer> tokenizer_of(const std::vector<std::string>& tokens,
                               const std::vector<float>& scores,
                               const std::vector<std::int32_t>& types,
                               std::string_view kind = "llama") {
  model::GgufWriter writer;
  writer.add_string("tokenizer.ggml.model", kind);
  writer.add_strings("tokenizer.ggml.tokens", tokens);
  if (!scores.empty()) writer.add_f32s("tokenizer.ggml.scores", scores);
  writer.add_i32s("tokenizer.ggml.token_type", types);
  return Tokenizer::read(must(model::parse_gguf(must(writer.finish()))));
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("the pair of the highest score is joined first, the leftmost of equals") {
  const Tokenizer tokenizer = small_tokenizer();
  const auto encode = [&](std::string_view text) {
    return pieces(tokenizer, must(tokenizer.encode(text, {.add_begin = false})));
  };
  REQUIRE(encode("abc") == Texts{"\xe2\x96\x81"
                                 "a",
                                 "bc"});  // bc (-1) before ab (-2)
  REQUIRE(encode("cab") == Texts{"\xe2\x96\x81", "c", "ab"});
  REQUIRE(encode("caaa") == Texts{"\xe2\x96\x81", "c", "aa", "a"});
  REQUIRE(encode("").empty());
}

TEST_CASE("text without tokens becomes its bytes, and comes back") {
  const Tokenizer tokenizer = small_tokenizer();
  const auto tokens = must(tokenizer.encode("\xc3\xa9", {.add_begin = false}));
  REQUIRE(pieces(tokenizer, tokens) == Texts{"\xe2\x96\x81", "<0xC3>", "<0xA9>"});
  REQUIRE(tokenizer.decode(tokens) == " \xc3\xa9");
}

TEST_CASE("control tokens in a text are text, unless the caller says otherwise") {
  const Tokenizer tokenizer = small_tokenizer();
  const auto plain = must(tokenizer.encode("</s>a"));
  REQUIRE(plain.front() == 1);
  REQUIRE(std::ranges::find(plain, Token{2}) == plain.end());
  const auto special = must(tokenizer.encode("</s>a", {.add_begin = false, .read_special = true}));
  REQUIRE(pieces(tokenizer, special) == Texts{"</s>",
                                              "\xe2\x96\x81"
                                              "a"});
  REQUIRE(tokenizer.decode(special) == " a");
  // Tokens that a user defined are whole in any case.
  const auto defined = must(tokenizer.encode("<tool>", {.add_begin = false}));
  REQUIRE(pieces(tokenizer, defined) == Texts{"<tool>"});
}

TEST_CASE("of special texts that begin at one place the longest counts") {
  SpecialTexts specials;
  specials.add("<a", 1);
  specials.add("<a>", 2);
  specials.add("", 3);
  const auto found = specials.first_in("x<a><a", 0);
  REQUIRE(found);
  REQUIRE(found->at == 1);
  REQUIRE(found->token == 2);
  REQUIRE(specials.first_in("x<a><a", 4)->token == 1);
  REQUIRE_FALSE(specials.first_in("xyz", 0));
}

TEST_CASE("broken vocabularies and texts are refused") {
  REQUIRE_RULE(small_tokenizer().encode("\xff"), rules::tokenizer_text);
  REQUIRE_RULE(tokenizer_of({"a"}, {0}, {1}, "t5"), rules::tokenizer_kind);
  REQUIRE_RULE(tokenizer_of({"a"}, {}, {1}), rules::vocabulary_form);
  REQUIRE_RULE(tokenizer_of({"a"}, {std::nanf("")}, {1}), rules::vocabulary_form);
  REQUIRE_RULE(tokenizer_of({"a"}, {0}, {7}), rules::vocabulary_form);
  for (const char* text : {"<0x-1>", "<0x1>", "<0xGG>", "<0x100>", "0x10"})
    REQUIRE_RULE(tokenizer_of({text}, {0}, {6}), rules::vocabulary_form);
  const auto bare = must(tokenizer_of({"a"}, {0}, {1}));
  REQUIRE_RULE(bare.encode("b"), rules::tokenizer_text);
}

TEST_CASE("tokens outside the vocabulary have no text") {
  REQUIRE(small_tokenizer().piece(100000).empty());
}
