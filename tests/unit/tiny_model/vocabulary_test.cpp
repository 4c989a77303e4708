#include "fixtures/tiny-model/vocabulary.h"

#include "tests/support/catch.h"

using namespace attest;
using namespace attest::tiny_model;

namespace {
constexpr std::string_view text = "the node and the log\nthe node and the key\n";
}

TEST_CASE("a vocabulary begins with the special tokens and the 256 bytes") {
  const auto vocabulary = must(train_vocabulary(text, 280));
  REQUIRE(vocabulary.pieces.size() == 280);
  REQUIRE(vocabulary.scores.size() == 280);
  REQUIRE(vocabulary.pieces[unknown_token] == "<unk>");
  REQUIRE(vocabulary.pieces[begin_token] == "<s>");
  REQUIRE(vocabulary.pieces[end_token] == "</s>");
  REQUIRE(vocabulary.pieces[first_byte_token] == "<0x00>");
  REQUIRE(vocabulary.pieces[first_byte_token + 0xAF] == "<0xAF>");
  // "th" is the pair that comes first of the most frequent ones, and it is merged first.
  REQUIRE(vocabulary.scores[first_piece] == 0.0F);
  REQUIRE(vocabulary.scores[first_piece + 1] == -1.0F);
}

TEST_CASE("decoding is the inverse of encoding") {
  const auto vocabulary = must(train_vocabulary(text, 280));
  for (const std::string_view line : {"the node and the log", "a  double space", "key", ""}) {
    REQUIRE(decode(vocabulary, encode(vocabulary, line)) == line);
  }
}

TEST_CASE("a character that the text lacks becomes its bytes") {
  const auto vocabulary = must(train_vocabulary(text, 280));
  const auto tokens = encode(vocabulary, "\xc3\xa9");
  REQUIRE(tokens.size() >= 2);
  REQUIRE(tokens[tokens.size() - 2] == first_byte_token + 0xC3);
  REQUIRE(tokens[tokens.size() - 1] == first_byte_token + 0xA9);
  REQUIRE(decode(vocabulary, tokens) == "\xc3\xa9");
}

TEST_CASE("a vocabulary too small for the characters, or too large for the text, is refused") {
  REQUIRE_RULE(train_vocabulary(text, 260), tiny_model::rules::vocabulary_size);
  REQUIRE_RULE(train_vocabulary(text, 5000), tiny_model::rules::vocabulary_size);
}
