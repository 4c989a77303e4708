// A log on a file system that really fills up: nothing acknowledged is lost, what is there can be
// read, and it goes on when there is space again.
#include <cstdio>

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ledger/fsck.h"
#include "tests/support/catch.h"
#include "tests/support/fault_rounds.h"
#include "tests/support/ledger_fixture.h"

using namespace attest;
using namespace attest::ledger;

namespace {

constexpr int not_allowed = 77;

// mount_small mounts two MiB of memory and `more` pages at `directory`, in a namespace of this
// process alone.
bool mount_small(const Path& directory, int more) {
  const std::string size = "size=" + std::to_string((2 << 20) + (more << 12));
  const int alone = ::geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER;
  return ::unshare(alone) == 0 &&
         ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         ::mount("tmpfs", directory.c_str(), "tmpfs", 0, size.c_str()) == 0;
}

// fill_up gives what went wrong, or nothing.
std::string fill_up(const Path& directory) {
  const auto key = new_key();
  const auto publisher = new_key();
  LogPlace place;
  place.directory = directory / "log";
  place.headroom = 0;  // the guard that stands before this is tested elsewhere
  auto made = Log::init(place, test_origin, key);
  if (!made) return made.error().to_string();
  Log& log = **made;
  if (!write_file_atomically(directory / "ballast", Bytes(512U << 10))) return "no ballast";

  std::vector<Bytes> acknowledged;
  std::optional<Error> full;
  for (int i = 0; i < 100'000 && !full; ++i) {
    Bytes entry = data_set(std::to_string(i), *publisher);
    const auto added = log.add(entry);
    if (!added)
      full = added.error();
    else if (added->index != acknowledged.size())
      return "an index was given twice";
    else
      acknowledged.push_back(std::move(entry));
  }
  if (!full || acknowledged.empty()) return "the disk never filled up";
  if (full->rule != rules::store_full) return "full, but said: " + full->to_string();
  for (std::size_t i = 0; i < acknowledged.size(); ++i)
    if (log.get(i) != acknowledged[i]) return "lost entry " + std::to_string(i);

  std::filesystem::remove(directory / "ballast");
  const auto again = log.add(data_set("after", *publisher));
  if (!again || again->index != acknowledged.size())
    return "did not heal: " + (again ? "another index" : again.error().to_string());
  const auto note = log.sign_checkpoint(test_time);
  if (!note) return "cannot sign: " + note.error().to_string();
  const auto checked = fsck(log.store());
  if (!checked || checked->verdict != Verdict::ok) return "the database is damaged";
  std::printf("full after %zu entries\n", acknowledged.size());
  return {};
}

}  // namespace

// It is full at another place each time: in the entries, the write-ahead log, the index.
TEST_CASE("a disk that fills up loses nothing, and the log heals when there is space") {
  for (int round = 0; round < fault_rounds(); ++round) {
    const TemporaryDirectory directory;
    const pid_t child = ::fork();
    if (child == 0) {
      if (!mount_small(directory.path(), round)) _exit(not_allowed);
      const std::string wrong = fill_up(directory.path());
      std::fputs(wrong.c_str(), stderr);
      std::fflush(stdout);
      _exit(wrong.empty() ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    REQUIRE(WIFEXITED(status));
    if (WEXITSTATUS(status) == not_allowed) {
      std::puts("skipped: this machine lets nobody mount");
      return;
    }
    CHECK(WEXITSTATUS(status) == 0);
  }
}
