#include "ledger/log.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/file.h>

#include "ledger/bundle_writer.h"
#include "ledger/entry_form.h"
#include "ledger/store_place.h"

namespace attest::ledger {

namespace {

using transparency::VerifierKey;

Path floor_of(const LogPlace& place) {
  return place.floor.empty() ? place.directory / "signing-floor" : place.floor;
}
constexpr const char* frozen_name = "frozen";

// The lock keeps two processes from racing for the floor; the database's own compare-and-set keeps
// them from making two histories. It goes with the process, however that ends.
Result<Descriptor> take_lock(const Path& directory) {
  const Path path = directory / "writer.lock";
  Descriptor lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!lock.valid())
    return fail(system_fault(rules::file_io, "cannot be opened", errno).within(path.string()));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno != EWOULDBLOCK)
    return fail(system_fault(rules::file_io, "cannot be locked", errno).within(path.string()));
  return fail(incomplete(rules::log_locked, "another process writes this log")
                  .within(directory.string())
                  .next("ask the verifierd that serves it, or stop it first"));
}

transparency::NoteKeyType note_type(const SigningKey& key) {
  return key.public_key().kind() == KeyKind::ed25519 ? transparency::NoteKeyType::ed25519
                                                     : transparency::NoteKeyType::ecdsa;
}

// own_checkpoint verifies that this log signed the note.
Result<transparency::VerifiedCheckpoint> own_checkpoint(const LogIdentity& identity,
                                                        const std::string& note) {
  TRY(auto key, VerifierKey::parse(identity.verifier_key));
  return transparency::verify_checkpoint(as_bytes(note),
                                         {identity.origin, {std::move(key)}, {}, 0});
}

Error no_checkpoint() {
  return incomplete(rules::log_no_checkpoint, "the log has published no checkpoint yet");
}

}  // namespace

Log::Log(LogPlace place, std::unique_ptr<Store> store)
    : place_(std::move(place)),
      store_(std::move(store)),
      publication_(*place_.files, place_.directory / "public") {}

Result<std::unique_ptr<Log>> Log::assemble(LogPlace place, std::unique_ptr<Store> store,
                                           std::shared_ptr<const SigningKey> key, Descriptor lock) {
  TRY(auto floor, SigningFloor::open(*place.files, floor_of(place), store->identity().origin));
  TRY(auto sequencer, Sequencer::make(*store, std::move(floor), std::move(key), place.deduplicate));
  std::unique_ptr<Log> log(new Log(std::move(place), std::move(store)));
  log->lock_ = std::move(lock);
  TRY(log->frozen_, log->place_.files->exists(log->place_.directory / frozen_name));
  log->sequencer_ = std::make_unique<Sequencer>(std::move(sequencer));
  return log;
}

Result<std::unique_ptr<Log>> Log::init(LogPlace place, const std::string& origin,
                                       std::shared_ptr<const SigningKey> key) {
  TRY_VOID(place.files->make_directories(place.directory));
  TRY(auto lock, take_lock(place.directory));
  TRY(const auto verifier, VerifierKey::make(origin, note_type(*key), key->public_key()));
  TRY(const bool signed_before, place.files->exists(floor_of(place)));
  TRY(const bool made_before, store_exists(place, origin));
  // A crash between the two leaves a database and no floor: init again only writes the floor.
  std::unique_ptr<Store> store;
  if (made_before && !signed_before) {
    TRY_VOID(name_store(place, origin));
    TRY(store, open_store(place, true));
    TRY(const Head head, store->head());
    if (head.size != 0 || store->identity() != LogIdentity{origin, verifier.to_string()})
      return fail(refused(rules::store_exists, "a database is there already")
                      .within(place.store.empty() ? place.directory.string() : place.store)
                      .next("a log in PostgreSQL is shared with: attestctl ledger init --join"));
  } else {
    if (signed_before)
      return fail(refused(rules::floor_exists, "a log was made here already")
                      .within(floor_of(place).string()));
    TRY_VOID(name_store(place, origin));
    TRY(store, create_store(place, {origin, verifier.to_string()}));
  }
  TRY_VOID(SigningFloor::create(*place.files, floor_of(place), origin));
  TRY(auto log, assemble(std::move(place), std::move(store), std::move(key), std::move(lock)));
  TRY_VOID(log->lead());
  TRY(const std::string first, log->sign_checkpoint(Time{}));
  TRY_VOID(log->publish(first));
  return log;
}

Result<std::unique_ptr<Log>> Log::join(LogPlace place, const std::string& origin,
                                       std::shared_ptr<const SigningKey> key) {
  if (place.store.empty()) return fail(usage_error("only a log in PostgreSQL can be joined"));
  TRY_VOID(place.files->make_directories(place.directory));
  TRY(auto lock, take_lock(place.directory));
  TRY_VOID(name_store(place, origin));
  TRY(std::unique_ptr<Store> store, open_store(place, true));
  TRY(auto floor, SigningFloor::create(*place.files, floor_of(place), origin));
  (void)floor;
  TRY(auto log, assemble(std::move(place), std::move(store), std::move(key), std::move(lock)));
  TRY_VOID(log->follow());
  return log;
}

Result<std::unique_ptr<Log>> Log::open(LogPlace place, std::shared_ptr<const SigningKey> key) {
  TRY(const bool there, place.files->exists(place.directory));
  if (!there) return open_to_read(std::move(place));  // says that there is none
  TRY(auto lock, take_lock(place.directory));
  TRY(std::unique_ptr<Store> store, open_store(place, true));
  return assemble(std::move(place), std::move(store), std::move(key), std::move(lock));
}

Result<std::unique_ptr<Log>> Log::open_to_read(LogPlace place) {
  TRY(std::unique_ptr<Store> store, open_store(place, false));
  return std::unique_ptr<Log>(new Log(std::move(place), std::move(store)));
}

Result<std::vector<Added>> Log::add(const std::vector<Bytes>& entries) {
  const std::lock_guard lock(mutex_);
  if (sequencer_ == nullptr) return fail(usage_error("this log was opened to read"));
  TRY_VOID(check_open());
  return sequencer_->append(entries);
}

Status Log::check_open() const {
  if (frozen_)
    return fail(refused(rules::log_frozen, "the log is frozen and takes no entries")
                    .within(place_.directory.string())
                    .next("enter it in the log that follows this one"));
  std::error_code unknown;
  const auto space = std::filesystem::space(place_.directory, unknown);
  if (unknown || space.available >= place_.headroom) return {};
  return fail(incomplete(rules::log_disk_low, "the disk is nearly full: the log takes no entries")
                  .expected("at least " + std::to_string(place_.headroom) + " bytes free")
                  .found(std::to_string(space.available))
                  .next("free some space: the log goes on by itself; nothing was lost"));
}

Status Log::freeze() {
  const std::lock_guard lock(mutex_);
  if (sequencer_ == nullptr) return fail(usage_error("this log was opened to read"));
  TRY(const StoreName name, store_of(place_));
  if (!name.url.empty())
    return fail(refused(rules::log_shared,
                        "a log in PostgreSQL cannot be frozen: other processes "
                        "would go on")
                    .next("stop all that write it, then revoke the database role's right to"));
  TRY_VOID(write_file_atomically(*place_.files, place_.directory / frozen_name,
                                 as_bytes("attest-frozen/v1\n")));
  frozen_ = true;
  return {};
}

bool Log::frozen() const {
  const std::lock_guard lock(mutex_);
  return frozen_;
}

Status Log::copy_database(const Path& file) const {
  const std::lock_guard lock(mutex_);
  return store_->copy_to(file);
}

Result<Added> Log::add(const Bytes& entry) {
  TRY(const auto added, add(std::vector<Bytes>{entry}));
  return added.front();
}

Result<Repaired> Log::repair(TileSource& mirror) {
  const std::lock_guard lock(mutex_);
  return repair_locked(mirror);
}

Result<Repaired> Log::repair_locked(TileSource& mirror) const {
  TRY(const auto note, publication_.checkpoint());
  if (!note) return fail(no_checkpoint());
  TRY(const auto verified, own_checkpoint(store_->identity(), *note));
  TRY_VOID(store_->head());
  return ledger::repair(*store_, mirror, verified.size(), verified.root());
}

// mending does something again after damage that it met was repaired.
template <typename Act>
auto Log::mending(Act act) const -> decltype(act()) {
  auto done = act();
  if (done || done.error().rule != rules::store_damaged || place_.mirror == nullptr) return done;
  const auto repaired = repair_locked(*place_.mirror);
  if (!repaired) {
    done.error().next("it was not repaired: " + repaired.error().to_string());
    return done;
  }
  return act();
}

Result<bool> Log::lead() {
  const std::lock_guard lock(mutex_);
  if (sequencer_ == nullptr) return fail(usage_error("this log was opened to read"));
  return store_->lead();
}

Result<bool> Log::follow() {
  const std::lock_guard lock(mutex_);
  if (sequencer_ == nullptr) return fail(usage_error("this log was opened to read"));
  TRY(const auto note, store_->announced());
  TRY(const auto visible, publication_.checkpoint());
  if (!note || note == visible) return false;
  TRY_WITHIN("the announced checkpoint", const auto next,
             own_checkpoint(store_->identity(), *note));
  TRY_VOID(sequencer_->saw_signed({next.size(), next.root()}));
  TRY_VOID(publish_locked(*note, next.checkpoint()));
  return true;
}

Result<std::string> Log::sign_checkpoint(Time now) {
  const std::lock_guard lock(mutex_);
  if (sequencer_ == nullptr) return fail(usage_error("this log was opened to read"));
  return mending([&] { return sequencer_->sign_checkpoint(now); });
}

Status Log::publish(const std::string& note) {
  TRY(const auto next, own_checkpoint(store_->identity(), note));
  const std::lock_guard lock(mutex_);
  TRY_VOID(mending([&] { return publish_locked(note, next.checkpoint()); }));
  return store_->announce(note, next.size());
}

Status Log::publish_locked(const std::string& note, const transparency::Checkpoint& next) {
  TRY(const Head head, store_->head());
  if (next.size > head.size)
    return fail(refused(rules::log_not_ours, "the checkpoint is larger than the log"));
  TRY(const Sha256 root,
      transparency::root_from_nodes(next.size, stored_nodes(*store_, next.size)));
  if (root != next.root)
    return fail(refused(rules::log_not_ours, "the checkpoint is of another tree")
                    .expected(to_hex(root))
                    .found(to_hex(next.root)));
  TRY(const auto visible, publication_.checkpoint());
  std::uint64_t published = 0;
  if (visible) {
    TRY(const auto old, own_checkpoint(store_->identity(), *visible));
    published = old.size();
  }
  if (next.size < published)
    return fail(refused(rules::log_checkpoint_older, "a newer checkpoint is published already")
                    .expected("at least size " + std::to_string(published))
                    .found(std::to_string(next.size)));
  TRY_VOID(publication_.write_tiles(*store_, published, next.size));
  return publication_.replace_checkpoint(note);
}

Result<std::string> Log::checkpoint() const {
  TRY(auto note, publication_.checkpoint());
  if (!note) return fail(no_checkpoint());
  return *std::move(note);
}

Result<Head> Log::head() const {
  const std::lock_guard lock(mutex_);
  return store_->head();
}

bool Log::holds(const transparency::Checkpoint& checkpoint) const {
  const std::lock_guard lock(mutex_);
  const auto head = store_->head();
  if (!head || checkpoint.size > head->size) return false;
  const auto root =
      transparency::root_from_nodes(checkpoint.size, stored_nodes(*store_, checkpoint.size));
  return root && *root == checkpoint.root;
}

Result<Bytes> Log::get(std::uint64_t index) const {
  const std::lock_guard lock(mutex_);
  return mending([&] { return get_locked(index); });
}

Result<Bytes> Log::get_locked(std::uint64_t index) const {
  TRY(const Head head, store_->head());
  if (index >= head.size)
    return fail(refused(rules::log_no_entry, "the log has no such entry")
                    .expected("an index below " + std::to_string(head.size))
                    .found(std::to_string(index)));
  TRY(auto entries, store_->entries(index, 1));
  TRY(const Bytes tile,
      stored_tile(*store_, 0, index / tile_width, static_cast<unsigned>(index % tile_width) + 1));
  if (!equal(transparency::leaf_hash(entries.front()), ByteView(tile).last(sizeof(Sha256))))
    return fail(fault(rules::store_damaged, "an entry in the database was altered")
                    .within("entry " + std::to_string(index))
                    .next("run: attestctl ledger fsck"));
  return std::move(entries.front());
}

Result<std::vector<std::uint64_t>> Log::find(Field field, std::string_view text) const {
  const std::lock_guard lock(mutex_);
  TRY(const Head head, store_->head());
  return store_->find(lookup_for(field, text), head.size);
}

Result<std::optional<std::uint64_t>> Log::find_digest(const Sha256& entry_digest) const {
  const std::lock_guard lock(mutex_);
  TRY_VOID(store_->head());
  return store_->index_of(entry_digest);
}

Result<InclusionProof> Log::prove_inclusion(std::uint64_t index, std::uint64_t size) const {
  const std::lock_guard lock(mutex_);
  TRY(const Head head, store_->head());
  if (size > head.size || index >= size)
    return fail(refused(rules::log_proof_range, "no such proof in this log")
                    .expected("index < size ≤ " + std::to_string(head.size))
                    .found("index " + std::to_string(index) + ", size " + std::to_string(size)));
  TRY(auto path, transparency::prove_inclusion(index, size, stored_nodes(*store_, size)));
  return InclusionProof{index, size, std::move(path)};
}

Result<std::vector<Sha256>> Log::prove_consistency(std::uint64_t from, std::uint64_t to) const {
  const std::lock_guard lock(mutex_);
  TRY(const Head head, store_->head());
  if (to > head.size || from > to)
    return fail(refused(rules::log_proof_range, "no such proof in this log")
                    .expected("from ≤ to ≤ " + std::to_string(head.size))
                    .found("from " + std::to_string(from) + " to " + std::to_string(to)));
  return transparency::prove_consistency(from, to, stored_nodes(*store_, to));
}

Result<Bytes> Log::make_bundle(const std::string& subject) const {
  const std::lock_guard lock(mutex_);
  TRY(const auto note, publication_.checkpoint());
  if (!note) return fail(no_checkpoint());
  TRY(const auto verified, own_checkpoint(store_->identity(), *note));
  return write_bundle(*store_, *note, verified.checkpoint(), subject);
}

}  // namespace attest::ledger
