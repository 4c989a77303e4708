// links: attest::lineage attest::base
#include "libattest/base/file.h"
#include "libattest/base/json.h"
#include "libattest/lineage/provenance_graph.h"
#include "tests/support/catch.h"
#include "tests/support/corpus.h"

using namespace attest;

TEST_CASE("provenance graphs are accepted and refused as their list says") {
  const auto folder = corpus("model/lineage");
  if (!folder) return;
  for (const Json& each : must(parse_json(must(read_text_file(*folder / "cases.json"))))) {
    const auto file = each.at("file").get<std::string>();
    INFO(file << ": " << each.at("why").get<std::string>());
    const auto report = lineage::check_provenance(must(read_text_file(*folder / file)));
    CHECK(report.problems.empty() == (each.at("expect") == "pass"));
  }
}
