// links: attest::dice
#include "libattest/base/file.h"
#include "libattest/base/json.h"
#include "libattest/dice/chain.h"
#include "libattest/dice/spdm.h"
#include "tests/support/catch.h"
#include "tests/support/corpus.h"

using namespace attest;

namespace {

std::vector<std::pair<std::string, Certificate>> certificates_in(const Path& folder) {
  std::vector<std::pair<std::string, Certificate>> all;
  for (const std::string& name : must(system_files().list(folder))) {
    if (!std::filesystem::is_regular_file(folder / name)) continue;
    const auto found = Certificate::from_der_or_pem(must(read_file(folder / name)));
    if (found && found->size() == 1) all.emplace_back(name, found->front());
  }
  return all;
}

}  // namespace

TEST_CASE("an identity of another release is no issuer of a device's alias") {
  const auto area = corpus("gpu/dice");
  if (!area) return;
  const auto all = certificates_in(*area);
  std::size_t pairs = 0;
  for (const auto& [name, alias] : all)
    for (const auto& [other, issuer] : all) {
      if (name == other || alias.subject().find("Alias") == std::string::npos) continue;
      INFO(name << " by " << other);
      const Time at = alias.not_before() + Seconds{1};
      CHECK_FALSE(dice::verify_dice_chain({alias, issuer}, {issuer}, at).has_value());
      // The name alone tells: key and key identifier are the same.
      CHECK(dice::verify_dice_chain({alias}, {alias}, at).has_value());
      CHECK_FALSE(must(dice::tcb_infos_of(alias)).empty());
      ++pairs;
    }
  CHECK(pairs > 0);
}

TEST_CASE("a certificate with the requester's usage does not respond") {
  const auto area = corpus("gpu/spdm/ecp384");
  if (!area) return;
  for (const auto& [name, certificate] : certificates_in(*area)) {
    INFO(name);
    const bool requester = name.find("spdm_req_eku") != std::string::npos;
    CHECK(dice::check_responder(certificate).has_value() == !requester);
  }
}

TEST_CASE("sample chains of responders are verified to their root") {
  const auto area = corpus("gpu/spdm/ecp384");
  if (!area) return;
  const auto all = certificates_in(*area);
  std::vector<Certificate> roots;
  std::vector<Certificate> others;
  for (const auto& [name, certificate] : all)
    (certificate.is_self_signed() ? roots : others).push_back(certificate);
  std::size_t verified = 0;
  for (const Certificate& leaf : others) {
    if (leaf.is_ca()) continue;
    const Time at = leaf.not_before() + Seconds{86'400};
    if (verify_chain(leaf, others, roots, {.at = at})) ++verified;
  }
  CHECK(verified >= 2);
}

TEST_CASE("a raw measurement record agrees with its description") {
  const auto area = corpus("gpu/spdm");
  if (!area) return;
  for (const std::string& name : must(system_files().list(*area))) {
    if (!name.ends_with("device_measurement.bin")) continue;
    const Bytes record = must(read_file(*area / name));
    const auto blocks = must(dice::parse_measurement_record(record));
    const Json expected =
        must(parse_json(must(read_text_file(*area / "spdm-emu_SpdmSampleMeasurement.json"))));
    for (const Json& each : expected.at("evidences")) {
      const Json& evidence = each.at("evidence");
      if (!evidence.contains("digest")) continue;
      const auto found = std::ranges::find_if(blocks, [&](const dice::MeasurementBlock& block) {
        return block.index == evidence.at("index").get<unsigned>();
      });
      REQUIRE(found != blocks.end());
      CHECK(to_hex(found->value) == evidence.at("digest").at(1).get<std::string>());
    }
  }
}
