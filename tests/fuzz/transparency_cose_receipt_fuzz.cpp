// links: attest::transparency
// seeds: ledger/cose-receipts/generated ledger/cose-receipts/draft-examples
#include "libattest/transparency/cose_receipt.h"

using namespace attest;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const auto receipt = transparency::parse_receipt(std::as_bytes(std::span(data, size)));
  if (!receipt) return 0;
  for (const auto& claim : receipt->inclusion)
    (void)transparency::root_from_path(claim.index, claim.size, {}, claim.path);
  for (const auto& claim : receipt->consistency)
    (void)transparency::newer_root_from_path(claim.older, {}, claim.newer, claim.path);
  return 0;
}
