#include "inference/text/byte_pairs.h"

#include "inference/text/tokenizer.h"
#include "libattest/model/gguf_writer.h"
#include "tests/support/catch.h"
#include "tests/unit/inference/byte_vocabulary.h"

using namespace attest;
using namespace attest::inference;
using test::byte_tokenizer;

namespace {

using Texts = std::vector<std::string>;

Texts pieces(const Tokenizer& tokenizer, std::string_view text, EncodeOptions options = {}) {
  Texts texts;
  for (const Token token : must(tokenizer.encode(text, options)))
    texts.push_back(tokenizer.vocabulary().text(token));
  return texts;
}

}  // namespace

TEST_CASE("the merge of the lowest rank comes first, the leftmost of equals") {
  const auto tokenizer = must(byte_tokenizer({"b c", "a b", "a a"}, {"bc", "ab", "aa"}));
  REQUIRE(pieces(tokenizer, "abc") == Texts{"a", "bc"});
  REQUIRE(pieces(tokenizer, "cab") == Texts{"c", "ab"});
  REQUIRE(pieces(tokenizer, "aaa") == Texts{"aa", "a"});
}

TEST_CASE("bytes without a printable form are written as others, and come back") {
  const auto tokenizer = must(byte_tokenizer({"\xc4\xa0 a"}, {"\xc4\xa0"
                                                              "a"}));
  REQUIRE(pieces(tokenizer, " a") == Texts{"\xc4\xa0"
                                           "a"});
  const std::string text = std::string("\0\x01 \n", 4) + "\xc3\xa9\xf0\x9f\x98\x80 a";
  REQUIRE(tokenizer.decode(must(tokenizer.encode(text))) == text);
}

TEST_CASE("long words merge as short ones do") {
  const auto tokenizer = must(byte_tokenizer({"a b", "b c", "ab ab", "c d", "abab c", "a a"},
                                             {"ab", "bc", "abab", "cd", "ababc", "aa"}));
  const auto expected = pieces(tokenizer, "ababcdaabc");
  REQUIRE(expected == Texts{"abab", "cd", "a", "ab", "c"});
  std::string text;
  Texts all;
  for (int i = 0; i < 200; ++i) {
    text += "ababcdaabc";
    all.insert(all.end(), expected.begin(), expected.end());
  }
  // 2,000 letters are one word; the seams between repeats join nothing ("c" and "a" have no merge).
  REQUIRE(pieces(tokenizer, text) == all);
}

TEST_CASE("a word that is a token is not merged where the vocabulary's kind says so") {
  // No merge leads to "abc".
  REQUIRE(pieces(must(byte_tokenizer({"a b"}, {"ab", "abc"}, "llama-bpe")), "abc") == Texts{"abc"});
  REQUIRE(pieces(must(byte_tokenizer({"a b"}, {"ab", "abc"}, "gpt-2")), "abc") == Texts{"ab", "c"});
}

TEST_CASE("merges of unknown pieces are refused") {
  REQUIRE_RULE(byte_tokenizer({"a bb"}, {"abb"}), rules::byte_pairs_merge);
  REQUIRE_RULE(byte_tokenizer({"aa b"}, {"aab"}), rules::byte_pairs_merge);
  REQUIRE_RULE(byte_tokenizer({"a b"}, {}), rules::byte_pairs_merge);
  REQUIRE_RULE(byte_tokenizer({"ab"}, {"ab"}), rules::byte_pairs_merge);
  REQUIRE_RULE(byte_tokenizer({"a "}, {"ab"}), rules::byte_pairs_merge);
  REQUIRE_RULE(byte_tokenizer({}, {}, "unheard-of"), rules::pre_tokenizer_unknown);
}
