#include "tests/support/stopping.h"

#include <sqlite3.h>
#include <unistd.h>

namespace attest {

void StopAt::end() const {
  if (platter != nullptr) platter->leave_behind();
  _exit(stopped_status);
}

namespace {

void step(StopAt& stop) {
  if (stop.last_step()) stop.end();
}

class StoppingFile final : public File {
 public:
  StoppingFile(std::unique_ptr<File> file, Path path, StopAt& stop)
      : file_(std::move(file)), path_(std::move(path)), stop_(&stop) {}
  Result<std::uint64_t> size() override { return file_->size(); }
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> buffer) override {
    return file_->read_at(offset, buffer);
  }
  Status write_at(std::uint64_t offset, ByteView bytes) override {
    if (stop_->last_step()) {
      if (stop_->torn) (void)file_->write_at(offset, bytes.first(bytes.size() / 2));
      stop_->end();
    }
    return file_->write_at(offset, bytes);
  }
  Status truncate(std::uint64_t size) override {
    step(*stop_);
    return file_->truncate(size);
  }
  Status sync() override {
    step(*stop_);
    if (stop_->platter != nullptr) stop_->platter->file_synced(path_);
    return {};
  }

 private:
  std::unique_ptr<File> file_;
  Path path_;
  StopAt* stop_;
};

}  // namespace

Result<std::unique_ptr<File>> StoppingFiles::open(const Path& path, OpenMode mode,
                                                  unsigned permissions) {
  if (mode != OpenMode::read) step(*stop_);
  TRY(auto file, system_files().open(path, mode, permissions));
  return std::make_unique<StoppingFile>(std::move(file), path, *stop_);
}

Status StoppingFiles::rename(const Path& from, const Path& to) {
  step(*stop_);
  return system_files().rename(from, to);
}
Status StoppingFiles::remove(const Path& path) {
  step(*stop_);
  return system_files().remove(path);
}
Status StoppingFiles::make_directories(const Path& path, unsigned) {
  step(*stop_);
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return fail(fault(rules::file_io, "cannot be made").within(path.string()));
  return {};
}
Status StoppingFiles::sync_directory(const Path& path) {
  step(*stop_);
  if (stop_->platter != nullptr) stop_->platter->directory_synced(path);
  return {};
}
Result<bool> StoppingFiles::exists(const Path& path) {
  return system_files().exists(path);
}
Result<std::vector<std::string>> StoppingFiles::list(const Path& path) {
  return system_files().list(path);
}

namespace {

// SQLite hands out room for its file object; ours comes first in it, the real one follows.
struct LayeredFile {
  sqlite3_file base;
  sqlite3_file* real;
  const char* name;  // SQLite keeps it while the file is open
};

StopAt* vfs_stop = nullptr;
sqlite3_vfs* real_vfs = nullptr;

sqlite3_file* real_file(sqlite3_file* file) {
  return reinterpret_cast<LayeredFile*>(file)->real;
}
const sqlite3_io_methods& real_methods(sqlite3_file* file) {
  return *real_file(file)->pMethods;
}

int close_file(sqlite3_file* file) {
  return real_methods(file).xClose(real_file(file));
}
int read_file_part(sqlite3_file* file, void* buffer, int amount, sqlite3_int64 offset) {
  return real_methods(file).xRead(real_file(file), buffer, amount, offset);
}
int write_file_part(sqlite3_file* file, const void* buffer, int amount, sqlite3_int64 offset) {
  if (vfs_stop->last_step()) {
    if (vfs_stop->torn)
      (void)real_methods(file).xWrite(real_file(file), buffer, amount / 2, offset);
    vfs_stop->end();
  }
  return real_methods(file).xWrite(real_file(file), buffer, amount, offset);
}
int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
  step(*vfs_stop);
  return real_methods(file).xTruncate(real_file(file), size);
}
// Its own layer syncs the directory of a journal or write-ahead log that it made.
int sync_file(sqlite3_file* file, int) {
  step(*vfs_stop);
  if (vfs_stop->platter == nullptr) return SQLITE_OK;
  const Path path = reinterpret_cast<LayeredFile*>(file)->name;
  vfs_stop->platter->file_synced(path);
  vfs_stop->platter->directory_synced(path.parent_path());
  return SQLITE_OK;
}
int file_size(sqlite3_file* file, sqlite3_int64* size) {
  return real_methods(file).xFileSize(real_file(file), size);
}
int lock_file(sqlite3_file* file, int level) {
  return real_methods(file).xLock(real_file(file), level);
}
int unlock_file(sqlite3_file* file, int level) {
  return real_methods(file).xUnlock(real_file(file), level);
}
int check_reserved(sqlite3_file* file, int* result) {
  return real_methods(file).xCheckReservedLock(real_file(file), result);
}
int file_control(sqlite3_file* file, int operation, void* argument) {
  return real_methods(file).xFileControl(real_file(file), operation, argument);
}
int sector_size(sqlite3_file* file) {
  return real_methods(file).xSectorSize(real_file(file));
}
int characteristics(sqlite3_file* file) {
  return real_methods(file).xDeviceCharacteristics(real_file(file));
}
int map_shared(sqlite3_file* file, int page, int size, int extend, void volatile** mapped) {
  return real_methods(file).xShmMap(real_file(file), page, size, extend, mapped);
}
int lock_shared(sqlite3_file* file, int offset, int count, int flags) {
  return real_methods(file).xShmLock(real_file(file), offset, count, flags);
}
void barrier_shared(sqlite3_file* file) {
  real_methods(file).xShmBarrier(real_file(file));
}
int unmap_shared(sqlite3_file* file, int remove) {
  return real_methods(file).xShmUnmap(real_file(file), remove);
}

sqlite3_io_methods stopping_methods() {
  sqlite3_io_methods methods{};
  methods.iVersion = 2;  // with shared memory, for the write-ahead log
  methods.xClose = close_file;
  methods.xRead = read_file_part;
  methods.xWrite = write_file_part;
  methods.xTruncate = truncate_file;
  methods.xSync = sync_file;
  methods.xFileSize = file_size;
  methods.xLock = lock_file;
  methods.xUnlock = unlock_file;
  methods.xCheckReservedLock = check_reserved;
  methods.xFileControl = file_control;
  methods.xSectorSize = sector_size;
  methods.xDeviceCharacteristics = characteristics;
  methods.xShmMap = map_shared;
  methods.xShmLock = lock_shared;
  methods.xShmBarrier = barrier_shared;
  methods.xShmUnmap = unmap_shared;
  return methods;
}

int open_file(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  static const sqlite3_io_methods methods = stopping_methods();
  auto* layered = reinterpret_cast<LayeredFile*>(file);
  layered->real = reinterpret_cast<sqlite3_file*>(layered + 1);
  layered->name = name;
  const int code = real_vfs->xOpen(real_vfs, name, layered->real, flags, out_flags);
  layered->base.pMethods = layered->real->pMethods == nullptr ? nullptr : &methods;
  return code;
}
int delete_file(sqlite3_vfs*, const char* name, int) {
  step(*vfs_stop);
  return real_vfs->xDelete(real_vfs, name, 0);
}

}  // namespace

void register_stopping_vfs(StopAt& stop) {
  vfs_stop = &stop;
  real_vfs = sqlite3_vfs_find(nullptr);
  static sqlite3_vfs layer = *real_vfs;
  layer.zName = "stopping";
  layer.pNext = nullptr;
  layer.szOsFile = static_cast<int>(sizeof(LayeredFile)) + real_vfs->szOsFile;
  layer.xOpen = open_file;
  layer.xDelete = delete_file;
  sqlite3_vfs_register(&layer, 0);
}

}  // namespace attest
