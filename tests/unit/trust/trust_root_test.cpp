#include "libattest/trust/trust_root.h"

#include "libattest/base/toml.h"
#include "tests/support/catch.h"
#include "tests/unit/trust/sample_trust.h"

namespace attest {

using statement::Kind;
using statement::Subject;

TEST_CASE("the shipped example is a trust root") {
  const TrustRoot trust = must(TrustRoot::read(Path(ATTEST_EXAMPLES) / "trust.toml"));
  CHECK(trust.version() == 1);
  CHECK(trust.root_keys().size() == 3);
  CHECK(trust.quorum() == 2);
  CHECK(trust.ek_roots().size() == 1);
  CHECK(trust.allowed_eks().size() == 1);
  CHECK(trust.regions().at("eu-central").size() == 2);
  CHECK(trust.verifiers().size() == 1);
  CHECK(must(trust.log_verifiers("demo.example/provenance")).witnesses.size() == 3);
}

TEST_CASE("a trust root is known by the digest of its bytes") {
  const SampleTrust sample;
  CHECK(sample.parse().digest() == sha256(as_bytes(sample.toml())));
  REQUIRE_RULE(sample.parse().log_verifiers("other.example"), rules::trust_unknown_log);
}

TEST_CASE("an unknown key is refused with its line and what was meant") {
  const std::string text = changed(SampleTrust().toml(), "[quorum]\nwitnesses = 1",
                                   "[quorum]\nwitnesses = 1\nwitneses = 1");
  const auto result = TrustRoot::parse(text);
  REQUIRE_RULE(result, rules::toml_unknown);
  CHECK(result.error().to_string().find("trust.toml:") != std::string::npos);
  CHECK(result.error().to_string().find("did you mean \"witnesses\"") != std::string::npos);
}

TEST_CASE("an unknown kind of statement is refused, saying which was meant") {
  const auto result =
      TrustRoot::parse(changed(SampleTrust().toml(), "\"model-release\"", "\"model-relase\""));
  REQUIRE_RULE(result, rules::trust_value);
  CHECK(result.error().to_string().find("did you mean \"model-release\"") != std::string::npos);
  REQUIRE_RULE(TrustRoot::parse(changed(SampleTrust().toml(), "\"model-release\"", "\"map-root\"")),
               rules::trust_value);
}

TEST_CASE("every value is judged") {
  const SampleTrust sample;
  const std::string text = sample.toml();
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"attest-trust-root/v1", "attest-trust-root/v2"},
           {"version = 1", "version = 0"},
           {"threshold = 2", "threshold = 4"},
           {"threshold = 2", "threshold = 0"},
           {"witnesses = 1", "witnesses = 2"},
           {"witnesses = 1", "witnesses = 0"},
           {"\"root-0\"", "\"root 0\""},
           {SampleTrust::quoted(*sample.lab), "\"AAAA\""},
           {SampleTrust::quoted(*sample.lab), "\"!\""},
           {"\"sha256:*\"", "\"md5:*\""},
           {"may = [\"model-release\", \"revocation\"]", "may = []"},
           {"origin = \"log.example\"", "origin = \"other.example\""},
       }) {
    INFO(from << " -> " << to);
    REQUIRE_RULE(TrustRoot::parse(changed(text, from, to)), rules::trust_value);
  }
  REQUIRE_RULE(TrustRoot::parse(changed(text, "expires = ", "expired = ")), rules::toml_missing);
}

TEST_CASE("values of the optional tables are judged") {
  SampleTrust sample;
  for (const char* more :
       {"[roots]\nek = [\"no certificate\"]\n", "[ek]\nallow = [\"ek:00\"]\n",
        "[ek]\nallow = [\"key:"
        "0000000000000000000000000000000000000000000000000000000000000000"
        "\"]\n",
        "[regions]\neu = []\n", "[[verifier]]\nname = \"v\"\nkey = \"AAAA\"\n"}) {
    INFO(more);
    sample.more = more;
    REQUIRE_RULE(TrustRoot::parse(sample.toml()), rules::trust_value);
  }
}

TEST_CASE("nothing stands twice") {
  SampleTrust sample;
  const std::string text = sample.toml();
  REQUIRE_RULE(TrustRoot::parse(changed(text, "\"root-1\"", "\"root-0\"")), rules::trust_twice);
  // One key under two names would make one person two.
  REQUIRE_RULE(TrustRoot::parse(changed(text, SampleTrust::quoted(*sample.root_keys[1]),
                                        SampleTrust::quoted(*sample.root_keys[0]))),
               rules::trust_twice);
  for (const std::string& more :
       {"[[witness]]\nkey = " +
            SampleTrust::vkey("x.example", transparency::NoteKeyType::cosignature_v1,
                              *sample.witness) +
            "\n",
        "[[log]]\norigin = \"log.example\"\nkeys = [" +
            SampleTrust::vkey("log.example", transparency::NoteKeyType::ed25519, *sample.log) +
            "]\n",
        "[[issuer]]\nname = \"weights@lab.example\"\nkey = " + SampleTrust::quoted(*sample.lab) +
            "\nmay = [\"policy\"]\nsubjects = [\"*\"]\n"}) {
    sample.more = more;
    REQUIRE_RULE(TrustRoot::parse(sample.toml()), rules::trust_twice);
  }
}

TEST_CASE("a log's key cannot witness, nor a witness's key sign checkpoints") {
  SampleTrust sample;
  sample.more = "[[witness]]\nkey = " +
                SampleTrust::vkey("x.example", transparency::NoteKeyType::ed25519, *sample.lab) +
                "\n";
  REQUIRE_RULE(TrustRoot::parse(sample.toml()), rules::trust_value);
  sample.more =
      "[[log]]\norigin = \"x.example\"\nkeys = [" +
      SampleTrust::vkey("x.example", transparency::NoteKeyType::cosignature_v1, *sample.lab) +
      "]\n";
  REQUIRE_RULE(TrustRoot::parse(sample.toml()), rules::trust_value);
}

TEST_CASE("an expired trust root is incomplete") {
  const TrustRoot trust = SampleTrust().parse();
  REQUIRE_OK(trust.check_time(trust.expires() - Seconds(1)));
  const Status expired = trust.check_time(trust.expires());
  REQUIRE_RULE(expired, rules::trust_expired);
  CHECK(expired.error().kind == ErrorKind::incomplete);
}

TEST_CASE("an issuer says what it may about what it may, with its own key") {
  const SampleTrust sample;
  const TrustRoot trust = sample.parse();
  const Sha256 lab = sample.lab->public_key().thumbprint();
  const Sha256 administrator = sample.administrator->public_key().thumbprint();
  const Subject model = Subject::artefact(sha256({}));
  const Subject policy = must(Subject::policy("demo-1"));
  REQUIRE_OK(trust.may_say("weights@lab.example", lab, Kind::model_release, model));
  REQUIRE_OK(trust.may_say("admin.example", administrator, Kind::policy, policy));
  REQUIRE_RULE(trust.may_say("stranger.example", lab, Kind::model_release, model),
               rules::trust_unknown_issuer);
  REQUIRE_RULE(trust.may_say("weights@lab.example", administrator, Kind::model_release, model),
               rules::trust_unknown_key);
  REQUIRE_RULE(trust.may_say("weights@lab.example", lab, Kind::policy, policy),
               rules::trust_may_not_say);
  REQUIRE_RULE(
      trust.may_say("admin.example", administrator, Kind::policy, must(Subject::policy("other"))),
      rules::trust_may_not_speak_of);
  // `revoke` is enough for a revocation, and for nothing else.
  REQUIRE_OK(trust.may_say("admin.example", administrator, Kind::revocation, model));
  REQUIRE_RULE(trust.may_say("admin.example", administrator, Kind::model_release, model),
               rules::trust_may_not_say);
  REQUIRE_RULE(trust.may_say("admin.example", administrator, Kind::revocation, policy),
               rules::trust_may_not_say);
}

}  // namespace attest
