// Files, behind an interface that tests can make fail at any call.
//
// Everything that must survive a power cut goes through FileSystem: tests replace it by one that
// fails or stops at a chosen call, or that forgets what was never synced. System is the real one.
// Implementations are safe for use from several threads; one File is for one thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "libattest/base/bytes.h"
#include "libattest/base/result.h"

namespace attest {

using Path = std::filesystem::path;

// File is an open file. Its destructor closes it without syncing.
class File {
 public:
  virtual ~File() = default;
  virtual Result<std::uint64_t> size() = 0;
  // read_at fills `buffer` from `offset` and gives how many bytes were there; fewer than asked
  // means the end of the file.
  virtual Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> buffer) = 0;
  virtual Status write_at(std::uint64_t offset, ByteView bytes) = 0;
  virtual Status truncate(std::uint64_t size) = 0;
  // sync returns when data and size are on stable storage (fdatasync).
  virtual Status sync() = 0;
};

enum class OpenMode {
  read,        // must exist
  read_write,  // must exist
  create,      // read and write; made when missing, kept when there
  create_new,  // read and write; must not exist
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  // Permissions apply where the file is made. Symbolic links at the last component are followed.
  virtual Result<std::unique_ptr<File>> open(const Path& path, OpenMode mode,
                                             unsigned permissions = 0644) = 0;
  virtual Status rename(const Path& from, const Path& to) = 0;
  virtual Status remove(const Path& path) = 0;
  // make_directories makes what is missing of `path` and syncs each parent it changed.
  virtual Status make_directories(const Path& path, unsigned permissions = 0755) = 0;
  virtual Status sync_directory(const Path& path) = 0;
  virtual Result<bool> exists(const Path& path) = 0;
  // list gives the names in a directory, sorted, without "." and "..".
  virtual Result<std::vector<std::string>> list(const Path& path) = 0;
};

// system_files is the operating system's file system; it has no state.
FileSystem& system_files();

// read_file reads a whole file of at most `limit` bytes. A file that is missing or may not be read
// is incomplete (rules::file_unreadable), a larger one is refused (rules::file_too_large).
Result<Bytes> read_file(const Path& path, std::uint64_t limit = 64U << 20);
Result<std::string> read_text_file(const Path& path, std::uint64_t limit = 16U << 20);

// write_file_atomically replaces `path` so that after a crash either the old or the new content is
// there, whole: write beside it, sync, rename, sync the directory.
Status write_file_atomically(FileSystem& files, const Path& path, ByteView content,
                             unsigned permissions = 0644);
inline Status write_file_atomically(const Path& path, ByteView content,
                                    unsigned permissions = 0644) {
  return write_file_atomically(system_files(), path, content, permissions);
}

namespace rules {
inline constexpr Rule file_unreadable{"base.file.unreadable"};
inline constexpr Rule file_too_large{"base.file.too-large"};
inline constexpr Rule file_io{"base.file.io"};
}  // namespace rules

}  // namespace attest
