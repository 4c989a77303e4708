#include "libattest/hardware/platform_verification.h"
#include "tests/support/catch.h"
#include "tests/support/made_platform.h"

namespace attest::hardware {
namespace {

const Time now = from_unix(1'800'000'000);

Component part(std::string model, std::string serial,
               std::optional<ComponentStatus> status = std::nullopt) {
  Component component;
  component.component_class = {"2.23.133.18.3.1", "00060004"};
  component.manufacturer = "Example";
  component.model = std::move(model);
  component.serial = std::move(serial);
  component.status = status;
  return component;
}

const test::Certified& maker() {
  static const auto made = test::Certified::root({.common_name = "maker", .is_ca = true});
  return made;
}
const test::Certified& tpm_maker() {
  static const auto made = test::Certified::root({.common_name = "TPM maker", .is_ca = true});
  return made;
}
const Certificate& ek() {
  static const auto made = tpm_maker().issue({.common_name = "EK", .serial = must(from_hex("07"))});
  return made.certificate();
}

test::MadePlatform base() {
  test::MadePlatform made;
  made.components = {part("board", "1"), part("memory", "2"), part("memory", "3")};
  made.holder_issuer = test::subject_der(tpm_maker().certificate());
  return made;
}
test::MadePlatform delta(std::vector<Component> changes) {
  test::MadePlatform made;
  made.components = std::move(changes);
  made.credential_type = "2.23.133.8.5";
  made.holder_issuer = test::subject_der(maker().certificate());
  made.holder_serial = must(from_hex("11"));
  made.serial = "12";
  return made;
}

PlatformRules rules_with() {
  return {.at = now, .authorities = {maker().certificate()}, .ek = ek()};
}
Result<VerifiedPlatform> verify(const test::MadePlatform& made,
                                const std::vector<test::MadePlatform>& deltas = {},
                                const PlatformRules& rules = rules_with()) {
  TRY(const auto parsed, parse_platform_certificate(made.by(maker())));
  std::vector<UntrustedPlatformCertificate> parsed_deltas;
  for (const test::MadePlatform& each : deltas) {
    TRY(auto parsed_delta, parse_platform_certificate(each.by(maker())));
    parsed_deltas.push_back(std::move(parsed_delta));
  }
  return verify_platform(parsed, parsed_deltas, rules);
}

TEST_CASE("a base is verified, in all three versions of its configuration") {
  for (unsigned version = 2; version <= 3; ++version) {
    test::MadePlatform made = base();
    made.version = version;
    const VerifiedPlatform platform = must(verify(made));
    REQUIRE(platform.base().configuration_version == version);
    REQUIRE(platform.components() == base().components);
    REQUIRE(platform.name() == PlatformName{"Example", "Rack 7", "", "0815"});
    REQUIRE(platform.ek_checked());
  }
  test::MadePlatform made = base();
  made.version = 1;  // the same component, by another attribute
  REQUIRE(must(verify(made)).components().size() == 3);
}

TEST_CASE("an X.509 certificate with the same attributes is a platform certificate") {
  const test::MadePlatform made = base();
  const auto leaf = maker().issue(
      {.common_name = "platform",
       .extensions = {{"2.5.29.9", made.attributes()}, {"2.5.29.17", made.alternative_names()}}});
  const auto parsed = must(parse_platform_certificate(leaf.certificate().der()));
  REQUIRE(parsed.form == PlatformForm::x509);
  PlatformRules rules = rules_with();
  rules.ek.reset();
  const VerifiedPlatform platform = must(verify_platform(parsed, {}, rules));
  REQUIRE(platform.components() == made.components);
  REQUIRE(platform.name().model == "Rack 7");
  rules.authorities = {tpm_maker().certificate()};
  REQUIRE_FALSE(verify_platform(parsed, {}, rules));
  REQUIRE_RULE(parse_platform_certificate(ek().der()), rules::platform_kind);
  // An EK certificate says something of its TPM at the same place.
  const Bytes of_tpm = test::der_sequence(
      {test::der_attribute("2.23.133.2.16", test::der_sequence({test::der_number("00")}))});
  REQUIRE_RULE(parse_platform_certificate(
                   tpm_maker()
                       .issue({.common_name = "EK", .extensions = {{"2.5.29.9", of_tpm}}})
                       .certificate()
                       .der()),
               rules::platform_kind);
}

TEST_CASE("a certificate that was changed after it was signed is refused") {
  auto parsed = must(parse_platform_certificate(base().by(maker())));
  parsed.signed_bytes.back() ^= std::byte{1};
  REQUIRE_RULE(verify_platform(parsed, {}, rules_with()), rules::platform_signature);
}

TEST_CASE("without its issuer a certificate is incomplete, and a namesake does not help") {
  PlatformRules rules = rules_with();
  rules.authorities = {tpm_maker().certificate()};
  const auto result = verify(base(), {}, rules);
  REQUIRE_RULE(result, rules::platform_no_issuer);
  REQUIRE(result.error().kind == ErrorKind::incomplete);
  rules.authorities = {
      test::Certified::root({.common_name = "maker", .is_ca = true}).certificate()};
  REQUIRE_RULE(verify(base(), {}, rules), rules::platform_signature);
}

TEST_CASE("an issuer that is no authority is refused; an intermediate must chain to one") {
  const auto root = test::Certified::root({.common_name = "root", .is_ca = true});
  const auto person = root.issue({.common_name = "person"});
  const auto parsed = must(parse_platform_certificate(base().by(person)));
  PlatformRules rules = rules_with();
  rules.authorities = {person.certificate()};
  REQUIRE_RULE(verify_platform(parsed, {}, rules), rules::platform_issuer_role);

  const auto issuing = root.issue({.common_name = "issuing", .is_ca = true});
  const auto by_issuing = must(parse_platform_certificate(base().by(issuing)));
  rules.authorities = {root.certificate()};
  rules.intermediates = {issuing.certificate()};
  REQUIRE_OK(verify_platform(by_issuing, {}, rules));
  rules.authorities = {maker().certificate()};
  REQUIRE_FALSE(verify_platform(by_issuing, {}, rules));
  rules.authorities = {issuing.certificate()};  // named by the caller, so trusted as it is
  rules.intermediates.clear();
  REQUIRE_OK(verify_platform(by_issuing, {}, rules));
}

TEST_CASE("certificates out of their time are incomplete") {
  test::MadePlatform made = base();
  made.not_after = "20260201000000Z";
  REQUIRE_RULE(verify(made), rules::platform_time);
  test::MadePlatform late = delta({});
  late.not_before = "20300101000000Z";
  const auto result = verify(base(), {late});
  REQUIRE_RULE(result, rules::platform_time);
  REQUIRE(result.error().kind == ErrorKind::incomplete);
}

TEST_CASE("a base of another TPM is refused") {
  test::MadePlatform made = base();
  made.holder_serial = must(from_hex("08"));
  REQUIRE_RULE(verify(made), rules::platform_holder);
  made = base();
  made.holder_issuer = test::subject_der(maker().certificate());
  REQUIRE_RULE(verify(made), rules::platform_holder);
}

TEST_CASE("a delta to another base is refused, and so are bases and deltas in each other's place") {
  test::MadePlatform other = delta({});
  other.holder_serial = must(from_hex("13"));
  REQUIRE_RULE(verify(base(), {other}), rules::platform_holder);
  other = delta({});
  other.holder_issuer = test::subject_der(tpm_maker().certificate());
  REQUIRE_RULE(verify(base(), {other}), rules::platform_holder);
  REQUIRE_RULE(verify(delta({})), rules::platform_order);
  REQUIRE_RULE(verify(base(), {base()}), rules::platform_order);
}

TEST_CASE("a delta adds, modifies and removes") {
  using enum ComponentStatus;
  Component newer = part("memory", "2", modified);
  newer.revision = "B";
  const VerifiedPlatform platform = must(
      verify(base(), {delta({part("disk", "9", added), newer, part("memory", "3", removed)})}));
  REQUIRE(platform.deltas() == 1);
  REQUIRE(platform.components().size() == 3);
  REQUIRE(platform.components()[1].revision == "B");
  REQUIRE(platform.components()[2].model == "disk");
  REQUIRE_FALSE(platform.components()[2].status);
}

TEST_CASE("a delta that does not fit its base is refused") {
  using enum ComponentStatus;
  REQUIRE_RULE(verify(base(), {delta({part("memory", "2", added)})}), rules::platform_delta);
  REQUIRE_RULE(verify(base(), {delta({part("memory", "4", removed)})}), rules::platform_delta);
  REQUIRE_RULE(verify(base(), {delta({part("memory", "4", modified)})}), rules::platform_delta);
  REQUIRE_RULE(verify(base(), {delta({part("memory", "4")})}), rules::platform_delta);
  // What one delta removed, the next cannot remove again.
  REQUIRE_RULE(verify(base(), {delta({part("memory", "2", removed)}),
                               delta({part("memory", "2", removed)})}),
               rules::platform_delta);
}

TEST_CASE("the form of an attribute certificate is strict") {
  const auto refused = [](const test::MadePlatform& made, Rule rule) {
    REQUIRE_RULE(parse_platform_certificate(made.by(maker())), rule);
  };
  test::MadePlatform made = base();
  made.outer_algorithm = "1.2.840.10045.4.3.3";
  refused(made, rules::platform_algorithm);
  made = base();
  made.critical_extension = "2.5.29.55";
  refused(made, rules::platform_critical);
  made = base();
  made.credential_type = "2.23.133.8.1";
  refused(made, rules::platform_kind);
  made = base();
  made.version = 4;
  refused(made, rules::platform_form);
  made = base();
  made.not_before = "2026010100000Z";
  refused(made, rules::platform_form);
  const Bytes good = base().by(maker());
  REQUIRE_FALSE(parse_platform_certificate(concat({good, Bytes(1)})));
  for (std::size_t size = 0; size < good.size(); size += 31)
    REQUIRE_FALSE(parse_platform_certificate(ByteView(good).first(size)));
  const std::string pem = "-----BEGIN ATTRIBUTE CERTIFICATE-----\n" + to_base64(good) +
                          "\n-----END ATTRIBUTE CERTIFICATE-----\n";
  REQUIRE_OK(parse_platform_certificate(as_bytes(pem)));
}

TEST_CASE("an algorithm that is weak or unknown is refused") {
  test::MadePlatform made = base();
  made.algorithm = made.outer_algorithm = "1.2.840.113549.1.1.5";  // SHA-1 with RSA
  REQUIRE_RULE(verify(made), rules::platform_algorithm);
}

TEST_CASE("listed and found parts are compared both ways") {
  const std::vector<Component> listed = base().components;
  REQUIRE(compare(listed, listed).equal());
  std::vector<Component> found = listed;
  found.push_back(part("extra", "5"));
  Comparison comparison = compare(listed, found);
  REQUIRE(comparison.unlisted == std::vector<Component>{part("extra", "5")});
  REQUIRE(comparison.missing.empty());
  found = listed;
  found[2].serial = "swapped";
  comparison = compare(listed, found);
  REQUIRE_FALSE(comparison.equal());
  REQUIRE(comparison.missing.front().listed == listed[2]);
  REQUIRE(comparison.missing.front().nearest == found[2]);
  REQUIRE(comparison.unlisted.front() == found[2]);
}

TEST_CASE("one found part does not stand for two, and what says most is paired first") {
  const std::vector<Component> listed = {part("memory", ""), part("memory", "2")};
  REQUIRE(compare(listed, {part("memory", "2"), part("memory", "3")}).equal());
  REQUIRE_FALSE(compare(listed, {part("memory", "2")}).equal());
  REQUIRE_FALSE(compare({part("memory", "2")}, {part("memory", "2"), part("memory", "2")}).equal());
  Component other_class = part("memory", "2");
  other_class.component_class.value = "00070003";
  REQUIRE_FALSE(compare({part("memory", "2")}, {other_class}).equal());
}

TEST_CASE("an inventory is read by its members") {
  const Inventory inventory = must(parse_inventory(
      R"({"PLATFORM":{"PLATFORMMANUFACTURERSTR":"Example","PLATFORMSERIAL":"0815"},)"
      R"("COMPONENTS":[{"COMPONENTCLASS":{"COMPONENTCLASSREGISTRY":"2.23.133.18.3.1",)"
      R"("COMPONENTCLASSVALUE":"0006000a"},"MANUFACTURER":"Example","MODEL":"m","SERIAL":"s",)"
      R"("ADDRESSES":[{"ETHERNETMAC":"00"}],"FIELDREPLACEABLE":"true"}],"PROPERTIES":[]})"));
  REQUIRE(inventory.platform.serial == "0815");
  REQUIRE(inventory.components.front().component_class.value == "0006000A");
  REQUIRE(inventory.components.front().replaceable == true);
  REQUIRE(inventory.components.front().to_string() == "Memory: flash, Example, m, serial s");
  REQUIRE_FALSE(parse_inventory(R"({"COMPONENTS":[{"MANUFACTURER":1}]})"));
  REQUIRE_RULE(
      parse_inventory(R"({"COMPONENTS":[{"COMPONENTCLASS":{"COMPONENTCLASSVALUE":"12"}}]})"),
      rules::inventory_form);
  REQUIRE_FALSE(parse_inventory("{}"));
}

TEST_CASE("classes have names in the registries that are known") {
  REQUIRE(class_name({"2.23.133.18.3.1", "00010006"}) == "Processor: GPU");
  REQUIRE(class_name({"2.23.133.18.3.3", "002B0000"}) == "TPM");
  REQUIRE(class_name({"2.23.133.18.3.4", "00020000"}) == "Network controller");
  REQUIRE(class_name({"1.2.3", "00020000"}) == "class 1.2.3:00020000");
}

}  // namespace
}  // namespace attest::hardware
