// SigningFloor: the size and root below which a log never signs again, in a small file outside the
// database.
//
// The order of writes is: commit, floor, sign, publish. So a database that was restored from an
// older copy is behind its floor, and one that took another course has another root at the floor's
// size; either refuses to sign before a second history exists. A file does not survive the
// rollback of a whole machine; witnesses do.
//
// The file is text: "attest-signing-floor/v1", origin, size, base64 root, a line each. One process
// at a time may advance a floor (Log holds a lock); the object is for one thread at a time.
#pragma once

#include <string>

#include "ledger/store.h"
#include "libattest/base/file.h"

namespace attest::ledger {

struct FloorValue {
  std::uint64_t size = 0;
  Sha256 root = transparency::empty_root();
  friend bool operator==(const FloorValue&, const FloorValue&) = default;
};

class SigningFloor {
 public:
  // create writes the floor of an empty log; a floor that is there already is refused: it belongs
  // to a log that has signed.
  static Result<SigningFloor> create(FileSystem& files, const Path& file, std::string origin);
  // open reads a floor. A missing one is refused (rules::floor_missing): without it nobody can say
  // what this log has signed.
  static Result<SigningFloor> open(FileSystem& files, const Path& file, std::string origin);

  const FloorValue& value() const { return value_; }

  // advance raises the floor and returns when the new one is on stable storage. A smaller size, or
  // another root at the same size, is refused (rules::floor_behind, rules::floor_fork).
  Status advance(const FloorValue& to);

 private:
  SigningFloor(FileSystem& files, Path file, std::string origin, FloorValue value)
      : files_(&files), file_(std::move(file)), origin_(std::move(origin)), value_(value) {}

  FileSystem* files_;
  Path file_;
  std::string origin_;
  FloorValue value_;
};

}  // namespace attest::ledger

namespace attest::rules {
inline constexpr Rule floor_missing{"ledger.floor.missing"};
inline constexpr Rule floor_form{"ledger.floor.form"};
inline constexpr Rule floor_exists{"ledger.floor.exists"};
inline constexpr Rule floor_origin{"ledger.floor.origin"};
inline constexpr Rule floor_behind{"ledger.floor.behind"};
inline constexpr Rule floor_fork{"ledger.floor.fork"};
}  // namespace attest::rules
