#include "libattest/crypto/secret_file.h"

#include <cerrno>

#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/stat.h>

#include "libattest/base/descriptor.h"

namespace attest {

namespace {

constexpr std::size_t max_size = 64U << 10;
constexpr mode_t others = S_IRWXG | S_IRWXO;

std::string octal(mode_t mode) {
  std::string digits;
  for (int shift = 9; shift >= 0; shift -= 3)
    digits += static_cast<char>('0' + ((mode >> shift) & 7U));
  return digits;
}

Result<Secret> read_all(int fd) {
  // Reserved once: a string that grows leaves copies of its start behind in freed memory.
  std::string text(max_size + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(fd, text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(system_fault(rules::file_io, "cannot read the file", errno));
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  text.resize(size);
  Secret secret(std::move(text));
  if (size > max_size)
    return fail(refused(rules::file_too_large, "a file with a secret is this large")
                    .expected("at most 64 KiB"));
  return secret;
}

}  // namespace

Secret::~Secret() {
  OPENSSL_cleanse(text_.data(), text_.capacity());
}

Result<Secret> read_secret_file(const Path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!file.valid()) {
    Error error = system_fault(rules::file_unreadable, "cannot open the file", errno);
    error.kind = ErrorKind::incomplete;
    return fail(std::move(error).within(path.string()));
  }
  // The opened file is asked, not the path: the path may name another file by now.
  struct stat about{};
  if (::fstat(file.get(), &about) != 0)
    return fail(
        system_fault(rules::file_io, "cannot ask about the file", errno).within(path.string()));
  if (!S_ISREG(about.st_mode))
    return fail(refused(rules::key_file_form, "this is not a regular file").within(path.string()));
  if ((about.st_mode & others) != 0)
    return fail(
        refused(rules::key_file_open, "a file with a secret is open to other users")
            .expected("mode 0600 or 0400")
            .found("mode " + octal(about.st_mode & 07777))
            .next("chmod 600 " + path.string() + "; if others could read it, replace the key")
            .within(path.string()));
  TRY_WITHIN(path.string(), Secret secret, read_all(file.get()));
  return secret;
}

Result<Secret> read_secret_line(const Path& path) {
  TRY(const Secret all, read_secret_file(path));
  std::string line = all.text().substr(0, all.text().find_first_of("\r\n"));
  if (line.empty())
    return fail(
        refused(rules::key_file_form, "the first line of the file is empty").within(path.string()));
  return Secret(std::move(line));
}

}  // namespace attest
