#include "agentd/attester.h"

#include "libattest/evidence/challenge.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_directory.h"

namespace attest::agentd {
namespace {

// A node whose TPM is out of reach: what is refused before the TPM is asked shows by its rule.
struct Node {
  TemporaryDirectory folder;
  std::unique_ptr<SigningKey> verifier_key =
      must(make_signing_key(KeyKind::ed25519, system_random()));
  Configuration configuration;
  Time now = from_unix(1'800'000'000);

  Node() {
    configuration.node = "n1";
    configuration.state = folder.path() / "state";
    configuration.trust = folder.path() / "trust.toml";
    configuration.tcti = "swtpm:path=" + (folder.path() / "no-tpm").string();
    configuration.pcrs = must(tpm::parse_selection("sha256:0"));
    configuration.verifier.url = "https://127.0.0.1:1";
    const std::string spki = to_base64(verifier_key->public_key().spki_der());
    must(write_file_atomically(
        configuration.trust,
        as_bytes("format = \"attest-trust-root/v1\"\n[root]\nversion = 1\n"
                 "expires = \"2036-01-01T00:00:00Z\"\nthreshold = 1\n[[root.key]]\nname = \"r\"\n"
                 "key = \"" +
                 spki + "\"\n[[verifier]]\nname = \"v\"\nkey = \"" + spki + "\"\n")));
    must(system_files().make_directories(configuration.state, 0700));
    must(save_attestation_key(configuration.state,
                              {.ek = EkKind::ecc_p256, .wrapped = {Bytes(8), Bytes(8)}}));
  }

  Bytes challenge(const SigningKey& key, std::string node = "n1") const {
    evidence::ChallengeContent content{.verifier = "v",
                                       .node = std::move(node),
                                       .nonce = {},
                                       .issued = now,
                                       .expires = now + Seconds(60)};
    system_random().fill(content.nonce);
    return must(evidence::make_challenge(key, content));
  }
};

}  // namespace

TEST_CASE("the agent answers a challenge once, and only its own verifier's for its own node") {
  Node node;
  const VerifierClient client =
      must(VerifierClient::make(node.configuration.verifier, system_random()));
  Attester attester = must(Attester::make(node.configuration, client));
  const Bytes genuine = node.challenge(*node.verifier_key);
  const auto first = attester.answer_challenge(genuine, node.now, {});
  REQUIRE_FALSE(first.has_value());  // the TPM is out of reach
  REQUIRE(first.error().kind != ErrorKind::refused);
  REQUIRE_RULE(attester.answer_challenge(genuine, node.now, {}), rules::challenge_answered);

  const auto stranger = must(make_signing_key(KeyKind::ed25519, system_random()));
  REQUIRE_RULE(attester.answer_challenge(node.challenge(*stranger), node.now, {}),
               rules::challenge_signature);
  REQUIRE_RULE(attester.answer_challenge(node.challenge(*node.verifier_key, "n2"), node.now, {}),
               rules::challenge_other_node);
}

}  // namespace attest::agentd
