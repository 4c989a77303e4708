#include "libattest/lineage/model_card.h"

#include "libattest/lineage/gguf_claims.h"
#include "libattest/model/gguf_writer.h"
#include "tests/support/catch.h"

using namespace attest;
using namespace attest::lineage;

namespace {

Result<ModelCardClaims> card(const std::string& matter) {
  return parse_model_card("---\n" + matter + "---\n# A model\n");
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("a card's base models, relation, data sets and licence are read in each of their forms") {
  const auto claims =
      must(card("license: apache-2.0  # ours\n"
                "base_model:\n- lab.example/base\n- \"lab.example/other\"\n"
                "base_model_relation: merge\n"
                "datasets: [a/b, 'it''s']\n"
                "model-index:\n  - name: x\n    results: [&anchor {a: b}]\n"
                "tags:\n- text\n"));
  REQUIRE(claims.base_models == Names{"lab.example/base", "lab.example/other"});
  REQUIRE(claims.relation == "merge");
  REQUIRE(claims.data_sets == Names{"a/b", "it's"});
  REQUIRE(claims.licence == "apache-2.0");
  REQUIRE(must(card("base_model: lab.example/base\r\n")).base_models == Names{"lab.example/base"});
  REQUIRE(must(card("base_model: null\n")).base_models.empty());
  REQUIRE(must(card("base_model: []\n")).base_models.empty());
}

TEST_CASE("a card without front matter that ends is refused") {
  REQUIRE_RULE(parse_model_card("# A model\n"), rules::model_card_none);
  REQUIRE_RULE(parse_model_card("---\nlicense: mit\n"), rules::model_card_none);
  REQUIRE_RULE(parse_model_card(""), rules::model_card_none);
  REQUIRE_RULE(parse_model_card("---\na: \xff\n---\n"), rules::model_card_none);
  std::string long_matter;
  for (int i = 0; i < 3000; ++i) long_matter += "k" + std::to_string(i) + ": v\n";
  REQUIRE_RULE(card(long_matter), rules::model_card_none);
}

TEST_CASE("a key that stands twice is refused") {
  REQUIRE_RULE(card("license: mit\nlicense: apache-2.0\n"), rules::model_card_twice);
}

TEST_CASE("what is outside of the part of YAML that is read is refused, not guessed") {
  for (const char* matter : {"base_model: &a lab.example/base\n",
                             "base_model: *a\n",
                             "base_model: !!str x\n",
                             "base_model: |\n  text\n",
                             "base_model: >\n  text\n",
                             "base_model: {a: b}\n",
                             "base_model: [a, [b]]\n",
                             "base_model: [a,\n",
                             "base_model: \"a\n",
                             "base_model: \"a\\n\"\n",
                             "base_model:\n  name: nested\n",
                             "base_model:\n- name: nested\n",
                             "base_model: a: b\n",
                             "base_model: a\n  b\n",
                             "base_model:\n-\n",
                             "license: [a, b]\n",
                             " indented: x\n",
                             "- x\n",
                             "no colon\n",
                             "base_model_relation: cousin\n",
                             "base_model: [a, , b]\n"}) {
    INFO(matter);
    REQUIRE_RULE(card(matter), rules::model_card_form);
  }
}

TEST_CASE("an error in a card says its line") {
  const auto refused = card("license: mit\nbase_model: *a\n");
  REQUIRE(refused.error().where == "line 3");
}

TEST_CASE("claims of a card name parents by role") {
  const auto claims = claims_of(must(card("base_model: a\ndatasets: [d]\n")));
  REQUIRE(claims.parents.size() == 2);
  REQUIRE(claims.parents[0].role == "base");
  REQUIRE(claims.parents[1].role == "dataset");
}
