#include "libattest/appraisal/policy.h"

#include "libattest/base/file.h"
#include "libattest/base/toml.h"
#include "tests/support/catch.h"

using namespace attest;
using namespace attest::appraisal;

namespace {

std::string policy_text(std::string_view more = "", std::string_view head = "version = 1",
                        std::string_view pcrs = "bank = \"sha256\"\nrequired = [0, 7]") {
  return std::string(head) + "\nname = \"p\"\nplatform = \"board\"\n[pcrs]\n" + std::string(pcrs) +
         "\n" + std::string(more) + "\n";
}

}  // namespace

TEST_CASE("a policy says what it asks, and is strict where it is silent") {
  const std::string text = policy_text();
  const Policy policy = must(parse_policy(text, "p.toml"));
  REQUIRE(policy.name == "p");
  REQUIRE(policy.platform == "board");
  REQUIRE(policy.bank == HashAlgorithm::sha256);
  REQUIRE(policy.required_pcrs == tpm::PcrSet{0, 7});
  REQUIRE(policy.secure_boot == Need::required);
  REQUIRE(policy.event_log == Need::required);
  REQUIRE(policy.models == Need::any);
  REQUIRE(policy.require_manifest);
  REQUIRE_FALSE(policy.allow_software_tpm);
  REQUIRE(policy.quote_max_age == Seconds{600});
  REQUIRE(policy.result_lifetime == Seconds{900});
  REQUIRE(policy.id() == digest_uri(sha256(as_bytes(text))));
}

TEST_CASE("every key of a policy is read") {
  const Policy policy = must(parse_policy(policy_text(R"([boot]
secure_boot = "any"
event_log = "any"
[quote]
max_age = "30s"
[result]
lifetime = "2h"
[models]
report = "required"
[hardware]
require_manifest = false
[software_tpm]
allow = true)"),
                                          "p.toml"));
  REQUIRE(policy.secure_boot == Need::any);
  REQUIRE(policy.event_log == Need::any);
  REQUIRE(policy.quote_max_age == Seconds{30});
  REQUIRE(policy.result_lifetime == Seconds{7200});
  REQUIRE(policy.models == Need::required);
  REQUIRE_FALSE(policy.require_manifest);
  REQUIRE(policy.allow_software_tpm);
}

TEST_CASE("a policy of another version is refused") {
  REQUIRE_RULE(parse_policy(policy_text("", "version = 2"), "p.toml"), rules::policy_version);
}

TEST_CASE("a misspelt key is refused with its line, and with the key that was meant") {
  const auto policy = parse_policy(policy_text("[boot]\nsecure_bot = \"any\""), "p.toml");
  REQUIRE_RULE(policy, rules::toml_unknown);
  REQUIRE(policy.error().to_string().find("p.toml:8") != std::string::npos);
  REQUIRE(policy.error().to_string().find("secure_boot") != std::string::npos);
}

TEST_CASE("PCRs that mean nothing are refused") {
  for (const char* pcrs :
       {"bank = \"sha1\"\nrequired = [0]", "bank = \"md5\"\nrequired = [0]",
        "bank = \"sha256\"\nrequired = []", "bank = \"sha256\"",
        "bank = \"sha256\"\nrequired = [16, 23]", "bank = \"sha256\"\nrequired = [0, 24]",
        "bank = \"sha256\"\nrequired = [0, -1]"}) {
    INFO(pcrs);
    REQUIRE_RULE(parse_policy(policy_text("", "version = 1", pcrs), "p.toml"), rules::policy_pcrs);
  }
}

TEST_CASE("words and spans that make no sense are refused") {
  for (const char* more : {"[boot]\nsecure_boot = \"maybe\"", "[boot]\nevent_log = \"yes\"",
                           "[models]\nreport = \"\"", "[quote]\nmax_age = \"0s\"",
                           "[ima]\nviolations = \"ignored\"", "[ima]\nallow_list = \"sha256:00\"",
                           "[quote]\nmax_age = \"25h\"", "[result]\nlifetime = \"31d\""}) {
    INFO(more);
    REQUIRE_RULE(parse_policy(policy_text(more), "p.toml"), rules::policy_value);
  }
}

TEST_CASE("the shipped example is a policy") {
  const Path source = Path(ATTEST_EXAMPLES) / "node-policy.toml";
  REQUIRE_OK(parse_policy(must(read_text_file(source)), "node-policy.toml"));
}

TEST_CASE("custody, place and machine are read, and places are asked of somebody") {
  const std::string rest =
      "\n[custody]\nrequired = [\"ek\", \"gpu\"]\nholder = \"owner.example\"\n"
      "makers = [\"maker.example\"]\nforbidden_jurisdictions = [\"XX\"]\n"
      "[machine]\ncertificate = \"required\"\ncomponents = \"required\"\n"
      "[place]\nregions = [\"eu-north\"]\ninspection = \"required\"\n";
  const Policy policy = must(parse_policy(policy_text(rest), "p.toml"));
  REQUIRE(policy.custody.required ==
          std::set{statement::DeviceKind::ek, statement::DeviceKind::gpu});
  REQUIRE(policy.custody.rules.holder == "owner.example");
  REQUIRE(policy.custody.rules.makers.contains("maker.example"));
  REQUIRE(policy.custody.rules.forbidden_jurisdictions.contains("XX"));
  REQUIRE(policy.custody.rules.allowed_regions.contains("eu-north"));
  REQUIRE(policy.custody.rules.require_inspection);
  REQUIRE(policy.machine.certificate == Need::required);
  REQUIRE(policy.machine.components == Need::required);
  REQUIRE_RULE(parse_policy(policy_text("[place]\nregions = [\"eu\"]"), "p.toml"),
               rules::policy_value);
  REQUIRE_RULE(parse_policy(policy_text("[custody]\nrequired = [\"cpu\"]"), "p.toml"),
               rules::policy_value);
}
