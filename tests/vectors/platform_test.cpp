// links: attest::hardware
#include "libattest/base/file.h"
#include "libattest/hardware/platform_verification.h"
#include "tests/support/catch.h"
#include "tests/support/corpus_table.h"

using namespace attest;
using namespace attest::hardware;

namespace {

const Time at = from_unix(1'790'000'000);  // 2026-09-21, when the laptop's certificates are valid

// The table's rows name files by words; a certificate of ours is any that parses as one.
struct Found {
  std::string name;
  UntrustedPlatformCertificate certificate;
};
std::vector<Found> platform_certificates(const Path& folder) {
  std::vector<Found> all;
  for (const std::string& name : must(system_files().list(folder))) {
    if (!std::filesystem::is_regular_file(folder / name)) continue;
    auto parsed = parse_platform_certificate(must(read_file(folder / name)));
    if (parsed) all.push_back({name, *std::move(parsed)});
  }
  return all;
}
std::vector<Certificate> authorities(const Path& folder) {
  std::vector<Certificate> all;
  for (const std::string& name : must(system_files().list(folder))) {
    if (!std::filesystem::is_regular_file(folder / name)) continue;
    const auto found = Certificate::from_der_or_pem(must(read_file(folder / name)));
    if (found && found->front().is_ca()) all.push_back(found->front());
  }
  return all;
}

std::string expected_of(const Path& area, const std::string& name) {
  for (const std::string_view line : split(must(read_text_file(area / "README.md")), '\n')) {
    const auto cells = split(line, '|');
    if (cells.size() >= 4 && cells[1].find(name) != std::string_view::npos)
      return test::trimmed(cells[2]);
  }
  return {};
}

bool matches(const UntrustedPlatformCertificate& base,
             const std::vector<UntrustedPlatformCertificate>& deltas, const PlatformRules& rules,
             const Inventory& found) {
  const auto verified = verify_platform(base, deltas, rules);
  return verified && compare(verified->components(), found.components).equal();
}

}  // namespace

TEST_CASE("the platform certificates beside the EKs are read, in PEM") {
  std::size_t read = 0;
  for (const test::CorpusRow& row : test::corpus_table("tpm", "ek")) {
    if (row.path.string().find("/platform/") == std::string::npos) continue;
    INFO(row.path);
    REQUIRE_OK(parse_platform_certificate(must(read_file(row.path))));
    ++read;
  }
  if (corpus("tpm")) REQUIRE(read > 0);
}

TEST_CASE("the laptop's platform certificates come out as their table says") {
  const auto area = corpus("gpu");
  if (!area) return;
  const Path folder = *area / "platform-certs/laptop";
  const Inventory machine =
      must(parse_inventory(must(read_text_file(folder / "laptop_default_hw.json"))));
  const PlatformRules rules{.at = at, .authorities = authorities(folder)};
  const std::vector<Found> all = platform_certificates(folder);
  std::size_t deltas = 0;
  for (const Found& base : all) {
    if (base.certificate.kind != PlatformKind::base) continue;
    INFO(base.name);
    REQUIRE_OK(verify_platform(base.certificate, {}, rules));
    const std::string expected = expected_of(*area, base.name);
    // A delta stands in the row of its base.
    const Found* delta = nullptr;
    for (const Found& each : all)
      if (each.certificate.kind == PlatformKind::delta &&
          (expected_of(*area, each.name) == expected ||
           each.name.substr(0, 15) == base.name.substr(0, 15)))
        delta = &each;
    const bool alone = matches(base.certificate, {}, rules, machine);
    if (delta == nullptr || expected.empty()) {
      CHECK(alone);
      continue;
    }
    ++deltas;
    INFO("with " << delta->name << ": " << expected);
    const bool both = matches(base.certificate, {delta->certificate}, rules, machine);
    const bool fails = expected.find("FAIL") != std::string::npos;
    CHECK(both == !fails);
    CHECK(alone == fails);
  }
  REQUIRE(deltas > 0);
}

TEST_CASE("a maker's certificate is validated by its own authority, and by no namesake") {
  const auto area = corpus("gpu");
  if (!area) return;
  const Path folder = *area / "platform-certs/intel";
  const auto all = platform_certificates(folder);
  REQUIRE_FALSE(all.empty());
  for (const Found& each : all) {
    INFO(each.name);
    std::size_t validating = 0;
    for (const Certificate& authority : authorities(folder)) {
      const PlatformRules rules{.at = at, .authorities = {authority}};
      if (verify_platform(each.certificate, {}, rules)) ++validating;
    }
    CHECK(validating == 1);
  }
}

TEST_CASE("every platform certificate of the corpus parses") {
  std::size_t seen = 0;
  for (const auto& [part, sub] :
       {std::pair("gpu", "platform-certs"), std::pair("tpm", "ek/platform")}) {
    const auto area = corpus(part);
    if (!area) return;
    for (const std::string& name : must(system_files().list(*area / sub))) {
      if (!name.ends_with(".pem")) continue;
      const Bytes content = must(read_file(*area / sub / name));
      if (as_text(content).find("ATTRIBUTE CERTIFICATE") == std::string_view::npos) continue;
      INFO(name);
      const auto parsed = parse_platform_certificate(content);
      REQUIRE_OK(parsed);
      ++seen;
    }
  }
  REQUIRE(seen > 0);
}

TEST_CASE("the newest form agrees with the list that it was made from") {
  const auto area = corpus("gpu");
  if (!area) return;
  const Path folder = *area / "platform-certs";
  for (const Found& each : platform_certificates(folder)) {
    if (each.certificate.configuration_version != 3) continue;
    for (const std::string& name : must(system_files().list(folder))) {
      if (name.find("componentlist") == std::string::npos) continue;
      const auto inventory = parse_inventory(must(read_text_file(folder / name)));
      REQUIRE_OK(inventory);
      INFO(each.name << " and " << name);
      CHECK(compare(each.certificate.components, inventory->components).equal());
    }
    REQUIRE_OK(
        verify_platform(each.certificate, {}, {.at = at, .authorities = authorities(folder)}));
  }
}
