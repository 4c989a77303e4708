#include "inference/serving/runtime_identity.h"

#include "tests/support/catch.h"
#include "tests/unit/inference/test_result.h"

using namespace attest;
using namespace attest::inference;

namespace {

const Time start = from_unix(1'795'000'000);

// A node whose agent answers with results of the test's own.
struct Node {
  test::TestLog log;
  const test::TestIssuer& verifier = log.verifier("v.example");
  TrustRoot trust = log.trust();
  std::unique_ptr<RuntimeIdentity> identity;
  int bound = 0;
  Time now = start;
  bool down = false;
  std::function<void(result::Ear&)> change = [](result::Ear&) {};
  std::optional<evidence::RuntimeAnswer> latest;  // what status says

  Node() {
    NodeAgent agent{.bind_runtime_key = [this](ByteView) { return bind(); },
                    .status = [this] { return status(); }};
    identity = must(RuntimeIdentity::make(std::move(agent), system_random()));
  }
  evidence::RuntimeAnswer answer() {
    result::Ear ear = passing_ear(verifier, identity->key().public_key(), now);
    change(ear);
    return {.result = signed_ear(verifier, ear),
            .executable = std::nullopt,
            .verdict = std::string(to_string(*ear.verdict)),
            .detail = "as the test says"};
  }
  Result<evidence::RuntimeAnswer> bind() {
    ++bound;
    latest = answer();
    return *latest;
  }
  Result<evidence::RuntimeAnswer> status() {
    if (down) return fail(incomplete(Rule{"test.down"}, "down"));
    return latest.value_or(evidence::RuntimeAnswer{});
  }
  Status renew() { return identity->renew(trust, now); }
};

}  // namespace

TEST_CASE("a key without an agent stands, bound to nothing") {
  const auto identity = must(RuntimeIdentity::make(std::nullopt, system_random()));
  test::TestLog log;
  REQUIRE_OK(identity->renew(log.trust(), start));
  const auto standing = must(identity->standing(start));
  REQUIRE_FALSE(standing.result);
  REQUIRE_FALSE(standing.node);
}

TEST_CASE("a quoted key stands until its result expires, and is quoted anew before") {
  Node node;
  REQUIRE_RULE(node.identity->standing(start), rules::runtime_lapsed);
  must(node.renew());
  REQUIRE(must(node.identity->standing(start)).node == "rack7-n03");
  node.now = start + Seconds(399);
  must(node.renew());
  REQUIRE(node.bound == 1);
  node.now = start + Seconds(400);
  must(node.renew());
  REQUIRE(node.bound == 2);
  REQUIRE_OK(node.identity->standing(start + Seconds(999)));
  REQUIRE_RULE(node.identity->standing(start + Seconds(1000)), rules::runtime_lapsed);
}

TEST_CASE("an agent that is down takes nothing away before the result expires") {
  Node node;
  must(node.renew());
  node.down = true;
  node.now = start + Seconds(500);
  REQUIRE_RULE(node.renew(), Rule{"test.down"});
  REQUIRE_OK(node.identity->standing(node.now));
  REQUIRE_RULE(node.identity->standing(start + Seconds(600)), rules::runtime_lapsed);
}

TEST_CASE("a node that stops passing loses its standing at once, and gets it back when it passes") {
  Node node;
  must(node.renew());
  node.change = [](result::Ear& ear) { ear.verdict = result::Verdict::refused; };
  node.now = start + Seconds(10);
  node.latest = node.answer();  // the agent attested by itself
  REQUIRE_RULE(node.renew(), rules::runtime_node_failed);
  REQUIRE(node.bound == 1);
  REQUIRE_RULE(node.identity->standing(node.now), rules::runtime_node_failed);
  node.change = [](result::Ear&) {};
  node.latest.reset();
  must(node.renew());
  REQUIRE_OK(node.identity->standing(node.now));
}

TEST_CASE("an agent whose latest result has expired is asked for a fresh one") {
  Node node;
  must(node.renew());
  node.now = start + Seconds(7200);
  must(node.renew());
  REQUIRE(node.bound == 2);
  REQUIRE_OK(node.identity->standing(node.now));
}

TEST_CASE("the agent's own newer result for this key is taken") {
  Node node;
  must(node.renew());
  node.now = start + Seconds(300);
  node.latest = node.answer();
  must(node.renew());
  REQUIRE(node.bound == 1);
  REQUIRE_OK(node.identity->standing(start + Seconds(899)));
}

TEST_CASE("a result that names another key, or no verifier signed, gives no standing") {
  Node node;
  node.change = [](result::Ear& ear) { ear.runtime_key = Sha256{}; };
  REQUIRE_RULE(node.renew(), rules::runtime_key_not_named);
  REQUIRE_RULE(node.identity->standing(start), rules::runtime_key_not_named);
  Node other;
  other.change = [](result::Ear& ear) { ear.issuer = "stranger.example"; };
  REQUIRE_RULE(other.renew(), rules::result_unknown_signer);
}
