#include "libattest/base/file.h"

#include <sys/stat.h>

#include "tests/support/catch.h"
#include "tests/support/temporary_directory.h"

using namespace attest;

TEST_CASE("an atomic write leaves the new content, its mode, and nothing beside it") {
  const TemporaryDirectory here;
  const Path path = here.path() / "a" / "secret";
  REQUIRE_OK(system_files().make_directories(path.parent_path()));
  REQUIRE_OK(write_file_atomically(path, as_bytes("one"), 0600));
  REQUIRE_OK(write_file_atomically(path, as_bytes("two"), 0600));
  REQUIRE(to_string(must(read_file(path))) == "two");
  REQUIRE(must(system_files().list(path.parent_path())) == std::vector<std::string>{"secret"});
  struct stat status{};
  REQUIRE(stat(path.c_str(), &status) == 0);
  REQUIRE((status.st_mode & 0777) == 0600);
}

TEST_CASE("a missing file is incomplete and a large one refused, both by name") {
  const TemporaryDirectory here;
  const auto missing = read_file(here.path() / "gone");
  REQUIRE_RULE(missing, rules::file_unreadable);
  REQUIRE(missing.error().kind == ErrorKind::incomplete);
  REQUIRE_OK(write_file_atomically(here.path() / "big", Bytes(1000)));
  REQUIRE_RULE(read_file(here.path() / "big", 999), rules::file_too_large);
  REQUIRE(must(read_file(here.path() / "big", 1000)).size() == 1000);
}
