// ChangeWatch tells when what this node reports has changed: a model file, the event log, or the
// length of the IMA list. Models are watched by inotify(7); the kernel's own lists give no notice,
// so they are looked at when asked. One object is for one thread.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "libattest/base/descriptor.h"
#include "libattest/base/file.h"

namespace attest::agentd {

class ChangeWatch {
 public:
  // Where inotify is not to be had, models are not watched; a path that is missing is looked for
  // again at each mark.
  ChangeWatch(std::vector<Path> models, Path event_log, Path ima_log);

  // mark takes things as they are now: what changes later is told by changes.
  void mark();
  // changes says in words what changed since the mark; empty: nothing.
  std::string changes();

 private:
  struct Log {
    std::uintmax_t size = 0;
    std::filesystem::file_time_type written{};
    friend bool operator==(const Log&, const Log&) = default;
  };
  static Log look_at(const Path& path);
  // drain reads what inotify has, and gives the first file among it that counts.
  std::string drain();

  std::vector<Path> models_;
  Path event_log_;
  Path ima_log_;
  Descriptor inotify_;
  std::vector<std::pair<int, Path>> watches_;  // a folder, or the folder of a file
  Log event_log_then_;
  std::uint64_t ima_length_then_ = 0;
};

}  // namespace attest::agentd
