// Stopping a process at a chosen file operation: what a kill between two system calls leaves.
//
// StopAt counts operations; at the chosen one the process ends at once, without a destructor, a
// flush or an exit handler. StoppingFiles counts those of a FileSystem, the SQLite file layer of
// register_stopping_vfs those of a database. At a write, `torn` lets half of it reach the file.
// Syncs count and are then left out: a kill does not lose what the system has taken over. With a
// Platter the end is a power cut instead: what was not synced is lost.
#pragma once

#include <memory>
#include <string>

#include "libattest/base/file.h"
#include "tests/support/platter.h"

namespace attest {

struct StopAt {
  long remaining = -1;  // operations left; negative: never stop
  bool torn = false;
  long counted = 0;
  Platter* platter = nullptr;  // nothing: the process is killed and the machine goes on

  // step is called before each operation; it says whether the process ends within this one.
  bool last_step() {
    ++counted;
    return remaining >= 0 && remaining-- == 0;
  }
  [[noreturn]] void end() const;
};

inline constexpr int stopped_status = 99;

class StoppingFiles final : public FileSystem {
 public:
  explicit StoppingFiles(StopAt& stop) : stop_(&stop) {}
  Result<std::unique_ptr<File>> open(const Path& path, OpenMode mode,
                                     unsigned permissions) override;
  Status rename(const Path& from, const Path& to) override;
  Status remove(const Path& path) override;
  Status make_directories(const Path& path, unsigned permissions) override;
  Status sync_directory(const Path& path) override;
  Result<bool> exists(const Path& path) override;
  Result<std::vector<std::string>> list(const Path& path) override;

 private:
  StopAt* stop_;
};

// register_stopping_vfs makes the file layer "stopping" known to SQLite, for this process.
void register_stopping_vfs(StopAt& stop);

}  // namespace attest
