// Monitor: follows a published log from one checkpoint to the next, and raises an alarm where the
// log contradicts what it said before.
//
// What is checked, in this order; the first alarm ends it:
//   - the checkpoint is signed by the log's key, under its origin (bad_signature);
//   - it is no smaller than the last one seen (rollback), and of one size they have one root
//     (split_view);
//   - its tiles hash to its root (corrupt), and the last root is that of its first entries
//     (split_view);
//   - every new entry is there and hashes to its leaf (corrupt);
//   - each promised entry stands at its promised index (missed_merge).
// Beside alarms it tells which new entries speak of watched subjects or are by watched keys.
// Not checked: old entries' bytes, statements' signatures, the subject map (audit.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ledger/audit.h"

namespace attest::ledger {

enum class Alarm { none, bad_signature, rollback, split_view, corrupt, missed_merge };
// to_string gives "none", "bad-signature", "rollback", "split-view", "corrupt", "missed-merge".
std::string_view to_string(Alarm alarm);

// Promise is an index that a log gave for an entry.
struct Promise {
  std::uint64_t index;
  Sha256 leaf;
};

struct MonitorRequest {
  std::string verifier_key;
  std::vector<std::string> witness_keys;
  std::optional<std::string> last;  // the note seen last; nothing the first time
  std::vector<Promise> promises;
  std::vector<std::string> subjects;  // of which entries are told: "sha256:…", "signer:…", …
};

struct Sighting {
  std::uint64_t index;
  std::string subject;
};

struct MonitorReport {
  Alarm alarm = Alarm::none;
  std::string what;  // the alarm in one sentence
  std::string note;  // the checkpoint that was read: keep it when there is no alarm
  std::string origin;
  std::uint64_t from = 0;  // entries seen before
  std::uint64_t size = 0;
  std::size_t cosignatures = 0;
  std::uint64_t entries = 0;  // new ones, read
  std::vector<Sighting> sightings;
};

// monitor reports what it found. A file that is not there or cannot be read leaves it incomplete,
// an Error: the log may yet publish it.
Result<MonitorReport> monitor(TileSource& source, const MonitorRequest& request);

}  // namespace attest::ledger

namespace attest::rules {
inline constexpr Rule monitor_missing{"ledger.monitor.missing"};
}
