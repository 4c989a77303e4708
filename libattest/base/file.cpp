#include "libattest/base/file.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libattest/base/descriptor.h"

namespace attest {

namespace {

Error io_error(const Path& path, std::string what) {
  return system_fault(rules::file_io, std::move(what), errno).within(path.string());
}

Error cannot_read(const Path& path) {
  const int reason = errno;
  Error error = system_fault(rules::file_unreadable, "cannot be read", reason);
  error.kind = ErrorKind::incomplete;
  return std::move(error).within(path.string());
}

class SystemFile final : public File {
 public:
  SystemFile(Descriptor descriptor, Path path)
      : descriptor_(std::move(descriptor)), path_(std::move(path)) {}

  Result<std::uint64_t> size() override {
    struct stat status{};
    if (fstat(descriptor_.get(), &status) != 0) return fail(io_error(path_, "cannot be examined"));
    return static_cast<std::uint64_t>(status.st_size);
  }

  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> buffer) override {
    std::size_t done = 0;
    while (done < buffer.size()) {
      const ssize_t got = pread(descriptor_.get(), buffer.data() + done, buffer.size() - done,
                                static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return fail(cannot_read(path_));
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  }

  Status write_at(std::uint64_t offset, ByteView bytes) override {
    std::size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t put = pwrite(descriptor_.get(), bytes.data() + done, bytes.size() - done,
                                 static_cast<off_t>(offset + done));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return fail(io_error(path_, "cannot be written"));
      done += static_cast<std::size_t>(put);
    }
    return {};
  }

  Status truncate(std::uint64_t size) override {
    if (ftruncate(descriptor_.get(), static_cast<off_t>(size)) != 0)
      return fail(io_error(path_, "cannot be truncated"));
    return {};
  }

  Status sync() override {
    if (fdatasync(descriptor_.get()) != 0) return fail(io_error(path_, "cannot be synced"));
    return {};
  }

 private:
  Descriptor descriptor_;
  Path path_;
};

class SystemFiles final : public FileSystem {
 public:
  Result<std::unique_ptr<File>> open(const Path& path, OpenMode mode,
                                     unsigned permissions) override {
    int flags = O_CLOEXEC;
    switch (mode) {
      case OpenMode::read:
        flags |= O_RDONLY;
        break;
      case OpenMode::read_write:
        flags |= O_RDWR;
        break;
      case OpenMode::create:
        flags |= O_RDWR | O_CREAT;
        break;
      case OpenMode::create_new:
        flags |= O_RDWR | O_CREAT | O_EXCL;
        break;
    }
    Descriptor descriptor(::open(path.c_str(), flags, permissions));
    if (!descriptor.valid())
      return fail(mode == OpenMode::read ? cannot_read(path) : io_error(path, "cannot be opened"));
    return std::make_unique<SystemFile>(std::move(descriptor), path);
  }

  Status rename(const Path& from, const Path& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0)
      return fail(io_error(from, "cannot be renamed to " + to.string()));
    return {};
  }

  Status remove(const Path& path) override {
    if (::unlink(path.c_str()) != 0) return fail(io_error(path, "cannot be removed"));
    return {};
  }

  Status make_directories(const Path& path, unsigned permissions) override {
    if (path.empty()) return {};
    if (::mkdir(path.c_str(), permissions) == 0) return sync_directory(parent_of(path));
    if (errno == EEXIST) return {};
    if (errno != ENOENT) return fail(io_error(path, "cannot be made"));
    TRY_VOID(make_directories(parent_of(path), permissions));
    if (::mkdir(path.c_str(), permissions) != 0 && errno != EEXIST)
      return fail(io_error(path, "cannot be made"));
    return sync_directory(parent_of(path));
  }

  Status sync_directory(const Path& path) override {
    const Descriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory.valid() || fsync(directory.get()) != 0)
      return fail(io_error(path, "cannot be synced"));
    return {};
  }

  Result<bool> exists(const Path& path) override {
    struct stat status{};
    if (stat(path.c_str(), &status) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return fail(io_error(path, "cannot be examined"));
  }

  Result<std::vector<std::string>> list(const Path& path) override {
    std::vector<std::string> names;
    std::error_code error;
    for (std::filesystem::directory_iterator entry(path, error), end; !error && entry != end;
         entry.increment(error))
      names.push_back(entry->path().filename().string());
    if (error) {
      errno = error.value();
      return fail(cannot_read(path));
    }
    std::ranges::sort(names);
    return names;
  }

 private:
  static Path parent_of(const Path& path) {
    const Path parent = path.parent_path();
    return parent.empty() ? Path(".") : parent;
  }
};

}  // namespace

FileSystem& system_files() {
  static SystemFiles files;
  return files;
}

Result<Bytes> read_file(const Path& path, std::uint64_t limit) {
  TRY(auto file, system_files().open(path, OpenMode::read));
  // The size is a hint: files under /sys and /proc report 0 or a page.
  TRY(const std::uint64_t hint, file->size());
  Bytes content;
  constexpr std::size_t step = std::size_t{64} << 10;
  std::uint64_t offset = 0;
  content.resize(static_cast<std::size_t>(std::min(hint, limit)) + 1);
  while (true) {
    if (offset == content.size()) content.resize(content.size() + step);
    const std::span<std::byte> space = std::span(content).subspan(static_cast<std::size_t>(offset));
    TRY(const std::size_t got, file->read_at(offset, space));
    offset += got;
    if (offset > limit)
      return fail(refused(rules::file_too_large, "is too large")
                      .expected("at most " + std::to_string(limit) + " bytes")
                      .within(path.string()));
    if (got < space.size()) break;
  }
  content.resize(static_cast<std::size_t>(offset));
  return content;
}

Result<std::string> read_text_file(const Path& path, std::uint64_t limit) {
  TRY(const Bytes content, read_file(path, limit));
  return to_string(content);
}

Status write_file_atomically(FileSystem& files, const Path& path, ByteView content,
                             unsigned permissions) {
  // A crash before the rename leaves a ".new" file, which the next write replaces.
  const Path beside = path.string() + ".new";
  TRY(const bool leftover, files.exists(beside));
  if (leftover) TRY_VOID(files.remove(beside));
  {
    TRY(auto file, files.open(beside, OpenMode::create_new, permissions));
    TRY_VOID(file->write_at(0, content));
    TRY_VOID(file->sync());
  }
  TRY_VOID(files.rename(beside, path));
  return files.sync_directory(path.has_parent_path() ? path.parent_path() : Path("."));
}

}  // namespace attest
