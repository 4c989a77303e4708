// links: attest::tee
#include "libattest/base/file.h"
#include "libattest/tee/roots.h"
#include "libattest/tee/verdict.h"
#include "tests/support/catch.h"
#include "tests/support/corpus_table.h"

using namespace attest;

namespace {

tee::Collateral collateral_in(const Path& folder) {
  tee::Collateral collateral;
  for (const std::string& name : must(system_files().list(folder)))
    must(collateral.add(must(read_file(folder / name))));
  return collateral;
}

// Rows of the section's table: "| report + certificate + … | expected |".
struct Row {
  std::string files;
  std::string expected;
};
std::vector<Row> rows_of(const Path& area, const std::string& section) {
  std::vector<Row> rows;
  bool inside = false;
  for (const std::string_view line : split(must(read_text_file(area / "README.md")), '\n')) {
    if (line.starts_with("## ")) inside = line == "## " + section;
    const auto cells = split(line, '|');
    if (inside && cells.size() >= 4)
      rows.push_back({test::trimmed(cells[1]), test::trimmed(cells[2])});
  }
  return rows;
}

}  // namespace

TEST_CASE("the SNP reports of the corpus come out as its table says") {
  const auto area = corpus("gpu");
  if (!area) return;
  const Path folder = *area / "sev-snp";
  const tee::Collateral collateral = collateral_in(folder);
  std::size_t seen = 0;
  for (const Row& row : rows_of(*area, "sev-snp")) {
    const std::string report = row.files.substr(0, row.files.find(' '));
    if (!report.ends_with(".bin")) continue;
    INFO(row.files << ": " << row.expected);
    const Bytes bytes = must(read_file(folder / report));
    tee::TeeRules rules{.at = must(parse_time("2026-11-01")), .roots = {}};
    const bool debug = row.expected.find("reject unless policy allows debug") != std::string::npos;
    const tee::TeeVerdict strict = tee::judge_tee(bytes, collateral, rules);
    for (const Error& finding : strict.findings) UNSCOPED_INFO(finding.to_string());
    REQUIRE(strict.snp);
    CHECK(strict.snp->report().policy.debug() == debug);
    CHECK(strict.pass() == !debug);
    rules.allow_debug = true;
    CHECK(tee::judge_tee(bytes, collateral, rules).pass());
    ++seen;
  }
  REQUIRE(seen > 0);
}

TEST_CASE("the TDX quotes of the corpus are genuine, and their bytes are protected") {
  const auto area = corpus("gpu");
  if (!area) return;
  const Path folder = *area / "tdx";
  const tee::Collateral collateral = collateral_in(folder);
  std::size_t seen = 0;
  for (const std::string& name : must(system_files().list(folder))) {
    Bytes bytes = must(read_file(folder / name));
    const auto kind = tee::recognise(bytes);
    if (!kind || *kind != tee::TeeKind::tdx) continue;
    INFO(name);
    const auto parsed = must(tee::parse_tdx_quote(bytes, tee::TrailingBytes::count));
    const auto chain = must(Certificate::all_from_pem(as_text(parsed.pck_chain)));
    const tee::TdxRules rules{.at = chain.front().not_before() + Seconds{86'400},
                              .roots = tee::known_roots(collateral.certificates),
                              .require_crl = false,
                              .trailing = tee::TrailingBytes::count};
    REQUIRE_OK(tee::verify_tdx_quote(bytes, rules));
    bytes[200] ^= std::byte{1};
    REQUIRE_RULE(tee::verify_tdx_quote(bytes, rules), rules::tdx_signature);
    ++seen;
  }
  REQUIRE(seen > 0);
}

TEST_CASE("without the certificate that signs TCB info a TDX verdict is incomplete") {
  const auto area = corpus("gpu");
  if (!area) return;
  const tee::Collateral collateral = collateral_in(*area / "tdx");
  for (const std::string& name : must(system_files().list(*area / "tdx"))) {
    const Bytes bytes = must(read_file(*area / "tdx" / name));
    if (!tee::recognise(bytes)) continue;
    const tee::TeeVerdict verdict =
        tee::judge_tee(bytes, collateral, {.at = must(parse_time("2026-02-15")), .roots = {}});
    INFO(name);
    CHECK_FALSE(verdict.pass());
    CHECK_FALSE(verdict.refused());
    CHECK(verdict.passed.size() >= 4);
  }
}
