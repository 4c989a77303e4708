// links: attest::gpu
//
// The corpus's README has a table "## nvidia reports": a folder a row, with the nonce, the
// signature, counts "matched/active" for the driver and VBIOS RIM, and what to expect. A folder
// holds a report, chain.pem and the RIM files; the RIM time is the earliest date that every good
// signer covers.
#include <algorithm>

#include "libattest/gpu/device_verdict.h"
#include "libattest/gpu/evidence_file.h"
#include "libattest/gpu/topology.h"
#include "tests/support/catch.h"
#include "tests/support/corpus.h"
#include "tests/support/corpus_table.h"

using namespace attest;
using result::Verdict;

namespace {

struct Row {
  Path folder;
  std::string nonce;  // its first bytes
  std::string signature;
  std::string driver;  // "21/21"
  std::string vbios;
  std::string expected;
};

std::vector<Row> rows_of(const Path& place) {
  std::vector<Row> rows;
  const std::string text = must(read_text_file(place.parent_path() / "README.md"));
  bool inside = false;
  for (const std::string_view line : split(text, '\n')) {
    if (line.starts_with("## ")) inside = line == "## nvidia reports";
    const auto cells = split(line, '|');
    if (!inside || cells.size() < 8) continue;
    const Path folder = place / test::trimmed(cells[1]);
    if (std::filesystem::is_directory(folder))
      rows.push_back({folder, test::trimmed(cells[2]), test::trimmed(cells[3]),
                      test::trimmed(cells[4]), test::trimmed(cells[5]), test::trimmed(cells[6])});
  }
  return rows;
}

std::vector<Path> files_in(const Path& folder) {
  std::vector<Path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.is_regular_file()) files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

bool is_rim(const Path& file) {
  return file.extension() == ".xml" || file.extension() == ".swidtag";
}

// A time at which as many signers as can be were valid: the latest beginning of any.
std::optional<Time> rim_time(const std::vector<gpu::UntrustedRim>& rims) {
  std::optional<Time> latest;
  for (const auto& rim : rims) {
    const auto signers = gpu::rim_signers(rim);
    if (!signers) continue;
    const Time begin = signers->front().not_before();
    const bool lasts = signers->front().not_after() - begin > std::chrono::days(30);
    if (lasts && (!latest || begin > *latest)) latest = begin;
  }
  return latest;
}

gpu::DeviceVerdict judge(const Row& row, const Path& report_file) {
  std::vector<gpu::UntrustedRim> rims;
  std::vector<Path> rim_files;
  for (const Path& file : files_in(row.folder))
    if (is_rim(file)) {
      rims.push_back(must(gpu::parse_rim(must(read_file(file)))));
      rim_files.push_back(file);
    }
  const std::optional<Time> at = rim_time(rims);
  std::vector<gpu::CollectedRim> collected;
  for (std::size_t i = 0; i < rims.size(); ++i)
    collected.push_back(must(gpu::collect_rim(rim_files[i].filename().string(), rims[i].bytes,
                                              gpu::nvidia_rim_roots(), at)));
  gpu::DeviceEvidence evidence{
      must(gpu::parse_report(must(gpu::report_bytes(must(read_file(report_file)))))),
      must(Certificate::from_der_or_pem(must(read_file(row.folder / "chain.pem")))),
      {}};
  const std::string nonce = to_hex(evidence.report.nonce);
  REQUIRE(nonce.starts_with(row.nonce));
  return gpu::judge_device(evidence, gpu::nvidia_device_roots(), at.value_or(from_unix(1764000000)),
                           {collected, {}});
}

std::string counts(const gpu::DeviceVerdict& verdict, gpu::RimKind kind) {
  for (const auto& comparison : verdict.rims)
    if (comparison.kind == kind ||
        (kind == gpu::RimKind::vbios && comparison.kind == gpu::RimKind::switch_bios))
      return std::to_string(comparison.matched) + "/" + std::to_string(comparison.active);
  return "";
}

bool allowed(const std::string& expected, Verdict verdict) {
  const std::string head = expected.substr(0, expected.find_first_of(" :;"));
  switch (verdict) {
    case Verdict::pass:
      return head.starts_with("PASS");
    case Verdict::refused:
      return head.find("FAIL") != std::string::npos;
    case Verdict::incomplete:
      return expected.find("INCOMPLETE") != std::string::npos;
  }
  return false;
}

std::vector<gpu::OcspResponse> responses_in(const Path& folder) {
  std::vector<gpu::OcspResponse> responses;
  if (!std::filesystem::is_directory(folder)) return responses;
  for (const Path& file : files_in(folder))
    responses.push_back(must(gpu::OcspResponse::parse(must(read_file(file)))));
  return responses;
}

}  // namespace

TEST_CASE("every report of the corpus comes out as its table says") {
  const auto place = corpus("gpu/nvidia");
  if (!place) return;
  const std::vector<Row> rows = rows_of(*place);
  REQUIRE_FALSE(rows.empty());
  for (const Row& row : rows) {
    for (const char* name : {"report.bin", "report.hex"}) {
      if (!std::filesystem::exists(row.folder / name)) continue;
      INFO(row.folder.filename().string() + "/" + name);
      const gpu::DeviceVerdict verdict = judge(row, row.folder / name);
      std::string found(result::to_string(verdict.verdict));
      for (const auto& check : verdict.checks)
        if (check.outcome != Verdict::pass) found += "; " + check.why;
      INFO(found);
      CHECK((row.signature == "good") == verdict.report.has_value());
      CHECK(allowed(row.expected, verdict.verdict));
      // Counts of a RIM that does not verify cannot be given: it is never compared.
      for (const auto& [text, kind] :
           {std::pair(row.driver, gpu::RimKind::driver), std::pair(row.vbios, gpu::RimKind::vbios)})
        if (const std::string ours = counts(verdict, kind); !ours.empty())
          CHECK(text.starts_with(ours));
    }
  }
}

TEST_CASE("RIM files of the corpus that must fail do, and those that must parse do") {
  const auto place = corpus("gpu/nvidia/rim-bad");
  if (!place) return;
  for (const Path& file : files_in(*place)) {
    const std::string name = file.filename().string();
    INFO(name);
    const auto rim = gpu::parse_rim(must(read_file(file)));
    if (name.starts_with("failure_")) {
      CHECK_FALSE(rim);
      continue;
    }
    REQUIRE_OK(rim);
    if (!rim->has_signature) continue;
    const auto verified = gpu::verify_rim(*rim, gpu::nvidia_rim_roots(),
                                          must(gpu::rim_signers(*rim)).front().not_before());
    CHECK(verified.has_value() == !name.starts_with("incorrect_"));
  }
}

TEST_CASE("genuine VBIOS RIM files of the corpus verify") {
  const auto place = corpus("gpu/nvidia/vbios-rims");
  if (!place) return;
  for (const Path& file : files_in(*place)) {
    INFO(file.filename().string());
    const auto rim = must(gpu::parse_rim(must(read_file(file))));
    const auto verified = must(gpu::verify_rim(rim, gpu::nvidia_rim_roots(),
                                               must(gpu::rim_signers(rim)).front().not_before()));
    CHECK(verified.content().kind == gpu::RimKind::vbios);
  }
}

TEST_CASE("evidence files of the corpus verify, and one with GPUs and switches closes") {
  const auto place = corpus("gpu/nvidia/multi-gpu");
  if (!place) return;
  const Time at = from_unix(1764000000);
  for (const Path& file : files_in(*place)) {
    INFO(file.filename().string());
    const auto entries = must(gpu::parse_evidence_file(must(read_text_file(file))));
    std::vector<gpu::VerifiedReport> reports;
    for (const gpu::EvidenceEntry& entry : entries) {
      const auto chain =
          must(gpu::verify_device_chain(entry.chain, gpu::nvidia_device_roots(), at));
      reports.push_back(must(gpu::verify_report(entry.report, chain, entry.claimed_nonce)));
    }
    std::vector<gpu::NamedReport> named;
    for (std::size_t i = 0; i < reports.size(); ++i)
      named.push_back({entries[i].label, &reports[i]});
    CHECK(gpu::verdict_of(gpu::check_distinct(named)) == Verdict::pass);
    const bool has_switch = std::ranges::any_of(entries, [](const auto& entry) {
      return entry.report.kind() == gpu::DeviceKind::nvswitch;
    });
    CHECK(gpu::verdict_of(gpu::check_topology(named)) ==
          (has_switch ? Verdict::pass : Verdict::incomplete));
  }
}

TEST_CASE("OCSP responses of the corpus hold in their time, and at no other") {
  const auto place = corpus("gpu/nvidia");
  if (!place) return;
  for (const Row& row : rows_of(*place)) {
    const std::vector<gpu::OcspResponse> responses = responses_in(row.folder / "ocsp");
    if (responses.empty()) continue;
    const auto chain = must(gpu::verify_device_chain(
        must(Certificate::from_der_or_pem(must(read_file(row.folder / "chain.pem")))),
        gpu::nvidia_device_roots(), from_unix(1764000000)));
    // Long after: stale. The response says its own time, which is then tried.
    for (std::size_t i = 1; i + 1 < chain.chain().certificates().size(); ++i) {
      const auto late = gpu::check_status(chain.chain(), i, responses, from_unix(1900000000));
      REQUIRE_RULE(late, rules::ocsp_stale);
      const std::string& found = late.error().found_value;
      const auto begin = must(parse_time(found.substr(std::string("one from ").size(), 20)));
      REQUIRE_OK(gpu::check_status(chain.chain(), i, responses, begin + std::chrono::hours(1)));
    }
  }
}
