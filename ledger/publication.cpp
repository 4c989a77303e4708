#include "ledger/publication.h"

#include "ledger/stored_tree.h"
#include "libattest/transparency/tile.h"

namespace attest::ledger {

namespace {

constexpr std::uint64_t longest_note = 1U << 20;

Result<Bytes> content_of(Store& store, const transparency::Tile& tile, std::uint64_t size) {
  if (!tile.entries) return stored_tile(store, tile.level, tile.index, tile.width);
  TRY(const auto entries, check_entries(store, tile.index, size));
  return transparency::format_bundle(entries);
}

}  // namespace

Status Publication::write_once(const std::string& relative, ByteView content) const {
  const Path path = directory_ / relative;
  TRY_VOID(files_->make_directories(path.parent_path()));
  return write_file_atomically(*files_, path, content);
}

Status Publication::write_tiles(Store& store, std::uint64_t published, std::uint64_t size) const {
  for (const transparency::Tile& tile : transparency::new_tiles(published, size, true)) {
    TRY(const Bytes content, content_of(store, tile, size));
    TRY_VOID(write_once(transparency::tile_path(tile), content));
  }
  return {};
}

Status Publication::replace_checkpoint(const std::string& note) const {
  return write_once("checkpoint", as_bytes(note));
}

Result<std::optional<std::string>> Publication::checkpoint() const {
  const Path path = directory_ / "checkpoint";
  TRY(const bool there, files_->exists(path));
  if (!there) return std::optional<std::string>{};
  TRY(auto file, files_->open(path, OpenMode::read));
  TRY(const std::uint64_t size, file->size());
  if (size > longest_note)
    return fail(
        refused(rules::file_too_large, "the checkpoint is too large").within(path.string()));
  std::string note(static_cast<std::size_t>(size), '\0');
  TRY(const std::size_t got, file->read_at(0, std::as_writable_bytes(std::span(note))));
  note.resize(got);
  return note;
}

Status export_log(Store& store, const std::string& checkpoint_note, std::uint64_t size,
                  FileSystem& files, const Path& target) {
  const Publication copy(files, target);
  TRY_VOID(copy.write_tiles(store, 0, size));
  return copy.replace_checkpoint(checkpoint_note);
}

}  // namespace attest::ledger
