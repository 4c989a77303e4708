#include "libattest/trust/trust_update.h"

#include "tests/support/catch.h"
#include "tests/unit/trust/sample_trust.h"

namespace attest {

namespace {

const Time now = must(parse_time("2026-11-21"));

// signed_by gives the note of the sample's root keys with these positions.
std::string signed_by(const SampleTrust& sample, const TrustRoot& root,
                      std::vector<std::size_t> who) {
  std::vector<transparency::NoteSigner> signers;
  for (const std::size_t i : who)
    signers.push_back(must(transparency::NoteSigner::make(
        "root-" + std::to_string(i), transparency::NoteKeyType::ed25519, *sample.root_keys[i])));
  return must(sign_trust_root(root, signers));
}

struct Update {
  SampleTrust sample;
  TrustRoot current = sample.parse();
  TrustRoot next = [this] {
    sample.version = 2;
    return sample.parse();
  }();
};

}  // namespace

TEST_CASE("what root keys sign is version and digest") {
  const TrustRoot trust = SampleTrust().parse();
  CHECK(trust_root_text(trust) == "attest-trust-root/v1\n1\n" + digest_uri(trust.digest()) + "\n");
}

TEST_CASE("the next version is accepted with the thresholds of both") {
  const Update update;
  const std::string note = signed_by(update.sample, update.next, {0, 2});
  CHECK(must(accept_update(update.current, update.next, as_bytes(note), now)).version() == 2);
  // The very same file again changes nothing and needs no signatures.
  CHECK(must(accept_update(update.current, update.current, {}, now)).version() == 1);
}

TEST_CASE("too few signatures are refused, also where one key signs twice") {
  const Update update;
  REQUIRE_RULE(accept_update(update.current, update.next,
                             as_bytes(signed_by(update.sample, update.next, {1})), now),
               rules::trust_threshold);
  REQUIRE_RULE(accept_update(update.current, update.next,
                             as_bytes(signed_by(update.sample, update.next, {1, 1})), now),
               rules::trust_threshold);
}

TEST_CASE("the keys of the new version alone are not enough, nor those of the old") {
  const Update update;
  SampleTrust stranger;
  stranger.version = 2;
  const TrustRoot foreign = stranger.parse();
  REQUIRE_RULE(
      accept_update(update.current, foreign, as_bytes(signed_by(stranger, foreign, {0, 1})), now),
      rules::trust_threshold);
  REQUIRE_RULE(accept_update(update.current, foreign,
                             as_bytes(signed_by(update.sample, foreign, {0, 1})), now),
               rules::trust_threshold);
}

TEST_CASE("signatures over another file are refused") {
  const Update update;
  const std::string note = signed_by(update.sample, update.current, {0, 1});
  REQUIRE_RULE(accept_update(update.current, update.next, as_bytes(note), now),
               rules::trust_signed_text);
}

TEST_CASE("no way back, and no version is left out") {
  Update update;
  REQUIRE_RULE(accept_update(update.next, update.current,
                             as_bytes(signed_by(update.sample, update.current, {0, 1})), now),
               rules::trust_rollback);
  update.sample.more = "[regions]\neu = [\"n*\"]\n";
  const TrustRoot same_version = update.sample.parse();
  REQUIRE_RULE(accept_update(update.next, same_version,
                             as_bytes(signed_by(update.sample, same_version, {0, 1})), now),
               rules::trust_rollback);
  update.sample.version = 3;
  const TrustRoot third = update.sample.parse();
  const auto gap =
      accept_update(update.current, third, as_bytes(signed_by(update.sample, third, {0, 1})), now);
  REQUIRE_RULE(gap, rules::trust_gap);
  CHECK(gap.error().kind == ErrorKind::incomplete);
}

TEST_CASE("an expired new version is incomplete, an expired old one may be left behind") {
  const Update update;
  const std::string note = signed_by(update.sample, update.next, {0, 1});
  REQUIRE_RULE(accept_update(update.current, update.next, as_bytes(note), update.next.expires()),
               rules::trust_expired);
  SampleTrust old;
  old.expires = "2020-01-01T00:00:00Z";
  const TrustRoot expired = old.parse();
  old.expires = "2030-01-01T00:00:00Z";
  old.version = 2;
  const TrustRoot fresh = old.parse();
  REQUIRE_OK(accept_update(expired, fresh, as_bytes(signed_by(old, fresh, {0, 1})), now));
}

TEST_CASE("signatures made apart are merged") {
  const Update update;
  const std::vector<std::string> notes{signed_by(update.sample, update.next, {0}),
                                       signed_by(update.sample, update.next, {2}),
                                       signed_by(update.sample, update.next, {0})};
  const std::string merged = must(merge_trust_signatures(notes));
  REQUIRE_OK(accept_update(update.current, update.next, as_bytes(merged), now));
  const std::vector<std::string> mixed{notes[0], signed_by(update.sample, update.current, {1})};
  REQUIRE_RULE(merge_trust_signatures(mixed), rules::trust_signed_text);
}

}  // namespace attest
