#include "fixtures/tiny-model/story_grammar.h"

#include "tests/support/catch.h"

using namespace attest;
using namespace attest::tiny_model;

namespace {

std::string story(std::string_view grammar_text) {
  Random random(1);
  return must(must(StoryGrammar::parse(grammar_text)).paragraph(random));
}

Result<std::string> try_story(std::string_view grammar_text) {
  Random random(1);
  return must(StoryGrammar::parse(grammar_text)).paragraph(random);
}

}  // namespace

TEST_CASE("what is remembered stays the same for a paragraph") {
  constexpr std::string_view grammar =
      "story:\n  @who woke. @who.2 spoke. @who slept.\nwho:\n  ann/she\n  bob/he\n  the cat/it\n";
  Random random(4);
  const auto parsed = must(StoryGrammar::parse(grammar));
  for (int i = 0; i < 20; ++i) {
    const auto text = must(parsed.paragraph(random));
    const bool consistent = text == "Ann woke. She spoke. Ann slept." ||
                            text == "Bob woke. He spoke. Bob slept." ||
                            text == "The cat woke. It spoke. The cat slept.";
    INFO(text);
    REQUIRE(consistent);
  }
}

TEST_CASE("articles, capitals and spaces come out right") {
  REQUIRE(story("story:\n  a  old node (|) woke . a event, a chip.\n") ==
          "An old node woke. An event, a chip.");
  REQUIRE(story("story:\n  \"who?\" asked the log. \"a node.\" it was.\n") ==
          "\"Who?\" asked the log. \"A node.\" It was.");
}

TEST_CASE("the same seed gives the same text, another seed another") {
  const auto grammar = must(StoryGrammar::parse("story:\n  (a|b|c|d) (e|f|g|h).\n"));
  const auto text = must(write_text(grammar, 1, 1000));
  REQUIRE(text.size() >= 1000);
  REQUIRE(text == must(write_text(grammar, 1, 1000)));
  REQUIRE(text != must(write_text(grammar, 2, 1000)));
}

TEST_CASE("mistakes in a grammar are refused by their rule") {
  using namespace tiny_model::rules;
  REQUIRE_RULE(StoryGrammar::parse("  alone\n"), grammar_form);
  REQUIRE_RULE(StoryGrammar::parse("story\n"), grammar_form);
  REQUIRE_RULE(StoryGrammar::parse("story:\n"), grammar_form);
  REQUIRE_RULE(StoryGrammar::parse("story:\n  a\nstory:\n  b\n"), grammar_name);
  REQUIRE_RULE(try_story("story:\n  (a|b\n"), grammar_form);
  REQUIRE_RULE(try_story("story:\n  $nobody\n"), grammar_name);
  REQUIRE_RULE(try_story("story:\n  @one.2\none:\n  a\n"), grammar_name);
  REQUIRE_RULE(try_story("story:\n  $story\n"), grammar_depth);
}
