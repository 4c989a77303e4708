#include "libattest/evidence/evidence.h"

#include <algorithm>

#include "libattest/base/cbor.h"
#include "libattest/evidence/node_id.h"
#include "tests/support/catch.h"

using namespace attest;
using namespace attest::evidence;

namespace {

std::vector<EvidenceItem> some_items() {
  return {make_item(label::node, as_bytes("rack7-n03")),
          make_item(label::challenge, as_bytes("challenge bytes")),
          make_item(label::tpm_pcrs, as_bytes("pcrs")),
          {"gpu/0", "application/vnd.example.gpu-report", to_bytes("report")},
          make_item(label::tpm_quote, as_bytes("quote"))};
}

Bytes encode_map(cbor::Map map, bool typed = true) {
  if (typed) map.emplace_back("__cmwc_t", collection_type);
  return cbor::encode(map);
}

cbor::Value item(std::string_view media_type) {
  return cbor::Array{media_type, to_bytes("x")};
}

const Sha256 challenge_digest = sha256(as_bytes("challenge bytes"));

Sha256 bound(const std::vector<EvidenceItem>& items) {
  return qualifying_data(challenge_digest, "rack7-n03", std::nullopt, items);
}

}  // namespace

TEST_CASE("evidence is read back as it was written, sorted by label") {
  const Bytes bytes = must(encode_evidence(some_items()));
  const UntrustedEvidence evidence = must(parse_evidence(bytes));
  REQUIRE(evidence.bytes() == bytes);
  REQUIRE(evidence.digest() == sha256(bytes));
  REQUIRE(evidence.items().size() == 5);
  REQUIRE(evidence.items()[0].label == "challenge");
  REQUIRE(evidence.items()[1].label == "gpu/0");
  REQUIRE(evidence.find("node")->content == to_bytes("rack7-n03"));
  REQUIRE(evidence.find("ima") == nullptr);
  REQUIRE_RULE(evidence.required("ima"), rules::evidence_item_missing);
}

TEST_CASE("a label that evidence does not know is refused") {
  for (const char* name : {"gpu", "gpu/", "gpu/00", "gpu/64", "gpu/-1", "gpu/x", "Node", ""}) {
    INFO(name);
    REQUIRE_RULE(parse_evidence(encode_map({{name, item("text/plain")}})), rules::evidence_label);
  }
  REQUIRE_OK(parse_evidence(encode_map({{"gpu/63", item("application/x")}})));
}

TEST_CASE("an item of another media type than its label's is refused") {
  REQUIRE_RULE(parse_evidence(encode_map({{"node", item("text/html")}})),
               rules::evidence_media_type);
  for (const char* type : {"", "report", "a/b c"})
    REQUIRE_RULE(parse_evidence(encode_map({{"gpu/0", item(type)}})), rules::evidence_media_type);
}

TEST_CASE("a label that stands twice is refused") {
  // a3 … the key "node" twice, by hand: our encoder cannot write it.
  const Bytes one = encode_map({{"node", item("text/plain")}});
  Bytes twice = one;
  twice[0] = std::byte{0xa3};
  const ByteView pair = ByteView(one).subspan(1, one.size() - 1);
  const std::size_t length = 1 + 4 + cbor::encode(item("text/plain")).size();
  twice.insert(twice.begin() + 1, pair.begin(), pair.begin() + static_cast<long>(length));
  REQUIRE_RULE(parse_evidence(twice), rules::evidence_duplicate);
  std::vector<EvidenceItem> items = some_items();
  items.push_back(items.front());
  REQUIRE_RULE(encode_evidence(items), rules::evidence_duplicate);
}

TEST_CASE("a collection of no type or of another is refused") {
  REQUIRE_RULE(parse_evidence(encode_map({{"node", item("text/plain")}}, false)),
               rules::evidence_type);
  REQUIRE_RULE(parse_evidence(encode_map({{"__cmwc_t", "tag:other,2026:v1"}}, false)),
               rules::evidence_type);
}

TEST_CASE("evidence that is not a map of label to media type and bytes is refused") {
  REQUIRE_RULE(parse_evidence(cbor::encode(cbor::Array{1})), rules::evidence_form);
  REQUIRE_RULE(parse_evidence(encode_map({{1, item("text/plain")}})), rules::evidence_form);
  REQUIRE_RULE(parse_evidence(encode_map({{"node", to_bytes("x")}})), rules::evidence_form);
  REQUIRE_RULE(parse_evidence(encode_map({{"node", cbor::Array{"text/plain", "text"}}})),
               rules::evidence_form);
  Bytes trailing = must(encode_evidence(some_items()));
  trailing.push_back(std::byte{0});
  REQUIRE_RULE(parse_evidence(trailing), rules::evidence_form);
}

TEST_CASE("items and collections above the size limits are refused") {
  std::vector<EvidenceItem> items{make_item(label::ima, Bytes(item_size_limit + 1))};
  REQUIRE_RULE(encode_evidence(items), rules::evidence_too_large);
  items[0].content.pop_back();
  REQUIRE_OK(encode_evidence(items));
  items.push_back(make_item(label::tpm_eventlog, Bytes(item_size_limit)));
  REQUIRE_RULE(encode_evidence(items), rules::evidence_too_large);
  REQUIRE_RULE(parse_evidence(Bytes(evidence_size_limit + 1)), rules::evidence_too_large);
}

TEST_CASE("qualifying data is the documented digest") {
  const std::vector<EvidenceItem> items{make_item(label::node, as_bytes("n")),
                                        make_item(label::tpm_quote, as_bytes("q"))};
  const Sha256 key = sha256(as_bytes("key"));
  const Bytes documented = cbor::encode(cbor::Array{
      "attest-evidence-v1", challenge_digest, "n", key,
      cbor::Array{cbor::Value(cbor::Array{"node", "text/plain", sha256(as_bytes("n"))})}});
  REQUIRE(qualifying_data(challenge_digest, "n", key, items) == sha256(documented));
}

TEST_CASE("qualifying data does not depend on the order of items, nor on the quote") {
  std::vector<EvidenceItem> items = some_items();
  const Sha256 before = bound(items);
  std::ranges::reverse(items);
  REQUIRE(bound(items) == before);
  std::erase_if(items, [](const auto& each) { return each.label == label::tpm_quote; });
  REQUIRE(bound(items) == before);
}

TEST_CASE("everything else changes the qualifying data") {
  const Sha256 before = bound(some_items());
  std::vector<EvidenceItem> items = some_items();
  items[2].content.push_back(std::byte{0});
  REQUIRE(bound(items) != before);
  items = some_items();
  items[3].media_type = "application/other";
  REQUIRE(bound(items) != before);
  items = some_items();
  items[3].label = "gpu/1";
  REQUIRE(bound(items) != before);
  items = some_items();
  items.erase(items.begin());
  REQUIRE(bound(items) != before);
  items = some_items();
  items.push_back(make_item(label::host, as_bytes("host")));
  REQUIRE(bound(items) != before);
  REQUIRE(qualifying_data(sha256(as_bytes("other")), "rack7-n03", std::nullopt, some_items()) !=
          before);
  REQUIRE(qualifying_data(challenge_digest, "rack7-n04", std::nullopt, some_items()) != before);
  REQUIRE(qualifying_data(challenge_digest, "rack7-n03", challenge_digest, some_items()) != before);
}

TEST_CASE("a GPU's nonce is the documented digest, another for each label and challenge") {
  const Sha256 label_digest = sha256(as_bytes("gpu/0"));
  REQUIRE(gpu_nonce(challenge_digest, "gpu/0") ==
          sha256({as_bytes("attest-gpu-v1"), challenge_digest, label_digest}));
  REQUIRE(gpu_nonce(challenge_digest, "gpu/1") != gpu_nonce(challenge_digest, "gpu/0"));
}

TEST_CASE("node ids are 1 to 128 plain characters") {
  REQUIRE(is_node_id("rack7-n03"));
  REQUIRE(is_node_id("A.b_c:9"));
  REQUIRE(is_node_id(std::string(128, 'a')));
  REQUIRE_FALSE(is_node_id(""));
  REQUIRE_FALSE(is_node_id(std::string(129, 'a')));
  REQUIRE_FALSE(is_node_id("rack/7"));
  REQUIRE_RULE(check_node_id("rack 7"), rules::node_id_form);
}
