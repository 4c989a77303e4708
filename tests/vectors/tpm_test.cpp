// links: attest::tpm
#include <cstdlib>
#include <iostream>
#include <map>

#include "libattest/base/file.h"
#include "libattest/base/json.h"
#include "libattest/base/text.h"
#include "libattest/tpm/boot_facts.h"
#include "libattest/tpm/efi_signature_list.h"
#include "libattest/tpm/ek.h"
#include "libattest/tpm/event_log.h"
#include "tests/support/catch.h"
#include "tests/support/corpus.h"

namespace attest::tpm {
namespace {

struct Row {
  std::string file;
  std::string what;
  std::string verdict;
};

std::string trimmed(std::string_view cell) {
  const auto first = cell.find_first_not_of(' ');
  if (first == std::string_view::npos) return "";
  return std::string(cell.substr(first, cell.find_last_not_of(' ') - first + 1));
}

// readme_rows gives the rows of one section's table: file, what it is, …, verdict.
std::vector<Row> readme_rows(const Path& folder, const std::string& section) {
  const std::string readme = must(read_text_file(folder / "README.md"));
  std::vector<Row> rows;
  bool inside = false;
  for (const std::string_view line : split(readme, '\n')) {
    if (line.starts_with("## ")) inside = line == "## " + section;
    if (!inside || !line.starts_with("| ")) continue;
    const auto cells = split(line, '|');
    if (cells.size() < 7) continue;
    rows.push_back({trimmed(cells[1]), trimmed(cells[2]), trimmed(cells[5])});
  }
  return rows;
}

PcrValues expected_pcrs(const Json& banks) {
  PcrValues values;
  for (const auto& [bank, pcrs] : banks.items())
    for (const auto& [index, value] : pcrs.items())
      must(values.set(must(hash_by_name(bank)), static_cast<unsigned>(std::stoul(index)),
                      must(from_hex(value.get<std::string>()))));
  return values;
}

// Some banks of the source project's tests are null, or name fewer PCRs.
void require_contained(const Json& expected, const PcrValues& found) {
  if (!expected.is_object()) return;
  for (const auto& [bank, pcrs] : expected.items()) {
    if (!pcrs.is_object()) continue;
    for (const auto& [index, value] : pcrs.items()) {
      const Bytes* replayed =
          found.find(must(hash_by_name(bank)), static_cast<unsigned>(std::stoul(index)));
      REQUIRE(replayed != nullptr);
      REQUIRE(to_hex(*replayed) == value.get<std::string>());
    }
  }
}

TEST_CASE("every other log of the corpus is read, or refused, as its README says") {
  const auto folder = corpus("tpm");
  if (!folder) return;
  const Json expected = must(parse_json(must(read_text_file(*folder / "eventlogs/expected.json"))));
  for (const Row& row : readme_rows(*folder, "eventlogs/")) {
    const bool log_file = row.file.ends_with(".bin") || row.file.ends_with(".b64");
    if (!log_file || expected.contains(row.file)) continue;
    DYNAMIC_SECTION(row.file) {
      INFO(row.verdict);
      const auto log = parse_any_event_log(must(read_file(*folder / "eventlogs" / row.file)));
      if (row.verdict.starts_with("reject")) {
        REQUIRE_FALSE(log);
        continue;
      }
      REQUIRE_OK(log);
      for (const Event& event : log->events()) REQUIRE(event.data_measured(strongest_bank(*log)));
    }
  }
}

TEST_CASE("the Secure Boot updates of the corpus are read to their last entry") {
  const auto folder = corpus("tpm");
  if (!folder) return;
  std::size_t seen = 0;
  for (const Row& row : readme_rows(*folder, "secureboot/")) {
    if (!row.file.ends_with(".bin")) continue;
    DYNAMIC_SECTION(row.file) {
      const Bytes update = must(read_file(*folder / "secureboot" / row.file));
      const AuthenticatedVariable variable = must(parse_authenticated_variable(update));
      const auto signatures = must(parse_signature_lists(variable.content));
      REQUIRE_FALSE(signatures.empty());
      for (const EfiSignature& signature : signatures) {
        const bool expected = signature.kind == SignatureKind::sha256 ||
                              (signature.kind == SignatureKind::x509 &&
                               Certificate::from_der(signature.data).has_value());
        REQUIRE(expected);
      }
    }
    ++seen;
  }
  REQUIRE(seen > 0);
}

// The expectation file names types by number where its author did not know them.
std::map<std::string, std::size_t> counted_types(const UntrustedEventLog& log) {
  std::map<std::string, std::size_t> counts;
  for (const Event& event : log.events()) {
    const std::string name = event_type_name(event.type);
    ++counts[name == "EV_NONHOST_INFO" ? "0x11" : name];
  }
  return counts;
}

TEST_CASE("every event log of the corpus gives what expected.json says") {
  const auto folder = corpus("tpm");
  if (!folder) return;
  const Json expected = must(parse_json(must(read_text_file(*folder / "eventlogs/expected.json"))));
  REQUIRE_FALSE(expected.empty());
  for (const auto& [name, log_expected] : expected.items()) {
    DYNAMIC_SECTION(name) {
      const Bytes bytes = must(read_file(*folder / "eventlogs" / name));
      const auto log = parse_any_event_log(bytes, {.allow_padding = true});
      if (!log_expected["parse_error"].is_null()) {
        REQUIRE_FALSE(log.has_value());
        continue;
      }
      REQUIRE_OK(log);
      REQUIRE(event_log_format_name(log->format()) == log_expected["format"].get<std::string>());
      REQUIRE(log->events().size() == log_expected["events"].get<std::size_t>());
      std::vector<std::string> banks;
      for (const PcrBank bank : log->banks()) banks.emplace_back(hash_name(bank));
      REQUIRE(banks == log_expected["algorithms"].get<std::vector<std::string>>());
      REQUIRE(counted_types(*log) ==
              log_expected["event_types"].get<std::map<std::string, std::size_t>>());
      REQUIRE(replay(*log) == expected_pcrs(log_expected["replayed_pcrs"]));
      if (log_expected.contains("pcrs_from_source_test"))
        require_contained(log_expected["pcrs_from_source_test"], replay(*log));
      const SecureBootState secure_boot =
          secure_boot_state(log->events(), strongest_bank(*log), log->registers());
      const Json& variable = log_expected["secureboot_variable"];
      if (variable == "01" || variable == "00")
        REQUIRE(secure_boot.enabled == (variable == "01"));
      else
        REQUIRE_FALSE(secure_boot.enabled.has_value());
      for (const Event& event : log->events()) REQUIRE_FALSE(describe(event).empty());
    }
  }
}

// What the corpus says of a quote decides what we ask for: the rows name the AK, and say accept,
// reject, or that SHA-1 is needed.
struct GeneratedQuote {
  Path folder;
  std::string stem;
  std::string ak;

  Bytes part(const std::string& extension) const {
    return must(read_file(folder / (stem + extension)));
  }
  Result<VerifiedQuote> verify(QuoteRules rules) const {
    TRY(const UntrustedQuote quote, parse_quote(part(".attest")));
    TRY(const UntrustedSignature signature, parse_signature(part(".tpmt_sig")));
    TRY(UntrustedPublic area, parse_any_public(must(read_file(folder / (ak + ".tpm2b_public")))));
    TRY(const VerifiedAk verified_ak, verify_ak(std::move(area)));
    TRY(const PcrValues pcrs, pcrs_from_raw(quote.selection, part(".pcr_values")));
    rules.nonce = must(from_hex(trimmed(must(read_text_file(folder / "nonce.hex")))));
    return verify_quote(quote, signature, verified_ak, pcrs, rules);
  }
};

std::vector<std::pair<GeneratedQuote, std::string>> generated_quotes(const Path& folder) {
  std::vector<std::pair<GeneratedQuote, std::string>> quotes;
  for (const Row& row : readme_rows(folder, "quotes/")) {
    if (!row.file.ends_with(".attest") || !row.what.starts_with("TPMS_ATTEST, AK ")) continue;
    const std::string ak = row.what.substr(16, row.what.find(',', 16) - 16);
    const Path path = folder / "quotes" / row.file;
    quotes.push_back({{path.parent_path(), path.stem(), ak}, row.verdict});
  }
  return quotes;
}

TEST_CASE("every generated quote of the corpus is judged as its README says") {
  const auto folder = corpus("tpm");
  if (!folder) return;
  const auto quotes = generated_quotes(*folder);
  REQUIRE_FALSE(quotes.empty());
  for (const auto& [quote, verdict] : quotes) {
    DYNAMIC_SECTION(quote.stem) {
      INFO(verdict);
      const bool needs_sha1 = verdict.find("SHA-1") != std::string::npos;
      if (verdict.starts_with("REJECT")) {
        REQUIRE_FALSE(quote.verify({.allow_sha1_signature = true, .allow_sha1_bank = true}));
      } else if (needs_sha1) {
        REQUIRE_RULE(quote.verify({}), rules::quote_sha1_bank);
        const auto allowed = quote.verify({.allow_sha1_bank = true});
        REQUIRE_OK(allowed);
        REQUIRE(allowed->uses_sha1());
      } else {
        REQUIRE_OK(quote.verify({}));
      }
    }
  }
}

TEST_CASE("the clocks of the generated quotes tell a reboot from a rollback") {
  const auto folder = corpus("tpm");
  if (!folder) return;
  std::optional<ClockInfo> before;
  for (const auto& [quote, verdict] : generated_quotes(*folder)) {
    if (quote.stem.find("-reset") == std::string::npos) continue;
    const ClockInfo now = must(quote.verify({})).clock();
    if (before) {
      REQUIRE(compare_clocks(*before, now) == ClockChange::rebooted);
      REQUIRE(compare_clocks(now, *before) == ClockChange::replayed);
    }
    before = now;
  }
  REQUIRE(before);
}

TEST_CASE("Names and PEM keys of the corpus agree with its public areas") {
  const auto folder = corpus("tpm");
  if (!folder) return;
  std::size_t seen = 0;
  for (const Row& row : readme_rows(*folder, "quotes/")) {
    if (!row.file.ends_with(".tpm2b_public")) continue;
    const Path path = *folder / "quotes" / row.file;
    DYNAMIC_SECTION(row.file) {
      const UntrustedPublic area = must(parse_any_public(must(read_file(path))));
      const auto beside = [&](const char* extension) {
        return must(read_file(Path(path).replace_extension(extension)));
      };
      REQUIRE(to_hex(area.name) == to_hex(beside(".name")));
      REQUIRE(area.key == must(PublicKey::from_der_or_pem(beside(".pem"))));
      REQUIRE(sized_public(area) == must(read_file(path)));
    }
    ++seen;
  }
  REQUIRE(seen > 0);
}

TEST_CASE("the generated EK certificates chain to their root and to no other") {
  const auto folder = corpus("tpm");
  if (!folder) return;
  const Path quotes = *folder / "quotes/generated";
  const auto certificates = [&](const char* name) {
    return must(Certificate::from_der_or_pem(must(read_file(quotes / name))));
  };
  std::size_t seen = 0;
  for (const Row& row : readme_rows(*folder, "quotes/")) {
    if (!row.file.ends_with(".cert.der")) continue;
    const Certificate leaf =
        must(certificate_from_nv(must(read_file(*folder / "quotes" / row.file))));
    EkRules rules{.at = leaf.not_before() + Seconds(86400),
                  .roots = certificates("ek-root-ca.pem"),
                  .intermediates = certificates("ek-issuing-ca.pem"),
                  .crls = {}};
    REQUIRE_OK(verify_ek_certificate(leaf, rules));
    rules.roots.clear();
    REQUIRE_FALSE(verify_ek_certificate(leaf, rules));
    ++seen;
  }
  REQUIRE(seen > 0);
}

}  // namespace
}  // namespace attest::tpm
