// A model's directory, read so that nothing outside of it is ever reached and nothing but regular
// files is ever opened.
//
// The directory is opened once; every name below it is resolved by the kernel beneath that
// descriptor (openat2, RESOLVE_BENEATH), so neither "..", nor a link, nor a swap while we look
// leads out. FIFOs, sockets and devices are never opened: a FIFO would block, a device may act.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "libattest/base/descriptor.h"
#include "libattest/base/file.h"

namespace attest::model {

// FileIdentity is what tells whether a name still leads to the same, unchanged file. Change time is
// set by the kernel whenever content or attributes change, and cannot be set back by a program.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;
  std::int64_t changed_ns = 0;
  friend auto operator<=>(const FileIdentity&, const FileIdentity&) = default;
};

// OpenedFile is a regular file open for reading. For one thread at a time.
class OpenedFile final : public File {
 public:
  // of refuses (rules::directory_special) a descriptor of anything but a regular file.
  static Result<std::unique_ptr<OpenedFile>> of(Descriptor descriptor, std::string name);
  // open opens a path from outside of any directory, following links.
  static Result<std::unique_ptr<OpenedFile>> open(const Path& path);

  // identity asks the kernel anew.
  Result<FileIdentity> identity() const;
  int descriptor() const { return descriptor_.get(); }
  const std::string& name() const { return name_; }

  Result<std::uint64_t> size() override;
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> buffer) override;
  Status write_at(std::uint64_t offset, ByteView bytes) override;
  Status truncate(std::uint64_t size) override;
  Status sync() override;

 private:
  OpenedFile(Descriptor descriptor, std::string name)
      : descriptor_(std::move(descriptor)), name_(std::move(name)) {}
  Descriptor descriptor_;
  std::string name_;
};

enum class Symlinks {
  refuse,         // a link anywhere is refused
  follow_inside,  // links are followed as long as they stay inside and lead in no circle
};

struct DirectoryFile {
  std::string name;  // relative, '/' between its parts
  FileIdentity identity;
  friend bool operator==(const DirectoryFile&, const DirectoryFile&) = default;
};

class ModelDirectory {
 public:
  static Result<ModelDirectory> open(const Path& path);

  // list gives every regular file below, in the order of their names' bytes, which for UTF-8 is
  // that of code points. `left_out` are exact relative paths; with a directory goes all below it.
  // Refused: links as `symlinks` says (rules::directory_symlink, and rules::directory_outside,
  // rules::directory_cycle where they are followed), other kinds of files
  // (rules::directory_special), names that are not UTF-8 (rules::directory_name), more than 64
  // levels or 1,000,000 entries (rules::directory_limit).
  Result<std::vector<DirectoryFile>> list(Symlinks symlinks,
                                          const std::set<std::string>& left_out = {}) const;

  // open_file opens one file by its relative name, beneath this directory. A file that is not there
  // is refused (rules::directory_missing).
  Result<std::unique_ptr<OpenedFile>> open_file(const std::string& name, Symlinks symlinks) const;

  // folder opens a directory below this one; "." is this one again.
  Result<ModelDirectory> folder(const std::string& name) const;

 private:
  ModelDirectory(Descriptor root, Path path) : root_(std::move(root)), path_(std::move(path)) {}
  Descriptor root_;
  Path path_;
};

}  // namespace attest::model

namespace attest::rules {
inline constexpr Rule directory_symlink{"model.directory.symlink"};
inline constexpr Rule directory_outside{"model.directory.outside"};
inline constexpr Rule directory_cycle{"model.directory.cycle"};
inline constexpr Rule directory_special{"model.directory.special"};
inline constexpr Rule directory_name{"model.directory.name"};
inline constexpr Rule directory_limit{"model.directory.limit"};
inline constexpr Rule directory_missing{"model.directory.missing"};
}  // namespace attest::rules
