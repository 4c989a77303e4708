// Log: a transparency log in one directory, whole: adding, signing, publishing, finding, proving.
//
//   DIRECTORY/ledger.db       entries, tiles, subject map (SqliteStore), or
//   DIRECTORY/store           the PostgreSQL database that holds them (PostgresStore), which
//   several
//                             logs of this name in other directories may share
//   DIRECTORY/index/          where entries are found by digest and lookup; made from the entries
//   DIRECTORY/signing-floor   what was signed last (SigningFloor); may lie elsewhere
//   DIRECTORY/writer.lock     held by the one process that writes
//   DIRECTORY/frozen          there once the log takes no more entries
//   DIRECTORY/public/         checkpoint and tiles for any web server (Publication)
//
// Adding gives an entry a durable index at once. A checkpoint that covers it is made by
// sign_checkpoint() and becomes visible by publish(), with whatever cosignatures it has gathered in
// between (ledger/witnessing.h does all three). Nothing here reads the clock: times are passed in.
//
// All members may be called from several threads.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "ledger/entry_index.h"
#include "ledger/publication.h"
#include "ledger/repair.h"
#include "ledger/sequencer.h"
#include "ledger/signing_floor.h"
#include "ledger/store.h"
#include "libattest/base/descriptor.h"
#include "libattest/base/file.h"
#include "libattest/base/time.h"
#include "libattest/crypto/signing_key.h"
#include "libattest/transparency/checkpoint.h"

namespace attest::ledger {

// LogPlace says where a log lies.
struct LogPlace {
  Path directory;
  Path floor;                           // empty: DIRECTORY/signing-floor
  FileSystem* files = &system_files();  // everything but the database
  std::string store;                    // "postgresql://…"; empty: what the directory has
  std::string sqlite_vfs;               // empty: the system's
  IndexLimits index;                    // when index files are written and merged
  std::uint64_t headroom = 16U << 20;   // bytes of the disk to leave free: see add
  std::shared_ptr<TileSource> mirror;   // where damage found on the way is repaired from
  unsigned lease_seconds = 10;          // of who leads, where several processes share a store
  bool deduplicate = true;              // an entry that is there already keeps its index
};

// InclusionProof places entry `index` under the root of the first `size` entries.
struct InclusionProof {
  std::uint64_t index;
  std::uint64_t size;
  std::vector<Sha256> path;
};

class Log {
 public:
  // init makes a new log and publishes its first checkpoint, of the empty tree. A directory that
  // holds a log or a floor is refused. The key signs checkpoints and map roots.
  static Result<std::unique_ptr<Log>> init(LogPlace place, const std::string& origin,
                                           std::shared_ptr<const SigningKey> key);
  // join makes a directory for a log that another process keeps in the PostgreSQL database
  // `place.store`: its floor is what was announced last. A directory that has a floor is refused.
  static Result<std::unique_ptr<Log>> join(LogPlace place, const std::string& origin,
                                           std::shared_ptr<const SigningKey> key);
  // open takes the writer's lock (rules::log_locked when another process has it) and checks the
  // key, the floor and the root at its size. It signs nothing: the next sign_checkpoint() finishes
  // what a crash left undone.
  static Result<std::unique_ptr<Log>> open(LogPlace place, std::shared_ptr<const SigningKey> key);
  // open_to_read needs neither key nor lock; add and sign_checkpoint then fail.
  static Result<std::unique_ptr<Log>> open_to_read(LogPlace place);

  const std::string& origin() const { return store_->identity().origin; }
  const std::string& verifier_key() const { return store_->identity().verifier_key; }
  Path public_directory() const { return place_.directory / "public"; }

  // add enters statements, all in one transaction, and returns when they are durable. An entry that
  // is there already, byte for byte, keeps its index. Each must be a statement or DSSE envelope of
  // at most 65,535 bytes; map roots are the log's own to write. Signatures are the caller's to
  // check. While less than place.headroom is free on the disk nothing is taken
  // (rules::log_disk_low, incomplete): what is left lets the log sign and publish what it has.
  Result<std::vector<Added>> add(const std::vector<Bytes>& entries);
  Result<Added> add(const Bytes& entry);

  // lead says whether this process is the one that signs; where several share a store it is asked
  // before each checkpoint. follow makes what another process announced this log's own: it raises
  // the floor, and publishes; false when there was nothing new.
  Result<bool> lead();
  Result<bool> follow();
  // repair mends what rotted, up to the published checkpoint (ledger/repair.h). get,
  // sign_checkpoint and publish do it by themselves, once, where the place names a mirror and
  // damage is found.
  Result<Repaired> repair(TileSource& mirror);
  // sign_checkpoint appends a map root when there are new entries, and gives a note over all
  // entries, signed by the log alone. `now` becomes the map root's issued-at.
  Result<std::string> sign_checkpoint(Time now);
  // freeze ends the log: entries are refused from then on (rules::log_frozen), by this and any
  // later process. Sign and publish first; what is not under a checkpoint then stays so.
  Status freeze();
  bool frozen() const;
  // copy_database writes a copy of the database, as it is now, to a new SQLite file.
  Status copy_database(const Path& file) const;

  // publish writes tiles, then replaces the public checkpoint by `note`, which must carry the log's
  // own signature and be no older than the one that is there.
  Status publish(const std::string& note);
  // checkpoint gives the published note.
  Result<std::string> checkpoint() const;

  Result<Head> head() const;
  // holds says whether a checkpoint is of this log's own tree; a larger one is not.
  bool holds(const transparency::Checkpoint& checkpoint) const;
  Result<Bytes> get(std::uint64_t index) const;
  // find gives indexes in order. `text` is a subject, an issuer, a content type (Field::kind), or a
  // parent's subject.
  Result<std::vector<std::uint64_t>> find(Field field, std::string_view text) const;
  Result<std::optional<std::uint64_t>> find_digest(const Sha256& entry_digest) const;

  // Proofs are against any size up to the head's, published or not.
  Result<InclusionProof> prove_inclusion(std::uint64_t index, std::uint64_t size) const;
  Result<std::vector<Sha256>> prove_consistency(std::uint64_t from, std::uint64_t to) const;

  // make_bundle writes a proof bundle (docs/formats.md) for `subject` under the published
  // checkpoint: its statements, those of all its ancestors, and the status of each of them and of
  // each signing key. Incomplete when the published checkpoint does not cover the subject map yet
  // (ledger/bundle_writer.h, rules::bundle_not_covered): publish first.
  Result<Bytes> make_bundle(const std::string& subject) const;

  Store& store() { return *store_; }

 private:
  Log(LogPlace place, std::unique_ptr<Store> store);
  Result<Bytes> get_locked(std::uint64_t index) const;
  Result<Repaired> repair_locked(TileSource& mirror) const;
  template <typename Act>
  auto mending(Act act) const -> decltype(act());
  Status publish_locked(const std::string& note, const transparency::Checkpoint& next);
  Status check_open() const;
  static Result<std::unique_ptr<Log>> assemble(LogPlace place, std::unique_ptr<Store> store,
                                               std::shared_ptr<const SigningKey> key,
                                               Descriptor lock);

  LogPlace place_;
  Descriptor lock_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Sequencer> sequencer_;  // nothing in a log opened to read
  Publication publication_;
  bool frozen_ = false;
  mutable std::mutex mutex_;
};

}  // namespace attest::ledger

namespace attest::rules {
inline constexpr Rule log_locked{"ledger.log.locked"};
inline constexpr Rule log_frozen{"ledger.log.frozen"};
inline constexpr Rule log_shared{"ledger.log.shared"};
inline constexpr Rule log_disk_low{"ledger.log.disk-low"};
inline constexpr Rule log_no_checkpoint{"ledger.log.no-checkpoint"};
inline constexpr Rule log_not_ours{"ledger.log.not-ours"};
inline constexpr Rule log_checkpoint_older{"ledger.log.checkpoint-older"};
inline constexpr Rule log_no_entry{"ledger.log.no-entry"};
inline constexpr Rule log_proof_range{"ledger.log.proof-range"};
}  // namespace attest::rules
