#include "cli/package_files.h"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libattest/base/descriptor.h"
#include "libattest/tpm/package_digests.h"

extern char** environ;

namespace attest::cli {

namespace {

// Unpacker is dpkg-deb, writing the package's data as a tar archive into a pipe.
class Unpacker {
 public:
  static Result<Unpacker> start(const std::string& package) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
      return fail(system_fault(rules::package_unpack, "cannot make a pipe", errno));
    Unpacker unpacker;
    unpacker.output_ = Descriptor(ends[0]);
    const Descriptor write_end(ends[1]);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, write_end.get(), STDOUT_FILENO);
    std::string program = "dpkg-deb";
    std::string verb = "--fsys-tarfile";
    // A name that begins with a dash would be an option.
    std::string file = package.starts_with('-') ? "./" + package : package;
    std::array<char*, 4> arguments{program.data(), verb.data(), file.data(), nullptr};
    const int failed = ::posix_spawnp(&unpacker.process_, program.c_str(), &actions, nullptr,
                                      arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) {
      unpacker.process_ = -1;
      return fail(incomplete(rules::package_unpack, "dpkg-deb cannot be run, and packages not read")
                      .next("install dpkg, or do this on a Debian machine"));
    }
    return unpacker;
  }
  Unpacker(Unpacker&& other) noexcept
      : output_(std::move(other.output_)), process_(std::exchange(other.process_, -1)) {}
  Unpacker& operator=(Unpacker&&) = delete;
  ~Unpacker() { (void)wait(); }

  Result<std::size_t> read(std::span<std::byte> into) const {
    ssize_t got = 0;
    do got = ::read(output_.get(), into.data(), into.size());
    while (got < 0 && errno == EINTR);
    if (got < 0)
      return fail(system_fault(rules::package_unpack, "cannot read from dpkg-deb", errno));
    return static_cast<std::size_t>(got);
  }

  // wait gives whether it ended well; what it did not write yet is given up.
  bool wait() {
    if (process_ < 0) return false;
    output_.reset();
    int status = 0;
    while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {
    }
    process_ = -1;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }

 private:
  Unpacker() = default;
  Descriptor output_;
  pid_t process_ = -1;
};

}  // namespace

Result<std::map<std::string, Sha256>> files_of_package(const std::string& package) {
  TRY(Unpacker unpacker, Unpacker::start(package));
  tpm::PackageDigests digests;
  Bytes buffer(std::size_t{64} << 10);
  for (;;) {
    TRY(const std::size_t got, unpacker.read(buffer));
    if (got == 0) break;
    TRY_WITHIN(package, const bool fed, [&]() -> Result<bool> {
      TRY_VOID(digests.feed(ByteView(buffer).first(got)));
      return true;
    }());
    (void)fed;
  }
  if (!unpacker.wait())
    return fail(refused(rules::package_unpack, "dpkg-deb cannot unpack it").within(package));
  TRY_WITHIN(package, auto files, std::move(digests).finish());
  return files;
}

}  // namespace attest::cli
