// The subject map: from each subject to all entries that speak of it, as a Merkle trie
// (docs/formats.md, "Subject map").
//
//   key      SHA-256("attest-subject-v1" ‖ subject text); bits are taken most significant first
//   chain    32 zero bytes, then for each entry in order
//            SHA-256(0x04 ‖ previous ‖ u64be index ‖ leaf hash of the entry)
//   leaf     SHA-256(0x02 ‖ key ‖ u64be count ‖ chain), at the shallowest depth at which its key
//            is alone
//   node     SHA-256(0x03 ‖ left ‖ right); an empty child, and an empty tree, is 32 zero bytes
//
// The prefixes 2, 3 and 4 keep these apart from each other and from the log's own 0 and 1.
// A root fixes one path for each key: where it ends in the key's leaf the key is present with
// exactly that chain; where it ends in an empty place or in another key's leaf it is absent.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "libattest/transparency/tree.h"

namespace attest::transparency {

Hash subject_key(std::string_view subject);
Hash subject_leaf_hash(const Hash& key, std::uint64_t count, const Hash& chain);
Hash subject_node_hash(const Hash& left, const Hash& right);
Hash chain_next(const Hash& previous, std::uint64_t index, const Hash& entry_leaf);
// key_bit gives bit `depth` (0 to 255) of a key: false is left.
bool key_bit(const Hash& key, unsigned depth);

struct SubjectLeaf {
  Hash key{};
  std::uint64_t count = 0;  // entries that speak of the subject
  Hash chain{};
  friend bool operator==(const SubjectLeaf&, const SubjectLeaf&) = default;
};

struct SubjectProof {
  std::vector<Hash> siblings;        // from the leaf to the root; at most 256
  std::optional<SubjectLeaf> other;  // absence only: the leaf that stands in the key's place
  friend bool operator==(const SubjectProof&, const SubjectProof&) = default;
};

// verify_present checks that at most 256 siblings are given and no other leaf, that the leaf's
// count is not 0, that it stands at its shallowest depth (its sibling is not empty), and that the
// path leads to `root`.
Status verify_present(const Hash& root, const SubjectLeaf& leaf, const SubjectProof& proof);

// verify_absent checks that at most 256 siblings are given, that the other leaf, where there is
// one, is of another key that shares the path's bits and stands at its shallowest depth, and that
// the path leads to `root`.
Status verify_absent(const Hash& root, const Hash& key, const SubjectProof& proof);

// SubjectMap holds a whole map in memory: for audits, and for logs that fit. Hashes are computed
// when a root or a proof is asked for, and only of what changed. Not for use from several threads
// at once. Indexes of one subject must be added in ascending order; adding an index twice for one
// subject is ignored.
class SubjectMap {
 public:
  // add notes that entry `index` with this leaf hash speaks of `subject`.
  void add(std::string_view subject, std::uint64_t index, const Hash& entry_leaf);
  void add(const Hash& key, std::uint64_t index, const Hash& entry_leaf);
  // put sets a leaf as a store kept it.
  void put(const SubjectLeaf& leaf, std::uint64_t last_index);

  std::size_t subjects() const { return subjects_; }
  Hash root();
  // find gives the leaf of a key that is present.
  std::optional<SubjectLeaf> find(const Hash& key) const;
  // prove gives the proof of presence or of absence, whichever is true.
  SubjectProof prove(const Hash& key);

 private:
  static constexpr std::uint32_t none = 0xffffffff;
  // An inner node always has two or more leaves below it, so it never goes away again.
  struct Node {
    std::uint32_t child[2] = {none, none};
    SubjectLeaf leaf;
    std::uint64_t last_index = 0;
    Hash hash{};
    bool stale = true;
    bool is_leaf = false;
  };
  std::uint32_t make_leaf(const Hash& key);
  std::uint32_t make_inner();
  void attach(std::uint32_t parent, bool side, std::uint32_t child);
  std::uint32_t leaf_of(const Hash& key);
  void refresh();
  Hash hash_of(std::uint32_t node) const;

  std::vector<Node> nodes_;
  std::uint32_t top_ = none;
  std::size_t subjects_ = 0;
};

}  // namespace attest::transparency

namespace attest::rules {
inline constexpr Rule subject_proof_form{"transparency.subject-map.form"};
inline constexpr Rule subject_proof_root{"transparency.subject-map.root"};
inline constexpr Rule subject_proof_other{"transparency.subject-map.other"};
inline constexpr Rule subject_proof_depth{"transparency.subject-map.depth"};
}  // namespace attest::rules
