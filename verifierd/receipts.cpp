#include "verifierd/receipts.h"

#include "libattest/statement/statement.h"
#include "libattest/transparency/tree.h"

namespace attest::verifierd {

namespace {

constexpr std::size_t batch_limit = 4096;

std::vector<transparency::Hash> leaves_of(const std::vector<Sha256>& digests) {
  std::vector<transparency::Hash> leaves;
  leaves.reserve(digests.size());
  for (const Sha256& digest : digests) leaves.push_back(transparency::leaf_hash(digest));
  return leaves;
}

}  // namespace

Sha256 batch_root(const std::vector<Sha256>& digests) {
  return transparency::root_of(leaves_of(digests));
}

Result<std::vector<Sha256>> batch_path(const std::vector<Sha256>& digests, std::uint64_t position) {
  const auto leaves = leaves_of(digests);
  const auto reader = [&leaves](unsigned level, std::uint64_t index) -> Result<transparency::Hash> {
    const std::size_t width = std::size_t{1} << level;
    return transparency::root_of(std::span(leaves).subspan(index * width, width));
  };
  return transparency::prove_inclusion(position, leaves.size(), reader);
}

Status Receipts::submit(const Sha256& digest) {
  TRY_VOID(state_.put_receipt(digest));
  return {};
}

Result<ReceiptProof> Receipts::proof(const Sha256& digest) {
  TRY(const auto place, state_.batch_place(StateStore::BatchOf::receipts, digest));
  const auto not_yet = [] {
    return fail(incomplete(rules::receipt_not_yet, "no checkpoint covers this receipt's batch yet")
                    .next("ask again in a second"));
  };
  if (!place) {
    TRY(const bool known, state_.has_receipt(digest));
    if (known) return not_yet();
    return fail(refused(rules::receipt_unknown, "no receipt of this digest was submitted here"));
  }
  TRY(auto covered, ledger_.covered(place->statement));
  if (!covered) return not_yet();
  TRY(auto path, batch_path(place->digests, place->position));
  return ReceiptProof{*std::move(covered), std::move(path), place->position};
}

Status Receipts::make_batches() {
  TRY_VOID(make_batch(StateStore::BatchOf::results));
  return make_batch(StateStore::BatchOf::receipts);
}

Status Receipts::make_batch(StateStore::BatchOf of) {
  TRY(const std::vector<Sha256> digests, state_.unbatched(of, batch_limit));
  if (digests.empty()) return {};
  const Time now = now_();
  const statement::Batch batch{of, batch_root(digests), digests.size(), now};
  TRY(const statement::Subject log, statement::Subject::log(ledger_.origin()));
  TRY(const Bytes statement,
      statement::sign_statement(statement::Kind::batch, log, identity_.name, now,
                                statement::encode(batch), *identity_.key));
  return state_.put_batch(of, digests, statement);
}

}  // namespace attest::verifierd
