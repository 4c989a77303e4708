// links: attest::tpm attest::statement
#include "libattest/base/file.h"
#include "libattest/statement/dsse.h"
#include "libattest/tpm/ima_verification.h"
#include "tests/support/catch.h"
#include "tests/support/corpus_table.h"

namespace attest::tpm {
namespace {

std::optional<std::size_t> number_after(const std::string& text, const std::string& words) {
  const auto at = text.find(words);
  if (at == std::string::npos) return std::nullopt;
  return std::stoul(text.substr(at + words.size()));
}

TEST_CASE("each IMA list's template hashes, entries and PCR 10 are as its README says") {
  for (const test::CorpusRow& row : test::corpus_table("tpm", "ima")) {
    if (row.path.extension() != ".ascii") continue;
    DYNAMIC_SECTION(row.path.filename().string()) {
      INFO(row.conclusion);
      const UntrustedImaLog log = must(parse_ima_log(must(read_file(row.path))));
      const ImaInspection inspection = inspect_ima_entries(log.entries(), {});
      std::size_t flagged = 0;
      for (const ImaProblem& problem : inspection.problems)
        if (problem.rule == rules::ima_template_hash || problem.rule == rules::ima_violation)
          ++flagged;
      if (const auto wrong = number_after(row.conclusion, "disagrees on "))
        REQUIRE(flagged == *wrong);
      else
        REQUIRE(flagged == 0);
      const std::string pcr_words = "PCR 10 (sha1) after it = ";
      if (const auto at = row.conclusion.find(pcr_words); at != std::string::npos)
        REQUIRE(to_hex(ima_replay(log, PcrBank::sha1)) ==
                row.conclusion.substr(at + pcr_words.size(), 40));
    }
  }
}

TEST_CASE("the list of a good node passes with its policy, and fails with an empty or wrong one") {
  const auto folder = corpus("tpm/ima");
  if (!folder) return;
  const UntrustedImaLog log = must(parse_ima_log(must(read_file(*folder / "measurements.ascii"))));
  const auto problems = [&](std::string_view json) {
    const ImaAllowList list = must(ImaAllowList::parse(json));
    return inspect_ima_entries(log.entries(), {.allow_list = &list}).problems_in_all;
  };
  REQUIRE(problems(must(read_text_file(*folder / "policy-good.json"))) == 0);
  REQUIRE(problems(must(read_text_file(*folder / "policy-wrong.json"))) > 0);
  REQUIRE(problems(R"({"meta":{"version":1},"digests":{}})") == log.entries().size());
}

TEST_CASE("file signatures hold under their key alone") {
  const auto folder = corpus("tpm/ima");
  if (!folder) return;
  const UntrustedImaLog log = must(parse_ima_log(must(read_file(*folder / "signatures.ascii"))));
  REQUIRE(inspect_ima_entries(log.entries(), {}).problems_in_all == 2);
  const std::vector keys{
      ImaKey::of(must(PublicKey::from_der_or_pem(must(read_file(*folder / "rsa2048pub.pem")))))};
  const ImaInspection inspection = inspect_ima_entries(log.entries(), {.keys = keys});
  REQUIRE(inspection.signed_by_key == 1);
  REQUIRE(inspection.problems.size() == 1);
  REQUIRE(inspection.problems.front().number == 2);
}

TEST_CASE("Keylime's policies are read, the signed one under its key") {
  const auto folder = corpus("tpm/ima");
  if (!folder) return;
  REQUIRE_OK(ImaAllowList::parse(must(read_text_file(*folder / "runtime-policy-test.json"))));
  const auto envelope = must(
      statement::parse_dsse(must(read_text_file(*folder / "runtime-policy-test-signed.json"))));
  const std::vector keys{
      must(PublicKey::from_der_or_pem(must(read_file(*folder / "runtime-policy-pubkey.pub"))))};
  const auto verified = must(statement::verify_dsse(envelope, keys));
  REQUIRE(must(ImaAllowList::parse(as_text(verified.payload()))).size() > 0);
}

}  // namespace
}  // namespace attest::tpm
