// The block tree beside a model file, `F.attest/tree`: the fs-verity leaf hashes of F, 32 bytes for
// each 4,096-byte block, in order. With it every block of F can be judged as it is read.
//
// The file itself carries no signature: it is believed only after it gives the fs-verity digest
// that a signed statement names.
#pragma once

#include <cstdint>
#include <vector>

#include "libattest/base/bytes.h"
#include "libattest/model/digest.h"

namespace attest::model {

// make_block_tree gives the content of `F.attest/tree`.
Bytes make_block_tree(const std::vector<Sha256>& leaves);

// VerifiedBlockTree holds leaf hashes that gave the expected fs-verity digest. Immutable.
class VerifiedBlockTree {
 public:
  std::uint64_t file_size() const { return file_size_; }
  const Sha256& fsverity() const { return fsverity_; }
  std::uint64_t block_count() const { return leaves_.size(); }
  const Sha256& leaf(std::uint64_t block) const { return leaves_.at(block); }

  // check_block refuses bytes that are not block number `block` of the file, and a block of the
  // wrong length (4,096, the file's rest for the last). The error says the byte offset and block.
  Status check_block(std::uint64_t block, ByteView bytes) const;

 private:
  friend Result<VerifiedBlockTree> verify_block_tree(ByteView, std::uint64_t, const Sha256&);
  VerifiedBlockTree(std::uint64_t file_size, const Sha256& fsverity, std::vector<Sha256> leaves)
      : file_size_(file_size), fsverity_(fsverity), leaves_(std::move(leaves)) {}

  std::uint64_t file_size_;
  Sha256 fsverity_;
  std::vector<Sha256> leaves_;
};

// verify_block_tree checks:
//   - that the tree has one hash for each block of a file of `file_size` bytes;
//   - that hashes and size give `signed_fsverity`.
// Not checked: where `signed_fsverity` comes from; take it from a verified statement.
Result<VerifiedBlockTree> verify_block_tree(ByteView tree, std::uint64_t file_size,
                                            const Sha256& signed_fsverity);

}  // namespace attest::model

namespace attest::rules {
inline constexpr Rule tree_size{"model.tree.size"};
inline constexpr Rule tree_digest{"model.tree.digest"};
inline constexpr Rule block_wrong{"model.block.wrong"};
inline constexpr Rule block_length{"model.block.length"};
}  // namespace attest::rules
