#include "inference/text/pre_tokenizer.h"

#include "inference/text/split_pattern.h"
#include "tests/support/catch.h"

using namespace attest;
using namespace attest::inference;

namespace {

using Words = std::vector<std::string_view>;

Words cut(std::string_view name, std::string_view text) {
  return must(PreTokenizer::named(name)).cut(text);
}

std::optional<std::size_t> match(std::u32string_view pattern, std::u32string_view text) {
  return must(SplitPattern::parse(pattern)).match(text, 0);
}

}  // namespace

TEST_CASE("a pattern takes the first alternative that matches, as long as it can") {
  REQUIRE(match(U"a|ab", U"ab") == 1);
  REQUIRE(match(U"a+b|a", U"aaac") == 1);
  REQUIRE(match(U"a{1,2}", U"aaa") == 2);
  REQUIRE(match(U"a{2}", U"a") == std::nullopt);
  REQUIRE(match(U"[a-c-]+", U"ab-cd") == 4);
  REQUIRE(match(U"[^\\n]*\\n", U"ab\ncd") == 3);
  REQUIRE(match(U"x*", U"y") == std::nullopt);  // never an empty match
}

TEST_CASE("a pattern gives characters back where what follows needs them") {
  REQUIRE(match(UR"(\s+(?!\S))", U"   x") == 2);
  REQUIRE(match(UR"(\s+(?!\S))", U"   ") == 3);
  REQUIRE(match(UR"(\s+(?!\S))", U" x") == std::nullopt);
  REQUIRE(match(UR"(\s+$)", U"  x") == std::nullopt);
  REQUIRE(match(UR"(\s*[\r\n]+)", U" \n \n x") == 4);
  REQUIRE(match(UR"([\p{Lu}\p{Lo}]*[\p{Ll}\p{Lo}]+)", U"ABc") == 3);
  REQUIRE(match(UR"(\p{L}+(?i:'s|'re)?)", U"We'RE") == 5);
  REQUIRE(match(UR"([\p{L}&&[^\p{Han}]]+)", U"ab\u4e2d") == 2);
}

TEST_CASE("patterns outside the grammar are refused") {
  for (const auto* text : {U"", U"a|", U"[a", U"(?:a", U"(?!a", U"\\p{X}", U"\\p{L", U"a{2,1}",
                           U"a{0}", U"a{x}", U"[b-a]"})
    REQUIRE_RULE(SplitPattern::parse(text), rules::split_pattern);
}

TEST_CASE("each kind of vocabulary cuts in its own way") {
  REQUIRE(cut("gpt-2", "I've  12345 ok!\n\n x") ==
          Words{"I", "'ve", " ", " 12345", " ok", "!", "\n\n", " x"});
  REQUIRE(cut("llama-bpe", "I'VE  12345 ok!\n\n x") ==
          Words{"I", "'VE", " ", " ", "123", "45", " ok", "!\n\n", " x"});
  REQUIRE(cut("qwen2", "a 12") == Words{"a", " ", "1", "2"});
  REQUIRE(cut("starcoder", "a 12") == Words{"a", " ", "1", "2"});
  REQUIRE(cut("falcon", "a.b 1234") == Words{"a", ".", "b", " ", "123", "4"});
  REQUIRE(cut("gpt-4o", "HelloWorld's//\n") == Words{"Hello", "World's", "//\n"});
  REQUIRE(cut("tekken", "HelloWorld 12") == Words{"Hello", "World", " ", "1", "2"});
  REQUIRE(cut("deepseek-v3", "a 1234中文x") == Words{"a", " ", "123", "4", "中文", "x"});
  REQUIRE(cut("kimi-k2", "ab中文12") == Words{"ab", "中文", "12"});
  REQUIRE(cut("viking", "a b12") == Words{"a", " b", "1", "2"});
}

TEST_CASE("every known kind reads its patterns, and leaves nothing of a text out") {
  constexpr std::string_view text =
      " Hello,\tWorld!  12345 \r\n\r\n  '`~ c\xc3\xa9t\xc3\xa9 \xe4\xb8\xad\xe6\x96\x87 "
      "\xf0\x9f\x98\x80 \xd0\xaf";
  for (const std::string_view name : PreTokenizer::names()) {
    INFO(name);
    std::string joined;
    for (const std::string_view word : cut(name, text)) {
      REQUIRE_FALSE(word.empty());
      joined += word;
    }
    REQUIRE(joined == text);
    REQUIRE(cut(name, "").empty());
  }
}

TEST_CASE("a kind that is not known is refused, and the nearest is named") {
  const auto unknown = PreTokenizer::named("qwen-2");
  REQUIRE_RULE(unknown, rules::pre_tokenizer_unknown);
  REQUIRE(unknown.error().next_step.find("\"qwen2\"") != std::string::npos);
}
