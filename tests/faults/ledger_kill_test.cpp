// A log is killed at every file operation of a sequencing run, whole, with a torn write, and with
// all lost that was not synced, and opened again: nothing acknowledged is lost, and there is never
// a second history.
#include <cstdio>
#include <sstream>

#include <sys/wait.h>
#include <unistd.h>

#include "ledger/audit.h"
#include "ledger/fsck.h"
#include "libattest/transparency/checkpoint.h"
#include "tests/support/catch.h"
#include "tests/support/fault_rounds.h"
#include "tests/support/ledger_fixture.h"
#include "tests/support/stopping.h"

using namespace attest;
using namespace attest::ledger;

namespace {

// What the child has promised before it died: lines "entry NAME INDEX", and notes "signed HEX".
struct Promises {
  std::vector<std::pair<std::string, std::uint64_t>> entries;
  std::vector<std::string> notes;
};

void promise(int pipe_end, const std::string& line) {
  const std::string text = line + "\n";
  if (::write(pipe_end, text.data(), text.size()) != static_cast<ssize_t>(text.size())) _exit(3);
}

// run is what the child does: add, sign, publish, twice.
int run(const LogPlace& place, const std::shared_ptr<const SigningKey>& key,
        const std::vector<Bytes>& entries, int pipe_end) {
  auto log = Log::open(place, key);
  if (!log) return 1;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto added = (*log)->add(entries[i]);
    if (!added) return 1;
    promise(pipe_end, "entry " + std::to_string(i) + " " + std::to_string(added->index));
    if (i % 2 == 0) continue;
    const auto note = (*log)->sign_checkpoint(test_time);
    if (!note) return 1;
    promise(pipe_end, "signed " + to_hex(as_bytes(*note)));
    if (!(*log)->publish(*note)) return 1;
  }
  return 0;
}

Promises read_promises(int pipe_end) {
  std::string text;
  char buffer[4096];
  for (ssize_t got; (got = ::read(pipe_end, buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(got));
  Promises promises;
  std::istringstream lines(text);
  for (std::string word; lines >> word;) {
    if (word == "entry") {
      std::string name;
      std::uint64_t index = 0;
      lines >> name >> index;
      promises.entries.emplace_back(name, index);
    } else {
      std::string hex;
      lines >> hex;
      promises.notes.push_back(to_string(ByteView(must(from_hex(hex)))));
    }
  }
  return promises;
}

enum class End { killed, torn, power_cut };

class KillRun {
 public:
  KillRun() : files_(never_), test_(unsynced(never_, files_)) {
    for (int i = 0; i < 2 + 2 * fault_rounds(); ++i)
      entries_.push_back(test_.entry(std::to_string(i)));
    must(test_.add("before"));
    must(test_.publish());
    test_.log.reset();
  }

  // stop_at gives false when the child came to its end without being stopped.
  bool stop_at(long operation, End how) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(ends[0]);
      Platter platter(test_.place().directory, durable());
      StopAt stop{operation, how == End::torn, 0, how == End::power_cut ? &platter : nullptr};
      StoppingFiles files(stop);
      register_stopping_vfs(stop);
      LogPlace place = test_.place();
      place.files = &files;
      place.sqlite_vfs = "stopping";
      _exit(run(place, test_.key, entries_, ends[1]));
    }
    ::close(ends[1]);
    promises_ = read_promises(ends[0]);
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    REQUIRE(WIFEXITED(status));
    const int code = WEXITSTATUS(status);
    REQUIRE((code == 0 || code == stopped_status));
    if (code == stopped_status && how == End::power_cut)
      Platter::cut(test_.place().directory, durable());
    return code == stopped_status;
  }

  void recover_and_check() {
    const std::string seen = visible_checkpoint();
    must(test_.reopen());
    for (const auto& [name, index] : promises_.entries) {
      CHECK(must(test_.log->get(index)) == entries_[std::stoul(name)]);
      CHECK(must(test_.log->add(entries_[std::stoul(name)])).index == index);
    }
    const auto next = verified(must(test_.publish()));
    promises_.notes.push_back(seen);
    for (const std::string& note : promises_.notes) check_continues(verified(note), next);
    must(test_.log->add(entries_));
    check_continues(next, verified(must(test_.publish())));
    check_sound();
  }

 private:
  static TestLog unsynced(StopAt& never, StoppingFiles& files) {
    register_stopping_vfs(never);
    return TestLog(files, "stopping", {.entries_in_memory = 2, .fan_in = 2});
  }

  Path durable() const { return test_.directory.path() / "durable"; }

  std::string visible_checkpoint() {
    return must(read_text_file(test_.place().directory / "public/checkpoint"));
  }

  transparency::VerifiedCheckpoint verified(const std::string& note) {
    const auto key = must(transparency::VerifierKey::make(
        test_origin, transparency::NoteKeyType::ed25519, test_.key->public_key()));
    return must(transparency::verify_checkpoint(as_bytes(note), {test_origin, {key}, {}, 0}));
  }

  void check_continues(const transparency::VerifiedCheckpoint& older,
                       const transparency::VerifiedCheckpoint& newer) {
    const auto path = must(test_.log->prove_consistency(older.size(), newer.size()));
    must(transparency::verify_consistency(older.size(), older.root(), newer.size(), newer.root(),
                                          path));
  }

  void check_sound() {
    DirectorySource source(test_.log->public_directory());
    AuditRequest request;
    request.verifier_key = test_.log->verifier_key();
    for (const auto& report : {must(audit(source, request)), must(fsck(test_.log->store()))}) {
      INFO((report.findings.empty() ? "" : report.findings.front().what));
      CHECK(report.verdict == Verdict::ok);
    }
  }

  StopAt never_;
  StoppingFiles files_;
  TestLog test_;
  std::vector<Bytes> entries_;
  Promises promises_;
};

}  // namespace

TEST_CASE("a log stopped at any file operation loses nothing and forks nothing") {
  const auto [how, name] = GENERATE(table<End, const char*>(
      {{End::killed, "killed"}, {End::torn, "torn writes"}, {End::power_cut, "power cut"}}));
  long operation = 0;
  for (bool stopped = true; stopped; ++operation) {
    INFO("stopped at operation " << operation << ", " << name);
    KillRun kill;
    stopped = kill.stop_at(operation, how);
    kill.recover_and_check();
  }
  std::printf("%ld places to stop at, %s\n", operation - 1, name);
  CHECK(operation > 50);
}
