#include "libattest/crypto/secret_file.h"

#include <filesystem>

#include <sys/stat.h>

#include "tests/support/catch.h"
#include "tests/support/temporary_directory.h"

namespace attest {

TEST_CASE("a secret that others may read is refused, and one that is missing is incomplete") {
  const TemporaryDirectory directory;
  const Path path = directory.path() / "pin";
  must(write_file_atomically(path, as_bytes("1234\n"), 0600));
  CHECK(must(read_secret_line(path)).text() == "1234");
  for (const mode_t mode : {0640U, 0604U, 0620U, 0660U}) {
    REQUIRE(::chmod(path.c_str(), mode) == 0);
    REQUIRE_RULE(read_secret_file(path), rules::key_file_open);
  }
  const auto missing = read_secret_file(directory.path() / "none");
  REQUIRE_RULE(missing, rules::file_unreadable);
  CHECK(missing.error().kind == ErrorKind::incomplete);
  REQUIRE_RULE(read_secret_file(directory.path()), rules::key_file_form);
}

TEST_CASE("an empty first line is no PIN, and a large file is no secret") {
  const TemporaryDirectory directory;
  const Path path = directory.path() / "pin";
  must(write_file_atomically(path, as_bytes("\n1234\n"), 0600));
  REQUIRE_RULE(read_secret_line(path), rules::key_file_form);
  must(write_file_atomically(path, Bytes(65537), 0600));
  REQUIRE_RULE(read_secret_file(path), rules::file_too_large);
}

}  // namespace attest
