// Receipts and results in the log: one statement for each batch, so that an attestation or an
// answer costs no entry, and yet its time cannot be moved afterwards.
//
// All members may be called from several threads.
#pragma once

#include <optional>
#include <vector>

#include "verifierd/identity.h"
#include "verifierd/ledger_service.h"
#include "verifierd/state_store.h"

namespace attest::verifierd {

// ReceiptProof is the `batch` member of a receipt file (docs/formats.md).
struct ReceiptProof {
  Covered statement;         // the batch's entry and its place in the log
  std::vector<Sha256> path;  // from the receipt's digest to the batch's root
  std::uint64_t position = 0;
};

class Receipts {
 public:
  Receipts(StateStore& state, LedgerService& ledger, const Identity& identity, Now now)
      : state_(state), ledger_(ledger), identity_(identity), now_(std::move(now)) {}

  // submit remembers a digest for the next batch; one that is known is accepted again.
  Status submit(const Sha256& digest);
  // proof refuses an unknown digest (rules::receipt_unknown), and is incomplete
  // (rules::receipt_not_yet) until a checkpoint covers its batch.
  Result<ReceiptProof> proof(const Sha256& digest);
  // make_batches signs one statement for the results, and one for the receipts, that came since.
  Status make_batches();

 private:
  Status make_batch(StateStore::BatchOf of);

  StateStore& state_;
  LedgerService& ledger_;
  const Identity& identity_;
  Now now_;
};

// batch_root is the RFC 6962 root over the leaf hashes of `digests`; batch_path leads there from
// the one at `position`.
Sha256 batch_root(const std::vector<Sha256>& digests);
Result<std::vector<Sha256>> batch_path(const std::vector<Sha256>& digests, std::uint64_t position);

}  // namespace attest::verifierd

namespace attest::rules {
inline constexpr Rule receipt_unknown{"verifierd.receipt.unknown"};
inline constexpr Rule receipt_not_yet{"verifierd.receipt.not-yet"};
}  // namespace attest::rules
