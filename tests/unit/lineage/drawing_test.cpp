#include "libattest/lineage/drawing.h"

#include <algorithm>

#include "libattest/base/json.h"
#include "libattest/lineage/bom.h"
#include "tests/unit/lineage/judged_model.h"

using namespace attest;
using namespace attest::lineage;
using namespace attest::test;

namespace {

VerifiedBundle published(void (*change)(PublishedModel&)) {
  PublishedModel model;
  change(model);
  model.publish_all();
  return must(model.verify());
}

void with_hostile_name(PublishedModel& model) {
  model.chat.name = "x\"]; <script>&\n\\ evil";
}

}  // namespace

TEST_CASE("names in drawings are only text") {
  const LineageGraph graph = published(with_hostile_name).graph();
  REQUIRE(draw_dot(graph).find("x\\\"]; <script>&\\\\x0a\\\\ evil") != std::string::npos);
  REQUIRE(draw_mermaid(graph).find("\"x#34;]; #60;script#62;#38;") != std::string::npos);
  const std::string svg = draw_svg(graph);
  REQUIRE(svg.find("<script>") == std::string::npos);
  REQUIRE(svg.find("x&quot;]; &lt;script&gt;&amp;") != std::string::npos);
}

TEST_CASE("a revoked artefact is marked in words") {
  PublishedModel model;
  model.publish_all();
  model.log.revoke(model.lab, subject_of(model.text), "poisoned");
  const LineageGraph graph = must(model.verify()).graph();
  for (const std::string& drawing : {draw_dot(graph), draw_mermaid(graph), draw_svg(graph)})
    REQUIRE(drawing.find("REVOKED") != std::string::npos);
}

TEST_CASE("every node and every edge is drawn once") {
  const LineageGraph graph = published([](PublishedModel&) {}).graph();
  const auto count = [](const std::string& text, const std::string& what) {
    std::size_t found = 0;
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1))
      ++found;
    return found;
  };
  REQUIRE(count(draw_dot(graph), " -> ") == 2);
  REQUIRE(count(draw_svg(graph), "<rect ") == 3);
  REQUIRE(count(draw_svg(graph), "<line ") == 2);
}

TEST_CASE("a bill of materials names each artefact with its digest, and what it was made of") {
  const VerifiedBundle bundle = published(said_in_full);
  const std::string text = cyclonedx_bom(bundle, "1.0");
  REQUIRE(text == cyclonedx_bom(bundle, "1.0"));
  const Json bom = must(parse_json(text));
  REQUIRE(bom["specVersion"] == "1.6");
  const Json& main = bom["metadata"]["component"];
  REQUIRE(main["name"] == "chat");
  REQUIRE("sha256:" + main["hashes"][0]["content"].get<std::string>() == bundle.subject().text());
  REQUIRE(main["pedigree"]["ancestors"][0]["name"] == "base");
  REQUIRE(main["pedigree"]["notes"].get<std::string>().starts_with("quantize"));
  REQUIRE(bom["components"].size() == 2);
  REQUIRE(bom["components"][0]["modelCard"]["modelParameters"]["datasets"].size() == 1);
  REQUIRE(bom["components"][1]["type"] == "data");
  REQUIRE(bom["dependencies"].size() == 3);
}
