#include "ledger/subject_map_store.h"

#include "ledger/sqlite_store.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_directory.h"

using namespace attest;
using namespace attest::ledger;

namespace {

Sha256 leaf(std::uint64_t index) {
  return transparency::leaf_hash(as_bytes(std::to_string(index)));
}

// near gives keys that share all but their last bits, so that the trie grows long empty paths.
Sha256 near(unsigned last) {
  Sha256 key{};
  key[31] = static_cast<std::byte>(last);
  return key;
}

class MapPair {
 public:
  MapPair() : store(must(SqliteStore::create(directory.path() / "db", {"o", "k"}))) {}

  void add_all(const std::vector<Sha256>& keys) {
    SubjectMapUpdate update(*store);
    for (const Sha256& key : keys) {
      must(update.add(key, next, leaf(next)));
      memory.add(key, next, leaf(next));
      ++next;
    }
    auto outcome = must(update.finish());
    const Head from = must(store->head());
    Head to = from;
    to.map_size = next;
    to.map_subjects += update.new_subjects();
    must(store->commit({from, to, {}, {}, std::move(outcome.nodes)}));
    CHECK(outcome.root == memory.root());
    CHECK(must(stored_map_root(*store)) == memory.root());
    CHECK(to.map_subjects == memory.subjects());
  }

  void check(const Sha256& key) {
    const SubjectPlace place = must(find_subject(*store, key));
    CHECK(place.leaf == memory.find(key));
    CHECK(place.proof == memory.prove(key));
    if (place.leaf)
      must(transparency::verify_present(memory.root(), *place.leaf, place.proof));
    else
      must(transparency::verify_absent(memory.root(), key, place.proof));
  }

  TemporaryDirectory directory;
  std::unique_ptr<SqliteStore> store;
  transparency::SubjectMap memory;
  std::uint64_t next = 0;
};

}  // namespace

TEST_CASE("the stored subject map is the one in memory, batch after batch") {
  MapPair maps;
  maps.check(leaf(7));
  for (unsigned batch = 0; batch < 12; ++batch) {
    std::vector<Sha256> keys;
    for (unsigned i = 0; i < 40; ++i)
      keys.push_back(sha256(as_bytes(std::to_string((batch * 29 + i * 13) % 300))));
    maps.add_all(keys);
  }
  for (unsigned i = 0; i < 330; ++i) maps.check(sha256(as_bytes(std::to_string(i))));
}

TEST_CASE("keys that differ in their last bit only stand at the end of a long path") {
  MapPair maps;
  maps.add_all({near(4)});
  maps.add_all({near(5)});
  maps.add_all({near(4), near(1), near(128)});
  for (const unsigned last : {0U, 1U, 4U, 5U, 6U, 127U, 128U, 255U}) maps.check(near(last));
}

TEST_CASE("an update reads and writes one row a level") {
  MapPair maps;
  std::vector<Sha256> keys;
  for (unsigned i = 0; i < 4096; ++i) keys.push_back(sha256(as_bytes(std::to_string(i))));
  maps.add_all(keys);
  SubjectMapUpdate update(*maps.store);
  must(update.add(sha256(as_bytes("new")), maps.next, leaf(maps.next)));
  CHECK(must(update.finish()).nodes.size() < 40);
}

TEST_CASE("an update without changes keeps the root") {
  MapPair maps;
  maps.add_all({leaf(1)});
  maps.add_all({});
}
