#include "verifierd/receipts.h"

#include "libattest/transparency/tree.h"
#include "tests/support/catch.h"

using namespace attest;
using namespace attest::verifierd;

TEST_CASE("a batch's path leads from each digest to the batch's root, for every size") {
  std::vector<Sha256> digests;
  for (std::uint64_t size = 1; size <= 20; ++size) {
    digests.push_back(sha256(as_bytes(std::to_string(size))));
    const Sha256 root = batch_root(digests);
    for (std::uint64_t position = 0; position < size; ++position) {
      const auto path = must(batch_path(digests, position));
      REQUIRE_OK(transparency::verify_inclusion(
          position, size, transparency::leaf_hash(digests[position]), path, root));
    }
  }
  REQUIRE_FALSE(batch_path(digests, digests.size()).has_value());
}
