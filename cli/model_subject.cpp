#include "cli/model_subject.h"

#include "libattest/base/text.h"
#include "libattest/model/block_tree.h"
#include "libattest/model/digest.h"
#include "libattest/model/directory.h"

namespace attest::cli {

namespace {

model::Progress progress_of(Terminal* terminal, const std::string& name) {
  if (terminal == nullptr) return {};
  return [terminal, name](std::uint64_t done, std::uint64_t total) {
    terminal->progress("hashing " + name, done, total);
  };
}

bool is_folder(const Path& path) {
  std::error_code ignored;
  return std::filesystem::is_directory(path, ignored);
}

}  // namespace

Result<std::vector<statement::ModelFile>> files_of(const Path& path, Terminal* terminal) {
  std::vector<statement::ModelFile> files;
  if (!is_folder(path)) {
    const std::string name = path.filename().string();
    TRY(const auto digests, model::digest_file(path, progress_of(terminal, name)));
    files.push_back({name, digests.size, digests.sha256, digests.fsverity});
    return files;
  }
  TRY_WITHIN(path.string(), const auto directory, model::ModelDirectory::open(path));
  TRY_WITHIN(path.string(), const auto listed, directory.list(model::Symlinks::refuse, {".git"}));
  for (const model::DirectoryFile& each : listed) {
    TRY_WITHIN(path.string(), const auto file,
               directory.open_file(each.name, model::Symlinks::refuse));
    TRY_WITHIN(path.string(), const auto digests,
               model::digest_file(*file, progress_of(terminal, each.name)));
    files.push_back({each.name, digests.size, digests.sha256, digests.fsverity});
  }
  return files;
}

Result<OwnedModel> OwnedModel::read(const Path& path) {
  constexpr std::uint64_t largest = 1ULL << 40;
  OwnedModel model;
  if (!is_folder(path)) {
    TRY(Bytes content, read_file(path, largest));
    model.contents_.emplace(path.filename().string(), std::move(content));
    return model;
  }
  TRY_WITHIN(path.string(), const auto directory, model::ModelDirectory::open(path));
  TRY_WITHIN(path.string(), const auto listed, directory.list(model::Symlinks::refuse, {".git"}));
  for (const model::DirectoryFile& each : listed) {
    TRY_WITHIN(path.string(), const auto file,
               directory.open_file(each.name, model::Symlinks::refuse));
    Bytes content(each.identity.size);
    TRY_WITHIN(path.string(), const std::size_t got, file->read_at(0, content));
    if (got != content.size())
      return fail(refused(rules::file_changed, "a file became shorter while it was read")
                      .within(path.string() + "/" + printable(each.name)));
    model.contents_.emplace(each.name, std::move(content));
  }
  return model;
}

Result<statement::Subject> subject_of_path(const Path& path) {
  statement::ModelRelease release;
  TRY(release.files, files_of(path));
  return statement::subject_of(release);
}

Status write_beside(const Path& path, ByteView bundle) {
  const Path folder = (path.has_filename() ? path : path.parent_path()).string() + ".attest";
  TRY_VOID(system_files().make_directories(folder));
  if (!is_folder(path)) {
    TRY(const auto opened, system_files().open(path, OpenMode::read));
    TRY(const auto digests, model::digest_file_with_leaves(*opened));
    TRY_VOID(write_file_atomically(folder / "tree", model::make_block_tree(digests.leaves)));
  }
  return write_file_atomically(folder / "bundle.cbor", bundle);
}

}  // namespace attest::cli
