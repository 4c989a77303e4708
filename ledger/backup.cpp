#include "ledger/backup.h"

#include "ledger/entry_form.h"
#include "ledger/fsck.h"
#include "ledger/sqlite_store.h"
#include "ledger/stored_tree.h"
#include "ledger/subject_map_store.h"
#include "libattest/statement/statement.h"
#include "libattest/transparency/checkpoint.h"
#include "libattest/transparency/map_root.h"

namespace attest::ledger {

namespace {

constexpr const char* database_name = "ledger.db";
constexpr std::size_t copied_at_once = 1U << 20;

Status copy_file(FileSystem& files, const Path& from, const Path& to) {
  TRY(auto source, files.open(from, OpenMode::read));
  TRY(auto target, files.open(to, OpenMode::create_new, 0644));
  Bytes piece(copied_at_once);
  for (std::uint64_t at = 0;;) {
    TRY(const std::size_t got, source->read_at(at, piece));
    if (got == 0) break;
    TRY_VOID(target->write_at(at, ByteView(piece).first(got)));
    at += got;
  }
  TRY_VOID(target->sync());
  return files.sync_directory(to.parent_path());
}

Result<transparency::VerifiedCheckpoint> verified(const LogIdentity& identity,
                                                  const std::string& note) {
  TRY(auto key, transparency::VerifierKey::parse(identity.verifier_key));
  return transparency::verify_checkpoint(as_bytes(note),
                                         {identity.origin, {std::move(key)}, {}, 0});
}

Status check_sound(Store& store) {
  TRY(const AuditReport report, fsck(store, 1));
  if (report.findings.empty()) return {};
  const Finding& first = report.findings.front();
  return fail(refused(rules::restore_damaged, "the backup is damaged")
                  .found(first.what)
                  .within(first.file)
                  .next("take another backup"));
}

// RecoveredCommit gathers entries until a map root closes them.
class RecoveredCommit {
 public:
  static Result<RecoveredCommit> begin(Store& store, const Head& head) {
    RecoveredCommit begun(store, head);
    TRY(begun.tree_, GrowingTree::load(store, head.size, head.root));
    // Entries that the map does not cover yet are part of the next map root.
    for (std::uint64_t index = head.map_size; index < head.size; ++index) {
      TRY(const auto entries, store.entries(index, 1));
      TRY_VOID(begun.map(index, entries.front()));
    }
    return begun;
  }

  Status take(ByteView entry) {
    const std::uint64_t index = tree_.size();
    TRY(const EntryForm form, form_of(entry));
    if (form.is_map_root)
      TRY_VOID(close_map(entry));
    else
      TRY_VOID(map(index, entry));
    tree_.append(transparency::leaf_hash(entry));
    commit_.entries.push_back({to_bytes(entry), sha256(entry), lookups_of(form)});
    if (form.is_map_root) commit_.to.map_size = tree_.size();
    return {};
  }

  Result<Head> finish() {
    commit_.tiles = tree_.take_changed();
    commit_.to.size = tree_.size();
    commit_.to.root = tree_.root();
    TRY_VOID(store_->commit(commit_));
    return commit_.to;
  }

 private:
  RecoveredCommit(Store& store, const Head& head)
      : store_(&store), commit_{head, head, {}, {}, {}}, update_(store) {}

  Status map(std::uint64_t index, ByteView entry) {
    TRY(const EntryForm form, form_of(entry));
    for (const std::string& subject : form.subjects)
      TRY_VOID(
          update_.add(transparency::subject_key(subject), index, transparency::leaf_hash(entry)));
    return {};
  }

  Status close_map(ByteView entry) {
    TRY(const auto statement, statement::parse_statement(entry));
    TRY(const auto claimed, transparency::decode_map_root(statement.payload()));
    TRY(auto outcome, update_.finish());
    commit_.to.map_subjects += update_.new_subjects();
    if (claimed.root != outcome.root || claimed.subjects != commit_.to.map_subjects)
      return fail(refused(rules::restore_fork, "a map root is not that of the entries before it")
                      .within("entry " + std::to_string(tree_.size())));
    commit_.map_nodes = std::move(outcome.nodes);
    return {};
  }

  Store* store_;
  Commit commit_;
  GrowingTree tree_;
  SubjectMapUpdate update_;
};

Result<Bytes> bundle_from(TileSource& mirror, std::uint64_t number, std::uint64_t size) {
  const unsigned width = transparency::width_in_tree(0, number, size);
  const std::string path = transparency::tile_path({0, number, width, true});
  TRY(auto found, mirror.read(path));
  if (!found)
    return fail(incomplete(rules::restore_missing, "the mirror lacks entries")
                    .within(path)
                    .next("name another mirror"));
  return *std::move(found);
}

}  // namespace

Status recover_entries(Store& store, TileSource& mirror, std::uint64_t to) {
  TRY(Head head, store.head());
  std::optional<RecoveredCommit> commit;
  for (std::uint64_t number = head.size / tile_width; number * tile_width < to; ++number) {
    TRY(const Bytes bundle, bundle_from(mirror, number, to));
    const unsigned width = transparency::width_in_tree(0, number, to);
    TRY(const auto entries, transparency::parse_bundle(bundle, width));
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const std::uint64_t index = number * tile_width + i;
      if (index < head.size) continue;
      if (!commit) {
        TRY(commit, RecoveredCommit::begin(store, head));
      }
      TRY_VOID(commit->take(entries[i]));
      TRY(const EntryForm form, form_of(entries[i]));
      if (!form.is_map_root && index + 1 != to) continue;
      TRY(head, commit->finish());
      commit.reset();
    }
  }
  return {};
}

Status back_up(Log& log, FileSystem& files, const Path& target) {
  TRY_VOID(files.make_directories(target));
  TRY(const bool there, files.exists(target / database_name));
  if (there)
    return fail(refused(rules::store_exists, "a backup is there already").within(target.string()));
  TRY(const std::string note, log.checkpoint());
  TRY_VOID(log.copy_database(target / database_name));
  return write_file_atomically(files, target / "checkpoint", as_bytes(note));
}

Result<Restored> restore(const Path& backup, const LogPlace& place,
                         const std::string& newest_checkpoint, TileSource* mirror) {
  const Path database = place.directory / database_name;
  TRY(const bool there, place.files->exists(database));
  if (there)
    return fail(refused(rules::store_exists, "a log is there already").within(database.string()));
  TRY_VOID(place.files->make_directories(place.directory));
  // Until it is whole the copy has another name: a crash leaves no log that could be opened.
  const Path part = place.directory / "restoring" / database_name;
  std::filesystem::remove_all(part.parent_path());
  TRY_VOID(place.files->make_directories(part.parent_path()));
  TRY_VOID(copy_file(*place.files, backup / database_name, part));
  Restored restored;
  {
    TRY(const auto store, SqliteStore::open(part));
    TRY_WITHIN("checkpoint", const auto newest, verified(store->identity(), newest_checkpoint));
    TRY(Head head, store->head());
    TRY_VOID(check_sound(*store));
    restored = {head.size, 0, newest.size(), store->identity().origin};
    if (head.size < newest.size()) {
      if (mirror == nullptr)
        return fail(refused(rules::restore_behind, "the backup is older than what was signed")
                        .expected("at least " + std::to_string(newest.size()) + " entries")
                        .found(std::to_string(head.size))
                        .next("name the published tiles: --mirror DIR or URL"));
      TRY_VOID(recover_entries(*store, *mirror, newest.size()));
      TRY(head, store->head());
      restored.recovered = head.size - restored.in_backup;
    }
    TRY(const Sha256 root,
        transparency::root_from_nodes(newest.size(), stored_nodes(*store, newest.size())));
    if (root != newest.root())
      return fail(
          refused(rules::restore_fork, "the backup is of another history than the checkpoint")
              .expected(to_hex(newest.root()))
              .found(to_hex(root)));
    const Path floor_file = place.floor.empty() ? place.directory / "signing-floor" : place.floor;
    TRY(const bool floored, place.files->exists(floor_file));
    TRY(SigningFloor floor, floored
                                ? SigningFloor::open(*place.files, floor_file, restored.origin)
                                : SigningFloor::create(*place.files, floor_file, restored.origin));
    if (floor.value().size > head.size)
      return fail(refused(rules::restore_behind, "the signing floor knows a longer log")
                      .expected("at least " + std::to_string(floor.value().size) + " entries")
                      .found(std::to_string(head.size)));
    if (floor.value().size < newest.size()) TRY_VOID(floor.advance({newest.size(), newest.root()}));
    const Publication publication(*place.files, place.directory / "public");
    TRY_VOID(publication.write_tiles(*store, 0, newest.size()));
    TRY_VOID(publication.replace_checkpoint(newest_checkpoint));
  }
  TRY_VOID(place.files->rename(part, database));
  TRY_VOID(place.files->sync_directory(place.directory));
  std::filesystem::remove_all(part.parent_path());
  return restored;
}

}  // namespace attest::ledger
