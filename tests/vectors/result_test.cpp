// links: attest::result attest::base
#include "libattest/base/file.h"
#include "libattest/base/json.h"
#include "libattest/result/ear_claims.h"
#include "tests/support/catch.h"
#include "tests/support/corpus_table.h"

using namespace attest;

TEST_CASE("the EAR claims sets are read as their table says, and are the same after writing") {
  for (const test::CorpusRow& row : test::corpus_table("tpm", "ear")) {
    INFO(row.path.filename().string() << ": " << row.conclusion);
    const auto ear = result::parse_ear_json(must(read_text_file(row.path)));
    INFO((ear ? std::string("read") : ear.error().to_string()));
    CHECK(ear.has_value() == row.conclusion.starts_with("valid"));
    if (!ear) continue;
    const auto as_json = must(result::parse_ear_json(result::to_json(*ear)));
    const auto as_cbor = must(result::parse_ear_cbor(must(result::to_cbor(*ear))));
    CHECK(result::to_json(as_json) == result::to_json(*ear));
    CHECK(result::to_json(as_cbor) == result::to_json(*ear));
  }
}
