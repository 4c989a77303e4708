#include "libattest/tee/snp_verification.h"
#include "tests/support/catch.h"
#include "tests/support/made_snp.h"

namespace attest::tee {
namespace {

const Time now = from_unix(1'800'000'000);

const test::MadeSnp& chip() {
  static const test::MadeSnp made;
  return made;
}

SnpRules rules_with(std::vector<Certificate> signers) {
  SnpRules rules{.at = now,
                 .roots = {chip().root.certificate()},
                 .certificates = {chip().ask.certificate(), chip().asvk.certificate()}};
  rules.certificates.insert(rules.certificates.end(), signers.begin(), signers.end());
  return rules;
}

Result<VerifiedSnpReport> verify(const Bytes& report) {
  return verify_snp_report(report, rules_with({chip().vcek.certificate()}));
}

// A report that this chip signed after `change` was made to it.
template <typename Change>
Bytes changed(Change change, std::uint8_t version = 2) {
  Bytes report = chip().unsigned_report(version);
  change(report);
  return test::MadeSnp::signed_by(chip().vcek, std::move(report));
}

void flip(Bytes& bytes, std::size_t at) {
  bytes[at] ^= std::byte{1};
}

TEST_CASE("a report by a chip's VCEK is verified, in every version") {
  for (std::uint8_t version = 2; version <= 5; ++version) {
    const VerifiedSnpReport report = must(verify(changed([](Bytes&) {}, version)));
    REQUIRE(report->version == version);
    REQUIRE(report.tcb().microcode == 115);
    REQUIRE(report.certificate().product == "Milan-B0");
    REQUIRE(equal(report->report_data.first(2), must(from_hex("0001"))));
    REQUIRE(report.chain().root().fingerprint() == chip().root.certificate().fingerprint());
  }
}

TEST_CASE("a report by a provider's VLEK is verified, whatever chip it names") {
  Bytes report = chip().unsigned_report();
  report[0x48] = std::byte{1U << 2U};
  std::fill_n(report.begin() + 0x1a0, 64, std::byte{0});
  report = test::MadeSnp::signed_by(chip().vlek, report);
  const VerifiedSnpReport verified =
      must(verify_snp_report(report, rules_with({chip().vlek.certificate()})));
  REQUIRE(verified.certificate().csp_id == "cloud");
  // The chip's VCEK is not what the report says signed it.
  REQUIRE_RULE(verify(report), rules::snp_no_certificate);
}

TEST_CASE("every byte that is signed is protected") {
  const Bytes report = chip().report();
  for (const std::size_t at : {0x04U, 0x10U, 0x50U, 0x90U, 0x140U, 0x1a0U, 0x1e8U, 0x29fU}) {
    Bytes other = report;
    flip(other, at);
    REQUIRE_RULE(verify(other), rules::snp_signature);
  }
}

TEST_CASE("a report of chip B with the certificate of chip A is refused") {
  const test::MadeSnp other;
  REQUIRE_RULE(verify(other.report()), rules::snp_signature);
}

TEST_CASE("without the chip's certificate nothing can be told") {
  const auto result = verify_snp_report(chip().report(), rules_with({}));
  REQUIRE_RULE(result, rules::snp_no_certificate);
  REQUIRE(result.error().kind == ErrorKind::incomplete);
}

TEST_CASE("a maker that is not trusted is not believed") {
  SnpRules rules = rules_with({chip().vcek.certificate()});
  rules.roots = {test::Certified::root({.common_name = "ARK-Test"}).certificate()};
  REQUIRE_FALSE(verify_snp_report(chip().report(), rules));
}

TEST_CASE("a report at another patch level than its certificate is refused") {
  for (const std::size_t at : {0x180U, 0x181U, 0x186U, 0x187U})
    REQUIRE_RULE(verify(changed([at](Bytes& report) { flip(report, at); })), rules::snp_tcb);
}

TEST_CASE("from Turin on, patch levels stand at other places") {
  const test::SnpLevels levels{.fmc = 2};
  const auto vcek = chip().ask.issue(
      {.common_name = "SEV-VCEK",
       .curve = "P-384",
       .extensions = test::snp_extensions("Turin-B1", levels, ByteView(chip().chip_id).first(8))});
  Bytes report = chip().unsigned_report(3);
  report[0x188] = std::byte{0x1a};
  std::fill_n(report.begin() + 0x1a8, 56, std::byte{0});
  const std::array<std::uint8_t, 8> reported{2, 3, 0, 8, 0, 0, 0, 115};
  for (std::size_t i = 0; i < 8; ++i) report[0x180 + i] = static_cast<std::byte>(reported[i]);
  const SnpRules rules = rules_with({vcek.certificate()});
  REQUIRE_OK(verify_snp_report(test::MadeSnp::signed_by(vcek, report), rules));
  report[0x180] = std::byte{1};
  REQUIRE_RULE(verify_snp_report(test::MadeSnp::signed_by(vcek, report), rules), rules::snp_tcb);
}

TEST_CASE("a chip id that the certificate does not name is refused, a masked one is incomplete") {
  REQUIRE_RULE(verify(changed([](Bytes& report) { flip(report, 0x1df); })), rules::snp_chip);
  const auto masked =
      verify(changed([](Bytes& report) { std::fill_n(report.begin() + 0x1a0, 64, std::byte{0}); }));
  REQUIRE_RULE(masked, rules::snp_chip_masked);
  REQUIRE(masked.error().kind == ErrorKind::incomplete);
}

TEST_CASE("an authority vouches for one kind of key only") {
  const auto vcek = chip().asvk.issue(
      {.common_name = "SEV-VCEK",
       .curve = "P-384",
       .extensions = test::snp_extensions("Milan-B0", chip().levels, chip().chip_id)});
  REQUIRE_RULE(verify_snp_report(test::MadeSnp::signed_by(vcek, chip().unsigned_report()),
                                 rules_with({vcek.certificate()})),
               rules::snp_signer_role);
  const auto by_root = chip().root.issue(
      {.common_name = "SEV-VCEK",
       .curve = "P-384",
       .extensions = test::snp_extensions("Milan-B0", chip().levels, chip().chip_id)});
  REQUIRE_RULE(verify_snp_report(test::MadeSnp::signed_by(by_root, chip().unsigned_report()),
                                 rules_with({by_root.certificate()})),
               rules::snp_signer_role);
}

TEST_CASE("a revoked authority is refused") {
  SnpRules rules = rules_with({chip().vcek.certificate()});
  rules.crls = {chip().root.crl({chip().ask.certificate()}, now - Seconds{10}, now + Seconds{10})};
  REQUIRE_RULE(verify_snp_report(chip().report(), rules), rules::chain_revoked);
}

TEST_CASE("a certificate that does not say its levels is refused") {
  for (const char* missing : {"3.1", "3.2", "3.3", "3.8", "4"}) {
    auto extensions = test::snp_extensions("Milan-B0", chip().levels, chip().chip_id);
    extensions.erase(std::string("1.3.6.1.4.1.3704.1.") + missing);
    const auto vcek =
        chip().ask.issue({.common_name = "SEV-VCEK", .curve = "P-384", .extensions = extensions});
    REQUIRE_RULE(verify_snp_report(test::MadeSnp::signed_by(vcek, chip().unsigned_report()),
                                   rules_with({vcek.certificate()})),
                 rules::snp_certificate);
  }
}

TEST_CASE("the form of a report is strict") {
  Bytes report = chip().report();
  REQUIRE_RULE(parse_snp_report(ByteView(report).first(report.size() - 1)), rules::snp_size);
  REQUIRE_RULE(parse_snp_report(concat({report, Bytes(1)})), rules::snp_size);
  for (const unsigned version : {0U, 1U, 6U}) {
    Bytes other = report;
    other[0] = static_cast<std::byte>(version);
    REQUIRE_RULE(parse_snp_report(other), rules::snp_version);
  }
  const auto with = [&](std::size_t at, unsigned value) {
    Bytes other = report;
    other[at] = static_cast<std::byte>(value);
    return parse_snp_report(other);
  };
  REQUIRE_RULE(with(0x34, 2), rules::snp_algorithm);
  REQUIRE_RULE(with(0x0a, 1), rules::snp_form);         // the policy's bit 17
  REQUIRE_RULE(with(0x48, 2U << 2U), rules::snp_form);  // a signing key that is not defined
  REQUIRE_RULE(with(0x2a0 + 48, 1), rules::snp_form);   // r of more than 48 bytes
  REQUIRE_RULE(with(0x2e8 + 71, 1), rules::snp_form);
  REQUIRE_RULE(with(1183, 1), rules::snp_form);
}

TEST_CASE("a report that says nothing signed it is refused") {
  REQUIRE_RULE(verify(changed([](Bytes& report) { report[0x48] = std::byte{7U << 2U}; })),
               rules::snp_signature);
}

}  // namespace
}  // namespace attest::tee
