#include "agentd/configuration.h"

#include "agentd/answered_challenges.h"
#include "libattest/base/toml.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_directory.h"

namespace attest::agentd {
namespace {

constexpr std::string_view least =
    "version = 1\nnode = \"n1\"\n[verifier]\nurl = \"https://localhost:1\"\n";

std::string least_with(std::string_view more) {
  return attest::to_string(concat({as_bytes(least), as_bytes(more)}));
}

TEST_CASE("the shipped example loads, and says the defaults") {
  const Configuration shipped =
      must(read_configuration(Path(ATTEST_SOURCE_DIR) / "packaging/examples/agentd.toml"));
  const Configuration defaults = must(parse_configuration(least, "agentd.toml"));
  REQUIRE(shipped.node == "rack7-n03");
  REQUIRE(shipped.tcti == defaults.tcti);
  REQUIRE(shipped.pcrs == defaults.pcrs);
  REQUIRE(shipped.event_log == defaults.event_log);
  REQUIRE(shipped.ima_log == defaults.ima_log);
  REQUIRE(shipped.state == defaults.state);
  REQUIRE(shipped.trust == defaults.trust);
  REQUIRE(shipped.interval == defaults.interval);
  REQUIRE(shipped.change_interval == defaults.change_interval);
  REQUIRE(shipped.runtime->socket == "/run/agentd/runtime.sock");
  REQUIRE_FALSE(defaults.runtime);
}

TEST_CASE("a misspelt key is an error that names the right one") {
  const auto configuration = parse_configuration(
      attest::to_string(concat({as_bytes("interwal = \"1m\"\n"), as_bytes(least)})), "agentd.toml");
  REQUIRE_RULE(configuration, rules::toml_unknown);
  REQUIRE(configuration.error().to_string().find("interval") != std::string::npos);
}

TEST_CASE("values that make no sense are refused with their line") {
  const auto refused_text = [](std::string_view more) {
    const auto configuration = parse_configuration(more, "agentd.toml");
    REQUIRE_RULE(configuration, rules::toml_value);
    REQUIRE(configuration.error().to_string().find("agentd.toml:") != std::string::npos);
  };
  refused_text("version = 1\nnode = \"a b\"\n[verifier]\nurl = \"https://localhost:1\"\n");
  refused_text("version = 1\nnode = \"n1\"\n[verifier]\nurl = \"http://localhost:1\"\n");
  refused_text("change_interval = \"0s\"\n" + std::string(least));
  refused_text(least_with("client_key = \"k.pem\"\n"));
  refused_text(least_with("[tpm]\nek = \"rsa-1024\"\n"));
  refused_text(least_with("[tpm]\npcrs = \"sha256:99\"\n"));
  refused_text(least_with("[runtime]\nsocket = \"s\"\nallowed_executables = [\"sha256:12\"]\n"));
}

evidence::VerifiedChallenge challenge(Time now) {
  const auto key = must(make_signing_key(KeyKind::ed25519, system_random()));
  evidence::ChallengeContent content{
      .verifier = "v", .node = "n1", .nonce = {}, .issued = now, .expires = now + Seconds(60)};
  system_random().fill(content.nonce);
  const Bytes bytes = must(evidence::make_challenge(*key, content));
  const std::vector<evidence::KnownVerifier> known{{"v", key->public_key()}};
  return must(evidence::verify_challenge(must(evidence::parse_challenge(bytes)), known, "n1", now));
}

TEST_CASE("no challenge is answered twice, not even across a restart") {
  const TemporaryDirectory folder;
  const Path file = folder.path() / "answered";
  const Time now = from_unix(1'800'000'000);
  const auto first = challenge(now);
  {
    auto answered = must(AnsweredChallenges::open(system_files(), file));
    REQUIRE_OK(answered.accept(first, now));
    REQUIRE_RULE(answered.accept(first, now), rules::challenge_answered);
  }
  auto answered = must(AnsweredChallenges::open(system_files(), file));
  REQUIRE_RULE(answered.accept(first, now), rules::challenge_answered);
  // Once expired it is forgotten: verify_challenge refuses it from then on.
  REQUIRE_OK(answered.accept(challenge(now + Seconds(61)), now + Seconds(61)));
  REQUIRE(answered.size() == 1);
}

}  // namespace
}  // namespace attest::agentd
