#include "verifierd/state_store.h"

#include <sqlite3.h>

#include "tests/support/catch.h"
#include "tests/support/temporary_directory.h"
#include "verifierd/sqlite.h"

using namespace attest;
using namespace attest::verifierd;
using BatchOf = StateStore::BatchOf;

namespace {

Sha256 digest_of(std::string_view text) {
  return sha256(as_bytes(text));
}

NodeRecord record_of(std::string node, std::string_view ek) {
  NodeRecord record;
  record.node = std::move(node);
  record.ek = digest_of(ek);
  record.ak_name = to_bytes("ak name");
  record.ak_public = to_bytes("ak public");
  record.since = from_unix(100);
  return record;
}

struct Fixture {
  TemporaryDirectory directory;
  Path file = directory.path() / "state.db";
  std::unique_ptr<StateStore> store = must(StateStore::open(file));
  void reopen() {
    store.reset();
    store = must(StateStore::open(file));
  }
};

}  // namespace

TEST_CASE("the state's file is for its owner alone, and one that is not is refused") {
  Fixture f;
  REQUIRE(std::filesystem::status(f.file).permissions() == std::filesystem::perms(0600));
  f.store.reset();
  std::filesystem::permissions(f.file, std::filesystem::perms(0640));
  REQUIRE_RULE(StateStore::open(f.file), rules::state_file);
}

TEST_CASE("a challenge is answered once, and a restart does not forget that it was") {
  Fixture f;
  const Sha256 digest = digest_of("challenge");
  must(f.store->keep_challenge(digest, "n", as_bytes("challenge"), from_unix(1000)));
  f.reopen();
  REQUIRE(must(f.store->use_challenge(digest)) == to_bytes("challenge"));
  REQUIRE_RULE(f.store->use_challenge(digest), rules::challenge_used);
  f.reopen();
  REQUIRE_RULE(f.store->use_challenge(digest), rules::challenge_used);
  REQUIRE_RULE(f.store->use_challenge(digest_of("other")), rules::challenge_unknown);
}

TEST_CASE("only challenges that expired are forgotten") {
  Fixture f;
  must(f.store->keep_challenge(digest_of("a"), "n", as_bytes("a"), from_unix(1000)));
  must(f.store->keep_challenge(digest_of("b"), "n", as_bytes("b"), from_unix(2000)));
  must(f.store->forget_challenges(from_unix(1500)));
  REQUIRE_RULE(f.store->use_challenge(digest_of("a")), rules::challenge_unknown);
  REQUIRE_OK(f.store->use_challenge(digest_of("b")));
}

TEST_CASE("a node comes back as it was put, its TPM's counters included") {
  Fixture f;
  NodeRecord record = record_of("n", "ek");
  record.software_tpm = true;
  record.ek_certificate = to_bytes("certificate");
  record.state = statement::NodeState::failed;
  record.result = digest_of("result");
  record.memory = appraisal::NodeMemory{
      to_bytes("ak name"),
      {.clock = 7, .reset_count = 0xffffffff, .restart_count = 2, .safe = true},
      0xffffffffffffffff,
      {},
      evidence::ImaState{digest_of("policy"), 0xffffffff, 100'000, HashAlgorithm::sha256,
                         Bytes(32, std::byte{3})}};
  must(record.memory->pcrs.set(HashAlgorithm::sha256, 4, Bytes(32, std::byte{4})));
  must(f.store->put_node(record, from_unix(5), "changed", {}));
  f.reopen();
  const NodeRecord back = must(f.store->node("n")).value();
  REQUIRE(back.ek == record.ek);
  REQUIRE(back.software_tpm);
  REQUIRE(back.ek_certificate == record.ek_certificate);
  REQUIRE(back.state == statement::NodeState::failed);
  REQUIRE(back.result == record.result);
  REQUIRE(back.memory->clock == record.memory->clock);
  REQUIRE(back.memory->firmware_version == record.memory->firmware_version);
  REQUIRE(back.memory->pcrs == record.memory->pcrs);
  REQUIRE(back.memory->ima == record.memory->ima);
  REQUIRE(must(f.store->node_of_ek(record.ek))->node == "n");
  REQUIRE_FALSE(must(f.store->node("other")).has_value());
  REQUIRE(must(f.store->events("n")).at(0).what == "changed");
}

TEST_CASE("a policy does not go back, nor is there another of its revision") {
  Fixture f;
  must(f.store->keep_policy("hosts", 3, digest_of("three")));
  f.reopen();
  REQUIRE_OK(f.store->keep_policy("hosts", 3, digest_of("three")));
  REQUIRE_RULE(f.store->keep_policy("hosts", 3, digest_of("another three")),
               rules::policy_same_revision);
  const Status older = f.store->keep_policy("hosts", 2, digest_of("two"));
  REQUIRE_RULE(older, rules::policy_older);
  REQUIRE(older.error().expected_value == "revision 3 or a later one");
  REQUIRE_RULE(f.store->keep_policy("hosts", 0, digest_of("none")), rules::policy_older);
  REQUIRE_OK(f.store->keep_policy("hosts", 4, digest_of("four")));
  REQUIRE_OK(f.store->keep_policy("guests", 0, digest_of("one text")));
  REQUIRE_OK(f.store->keep_policy("guests", 0, digest_of("another text")));
}

TEST_CASE("the state of the version before is taken over with what it holds") {
  Fixture f;
  must(f.store->put_node(record_of("n", "ek"), from_unix(5), "enrolled", {}));
  f.store.reset();
  sqlite3* database = nullptr;
  REQUIRE(sqlite3_open(f.file.c_str(), &database) == SQLITE_OK);
  REQUIRE(sqlite3_exec(database,
                       "ALTER TABLE nodes DROP COLUMN pcrs; ALTER TABLE nodes DROP COLUMN ima;"
                       "ALTER TABLE nodes DROP COLUMN ek_certificate; DROP TABLE entry_times; "
                       "DROP TABLE policies; PRAGMA user_version = 1",
                       nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(database);
  f.reopen();
  REQUIRE(must(f.store->node("n")).value().ek == digest_of("ek"));
  REQUIRE_OK(f.store->keep_policy("hosts", 1, digest_of("one")));
}

TEST_CASE("one TPM cannot take another node's place") {
  Fixture f;
  must(f.store->put_node(record_of("n", "ek"), from_unix(5), "", {}));
  REQUIRE_FALSE(f.store->put_node(record_of("m", "ek"), from_unix(5), "", {}).has_value());
  REQUIRE(must(f.store->node_of_ek(digest_of("ek")))->node == "n");
}

TEST_CASE("a change and its statement are kept together until the log has the statement") {
  Fixture f;
  must(f.store->put_node(record_of("n", "ek"), from_unix(5), "", to_bytes("statement")));
  // Refused as a whole: the statement does not stay behind.
  (void)f.store->put_node(record_of("m", "ek"), from_unix(5), "", to_bytes("other"));
  f.reopen();
  const auto waiting = must(f.store->waiting(10));
  REQUIRE(waiting.size() == 1);
  REQUIRE(waiting[0].statement == to_bytes("statement"));
  must(f.store->entered(waiting));
  REQUIRE(must(f.store->waiting(10)).empty());
}

TEST_CASE("a result is found by its own digest and by its evidence's") {
  Fixture f;
  const ResultRecord result{digest_of("jwt"), digest_of("evidence"), "n", to_bytes("jwt"), true,
                            from_unix(9)};
  must(f.store->put_result(result, record_of("n", "ek"), "", {}));
  REQUIRE(must(f.store->result(digest_of("jwt")))->text == to_bytes("jwt"));
  REQUIRE(must(f.store->result(digest_of("evidence")))->digest == digest_of("jwt"));
  REQUIRE_FALSE(must(f.store->result(digest_of("none"))).has_value());
  REQUIRE(must(f.store->unbatched(BatchOf::results, 10)) == std::vector<Sha256>{digest_of("jwt")});
}

TEST_CASE("receipts are batched once, in the order in which they came") {
  Fixture f;
  REQUIRE(must(f.store->put_receipt(digest_of("b"))));
  REQUIRE(must(f.store->put_receipt(digest_of("a"))));
  REQUIRE_FALSE(must(f.store->put_receipt(digest_of("b"))));
  const auto digests = must(f.store->unbatched(BatchOf::receipts, 10));
  REQUIRE(digests == std::vector<Sha256>{digest_of("b"), digest_of("a")});
  REQUIRE_FALSE(must(f.store->batch_place(BatchOf::receipts, digest_of("a"))).has_value());
  must(f.store->put_batch(BatchOf::receipts, digests, to_bytes("batch")));
  REQUIRE(must(f.store->unbatched(BatchOf::receipts, 10)).empty());
  const auto place = must(f.store->batch_place(BatchOf::receipts, digest_of("a"))).value();
  REQUIRE(place.position == 1);
  REQUIRE(place.digests == digests);
  REQUIRE(place.statement == to_bytes("batch"));
  REQUIRE(must(f.store->waiting(10)).size() == 1);
}

TEST_CASE("an entry's time is the first under which it was seen, also after a restart") {
  Fixture f;
  REQUIRE(must(f.store->first_time(digest_of("rim"), {})) == std::nullopt);
  REQUIRE(must(f.store->first_time(digest_of("rim"), from_unix(1000))) == from_unix(1000));
  f.reopen();
  REQUIRE(must(f.store->first_time(digest_of("rim"), from_unix(2000))) == from_unix(1000));
  REQUIRE(must(f.store->first_time(digest_of("rim"), {})) == from_unix(1000));
  REQUIRE(must(f.store->first_time(digest_of("other"), {})) == std::nullopt);
}

TEST_CASE("the state of an older version is brought up to date, of a newer one refused") {
  Fixture f;
  must(f.store->put_node(record_of("n", "ek"), from_unix(5), "", {}));
  f.store.reset();
  {
    auto database = must(Database::open(f.file));
    must(
        database.run("ALTER TABLE nodes DROP COLUMN ek_certificate; DROP TABLE entry_times;"
                     "PRAGMA user_version = 2"));
  }
  f.store = must(StateStore::open(f.file));
  REQUIRE(must(f.store->node("n"))->ek == digest_of("ek"));
  REQUIRE(must(f.store->first_time(digest_of("rim"), from_unix(7))) == from_unix(7));
  f.store.reset();
  {
    auto database = must(Database::open(f.file));
    must(database.run("PRAGMA user_version = 4"));
  }
  REQUIRE_RULE(StateStore::open(f.file), rules::state_file);
}
