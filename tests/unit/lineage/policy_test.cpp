#include "libattest/lineage/policy.h"

#include "libattest/base/toml.h"
#include "tests/support/catch.h"

using namespace attest;
using namespace attest::lineage;

TEST_CASE("a policy keeps the place of each of its rules") {
  const auto policy =
      must(parse_release_policy("version = 1\n"
                                "issuers = [\"*@lab.example\"]\n"
                                "max_status_age = \"7d\"\n\n"
                                "allow_revoked_ancestors = true\n"));
  REQUIRE(policy.issuers->place == "release.toml:2");
  REQUIRE(policy.max_status_age->value == std::chrono::days(7));
  REQUIRE(policy.allow_revoked_ancestors.value);
  REQUIRE(policy.allow_revoked_ancestors.place == "release.toml:5");
  REQUIRE_FALSE(policy.operations);
}

TEST_CASE("a policy that nobody could mean is refused") {
  REQUIRE_RULE(parse_release_policy(""), rules::toml_missing);
  REQUIRE_RULE(parse_release_policy("version = 2\n"), rules::toml_value);
  REQUIRE_RULE(parse_release_policy("version = 1\nissuer = [\"a\"]\n"), rules::toml_unknown);
  REQUIRE_RULE(parse_release_policy("version = 1\nissuers = []\n"), rules::toml_value);
  REQUIRE_RULE(parse_release_policy("version = 1\nissuers = \"a\"\n"), rules::toml_type);
  REQUIRE_RULE(parse_release_policy("version = 1\nmax_status_age = \"0s\"\n"), rules::toml_value);
}

TEST_CASE("the policy that is shipped as an example is one") {
  const auto policy = must(read_release_policy(Path(ATTEST_EXAMPLES) / "release.toml"));
  REQUIRE(policy.issuers);
  REQUIRE(policy.ancestors);
  REQUIRE(policy.max_status_age);
  REQUIRE(policy.operations);
  REQUIRE(policy.roles);
  REQUIRE(policy.licences);
  REQUIRE(policy.formats);
  REQUIRE_FALSE(policy.allow_revoked_ancestors.value);
}
