// Sequencer: gives entries their place, and the log its signed checkpoints. This is where a log
// keeps its promise of one history; read sequencer.cpp from `sign_checkpoint` on.
//
// For one thread at a time. Errors leave the log as it was, or one whole step further: calling the
// same function again finishes what was begun. There is no separate recovery.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ledger/prepared_entry.h"
#include "ledger/signing_floor.h"
#include "ledger/store.h"
#include "ledger/stored_tree.h"
#include "libattest/base/time.h"
#include "libattest/crypto/signing_key.h"

namespace attest::ledger {

// Added tells where an entry stands, and whether it stood there before.
struct Added {
  std::uint64_t index;
  bool already_there;
};

class Sequencer {
 public:
  // The store, which must outlive this, is that of the floor's log; the key is the log's
  // (rules::log_key otherwise).
  // Without `deduplicate` an entry that is added again gets another index.
  static Result<Sequencer> make(Store& store, SigningFloor floor,
                                std::shared_ptr<const SigningKey> key, bool deduplicate = true);

  // append enters entries in one transaction and returns when they are durable; with deduplication,
  // entries that are there already, or twice in `entries`, get one index. Each must be a statement
  // or DSSE envelope of at most 65,535 bytes, and no map root.
  Result<std::vector<Added>> append(const std::vector<Bytes>& entries);

  // sign_checkpoint appends a map root when there are new entries and gives a note signed by the
  // log over everything. It refuses (rules::floor_behind, floor_fork, store_damaged) to sign a tree
  // that is not a continuation of what it signed before, or that does not hash to its entries.
  Result<std::string> sign_checkpoint(Time now);

  // saw_signed raises the floor to a tree that another process signed and made known; the store
  // must hold it (rules::floor_fork, floor_behind).
  Status saw_signed(const FloorValue& value);

 private:
  Sequencer(Store& store, SigningFloor floor, std::shared_ptr<const SigningKey> key,
            bool deduplicate)
      : store_(&store), floor_(std::move(floor)), key_(std::move(key)), deduplicate_(deduplicate) {}

  Result<std::vector<Added>> append_once(const std::vector<Bytes>& entries,
                                         const std::vector<PreparedEntry>& prepared);
  Status load_edge(const Head& head);
  Status commit(const Commit& commit);
  Status check_floor(const Head& head);
  Result<Head> append_map_root(const Head& head, Time now);
  Status scrub(const Head& head);
  Result<std::string> sign(const Head& head) const;

  Store* store_;
  SigningFloor floor_;
  std::shared_ptr<const SigningKey> key_;
  bool deduplicate_;
  std::optional<GrowingTree> edge_;  // of the head; nothing when its state is not known
  std::uint64_t next_scrubbed_ = 0;  // bundle to look at next
};

}  // namespace attest::ledger

namespace attest::rules {
inline constexpr Rule log_key{"ledger.log.key"};
}
