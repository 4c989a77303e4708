#include "ledger/entry_index.h"

#include <map>
#include <random>

#include "tests/support/catch.h"
#include "tests/support/temporary_directory.h"

using namespace attest;
using namespace attest::ledger;

namespace {

IndexKey key_of(std::uint64_t n) {
  const Sha256 digest = sha256(as_bytes(std::to_string(n)));
  IndexKey key;
  std::copy_n(digest.begin(), key.size(), key.begin());
  return key;
}

Sha256 root_at(std::uint64_t size) {
  return sha256(as_bytes("root " + std::to_string(size)));
}

Result<bool> ours(std::uint64_t size, const Sha256& root) {
  return root == root_at(size);
}

struct Indexed {
  TemporaryDirectory directory;
  std::multimap<IndexKey, std::uint64_t> expected;
  EntryIndex index;

  explicit Indexed(IndexLimits limits) : index(open(limits)) {}
  EntryIndex open(IndexLimits limits) {
    return must(EntryIndex::open(system_files(), directory.path() / "index", true, ours, limits));
  }
  // Key 0 is in every entry, as a kind is; the others are in few.
  void add(std::uint64_t key) {
    const std::vector<IndexKey> keys{key_of(0), key_of(key)};
    for (const IndexKey& each : keys) expected.emplace(each, index.covered());
    index.add(keys);
  }
  void check() const {
    CHECK(index.records() == expected.size());
    for (auto at = expected.begin(); at != expected.end(); at = expected.upper_bound(at->first)) {
      std::vector<std::uint64_t> entries;
      const auto [from, to] = expected.equal_range(at->first);
      for (auto each = from; each != to; ++each) entries.push_back(each->second);
      std::ranges::sort(entries);
      REQUIRE(index.find(at->first, index.covered()) == entries);
    }
    CHECK(index.find(key_of(1'000'000), index.covered()).empty());
  }
  std::size_t files() const { return must(system_files().list(directory.path() / "index")).size(); }
};

}  // namespace

TEST_CASE("an index finds what was added, through memory, files and merges") {
  std::mt19937_64 random(7);
  Indexed test({.entries_in_memory = 16, .fan_in = 3});
  for (int commit = 0; commit < 400; ++commit) {
    for (std::uint64_t n = random() % 7 + 1; n > 0; --n) test.add(random() % 500 + 1);
    must(test.index.settle(root_at(test.index.covered())));
  }
  test.check();
  CHECK(test.files() < 12);  // a hundred runs were written; most were merged
  must(test.index.check());
  CHECK(test.index.find(key_of(0), 10).size() == 10);
}

TEST_CASE("an index that is opened again covers what its files hold") {
  Indexed test({.entries_in_memory = 4, .fan_in = 2});
  for (std::uint64_t i = 0; i < 41; ++i) {
    test.add(i + 1);
    must(test.index.settle(root_at(i + 1)));
  }
  test.index = test.open({.entries_in_memory = 4, .fan_in = 2});
  CHECK(test.index.covered() == 40);
  test.add(41);
  CHECK(test.index.find(key_of(0), 41).size() == 41);
  CHECK(test.index.find(key_of(3), 41) == std::vector<std::uint64_t>{2});
}

TEST_CASE("files of another history, and damaged ones, are left out and made again") {
  Indexed test({.entries_in_memory = 4, .fan_in = 8});
  for (std::uint64_t i = 0; i < 12; ++i) {
    test.add(i + 1);
    must(test.index.settle(i == 7 ? root_at(99) : root_at(i + 1)));
  }
  test.index = test.open({.entries_in_memory = 4});
  CHECK(test.index.covered() == 4);
  CHECK(test.files() == 1);

  const Path run = test.directory.path() / "index" / "0-4";
  const Bytes whole = must(read_file(run));
  must(write_file_atomically(run, ByteView(whole).first(whole.size() - 1)));
  REQUIRE_RULE(IndexRun::open(run), rules::index_damaged);
  test.index = test.open({.entries_in_memory = 4});
  CHECK(test.index.covered() == 0);
}

TEST_CASE("a bit that flips in a file is found by its digest, and no search leaves the file") {
  Indexed test({.entries_in_memory = 64, .fan_in = 8});
  for (std::uint64_t i = 0; i < 64; ++i) test.add(i + 1);
  must(test.index.settle(root_at(64)));
  const Path file = test.directory.path() / "index" / "0-64";
  const Bytes sound = must(read_file(file));
  for (std::size_t at = 80; at < sound.size(); at += 7) {
    Bytes bent = sound;
    bent[at] ^= std::byte{0x80};
    must(write_file_atomically(file, bent));
    const IndexRun run = must(IndexRun::open(file));
    REQUIRE_RULE(run.check(), rules::index_damaged);
    for (std::uint64_t n = 0; n < 64; ++n) CHECK(run.seek(key_of(n)) <= run.records());
  }
}

TEST_CASE("a reader writes nothing") {
  TemporaryDirectory directory;
  EntryIndex index = must(EntryIndex::open(system_files(), directory.path() / "index", false, ours,
                                           {.entries_in_memory = 2}));
  for (std::uint64_t i = 0; i < 9; ++i) {
    const IndexKey key = key_of(i);
    index.add(std::span(&key, 1));
    must(index.settle(root_at(i + 1)));
  }
  CHECK(index.find(key_of(8), 9).size() == 1);
  CHECK_FALSE(std::filesystem::exists(directory.path() / "index"));
}
