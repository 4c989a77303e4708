// Platter: what a disk holds after a power cut, in the worst case that POSIX allows: of each file
// what was synced last, under the names that each directory had when it was synced last.
//
// It is told of every sync and copies what it needs; small directories only. For one thread.
#pragma once

#include <map>
#include <string>

#include <sys/types.h>

#include "libattest/base/file.h"

namespace attest {

class Platter {
 public:
  // All that is in `live` now is on the platter. leave_behind writes the platter to `durable`.
  Platter(Path live, Path durable);

  void file_synced(const Path& file);
  void directory_synced(const Path& directory);
  void leave_behind() const;
  // cut is for the process that comes after: `live` becomes what was left behind.
  static void cut(const Path& live, const Path& durable);

 private:
  Path live_;
  Path durable_;
  std::map<std::string, ino_t> names_;  // relative to live_
  std::map<ino_t, Bytes> contents_;
};

}  // namespace attest
