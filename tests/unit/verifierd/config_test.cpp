#include "verifierd/config.h"

#include "libattest/base/toml.h"
#include "tests/support/catch.h"

using namespace attest;
using namespace attest::verifierd;

namespace {
const std::string least = R"(version = 1
directory = "state"
trust = "trust.toml"
[server]
certificate = "tls.pem"
key = "tls.key"
[verifier]
name = "v@example"
key = "pkcs11:token=t;object=o"
policy = "policy.toml"
[log]
key = "log.key"
)";

Result<Config> parsed(const std::string& text) {
  return parse_config(text, "verifierd.toml", "/etc/attest");
}
}  // namespace

TEST_CASE("the shipped example is a good configuration with the values it documents") {
  const Config config =
      must(read_config(Path(ATTEST_SOURCE) / "packaging/examples/verifierd.toml"));
  const Config defaults;
  REQUIRE(config.listen.to_string() == "127.0.0.1:8443");
  REQUIRE(config.checkpoint_interval == defaults.checkpoint_interval);
  REQUIRE(config.refresh_interval == defaults.refresh_interval);
  REQUIRE(config.challenge_lifetime == defaults.challenge_lifetime);
  REQUIRE(config.witness_quorum == defaults.witness_quorum);
}

TEST_CASE("what may be left out has its default, and relative paths are the file's neighbours") {
  const Config config = must(parsed(least));
  REQUIRE(config.listen.is_loopback());
  REQUIRE(config.directory == "/etc/attest/state");
  REQUIRE(config.log_directory == "/etc/attest/state/log");
  REQUIRE(config.log_key == "/etc/attest/log.key");
  REQUIRE(config.key == "pkcs11:token=t;object=o");
}

TEST_CASE("an unknown key, a missing one and a value out of range are refused, with their line") {
  REQUIRE_RULE(parsed(least + "interval = \"1s\"\n"), rules::toml_unknown);
  REQUIRE_RULE(parsed("version = 1\n"), rules::toml_missing);
  REQUIRE_RULE(parsed("version = 2\n"), rules::toml_value);
  const auto hasty = parsed(least + "checkpoint_interval = \"49ms\"\n");
  REQUIRE_RULE(hasty, rules::toml_value);
  REQUIRE(hasty.error().where == "verifierd.toml:13");
  REQUIRE_OK(parsed(least + "checkpoint_interval = \"50ms\"\n"));
}

TEST_CASE("a quorum that the witnesses cannot reach is refused") {
  REQUIRE_RULE(parsed(least + "witness_quorum = 1\n"), rules::toml_value);
  REQUIRE_OK(
      parsed(least + "witness_quorum = 1\n[[log.witness]]\nkey = \"k\"\nurl = \"https://w/\"\n"));
}

TEST_CASE("a log that several verifiers share needs a quorum of witnesses") {
  const std::string store = "store = \"postgresql://db1,db2/attest\"\n";
  REQUIRE_RULE(parsed(least + store), rules::toml_value);
  REQUIRE_RULE(parsed(least + "store = \"mysql://db1/attest\"\n"), rules::toml_value);
  const Config config = must(parsed(
      least + store + "witness_quorum = 1\n[[log.witness]]\nkey = \"k\"\nurl = \"https://w/\"\n"));
  REQUIRE(config.store == "postgresql://db1,db2/attest");
}
