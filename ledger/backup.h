// Backups: a consistent copy of a log's database, and a log made from it again.
//
//   BACKUP/ledger.db     as SQLite's online backup leaves it, synced
//   BACKUP/checkpoint    the note that was published then
//
// A backup is older than its log: whoever signs from it alone would sign a second history. So a
// restore is told the newest checkpoint that anyone has seen, makes the log at least as long, from
// the published tiles where the backup is shorter, and sets the signing floor there.
#pragma once

#include <string>

#include "ledger/audit.h"
#include "ledger/log.h"

namespace attest::ledger {

// back_up writes the two files into `target`, which must hold neither. The log may be written to
// meanwhile.
Status back_up(Log& log, FileSystem& files, const Path& target);

struct Restored {
  std::uint64_t in_backup = 0;  // entries
  std::uint64_t recovered = 0;  // entries taken from the mirror
  std::uint64_t published = 0;  // of the newest checkpoint
  std::string origin;
};

// restore makes a log at `place` from a backup, in this order:
//   - `newest_checkpoint` is signed by the log of the backup;
//   - there is no database at `place` (rules::store_exists); a floor that is there is obeyed;
//   - the copy is sound (fsck; rules::restore_damaged);
//   - entries up to the checkpoint are there, or come from `mirror`; without one a shorter backup
//     is refused (rules::restore_behind);
//   - the root over them is the checkpoint's (rules::restore_fork).
// Then the floor is raised, and tiles and checkpoint are published.
Result<Restored> restore(const Path& backup, const LogPlace& place,
                         const std::string& newest_checkpoint, TileSource* mirror);

// recover_entries appends the entries of a published log from the store's size up to `to`, map
// roots with their maps. A map root that is not that of the entries is refused
// (rules::restore_fork).
Status recover_entries(Store& store, TileSource& mirror, std::uint64_t to);

}  // namespace attest::ledger

namespace attest::rules {
inline constexpr Rule restore_behind{"ledger.restore.behind"};
inline constexpr Rule restore_fork{"ledger.restore.fork"};
inline constexpr Rule restore_damaged{"ledger.restore.damaged"};
inline constexpr Rule restore_missing{"ledger.restore.missing"};
}  // namespace attest::rules
