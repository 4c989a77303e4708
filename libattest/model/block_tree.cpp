#include "libattest/model/block_tree.h"

#include <algorithm>
#include <cstring>

#include "libattest/base/text.h"

namespace attest::model {

Bytes make_block_tree(const std::vector<Sha256>& leaves) {
  return to_bytes(std::as_bytes(std::span(leaves)));
}

Result<VerifiedBlockTree> verify_block_tree(ByteView tree, std::uint64_t file_size,
                                            const Sha256& signed_fsverity) {
  const std::uint64_t count = verity_leaf_count(file_size);
  if (tree.size() % sizeof(Sha256) != 0 || tree.size() / sizeof(Sha256) != count)
    return fail(refused(rules::tree_size, "the block tree has the wrong size")
                    .expected(std::to_string(count) + " hashes of 32 bytes")
                    .found(std::to_string(tree.size()) + " bytes"));
  std::vector<Sha256> leaves(count);
  if (count != 0) std::memcpy(leaves.data(), tree.data(), tree.size());
  const Sha256 digest = verity_digest(file_size, leaves);
  if (digest != signed_fsverity)
    return fail(refused(rules::tree_digest, "the block tree is not that of the released file")
                    .expected("fs-verity digest " + digest_uri(signed_fsverity))
                    .found(digest_uri(digest))
                    .next("fetch the tree again, or leave it out: it can be made from the file"));
  return VerifiedBlockTree(file_size, signed_fsverity, std::move(leaves));
}

Status VerifiedBlockTree::check_block(std::uint64_t block, ByteView bytes) const {
  const std::uint64_t offset = block * verity_block;
  const std::string place = "block " + std::to_string(block);
  if (block >= block_count() ||
      bytes.size() != std::min<std::uint64_t>(verity_block, file_size_ - offset))
    return fail(refused(rules::block_length, "no such block, or one of another length")
                    .found(std::to_string(bytes.size()) + " bytes")
                    .within(place));
  const Sha256 found = verity_leaf(bytes);
  if (found == leaves_[block]) return {};
  return fail(refused(rules::block_wrong, "is not what was released")
                  .expected("block sha256 " + to_hex(leaves_[block]) + " under fs-verity digest " +
                            digest_uri(fsverity_))
                  .found("block sha256 " + to_hex(found))
                  .within("byte " + with_thousands(offset) + " of " + with_thousands(file_size_) +
                          " (" + place + ")"));
}

}  // namespace attest::model
