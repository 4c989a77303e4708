// links: attest::tpm
#include "libattest/tpm/ek.h"

#include "libattest/base/file.h"
#include "tests/support/catch.h"
#include "tests/support/corpus_table.h"

namespace attest::tpm {
namespace {

bool says(const test::CorpusRow& row, std::string_view words) {
  return row.conclusion.find(words) != std::string::npos;
}

std::vector<Certificate> anchors(const std::vector<test::CorpusRow>& rows) {
  std::vector<Certificate> all;
  for (const test::CorpusRow& row : rows)
    if (says(row, "chain anchor"))
      for (const Certificate& certificate : must(read_certificates(must(read_file(row.path)))))
        all.push_back(certificate);
  return all;
}

TEST_CASE("every certificate of the corpus is read, or told what it is instead") {
  for (const test::CorpusRow& row : test::corpus_table("tpm", "ek")) {
    DYNAMIC_SECTION(row.path.filename().string()) {
      INFO(row.conclusion);
      const auto certificates = read_certificates(must(read_file(row.path)));
      if (row.path.string().find("/platform/") != std::string::npos) {
        REQUIRE_RULE(certificates, rules::ek_attribute_certificate);
      } else if (says(row, "refuses to read")) {
        REQUIRE_RULE(certificates, rules::ek_not_strict_der);
      } else {
        REQUIRE_OK(certificates);
        if (says(row, "assertions extension readable"))
          REQUIRE(ek_facts(certificates->front()).security_assertions);
      }
    }
  }
}

TEST_CASE("the certificates of Google's vTPMs chain to the anchors beside them, or fail clearly") {
  const auto rows = test::corpus_table("tpm", "ek");
  const std::vector<Certificate> all = anchors(rows);
  for (const test::CorpusRow& row : rows) {
    if (!says(row, "pca_* chain")) continue;
    DYNAMIC_SECTION(row.path.filename().string()) {
      const Certificate leaf = must(read_certificates(must(read_file(row.path)))).front();
      EkRules rules{
          .at = leaf.not_before() + Seconds(86400), .roots = {}, .intermediates = all, .crls = {}};
      for (const Certificate& certificate : all)
        if (certificate.is_self_signed()) rules.roots.push_back(certificate);
      const auto chain = verify_ek_certificate(leaf, rules);
      if (row.path.filename().string().starts_with("pca_")) {
        REQUIRE_OK(chain);
      } else {
        REQUIRE_RULE(chain, rules::chain_no_issuer);
        REQUIRE(chain.error().kind == ErrorKind::incomplete);
      }
    }
  }
}

}  // namespace
}  // namespace attest::tpm
