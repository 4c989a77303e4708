#include "libattest/evidence/challenge.h"

#include <functional>

#include "tests/support/catch.h"

using namespace attest;
using namespace attest::evidence;

namespace {

const Time now = from_unix(1'800'000'000);

struct Verifier {
  std::unique_ptr<SigningKey> key = must(make_signing_key(KeyKind::ed25519, system_random()));
  std::string name = "verifier.example";
  KnownVerifier known() const { return {name, key->public_key()}; }
};

ChallengeContent good_content() {
  ChallengeContent content{"verifier.example", "rack7-n03", {}, now, now + Seconds{300}};
  content.nonce.fill(std::byte{7});
  return content;
}

// Signs what make_challenge would refuse to make.
Bytes sign_raw(const SigningKey& key, const ChallengeContent& content,
               const std::function<void(cose::Sign1Content&)>& change = {}) {
  cose::Sign1Content message;
  message.content_type = challenge_content_type;
  message.claims.issuer = content.verifier;
  message.claims.subject = content.node;
  message.claims.issued_at = content.issued;
  message.claims.expires = content.expires;
  message.payload = cbor::encode(cbor::Array{"attest-challenge-v1", content.nonce});
  if (change) change(message);
  return must(cose::sign1(message, key));
}

Result<VerifiedChallenge> check(const Bytes& bytes, const Verifier& verifier,
                                std::string_view node = "rack7-n03", Time at = now) {
  const KnownVerifier known[] = {verifier.known()};
  return verify_challenge(must(parse_challenge(bytes)), known, node, at);
}

}  // namespace

TEST_CASE("a challenge by a known verifier for this node is verified, and says what it asks") {
  const Verifier verifier;
  const Bytes bytes = must(make_challenge(*verifier.key, good_content()));
  const VerifiedChallenge challenge = must(check(bytes, verifier));
  REQUIRE(challenge.bytes() == bytes);
  REQUIRE(challenge.digest() == sha256(bytes));
  REQUIRE(challenge.verifier() == "verifier.example");
  REQUIRE(challenge.node() == "rack7-n03");
  REQUIRE(challenge.nonce() == good_content().nonce);
  REQUIRE(challenge.issued() == now);
  REQUIRE(challenge.expires() == now + Seconds{300});
}

TEST_CASE("a challenge says how far an IMA list is known, in a form of its own") {
  const Verifier verifier;
  ChallengeContent content = good_content();
  content.ima = ImaState{sha256(as_bytes("policy")), 41, 1000, HashAlgorithm::sha256, Bytes(32)};
  const Bytes bytes = must(make_challenge(*verifier.key, content));
  REQUIRE(must(check(bytes, verifier)).ima() == content.ima);
  REQUIRE_FALSE(must(check(must(make_challenge(*verifier.key, good_content())), verifier)).ima());
  const auto with_payload = [&](cbor::Array payload) {
    return parse_challenge(sign_raw(*verifier.key, content, [&](cose::Sign1Content& message) {
      message.payload = cbor::encode(payload);
    }));
  };
  const cbor::Value state = to_cbor(*content.ima);
  REQUIRE_OK(with_payload({"attest-challenge-v2", content.nonce, state}));
  REQUIRE_RULE(with_payload({"attest-challenge-v1", content.nonce, state}), rules::challenge_form);
  REQUIRE_RULE(with_payload({"attest-challenge-v2", content.nonce}), rules::challenge_form);
}

TEST_CASE(
    "the state of an IMA list has a policy, counters, a known bank and a value of its length") {
  const ImaState good{sha256(as_bytes("p")), 1, 2, HashAlgorithm::sha384, Bytes(48)};
  REQUIRE(must(parse_ima_state(to_cbor(good))) == good);
  const auto changed = [&](std::size_t part, cbor::Value value) {
    cbor::Value state = to_cbor(good);
    cbor::Array parts = *state.as_array();
    parts[part] = std::move(value);
    return parse_ima_state(cbor::Value(std::move(parts)));
  };
  REQUIRE_RULE(changed(0, Bytes(31)), rules::ima_state_form);
  REQUIRE_RULE(changed(1, std::uint64_t{1} << 32), rules::ima_state_form);
  REQUIRE_RULE(changed(2, "2"), rules::ima_state_form);
  REQUIRE_RULE(changed(3, "md5"), rules::ima_state_form);
  REQUIRE_RULE(changed(4, Bytes(32)), rules::ima_state_form);
  REQUIRE_RULE(parse_ima_state(cbor::Value(cbor::Array{1})), rules::ima_state_form);
}

TEST_CASE("a challenge is not made for a bad node id or with an impossible life") {
  const Verifier verifier;
  ChallengeContent content = good_content();
  content.node = "rack 7";
  REQUIRE(make_challenge(*verifier.key, content).error().kind == ErrorKind::usage);
  content = good_content();
  content.expires = content.issued;
  REQUIRE(make_challenge(*verifier.key, content).error().kind == ErrorKind::usage);
  content.expires = content.issued + challenge_longest_life + Seconds{1};
  REQUIRE(make_challenge(*verifier.key, content).error().kind == ErrorKind::usage);
}

TEST_CASE("a challenge by a verifier that is not known is refused") {
  Verifier verifier;
  const Bytes bytes = must(make_challenge(*verifier.key, good_content()));
  verifier.name = "other.example";
  REQUIRE_RULE(check(bytes, verifier), rules::challenge_unknown_verifier);
}

TEST_CASE("a challenge under a known name by another key is refused") {
  const Verifier known;
  const Verifier impostor;
  REQUIRE_RULE(check(must(make_challenge(*impostor.key, good_content())), known),
               rules::challenge_signature);
}

TEST_CASE("any of a verifier's keys may sign") {
  const Verifier old_key;
  const Verifier new_key;
  const KnownVerifier known[] = {old_key.known(), new_key.known()};
  for (const Verifier* signer : {&old_key, &new_key})
    REQUIRE_OK(
        verify_challenge(must(parse_challenge(must(make_challenge(*signer->key, good_content())))),
                         known, "rack7-n03", now));
}

TEST_CASE("a challenge for another node is refused") {
  const Verifier verifier;
  const Bytes bytes = must(make_challenge(*verifier.key, good_content()));
  REQUIRE_RULE(check(bytes, verifier, "rack7-n04"), rules::challenge_other_node);
}

TEST_CASE("a challenge from the future is refused beyond the allowed skew") {
  const Verifier verifier;
  ChallengeContent content = good_content();
  content.issued = now + challenge_allowed_skew;
  content.expires = content.issued + Seconds{10};
  REQUIRE_OK(check(must(make_challenge(*verifier.key, content)), verifier));
  content.issued += Seconds{1};
  REQUIRE_RULE(check(must(make_challenge(*verifier.key, content)), verifier),
               rules::challenge_not_yet_valid);
}

TEST_CASE("a challenge that lives longer than ten minutes is refused") {
  const Verifier verifier;
  ChallengeContent content = good_content();
  content.expires = content.issued + challenge_longest_life;
  REQUIRE_OK(check(sign_raw(*verifier.key, content), verifier));
  content.expires += Seconds{1};
  REQUIRE_RULE(check(sign_raw(*verifier.key, content), verifier), rules::challenge_lives_too_long);
}

TEST_CASE("a challenge that expires before it was issued is refused") {
  const Verifier verifier;
  ChallengeContent content = good_content();
  content.issued = now + Seconds{30};
  content.expires = now + Seconds{30};
  REQUIRE_RULE(check(sign_raw(*verifier.key, content), verifier), rules::challenge_lives_too_long);
}

TEST_CASE("an expired challenge is refused from its very expiry on") {
  const Verifier verifier;
  const Bytes bytes = must(make_challenge(*verifier.key, good_content()));
  REQUIRE_OK(check(bytes, verifier, "rack7-n03", now + Seconds{299}));
  REQUIRE_RULE(check(bytes, verifier, "rack7-n03", now + Seconds{300}), rules::challenge_expired);
}

TEST_CASE("a signed message of another content type is no challenge") {
  const Verifier verifier;
  REQUIRE_RULE(parse_challenge(sign_raw(*verifier.key, good_content(),
                                        [](auto& m) { m.content_type = "application/cbor"; })),
               rules::challenge_content_type);
}

TEST_CASE("a nonce of another length than 32 bytes is refused") {
  const Verifier verifier;
  for (const std::size_t size : {0UZ, 31UZ, 33UZ}) {
    const Bytes bytes = sign_raw(*verifier.key, good_content(), [&](auto& m) {
      m.payload = cbor::encode(cbor::Array{"attest-challenge-v1", Bytes(size)});
    });
    REQUIRE_RULE(parse_challenge(bytes), rules::challenge_nonce);
  }
}

TEST_CASE("a challenge with a claim missing, a claim too many, or of another version is refused") {
  const Verifier verifier;
  const std::vector<std::function<void(cose::Sign1Content&)>> changes{
      [](auto& m) { m.claims.issuer.reset(); },
      [](auto& m) { m.claims.subject.reset(); },
      [](auto& m) { m.claims.issued_at.reset(); },
      [](auto& m) { m.claims.expires.reset(); },
      [](auto& m) { m.claims.not_before = now; },
      [](auto& m) { m.claims.others.emplace_back(7, Bytes(1)); },
      [](auto& m) { m.claims.subject = "no node id"; },
      [](auto& m) { m.unprotected.emplace_back(100, 1); },
      [](auto& m) { m.detached = true; },
      [](auto& m) { m.payload = cbor::encode(cbor::Array{"attest-challenge-v2", Bytes(32)}); },
      [](auto& m) { m.payload = cbor::encode(cbor::Array{"attest-challenge-v1"}); },
      [](auto& m) { m.payload.push_back(std::byte{0}); },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    INFO(i);
    REQUIRE_RULE(parse_challenge(sign_raw(*verifier.key, good_content(), changes[i])),
                 rules::challenge_form);
  }
}

TEST_CASE("no byte of a challenge can be changed") {
  const Verifier verifier;
  const Bytes bytes = must(make_challenge(*verifier.key, good_content()));
  const KnownVerifier known[] = {verifier.known()};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    Bytes changed = bytes;
    changed[i] ^= std::byte{1};
    const auto parsed = parse_challenge(changed);
    INFO(i);
    REQUIRE_FALSE((parsed && verify_challenge(*parsed, known, "rack7-n03", now)));
  }
}
