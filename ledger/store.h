// Store: where a log keeps its entries, tiles, indexes and subject map.
//
// One commit is one transaction: it moves the log from exactly one head to the next, or changes
// nothing. Whoever computed a commit from an older head is told so (rules::store_head_moved) and
// must read again: this is what keeps two writers from making two histories. An error of any other
// kind from commit() leaves its outcome unknown: read head() again, assume nothing.
//
// A Store is for one thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libattest/base/bytes.h"
#include "libattest/base/file.h"
#include "libattest/base/result.h"
#include "libattest/crypto/digest.h"
#include "libattest/transparency/tile.h"

namespace attest::ledger {

using transparency::max_entry_size;
using transparency::tile_width;

// LogIdentity is fixed when a log is made.
struct LogIdentity {
  std::string origin;
  std::string verifier_key;  // C2SP signed-note text form of the log's key
  friend bool operator==(const LogIdentity&, const LogIdentity&) = default;
};

// Head is what a commit moves: the tree and how far the subject map has followed it.
struct Head {
  std::uint64_t size = 0;
  Sha256 root = transparency::empty_root();
  std::uint64_t map_size = 0;      // entries below this are in the subject map
  std::uint64_t map_subjects = 0;  // leaves of the subject map
  friend bool operator==(const Head&, const Head&) = default;
};

// Field names what an entry can be looked up by. Its numbers are in databases: never reuse one.
enum class Field : std::uint8_t { subject = 0, issuer = 1, kind = 2, parent = 3 };

// Lookup is one key under which an entry can be found. Keys are digests of the text, so that a
// row's size does not depend on it.
struct Lookup {
  Field field;
  Sha256 key;
  friend auto operator<=>(const Lookup&, const Lookup&) = default;
};

struct NewEntry {
  Bytes bytes;
  Sha256 digest;  // SHA-256 of `bytes`: what deduplication compares
  std::vector<Lookup> lookups;
};

// StoredTile is the content of a tile, full or partial, as C2SP tlog-tiles has it.
struct StoredTile {
  unsigned level;
  std::uint64_t number;
  Bytes hashes;
};

// MapNode is one node of the subject map: `content` is the very bytes whose SHA-256 is its hash.
struct MapNode {
  Bytes path;
  Bytes content;
};

struct Commit {
  Head from;
  Head to;
  std::vector<NewEntry> entries;  // at indexes from.size and up
  std::vector<StoredTile> tiles;  // every tile that grew, whole
  std::vector<MapNode> map_nodes;
};

// Mending replaces what rotted: entries from `first` on, and whole tiles.
struct Mending {
  std::uint64_t first = 0;
  std::vector<Bytes> entries;
  std::vector<StoredTile> tiles;
};

class Store {
 public:
  virtual ~Store() = default;
  virtual const LogIdentity& identity() const = 0;
  virtual Result<Head> head() = 0;
  // commit returns when the change is on stable storage.
  virtual Status commit(const Commit& commit) = 0;
  // entries gives `count` entries from `first`, all of which must be there.
  virtual Result<std::vector<Bytes>> entries(std::uint64_t first, std::uint64_t count) = 0;
  // index_of, find and lookups speak of the entries of the head that was read or committed last.
  virtual Result<std::optional<std::uint64_t>> index_of(const Sha256& entry_digest) = 0;
  // find gives, in order, the entries below `below` that carry the lookup.
  virtual Result<std::vector<std::uint64_t>> find(const Lookup& lookup, std::uint64_t below) = 0;
  // lookups counts all lookups of all entries.
  virtual Result<std::uint64_t> lookups() = 0;
  virtual Result<std::optional<Bytes>> tile(unsigned level, std::uint64_t number) = 0;
  virtual Result<std::optional<Bytes>> map_node(ByteView path) = 0;

  // Several processes may write one store. Any of them may add entries; one at a time leads: it
  // alone moves the subject map, signs and publishes. lead asks for that part, or keeps it, and
  // says whether this process has it; it must be asked again within the lease (10 seconds).
  virtual Result<bool> lead() = 0;
  // hold keeps other writers waiting until this process commits or releases, so that the leader's
  // long reading is not in vain; only the leader may (rules::store_not_leader).
  virtual Status hold() = 0;
  virtual void release() = 0;
  // announce tells the other processes what was published; announced gives the newest, or nothing.
  virtual Status announce(const std::string& note, std::uint64_t size) = 0;
  virtual Result<std::optional<std::string>> announced() = 0;
  // mend writes, in one transaction, what ledger/repair.h proved; the head stays.
  virtual Status mend(const Mending& mending) = 0;
  // heal_index reads the index and makes it again where it is damaged: then true.
  virtual Result<bool> heal_index() = 0;
  // copy_to writes a copy of the log as it is now, whole and synced, to a new SQLite file.
  virtual Status copy_to(const Path& file) = 0;
};

}  // namespace attest::ledger

namespace attest::rules {
inline constexpr Rule store_head_moved{"ledger.store.head-moved"};
inline constexpr Rule store_schema{"ledger.store.schema"};
inline constexpr Rule store_damaged{"ledger.store.damaged"};
inline constexpr Rule store_io{"ledger.store.io"};
inline constexpr Rule store_full{"ledger.store.full"};
inline constexpr Rule store_exists{"ledger.store.exists"};
inline constexpr Rule store_missing{"ledger.store.missing"};
inline constexpr Rule store_not_leader{"ledger.store.not-leader"};
}  // namespace attest::rules
