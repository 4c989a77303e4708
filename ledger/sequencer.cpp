#include "ledger/sequencer.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "ledger/entry_form.h"
#include "ledger/subject_map_store.h"
#include "libattest/transparency/checkpoint.h"
#include "libattest/transparency/map_root.h"
#include "libattest/transparency/note.h"

namespace attest::ledger {

namespace {

// Full bundles looked at again before each signature, round and round: rot in old entries is found
// in time, at a cost of some milliseconds a checkpoint. A log of 4,096 entries is checked whole.
constexpr std::uint64_t scrubbed_at_once = 16;

constexpr int most_tries = 16;  // of a commit that other writers were faster than

// DigestHash takes a digest's first bytes: they are as even as any hash.
struct DigestHash {
  std::size_t operator()(const Sha256& digest) const {
    std::size_t hash = 0;
    std::memcpy(&hash, digest.data(), sizeof hash);
    return hash;
  }
};

// Holding releases a store when the map root is in, or could not be made.
class Holding {
 public:
  explicit Holding(Store& store) : store_(&store) {}
  Holding(const Holding&) = delete;
  Holding& operator=(const Holding&) = delete;
  ~Holding() { store_->release(); }

 private:
  Store* store_;
};

transparency::NoteKeyType note_type(const SigningKey& key) {
  return key.public_key().kind() == KeyKind::ed25519 ? transparency::NoteKeyType::ed25519
                                                     : transparency::NoteKeyType::ecdsa;
}

}  // namespace

Result<Sequencer> Sequencer::make(Store& store, SigningFloor floor,
                                  std::shared_ptr<const SigningKey> key, bool deduplicate) {
  const LogIdentity& identity = store.identity();
  TRY(const auto verifier,
      transparency::VerifierKey::make(identity.origin, note_type(*key), key->public_key()));
  if (verifier.to_string() != identity.verifier_key)
    return fail(refused(rules::log_key, "the key is not this log's")
                    .expected(identity.verifier_key)
                    .found(verifier.to_string()));
  Sequencer sequencer(store, std::move(floor), std::move(key), deduplicate);
  TRY(const Head head, store.head());
  TRY_VOID(sequencer.check_floor(head));
  return sequencer;
}

Status Sequencer::load_edge(const Head& head) {
  if (edge_ && edge_->size() == head.size && edge_->root() == head.root) return {};
  edge_.reset();
  TRY(edge_, GrowingTree::load(*store_, head.size, head.root));
  return {};
}

// After any failure the outcome of the transaction is unknown, and so is the edge: the next call
// reads both anew.
Status Sequencer::commit(const Commit& commit) {
  Status done = store_->commit(commit);
  if (!done) edge_.reset();
  return done;
}

// Where several processes write, another may have come first: its entries are read and this one's
// follow them.
Result<std::vector<Added>> Sequencer::append(const std::vector<Bytes>& entries) {
  const std::vector<PreparedEntry> prepared = prepare_entries(entries);
  auto added = append_once(entries, prepared);
  for (int tries = 1; tries < most_tries && !added; ++tries) {
    if (added.error().rule != rules::store_head_moved) break;
    added = append_once(entries, prepared);
  }
  return added;
}

Result<std::vector<Added>> Sequencer::append_once(const std::vector<Bytes>& entries,
                                                  const std::vector<PreparedEntry>& prepared) {
  TRY(const Head head, store_->head());
  TRY_VOID(load_edge(head));

  Commit commit{head, head, {}, {}, {}};
  commit.entries.reserve(entries.size());
  std::vector<Added> added;
  added.reserve(entries.size());
  std::unordered_map<Sha256, std::uint64_t, DigestHash> in_this_batch;
  std::vector<Sha256> leaves;
  leaves.reserve(entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const PreparedEntry& entry = prepared[i];
    const std::uint64_t index = head.size + commit.entries.size();
    if (deduplicate_) {
      const auto [twin, first] = in_this_batch.try_emplace(entry.digest, index);
      std::optional<std::uint64_t> known;
      if (first) {
        TRY(known, store_->index_of(entry.digest));
        if (known) twin->second = *known;
      } else {
        known = twin->second;
      }
      if (known) {
        added.push_back({*known, true});
        continue;
      }
    }
    if (!entry.lookups) return std::unexpected(entry.lookups.error());
    leaves.push_back(entry.leaf);
    commit.entries.push_back({entries[i], entry.digest, *entry.lookups});
    added.push_back({index, false});
  }
  if (commit.entries.empty()) return added;

  std::ranges::for_each(leaves, [this](const Sha256& leaf) { edge_->append(leaf); });
  commit.tiles = edge_->take_changed();
  commit.to.size = edge_->size();
  commit.to.root = edge_->root();
  // A crash before the commit returns leaves either nothing or the whole batch. Nobody was told an
  // index yet, and entries that are there answer a second add with the index they have.
  TRY_VOID(this->commit(commit));
  return added;
}

Result<std::string> Sequencer::sign_checkpoint(Time now) {
  TRY(Head head, store_->head());
  // An older copy of the database, or one of another course, must not grow a second history: this
  // comes before anything is written.
  TRY_VOID(check_floor(head));

  {
    // A process that led, slept, and leads no more goes no further, even where nothing is new.
    const Holding holding(*store_);
    TRY_VOID(store_->hold());
    TRY(head, store_->head());
    if (head.map_size < head.size) {
      TRY(head, append_map_root(head, now));
    }
  }
  // Crash here: the map root is in the log and nothing is signed. The next call finds the map to
  // cover every entry and goes on from this line; had entries come in between, they get a map root
  // of their own, and this one stays an entry like any other.

  TRY_VOID(scrub(head));
  TRY_VOID(floor_.advance({head.size, head.root}));
  // Crash here: the floor says this tree may have been signed; it was not, or it was and nobody saw
  // it. The tree is durable, so the next call signs the same tree or a continuation of it.

  return sign(head);
  // Crash from here on: the note is lost, or its tiles are there in part. The public checkpoint is
  // replaced last, so readers see the old one; the next call signs again, and tiles are rewritten
  // with the same bytes.
}

Status Sequencer::saw_signed(const FloorValue& value) {
  if (value.size <= floor_.value().size) return {};
  TRY(const Head head, store_->head());
  if (head.size < value.size)
    return fail(refused(rules::floor_behind, "the database is behind what this log has signed")
                    .expected("at least " + std::to_string(value.size) + " entries")
                    .found(std::to_string(head.size)));
  TRY(const Sha256 root,
      transparency::root_from_nodes(value.size, stored_nodes(*store_, value.size)));
  if (root != value.root)
    return fail(refused(rules::floor_fork,
                        "the database holds another history than this log has "
                        "signed")
                    .expected(to_hex(value.root))
                    .found(to_hex(root)));
  return floor_.advance(value);
}

Status Sequencer::check_floor(const Head& head) {
  const FloorValue& floor = floor_.value();
  if (head.size < floor.size)
    return fail(refused(rules::floor_behind, "the database is behind what this log has signed")
                    .expected("at least " + std::to_string(floor.size) + " entries")
                    .found(std::to_string(head.size))
                    .next("an older copy was restored: bring back the newer one, or recover the "
                          "entries from the published tiles"));
  Sha256 root = head.root;
  if (floor.size < head.size) {
    TRY(root, transparency::root_from_nodes(floor.size, stored_nodes(*store_, floor.size)));
  }
  if (root == floor.root) return {};
  return fail(
      refused(rules::floor_fork, "the database holds another history than this log has signed")
          .expected("root " + to_hex(floor.root) + " at size " + std::to_string(floor.size))
          .found(to_hex(root))
          .next("do not sign with this database: compare it with the published tiles"));
}

// The map takes in all entries since the last map root, read back from the store and compared with
// their leaf hashes: what is signed is what is on the disk.
Result<Head> Sequencer::append_map_root(const Head& head, Time now) {
  TRY_VOID(load_edge(head));
  SubjectMapUpdate map(*store_);
  for (std::uint64_t bundle = head.map_size / tile_width; bundle * tile_width < head.size;
       ++bundle) {
    TRY(const auto entries, check_entries(*store_, bundle, head.size));
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const std::uint64_t index = bundle * tile_width + i;
      if (index < head.map_size) continue;
      TRY(const EntryForm form, form_of(entries[i]));
      for (const std::string& subject : form.subjects)
        TRY_VOID(map.add(transparency::subject_key(subject), index,
                         transparency::leaf_hash(entries[i])));
    }
  }
  TRY(auto outcome, map.finish());

  Commit commit{head, head, {}, {}, std::move(outcome.nodes)};
  commit.to.map_subjects += map.new_subjects();
  TRY(Bytes entry, transparency::sign_map_root({head.size, outcome.root, commit.to.map_subjects},
                                               store_->identity().origin, now, *key_));
  TRY(const EntryForm form, form_of(entry));
  edge_->append(transparency::leaf_hash(entry));
  commit.entries.push_back({std::move(entry), {}, lookups_of(form)});
  commit.entries.back().digest = sha256(commit.entries.back().bytes);
  commit.tiles = edge_->take_changed();
  commit.to.size = commit.to.map_size = edge_->size();
  commit.to.root = edge_->root();
  TRY_VOID(this->commit(commit));
  return commit.to;
}

// The root is recomputed from the stored hashes, the entries under the open bundle and a few older
// ones are hashed again: a bit that flipped on the disk stops the signature.
Status Sequencer::scrub(const Head& head) {
  TRY(const Sha256 root,
      transparency::root_from_nodes(head.size, stored_nodes(*store_, head.size)));
  if (root != head.root)
    return fail(fault(rules::store_damaged, "the stored hashes do not give the stored root")
                    .expected(to_hex(head.root))
                    .found(to_hex(root))
                    .next("run: attestctl ledger fsck"));
  const std::uint64_t full = head.size / tile_width;
  if (head.size % tile_width != 0) TRY_VOID(check_entries(*store_, full, head.size));
  for (std::uint64_t i = 0; i < std::min(full, scrubbed_at_once); ++i) {
    next_scrubbed_ = next_scrubbed_ < full ? next_scrubbed_ : 0;
    TRY_VOID(check_entries(*store_, next_scrubbed_, head.size));
    ++next_scrubbed_;
  }
  return {};
}

Result<std::string> Sequencer::sign(const Head& head) const {
  const std::string& origin = store_->identity().origin;
  TRY(const auto signer, transparency::NoteSigner::make(origin, note_type(*key_), *key_));
  const std::string text = transparency::format_checkpoint({origin, head.size, head.root, {}});
  return transparency::sign_note(text, std::span(&signer, 1));
}

}  // namespace attest::ledger
