#include "libattest/model/directory.h"

#include <algorithm>
#include <cerrno>
#include <optional>

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libattest/base/text.h"

namespace attest::model {

namespace {

constexpr std::size_t max_depth = 64;
constexpr std::size_t max_entries = 1'000'000;

Error unreadable(const std::string& name, int reason) {
  Error error = system_fault(rules::file_unreadable, "cannot be read", reason);
  error.kind = ErrorKind::incomplete;
  return std::move(error).within(printable(name));
}

std::unexpected<Error> refuse(Rule rule, std::string what, const std::string& name) {
  return fail(refused(rule, std::move(what)).within(printable(name)));
}

FileIdentity identity_of(const struct stat& status) {
  const auto nanoseconds = [](const timespec& time) {
    return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
  };
  return {static_cast<std::uint64_t>(status.st_dev), static_cast<std::uint64_t>(status.st_ino),
          static_cast<std::uint64_t>(status.st_size), nanoseconds(status.st_mtim),
          nanoseconds(status.st_ctim)};
}

// open_beneath resolves `name` below `root` and nowhere else. Gives -1 and errno.
int open_beneath(int root, const std::string& name, std::uint64_t flags, Symlinks symlinks) {
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  if (symlinks == Symlinks::refuse) how.resolve |= RESOLVE_NO_SYMLINKS;
  long descriptor = -1;
  do descriptor = ::syscall(SYS_openat2, root, name.c_str(), &how, sizeof how);
  while (descriptor < 0 && (errno == EINTR || errno == EAGAIN));
  return static_cast<int>(descriptor);
}

Error cannot_open(const std::string& name, int reason, Symlinks symlinks) {
  const std::string place = printable(name);
  if (reason == ENOENT || reason == ENOTDIR)
    return refused(rules::directory_missing, "the file is not there").within(place);
  if (reason == EXDEV)
    return refused(rules::directory_outside, "this leads out of the model's directory")
        .within(place);
  if (reason == ELOOP && symlinks == Symlinks::refuse)
    return refused(rules::directory_symlink, "a symbolic link stands among the model's files")
        .within(place);
  if (reason == ELOOP)
    return refused(rules::directory_cycle, "symbolic links lead in a circle").within(place);
  return unreadable(name, reason);
}

// Walk lists one directory tree. Nothing recurses: how deep a tree is, is not ours to choose.
class Walk {
 public:
  Walk(int root, Symlinks symlinks, const std::set<std::string>& left_out)
      : root_(root), symlinks_(symlinks), left_out_(left_out) {}

  Result<std::vector<DirectoryFile>> run() {
    struct stat status{};
    if (fstat(root_, &status) != 0) return fail(unreadable(".", errno));
    open_.push_back({"", {{status.st_dev, status.st_ino}}});
    while (!open_.empty()) {
      const Folder folder = std::move(open_.back());
      open_.pop_back();
      TRY_VOID(read(folder));
    }
    std::ranges::sort(files_, {}, &DirectoryFile::name);
    return std::move(files_);
  }

 private:
  using Node = std::pair<dev_t, ino_t>;
  struct Folder {
    std::string name;            // empty for the root
    std::vector<Node> ancestry;  // this folder and all above, to notice circles
  };
  struct CloseFolder {
    void operator()(DIR* folder) const { ::closedir(folder); }
  };

  Status read(const Folder& folder) {
    const std::string place = folder.name.empty() ? "." : folder.name;
    Descriptor descriptor(open_beneath(root_, place, O_RDONLY | O_DIRECTORY, symlinks_));
    if (!descriptor.valid()) return fail(cannot_open(place, errno, symlinks_));
    const int number = descriptor.get();
    std::unique_ptr<DIR, CloseFolder> stream(::fdopendir(number));
    if (!stream) return fail(unreadable(place, errno));
    (void)descriptor.release();
    for (;;) {
      errno = 0;
      const dirent* entry = ::readdir(stream.get());
      if (entry == nullptr && errno != 0) return fail(unreadable(place, errno));
      if (entry == nullptr) return {};
      const std::string_view name = entry->d_name;
      if (name == "." || name == "..") continue;
      TRY_VOID(take(folder, number, std::string(name)));
    }
  }

  Status take(const Folder& folder, int descriptor, const std::string& last) {
    const std::string name = folder.name.empty() ? last : folder.name + "/" + last;
    if (left_out_.contains(name)) return {};
    if (!is_utf8(name)) return refuse(rules::directory_name, "the file's name is not UTF-8", name);
    if (++entries_ > max_entries)
      return refuse(rules::directory_limit, "more than 1,000,000 files and directories", name);
    struct stat status{};
    if (fstatat(descriptor, last.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
      return fail(unreadable(name, errno));
    if (S_ISLNK(status.st_mode)) TRY_VOID(follow(name, status));
    if (S_ISREG(status.st_mode)) {
      files_.push_back({name, identity_of(status)});
      return {};
    }
    if (!S_ISDIR(status.st_mode))
      return refuse(rules::directory_special, "this is neither a file nor a directory", name);
    return descend(folder, name, {status.st_dev, status.st_ino});
  }

  Status follow(const std::string& name, struct stat& status) const {
    const Descriptor target(open_beneath(root_, name, O_PATH, symlinks_));
    if (!target.valid()) return fail(cannot_open(name, errno, symlinks_));
    if (fstat(target.get(), &status) != 0) return fail(unreadable(name, errno));
    return {};
  }

  Status descend(const Folder& folder, const std::string& name, Node node) {
    if (folder.ancestry.size() >= max_depth)
      return refuse(rules::directory_limit, "more than 64 levels of directories", name);
    if (std::ranges::find(folder.ancestry, node) != folder.ancestry.end())
      return refuse(rules::directory_cycle, "symbolic links lead in a circle", name);
    std::vector<Node> ancestry = folder.ancestry;
    ancestry.push_back(node);
    open_.push_back({name, std::move(ancestry)});
    return {};
  }

  int root_;
  Symlinks symlinks_;
  const std::set<std::string>& left_out_;
  std::vector<Folder> open_;
  std::vector<DirectoryFile> files_;
  std::size_t entries_ = 0;
};

Error read_only() {
  return fault(rules::file_io, "a model's file is open for reading only");
}

}  // namespace

Result<std::unique_ptr<OpenedFile>> OpenedFile::of(Descriptor descriptor, std::string name) {
  struct stat status{};
  if (fstat(descriptor.get(), &status) != 0) return fail(unreadable(name, errno));
  if (!S_ISREG(status.st_mode))
    return refuse(rules::directory_special, "this is not a regular file", name);
  return std::unique_ptr<OpenedFile>(new OpenedFile(std::move(descriptor), std::move(name)));
}

Result<std::unique_ptr<OpenedFile>> OpenedFile::open(const Path& path) {
  // O_NONBLOCK: opening a FIFO that nobody writes to must not wait. Regular files ignore it.
  Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!descriptor.valid()) return fail(unreadable(path.string(), errno));
  return of(std::move(descriptor), path.string());
}

Result<FileIdentity> OpenedFile::identity() const {
  struct stat status{};
  if (fstat(descriptor_.get(), &status) != 0) return fail(unreadable(name_, errno));
  return identity_of(status);
}

Result<std::uint64_t> OpenedFile::size() {
  TRY(const FileIdentity now, identity());
  return now.size;
}

Result<std::size_t> OpenedFile::read_at(std::uint64_t offset, std::span<std::byte> buffer) {
  std::size_t done = 0;
  while (done < buffer.size()) {
    const ssize_t got = ::pread(descriptor_.get(), buffer.data() + done, buffer.size() - done,
                                static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(unreadable(name_, errno));
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

Status OpenedFile::write_at(std::uint64_t, ByteView) {
  return fail(read_only());
}
Status OpenedFile::truncate(std::uint64_t) {
  return fail(read_only());
}
Status OpenedFile::sync() {
  return fail(read_only());
}

Result<ModelDirectory> ModelDirectory::open(const Path& path) {
  Descriptor root(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root.valid()) return fail(unreadable(path.string(), errno));
  return ModelDirectory(std::move(root), path);
}

Result<std::vector<DirectoryFile>> ModelDirectory::list(
    Symlinks symlinks, const std::set<std::string>& left_out) const {
  TRY_WITHIN(path_.string(), auto files, Walk(root_.get(), symlinks, left_out).run());
  return files;
}

Result<ModelDirectory> ModelDirectory::folder(const std::string& name) const {
  constexpr auto symlinks = Symlinks::follow_inside;
  Descriptor root(open_beneath(root_.get(), name, O_RDONLY | O_DIRECTORY, symlinks));
  if (!root.valid()) return fail(cannot_open(name, errno, symlinks));
  return ModelDirectory(std::move(root), path_ / name);
}

Result<std::unique_ptr<OpenedFile>> ModelDirectory::open_file(const std::string& name,
                                                              Symlinks symlinks) const {
  // c_str() below would cut a name at a NUL and open another file.
  if (name.find('\0') != std::string::npos)
    return refuse(rules::directory_name, "the file's name holds a NUL", name);
  // The kind is looked at before the file is opened: opening a device may act.
  const Descriptor place(open_beneath(root_.get(), name, O_PATH, symlinks));
  if (!place.valid()) return fail(cannot_open(name, errno, symlinks));
  struct stat status{};
  if (fstat(place.get(), &status) != 0) return fail(unreadable(name, errno));
  if (!S_ISREG(status.st_mode))
    return refuse(rules::directory_special, "this is not a regular file", name);
  Descriptor descriptor(
      open_beneath(root_.get(), name, O_RDONLY | O_NONBLOCK | O_NOCTTY, symlinks));
  if (!descriptor.valid()) return fail(cannot_open(name, errno, symlinks));
  return OpenedFile::of(std::move(descriptor), name);
}

}  // namespace attest::model
